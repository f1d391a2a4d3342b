/* SPDX-License-Identifier: BSD-2-Clause */
/* One mailbox of a header field (RFC 5322 3.4): its address and its name, and what can be wrong with
 * them, or with the list it stands in. No I/O; reentrant. */
#ifndef MAILREEVE_MAILBOX_FORM_H
#define MAILREEVE_MAILBOX_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "path.h"

enum { MAILBOX_TEXT_SIZE = 1024 }; /* a longer name is cut */

/* What can be wrong with such a field. First those in which readers can disagree about who is named,
 * then what is only sloppy, or obsolete (RFC 5322 4). */
enum mailbox_defect {
	DEFECT_GROUP, /* "x: a@b, c@d;" */
	DEFECT_EMPTY_GROUP, /* "undisclosed-recipients:;" */
	DEFECT_ROUTE, /* "<@a,@b:c@d>" */
	DEFECT_ESCAPED_SEPARATOR, /* "\," outside of quotes */
	DEFECT_TEXT_AFTER_ADDRESS, /* "<a@b> c@d" */
	DEFECT_SEVERAL_BRACKETS, /* "<a@b><c@d>", "<a@b,c@d>" */
	DEFECT_NESTED_BRACKETS, /* "<<a@b>>" */
	DEFECT_UNBALANCED_BRACKET, /* "<a@b", "a@b>" */
	DEFECT_UNBALANCED_QUOTE,
	DEFECT_UNBALANCED_COMMENT,
	DEFECT_DEEP_COMMENT, /* comments within comments within ... */
	DEFECT_COMMENT_IN_ADDRESS, /* "a@b(x).c" */
	DEFECT_ENCODED_ADDRESS, /* an encoded-word that holds the whole address */
	DEFECT_ENCODED_PART, /* an encoded-word within the address */
	DEFECT_ADDRESS_IN_ENCODED_NAME, /* the name decodes to one with another "<a@b>" in it */
	DEFECT_ENCODED_CONTROL, /* an encoded-word hides NUL, CR, LF or another control character */
	DEFECT_CONTROL_CHARACTER,
	DEFECT_INVISIBLE_IN_ADDRESS, /* or octets that are no UTF-8 */
	DEFECT_BLANK_IN_ADDRESS, /* "<a@b .c>", "a@b c" */
	DEFECT_TWO_AT, /* "<a@b@c>" */
	DEFECT_SPECIAL_IN_ADDRESS, /* "<a@b;c>", "x"y@b, at which some readers stop */
	DEFECT_ADDRESS_IN_NAME_ONLY, /* "\"a@b\" <>": an address is shown where none is named */
	DEFECT_OTHER_ADDRESS_AS_NAME, /* "c@d.e <a@b>" without quotes, of another organization */
	DEFECT_BLANK_FOLD, /* a line of blanks only within the field, which could end the section */
	DEFECTS_AMBIGUOUS,

	DEFECT_NO_ADDRESS = DEFECTS_AMBIGUOUS, /* "Anna" */
	DEFECT_NULL_ADDRESS, /* "Anna <>" */
	DEFECT_UNQUALIFIED, /* "<root>", "root@host" */
	DEFECT_UNQUOTED_COMMA, /* "Doe, John <a@b>" */
	DEFECT_UNQUOTED_COLON, /* "Re: x <a@b>" */
	DEFECT_UNQUOTED_AT, /* in the name, and no more than that: "c@b <a@b>", "@home <a@b>" */
	DEFECT_UNQUOTED_BRACKET, /* "[x] Anna <a@b>" */
	DEFECT_SEMICOLON, /* "a@b; c@d", "a@b;" */
	DEFECT_STRAY_BACKSLASH, /* outside of quotes: "\"Anna\"" */
	DEFECT_EMPTY_ELEMENT, /* "a@b,,c@d" */
	DEFECT_BLANK_AROUND_AT, /* "a @ b" */
	DEFECT_WORDS_BESIDE_ADDRESS, /* "Anna a@b" */
	DEFECT_NESTED_COMMENT,
	DEFECT_LOCAL_PART_MALFORMED, /* "a..b@c" */
	DEFECT_DOMAIN_MALFORMED, /* not letters, digits and hyphens: "a@b_c" */
	DEFECT_ADDRESS_LENGTH, /* local-part over 64 octets, path over 256 */
	DEFECT_8BIT_ADDRESS, /* right under SMTPUTF8 only */
	DEFECT_INVISIBLE_IN_NAME,
	DEFECT_ENCODED_WORD_MALFORMED,
	DEFECT_FOLD_AFTER_COLON, /* nothing but the fold stands on the first line */
	DEFECTS
};

/* One mailbox as it could be read. */
struct mailbox {
	char domain
		[DOMAIN_SIZE]; /* canonical, of what stands behind the last "@"; "" when that is no
				   * name */
	char *address; /* as it stood, without brackets, blanks and comments; "" when empty; owned */
	char *name; /* display name, or the comment where there is none: dequoted, decoded, UTF-8 (or
		     * the raw octets that stood there); "" when there is none; owned */
	struct path path; /* null where the address is none */
};

/* Adds DEFECT to DEFECTS. */
void mailbox_defect_add(uint64_t *defects, enum mailbox_defect defect);

/* What DEFECT is, for evidence: "a route before the address". */
const char *mailbox_defect_text(enum mailbox_defect defect);

/* Fills the mailbox from ADDRESS, without blanks and comments, and from NAME, dequoted but not decoded
 * yet; adds what is wrong with them. The name is judged by the address, so that comes first. */
void mailbox_form_address(struct mailbox *mailbox, const char *address, uint64_t *defects);
void mailbox_form_name(struct mailbox *mailbox, const char *name, uint64_t *defects);

/* WORDS, which stand without quotes before the mailbox's "<" and have an "@", could be taken for the
 * address: adds which of the two defects that is, if any. */
void mailbox_form_words(const struct mailbox *mailbox, const char *words, uint64_t *defects);

/* WORDS have an "@" with a domain behind it, blanks around its dots or not, that is not of the organization
 * of OWN, which may be "". */
bool mailbox_words_name_other(const char *words, const char *own);

#endif
