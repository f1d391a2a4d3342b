/* SPDX-License-Identifier: BSD-2-Clause */
#include "redis_cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "mem.h"

enum {
	NODES_REPLY_MAX = 4 * 1024 * 1024,
	ASKED_ENOUGH = 3,
	PROBES_MAX = 4096, /* a node with fewer slots than that is only asked whether it is there */
	CANDIDATES_MAX = 32
};

struct redis_cluster {
	struct redis_view view, other;
	uint64_t epoch; /* the latest seen */
	struct store_host candidates[CANDIDATES_MAX + STORE_HOSTS_MAX];
	size_t candidate_count;
};

struct redis_cluster *redis_cluster_create(void)
{
	return mem_alloc(sizeof(struct redis_cluster));
}

void redis_cluster_free(struct redis_cluster **cluster)
{
	mem_free(*cluster);
	*cluster = NULL;
}

static void add_seats(struct redis_cluster *cluster, const struct redis_pool *pool, bool serving)
	REQUIRES(pool->lock)
{
	for (size_t i = 0; i < REDIS_SEATS_MAX; i++) {
		const struct redis_seat *seat = pool->seats[i];

		if (seat != NULL && !seat->retired && seat->serving == serving &&
			cluster->candidate_count < CANDIDATES_MAX)
			cluster->candidates[cluster->candidate_count++] = seat->host;
	}
}

static void collect_candidates(struct redis_cluster *cluster, struct redis_pool *pool)
{
	cluster->candidate_count = 0;
	lock_take(&pool->lock);
	add_seats(cluster, pool, true);
	add_seats(cluster, pool, false);
	lock_give(&pool->lock);
	for (size_t i = 0; i < pool->url.host_count; i++)
		cluster->candidates[cluster->candidate_count++] = pool->url.hosts[i];
}

static void append(struct redis_link *link, const char *question)
{
	struct redis_command command;

	redis_command_init(&command);
	redis_command_add(&command, "CLUSTER");
	redis_command_add(&command, question);
	redis_link_append(link, &command, true);
}

static uint64_t epoch_of(const char *info)
{
	static const char field[] = "cluster_current_epoch:";
	const char *at = strstr(info, field);

	return at == NULL ? 0 : strtoull(at + strlen(field), NULL, 10);
}

/* Twice the epoch, and one more for a node that does not think that the cluster has failed. */
static bool read_replies(const struct redis_answer *replies, const struct store_host *asked,
	struct redis_view *view, uint64_t *rank_r)
{
	if (replies[0].kind != ANSWER_TEXT || replies[1].kind != ANSWER_TEXT)
		return false;
	*rank_r = 2 * (epoch_of(replies[0].text) & UINT32_MAX) +
		  (strstr(replies[0].text, "cluster_state:ok") != NULL);
	return redis_view_parse(replies[1].text, asked, view);
}

static bool ask_over(struct redis_link *link, const struct redis_place *place, uint64_t deadline_ms,
	struct redis_view *view, uint64_t *rank_r, char detail[REDIS_DETAIL_SIZE])
{
	struct redis_answer replies[2] = {{.kind = ANSWER_NIL}, {.kind = ANSWER_NIL}};
	enum link_result result = LINK_ANSWERED;
	char what[REDIS_DETAIL_SIZE] = "it does not answer as a node of a cluster does";
	bool good = false;
	size_t count = 0;

	redis_link_allow(link, NODES_REPLY_MAX, 1);
	append(link, "INFO");
	append(link, "NODES");
	while (count < 2 && result == LINK_ANSWERED)
		result = redis_link_receive(link, deadline_ms, &replies[count++]);
	if (result == LINK_ANSWERED && replies[0].kind != ANSWER_ERROR)
		good = read_replies(replies, &place->host, view, rank_r);
	else
		redis_node_describe(result, &replies[0], what);
	if (!good)
		snprintf(detail, REDIS_DETAIL_SIZE, "%.100s: %.140s", place->shown, what);
	mem_free(replies[0].text);
	mem_free(replies[1].text);
	return good;
}

static bool ask_one(struct redis_pool *pool, const struct store_host *host, struct redis_view *view,
	uint64_t *rank_r, char detail[REDIS_DETAIL_SIZE])
{
	const struct redis_node_options *options = &pool->node_options;
	struct redis_addresses addresses = {.count = 0};
	struct redis_answer reply = {.kind = ANSWER_NIL};
	enum link_result result = LINK_REFUSED;
	struct redis_link *link = NULL;
	char what[REDIS_DETAIL_SIZE];
	struct redis_place place;
	bool good = false;

	redis_place_init(&place, &pool->login, host);
	if (redis_place_resolve(&place, &addresses))
		for (size_t i = 0; i < addresses.count && link == NULL; i++)
			result = redis_place_connect(&place, addresses.list[i],
				clock_monotonic_ms() + options->connect_timeout_ms, &link, &reply);
	if (link != NULL) {
		good = ask_over(link, &place, clock_monotonic_ms() + options->timeout_ms, view,
			rank_r, detail);
		redis_link_close(&link);
		return good;
	}
	redis_node_describe(result, &reply, what);
	snprintf(detail, REDIS_DETAIL_SIZE, "%.100s: %.140s", place.shown, what);
	return false;
}

const struct redis_view *redis_cluster_ask(
	struct redis_cluster *cluster, struct redis_pool *pool, char detail[REDIS_DETAIL_SIZE])
{
	uint64_t best = 0;
	int answers = 0;

	snprintf(detail, REDIS_DETAIL_SIZE, "no node can be reached");
	collect_candidates(cluster, pool);
	for (size_t i = 0; i < cluster->candidate_count && answers < ASKED_ENOUGH; i++) {
		uint64_t rank = 0;

		if (!ask_one(pool, &cluster->candidates[i], &cluster->other, &rank, detail))
			continue;
		if (answers++ > 0 && rank <= best)
			continue;
		best = rank;
		cluster->view = cluster->other;
	}
	if (answers == 0)
		return NULL;
	if (best / 2 < cluster->epoch) {
		snprintf(detail, REDIS_DETAIL_SIZE, "the nodes that can be reached are behind");
		return NULL;
	}
	cluster->epoch = best / 2;
	return &cluster->view;
}

/* The slot of store_redis.c's check. */
static unsigned slot_of_probe(const struct redis_pool *pool, const char *name)
{
	char key[128];
	int length = snprintf(key, sizeof(key), "%sw:%s:1000", pool->prefix, name);

	return redis_slot(key, (size_t)length);
}

static bool has_probe(const struct redis_pool *pool, const struct redis_seat *seat,
	const char *name) REQUIRES(pool->lock)
{
	unsigned owner = pool->owner[slot_of_probe(pool, name)];

	return owner != 0 && pool->seats[owner - 1] == seat;
}

void redis_cluster_choose_probe(const struct redis_pool *pool, struct redis_seat *seat)
{
	char name[PROBE_NAME_SIZE];
	/* With a hash tag in the prefix all keys are in one slot. */
	bool tagged = slot_of_probe(pool, "probe0") == slot_of_probe(pool, "probe1");

	if (seat->probe[0] != '\0' && has_probe(pool, seat, seat->probe))
		return;
	seat->probe[0] = '\0';
	for (unsigned i = 0; i < (tagged ? 1 : PROBES_MAX) && seat->probe[0] == '\0'; i++) {
		snprintf(name, sizeof(name), "probe%u", i);
		if (has_probe(pool, seat, name))
			memcpy(seat->probe, name, sizeof(name));
	}
}
