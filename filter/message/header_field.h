/* SPDX-License-Identifier: BSD-2-Clause */
/* Header fields as the MTA hands them over: their names and lines. Pure, reentrant. */
#ifndef MAILREEVE_HEADER_FIELD_H
#define MAILREEVE_HEADER_FIELD_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"

/* NAME is WANTED, without case, and whatever blanks stand around it ("From :"). */
bool header_field_is(const char *name, const char *wanted);

/* Length in octets of the longest line of the field as it stood in the message ("Name: body"). */
size_t header_field_longest_line(const char *name, const char *body);

#endif
