/* SPDX-License-Identifier: BSD-2-Clause */
/* The name in HELO or EHLO (RFC 5321 4.1.1.1, 4.1.4). Sure lies are refused: no name at all, or ours.
 * The rest is a weak sign, since RFC 5321 4.1.4 forbids to refuse mail only because the name does not
 * fit the client. */
#include <stddef.h>
#include <string.h>

#include "name_claim.h"
#include "policy.h"
#include "text.h"

enum {
	CHECK_ABSENT,
	CHECK_INVALID,
	CHECK_BARE_IP,
	CHECK_UNQUALIFIED,
	CHECK_OWN_NAME,
	CHECK_PROTECTED,
	CHECK_LITERAL_MISMATCH,
	CHECK_UNRESOLVABLE,
	CHECK_MISMATCH
};

static const struct check helo_checks[] = {
	[CHECK_ABSENT] = {.name = "absent",
		.fail = ACTION_SUSPECT,
		.code = "503",
		.enhanced = "5.5.1",
		.reply = "send HELO or EHLO first",
		.help = "MAIL without HELO or EHLO before it (RFC 5321 section 4.1.1.1)"},
	[CHECK_INVALID] = {.name = "invalid",
		.fail = ACTION_REJECT,
		.code = "501",
		.enhanced = "5.5.2",
		.reply = "invalid HELO name",
		.help = "The HELO name is neither a domain name nor an address literal"},
	[CHECK_BARE_IP] = {.name = "bare_ip",
		.fail = ACTION_SUSPECT,
		.code = "501",
		.enhanced = "5.5.2",
		.reply = "the HELO name is an address without brackets",
		.help = "The HELO name is an IP address without brackets"},
	[CHECK_UNQUALIFIED] = {.name = "unqualified",
		.fail = ACTION_SUSPECT,
		.code = "504",
		.enhanced = "5.5.2",
		.reply = "the HELO name is not fully qualified",
		.help = "The HELO name has no dot"},
	[CHECK_OWN_NAME] = {.name = "own_name",
		.fail = ACTION_REJECT,
		.can_temperror = true,
		.code = "550",
		.enhanced = "5.7.1",
		.reply = "the HELO name is ours",
		.help = "A stranger uses our host name or address, or a name in local_domains "
			"that DNS does not give it"},
	[CHECK_PROTECTED] = {.name = "protected",
		.fail = ACTION_REJECT,
		.can_temperror = true,
		.code = "550",
		.enhanced = "5.7.1",
		.reply = "the HELO name is protected",
		.help = "The HELO name is in protected_domains, and the client is not registered "
			"for it"},
	[CHECK_LITERAL_MISMATCH] = {.name = "literal_mismatch",
		.fail = ACTION_SUSPECT,
		.code = "550",
		.enhanced = "5.7.1",
		.reply = "the address in HELO is not the client's",
		.help = "The address in the HELO name is not the client's"},
	[CHECK_UNRESOLVABLE] = {.name = "unresolvable",
		.fail = ACTION_SUSPECT,
		.can_temperror = true,
		.code = "550",
		.enhanced = "5.7.1",
		.reply = "the HELO name does not resolve",
		.help = "The HELO name has neither address nor MX records"},
	[CHECK_MISMATCH] = {.name = "mismatch",
		.fail = ACTION_SUSPECT,
		.can_temperror = true,
		.code = "550",
		.enhanced = "5.7.1",
		.reply = "the HELO name is not registered to the client",
		.help = "No literal, confirmed PTR, address, MX or SPF record ties the HELO name "
			"to the client"},
	{.name = NULL},
};

struct helo_options {
	bool underscore;
	struct name_claim claim;
};

#define OPTION(member) offsetof(struct helo_options, member)

static const struct setting helo_settings[] = {
	{.name = "underscore",
		.type = SETTING_BOOL,
		.offset = OPTION(underscore),
		.default_text = "yes",
		.help = "Take underscores in HELO names as valid, as many Windows hosts send them"},
	NAME_CLAIM_ROWS(OPTION(claim), "own_name holds for all names below local_domains too",
		"Networks and confirmed client names that may use our own and protected names",
		"Domains of partners and brands (.example.net: and all below) that only clients "
		"registered for them may use in HELO"),
	{.name = NULL},
};

/* What kind of name was given. ---------------------------------------------------------------- */

/* The address that HELO gave, in brackets or without. */
static bool given_address(const struct session *session, struct ipaddr *address_r)
{
	*address_r = session->helo_literal;
	return address_r->family != IP_NONE || ipaddr_parse(session->helo_raw, address_r);
}

static bool is_bare_ip(const struct session *session)
{
	struct ipaddr ignored;

	return ipaddr_parse(session->helo_raw, &ignored);
}

static bool is_valid_name(const struct call *call)
{
	const struct helo_options *options = call->options;
	char name[DOMAIN_SIZE];

	if (call->session->helo[0] == '\0')
		return false;
	memcpy(name, call->session->helo, sizeof(name));
	for (char *c = name; options->underscore && *c != '\0'; c++)
		if (*c == '_')
			*c = 'x';
	return domain_is_hostname(name);
}

/* A name that the DNS can be asked about. */
static bool is_askable(const struct call *call)
{
	return !is_bare_ip(call->session) && is_valid_name(call) &&
	       domain_is_qualified(call->session->helo);
}

static bool has_foreign_client(const struct call *call)
{
	const struct session *session = call->session;

	return session->client.family != IP_NONE &&
	       !site_is_own_address(session->site, &session->client);
}

/* Our host names: nobody else has them, whatever the DNS says. */
static bool is_own_host(const struct session *session)
{
	return site_is_own_host(session->site, session->helo);
}

/* A name of ours, or below one: those that the DNS gives to others are not refused. */
static bool is_in_own_domain(const struct call *call)
{
	const struct helo_options *options = call->options;

	return name_claim_is_own(
		call->session->site, call->session->helo, options->claim.own_subdomains);
}

static bool is_protected(const struct call *call)
{
	const struct helo_options *options = call->options;

	return name_claim_is_protected(&options->claim, call->session->helo);
}

/* Announce. ----------------------------------------------------------------------------------- */

static bool needs_proof(const struct call *call)
{
	if (!is_askable(call) || !has_foreign_client(call))
		return false;
	return check_is_on(call, CHECK_MISMATCH) ||
	       (check_is_on(call, CHECK_PROTECTED) && is_protected(call)) ||
	       (check_is_on(call, CHECK_OWN_NAME) && !is_own_host(call->session) &&
		       is_in_own_domain(call));
}

/* What only partners may say beside those it belongs to. */
static bool asks_for_partners(const struct call *call)
{
	const struct helo_options *options = call->options;
	struct ipaddr given;

	if (!matchlist_has_domains(options->claim.partners) || !has_foreign_client(call))
		return false;
	return (check_is_on(call, CHECK_PROTECTED) && is_protected(call)) ||
	       (check_is_on(call, CHECK_OWN_NAME) &&
		       (given_address(call->session, &given)
				       ? site_is_own_address(call->session->site, &given)
				       : is_in_own_domain(call)));
}

static void helo_announce(struct call *call)
{
	if (is_askable(call) && check_is_on(call, CHECK_UNRESOLVABLE))
		session_helo_mailhosts(call->session);
	if (needs_proof(call)) {
		session_iprev(call->session);
		session_helo_mailhosts(call->session);
		session_helo_spf(call->session);
	}
	if (asks_for_partners(call))
		session_iprev(call->session);
}

/* Judge. -------------------------------------------------------------------------------------- */

static void judge_form(struct call *call)
{
	const struct session *session = call->session;
	bool literal = session->helo_literal.family != IP_NONE, bare = is_bare_ip(session);

	if (literal || bare || is_valid_name(call))
		report(call, CHECK_INVALID, RESULT_PASS, "HELO %s", session->helo_raw);
	else
		report(call, CHECK_INVALID, RESULT_FAIL,
			"HELO %.200s is no domain name; a name like mail.example.net or a literal "
			"like [192.0.2.1] would be right",
			session->helo_raw[0] == '\0' ? "without a name" : session->helo_raw);
	if (bare)
		report(call, CHECK_BARE_IP, RESULT_FAIL, "HELO %s; [%s%s] would be right",
			session->helo_raw, strchr(session->helo_raw, ':') != NULL ? "IPv6:" : "",
			session->helo_raw);
	else
		report(call, CHECK_BARE_IP, RESULT_PASS, "HELO %.200s", session->helo_raw);
	if (literal || bare || !is_valid_name(call))
		report(call, CHECK_UNQUALIFIED, RESULT_NONE, "HELO gives no name");
	else if (domain_is_qualified(session->helo))
		report(call, CHECK_UNQUALIFIED, RESULT_PASS, "HELO %s", session->helo);
	else
		report(call, CHECK_UNQUALIFIED, RESULT_FAIL,
			"HELO %s has no domain; a full name like %s.example.net would be right",
			session->helo, session->helo);
}

static void judge_literal(struct call *call)
{
	struct ipaddr given;
	char given_text[IPADDR_TEXT_SIZE], client[IPADDR_TEXT_SIZE];

	if (!given_address(call->session, &given)) {
		report(call, CHECK_LITERAL_MISMATCH, RESULT_NONE, "HELO gives no address");
		return;
	}
	if (call->session->client.family == IP_NONE) {
		report(call, CHECK_LITERAL_MISMATCH, RESULT_NONE, "the client has no address");
		return;
	}
	ipaddr_format(&given, given_text);
	ipaddr_format(&call->session->client, client);
	if (ipaddr_equal(&given, &call->session->client))
		report(call, CHECK_LITERAL_MISMATCH, RESULT_PASS, "HELO gives %s, the client's",
			given_text);
	else
		report(call, CHECK_LITERAL_MISMATCH, RESULT_FAIL,
			"HELO gives %s, the client is %s; its own address would be right",
			given_text, client);
}

/* PROOF: NULL where the DNS has no say. */
static void judge_claim(
	struct call *call, unsigned check, const struct name_proof *proof, const char *whose)
{
	const struct helo_options *options = call->options;
	char shown[120];
	struct text text;

	text_init(&text, shown, sizeof(shown));
	text_addf(&text, "HELO %s", call->session->helo_raw);
	name_claim_judge(call, check, &options->claim,
		&(struct name_use){.shown = shown, .whose = whose, .right = "its own name"}, proof);
}

static void judge_own_address(struct call *call, const struct ipaddr *given)
{
	if (site_is_own_address(call->session->site, given))
		judge_claim(call, CHECK_OWN_NAME, NULL, "our own address");
	else
		report(call, CHECK_OWN_NAME, RESULT_PASS, "HELO %s is not our address",
			call->session->helo_raw);
}

static void judge_own_name(struct call *call, const struct name_proof *proof)
{
	const struct session *session = call->session;
	struct ipaddr given;

	if (!check_is_on(call, CHECK_OWN_NAME))
		return;
	if (!has_foreign_client(call))
		report(call, CHECK_OWN_NAME, RESULT_NONE, "the client is this machine");
	else if (given_address(session, &given))
		judge_own_address(call, &given);
	else if (session->helo[0] == '\0')
		report(call, CHECK_OWN_NAME, RESULT_NONE, "HELO gives no name");
	else if (is_own_host(session))
		judge_claim(call, CHECK_OWN_NAME, NULL, "our own name");
	else if (is_in_own_domain(call))
		judge_claim(call, CHECK_OWN_NAME, proof, "in our own domain");
	else
		report(call, CHECK_OWN_NAME, RESULT_PASS, "HELO %s is not ours", session->helo);
}

static void judge_resolution(struct call *call)
{
	const struct mailhosts *hosts;
	char shown[EVIDENCE_SIZE / 2];
	enum result result;

	if (!check_is_on(call, CHECK_UNRESOLVABLE))
		return;
	if (!is_askable(call)) {
		report(call, CHECK_UNRESOLVABLE, RESULT_NONE, "HELO gives no qualified name");
		return;
	}
	hosts = session_helo_mailhosts_result(call->session, call->deadline_ms);
	if (hosts == NULL) {
		report(call, CHECK_UNRESOLVABLE, RESULT_TEMPERROR, "%s: no answer in time",
			call->session->helo);
		return;
	}
	if (hosts->own.address_count > 0 || hosts->host_count > 0)
		result = RESULT_PASS;
	else if (mailhosts_temporary(hosts) || dns_is_temporary(hosts->own.status_a) ||
		 dns_is_temporary(hosts->own.status_aaaa))
		result = RESULT_TEMPERROR;
	else
		result = RESULT_FAIL;
	if (report_keeps(call, CHECK_UNRESOLVABLE, result))
		report(call, CHECK_UNRESOLVABLE, result, "%s%s",
			mailhosts_format(hosts, shown, sizeof(shown)),
			result == RESULT_FAIL ? "; a name with an address record would be right"
					      : "");
}

static void judge_mismatch(struct call *call, const struct name_proof *proof)
{
	struct ipaddr given;

	if (given_address(call->session, &given) || !is_askable(call) || !has_foreign_client(call))
		report(call, CHECK_MISMATCH, RESULT_NONE, "HELO gives no name to compare");
	else if (proof->holds)
		report(call, CHECK_MISMATCH, RESULT_PASS, "%s", proof->evidence);
	else if (proof->temporary)
		report(call, CHECK_MISMATCH, RESULT_TEMPERROR, "%s", proof->evidence);
	else
		report(call, CHECK_MISMATCH, RESULT_FAIL,
			"%s; a name with the client's address would be right", proof->evidence);
}

static void helo_judge(struct call *call)
{
	struct name_proof proof = {0};

	judge_form(call);
	judge_literal(call);
	if (needs_proof(call))
		proof.holds = session_proof(call->session, PROOF_OF_HELO, call->deadline_ms,
			proof.evidence, &proof.temporary);
	judge_own_name(call, &proof);
	if (check_is_on(call, CHECK_PROTECTED) && is_protected(call) && has_foreign_client(call))
		judge_claim(call, CHECK_PROTECTED, &proof, "protected");
	judge_resolution(call);
	judge_mismatch(call, &proof);
}

/* Facts of a greeting are judged at HELO; that there was none shows here only. */
static void helo_judge_mail(struct call *call)
{
	if (!call->session->greeted && call->session->client.family != IP_NONE)
		report(call, CHECK_ABSENT, RESULT_FAIL,
			"MAIL without HELO; EHLO with the client's name would be right");
}

const struct policy policy_helo = {
	.name = "helo",
	.summary = "the name in HELO or EHLO must be the client's own",
	.checks = helo_checks,
	.settings = helo_settings,
	.options_size = sizeof(struct helo_options),
	.exempt_by = EXEMPT_TRUSTED | EXEMPT_AUTHENTICATED | EXEMPT_CERTIFIED | EXEMPT_ALLOWED,
	.reserved_mailboxes_exempt = true,
	.announce = {[STAGE_HELO] = helo_announce},
	.judge = {[STAGE_HELO] = helo_judge, [STAGE_MAIL] = helo_judge_mail},
};
