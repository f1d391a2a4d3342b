/* SPDX-License-Identifier: BSD-2-Clause */
/* TLS of the fake MTA: a server with a certificate that it signed itself. */
#ifndef MAILREEVE_TESTS_FAKE_MTA_TLS_H
#define MAILREEVE_TESTS_FAKE_MTA_TLS_H

#include <stddef.h>
#include <sys/types.h>

struct fake_mta_tls;
struct fake_mta_tls *fake_mta_tls_create(void);
void fake_mta_tls_free(struct fake_mta_tls **tls);
void fake_mta_tls_write_certificate(const struct fake_mta_tls *tls, const char *path);

/* One connection; NULL when the handshake failed. Blocks. */
struct fake_mta_wire;
struct fake_mta_wire *fake_mta_wire_accept(struct fake_mta_tls *tls, int fd);
void fake_mta_wire_close(struct fake_mta_wire **wire);
ssize_t fake_mta_wire_read(struct fake_mta_wire *wire, char *bytes, size_t size);
ssize_t fake_mta_wire_write(struct fake_mta_wire *wire, const char *bytes, size_t length);

#endif
