/* SPDX-License-Identifier: BSD-2-Clause */
/* The busiest keys of the last minutes (Metwally, Agrawal, El Abbadi: space-saving), in bounded memory
 * however many keys there are. Thread-safe. */
#ifndef MAILREEVE_BUSIEST_H
#define MAILREEVE_BUSIEST_H

#include <stddef.h>
#include <stdint.h>

enum { BUSIEST_COUNT = 128, BUSIEST_NAME_SIZE = 96, BUSIEST_PERIOD_MS = 60000 };

struct busiest;

struct busiest_entry {
	char name[BUSIEST_NAME_SIZE]; /* printable; of the key */
	char group[BUSIEST_NAME_SIZE]; /* printable; of the limit */
	uint64_t units; /* at most; in this period and the one before */
	uint64_t refused;
};

struct busiest *busiest_create(void);
void busiest_free(struct busiest **busiest);

/* Counts UNITS for NAME in GROUP, and REFUSED of them. GROUP is kept: one address for one group. */
void busiest_note(struct busiest *busiest, const char *group, const char *name, uint64_t units,
	uint64_t refused, uint64_t now_ms);

/* Busiest first; returns how many, at most CAPACITY. */
size_t busiest_read(
	struct busiest *busiest, struct busiest_entry *entries_r, size_t capacity, uint64_t now_ms);

#endif
