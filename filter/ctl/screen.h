/* SPDX-License-Identifier: BSD-2-Clause */
/* The terminal while a program fills all of it: what was there comes back at any end of the program, by a
 * signal too. One thread. */
#ifndef MAILREEVE_SCREEN_H
#define MAILREEVE_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"

/* Takes the terminal of standard output over; false when it is none. */
bool screen_begin(void) MUST_CHECK;
void screen_end(void);

/* Columns and lines now. */
void screen_size(unsigned *width_r, unsigned *height_r);

/* Shows the lines of TEXT from the top, and nothing else. */
void screen_show(const char *text);

/* A key, SCREEN_RESIZED, or SCREEN_NOTHING after MS milliseconds. */
enum { SCREEN_NOTHING = -1, SCREEN_RESIZED = -2, SCREEN_CLOSED = -3 };
int screen_wait(int ms);

#endif
