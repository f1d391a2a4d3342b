/* SPDX-License-Identifier: BSD-2-Clause */
#include "body_scan.h"

#include <stdint.h>
#include <string.h>

#include "header_section.h"
#include "text.h"

/* What a Content-Transfer-Encoding says, ignoring what stands behind its word. */
static void take_transfer_encoding(struct body_scan *scan, const char *value)
{
	value += strspn(value, " \t\r\n");
	scan->part_base64 = ascii_starts_with(value, "base64");
	if (ascii_starts_with(value, "8bit") || ascii_starts_with(value, "binary"))
		scan->declared_8bit = true;
	scan->transfer_encoding_open = *value == '\0';
}

static void take_content_type(struct body_scan *scan, const char *value)
{
	value += strspn(value, " \t\r\n");
	scan->message_part = ascii_starts_with(value, "message/");
	if (ascii_starts_with(value, "multipart/"))
		scan->multipart = true;
}

/* Base64. ------------------------------------------------------------------------------------- */

static void start_content(struct body_scan *scan)
{
	scan->in_base64 = scan->part_base64;
	scan->base64_octets = 0;
	scan->padded = false;
}

static void bad_base64(struct body_scan *scan)
{
	if (scan->bad_base64_line == 0)
		scan->bad_base64_line = scan->lines + 1;
}

static void end_content(struct body_scan *scan)
{
	if (scan->in_base64 && scan->base64_octets != 0)
		bad_base64(scan);
	scan->in_base64 = false;
}

static bool is_base64(unsigned char c)
{
	return ascii_is_alnum((char)c) || c == '+' || c == '/';
}

static void add_base64(struct body_scan *scan, const unsigned char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		bool pad = bytes[i] == '=';

		if (ascii_is_space((char)bytes[i]))
			continue;
		/* Padding ends it. */
		if ((!pad && (scan->padded || !is_base64(bytes[i]))) ||
			(pad && scan->base64_octets < 2)) {
			bad_base64(scan);
			continue;
		}
		scan->padded = scan->padded || pad;
		scan->base64_octets = (scan->base64_octets + 1) % 4;
	}
}

/* Lines that are looked at as text. ----------------------------------------------------------- */

static void start_part(struct body_scan *scan)
{
	scan->in_part_header = true;
	scan->message_part = scan->part_base64 = scan->transfer_encoding_open = false;
}

static void end_part_header(struct body_scan *scan)
{
	/* A message has a header section of its own. */
	if (scan->message_part) {
		start_part(scan);
		return;
	}
	scan->in_part_header = false;
	start_content(scan);
}

static void read_part_header(struct body_scan *scan)
{
	const char *line = scan->start;

	if (scan->start_length == 0) {
		end_part_header(scan);
	} else if (*line == ' ' || *line == '\t') {
		if (scan->transfer_encoding_open)
			take_transfer_encoding(scan, line);
	} else {
		const char *colon = strchr(line, ':');

		scan->transfer_encoding_open = false;
		if (colon == NULL)
			return;
		if (ascii_starts_with(line, "Content-Transfer-Encoding"))
			take_transfer_encoding(scan, colon + 1);
		else if (ascii_starts_with(line, "Content-Type"))
			take_content_type(scan, colon + 1);
	}
}

static bool is_boundary(const struct body_scan *scan)
{
	return scan->multipart && scan->start_length > 2 && scan->start[0] == '-' &&
	       scan->start[1] == '-' && !ascii_is_space(scan->start[2]);
}

static void read_boundary(struct body_scan *scan)
{
	size_t length = scan->start_length;

	end_content(scan);
	/* Behind the last one there is no part. */
	if (scan->line == length && scan->start[length - 1] == '-' &&
		scan->start[length - 2] == '-')
		scan->in_part_header = false;
	else
		start_part(scan);
}

/* MAIL at the start of LINE, or behind a dot alone: where the MTA shows CR as a blank, that is what is left
 * of "CR . CR" before it. */
static bool has_mail(const char *line)
{
	static const char command[] = "MAIL FROM";
	const size_t length = sizeof(command) - 1;

	for (const char *colon = strchr(line, ':'); colon != NULL; colon = strchr(colon + 1, ':')) {
		const char *dot;

		if ((size_t)(colon - line) < length)
			continue;
		dot = colon - length;
		if (!ascii_equal_n(dot, command, length))
			continue;
		while (dot > line && dot[-1] == ' ')
			dot--;
		if (dot == line || (dot[-1] == '.' && (dot - 1 == line || dot[-2] <= ' ')))
			return true;
	}
	return false;
}

/* MAIL, RCPT and DATA, each behind the other. */
static void read_smtp(struct body_scan *scan)
{
	const char *line = scan->start;

	if (scan->smtp_line != 0)
		return;
	if (has_mail(line))
		scan->smtp_step = 1;
	else if (scan->smtp_step > 0 && ascii_starts_with(line, "RCPT TO:"))
		scan->smtp_step = 2;
	else if (scan->smtp_step == 2 &&
		 (ascii_starts_with(line, "BDAT ") ||
			 (ascii_starts_with(line, "DATA") &&
				 line[4 + strspn(line + 4, " \t")] == '\0')))
		scan->smtp_line = scan->lines + 1;
	else
		scan->smtp_step = 0;
}

static bool is_identity(const char *name, size_t length)
{
	static const enum header_field fields[] = {HEADER_FROM, HEADER_SENDER, HEADER_REPLY_TO,
		HEADER_RESENT_FROM, HEADER_RETURN_PATH, HEADER_RECEIVED};

	for (size_t i = 0; i < ARRAY_COUNT(fields); i++) {
		const char *field = header_field_name(fields[i]);

		if (strlen(field) == length && ascii_equal_n(name, field, length))
			return true;
	}
	return false;
}

/* " From: x", or "From" with " : x" in the next line. */
static void read_first_line(struct body_scan *scan)
{
	const char *name = scan->start + strspn(scan->start, " \t");
	size_t length = strcspn(name, ": \t");

	if (is_identity(name, length) && (name > scan->start || name[length] == '\0') &&
		(name[length] == '\0' || strchr(name, ':') != NULL))
		scan->starts_with_header = true;
}

static void read_line(struct body_scan *scan)
{
	scan->start[scan->start_length] = '\0';
	if (scan->lines == 0)
		read_first_line(scan);
	if (is_boundary(scan))
		read_boundary(scan);
	else if (scan->in_part_header)
		read_part_header(scan);
	read_smtp(scan);
}

/* Octets. ------------------------------------------------------------------------------------- */

/* NUL would end the text: it becomes 0x01. Those of the whole chunk are counted already. */
static void keep_start(struct body_scan *scan, const unsigned char *bytes, size_t length)
{
	char *kept = scan->start + scan->start_length;
	size_t room = BODY_LINE_START - scan->start_length;
	char *nul;

	if (length > room)
		length = room;
	memcpy(kept, bytes, length);
	scan->start_length += length;
	if (scan->nul == 0)
		return;
	while ((nul = memchr(kept, '\0', (size_t)(scan->start + scan->start_length - kept))) !=
		NULL)
		*nul = 0x01;
}

static bool has_8bit(const unsigned char *bytes, size_t length)
{
	uint64_t all = 0, word = 0;

	for (; length >= sizeof(word); bytes += sizeof(word), length -= sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		all |= word;
	}
	word = 0;
	memcpy(&word, bytes, length);
	return ((all | word) & UINT64_C(0x8080808080808080)) != 0;
}

static size_t count_of(unsigned char wanted, const unsigned char *bytes, size_t length)
{
	const unsigned char *end = bytes + length;
	size_t count = 0;

	while ((bytes = memchr(bytes, wanted, (size_t)(end - bytes))) != NULL) {
		count++;
		bytes++;
	}
	return count;
}

/* LENGTH octets of one line, without its end. */
static void add_segment(struct body_scan *scan, const unsigned char *bytes, size_t length)
{
	if (length == 0)
		return;
	if (scan->start_length < BODY_LINE_START)
		keep_start(scan, bytes, length);
	scan->line += length;
	if (scan->eight_bit && scan->eight_bit_line == 0 && has_8bit(bytes, length))
		scan->eight_bit_line = scan->lines + 1;
	/* "-" is not base64: a boundary. */
	if (scan->in_base64 && !(scan->multipart && scan->start[0] == '-'))
		add_base64(scan, bytes, length);
}

static void end_line(struct body_scan *scan)
{
	if (scan->line > scan->longest_line)
		scan->longest_line = scan->line;
	read_line(scan);
	scan->lines++;
	scan->line = scan->start_length = 0;
}

/* A CR that no LF follows is an octet of the line. */
static void add_held_cr(struct body_scan *scan)
{
	scan->after_cr = false;
	scan->bare_cr++;
	add_segment(scan, (const unsigned char *)"\r", 1);
}

void body_scan_start(
	struct body_scan *scan, const char *content_type, const char *transfer_encoding)
{
	*scan = (struct body_scan){0};
	if (content_type != NULL)
		take_content_type(scan, content_type);
	if (transfer_encoding != NULL)
		take_transfer_encoding(scan, transfer_encoding);
	if (scan->message_part)
		start_part(scan);
	else
		start_content(scan);
}

void body_scan_add(struct body_scan *scan, const unsigned char *bytes, size_t length)
{
	const unsigned char *at = bytes, *end = bytes + length;

	/* Most bodies have neither, so that no line need be asked for them. */
	scan->nul += count_of('\0', bytes, length);
	scan->eight_bit = scan->eight_bit || has_8bit(bytes, length);
	while (at < end) {
		const unsigned char *lf = memchr(at, '\n', (size_t)(end - at));
		const unsigned char *stop = lf == NULL ? end : lf;
		bool cr;

		if (scan->after_cr && stop > at)
			add_held_cr(scan);
		cr = stop > at ? stop[-1] == '\r' : scan->after_cr;
		if (stop > at) {
			size_t octets = (size_t)(stop - at) - (cr ? 1 : 0);

			scan->bare_cr += count_of('\r', at, octets);
			add_segment(scan, at, octets);
		}
		scan->after_cr = cr && lf == NULL;
		if (lf == NULL)
			return;
		if (!cr)
			scan->bare_lf++;
		end_line(scan);
		at = lf + 1;
	}
}

void body_scan_end(struct body_scan *scan)
{
	if (scan->after_cr)
		add_held_cr(scan);
	if (scan->line > 0)
		end_line(scan);
	end_content(scan);
}
