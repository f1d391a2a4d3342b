/* SPDX-License-Identifier: BSD-2-Clause */
/* The screen of mailreevectl top, from two answers of status: what happens in a second between them. Pure;
 * all text is printable ASCII. */
#ifndef MAILREEVE_TOP_VIEW_H
#define MAILREEVE_TOP_VIEW_H

#include <stdbool.h>
#include <stdio.h>

#include "json.h"

enum { TOP_WIDTH_MIN = 20, TOP_WIDTH_MAX = 400, TOP_HEIGHT_MIN = 5 };

struct top_view {
	unsigned width; /* columns */
	unsigned height; /* lines; 0: as many as there are */
	bool colour; /* only such that can be read on a dark ground and on a light one */
};

/* BEFORE may be NULL: then totals stand where rates would. At most height lines of at most width
 * columns, each with a line feed behind it. */
void top_view_write(
	const struct top_view *view, const struct json *before, const struct json *now, FILE *out);

/* The rates as one JSON object on one line. */
void top_view_write_json(const struct json *before, const struct json *now, FILE *out);

#endif
