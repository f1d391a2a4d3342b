/* SPDX-License-Identifier: BSD-2-Clause */
/* The order in which policies run; the only file that knows them all. */
#include "policy.h"

extern const struct policy policy_connection, policy_lists, policy_rdns, policy_helo, policy_spf,
	policy_sender, policy_impostor, policy_recipient, policy_message, policy_from_form,
	policy_body, policy_from, policy_dmarc, policy_authres, policy_limit, policy_mark;

const struct policy *const policies[] = {
	&policy_connection,
	&policy_lists,
	&policy_rdns,
	&policy_helo,
	&policy_spf,
	&policy_sender,
	&policy_impostor,
	&policy_recipient,
	&policy_message,
	&policy_from_form,
	&policy_body,
	&policy_from,
	&policy_dmarc,
	&policy_authres,
	&policy_limit,
	&policy_mark,
	NULL,
};
