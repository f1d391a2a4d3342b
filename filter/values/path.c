/* SPDX-License-Identifier: BSD-2-Clause */
#include "path.h"

#include <string.h>

#include "path_route.h"
#include "text.h"
#include "utf8.h"

/* RFC 5321 4.1.2 and RFC 6531 3.3; TEXT is printable and, where 8-bit, valid UTF-8. */
bool path_is_atext(char c)
{
	static const bool special[256] = {['!'] = true,
		['#'] = true,
		['$'] = true,
		['%'] = true,
		['&'] = true,
		['\''] = true,
		['*'] = true,
		['+'] = true,
		['-'] = true,
		['/'] = true,
		['='] = true,
		['?'] = true,
		['^'] = true,
		['_'] = true,
		['`'] = true,
		['{'] = true,
		['|'] = true,
		['}'] = true,
		['~'] = true};

	return ascii_is_alnum(c) || (unsigned char)c > 0x7f || special[(unsigned char)c];
}

static bool is_dot_string(const char *text)
{
	if (*text == '\0')
		return false;
	for (size_t i = 0; text[i] != '\0'; i++) {
		bool dot_stands = i > 0 && text[i] == '.' && path_is_atext(text[i - 1]) &&
				  path_is_atext(text[i + 1]);

		if (!path_is_atext(text[i]) && !dot_stands)
			return false;
	}
	return true;
}

static enum path_error check_octets(const char *text, bool smtputf8)
{
	while (*text != '\0') {
		uint32_t code_point;
		size_t length = utf8_decode(text, &code_point);

		if (code_point < 0x20 || code_point == 0x7f)
			return PATH_SYNTAX;
		if ((unsigned char)*text > 0x7f && !smtputf8)
			return PATH_NOT_ASCII;
		if (length == 0)
			return PATH_SYNTAX;
		text += length;
	}
	return PATH_OK;
}

/* Dequotes the Quoted-string at TEXT; returns what is behind it, NULL when it is none. */
static const char *take_quoted(const char *text, struct text *out)
{
	for (text++; *text != '"'; text++) {
		bool pair = *text == '\\';

		if (pair)
			text++;
		if (*text == '\0' || (pair && (unsigned char)*text > 0x7f))
			return NULL;
		text_add_char(out, *text);
	}
	return text + 1;
}

/* The local-part at the start of *TEXT, dequoted into PATH; *TEXT moves behind it. */
static enum path_error take_local_part(const char **text, struct path *path)
{
	bool quoted = **text == '"';
	struct text out;

	text_init(&out, path->local_part, sizeof(path->local_part));
	if (quoted) {
		*text = take_quoted(*text, &out);
	} else {
		size_t length = strcspn(*text, "@");

		text_add_n(&out, *text, length);
		*text += length;
	}
	if (*text == NULL)
		return PATH_SYNTAX;
	if (out.truncated)
		return PATH_TOO_LONG;
	path->quoted = !is_dot_string(path->local_part);
	return quoted || !path->quoted ? PATH_OK : PATH_SYNTAX;
}

static bool has_8bit(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)text[i] > 0x7f)
			return true;
	}
	return false;
}

/* RFC 6531 3.3: labels are joined by ".", and an 8-bit label is a U-label: CANONICAL, made from it,
 * has an A-label in its place (not something that mapping made of look-alikes). */
static bool labels_agree(const char *name, const char *canonical)
{
	if (ascii_equal(name, canonical))
		return true;
	for (;;) {
		size_t length = strcspn(name, ".");
		size_t canonical_length = strcspn(canonical, ".");

		if (has_8bit(name, length) && strncmp(canonical, "xn--", 4) != 0)
			return false;
		name += length;
		canonical += canonical_length;
		if (*name != *canonical)
			return false;
		if (*name == '\0')
			return true;
		name++;
		canonical++;
	}
}

static enum path_error take_domain(const char *text, struct path *path)
{
	if (strchr(text, '@') != NULL)
		return PATH_SYNTAX;
	if (text[0] == '[')
		return domain_parse_literal(text, &path->literal) ? PATH_OK : PATH_BAD_DOMAIN;
	if (!domain_canonical(text, path->domain) || !domain_is_hostname(path->domain) ||
		!labels_agree(text, path->domain))
		return PATH_BAD_DOMAIN;
	return PATH_OK;
}

/* DOMAIN was written in fewer octets than it has now. A-labels are longer than U-labels, and an address
 * literal has several forms; nothing else grows. */
static bool has_grown(const struct path *path, const char *domain)
{
	return path->literal.family != IP_NONE || strlen(path->domain) > strlen(domain);
}

/* TEXT is a path without its brackets. */
static enum path_error parse_mailbox(const char *text, bool smtputf8, struct path *path)
{
	char formatted[PATH_SIZE];
	bool quoted = text[0] == '"';
	enum path_error error = check_octets(text, smtputf8);

	if (error != PATH_OK)
		return error;
	if (text[0] == '@')
		return strchr(text, ':') != NULL ? PATH_SOURCE_ROUTE : PATH_SYNTAX;
	error = take_local_part(&text, path);
	if (error != PATH_OK)
		return error;
	/* RFC 5321 4.1.1.3: the one mailbox that needs no domain. */
	if (*text == '\0')
		return path_is_postmaster(path) && !quoted ? PATH_OK : PATH_SYNTAX;
	if (*text != '@')
		return PATH_SYNTAX;
	error = take_domain(text + 1, path);
	if (error == PATH_OK && has_grown(path, text + 1) &&
		strlen(path_format(path, formatted)) > PATH_MAX_OCTETS - 2)
		return PATH_TOO_LONG;
	return error;
}

static enum path_error parse(const char *text, bool smtputf8, struct path *path)
{
	char inside[PATH_MAX_OCTETS];
	size_t length = strnlen(text, PATH_MAX_OCTETS + 1);
	bool opened = text[0] == '<';
	bool closed = length > 0 && text[length - 1] == '>';

	if (length + (opened ? 0 : 2) > PATH_MAX_OCTETS && text[0] != '\0')
		return PATH_TOO_LONG;
	if (opened != closed)
		return PATH_SYNTAX;
	if (opened) {
		text++;
		length -= 2;
	}
	memcpy(inside, text, length);
	inside[length] = '\0';
	if (length == 0) {
		path->null = true;
		return PATH_OK;
	}
	return parse_mailbox(inside, smtputf8, path);
}

enum path_error path_parse(const char *text, bool smtputf8, struct path *path_r)
{
	enum path_error error;

	memset(path_r, 0, sizeof(*path_r));
	error = parse(text, smtputf8, path_r);
	if (error == PATH_OK) {
		path_route_accepted(path_r);
	} else {
		memset(path_r, 0, sizeof(*path_r));
		path_route_refused(text, path_r);
	}
	return error;
}

const char *path_error_text(enum path_error error)
{
	static const char *const texts[] = {
		[PATH_OK] = "valid path",
		[PATH_SYNTAX] = "not a mailbox of the form local-part@domain",
		[PATH_TOO_LONG] = "longer than 256 octets",
		[PATH_BAD_DOMAIN] = "domain is neither a host name nor an address literal",
		[PATH_SOURCE_ROUTE] = "source routes are not accepted",
		[PATH_NOT_ASCII] = "8-bit octets without SMTPUTF8",
	};

	return (unsigned)error < ARRAY_COUNT(texts) ? texts[error] : "unknown error";
}

const char *path_format(const struct path *path, char *buffer)
{
	char literal[IPADDR_TEXT_SIZE];
	struct text out;

	text_init(&out, buffer, PATH_SIZE);
	if (path->null)
		return buffer;
	if (path->quoted)
		text_add_char(&out, '"');
	if (!path->quoted)
		text_add(&out, path->local_part);
	for (const char *at = path->local_part; path->quoted && *at != '\0'; at++) {
		if (*at == '"' || *at == '\\')
			text_add_char(&out, '\\');
		text_add_char(&out, *at);
	}
	if (path->quoted)
		text_add_char(&out, '"');
	if (path->literal.family != IP_NONE)
		text_addf(&out, "@[%s%s]", path->literal.family == IP_V6 ? "IPv6:" : "",
			ipaddr_format(&path->literal, literal));
	else if (path->domain[0] != '\0')
		text_addf(&out, "@%s", path->domain);
	return buffer;
}

bool path_is_postmaster(const struct path *path)
{
	return ascii_equal(path->local_part, "postmaster");
}

bool path_is_abuse(const struct path *path)
{
	return ascii_equal(path->local_part, "abuse");
}
