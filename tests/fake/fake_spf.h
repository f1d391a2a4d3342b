/* SPDX-License-Identifier: BSD-2-Clause */
/* SPF without libspf2: results come from a table that the test fills, by domain. A test program gets
 * it by `#include "../tests/fake/fake_spf.c"` beside fake_inquiry.c. */
#ifndef MAILREEVE_FAKE_SPF_H
#define MAILREEVE_FAKE_SPF_H

#include "spf.h"

/* Forgets all; every domain has no record then. Call before each case. */
void fake_spf_clear(void);

/* The check of DOMAIN (of the reverse-path, or HELO name) gives RESULT; returned for changes
 * (over_broad, no_mail, explanation). */
struct spf *fake_spf(const char *domain, enum spf_result result);

/* How many checks were started since fake_spf_clear. */
unsigned fake_spf_asked(void);

#endif
