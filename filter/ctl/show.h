/* SPDX-License-Identifier: BSD-2-Clause */
/* For a person: what explain and why have found, which both have as JSON, as a tree. */
#ifndef MAILREEVE_SHOW_H
#define MAILREEVE_SHOW_H

#include <stdio.h>

#include "json.h"

/* JSON: of explain_write. */
void show_explanation(const struct json *json, FILE *out);

/* JSON: a record of the journal. */
void show_record(const struct json *json, FILE *out);

#endif
