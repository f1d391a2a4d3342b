/* SPDX-License-Identifier: BSD-2-Clause */
/* What the header section of one message says (RFC 5322 3.6), collected in one pass and bounded: how
 * often the known fields stand, who is named in them, what is odd about any. A fact of the transaction
 * for all policies: session->transaction.header, there from the first field on where a policy has
 * reads_header, and always at STAGE_EOM. No I/O; reentrant. */
#ifndef MAILREEVE_HEADER_SECTION_H
#define MAILREEVE_HEADER_SECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"
#include "mailbox_list.h"

enum {
	HEADER_KEPT_MAX = 65536, /* octets of bodies that are kept, together */
	HEADER_IDENTITY_MAX = 4096, /* of From, Sender, Reply-To and Resent-From, which are always
				     * kept; cut there */
	HEADER_RESULTS_MAX = 100, /* Authentication-Results that are kept */
	HEADER_SIGNERS_MAX = 20 /* DKIM-Signatures whose domains are kept */
};

/* The fields that are told apart. The first ones may stand once (RFC 5322 3.6, RFC 2045 3). */
enum header_field {
	HEADER_FROM,
	HEADER_SENDER,
	HEADER_REPLY_TO,
	HEADER_TO,
	HEADER_CC,
	HEADER_BCC,
	HEADER_MESSAGE_ID,
	HEADER_IN_REPLY_TO,
	HEADER_REFERENCES,
	HEADER_SUBJECT,
	HEADER_DATE,
	HEADER_MIME_VERSION,
	HEADER_CONTENT_TYPE,
	HEADER_CONTENT_TRANSFER_ENCODING,
	HEADER_SINGLE, /* how many they are */
	HEADER_RETURN_PATH = HEADER_SINGLE,
	HEADER_RECEIVED,
	HEADER_RESENT_FROM,
	HEADER_RESENT_SENDER,
	HEADER_LIST, /* any List-* (RFC 2369, RFC 2919) */
	HEADER_LIST_ID,
	HEADER_PRECEDENCE,
	HEADER_AUTHENTICATION_RESULTS,
	HEADER_DKIM_SIGNATURE,
	HEADER_MAILBOX_LINE, /* X-Mailbox-Line: what Postfix makes of an mbox "From " line */
	HEADER_OTHER,
	HEADER_FIELDS
};

struct header_section {
	unsigned fields; /* all of them */
	unsigned counts[HEADER_FIELDS];
	size_t octets; /* names and bodies */
	size_t from_octets; /* of the first From's body */
	size_t longest_line; /* octets of one line */
	size_t longest_field; /* octets of one field */
	char longest_name[64]; /* its name, cut */

	/* Of the first field of each kind, read as a whole; later ones are only counted. */
	struct mailbox_list from, sender, reply_to, resent_from;
	char *bodies[HEADER_FIELDS]; /* as handed over; NULL: none, or not kept (kept: those of
				      * enum header_field but HEADER_RECEIVED, HEADER_LIST,
				      * HEADER_DKIM_SIGNATURE and HEADER_OTHER) */
	/* Every Authentication-Results, from the top down, so the newest first. */
	char **results;
	size_t result_count;
	size_t fresh_results; /* the first so many stand above every Received: no earlier hop than
			       * this MTA can have put them there, but the client can */
	/* Domains that DKIM-Signatures name as theirs (d=), canonical, verified or not; one that names
	 * none cannot be good and is left out. */
	char *signers[HEADER_SIGNERS_MAX];
	size_t signer_count;
	bool more_signers; /* there are more */

	size_t kept; /* octets kept */
	bool full; /* something was not kept for HEADER_KEPT_MAX */

	/* What is odd about any field: the name of the first such one, cut; "" for none. */
	char control_in[64]; /* control characters in its body */
	char not_ascii_in[64]; /* 8-bit octets in its body */
	char blank_fold_in[64]; /* a line of blanks only */
	char encoded_control_in[64]; /* an encoded-word that hides one */
	char bad_name[64]; /* its name is not printable ASCII without blanks */
	unsigned blank_before_colon; /* how many fields: "From :"; Postfix hides them */
};

/* Owned by the caller. */
struct header_section *header_section_create(void);
/* Nulls; NULL allowed. */
void header_section_free(struct header_section **section);

/* The next field, as the MTA hands it over: BODY with the blank behind the colon, or without. */
void header_section_add(struct header_section *section, const char *name, const char *body);

/* Which field NAME is, without case and blanks around it. */
enum header_field header_field_of(const char *name);
/* "Reply-To"; HEADER_LIST is "List-". */
const char *header_field_name(enum header_field field);

#endif
