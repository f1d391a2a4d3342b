/* SPDX-License-Identifier: BSD-2-Clause */
#include "private_group.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "compiler.h"
#include "redis_slots.h"

enum { SLOTS = 16384, PATIENCE_MS = 60000, TICK_MS = 10 };

static void give_up(const char *what)
{
	fprintf(stderr, "private group: %s\n", what);
	abort();
}

static void write_file(const struct private_redis *redis, const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", redis->folder, name);
	file = fopen(path, "w");
	if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0)
		give_up(path);
}

static void add_option(struct private_redis *redis, const char *option)
{
	size_t count = 0;

	while (redis->options[count] != NULL)
		count++;
	if (count + 1 >= PRIVATE_REDIS_OPTIONS_MAX)
		give_up("too many options");
	redis->options[count] = option;
}

static void add_options(struct private_redis *redis, const char *const *options)
{
	for (; options != NULL && *options != NULL; options++)
		add_option(redis, *options);
}

static void name_node(struct private_group *group, size_t index)
{
	snprintf(group->ids[index], sizeof(group->ids[index]), "%040zx", 0xabcdef00 + index);
}

const struct private_group_tls *private_group_tls;

static void add_tls(struct private_redis *node)
{
	const char *const options[] = {"--tls-cert-file", private_group_tls->certificate,
		"--tls-key-file", private_group_tls->key, "--tls-ca-cert-file",
		private_group_tls->authority, "--tls-auth-clients", "yes", "--tls-replication",
		"yes", NULL};

	add_options(node, options);
}

/* A server on a port of its own; not started yet. */
static void prepare_node(struct private_group *group, size_t index, const char *const *extra)
{
	static const char *const common[] = {
		"--bind", "127.0.0.1", "--repl-diskless-sync-delay", "0", NULL};
	struct private_redis *node = &group->nodes[index];

	private_redis_prepare(node);
	node->port = private_redis_free_port();
	snprintf(group->ports[index], sizeof(group->ports[index]), "%d", node->port);
	add_option(node, private_group_tls == NULL ? "--port" : "--tls-port");
	add_option(node, group->ports[index]);
	if (private_group_tls != NULL)
		add_tls(node);
	add_options(node, common);
	add_options(node, extra);
	name_node(group, index);
}

/* Cluster. -------------------------------------------------------------------------------------- */

static void prepare_cluster_node(
	struct private_group *group, size_t index, const char *const *extra)
{
	static const char *const common[] = {"--cluster-enabled", "yes", "--cluster-config-file",
		"nodes.conf", "--cluster-node-timeout", "1000", "--cluster-replica-validity-factor",
		"0", "--cluster-port", NULL};

	prepare_node(group, index, extra);
	group->bus_ports[index] = private_redis_free_port();
	snprintf(group->ports[GROUP_NODES_MAX + index], sizeof(group->ports[0]), "%d",
		group->bus_ports[index]);
	add_options(&group->nodes[index], common);
	add_option(&group->nodes[index], group->ports[GROUP_NODES_MAX + index]);
	if (private_group_tls != NULL) {
		add_option(&group->nodes[index], "--tls-cluster");
		add_option(&group->nodes[index], "yes");
	}
}

ATTR_PRINTF(2, 3)
static void add_text(char *text, const char *format, ...)
{
	size_t length = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + length, GROUP_TEXT_SIZE - length, format, args);
	va_end(args);
}

static void write_nodes(const struct private_group *group, size_t primaries, size_t self)
{
	char text[GROUP_TEXT_SIZE] = "";

	for (size_t i = 0; i < group->node_count; i++) {
		bool primary = i < primaries;

		add_text(text, "%s 127.0.0.1:%d@%d %s%s %s 0 0 %zu connected", group->ids[i],
			group->nodes[i].port, group->bus_ports[i], i == self ? "myself," : "",
			primary ? "master" : "slave", primary ? "-" : group->ids[i % primaries],
			1 + i % primaries);
		if (primary)
			add_text(text, " %zu-%zu", i * SLOTS / primaries,
				(i + 1) * SLOTS / primaries - 1);
		add_text(text, "\n");
	}
	add_text(text, "vars currentEpoch %zu lastVoteEpoch 0\n", primaries);
	write_file(&group->nodes[self], "nodes.conf", text);
}

const char *private_group_password;

static int says(const struct private_redis *node, const char *command, const char *wanted)
{
	char line[256], reply[4096];

	snprintf(line, sizeof(line), "%s%s%s%s", private_group_password == NULL ? "" : "AUTH ",
		private_group_password == NULL ? "" : private_group_password,
		private_group_password == NULL ? "" : "\r\n", command);
	private_redis_ask(node, line, reply, sizeof(reply));
	return strstr(reply, wanted) != NULL;
}

void private_cluster_await(struct private_group *group)
{
	uint64_t give_up_ms = clock_monotonic_ms() + PATIENCE_MS;

	for (size_t i = 0; i < group->node_count; i++)
		while (group->nodes[i].pid != 0 &&
			(!says(&group->nodes[i], "CLUSTER INFO", "cluster_state:ok") ||
				!says(&group->nodes[i], "CLUSTER INFO",
					"cluster_slots_ok:16384"))) {
			if (clock_monotonic_ms() > give_up_ms)
				give_up("the cluster does not come up");
			poll(NULL, 0, TICK_MS);
		}
}

/* Replicas that have not been in step never take over. */
static void await_replicas(const struct private_redis *node)
{
	uint64_t give_up_ms = clock_monotonic_ms() + PATIENCE_MS;

	while (!says(node, "INFO replication", "master_link_status:up")) {
		if (clock_monotonic_ms() > give_up_ms)
			give_up("a replica does not follow");
		poll(NULL, 0, TICK_MS);
	}
}

void private_cluster_start(
	struct private_group *group, size_t primaries, size_t replicas, const char *const *extra)
{
	size_t length;

	memset(group, 0, sizeof(*group));
	group->node_count = primaries * (1 + replicas);
	for (size_t i = 0; i < group->node_count; i++)
		prepare_cluster_node(group, i, extra);
	for (size_t i = 0; i < group->node_count; i++)
		write_nodes(group, primaries, i);
	for (size_t i = 0; i < group->node_count; i++)
		private_redis_restart(&group->nodes[i]);
	snprintf(group->url, sizeof(group->url), "cluster%s://",
		private_group_tls == NULL ? "" : "s");
	for (size_t i = 0; i < primaries; i++) {
		length = strlen(group->url);
		snprintf(group->url + length, sizeof(group->url) - length, "%s127.0.0.1:%d",
			i == 0 ? "" : ",", group->nodes[i].port);
	}
	private_cluster_await(group);
	for (size_t i = primaries; i < group->node_count; i++)
		await_replicas(&group->nodes[i]);
}

ATTR_PRINTF(3, 4)
static void must_say(const struct private_redis *node, const char *wanted, const char *format, ...)
{
	char command[512], reply[512];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	private_redis_command(node, command, reply, sizeof(reply));
	if (strncmp(reply, wanted, strlen(wanted)) != 0) {
		fprintf(stderr, "%s: %s\n", command, reply);
		give_up("a node refuses");
	}
}

size_t private_cluster_add(struct private_group *group)
{
	size_t index = group->node_count++;
	struct private_redis *node = &group->nodes[index];
	uint64_t give_up_ms = clock_monotonic_ms() + PATIENCE_MS;
	char line[128];

	prepare_cluster_node(group, index, NULL);
	snprintf(
		line, sizeof(line), "%s :0@0 myself,master - 0 0 0 connected\n", group->ids[index]);
	write_file(node, "nodes.conf", line);
	private_redis_restart(node);
	must_say(&group->nodes[0], "+OK", "CLUSTER MEET 127.0.0.1 %d %d", node->port,
		group->bus_ports[index]);
	for (size_t i = 0; i < index; i++)
		while (group->nodes[i].pid != 0 &&
			!says(&group->nodes[i], "CLUSTER NODES", group->ids[index])) {
			if (clock_monotonic_ms() > give_up_ms)
				give_up("a node is not met");
			poll(NULL, 0, TICK_MS);
		}
	private_cluster_await(group);
	return index;
}

static long count_keys(const struct private_redis *node, unsigned slot)
{
	char command[64], reply[64];

	snprintf(command, sizeof(command), "CLUSTER COUNTKEYSINSLOT %u", slot);
	private_redis_command(node, command, reply, sizeof(reply));
	return reply[0] == ':' ? strtol(reply + 1, NULL, 10) : -1;
}

static void move_key(struct private_group *group, unsigned slot, size_t from, size_t to)
{
	char command[64], reply[1024], key[512] = "";
	const char *at;

	snprintf(command, sizeof(command), "CLUSTER GETKEYSINSLOT %u 1", slot);
	private_redis_ask(&group->nodes[from], command, reply, sizeof(reply));
	at = strchr(reply, '$');
	if (at == NULL || sscanf(at, "$%*d\r\n%500[^\r]", key) != 1)
		return;
	must_say(&group->nodes[from], "+", "MIGRATE 127.0.0.1 %d %s 0 5000", group->nodes[to].port,
		key);
}

static bool believes(const struct private_redis *node, unsigned slot, int port)
{
	struct redis_view *view = calloc(1, sizeof(*view));
	struct store_host self = {.name = "127.0.0.1", .port = node->port};
	char reply[8192];
	const char *line;
	bool so;

	private_redis_ask(node, "CLUSTER NODES", reply, sizeof(reply));
	line = strchr(reply, '\n');
	if (view == NULL || line == NULL)
		give_up("CLUSTER NODES");
	reply[strlen(reply) < 2 ? 0 : strlen(reply) - 2] = '\0';
	so = redis_view_parse(line + 1, &self, view) && view->owner[slot] != 0 &&
	     view->primaries[view->owner[slot] - 1].host.port == port;
	free(view);
	return so;
}

/* A slot that moves on before all have heard of it can be lost by Redis itself. */
static void await_owner(const struct private_group *group, unsigned slot, size_t owner)
{
	uint64_t give_up_ms = clock_monotonic_ms() + PATIENCE_MS;

	for (size_t i = 0; i < group->node_count; i++)
		while (group->nodes[i].pid != 0 &&
			!believes(&group->nodes[i], slot, group->nodes[owner].port)) {
			if (clock_monotonic_ms() > give_up_ms)
				give_up("a node does not hear of a slot that has moved");
			poll(NULL, 0, TICK_MS);
		}
}

void private_cluster_move(
	struct private_group *group, unsigned slot, size_t from, size_t to, bool half)
{
	long keys;

	must_say(&group->nodes[to], "+OK", "CLUSTER SETSLOT %u IMPORTING %s", slot,
		group->ids[from]);
	must_say(&group->nodes[from], "+OK", "CLUSTER SETSLOT %u MIGRATING %s", slot,
		group->ids[to]);
	keys = count_keys(&group->nodes[from], slot);
	for (long left = keys; half && left > keys - keys / 2; left--)
		move_key(group, slot, from, to);
	if (half)
		return;
	while (count_keys(&group->nodes[from], slot) > 0)
		move_key(group, slot, from, to);
	must_say(&group->nodes[to], "+OK", "CLUSTER SETSLOT %u NODE %s", slot, group->ids[to]);
	must_say(&group->nodes[from], "+OK", "CLUSTER SETSLOT %u NODE %s", slot, group->ids[to]);
	await_owner(group, slot, to);
}

/* Sentinels. ------------------------------------------------------------------------------------- */

/* Where a sentinel is told to others. */
static int sentinel_port(const struct private_group *group, size_t index)
{
	return private_group_tls == NULL ? group->sentinels[index].port : group->tls_ports[index];
}

static void write_sentinel(const struct private_group *group, size_t self, const char *lines)
{
	char text[GROUP_TEXT_SIZE] = "";

	add_text(text, "port %d\nbind 127.0.0.1\ndir %s\nlogfile sentinel.log\nsentinel myid %s\n",
		group->sentinels[self].port, group->sentinels[self].folder,
		group->ids[GROUP_NODES_MAX + self]);
	add_text(text, "sentinel monitor mail 127.0.0.1 %d 2\n", group->nodes[0].port);
	add_text(text, "sentinel down-after-milliseconds mail 500\n"
		       "sentinel failover-timeout mail 2000\n");
	for (size_t i = 1; i < group->node_count; i++)
		add_text(text, "sentinel known-replica mail 127.0.0.1 %d\n", group->nodes[i].port);
	for (size_t i = 0; i < group->sentinel_count; i++)
		if (i != self)
			add_text(text, "sentinel known-sentinel mail 127.0.0.1 %d %s\n",
				sentinel_port(group, i), group->ids[GROUP_NODES_MAX + i]);
	if (private_group_tls != NULL)
		add_text(text,
			"tls-port %d\ntls-cert-file %s\ntls-key-file %s\ntls-ca-cert-file %s\n"
			"tls-auth-clients yes\ntls-replication yes\n",
			group->tls_ports[self], private_group_tls->certificate,
			private_group_tls->key, private_group_tls->authority);
	add_text(text, "%s", lines == NULL ? "" : lines);
	write_file(&group->sentinels[self], "sentinel.conf", text);
}

static void prepare_sentinel(struct private_group *group, size_t index)
{
	struct private_redis *sentinel = &group->sentinels[index];

	private_redis_prepare(sentinel);
	sentinel->port = private_redis_free_port();
	group->tls_ports[index] = private_group_tls == NULL ? 0 : private_redis_free_port();
	sentinel->is_sentinel = true;
	sentinel->options[0] = "sentinel.conf";
	name_node(group, GROUP_NODES_MAX + index);
}

void private_sentinels_start(struct private_group *group, size_t replicas, const char *const *extra,
	const char *sentinel_lines)
{
	size_t length;

	memset(group, 0, sizeof(*group));
	group->node_count = 1 + replicas;
	group->sentinel_count = GROUP_SENTINELS;
	for (size_t i = 0; i < group->node_count; i++) {
		prepare_node(group, i, extra);
		if (i > 0) {
			add_option(&group->nodes[i], "--replicaof");
			add_option(&group->nodes[i], "127.0.0.1");
			add_option(&group->nodes[i], group->ports[0]);
		}
		private_redis_restart(&group->nodes[i]);
	}
	for (size_t i = 1; i < group->node_count && extra == NULL; i++)
		await_replicas(&group->nodes[i]);
	for (size_t i = 0; i < GROUP_SENTINELS; i++)
		prepare_sentinel(group, i);
	snprintf(group->url, sizeof(group->url), "sentinel%s://",
		private_group_tls == NULL ? "" : "s");
	for (size_t i = 0; i < GROUP_SENTINELS; i++) {
		write_sentinel(group, i, sentinel_lines);
		private_redis_restart(&group->sentinels[i]);
		length = strlen(group->url);
		snprintf(group->url + length, sizeof(group->url) - length, "%s127.0.0.1:%d",
			i == 0 ? "" : ",", sentinel_port(group, i));
	}
	length = strlen(group->url);
	snprintf(group->url + length, sizeof(group->url) - length, "/mail");
}

int private_sentinels_primary(struct private_group *group)
{
	int ports[GROUP_SENTINELS] = {0};

	for (size_t i = 0; i < GROUP_SENTINELS; i++) {
		char reply[512];

		if (group->sentinels[i].pid == 0)
			continue;
		private_redis_ask(&group->sentinels[i], "SENTINEL GET-MASTER-ADDR-BY-NAME mail",
			reply, sizeof(reply));
		(void)sscanf(reply, "*2\r\n$%*d\r\n%*s\r\n$%*d\r\n%d", &ports[i]);
	}
	return ports[0] == ports[1] || ports[0] == ports[2] ? ports[0] : ports[1];
}

void private_group_remove(struct private_group *group)
{
	for (size_t i = 0; i < group->sentinel_count; i++)
		private_redis_remove(&group->sentinels[i]);
	for (size_t i = 0; i < group->node_count; i++)
		private_redis_remove(&group->nodes[i]);
	private_redis_forget_ports();
	memset(group, 0, sizeof(*group));
}
