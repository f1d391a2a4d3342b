/* SPDX-License-Identifier: BSD-2-Clause */
/* The settings of the mail server beside us, as far as they can be read. */
#ifndef MAILREEVE_MTA_CHECK_H
#define MAILREEVE_MTA_CHECK_H

#include <stdbool.h>

#include "conf.h"

/* Calls TELL for each setting that is dangerous together with CONF, or (not DANGEROUS) worth a look. FOLDER: where main.cf or sendmail.cf
 * lies; NULL: MAIL_CONFIG or what Postfix takes by itself, and /etc/mail, whichever is there; "none": nowhere. Tells nothing of an MTA that is not there,
 * or whose settings may not be read; but of a FOLDER that is given. Takes a few seconds at most. */
void mta_check(const struct conf *conf, const char *folder,
	void (*tell)(void *context, bool dangerous, const char *text), void *context);

#endif
