/* SPDX-License-Identifier: BSD-2-Clause */
/* mailreevectl report: what the journal says of some time. */
#ifndef MAILREEVE_CTL_REPORT_H
#define MAILREEVE_CTL_REPORT_H

/* ARGV[0] is "report". Returns the exit status. */
int ctl_report(int argc, char **argv);

#endif
