/* SPDX-License-Identifier: BSD-2-Clause */
/* What the steps of the milter protocol are good for under a configuration. */
#include "chain.h"

static bool all_checks_are_off(const struct policy_conf *conf)
{
	for (size_t i = 0; conf->policy->checks[i].name != NULL; i++)
		if (conf->fail[i] != ACTION_OFF)
			return false;
	return true;
}

static bool policy_wants(const struct policy_conf *conf, enum stage stage)
{
	const struct policy *policy = conf->policy;

	bool reads = stage == STAGE_HEADER && policy->reads_header;

	if (conf->trial.mode == MODE_OFF ||
		(policy->judge[stage] == NULL && policy->announce[stage] == NULL && !reads))
		return false;
	if (policy->only_checks && all_checks_are_off(conf))
		return false;
	return policy->wants == NULL || policy->wants(conf->options, conf->option_count, stage);
}

bool chain_wants(const struct conf *conf, enum stage stage)
{
	for (size_t p = 0; p < conf->policy_count; p++)
		if (policy_wants(&conf->policies[p], stage))
			return true;
	return false;
}

bool chain_wants_refused(const struct conf *conf)
{
	for (size_t p = 0; p < conf->policy_count; p++)
		if (conf->policies[p].policy->before_recipient != NULL &&
			policy_wants(&conf->policies[p], STAGE_RCPT))
			return true;
	return false;
}

bool chain_may_answer(const struct conf *conf, enum stage stage)
{
	if (stage == STAGE_HEADER || stage == STAGE_BODY)
		return false;
	if (stage == STAGE_RCPT || stage == STAGE_EOM)
		return true;
	if (stage == STAGE_COMMAND || conf->site.reply_at == REPLY_AT_STAGE)
		return chain_wants(conf, stage);
	if (stage != STAGE_CONNECT)
		return false;
	for (size_t p = 0; p < conf->policy_count; p++)
		if (conf->policies[p].policy->immediate && policy_wants(&conf->policies[p], stage))
			return true;
	return false;
}
