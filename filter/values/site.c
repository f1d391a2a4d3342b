/* SPDX-License-Identifier: BSD-2-Clause */
#include "site.h"

#include <ifaddrs.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "domain.h"
#include "mem.h"
#include "text.h"

static const char *const reply_at_words[] = {"rcpt", "stage", NULL};

const struct setting site_settings[] = {
	{.name = "hostname",
		.type = SETTING_TEXT,
		.offset = offsetof(struct site, hostname),
		.default_text = "",
		.example = "mail.example.org",
		.help = "Our name in the mail system, fully qualified; empty: that of the system"},
	{.name = "authserv_id",
		.type = SETTING_TEXT,
		.offset = offsetof(struct site, authserv_id),
		.default_text = "",
		.example = "example.org",
		.help = "Name under which Authentication-Results are added; empty: hostname"},
	{.name = "trusted_authserv_ids",
		.type = SETTING_TEXTS,
		.offset = offsetof(struct site, trusted_authserv_ids),
		.default_text = "",
		.example = "{ dkim.example.org }",
		.help = "Names under which filters of this MTA that run before us add "
			"Authentication-Results; their DKIM results are believed, so they must "
			"remove forged fields of that name, as OpenDKIM and rspamd do, and the "
			"name must differ from authserv_id"},
	{.name = "local_domains",
		.type = SETTING_MATCHLIST,
		.kinds = MATCH_DOMAINS,
		.offset = offsetof(struct site, local_domains),
		.default_text = "",
		.example = "{ example.org, .example.net, /etc/mailreeve/domains }",
		.help = "Domains whose mail is delivered here; \".example.com\" covers sub-domains "
			"too"},
	{.name = "relay_domains",
		.type = SETTING_MATCHLIST,
		.kinds = MATCH_DOMAINS,
		.offset = offsetof(struct site, relay_domains),
		.default_text = "",
		.example = "{ example.com }",
		.help = "Domains for which mail is taken and passed on"},
	{.name = "own_names",
		.type = SETTING_TEXTS,
		.offset = offsetof(struct site, own_names),
		.default_text = "",
		.example = "{ smtp.example.org, mx1.example.org }",
		.help = "Further names of this host that nobody else may use in HELO"},
	{.name = "trusted_networks",
		.type = SETTING_MATCHLIST,
		.kinds = MATCH_NETWORKS,
		.offset = offsetof(struct site, trusted_networks),
		.default_text = "127.0.0.0/8, ::1",
		.help = "Networks of clients that may relay and skip the identity checks"},
	{.name = "trusted_certificates",
		.type = SETTING_TEXTS,
		.offset = offsetof(struct site, trusted_certificates),
		.default_text = "",
		.example = "{ \"/CN=relay.example.org\", \"relay.example.org\" }",
		.help = "TLS clients that may relay and skip the identity checks: the CN of their "
			"verified "
			"certificate, its whole subject (Sendmail only), or "
			"fingerprint:AB:CD:EF... of any "
			"certificate (Sendmail only; see below)"},
	{.name = "trusted_daemons",
		.type = SETTING_TEXTS,
		.offset = offsetof(struct site, trusted_daemons),
		.default_text = "",
		.example = "{ \"certified\" }",
		.help = "Services of the MTA ({daemon_name}) whose clients may relay and skip the "
			"identity "
			"checks, since the MTA lets nobody else in there (see below)"},
	{.name = "allow",
		.type = SETTING_MATCHLIST,
		.offset = offsetof(struct site, allow),
		.default_text = "",
		.example = "{ 192.0.2.0/24, /etc/mailreeve/allow }",
		.help = "Client networks, confirmed client names, senders that skip the identity "
			"checks, but neither relay control nor limits"},
	{.name = "deny",
		.type = SETTING_MATCHLIST,
		.offset = offsetof(struct site, deny),
		.default_text = "",
		.example = "{ 198.51.100.0/24, bad.example, /etc/mailreeve/deny }",
		.help = "Client networks, names, senders, recipients that are refused"},
	{.name = "forwarders",
		.type = SETTING_MATCHLIST,
		.kinds = MATCH_NETWORKS | MATCH_DOMAINS,
		.offset = offsetof(struct site, forwarders),
		.default_text = "",
		.example = "{ 203.0.113.0/24, .forwarder.example }",
		.help = "Networks and confirmed names of forwarders of our users: SPF, MX and "
			"impostor checks are skipped"},
	{.name = "reply_at",
		.type = SETTING_CHOICE,
		.offset = offsetof(struct site, reply_at),
		.default_text = "rcpt",
		.choices = reply_at_words,
		.help = "Answer what connect, HELO and MAIL decided at each RCPT, or at the stage "
			"itself"},
	{.name = "time_limit",
		.type = SETTING_DURATION,
		.offset = offsetof(struct site, time_limit_ms),
		.default_text = "8s",
		.min = 100,
		.max = 60000,
		.help = "Longest wait for DNS at a reply; below the milter time-outs of the MTA"},
	{.name = "max_waiting",
		.type = SETTING_INTEGER,
		.offset = offsetof(struct site, max_waiting),
		.default_text = "512",
		.min = 1,
		.max = 100000,
		.help = "Sessions that may wait for DNS or store at once; above it, tempfail, but "
			"for "
			"as many of those whose look-ups are done"},
	{.name = NULL},
};

bool site_is_own_host(const struct site *site, const char *name)
{
	if (site->hostname != NULL && domain_is(site->hostname, name))
		return true;
	for (char **own = site->own_names; own != NULL && *own != NULL; own++)
		if (domain_is(*own, name))
			return true;
	return false;
}

bool site_is_own_name(const struct site *site, const char *name)
{
	return site_is_own_host(site, name) || site_is_local_domain(site, name);
}

bool site_is_own_address(const struct site *site, const struct ipaddr *address)
{
	for (size_t i = 0; i < site->own_address_count; i++) {
		if (ipaddr_equal(&site->own_addresses[i], address))
			return true;
	}
	return false;
}

static const char fingerprint_prefix[] = "fingerprint:";

/* The next hex digit, lower case, or NUL. */
static char next_digit(const char **text)
{
	while (**text == ':')
		(*text)++;
	return **text == '\0' ? '\0' : ascii_lower_char(*(*text)++);
}

static bool same_fingerprint(const char *a, const char *b)
{
	char digit;

	if (*b == '\0')
		return false;
	do {
		digit = next_digit(&a);
		if (digit != next_digit(&b))
			return false;
	} while (digit != '\0');
	return true;
}

bool site_is_certificate(
	const char *entry, const char *subject, const char *name, const char *fingerprint)
{
	if (ascii_starts_with(entry, fingerprint_prefix))
		return same_fingerprint(entry + strlen(fingerprint_prefix), fingerprint);
	return (subject[0] != '\0' && ascii_equal(entry, subject)) ||
	       (name[0] != '\0' && ascii_equal(entry, name));
}

/* How many hex digits TEXT has, where it has nothing else but colons; else 0. */
static size_t count_digits(const char *text)
{
	size_t count = 0;

	for (; *text != '\0'; text++) {
		if (strchr("0123456789abcdefABCDEF", *text) != NULL)
			count++;
		else if (*text != ':')
			return 0;
	}
	return count;
}

const char *site_check_certificate(const char *entry)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t digits;

	/* What Sendmail tells is "/O=...", what Postfix tells no "CN=...". */
	if (ascii_starts_with(entry, "CN=") || (*entry == '/' && ascii_ends_with(entry, "=")) ||
		strcmp(entry + strspn(entry, letters), "=") == 0 ||
		entry[strspn(entry, " ")] == '\0')
		return "is what no certificate is called; write the CN alone, like "
		       "client.example.org, or the whole subject as Sendmail tells it, like "
		       "/O=Example/CN=client.example.org";
	if (!ascii_starts_with(entry, fingerprint_prefix))
		return count_digits(entry) < 32
			       ? NULL
			       : "looks like a fingerprint, and no subject is like "
				 "that; write fingerprint: before it";
	digits = count_digits(entry + strlen(fingerprint_prefix));
	if (digits == 32 || digits == 40 || digits == 64 || digits == 96 || digits == 128)
		return NULL;
	return "is no fingerprint; write fingerprint: and the hex digits that openssl x509 -noout "
	       "-fingerprint -sha256 prints";
}

bool site_is_local_domain(const struct site *site, const char *domain)
{
	return !matchlist_is_empty(site->local_domains) &&
	       matchlist_match_domain(site->local_domains, domain, NULL);
}

bool site_is_relay_domain(const struct site *site, const char *domain)
{
	return !matchlist_is_empty(site->relay_domains) &&
	       matchlist_match_domain(site->relay_domains, domain, NULL);
}

/* The name the kernel knows; no resolver call, which could block without an end. */
static char *system_hostname(void)
{
	char name[DOMAIN_SIZE], canonical[DOMAIN_SIZE];

	if (gethostname(name, sizeof(name)) != 0)
		name[0] = '\0';
	name[sizeof(name) - 1] = '\0';
	return mem_text(domain_canonical(name, canonical) ? canonical : "localhost");
}

static void add_address(struct site *site, const struct ipaddr *address)
{
	if (site_is_own_address(site, address))
		return;
	site->own_addresses = mem_resize(
		site->own_addresses, site->own_address_count + 1, sizeof(*site->own_addresses));
	site->own_addresses[site->own_address_count++] = *address;
}

static void find_own_addresses(struct site *site)
{
	struct ifaddrs *interfaces = NULL;
	struct ipaddr address;

	if (ipaddr_parse("127.0.0.1", &address))
		add_address(site, &address);
	if (ipaddr_parse("::1", &address))
		add_address(site, &address);
	if (getifaddrs(&interfaces) != 0)
		return;
	for (const struct ifaddrs *next = interfaces; next != NULL; next = next->ifa_next) {
		if (ipaddr_from_sockaddr(next->ifa_addr, &address))
			add_address(site, &address);
	}
	freeifaddrs(interfaces);
}

void site_discover(struct site *site)
{
	if (site->hostname == NULL)
		site->hostname = system_hostname();
	if (site->authserv_id == NULL)
		site->authserv_id = mem_text(site->hostname);
	find_own_addresses(site);
}

void site_clear(struct site *site)
{
	settings_clear(site_settings, site);
	mem_free(site->own_addresses);
	memset(site, 0, sizeof(*site));
}
