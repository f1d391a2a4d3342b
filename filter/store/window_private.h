/* SPDX-License-Identifier: BSD-2-Clause */
/* What window.c and window_member.c share. */
#ifndef MAILREEVE_WINDOW_PRIVATE_H
#define MAILREEVE_WINDOW_PRIVATE_H

#include "window.h"

/* Adds UNITS to a slot, which need not be the newest. */
void window_slot_add(struct window *window, int64_t number, int64_t units);
void window_slot_subtract(struct window *window, int64_t number, int64_t units);

/* The slot of a member's newest use, or -1 where none is OLDEST or later. */
int64_t window_member_newest(
	const struct window *window, const unsigned char *member, int64_t oldest);

/* ID holds this member, by a use in slot OLDEST or later. */
bool window_member_is_held(const struct window *window, const unsigned char *id,
	const unsigned char *member, int64_t oldest);

/* A use of ask->member in slot CURRENT; drops what is older than OLDEST of it. */
void window_member_take(
	struct window *window, const struct window_ask *ask, int64_t current, int64_t oldest);

/* Time went by: what is older than OLDEST goes, what is ahead of CURRENT counts as of then. */
void window_members_move_on(struct window *window, int64_t oldest, int64_t current);

void window_members_clear(struct window *window);
size_t window_members_bytes(const struct window *window);

#endif
