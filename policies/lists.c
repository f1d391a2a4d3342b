/* SPDX-License-Identifier: BSD-2-Clause */
/* The deny list. The allow list and the forwarders only exempt (exemption.h), but their questions are
 * announced here, since they are asked of the same client. */
#include <string.h>

#include "policy.h"
#include "text.h"

enum { CHECK_DENIED };

static const struct check lists_checks[] = {
	[CHECK_DENIED] = {.name = "denied",
		.fail = ACTION_REJECT,
		.can_temperror = true,
		.code = "550",
		.enhanced = "5.7.1",
		.reply = "refused by the deny list of this site",
		.help = "Client network, confirmed client name, HELO name, sender or recipient is "
			"on "
			"the deny list; the allow list wins over it"},
	{.name = NULL},
};

/* VALUE may hold bytes from the wire. */
static void deny(struct call *call, const char *what, const char *value, const struct match *match)
{
	struct finding *finding = report(call, CHECK_DENIED, RESULT_FAIL, "%s %s matches %s (%s)",
		what, value, match->entry, match->where);
	struct text reply;

	if (finding == NULL)
		return;
	/* The client learns what was refused, not what the list says nor where it is. */
	text_init(&reply, finding->reply, sizeof(finding->reply));
	text_addf(&reply, "%s ", what);
	text_add_escaped(&reply, value, strlen(value), PATH_SIZE);
}

static void announce_connect(struct call *call)
{
	const struct site *site = call->session->site;

	if (matchlist_has_domains(site->deny) || matchlist_has_domains(site->allow) ||
		matchlist_has_domains(site->forwarders))
		session_iprev(call->session);
}

/* The confirmed name of the client that is on the list, or NULL. */
static const char *denied_name(
	const struct matchlist *list, const struct iprev *iprev, struct match *match)
{
	for (size_t i = 0; i < iprev->name_count; i++)
		if (iprev->confirmed[i] && matchlist_match_domain(list, iprev->names[i], match))
			return iprev->names[i];
	return NULL;
}

static void judge_name(struct call *call)
{
	const struct matchlist *deny_list = call->session->site->deny;
	const struct iprev *iprev;
	const char *name;
	struct match match;

	if (!matchlist_has_domains(deny_list))
		return;
	iprev = session_iprev_result(call->session, call->deadline_ms);
	name = iprev == NULL ? NULL : denied_name(deny_list, iprev, &match);
	if (name != NULL)
		deny(call, "client", name, &match);
	else if (iprev == NULL || iprev->result == RESULT_TEMPERROR)
		report(call, CHECK_DENIED, RESULT_TEMPERROR,
			"the client's name is not known in time: %s",
			iprev == NULL ? "no answer yet" : iprev->evidence);
}

static void judge_connect(struct call *call)
{
	const struct session *session = call->session;
	char address[IPADDR_TEXT_SIZE];
	struct match match;

	if (matchlist_is_empty(session->site->deny) || session->client.family == IP_NONE)
		return;
	if (matchlist_match_address(session->site->deny, &session->client, &match))
		deny(call, "client", ipaddr_format(&session->client, address), &match);
	else
		judge_name(call);
}

static void judge_helo(struct call *call)
{
	const struct session *session = call->session;
	const struct matchlist *deny_list = session->site->deny;
	struct match match;

	if (matchlist_is_empty(deny_list))
		return;
	if (session->helo[0] != '\0' && matchlist_match_domain(deny_list, session->helo, &match))
		deny(call, "HELO", session->helo, &match);
	else if (session->helo_literal.family != IP_NONE &&
		 matchlist_match_address(deny_list, &session->helo_literal, &match))
		deny(call, "HELO", session->helo_raw, &match);
}

/* Where a permissive MTA would send it counts as well as what is written. */
static void judge_path(struct call *call, const char *what, const struct path *path)
{
	const struct matchlist *deny_list = call->session->site->deny;
	char text[PATH_SIZE];
	struct match match;

	if (matchlist_is_empty(deny_list) || path->null)
		return;
	if (matchlist_match_path(deny_list, path, &match) ||
		(path->literal.family != IP_NONE &&
			matchlist_match_address(deny_list, &path->literal, &match)) ||
		(path->routed && matchlist_match_domain(deny_list, path->routed_domain, &match)))
		deny(call, what, path_format(path, text), &match);
}

static void judge_mail(struct call *call)
{
	if (call->session->transaction.error == PATH_OK)
		judge_path(call, "sender", &call->session->transaction.reverse_path);
}

static void judge_rcpt(struct call *call)
{
	if (call->session->recipient->error == PATH_OK)
		judge_path(call, "recipient", &call->session->recipient->path);
}

const struct policy policy_lists = {
	.name = "lists",
	.summary = "the deny list of the site",
	.checks = lists_checks,
	.exempt_by = EXEMPT_MAY_RELAY | EXEMPT_ALLOWED,
	.reserved_mailboxes_exempt = true,
	.announce = {[STAGE_CONNECT] = announce_connect},
	.judge = {[STAGE_CONNECT] = judge_connect,
		[STAGE_HELO] = judge_helo,
		[STAGE_MAIL] = judge_mail,
		[STAGE_RCPT] = judge_rcpt},
};
