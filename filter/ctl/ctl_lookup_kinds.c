/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl_lookup_kinds.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "ctl_outcome.h"
#include "dmarc.h"
#include "policy.h"
#include "text.h"

static int no_answer(void)
{
	fputs("mailreevectl: the DNS did not answer in time\n", stderr);
	return EX_TEMPFAIL;
}

int ctl_lookup_spf(struct lookup *lookup)
{
	struct session *session = &lookup->session;
	bool mailfrom = lookup->from != NULL;
	const struct spf *spf = mailfrom ? session_sender_spf_result(session, lookup->deadline_ms)
					 : session_helo_spf_result(session, lookup->deadline_ms);
	char evidence[sizeof(spf->evidence) + 60];
	struct inquiry *inquiries[] = {
		mailfrom ? session->transaction.spf : session->helo_spf, NULL};
	struct ctl_outcome none = {.result = "none",
		.evidence = "there is no domain name to look up",
		.explanation = ""};

	if (inquiries[0] == NULL)
		return ctl_print_outcome(lookup->json, &none, inquiries);
	if (spf == NULL)
		return no_answer();
	snprintf(evidence, sizeof(evidence), "%s%s", spf->evidence,
		spf->result == SPF_PASS && spf->over_broad
			? "; it passes nearly everybody, which proves nothing"
			: "");
	return ctl_print_outcome(lookup->json,
		&(struct ctl_outcome){
			.result = spf_result_name(spf->result),
			.evidence = evidence,
			.explanation = spf->explanation,
			.temporary = spf->result == SPF_TEMPERROR,
		},
		inquiries);
}

int ctl_lookup_iprev(struct lookup *lookup)
{
	const struct iprev *iprev = session_iprev_result(&lookup->session, lookup->deadline_ms);
	struct inquiry *inquiries[] = {lookup->session.iprev, NULL};

	if (iprev == NULL)
		return no_answer();
	return ctl_print_outcome(lookup->json,
		&(struct ctl_outcome){
			.result = result_name(iprev->result),
			.evidence = iprev->evidence,
			.temporary = iprev->result == RESULT_TEMPERROR,
		},
		inquiries);
}

int ctl_lookup_mx(struct lookup *lookup)
{
	const struct mailhosts *hosts =
		session_helo_mailhosts_result(&lookup->session, lookup->deadline_ms);
	struct inquiry *inquiries[] = {lookup->session.helo_mailhosts, NULL};
	const char *result = "implicit";
	char evidence[1000];

	if (hosts == NULL)
		return no_answer();
	if (mailhosts_nonexistent(hosts))
		result = "nonexistent";
	else if (hosts->null_mx)
		result = "null_mx";
	else if (mailhosts_bogus(hosts))
		result = "bogus_mx";
	else if (mailhosts_none(hosts))
		result = "none";
	else if (mailhosts_temporary(hosts))
		result = "temperror";
	else if (hosts->host_count > 0)
		result = "mx";
	return ctl_print_outcome(lookup->json,
		&(struct ctl_outcome){
			.result = result,
			.evidence = mailhosts_format(hosts, evidence, sizeof(evidence)),
			.temporary = mailhosts_temporary(hosts),
		},
		inquiries);
}

/* What the domain asks for, in its words, or why it asks for nothing. */
int ctl_lookup_dmarc(struct lookup *lookup)
{
	static const char *const words[] = {
		[DMARC_ABSENT] = "absent",
		[DMARC_FOUND] = NULL,
		[DMARC_UNUSABLE] = "unusable",
		[DMARC_UNKNOWN] = "temperror",
	};
	struct session *session = &lookup->session;
	struct inquiry *inquiries[] = {NULL, NULL};
	const struct dmarc *dmarc;

	session->transaction.dmarc = dmarc_inquire(lookup->services.resolver,
		session->transaction.reverse_path.domain, session->site->time_limit_ms);
	inquiries[0] = session->transaction.dmarc;
	dmarc = inquiry_wait(inquiries[0], lookup->deadline_ms);
	if (dmarc == NULL)
		return no_answer();
	return ctl_print_outcome(lookup->json,
		&(struct ctl_outcome){
			.result = dmarc->discovery == DMARC_FOUND ? dmarc_policy_name(dmarc->policy)
								  : words[dmarc->discovery],
			.evidence = dmarc->evidence,
			.temporary = dmarc->discovery == DMARC_UNKNOWN,
		},
		inquiries);
}

/* The proof that holds or why none does, then what each of them found. */
int ctl_lookup_registered(struct lookup *lookup)
{
	struct session *session = &lookup->session;
	char evidence[EVIDENCE_SIZE], each[4 * EVIDENCE_SIZE],
		buffer[sizeof(evidence) + sizeof(each)];
	bool temporary = false;
	bool proven =
		session_proof(session, PROOF_OF_SENDER, lookup->deadline_ms, evidence, &temporary);
	struct inquiry *all[] = {
		session->transaction.spf, session->transaction.mailhosts, session->iprev};
	struct inquiry *inquiries[ARRAY_COUNT(all) + 1] = {0};
	size_t count = 0;

	session_proofs(session, PROOF_OF_SENDER, lookup->deadline_ms, each, sizeof(each));
	snprintf(buffer, sizeof(buffer), "%s\n%s", evidence, each);
	for (size_t i = 0; i < ARRAY_COUNT(all); i++)
		if (all[i] != NULL && inquiry_result(all[i]) != NULL)
			inquiries[count++] = all[i];
	return ctl_print_outcome(lookup->json,
		&(struct ctl_outcome){
			.result = proven      ? "pass"
				  : temporary ? "temperror"
					      : "fail",
			.evidence = buffer,
			.temporary = !proven && temporary,
		},
		inquiries);
}

static const struct policy_conf *policy_named(const struct conf *conf, const char *name)
{
	for (size_t p = 0; p < conf->policy_count; p++)
		if (strcmp(conf->policies[p].policy->name, name) == 0)
			return &conf->policies[p];
	return NULL;
}

/* All findings of the helo policy, the first that failed as the result. */
int ctl_lookup_helo(struct lookup *lookup)
{
	const struct policy_conf *helo = policy_named(lookup->conf, "helo");
	struct session *session = &lookup->session;
	const struct findings *findings = &session->findings[SCOPE_GREETING];
	struct inquiry *all[] = {NULL, NULL, NULL};
	struct inquiry *inquiries[ARRAY_COUNT(all) + 1] = {0};
	struct ctl_outcome outcome = {.result = "pass", .evidence = "nothing to say against it"};
	char buffer[2000];
	struct text lines;
	size_t count = 0;

	if (helo == NULL)
		return EX_SOFTWARE;
	struct call call = {
		.session = session,
		.policy = helo->policy,
		.options = helo->options,
		.option_count = helo->option_count,
		.fail_actions = helo->fail,
		.temperror_actions = helo->temperror,
		.stage = STAGE_HELO,
		.deadline_ms = lookup->deadline_ms,
	};

	if (helo->policy->announce[STAGE_HELO] != NULL)
		helo->policy->announce[STAGE_HELO](&call);
	helo->policy->judge[STAGE_HELO](&call);
	text_init(&lines, buffer, sizeof(buffer));
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = findings->items[i];

		text_addf(&lines, "%s%s %s: %s", lines.length > 0 ? "\n" : "", finding->check->name,
			result_name(finding->result), finding->evidence);
		if (finding->result == RESULT_FAIL)
			outcome.result = "fail";
		else if (finding->result == RESULT_TEMPERROR)
			outcome.temporary = true;
	}
	if (lines.length > 0)
		outcome.evidence = buffer;
	if (strcmp(outcome.result, "fail") == 0)
		outcome.temporary = false;
	else if (outcome.temporary)
		outcome.result = "temperror";
	all[0] = session->helo_mailhosts;
	all[1] = session->iprev;
	all[2] = session->helo_spf;
	for (size_t i = 0; i < ARRAY_COUNT(all); i++)
		if (all[i] != NULL && inquiry_wait(all[i], lookup->deadline_ms) != NULL)
			inquiries[count++] = all[i];
	return ctl_print_outcome(lookup->json, &outcome, inquiries);
}
