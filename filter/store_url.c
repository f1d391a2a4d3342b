/* SPDX-License-Identifier: BSD-2-Clause */
#include "store_url.h"

#include <stdio.h>
#include <string.h>

#include "text.h"

enum { DEFAULT_PORT = 6379, DATABASE_MAX = 65535 };

static bool fail(char *why, size_t size, const char *sentence)
{
	snprintf(why, size, "%s", sentence);
	return false;
}

static bool parse_number(const char *digits, size_t length, int maximum, int *number_r)
{
	int number = 0;

	if (length == 0 || length > 5)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!ascii_is_digit(digits[i]))
			return false;
		number = number * 10 + (digits[i] - '0');
	}
	*number_r = number;
	return number <= maximum;
}

static int hex_digit(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	c = ascii_lower_char(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool decode(const char *encoded, size_t length, char *buffer, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < length; i++) {
		char c = encoded[i];

		if (c == '%') {
			int high = i + 2 < length ? hex_digit(encoded[i + 1]) : -1;
			int low = i + 2 < length ? hex_digit(encoded[i + 2]) : -1;

			if (high < 0 || low < 0 || high + low == 0)
				return false;
			c = (char)(high * 16 + low);
			i += 2;
		}
		if (used + 1 >= size)
			return false;
		buffer[used++] = c;
	}
	buffer[used] = '\0';
	return true;
}

static bool parse_login(const char *login, size_t length, struct store_url *url)
{
	const char *colon = memchr(login, ':', length);
	size_t user = colon == NULL ? length : (size_t)(colon - login);

	if (!decode(login, user, url->user, sizeof(url->user)))
		return false;
	return colon == NULL ||
	       decode(colon + 1, length - user - 1, url->password, sizeof(url->password));
}

/* host, host:port, [address], [address]:port */
static bool parse_place(const char *place, size_t length, struct store_url *url)
{
	const char *end = place + length;
	const char *host = place;
	const char *host_end;
	size_t host_length;

	url->port = DEFAULT_PORT;
	if (length > 0 && *place == '[') {
		host++;
		host_end = memchr(place, ']', length);
		place = host_end == NULL ? NULL : host_end + 1;
	} else {
		host_end = memchr(place, ':', length);
		host_end = host_end == NULL ? end : host_end;
		place = host_end;
	}
	if (host_end == NULL || host_end == host)
		return false;
	host_length = (size_t)(host_end - host);
	if (host_length >= sizeof(url->host))
		return false;
	memcpy(url->host, host, host_length);
	url->host[host_length] = '\0';
	if (strspn(url->host, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			      ".-_:%") != host_length)
		return false;
	if (place == end)
		return true;
	return *place == ':' &&
	       parse_number(place + 1, (size_t)(end - place - 1), 65535, &url->port) &&
	       url->port > 0;
}

static bool parse_tcp(const char *rest, struct store_url *url, char *why, size_t why_size)
{
	const char *slash = strrchr(rest, '/');
	const char *at = strrchr(rest, '@');
	const char *end = slash != NULL && (at == NULL || slash > at) ? slash : rest + strlen(rest);

	url->kind = STORE_URL_TCP;
	if (*end == '/' && end[1] != '\0' &&
		!parse_number(end + 1, strlen(end + 1), DATABASE_MAX, &url->database))
		return fail(why, why_size, "the database after the last / is not a number");
	if (at != NULL && !parse_login(rest, (size_t)(at - rest), url))
		return fail(why, why_size, "user or password is too long or not well encoded");
	rest = at == NULL ? rest : at + 1;
	if (!parse_place(rest, (size_t)(end - rest), url))
		return fail(why, why_size,
			"no host and port; it should be redis://[user:password@]host[:port][/db]");
	return true;
}

/* "db=N" or "user=NAME" */
static bool parse_option(const char *option, size_t length, struct store_url *url)
{
	if (length > 3 && strncmp(option, "db=", 3) == 0)
		return parse_number(option + 3, length - 3, DATABASE_MAX, &url->database);
	return length > 5 && strncmp(option, "user=", 5) == 0 &&
	       decode(option + 5, length - 5, url->user, sizeof(url->user));
}

static bool parse_unix(const char *rest, struct store_url *url, char *why, size_t why_size)
{
	size_t length;

	url->kind = STORE_URL_UNIX;
	if (strncmp(rest, "//", 2) == 0)
		rest += 2;
	length = strcspn(rest, "?");
	if (*rest != '/')
		return fail(why, why_size, "the path of a Unix socket must begin with /");
	if (length >= sizeof(url->path))
		return fail(why, why_size, "the path of the Unix socket is too long");
	memcpy(url->path, rest, length);
	url->path[length] = '\0';
	for (rest += length; *rest != '\0'; rest += length) {
		length = strcspn(++rest, "&");
		if (!parse_option(rest, length, url))
			return fail(why, why_size,
				"only ?db=NUMBER and user=NAME may follow the path of a Unix "
				"socket");
	}
	return true;
}

bool store_url_parse(const char *string, struct store_url *url_r, char *why, size_t why_size)
{
	memset(url_r, 0, sizeof(*url_r));
	if (string == NULL || *string == '\0')
		return true;
	if (ascii_starts_with(string, "redis://"))
		return parse_tcp(string + 8, url_r, why, why_size);
	if (ascii_starts_with(string, "unix:"))
		return parse_unix(string + 5, url_r, why, why_size);
	if (ascii_starts_with(string, "rediss:"))
		return fail(why, why_size, "TLS (rediss:) is not supported by this build");
	return fail(why, why_size, "a store URL begins with redis:// or unix:");
}

void store_url_show(const struct store_url *url, char *buffer, size_t size)
{
	struct text text;

	text_init(&text, buffer, size);
	if (url->kind == STORE_URL_MEMORY)
		text_add(&text, "memory");
	else if (url->kind == STORE_URL_UNIX)
		text_addf(&text, "unix:%s", url->path);
	else
		text_addf(&text, strchr(url->host, ':') != NULL ? "[%s]:%d" : "%s:%d", url->host,
			url->port);
	if (url->database != 0)
		text_addf(&text, "/%d", url->database);
}
