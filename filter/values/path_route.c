/* SPDX-License-Identifier: BSD-2-Clause */
#include "path_route.h"

#include <arpa/inet.h>
#include <string.h>

#include "text.h"

enum { FLAT_SIZE = 1024 };

/* The domains that occur in an address, in any reading of it. */
struct hops {
	char domain[2][DOMAIN_SIZE]; /* the first two that differ */
	unsigned distinct; /* 3 stands for any larger number */
	char last_after_at[DOMAIN_SIZE];
};

/* "2130706433", "0x7f.1", "127.1", "192.0.2.1": what inet_aton reads, as an address literal. */
static bool canonical_number(const char *text, char hop_r[DOMAIN_SIZE])
{
	struct ipaddr address = {.family = IP_V4};
	char buffer[IPADDR_TEXT_SIZE];
	struct in_addr in;
	struct text out;

	if (!ascii_is_digit(text[0]) || inet_aton(text, &in) == 0)
		return false;
	memcpy(address.bytes, &in, sizeof(in));
	text_init(&out, hop_r, DOMAIN_SIZE);
	text_addf(&out, "[%s]", ipaddr_format(&address, buffer));
	return true;
}

static bool canonical_literal(const char *text, char hop_r[DOMAIN_SIZE])
{
	char inside[IPADDR_TEXT_SIZE];
	char buffer[IPADDR_TEXT_SIZE];
	size_t length = strlen(text);
	struct ipaddr address;
	struct text out;

	if (domain_parse_literal(text, &address)) {
		text_init(&out, hop_r, DOMAIN_SIZE);
		text_addf(&out, "[%s%s]", address.family == IP_V6 ? "IPv6:" : "",
			ipaddr_format(&address, buffer));
		return true;
	}
	if (text[0] != '[' || length < 3 || length > sizeof(inside))
		return false;
	memcpy(inside, text + 1, length - 2);
	inside[length - 2] = '\0';
	return canonical_number(inside, hop_r);
}

/* False when nothing is left of it. */
static bool canonical_hop(const char *bytes, size_t length, char hop_r[DOMAIN_SIZE])
{
	char text[FLAT_SIZE];

	while (length > 0 && bytes[length - 1] == '.')
		length--;
	if (length == 0 || length >= sizeof(text))
		return false;
	memcpy(text, bytes, length);
	text[length] = '\0';
	if (canonical_literal(text, hop_r) || canonical_number(text, hop_r) ||
		(text[0] == '#' && canonical_number(text + 1, hop_r)) ||
		domain_canonical(text, hop_r))
		return true;
	text[length < DOMAIN_SIZE ? length : DOMAIN_SIZE - 1] = '\0';
	return text_copy(hop_r, DOMAIN_SIZE, text);
}

static void add_hop(struct hops *hops, const char *bytes, size_t length, bool after_at)
{
	char hop[DOMAIN_SIZE];

	if (!canonical_hop(bytes, length, hop))
		return;
	if (after_at)
		memcpy(hops->last_after_at, hop, sizeof(hop));
	for (unsigned i = 0; i < hops->distinct && i < ARRAY_COUNT(hops->domain); i++) {
		if (strcmp(hops->domain[i], hop) == 0)
			return;
	}
	if (hops->distinct < ARRAY_COUNT(hops->domain))
		memcpy(hops->domain[hops->distinct], hop, sizeof(hop));
	if (hops->distinct <= ARRAY_COUNT(hops->domain))
		hops->distinct++;
}

static size_t token_length(const char *text)
{
	const char *closing = text[0] == '[' ? strchr(text, ']') : NULL;

	if (closing != NULL)
		return (size_t)(closing - text) + 1;
	return strcspn(text, "@%!:,;<>()\"\\ \t");
}

/* TEXT is dequoted. A domain stands behind "@" and "%", and before "!" and "::"; which of them an
 * MTA takes first differs, so every one of them counts. */
static void find_hops(struct hops *hops, const char *text)
{
	char armed = '\0';

	while (*text != '\0') {
		size_t length = token_length(text);
		const char *next = text + length;

		next += strspn(next, " \t");
		if (length == 0) {
			if (*text == '@' || *text == '%')
				armed = *text;
			text++;
			continue;
		}
		if (armed != '\0' || *next == '!' || (next[0] == ':' && next[1] == ':'))
			add_hop(hops, text, length, armed == '@');
		armed = '\0';
		text += length;
	}
}

/* A reading that no domain name equals, so that it belongs to nobody. */
static void set_unclear(struct path *path, const char *text)
{
	struct text out;

	text_init(&out, path->routed_domain, sizeof(path->routed_domain));
	text_add(&out, text);
	path->routed = true;
}

static void set_routed(struct path *path, const char *domain)
{
	path->routed = domain[0] != '\0' && strcmp(domain, path->domain) != 0;
	if (!text_copy(path->routed_domain, sizeof(path->routed_domain), domain))
		path->routed = false;
}

/* RFC 2047 2: "=?charset?Q?text?=". Software that decodes it in a path finds an address of the
 * sender's choice inside. */
static bool has_encoded_word(const char *text)
{
	const char *start = strstr(text, "=?");
	const char *kind = start == NULL ? NULL : strchr(start + 2, '?');

	return kind != NULL && kind[1] != '\0' && kind[2] == '?' && strstr(kind + 3, "?=") != NULL;
}

static void literal_text(const struct ipaddr *literal, char buffer[DOMAIN_SIZE])
{
	char address[IPADDR_TEXT_SIZE];
	struct text out;

	text_init(&out, buffer, DOMAIN_SIZE);
	text_addf(&out, "[%s%s]", literal->family == IP_V6 ? "IPv6:" : "",
		ipaddr_format(literal, address));
}

/* Most are: nothing in the local-part that any reading takes a domain from, and a domain that none takes
 * for a number. */
static bool has_one_reading(const struct path *path)
{
	return path->literal.family == IP_NONE && !ascii_is_digit(path->domain[0]) &&
	       path->local_part[strcspn(path->local_part, "@%!:=")] == '\0';
}

void path_route_accepted(struct path *path)
{
	char own[DOMAIN_SIZE];
	struct hops hops = {.distinct = 0};
	unsigned other;

	if (has_one_reading(path)) {
		set_routed(path, path->domain);
		return;
	}
	if (path->literal.family != IP_NONE)
		literal_text(&path->literal, own);
	else
		memcpy(own, path->domain, sizeof(own));
	/* The path's own domain is the first hop, so that only others make a difference. */
	if (own[0] != '\0')
		add_hop(&hops, own, strlen(own), true);
	other = hops.distinct;
	find_hops(&hops, path->local_part);
	if (hops.distinct > other + 1 || has_encoded_word(path->local_part))
		set_unclear(path, path->local_part);
	else if (hops.distinct > other)
		set_routed(path, hops.domain[other]);
	else if (path->literal.family == IP_NONE)
		set_routed(path, hops.domain[0]);
}

/* Reading of the unquoted and the quoted parts of a refused text. */
struct flat {
	struct text out;
	char buffer[FLAT_SIZE];
	bool quoted;
	unsigned comment; /* nesting */
};

/* One character outside of quotes; several addresses in one path stay apart by blanks. */
static void flatten_unquoted(struct flat *flat, char c)
{
	if (c == '(') {
		flat->comment++;
	} else if (c == ')') {
		if (flat->comment > 0)
			flat->comment--;
	} else if (flat->comment > 0) {
		return;
	} else if (c == '<' || c == '>' || c == ',' || c == ';' || c == 0x7f ||
		   (c > 0 && c <= 0x20)) {
		if (flat->out.length > 0 && flat->buffer[flat->out.length - 1] != ' ')
			text_add_char(&flat->out, c == ',' ? ',' : ' ');
	} else {
		text_add_char(&flat->out, c);
	}
}

static void flatten(struct flat *flat, const char *text)
{
	memset(flat, 0, sizeof(*flat));
	text_init(&flat->out, flat->buffer, sizeof(flat->buffer));
	for (; *text != '\0'; text++) {
		if (*text == '\\' && text[1] != '\0') {
			text++;
			if (flat->comment == 0)
				text_add_char(&flat->out, *text);
		} else if (*text == '"' && flat->comment == 0) {
			flat->quoted = !flat->quoted;
		} else if (flat->quoted) {
			text_add_char(&flat->out, *text);
		} else {
			flatten_unquoted(flat, *text);
		}
	}
	while (flat->out.length > 0 && strchr(" ,", flat->buffer[flat->out.length - 1]) != NULL)
		flat->buffer[--flat->out.length] = '\0';
}

/* RFC 5321 appendix C: the route is to be ignored. */
static const char *behind_source_route(const char *text)
{
	const char *at = text;

	if (text[0] != '@')
		return text;
	while (*at != '\0' && *at != ':') {
		size_t length = token_length(at);

		at += length == 0 ? 1 : length;
	}
	return *at == ':' && at[1] != '\0' ? at + 1 : text;
}

void path_route_refused(const char *text, struct path *path)
{
	struct hops hops = {.distinct = 0};
	struct flat flat;
	const char *address;
	int outer = -1;

	flatten(&flat, text);
	address = behind_source_route(flat.buffer);
	find_hops(&hops, address);
	for (int i = 0; i < 2 && hops.distinct == 2; i++) {
		if (strcmp(hops.domain[i], hops.last_after_at) == 0)
			outer = i;
	}
	if (hops.distinct == 0)
		return;
	if (flat.out.truncated)
		set_unclear(path, address);
	else if (hops.distinct == 1)
		set_routed(path, hops.domain[0]);
	else if (outer >= 0 && strpbrk(address, " ,") == NULL)
		set_routed(path, hops.domain[1 - outer]);
	else
		set_unclear(path, address);
}
