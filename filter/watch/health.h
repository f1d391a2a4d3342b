/* SPDX-License-Identifier: BSD-2-Clause */
/* What the daemon is made of while it runs, and whether it is well: for status, metrics and /healthz. */
#ifndef MAILREEVE_HEALTH_H
#define MAILREEVE_HEALTH_H

#include <stdbool.h>
#include <stddef.h>

#include "conf.h"
#include "reload.h"
#include "session.h"
#include "text.h"

/* As it was at one moment. */
struct running {
	struct conf *conf; /* a reference */
	struct reload_state reload;
	bool stopping;
	int64_t waiting; /* sessions that wait for look-ups */
	struct store_state store;
	struct resolver_stats resolver;
	struct slowest_entry slowest[SLOWEST_COUNT]; /* look-ups of the last minutes */
	size_t slowest_count;
};

/* Fills in what the services and the chain say; conf, reload and stopping are the caller's. */
void health_ask(struct running *running, const struct services *services);

enum health {
	HEALTH_GOOD,
	HEALTH_DEGRADED, /* mail is judged, with less than all */
	HEALTH_FAILING /* mail is tempfailed for a reason of ours */
};

/* The reasons go to REASONS, a line each. */
enum health health_look(const struct running *running, struct text *reasons);
const char *health_name(enum health health);

#endif
