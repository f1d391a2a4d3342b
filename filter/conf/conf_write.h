/* SPDX-License-Identifier: BSD-2-Clause */
/* What sample and manual have in common. */
#ifndef MAILREEVE_CONF_WRITE_H
#define MAILREEVE_CONF_WRITE_H

#include <stdio.h>

#include "conf_schema.h"

/* More than any default or example needs. */
enum { WRITE_VALUE_SIZE = SETTING_VALUE_MAX };

/* TEXT as a value of the setting in the file: quoted where it must be, a list in braces. Returns
 * BUFFER. */
const char *conf_write_value(
	const struct setting *setting, const char *text, char *buffer, size_t size);

/* The default, or for one that is empty an example. *EMPTY_R: it is an example. */
const char *conf_write_default(
	const struct setting *setting, char *buffer, size_t size, bool *empty_r);

/* Words broken into lines of at most 98 columns, each begun with START. */
void conf_write_wrapped(FILE *out, const char *start, const char *text);

#endif
