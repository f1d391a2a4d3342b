/* SPDX-License-Identifier: BSD-2-Clause */
/* The kinds of mailreevectl lookup: each asks with the daemon's code and prints what it found. */
#ifndef MAILREEVE_CTL_LOOKUP_KINDS_H
#define MAILREEVE_CTL_LOOKUP_KINDS_H

#include <stdbool.h>
#include <stdint.h>

#include "conf.h"
#include "session.h"

/* What the command line gave, and the session it stands for. */
struct lookup {
	const char *client, *helo, *from, *domain, *nameserver;
	bool json;
	struct conf *conf;
	struct services services;
	struct session session;
	uint64_t deadline_ms;
};

/* Each returns the exit status. */
int ctl_lookup_spf(struct lookup *lookup);
int ctl_lookup_iprev(struct lookup *lookup);
int ctl_lookup_helo(struct lookup *lookup);
int ctl_lookup_registered(struct lookup *lookup);
int ctl_lookup_mx(struct lookup *lookup);
int ctl_lookup_dmarc(struct lookup *lookup);

#endif
