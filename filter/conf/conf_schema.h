/* SPDX-License-Identifier: BSD-2-Clause */
/* What may stand in the configuration file: its sections and their settings, from the tables of site,
 * daemon, resolver, store and the policies. Reader, sample and manual all walk it. */
#ifndef MAILREEVE_CONF_SCHEMA_H
#define MAILREEVE_CONF_SCHEMA_H

#include "conf.h"

/* Which struct a row's offset counts in. */
enum row_base {
	ROW_SITE,
	ROW_DAEMON,
	ROW_RESOLVER,
	ROW_STORE,
	ROW_POLICY, /* struct policy_conf: mode and actions */
	ROW_OPTIONS /* the policy's own options; of a titled policy, those of one section */
};

struct row {
	struct setting setting;
	enum row_base base;
	const char *topic; /* a heading before it in sample and manual; NULL: none */
	char *made_name, *made_help; /* texts of the setting that are not constants; owned */
};

struct group {
	const char *name; /* NULL: the top level */
	const char *summary;
	const struct policy *policy; /* NULL: not a policy's */
	size_t policy_index;
	struct row *rows;
	size_t row_count;
	const char **names; /* of the rows, NULL-terminated */
};

struct schema {
	struct group *groups; /* the top level is the first */
	size_t group_count;
	const char **names; /* of the sections, NULL-terminated */
};

struct schema *schema_create(const struct policy *const *policy_list);
void schema_free(struct schema **schema);

/* NAME "" is the top level. NULL when there is none. */
const struct group *schema_group(const struct schema *schema, const char *name);
const struct row *group_row(const struct group *group, const char *name);

/* One of mode, percent and until, which every section has: explained once for all. */
bool row_is_of_trial(const struct row *row);

/* The struct of CONF that a row of GROUP fills; SECTION counts those of a titled policy. */
void *row_target(
	const struct row *row, const struct group *group, struct conf *conf, size_t section);

/* Tables of what is neither site nor policy: conf_daemon.c. */
extern const struct setting daemon_settings[], resolver_settings[], store_settings[];

#endif
