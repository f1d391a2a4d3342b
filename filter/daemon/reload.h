/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading the configuration again while mail goes on, and what came of it. One reload at a time,
 * whoever asks for it: libconfuse has globals. Thread-safe once it has begun. */
#ifndef MAILREEVE_RELOAD_H
#define MAILREEVE_RELOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "conf.h"

enum { RELOAD_ERROR_SIZE = 512 };

struct reload_actions {
	const char *file; /* borrowed for good */
	void (*amend)(struct conf *conf); /* what the command line says goes over the file */
	struct conf *(*current)(void); /* with a reference */
	void (*set)(struct conf *conf); /* takes over the reference */
	void (*notify)(const char *state); /* the service manager */
};

/* CONF has been loaded from the file just now. Before threads start. */
void reload_begin(const struct reload_actions *actions);

/* False when the file has errors; the old configuration stays. All errors are logged; the first one,
 * as "file:line: ...", is in WHY, and how many more there are. */
bool reload_now(char *why, size_t why_size) MUST_CHECK;

struct reload_state {
	const char *file;
	uint64_t loaded_ms; /* clock_wall_ms at which the present configuration was read */
	uint64_t tried_ms; /* of the last try */
	uint64_t done, failed;
	char error[RELOAD_ERROR_SIZE]; /* of the last try; "" when it was good */
};
void reload_state(struct reload_state *state_r);

#endif
