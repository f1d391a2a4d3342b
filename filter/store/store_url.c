/* SPDX-License-Identifier: BSD-2-Clause */
#include "store_url.h"

#include <stdio.h>
#include <string.h>

#include "ipaddr.h"
#include "text.h"

enum { DEFAULT_PORT = 6379, DEFAULT_SENTINEL_PORT = 26379, DATABASE_MAX = 65535 };

#define NAME_CHARACTERS "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_"

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

/* A name as resolvers take it, "_" included, since container networks make such; or an IPv4 address. */
static bool is_host_name(const char *name)
{
	struct ipaddr address;
	size_t label = 0;

	if (name[strspn(name, "0123456789.")] == '\0')
		return ipaddr_parse(name, &address);
	if (strlen(name) >= STORE_HOST_SIZE || name[strspn(name, NAME_CHARACTERS)] != '\0')
		return false;
	for (; *name != '\0'; name += name[label] == '.' ? label + 1 : label) {
		label = strcspn(name, ".");
		if (label == 0 || label > 63 || name[0] == '-' || name[label - 1] == '-')
			return false;
	}
	return true;
}

/* With a zone perhaps: "fe80::1%eth0". */
static bool is_ipv6(const char *text)
{
	char bare[IPADDR_TEXT_SIZE];
	size_t length = strcspn(text, "%");
	struct ipaddr address;

	if (length >= sizeof(bare) || memchr(text, ':', length) == NULL ||
		(text[length] == '%' && text[length + 1] == '\0') ||
		text[strspn(text, NAME_CHARACTERS ":%")] != '\0')
		return false;
	memcpy(bare, text, length);
	bare[length] = '\0';
	return ipaddr_parse(bare, &address);
}

/* host, host:port, [address], [address]:port. NULL, or what is wrong. */
static const char *parse_host(
	const char *place, size_t length, int default_port, struct store_host *host_r)
{
	const char *end = place + length;
	bool bracket = length > 0 && *place == '[';
	const char *host = place + bracket;
	const char *host_end = memchr(host, bracket ? ']' : ':', length - bracket);

	host_r->port = default_port;
	if (host_end == NULL && bracket)
		return "the bracket [ does not end";
	if (memchr(place, '?', length) != NULL)
		return "nothing with a ? may follow (a database stands behind a slash)";
	host_end = host_end == NULL ? end : host_end;
	if (host_end == host)
		return "a host is missing";
	if ((size_t)(host_end - host) >= sizeof(host_r->name))
		return "the name of a host is too long";
	if (!bracket && host_end < end && memchr(host_end + 1, ':', (size_t)(end - host_end - 1)))
		return "an IPv6 address stands in brackets, like [2001:db8::1]:6379";
	memcpy(host_r->name, host, (size_t)(host_end - host));
	host_r->name[host_end - host] = '\0';
	if (bracket && !is_ipv6(host_r->name))
		return "what stands in brackets is no IPv6 address";
	if (!bracket && !is_host_name(host_r->name))
		return "a host is neither a name nor an address";
	place = host_end + bracket;
	if (place == end)
		return NULL;
	if (*place != ':')
		return "only a port may follow the bracket ]";
	if (!parse_number(place + 1, (size_t)(end - place - 1), 65535, &host_r->port) ||
		host_r->port == 0)
		return "the port is no number from 1 to 65535";
	return NULL;
}

static bool is_named_before(const struct store_url *url, const struct store_host *host)
{
	for (const struct store_host *other = url->hosts; other < host; other++)
		if (other->port == host->port && ascii_equal(other->name, host->name))
			return true;
	return false;
}

/* NULL, or what is wrong. */
static const char *parse_hosts(
	const char *list, size_t length, int default_port, struct store_url *url)
{
	const char *end = list + length;

	for (;;) {
		const char *comma = memchr(list, ',', (size_t)(end - list));
		const char *stop = comma == NULL ? end : comma;
		struct store_host *host = &url->hosts[url->host_count];
		const char *wrong;

		if (url->host_count == STORE_HOSTS_MAX)
			return "there are more than 16 hosts";
		url->host_count++;
		wrong = parse_host(list, (size_t)(stop - list), default_port, host);
		if (wrong != NULL)
			return wrong;
		if (is_named_before(url, host))
			return "a host is named twice";
		if (comma == NULL)
			return NULL;
		list = comma + 1;
	}
}

/* What may follow the hosts of a server: "", "/", "/3". */
static bool parse_database(const char *rest, struct store_url *url)
{
	return rest[0] == '\0' || rest[1] == '\0' ||
	       parse_number(rest + 1, strlen(rest + 1), DATABASE_MAX, &url->database);
}

static bool parse_server_end(const char *rest, struct store_url *url, char *why, size_t why_size)
{
	if (url->host_count > 1)
		return fail(why, why_size,
			"redis:// names one server; for several it should be "
			"sentinel://host,host/primary or cluster://host,host");
	if (!parse_database(rest, url))
		return fail(why, why_size,
			"the database after the last / is no number from 0 to 65535; it should be "
			"like redis://host:6379/0");
	return true;
}

static bool parse_cluster_end(const char *rest, char *why, size_t why_size)
{
	if (rest[0] == '\0' || rest[1] == '\0' || strcmp(rest, "/0") == 0)
		return true;
	return fail(why, why_size,
		"nothing may follow the nodes, since a Redis Cluster has database 0 only; it "
		"should be cluster://host:6379,host:6379");
}

/* "/primary", "/primary/", "/primary/3" */
static bool parse_sentinel_end(const char *rest, struct store_url *url, char *why, size_t why_size)
{
	size_t length = *rest == '/' ? strcspn(rest + 1, "/") : 0;

	if (length == 0)
		return fail(why, why_size,
			"the name that the sentinels give the primary is missing; it should be "
			"sentinel://host:26379,host:26379/mymaster");
	if (length >= sizeof(url->primary) || strspn(rest + 1, NAME_CHARACTERS) < length)
		return fail(why, why_size,
			"the name of the primary after the sentinels is not one; letters, digits, "
			"'.', '-' and '_' may stand in it");
	memcpy(url->primary, rest + 1, length);
	url->primary[length] = '\0';
	if (!parse_database(rest + 1 + length, url))
		return fail(why, why_size,
			"the database after the name of the primary is no number from 0 to 65535; "
			"it "
			"should be like sentinel://host,host/mymaster/0");
	return true;
}

static const struct scheme {
	const char *prefix;
	enum store_url_kind kind;
	bool tls;
	const char *form;
} schemes[] = {
	{"redis://", STORE_URL_TCP, false, "redis://[user@]host[:6379][/db]"},
	{"rediss://", STORE_URL_TCP, true, "rediss://[user@]host[:6379][/db]"},
	{"valkey://", STORE_URL_TCP, false, "valkey://[user@]host[:6379][/db]"},
	{"valkeys://", STORE_URL_TCP, true, "valkeys://[user@]host[:6379][/db]"},
	{"sentinel://", STORE_URL_SENTINEL, false,
		"sentinel://[user@]host[:26379],host[:26379]/primary"},
	{"sentinels://", STORE_URL_SENTINEL, true,
		"sentinels://[user@]host[:26379],host[:26379]/primary"},
	{"cluster://", STORE_URL_CLUSTER, false, "cluster://[user@]host[:6379],host[:6379]"},
	{"clusters://", STORE_URL_CLUSTER, true, "clusters://[user@]host[:6379],host[:6379]"},
};

static bool parse_network(const struct scheme *scheme, const char *rest, struct store_url *url,
	char *why, size_t why_size)
{
	const char *at = strrchr(rest, '@');
	const char *hosts = at == NULL ? rest : at + 1;
	size_t length = strcspn(hosts, "/");
	int default_port =
		scheme->kind == STORE_URL_SENTINEL ? DEFAULT_SENTINEL_PORT : DEFAULT_PORT;
	const char *wrong;

	url->kind = scheme->kind;
	url->tls = scheme->tls;
	if (at != NULL && !parse_login(rest, (size_t)(at - rest), url))
		return fail(why, why_size,
			"user or password is too long or not well encoded; write @ : / and % in "
			"them as %40 %3A %2F and %25");
	wrong = parse_hosts(hosts, length, default_port, url);
	if (wrong != NULL) {
		snprintf(why, why_size, "%s; it should be %s", wrong, scheme->form);
		return false;
	}
	switch (scheme->kind) {
	case STORE_URL_SENTINEL:
		return parse_sentinel_end(hosts + length, url, why, why_size);
	case STORE_URL_CLUSTER:
		return parse_cluster_end(hosts + length, why, why_size);
	default:
		return parse_server_end(hosts + length, url, why, why_size);
	}
}

/* "db=N" or "user=NAME", each once. */
static bool parse_option(
	const char *option, size_t length, bool *has_database, struct store_url *url)
{
	if (length > 3 && strncmp(option, "db=", 3) == 0 && !*has_database) {
		*has_database = true;
		return parse_number(option + 3, length - 3, DATABASE_MAX, &url->database);
	}
	return length > 5 && strncmp(option, "user=", 5) == 0 && url->user[0] == '\0' &&
	       decode(option + 5, length - 5, url->user, sizeof(url->user));
}

static bool parse_unix(const char *rest, struct store_url *url, char *why, size_t why_size)
{
	bool has_database = false;
	size_t length;

	url->kind = STORE_URL_UNIX;
	if (strncmp(rest, "//", 2) == 0)
		rest += 2;
	length = strcspn(rest, "?");
	if (*rest != '/')
		return fail(why, why_size,
			"the path of a Unix socket must begin with /; it should be like "
			"unix:/run/redis/redis-server.sock");
	if (rest[length - 1] == '/')
		return fail(why, why_size,
			"the path is that of a folder; it should be like "
			"unix:/run/redis/redis-server.sock");
	if (length >= sizeof(url->path))
		return fail(why, why_size,
			"the path of the Unix socket is longer than 107 bytes, which no socket's "
			"can be");
	memcpy(url->path, rest, length);
	url->path[length] = '\0';
	for (rest += length; *rest != '\0'; rest += length) {
		length = strcspn(++rest, "&");
		if (!parse_option(rest, length, &has_database, url))
			return fail(why, why_size,
				"only ?db=NUMBER and user=NAME may follow the path of a Unix "
				"socket, each once; it should be like "
				"unix:/run/redis/redis-server.sock?db=1");
	}
	return true;
}

/* What other programs write, and what it is here. */
static const char *say_instead(const char *string)
{
	static const char *const known[][2] = {
		{"redis-sentinel:", "sentinel://host:26379,host:26379/mymaster"},
		{"redis+sentinel:", "sentinel://host:26379,host:26379/mymaster"},
		{"rediss+sentinel:", "sentinels://host:26379,host:26379/mymaster"},
		{"redis-cluster:", "cluster://host:6379,host:6379"},
		{"redis+cluster:", "cluster://host:6379,host:6379"},
		{"rediss+cluster:", "clusters://host:6379,host:6379"},
		{"redis+unix:", "unix:/path/of/the/socket"},
		{"redis-socket:", "unix:/path/of/the/socket"},
		{"redis:", "redis://host:6379/0"},
		{"rediss:", "rediss://host:6379/0"},
		{"tcp:", "redis://host:6379/0"},
		{"tls:", "rediss://host:6379/0"},
		{"/", "unix:/path/of/the/socket"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(known); i++)
		if (ascii_starts_with(string, known[i][0]))
			return known[i][1];
	return NULL;
}

/* What STRING seems to be meant for; NULL: nothing we know. */
static const char *guess(const char *string)
{
	static const char *const words[] = {"redis", "rediss", "valkey", "valkeys", "unix",
		"sentinel", "sentinels", "cluster", "clusters", "memory", NULL};
	const char *instead = say_instead(string);
	size_t length = strcspn(string, ":");
	struct store_host host;
	char scheme[24];

	if (instead != NULL)
		return instead;
	snprintf(scheme, sizeof(scheme), "%.*s", (int)(length < 23 ? length : 23), string);
	instead = text_suggest(scheme, words);
	for (size_t i = 0; instead != NULL && i < ARRAY_COUNT(schemes); i++)
		if (ascii_starts_with(schemes[i].prefix, instead) &&
			schemes[i].prefix[strlen(instead)] == ':')
			return schemes[i].form;
	if (instead != NULL)
		return strcmp(instead, "unix") == 0 ? "unix:/path/of/the/socket" : instead;
	return parse_host(string, strlen(string), DEFAULT_PORT, &host) == NULL
		       ? "redis://host:6379/0"
		       : NULL;
}

bool store_url_parse(const char *string, struct store_url *url_r, char *why, size_t why_size)
{
	const char *instead;

	memset(url_r, 0, sizeof(*url_r));
	if (string == NULL || *string == '\0' || ascii_equal(string, "memory"))
		return true;
	for (size_t i = 0; i < ARRAY_COUNT(schemes); i++)
		if (ascii_starts_with(string, schemes[i].prefix))
			return parse_network(&schemes[i], string + strlen(schemes[i].prefix), url_r,
				why, why_size);
	if (ascii_starts_with(string, "unix:"))
		return parse_unix(string + 5, url_r, why, why_size);
	instead = guess(string);
	if (instead != NULL)
		snprintf(why, why_size, "this is no store URL; it should be like %s", instead);
	else
		snprintf(why, why_size,
			"this is no store URL; it should be memory, or begin with redis://, "
			"rediss://, unix:, sentinel:// or cluster://");
	return false;
}

static void add_host(struct text *text, const struct store_host *host)
{
	text_addf(text, strchr(host->name, ':') != NULL ? "[%s]:%d" : "%s:%d", host->name,
		host->port);
}

void store_host_show(const struct store_host *host, char *buffer, size_t size)
{
	struct text text;

	text_init(&text, buffer, size);
	add_host(&text, host);
}

void store_url_show(const struct store_url *url, char *buffer, size_t size)
{
	struct text text;

	text_init(&text, buffer, size);
	if (url->kind == STORE_URL_MEMORY)
		text_add(&text, "memory");
	else if (url->kind == STORE_URL_UNIX)
		text_addf(&text, "unix:%s", url->path);
	else if (url->kind == STORE_URL_SENTINEL)
		text_add(&text, "sentinel://");
	else if (url->kind == STORE_URL_CLUSTER)
		text_add(&text, "cluster://");
	for (size_t i = 0; i < url->host_count; i++) {
		text_add(&text, i == 0 ? "" : ",");
		add_host(&text, &url->hosts[i]);
	}
	if (url->kind == STORE_URL_SENTINEL)
		text_addf(&text, "/%s", url->primary);
	if (url->database != 0)
		text_addf(&text, "/%d", url->database);
}
