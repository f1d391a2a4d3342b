/* SPDX-License-Identifier: BSD-2-Clause */
#include "limit_charge.h"

#include <string.h>

#include "mailbox_identity.h"

/* Counted once, however many recipients there are. */
static bool is_counted_once(const struct limit_options *limit)
{
	return limit->count == COUNT_MESSAGES || limit->count == COUNT_CONNECTIONS;
}

/* What the recipient counts as; one that is no path, as it is written. */
static void make_member(const struct session *session, const struct limit_options *limit,
	unsigned char member[STORE_MEMBER_SIZE])
{
	const struct recipient *recipient = session->recipient;
	char identity[PATH_SIZE];

	if (recipient->error == PATH_OK)
		store_member(
			member, mailbox_identity(&recipient->path, limit->extension, identity));
	else
		store_member(member, recipient->raw);
}

/* It is counted by this message already. */
static bool is_held(const struct limit_options *limit, const struct reservation *reservation,
	const struct reservation_charge *charge)
{
	if (charge->unique)
		return reservation_holds_member(reservation, charge->key, charge->member);
	return is_counted_once(limit) && reservation_holds(reservation, charge->key);
}

/* What is set down of the charge, but for whose it is. */
static struct reservation_charge charge_at(const struct limit_options *limit,
	const struct limit_step_facts *facts, const struct rate *rate)
{
	bool looked = limit->count == COUNT_BYTES && facts->declared > 0;
	int64_t bytes = looked ? facts->declared : facts->bytes;

	return (struct reservation_charge){
		.window_ms = rate->window_ms,
		.limit = rate->count,
		.local_limit = limit_share(limit, rate),
		.units = limit->count == COUNT_BYTES ? bytes : 1,
		.title = limit->title,
		.unique = limit->count == COUNT_UNIQUE_RECIPIENTS,
		.outage = (enum outage)limit->outage,
		.looked = looked,
		/* One connection is one attempt, however many recipients it asks for. */
		.strict = limit->strict && !looked &&
			  !(limit->count == COUNT_CONNECTIONS && facts->tried),
		.watched = !limit_refuses(limit, &facts->session->client),
	};
}

bool limit_charge_make(const struct limit_options *limit, const struct limit_step_facts *facts,
	const struct reservation *reservation, struct reservation_charge *charge)
{
	const struct limit_key_options key_options = {
		.title = limit->title,
		.extension = limit->extension,
		.prefix_v4 = (unsigned)limit->prefix_v4,
		.prefix_v6 = (unsigned)limit->prefix_v6,
		.overrides = limit->overrides,
		.raises = limit_raises_of(facts->raises, limit->title),
	};
	struct limit_identity identity;

	if (!limit_key_make(&limit->key, &key_options, facts->session, facts->proof,
		    facts->deadline_ms, &identity) ||
		(identity.override != NULL && identity.override->unlimited))
		return false;
	*charge = charge_at(
		limit, facts, identity.override != NULL ? &identity.override->rate : &limit->rate);
	memcpy(charge->key, identity.key, sizeof(charge->key));
	memcpy(charge->label, identity.label, sizeof(charge->label));
	if (charge->unique)
		make_member(facts->session, limit, charge->member);
	if (reservation == NULL)
		return true;
	/* A message is one attempt, too: it is counted by its first recipient that was refused. */
	if (limit->count == COUNT_MESSAGES && reservation_has_tried(reservation, charge->key)) {
		charge->units = 0;
		charge->strict = false;
	}
	return !is_held(limit, reservation, charge);
}
