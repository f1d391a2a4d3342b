/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls_client.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "mem.h"

struct tls_client_context {
	SSL_CTX *ssl;
	bool verify;
};

struct tls_client {
	SSL *ssl;
	unsigned long error; /* of OpenSSL, the last */
};

static bool load_authorities(SSL_CTX *ssl, const char *file)
{
	if (file == NULL)
		return SSL_CTX_set_default_verify_paths(ssl) == 1;
	return *file == '\0' || SSL_CTX_load_verify_locations(ssl, file, NULL) == 1;
}

static bool load(
	SSL_CTX *ssl, const struct tls_client_options *options, enum tls_client_part *part_r)
{
	*part_r = TLS_CLIENT_CA;
	if (options->verify && !load_authorities(ssl, options->ca_file))
		return false;
	*part_r = TLS_CLIENT_CERTIFICATE;
	if (options->certificate_file != NULL &&
		SSL_CTX_use_certificate_chain_file(ssl, options->certificate_file) != 1)
		return false;
	*part_r = TLS_CLIENT_KEY;
	return options->key_file == NULL ||
	       (SSL_CTX_use_PrivateKey_file(ssl, options->key_file, SSL_FILETYPE_PEM) == 1 &&
		       SSL_CTX_check_private_key(ssl) == 1);
}

struct tls_client_context *tls_client_context_create(const struct tls_client_options *options,
	enum tls_client_part *part_r, char *why, size_t why_size)
{
	struct tls_client_context *context;
	SSL_CTX *ssl;

	ERR_clear_error();
	*part_r = TLS_CLIENT_LIBRARY;
	ssl = SSL_CTX_new(TLS_client_method());
	if (ssl == NULL || !load(ssl, options, part_r)) {
		const char *reason = ERR_reason_error_string(ERR_peek_last_error());

		snprintf(why, why_size, "%s", reason == NULL ? "unknown reason" : reason);
		SSL_CTX_free(ssl);
		ERR_clear_error();
		return NULL;
	}
	SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(ssl, options->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	context = mem_alloc(sizeof(*context));
	context->ssl = ssl;
	context->verify = options->verify;
	return context;
}

void tls_client_context_free(struct tls_client_context **context)
{
	if (*context == NULL)
		return;
	SSL_CTX_free((*context)->ssl);
	mem_free(*context);
	*context = NULL;
}

/* RFC 6125: the name that the administrator wrote, or the address. */
static bool set_identity(SSL *ssl, bool verify, const char *host)
{
	unsigned char address[16];

	if (inet_pton(AF_INET, host, address) != 1 && inet_pton(AF_INET6, host, address) != 1)
		return SSL_set_tlsext_host_name(ssl, host) == 1 &&
		       (!verify || SSL_set1_host(ssl, host) == 1);
	return !verify || X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
}

struct tls_client *tls_client_create(
	const struct tls_client_context *context, int fd, const char *host)
{
	struct tls_client *tls;
	SSL *ssl;

	ERR_clear_error();
	ssl = SSL_new(context->ssl);
	if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 || !set_identity(ssl, context->verify, host)) {
		ERR_clear_error();
		SSL_free(ssl);
		return NULL;
	}
	SSL_set_connect_state(ssl);
	tls = mem_alloc(sizeof(*tls));
	tls->ssl = ssl;
	return tls;
}

void tls_client_free(struct tls_client **tls_ptr)
{
	struct tls_client *tls = *tls_ptr;

	if (tls == NULL)
		return;
	*tls_ptr = NULL;
	if (SSL_is_init_finished(tls->ssl) && tls->error == 0)
		(void)SSL_shutdown(tls->ssl);
	SSL_free(tls->ssl);
	ERR_clear_error();
	mem_free(tls);
}

struct ssl_st *tls_client_own(const struct tls_client *tls)
{
	return tls->ssl;
}

void tls_client_give_away(struct tls_client **tls)
{
	mem_free(*tls);
	*tls = NULL;
}

/* RESULT of a call that did not succeed. */
static enum tls_client_progress progress_of(struct tls_client *tls, int result)
{
	switch (SSL_get_error(tls->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return TLS_CLIENT_WANTS_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_CLIENT_WANTS_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_CLIENT_ENDED;
	default:
		tls->error = ERR_peek_error();
		ERR_clear_error();
		return TLS_CLIENT_FAILED;
	}
}

enum tls_client_progress tls_client_shake_hands(struct tls_client *tls)
{
	int result;

	ERR_clear_error();
	result = SSL_do_handshake(tls->ssl);
	return result == 1 ? TLS_CLIENT_DONE : progress_of(tls, result);
}

enum tls_client_progress tls_client_read(
	struct tls_client *tls, char *bytes, size_t size, size_t *length_r)
{
	int result;

	ERR_clear_error();
	result = SSL_read_ex(tls->ssl, bytes, size, length_r);
	return result == 1 ? TLS_CLIENT_DONE : progress_of(tls, result);
}

enum tls_client_progress tls_client_write(
	struct tls_client *tls, const char *bytes, size_t length, size_t *written_r)
{
	int result;

	ERR_clear_error();
	result = SSL_write_ex(tls->ssl, bytes, length, written_r);
	return result == 1 ? TLS_CLIENT_DONE : progress_of(tls, result);
}

bool tls_client_is_quiet(struct tls_client *tls)
{
	size_t length;
	char byte;

	ERR_clear_error();
	/* Session tickets come after the handshake, and are read by this. */
	return progress_of(tls, SSL_peek_ex(tls->ssl, &byte, 1, &length)) == TLS_CLIENT_WANTS_READ;
}

void tls_client_explain(const struct tls_client *tls, char *why, size_t why_size)
{
	long verified = SSL_get_verify_result(tls->ssl);
	const char *reason = tls->error == 0 ? NULL : ERR_reason_error_string(tls->error);

	if ((SSL_get_verify_mode(tls->ssl) & SSL_VERIFY_PEER) != 0 && verified != X509_V_OK)
		snprintf(why, why_size, "TLS: its certificate: %s",
			X509_verify_cert_error_string(verified));
	else
		snprintf(
			why, why_size, "TLS: %s", reason == NULL ? "the connection ended" : reason);
}
