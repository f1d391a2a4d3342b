/* SPDX-License-Identifier: BSD-2-Clause */
/* Which senders an authenticated user may use: a file of lines "USER SENDER ...", read whole and never
 * changed, so sessions share it without a lock.
 *
 *   anna   anna@example.org anna.lee@example.org
 *   anna   anna+*@example.org         "*" stands for anything, in users too
 *   shop   @shop.example.org          every local-part of the domain
 *   shop   @.shop.example.org         and of the domains below it; @*.shop.example.org: only of these
 *   admin  *                          any sender
 *   *      news@example.org           every user may
 *   *      =                          every user whose name is an address may use that
 *   # comment, blank lines
 *
 * Commas count as blanks. Users match exactly, local-parts without case. Thread-safe but for loading
 * and freeing. */
#ifndef MAILREEVE_SENDER_LOGIN_H
#define MAILREEVE_SENDER_LOGIN_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"
#include "path.h"

struct sender_login;

enum { SENDER_LOGIN_ENTRIES_MAX = 1000000 };

/* Reads FILE, all of it or nothing: NULL with "file:line: what is wrong" in WHY. */
struct sender_login *sender_login_load(const char *file, char *why, size_t why_size) MUST_CHECK;
void sender_login_free(struct sender_login **map);

/* SENDER belongs to USER. The null reverse-path belongs to everybody. */
bool sender_login_allows(
	const struct sender_login *map, const char *user, const struct path *sender);

#endif
