/* SPDX-License-Identifier: BSD-2-Clause */
#include "generic_name.h"

#include <string.h>

#include "text.h"

enum { NUMBERS_MAX = 128, OCTETS = 4, NIBBLES = 32, SPELLING_SIZE = 40 };

/* Below this an octet is as likely the number of a host. */
enum { TELLING_OCTET = 10 };

/* A run of decimal digits of the name. */
struct number {
	const char *digits;
	size_t length;
	unsigned long value;
};

struct numbers {
	struct number items[NUMBERS_MAX];
	size_t count;
};

static bool is_hex(char c)
{
	return ascii_is_digit(c) || (c >= 'a' && c <= 'f');
}

static void read_numbers(const char *name, struct numbers *numbers)
{
	numbers->count = 0;
	for (const char *c = name; *c != '\0' && numbers->count < NUMBERS_MAX;) {
		struct number *number = &numbers->items[numbers->count];

		if (!ascii_is_digit(*c)) {
			c++;
			continue;
		}
		*number = (struct number){.digits = c};
		for (; ascii_is_digit(*c); c++) {
			number->length++;
			if (number->length <= 12)
				number->value = number->value * 10 + (unsigned long)(*c - '0');
		}
		numbers->count++;
	}
}

/* Decimal spellings of IPv4. ------------------------------------------------------------------ */

/* COUNT numbers side by side are OCTETS, in this order or backwards. */
static bool has_row(const struct numbers *numbers, const uint8_t *octets, size_t count)
{
	for (size_t at = 0; at + count <= numbers->count; at++) {
		const struct number *first = &numbers->items[at];
		bool forwards = true, backwards = true;

		for (size_t i = 0; i < count; i++) {
			if (first[i].length > 3 || first[i].value != octets[i])
				forwards = false;
			if (first[i].length > 3 || first[i].value != octets[count - 1 - i])
				backwards = false;
		}
		if (forwards || backwards)
			return true;
	}
	return false;
}

/* Four numbers side by side are the four octets in any order: some providers turn the halves. */
static bool has_any_order(const struct numbers *numbers, const uint8_t *octets)
{
	for (size_t at = 0; at + OCTETS <= numbers->count; at++) {
		bool used[OCTETS] = {false};
		size_t found = 0;

		for (size_t i = 0; i < OCTETS; i++) {
			for (size_t o = 0; o < OCTETS; o++) {
				if (used[o] || numbers->items[at + i].value != octets[o])
					continue;
				used[o] = true;
				found++;
				break;
			}
		}
		if (found == OCTETS)
			return true;
	}
	return false;
}

/* Octets that are joined have that many digits. */
enum { JOINED_DIGITS = 6 };

static bool has_long_number(const struct numbers *numbers)
{
	for (size_t i = 0; i < numbers->count; i++)
		if (numbers->items[i].length >= JOINED_DIGITS)
			return true;
	return false;
}

static bool has_number_text(const struct numbers *numbers, const char *digits)
{
	for (size_t i = 0; i < numbers->count; i++)
		if (numbers->items[i].length == strlen(digits) &&
			memcmp(numbers->items[i].digits, digits, strlen(digits)) == 0)
			return true;
	return false;
}

/* COUNT octets written into one number, each padded to three digits or not at all. */
static bool has_joined(const struct numbers *numbers, const uint8_t *octets, size_t count)
{
	char padded[2][SPELLING_SIZE], plain[2][SPELLING_SIZE];
	struct text texts[4];

	if (!has_long_number(numbers))
		return false;
	for (size_t way = 0; way < 2; way++) {
		text_init(&texts[way], padded[way], SPELLING_SIZE);
		text_init(&texts[way + 2], plain[way], SPELLING_SIZE);
		for (size_t i = 0; i < count; i++) {
			unsigned octet = octets[way == 0 ? i : count - 1 - i];

			text_addf(&texts[way], "%s%u",
				octet < 10    ? "00"
				: octet < 100 ? "0"
					      : "",
				octet);
			text_addf(&texts[way + 2], "%u", octet);
		}
		if (has_number_text(numbers, padded[way]))
			return true;
		if (strlen(plain[way]) >= JOINED_DIGITS && has_number_text(numbers, plain[way]))
			return true;
	}
	return false;
}

static bool has_integer(const struct numbers *numbers, const uint8_t *octets)
{
	unsigned long forwards = 0, backwards = 0;

	for (size_t i = 0; i < OCTETS; i++) {
		forwards = forwards << 8 | octets[i];
		backwards = backwards << 8 | octets[OCTETS - 1 - i];
	}
	for (size_t i = 0; i < numbers->count; i++)
		if (numbers->items[i].length >= 8 && (numbers->items[i].value == forwards ||
							     numbers->items[i].value == backwards))
			return true;
	return false;
}

static bool is_telling(const uint8_t *octets, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (octets[i] >= TELLING_OCTET)
			return true;
	return false;
}

static bool spells_decimal(const struct numbers *numbers, const uint8_t *octets)
{
	return has_any_order(numbers, octets) || has_joined(numbers, octets, OCTETS) ||
	       has_integer(numbers, octets);
}

/* Three octets: with two, servers of the large senders would be called generic. */
static bool spells_decimal_part(const struct numbers *numbers, const uint8_t *octets)
{
	for (size_t from = 0; from <= 1; from++)
		if (is_telling(octets + from, 3) && (has_row(numbers, octets + from, 3) ||
							    has_joined(numbers, octets + from, 3)))
			return true;
	return false;
}

/* Hexadecimal spellings. ---------------------------------------------------------------------- */

static const char hex_digits[] = "0123456789abcdef";

/* The name without what stands between groups: "c0-00.02-07" becomes "c0000207". */
static void strip_separators(const char *name, char stripped[DOMAIN_SIZE])
{
	size_t length = 0;

	for (; *name != '\0' && length < DOMAIN_SIZE - 1; name++)
		if (ascii_is_alnum(*name))
			stripped[length++] = *name;
	stripped[length] = '\0';
}

static void spell_hex(const uint8_t *octets, size_t count, bool backwards, char *spelling)
{
	for (size_t i = 0; i < count; i++) {
		uint8_t octet = octets[backwards ? count - 1 - i : i];

		*spelling++ = hex_digits[octet >> 4];
		*spelling++ = hex_digits[octet & 15U];
	}
	*spelling = '\0';
}

static bool has_hex(const char *stripped, const uint8_t *octets, size_t count)
{
	char forwards[SPELLING_SIZE], backwards[SPELLING_SIZE];

	spell_hex(octets, count, false, forwards);
	spell_hex(octets, count, true, backwards);
	return strstr(stripped, forwards) != NULL || strstr(stripped, backwards) != NULL;
}

/* A whole run of hex digits, since so few of them stand in many words. */
static bool has_hex_run(const char *name, const uint8_t *octets, size_t count)
{
	char wanted[2][SPELLING_SIZE];

	for (size_t way = 0; way < 2; way++) {
		spell_hex(octets, count, way == 1, wanted[way]);
		for (const char *c = strstr(name, wanted[way]); c != NULL;
			c = strstr(c + 1, wanted[way]))
			if ((c == name || !is_hex(c[-1])) && !is_hex(c[2 * count]))
				return true;
	}
	return false;
}

static bool spells_hex_part(const char *name, const uint8_t *octets)
{
	return has_hex_run(name, octets + 1, 3) || has_hex_run(name, octets, 3);
}

/* IPv6. --------------------------------------------------------------------------------------- */

static void spell_nibbles(const struct ipaddr *address, bool backwards, char spelling[NIBBLES + 1])
{
	for (size_t i = 0; i < NIBBLES; i++) {
		size_t at = backwards ? NIBBLES - 1 - i : i;
		unsigned byte = address->bytes[at / 2];

		spelling[i] = hex_digits[at % 2 == 0 ? byte >> 4 : byte & 15U];
	}
	spelling[NIBBLES] = '\0';
}

/* Half of the address, network or host, is enough. */
static bool has_nibbles(const char *stripped, const struct ipaddr *address)
{
	char spelling[NIBBLES + 1], half[NIBBLES / 2 + 1];

	for (int way = 0; way < 2; way++) {
		spell_nibbles(address, way == 1, spelling);
		for (size_t from = 0; from <= NIBBLES / 2; from += NIBBLES / 2) {
			memcpy(half, spelling + from, NIBBLES / 2);
			half[NIBBLES / 2] = '\0';
			if (strstr(stripped, half) != NULL)
				return true;
		}
	}
	return false;
}

/* "2001-db8--7" or "2001-db8-0-0-0-0-0-7", and the four groups of one half. */
static bool has_groups(const char *name, const struct ipaddr *address)
{
	char spelling[3][SPELLING_SIZE + IPADDR_TEXT_SIZE];
	struct text texts[3];
	char canonical[IPADDR_TEXT_SIZE];

	ipaddr_format(address, canonical);
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
		text_init(&texts[i], spelling[i], sizeof(spelling[i]));
	for (const char *c = canonical; *c != '\0'; c++)
		text_add_char(&texts[0], *c == ':' ? '-' : *c);
	for (size_t group = 0; group < 8; group++)
		text_addf(&texts[1 + group / 4], "%s%x", group % 4 == 0 ? "" : "-",
			(unsigned)address->bytes[2 * group] << 8 | address->bytes[2 * group + 1]);
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
		if (strlen(spelling[i]) > 7 && strstr(name, spelling[i]) != NULL)
			return true;
	return false;
}

/* Words. -------------------------------------------------------------------------------------- */

/* The part that its owner did not have to register: all but the organizational domain. */
static size_t host_part_length(const char *name)
{
	return (size_t)(domain_organizational(name) - name);
}

static const char *find_word(const char *name, size_t length, char *const *words)
{
	for (size_t at = 0; at < length;) {
		size_t end = at;

		while (end < length && ascii_is_alpha(name[end]))
			end++;
		for (char *const *word = words; end > at && word != NULL && *word != NULL; word++)
			if (strlen(*word) == end - at && ascii_equal_n(name + at, *word, end - at))
				return *word;
		at = end + 1;
	}
	return NULL;
}

static const char *find_spelling(const char *name, const struct ipaddr *address)
{
	char stripped[DOMAIN_SIZE];
	struct numbers numbers;

	strip_separators(name, stripped);
	if (address->family == IP_V6)
		return has_nibbles(stripped, address) || has_groups(name, address) ? "in hex"
										   : NULL;
	read_numbers(name, &numbers);
	if (spells_decimal(&numbers, address->bytes))
		return "in decimal";
	if (has_hex(stripped, address->bytes, OCTETS))
		return "in hex";
	if (spells_decimal_part(&numbers, address->bytes))
		return "in part, in decimal";
	return spells_hex_part(name, address->bytes) ? "in part, in hex" : NULL;
}

bool generic_name(const char *name, const struct ipaddr *address, const struct generic_words *words,
	char *reason, size_t reason_size)
{
	size_t host_length = host_part_length(name);
	const char *spelling, *pool, *server;
	char shown[IPADDR_TEXT_SIZE];
	struct text text;

	text_init(&text, reason, reason_size);
	if (address->family == IP_NONE)
		return false;
	spelling = find_spelling(name, address);
	pool = find_word(name, host_length, words->pool);
	server = find_word(name, host_length, words->server);
	/* Senders of much mail number their servers by address; pools do not name theirs "mail". */
	if (spelling == NULL ? pool == NULL || server != NULL : server != NULL && pool == NULL)
		return false;
	if (spelling != NULL)
		text_addf(&text, "spells %s %s", ipaddr_format(address, shown), spelling);
	else
		text_addf(&text, "has the word %s", pool);
	return true;
}
