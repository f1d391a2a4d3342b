/* SPDX-License-Identifier: BSD-2-Clause */
#include "explain_line.h"

#include <stdio.h>
#include <string.h>

#include "ipaddr.h"
#include "json.h"
#include "log_parse.h"
#include "mem.h"
#include "text.h"

static const struct {
	const char *key, *name; /* in the log, in a request */
} own_keys[] = {{"client", "client"}, {"helo", "helo"}, {"from", "from"}, {"rcpt", "rcpt"},
	{"auth", "auth"}};

/* Ours. ---------------------------------------------------------------------------------------- */

static bool read_fields(const struct log_fields *fields, struct explain_request *request, char *why,
	size_t why_size)
{
	for (size_t i = 0; i < ARRAY_COUNT(own_keys); i++) {
		const char *value = log_parse_value(fields, own_keys[i].key);

		if (value != NULL &&
			!explain_request_set(request, own_keys[i].name, value, why, why_size))
			return false;
	}
	return true;
}

static bool read_object(
	const char *object, struct explain_request *request, char *why, size_t why_size)
{
	struct json *json = json_read(object, strlen(object), why, why_size);
	bool good = json != NULL;

	for (size_t i = 0; i < ARRAY_COUNT(own_keys) && good; i++) {
		const char *text = json_text(json, own_keys[i].key);
		char *value = mem_text(text == NULL ? "" : text);

		if (ascii_ends_with(value, "\\..."))
			value[strlen(value) - 4] = '\0';
		if (!text_unescape(value)) {
			good = false;
			snprintf(why, why_size, "%s has a broken escape", own_keys[i].key);
		} else if (text != NULL) {
			good = explain_request_set(request, own_keys[i].name, value, why, why_size);
		}
		mem_free(value);
	}
	if (json != NULL)
		json_free(&json);
	return good;
}

/* Postfix's. ----------------------------------------------------------------------------------- */

/* What stands behind KEY= in the list at the end of the line: " from=<a@b> to=<c@d> proto=SMTP helo=<e>".
 * A value may hold anything but ">" before a blank, since Postfix masks what is not printable. */
static bool read_postfix_value(const char *list, const char *key, const char *name,
	struct explain_request *request, char *why, size_t why_size)
{
	char start[32];
	const char *value, *end;
	char *copy;
	bool good;

	snprintf(start, sizeof(start), " %s=<", key);
	value = strstr(list, start);
	if (value == NULL)
		return true;
	value += strlen(start);
	end = strstr(value, "> ");
	if (end == NULL)
		end = strrchr(value, '>');
	if (end == NULL) {
		snprintf(why, why_size, "the value of %s has no end", key);
		return false;
	}
	copy = mem_text_n(value, (size_t)(end - value));
	good = explain_request_set(request, name, copy, why, why_size);
	mem_free(copy);
	return good;
}

/* "from mail.example.net[192.0.2.7]:" or "from mail.example.net[192.0.2.7]:4711:" */
static bool read_postfix_client(
	const char *line, struct explain_request *request, char *why, size_t why_size)
{
	const char *from = strstr(line, " from ");
	const char *bracket = from == NULL ? NULL : strchr(from, '[');
	const char *end = bracket == NULL ? NULL : strchr(bracket, ']');
	char *name, *address, *port;
	struct ipaddr parsed;
	bool good;

	if (end == NULL) {
		snprintf(why, why_size,
			"this is neither a line of mailreeve nor one in which Postfix refuses "
			"something");
		return false;
	}
	address = mem_text_n(bracket + 1, (size_t)(end - bracket - 1));
	good = ipaddr_parse(address, &parsed);
	if (!good)
		snprintf(why, why_size, "no address of a client stands in the line");
	good = good && explain_request_set(request, "client", address, why, why_size);
	mem_free(address);
	name = mem_text_n(from + 6, (size_t)(bracket - from - 6));
	if (good && strcmp(name, "unknown") != 0)
		good = explain_request_set(request, "name", name, why, why_size);
	mem_free(name);
	if (!good || end[1] != ':' || !ascii_is_digit(end[2]))
		return good;
	port = mem_text_n(end + 2, strspn(end + 2, "0123456789"));
	good = explain_request_set(request, "port", port, why, why_size);
	mem_free(port);
	return good;
}

/* The list of facts: "; from=<a@b> to=<c@d> proto=SMTP helo=<e>", or "; proto=SMTP" at CONNECT and HELO.
 * The reply before it may hold anything, and so may what the client said in HELO, which is its end. */
static const char *find_postfix_facts(const char *line)
{
	const char *helo = strstr(line, " helo=<"), *facts = NULL;

	for (const char *c = line; (c = strstr(c, "; ")) != NULL && (helo == NULL || c < helo);
		c++) {
		if (ascii_starts_with(c, "; from=<") || ascii_starts_with(c, "; proto="))
			facts = c + 1;
	}
	return facts;
}

static bool read_postfix(
	const char *line, struct explain_request *request, char *why, size_t why_size)
{
	const char *facts = find_postfix_facts(line);
	const char *helo = facts == NULL ? NULL : strstr(facts, " helo=<");
	char *envelope;
	bool good;

	if (facts == NULL) {
		snprintf(why, why_size,
			"this is neither a line of mailreeve nor one in which Postfix refuses "
			"something");
		return false;
	}
	envelope = helo == NULL ? mem_text(facts) : mem_text_n(facts, (size_t)(helo - facts) + 1);
	good = read_postfix_client(line, request, why, why_size) &&
	       read_postfix_value(envelope, "from", "from", request, why, why_size) &&
	       read_postfix_value(envelope, "to", "rcpt", request, why, why_size) &&
	       (helo == NULL || read_postfix_value(helo, "helo", "helo", request, why, why_size));
	mem_free(envelope);
	return good;
}

bool explain_line_read(
	const char *line, struct explain_request *request, char *why, size_t why_size)
{
	const char *own = strstr(line, "session=");
	const char *object = strstr(line, "{\"");
	struct log_fields *fields;
	bool good;

	if (object != NULL && strstr(object, "\"session\":") != NULL)
		return read_object(object, request, why, why_size);
	if (own == NULL || (own != line && own[-1] != ' '))
		return read_postfix(line, request, why, why_size);
	fields = mem_alloc(sizeof(*fields));
	good = log_parse(fields, own);
	if (good)
		good = read_fields(fields, request, why, why_size);
	else
		snprintf(why, why_size, "the line is broken; give it whole, as it was logged");
	mem_free(fields);
	return good;
}
