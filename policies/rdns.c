/* SPDX-License-Identifier: BSD-2-Clause */
/* Reverse DNS of the client (RFC 8601 3, RFC 1912 2.1). A weak sign: many honest servers lack it, so
 * nothing here refuses by default. */
#include <stddef.h>

#include "generic_name.h"
#include "policy.h"

enum { CHECK_MISSING, CHECK_UNCONFIRMED, CHECK_GENERIC };

static const struct check rdns_checks[] = {
	[CHECK_MISSING] = {.name = "missing",
		.fail = ACTION_SUSPECT,
		.can_temperror = true,
		.code = "550",
		.enhanced = "5.7.25",
		.reply = "reverse DNS of the client is missing",
		.help = "The client address has no PTR record"},
	[CHECK_UNCONFIRMED] = {.name = "unconfirmed",
		.fail = ACTION_SUSPECT,
		.can_temperror = true,
		.code = "550",
		.enhanced = "5.7.25",
		.reply = "reverse DNS of the client is not confirmed",
		.help = "No PTR name of the client resolves back to its address (iprev fail, "
			"RFC 8601 section 3)"},
	[CHECK_GENERIC] = {.name = "generic",
		.fail = ACTION_SUSPECT,
		.can_temperror = true,
		.code = "550",
		.enhanced = "5.7.25",
		.reply = "the client's name is one of an address pool",
		.help = "Each confirmed name of the client spells its address or has a word of "
			"pool_words"},
	{.name = NULL},
};

struct rdns_options {
	bool private_clients;
	char **pool_words, **server_words;
	struct matchlist *exceptions;
};

#define OPTION(member) offsetof(struct rdns_options, member)

static const struct setting rdns_settings[] = {
	{.name = "private_clients",
		.type = SETTING_BOOL,
		.offset = OPTION(private_clients),
		.default_text = "no",
		.help = "Judge clients with private, shared or loopback addresses too (behind a "
			"proxy or NAT all clients look like that)"},
	{.name = "pool_words",
		.type = SETTING_TEXTS,
		.offset = OPTION(pool_words),
		.default_text = "{ \"adsl\", \"vdsl\", \"xdsl\", \"dsl\", \"dslam\", \"dialup\", "
				"\"dialin\", \"dial\", \"dyn\", \"dynamic\", \"dynip\", "
				"\"dynamicip\", \"dhcp\", \"ppp\", \"pppoe\", \"pool\", \"pools\", "
				"\"cable\", \"cablemodem\", \"catv\", \"docsis\", \"modem\", "
				"\"cpe\", \"ftth\", \"fttx\", \"fttb\", \"fiber\", \"fibre\", "
				"\"gpon\", \"broadband\", \"wireless\", \"wifi\", \"wimax\", "
				"\"mobile\", \"gprs\", \"umts\", \"lte\", \"residential\", "
				"\"subscriber\", \"subs\", \"customer\", \"customers\", \"cust\", "
				"\"bbcust\", \"client\", \"clients\", \"user\", \"users\", "
				"\"home\", \"nat\", \"cgn\", \"cgnat\", \"unassigned\", "
				"\"unused\", \"unknown\" }",
		.help = "Words that make a confirmed name generic, as whole runs of letters left "
			"of the organizational domain"},
	{.name = "server_words",
		.type = SETTING_TEXTS,
		.offset = OPTION(server_words),
		.default_text =
			"{ \"mail\", \"mails\", \"mailer\", \"mailers\", \"mailgw\", "
			"\"mailhost\", \"mailout\", \"mailrelay\", \"webmail\", \"email\", "
			"\"smtp\", \"smtps\", \"smtpout\", \"esmtp\", \"mx\", \"mxout\", "
			"\"mta\", \"mout\", \"out\", \"outbound\", \"outgoing\", \"relay\", "
			"\"bounce\", \"bounces\", \"newsletter\", \"news\", \"lists\", "
			"\"listserv\", \"send\", \"sender\", \"postfix\", \"exim\", "
			"\"exchange\", \"zimbra\", \"imap\", \"pop\" }",
		.help = "Words of a mail server: such a name is generic only if it spells the "
			"address and "
			"has a word of pool_words too"},
	{.name = "exceptions",
		.type = SETTING_MATCHLIST,
		.kinds = MATCH_NETWORKS | MATCH_DOMAINS,
		.offset = OPTION(exceptions),
		.default_text = "",
		.example = "{ .example.net, 192.0.2.0/24 }",
		.help = "Domains (.example.net: and all below) and networks whose names are never "
			"generic"},
	{.name = NULL},
};

/* Announce and judge. ------------------------------------------------------------------------- */

static bool any_on(const struct call *call)
{
	return check_is_on(call, CHECK_MISSING) || check_is_on(call, CHECK_UNCONFIRMED) ||
	       check_is_on(call, CHECK_GENERIC);
}

/* Such an address has no reverse name on the Internet. */
static bool is_beyond_judging(const struct call *call)
{
	const struct rdns_options *options = call->options;

	return call->session->client.family == IP_NONE ||
	       (!options->private_clients && ipaddr_scope(&call->session->client) != IP_GLOBAL);
}

static void rdns_announce(struct call *call)
{
	if (any_on(call) && !is_beyond_judging(call))
		session_iprev(call->session);
}

static void report_all(struct call *call, enum result result, const char *evidence)
{
	for (unsigned check = CHECK_MISSING; check <= CHECK_GENERIC; check++)
		report(call, check, result, "%s", evidence);
}

static bool is_exception(const struct call *call, const char *name)
{
	const struct rdns_options *options = call->options;
	struct match match;

	return !matchlist_is_empty(options->exceptions) &&
	       (matchlist_match_domain(options->exceptions, name, &match) ||
		       matchlist_match_address(
			       options->exceptions, &call->session->client, &match));
}

/* One name of a mail server among the confirmed ones is enough. */
static void judge_generic(struct call *call, const struct iprev *iprev)
{
	const struct rdns_options *options = call->options;
	const struct generic_words words = {options->pool_words, options->server_words};
	const char *generic = NULL;
	char first_reason[EVIDENCE_SIZE / 2] = "", reason[EVIDENCE_SIZE / 2] = "";

	for (size_t i = 0; i < iprev->name_count; i++) {
		if (!iprev->confirmed[i])
			continue;
		if (is_exception(call, iprev->names[i]) ||
			!generic_name(iprev->names[i], &iprev->client, &words,
				generic == NULL ? first_reason : reason, sizeof(reason))) {
			report(call, CHECK_GENERIC, RESULT_PASS,
				"%s neither spells the address nor names a pool", iprev->names[i]);
			return;
		}
		if (generic == NULL)
			generic = iprev->names[i];
	}
	if (iprev->temporary)
		report(call, CHECK_GENERIC, RESULT_TEMPERROR,
			"%s %s, but not all names of the client could be asked about", generic,
			first_reason);
	else
		report(call, CHECK_GENERIC, RESULT_FAIL,
			"%s %s; a name of its own, like mail.example.net, would be right", generic,
			first_reason);
}

static void judge_names(struct call *call, const struct iprev *iprev)
{
	report(call, CHECK_MISSING, RESULT_PASS, "%s", iprev->evidence);
	report(call, CHECK_UNCONFIRMED, iprev->result, "%s", iprev->evidence);
	if (!check_is_on(call, CHECK_GENERIC))
		return;
	if (iprev->result == RESULT_PASS)
		judge_generic(call, iprev);
	else
		report(call, CHECK_GENERIC,
			iprev->result == RESULT_TEMPERROR ? RESULT_TEMPERROR : RESULT_NONE,
			"no confirmed name: %s", iprev->evidence);
}

static void rdns_judge(struct call *call)
{
	const struct iprev *iprev;

	if (!any_on(call))
		return;
	if (is_beyond_judging(call)) {
		report_all(call, RESULT_NONE, "the client has no address of the Internet");
		return;
	}
	iprev = session_iprev_result(call->session, call->deadline_ms);
	if (iprev == NULL) {
		report_all(call, RESULT_TEMPERROR, "reverse DNS of the client: no answer in time");
	} else if (iprev->name_count > 0 || iprev->result == RESULT_FAIL) {
		judge_names(call, iprev);
	} else if (iprev->result == RESULT_TEMPERROR) {
		report_all(call, RESULT_TEMPERROR, iprev->evidence);
	} else {
		report(call, CHECK_MISSING, RESULT_FAIL, "%s", iprev->evidence);
		report(call, CHECK_UNCONFIRMED, RESULT_NONE, "%s", iprev->evidence);
		report(call, CHECK_GENERIC, RESULT_NONE, "%s", iprev->evidence);
	}
}

const struct policy policy_rdns = {
	.name = "rdns",
	.summary = "the client's address must have a name that resolves back to it",
	.checks = rdns_checks,
	.settings = rdns_settings,
	.options_size = sizeof(struct rdns_options),
	.exempt_by = EXEMPT_TRUSTED | EXEMPT_AUTHENTICATED | EXEMPT_CERTIFIED | EXEMPT_ALLOWED,
	.reserved_mailboxes_exempt = true,
	.announce = {[STAGE_CONNECT] = rdns_announce},
	.judge = {[STAGE_CONNECT] = rdns_judge},
};
