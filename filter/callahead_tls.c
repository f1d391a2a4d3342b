/* SPDX-License-Identifier: BSD-2-Clause */
#include "callahead_tls.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "log.h"
#include "mem.h"

struct callahead_tls_context {
	SSL_CTX *ssl;
	bool verify;
};

struct callahead_tls {
	SSL *ssl;
	unsigned long error; /* of OpenSSL, the last */
};

static void explain(unsigned long error, char why[CALLAHEAD_WHY_SIZE])
{
	const char *reason = error == 0 ? NULL : ERR_reason_error_string(error);

	snprintf(why, CALLAHEAD_WHY_SIZE, "TLS: %s",
		reason == NULL ? "the connection ended" : reason);
}

static bool load_authorities(
	SSL_CTX *ssl, const struct callahead_tls_options *options, char why[CALLAHEAD_WHY_SIZE])
{
	ERR_clear_error();
	if (options->authorities == NULL
			? SSL_CTX_set_default_verify_paths(ssl) == 1
			: SSL_CTX_load_verify_locations(ssl, options->authorities, NULL) == 1)
		return true;
	snprintf(why, CALLAHEAD_WHY_SIZE, "%.100s holds no certificate of an authority (PEM)",
		options->authorities == NULL ? "the system" : options->authorities);
	ERR_clear_error();
	return false;
}

bool callahead_tls_check(const struct callahead_tls_options *options, char why[CALLAHEAD_WHY_SIZE])
{
	SSL_CTX *ssl;
	bool good;

	if (options->level != CALLAHEAD_TLS_VERIFY)
		return true;
	ssl = SSL_CTX_new(TLS_client_method());
	snprintf(why, CALLAHEAD_WHY_SIZE, "OpenSSL has no TLS");
	good = ssl != NULL && load_authorities(ssl, options, why);
	SSL_CTX_free(ssl);
	return good;
}

struct callahead_tls_context *callahead_tls_context_create(
	const struct callahead_tls_options *options)
{
	struct callahead_tls_context *context;
	char why[CALLAHEAD_WHY_SIZE];
	SSL_CTX *ssl;

	if (options->level == CALLAHEAD_TLS_NONE)
		return NULL;
	ssl = SSL_CTX_new(TLS_client_method());
	if (ssl == NULL) {
		ERR_clear_error();
		log_warning("call-ahead: OpenSSL has no TLS");
		return NULL;
	}
	SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	context = mem_alloc(sizeof(*context));
	context->ssl = ssl;
	context->verify = options->level == CALLAHEAD_TLS_VERIFY;
	if (context->verify) {
		/* Without authorities nobody is believed. */
		if (!load_authorities(ssl, options, why))
			log_warning("call-ahead: %s", why);
		SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	}
	return context;
}

void callahead_tls_context_free(struct callahead_tls_context **context_ptr)
{
	struct callahead_tls_context *context = *context_ptr;

	if (context == NULL)
		return;
	*context_ptr = NULL;
	SSL_CTX_free(context->ssl);
	mem_free(context);
}

/* RFC 6125: the name that the administrator wrote, or the address. */
static bool set_identity(
	SSL *ssl, bool verify, const struct callahead_target *target, const struct ipaddr *address)
{
	char text[IPADDR_TEXT_SIZE];

	if (target->host[0] != '\0')
		return SSL_set_tlsext_host_name(ssl, target->host) == 1 &&
		       (!verify || SSL_set1_host(ssl, target->host) == 1);
	return !verify || X509_VERIFY_PARAM_set1_ip_asc(
				  SSL_get0_param(ssl), ipaddr_format(address, text)) == 1;
}

struct callahead_tls *callahead_tls_create(struct callahead_tls_context *context, int fd,
	const struct callahead_target *target, const struct ipaddr *address)
{
	struct callahead_tls *tls;
	SSL *ssl;

	ERR_clear_error();
	ssl = SSL_new(context->ssl);
	if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 ||
		!set_identity(ssl, context->verify, target, address)) {
		ERR_clear_error();
		SSL_free(ssl);
		return NULL;
	}
	SSL_set_connect_state(ssl);
	tls = mem_alloc(sizeof(*tls));
	tls->ssl = ssl;
	return tls;
}

void callahead_tls_free(struct callahead_tls **tls_ptr)
{
	struct callahead_tls *tls = *tls_ptr;

	if (tls == NULL)
		return;
	*tls_ptr = NULL;
	if (SSL_is_init_finished(tls->ssl) && tls->error == 0)
		(void)SSL_shutdown(tls->ssl);
	SSL_free(tls->ssl);
	ERR_clear_error();
	mem_free(tls);
}

/* RESULT of a call that did not succeed. */
static enum callahead_progress progress_of(struct callahead_tls *tls, int result)
{
	switch (SSL_get_error(tls->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return CALLAHEAD_WANTS_READ;
	case SSL_ERROR_WANT_WRITE:
		return CALLAHEAD_WANTS_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return CALLAHEAD_ENDED;
	default:
		tls->error = ERR_peek_error();
		ERR_clear_error();
		return CALLAHEAD_FAILED;
	}
}

enum callahead_progress callahead_tls_shake_hands(struct callahead_tls *tls)
{
	int result;

	ERR_clear_error();
	result = SSL_do_handshake(tls->ssl);
	return result == 1 ? CALLAHEAD_DONE : progress_of(tls, result);
}

enum callahead_progress callahead_tls_read(
	struct callahead_tls *tls, char *bytes, size_t size, size_t *length_r)
{
	int result;

	ERR_clear_error();
	result = SSL_read_ex(tls->ssl, bytes, size, length_r);
	return result == 1 ? CALLAHEAD_DONE : progress_of(tls, result);
}

enum callahead_progress callahead_tls_write(
	struct callahead_tls *tls, const char *bytes, size_t length, size_t *written_r)
{
	int result;

	ERR_clear_error();
	result = SSL_write_ex(tls->ssl, bytes, length, written_r);
	return result == 1 ? CALLAHEAD_DONE : progress_of(tls, result);
}

bool callahead_tls_is_quiet(struct callahead_tls *tls)
{
	size_t length;
	char byte;

	ERR_clear_error();
	/* Session tickets come after the handshake, and are read by this. */
	return progress_of(tls, SSL_peek_ex(tls->ssl, &byte, 1, &length)) == CALLAHEAD_WANTS_READ;
}

void callahead_tls_explain(const struct callahead_tls *tls, char why[CALLAHEAD_WHY_SIZE])
{
	long verified = SSL_get_verify_result(tls->ssl);

	if ((SSL_get_verify_mode(tls->ssl) & SSL_VERIFY_PEER) != 0 && verified != X509_V_OK)
		snprintf(why, CALLAHEAD_WHY_SIZE, "TLS: its certificate: %s",
			X509_verify_cert_error_string(verified));
	else
		explain(tls->error, why);
}
