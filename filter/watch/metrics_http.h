/* SPDX-License-Identifier: BSD-2-Clause */
/* A small HTTP server for the metrics, bounded in connections, size and time. metrics_http.c is the only
 * includer of libmicrohttpd. */
#ifndef MAILREEVE_METRICS_HTTP_H
#define MAILREEVE_METRICS_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "compiler.h"
#include "metrics_address.h"

struct metrics_http;

struct metrics_page {
	const char *path; /* "/metrics"; NULL ends the table */
	const char *type; /* Content-Type */
	/* Writes the page; returns the status, 200 or 503. Called in the server's thread. */
	unsigned (*write)(FILE *out);
};

/* Binds and listens, while that may still need privileges. PAGES are borrowed. NULL with a sentence in
 * WHY. */
struct metrics_http *metrics_http_open(const struct metrics_address *address,
	const struct metrics_page *pages, char *why, size_t why_size) MUST_CHECK;
/* Starts the thread; after the daemon has its final user. False with a sentence in WHY. */
bool metrics_http_start(struct metrics_http *http, char *why, size_t why_size) MUST_CHECK;
unsigned metrics_http_port(const struct metrics_http *http);
/* Ends the thread. Nulls; NULL allowed. */
void metrics_http_stop(struct metrics_http **http);

#endif
