/* SPDX-License-Identifier: BSD-2-Clause */
#include "exemption.h"

#include <string.h>

#include "text.h"

/* The session while its exemptions are being worked out. */
struct look {
	struct session *session;
	struct text evidence;
	const struct iprev *iprev; /* NULL: not known */
};

static void grant(struct look *look, enum exemption exemption, const char *what, const char *value,
	const struct match *match)
{
	look->session->exemptions |= exemption;
	if (look->evidence.length > 0)
		text_add(&look->evidence, "; ");
	text_addf(&look->evidence, "%s ", what);
	text_add_escaped(&look->evidence, value, strlen(value), DOMAIN_SIZE);
	if (match != NULL)
		text_addf(&look->evidence, " matches %s (%s)", match->entry, match->where);
}

static void look_at_certificate(struct look *look)
{
	const struct session *session = look->session;
	char **entry = session->site->trusted_certificates;

	for (; entry != NULL && *entry != NULL; entry++) {
		if (!site_is_certificate(*entry, session->tls_subject, session->tls_name,
			    session->tls_fingerprint))
			continue;
		grant(look, EXEMPT_CERTIFIED, "certificate of",
			ascii_equal(*entry, session->tls_subject) ? session->tls_subject : *entry,
			NULL);
		return;
	}
}

static void look_at_service(struct look *look)
{
	const struct session *session = look->session;
	char **name = session->site->trusted_daemons;

	for (; name != NULL && *name != NULL; name++) {
		if (session->daemon_name[0] == '\0' || strcmp(*name, session->daemon_name) != 0)
			continue;
		grant(look, EXEMPT_TRUSTED, "trusted service", session->daemon_name, NULL);
		return;
	}
}

static void look_at_trust(struct look *look)
{
	struct session *session = look->session;
	char address[IPADDR_TEXT_SIZE];
	struct match match;

	if (session->client.family != IP_NONE &&
		!matchlist_is_empty(session->site->trusted_networks) &&
		matchlist_match_address(session->site->trusted_networks, &session->client, &match))
		grant(look, EXEMPT_TRUSTED, "trusted client",
			ipaddr_format(&session->client, address), &match);
	if (exemption_is_local_submission(session))
		grant(look, EXEMPT_TRUSTED, "local", "submission", NULL);
	look_at_service(look);
	if (session->auth_user[0] != '\0')
		grant(look, EXEMPT_AUTHENTICATED, "authenticated user", session->auth_user, NULL);
	look_at_certificate(look);
}

/* Client network first, since the name may have to be waited for. */
static bool grant_client(
	struct look *look, const struct matchlist *list, enum exemption exemption, const char *what)
{
	char address[IPADDR_TEXT_SIZE];
	struct match match;

	if (look->session->client.family == IP_NONE)
		return false;
	if (matchlist_match_address(list, &look->session->client, &match)) {
		grant(look, exemption, what, ipaddr_format(&look->session->client, address),
			&match);
		return true;
	}
	for (size_t i = 0; look->iprev != NULL && i < look->iprev->name_count; i++) {
		if (!look->iprev->confirmed[i] ||
			!matchlist_match_domain(list, look->iprev->names[i], &match))
			continue;
		grant(look, exemption, what, look->iprev->names[i], &match);
		return true;
	}
	return false;
}

static bool grant_path(struct look *look, const struct path *path, const char *what)
{
	char text[PATH_SIZE];
	struct match match;

	/* A path that a permissive MTA reads differently must not borrow a mailbox's exemption. */
	if (path->null || path->routed ||
		!matchlist_match_path(look->session->site->allow, path, &match))
		return false;
	grant(look, EXEMPT_ALLOWED, what, path_format(path, text), &match);
	return true;
}

static void look_at_allow_list(struct look *look, enum stage stage)
{
	struct session *session = look->session;
	const struct matchlist *allow = session->site->allow;
	struct match match;

	if (matchlist_is_empty(allow) ||
		grant_client(look, allow, EXEMPT_ALLOWED, "allowed client"))
		return;
	if (stage >= STAGE_HELO && session->greeted && session->helo[0] != '\0' &&
		matchlist_match_domain(allow, session->helo, &match)) {
		grant(look, EXEMPT_ALLOWED, "allowed HELO", session->helo, &match);
		return;
	}
	if (stage >= STAGE_MAIL && session->transaction.open &&
		session->transaction.error == PATH_OK &&
		grant_path(look, &session->transaction.reverse_path, "allowed sender"))
		return;
	if (stage == STAGE_RCPT && session->recipient != NULL &&
		session->recipient->error == PATH_OK)
		grant_path(look, &session->recipient->path, "allowed recipient");
}

static bool names_matter(const struct session *session)
{
	return session->client.family != IP_NONE &&
	       (matchlist_has_domains(session->site->allow) ||
		       matchlist_has_domains(session->site->forwarders));
}

/* Trouble of the DNS must not turn the mail of a listed client into refused mail. */
static unsigned unknown_exemptions(const struct look *look)
{
	const struct session *session = look->session;
	unsigned unknown = 0;

	if (!names_matter(session) || (look->iprev != NULL && !look->iprev->temporary &&
					      look->iprev->result != RESULT_TEMPERROR))
		return 0;
	if (matchlist_has_domains(session->site->allow))
		unknown |= EXEMPT_ALLOWED;
	if (matchlist_has_domains(session->site->forwarders))
		unknown |= EXEMPT_FORWARDER;
	return unknown & ~session->exemptions;
}

void exemption_update(struct session *session, enum stage stage, uint64_t deadline_ms)
{
	struct look look = {.session = session};

	session->exemptions = 0;
	text_init(&look.evidence, session->exemption_evidence, sizeof(session->exemption_evidence));
	look_at_trust(&look);
	if (names_matter(session))
		look.iprev = session_iprev_result(session, deadline_ms);
	look_at_allow_list(&look, stage);
	if (!matchlist_is_empty(session->site->forwarders))
		grant_client(&look, session->site->forwarders, EXEMPT_FORWARDER, "forwarder");
	session->exemptions_unknown = unknown_exemptions(&look);
}

bool exemption_is_local_submission(const struct session *session)
{
	/* Postfix makes up a client and a HELO for it, but no port. */
	return session->client_port == 0 && ascii_equal(session->mta_client_name, "localhost") &&
	       ipaddr_scope(&session->client) == IP_LOOPBACK;
}

const char *exemption_format(unsigned exemptions, char *buffer, size_t size)
{
	static const struct {
		unsigned bit;
		const char *word;
	} words[] = {
		{EXEMPT_TRUSTED, "trusted"},
		{EXEMPT_AUTHENTICATED, "authenticated"},
		{EXEMPT_CERTIFIED, "certified"},
		{EXEMPT_ALLOWED, "allowed"},
		{EXEMPT_FORWARDER, "forwarder"},
	};
	struct text list;

	text_init(&list, buffer, size);
	for (size_t i = 0; i < ARRAY_COUNT(words); i++)
		if ((exemptions & words[i].bit) != 0)
			text_addf(&list, "%s%s", list.length > 0 ? "+" : "", words[i].word);
	return buffer;
}
