/* SPDX-License-Identifier: BSD-2-Clause */
/* Nobody unknown, nobody else's mail: the form of a forward-path, relaying, unknown recipients. */
#include <stdio.h>
#include <string.h>

#include "exemption.h"
#include "policy.h"
#include "recipient_domain.h"
#include "recipient_options.h"
#include "text.h"

enum {
	CHECK_INVALID,
	CHECK_AMBIGUOUS,
	CHECK_RELAY,
	CHECK_UNKNOWN,
	CHECK_UNVERIFIED,
	CHECK_NOT_OWNER
};

static const struct check recipient_checks[] = {
	[CHECK_INVALID] = {.name = "invalid",
		.fail = ACTION_REJECT,
		.code = "553",
		.enhanced = "5.1.3",
		.reply = "not a valid recipient address",
		.help = "The forward-path breaks the grammar of RFC 5321 4.1.2"},
	[CHECK_AMBIGUOUS] = {.name = "ambiguous",
		.fail = ACTION_REJECT,
		.code = "553",
		.enhanced = "5.1.3",
		.reply = "ambiguous recipient address",
		.help = "A mail server could read the recipient address in more than one way (%, "
			"!, "
			"quoted @), or the MTA reads it differently"},
	[CHECK_RELAY] = {.name = "relay",
		.fail = ACTION_REJECT,
		.code = "550",
		.enhanced = "5.7.1",
		.reply = "relaying denied",
		.help = "The recipient is outside local_domains and relay_domains, and the client "
			"may "
			"not relay"},
	[CHECK_UNKNOWN] = {.name = "unknown",
		.fail = ACTION_REJECT,
		.code = "550",
		.enhanced = "5.1.1",
		.reply = "Unknown local user",
		.help = "No source that covers the recipient's domain has the address"},
	[CHECK_UNVERIFIED] = {.name = "unverified",
		.fail = ACTION_MONITOR,
		.code = "550",
		.tempfail_code = "450",
		.enhanced = "5.1.1",
		.reply = "the recipient cannot be verified now",
		.help = "No source knows the recipient, and one could not be asked; tempfail is "
			"the "
			"hardest that comes of it"},
	[CHECK_NOT_OWNER] = {.name = "not_owner",
		.fail = ACTION_REJECT,
		.code = "553",
		.enhanced = "5.7.1",
		.reply = "the sender address belongs to another user",
		.help = "The reverse-path of an authenticated user is none of those that "
			"sender_login "
			"gives to it"},
	{.name = NULL},
};

/* A call-ahead whose target is an MTA on this host that asks this filter. */
static bool is_own_call_ahead(const struct session *session)
{
	char own[DOMAIN_SIZE];

	return session->transaction.reverse_path.null &&
	       domain_canonical(session->site->hostname, own) && strcmp(session->helo, own) == 0 &&
	       site_is_own_address(session->site, &session->client);
}

static void look_up(struct call *call, const struct path *path, struct recipient_look *look_r)
{
	const struct recipient_options *options = call->options;
	const struct session *session = call->session;
	const struct callahead_question question = {
		.store = session->services->store,
		.resolver = session->services->resolver,
		.our_name = session->site->hostname,
		.path = path,
		.deadline_ms = call->deadline_ms,
		.dry_run = session->dry_run,
		.from_us = is_own_call_ahead(session),
	};

	recipient_directory_look_up(options->directory, &question, look_r);
}

/* Judging. ------------------------------------------------------------------------------------- */

static bool is_ours(const struct site *site, const char *domain)
{
	return ascii_equal(domain, site->hostname) || site_is_local_domain(site, domain) ||
	       site_is_relay_domain(site, domain);
}

static bool goes_to_us(const struct site *site, const struct path *path)
{
	if (path->literal.family != IP_NONE)
		return site_is_own_address(site, &path->literal);
	if (path->domain[0] == '\0')
		return true; /* bare <postmaster> */
	return is_ours(site, path->domain);
}

/* Without domains of ours there is nothing to tell relaying by; the MTA does then. */
static bool relay_is_known(const struct site *site)
{
	return !matchlist_is_empty(site->local_domains) || !matchlist_is_empty(site->relay_domains);
}

/* False when the MTA names another domain for a path that leaves room for reading. For a plain one
 * it may: the administrator's own virtual domains lead elsewhere. */
static bool mta_agrees(const struct recipient *recipient)
{
	const char *at = strrchr(recipient->mta_address, '@');
	char domain[DOMAIN_SIZE];
	struct ipaddr literal;

	if (!recipient->path.quoted || at == NULL)
		return true;
	if (domain_parse_literal(at + 1, &literal))
		return ipaddr_equal(&literal, &recipient->path.literal);
	return domain_canonical(at + 1, domain) && strcmp(domain, recipient->path.domain) == 0;
}

/* Hosts of ours may leave the domain to the MTA: <root>. */
static bool is_bare_name_of_trusted(const struct call *call, const struct recipient *recipient)
{
	return (call->session->exemptions & EXEMPT_MAY_RELAY) != 0 && !recipient->cut &&
	       recipient->error != PATH_OK && strchr(recipient->raw, '@') == NULL &&
	       strpbrk(recipient->raw, "%!") == NULL;
}

/* True when a check has failed. */
static bool judge_form(struct call *call, const struct recipient *recipient)
{
	const struct site *site = call->session->site;
	const struct path *path = &recipient->path;

	if (recipient->error != PATH_OK || recipient->cut) {
		report(call, CHECK_INVALID, RESULT_FAIL, "%s",
			path_error_text(recipient->cut ? PATH_TOO_LONG : recipient->error));
		return true;
	}
	report(call, CHECK_INVALID, RESULT_PASS, "RCPT TO:%s", recipient->raw);
	if ((call->session->exemptions & EXEMPT_MAY_RELAY) != 0)
		return false;
	if (path->routed && relay_is_known(site) && !is_ours(site, path->routed_domain)) {
		report(call, CHECK_RELAY, RESULT_FAIL, "it could be sent on to %s",
			path->routed_domain);
		return check_is_on(call, CHECK_RELAY);
	}
	if (path->routed) {
		report(call, CHECK_AMBIGUOUS, RESULT_FAIL, "it could be read as mail for %s",
			path->routed_domain);
		return check_is_on(call, CHECK_AMBIGUOUS);
	}
	if (mta_agrees(recipient))
		return false;
	report(call, CHECK_AMBIGUOUS, RESULT_FAIL, "the MTA reads it as %s",
		recipient->mta_address);
	return check_is_on(call, CHECK_AMBIGUOUS);
}

static void judge_relay(struct call *call, const struct recipient *recipient)
{
	const struct path *path = &recipient->path;
	bool is_delivered = strcmp(recipient->mta_mailer, "local") == 0 ||
			    strcmp(recipient->mta_mailer, "virtual") == 0;
	struct finding *finding;
	char text[PATH_SIZE];

	finding = report(call, CHECK_RELAY, RESULT_FAIL, "%s is in none of our domains%s",
		path_format(path, text),
		is_delivered ? ", though the MTA would deliver it here; is its domain missing in "
			       "local_domains?"
			     : "");
	if (finding != NULL)
		snprintf(finding->reply, sizeof(finding->reply), "%s is not a domain of ours",
			path->domain[0] == '\0' ? "the address literal" : path->domain);
}

/* What the administrator wants done about an outage; never a 5yz. */
static void report_unverified(
	struct call *call, const struct recipient_look *look, const struct path *path)
{
	static const enum action actions[] = {
		[RECIPIENT_OUTAGE_CHECK] = ACTION_OFF,
		[RECIPIENT_OUTAGE_ACCEPT] = ACTION_MONITOR,
		[RECIPIENT_OUTAGE_TEMPFAIL] = ACTION_TEMPFAIL,
		[RECIPIENT_OUTAGE_BACKUP] = ACTION_MONITOR,
	};
	enum recipient_outage outage = look->rules->outage;
	struct finding *finding;
	char text[PATH_SIZE];

	path_format(path, text);
	finding = report_action(call, CHECK_UNVERIFIED, RESULT_TEMPERROR,
		outage == RECIPIENT_OUTAGE_CHECK ? call->fail_actions[CHECK_UNVERIFIED]
						 : actions[outage],
		NULL, "%s cannot tell about %s: %s", look->source, text, look->why);
	/* The client learns nothing of what stands behind us. */
	if (finding != NULL)
		text_escape(text, finding->reply, sizeof(finding->reply));
}

static void judge_known(struct call *call, const struct path *path)
{
	struct finding *finding;
	struct recipient_look look;
	char text[PATH_SIZE];

	if (!check_is_on(call, CHECK_UNKNOWN))
		return;
	if (path_is_postmaster(path)) {
		report(call, CHECK_UNKNOWN, RESULT_PASS, "postmaster is always known");
		return;
	}
	look_up(call, path, &look);
	switch (look.known) {
	case RECIPIENT_NOT_ASKED:
		report(call, CHECK_UNKNOWN, RESULT_NONE, "no source covers the domain");
		break;
	case RECIPIENT_KNOWN:
		report(call, CHECK_UNKNOWN, RESULT_PASS, "known by %s",
			look.source == NULL ? "catch_all" : look.source);
		break;
	case RECIPIENT_ANY:
		report(call, CHECK_UNVERIFIED, RESULT_NONE, "%s takes any recipient", look.source);
		break;
	case RECIPIENT_UNSURE:
		report_unverified(call, &look, path);
		break;
	case RECIPIENT_UNKNOWN:
		finding = report(call, CHECK_UNKNOWN, RESULT_FAIL, "no source has %s",
			path_format(path, text));
		if (finding != NULL)
			snprintf(finding->reply, sizeof(finding->reply), "%s",
				finding->evidence + strlen("no source has "));
		break;
	}
}

static void judge_rcpt(struct call *call)
{
	const struct session *session = call->session;
	const struct recipient *recipient = session->recipient;

	/* The MTA has refused it already (SMFIP_RCPT_REJ). */
	if (strcmp(recipient->mta_mailer, "error") == 0 || exemption_is_local_submission(session) ||
		is_bare_name_of_trusted(call, recipient) || judge_form(call, recipient))
		return;
	if (!goes_to_us(session->site, &recipient->path)) {
		if (relay_is_known(session->site) && (session->exemptions & EXEMPT_MAY_RELAY) == 0)
			judge_relay(call, recipient);
		return;
	}
	report(call, CHECK_RELAY, RESULT_PASS, "it is for us");
	judge_known(call, &recipient->path);
}

/* Whoever is authenticated speaks for itself only. */
static void judge_mail(struct call *call)
{
	const struct recipient_options *options = call->options;
	const struct session *session = call->session;
	const struct transaction *transaction = &session->transaction;
	char user[MACRO_SIZE];

	if (options->owners == NULL || session->auth_user[0] == '\0' ||
		(transaction->error == PATH_OK && !transaction->cut &&
			sender_login_allows(
				options->owners, session->auth_user, &transaction->reverse_path)))
		return;
	report(call, CHECK_NOT_OWNER, RESULT_FAIL, "%s is not given to user %s", transaction->raw,
		text_escape(session->auth_user, user, sizeof(user)));
}

/* A domain that is forgotten elsewhere. */
static void advise_sources(const struct recipient_options *options, const struct site *site,
	void (*warn)(void *context, const char *setting, const char *text), void *context)
{
	char domain[DOMAIN_SIZE];
	char text[512];

	for (char **source = options->settings.sources; source != NULL && *source != NULL;
		source++) {
		if (recipient_domain_read(*source, domain) == NULL || domain[0] == '\0' ||
			domain[0] == '.' || is_ours(site, domain))
			continue;
		snprintf(text, sizeof(text),
			"\"%.250s\" is of no use, since mail for %.150s is refused as relaying; "
			"write it into local_domains or relay_domains",
			*source, domain);
		warn(context, "sources", text);
	}
}

static void advise_empty(const struct recipient_options *options,
	void (*warn)(void *context, const char *setting, const char *text), void *context)
{
	char text[512];
	bool alone;

	for (size_t i = 0; options->directory != NULL && options->settings.sources != NULL &&
			   options->settings.sources[i] != NULL;
		i++) {
		if (!recipient_directory_is_empty(options->directory, i, &alone))
			continue;
		snprintf(text, sizeof(text),
			alone ? "\"%.300s\" holds nobody, so every recipient there is unknown; "
				"fill "
				"it, or leave the source out"
			      : "\"%.300s\" holds nobody, so it is of no use; fill it, or leave "
				"the "
				"source out",
			options->settings.sources[i]);
		warn(context, "sources", text);
	}
}

static void advise(const struct call *call, const struct site *site,
	void (*warn)(void *context, const char *setting, const char *text), void *context)
{
	if (relay_is_known(site) && (call->fail_actions[CHECK_RELAY] < ACTION_TEMPFAIL ||
					    check_is_on_trial(call, CHECK_RELAY)))
		warn(context, "relay",
			"relay lets strangers send anywhere unless the MTA itself stops them; use "
			"reject");
	if (relay_is_known(site) && check_is_on(call, CHECK_RELAY))
		advise_sources(call->options, site, warn, context);
	advise_empty(call->options, warn, context);
	if (call->fail_actions[CHECK_UNVERIFIED] == ACTION_REJECT)
		warn(context, "unverified",
			"unverified does no more than tempfail, since it is our trouble, not the "
			"sender's; use tempfail");
}

const struct policy policy_recipient = {
	.name = "recipient",
	.summary = "relaying, unknown recipients, and the form of their addresses",
	.checks = recipient_checks,
	.settings = recipient_settings,
	.options_size = sizeof(struct recipient_options),
	.judge = {[STAGE_MAIL] = judge_mail, [STAGE_RCPT] = judge_rcpt},
	.verify = recipient_verify,
	.advise = advise,
	.prepare = recipient_prepare,
	.complete = recipient_complete,
	.clear = recipient_clear,
};
