/* SPDX-License-Identifier: BSD-2-Clause */
/* What the settings of a Postfix mean for us. Pure, reentrant. */
#ifndef MAILREEVE_MTA_POSTFIX_H
#define MAILREEVE_MTA_POSTFIX_H

#include "mta_finding.h"

/* The parameters to ask for, NULL-terminated. */
extern const char *const mta_postfix_parameters[];

/* MAIN is what postconf(1) prints of them ("name = value" lines), SERVICES what postconf -P prints
 * ("smtp/inet/name = value" lines). FOLDER names the installation in what is told; NULL: its
 * config_directory does. */
void mta_postfix_judge(const char *main_text, const char *services, const char *folder,
	const struct mta_view *view);

#endif
