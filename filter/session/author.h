/* SPDX-License-Identifier: BSD-2-Clause */
/* The author of a message (From, RFC 5322 3.6.2) against who is known to have sent it: alignment, DMARC
 * (RFC 7489), and what excuses mail that is not aligned. Reads session->transaction.header, so it is for
 * policies with reads_header. */
#ifndef MAILREEVE_AUTHOR_H
#define MAILREEVE_AUTHOR_H

#include <stdbool.h>
#include <stdint.h>

#include "compiler.h"
#include "dmarc.h"
#include "session.h"

/* The domain of From, canonical: that of its only address, or of all of them. "" where there is not
 * exactly one, or mail programs could disagree about it; *WHY_R (static) tells why then. */
const char *author_domain(const struct session *session, const char **why_r);

struct alignment {
	const char *domain; /* as author_domain */
	bool spf, spf_strict; /* the reverse-path (or HELO for the null one) passes SPF, and its
			       * organization, or name, is that of domain */
	bool dkim, dkim_strict; /* the same for a signature that a trusted filter found good */
	/* A signature that claims to be of that organization, or name, is there, and no trusted filter
	 * has looked at it: whether it is good is not known. */
	bool dkim_unknown, dkim_unknown_strict;
	bool temporary; /* SPF or DKIM could not be found out now */
	char evidence[EVIDENCE_SIZE];
};

/* Waits for SPF. */
void author_alignment(struct session *session, uint64_t deadline_ms, struct alignment *alignment_r);
bool author_is_aligned(const struct alignment *alignment);

/* DMARC. Kept in the transaction, so that it is worked out once. */
struct dmarc_outcome {
	/* PASS; FAIL; NONE: no record, or dkim_unknown; PERMERROR: no author domain, unusable record;
	 * TEMPERROR. */
	enum result result;
	char domain[DOMAIN_SIZE]; /* as author_domain */
	bool dkim_unknown; /* it passes or fails with a signature that nobody has verified */
	enum dmarc_policy policy; /* of FAIL and PASS: what the domain asks for */
	unsigned percent; /* of the mail that fails */
	char evidence[EVIDENCE_SIZE];
};

/* Starts policy discovery for the domain of the reverse-path, which that of From mostly is, or is of its
 * organization: an MTA may show the header section only once the client waits for the last answer. */
void author_dmarc_guess(struct session *session);
/* Starts policy discovery as soon as From is known; NULL without an author domain. */
struct inquiry *author_dmarc_start(struct session *session);
/* Waits. Never NULL; lives as long as the transaction. */
const struct dmarc_outcome *author_dmarc(struct session *session, uint64_t deadline_ms);

/* What an administrator lets be: settings of a policy. */
enum list_excuse { LISTS_AUTHENTICATED, LISTS_ANY, LISTS_NONE };
extern const char *const list_excuse_words[];
struct excuses {
	struct matchlist *exceptions; /* clients, and addresses or domains of From */
	int lists; /* enum list_excuse */
};

enum excuse {
	EXCUSE_NONE,
	EXCUSE_FORWARDER, /* client in forwarders */
	EXCUSE_LIST, /* list fields; anybody can write them, so unless lists is "any" the reverse-path
		      * must pass SPF, which names who is to blame */
	EXCUSE_EXCEPTION,
	EXCUSE_UNKNOWN /* the names of the client are not known now */
};

/* Why mail of this transaction is let be although it is not aligned; in words in EVIDENCE. Waits. */
enum excuse author_excuse(struct session *session, const struct excuses *excuses,
	uint64_t deadline_ms, char evidence[EVIDENCE_SIZE]);

#endif
