/* SPDX-License-Identifier: BSD-2-Clause */
/* What to say about a name that the schema does not know, and the names there are. Pure. */
#ifndef MAILREEVE_CONF_NAMES_H
#define MAILREEVE_CONF_NAMES_H

#include "conf_schema.h"

/* The section exists, and has a title ("" for none) just when it should; false with WHY. */
bool conf_section_is_known(const struct schema *schema, const char *name, const char *title,
	char *why, size_t why_size) MUST_CHECK;

/* GROUP has no setting NAME. */
void conf_explain_unknown(const struct schema *schema, const struct group *group, const char *name,
	char *why, size_t why_size);

/* "dmarc", "helo.mismatch": all there are, NULL-terminated. Owned by the caller, and freed so. */
char **conf_check_names(const struct schema *schema);
void conf_check_names_free(char **names);

/* NAME is one of NAMES, which may be NULL. */
bool conf_is_among(char *const *names, const char *name);

#endif
