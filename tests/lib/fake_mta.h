/* SPDX-License-Identifier: BSD-2-Clause */
/* A server of SMTP and LMTP for recipients only, on loopback or a socket in the file system, that
 * misbehaves on command. A reply of the orders is sent as it stands with CRLF, or is one of
 *   "!close"    hangs up          "!reset"   resets the connection
 *   "!silent"   says nothing      "!flood"   lines without end
 *   "!long"     a line without end           "!garbage"  bytes that are no reply, a NUL among them
 *   "!drip"     a byte of a good reply now and then
 *   "!twice"    a good reply, and another one nobody asked for
 * After a STARTTLS that is answered by 220 it speaks TLS with a certificate of its own for 127.0.0.1
 * and store.example.org. */
#ifndef MAILREEVE_TESTS_FAKE_MTA_H
#define MAILREEVE_TESTS_FAKE_MTA_H

#include <pthread.h>
#include <stdbool.h>

enum { FAKE_MTA_CLIENTS = 64 };

struct fake_mta_orders {
	const char *banner, *ehlo, *helo, *mail, *rset; /* NULL: as a good server does */
	const char *starttls; /* NULL: it is not offered */
	bool no_tls; /* after its reply to STARTTLS it goes on in the clear */
	const char *(*rcpt)(const char *address); /* NULL: the addresses of KNOWN are taken */
	bool hold; /* RCPT is answered when the orders change */
	bool hang_up_when_idle; /* after the reply to RSET */
};

struct fake_mta_tls;

struct fake_mta {
	int port; /* 0 with a socket of the file system */
	char path[64];
	int listener;
	struct fake_mta_tls *tls;
	pthread_t thread;
	pthread_mutex_t mutex; /* guards what follows */
	struct fake_mta_orders orders;
	bool stopping;
	int connections, greetings, lhlo, recipients, encrypted;
	int said_in_clear; /* MAIL commands without TLS */
	char last_mail[100];
	struct {
		int fd; /* 0: free */
		pthread_t thread;
	} clients[FAKE_MTA_CLIENTS];
};

/* Knows anna@example.org, "b b"@example.org and postmaster@example.org. LOCAL: a socket of the file
 * system. */
void fake_mta_start(struct fake_mta *server, bool local);
void fake_mta_stop(struct fake_mta *server);
/* NULL: a good server again. Counters start at 0. */
void fake_mta_order(struct fake_mta *server, const struct fake_mta_orders *orders);
int fake_mta_recipients(struct fake_mta *server); /* RCPT commands since the last order */
int fake_mta_connections(struct fake_mta *server);
int fake_mta_encrypted(struct fake_mta *server); /* handshakes that succeeded */
int fake_mta_said_in_clear(struct fake_mta *server); /* MAIL commands without TLS */

/* Writes the certificate as PEM to PATH. */
void fake_mta_write_certificate(struct fake_mta *server, const char *path);

#endif
