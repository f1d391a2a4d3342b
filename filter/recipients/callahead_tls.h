/* SPDX-License-Identifier: BSD-2-Clause */
/* TLS on a connection of a call-ahead (RFC 3207). The socket does not block, so
 * every step may want to wait; waiting, and with it the deadline, is the caller's. */
#ifndef MAILREEVE_CALLAHEAD_TLS_H
#define MAILREEVE_CALLAHEAD_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "callahead_socket.h"
#include "callahead_target.h"
#include "compiler.h"
#include "ipaddr.h"

enum callahead_tls_level {
	CALLAHEAD_TLS_NONE,
	CALLAHEAD_TLS_MAY, /* where it is offered and works; any certificate */
	CALLAHEAD_TLS_ENCRYPT, /* or no answer; any certificate */
	CALLAHEAD_TLS_VERIFY /* the same, and the certificate is valid for the target's name */
};

struct callahead_tls_options {
	int level; /* enum callahead_tls_level */
	char *authorities; /* PEM file of those that VERIFY believes; NULL: the system's */
};

/* Whether the file of authorities can be used; a reason in WHY. */
bool callahead_tls_check(
	const struct callahead_tls_options *options, char why[CALLAHEAD_WHY_SIZE]) MUST_CHECK;

/* What the connections to one target share. Thread-safe. NULL for no TLS. */
struct callahead_tls_context *callahead_tls_context_create(
	const struct callahead_tls_options *options);
void callahead_tls_context_free(struct callahead_tls_context **context);

struct callahead_tls;

/* One end of a connection, used by one thread at a time. FD stays the caller's. TARGET, ADDRESS: whom
 * the certificate must name where it counts. NULL when OpenSSL has no memory. */
struct callahead_tls *callahead_tls_create(struct callahead_tls_context *context, int fd,
	const struct callahead_target *target, const struct ipaddr *address);
/* Says goodbye without waiting. Nulls; NULL allowed. */
void callahead_tls_free(struct callahead_tls **tls);

/* What the socket is to be waited for before the same call is made again, or the end. */
enum callahead_progress callahead_tls_shake_hands(struct callahead_tls *tls);
enum callahead_progress callahead_tls_read(
	struct callahead_tls *tls, char *bytes, size_t size, size_t *length_r);
enum callahead_progress callahead_tls_write(
	struct callahead_tls *tls, const char *bytes, size_t length, size_t *written_r);

/* Nothing has come but what belongs to TLS itself. */
bool callahead_tls_is_quiet(struct callahead_tls *tls);

/* Why the last step failed, without words of the other end. */
void callahead_tls_explain(const struct callahead_tls *tls, char why[CALLAHEAD_WHY_SIZE]);

#endif
