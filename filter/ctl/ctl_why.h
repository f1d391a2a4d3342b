/* SPDX-License-Identifier: BSD-2-Clause */
/* mailreevectl why: the decision behind a reference or a queue id. */
#ifndef MAILREEVE_CTL_WHY_H
#define MAILREEVE_CTL_WHY_H

/* ARGV[0] is "why". Returns the exit status. */
int ctl_why(const char *socket, int argc, char **argv);

#endif
