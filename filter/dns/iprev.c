/* SPDX-License-Identifier: BSD-2-Clause */
#include "iprev.h"

#include "mem.h"
#include "text.h"

enum { SHOWN_NAMES = 3, SHOWN_ADDRESSES = 3 };

static enum dns_type client_type(const struct iprev *iprev)
{
	return iprev->client.family == IP_V6 ? DNS_AAAA : DNS_A;
}

static bool has_client(const struct dns_answer *answer, const struct ipaddr *client)
{
	for (size_t i = 0; i < answer->count; i++)
		if (ipaddr_equal(&answer->records[i].address, client))
			return true;
	return false;
}

static void iprev_clear(void *state)
{
	struct iprev *iprev = state;

	while (iprev->name_count > 0)
		mem_free(iprev->names[--iprev->name_count]);
}

static void read_names(struct iprev *iprev, const struct dns_answer *ptr)
{
	char name[DOMAIN_SIZE];

	iprev_clear(iprev);
	iprev->confirmed_name = "";
	for (size_t i = 0; i < ptr->count && iprev->name_count < IPREV_NAMES_MAX; i++)
		if (domain_canonical(ptr->records[i].host, name))
			iprev->names[iprev->name_count++] = mem_text(name);
}

/* The address records of each name. */
struct answers {
	size_t count;
	const struct dns_answer *of_name[IPREV_NAMES_MAX];
};

/* Only the client's family is asked: a name that lacks the other one is no fault. */
static bool ask_addresses(
	struct inquiry *inquiry, const struct iprev *iprev, struct answers *answers_r)
{
	bool complete = true;

	answers_r->count = iprev->name_count;
	for (size_t i = 0; i < answers_r->count; i++) {
		answers_r->of_name[i] = inquiry_ask(inquiry, iprev->names[i], client_type(iprev));
		if (answers_r->of_name[i] == NULL)
			complete = false;
	}
	return complete;
}

static void add_addresses(struct text *text, const struct dns_answer *answer)
{
	char address[IPADDR_TEXT_SIZE];

	if (answer->status != DNS_OK) {
		text_addf(text, "which has no %s (%s)", dns_type_name(answer->type),
			dns_status_name(answer->status));
		return;
	}
	text_add(text, answer->count == 1 ? "whose address is " : "whose addresses are ");
	for (size_t i = 0; i < answer->count && i < SHOWN_ADDRESSES; i++)
		text_addf(text, "%s%s", i == 0 ? "" : ", ",
			ipaddr_format(&answer->records[i].address, address));
	if (answer->count > SHOWN_ADDRESSES)
		text_addf(text, " and %zu more", answer->count - SHOWN_ADDRESSES);
}

static void explain_no_names(struct iprev *iprev, const struct dns_answer *ptr)
{
	char client[IPADDR_TEXT_SIZE];
	struct text text;

	text_init(&text, iprev->evidence, sizeof(iprev->evidence));
	ipaddr_format(&iprev->client, client);
	if (dns_is_temporary(ptr->status))
		text_addf(&text, "the PTR of %s could not be asked (%s: %s)", client, ptr->name,
			dns_status_name(ptr->status));
	else if (ptr->status == DNS_OK)
		text_addf(&text, "the PTR of %s is not a domain name (%s)", client, ptr->name);
	else
		text_addf(&text,
			"%s has no PTR (%s: %s); a PTR to a name that has this address would be "
			"right",
			client, ptr->name, dns_status_name(ptr->status));
}

static void explain_names(struct iprev *iprev, const struct answers *answers)
{
	char client[IPADDR_TEXT_SIZE];
	struct text text;
	size_t shown = 0;

	text_init(&text, iprev->evidence, sizeof(iprev->evidence));
	text_addf(&text, "%s has PTR ", ipaddr_format(&iprev->client, client));
	for (size_t i = 0; i < answers->count && shown < SHOWN_NAMES; i++) {
		if (iprev->result == RESULT_PASS && !iprev->confirmed[i])
			continue;
		text_addf(&text, "%s%s, ", shown++ == 0 ? "" : "; ", iprev->names[i]);
		add_addresses(&text, answers->of_name[i]);
	}
	if (iprev->result != RESULT_PASS && answers->count > shown)
		text_addf(&text, "; and %zu more names", answers->count - shown);
	if (iprev->result == RESULT_FAIL)
		text_addf(&text, "; %s among them would be right", client);
}

static void judge(struct iprev *iprev, const struct answers *answers)
{
	iprev->temporary = false;
	for (size_t i = 0; i < answers->count; i++) {
		iprev->confirmed[i] = has_client(answers->of_name[i], &iprev->client);
		if (iprev->confirmed[i] && iprev->confirmed_name[0] == '\0')
			iprev->confirmed_name = iprev->names[i];
		if (dns_is_temporary(answers->of_name[i]->status))
			iprev->temporary = true;
	}
	if (iprev->confirmed_name[0] != '\0')
		iprev->result = RESULT_PASS;
	else
		iprev->result = iprev->temporary ? RESULT_TEMPERROR : RESULT_FAIL;
}

static bool iprev_step(struct inquiry *inquiry, void *state)
{
	struct iprev *iprev = state;
	struct answers answers;
	const struct dns_answer *ptr;
	char reverse_name[REVERSE_NAME_SIZE];

	ipaddr_reverse_name(&iprev->client, reverse_name);
	ptr = inquiry_ask(inquiry, reverse_name, DNS_PTR);
	if (ptr == NULL)
		return false;
	iprev->ptr_status = ptr->status;
	read_names(iprev, ptr);
	if (!ask_addresses(inquiry, iprev, &answers))
		return false;
	if (answers.count == 0) {
		if (dns_is_temporary(ptr->status))
			iprev->result = RESULT_TEMPERROR;
		else
			iprev->result = ptr->status == DNS_OK ? RESULT_FAIL : RESULT_PERMERROR;
		explain_no_names(iprev, ptr);
		return true;
	}
	judge(iprev, &answers);
	explain_names(iprev, &answers);
	return true;
}

static const struct inquiry_kind iprev_kind = {
	.name = "iprev",
	.state_size = sizeof(struct iprev),
	.step = iprev_step,
	.clear = iprev_clear,
};

struct inquiry *iprev_inquire(
	struct resolver *resolver, const struct ipaddr *client, int64_t time_limit_ms)
{
	char key[IPADDR_KEY_SIZE];
	struct inquiry *inquiry =
		inquiry_about(resolver, &iprev_kind, key, ipaddr_key(client, key));
	struct iprev *iprev;

	if (inquiry_result(inquiry) != NULL)
		return inquiry;
	iprev = inquiry_state(inquiry);
	iprev->client = *client;
	inquiry_start(inquiry, time_limit_ms);
	return inquiry;
}
