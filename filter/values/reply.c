/* SPDX-License-Identifier: BSD-2-Clause */
#include "reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

/* Room that reply_add_reference keeps for " (ref 7Q2K-M4XD)" and a little more. */
enum { REFERENCE_MAX = 32 };

static void make_printable(char *text)
{
	for (; *text != '\0'; text++) {
		if (*text < 0x20 || *text > 0x7e)
			*text = '?';
	}
}

static bool is_code(const char *code, char class)
{
	return code != NULL && code[0] == class && ascii_is_digit(code[1]) &&
	       ascii_is_digit(code[2]) && code[3] == '\0';
}

/* "5.7.1" with CLASS in place of its first digit; subject and detail of 1 to 3 digits (RFC 3463 2). */
static void set_enhanced(struct reply *reply, const char *enhanced, char class)
{
	unsigned subject, detail;
	int end = 0;

	if (enhanced == NULL || !ascii_is_digit(enhanced[0]) || enhanced[1] != '.' ||
		!ascii_is_digit(enhanced[2]) ||
		sscanf(enhanced + 2, "%3u.%3u%n", &subject, &detail, &end) != 2 ||
		enhanced[2 + end] != '\0') {
		subject = 7;
		detail = 0;
	}
	snprintf(reply->enhanced, sizeof(reply->enhanced), "%c.%u.%u", class, subject % 1000,
		detail % 1000);
}

void reply_set(struct reply *reply, enum verdict verdict, const char *code,
	const char *tempfail_code, const char *enhanced, const char *format, ...)
{
	char class = verdict == VERDICT_TEMPFAIL ? '4' : '5';
	const char *wanted = verdict == VERDICT_TEMPFAIL ? tempfail_code : code;
	va_list args;

	memset(reply, 0, sizeof(*reply));
	if (verdict != VERDICT_TEMPFAIL && verdict != VERDICT_REJECT)
		return;
	if (!is_code(wanted, class))
		wanted = class == '4' ? "451" : "550";
	memcpy(reply->code, wanted, sizeof(reply->code));
	set_enhanced(reply, enhanced, class);
	va_start(args, format);
	if (vsnprintf(reply->text, sizeof(reply->text), format, args) < 0)
		reply->text[0] = '\0';
	va_end(args);
	make_printable(reply->text);
}

void reply_add_reference(struct reply *reply, const char *reference)
{
	char suffix[REFERENCE_MAX];
	size_t length = strlen(reply->text);
	size_t room;

	if (reply->code[0] == '\0')
		return;
	snprintf(suffix, sizeof(suffix), "%s(ref %.20s)", length == 0 ? "" : " ", reference);
	make_printable(suffix);
	room = sizeof(reply->text) - 1 - strlen(suffix);
	if (length > room)
		length = room;
	memcpy(reply->text + length, suffix, strlen(suffix) + 1);
}
