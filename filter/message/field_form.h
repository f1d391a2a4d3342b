/* SPDX-License-Identifier: BSD-2-Clause */
/* The form of header fields other than those with mailboxes: whether a reader can make one thing, and
 * only one, of them. Each returns what is wrong (static), or NULL. Folds stand as CR LF or LF before a
 * blank. Pure, reentrant. */
#ifndef MAILREEVE_FIELD_FORM_H
#define MAILREEVE_FIELD_FORM_H

#include "compiler.h"

/* RFC 5322 3.3, with the years and zones of 4.3. */
const char *field_form_date(const char *body);

/* RFC 5322 3.6.4, read as mail is written: "<", anything printable without blanks, ">". */
const char *field_form_message_id(const char *body);

/* RFC 2045 5.1: a type, a subtype, parameters that are named once. */
const char *field_form_content_type(const char *body);

/* RFC 2045 6.1: one word. */
const char *field_form_transfer_encoding(const char *body);

#endif
