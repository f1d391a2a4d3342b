/* SPDX-License-Identifier: BSD-2-Clause */
#include "mta_sendmail.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "mta_socket.h"
#include "setting.h"
#include "text.h"

enum { EQUATE_SIZE = 512, STRICT_MAJOR = 8, STRICT_MINOR = 18 };

static const char *next_line(const char *line)
{
	line += strcspn(line, "\n");
	return *line == '\0' ? line : line + 1;
}

/* Filters: "Xname, S=socket, F=T, T=C:5m;S:10s;R:10s;E:5m". --------------------------------------- */

/* The value of equate LETTER of the line at LINE; false when it is not there. */
static bool find_equate(const char *line, char letter, char value[EQUATE_SIZE])
{
	const char *end = line + strcspn(line, "\n");
	struct text text;

	text_init(&text, value, EQUATE_SIZE);
	while ((line = memchr(line, ',', (size_t)(end - line))) != NULL) {
		line++;
		while (line < end && ascii_is_space(*line))
			line++;
		if (line + 1 >= end || *line != letter || line[1] != '=')
			continue;
		line += 2;
		text_add_n(&text, line, strcspn(line, ",\n"));
		while (text.length > 0 && ascii_is_space(value[text.length - 1]))
			value[--text.length] = '\0';
		return true;
	}
	return false;
}

/* One of the time-outs in T=, which are separated by ";"; FALLBACK_MS when it is not there. */
static int64_t find_timeout(const char *equate, char letter, int64_t fallback_ms)
{
	static const struct {
		char letter;
		int64_t ms;
	} units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}, {'w', 604800000}};

	for (const char *at = equate; *at != '\0'; at++) {
		long number;
		char *end;

		if ((at != equate && at[-1] != ';' && !ascii_is_space(at[-1])) || *at != letter ||
			at[1] != ':')
			continue;
		number = strtol(at + 2, &end, 10);
		for (size_t i = 0; i < ARRAY_COUNT(units) && number >= 0 && number < 1000000; i++)
			if (ascii_lower_char(*end) == units[i].letter)
				return number * units[i].ms;
		return number >= 0 && number < 1000000 ? number * 1000 : fallback_ms;
	}
	return fallback_ms;
}

static void judge_timeout(const struct mta_view *view, const char *folder, char letter, int64_t ms)
{
	char has[32], wait[32];

	if (ms > view->wait_ms)
		return;
	mta_warn(view,
		"Sendmail (%s): the filter's time-out T=%c:%s is not above the %s that we may take "
		"for an answer (time_limit); make it longer, or time_limit shorter",
		folder, letter, format_duration(ms, has, sizeof(has)),
		format_duration(view->wait_ms, wait, sizeof(wait)));
}

static void judge_filter(const char *line, const char *folder, const struct mta_view *view)
{
	char equate[EQUATE_SIZE];

	if (!find_equate(line, 'F', equate) || strpbrk(equate, "RT4") == NULL)
		mta_warn(view,
			"Sendmail (%s): the filter has neither F=T nor F=R, so all mail is let in "
			"unchecked while mailreeve does not answer; use F=T",
			folder);
	find_equate(line, 'T', equate);
	judge_timeout(view, folder, 'R', find_timeout(equate, 'R', 10000));
	judge_timeout(view, folder, 'E', find_timeout(equate, 'E', 300000));
}

/* The filter is in "O InputMailFilters=one,two", or those of a daemon ("InputMailFilters=" of
 * DaemonPortOptions). */
static bool is_used(const char *cf, const char *line)
{
	size_t length = strcspn(line, ", \t\n");
	const char *list = cf;

	while ((list = strstr(list, "InputMailFilters=")) != NULL) {
		const char *end = list + strcspn(list, "\n");

		list = strchr(list, '=') + 1;
		while (list < end) {
			size_t name;

			list += strspn(list, " ,;\t");
			name = strcspn(list, " ,;\t\n");
			if (name == length && strncmp(list, line, length) == 0)
				return true;
			if (name == 0)
				break;
			list += name;
		}
	}
	return false;
}

static void judge_filters(const char *cf, const char *folder, const struct mta_view *view)
{
	bool asks_us = false;

	for (const char *line = cf; *line != '\0'; line = next_line(line)) {
		char socket[EQUATE_SIZE];

		if (*line != 'X' || !find_equate(line, 'S', socket) ||
			!mta_socket_is_same(socket, view->socket, ""))
			continue;
		asks_us = asks_us || is_used(cf, line + 1);
		judge_filter(line, folder, view);
	}
	if (!asks_us)
		mta_note(view,
			"Sendmail (%s): InputMailFilters holds no filter with our socket %s, so "
			"this "
			"Sendmail asks somebody else, or nobody",
			folder, view->socket);
}

/* Line ends: srv_features o, g and u, the default since 8.18; O, G and U turn them off. --------- */

/* The letters that ACCESS ("Srv_Features: o g u") or a rule of CF ("R$* $# o g u") gives. */
static void add_letters(struct text *letters, const char *at)
{
	size_t length = strcspn(at, "\n");

	for (size_t i = 0; i < length; i++)
		if (i > 0 && (at[i - 1] == ' ' || at[i - 1] == '\t') && ascii_is_alpha(at[i]) &&
			(i + 1 == length || !ascii_is_alpha(at[i + 1])))
			text_add_char(letters, at[i]);
}

static void find_features(const char *cf, const char *access, struct text *letters)
{
	static const char key[] = "Srv_Features:", rule[] = "SLocal_srv_features";
	const char *line;

	for (line = access; *line != '\0'; line = next_line(line))
		if (ascii_starts_with(line, key))
			add_letters(letters, line);
	for (line = cf; *line != '\0'; line = next_line(line))
		if (ascii_starts_with(line, rule))
			break;
	for (line = next_line(line); *line == 'R'; line = next_line(line)) {
		const char *right = strstr(line, "$#");

		if (right != NULL && right < line + strcspn(line, "\n"))
			add_letters(letters, right);
	}
}

/* "DZ8.17.1.9/..." of sendmail.cf; true when it is as strict as it should be by itself. */
static bool is_strict(const char *cf)
{
	for (; *cf != '\0'; cf = next_line(cf)) {
		char *end;
		long major;

		if (strncmp(cf, "DZ", 2) != 0)
			continue;
		major = strtol(cf + 2, &end, 10);
		return major > STRICT_MAJOR || (major == STRICT_MAJOR && *end == '.' &&
						       strtol(end + 1, NULL, 10) >= STRICT_MINOR);
	}
	return true;
}

static void judge_line_ends(
	const char *cf, const char *access, const char *folder, const struct mta_view *view)
{
	char buffer[64];
	struct text letters;

	text_init(&letters, buffer, sizeof(buffer));
	find_features(cf, access, &letters);
	if (strpbrk(buffer, "OGU") != NULL)
		mta_warn(view,
			"Sendmail (%s): srv_features holds %c, which lets a sender smuggle a "
			"second "
			"message past all checks (CVE-2023-51765); take it out",
			folder, *strpbrk(buffer, "OGU"));
	else if (!is_strict(cf) && strchr(buffer, 'o') == NULL)
		mta_warn(view,
			"Sendmail (%s): before 8.18 it takes a lone dot between bare line feeds "
			"for "
			"the end of a message (CVE-2023-51765), unless the distribution has mended "
			"it; set srv_features o, g and u where it has them",
			folder);
}

/* A line that begins with a blank goes on with the one before it. Owned by the caller. */
static char *unfolded(const char *cf)
{
	char *text = mem_text(cf);

	for (char *c = text; *c != '\0'; c++)
		if (*c == '\n' && (c[1] == ' ' || c[1] == '\t'))
			*c = ' ';
	return text;
}

void mta_sendmail_judge(
	const char *cf, const char *access, const char *folder, const struct mta_view *view)
{
	char *lines = unfolded(cf);

	judge_line_ends(lines, access, folder, view);
	judge_filters(lines, folder, view);
	mem_free(lines);
}
