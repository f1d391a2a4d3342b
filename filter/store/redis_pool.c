/* SPDX-License-Identifier: BSD-2-Clause */
#include "redis_pool.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "mem.h"
#include "redis_pool_private.h"

enum { COMPLAIN_EVERY_MS = 60000 };

bool redis_pool_is_cluster(const struct redis_pool *pool)
{
	return pool->url.kind == STORE_URL_CLUSTER;
}

/* Of the first key: EVALSHA sha count key ..., or COMMAND key ... */
unsigned redis_pool_slot(const struct redis_pool *pool, const struct redis_command *command)
{
	bool script = strncmp(command->arguments[0], "EVAL", 4) == 0;
	size_t key = script ? 3 : 1;

	if (!redis_pool_is_cluster(pool) || key >= command->count)
		return 0;
	return redis_slot(command->arguments[key], command->lengths[key]);
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
	struct redis_seat *seat = redis_seat_take(pool, redis_pool_slot(pool, command));

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
