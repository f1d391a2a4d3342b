/* SPDX-License-Identifier: BSD-2-Clause */
/* The reverse-path (RFC 5321 4.1.1.2, 3.6.3): it must be one, answers must be able to reach it, and
 * the client should be registered for its domain. For the null reverse-path the HELO name answers, but
 * only as to registration: nobody answers to it. */
#include <stddef.h>
#include <string.h>

#include "name_claim.h"
#include "policy.h"
#include "text.h"

enum {
	CHECK_INVALID,
	CHECK_NONEXISTENT,
	CHECK_NO_MAIL_HOST,
	CHECK_NULL_MX,
	CHECK_BOGUS_MX,
	CHECK_UNREGISTERED,
	CHECK_OWN_DOMAIN,
	CHECK_PROTECTED
};

static const struct check sender_checks[] = {
	[CHECK_INVALID] = {.name = "invalid",
		.fail = ACTION_REJECT,
		.code = "553",
		.enhanced = "5.1.7",
		.reply = "not a valid sender address",
		.help = "The reverse-path breaks the grammar of RFC 5321 section 4.1.2, or the MTA "
			"reads it as another address"},
	[CHECK_NONEXISTENT] = {.name = "nonexistent",
		.fail = ACTION_REJECT,
		.can_temperror = true,
		.code = "550",
		.enhanced = "5.1.8",
		.reply = "the sender's domain does not exist",
		.help = "The domain of the reverse-path does not exist (NXDOMAIN)"},
	[CHECK_NO_MAIL_HOST] = {.name = "no_mail_host",
		.fail = ACTION_REJECT,
		.can_temperror = true,
		.code = "550",
		.enhanced = "5.1.8",
		.reply = "the sender's domain has no mail host",
		.help = "The domain has neither an MX host with an address nor, without MX, an "
			"address of its own"},
	[CHECK_NULL_MX] = {.name = "null_mx",
		.fail = ACTION_REJECT,
		.can_temperror = true,
		.code = "550",
		.enhanced = "5.7.27",
		.reply = "the sender's domain takes no mail",
		.help = "The domain has a null MX (RFC 7505)"},
	[CHECK_BOGUS_MX] = {.name = "bogus_mx",
		.fail = ACTION_REJECT,
		.can_temperror = true,
		.code = "550",
		.enhanced = "5.1.8",
		.reply = "the sender's mail hosts are not on the Internet",
		.help = "All mail hosts of the domain have loopback, private, link-local, "
			"multicast, unspecified or reserved addresses"},
	[CHECK_UNREGISTERED] = {.name = "unregistered",
		.fail = ACTION_SUSPECT,
		.can_temperror = true,
		.code = "550",
		.enhanced = "5.7.1",
		.reply = "the client is not registered for the sender's domain",
		.help = "MX consistency: no SPF, MX, address or confirmed PTR ties the client to "
			"the domain (most providers send from other hosts than their MX)"},
	[CHECK_OWN_DOMAIN] = {.name = "own_domain",
		.fail = ACTION_REJECT,
		.can_temperror = true,
		.code = "550",
		.enhanced = "5.7.1",
		.reply = "the sender's domain is ours",
		.help = "A reverse-path with a domain, name or address of ours from outside, "
			"without a proof that the client is registered for it"},
	[CHECK_PROTECTED] = {.name = "protected",
		.fail = ACTION_REJECT,
		.can_temperror = true,
		.code = "550",
		.enhanced = "5.7.1",
		.reply = "the sender's domain is protected",
		.help = "The domain is in protected_domains, and the client is not registered for "
			"it"},
	{.name = NULL},
};

struct sender_options {
	struct name_claim claim;
};

#define OPTION(member) offsetof(struct sender_options, member)

static const struct setting sender_settings[] = {
	NAME_CLAIM_ROWS(OPTION(claim), "own_domain holds for all domains below local_domains too",
		"Networks and confirmed client names that may send as our own and protected "
		"domains",
		"Domains of partners and brands (.example.net: and all below) that only clients "
		"registered for them may send as"),
	{.name = NULL},
};

/* What the path asks for. --------------------------------------------------------------------- */

static bool is_own_domain(const struct call *call, const char *domain)
{
	const struct sender_options *options = call->options;

	return name_claim_is_own(call->session->site, domain, options->claim.own_subdomains);
}

static bool has_valid_path(const struct call *call)
{
	return call->session->transaction.open && call->session->transaction.error == PATH_OK;
}

/* A domain that answers would go to, and that the DNS of the world decides about. */
static bool has_foreign_domain(const struct call *call)
{
	const struct path *path = &call->session->transaction.reverse_path;
	const struct site *site = call->session->site;

	return has_valid_path(call) && !path->null && path->domain[0] != '\0' &&
	       !is_own_domain(call, path->domain) && !site_is_relay_domain(site, path->domain);
}

static bool any_host_check(const struct call *call)
{
	for (unsigned check = CHECK_NONEXISTENT; check <= CHECK_BOGUS_MX; check++)
		if (check_is_on(call, check))
			return true;
	return false;
}

/* Claims a domain that is not everybody's. */
static bool claims(const struct call *call, unsigned check)
{
	const struct sender_options *options = call->options;
	const struct path *path = &call->session->transaction.reverse_path;

	if (!check_is_on(call, check) || !has_valid_path(call) || path->null ||
		call->session->client.family == IP_NONE)
		return false;
	if (path->domain[0] == '\0')
		return check == CHECK_OWN_DOMAIN && path->literal.family != IP_NONE &&
		       site_is_own_address(call->session->site, &path->literal);
	return check == CHECK_OWN_DOMAIN ? is_own_domain(call, path->domain)
					 : name_claim_is_protected(&options->claim, path->domain);
}

static bool needs_proof(const struct call *call)
{
	if (claims(call, CHECK_OWN_DOMAIN) || claims(call, CHECK_PROTECTED))
		return true;
	return check_is_on(call, CHECK_UNREGISTERED) && has_valid_path(call) &&
	       call->session->client.family != IP_NONE;
}

/* Announce. ----------------------------------------------------------------------------------- */

static void sender_announce(struct call *call)
{
	const struct sender_options *options = call->options;

	if (any_host_check(call) && has_foreign_domain(call))
		session_sender_mailhosts(call->session);
	if (needs_proof(call)) {
		session_sender_mailhosts(call->session);
		session_sender_spf(call->session);
		session_iprev(call->session);
	}
	if (matchlist_has_domains(options->claim.partners) &&
		(claims(call, CHECK_OWN_DOMAIN) || claims(call, CHECK_PROTECTED)))
		session_iprev(call->session);
}

/* The form. ----------------------------------------------------------------------------------- */

/* Programs differ in how they read it. */
static bool is_ambiguous(const struct path *path)
{
	return path->quoted || strpbrk(path->local_part, "%!") != NULL ||
	       (path->routed && strcmp(path->routed_domain, path->domain) != 0);
}

/* Sendmail leaves out the domain of a local sender, and may split off a "+detail". */
static bool is_local_form(const char *mta_address, const struct path *path)
{
	size_t length = strlen(mta_address);

	return strchr(mta_address, '@') == NULL && length <= strlen(path->local_part) &&
	       ascii_equal_n(mta_address, path->local_part, length) &&
	       (path->local_part[length] == '\0' || path->local_part[length] == '+');
}

/* Of most, without their brackets. */
static bool is_as_written(const char *mta_address, const char *raw)
{
	size_t length = strlen(mta_address);

	return raw[0] == '<' && strncmp(raw + 1, mta_address, length) == 0 &&
	       strcmp(raw + 1 + length, ">") == 0;
}

/* {mail_host} is no help: it is the next hop, and our own name for the null reverse-path. */
static bool mta_agrees(const struct transaction *transaction)
{
	const struct path *path = &transaction->reverse_path;
	const char *mta_address = transaction->mta_address;
	struct path theirs;

	/* Cut by its buffer, or not given at all: nothing to compare. */
	if (path->null || mta_address[0] == '\0' || strlen(mta_address) >= MACRO_SIZE - 1)
		return true;
	if (is_as_written(mta_address, transaction->raw) || is_local_form(mta_address, path))
		return true;
	if (path_parse(mta_address, true, &theirs) != PATH_OK)
		return !is_ambiguous(path);
	if (!ascii_equal(theirs.local_part, path->local_part))
		return false;
	/* Sendmail puts the canonical name in the place of a domain that is a CNAME. */
	return !is_ambiguous(path) || (strcmp(theirs.domain, path->domain) == 0 &&
					      ipaddr_equal(&theirs.literal, &path->literal));
}

static void judge_form(struct call *call)
{
	const struct transaction *transaction = &call->session->transaction;

	if (transaction->error != PATH_OK)
		report(call, CHECK_INVALID, RESULT_FAIL,
			"MAIL FROM:%.200s: %s; an address like <user@example.net> would be right",
			transaction->raw, path_error_text(transaction->error));
	else if (!mta_agrees(transaction))
		report(call, CHECK_INVALID, RESULT_FAIL,
			"MAIL FROM:%.150s is read by the MTA as %.150s; an address with one "
			"reading would be right",
			transaction->raw, transaction->mta_address);
	else
		report(call, CHECK_INVALID, RESULT_PASS, "MAIL FROM:%.200s", transaction->raw);
}

/* The domain's mail hosts. -------------------------------------------------------------------- */

static void report_hosts(struct call *call, enum result result, const char *evidence)
{
	for (unsigned check = CHECK_NONEXISTENT; check <= CHECK_BOGUS_MX; check++)
		report(call, check, result, "%s", evidence);
}

/* Something positive is known of the name. */
static bool is_known_to_exist(const struct mailhosts *hosts)
{
	const enum dns_status statuses[] = {
		hosts->mx_status, hosts->own.status_a, hosts->own.status_aaaa};

	for (size_t i = 0; i < ARRAY_COUNT(statuses); i++)
		if (statuses[i] == DNS_OK || statuses[i] == DNS_NODATA)
			return true;
	return false;
}

/* FAIL only on what the DNS said; what it could not say is TEMPERROR unless the rest decides. */
static enum result result_of(bool fails, bool passes, const struct mailhosts *hosts)
{
	if (fails)
		return RESULT_FAIL;
	if (passes)
		return RESULT_PASS;
	return mailhosts_temporary(hosts) ? RESULT_TEMPERROR : RESULT_NONE;
}

static void report_known(struct call *call, unsigned check, enum result result,
	const struct mailhosts *hosts, const char *right)
{
	char shown[EVIDENCE_SIZE * 3 / 4];

	if (report_keeps(call, check, result))
		report(call, check, result, "%s%s", mailhosts_format(hosts, shown, sizeof(shown)),
			right);
}

static void judge_known_hosts(struct call *call, const struct mailhosts *hosts)
{
	size_t global, addresses = mailhosts_addresses(hosts, &global);
	bool nonexistent = mailhosts_nonexistent(hosts), none = mailhosts_none(hosts),
	     bogus = mailhosts_bogus(hosts);

	report_known(call, CHECK_NONEXISTENT,
		result_of(nonexistent, is_known_to_exist(hosts), hosts), hosts,
		nonexistent ? "; a domain that exists would be right" : "");
	report_known(call, CHECK_NO_MAIL_HOST,
		result_of(none && !nonexistent, addresses > 0, hosts), hosts,
		none ? "; a domain that can take answers would be right" : "");
	report_known(call, CHECK_NULL_MX,
		result_of(hosts->null_mx, !dns_is_temporary(hosts->mx_status), hosts), hosts,
		hosts->null_mx ? "; a sender that takes answers would be right" : "");
	report_known(call, CHECK_BOGUS_MX, result_of(bogus, global > 0, hosts), hosts,
		bogus ? "; mail hosts with public addresses would be right" : "");
}

static void judge_hosts(struct call *call)
{
	const struct mailhosts *hosts;

	if (!any_host_check(call))
		return;
	if (!has_foreign_domain(call)) {
		report_hosts(call, RESULT_NONE,
			"the reverse-path has no domain that the DNS decides about");
		return;
	}
	hosts = session_sender_mailhosts_result(call->session, call->deadline_ms);
	if (hosts == NULL)
		report_hosts(call, RESULT_TEMPERROR, "the sender's domain: no answer in time");
	else
		judge_known_hosts(call, hosts);
}

/* Registration. ------------------------------------------------------------------------------- */

static void judge_registration(struct call *call, const struct name_proof *proof)
{
	const struct path *path = &call->session->transaction.reverse_path;

	if (!check_is_on(call, CHECK_UNREGISTERED))
		return;
	if (proof->holds)
		report(call, CHECK_UNREGISTERED, RESULT_PASS, "%s", proof->evidence);
	else if (proof->temporary)
		report(call, CHECK_UNREGISTERED, RESULT_TEMPERROR, "%s", proof->evidence);
	else if (call->session->client.family == IP_NONE ||
		 (session_sender_domain(call->session)[0] == '\0' &&
			 path->literal.family == IP_NONE))
		report(call, CHECK_UNREGISTERED, RESULT_NONE, "%s", proof->evidence);
	else
		report(call, CHECK_UNREGISTERED, RESULT_FAIL,
			"%s; an SPF, MX, address or PTR record that ties them would be right",
			proof->evidence);
}

static void judge_claim(
	struct call *call, unsigned check, const struct name_proof *proof, const char *whose)
{
	const struct sender_options *options = call->options;
	const struct path *path = &call->session->transaction.reverse_path;
	struct name_use use = {.shown = path->domain, .whose = whose, .right = "authentication"};
	char literal[IPADDR_TEXT_SIZE];

	if (!claims(call, check))
		return;
	if (path->domain[0] == '\0')
		use.shown = ipaddr_format(&path->literal, literal);
	name_claim_judge(call, check, &options->claim, &use, proof);
}

static void sender_judge(struct call *call)
{
	struct name_proof proof = {.evidence = "the client has no address"};

	judge_form(call);
	judge_hosts(call);
	if (!has_valid_path(call))
		return;
	if (needs_proof(call))
		proof.holds = session_proof(call->session, PROOF_OF_SENDER, call->deadline_ms,
			proof.evidence, &proof.temporary);
	judge_registration(call, &proof);
	judge_claim(call, CHECK_OWN_DOMAIN, &proof, "ours");
	judge_claim(call, CHECK_PROTECTED, &proof, "protected");
}

const struct policy policy_sender = {
	.name = "sender",
	.summary = "the reverse-path must be valid, answerable, and the client's to use",
	.checks = sender_checks,
	.settings = sender_settings,
	.options_size = sizeof(struct sender_options),
	.exempt_by = EXEMPT_ALL,
	.reserved_mailboxes_exempt = true,
	.announce = {[STAGE_MAIL] = sender_announce},
	.judge = {[STAGE_MAIL] = sender_judge},
};
