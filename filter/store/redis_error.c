/* SPDX-License-Identifier: BSD-2-Clause */
#include "redis_error.h"

#include <string.h>

#include "text.h"

#define RIGHTS                                                                                     \
	"the user lacks a right; it needs +@scripting +@hash +@string +@set +pexpire +time +scan " \
	"+ping on the keys of this prefix (more for sentinels and clusters: mailreeve.conf(5))"

#define IN_CLUSTER "this server is a node of a Redis Cluster; write url = \"cluster://host,host\""

/* The first row that matches holds, so longer prefixes stand before shorter ones. */
static const struct redis_error errors[] = {
	{"NOSCRIPT", REDIS_SEND_SCRIPT, NULL},
	{"TRYAGAIN", REDIS_RETRY, NULL},
	{"READONLY", REDIS_REDISCOVER, "this server is a replica; name the primary"},
	{"MOVED", REDIS_MOVED, IN_CLUSTER},
	{"ASK", REDIS_ASK, IN_CLUSTER},
	{"CLUSTERDOWN", REDIS_DOWN, NULL},
	{"LOADING", REDIS_DOWN, NULL},
	{"MASTERDOWN", REDIS_DOWN, NULL},
	{"NOREPLICAS", REDIS_DOWN,
		"its min-replicas-to-write asks for more replicas than there are"},
	{"UNCONFIRMED", REDIS_DOWN, "wait_replicas asks for more; see its replicas"},
	{"ROLE", REDIS_DOWN, NULL},
	{"BUSY", REDIS_DOWN, "a script blocks the server"},
	{"UNKILLABLE", REDIS_DOWN, "a script blocks the server"},
	{"OOM", REDIS_DOWN, "raise its maxmemory"},
	{"MISCONF", REDIS_DOWN, "its disk or its save settings fail"},
	{"ERR max number of clients", REDIS_DOWN, "raise its maxclients"},
	{"NOAUTH", REDIS_CONFIGURE, "a password is needed"},
	{"ERR Protocol error: unauthenticated", REDIS_CONFIGURE, "a password is needed"},
	{"WRONGPASS", REDIS_CONFIGURE, "check user and password"},
	{"ERR invalid password", REDIS_CONFIGURE, "check the password"},
	{"ERR Client sent AUTH", REDIS_CONFIGURE, "a password is set here but not there"},
	{"ERR AUTH", REDIS_CONFIGURE, "a password is set here but not there"},
	{"NOPERM", REDIS_CONFIGURE, RIGHTS},
	{"ERR The user executing the script", REDIS_CONFIGURE, RIGHTS},
	{"ERR ACL failure in script", REDIS_CONFIGURE, RIGHTS},
	{"DENIED", REDIS_CONFIGURE, "protected mode: set a password or bind an address"},
	{"ERR DB index", REDIS_CONFIGURE, "check the database number"},
	{"ERR invalid DB index", REDIS_CONFIGURE, "check the database number"},
	{"ERR SELECT is not allowed", REDIS_CONFIGURE, "a Redis Cluster has database 0 only"},
	{"ERR unknown command", REDIS_CONFIGURE, "EVALSHA, EVAL and TIME must be allowed"},
	{"CROSSSLOT", REDIS_CONFIGURE, IN_CLUSTER},
	{"WRONGTYPE", REDIS_DATA, "a key under our prefix is not ours"},
	{"EXECABORT", REDIS_DOWN, NULL},
};

static const struct redis_error unknown = {"", REDIS_DOWN, NULL};

const struct redis_error *redis_error(const char *text)
{
	for (size_t i = 0; i < ARRAY_COUNT(errors); i++) {
		const char *prefix = errors[i].prefix;

		if (strncmp(text, prefix, strlen(prefix)) == 0)
			return &errors[i];
	}
	return &unknown;
}

void redis_error_show(const char *text, char *buffer, unsigned size)
{
	struct text shown;

	/* Unknown commands are quoted back with their arguments, which may be a password. */
	text_init(&shown, buffer, size);
	text_add_escaped(&shown, text, strcspn(text, "'`\""), 80);
}
