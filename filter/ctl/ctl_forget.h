/* SPDX-License-Identifier: BSD-2-Clause */
/* "mailreevectl forget": call-aheads ask anew about a recipient. */
#ifndef MAILREEVE_CTL_FORGET_H
#define MAILREEVE_CTL_FORGET_H

/* ARGV[0] is "forget". Returns an exit status of sysexits.h. */
int ctl_forget(const char *socket, int argc, char **argv);

#endif
