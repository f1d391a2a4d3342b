/* SPDX-License-Identifier: BSD-2-Clause */
/* What a limit counts by: an expression like "auth_user | sender + recipient_domain" and the canonical
 * identity that it gives for a session. "|" falls back to the next alternative when the session has
 * not all of one; "+" joins. */
#ifndef MAILREEVE_LIMIT_KEY_H
#define MAILREEVE_LIMIT_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "limit_override.h"
#include "session.h"
#include "store.h"

enum {
	LIMIT_ALTERNATIVES_MAX = 4,
	LIMIT_PARTS_MAX = 4,
	LIMIT_UNPROVEN_PLACES = 1024,
	LIMIT_WORDS_SIZE = 96
};

struct limit_key {
	size_t alternatives;
	size_t part_counts[LIMIT_ALTERNATIVES_MAX];
	unsigned char parts[LIMIT_ALTERNATIVES_MAX][LIMIT_PARTS_MAX]; /* private */
};

/* False with a sentence in WHY: what is wrong, what would be right. */
bool limit_key_parse(
	const char *text, struct limit_key *key_r, char *why, size_t why_size) MUST_CHECK;

/* The words of one alternative, as in the configuration: "sender + client_ip". Returns BUFFER. */
const char *limit_key_words(
	const struct limit_key *key, size_t alternative, char buffer[LIMIT_WORDS_SIZE]);

/* Holds nothing but what a stranger can write as he likes (reverse-path, HELO, recipients): for
 * warnings. */
bool limit_key_is_forgeable(const struct limit_key *key);

/* Holds nothing but the client's address or network. */
bool limit_key_is_client(const struct limit_key *key);

/* Says something else for each recipient of a message. */
bool limit_key_has_recipient(const struct limit_key *key);

/* Holds the name of a user. */
bool limit_key_has_user(const struct limit_key *key);

/* Holds the recipient itself. */
bool limit_key_is_of_one_recipient(const struct limit_key *key);

struct limit_key_options {
	const char *title; /* of the limit; its counts are its own */
	const char *extension; /* of mailbox_identity */
	unsigned prefix_v4, prefix_v6; /* of a client network */
	const struct limit_overrides *overrides; /* NULL: none */
	const struct limit_overrides *raises; /* NULL: none; win against those */
};

/* Whether sender and HELO of this session are proven, found out once. Zeroed at first. */
struct limit_proof {
	unsigned char known[2], holds[2]; /* by enum proof_of */
};

struct limit_identity {
	char key[STORE_KEY_SIZE];
	char label[STORE_LABEL_SIZE]; /* readable, escaped */
	const struct limit_override *override; /* of the first part that has one; NULL: none. What
						* nothing proves has none. */
};

/* False when the session has none of the alternatives: the limit is not about it. What is written by a
 * stranger and proven by nothing belongs to the client's network, so that nobody can use up what is
 * another's, and shares LIMIT_UNPROVEN_PLACES counters there, so that forged names make no flood of
 * keys; the null reverse-path always does. Waits for proofs until DEADLINE_MS. */
bool limit_key_make(const struct limit_key *key, const struct limit_key_options *options,
	struct session *session, struct limit_proof *proof, uint64_t deadline_ms,
	struct limit_identity *identity_r);

/* An override of TEXT can be meant for it: an address, a domain or .domain, a network, a user's name. */
bool limit_key_takes(const struct limit_key *key, const char *text);

/* The same for what an administrator calls it: the values of an alternative, joined with "+", as the
 * log shows them. UNPROVEN: the key it has while nothing proves it; then the client's network stands
 * last. False where NAME is none of this alternative. */
bool limit_key_named(const struct limit_key *key, size_t alternative,
	const struct limit_key_options *options, const char *name, bool unproven,
	struct limit_identity *identity_r);

#endif
