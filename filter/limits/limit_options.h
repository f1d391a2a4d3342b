/* SPDX-License-Identifier: BSD-2-Clause */
/* What an administrator says of one limit: its section of the configuration, and the rules that hold
 * between its settings. */
#ifndef MAILREEVE_LIMIT_OPTIONS_H
#define MAILREEVE_LIMIT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "limit_key.h"
#include "limit_meter.h"
#include "limit_reply.h"
#include "policy.h"
#include "setting.h"

struct limit_options {
	char *title;
	char *key_text;
	int count; /* enum limit_count */
	struct rate rate;
	enum action action;
	char *reply; /* NULL: ours */
	char *notify; /* NULL: nobody */
	int64_t spread; /* percent of the window */
	int outage; /* enum outage */
	int64_t hosts;
	struct trial trial;
	bool strict;
	char *extension;
	int64_t prefix_v4, prefix_v6;
	char *overrides_file; /* NULL: none */
	struct limit_key key; /* of key_text, by prepare */
	struct limit_overrides *overrides; /* of the file, by prepare; owned */
	struct limit_meter *meter; /* by prepare; borrowed */
};

extern const struct setting limit_settings[];

/* It can refuse this client; otherwise it only looks on. */
bool limit_refuses(const struct limit_options *limit, const struct ipaddr *client);
/* It only looks on because it is on trial. */
bool limit_is_held_back(const struct limit_options *limit, const struct ipaddr *client);
/* "limit per-sender": how its trial is named. Returns BUFFER. */
const char *limit_trial_name(const struct limit_options *limit, char buffer[TRIAL_NAME_SIZE]);

/* False with a sentence in WHY: RATE, of its section, an override or a raise, does not go with what it counts. */
bool limit_rate_check(const struct limit_options *limit, const struct rate *rate, char *why,
	size_t why_size) MUST_CHECK;

/* What this host lets through while it counts alone: at least one, or a small limit would stop all. */
int64_t limit_share(const struct limit_options *limit, const struct rate *rate);

/* As in struct policy. */
bool limit_verify(const void *options, const struct site *site, const char **setting_r, char *why,
	size_t why_size);
void limit_prepare(void *options, const struct site *site);
void limit_clear(void *options);
void limit_advise(const struct call *call, const struct site *site,
	void (*warn)(void *context, const char *setting, const char *text), void *context);

#endif
