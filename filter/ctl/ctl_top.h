/* SPDX-License-Identifier: BSD-2-Clause */
/* mailreevectl top: what the daemon does now, like top(1); and once, for a pipe or a script. */
#ifndef MAILREEVE_CTL_TOP_H
#define MAILREEVE_CTL_TOP_H

/* ARGV[0] is "top". Returns the exit status. */
int ctl_top(const char *socket, int argc, char **argv);

#endif
