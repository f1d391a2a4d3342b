/* SPDX-License-Identifier: BSD-2-Clause */
#include "health.h"

#include <inttypes.h>
#include <string.h>

#include "chain.h"
#include "limit_options.h"
#include "reservation.h"

/* So many questions in a row without an answer are no accident of one domain. */
enum { FAILURES_IN_A_ROW = 10 };

void health_ask(struct running *running, const struct services *services)
{
	running->waiting = chain_waiting();
	store_state(services->store, &running->store);
	resolver_stats(services->resolver, &running->resolver);
	running->slowest_count = resolver_slowest(services->resolver, running->slowest);
}

static enum health worse(enum health a, enum health b)
{
	return a > b ? a : b;
}

/* The first enforced limit that tempfails while the store is down, or NULL. */
static const char *limit_that_tempfails(const struct conf *conf)
{
	for (size_t p = 0; p < conf->policy_count; p++) {
		const struct limit_options *limits = conf->policies[p].options;

		if (strcmp(conf->policies[p].policy->name, "limit") != 0)
			continue;
		for (size_t i = 0; i < conf->policies[p].option_count; i++)
			if (limits[i].outage == OUTAGE_TEMPFAIL &&
				limits[i].trial.mode == MODE_ENFORCE)
				return limits[i].title;
	}
	return NULL;
}

static enum health look_at_store(const struct running *running, struct text *reasons)
{
	const char *limit = limit_that_tempfails(running->conf);
	const struct store_state *store = &running->store;
	char detail[2 * sizeof(store->detail)], title[128];

	if (store->up)
		return HEALTH_GOOD;
	text_addf(reasons, "the store does not answer%s%s; ", store->detail[0] == '\0' ? "" : ": ",
		text_escape(store->detail, detail, sizeof(detail)));
	if (limit == NULL) {
		text_add(reasons, "limits count in this process only, or let all through\n");
		return HEALTH_DEGRADED;
	}
	text_addf(reasons, "limit \"%s\" has outage = tempfail\n",
		text_escape(limit, title, sizeof(title)));
	return HEALTH_FAILING;
}

static enum health look_at_resolver(const struct running *running, struct text *reasons)
{
	if (running->resolver.failures_in_a_row < FAILURES_IN_A_ROW)
		return HEALTH_GOOD;
	text_addf(reasons,
		"the DNS does not answer: the last %" PRIu64 " questions failed; checks that need "
		"it do what their _temperror says\n",
		running->resolver.failures_in_a_row);
	return HEALTH_DEGRADED;
}

enum health health_look(const struct running *running, struct text *reasons)
{
	enum health health = look_at_store(running, reasons);

	health = worse(health, look_at_resolver(running, reasons));
	if (running->reload.error[0] != '\0') {
		text_add(reasons, "the last reload failed, the configuration of before stays: ");
		text_add_escaped(reasons, running->reload.error, strlen(running->reload.error),
			RELOAD_ERROR_SIZE);
		text_add(reasons, "\n");
		health = worse(health, HEALTH_DEGRADED);
	}
	if (running->waiting >= running->conf->site.max_waiting) {
		text_addf(reasons,
			"as many sessions wait for look-ups as may (max_waiting = %" PRId64
			"); more are put off\n",
			running->conf->site.max_waiting);
		health = HEALTH_FAILING;
	}
	if (running->stopping) {
		text_add(reasons, "the daemon is stopping; new sessions are put off\n");
		health = HEALTH_FAILING;
	}
	return health;
}

const char *health_name(enum health health)
{
	static const char *const names[] = {
		[HEALTH_GOOD] = "good",
		[HEALTH_DEGRADED] = "degraded",
		[HEALTH_FAILING] = "failing",
	};

	return names[health];
}
