/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailhosts.h"

#include <string.h>

#include "mem.h"
#include "text.h"

enum { SHOWN_HOSTS = 4, SHOWN_ADDRESSES = 3 };

/* Gathering. ---------------------------------------------------------------------------------- */

static bool ask_addresses(struct inquiry *inquiry, struct mailhost *host)
{
	static const enum dns_type types[] = {DNS_A, DNS_AAAA};
	const struct dns_answer *answers[ARRAY_COUNT(types)];

	for (size_t t = 0; t < ARRAY_COUNT(types); t++)
		answers[t] = inquiry_ask(inquiry, host->name, types[t]);
	if (answers[0] == NULL || answers[1] == NULL)
		return false;
	host->status_a = answers[0]->status;
	host->status_aaaa = answers[1]->status;
	host->address_count = 0;
	for (size_t t = 0; t < ARRAY_COUNT(types); t++) {
		size_t room = MAILHOSTS_ADDRESSES_MAX / ARRAY_COUNT(types);

		for (size_t i = 0; i < answers[t]->count && i < room; i++)
			host->addresses[host->address_count++] = answers[t]->records[i].address;
	}
	return true;
}

static bool is_null_mx(const struct dns_answer *mx)
{
	return mx->count == 1 && mx->records[0].host[0] == '\0';
}

/* The records come sorted by preference, so the bound cuts the least preferred. */
static void read_hosts(struct mailhosts *hosts, const struct dns_answer *mx)
{
	size_t room = mx->count < MAILHOSTS_MAX ? mx->count : MAILHOSTS_MAX;

	if (hosts->hosts != NULL || room == 0)
		return;
	hosts->hosts = mem_array(room, sizeof(hosts->hosts[0]));
	for (size_t i = 0; i < mx->count && hosts->host_count < room; i++) {
		struct mailhost *host = &hosts->hosts[hosts->host_count];

		if (!domain_canonical(mx->records[i].host, host->name))
			continue;
		host->preference = mx->records[i].preference;
		hosts->host_count++;
	}
}

static bool mailhosts_step(struct inquiry *inquiry, void *state)
{
	struct mailhosts *hosts = state;
	const struct dns_answer *mx = inquiry_ask(inquiry, hosts->domain, DNS_MX);
	bool complete = ask_addresses(inquiry, &hosts->own);

	if (mx == NULL)
		return false;
	hosts->mx_status = mx->status;
	hosts->mx_count = mx->count;
	hosts->null_mx = is_null_mx(mx);
	if (!hosts->null_mx)
		read_hosts(hosts, mx);
	for (size_t i = 0; i < hosts->host_count; i++)
		if (!ask_addresses(inquiry, &hosts->hosts[i]))
			complete = false;
	return complete;
}

static void mailhosts_clear(void *state)
{
	struct mailhosts *hosts = state;

	mem_free(hosts->hosts);
}

static const struct inquiry_kind mailhosts_kind = {
	.name = "mailhosts",
	.state_size = sizeof(struct mailhosts),
	.step = mailhosts_step,
	.clear = mailhosts_clear,
};

struct inquiry *mailhosts_inquire(
	struct resolver *resolver, const char *domain, int64_t time_limit_ms)
{
	struct inquiry *inquiry =
		inquiry_about(resolver, &mailhosts_kind, domain, strlen(domain) + 1);
	struct mailhosts *hosts;

	if (inquiry_result(inquiry) != NULL)
		return inquiry;
	hosts = inquiry_state(inquiry);
	/* A name that does not fit stays empty, and is answered as one that cannot be asked. */
	if (text_copy(hosts->domain, sizeof(hosts->domain), domain))
		memcpy(hosts->own.name, hosts->domain, DOMAIN_SIZE);
	inquiry_start(inquiry, time_limit_ms);
	return inquiry;
}

/* Judging. ------------------------------------------------------------------------------------ */

static bool host_is_temporary(const struct mailhost *host)
{
	return dns_is_temporary(host->status_a) || dns_is_temporary(host->status_aaaa);
}

/* The hosts that mail goes to: *COUNT_R of them, from the first. */
static const struct mailhost *targets(const struct mailhosts *hosts, size_t *count_r)
{
	if (hosts->mx_status == DNS_OK) {
		*count_r = hosts->host_count;
		return hosts->hosts;
	}
	*count_r = 1;
	return &hosts->own;
}

bool mailhosts_nonexistent(const struct mailhosts *hosts)
{
	return hosts->mx_status == DNS_NXDOMAIN && hosts->own.status_a == DNS_NXDOMAIN &&
	       hosts->own.status_aaaa == DNS_NXDOMAIN;
}

bool mailhosts_temporary(const struct mailhosts *hosts)
{
	const struct mailhost *target;
	size_t count;

	if (dns_is_temporary(hosts->mx_status))
		return true;
	target = targets(hosts, &count);
	for (size_t i = 0; i < count; i++)
		if (host_is_temporary(&target[i]))
			return true;
	return false;
}

size_t mailhosts_addresses(const struct mailhosts *hosts, size_t *global_r)
{
	const struct mailhost *target;
	size_t count, known = 0;

	*global_r = 0;
	target = targets(hosts, &count);
	for (size_t i = 0; i < count; i++)
		for (size_t a = 0; a < target[i].address_count; a++, known++)
			if (ipaddr_scope(&target[i].addresses[a]) == IP_GLOBAL)
				++*global_r;
	return known;
}

bool mailhosts_none(const struct mailhosts *hosts)
{
	size_t global;

	/* Hosts beyond the bound were not looked at. */
	return !hosts->null_mx && !mailhosts_temporary(hosts) && hosts->mx_count <= MAILHOSTS_MAX &&
	       mailhosts_addresses(hosts, &global) == 0;
}

bool mailhosts_bogus(const struct mailhosts *hosts)
{
	size_t global;

	return !mailhosts_temporary(hosts) && hosts->mx_count <= MAILHOSTS_MAX &&
	       mailhosts_addresses(hosts, &global) > 0 && global == 0;
}

bool mailhost_has_address(const struct mailhost *host, const struct ipaddr *address)
{
	for (size_t i = 0; i < host->address_count; i++)
		if (ipaddr_equal(&host->addresses[i], address))
			return true;
	return false;
}

const struct mailhost *mailhosts_with_address(
	const struct mailhosts *hosts, const struct ipaddr *address)
{
	const struct mailhost *target;
	size_t count;

	target = targets(hosts, &count);
	for (size_t i = 0; i < count; i++)
		if (mailhost_has_address(&target[i], address))
			return &target[i];
	return NULL;
}

/* Telling. ------------------------------------------------------------------------------------ */

static void add_addresses(struct text *text, const struct mailhost *host)
{
	char address[IPADDR_TEXT_SIZE];

	for (size_t i = 0; i < host->address_count && i < SHOWN_ADDRESSES; i++)
		text_addf(text, "%s%s", i == 0 ? "" : ", ",
			ipaddr_format(&host->addresses[i], address));
	if (host->address_count > SHOWN_ADDRESSES)
		text_addf(text, " and %zu more", host->address_count - SHOWN_ADDRESSES);
	if (host->address_count > 0)
		return;
	if (host->status_a == host->status_aaaa)
		text_addf(text, "no address: %s", dns_status_name(host->status_a));
	else
		text_addf(text, "no address: A %s, AAAA %s", dns_status_name(host->status_a),
			dns_status_name(host->status_aaaa));
}

const char *mailhost_format(const struct mailhost *host, char *buffer, size_t size)
{
	struct text text;

	text_init(&text, buffer, size);
	add_addresses(&text, host);
	return buffer;
}

static void add_hosts(struct text *text, const struct mailhosts *hosts)
{
	text_addf(text, "%s MX ", hosts->domain);
	for (size_t i = 0; i < hosts->host_count && i < SHOWN_HOSTS; i++) {
		text_addf(text, "%s%u %s (", i == 0 ? "" : ", ", hosts->hosts[i].preference,
			hosts->hosts[i].name);
		add_addresses(text, &hosts->hosts[i]);
		text_add(text, ")");
	}
	if (hosts->host_count == 0)
		text_add(text, "without a host name");
	else if (hosts->mx_count > SHOWN_HOSTS)
		text_addf(text, " and %zu more", hosts->mx_count - SHOWN_HOSTS);
}

const char *mailhosts_format(const struct mailhosts *hosts, char *buffer, size_t size)
{
	struct text text;

	text_init(&text, buffer, size);
	if (hosts->null_mx) {
		text_addf(&text, "%s MX is \".\" (null MX)", hosts->domain);
	} else if (hosts->mx_status == DNS_OK) {
		add_hosts(&text, hosts);
	} else {
		text_addf(&text, "%s MX: %s, addresses: ", hosts->domain,
			dns_status_name(hosts->mx_status));
		add_addresses(&text, &hosts->own);
	}
	return buffer;
}
