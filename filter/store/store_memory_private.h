/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the memory half share: its table of entries behind one lock. */
#ifndef MAILREEVE_STORE_MEMORY_PRIVATE_H
#define MAILREEVE_STORE_MEMORY_PRIVATE_H

#include "lock.h"
#include "store_backend.h"
#include "window.h"

enum { MEMORY_NAME_SIZE = 128 };

/* A window, or a small value. */
struct entry {
	struct entry *next;
	char *name; /* owned */
	char *label, *title; /* owned; NULL for a value */
	uint64_t hash;
	struct window window;
	int64_t window_ms;
	char *value; /* owned, and a NUL behind it; NULL for a window */
	size_t length;
	uint64_t end_ms;
	size_t bytes; /* as counted against the bound */
};

struct memory {
	struct store *store;
	struct lock lock;
	struct entry **chains GUARDED_BY(lock);
	size_t chain_count; /* a power of two */
	size_t swept GUARDED_BY(lock); /* the next chain to look at */
	uint64_t keys GUARDED_BY(lock), bytes GUARDED_BY(lock), value_bytes GUARDED_BY(lock);
	uint64_t bytes_max;
	uint64_t refused GUARDED_BY(lock); /* keys for which there was no room */
	uint64_t seed;
};

uint64_t memory_now_ms(const struct memory *memory);

struct entry *memory_find(struct memory *memory, const char *name) REQUIRES(memory->lock);
struct entry *memory_find_window(struct memory *memory, const struct store_charge *charge)
	REQUIRES(memory->lock);

/* A new entry under NAME, which is not there yet. */
struct entry *memory_add(struct memory *memory, const char *name) REQUIRES(memory->lock);
struct entry *memory_add_window(struct memory *memory, const struct store_charge *charge)
	REQUIRES(memory->lock);
void memory_remove(struct memory *memory, struct entry *entry) REQUIRES(memory->lock);

/* After each change of an entry. */
void memory_count_bytes(struct memory *memory, struct entry *entry) REQUIRES(memory->lock);

/* Room for COUNT new entries of about SIZE bytes more each? */
bool memory_fits(const struct memory *memory, size_t count, size_t size) REQUIRES(memory->lock);
/* The same; makes room of what has expired. */
bool memory_has_room(struct memory *memory, size_t count, size_t size, uint64_t now)
	REQUIRES(memory->lock);

/* Frees what expired before NOW in the next CHAINS chains, in a few. */
void memory_sweep(struct memory *memory, size_t chains, uint64_t now) REQUIRES(memory->lock);
void memory_sweep_some(struct memory *memory, uint64_t now) REQUIRES(memory->lock);

/* Puts a small value under NAME; false when there is no room. */
bool memory_put(struct memory *memory, const char *name, const void *bytes, size_t length,
	uint64_t end_ms) REQUIRES(memory->lock);

/* As in store_backend.h. */
enum store_status memory_claim(void *half, const char *name, int64_t keep_ms, bool *claimed_r);
enum store_status memory_table_set(void *half, const char *table, const struct store_row *row);
enum store_status memory_table_delete(
	void *half, const char *table, const char *name, bool *found_r);
enum store_status memory_table_read(void *half, const char *table, char **text_r);
enum store_status memory_forget(void *half, const struct store_step *step);
enum store_status memory_list(void *half, store_visit *visit, void *context);

#endif
