/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules across settings: what contradicts, and what is legal but dangerous. */
#ifndef MAILREEVE_CONF_VERIFY_H
#define MAILREEVE_CONF_VERIFY_H

#include "conf_input.h"

struct conf_check {
	struct conf *conf;
	const struct schema *schema;
	const struct conf_input *input;
	struct problems *problems;
	const struct conf_report *report;
};

/* Contradictions, ours and those the policies know. A section with an error in it is left out. */
void conf_verify(const struct conf_check *check);

/* What the policies could not make of it; after it is prepared. */
void conf_verify_complete(const struct conf_check *check);

/* Warnings; after conf_verify found nothing. */
void conf_advise(const struct conf_check *check);

#endif
