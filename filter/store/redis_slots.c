/* SPDX-License-Identifier: BSD-2-Clause */
#include "redis_slots.h"

#include <stdio.h>
#include <string.h>

#include "text.h"

/* CRC-16/XMODEM. */
static unsigned checksum(const char *bytes, size_t length)
{
	unsigned sum = 0;

	for (size_t i = 0; i < length; i++) {
		sum ^= (unsigned)(unsigned char)bytes[i] << 8;
		for (int bit = 0; bit < 8; bit++)
			sum = (sum << 1 ^ ((sum & 0x8000U) != 0 ? 0x1021U : 0)) & 0xffffU;
	}
	return sum;
}

unsigned redis_slot(const char *key, size_t length)
{
	const char *open = memchr(key, '{', length);
	const char *close;

	if (open != NULL) {
		close = memchr(open, '}', length - (size_t)(open - key));
		if (close != NULL && close > open + 1)
			return checksum(open + 1, (size_t)(close - open - 1)) % REDIS_SLOTS;
	}
	return checksum(key, length) % REDIS_SLOTS;
}

/* A run of bytes in a text. */
struct word {
	const char *start;
	size_t length;
};

/* The next word before the end of the line; false if there is none. */
static bool next_word(const char **at, const char *end, struct word *word_r)
{
	while (*at < end && **at == ' ')
		(*at)++;
	word_r->start = *at;
	while (*at < end && **at != ' ')
		(*at)++;
	word_r->length = (size_t)(*at - word_r->start);
	return word_r->length > 0;
}

static bool has_flag(const struct word *flags, const char *flag)
{
	const char *end = flags->start + flags->length;
	size_t length = strlen(flag);

	for (const char *at = flags->start; at < end;) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		size_t size = (size_t)((comma == NULL ? end : comma) - at);

		if (size == length && memcmp(at, flag, length) == 0)
			return true;
		at += size + 1;
	}
	return false;
}

/* The number at *AT, moved behind it; false if there is none or it is above MAXIMUM. */
static bool read_number(const char **at, const char *end, unsigned maximum, unsigned *number_r)
{
	const char *start = *at;

	*number_r = 0;
	for (; *at < end && ascii_is_digit(**at); (*at)++) {
		*number_r = *number_r * 10 + (unsigned)(**at - '0');
		if (*number_r > maximum)
			return false;
	}
	return *at > start;
}

/* "192.0.2.1:6379", "2001:db8::1:6379", ":6379" */
static bool read_host(struct word word, const struct store_host *asked, struct store_host *host_r)
{
	const char *end = word.start + word.length;
	const char *colon = end;
	const char *port;
	unsigned number = 0;
	size_t length;

	while (colon > word.start && *colon != ':')
		colon--;
	length = (size_t)(colon - word.start);
	port = colon + 1;
	if (*colon != ':' || length >= sizeof(host_r->name) ||
		!read_number(&port, end, 65535, &number) || port != end || number == 0)
		return false;
	host_r->port = (int)number;
	snprintf(host_r->name, sizeof(host_r->name), "%.*s", (int)length, word.start);
	if (length == 0)
		memcpy(host_r->name, asked->name, sizeof(host_r->name));
	return strspn(host_r->name, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    ".-_:%") == strlen(host_r->name);
}

/* "5461", "0-5460"; others ("[93-<-...]") tell of a slot on its way, which stays where it is. */
static bool take_slots(const struct word *word, struct redis_view *view)
{
	const char *at = word->start;
	const char *end = at + word->length;
	unsigned first, last;

	if (*at == '[')
		return true;
	if (!read_number(&at, end, REDIS_SLOTS - 1, &first))
		return false;
	last = first;
	if (at < end && *at == '-') {
		at++;
		if (!read_number(&at, end, REDIS_SLOTS - 1, &last))
			return false;
	}
	if (at != end || last < first)
		return false;
	for (unsigned slot = first; slot <= last; slot++) {
		view->covered += view->owner[slot] == 0;
		view->owner[slot] = (uint8_t)view->count;
	}
	view->primaries[view->count - 1].slots += last - first + 1;
	return true;
}

/* id address flags primary ping pong epoch link slots... */
static bool read_line(
	const char *at, const char *end, const struct store_host *asked, struct redis_view *view)
{
	struct word words[8];
	struct word slots;
	const char *stop;
	bool failing;

	for (size_t i = 0; i < ARRAY_COUNT(words); i++)
		if (!next_word(&at, end, &words[i]))
			return false;
	if (!has_flag(&words[2], "master") || has_flag(&words[2], "noaddr") ||
		has_flag(&words[2], "handshake"))
		return true;
	failing = has_flag(&words[2], "fail");
	stop = memchr(words[1].start, '@', words[1].length);
	if (stop != NULL)
		words[1].length = (size_t)(stop - words[1].start);
	if (view->count == REDIS_NODES_MAX ||
		!read_host(words[1], asked, &view->primaries[view->count].host))
		return false;
	view->primaries[view->count++].failing = failing;
	while (next_word(&at, end, &slots))
		if (!take_slots(&slots, view))
			return false;
	return true;
}

bool redis_view_parse(const char *text, const struct store_host *asked, struct redis_view *view_r)
{
	memset(view_r, 0, sizeof(*view_r));
	while (*text != '\0') {
		size_t length = strcspn(text, "\n");
		size_t used = length > 0 && text[length - 1] == '\r' ? length - 1 : length;

		if (used > 0 && !read_line(text, text + used, asked, view_r))
			return false;
		text += length + (text[length] == '\n');
	}
	return view_r->count > 0;
}

bool redis_redirection_parse(const char *error, const struct store_host *asked, unsigned *slot_r,
	struct store_host *host_r)
{
	const char *end = error + strlen(error);
	struct word kind, slot, place;

	return next_word(&error, end, &kind) && next_word(&error, end, &slot) &&
	       next_word(&error, end, &place) &&
	       read_number(&slot.start, slot.start + slot.length, REDIS_SLOTS - 1, slot_r) &&
	       read_host(place, asked, host_r);
}
