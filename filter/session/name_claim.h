/* SPDX-License-Identifier: BSD-2-Clause */
/* Names that are not everybody's, our own and those of partners and brands, and who may use them: whom a
 * proof ties to the name, and the partners that the administrator lists. What helo and sender share. */
#ifndef MAILREEVE_NAME_CLAIM_H
#define MAILREEVE_NAME_CLAIM_H

#include <stdbool.h>

#include "compiler.h"
#include "policy.h"

/* Part of a policy's options. */
struct name_claim {
	bool own_subdomains;
	struct matchlist *partners, *protected_domains;
};

/* Its rows in the policy's table of settings: OFFSET of the struct in the options, and what the three
 * say in the words of the policy. */
#define NAME_CLAIM_ROWS(claim_offset, own_subdomains_help, partners_help, protected_help)          \
	{.name = "own_subdomains",                                                                 \
		.type = SETTING_BOOL,                                                              \
		.offset = (claim_offset) + offsetof(struct name_claim, own_subdomains),            \
		.default_text = "no",                                                              \
		.help = (own_subdomains_help)},                                                    \
		{.name = "partners",                                                               \
			.type = SETTING_MATCHLIST,                                                 \
			.offset = (claim_offset) + offsetof(struct name_claim, partners),          \
			.default_text = "",                                                        \
			.kinds = MATCH_NETWORKS | MATCH_DOMAINS,                                   \
			.help = (partners_help)},                                                  \
	{                                                                                          \
		.name = "protected_domains", .type = SETTING_MATCHLIST,                            \
		.offset = (claim_offset) + offsetof(struct name_claim, protected_domains),         \
		.default_text = "", .example = "{ example.net, .example.com }",                    \
		.kinds = MATCH_DOMAINS, .help = (protected_help)                                   \
	}

/* NAME (canonical) is one of ours, or with SUBDOMAINS below one of our domains. */
bool name_claim_is_own(const struct site *site, const char *name, bool subdomains);
bool name_claim_is_protected(const struct name_claim *claim, const char *name);

/* What ties the client to a name (session_proof), found once for all checks of a hook. */
struct name_proof {
	bool holds, temporary;
	char evidence[EVIDENCE_SIZE];
};

/* Reports whether the client may use a name that is not everybody's. SHOWN: the name as evidence has it;
 * WHOSE: "our own name"; RIGHT: what would be right instead. PROOF: NULL where the DNS has no say.
 * Waits for the client's confirmed names where partners are listed by name. */
struct name_use {
	const char *shown, *whose, *right;
};
void name_claim_judge(struct call *call, unsigned check, const struct name_claim *claim,
	const struct name_use *use, const struct name_proof *proof);

#endif
