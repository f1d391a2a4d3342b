/* SPDX-License-Identifier: BSD-2-Clause */
/* What the checks of the policies that judge a message's form have in common. */
#ifndef MAILREEVE_MESSAGE_CHECK_H
#define MAILREEVE_MESSAGE_CHECK_H

#include "policy.h"

/* An entry of a policy's table of checks, whose reject is 550 5.6.0 (RFC 3463: the content of the
 * message). */
#define MESSAGE_CHECK(check_name, check_action, check_reply, check_help)                           \
	{.name = (check_name),                                                                     \
		.fail = (check_action),                                                            \
		.code = "550",                                                                     \
		.enhanced = "5.6.0",                                                               \
		.reply = (check_reply),                                                            \
		.help = (check_help)}

#endif
