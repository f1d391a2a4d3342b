/* SPDX-License-Identifier: BSD-2-Clause */
/* Where in the configuration something is set: "/etc/mailreeve/mailreeve.conf:12". */
#ifndef MAILREEVE_CONF_PLACE_H
#define MAILREEVE_CONF_PLACE_H

#include <stddef.h>

#include "conf_input.h"

enum { CONF_PLACE_SIZE = 300 };

/* Remembers where each setting and titled section of INPUT stands, for as long as CONF lives. */
void conf_place_remember(
	struct conf *conf, const struct conf_input *input, const struct problems *problems);
void conf_place_clear(struct conf *conf);

/* The setting, or titled section, that says what FINDING leads to; "default" where the file says nothing.
 * Returns BUFFER. */
const char *conf_place_of_finding(
	const struct conf *conf, const struct finding *finding, char *buffer, size_t size);

#endif
