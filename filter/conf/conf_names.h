/* SPDX-License-Identifier: BSD-2-Clause */
/* What to say about a name that the schema does not know. Pure. */
#ifndef MAILREEVE_CONF_NAMES_H
#define MAILREEVE_CONF_NAMES_H

#include "conf_schema.h"

/* The section exists, and has a title ("" for none) just when it should; false with WHY. */
bool conf_section_is_known(const struct schema *schema, const char *name, const char *title,
	char *why, size_t why_size) MUST_CHECK;

/* GROUP has no setting NAME. */
void conf_explain_unknown(const struct schema *schema, const struct group *group, const char *name,
	char *why, size_t why_size);

#endif
