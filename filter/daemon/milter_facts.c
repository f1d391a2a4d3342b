/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter_facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "milter_socket.h"
#include "text.h"

static void copy_macro(
	const struct milter_macros *macros, const char *name, char *buffer, size_t size)
{
	const char *value = macros->value(macros->context, name);

	buffer[0] = '\0';
	if (value != NULL && !text_copy(buffer, size, value)) {
		memcpy(buffer, value, size - 1);
		buffer[size - 1] = '\0';
	}
}

/* True when it had to be cut. */
static bool copy_wire(char buffer[WIRE_TEXT_SIZE], const char *value)
{
	size_t length = strnlen(value, WIRE_TEXT_SIZE);
	bool cut = length == WIRE_TEXT_SIZE;

	if (cut)
		length = WIRE_TEXT_SIZE - 1;
	memcpy(buffer, value, length);
	buffer[length] = '\0';
	return cut;
}

void milter_facts_connect(struct session *session, const char *host, const struct sockaddr *address,
	const struct milter_macros *macros)
{
	if (!ipaddr_from_sockaddr(address, &session->client))
		session->client.family = IP_NONE;
	session->client_port = milter_socket_port(address);
	snprintf(session->mta_client_name, sizeof(session->mta_client_name), "%s", host);
	copy_macro(macros, "{daemon_name}", session->daemon_name, sizeof(session->daemon_name));
	copy_macro(macros, "j", session->mta_name, sizeof(session->mta_name));
}

static void copy_tls(struct session *session, const struct milter_macros *macros)
{
	char verify[16];

	copy_macro(macros, "{tls_version}", session->tls_version, sizeof(session->tls_version));
	copy_macro(macros, "{cert_subject}", session->tls_subject, sizeof(session->tls_subject));
	copy_macro(macros, "{cn_subject}", session->tls_name, sizeof(session->tls_name));
	/* Postfix gives the subject of verified certificates only, and no {verify}. */
	copy_macro(macros, "{verify}", verify, sizeof(verify));
	if (verify[0] != '\0' && !ascii_equal(verify, "OK"))
		session->tls_subject[0] = session->tls_name[0] = '\0';
	/* Who shows a certificate has its key, verified or not. Postfix has neither of these. */
	copy_macro(macros, "{cert_fp}", session->tls_fingerprint, sizeof(session->tls_fingerprint));
	if (session->tls_fingerprint[0] == '\0')
		copy_macro(macros, "{cert_md5}", session->tls_fingerprint,
			sizeof(session->tls_fingerprint));
}

void milter_facts_helo(
	struct session *session, const char *helo, const struct milter_macros *macros)
{
	session->greeted = true;
	if (copy_wire(session->helo_raw, helo) ||
		!domain_canonical(session->helo_raw, session->helo))
		session->helo[0] = '\0';
	if (!domain_parse_literal(session->helo_raw, &session->helo_literal))
		session->helo_literal.family = IP_NONE;
	copy_tls(session, macros);
}

/* RFC 1870 section 3; -1 for what is no number, or one that no message has. */
static int64_t read_size(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && digits <= 15 && text[digits] == '\0' ? strtoll(text, NULL, 10) : -1;
}

static void read_parameters(struct transaction *transaction, char *const *parameters)
{
	for (; *parameters != NULL; parameters++) {
		if (ascii_equal(*parameters, "SMTPUTF8"))
			transaction->smtputf8 = transaction->declared_8bit = true;
		else if (ascii_equal(*parameters, "BODY=8BITMIME") ||
			 ascii_equal(*parameters, "BODY=BINARYMIME"))
			transaction->declared_8bit = true;
		else if (ascii_starts_with(*parameters, "SIZE="))
			transaction->declared_size = read_size(*parameters + 5);
	}
}

void milter_facts_mail(
	struct session *session, char *const *arguments, const struct milter_macros *macros)
{
	struct transaction *transaction = &session->transaction;

	transaction->open = true;
	transaction->cut = copy_wire(transaction->raw, arguments[0]);
	read_parameters(transaction, arguments + 1);
	transaction->error =
		path_parse(transaction->raw, transaction->smtputf8, &transaction->reverse_path);
	if (transaction->cut)
		transaction->error = PATH_TOO_LONG;
	copy_macro(macros, "{auth_authen}", session->auth_user, sizeof(session->auth_user));
	copy_macro(
		macros, "{mail_addr}", transaction->mta_address, sizeof(transaction->mta_address));
	copy_macro(macros, "{mail_host}", transaction->mta_host, sizeof(transaction->mta_host));
	copy_macro(macros, "i", transaction->queue_id, sizeof(transaction->queue_id));
}

void milter_facts_rcpt(struct session *session, char *const *arguments, struct recipient *recipient,
	const struct milter_macros *macros)
{
	struct transaction *transaction = &session->transaction;

	recipient->cut = copy_wire(recipient->raw, arguments[0]);
	recipient->error = path_parse(recipient->raw, transaction->smtputf8, &recipient->path);
	if (recipient->cut)
		recipient->error = PATH_TOO_LONG;
	copy_macro(macros, "{rcpt_addr}", recipient->mta_address, sizeof(recipient->mta_address));
	copy_macro(macros, "{rcpt_mailer}", recipient->mta_mailer, sizeof(recipient->mta_mailer));
	copy_macro(macros, "{rcpt_host}", recipient->mta_host, sizeof(recipient->mta_host));
	copy_macro(macros, "i", transaction->queue_id, sizeof(transaction->queue_id));
}

void milter_facts_eom(struct session *session, const struct milter_macros *macros)
{
	copy_macro(
		macros, "i", session->transaction.queue_id, sizeof(session->transaction.queue_id));
}

bool milter_facts_refused(const struct recipient *recipient)
{
	return strcmp(recipient->mta_mailer, "error") == 0;
}
