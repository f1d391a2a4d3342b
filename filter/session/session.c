/* SPDX-License-Identifier: BSD-2-Clause */
#include "session.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "clock.h"
#include "mem.h"

/* Unique over restarts and hosts without a lock: a random start, then counted. */
static void make_id(char id[SESSION_ID_SIZE])
{
	static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	static _Atomic uint64_t next;
	uint64_t value, before = 0;

	if (atomic_load(&next) == 0) {
		uint64_t start;

		if (getrandom(&start, sizeof(start), 0) != (ssize_t)sizeof(start))
			start = clock_wall_ms() * 2654435761U;
		atomic_compare_exchange_strong(&next, &before, start | 1);
	}
	value = atomic_fetch_add(&next, 1);
	for (size_t i = 0; i < SESSION_ID_SIZE - 1; i++) {
		id[i] = alphabet[value & 31U];
		value >>= 5;
	}
	id[SESSION_ID_SIZE - 1] = '\0';
}

void session_init(struct session *session, const struct site *site, const struct services *services)
{
	*session = (struct session){.site = site, .services = services};
	session->transaction.declared_size = -1;
	make_id(session->id);
}

static void clear_findings(struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		mem_free(findings->items[i]);
	mem_free(findings->items);
	*findings = (struct findings){0};
}

static void end_transaction(struct session *session)
{
	struct transaction *transaction = &session->transaction;

	clear_findings(&session->findings[SCOPE_TRANSACTION]);
	inquiry_free(&transaction->mailhosts);
	inquiry_free(&transaction->spf);
	inquiry_free(&transaction->dmarc);
	mem_free(transaction->dmarc_outcome);
	header_section_free(&transaction->header);
	for (size_t i = 0; i < transaction->edit_count; i++) {
		mem_free(transaction->edits[i].name);
		mem_free(transaction->edits[i].value);
	}
	mem_free(transaction->edits);
	*transaction = (struct transaction){.declared_size = -1};
}

static void end_greeting(struct session *session)
{
	clear_findings(&session->findings[SCOPE_GREETING]);
	inquiry_free(&session->helo_mailhosts);
	inquiry_free(&session->helo_spf);
	session->greeted = false;
	session->helo_raw[0] = '\0';
	session->helo[0] = '\0';
	session->helo_literal = (struct ipaddr){0};
}

static void end_connection(struct session *session)
{
	struct session bare = {
		.site = session->site,
		.services = session->services,
		.conf = session->conf,
		.dry_run = session->dry_run,
		.keep_all = session->keep_all,
		.transaction.declared_size = -1,
	};

	clear_findings(&session->findings[SCOPE_CONNECTION]);
	inquiry_free(&session->iprev);
	memcpy(bare.id, session->id, sizeof(bare.id));
	*session = bare;
}

void session_end_scope(struct session *session, enum scope scope)
{
	clear_findings(&session->findings[SCOPE_RECIPIENT]);
	session->recipient = NULL;
	if (scope == SCOPE_RECIPIENT)
		return;
	end_transaction(session);
	if (scope == SCOPE_TRANSACTION)
		return;
	end_greeting(session);
	if (scope == SCOPE_CONNECTION)
		end_connection(session);
}

struct finding *session_add_finding(struct session *session, enum scope scope)
{
	struct findings *findings = &session->findings[scope];
	struct finding *finding = mem_alloc(sizeof(*finding));

	findings->items =
		mem_resize(findings->items, findings->count + 1, sizeof(findings->items[0]));
	findings->items[findings->count++] = finding;
	return finding;
}

void session_add_edit(struct session *session, enum edit_kind kind, const char *name,
	const char *value, unsigned index)
{
	struct transaction *transaction = &session->transaction;

	transaction->edits = mem_resize(
		transaction->edits, transaction->edit_count + 1, sizeof(transaction->edits[0]));
	transaction->edits[transaction->edit_count++] = (struct edit){
		.kind = kind,
		.name = mem_text(name),
		.value = value == NULL ? NULL : mem_text(value),
		.index = index,
	};
}
