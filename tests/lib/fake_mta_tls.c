/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake_mta_tls.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

struct fake_mta_tls {
	EVP_PKEY *key;
	X509 *certificate;
	SSL_CTX *context;
};

static void must(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "fake_mta_tls: %s\n", what);
	abort();
}

static void add_extension(X509 *certificate, int kind, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, kind, value);

	must(extension != NULL && X509_add_ext(certificate, extension, -1) == 1, value);
	X509_EXTENSION_free(extension);
}

static X509 *make_certificate(EVP_PKEY *key)
{
	static const unsigned char name[] = "SECRET.example.org";
	X509 *certificate = X509_new();
	X509_NAME *subject;

	must(certificate != NULL, "X509_new");
	subject = X509_get_subject_name(certificate);
	must(X509_set_version(certificate, 2), "version");
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
	must(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, name, -1, -1, 0), "subject");
	must(X509_set_issuer_name(certificate, subject), "issuer");
	must(X509_set_pubkey(certificate, key), "key");
	add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
	add_extension(certificate, NID_subject_alt_name, "DNS:store.example.org,IP:127.0.0.1");
	must(X509_sign(certificate, key, EVP_sha256()), "signature");
	return certificate;
}

struct fake_mta_tls *fake_mta_tls_create(void)
{
	struct fake_mta_tls *tls = calloc(1, sizeof(*tls));

	must(tls != NULL, "calloc");
	tls->key = EVP_EC_gen("P-256");
	must(tls->key != NULL, "EVP_EC_gen");
	tls->certificate = make_certificate(tls->key);
	tls->context = SSL_CTX_new(TLS_server_method());
	must(tls->context != NULL, "SSL_CTX_new");
	must(SSL_CTX_use_certificate(tls->context, tls->certificate), "use_certificate");
	must(SSL_CTX_use_PrivateKey(tls->context, tls->key), "use_PrivateKey");
	return tls;
}

void fake_mta_tls_free(struct fake_mta_tls **tls_ptr)
{
	struct fake_mta_tls *tls = *tls_ptr;

	*tls_ptr = NULL;
	SSL_CTX_free(tls->context);
	X509_free(tls->certificate);
	EVP_PKEY_free(tls->key);
	free(tls);
}

void fake_mta_tls_write_certificate(const struct fake_mta_tls *tls, const char *path)
{
	FILE *out = fopen(path, "we");

	must(out != NULL && PEM_write_X509(out, tls->certificate) && fclose(out) == 0, path);
}

struct fake_mta_wire *fake_mta_wire_accept(struct fake_mta_tls *tls, int fd)
{
	SSL *ssl = SSL_new(tls->context);

	must(ssl != NULL && SSL_set_fd(ssl, fd), "SSL_new");
	if (SSL_accept(ssl) == 1)
		return (struct fake_mta_wire *)(void *)ssl;
	SSL_free(ssl);
	return NULL;
}

void fake_mta_wire_close(struct fake_mta_wire **wire)
{
	SSL_free((SSL *)(void *)*wire);
	*wire = NULL;
}

ssize_t fake_mta_wire_read(struct fake_mta_wire *wire, char *bytes, size_t size)
{
	return SSL_read((SSL *)(void *)wire, bytes, (int)size);
}

ssize_t fake_mta_wire_write(struct fake_mta_wire *wire, const char *bytes, size_t length)
{
	return SSL_write((SSL *)(void *)wire, bytes, (int)length);
}
