/* SPDX-License-Identifier: BSD-2-Clause */
/* Who is exempt (design section 2): works out session->exemptions from what the site's lists say
 * about the facts known so far. Unconfirmed client names never count. */
#ifndef MAILREEVE_EXEMPTION_H
#define MAILREEVE_EXEMPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "compiler.h"
#include "session.h"
#include "stage.h"

/* Sets exemptions, exemptions_unknown and exemption_evidence anew, so that what an earlier transaction, recipient or
 * greeting matched is forgotten. Facts that come later than STAGE do not count, even if known: the
 * exemption of a connection cannot hang on one of its messages. Waits for the client's confirmed
 * name until DEADLINE_MS of clock_monotonic_ms where a list holds domains; a deadline that has passed
 * only looks. */
void exemption_update(struct session *session, enum stage stage, uint64_t deadline_ms);

/* Postfix's non_smtpd_milters and local submission to Sendmail: there a refused RCPT is not an answer
 * to a client but a fault of the MTA, so policies must not refuse. */
bool exemption_is_local_submission(const struct session *session);

/* "trusted+allowed", or "" for none. Returns BUFFER. */
const char *exemption_format(unsigned exemptions, char *buffer, size_t size);

#endif
