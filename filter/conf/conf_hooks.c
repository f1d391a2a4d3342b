/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf_hooks.h"

#include <assert.h>

static bool wants(const struct policy_conf *conf, enum stage stage)
{
	return conf->policy->wants == NULL ||
	       conf->policy->wants(conf->options, conf->option_count, stage);
}

static void add(struct conf_hooks *hooks, const struct policy_conf *conf, policy_set own)
{
	const struct policy *policy = conf->policy;

	for (int stage = 0; stage < STAGE_COUNT; stage++) {
		bool content = stage == STAGE_HEADER || stage == STAGE_BODY;

		if (policy->announce[stage] != NULL)
			hooks->announce[stage] |= own;
		if (policy->judge[stage] != NULL && (!content || wants(conf, (enum stage)stage)))
			hooks->judge[stage] |= own;
	}
	for (int scope = 0; scope < SCOPE_COUNT; scope++)
		if (policy->end[scope] != NULL)
			hooks->end[scope] |= own;
	hooks->before_recipient |= policy->before_recipient != NULL ? own : 0;
	hooks->recipient_answered |= policy->recipient_answered != NULL ? own : 0;
	hooks->immediate |= policy->immediate ? own : 0;
	hooks->charges |= policy->charges ? own : 0;
	hooks->reads_header |= policy->reads_header && wants(conf, STAGE_HEADER) ? own : 0;
}

void conf_hooks_make(struct conf *conf)
{
	assert(conf->policy_count <= POLICIES_MAX);
	conf->hooks = (struct conf_hooks){.charges = 0};
	for (size_t p = 0; p < conf->policy_count; p++)
		if (conf->policies[p].trial.mode != MODE_OFF)
			add(&conf->hooks, &conf->policies[p], (policy_set)1 << p);
}
