/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether the client is registered for the domain it speaks for (design section 3): a list of proofs,
 * each of which is enough; and whether an administrator's list names it. */
#include "session.h"

#include <string.h>

#include "text.h"

/* What one look-up of a proof has to work with. */
struct proof_trial {
	struct session *session;
	enum proof_of which;
	const char *domain;
	uint64_t deadline_ms;
	struct text *proof; /* of the proof that holds */
	struct text *tried; /* of those that do not: why */
	bool in_full; /* there is room for all that is known */
};

enum trial_result { TRIAL_FAILED, TRIAL_TEMPORARY, TRIAL_HOLDS };

static const char *client_text(const struct proof_trial *trial, char buffer[IPADDR_TEXT_SIZE])
{
	return ipaddr_format(&trial->session->client, buffer);
}

static enum trial_result try_trust(struct proof_trial *trial)
{
	const struct session *session = trial->session;

	if (session->exemptions & EXEMPT_AUTHENTICATED)
		text_addf(trial->proof, "the client is authenticated as %s", session->auth_user);
	else if (session->exemptions & EXEMPT_TRUSTED)
		text_add(trial->proof, "the client is in trusted_networks");
	else if (session->exemptions & EXEMPT_CERTIFIED)
		text_addf(trial->proof, "the client has the trusted certificate %s",
			session->tls_subject);
	else
		return TRIAL_FAILED;
	return TRIAL_HOLDS;
}

static const struct ipaddr *literal_of(const struct proof_trial *trial)
{
	const struct path *path = &trial->session->transaction.reverse_path;

	if (trial->which == PROOF_OF_SENDER && !path->null)
		return &path->literal;
	return &trial->session->helo_literal;
}

static enum trial_result try_literal(struct proof_trial *trial)
{
	const struct ipaddr *literal = literal_of(trial);
	char client[IPADDR_TEXT_SIZE];

	if (literal->family == IP_NONE || !ipaddr_equal(literal, &trial->session->client))
		return TRIAL_FAILED;
	text_addf(trial->proof, "the address literal is the client's own address %s",
		client_text(trial, client));
	return TRIAL_HOLDS;
}

static enum trial_result try_spf(struct proof_trial *trial)
{
	const struct spf *spf =
		trial->which == PROOF_OF_SENDER
			? session_sender_spf_result(trial->session, trial->deadline_ms)
			: session_helo_spf_result(trial->session, trial->deadline_ms);
	char client[IPADDR_TEXT_SIZE];

	if (spf == NULL || spf->result == SPF_TEMPERROR || spf->uncertain) {
		text_add(trial->tried, "SPF could not be asked");
		if (trial->in_full && spf != NULL)
			text_addf(trial->tried, ": %s", spf->evidence);
		return TRIAL_TEMPORARY;
	}
	if (spf->result == SPF_PASS && !spf->over_broad) {
		text_addf(trial->proof, "SPF of %s passes %s", trial->domain,
			client_text(trial, client));
		return TRIAL_HOLDS;
	}
	text_addf(trial->tried, "SPF %s",
		spf->result == SPF_PASS ? "passes nearly everybody" : spf_result_name(spf->result));
	if (trial->in_full)
		text_addf(trial->tried, ": %s", spf->evidence);
	return TRIAL_FAILED;
}

static enum trial_result try_mailhosts(struct proof_trial *trial)
{
	const struct mailhosts *hosts =
		trial->which == PROOF_OF_SENDER
			? session_sender_mailhosts_result(trial->session, trial->deadline_ms)
			: session_helo_mailhosts_result(trial->session, trial->deadline_ms);
	const struct mailhost *host;
	char client[IPADDR_TEXT_SIZE], shown[EVIDENCE_SIZE / 2];
	bool ipv4 = trial->session->client.family == IP_V4;

	if (hosts == NULL) {
		text_addf(trial->tried, "MX and addresses of %s could not be asked", trial->domain);
		return TRIAL_TEMPORARY;
	}
	host = mailhosts_with_address(hosts, &trial->session->client);
	if (host != NULL || mailhost_has_address(&hosts->own, &trial->session->client)) {
		text_addf(trial->proof, "%s is an address of %s", client_text(trial, client),
			host == NULL ? hosts->own.name : host->name);
		if (host != NULL && host != &hosts->own)
			text_addf(trial->proof, ", MX of %s", trial->domain);
		return TRIAL_HOLDS;
	}
	text_add(trial->tried, mailhosts_format(hosts, shown, sizeof(shown)));
	if (hosts->mx_status == DNS_OK && hosts->own.address_count > 0)
		text_addf(trial->tried, ", own addresses %s",
			mailhost_format(&hosts->own, shown, sizeof(shown)));
	return mailhosts_temporary(hosts) ||
			       dns_is_temporary(ipv4 ? hosts->own.status_a : hosts->own.status_aaaa)
		       ? TRIAL_TEMPORARY
		       : TRIAL_FAILED;
}

/* Any confirmed name will do, not only the first. */
static const char *confirmed_in(const struct iprev *iprev, const char *domain)
{
	for (size_t i = 0; i < iprev->name_count; i++)
		if (iprev->confirmed[i] && domain_same_organization(iprev->names[i], domain))
			return iprev->names[i];
	return NULL;
}

static enum trial_result try_confirmed_name(struct proof_trial *trial)
{
	const struct iprev *iprev = session_iprev_result(trial->session, trial->deadline_ms);
	const char *name;

	if (iprev == NULL || iprev->result == RESULT_TEMPERROR) {
		text_add(trial->tried, "reverse DNS could not be asked");
		return TRIAL_TEMPORARY;
	}
	name = confirmed_in(iprev, trial->domain);
	if (name != NULL) {
		text_addf(trial->proof,
			"the client's confirmed name %s is in the organization of %s", name,
			trial->domain);
		return TRIAL_HOLDS;
	}
	if (iprev->temporary)
		text_add(trial->tried, "not all names of the client could be asked about, ");
	if (iprev->confirmed_name[0] != '\0')
		text_addf(trial->tried, "confirmed name %s", iprev->confirmed_name);
	else
		text_add(trial->tried, "no confirmed name");
	if (trial->in_full)
		text_addf(trial->tried, ": %s", iprev->evidence);
	return iprev->temporary ? TRIAL_TEMPORARY : TRIAL_FAILED;
}

static const struct {
	const char *name;
	enum trial_result (*run)(struct proof_trial *trial);
} trials[] = {
	{"SPF", try_spf},
	{"MX and address", try_mailhosts},
	{"confirmed name", try_confirmed_name},
};

/* Started together, so that they cost the longest and not the sum. */
static void start(const struct proof_trial *trial)
{
	session_iprev(trial->session);
	if (trial->which == PROOF_OF_SENDER) {
		session_sender_spf(trial->session);
		session_sender_mailhosts(trial->session);
	} else {
		session_helo_spf(trial->session);
		session_helo_mailhosts(trial->session);
	}
}

/* True when one holds; notes in *TEMPORARY_R that one could not be looked at. */
static bool try_domain(struct proof_trial *trial, bool *temporary_r)
{
	start(trial);
	for (size_t i = 0; i < ARRAY_COUNT(trials); i++) {
		enum trial_result result;

		if (i > 0)
			text_add(trial->tried, ", ");
		result = trials[i].run(trial);
		if (result == TRIAL_HOLDS)
			return true;
		if (result == TRIAL_TEMPORARY)
			*temporary_r = true;
	}
	return false;
}

static const char *domain_of(const struct session *session, enum proof_of which)
{
	return which == PROOF_OF_SENDER ? session_sender_domain(session) : session->helo;
}

void session_proofs(struct session *session, enum proof_of which, uint64_t deadline_ms, char *lines,
	size_t size)
{
	static const char *const words[] = {
		[TRIAL_FAILED] = "fail", [TRIAL_TEMPORARY] = "temperror", [TRIAL_HOLDS] = "pass"};
	struct text out;

	text_init(&out, lines, size);
	if (domain_of(session, which)[0] == '\0' || session->client.family == IP_NONE)
		return;
	for (size_t i = 0; i < ARRAY_COUNT(trials); i++) {
		char buffer[EVIDENCE_SIZE];
		struct text found;
		struct proof_trial trial = {
			.session = session,
			.which = which,
			.domain = domain_of(session, which),
			.deadline_ms = deadline_ms,
			.proof = &found,
			.tried = &found,
			.in_full = true,
		};
		enum trial_result result;

		text_init(&found, buffer, sizeof(buffer));
		start(&trial);
		result = trials[i].run(&trial);
		text_addf(&out, "%s%s %s: %s", i == 0 ? "" : "\n", trials[i].name, words[result],
			buffer);
	}
}

bool session_proof(struct session *session, enum proof_of which, uint64_t deadline_ms,
	char evidence[EVIDENCE_SIZE], bool *temporary_r)
{
	char tried_buffer[EVIDENCE_SIZE], client[IPADDR_TEXT_SIZE];
	struct text proof, tried;
	struct proof_trial trial = {
		.session = session,
		.which = which,
		.domain = domain_of(session, which),
		.deadline_ms = deadline_ms,
		.proof = &proof,
		.tried = &tried,
	};

	*temporary_r = false;
	text_init(&proof, evidence, EVIDENCE_SIZE);
	text_init(&tried, tried_buffer, sizeof(tried_buffer));
	if (try_trust(&trial) == TRIAL_HOLDS || try_literal(&trial) == TRIAL_HOLDS)
		return true;
	if (trial.domain[0] == '\0' || session->client.family == IP_NONE) {
		text_add(&proof, trial.domain[0] == '\0' ? "there is no domain to be registered for"
							 : "the client has no address");
		return false;
	}
	if (try_domain(&trial, temporary_r)) {
		*temporary_r = false;
		return true;
	}
	text_addf(&proof, "%s is not registered for %s: %s", client_text(&trial, client),
		trial.domain, tried_buffer);
	return false;
}

enum result session_match_client(struct session *session, const struct matchlist *list,
	uint64_t deadline_ms, struct match *match_r)
{
	const struct iprev *iprev;

	if (matchlist_is_empty(list) || session->client.family == IP_NONE)
		return RESULT_FAIL;
	if (matchlist_match_address(list, &session->client, match_r))
		return RESULT_PASS;
	if (!matchlist_has_domains(list))
		return RESULT_FAIL;
	iprev = session_iprev_result(session, deadline_ms);
	if (iprev == NULL || iprev->result == RESULT_TEMPERROR)
		return RESULT_TEMPERROR;
	for (size_t i = 0; i < iprev->name_count; i++)
		if (iprev->confirmed[i] && matchlist_match_domain(list, iprev->names[i], match_r))
			return RESULT_PASS;
	return iprev->temporary ? RESULT_TEMPERROR : RESULT_FAIL;
}
