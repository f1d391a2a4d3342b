/* SPDX-License-Identifier: BSD-2-Clause */
/* mailreevectl lookup: the daemon's own inquiries and checks, run once without a daemon. */
#ifndef MAILREEVE_CTL_LOOKUP_H
#define MAILREEVE_CTL_LOOKUP_H

/* ARGV[0] is "lookup". Prints the result word first, then the evidence. Returns 0 when there is a
 * result, 64 for bad usage, 75 for temporary trouble. */
int ctl_lookup(int argc, char **argv);

#endif
