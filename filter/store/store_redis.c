/* SPDX-License-Identifier: BSD-2-Clause */
/* The Redis half: each call of store.h as one command, and its reply checked before it is believed. */
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "store_redis_private.h"
#include "text.h"
#include "window.h"
#include "window_answer.h"
#include "window_lua.h"

static void hash_script(const char *source, char sha[41])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned length = 0;

	if (EVP_Digest(source, strlen(source), digest, &length, EVP_sha1(), NULL) != 1)
		abort();
	for (unsigned i = 0; i < 20; i++)
		snprintf(sha + 2 * i, 3, "%02x", digest[i]);
}

#define KEY_FORMAT "%sw:%s:%" PRId64

size_t redis_key(
	const struct redis *redis, const struct store_charge *charge, char key[REDIS_KEY_SIZE])
{
	int length = snprintf(
		key, REDIS_KEY_SIZE, KEY_FORMAT, redis->prefix, charge->key, charge->window_ms);

	return (size_t)length;
}

static void add_key(
	const struct redis *redis, const struct store_charge *charge, struct redis_command *command)
{
	redis_command_addf(command, KEY_FORMAT, redis->prefix, charge->key, charge->window_ms);
}

/* For window.lua: u or m, and U or M where it never refuses. */
static char kind_of(const struct store_charge *charge)
{
	if (charge->watch != NULL)
		return charge->members != NULL ? 'M' : 'U';
	return charge->members != NULL ? 'm' : 'u';
}

/* One for each charge, or none at all where they are all the same and usual. */
static void add_kinds(const struct store_step *step, struct redis_command *command)
{
	struct text kinds = redis_command_begin_text(command);
	bool usual = true;

	for (size_t i = 0; i < step->count; i++) {
		text_add_char(&kinds, kind_of(&step->charges[i]));
		usual = usual && kind_of(&step->charges[i]) == 'u';
	}
	if (usual)
		redis_command_add(command, "");
	else
		redis_command_add_text(command, &kinds);
}

static void add_names(const struct store_charge *charge, struct redis_command *command)
{
	const char *title = charge->title == NULL ? "" : charge->title;
	const char *label = charge->label == NULL ? "" : charge->label;
	struct text names = redis_command_begin_text(command);

	text_add_n(&names, title, strnlen(title, STORE_TITLE_SIZE - 1));
	text_add_char(&names, '\t');
	text_add_n(&names, label, strnlen(label, STORE_LABEL_SIZE - 1));
	redis_command_add_text(command, &names);
}

static void add_charge(const struct store_charge *charge, struct redis_command *command)
{
	redis_command_addf(
		command, "%" PRId64, (charge->window_ms + WINDOW_SLOTS - 1) / WINDOW_SLOTS);
	redis_command_addf(command, "%" PRId64, charge->limit);
	if (charge->members != NULL)
		redis_command_add_n(
			command, charge->members, charge->member_count * STORE_MEMBER_SIZE);
	else
		redis_command_addf(command, "%" PRId64, charge->units);
	add_names(charge, command);
}

void redis_build_step(const struct redis *redis, const char *operation,
	const struct store_step *step, struct redis_command *command)
{
	enum {
		HEAD = 8,
		EACH = 5,
		HEAD_BYTES = 64,
		EACH_BYTES = 1 + REDIS_KEY_SIZE + 3 * 20 + STORE_TITLE_SIZE + STORE_LABEL_SIZE
	};

	redis_command_init(command);
	redis_command_make_room(
		command, HEAD + EACH * step->count, HEAD_BYTES + EACH_BYTES * step->count);
	command->script = window_lua;
	command->spends = strcmp(operation, "reserve") == 0 || strcmp(operation, "part") == 0;
	redis_command_add(command, "EVALSHA");
	redis_command_add_n(command, redis->sha, 40);
	redis_command_addf(command, "%zu", step->count);
	for (size_t i = 0; i < step->count; i++)
		add_key(redis, &step->charges[i], command);
	redis_command_add(command, operation);
	redis_command_add_n(command, step->id, STORE_ID_SIZE);
	redis_command_addf(command, "%u", step->sequence);
	add_kinds(step, command);
	for (size_t i = 0; i < step->count; i++)
		add_charge(&step->charges[i], command);
	if (redis->store->clock != NULL)
		redis_command_addf(command, "%" PRIu64, redis->store->clock());
}

enum store_status redis_odd_reply(struct redis *redis)
{
	redis_pool_complain(redis->pool, "a reply has not the form of window.lua's");
	return STORE_DOWN;
}

/* All of it is a text. */
static bool is_text(const struct redis_answer *reply)
{
	return reply->kind == ANSWER_TEXT && strlen(reply->text) == reply->length;
}

enum store_status redis_read_decision(struct redis *redis, const struct redis_answer *reply,
	const struct store_charge *charges, size_t count, struct store_decision *decision_r,
	bool *charged_r)
{
	struct window_decided decided = {.charged = charged_r};

	if (!is_text(reply) || !window_answer_decision(reply->text, charges, count, &decided))
		return redis_odd_reply(redis);
	*decision_r = decided.decision;
	if (decided.foreign > 0)
		redis_pool_complain(redis->pool,
			"a count was changed by somebody else; it counts as full until it expires");
	return decided.over ? STORE_OVER : STORE_OK;
}

/* A call whose answer is TEXT, which the caller owns. */
static enum store_status call_step(struct redis *redis, const char *operation,
	const struct store_step *step, struct redis_answer *reply_r)
{
	struct redis_command command;
	enum store_status status;

	redis_build_step(redis, operation, step, &command);
	status = redis_pool_call(redis->pool, &command, reply_r);
	redis_command_clear(&command);
	if (status == STORE_OK && reply_r->kind != ANSWER_TEXT) {
		mem_free(reply_r->text);
		return redis_odd_reply(redis);
	}
	return status;
}

static enum store_status reserve(
	void *half, const struct store_step *step, struct store_decision *decision_r)
{
	struct redis *redis = half;
	struct redis_answer reply;
	enum store_status status;

	if (redis_pool_is_cluster(redis->pool) && step->count > 1)
		return redis_spread_reserve(redis, step, decision_r);
	if (call_step(redis, step->look ? "look" : "reserve", step, &reply) != STORE_OK)
		return STORE_DOWN;
	status = redis_read_decision(redis, &reply, step->charges, step->count, decision_r, NULL);
	mem_free(reply.text);
	return status;
}

static void send_step_later(
	struct redis *redis, const char *operation, const struct store_step *step)
{
	struct redis_command command;

	redis_build_step(redis, operation, step, &command);
	redis_pool_send_later(redis->pool, &command);
	redis_command_clear(&command);
}

/* Together, where the keys need not be of one slot. */
static void commit_members(struct redis *redis, const struct store_step *step)
{
	struct store_charge *charges = mem_array(step->count, sizeof(*charges));
	struct store_step members = {step->id, 0, charges, 0, false};

	for (size_t i = 0; i < step->count; i++) {
		if (step->charges[i].members == NULL)
			continue;
		charges[members.count++] = step->charges[i];
		if (!redis_pool_is_cluster(redis->pool))
			continue;
		send_step_later(redis, "commit", &members);
		members.count = 0;
	}
	if (members.count > 0)
		send_step_later(redis, "commit", &members);
	mem_free(charges);
}

static void commit(void *half, const struct store_step *step)
{
	struct redis *redis = half;
	char field[1 + STORE_ID_SIZE] = {'r'};
	size_t members = 0;

	/* What window.lua keeps of a reservation; its units are counted in their slots already, so no
	 * script is needed to forget it, and nothing is lost where members stay held. */
	memcpy(field + 1, step->id, STORE_ID_SIZE);
	for (size_t i = 0; i < step->count; i++) {
		struct redis_command command;

		members += step->charges[i].members != NULL;
		if (step->charges[i].members != NULL)
			continue;
		redis_command_init(&command);
		redis_command_add(&command, "HDEL");
		add_key(redis, &step->charges[i], &command);
		redis_command_add_n(&command, field, sizeof(field));
		redis_pool_send_later(redis->pool, &command);
	}
	if (members > 0)
		commit_members(redis, step);
}

static enum store_status run_step(
	struct redis *redis, const char *operation, const struct store_step *step)
{
	struct redis_answer reply;

	if (redis_pool_is_cluster(redis->pool) && step->count > 1)
		return redis_spread(redis, operation, step, NULL);
	if (call_step(redis, operation, step, &reply) != STORE_OK)
		return STORE_DOWN;
	mem_free(reply.text);
	return STORE_OK;
}

static enum store_status give_back(void *half, const struct store_step *step)
{
	return run_step(half, "give_back", step);
}

static enum store_status forget(void *half, const struct store_step *step)
{
	return run_step(half, "forget", step);
}

enum store_status redis_read_used(
	struct redis *redis, const struct redis_answer *reply, size_t count, int64_t *used_r)
{
	return is_text(reply) && window_answer_used(reply->text, count, used_r)
		       ? STORE_OK
		       : redis_odd_reply(redis);
}

static enum store_status peek(void *half, const struct store_step *step, int64_t *used_r)
{
	struct redis *redis = half;
	struct redis_answer reply;
	enum store_status status;

	if (redis_pool_is_cluster(redis->pool) && step->count > 1)
		return redis_spread(redis, "peek", step, used_r);
	if (call_step(redis, "peek", step, &reply) != STORE_OK)
		return STORE_DOWN;
	status = redis_read_used(redis, &reply, step->count, used_r);
	mem_free(reply.text);
	return status;
}

static enum store_status put(void *half, const struct store_value *value)
{
	struct redis *redis = half;
	struct redis_command command;
	struct redis_answer reply;

	redis_command_init(&command);
	redis_command_add(&command, "SET");
	redis_command_addf(&command, "%sv:%s", redis->prefix, value->name);
	redis_command_add_n(&command, value->bytes, value->length);
	redis_command_add(&command, "PX");
	redis_command_addf(&command, "%" PRId64, value->keep_ms);
	if (redis_pool_call(redis->pool, &command, &reply) != STORE_OK)
		return STORE_DOWN;
	mem_free(reply.text);
	return STORE_OK;
}

static enum store_status get(void *half, const char *name, void **value_r, size_t *length_r)
{
	struct redis *redis = half;
	struct redis_command command;
	struct redis_answer reply;

	/* GETRANGE bounds what a key that somebody else filled can send us. */
	redis_command_init(&command);
	redis_command_add(&command, "GETRANGE");
	redis_command_addf(&command, "%sv:%s", redis->prefix, name);
	redis_command_add(&command, "0");
	redis_command_addf(&command, "%d", STORE_VALUE_MAX);
	if (redis_pool_call(redis->pool, &command, &reply) != STORE_OK)
		return STORE_DOWN;
	if (reply.kind != ANSWER_TEXT || reply.length > STORE_VALUE_MAX) {
		mem_free(reply.text);
		return redis_odd_reply(redis);
	}
	if (reply.length == 0) {
		mem_free(reply.text);
		return STORE_OK;
	}
	*value_r = reply.text;
	*length_r = reply.length;
	return STORE_OK;
}

/* Sets and hashes alike, without asking first which of them it is: HLEN is 0 only where neither is. */
static const char set_has_lua[] = "local command = 'sismember'\n"
				  "for i = 1, #ARGV do\n"
				  "  local has = redis.pcall(command, KEYS[1], ARGV[i])\n"
				  "  if type(has) == 'table' and command == 'sismember' then\n"
				  "    command = 'hexists'\n"
				  "    has = redis.pcall(command, KEYS[1], ARGV[i])\n"
				  "  end\n"
				  "  if has ~= 0 then return has end\n"
				  "end\n"
				  "return redis.pcall('hlen', KEYS[1]) == 0 and -1 or 0\n";

static enum store_status set_has(void *half, const char *key, const char *const *members,
	size_t count, enum store_set *set_r)
{
	struct redis *redis = half;
	struct redis_command command;
	struct redis_answer reply;

	redis_command_init(&command);
	redis_command_add(&command, "EVAL");
	redis_command_add(&command, set_has_lua);
	redis_command_add(&command, "1");
	redis_command_add(&command, key);
	for (size_t i = 0; i < count; i++)
		redis_command_add(&command, members[i]);
	if (redis_pool_call(redis->pool, &command, &reply) != STORE_OK)
		return STORE_DOWN;
	mem_free(reply.text);
	if (reply.kind != ANSWER_NUMBERS || reply.count != 1)
		return redis_odd_reply(redis);
	*set_r = reply.numbers[0] == 1	 ? STORE_SET_HAS
		 : reply.numbers[0] == 0 ? STORE_SET_LACKS
					 : STORE_SET_MISSING;
	return STORE_OK;
}

static enum link_result check_step(const struct redis *redis, const char *operation,
	const struct store_step *step, struct redis_link *link, uint64_t deadline_ms,
	struct redis_answer *reply_r)
{
	struct redis_command command;
	enum link_result result;

	redis_build_step(redis, operation, step, &command);
	result = redis_link_call(link, &command, deadline_ms, reply_r);
	redis_command_clear(&command);
	return result;
}

static enum link_result check_presence(
	struct redis_link *link, uint64_t deadline_ms, struct redis_answer *reply_r)
{
	struct redis_command command;
	enum link_result result;

	redis_command_init(&command);
	redis_command_add(&command, "PING");
	result = redis_link_call(link, &command, deadline_ms, reply_r);
	redis_command_clear(&command);
	return result;
}

/* A server is there when it does what we need of it: a reservation, on a key of its own. Where no key
 * can be its own, it only has to answer. What the key held is forgotten first: a script that begins by
 * deleting may write even where the server is out of memory, so an old key would say that all is well. */
static enum link_result check(void *context, const char *name, struct redis_link *link,
	uint64_t deadline_ms, struct redis_answer *reply_r)
{
	const struct redis *redis = context;
	struct store_charge charge = {.key = name,
		.label = "probe",
		.window_ms = 1000,
		.limit = WINDOW_UNITS_MAX,
		.units = 1};
	unsigned char id[STORE_ID_SIZE];
	struct store_step step = {id, 1, &charge, 1, false};
	enum link_result result;

	if (*name == '\0')
		return check_presence(link, deadline_ms, reply_r);
	store_id(id);
	result = check_step(redis, "forget", &step, link, deadline_ms, reply_r);
	if (result != LINK_ANSWERED || reply_r->kind == ANSWER_ERROR)
		return result;
	mem_free(reply_r->text);
	return check_step(redis, "reserve", &step, link, deadline_ms, reply_r);
}

static void *open_half(struct store *store, const struct store_options *options,
	const struct store_url *url, char *why, size_t why_size)
{
	struct redis *redis = mem_alloc(sizeof(*redis));

	redis->store = store;
	snprintf(redis->prefix, sizeof(redis->prefix), "%s", options->prefix);
	hash_script(window_lua, redis->sha);
	redis->pool = redis_pool_open(options, url, check, redis, why, why_size);
	if (redis->pool != NULL)
		return redis;
	mem_free(redis);
	return NULL;
}

static void close_half(void *half)
{
	struct redis *redis = half;

	redis_pool_close(&redis->pool);
	mem_free(redis);
}

static void state(void *half, struct store_state *state_r)
{
	struct redis *redis = half;

	redis_pool_state(redis->pool, state_r);
}

const struct store_backend store_redis = {
	.kind = "redis",
	.open = open_half,
	.close = close_half,
	.reserve = reserve,
	.commit = commit,
	.give_back = give_back,
	.peek = peek,
	.forget = forget,
	.list = redis_list,
	.put = put,
	.get = get,
	.claim = redis_claim,
	.table_set = redis_table_set,
	.table_delete = redis_table_delete,
	.table_read = redis_table_read,
	.set_has = set_has,
	.state = state,
};
