/* SPDX-License-Identifier: BSD-2-Clause */
/* TLS as a client on a socket that does not block, so every step may want to wait; waiting, and with it
 * the deadline, is the caller's. Hides OpenSSL's libssl. */
#ifndef MAILREEVE_TLS_CLIENT_H
#define MAILREEVE_TLS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"

struct tls_client_options {
	bool verify; /* the certificate must be valid, and for whom it should be */
	const char *ca_file; /* PEM; NULL: the system's authorities; empty: none */
	const char *certificate_file, *key_file; /* PEM; NULL: none is shown */
};

enum tls_client_part { TLS_CLIENT_LIBRARY, TLS_CLIENT_CA, TLS_CLIENT_CERTIFICATE, TLS_CLIENT_KEY };

/* What many connections share. Thread-safe. NULL with what cannot be used in *PART_R and OpenSSL's
 * reason in WHY. The caller owns it. */
struct tls_client_context *tls_client_context_create(const struct tls_client_options *options,
	enum tls_client_part *part_r, char *why, size_t why_size) MUST_CHECK;
void tls_client_context_free(struct tls_client_context **context);

struct tls_client;

/* One end of a connection, used by one thread at a time. FD stays the caller's. HOST is the name, or the
 * address as text, that the certificate must be for where that counts. NULL when OpenSSL has no memory. */
struct tls_client *tls_client_create(
	const struct tls_client_context *context, int fd, const char *host);
/* Says goodbye without waiting. Nulls; NULL allowed. */
void tls_client_free(struct tls_client **tls);

/* OpenSSL's own, and the end of ours: it belongs to whoever takes it. Nulls. */
struct ssl_st *tls_client_own(const struct tls_client *tls);
void tls_client_give_away(struct tls_client **tls);

enum tls_client_progress {
	TLS_CLIENT_DONE,
	TLS_CLIENT_WANTS_READ, /* again when there is something to read */
	TLS_CLIENT_WANTS_WRITE,
	TLS_CLIENT_ENDED, /* the other end closed */
	TLS_CLIENT_FAILED
};

enum tls_client_progress tls_client_shake_hands(struct tls_client *tls);
enum tls_client_progress tls_client_read(
	struct tls_client *tls, char *bytes, size_t size, size_t *length_r);
enum tls_client_progress tls_client_write(
	struct tls_client *tls, const char *bytes, size_t length, size_t *written_r);

/* Nothing has come but what belongs to TLS itself. */
bool tls_client_is_quiet(struct tls_client *tls);

/* Why the last step failed, without words of the other end. */
void tls_client_explain(const struct tls_client *tls, char *why, size_t why_size);

#endif
