/* SPDX-License-Identifier: BSD-2-Clause */
#include "decision.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "clock.h"
#include "log.h"
#include "text.h"

static bool is_reserved_mailbox(const struct session *session)
{
	const struct recipient *recipient = session->recipient;

	if (recipient == NULL || recipient->error != PATH_OK || recipient->path.routed)
		return false;
	if (!path_is_postmaster(&recipient->path) && !path_is_abuse(&recipient->path))
		return false;
	return recipient->path.domain[0] == '\0' ||
	       site_is_local_domain(session->site, recipient->path.domain);
}

bool decision_skips(const struct session *session, const struct policy *policy)
{
	if ((policy->exempt_by & session->exemptions) != 0)
		return true;
	return policy->reserved_mailboxes_exempt && is_reserved_mailbox(session);
}

static void merge_finding(
	struct decision *decision, const struct session *session, const struct finding *finding)
{
	enum verdict verdict = verdict_of_action(finding->action);

	if (verdict == VERDICT_REJECT &&
		(finding->policy->exempt_by & session->exemptions_unknown) != 0)
		verdict = VERDICT_TEMPFAIL;
	if (!verdict_overrides(decision->verdict, verdict))
		return;
	decision->verdict = verdict;
	decision->decisive = finding;
}

void decision_merge(
	struct decision *decision, const struct session *session, enum stage from, enum stage to)
{
	for (int scope = 0; scope < SCOPE_COUNT; scope++) {
		const struct findings *findings = &session->findings[scope];

		for (size_t i = 0; i < findings->count; i++) {
			const struct finding *finding = findings->items[i];

			if (finding->stage >= from && finding->stage <= to &&
				!decision_skips(session, finding->policy))
				merge_finding(decision, session, finding);
		}
	}
}

void decision_make_reference(char reference_r[REFERENCE_SIZE])
{
	static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	uint64_t bits;
	size_t at = 0;

	if (getrandom(&bits, sizeof(bits), GRND_NONBLOCK) != (ssize_t)sizeof(bits))
		bits = clock_wall_ms() * UINT64_C(6364136223846793005);
	for (int i = 0; i < 8; i++) {
		if (i == 4)
			reference_r[at++] = '-';
		reference_r[at++] = alphabet[bits >> 59];
		bits <<= 5;
	}
	reference_r[at] = '\0';
}

static void add_path(struct text *line, const char *key, const char *raw)
{
	char shown[WIRE_TEXT_SIZE + 2];

	if (raw[0] == '<')
		snprintf(shown, sizeof(shown), "%s", raw);
	else
		snprintf(shown, sizeof(shown), "<%s>", raw);
	log_field(line, key, shown);
}

/* The name that is worth showing: confirmed, or unconfirmed with a question mark. */
static void add_client(struct text *line, const struct session *session)
{
	char address[IPADDR_TEXT_SIZE] = "local";
	const struct iprev *iprev = NULL;

	if (session->client.family != IP_NONE)
		ipaddr_format(&session->client, address);
	log_field(line, "client", address);
	if (session->iprev != NULL)
		iprev = inquiry_result(session->iprev);
	if (iprev == NULL)
		return;
	if (iprev->result == RESULT_PASS)
		log_field(line, "name", iprev->confirmed_name);
	else if (iprev->name_count > 0)
		log_field(line, "unconfirmed_name", iprev->names[0]);
}

static void add_exemptions(struct text *line, const struct session *session)
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
	char buffer[80];
	struct text list;

	if (session->exemptions == 0)
		return;
	text_init(&list, buffer, sizeof(buffer));
	for (size_t i = 0; i < ARRAY_COUNT(words); i++)
		if ((session->exemptions & words[i].bit) != 0)
			text_addf(&list, "%s%s", list.length > 0 ? "+" : "", words[i].word);
	log_field(line, "exempt", buffer);
	if (session->exemption_evidence[0] != '\0')
		log_field(line, "exempt_by", session->exemption_evidence);
}

static void check_name(const struct finding *finding, char *buffer, size_t size)
{
	if (finding->title != NULL)
		snprintf(buffer, size, "%s.%s(%s)", finding->policy->name, finding->check->name,
			finding->title);
	else
		snprintf(buffer, size, "%s.%s", finding->policy->name, finding->check->name);
}

/* All that is noteworthy: what failed or could not be found out, with its evidence. */
static void add_findings(struct text *line, const struct session *session)
{
	enum { FINDINGS_MAX_BYTES = 1000 };
	char buffer[FINDINGS_MAX_BYTES + 200];
	struct text list;

	text_init(&list, buffer, sizeof(buffer));
	for (int scope = 0; scope < SCOPE_COUNT; scope++) {
		const struct findings *findings = &session->findings[scope];

		for (size_t i = 0; i < findings->count; i++) {
			const struct finding *finding = findings->items[i];
			char name[128];

			if (finding->action == ACTION_OFF)
				continue;
			check_name(finding, name, sizeof(name));
			text_addf(&list, "%s%s=%s/%s", list.length > 0 ? "; " : "", name,
				result_name(finding->result), action_name(finding->action));
			if (finding->would != finding->action)
				text_addf(&list, "(%s)", action_name(finding->would));
			text_addf(&list, ": %s", finding->evidence);
		}
	}
	if (list.length > 0)
		log_field_bounded(line, "findings", buffer, FINDINGS_MAX_BYTES);
}

void decision_log(const struct session *session, const struct decision *decision)
{
	const struct transaction *transaction = &session->transaction;
	bool accepted = decision->verdict == VERDICT_CONTINUE;
	/* Room for all fields at their longest: what comes last matters most. */
	char buffer[4000];
	char name[128];
	struct text line;

	text_init(&line, buffer, sizeof(buffer));
	log_field(&line, "session", session->id);
	if (transaction->queue_id[0] != '\0')
		log_field(&line, "queue", transaction->queue_id);
	add_client(&line, session);
	if (session->greeted)
		log_field(&line, "helo", session->helo_raw);
	if (transaction->open)
		add_path(&line, "from", transaction->raw);
	if (session->recipient != NULL)
		add_path(&line, "rcpt", session->recipient->raw);
	else if (decision->stage == STAGE_EOM)
		text_addf(&line, " recipients=%u", transaction->recipients_accepted);
	if (session->auth_user[0] != '\0')
		log_field(&line, "auth", session->auth_user);
	add_exemptions(&line, session);
	log_field(&line, "stage", stage_name(decision->stage));
	log_field(&line, "verdict", accepted ? "accept" : verdict_name(decision->verdict));
	if (decision->decisive != NULL && !accepted) {
		check_name(decision->decisive, name, sizeof(name));
		log_field(&line, "check", name);
		log_field(&line, "action", action_name(decision->decisive->action));
	}
	if (decision->reply.code[0] != '\0') {
		char reply[REPLY_TEXT_SIZE + 32];

		snprintf(reply, sizeof(reply), "%s %s %s", decision->reply.code,
			decision->reply.enhanced, decision->reply.text);
		log_field_bounded(&line, "reply", reply, sizeof(reply));
		log_field(&line, "ref", decision->reference);
	}
	add_findings(&line, session);
	log_info("%s", buffer);
}

static void add_reference(struct decision *decision)
{
	decision_make_reference(decision->reference);
	reply_add_reference(&decision->reply, decision->reference);
}

void decision_refuse(struct decision *decision, const struct session *session)
{
	const struct finding *finding = decision->decisive;
	const struct check *check;
	const char *detail = "";

	if (decision->verdict < VERDICT_TEMPFAIL || finding == NULL)
		return;
	check = finding->check;
	if (finding->reply[0] != '\0')
		detail = finding->reply;
	else if (!check->silent)
		detail = finding->evidence;
	reply_set(&decision->reply, decision->verdict, check->code, check->tempfail_code,
		check->enhanced, "%s%s%s", check->reply, detail[0] == '\0' ? "" : ": ", detail);
	add_reference(decision);
	decision_log(session, decision);
}

struct decision decision_too_busy(const struct session *session, enum stage stage)
{
	struct decision decision = {.verdict = VERDICT_TEMPFAIL, .stage = stage};

	reply_set(&decision.reply, VERDICT_TEMPFAIL, "550", "451", "5.3.2",
		"too many sessions wait for lookups, try again later");
	add_reference(&decision);
	decision_log(session, &decision);
	return decision;
}
