/* SPDX-License-Identifier: BSD-2-Clause */
/* DMARC (RFC 7489): what the domain of From asks to be done with mail that neither SPF nor a signature
 * ties to it. What it asks for is the name of the check; whether it is obeyed is the administrator's
 * choice. */
#include <stddef.h>
#include <string.h>

#include "author.h"
#include "header_field.h"
#include "policy.h"
#include "siphash.h"
#include "text.h"

enum { CHECK_REJECT, CHECK_QUARANTINE, CHECK_NONE, CHECK_PERMERROR };

static const struct check dmarc_checks[] = {
	[CHECK_REJECT] = {.name = "reject",
		.fail = ACTION_TAG,
		.can_temperror = true,
		.code = "550",
		.enhanced = "5.7.26",
		.reply = "the domain of From asks to reject what is not its own (DMARC)",
		.help = "DMARC fails, and the domain asks for p=reject; write reject here to obey"},
	[CHECK_QUARANTINE] = {.name = "quarantine",
		.fail = ACTION_TAG,
		.can_temperror = true,
		.code = "550",
		.enhanced = "5.7.26",
		.reply = "the domain of From distrusts what is not its own (DMARC)",
		.help = "DMARC fails, and the domain asks for p=quarantine, or for p=reject and "
			"the "
			"message is not among the pct= of those; write quarantine here to obey"},
	[CHECK_NONE] = {.name = "none",
		.fail = ACTION_MONITOR,
		.can_temperror = true,
		.code = "550",
		.enhanced = "5.7.26",
		.reply = "DMARC fails",
		.help = "DMARC fails, and the domain asks for nothing (p=none)"},
	[CHECK_PERMERROR] = {.name = "permerror",
		.fail = ACTION_OFF,
		.code = "550",
		.enhanced = "5.7.26",
		.reply = "DMARC cannot be evaluated",
		.help = "The DMARC record of the domain is wrong, there are several, or From names "
			"no single domain"},
	{.name = NULL},
};

struct dmarc_options {
	struct excuses excuses;
	struct siphash_key key; /* which messages are among the pct= */
};

static const struct setting dmarc_settings[] = {
	{.name = "exceptions",
		.type = SETTING_MATCHLIST,
		.offset = offsetof(struct dmarc_options, excuses.exceptions),
		.default_text = "",
		.example = "{ 192.0.2.0/24, relay.example.net, news@example.com }",
		.help = "Networks and confirmed names of clients, domains and addresses of From "
			"for "
			"which a fail is only noted, as it is for forwarders"},
	{.name = "lists",
		.type = SETTING_CHOICE,
		.offset = offsetof(struct dmarc_options, excuses.lists),
		.default_text = "authenticated",
		.choices = list_excuse_words,
		.help = "Mail with list fields (List-Id and others), which breaks DMARC by its "
			"nature, is tagged at most: where SPF passes for its reverse-path, any, or "
			"none; anybody can write such fields"},
	{.name = NULL},
};

static void prepare(void *options_given, const struct site *site)
{
	struct dmarc_options *options = options_given;

	(void)site;
	options->key = siphash_random_key();
}

static bool any_on(const struct call *call)
{
	for (unsigned check = CHECK_REJECT; check <= CHECK_PERMERROR; check++)
		if (check_is_on(call, check))
			return true;
	return false;
}

static void announce_mail(struct call *call)
{
	if (!any_on(call))
		return;
	session_sender_spf(call->session);
	author_dmarc_guess(call->session);
}

/* The record is asked for while the rest of the message is still on its way. */
static void judge_header(struct call *call)
{
	if (any_on(call) && header_field_is(call->field_name, "From"))
		author_dmarc_start(call->session);
}

/* Random, but the same when the client tries again: by client, From and Message-ID. */
static bool is_sampled(const struct call *call, const struct dmarc_outcome *outcome)
{
	const struct dmarc_options *options = call->options;
	const struct session *session = call->session;
	const char *id = session->transaction.header->bodies[HEADER_MESSAGE_ID];
	char buffer[WIRE_TEXT_SIZE + DOMAIN_SIZE], client[IPADDR_TEXT_SIZE];
	struct text text;

	text_init(&text, buffer, sizeof(buffer));
	text_addf(&text, "%s %s %s", ipaddr_format(&session->client, client), outcome->domain,
		id == NULL ? session->transaction.raw : id);
	return siphash(&options->key, text.buffer, text.length, 0) % 100 < outcome->percent;
}

/* RFC 7489 6.6.4: what is not sampled is treated as the next milder policy asks. */
static unsigned check_of(const struct call *call, const struct dmarc_outcome *outcome)
{
	enum dmarc_policy policy = outcome->policy;

	if (policy > DMARC_NONE && !is_sampled(call, outcome))
		policy--;
	switch (policy) {
	case DMARC_REJECT:
		return CHECK_REJECT;
	case DMARC_QUARANTINE:
		return CHECK_QUARANTINE;
	case DMARC_NONE:
		break;
	}
	return CHECK_NONE;
}

/* The words of RFC 7489 appendix C for why a policy was not applied. */
static const char *override_word(enum excuse excuse)
{
	switch (excuse) {
	case EXCUSE_FORWARDER:
		return "trusted_forwarder";
	case EXCUSE_LIST:
		return "mailing_list";
	default:
		return "local_policy";
	}
}

/* Whoever forges list fields gains a tag at best; what the administrator lists is only noted. */
static enum action excused_action(enum excuse excuse, enum action action)
{
	enum action most = excuse == EXCUSE_LIST ? ACTION_TAG : ACTION_MONITOR;

	return action < most ? action : most;
}

static void judge_fail(struct call *call, const struct dmarc_outcome *outcome)
{
	const struct dmarc_options *options = call->options;
	unsigned check = check_of(call, outcome);
	char evidence[EVIDENCE_SIZE];
	enum action action;
	enum excuse excuse;

	if (!check_is_on(call, check))
		return;
	action = call->fail_actions[check];
	excuse = author_excuse(call->session, &options->excuses, call->deadline_ms, evidence);
	if (excuse == EXCUSE_NONE)
		report(call, check, RESULT_FAIL,
			"DMARC p=%s: %s; a sender that SPF or DKIM ties to the domain would be "
			"right",
			dmarc_policy_name(outcome->policy), outcome->evidence);
	else if (excuse == EXCUSE_UNKNOWN)
		report_action(call, check, RESULT_TEMPERROR, action, NULL, "DMARC p=%s: %.250s; %s",
			dmarc_policy_name(outcome->policy), outcome->evidence, evidence);
	else
		report_action(call, check, RESULT_FAIL, excused_action(excuse, action), NULL,
			"DMARC p=%s overridden (%s, %.150s): %.200s",
			dmarc_policy_name(outcome->policy), override_word(excuse), evidence,
			outcome->evidence);
}

static void judge_eom(struct call *call)
{
	const struct dmarc_outcome *outcome;

	if (!any_on(call))
		return;
	outcome = author_dmarc(call->session, call->deadline_ms);
	switch (outcome->result) {
	case RESULT_FAIL:
		judge_fail(call, outcome);
		return;
	case RESULT_PERMERROR:
		report(call, CHECK_PERMERROR, RESULT_FAIL, "%s", outcome->evidence);
		return;
	default:
		report(call, CHECK_REJECT, outcome->result, "%s", outcome->evidence);
	}
}

static void advise(const struct call *call, const struct site *site,
	void (*warn)(void *context, const char *setting, const char *text), void *context)
{
	const struct dmarc_options *options = call->options;
	bool obeys = call->fail_actions[CHECK_REJECT] >= ACTION_QUARANTINE ||
		     call->fail_actions[CHECK_QUARANTINE] >= ACTION_QUARANTINE;

	if (obeys && site->trusted_authserv_ids == NULL)
		warn(context, "reject",
			"DMARC is obeyed, but trusted_authserv_ids names no filter that verifies "
			"DKIM: mail with a signature of the domain of From is let be, whether the "
			"signature is good or not");
	if (obeys && options->excuses.lists == LISTS_ANY)
		warn(context, "lists",
			"lists = any lets anybody escape DMARC who writes a List-Id; use "
			"authenticated");
	if (call->fail_actions[CHECK_NONE] >= ACTION_TEMPFAIL)
		warn(context, "none",
			"none refuses mail that the domain itself does not ask to refuse; use tag");
}

const struct policy policy_dmarc = {
	.name = "dmarc",
	.summary = "what the domain of From asks to be done with mail that is not its own",
	.checks = dmarc_checks,
	.settings = dmarc_settings,
	.options_size = sizeof(struct dmarc_options),
	.exempt_by = EXEMPT_MAY_RELAY | EXEMPT_ALLOWED,
	.reserved_mailboxes_exempt = true,
	.reads_header = true,
	.announce = {[STAGE_MAIL] = announce_mail},
	.judge = {[STAGE_HEADER] = judge_header, [STAGE_EOM] = judge_eom},
	.advise = advise,
	.prepare = prepare,
};
