/* SPDX-License-Identifier: BSD-2-Clause */
/* mailreevectl explain: what the daemon makes of a supposed session. */
#ifndef MAILREEVE_CTL_EXPLAIN_H
#define MAILREEVE_CTL_EXPLAIN_H

/* ARGV[0] is "explain". Returns the exit status. */
int ctl_explain(const char *socket, int argc, char **argv);

#endif
