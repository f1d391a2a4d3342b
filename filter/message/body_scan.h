/* SPDX-License-Identifier: BSD-2-Clause */
/* The octets of a body, looked at in one pass in whatever chunks they come, without being kept: lines,
 * line ends, 8-bit octets, base64 (RFC 2045), and lines that look like SMTP. Pure, reentrant. */
#ifndef MAILREEVE_BODY_SCAN_H
#define MAILREEVE_BODY_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"

enum { BODY_LINE_START = 160 }; /* octets of a line that are looked at as text */

struct body_scan {
	/* What was found. */
	size_t lines;
	size_t longest_line; /* octets, without the line end */
	size_t bare_cr, bare_lf, nul;
	size_t eight_bit_line; /* the first with 8-bit octets, from 1; 0: none */
	size_t bad_base64_line; /* the first that does not decode; 0: none */
	size_t smtp_line; /* where DATA stands behind MAIL FROM and RCPT TO; 0: nowhere */
	bool declared_8bit; /* by a Content-Transfer-Encoding of the message or of a part */
	bool starts_with_header; /* its first line is a field that MTAs do not take for one: a
				  * blank before its name, or a fold within it */

	/* Of the line being read. */
	char start[BODY_LINE_START + 1];
	size_t start_length, line;
	bool after_cr;
	bool eight_bit; /* there are such octets, in this chunk or before */

	/* Of the part being read. */
	bool multipart; /* boundaries can come */
	bool in_part_header, message_part, part_base64, transfer_encoding_open;
	bool in_base64, padded;
	unsigned base64_octets; /* of the group of four */

	int smtp_step;
};

/* Bodies of the two fields of the header section; NULL where there is none. */
void body_scan_start(
	struct body_scan *scan, const char *content_type, const char *transfer_encoding);
void body_scan_add(struct body_scan *scan, const unsigned char *bytes, size_t length);
void body_scan_end(struct body_scan *scan);

#endif
