/* SPDX-License-Identifier: BSD-2-Clause */
#include "spf_record.h"

#include <arpa/inet.h>
#include <string.h>

#include "spf_macro.h"
#include "text.h"

static const char version[] = "v=spf1";

enum { VERSION_LENGTH = sizeof version - 1, BROAD_V4 = 8, BROAD_V6 = 32 };

/* What may follow the name of a mechanism. */
enum argument { ARGUMENT_NONE, ARGUMENT_DOMAIN, ARGUMENT_OPTIONAL, ARGUMENT_NETWORK };

static const struct mechanism {
	const char *name;
	enum spf_term_type type;
	enum argument argument;
	bool prefix; /* may carry a dual-cidr-length */
} mechanisms[] = {
	{"all", SPF_TERM_ALL, ARGUMENT_NONE, false},
	{"include", SPF_TERM_INCLUDE, ARGUMENT_DOMAIN, false},
	{"a", SPF_TERM_A, ARGUMENT_OPTIONAL, true},
	{"mx", SPF_TERM_MX, ARGUMENT_OPTIONAL, true},
	{"ptr", SPF_TERM_PTR, ARGUMENT_OPTIONAL, false},
	{"ip4", SPF_TERM_IP4, ARGUMENT_NETWORK, false},
	{"ip6", SPF_TERM_IP6, ARGUMENT_NETWORK, false},
	{"exists", SPF_TERM_EXISTS, ARGUMENT_DOMAIN, false},
};

bool spf_record_is(const char *text, size_t length)
{
	return length >= VERSION_LENGTH && ascii_equal_n(text, version, VERSION_LENGTH) &&
	       (length == VERSION_LENGTH || text[VERSION_LENGTH] == ' ');
}

bool spf_term_asks_dns(const struct spf_term *term)
{
	switch (term->type) {
	case SPF_TERM_INCLUDE:
	case SPF_TERM_A:
	case SPF_TERM_MX:
	case SPF_TERM_PTR:
	case SPF_TERM_EXISTS:
	case SPF_TERM_REDIRECT:
		return true;
	default:
		return false;
	}
}

/* A prefix length: no leading zero, at most MAX. */
static bool read_prefix(const char *digits, size_t length, unsigned max, unsigned *prefix_r)
{
	unsigned value = 0;

	if (length == 0 || length > 3 || (digits[0] == '0' && length > 1))
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!ascii_is_digit(digits[i]))
			return false;
		value = value * 10 + (unsigned)(digits[i] - '0');
	}
	*prefix_r = value;
	return value <= max;
}

static size_t digits_at_end(const char *text, size_t length)
{
	size_t count = 0;

	while (count < length && ascii_is_digit(text[length - 1 - count]))
		count++;
	return count;
}

/* Takes dual-cidr-length off the end of TEXT: "/24", "//64" or "/24//64". A "/" with digits at the
 * end can be nothing else, since no toplabel ends so. */
static bool take_prefixes(const char *text, size_t *length, struct spf_term *term)
{
	size_t digits = digits_at_end(text, *length);
	size_t rest = *length - digits;

	if (digits > 0 && rest > 1 && text[rest - 1] == '/' && text[rest - 2] == '/') {
		if (!read_prefix(text + rest, digits, 128, &term->prefix_v6))
			return false;
		*length = rest - 2;
		digits = digits_at_end(text, *length);
		rest = *length - digits;
	}
	if (digits > 0 && rest > 0 && text[rest - 1] == '/') {
		if (!read_prefix(text + rest, digits, 32, &term->prefix_v4))
			return false;
		*length = rest - 1;
	}
	return true;
}

static void clear_host_bits(struct network *network)
{
	for (unsigned bit = network->prefix; bit < 8 * sizeof network->address.bytes; bit++)
		network->address.bytes[bit / 8] &= (uint8_t)~(0x80u >> bit % 8);
}

static bool read_network(const char *text, size_t length, struct spf_term *term)
{
	bool v4 = term->type == SPF_TERM_IP4;
	const char *slash = memchr(text, '/', length);
	size_t octets = slash == NULL ? length : (size_t)(slash - text);
	char address[IPADDR_TEXT_SIZE];

	term->network.address.family = v4 ? IP_V4 : IP_V6;
	term->network.prefix = v4 ? 32 : 128;
	if (slash != NULL &&
		!read_prefix(slash + 1, length - octets - 1, v4 ? 32 : 128, &term->network.prefix))
		return false;
	if (octets >= sizeof address || memchr(text, '\0', octets) != NULL)
		return false;
	memcpy(address, text, octets);
	address[octets] = '\0';
	if (inet_pton(v4 ? AF_INET : AF_INET6, address, term->network.address.bytes) != 1)
		return false;
	clear_host_bits(&term->network);
	return true;
}

/* What stands behind the name of a mechanism; NULL or what is wrong with it. */
static const char *read_argument(
	const struct mechanism *mechanism, const char *text, size_t length, struct spf_term *term)
{
	if (mechanism->prefix && !take_prefixes(text, &length, term))
		return "prefix length out of range";
	if (length == 0)
		return mechanism->argument == ARGUMENT_NONE ||
				       mechanism->argument == ARGUMENT_OPTIONAL
			       ? NULL
			       : "needs an argument";
	if (text[0] != ':' || mechanism->argument == ARGUMENT_NONE)
		return "unexpected text behind the mechanism";
	text++;
	length--;
	if (mechanism->argument == ARGUMENT_NETWORK)
		return read_network(text, length, term) ? NULL : "not a network";
	if (!spf_macro_is_domain(text, length))
		return "not a domain-spec";
	term->domain = text;
	term->domain_length = length;
	return NULL;
}

static const char *read_mechanism(struct spf_term *term)
{
	const char *name = term->text;
	size_t left = term->length;
	size_t letters = 0;

	if (name[0] == '+' || name[0] == '-' || name[0] == '~' || name[0] == '?') {
		term->qualifier = *name++;
		left--;
	}
	while (letters < left && ascii_is_alnum(name[letters]))
		letters++;
	for (size_t i = 0; i < ARRAY_COUNT(mechanisms); i++) {
		if (strlen(mechanisms[i].name) != letters ||
			!ascii_equal_n(name, mechanisms[i].name, letters))
			continue;
		term->type = mechanisms[i].type;
		return read_argument(&mechanisms[i], name + letters, left - letters, term);
	}
	return "unknown mechanism";
}

static bool is_named(const struct spf_term *term, size_t letters, const char *name)
{
	return strlen(name) == letters && ascii_equal_n(term->text, name, letters);
}

/* LETTERS: length of the name before "=". */
static const char *read_modifier(struct spf_term *term, size_t letters)
{
	const char *value = term->text + letters + 1;
	size_t length = term->length - letters - 1;

	term->type = SPF_TERM_UNKNOWN;
	if (is_named(term, letters, "redirect"))
		term->type = SPF_TERM_REDIRECT;
	else if (is_named(term, letters, "exp"))
		term->type = SPF_TERM_EXP;
	if (term->type == SPF_TERM_UNKNOWN)
		return spf_macro_is_string(value, length, false) ? NULL : "not a macro-string";
	if (!spf_macro_is_domain(value, length))
		return "not a domain-spec";
	term->domain = value;
	term->domain_length = length;
	return NULL;
}

/* A modifier is a name (7.1: letter, then letters, digits, "-", "_", ".") and "="; else 0. */
static size_t modifier_name_length(const char *text, size_t length)
{
	size_t i = 0;

	if (!ascii_is_alpha(text[0]))
		return 0;
	while (i < length &&
		(ascii_is_alnum(text[i]) || text[i] == '-' || text[i] == '_' || text[i] == '.'))
		i++;
	return i < length && text[i] == '=' ? i : 0;
}

/* Reads the term at *OFFSET, past spaces; false at the end. *WHY_R: NULL or what is wrong. */
static bool next_term(const char *text, size_t length, size_t *offset, struct spf_term *term_r,
	const char **why_r)
{
	size_t start = *offset < VERSION_LENGTH ? VERSION_LENGTH : *offset;
	const char *end;
	size_t letters;

	while (start < length && text[start] == ' ')
		start++;
	if (start >= length)
		return false;
	end = memchr(text + start, ' ', length - start);
	*term_r = (struct spf_term){.qualifier = '+',
		.text = text + start,
		.length = (end == NULL ? length : (size_t)(end - text)) - start,
		.prefix_v4 = 32,
		.prefix_v6 = 128};
	*offset = start + term_r->length;
	letters = modifier_name_length(term_r->text, term_r->length);
	*why_r = letters > 0 ? read_modifier(term_r, letters) : read_mechanism(term_r);
	return true;
}

bool spf_record_next(const struct spf_record *record, size_t *offset, struct spf_term *term_r)
{
	const char *why;

	while (next_term(record->text, record->length, offset, term_r, &why))
		if (term_r->type < SPF_TERM_REDIRECT)
			return true;
	return false;
}

/* Notes what the record says as a whole. */
static const char *note_term(struct spf_record *record, const struct spf_term *term)
{
	bool passes = term->qualifier == '+' && !record->has_all; /* what follows all is idle */
	bool addresses = term->type == SPF_TERM_A || term->type == SPF_TERM_MX;

	if (term->type == SPF_TERM_REDIRECT || term->type == SPF_TERM_EXP) {
		struct spf_term *place =
			term->type == SPF_TERM_EXP ? &record->exp : &record->redirect;

		if (place->text != NULL)
			return "given twice";
		*place = *term;
	}
	if (term->type == SPF_TERM_ALL)
		record->has_all = true;
	if (passes && term->type == SPF_TERM_ALL)
		record->over_broad_v4 = record->over_broad_v6 = true;
	if (passes && ((addresses && term->prefix_v4 < BROAD_V4) ||
			      (term->type == SPF_TERM_IP4 && term->network.prefix < BROAD_V4)))
		record->over_broad_v4 = true;
	if (passes && ((addresses && term->prefix_v6 < BROAD_V6) ||
			      (term->type == SPF_TERM_IP6 && term->network.prefix < BROAD_V6)))
		record->over_broad_v6 = true;
	return NULL;
}

bool spf_record_parse(const char *text, size_t length, struct spf_record *record_r)
{
	size_t count = 0;
	size_t offset = 0;
	struct spf_term term;
	bool fails_all = false;

	*record_r = (struct spf_record){.text = text, .length = length};
	while (next_term(text, length, &offset, &term, &record_r->why)) {
		if (record_r->why == NULL)
			record_r->why = note_term(record_r, &term);
		if (record_r->why != NULL) {
			record_r->wrong = term;
			return false;
		}
		if (term.type < SPF_TERM_REDIRECT) {
			count++;
			fails_all = term.type == SPF_TERM_ALL && term.qualifier == '-';
		}
	}
	record_r->no_mail = count == 1 && fails_all && record_r->redirect.text == NULL;
	return true;
}
