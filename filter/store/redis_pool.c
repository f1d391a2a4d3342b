/* SPDX-License-Identifier: BSD-2-Clause */
/* Each command to whom it belongs, and what to do about each answer. */
#include "redis_pool.h"

#include <openssl/crypto.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "mem.h"
#include "redis_error.h"
#include "redis_pool_private.h"

enum { COMPLAIN_EVERY_MS = 60000, TRIES_MAX = 8, RETRY_AFTER_MS = 2 };

/* A command until it is answered. */
struct errand {
	struct redis_ask ask;
	unsigned slot;
	struct store_host elsewhere; /* where ASK sent it; empty name: to the owner of the slot */
	unsigned tries;
	bool lost_once;
	enum { ERRAND_OPEN, ERRAND_DONE, ERRAND_FAILED } state;
};

bool redis_pool_is_cluster(const struct redis_pool *pool)
{
	return pool->url.kind == STORE_URL_CLUSTER;
}

/* Of the first key: EVALSHA sha count key ..., or COMMAND key ... */
static unsigned slot_of(const struct redis_pool *pool, const struct redis_command *command)
{
	bool script = strncmp(command->arguments[0], "EVAL", 4) == 0;
	size_t key = script ? 3 : 1;

	if (!redis_pool_is_cluster(pool) || key >= command->count)
		return 0;
	return redis_slot(command->arguments[key], command->lengths[key]);
}

static void fail(struct errand *errand)
{
	errand->state = ERRAND_FAILED;
}

/* Sends it to whom the error names. */
static void redirect(struct redis_pool *pool, const struct redis_seat *seat, struct errand *errand,
	bool asking, uint64_t deadline_ms)
{
	struct store_host host;
	struct redis_seat *target;
	unsigned slot;

	atomic_fetch_add(&pool->redirected, 1);
	if (!redis_redirection_parse(errand->ask.reply.error, &seat->host, &slot, &host)) {
		fail(errand);
		return;
	}
	target = redis_seat_take_at(pool, &host);
	if (target == NULL) {
		(void)redis_pool_look(pool, deadline_ms);
		target = redis_seat_take_at(pool, &host);
	}
	if (target == NULL)
		return;
	if (asking) {
		errand->elsewhere = host;
		errand->ask.asking = true;
	} else {
		redis_seat_own(target, slot);
		redis_pool_look_soon(pool);
	}
	redis_seat_give(target);
}

/* Another server is to be found: where somebody looks for it, that is waited for. */
static void rediscover(struct redis_pool *pool, struct redis_seat *seat, struct errand *errand,
	uint64_t deadline_ms)
{
	redis_node_close_links(seat->node);
	errand->lost_once = true;
	if (redis_pool_has_follower(pool))
		(void)redis_pool_look(pool, deadline_ms);
}

static void note(struct redis_seat *seat, struct errand *errand, bool final)
{
	char detail[REDIS_DETAIL_SIZE];

	redis_node_describe(LINK_ANSWERED, &errand->ask.reply, detail);
	redis_node_failed(seat->node, final, detail);
	redis_node_suspect(seat->node);
	fail(errand);
}

static void judge_error(struct redis_pool *pool, struct redis_seat *seat, struct errand *errand,
	uint64_t deadline_ms)
{
	enum redis_remedy remedy = redis_error(errand->ask.reply.error)->remedy;
	char detail[REDIS_DETAIL_SIZE];

	if (strncmp(errand->ask.reply.error, "UNCONFIRMED", 11) == 0)
		atomic_fetch_add(&pool->unconfirmed, 1);
	if (++errand->tries > TRIES_MAX)
		remedy = REDIS_DATA;
	switch (remedy) {
	case REDIS_SEND_SCRIPT:
		if (!redis_command_send_whole(errand->ask.command))
			note(seat, errand, false);
		break;
	case REDIS_MOVED:
	case REDIS_ASK:
		if (redis_pool_is_cluster(pool))
			redirect(pool, seat, errand, remedy == REDIS_ASK, deadline_ms);
		else
			note(seat, errand, true);
		break;
	case REDIS_REDISCOVER:
		if (errand->lost_once)
			note(seat, errand, false);
		else
			rediscover(pool, seat, errand, deadline_ms);
		break;
	case REDIS_RETRY:
		/* In a cluster: of several keys some have moved already. The caller divides them. */
		if (redis_pool_is_cluster(pool))
			fail(errand);
		else if (errand->tries > 1)
			note(seat, errand, false);
		else
			poll(NULL, 0, RETRY_AFTER_MS);
		break;
	case REDIS_DATA:
		redis_node_describe(LINK_ANSWERED, &errand->ask.reply, detail);
		redis_pool_complain(pool, detail);
		fail(errand);
		break;
	case REDIS_CONFIGURE:
		note(seat, errand, true);
		break;
	case REDIS_DOWN:
		note(seat, errand, false);
		break;
	}
}

static void judge_loss(struct redis_pool *pool, struct redis_seat *seat, struct errand *errand)
{
	struct redis_answer none = {.kind = ANSWER_NIL};
	char detail[REDIS_DETAIL_SIZE];

	atomic_fetch_add(&pool->lost, 1);
	if (!errand->lost_once) {
		errand->lost_once = true;
		return;
	}
	redis_node_describe(LINK_LOST, &none, detail);
	redis_node_failed(seat->node, false, detail);
	fail(errand);
}

static void judge(struct redis_pool *pool, struct redis_seat *seat, struct errand *errand,
	enum redis_node_result result, uint64_t deadline_ms)
{
	switch (result) {
	case NODE_ANSWERED:
		errand->ask.asking = false;
		errand->elsewhere.name[0] = '\0';
		if (errand->ask.reply.kind == ANSWER_ERROR)
			judge_error(pool, seat, errand, deadline_ms);
		else
			errand->state = ERRAND_DONE;
		break;
	case NODE_LOST:
		judge_loss(pool, seat, errand);
		break;
	case NODE_LATE:
		atomic_fetch_add(&pool->late, 1);
		fail(errand);
		break;
	case NODE_DOWN:
		atomic_fetch_add(&pool->refused, 1);
		fail(errand);
		break;
	}
}

static struct redis_seat *seat_for(struct redis_pool *pool, const struct errand *errand)
{
	if (errand->elsewhere.name[0] != '\0')
		return redis_seat_take_at(pool, &errand->elsewhere);
	return redis_seat_take(pool, errand->slot);
}

/* Errands of one call, and room for those of them that travel together. */
struct errands {
	struct errand *all;
	struct errand **taken;
	struct redis_ask **asks;
	size_t count;
};

/* Brings the open errands of the server of the first one there, all at once. */
static void run_some(struct redis_pool *pool, const struct errands *errands, uint64_t deadline_ms)
{
	struct redis_seat *seat = NULL;
	enum redis_node_result result;
	size_t number = 0;

	for (size_t i = 0; i < errands->count; i++) {
		struct errand *errand = &errands->all[i];
		struct redis_seat *own;

		if (errand->state != ERRAND_OPEN)
			continue;
		own = seat_for(pool, errand);
		if (own == NULL) {
			atomic_fetch_add(&pool->refused, 1);
			fail(errand);
			continue;
		}
		if (seat == NULL || seat == own) {
			errands->taken[number] = errand;
			errands->asks[number++] = &errand->ask;
		}
		if (seat != NULL)
			redis_seat_give(own);
		else
			seat = own;
	}
	if (seat == NULL)
		return;
	result = redis_node_run(seat->node, errands->asks, number, deadline_ms);
	for (size_t i = 0; i < number; i++)
		judge(pool, seat, errands->taken[i], result, deadline_ms);
	redis_seat_give(seat);
}

/* Something is open, and nothing has failed that ends it. */
static bool goes_on(const struct errands *errands, bool to_the_end)
{
	bool open = false;

	for (size_t i = 0; i < errands->count; i++) {
		if (errands->all[i].state == ERRAND_FAILED && !to_the_end)
			return false;
		open |= errands->all[i].state == ERRAND_OPEN;
	}
	return open;
}

static void late(struct redis_pool *pool, const struct errands *errands)
{
	for (size_t i = 0; i < errands->count; i++)
		if (errands->all[i].state == ERRAND_OPEN) {
			atomic_fetch_add(&pool->late, 1);
			fail(&errands->all[i]);
		}
}

static void run_all(struct redis_pool *pool, const struct errands *errands, bool to_the_end)
{
	uint64_t deadline_ms = clock_monotonic_ms() + pool->node_options.timeout_ms;

	while (goes_on(errands, to_the_end)) {
		if (clock_monotonic_ms() >= deadline_ms)
			late(pool, errands);
		else
			run_some(pool, errands, deadline_ms);
	}
}

static void run_one(struct redis_pool *pool, struct errand *errand)
{
	struct errand *taken;
	struct redis_ask *ask;

	run_all(pool, &(struct errands){errand, &taken, &ask, 1}, false);
}

static void begin(
	const struct redis_pool *pool, struct redis_command *command, struct errand *errand)
{
	memset(errand, 0, sizeof(*errand));
	errand->ask.command = command;
	errand->ask.replicas = command->spends ? pool->wait_replicas : 0;
	errand->slot = slot_of(pool, command);
}

/* True if it was answered. */
static bool end(struct errand *errand, struct redis_answer *reply_r)
{
	*reply_r = errand->ask.reply;
	if (errand->state == ERRAND_DONE)
		return true;
	mem_free(reply_r->text);
	reply_r->text = NULL;
	return false;
}

enum store_status redis_pool_call_all(struct redis_pool *pool, struct redis_command *commands,
	size_t count, bool to_the_end, struct redis_answer *replies_r, bool *done_r)
{
	struct errands errands = {
		.all = mem_array(count, sizeof(*errands.all)),
		.taken = mem_array(count, sizeof(*errands.taken)),
		.asks = mem_array(count, sizeof(*errands.asks)),
		.count = count,
	};
	enum store_status status = STORE_OK;

	for (size_t i = 0; i < count; i++)
		begin(pool, &commands[i], &errands.all[i]);
	run_all(pool, &errands, to_the_end);
	for (size_t i = 0; i < count; i++) {
		done_r[i] = end(&errands.all[i], &replies_r[i]);
		if (!done_r[i])
			status = STORE_DOWN;
	}
	mem_free(errands.all);
	mem_free(errands.taken);
	mem_free(errands.asks);
	return status;
}

enum store_status redis_pool_call(
	struct redis_pool *pool, struct redis_command *command, struct redis_answer *reply_r)
{
	struct errand errand;

	begin(pool, command, &errand);
	run_one(pool, &errand);
	return end(&errand, reply_r) ? STORE_OK : STORE_DOWN;
}

enum store_status redis_pool_call_at(struct redis_pool *pool, const struct store_host *server,
	struct redis_command *command, struct redis_answer *reply_r)
{
	struct errand errand;

	begin(pool, command, &errand);
	errand.elsewhere = *server;
	run_one(pool, &errand);
	return end(&errand, reply_r) ? STORE_OK : STORE_DOWN;
}

size_t redis_pool_servers(struct redis_pool *pool, struct store_host servers[REDIS_SERVERS_MAX])
{
	size_t count = 0;

	servers[0] = (struct store_host){.port = 0};
	if (!redis_pool_is_cluster(pool))
		return 1;
	lock_take(&pool->lock);
	for (size_t i = 0; i < REDIS_SEATS_MAX; i++)
		if (pool->seats[i] != NULL && !pool->seats[i]->retired)
			servers[count++] = pool->seats[i]->host;
	lock_give(&pool->lock);
	return count;
}

void redis_pool_send_later(struct redis_pool *pool, const struct redis_command *command)
{
	struct redis_seat *seat = redis_seat_take(pool, slot_of(pool, command));

	if (seat == NULL)
		return;
	redis_node_send_later(seat->node, command);
	redis_seat_give(seat);
}

void redis_pool_complain(struct redis_pool *pool, const char *text)
{
	uint64_t now = clock_monotonic_ms();
	bool quiet;

	lock_take(&pool->lock);
	snprintf(pool->detail, sizeof(pool->detail), "%s", text);
	quiet = pool->complained_ms != 0 && now - pool->complained_ms < COMPLAIN_EVERY_MS;
	if (!quiet)
		pool->complained_ms = now;
	lock_give(&pool->lock);
	if (!quiet)
		log_warning("store: Redis: %s", text);
}

void redis_pool_state(struct redis_pool *pool, struct store_state *state_r)
{
	static const char *const modes[] = {
		[STORE_URL_MEMORY] = "memory",
		[STORE_URL_TCP] = "single",
		[STORE_URL_UNIX] = "single",
		[STORE_URL_SENTINEL] = "sentinel",
		[STORE_URL_CLUSTER] = "cluster",
	};

	state_r->mode = modes[pool->url.kind];
	state_r->late = atomic_load(&pool->late);
	state_r->refused = atomic_load(&pool->refused);
	state_r->lost = atomic_load(&pool->lost);
	state_r->redirected = atomic_load(&pool->redirected);
	state_r->unconfirmed = atomic_load(&pool->unconfirmed);
	lock_take(&pool->lock);
	for (size_t i = 0; i < REDIS_SEATS_MAX; i++) {
		const struct redis_seat *seat = pool->seats[i];

		if (seat == NULL || seat->retired)
			continue;
		state_r->servers++;
		state_r->servers_up += seat->serving;
	}
	if (pool->primary != NULL)
		snprintf(state_r->primary, sizeof(state_r->primary), "%.*s",
			(int)sizeof(state_r->primary) - 1,
			redis_node_place(pool->primary->node)->shown);
	state_r->up = redis_pool_serves(pool);
	state_r->outages = pool->outages;
	state_r->failovers = pool->failovers;
	state_r->losses = pool->losses;
	snprintf(state_r->detail, sizeof(state_r->detail), "%.127s", pool->detail);
	lock_give(&pool->lock);
}

/* Opening. ------------------------------------------------------------------------------------- */

static char *copy(const char *text)
{
	return text == NULL ? NULL : mem_text(text);
}

static void free_pool(struct redis_pool *pool)
{
	redis_tls_free(&pool->tls);
	OPENSSL_cleanse(&pool->url, sizeof(pool->url));
	mem_free(pool->password_file);
	mem_free(pool->sentinel_user);
	mem_free(pool->sentinel_password_file);
	mem_free(pool->prefix);
	condition_destroy(&pool->follower_wanted);
	condition_destroy(&pool->looked);
	lock_destroy(&pool->lock);
	mem_free(pool);
}

static bool set_up_tls(
	const struct store_options *options, struct redis_pool *pool, char *why, size_t why_size)
{
	struct redis_tls_files files = {
		.ca_file = options->tls_ca_file,
		.certificate_file = options->tls_certificate_file,
		.key_file = options->tls_key_file,
		.server_name = options->tls_server_name,
	};
	const char *setting;

	if (!pool->url.tls)
		return true;
	pool->tls = redis_tls_create(&files, &setting, why, why_size);
	return pool->tls != NULL;
}

static void set_up_logins(const struct store_options *options, struct redis_pool *pool)
{
	pool->password_file = copy(options->password_file);
	pool->sentinel_user =
		mem_text(options->sentinel_user == NULL ? "" : options->sentinel_user);
	pool->sentinel_password_file = copy(options->sentinel_password_file);
	pool->login = (struct redis_login){
		.user = pool->url.user,
		.password = pool->url.password,
		.password_file = pool->password_file,
		.database = pool->url.database,
		.tls = pool->tls,
	};
	pool->sentinel_login = (struct redis_login){
		.user = pool->sentinel_user,
		.password = "",
		.password_file = pool->sentinel_password_file,
		.tls = pool->tls,
	};
}

/* One key in each third of the slots; with a hash tag in the prefix all are in one. */
static void choose_probes(struct redis_pool *pool)
{
	char name[PROBE_NAME_SIZE] = "probe", key[128];

	for (size_t i = 0; i < REDIS_PROBES; i++)
		memcpy(pool->probes[i], name, sizeof(name));
	for (unsigned i = 1; i < 100; i++) {
		int length = snprintf(key, sizeof(key), "%sw:%s:1000", pool->prefix, name);
		unsigned third = redis_slot(key, (size_t)length) * REDIS_PROBES / REDIS_SLOTS;

		memcpy(pool->probes[third], name, sizeof(name));
		snprintf(name, sizeof(name), "probe%u", i);
	}
}

static bool start(struct redis_pool *pool)
{
	struct redis_seat *seat;

	if (redis_pool_has_follower(pool))
		return redis_follower_start(pool);
	seat = redis_seat_open(
		pool, pool->url.kind == STORE_URL_UNIX ? NULL : &pool->url.hosts[0], false);
	if (seat == NULL)
		return false;
	lock_take(&pool->lock);
	pool->primary = seat;
	lock_give(&pool->lock);
	redis_node_await(seat->node);
	redis_seat_give(seat);
	return true;
}

struct redis_pool *redis_pool_open(const struct store_options *options, const struct store_url *url,
	redis_pool_check *check, void *check_context, char *why, size_t why_size)
{
	struct redis_pool *pool = mem_alloc(sizeof(*pool));

	pool->url = *url;
	pool->prefix = mem_text(options->prefix);
	choose_probes(pool);
	pool->check = check;
	pool->check_context = check_context;
	pool->wait_replicas = (unsigned)options->wait_replicas;
	pool->node_options = (struct redis_node_options){
		.connect_timeout_ms = (uint64_t)options->connect_timeout_ms,
		.timeout_ms = (uint64_t)options->timeout_ms,
		.wait_timeout_ms = (uint64_t)options->wait_timeout_ms,
		.connections = (size_t)options->connections,
	};
	lock_init(&pool->lock);
	condition_init(&pool->follower_wanted);
	condition_init(&pool->looked);
	if (set_up_tls(options, pool, why, why_size)) {
		set_up_logins(options, pool);
		redis_node_ignore_broken_pipes();
		if (start(pool))
			return pool;
		redis_seats_reap(pool, true);
		snprintf(why, why_size, "no thread can be started for the store");
	}
	free_pool(pool);
	return NULL;
}

void redis_pool_close(struct redis_pool **pool)
{
	if (*pool == NULL)
		return;
	lock_take(&(*pool)->lock);
	(*pool)->closing = true;
	lock_give(&(*pool)->lock);
	if (redis_pool_has_follower(*pool))
		redis_follower_stop(*pool);
	redis_seats_reap(*pool, true);
	free_pool(*pool);
	*pool = NULL;
}
