/* SPDX-License-Identifier: BSD-2-Clause */
/* The slowest of the last minutes, each with a name. Thread-safe; cheap for what is not among them. */
#ifndef MAILREEVE_SLOWEST_H
#define MAILREEVE_SLOWEST_H

#include <stddef.h>
#include <stdint.h>

enum { SLOWEST_COUNT = 16, SLOWEST_NAME_SIZE = 96, SLOWEST_KEEP_MS = 600000 };

struct slowest;

struct slowest_entry {
	char name[SLOWEST_NAME_SIZE]; /* printable */
	uint64_t us;
	uint64_t at_ms; /* clock_monotonic_ms */
};

struct slowest *slowest_create(void);
void slowest_free(struct slowest **slowest);

/* NAME is cut and escaped; of the same name the longer one stays. */
void slowest_note(struct slowest *slowest, const char *name, uint64_t us, uint64_t now_ms);

/* Slowest first; returns how many. */
size_t slowest_read(
	struct slowest *slowest, struct slowest_entry entries_r[SLOWEST_COUNT], uint64_t now_ms);

#endif
