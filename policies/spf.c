/* SPDX-License-Identifier: BSD-2-Clause */
/* SPF (RFC 7208) of the HELO name and of the reverse-path. Reads the results; spf.h does the work. */
#include <stddef.h>

#include "author.h"
#include "policy.h"
#include "text.h"

enum {
	CHECK_FAIL,
	CHECK_SOFTFAIL,
	CHECK_NEUTRAL,
	CHECK_NONE,
	CHECK_PERMERROR,
	CHECK_NO_MAIL,
	CHECK_HELO_FAIL,
	CHECK_HELO_SOFTFAIL,
	CHECK_NUMBER
};

static const struct check spf_checks[] = {
	[CHECK_FAIL] = {.name = "fail",
		.fail = ACTION_REJECT,
		.can_temperror = true,
		.code = "550",
		.enhanced = "5.7.23",
		.reply = "SPF fail",
		.help = "The domain of the reverse-path says that the client may not send for it"},
	[CHECK_SOFTFAIL] = {.name = "softfail",
		.fail = ACTION_SUSPECT,
		.code = "550",
		.enhanced = "5.7.23",
		.reply = "SPF softfail",
		.help = "The domain says that the client probably may not send for it; rejecting "
			"this loses honest mail"},
	[CHECK_NEUTRAL] = {.name = "neutral",
		.fail = ACTION_OFF,
		.code = "550",
		.enhanced = "5.7.23",
		.reply = "SPF neutral",
		.help = "The domain says nothing about this client (RFC 7208 section 8.2: treat "
			"as none)"},
	[CHECK_NONE] = {.name = "none",
		.fail = ACTION_OFF,
		.code = "550",
		.enhanced = "5.7.23",
		.reply = "no SPF record that says who may send",
		.help = "The domain has no SPF record, or one that passes nearly everybody"},
	[CHECK_PERMERROR] = {.name = "permerror",
		.fail = ACTION_OFF,
		.code = "550",
		.enhanced = "5.7.24",
		.reply = "the SPF record cannot be evaluated",
		.help = "The domain's SPF record is wrong"},
	[CHECK_NO_MAIL] = {.name = "no_mail",
		.fail = ACTION_REJECT,
		.code = "550",
		.enhanced = "5.7.23",
		.reply = "SPF fail, the domain sends no mail",
		.help = "The record is v=spf1 -all: the domain, or HELO name, never sends mail"},
	[CHECK_HELO_FAIL] = {.name = "helo_fail",
		.fail = ACTION_REJECT,
		.can_temperror = true,
		.code = "550",
		.enhanced = "5.7.23",
		.reply = "SPF fail of the HELO name",
		.help = "The HELO name says that the client may not use it"},
	[CHECK_HELO_SOFTFAIL] = {.name = "helo_softfail",
		.fail = ACTION_OFF,
		.code = "550",
		.enhanced = "5.7.23",
		.reply = "SPF softfail of the HELO name",
		.help = "The HELO name says that the client probably may not use it"},
	{.name = NULL},
};

struct spf_options {
	bool defer_to_dmarc;
};

static const struct setting spf_settings[] = {
	{.name = "defer_to_dmarc",
		.type = SETTING_BOOL,
		.offset = offsetof(struct spf_options, defer_to_dmarc),
		.default_text = "no",
		.help = "Hold a fail of the reverse-path (fail, no_mail) back until the end of the "
			"message: where DMARC passes then, by a DKIM signature (see "
			"trusted_authserv_ids), the message is let through"},
	{.name = NULL},
};

/* A fail that is held back; its check. */
struct spf_state {
	bool held;
	unsigned check;
};

static bool any_on(const struct call *call, const unsigned *checks)
{
	for (; *checks != CHECK_NUMBER; checks++)
		if (check_is_on(call, *checks))
			return true;
	return false;
}

static const unsigned helo_checks[] = {
	CHECK_HELO_FAIL, CHECK_HELO_SOFTFAIL, CHECK_NO_MAIL, CHECK_NUMBER};
static const unsigned sender_checks[] = {CHECK_FAIL, CHECK_SOFTFAIL, CHECK_NEUTRAL, CHECK_NONE,
	CHECK_PERMERROR, CHECK_NO_MAIL, CHECK_NUMBER};

static void spf_announce_helo(struct call *call)
{
	if (any_on(call, helo_checks))
		session_helo_spf(call->session);
}

static void spf_announce_mail(struct call *call)
{
	if (any_on(call, sender_checks))
		session_sender_spf(call->session);
}

/* The check that speaks for a result; CHECK_NUMBER: none does. */
static unsigned check_of(const struct spf *spf)
{
	bool helo = spf->identity == SPF_HELO;

	switch (spf->result) {
	case SPF_FAIL:
		if (spf->no_mail)
			return CHECK_NO_MAIL;
		return helo ? CHECK_HELO_FAIL : CHECK_FAIL;
	case SPF_SOFTFAIL:
		return helo ? CHECK_HELO_SOFTFAIL : CHECK_SOFTFAIL;
	case SPF_NEUTRAL:
		return helo ? CHECK_NUMBER : CHECK_NEUTRAL;
	case SPF_PERMERROR:
		return helo ? CHECK_NUMBER : CHECK_PERMERROR;
	case SPF_NONE:
		return helo ? CHECK_NUMBER : CHECK_NONE;
	case SPF_PASS:
		return spf->over_broad && !helo ? CHECK_NONE : CHECK_NUMBER;
	case SPF_TEMPERROR:
		break;
	}
	return CHECK_NUMBER;
}

/* The explanation is the domain's word, not ours (RFC 7208 6.2). */
static void add_explanation(struct finding *finding, const struct spf *spf)
{
	struct text reply;

	if (finding == NULL || spf->explanation[0] == '\0')
		return;
	text_init(&reply, finding->reply, sizeof(finding->reply));
	text_addf(&reply, "%s explains: %s", spf->domain, spf->explanation);
}

/* What the administrator of the domain would have to change. */
static const char *what_would_be_right(const struct spf *spf)
{
	switch (spf->result) {
	case SPF_PASS:
		return "it passes nearly everybody, which proves nothing; a record of the own "
		       "networks would be right";
	case SPF_NONE:
		return "a record that names the client would be right";
	case SPF_PERMERROR:
		return "a record without that error would be right";
	default:
		return spf->no_mail ? "the domain sends no mail; one that does would be right"
				    : "a term that passes the client would be right";
	}
}

static void report_result(struct call *call, const struct spf *spf, unsigned main_check)
{
	unsigned check = check_of(spf);
	const char *identity = spf->identity == SPF_HELO ? "HELO" : "sender";
	char client[IPADDR_TEXT_SIZE];
	struct finding *finding;

	ipaddr_format(&spf->client, client);
	if (check != main_check)
		report(call, main_check,
			spf->result == SPF_PASS && !spf->over_broad ? RESULT_PASS : RESULT_NONE,
			"SPF %s of %s %s for %s: %s", spf_result_name(spf->result), identity,
			spf->domain, client, spf->evidence);
	if (check == CHECK_NUMBER)
		return;
	finding = report(call, check, RESULT_FAIL, "SPF %s of %s %.100s for %s: %.160s; %s",
		spf_result_name(spf->result), identity, spf->domain, client, spf->evidence,
		what_would_be_right(spf));
	if (spf->result == SPF_FAIL)
		add_explanation(finding, spf);
}

/* True when the fail of SPF shall not count before DMARC is known. */
static bool hold_back(struct call *call, const struct spf *spf)
{
	const struct spf_options *options = call->options;
	struct spf_state *state = call->state[SCOPE_TRANSACTION];
	unsigned check = check_of(spf);

	if (!options->defer_to_dmarc || spf->result != SPF_FAIL || spf->identity != SPF_MAILFROM ||
		call->fail_actions[check] <= ACTION_MONITOR)
		return false;
	*state = (struct spf_state){.held = true, .check = check};
	report_action(call, check, RESULT_FAIL, ACTION_MONITOR, NULL,
		"SPF fail of sender %.100s: %.200s; held back until DMARC decides", spf->domain,
		spf->evidence);
	return true;
}

static void judge(struct call *call, const struct inquiry *started, const struct spf *spf,
	unsigned main_check)
{
	if (started == NULL)
		report(call, main_check, RESULT_NONE, "there is no domain to ask SPF of");
	else if (spf == NULL)
		report(call, main_check, RESULT_TEMPERROR, "SPF: no answer in time");
	else if (spf->result == SPF_TEMPERROR || spf->uncertain)
		report(call, main_check, RESULT_TEMPERROR, "SPF %s of %s: %s%s",
			spf_result_name(spf->result), spf->domain, spf->evidence,
			spf->uncertain ? "; not all names of the client could be asked about" : "");
	else if (!hold_back(call, spf))
		report_result(call, spf, main_check);
}

static void spf_judge_helo(struct call *call)
{
	struct session *session = call->session;

	if (any_on(call, helo_checks))
		judge(call, session_helo_spf(session),
			session_helo_spf_result(session, call->deadline_ms), CHECK_HELO_FAIL);
}

static void spf_judge_mail(struct call *call)
{
	struct session *session = call->session;

	if (any_on(call, sender_checks))
		judge(call, session_sender_spf(session),
			session_sender_spf_result(session, call->deadline_ms), CHECK_FAIL);
}

/* What was held back. Without a pass of DMARC it is as if nothing had been. */
static void spf_judge_eom(struct call *call)
{
	const struct spf_state *state = call->state[SCOPE_TRANSACTION];
	const struct dmarc_outcome *dmarc;
	const struct spf *spf;
	struct finding *finding;

	if (!state->held)
		return;
	spf = session_sender_spf_result(call->session, call->deadline_ms);
	dmarc = author_dmarc(call->session, call->deadline_ms);
	if (dmarc->result == RESULT_PASS) {
		report_action(call, state->check, RESULT_PASS, ACTION_MONITOR, NULL,
			"SPF fail of sender %.100s, but DMARC passes: %s", spf->domain,
			dmarc->evidence);
		return;
	}
	finding = report_action(call, state->check,
		dmarc->result == RESULT_TEMPERROR ? RESULT_TEMPERROR : RESULT_FAIL,
		call->fail_actions[state->check], NULL,
		"SPF fail of sender %.100s: %.130s; DMARC %s: %s", spf->domain, spf->evidence,
		result_name(dmarc->result), dmarc->evidence);
	add_explanation(finding, spf);
}

static bool spf_wants(const void *options_given, size_t option_count, enum stage stage)
{
	const struct spf_options *options = options_given;

	(void)option_count;
	return options->defer_to_dmarc || (stage != STAGE_HEADER && stage != STAGE_EOM);
}

static void spf_advise(const struct call *call, const struct site *site,
	void (*warn)(void *context, const char *setting, const char *text), void *context)
{
	const struct spf_options *options = call->options;

	if (options->defer_to_dmarc && site->trusted_authserv_ids == NULL)
		warn(context, "defer_to_dmarc",
			"defer_to_dmarc waits for DKIM, and trusted_authserv_ids names no filter "
			"that verifies it: every fail is only answered later");
	if (call->fail_actions[CHECK_SOFTFAIL] == ACTION_REJECT)
		warn(context, "softfail",
			"softfail = reject loses honest mail: the domain itself asks for no more "
			"than suspicion (RFC 7208 section 8.5); use suspect or tag");
	if (call->fail_actions[CHECK_HELO_SOFTFAIL] == ACTION_REJECT)
		warn(context, "helo_softfail",
			"helo_softfail = reject loses honest mail (RFC 7208 section 8.5); use "
			"suspect or tag");
	if (call->fail_actions[CHECK_NONE] == ACTION_REJECT)
		warn(context, "none",
			"none = reject refuses every domain without an SPF record; use suspect");
	if (call->fail_actions[CHECK_NEUTRAL] == ACTION_REJECT)
		warn(context, "neutral",
			"neutral = reject breaks RFC 7208 section 8.2, which treats it as none; "
			"use suspect or off");
}

const struct policy policy_spf = {
	.name = "spf",
	.summary = "the client must be allowed by the SPF records of HELO name and sender",
	.checks = spf_checks,
	.settings = spf_settings,
	.options_size = sizeof(struct spf_options),
	.state_size = {[SCOPE_TRANSACTION] = sizeof(struct spf_state)},
	.exempt_by = EXEMPT_ALL,
	.reserved_mailboxes_exempt = true,
	.reads_header = true,
	.wants = spf_wants,
	.announce = {[STAGE_HELO] = spf_announce_helo, [STAGE_MAIL] = spf_announce_mail},
	.judge = {[STAGE_HELO] = spf_judge_helo,
		[STAGE_MAIL] = spf_judge_mail,
		[STAGE_EOM] = spf_judge_eom},
	.advise = spf_advise,
};
