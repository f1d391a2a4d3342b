/* SPDX-License-Identifier: BSD-2-Clause */
/* mailreevectl limits: asks the running daemon what a key has used, and when it may send. */
#ifndef MAILREEVE_CTL_LIMITS_H
#define MAILREEVE_CTL_LIMITS_H

/* ARGV[0] is "limits". Returns an exit status of sysexits.h. */
int ctl_limits(const char *socket, int argc, char **argv);

#endif
