/* SPDX-License-Identifier: BSD-2-Clause */
#include "callahead_reply.h"

#include <string.h>

#include "text.h"

/* Length of "5.1.1" at the start of TEXT, or 0. */
static size_t enhanced_length(const char *text, size_t length)
{
	size_t at = 0;

	for (int part = 0; part < 3; part++) {
		size_t digits = 0;

		if (part > 0 && (at >= length || text[at] != '.'))
			return 0;
		at += part > 0;
		while (at < length && ascii_is_digit(text[at]) && digits < 3) {
			at++;
			digits++;
		}
		if (digits == 0 || (part == 0 && digits > 1))
			return 0;
	}
	return at == length || text[at] == ' ' ? at : 0;
}

static bool is_keyword(const char *text, size_t length, const char *keyword)
{
	return length == strlen(keyword) && ascii_equal_n(text, keyword, length);
}

static void read_text(
	struct callahead_reply *reply, const char *line, const char *text, size_t length)
{
	size_t enhanced = enhanced_length(text, length);

	if (reply->lines == 1 && enhanced > 0 && enhanced < sizeof(reply->enhanced) &&
		text[0] == line[0]) {
		memcpy(reply->enhanced, text, enhanced);
		reply->enhanced[enhanced] = '\0';
	}
	if (is_keyword(text, length, "SMTPUTF8"))
		reply->smtputf8 = true;
	if (is_keyword(text, length, "STARTTLS"))
		reply->starttls = true;
}

enum callahead_line callahead_reply_add(
	struct callahead_reply *reply, const char *line, size_t length)
{
	unsigned code;

	if (length < 3 || length > CALLAHEAD_LINE_MAX || ++reply->lines > CALLAHEAD_LINES_MAX ||
		memchr(line, '\0', length) != NULL)
		return CALLAHEAD_LINE_BAD;
	for (size_t i = 0; i < 3; i++)
		if (!ascii_is_digit(line[i]))
			return CALLAHEAD_LINE_BAD;
	code = (unsigned)(line[0] - '0') * 100 + (unsigned)(line[1] - '0') * 10 +
	       (unsigned)(line[2] - '0');
	if (code < 200 || code > 599 || (reply->lines > 1 && code != reply->code) ||
		(length > 3 && line[3] != ' ' && line[3] != '-'))
		return CALLAHEAD_LINE_BAD;
	reply->code = code;
	if (length > 4)
		read_text(reply, line, line + 4, length - 4);
	return length > 3 && line[3] == '-' ? CALLAHEAD_LINE_MORE : CALLAHEAD_LINE_LAST;
}

static bool is_one_of(const char *enhanced, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(enhanced, *words) == 0)
			return true;
	return false;
}

enum callahead_meaning callahead_reply_meaning(const struct callahead_reply *reply)
{
	static const char *const mailbox[] = {"5.1.1", "5.1.6", "5.1.10", "5.2.1", NULL};
	/* A server that does not relay for us says 550 without more as well. */
	static const char *const vague[] = {"", "5.0.0", "5.1.0", "5.4.1", NULL};

	if (reply->code == 250 || reply->code == 251)
		return CALLAHEAD_TAKEN;
	if (reply->code != 550 && reply->code != 551 && reply->code != 553)
		return CALLAHEAD_UNCLEAR;
	if (is_one_of(reply->enhanced, mailbox))
		return CALLAHEAD_NOT_THERE;
	return is_one_of(reply->enhanced, vague) ? CALLAHEAD_PERHAPS_NOT_THERE : CALLAHEAD_UNCLEAR;
}
