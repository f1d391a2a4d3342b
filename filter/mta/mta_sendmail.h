/* SPDX-License-Identifier: BSD-2-Clause */
/* What the settings of a Sendmail mean for us. Pure, reentrant. */
#ifndef MAILREEVE_MTA_SENDMAIL_H
#define MAILREEVE_MTA_SENDMAIL_H

#include "mta_finding.h"

/* CF is the text of sendmail.cf, ACCESS that of the access map's source ("" when there is none), FOLDER
 * names the installation in what is told. */
void mta_sendmail_judge(
	const char *cf, const char *access, const char *folder, const struct mta_view *view);

#endif
