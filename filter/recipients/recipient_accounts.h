/* SPDX-License-Identifier: BSD-2-Clause */
/* Local-parts that a machine knows by itself: its accounts and its aliases, as a recipient_table whose
 * entries have no domain (ask it with domain ""). Read at load, never while a session waits: name
 * services block. Not thread-safe: getpwent(3). */
#ifndef MAILREEVE_RECIPIENT_ACCOUNTS_H
#define MAILREEVE_RECIPIENT_ACCOUNTS_H

#include <stdbool.h>

#include "compiler.h"
#include "recipient_table.h"

/* FILE in the form of passwd(5); "" asks the system's name services for all accounts that they list.
 * NULL after a complaint. */
struct recipient_table *recipient_accounts_load(
	const char *file, recipient_complaint *complain, void *context) MUST_CHECK;

/* FILE in the form of aliases(5): the names before the colons. NULL after a complaint. */
struct recipient_table *recipient_aliases_load(
	const char *file, recipient_complaint *complain, void *context) MUST_CHECK;

#endif
