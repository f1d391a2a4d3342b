/* SPDX-License-Identifier: BSD-2-Clause */
/* The values of a configuration text, as libconfuse reads them: quotes, escapes, ${NAME} from the
 * environment. Structure, names and lines are checked before (conf_input.c), for reasons that
 * conf_scan.h gives. libconfuse's lexer has globals: one thread at a time. */
#ifndef MAILREEVE_CONF_READ_H
#define MAILREEVE_CONF_READ_H

#include "conf_schema.h"

struct conf_values;

/* TEXT ends with a NUL. NULL when libconfuse refuses it. */
struct conf_values *conf_values_read(const struct schema *schema, const char *text) MUST_CHECK;

/* Value number INDEX of a setting; NULL behind the last. Borrowed. TITLE "" where there is none. */
const char *conf_values_get(const struct conf_values *values, const struct group *group,
	const char *title, const char *name, unsigned index);

void conf_values_free(struct conf_values **values);

#endif
