/* SPDX-License-Identifier: BSD-2-Clause */
/* What several sessions, and with Redis several hosts, must agree on: windows of limits, small
 * expiring values, sets. Two implementations behind this interface, memory and Redis, that pass the
 * same tests. Thread-safe. No call takes longer than the store's deadline.
 *
 * A window counts units per key over a time W cut into 60 slots; the oldest, partly expired slot
 * still counts in full, so no rolling window ever holds more than the limit (design section 4).
 * Units are reserved under a reservation id, then committed or given back. One reservation id can
 * grow (a recipient at a time): SEQUENCE numbers its reserve calls 1, 2, 3 ..., and repeating a call
 * with the same sequence charges nothing more. */
#ifndef MAILREEVE_STORE_H
#define MAILREEVE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"

struct store;

enum {
	STORE_ID_SIZE = 16,
	STORE_KEY_SIZE = 33,
	STORE_LABEL_SIZE = 128,
	STORE_TITLE_SIZE = 64,
	STORE_MEMBER_SIZE = 12, /* 96 bits of a hash: nobody finds two that are alike */
	STORE_CHARGE_MEMBERS_MAX = 64,
	STORE_UNIQUE_MAX = 10000, /* the largest limit of a window that counts different members */
	STORE_ROWS_MAX = 256, /* of a table */
	STORE_FIELD_SIZE = 512 /* of a row's name, and of its value */
};

struct store_options {
	char *url; /* as in store_url.h; NULL: memory */
	char *password_file; /* first line is the password, read when connecting; NULL: none */
	char *sentinel_user; /* NULL: the sentinels' default user */
	char *sentinel_password_file; /* of the sentinels; NULL: none */
	char *tls_ca_file; /* NULL: the authorities of this machine */
	char *tls_certificate_file, *tls_key_file; /* NULL: we show none */
	char *tls_server_name; /* NULL: the host as it was named */
	char *prefix; /* of every key in Redis ["mailreeve:"] */
	int64_t connect_timeout_ms; /* [100] */
	int64_t timeout_ms; /* deadline of a call [50] */
	int64_t wait_replicas; /* that must confirm what is reserved [0] */
	int64_t wait_timeout_ms; /* for that [20] */
	int64_t connections; /* at most, to each server [2] */
	int64_t memory_bytes; /* bound of the memory half [64 MB] */
};

/* False for options that can never work, with a sentence in WHY (what is wrong; what would be right) and in
 * *SETTING_R the name of the setting to blame. Reads the files of TLS. */
bool store_options_verify(const struct store_options *options, const char **setting_r, char *why,
	size_t why_size) MUST_CHECK;

/* NULL with a sentence in WHY for options that can never work. A Redis that does not answer now is
 * no error: the breaker is open until it does; opening waits at most 3 s for its first answer. The
 * Redis half starts a thread, so open it after a fork, and ignores SIGPIPE where nobody handles it. */
struct store *store_open(
	const struct store_options *options, char *why, size_t why_size) MUST_CHECK;
/* In memory, whatever else is said: of OPTIONS only memory_bytes counts. */
struct store *store_open_local(const struct store_options *options);
void store_close(struct store **store);

enum store_status {
	STORE_OK, /* done; for a reserve: all charges fit and are taken */
	STORE_OVER, /* a charge that refuses did not fit; nothing was taken */
	STORE_DOWN /* no answer in time, breaker open, or an error of the server */
};

/* What became of a charge that only looks on. */
struct store_watch {
	bool over; /* it did not fit, and was left out */
	int64_t used, retry_after_ms; /* with OVER; as in store_decision */
};

/* One limit's part of a step. KEY is a hash in hex (store_key); LABEL is the readable key.
 *
 * With MEMBERS the window counts different ones: a member that is counted already costs nothing, and
 * counts from its newest use on, so that no rolling window ever holds more than LIMIT of them. The
 * window then keeps each of them, so LIMIT bounds its size; above STORE_UNIQUE_MAX it counts as that.
 * A reserve call takes one member for each charge; a repetition with the same id charges once whatever
 * its sequence, and the members themselves say what is committed or given back. */
struct store_charge {
	const char *key;
	const char *label; /* escaped, at most STORE_LABEL_SIZE - 1 bytes are kept */
	int64_t window_ms;
	int64_t limit; /* the most units the window may hold; 0 refuses all */
	int64_t units; /* to take; 0 only looks; without meaning for members */
	const char *title; /* of the limit, for lists; NULL: none */
	const unsigned char *members; /* MEMBER_COUNT times STORE_MEMBER_SIZE bytes; NULL: none */
	size_t member_count;
	/* Not NULL: it never refuses the step; where it does not fit it alone is left out. Set by
	 * reserve and look. */
	struct store_watch *watch;
};

struct store_decision {
	size_t over; /* index of the charge that did not fit, with STORE_OVER */
	int64_t used; /* units in its window (the largest share, where none was over) */
	int64_t retry_after_ms; /* until that charge could fit, if nothing else comes; its whole window
	                           where it never could. Of several, the one that waits longest. */
};

/* Makes a random reservation id. */
void store_id(unsigned char id_r[STORE_ID_SIZE]);

/* Hex key from the parts that make a key unique (limit name and canonical identity), joined without
 * ambiguity and hashed, so that nothing from the wire reaches the store's key space. */
void store_key(char key_r[STORE_KEY_SIZE], const char *const *parts, size_t part_count);

/* What stands for one member, a recipient for example. */
void store_member(unsigned char member_r[STORE_MEMBER_SIZE], const char *text);

/* All or nothing, in one round trip, however many there are. The window of a key is part of where it is kept; its limit is
 * not, so a changed limit keeps the counts. One key and window may stand in CHARGES once only. */
enum store_status store_reserve(struct store *store, const unsigned char id[STORE_ID_SIZE],
	unsigned sequence, const struct store_charge *charges, size_t count,
	struct store_decision *decision_r) MUST_CHECK;

/* The reserved units of ID under these charges (key and window_ms count) stay. Does not wait for the
 * store; if it is lost the units stay counted until their slot leaves the window. */
void store_commit(struct store *store, const unsigned char id[STORE_ID_SIZE],
	const struct store_charge *charges, size_t count);

/* Gives UNITS (each charge's units) of what ID reserved back, or all of it with SEQUENCE 0. With a
 * sequence: the units of that reserve call only. Repeating it gives nothing more back. */
enum store_status store_give_back(struct store *store, const unsigned char id[STORE_ID_SIZE],
	unsigned sequence, const struct store_charge *charges, size_t count);

/* What store_reserve would answer; takes nothing. */
enum store_status store_look(struct store *store, const struct store_charge *charges, size_t count,
	struct store_decision *decision_r) MUST_CHECK;

/* Forgets all that these windows count. */
enum store_status store_forget(
	struct store *store, const struct store_charge *charges, size_t count) MUST_CHECK;

/* Units in the window of each charge, into USED_R[count]. */
enum store_status store_peek(struct store *store, const struct store_charge *charges, size_t count,
	int64_t *used_r) MUST_CHECK;

/* Small values with an expiry. NAME is of our making (printable ASCII), VALUE 1 byte to 16 kB. */
enum store_status store_put(struct store *store, const char *name, const void *value, size_t length,
	int64_t keep_ms) MUST_CHECK;
/* *VALUE_R is owned by the caller (mem_free), NULL when there is none. */
enum store_status store_get(
	struct store *store, const char *name, void **value_r, size_t *length_r) MUST_CHECK;

/* True for one of all callers on all hosts until KEEP_MS are over: who may do what is done once. */
enum store_status store_claim(
	struct store *store, const char *name, int64_t keep_ms, bool *claimed_r) MUST_CHECK;

/* A small table that all hosts share: rows of text without line ends, each with an end of its own
 * (clock_wall_ms). STORE_OVER: it is full. A row that has ended is not read any more. */
struct store_row {
	char *name, *value; /* owned */
	int64_t end_ms;
};
enum store_status store_table_set(
	struct store *store, const char *table, const struct store_row *row) MUST_CHECK;
enum store_status store_table_delete(
	struct store *store, const char *table, const char *name, bool *found_r) MUST_CHECK;
/* *ROWS_R is the caller's (store_rows_free), NULL when there are none. */
enum store_status store_table_read(struct store *store, const char *table,
	struct store_row **rows_r, size_t *count_r) MUST_CHECK;
void store_rows_free(struct store_row **rows, size_t count);

/* All windows that hold something, in no order; one may come twice. For an administrator: it takes
 * many calls, of which none is longer than the deadline. VISIT must not call the store. */
struct store_window {
	char key[STORE_KEY_SIZE], title[STORE_TITLE_SIZE], label[STORE_LABEL_SIZE];
	int64_t window_ms, used;
};
typedef void store_visit(void *context, const struct store_window *window);
enum store_status store_list(struct store *store, store_visit *visit, void *context) MUST_CHECK;

/* Whether one of MEMBERS (at most STORE_MEMBERS_MAX) is in a set, or a field of a hash, that the
 * administrator keeps under exactly this Redis key (no prefix). One round trip. Redis has no empty sets:
 * one that is missing was emptied, or lost, or is called otherwise. The memory store has none. */
enum { STORE_MEMBERS_MAX = 8 };
enum store_set { STORE_SET_MISSING, STORE_SET_LACKS, STORE_SET_HAS };
enum store_status store_set_has(struct store *store, const char *key, const char *const *members,
	size_t count, enum store_set *set_r) MUST_CHECK;

struct store_state {
	const char *kind; /* "memory", "redis" */
	const char *mode; /* "memory", "single", "sentinel", "cluster" */
	bool up; /* everything that must serve does */
	uint64_t calls, failures, outages;
	uint64_t late; /* commands without an answer before the deadline */
	uint64_t refused; /* that were not sent, since their server is down */
	uint64_t lost; /* whose connection was lost; one more try is made */
	uint64_t unconfirmed; /* that too few replicas confirmed */
	uint64_t redirected; /* that a node of a cluster sent to another */
	uint64_t failovers; /* servers that took over from others */
	uint64_t losses; /* times that what was counted was gone */
	uint64_t servers, servers_up; /* primaries */
	char primary[96]; /* its address; empty: memory, cluster, or none is known */
	uint64_t keys, bytes; /* memory half */
	char detail[128]; /* last error, without secrets */
};
void store_state(struct store *store, struct store_state *state_r);

#endif
