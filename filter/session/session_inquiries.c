/* SPDX-License-Identifier: BSD-2-Clause */
/* The inquiries that several policies share: each is started once for its scope. */
#include "session.h"

static bool has_client(const struct session *session)
{
	return session->client.family != IP_NONE;
}

const char *session_sender_domain(const struct session *session)
{
	const struct transaction *transaction = &session->transaction;

	if (!transaction->open || transaction->error != PATH_OK)
		return "";
	return transaction->reverse_path.null ? session->helo : transaction->reverse_path.domain;
}

struct inquiry *session_iprev(struct session *session)
{
	if (session->iprev == NULL && has_client(session))
		session->iprev = iprev_inquire(session->services->resolver, &session->client,
			session->site->time_limit_ms);
	return session->iprev;
}

static struct inquiry *start_mailhosts(struct session *session, const char *domain)
{
	if (domain[0] == '\0')
		return NULL;
	return mailhosts_inquire(session->services->resolver, domain, session->site->time_limit_ms);
}

struct inquiry *session_helo_mailhosts(struct session *session)
{
	if (session->helo_mailhosts == NULL)
		session->helo_mailhosts = start_mailhosts(session, session->helo);
	return session->helo_mailhosts;
}

struct inquiry *session_sender_mailhosts(struct session *session)
{
	struct transaction *transaction = &session->transaction;

	if (transaction->mailhosts == NULL)
		transaction->mailhosts = start_mailhosts(session, session_sender_domain(session));
	return transaction->mailhosts;
}

struct inquiry *session_helo_spf(struct session *session)
{
	if (session->helo_spf == NULL && has_client(session) && session->helo[0] != '\0')
		session->helo_spf = spf_inquire(session->services->resolver, SPF_HELO,
			&session->client, session->helo, "", "", session->site->hostname,
			session->site->time_limit_ms);
	return session->helo_spf;
}

struct inquiry *session_sender_spf(struct session *session)
{
	struct transaction *transaction = &session->transaction;

	if (transaction->spf == NULL && has_client(session) &&
		session_sender_domain(session)[0] != '\0')
		transaction->spf = spf_inquire(session->services->resolver, SPF_MAILFROM,
			&session->client, session->helo, transaction->reverse_path.local_part,
			transaction->reverse_path.domain, session->site->hostname,
			session->site->time_limit_ms);
	return transaction->spf;
}

static const void *result_of(struct inquiry *inquiry, uint64_t deadline_ms)
{
	return inquiry == NULL ? NULL : inquiry_wait(inquiry, deadline_ms);
}

const struct iprev *session_iprev_result(struct session *session, uint64_t deadline_ms)
{
	return result_of(session_iprev(session), deadline_ms);
}

const struct mailhosts *session_helo_mailhosts_result(struct session *session, uint64_t deadline_ms)
{
	return result_of(session_helo_mailhosts(session), deadline_ms);
}

const struct spf *session_helo_spf_result(struct session *session, uint64_t deadline_ms)
{
	return result_of(session_helo_spf(session), deadline_ms);
}

const struct mailhosts *session_sender_mailhosts_result(
	struct session *session, uint64_t deadline_ms)
{
	return result_of(session_sender_mailhosts(session), deadline_ms);
}

const struct spf *session_sender_spf_result(struct session *session, uint64_t deadline_ms)
{
	return result_of(session_sender_spf(session), deadline_ms);
}

static bool is_done(struct inquiry *inquiry)
{
	return inquiry == NULL || inquiry_result(inquiry) != NULL;
}

bool session_is_looked_up(const struct session *session)
{
	return is_done(session->iprev) && is_done(session->helo_mailhosts) &&
	       is_done(session->helo_spf) && is_done(session->transaction.mailhosts) &&
	       is_done(session->transaction.spf) && is_done(session->transaction.dmarc);
}

static void add_cost(struct inquiry *inquiry, unsigned *steps, struct session_dns_cost *cost)
{
	struct inquiry_cost one;

	if (inquiry == NULL || inquiry_result(inquiry) == NULL)
		return;
	inquiry_cost(inquiry, &one);
	cost->questions += one.questions;
	cost->sent += one.sent;
	if (one.steps > *steps)
		*steps = one.steps;
}

void session_dns_cost(struct session *session, struct session_dns_cost *cost_r)
{
	*cost_r = (struct session_dns_cost){0};
	add_cost(session->transaction.mailhosts, &cost_r->steps, cost_r);
	add_cost(session->transaction.spf, &cost_r->spf_steps, cost_r);
	add_cost(session->transaction.dmarc, &cost_r->steps, cost_r);
	if (session->messages > 1)
		return;
	add_cost(session->iprev, &cost_r->steps, cost_r);
	add_cost(session->helo_mailhosts, &cost_r->steps, cost_r);
	add_cost(session->helo_spf, &cost_r->spf_steps, cost_r);
}
