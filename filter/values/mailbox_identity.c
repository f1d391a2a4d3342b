/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailbox_identity.h"

#include <string.h>

#include "text.h"

/* Removes the COUNT fields that "=" ends after the first PREFIX bytes of TEXT; nothing when there are
 * fewer. */
static void remove_fields(char *text, size_t prefix, unsigned count)
{
	char *at = text + prefix;

	for (; count > 0; count--) {
		at = strchr(at, '=');
		if (at == NULL || at[1] == '\0')
			return;
		at++;
	}
	memmove(text + prefix, at, strlen(at) + 1);
}

/* BATV (draft-levine-smtp-batv): prvs=KDDDSSSSSS=user; some write prvs=user=KDDDSSSSSS. */
static void reduce_batv(char *local_part)
{
	static const char scheme[] = "prvs=";
	const size_t tag_length = 10;
	char *value, *separator;

	if (strncmp(local_part, scheme, strlen(scheme)) != 0)
		return;
	value = local_part + strlen(scheme);
	separator = strchr(value, '=');
	if (separator == NULL || separator == value || separator[1] == '\0')
		return;
	if (strlen(separator + 1) == tag_length && (size_t)(separator - value) != tag_length)
		*separator = '\0';
	else
		value = separator + 1;
	memmove(local_part, value, strlen(value) + 1);
}

/* SRS0=HHHH=TT=domain=user and SRS1=HHHH=forwarder==HHHH=TT=domain=user. The mark stays, so that what a
 * forwarder sends for others is not its own. */
static void reduce_srs(char *local_part)
{
	static const size_t mark = sizeof("srs0=") - 1;

	if ((strncmp(local_part, "srs0", 4) != 0 && strncmp(local_part, "srs1", 4) != 0) ||
		strchr("=+-", local_part[4]) == NULL || local_part[4] == '\0')
		return;
	if (local_part[3] == '1') {
		char *inner = strstr(local_part, "==");

		if (inner == NULL)
			return;
		memmove(local_part + mark, inner + 2, strlen(inner + 2) + 1);
	}
	remove_fields(local_part, mark, 2);
}

/* VERP: list-bounces+user=example.org. */
static void reduce_verp(char *local_part)
{
	char *plus = strchr(local_part, '+');

	if (plus != NULL && plus != local_part && strchr(plus, '=') != NULL)
		*plus = '\0';
}

const char *mailbox_identity(const struct path *path, const char *extension, char *buffer)
{
	char local_part[sizeof(path->local_part)];
	char literal[IPADDR_TEXT_SIZE];
	struct text out;

	text_init(&out, buffer, PATH_SIZE);
	if (path->null)
		return buffer;
	memcpy(local_part, path->local_part, sizeof(local_part));
	ascii_lower(local_part);
	reduce_batv(local_part);
	if (strncmp(local_part, "srs", 3) == 0)
		reduce_srs(local_part);
	else
		reduce_verp(local_part);
	if (extension != NULL && extension[0] != '\0') {
		size_t length = strcspn(local_part, extension);

		if (length > 0)
			local_part[length] = '\0';
	}
	text_addf(&out, "%s@%s", local_part, path->domain);
	if (path->literal.family != IP_NONE)
		text_addf(&out, "[%s]", ipaddr_format(&path->literal, literal));
	return buffer;
}

const char *mailbox_extension_fault(const char *text)
{
	for (; *text != '\0'; text++)
		if (!path_is_atext(*text) || ascii_is_alnum(*text) || *text < 0)
			return "has a character that parts no extension from a name; write signs "
			       "that may stand in an address, but no dot, like \"+\" or \"+-\"";
	return NULL;
}

bool mailbox_identity_path(const char *text, struct path *path)
{
	char wire[2 * PATH_SIZE + 4];
	const char *at = strrchr(text, '@');
	struct text out;

	text_init(&out, wire, sizeof(wire));
	text_addf(&out, text[0] == '<' ? "%s" : "<%s>", text);
	if (!out.truncated && text[0] != '\0' && path_parse(wire, true, path) == PATH_OK)
		return true;
	if (at == NULL || at == text)
		return false;
	/* Dequoted, with something in it that needs quotes. */
	text_init(&out, wire, sizeof(wire));
	text_add(&out, "<\"");
	for (const char *c = text; c < at; c++) {
		if (*c == '"' || *c == '\\')
			text_add_char(&out, '\\');
		text_add_char(&out, *c);
	}
	text_addf(&out, "\"%s>", at);
	return !out.truncated && path_parse(wire, true, path) == PATH_OK;
}
