/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration file as one immutable, reference-counted snapshot. A session takes a reference
 * when it begins and keeps it over reloads. conf_read.c is the only includer of libconfuse, whose
 * lexer has globals: load in one thread at a time. */
#ifndef MAILREEVE_CONF_H
#define MAILREEVE_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "compiler.h"
#include "policy.h"
#include "resolver.h"
#include "site.h"
#include "store.h"

/* Settings of the process, in the top level of the file beside those of site.h. All but log_level, and
 * those of resolver and store, are read at start only: a reload that changes them says so in the log. */
struct daemon_options {
	char *socket; /* libmilter's form, as OpenDMARC's users know it: "local:/path", "unix:/path",
		       * "inet:8891@127.0.0.1", "inet6:8891@[::1]" */
	char *socket_mode; /* octal, "0660" */
	char *socket_group; /* NULL: that of the process */
	char *user; /* "user" or "user:group" to run as; NULL: stay who we are */
	char *pid_file; /* NULL: none */
	char *control_socket; /* for mailreevectl; NULL: none */
	int log_to; /* 0 syslog, 1 stderr */
	int log_level; /* enum log_level */
	int log_format; /* enum log_format */
	char *journal; /* file of decisions; NULL: none */
	int64_t journal_size; /* bytes of one such file */
	int64_t journal_files;
	int64_t keep_refusals; /* how many for mailreevectl why; 0: none */
	int64_t keep_refusals_ms;
	char *metrics; /* metrics_address_parse; NULL: none */
	int64_t drain_ms; /* how long SIGTERM waits for open transactions */
};

struct policy_conf {
	const struct policy *policy;
	void *options; /* an array for a titled policy */
	size_t option_count;
	enum action fail[POLICY_CHECKS_MAX];
	enum action temperror[POLICY_CHECKS_MAX];
	struct trial trial; /* of the whole section; a titled policy has one in each of its own */
	struct trial check_trials[POLICY_CHECKS_MAX]; /* by check */
};

struct conf_place;

/* Some policies of a configuration: 1 << index in its policies, ored. */
typedef uint32_t policy_set;
enum { POLICIES_MAX = 31 };

/* Which of the policies whose mode is not off have what (policy.h). */
struct conf_hooks {
	policy_set announce[STAGE_COUNT];
	policy_set judge[STAGE_COUNT]; /* of headers and bodies, only those that want them */
	policy_set end[SCOPE_COUNT];
	policy_set before_recipient, recipient_answered;
	policy_set immediate, charges;
	policy_set reads_header; /* and wants it */
};

struct conf {
	char *file;
	struct daemon_options daemon;
	struct site site;
	struct resolver_options resolver;
	struct store_options store;
	struct policy_conf *policies; /* in the order of policies[] */
	size_t policy_count;
	struct conf_hooks hooks;
	size_t settings_given; /* how many settings and titled sections stand in the file */
	struct conf_place *places; /* where settings were given; owned */
	size_t place_count;
	bool prepared; /* policy->prepare has run, so policy->clear shall */
	_Atomic unsigned references;
};

/* Where complaints go: "file:line: what is wrong; what would be right", already formatted. */
struct conf_report {
	void (*error)(void *context, const char *text);
	void (*warning)(void *context, const char *text); /* legal but dangerous; may be NULL */
	void *context;
};

/* Reads FILE; NULL after at least one report->error, all errors of the file in one pass. FILE NULL:
 * all defaults. Starts with one reference. */
struct conf *conf_load(const char *file, const struct policy *const *policy_list,
	const struct conf_report *report) MUST_CHECK;
/* Whether NEW has changed what is read at start only: NAMES of the settings, with commas. */
bool conf_needs_restart(
	const struct conf *old, const struct conf *new, char *names, size_t size) MUST_CHECK;

/* The text of the setting socket is one. */
bool conf_socket_is_good(const char *text);

struct conf *conf_share(struct conf *conf);
void conf_release(struct conf **conf);

/* The file with every setting at its default, each with its help: conf/mailreeve.conf is this. */
void conf_write_sample(FILE *out, const struct policy *const *policy_list);

/* The settings as mdoc(7) items, for mailreeve.conf(5). */
void conf_write_manual(FILE *out, const struct policy *const *policy_list);

#endif
