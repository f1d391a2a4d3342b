/* SPDX-License-Identifier: BSD-2-Clause */
/* Nobody unknown, nobody else's mail: the form of a forward-path, relaying, unknown recipients. */
#include <stdio.h>
#include <string.h>

#include "exemption.h"
#include "log.h"
#include "mem.h"
#include "policy.h"
#include "recipient_table.h"
#include "text.h"

enum { CHECK_INVALID, CHECK_AMBIGUOUS, CHECK_RELAY, CHECK_UNKNOWN };

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
		.can_temperror = true,
		.code = "550",
		.enhanced = "5.1.1",
		.reply = "Unknown local user",
		.help = "No source that covers the recipient's domain has the address"},
	{.name = NULL},
};

/* One entry of `sources`. */
struct source {
	char domain[DOMAIN_SIZE]; /* canonical; "" covers every domain */
	char *file;
	struct recipient_table *table; /* NULL: could not be read */
};

struct recipient_options {
	char **sources;
	char *extension;
	bool case_sensitive;
	struct source *prepared;
	size_t source_count;
};

static const struct setting recipient_settings[] = {
	{.name = "sources",
		.type = SETTING_TEXTS,
		.offset = offsetof(struct recipient_options, sources),
		.default_text = "",
		.example = "{ \"example.org file:/etc/mailreeve/recipients\" }",
		.help = "Who is known, as \"DOMAIN file:/path\" (\"*\" for every domain); a domain "
			"without a source is not checked"},
	{.name = "extension",
		.type = SETTING_TEXT,
		.offset = offsetof(struct recipient_options, extension),
		.default_text = "+",
		.help = "Characters that begin an address extension: user+list is known where user "
			"is; "
			"empty for none"},
	{.name = "case_sensitive",
		.type = SETTING_BOOL,
		.offset = offsetof(struct recipient_options, case_sensitive),
		.default_text = "no",
		.help = "Local-parts of the sources match only in the same case"},
	{.name = NULL},
};

/* Sources. ------------------------------------------------------------------------------------- */

/* What is wrong with TEXT ("DOMAIN file:/path"), or NULL. */
static const char *parse_source(const char *text, struct source *source)
{
	size_t length = strcspn(text, " \t");
	const char *kind = text + length + strspn(text + length, " \t");
	char domain[DOMAIN_SIZE];

	if (length == 0 || length >= sizeof(domain))
		return "starts with no domain; write \"example.org "
		       "file:/etc/mailreeve/recipients\"";
	memcpy(domain, text, length);
	domain[length] = '\0';
	source->domain[0] = '\0';
	if (strcmp(domain, "*") != 0 && !domain_canonical(domain, source->domain))
		return "starts with no domain; write \"example.org "
		       "file:/etc/mailreeve/recipients\"";
	if (!ascii_starts_with(kind, "file:") || kind[5] != '/')
		return "has no source that is known; write \"file:/path\" after the domain";
	source->file = (char *)kind + 5;
	return NULL;
}

struct first_complaint {
	char *why;
	size_t size;
};

static void keep_complaint(void *context, const char *file, unsigned line, const char *why)
{
	struct first_complaint *first = context;

	if (first->why[0] != '\0')
		return;
	if (line == 0)
		snprintf(first->why, first->size, "%s: %s", file, why);
	else
		snprintf(first->why, first->size, "%s:%u: %s", file, line, why);
}

static bool verify(const void *options_given, const struct site *site, const char **setting_r,
	char *why, size_t why_size)
{
	const struct recipient_options *options = options_given;
	struct first_complaint first = {.why = why, .size = why_size};
	struct source source;

	(void)site;
	*setting_r = "sources";
	why[0] = '\0';
	for (char **text = options->sources; text != NULL && *text != NULL; text++) {
		const char *wrong = parse_source(*text, &source);

		if (wrong != NULL) {
			snprintf(why, why_size, "\"%s\" %s", *text, wrong);
			return false;
		}
		if (!recipient_table_check(source.file, keep_complaint, &first))
			return false;
	}
	return true;
}

static void log_complaint(void *context, const char *file, unsigned line, const char *why)
{
	(void)context;
	log_warning("%s:%u: %s", file, line, why);
}

static void prepare(void *options_given)
{
	struct recipient_options *options = options_given;
	size_t count = 0;

	while (options->sources != NULL && options->sources[count] != NULL)
		count++;
	options->prepared = mem_array(count, sizeof(options->prepared[0]));
	for (size_t i = 0; i < count; i++) {
		struct source *source = &options->prepared[i];

		if (parse_source(options->sources[i], source) != NULL)
			continue;
		source->table = recipient_table_load(
			source->file, !options->case_sensitive, log_complaint, NULL);
		options->source_count = i + 1;
	}
}

static void clear(void *options_given)
{
	struct recipient_options *options = options_given;

	for (size_t i = 0; i < options->source_count; i++)
		recipient_table_free(&options->prepared[i].table);
	mem_free(options->prepared);
	options->prepared = NULL;
	options->source_count = 0;
}

enum known { KNOWN_NOT_ASKED, KNOWN_YES, KNOWN_NO, KNOWN_UNSURE };

static bool table_knows(const struct recipient_options *options,
	const struct recipient_table *table, const struct path *path)
{
	const char *extensions = options->extension == NULL ? "" : options->extension;
	size_t length = strcspn(path->local_part, extensions);
	char base[sizeof(path->local_part)];

	if (recipient_table_has_address(table, path->local_part, path->domain) ||
		recipient_table_has_domain(table, path->domain))
		return true;
	if (length == 0 || path->local_part[length] == '\0')
		return false;
	memcpy(base, path->local_part, length);
	base[length] = '\0';
	return recipient_table_has_address(table, base, path->domain);
}

static enum known look_up(const struct recipient_options *options, const struct path *path)
{
	enum known known = KNOWN_NOT_ASKED;

	for (size_t i = 0; i < options->source_count; i++) {
		const struct source *source = &options->prepared[i];

		if (source->domain[0] != '\0' && strcmp(source->domain, path->domain) != 0)
			continue;
		if (source->table == NULL)
			known = KNOWN_UNSURE;
		else if (table_knows(options, source->table, path))
			return KNOWN_YES;
		else if (known == KNOWN_NOT_ASKED)
			known = KNOWN_NO;
	}
	return known;
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

static void judge_relay(struct call *call, const struct path *path)
{
	struct finding *finding;
	char text[PATH_SIZE];

	finding = report(call, CHECK_RELAY, RESULT_FAIL, "%s is in none of our domains",
		path_format(path, text));
	if (finding != NULL)
		snprintf(finding->reply, sizeof(finding->reply), "%s is not a domain of ours",
			path->domain[0] == '\0' ? "the address literal" : path->domain);
}

static void judge_known(struct call *call, const struct path *path)
{
	struct finding *finding;
	char text[PATH_SIZE];

	if (path_is_postmaster(path) || !check_is_on(call, CHECK_UNKNOWN))
		return;
	switch (look_up(call->options, path)) {
	case KNOWN_NOT_ASKED:
	case KNOWN_YES:
		break;
	case KNOWN_UNSURE:
		report(call, CHECK_UNKNOWN, RESULT_TEMPERROR, "a source for %s cannot be read",
			path_format(path, text));
		break;
	case KNOWN_NO:
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
			judge_relay(call, &recipient->path);
		return;
	}
	judge_known(call, &recipient->path);
}

static void advise(const struct call *call, const struct site *site,
	void (*warn)(void *context, const char *setting, const char *text), void *context)
{
	if (call->fail_actions[CHECK_RELAY] < ACTION_TEMPFAIL && relay_is_known(site))
		warn(context, "relay",
			"relay lets strangers send anywhere unless the MTA itself stops them; use "
			"reject");
}

const struct policy policy_recipient = {
	.name = "recipient",
	.summary = "relaying, unknown recipients, and the form of their addresses",
	.checks = recipient_checks,
	.settings = recipient_settings,
	.options_size = sizeof(struct recipient_options),
	.judge = {[STAGE_RCPT] = judge_rcpt},
	.verify = verify,
	.advise = advise,
	.prepare = prepare,
	.clear = clear,
};
