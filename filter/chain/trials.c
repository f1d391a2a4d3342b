/* SPDX-License-Identifier: BSD-2-Clause */
#include "trials.h"

#include <string.h>

#include "limit_options.h"
#include "log.h"

struct listing {
	void (*each)(void *context, const char *name, const struct trial *trial);
	void *context;
};

static void list(const struct listing *listing, const char *name, const struct trial *trial)
{
	if (trial_is_on(trial))
		listing->each(listing->context, name, trial);
}

static void list_checks(const struct listing *listing, const struct policy_conf *policy_conf)
{
	const struct check *checks = policy_conf->policy->checks;
	char name[TRIAL_NAME_SIZE];

	for (unsigned i = 0; checks != NULL && checks[i].name != NULL; i++)
		list(listing, check_full_name(policy_conf->policy, i, name),
			&policy_conf->check_trials[i]);
}

static void list_limits(const struct listing *listing, const struct policy_conf *policy_conf)
{
	const struct limit_options *limits = policy_conf->options;
	char name[TRIAL_NAME_SIZE];

	for (size_t i = 0; i < policy_conf->option_count; i++)
		list(listing, limit_trial_name(&limits[i], name), &limits[i].trial);
}

void trials_each(const struct conf *conf,
	void (*each)(void *context, const char *name, const struct trial *trial), void *context)
{
	const struct listing listing = {each, context};

	for (size_t p = 0; p < conf->policy_count; p++) {
		const struct policy_conf *policy_conf = &conf->policies[p];

		if (strcmp(policy_conf->policy->name, "limit") == 0)
			list_limits(&listing, policy_conf);
		if (policy_conf->policy->titled || policy_conf->trial.mode == MODE_OFF)
			continue;
		list(&listing, policy_conf->policy->name, &policy_conf->trial);
		list_checks(&listing, policy_conf);
	}
}

struct span {
	uint64_t before_ms, now_ms;
};

static void log_one(void *context, const char *name, const struct trial *trial)
{
	const struct span *span = context;
	char now[TRIAL_TEXT_SIZE], before[TRIAL_TEXT_SIZE] = "";

	if (!trial_describe_end(trial, span->now_ms, now))
		return;
	if (span->before_ms != 0 && trial_describe_end(trial, span->before_ms, before) &&
		strcmp(before, now) == 0)
		return;
	log_warning("%s %s", name, now);
}

void trials_log(const struct conf *conf, uint64_t before_ms, uint64_t now_ms)
{
	struct span span = {before_ms, now_ms};

	trials_each(conf, log_one, &span);
}
