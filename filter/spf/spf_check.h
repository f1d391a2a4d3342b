/* SPDX-License-Identifier: BSD-2-Clause */
/* One run of an SPF check, as spf_evaluate.c walks it, and what its parts share: names of terms,
 * questions sent ahead, evidence, explanation. For the spf_*.c files only. */
#ifndef MAILREEVE_SPF_CHECK_H
#define MAILREEVE_SPF_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"
#include "dns.h"
#include "inquiry.h"
#include "spf_guard.h"
#include "spf_record.h"
#include "spf_result.h"

enum { SPF_TERMS_MAX = 10, SPF_VOIDS_MAX = 2 }; /* RFC 7208 4.6.4 */

/* Who asks, for macros. */
struct spf_asker {
	char helo[DOMAIN_SIZE]; /* as given, bounded */
	char sender[PATH_SIZE]; /* local-part@domain; postmaster@HELO for the null reverse-path */
	char receiver[DOMAIN_SIZE];
	bool mattered; /* a record had a macro for one of them, or for the time */
};

struct spf_check {
	struct inquiry *inquiry;
	struct spf *spf; /* client and domain to ask for, and where the result goes */
	struct spf_asker *asker;
	struct spf_guard *guard; /* NULL until a term needs it */
	unsigned terms; /* that asked the DNS, over all includes and redirects */
	unsigned voids; /* of them without any answer */
	bool speculating; /* one question is out that may turn out not to be needed */
	bool skipped; /* a DNS error was passed over as 5.5 says: a term that could have matched */
	bool pending; /* an answer is missing: the step must be run again */
};

/* One record under evaluation: the first, an included one, or what a redirect led to. */
struct spf_level {
	const char *domain;
	bool included;
	struct spf_record record;
	const char *speculative; /* text of the term whose question is out on speculation */
};

/* The expanded domain-spec of TERM, or the level's domain where it has none: YES, NO when no name
 * comes out, or PENDING (%{p} asks the DNS). */
enum spf_match spf_check_target(struct spf_check *check, const struct spf_level *level,
	const struct spf_term *term, char name_r[DOMAIN_SIZE]) MUST_CHECK;

/* What TERM asks first: the type, and the name instead of NAME where it is another one. */
enum dns_type spf_check_question(
	const struct spf_check *check, const struct spf_term *term, char name[DOMAIN_SIZE]);

/* A or AAAA, by the client's family. */
enum dns_type spf_check_address_type(const struct spf_check *check);

/* Sends the questions of TERM, which is about to be evaluated and ends at OFFSET, and of the terms
 * behind it, as many as cannot exceed the limits whatever the answers are. */
void spf_check_look_ahead(struct spf_check *check, struct spf_level *level,
	const struct spf_term *term, size_t offset);

/* Fills the explanation of a fail from exp=; sets pending when an answer is missing. */
void spf_check_explain(struct spf_check *check, const struct spf_level *level);

/* Evidence: "DOMAIN WHAT", "DOMAIN: v=spf1 term "TERM" WHAT", and the same put before what the
 * evidence says so far, at the outermost record only: what decided must not be cut off. */
void spf_check_note(struct spf_check *check, const char *domain, const char *what);
void spf_check_note_term(
	struct spf_check *check, const char *domain, const struct spf_term *term, const char *what);
void spf_check_note_before(struct spf_check *check, const struct spf_level *level,
	const struct spf_term *term, const char *what);

#endif
