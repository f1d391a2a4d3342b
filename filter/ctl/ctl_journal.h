/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the journal of this host is. */
#ifndef MAILREEVE_CTL_JOURNAL_H
#define MAILREEVE_CTL_JOURNAL_H

/* The file that the configuration FILE names, or the default one for NULL; owned by the caller (mem_free),
 * NULL where none is named or the configuration cannot be read. */
char *ctl_journal_of(const char *file);

#endif
