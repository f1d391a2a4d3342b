/* SPDX-License-Identifier: BSD-2-Clause */
/* The author that a reader is shown (From): whether the sender may speak for it, and whether its domain
 * or its name only looks like one that is known. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "author.h"
#include "display_name.h"
#include "exemption.h"
#include "log.h"
#include "look_alike.h"
#include "mem.h"
#include "name_claim.h"
#include "policy.h"
#include "sender_login.h"
#include "text.h"

enum {
	CHECK_OWN_DOMAIN,
	CHECK_UNALIGNED,
	CHECK_NOT_OWNER,
	CHECK_DISPLAY_NAME,
	CHECK_REPLY_TO,
	CHECK_LOOK_ALIKE
};

static const struct check from_checks[] = {
	[CHECK_OWN_DOMAIN] = {.name = "own_domain",
		.fail = ACTION_MONITOR,
		.can_temperror = true,
		.code = "550",
		.enhanced = "5.7.1",
		.reply = "the domain of From is ours",
		.help = "From has a domain of ours, the message comes from outside, and neither "
			"SPF "
			"nor a DKIM signature ties the sender to it"},
	[CHECK_UNALIGNED] = {.name = "unaligned",
		.fail = ACTION_OFF,
		.can_temperror = true,
		.code = "550",
		.enhanced = "5.7.1",
		.reply = "nothing ties the sender to the domain of From",
		.help = "Neither the reverse-path that passes SPF nor a verified DKIM signature is "
			"of the organization of From; a good part of honest mail is so"},
	[CHECK_NOT_OWNER] = {.name = "not_owner",
		.fail = ACTION_REJECT,
		.code = "553",
		.enhanced = "5.7.1",
		.reply = "the address in From belongs to another user",
		.help = "From of an authenticated user holds an address that sender_login does not "
			"give to it"},
	[CHECK_DISPLAY_NAME] = {.name = "display_name",
		.fail = ACTION_TAG,
		.code = "550",
		.enhanced = "5.7.1",
		.reply = "the name in From is another sender's",
		.help = "The display name of From shows an address of another organization, or one "
			"of protected_names, and the address is foreign"},
	[CHECK_REPLY_TO] = {.name = "reply_to",
		.fail = ACTION_TAG,
		.code = "550",
		.enhanced = "5.7.1",
		.reply = "answers go to another organization",
		.help = "Reply-To leads to another organization than From"},
	[CHECK_LOOK_ALIKE] = {.name = "look_alike",
		.fail = ACTION_TAG,
		.code = "550",
		.enhanced = "5.7.1",
		.reply = "the domain in From can be taken for another one",
		.help = "The domain of From or Reply-To reads like one of ours or of "
			"protected_domains, begins with it, or is one letter away from it"},
	{.name = NULL},
};

struct from_options {
	bool own_subdomains;
	struct excuses excuses;
	struct matchlist *protected_domains;
	char **protected_names;
	char *sender_login;
	/* Made of them. */
	struct look_alikes *known; /* our domains and the protected ones */
	struct display_names *names; /* of protected_names */
	struct sender_login *owners; /* NULL: no map */
};

#define OPTION(member) offsetof(struct from_options, member)

static const struct setting from_settings[] = {
	{.name = "own_subdomains",
		.type = SETTING_BOOL,
		.offset = OPTION(own_subdomains),
		.default_text = "no",
		.follows = "sender",
		.help = "own_domain holds for all domains below local_domains too; not given: as "
			"in "
			"sender"},
	{.name = "exceptions",
		.type = SETTING_MATCHLIST,
		.offset = OPTION(excuses.exceptions),
		.default_text = "",
		.example = "{ 192.0.2.0/24, .newsletter.example, news@example.com }",
		.help = "Networks and confirmed names of clients, domains and addresses of From "
			"for "
			"which own_domain, unaligned and look_alike are only noted"},
	{.name = "lists",
		.type = SETTING_CHOICE,
		.offset = OPTION(excuses.lists),
		.default_text = "authenticated",
		.choices = list_excuse_words,
		.help = "Mail with list fields is tagged at most by own_domain and unaligned: "
			"where SPF passes for its reverse-path, any, or none"},
	{.name = "protected_domains",
		.type = SETTING_MATCHLIST,
		.kinds = MATCH_DOMAINS,
		.offset = OPTION(protected_domains),
		.default_text = "",
		.example = "{ bank.example, /etc/mailreeve/brands }",
		.follows = "sender",
		.help = "Domains beside local_domains and relay_domains that look_alike guards; "
			"not given: as in sender"},
	{.name = "protected_names",
		.type = SETTING_TEXTS,
		.offset = OPTION(protected_names),
		.default_text = "",
		.example = "{ \"Anna Example\", \"Example Bank\" }",
		.help = "Names of persons and brands that nobody but our own and the protected "
			"domains may show in From; all words of a name must stand there, in any "
			"order"},
	{.name = "sender_login",
		.type = SETTING_FILE,
		.offset = OPTION(sender_login),
		.default_text = "",
		.example = "\"/etc/mailreeve/sender_login\"",
		.follows = "recipient",
		.help = "Addresses that authenticated users may write in From, as sender_login of "
			"recipient has them for the reverse-path; not given: those"},
	{.name = NULL},
};

/* What is made of the settings. ---------------------------------------------------------------- */

static bool verify(const void *options_given, const struct site *site, const char **setting_r,
	char *why, size_t why_size)
{
	const struct from_options *options = options_given;
	struct sender_login *owners;

	(void)site;
	*setting_r = "protected_names";
	for (char **name = options->protected_names; name != NULL && *name != NULL; name++) {
		if (display_name_is_usable(*name))
			continue;
		snprintf(why, why_size,
			"protected_names: \"%s\" has no word of two letters or more; write a name "
			"like \"Anna Example\"",
			*name);
		return false;
	}
	*setting_r = "sender_login";
	if (options->sender_login == NULL)
		return true;
	owners = sender_login_load(options->sender_login, why, why_size);
	if (owners == NULL)
		return false;
	sender_login_free(&owners);
	return true;
}

static bool add_known(void *context, const char *domain)
{
	return look_alikes_add(context, domain);
}

static void prepare(void *options_given, const struct site *site)
{
	struct from_options *options = options_given;
	char why[SETTING_WHY_SIZE];

	options->names = display_names_create(options->protected_names);
	options->known = look_alikes_create();
	matchlist_each_domain(options->protected_domains, add_known, options->known);
	matchlist_each_domain(site->local_domains, add_known, options->known);
	matchlist_each_domain(site->relay_domains, add_known, options->known);
	if (options->sender_login == NULL)
		return;
	/* It could be read a moment ago. */
	options->owners = sender_login_load(options->sender_login, why, sizeof(why));
	if (options->owners == NULL)
		log_warning("sender_login: %s", why);
}

static void clear(void *options_given)
{
	struct from_options *options = options_given;

	display_names_free(&options->names);
	look_alikes_free(&options->known);
	sender_login_free(&options->owners);
}

/* Who is judged. ------------------------------------------------------------------------------- */

static bool is_outside(const struct session *session)
{
	return (session->exemptions & EXEMPT_MAY_RELAY) == 0 && session->client.family != IP_NONE;
}

static bool is_own_domain(const struct call *call, const char *domain)
{
	const struct from_options *options = call->options;

	return name_claim_is_own(call->session->site, domain, options->own_subdomains);
}

static const struct mailbox_list *author_of(const struct call *call)
{
	return &call->session->transaction.header->from;
}

static void announce_mail(struct call *call)
{
	if (is_outside(call->session) &&
		(check_is_on(call, CHECK_OWN_DOMAIN) || check_is_on(call, CHECK_UNALIGNED)))
		session_sender_spf(call->session);
}

/* Alignment. ----------------------------------------------------------------------------------- */

/* Whoever writes list fields gains a tag at best; what the administrator lists is only noted. */
static void report_excused(
	struct call *call, unsigned check, enum excuse excuse, const char *words, const char *found)
{
	enum action action = call->fail_actions[check];
	enum action most = excuse == EXCUSE_LIST ? ACTION_TAG : ACTION_MONITOR;

	if (excuse == EXCUSE_UNKNOWN)
		report_action(
			call, check, RESULT_TEMPERROR, action, NULL, "%.250s; %s", found, words);
	else
		report_action(call, check, RESULT_FAIL, action < most ? action : most, NULL,
			"%.200s; excused: %s", found, words);
}

static void report_unaligned(
	struct call *call, unsigned check, const struct alignment *alignment, const char *whose)
{
	const struct from_options *options = call->options;
	char words[EVIDENCE_SIZE], found[EVIDENCE_SIZE];
	enum excuse excuse;

	if (!check_is_on(call, check))
		return;
	snprintf(found, sizeof(found), "%s%.300s", whose, alignment->evidence);
	if (alignment->temporary) {
		report(call, check, RESULT_TEMPERROR, "%s", found);
		return;
	}
	excuse = author_excuse(call->session, &options->excuses, call->deadline_ms, words);
	if (excuse != EXCUSE_NONE)
		report_excused(call, check, excuse, words, found);
	else
		report(call, check, RESULT_FAIL,
			"%s; a reverse-path or signature of the organization, or authentication, "
			"would be right",
			found);
}

/* Any of several, and of an ambiguous From any that could be read. */
static bool shows_own_domain(const struct call *call)
{
	const struct mailbox_list *from = author_of(call);

	for (size_t i = 0; i < from->kept; i++)
		if (from->items[i].domain[0] != '\0' && is_own_domain(call, from->items[i].domain))
			return true;
	return false;
}

static void judge_alignment(struct call *call)
{
	bool own = shows_own_domain(call);
	struct alignment alignment;

	if (!check_is_on(call, CHECK_UNALIGNED) && !(own && check_is_on(call, CHECK_OWN_DOMAIN)))
		return;
	author_alignment(call->session, call->deadline_ms, &alignment);
	if (author_is_aligned(&alignment)) {
		report(call, own ? CHECK_OWN_DOMAIN : CHECK_UNALIGNED, RESULT_PASS, "%s",
			alignment.evidence);
		return;
	}
	report_unaligned(call, CHECK_UNALIGNED, &alignment, "");
	if (own)
		report_unaligned(call, CHECK_OWN_DOMAIN, &alignment, "ours, ");
}

/* Whoever is authenticated speaks for itself only. */
static void judge_owner(struct call *call)
{
	const struct from_options *options = call->options;
	const struct session *session = call->session;
	const struct mailbox_list *from = author_of(call);
	char user[MACRO_SIZE];

	if (options->owners == NULL || session->auth_user[0] == '\0' ||
		!check_is_on(call, CHECK_NOT_OWNER))
		return;
	text_escape(session->auth_user, user, sizeof(user));
	if (session->transaction.header->counts[HEADER_FROM] != 1 || from->kept < from->count ||
		mailbox_list_is_ambiguous(from) || from->count == 0) {
		report(call, CHECK_NOT_OWNER, RESULT_FAIL,
			"From names nobody for sure, and user %s may only write its own addresses",
			user);
		return;
	}
	for (size_t i = 0; i < from->kept; i++) {
		const struct mailbox *mailbox = &from->items[i];

		if (!mailbox->path.null &&
			sender_login_allows(options->owners, session->auth_user, &mailbox->path))
			continue;
		report(call, CHECK_NOT_OWNER, RESULT_FAIL, "From <%.150s> is not given to user %s",
			mailbox->address, user);
		return;
	}
	report(call, CHECK_NOT_OWNER, RESULT_PASS, "From is given to user %s", user);
}

/* What a reader is shown. ---------------------------------------------------------------------- */

static void judge_name(struct call *call, const struct mailbox *mailbox)
{
	const struct from_options *options = call->options;
	char domain[DOMAIN_SIZE];
	const char *name;

	if (!check_is_on(call, CHECK_DISPLAY_NAME) || mailbox->domain[0] == '\0')
		return;
	if (display_name_address(mailbox->name, domain) &&
		!domain_same_organization(domain, mailbox->domain)) {
		report(call, CHECK_DISPLAY_NAME, RESULT_FAIL,
			"From shows \"%.100s\", and the address is <%.100s>; a name without an "
			"address would be right",
			mailbox->name, mailbox->address);
		return;
	}
	name = display_names_match(options->names, mailbox->name);
	if (name == NULL || is_own_domain(call, mailbox->domain) ||
		look_alikes_know(options->known, mailbox->domain))
		return;
	report(call, CHECK_DISPLAY_NAME, RESULT_FAIL,
		"From shows \"%.100s\", which is %.60s of protected_names, and the address "
		"<%.100s> is foreign",
		mailbox->name, name, mailbox->address);
}

static void judge_reply_to(struct call *call, const char *domain)
{
	const struct mailbox_list *reply_to = &call->session->transaction.header->reply_to;

	for (size_t i = 0; i < reply_to->kept && check_is_on(call, CHECK_REPLY_TO); i++) {
		const char *other = reply_to->items[i].domain;

		if (other[0] == '\0' || domain_same_organization(other, domain))
			continue;
		report(call, CHECK_REPLY_TO, RESULT_FAIL,
			"From is of %s, and answers go to %s; the same organization would be right",
			domain, other);
		return;
	}
}

static void report_look_alike(struct call *call, const char *field, const char *domain,
	enum look_alike kind, const char *like)
{
	const struct from_options *options = call->options;
	char unicode[DOMAIN_SIZE], words[EVIDENCE_SIZE], found[EVIDENCE_SIZE];
	struct excuses exceptions = {options->excuses.exceptions, LISTS_NONE};
	enum excuse excuse = author_excuse(call->session, &exceptions, call->deadline_ms, words);

	domain_unicode(domain, unicode, sizeof(unicode));
	snprintf(found, sizeof(found), "%s: %.120s%s%.120s%s %s %.120s", field, domain,
		strcmp(unicode, domain) == 0 ? "" : " (",
		strcmp(unicode, domain) == 0 ? "" : unicode,
		strcmp(unicode, domain) == 0 ? "" : ")", look_alike_text(kind), like);
	if (excuse == EXCUSE_EXCEPTION)
		report_excused(call, CHECK_LOOK_ALIKE, excuse, words, found);
	else
		report(call, CHECK_LOOK_ALIKE, RESULT_FAIL, "%s", found);
}

static bool judge_look(struct call *call, const char *field, const char *domain)
{
	const struct from_options *options = call->options;
	enum look_alike kind;
	const char *like;

	if (domain[0] == '\0' || is_own_domain(call, domain))
		return false;
	kind = look_alikes_find(options->known, domain, &like);
	if (kind == LOOK_ALIKE_NONE)
		return false;
	report_look_alike(call, field, domain, kind, like);
	return true;
}

static void judge_look_alike(struct call *call)
{
	const struct header_section *header = call->session->transaction.header;
	const struct mailbox_list *from = &header->from, *reply_to = &header->reply_to;

	if (!check_is_on(call, CHECK_LOOK_ALIKE))
		return;
	for (size_t i = 0; i < from->kept; i++)
		if (judge_look(call, "From", from->items[i].domain))
			return;
	for (size_t i = 0; i < reply_to->kept; i++) {
		const char *domain = reply_to->items[i].domain;
		enum look_alike kind;

		if (judge_look(call, "Reply-To", domain))
			return;
		if (from->kept == 0 || domain[0] == '\0' || from->items[0].domain[0] == '\0')
			continue;
		kind = look_alike_of(domain, from->items[0].domain);
		if (kind == LOOK_ALIKE_NONE)
			continue;
		report_look_alike(call, "Reply-To", domain, kind, from->items[0].domain);
		return;
	}
}

static void judge_eom(struct call *call)
{
	const struct mailbox_list *from = author_of(call);
	const char *why, *domain = author_domain(call->session, &why);

	judge_owner(call);
	if (!is_outside(call->session))
		return;
	judge_alignment(call);
	for (size_t i = 0; i < from->kept; i++)
		judge_name(call, &from->items[i]);
	if (domain[0] != '\0')
		judge_reply_to(call, domain);
	judge_look_alike(call);
}

static void advise(const struct call *call, const struct site *site,
	void (*warn)(void *context, const char *setting, const char *text), void *context)
{
	const struct from_options *options = call->options;

	if (call->fail_actions[CHECK_UNALIGNED] >= ACTION_TEMPFAIL)
		warn(context, "unaligned",
			"unaligned refuses honest mail: many send through a provider whose domain "
			"is in the reverse-path; use tag");
	if (call->fail_actions[CHECK_OWN_DOMAIN] >= ACTION_TEMPFAIL &&
		site->trusted_authserv_ids == NULL)
		warn(context, "own_domain",
			"own_domain refuses mail of our users that comes back through lists and "
			"forwarders, since trusted_authserv_ids names no filter that verifies "
			"DKIM");
	if (options->excuses.lists == LISTS_ANY &&
		call->fail_actions[CHECK_OWN_DOMAIN] > ACTION_TAG)
		warn(context, "lists",
			"lists = any lets anybody use our domains who writes a List-Id; use "
			"authenticated");
}

const struct policy policy_from = {
	.name = "from",
	.summary = "the author that readers are shown: whose it is, and what it looks like",
	.checks = from_checks,
	.settings = from_settings,
	.options_size = sizeof(struct from_options),
	.exempt_by = EXEMPT_ALLOWED,
	.reserved_mailboxes_exempt = true,
	.reads_header = true,
	.announce = {[STAGE_MAIL] = announce_mail},
	.judge = {[STAGE_EOM] = judge_eom},
	.verify = verify,
	.advise = advise,
	.prepare = prepare,
	.clear = clear,
};
