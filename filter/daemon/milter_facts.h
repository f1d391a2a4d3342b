/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes into the session what the MTA says at each step: arguments of the commands, and macros. Bounded
 * copies of what may be hostile; nothing is judged here. */
#ifndef MAILREEVE_MILTER_FACTS_H
#define MAILREEVE_MILTER_FACTS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "compiler.h"
#include "session.h"

/* Where macros are asked for: VALUE answers the value of NAME, valid until the end of the step, or
 * NULL. */
struct milter_macros {
	const char *(*value)(void *context, const char *name);
	void *context;
};

/* HOST: the client's name as the MTA has it. ADDRESS: NULL for one that the MTA does not know. */
void milter_facts_connect(struct session *session, const char *host, const struct sockaddr *address,
	const struct milter_macros *macros);
void milter_facts_helo(
	struct session *session, const char *helo, const struct milter_macros *macros);
/* ARGUMENTS: the path, then the parameters of MAIL or RCPT; NULL ends. */
void milter_facts_mail(
	struct session *session, char *const *arguments, const struct milter_macros *macros);
/* Into RECIPIENT, which is zeroed; the transaction learns its queue id. */
void milter_facts_rcpt(struct session *session, char *const *arguments, struct recipient *recipient,
	const struct milter_macros *macros);
void milter_facts_eom(struct session *session, const struct milter_macros *macros);

/* The MTA has refused this recipient itself and only tells us. */
bool milter_facts_refused(const struct recipient *recipient);

#endif
