/* SPDX-License-Identifier: BSD-2-Clause */
/* One source of known recipients, as "DOMAIN KIND:PLACE" in the configuration:
 *
 *   example.org file:/etc/mailreeve/recipients     addresses, see recipient_table.h
 *   example.org redis:recipients:example.org       a set or a hash of Redis, looked at live; members
 *                                                  (fields) are user@domain, @domain, or where the
 *                                                  key is of one domain only, user; "%d" in the
 *                                                  key stands for the domain
 *   example.org passwd:                            the accounts of this machine, read at load
 *   example.org passwd:/path                       the same from a file
 *   example.org aliases:/etc/aliases               the names of aliases(5)
 *   example.org smtp:mail.example.org:25           asked by call-ahead
 *   example.org lmtp:/run/dovecot/lmtp             the same by LMTP
 *
 * DOMAIN "*" is every domain, ".example.org" all below it. Asking is thread-safe. */
#ifndef MAILREEVE_RECIPIENT_SOURCE_H
#define MAILREEVE_RECIPIENT_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "callahead.h"
#include "compiler.h"
#include "path.h"
#include "recipient_domain.h"
#include "recipient_table.h"
#include "store.h"

enum recipient_source_kind {
	RECIPIENT_FILE,
	RECIPIENT_REDIS,
	RECIPIENT_ACCOUNTS,
	RECIPIENT_ALIASES,
	RECIPIENT_CALLAHEAD
};

struct recipient_source {
	char domain
		[DOMAIN_SIZE]; /* canonical, with a dot before it for all below; "" every domain */
	enum recipient_source_kind kind;
	const char *text; /* "KIND:PLACE", borrowed */
	const char *place; /* borrowed; a file, a key of Redis */
	struct callahead_target target;
	/* Opened. */
	struct recipient_table *table; /* NULL where it could not be read */
	struct callahead *callahead;
};

/* False with what is wrong in WHY. TEXT is borrowed for the source's life. */
bool recipient_source_parse(
	const char *text, struct recipient_source *source_r, const char **why_r) MUST_CHECK;

/* What can be read at load can be read. */
bool recipient_source_check(const struct recipient_source *source, recipient_complaint *complain,
	void *context) MUST_CHECK;
void recipient_source_open(struct recipient_source *source, const struct callahead_options *options,
	recipient_complaint *complain, void *context);
void recipient_source_close(struct recipient_source *source);

/* Of a call-ahead: it asks anew about PATH. False while STORE does not answer. */
bool recipient_source_forget(const struct recipient_source *source,
	const struct recipient_domain *domain, struct store *store,
	const struct path *path) MUST_CHECK;

bool recipient_source_covers(const struct recipient_source *source, const char *domain);

enum recipient_known {
	RECIPIENT_NOT_ASKED, /* nobody says anything about the domain */
	RECIPIENT_KNOWN,
	RECIPIENT_UNKNOWN,
	RECIPIENT_ANY, /* its target takes any recipient */
	RECIPIENT_UNSURE /* it cannot be asked now */
};

/* WHY: for RECIPIENT_UNSURE, the reason. QUESTION: store, resolver, name, path and deadline; remember
 * is set from the domain. */
enum recipient_known recipient_source_ask(const struct recipient_source *source,
	const struct recipient_domain *domain, const struct callahead_question *question,
	char why[CALLAHEAD_WHY_SIZE]);

#endif
