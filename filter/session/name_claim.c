/* SPDX-License-Identifier: BSD-2-Clause */
#include "name_claim.h"

#include <string.h>

bool name_claim_is_own(const struct site *site, const char *name, bool subdomains)
{
	if (site_is_own_name(site, name))
		return true;
	while (subdomains && (name = strchr(name, '.')) != NULL)
		if (site_is_local_domain(site, ++name))
			return true;
	return false;
}

bool name_claim_is_protected(const struct name_claim *claim, const char *name)
{
	return name[0] != '\0' && !matchlist_is_empty(claim->protected_domains) &&
	       matchlist_match_domain(claim->protected_domains, name, NULL);
}

static void report_stranger(struct call *call, unsigned check, const struct name_use *use,
	const struct name_proof *proof)
{
	char client[IPADDR_TEXT_SIZE];

	if (proof != NULL && proof->evidence[0] != '\0')
		report(call, check, RESULT_FAIL, "%.120s is %s: %s; %s would be right", use->shown,
			use->whose, proof->evidence, use->right);
	else
		report(call, check, RESULT_FAIL,
			"%.120s is %s, but the client is %s; %s would be right", use->shown,
			use->whose, ipaddr_format(&call->session->client, client), use->right);
}

void name_claim_judge(struct call *call, unsigned check, const struct name_claim *claim,
	const struct name_use *use, const struct name_proof *proof)
{
	const char *evidence = proof == NULL ? "" : proof->evidence;
	enum result partner;
	struct match match;

	if (proof != NULL && proof->holds) {
		report(call, check, RESULT_PASS, "%.120s is %s, and %s", use->shown, use->whose,
			evidence);
		return;
	}
	partner = session_match_client(call->session, claim->partners, call->deadline_ms, &match);
	if (partner == RESULT_PASS)
		report(call, check, RESULT_PASS, "%.120s is %s, and the client matches %s (%s)",
			use->shown, use->whose, match.entry, match.where);
	else if (partner == RESULT_TEMPERROR || (proof != NULL && proof->temporary))
		report(call, check, RESULT_TEMPERROR,
			"%.120s is %s; whether the client may use it is not known now%s%s",
			use->shown, use->whose, evidence[0] == '\0' ? "" : ": ", evidence);
	else
		report_stranger(call, check, use, proof);
}
