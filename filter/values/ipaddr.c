/* SPDX-License-Identifier: BSD-2-Clause */
#include "ipaddr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "text.h"

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static unsigned width(const struct ipaddr *address)
{
	return address->family == IP_V6 ? 128 : 32;
}

static void set_v4(struct ipaddr *address, const void *bytes)
{
	memset(address, 0, sizeof(*address));
	address->family = IP_V4;
	memcpy(address->bytes, bytes, 4);
}

static void set_v6(struct ipaddr *address, const uint8_t bytes[16])
{
	if (memcmp(bytes, mapped_prefix, sizeof(mapped_prefix)) == 0) {
		set_v4(address, bytes + sizeof(mapped_prefix));
		return;
	}
	address->family = IP_V6;
	memcpy(address->bytes, bytes, 16);
}

bool ipaddr_parse(const char *text, struct ipaddr *address_r)
{
	uint8_t bytes[16];

	if (inet_pton(AF_INET, text, bytes) == 1) {
		set_v4(address_r, bytes);
		return true;
	}
	if (inet_pton(AF_INET6, text, bytes) == 1) {
		set_v6(address_r, bytes);
		return true;
	}
	memset(address_r, 0, sizeof(*address_r));
	return false;
}

bool ipaddr_from_sockaddr(const struct sockaddr *socket_address, struct ipaddr *address_r)
{
	memset(address_r, 0, sizeof(*address_r));
	if (socket_address == NULL)
		return false;
	if (socket_address->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, socket_address, sizeof(in));
		set_v4(address_r, &in.sin_addr);
		return true;
	}
	if (socket_address->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, socket_address, sizeof(in6));
		set_v6(address_r, in6.sin6_addr.s6_addr);
		return true;
	}
	return false;
}

static void format_v4(const uint8_t bytes[4], char *buffer)
{
	for (int i = 0; i < 4; i++) {
		if (bytes[i] >= 100)
			*buffer++ = (char)('0' + bytes[i] / 100);
		if (bytes[i] >= 10)
			*buffer++ = (char)('0' + bytes[i] / 10 % 10);
		*buffer++ = (char)('0' + bytes[i] % 10);
		*buffer++ = i < 3 ? '.' : '\0';
	}
}

const char *ipaddr_format(const struct ipaddr *address, char *buffer)
{
	/* Asked for often, and inet_ntop is slow for IPv4. */
	if (address->family == IP_V4)
		format_v4(address->bytes, buffer);
	else if (address->family == IP_NONE ||
		 inet_ntop(AF_INET6, address->bytes, buffer, IPADDR_TEXT_SIZE) == NULL)
		buffer[0] = '\0';
	return buffer;
}

size_t ipaddr_key(const struct ipaddr *address, char *key)
{
	key[0] = (char)address->family;
	memcpy(key + 1, address->bytes, sizeof(address->bytes));
	return IPADDR_KEY_SIZE;
}

bool ipaddr_equal(const struct ipaddr *a, const struct ipaddr *b)
{
	return ipaddr_compare(a, b) == 0;
}

int ipaddr_compare(const struct ipaddr *a, const struct ipaddr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

struct scope_row {
	uint8_t bytes[16];
	unsigned prefix;
	enum ip_scope scope;
};

/* IANA special-purpose address registries (RFC 6890); the first row that contains the address. */
static const struct scope_row scopes_v4[] = {
	{{0}, 8, IP_UNSPECIFIED},
	{{10}, 8, IP_PRIVATE},
	{{100, 64}, 10, IP_PRIVATE},
	{{127}, 8, IP_LOOPBACK},
	{{169, 254}, 16, IP_LINK_LOCAL},
	{{172, 16}, 12, IP_PRIVATE},
	{{192, 0, 0}, 24, IP_RESERVED},
	{{192, 168}, 16, IP_PRIVATE},
	{{224}, 4, IP_MULTICAST},
	{{240}, 4, IP_RESERVED},
};

static const struct scope_row scopes_v6[] = {
	{{0}, 128, IP_UNSPECIFIED},
	{{[15] = 1}, 128, IP_LOOPBACK},
	{{0}, 96, IP_RESERVED}, /* IPv4-compatible, RFC 4291 2.5.5.1: never routed */
	{{0x01}, 64, IP_RESERVED},
	{{0xfc}, 7, IP_PRIVATE},
	{{0xfe, 0x80}, 10, IP_LINK_LOCAL},
	{{0xfe, 0xc0}, 10, IP_PRIVATE}, /* site-local, RFC 3879 */
	{{0xff}, 8, IP_MULTICAST},
};

static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned prefix)
{
	unsigned whole = prefix / 8;
	unsigned rest = prefix % 8;
	uint8_t mask = (uint8_t)(0xff00U >> rest);

	return memcmp(a, b, whole) == 0 && (rest == 0 || ((a[whole] ^ b[whole]) & mask) == 0);
}

static enum ip_scope scope_of(const uint8_t *bytes, const struct scope_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (same_prefix(bytes, rows[i].bytes, rows[i].prefix))
			return rows[i].scope;
	}
	return IP_GLOBAL;
}

enum ip_scope ipaddr_scope(const struct ipaddr *address)
{
	static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};
	static const uint8_t six_to_four[2] = {0x20, 0x02};
	const uint8_t *bytes = address->bytes;

	if (address->family == IP_NONE)
		return IP_UNSPECIFIED;
	if (address->family == IP_V4)
		return scope_of(bytes, scopes_v4, ARRAY_COUNT(scopes_v4));
	/* Both lead to the IPv4 address inside (RFC 6052, RFC 3056). */
	if (memcmp(bytes, nat64, sizeof(nat64)) == 0)
		return scope_of(bytes + sizeof(nat64), scopes_v4, ARRAY_COUNT(scopes_v4));
	if (memcmp(bytes, six_to_four, sizeof(six_to_four)) == 0)
		return scope_of(bytes + sizeof(six_to_four), scopes_v4, ARRAY_COUNT(scopes_v4));
	return scope_of(bytes, scopes_v6, ARRAY_COUNT(scopes_v6));
}

const char *ip_scope_name(enum ip_scope scope)
{
	static const char *const names[] = {
		[IP_GLOBAL] = "global",
		[IP_UNSPECIFIED] = "unspecified",
		[IP_LOOPBACK] = "loopback",
		[IP_PRIVATE] = "private",
		[IP_LINK_LOCAL] = "link-local",
		[IP_MULTICAST] = "multicast",
		[IP_RESERVED] = "reserved",
	};

	return (unsigned)scope < ARRAY_COUNT(names) ? names[scope] : "unknown";
}

const char *ipaddr_reverse_name(const struct ipaddr *address, char *buffer)
{
	const uint8_t *b = address->bytes;
	struct text name;

	text_init(&name, buffer, REVERSE_NAME_SIZE);
	if (address->family == IP_V4) {
		text_addf(&name, "%u.%u.%u.%u.in-addr.arpa", b[3], b[2], b[1], b[0]);
	} else if (address->family == IP_V6) {
		static const char digits[] = "0123456789abcdef";

		for (int i = 15; i >= 0; i--) {
			char nibbles[4] = {digits[b[i] & 0xf], '.', digits[b[i] >> 4], '.'};

			text_add_n(&name, nibbles, sizeof(nibbles));
		}
		text_add(&name, "ip6.arpa");
	}
	return buffer;
}

static void clear_host_bits(struct ipaddr *address, unsigned prefix)
{
	unsigned whole = prefix / 8;

	if (whole >= sizeof(address->bytes))
		return;
	address->bytes[whole] &= (uint8_t)(0xff00U >> (prefix % 8));
	memset(address->bytes + whole + 1, 0, sizeof(address->bytes) - whole - 1);
}

/* 1 to 3 digits without a leading zero, at most MAX. */
static bool parse_prefix(const char *text, unsigned max, unsigned *prefix_r)
{
	unsigned value = 0;
	size_t length = strlen(text);

	if (length < 1 || length > 3 || (length > 1 && text[0] == '0'))
		return false;
	for (; *text != '\0'; text++) {
		if (!ascii_is_digit(*text))
			return false;
		value = value * 10 + (unsigned)(*text - '0');
	}
	*prefix_r = value;
	return value <= max;
}

bool network_parse(const char *text, struct network *network_r, const char **why_r)
{
	char address[IPADDR_TEXT_SIZE];
	const char *slash = strchr(text, '/');
	size_t length = slash == NULL ? strlen(text) : (size_t)(slash - text);
	struct ipaddr masked;
	bool mapped;
	unsigned prefix;

	memset(network_r, 0, sizeof(*network_r));
	*why_r = "not an IP address or network; write it like 192.0.2.0/24 or 2001:db8::/32";
	if (length >= sizeof(address))
		return false;
	memcpy(address, text, length);
	address[length] = '\0';
	if (!ipaddr_parse(address, &masked))
		return false;
	mapped = masked.family == IP_V4 && strchr(address, ':') != NULL;
	prefix = mapped ? 128 : width(&masked);
	*why_r = "prefix length is not a number from 0 to 32 (IPv4) or 0 to 128 (IPv6)";
	if (slash != NULL && !parse_prefix(slash + 1, prefix, &prefix))
		return false;
	*why_r = "an IPv4-mapped network needs a prefix of 96 to 128; write it as IPv4";
	if (mapped && prefix < 96)
		return false;
	if (mapped)
		prefix -= 96;
	network_r->address = masked;
	network_r->prefix = prefix;
	clear_host_bits(&masked, prefix);
	*why_r = "bits are set behind the prefix; write the first address of the network, or a "
		 "longer prefix";
	if (!ipaddr_equal(&masked, &network_r->address)) {
		memset(network_r, 0, sizeof(*network_r));
		return false;
	}
	*why_r = NULL;
	return true;
}

bool network_contains(const struct network *network, const struct ipaddr *address)
{
	return address->family != IP_NONE && network->address.family == address->family &&
	       same_prefix(network->address.bytes, address->bytes, network->prefix);
}

struct network network_of(const struct ipaddr *address, unsigned prefix_v4, unsigned prefix_v6)
{
	unsigned prefix = address->family == IP_V6 ? prefix_v6 : prefix_v4;
	struct network network = {.address = *address, .prefix = prefix};

	if (prefix > width(address))
		network.prefix = width(address);
	clear_host_bits(&network.address, network.prefix);
	return network;
}

const char *network_format(const struct network *network, char *buffer)
{
	char address[IPADDR_TEXT_SIZE];

	snprintf(buffer, NETWORK_TEXT_SIZE, "%s/%u", ipaddr_format(&network->address, address),
		network->prefix);
	return buffer;
}
