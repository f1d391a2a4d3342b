/* SPDX-License-Identifier: BSD-2-Clause */
#include "explain_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipaddr.h"
#include "mem.h"
#include "text.h"

static const struct member {
	const char *name;
	size_t offset;
} members[] = {
	{"client", offsetof(struct explain_request, client)},
	{"port", offsetof(struct explain_request, port)},
	{"name", offsetof(struct explain_request, name)},
	{"helo", offsetof(struct explain_request, helo)},
	{"from", offsetof(struct explain_request, from)},
	{"auth", offsetof(struct explain_request, auth)},
	{"tls_subject", offsetof(struct explain_request, tls_subject)},
	{"queue", offsetof(struct explain_request, queue)},
};

static char **member_of(struct explain_request *request, const char *name)
{
	for (size_t i = 0; i < ARRAY_COUNT(members); i++)
		if (strcmp(members[i].name, name) == 0)
			return (char **)(void *)((char *)request + members[i].offset);
	return NULL;
}

bool explain_request_set(struct explain_request *request, const char *name, const char *value,
	char *why, size_t why_size)
{
	char **member = member_of(request, name);

	if (strcmp(name, "rcpt") == 0) {
		if (request->recipient_count == EXPLAIN_RECIPIENTS_MAX) {
			snprintf(why, why_size, "more than %d recipients; give fewer",
				EXPLAIN_RECIPIENTS_MAX);
			return false;
		}
		request->recipients[request->recipient_count++] = mem_text(value);
		return true;
	}
	if (member == NULL) {
		snprintf(why, why_size, "\"%.40s\" says nothing of a session", name);
		return false;
	}
	mem_free(*member);
	*member = mem_text(value);
	return true;
}

bool explain_request_verify(const struct explain_request *request, char *why, size_t why_size)
{
	struct ipaddr address;
	char shown[120], *end;
	unsigned long port;

	if (request->client == NULL) {
		snprintf(why, why_size, "the client is missing; write --client 192.0.2.7");
		return false;
	}
	if (!ipaddr_parse(request->client, &address)) {
		snprintf(why, why_size, "--client wants an IP address, not \"%s\"",
			text_escape(request->client, shown, sizeof(shown)));
		return false;
	}
	if (request->port != NULL) {
		port = strtoul(request->port, &end, 10);
		if (!ascii_is_digit(request->port[0]) || *end != '\0' || port > 65535) {
			snprintf(why, why_size, "--port wants a number up to 65535, not \"%s\"",
				text_escape(request->port, shown, sizeof(shown)));
			return false;
		}
	}
	if (request->message_length > EXPLAIN_MESSAGE_MAX) {
		snprintf(why, why_size, "the message is larger than 16 MB");
		return false;
	}
	return true;
}

static void put(FILE *out, const char *name, const char *value)
{
	size_t size;
	char *escaped;

	if (value == NULL)
		return;
	size = 4 * strlen(value) + 1;
	escaped = mem_alloc(size);
	fprintf(out, "%s %s\n", name, text_escape(value, escaped, size));
	mem_free(escaped);
}

char *explain_request_format(const struct explain_request *request, size_t *length_r)
{
	/* Only the address is taken of it. */
	struct explain_request *all = (struct explain_request *)(uintptr_t)request;
	char *bytes = NULL, *copy;
	FILE *out = open_memstream(&bytes, length_r);

	if (out == NULL)
		abort();
	for (size_t i = 0; i < ARRAY_COUNT(members); i++)
		put(out, members[i].name, *member_of(all, members[i].name));
	for (size_t i = 0; i < request->recipient_count; i++)
		put(out, "rcpt", request->recipients[i]);
	fputc('\n', out);
	if (request->message != NULL) {
		fputc('m', out);
		fwrite(request->message, 1, request->message_length, out);
	}
	if (fclose(out) != 0)
		abort();
	copy = mem_alloc(*length_r + 1);
	memcpy(copy, bytes, *length_r);
	free(bytes);
	return copy;
}

static bool parse_line(struct explain_request *request, char *line, char *why, size_t why_size)
{
	char *value = strchr(line, ' ');

	if (value == NULL) {
		snprintf(why, why_size, "a line without a value");
		return false;
	}
	*value++ = '\0';
	if (!text_unescape(value)) {
		snprintf(why, why_size, "\"%.40s\" has a broken escape", line);
		return false;
	}
	return explain_request_set(request, line, value, why, why_size);
}

bool explain_request_parse(const char *bytes, size_t length, struct explain_request *request_r,
	char *why, size_t why_size)
{
	const char *end = bytes + length;

	*request_r = (struct explain_request){.client = NULL};
	for (;;) {
		const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
		char *line;
		bool good;

		if (newline == NULL || newline - bytes > 8192) {
			snprintf(why, why_size, "the request has no end");
			return false;
		}
		if (newline == bytes)
			break;
		line = mem_text_n(bytes, (size_t)(newline - bytes));
		good = parse_line(request_r, line, why, why_size);
		mem_free(line);
		if (!good)
			return false;
		bytes = newline + 1;
	}
	bytes++;
	if (bytes < end) {
		request_r->message_length = (size_t)(end - bytes) - 1;
		request_r->message = mem_alloc(request_r->message_length + 1);
		memcpy(request_r->message, bytes + 1, request_r->message_length);
	}
	return explain_request_verify(request_r, why, why_size);
}

void explain_request_clear(struct explain_request *request)
{
	for (size_t i = 0; i < ARRAY_COUNT(members); i++)
		mem_free(*member_of(request, members[i].name));
	for (size_t i = 0; i < request->recipient_count; i++)
		mem_free(request->recipients[i]);
	mem_free(request->message);
	*request = (struct explain_request){.client = NULL};
}
