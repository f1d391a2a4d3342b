/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of "mailreevectl limits" in the daemon share. */
#ifndef MAILREEVE_LIMITS_QUERY_H
#define MAILREEVE_LIMITS_QUERY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "conf.h"
#include "limit_options.h"
#include "limit_raise.h"
#include "limits_table.h"

struct limits_query {
	FILE *out;
	const struct conf *conf;
	const struct services *services;
	const struct limit_raise_set *raises; /* in force */
	bool json;
	const char *title; /* of the one limit that is meant; "": any */
	const char *name; /* the key, as an administrator writes it */
	int64_t cost;
	size_t rows; /* written so far */
	struct limits_table table; /* of them, where they are no JSON */
	char by[LIMIT_WORDS_SIZE]; /* what the identity that is visited is: "auth_user" */
	bool proven; /* and it is kept as such */
	bool down; /* the store did not answer */
};

/* Calls EACH for every limit of the query's that runs. */
void limits_each(struct limits_query *query,
	void (*each)(struct limits_query *query, const struct limit_options *limit));

/* The one of that title, or NULL. */
const struct limit_options *limits_find(const struct limits_query *query, const char *title);

struct limit_key_options limits_key_options(
	const struct limits_query *query, const struct limit_options *limit);

/* Sets what the identity is that NAME stands for in that alternative of the limit's key. False: none. */
bool limits_identity_of(struct limits_query *query, const struct limit_options *limit,
	size_t alternative, bool proven, const char *name, struct limit_identity *identity_r);

/* "sender", "sender, unproven". Returns BUFFER. */
enum { LIMITS_BY_SIZE = LIMIT_WORDS_SIZE + 16 };
const char *limits_by(const struct limits_query *query, char buffer[LIMITS_BY_SIZE]);

/* ", "by": "sender", "proven": true": members of an object. */
void limits_json_by(const struct limits_query *query);

/* Calls EACH for every identity that the query's name can be for that limit. */
typedef void limits_identity(struct limits_query *query, const struct limit_options *limit,
	const struct limit_identity *identity);
void limits_identities(
	struct limits_query *query, const struct limit_options *limit, limits_identity *each);

/* What holds for it now: the override's, or the limit's own. False: unlimited. */
bool limits_rate(const struct limit_options *limit, const struct limit_identity *identity,
	struct rate *rate_r);

/* Begins the query's list, or goes on with it: "{"NAME": [" or ", ". Counts the row. */
void limits_next_json(struct limits_query *query, const char *name);
void limits_end_json(struct limits_query *query, const char *name);
void limits_json_text(FILE *out, const char *text);

/* Each answers in full and returns an exit status. */
int limits_show(struct limits_query *query);
int limits_top(struct limits_query *query, size_t count);
int limits_reset(struct limits_query *query);
int limits_raise(struct limits_query *query, const char *rate, int64_t end_ms);
int limits_unraise(struct limits_query *query);
int limits_raises(struct limits_query *query);

#endif
