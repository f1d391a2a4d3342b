/* SPDX-License-Identifier: BSD-2-Clause */
#include "callahead_tls.h"

#include <assert.h>
#include <stdio.h>

#include "log.h"
#include "mem.h"
#include "tls_client.h"

static_assert((int)TLS_CLIENT_DONE == (int)CALLAHEAD_DONE &&
		      (int)TLS_CLIENT_WANTS_READ == (int)CALLAHEAD_WANTS_READ &&
		      (int)TLS_CLIENT_WANTS_WRITE == (int)CALLAHEAD_WANTS_WRITE &&
		      (int)TLS_CLIENT_ENDED == (int)CALLAHEAD_ENDED &&
		      (int)TLS_CLIENT_FAILED == (int)CALLAHEAD_FAILED,
	"the steps of TLS are those of a socket");

struct callahead_tls_context {
	struct tls_client_context *client;
};

struct callahead_tls {
	struct tls_client *client;
};

static struct tls_client_context *create(
	const struct callahead_tls_options *options, char why[CALLAHEAD_WHY_SIZE])
{
	struct tls_client_options wanted = {
		.verify = options->level == CALLAHEAD_TLS_VERIFY, .ca_file = options->authorities};
	enum tls_client_part part;
	char reason[64];
	struct tls_client_context *client =
		tls_client_context_create(&wanted, &part, reason, sizeof(reason));

	if (client == NULL && part == TLS_CLIENT_LIBRARY)
		snprintf(why, CALLAHEAD_WHY_SIZE, "OpenSSL has no TLS");
	else if (client == NULL)
		snprintf(why, CALLAHEAD_WHY_SIZE,
			"%.100s holds no certificate of an authority (PEM)",
			options->authorities == NULL ? "the system" : options->authorities);
	return client;
}

bool callahead_tls_check(const struct callahead_tls_options *options, char why[CALLAHEAD_WHY_SIZE])
{
	struct tls_client_context *client;
	bool good;

	if (options->level != CALLAHEAD_TLS_VERIFY)
		return true;
	client = create(options, why);
	good = client != NULL;
	tls_client_context_free(&client);
	return good;
}

struct callahead_tls_context *callahead_tls_context_create(
	const struct callahead_tls_options *options)
{
	char nobody[] = "";
	struct callahead_tls_options without = {options->level, nobody};
	struct callahead_tls_context *context;
	struct tls_client_context *client;
	char why[CALLAHEAD_WHY_SIZE];

	if (options->level == CALLAHEAD_TLS_NONE)
		return NULL;
	client = create(options, why);
	if (client == NULL) {
		/* Without authorities nobody is believed. */
		log_warning("call-ahead: %s", why);
		client = create(&without, why);
	}
	if (client == NULL)
		return NULL;
	context = mem_alloc(sizeof(*context));
	context->client = client;
	return context;
}

void callahead_tls_context_free(struct callahead_tls_context **context)
{
	if (*context == NULL)
		return;
	tls_client_context_free(&(*context)->client);
	mem_free(*context);
	*context = NULL;
}

struct callahead_tls *callahead_tls_create(struct callahead_tls_context *context, int fd,
	const struct callahead_target *target, const struct ipaddr *address)
{
	char text[IPADDR_TEXT_SIZE];
	struct callahead_tls *tls;
	struct tls_client *client = tls_client_create(context->client, fd,
		target->host[0] != '\0' ? target->host : ipaddr_format(address, text));

	if (client == NULL)
		return NULL;
	tls = mem_alloc(sizeof(*tls));
	tls->client = client;
	return tls;
}

void callahead_tls_free(struct callahead_tls **tls)
{
	if (*tls == NULL)
		return;
	tls_client_free(&(*tls)->client);
	mem_free(*tls);
	*tls = NULL;
}

enum callahead_progress callahead_tls_shake_hands(struct callahead_tls *tls)
{
	return (enum callahead_progress)tls_client_shake_hands(tls->client);
}

enum callahead_progress callahead_tls_read(
	struct callahead_tls *tls, char *bytes, size_t size, size_t *length_r)
{
	return (enum callahead_progress)tls_client_read(tls->client, bytes, size, length_r);
}

enum callahead_progress callahead_tls_write(
	struct callahead_tls *tls, const char *bytes, size_t length, size_t *written_r)
{
	return (enum callahead_progress)tls_client_write(tls->client, bytes, length, written_r);
}

bool callahead_tls_is_quiet(struct callahead_tls *tls)
{
	return tls_client_is_quiet(tls->client);
}

void callahead_tls_explain(const struct callahead_tls *tls, char why[CALLAHEAD_WHY_SIZE])
{
	tls_client_explain(tls->client, why, CALLAHEAD_WHY_SIZE);
}
