/* SPDX-License-Identifier: BSD-2-Clause */
#include "spf_guard.h"

#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <netinet/in.h>

#include <arpa/nameser.h>
#include <netdb.h>

#include <spf2/spf.h>

#include "mem.h"
#include "text.h"

/* exists takes its name from the record only: this one stands for the target. */
#define STAND_IN "target.invalid"

enum { RECORD_SIZE = 80, HOST_SIZE = 1024 };

struct spf_guard {
	struct inquiry *inquiry;
	const struct ipaddr *client;
	SPF_dns_server_t layer;
	SPF_server_t server;
	char receiver[sizeof STAND_IN];
	SPF_request_t *request;

	/* Of the term being matched. */
	const struct spf_term *term;
	const char *target;
	bool pending;
	bool skipped;
	char host[HOST_SIZE]; /* last name asked for addresses */
};

static enum dns_type type_of(ns_type type)
{
	switch (type) {
	case ns_t_a:
		return DNS_A;
	case ns_t_aaaa:
		return DNS_AAAA;
	case ns_t_mx:
		return DNS_MX;
	case ns_t_ptr:
		return DNS_PTR;
	default:
		return DNS_TXT;
	}
}

/* libspf2 frees it, and aborts on NULL. */
static SPF_dns_rr_t *new_answer(
	SPF_dns_server_t *layer, const char *name, ns_type type, SPF_dns_stat_t status)
{
	SPF_dns_rr_t *answer = SPF_dns_rr_new_init(layer, name, type, 0, status);

	if (answer == NULL)
		abort();
	return answer;
}

/* Room for the next record, which counts from then on. */
static SPF_dns_rr_data_t *add_record(SPF_dns_rr_t *answer, size_t size)
{
	if (size < sizeof(SPF_dns_rr_data_t))
		size = sizeof(SPF_dns_rr_data_t);
	if (SPF_dns_rr_buf_realloc(answer, answer->num_rr, size) != SPF_E_SUCCESS)
		abort();
	return answer->rr[answer->num_rr++];
}

static void add_host(SPF_dns_rr_t *answer, const char *host)
{
	size_t size = strlen(host) + 1;

	memcpy(add_record(answer, size), host, size);
}

/* A record that cannot count is left out: a mapped address in an AAAA, the root as a mail host
 * (RFC 7505), the eleventh name. */
static void add_wanted(SPF_dns_rr_t *answer, enum dns_type type, const struct dns_record *record)
{
	if (type == DNS_A && record->address.family == IP_V4)
		memcpy(&add_record(answer, 0)->a, record->address.bytes, sizeof(struct in_addr));
	if (type == DNS_AAAA && record->address.family == IP_V6)
		memcpy(&add_record(answer, 0)->aaaa, record->address.bytes,
			sizeof(struct in6_addr));
	if ((type == DNS_MX || type == DNS_PTR) && record->host[0] != '\0' &&
		answer->num_rr < SPF_NAMES_MAX)
		add_host(answer, record->host);
}

static SPF_dns_stat_t status_of(struct spf_guard *guard, const struct dns_answer *answer)
{
	if (answer->status == DNS_OK)
		return NETDB_SUCCESS;
	if (dns_is_temporary(answer->status)) {
		if (guard->term->type != SPF_TERM_PTR)
			return TRY_AGAIN;
		guard->skipped = true;
		return NO_DATA;
	}
	return answer->status == DNS_NODATA ? NO_DATA : HOST_NOT_FOUND;
}

static SPF_dns_rr_t *lookup(
	SPF_dns_server_t *layer, const char *name, ns_type type, int should_cache MAYBE_UNUSED)
{
	struct spf_guard *guard = layer->hook;
	bool exists = guard->term->type == SPF_TERM_EXISTS;
	const char *question = exists ? guard->target : name;
	const struct dns_answer *found;
	SPF_dns_rr_t *answer;

	found = inquiry_ask(guard->inquiry, question, type_of(type));
	if (found == NULL) {
		guard->pending = true;
		return new_answer(layer, name, type, TRY_AGAIN);
	}
	if (type == ns_t_a || type == ns_t_aaaa)
		if (!text_copy(guard->host, sizeof guard->host, question))
			guard->host[0] = '\0';
	answer = new_answer(layer, name, type, status_of(guard, found));
	for (size_t i = 0; i < found->count; i++)
		add_wanted(answer, found->type, &found->records[i]);
	return answer;
}

static void set_client(struct spf_guard *guard)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (guard->client->family == IP_V6) {
		memcpy(&v6, guard->client->bytes, sizeof v6);
		(void)SPF_request_set_ipv6(guard->request, v6);
	} else {
		memcpy(&v4, guard->client->bytes, sizeof v4);
		(void)SPF_request_set_ipv4(guard->request, v4);
	}
}

/* What SPF_server_new_dns does, but for asking the system for its name: that aborts where the name has
 * 64 octets. libspf2 writes comments and an explanation for every result: nothing from outside goes
 * into them. */
static void set_server(struct spf_guard *guard)
{
	SPF_response_t *response = NULL;

	memcpy(guard->receiver, STAND_IN, sizeof guard->receiver);
	guard->server = (SPF_server_t){.resolver = &guard->layer,
		.rec_dom = guard->receiver,
		.max_dns_mech = SPF_MAX_DNS_MECH,
		.max_dns_ptr = SPF_MAX_DNS_PTR,
		.max_dns_mx = SPF_MAX_DNS_MX};
	(void)SPF_server_set_explanation(&guard->server, "none", &response);
	if (response != NULL)
		SPF_response_free(response);
	if (guard->server.explanation == NULL)
		abort();
}

struct spf_guard *spf_guard_create(struct inquiry *inquiry, const struct ipaddr *client)
{
	struct spf_guard *guard = mem_alloc(sizeof *guard);

	guard->inquiry = inquiry;
	guard->client = client;
	guard->layer.lookup = lookup;
	guard->layer.name = "mailreeve";
	guard->layer.hook = guard;
	set_server(guard);
	guard->request = SPF_request_new(&guard->server);
	if (guard->request == NULL)
		abort();
	(void)SPF_request_set_helo_dom(guard->request, STAND_IN);
	(void)SPF_request_set_env_from(guard->request, "postmaster@" STAND_IN);
	set_client(guard);
	return guard;
}

void spf_guard_free(struct spf_guard **guard)
{
	if (*guard == NULL)
		return;
	SPF_request_free((*guard)->request);
	SPF_macro_free((*guard)->server.explanation);
	mem_free(*guard);
	*guard = NULL;
}

static unsigned prefix_for(const struct spf_guard *guard, const struct spf_term *term)
{
	return guard->client->family == IP_V6 ? term->prefix_v6 : term->prefix_v4;
}

/* The record of this one term. */
static void write_record(const struct spf_guard *guard, const struct spf_term *term, char *record)
{
	const char *slash = guard->client->family == IP_V6 ? "//" : "/";
	char network[NETWORK_TEXT_SIZE];
	struct text text;

	text_init(&text, record, RECORD_SIZE);
	if (term->type == SPF_TERM_A)
		text_addf(&text, "v=spf1 a%s%u", slash, prefix_for(guard, term));
	else if (term->type == SPF_TERM_MX)
		text_addf(&text, "v=spf1 mx%s%u", slash, prefix_for(guard, term));
	else if (term->type == SPF_TERM_PTR)
		text_add(&text, "v=spf1 ptr");
	else if (term->type == SPF_TERM_EXISTS)
		text_addf(&text, "v=spf1 exists:%s", STAND_IN);
	else
		text_addf(&text, "v=spf1 %s:%s", term->type == SPF_TERM_IP4 ? "ip4" : "ip6",
			network_format(&term->network, network));
}

static enum spf_match match_of(const struct spf_guard *guard, SPF_result_t result)
{
	if (guard->pending)
		return SPF_MATCH_PENDING;
	switch (result) {
	case SPF_RESULT_PASS:
		return SPF_MATCH_YES;
	case SPF_RESULT_NEUTRAL:
		return SPF_MATCH_NO;
	case SPF_RESULT_TEMPERROR:
		return SPF_MATCH_TEMPERROR;
	default:
		return SPF_MATCH_PERMERROR;
	}
}

/* SPF_record_interpret and not SPF_request_query_...: those let loopback clients pass. */
static enum spf_match ask_libspf2(struct spf_guard *guard, const struct spf_term *term)
{
	char text[RECORD_SIZE];
	SPF_response_t *response = SPF_response_new(guard->request);
	SPF_record_t *record = NULL;
	enum spf_match match = SPF_MATCH_PERMERROR;

	if (response == NULL)
		abort();
	write_record(guard, term, text);
	if (SPF_record_compile(&guard->server, response, &record, text) == SPF_E_SUCCESS) {
		guard->request->cur_dom = guard->target;
		response->spf_record_exp = record;
		(void)SPF_record_interpret(record, guard->request, response, 0);
		match = match_of(guard, SPF_response_result(response));
		guard->request->cur_dom = NULL;
	}
	if (record != NULL)
		SPF_record_free(record);
	SPF_response_free(response);
	return match;
}

/* a/0: any address of the family will do. */
static enum spf_match match_any(struct spf_guard *guard, const char *name)
{
	enum dns_type type = guard->client->family == IP_V6 ? DNS_AAAA : DNS_A;
	const struct dns_answer *answer = inquiry_ask(guard->inquiry, name, type);

	if (answer == NULL)
		return SPF_MATCH_PENDING;
	if (dns_is_temporary(answer->status))
		return SPF_MATCH_TEMPERROR;
	if (!text_copy(guard->host, sizeof guard->host, name))
		guard->host[0] = '\0';
	for (size_t i = 0; i < answer->count; i++)
		if (answer->records[i].address.family == guard->client->family)
			return SPF_MATCH_YES;
	return SPF_MATCH_NO;
}

/* mx/0 */
static enum spf_match match_any_mail_host(struct spf_guard *guard)
{
	const struct dns_answer *answer = inquiry_ask(guard->inquiry, guard->target, DNS_MX);
	enum spf_match match = SPF_MATCH_NO;

	if (answer == NULL)
		return SPF_MATCH_PENDING;
	if (dns_is_temporary(answer->status))
		return SPF_MATCH_TEMPERROR;
	for (size_t i = 0; match == SPF_MATCH_NO && i < answer->count && i < SPF_NAMES_MAX; i++)
		if (answer->records[i].host[0] != '\0')
			match = match_any(guard, answer->records[i].host);
	return match;
}

enum spf_match spf_guard_match(struct spf_guard *guard, const struct spf_term *term,
	const char *target, const char **host_r)
{
	bool network = term->type == SPF_TERM_IP4 || term->type == SPF_TERM_IP6;
	bool addresses = term->type == SPF_TERM_A || term->type == SPF_TERM_MX;
	enum spf_match match;

	guard->term = term;
	guard->target = target;
	guard->pending = false;
	guard->host[0] = '\0';
	*host_r = guard->host;
	if (network && term->network.prefix == 0)
		return term->network.address.family == guard->client->family ? SPF_MATCH_YES
									     : SPF_MATCH_NO;
	if (network && !network_contains(&term->network, guard->client))
		return SPF_MATCH_NO;
	if (addresses && prefix_for(guard, term) == 0)
		match = term->type == SPF_TERM_A ? match_any(guard, target)
						 : match_any_mail_host(guard);
	else
		match = ask_libspf2(guard, term);
	return match;
}

bool spf_guard_skipped(const struct spf_guard *guard)
{
	return guard->skipped;
}
