/* SPDX-License-Identifier: BSD-2-Clause */
/* TLS to Redis: whom to believe, and what to show of ourselves. Only where hiredis has TLS (pkg-config
 * hiredis_ssl: Debian 13); elsewhere creating one fails with the reason. Thread-safe: nothing changes
 * after it was created. */
#ifndef MAILREEVE_REDIS_TLS_H
#define MAILREEVE_REDIS_TLS_H

#include <stddef.h>

#include "compiler.h"
#include "tls_client.h"

struct redis_tls {
	struct tls_client_context *context; /* owned */
	char *server_name; /* owned; in the server's certificate; NULL: the host as it was named */
};

struct redis_tls_files {
	const char *ca_file; /* NULL: the authorities of this machine */
	const char *certificate_file; /* with its chain; NULL: none is shown */
	const char *key_file;
	const char *server_name;
};

/* NULL with a sentence in WHY, and in *SETTING_R the setting to blame for it. The caller owns it. */
struct redis_tls *redis_tls_create(const struct redis_tls_files *files, const char **setting_r,
	char *why, size_t why_size) MUST_CHECK;
void redis_tls_free(struct redis_tls **tls);

#endif
