/* SPDX-License-Identifier: BSD-2-Clause */
#include "domain.h"

#include <idn2.h>
#include <libpsl.h>
#include <string.h>

#include "text.h"

enum {
	LABEL_MAX = 63, /* octets, RFC 1035 2.3.4 */
	NAME_MAX_OCTETS = 253,
	U_NAME_MAX_OCTETS = 1000 /* UTF-8 that 253 octets of A-labels can come from */
};

/* ASCII NAME to lower case in CANONICAL_R with one trailing dot removed. */
static bool canonical_ascii(const char *name, char canonical_r[DOMAIN_SIZE])
{
	size_t length = 0;
	size_t label = 0;

	for (; *name != '\0'; name++) {
		if (*name == '.') {
			if (label == 0)
				return false;
			if (name[1] == '\0')
				break;
			label = 0;
		} else if (!ascii_is_alnum(*name) && *name != '-' && *name != '_') {
			return false;
		} else if (++label > LABEL_MAX) {
			return false;
		}
		if (length == NAME_MAX_OCTETS)
			return false;
		canonical_r[length++] = ascii_lower_char(*name);
	}
	canonical_r[length] = '\0';
	return label > 0;
}

static bool is_ascii(const char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text > 0x7f)
			return false;
	}
	return true;
}

bool domain_canonical(const char *name, char canonical_r[DOMAIN_SIZE])
{
	uint8_t *alabels = NULL;
	bool good;

	canonical_r[0] = '\0';
	if (is_ascii(name)) {
		good = canonical_ascii(name, canonical_r);
	} else {
		good = strnlen(name, U_NAME_MAX_OCTETS) < U_NAME_MAX_OCTETS &&
		       idn2_lookup_u8((const uint8_t *)name, &alabels,
			       IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT) == IDN2_OK &&
		       is_ascii((const char *)alabels) &&
		       canonical_ascii((const char *)alabels, canonical_r);
		idn2_free(alabels);
	}
	if (!good)
		canonical_r[0] = '\0';
	return good;
}

bool domain_is(const char *written, const char *canonical)
{
	size_t length = strlen(canonical);
	char own[DOMAIN_SIZE];

	if (!is_ascii(written))
		return domain_canonical(written, own) && strcmp(own, canonical) == 0;
	return length > 0 && ascii_equal_n(written, canonical, length) &&
	       (written[length] == '\0' || strcmp(written + length, ".") == 0);
}

bool domain_is_hostname(const char *name)
{
	size_t length = strnlen(name, NAME_MAX_OCTETS + 1);
	bool all_digits = true;
	size_t label = 0;

	if (length > NAME_MAX_OCTETS)
		return false;
	for (size_t i = 0; i < length; i++) {
		char c = name[i];

		if (c == '.') {
			if (label == 0 || name[i - 1] == '-')
				return false;
			label = 0;
			all_digits = true;
			continue;
		}
		if (!ascii_is_alnum(c) && (c != '-' || label == 0))
			return false;
		all_digits = all_digits && ascii_is_digit(c);
		if (++label > LABEL_MAX)
			return false;
	}
	return label > 0 && name[length - 1] != '-' && !all_digits;
}

bool domain_is_qualified(const char *name)
{
	const char *dot = strchr(name, '.');

	return dot != NULL && dot != name && dot[1] != '\0';
}

bool domain_parse_literal(const char *text, struct ipaddr *address_r)
{
	static const char tag[] = "IPv6:";
	char inside[IPADDR_TEXT_SIZE];
	size_t length = strlen(text);
	bool tagged;

	memset(address_r, 0, sizeof(*address_r));
	if (length < 3 || text[0] != '[' || text[length - 1] != ']')
		return false;
	text++;
	length -= 2;
	tagged = ascii_starts_with(text, tag);
	if (tagged) {
		text += sizeof(tag) - 1;
		length -= sizeof(tag) - 1;
	}
	if (length >= sizeof(inside))
		return false;
	memcpy(inside, text, length);
	inside[length] = '\0';
	return tagged == (strchr(inside, ':') != NULL) && ipaddr_parse(inside, address_r);
}

const char *domain_unicode(const char *name, char *buffer, size_t size)
{
	char *unicode = NULL;

	if (strstr(name, "xn--") == NULL && text_copy(buffer, size, name))
		return buffer;
	if (idn2_to_unicode_8z8z(name, &unicode, 0) != IDN2_OK ||
		!text_copy(buffer, size, unicode)) {
		struct text plain;

		text_init(&plain, buffer, size);
		text_add(&plain, name);
	}
	idn2_free(unicode);
	return buffer;
}

bool domain_is_within(const char *name, const char *parent)
{
	size_t length = strlen(name);
	size_t tail = strlen(parent);

	if (tail == 0 || length < tail || strcmp(name + length - tail, parent) != 0)
		return false;
	return length == tail || name[length - tail - 1] == '.';
}

const char *domain_organizational(const char *name)
{
	const char *dot = strchr(name, '.'), *organizational;

	/* Nothing shorter than two labels is registered. */
	if (dot == NULL || strchr(dot + 1, '.') == NULL)
		return name;
	organizational = psl_registrable_domain(psl_builtin(), name);
	return organizational == NULL ? name : organizational;
}

bool domain_same_organization(const char *a, const char *b)
{
	return strcmp(a, b) == 0 || strcmp(domain_organizational(a), domain_organizational(b)) == 0;
}
