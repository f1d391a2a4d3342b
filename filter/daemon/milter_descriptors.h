/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MAILREEVE_MILTER_DESCRIPTORS_H
#define MAILREEVE_MILTER_DESCRIPTORS_H

enum {
	/* Connections of MTAs whose descriptor is not below this are served as libmilter does it, without
	 * buffers, uncounted and unwatched. */
	MILTER_DESCRIPTORS = 65536
};

#endif
