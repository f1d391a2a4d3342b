/* SPDX-License-Identifier: BSD-2-Clause */
/* hiredis would not compare the name in a certificate with the host, so the SSL that it is given is
 * made by us. */
#include "redis_tls.h"

#include <stdio.h>

#include "mem.h"

#ifdef MAILREEVE_REDIS_TLS
enum { HAVE_TLS = 1 };
#else
enum { HAVE_TLS = 0 };
#endif

struct redis_tls *redis_tls_create(
	const struct redis_tls_files *files, const char **setting_r, char *why, size_t why_size)
{
	static const char *const settings[] = {
		[TLS_CLIENT_LIBRARY] = "url",
		[TLS_CLIENT_CA] = "tls_ca_file",
		[TLS_CLIENT_CERTIFICATE] = "tls_certificate_file",
		[TLS_CLIENT_KEY] = "tls_key_file",
	};
	struct tls_client_options options = {
		.verify = true,
		.ca_file = files->ca_file,
		.certificate_file = files->certificate_file,
		.key_file = files->key_file,
	};
	struct tls_client_context *context;
	enum tls_client_part part;
	struct redis_tls *tls;
	char reason[64];

	if (!HAVE_TLS) {
		*setting_r = "url";
		snprintf(why, why_size,
			"url asks for TLS, but this mailreeve was built without TLS to Redis, "
			"since "
			"hiredis has none on Debian 12; it should be redis://, sentinel:// or "
			"cluster:// (through a tunnel where the network is not yours), or a build "
			"where pkg-config knows hiredis_ssl, as on Debian 13");
		return NULL;
	}
	context = tls_client_context_create(&options, &part, reason, sizeof(reason));
	if (context == NULL) {
		*setting_r = settings[part];
		snprintf(why, why_size, "%s cannot be used (%s); it should be a PEM file%s",
			settings[part], reason,
			part == TLS_CLIENT_KEY ? " of the key of tls_certificate_file" : "");
		return NULL;
	}
	tls = mem_alloc(sizeof(*tls));
	tls->context = context;
	tls->server_name = files->server_name == NULL ? NULL : mem_text(files->server_name);
	return tls;
}

void redis_tls_free(struct redis_tls **tls)
{
	if (*tls == NULL)
		return;
	tls_client_context_free(&(*tls)->context);
	mem_free((*tls)->server_name);
	mem_free(*tls);
	*tls = NULL;
}
