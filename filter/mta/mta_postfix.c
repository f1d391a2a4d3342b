/* SPDX-License-Identifier: BSD-2-Clause */
#include "mta_postfix.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "mta_socket.h"
#include "setting.h"
#include "text.h"

enum { VALUE_SIZE = 4096, SERVICE_SIZE = 128 };

const char *const mta_postfix_parameters[] = {"config_directory", "queue_directory",
	"smtpd_milters", "smtpd_forbid_bare_newline", "milter_command_timeout",
	"milter_content_timeout", "milter_default_action", NULL};

/* One Postfix while it is judged. */
struct postfix {
	const char *main_text, *services, *folder;
	const struct mta_view *view;
	char root[VALUE_SIZE]; /* queue_directory */
	char own_folder[VALUE_SIZE]; /* config_directory */
	bool asks_us;
};

/* Settings of one milter of one service. */
struct milter {
	const char *where; /* "main.cf", or the service */
	char socket[512];
	char command_timeout[64], content_timeout[64], default_action[64]; /* "" when not its own */
};

/* Reading. ------------------------------------------------------------------------------------- */

static const char *next_line(const char *line)
{
	line += strcspn(line, "\n");
	return *line == '\0' ? line : line + 1;
}

/* LINE is "PREFIX NAME = value"; the value in VALUE. */
static bool is_parameter(
	const char *line, const char *prefix, const char *name, char *value, size_t size)
{
	size_t length = strlen(prefix);
	struct text text;

	if (strncmp(line, prefix, length) != 0)
		return false;
	line += length;
	length = strlen(name);
	if (strncmp(line, name, length) != 0 || strncmp(line + length, " =", 2) != 0)
		return false;
	line += length + 2;
	line += strspn(line, " \t");
	text_init(&text, value, size);
	text_add_n(&text, line, strcspn(line, "\n"));
	return true;
}

/* The value of NAME for SERVICE ("smtp/inet/", or "" for main.cf); false when Postfix has no such
 * parameter. */
static bool find(const struct postfix *postfix, const char *service, const char *name, char *value,
	size_t size)
{
	const char *line = postfix->services;

	for (; service[0] != '\0' && *line != '\0'; line = next_line(line))
		if (is_parameter(line, service, name, value, size))
			return true;
	for (line = postfix->main_text; *line != '\0'; line = next_line(line))
		if (is_parameter(line, "", name, value, size))
			return true;
	value[0] = '\0';
	return false;
}

/* "30s", "5m"; a bare number is seconds. -1 when it is no time. */
static int64_t read_time(const char *value)
{
	static const struct {
		char letter;
		int64_t ms;
	} units[] = {{'\0', 1000}, {'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000},
		{'w', 604800000}};
	char *end;
	long long number = strtoll(value, &end, 10);

	for (size_t i = 0; end > value && number >= 0 && number < 1000000; i++) {
		if (i == ARRAY_COUNT(units))
			break;
		if (ascii_lower_char(*end) == units[i].letter && (*end == '\0' || end[1] == '\0'))
			return number * units[i].ms;
	}
	return -1;
}

static bool is_separator(char c)
{
	return c == ',' || ascii_is_space(c);
}

/* Behind the element at AT, which is in braces or ends before a separator. */
static const char *skip_element(const char *at)
{
	unsigned depth = 0;

	for (; *at != '\0'; at++) {
		if (*at == '{')
			depth++;
		else if (*at == '}' && depth > 0)
			depth--;
		else if (depth == 0 && is_separator(*at))
			break;
	}
	return at;
}

static void take_attribute(struct milter *milter, const char *at, size_t length)
{
	const struct {
		const char *name;
		char *value;
	} attributes[] = {
		{"command_timeout=", milter->command_timeout},
		{"content_timeout=", milter->content_timeout},
		{"default_action=", milter->default_action},
	};
	struct text text;

	if (milter->socket[0] == '\0') {
		text_init(&text, milter->socket, sizeof(milter->socket));
		text_add_n(&text, at, length);
		return;
	}
	for (size_t i = 0; i < ARRAY_COUNT(attributes); i++) {
		size_t name = strlen(attributes[i].name);

		if (length < name || strncmp(at, attributes[i].name, name) != 0)
			continue;
		text_init(&text, attributes[i].value, sizeof(milter->command_timeout));
		text_add_n(&text, at + name, length - name);
	}
}

/* The same without the braces and blanks of "{ command_timeout = 5s }". */
static void take_braced(struct milter *milter, const char *at, size_t length)
{
	char buffer[512];
	struct text text;

	text_init(&text, buffer, sizeof(buffer));
	for (size_t i = 0; i < length; i++)
		if (!ascii_is_space(at[i]) && strchr("{}", at[i]) == NULL)
			text_add_char(&text, at[i]);
	take_attribute(milter, buffer, text.length);
}

/* "inet:host:port", or "{ inet:host:port, command_timeout=5s, { default_action = accept } }". */
static void read_milter(const char *at, size_t length, struct milter *milter)
{
	const char *end = at + length;

	if (*at != '{') {
		take_attribute(milter, at, length);
		return;
	}
	end -= end[-1] == '}';
	for (at++; at < end;) {
		const char *start = at;

		at = skip_element(at);
		at = at > end ? end : at;
		if (at > start)
			take_braced(milter, start, (size_t)(at - start));
		at++;
	}
}

/* OWN is what the milter has for itself; "" for nothing. */
static void find_effective(const struct postfix *postfix, const char *service, const char *name,
	const char *own, char value[VALUE_SIZE])
{
	struct text text;

	if (own[0] == '\0') {
		find(postfix, service, name, value, VALUE_SIZE);
		return;
	}
	text_init(&text, value, VALUE_SIZE);
	text_add(&text, own);
}

/* Judging. ------------------------------------------------------------------------------------- */

static void judge_timeout(const struct postfix *postfix, const char *service, const char *where,
	const char *name, const char *own)
{
	char value[VALUE_SIZE], wait[32];
	int64_t ms;

	find_effective(postfix, service, name, own, value);
	ms = read_time(value);
	if (ms < 0 || ms > postfix->view->wait_ms)
		return;
	mta_warn(postfix->view,
		"Postfix (%s): %s = %s for %s is not above the %s that we may take for an answer "
		"(time_limit); make it longer, or time_limit shorter",
		postfix->folder, name, value, where,
		format_duration(postfix->view->wait_ms, wait, sizeof(wait)));
}

static void judge_default_action(
	const struct postfix *postfix, const char *service, const char *where, const char *own)
{
	char value[VALUE_SIZE];

	find_effective(postfix, service, "milter_default_action", own, value);
	if (ascii_equal(value, "accept"))
		mta_warn(postfix->view,
			"Postfix (%s): milter_default_action = accept for %s lets all mail in "
			"unchecked while mailreeve does not answer; use tempfail",
			postfix->folder, where);
}

static void judge_milters(struct postfix *postfix, const char *service, const char *where)
{
	char value[VALUE_SIZE];
	const char *at = value;

	if (!find(postfix, service, "smtpd_milters", value, sizeof(value)))
		return;
	while (*at != '\0') {
		const char *end = skip_element(at);
		struct milter milter = {.where = where};

		if (end == at) {
			at++;
			continue;
		}
		read_milter(at, (size_t)(end - at), &milter);
		at = end;
		if (!mta_socket_is_same(milter.socket, postfix->view->socket, postfix->root))
			continue;
		postfix->asks_us = true;
		judge_timeout(
			postfix, service, where, "milter_command_timeout", milter.command_timeout);
		judge_timeout(
			postfix, service, where, "milter_content_timeout", milter.content_timeout);
		judge_default_action(postfix, service, where, milter.default_action);
	}
}

static void judge_newline(const struct postfix *postfix, const char *value, const char *where)
{
	if (!ascii_equal(value, "no") && !ascii_equal(value, "note"))
		return;
	mta_warn(postfix->view,
		"Postfix (%s): smtpd_forbid_bare_newline = %s for %s lets a sender smuggle a "
		"second message past all checks (CVE-2023-51764); use normalize",
		postfix->folder, value, where);
}

/* LINE sets something of how SERVICE asks milters, and none before it does. */
static bool begins_service(const struct postfix *postfix, const char *line, const char *service)
{
	static const char *const names[] = {"smtpd_milters", "milter_command_timeout",
		"milter_content_timeout", "milter_default_action"};
	const char *first = postfix->services;
	char value[VALUE_SIZE];

	for (; *first != '\0'; first = next_line(first))
		for (size_t i = 0; i < ARRAY_COUNT(names); i++)
			if (is_parameter(first, service, names[i], value, sizeof(value)))
				return first == line;
	return false;
}

/* What master.cf says for one service instead of main.cf. */
static void judge_service(struct postfix *postfix, const char *line)
{
	char service[SERVICE_SIZE], value[VALUE_SIZE];
	const char *slash = memchr(line, '/', strcspn(line, "\n"));
	struct text text;

	slash = slash == NULL ? NULL : memchr(slash + 1, '/', strcspn(slash + 1, "\n"));
	if (slash == NULL)
		return;
	text_init(&text, service, sizeof(service));
	text_add_n(&text, line, (size_t)(slash + 1 - line));
	if (is_parameter(line, service, "smtpd_forbid_bare_newline", value, sizeof(value)))
		judge_newline(postfix, value, service);
	if (begins_service(postfix, line, service))
		judge_milters(postfix, service, service);
}

void mta_postfix_judge(const char *main_text, const char *services, const char *folder,
	const struct mta_view *view)
{
	struct postfix postfix = {
		.main_text = main_text, .services = services, .folder = folder, .view = view};
	char value[VALUE_SIZE];

	bool answered = find(&postfix, "", "queue_directory", postfix.root, sizeof(postfix.root));

	if (folder == NULL) {
		find(&postfix, "", "config_directory", postfix.own_folder,
			sizeof(postfix.own_folder));
		postfix.folder = postfix.own_folder;
	}
	if (find(&postfix, "", "smtpd_forbid_bare_newline", value, sizeof(value)))
		judge_newline(&postfix, value, "main.cf");
	else if (answered)
		mta_warn(view,
			"Postfix (%s): this release does not know smtpd_forbid_bare_newline, so a "
			"sender can smuggle a second message past all checks (CVE-2023-51764); "
			"update to 3.5.23, 3.6.13, 3.7.9, 3.8.4 or later",
			postfix.folder);
	judge_milters(&postfix, "", "main.cf");
	for (const char *line = services; *line != '\0'; line = next_line(line))
		judge_service(&postfix, line);
	if (!postfix.asks_us)
		mta_note(view,
			"Postfix (%s): smtpd_milters does not hold our socket %s, so this Postfix "
			"asks somebody else, or nobody",
			postfix.folder, view->socket);
}
