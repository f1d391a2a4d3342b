/* SPDX-License-Identifier: BSD-2-Clause */
#include "callahead_greeting.h"

#include <stdio.h>

#include "clock.h"

/* One connection while it is being opened. */
struct opening {
	struct callahead_greeting *greeting;
	struct callahead_link *link;
	const struct ipaddr *address;
	uint64_t deadline_ms;
	struct callahead_reply reply;
	char *why;
};

static bool listen_to_banner(struct opening *opening)
{
	if (!callahead_link_listen(
		    opening->link, opening->deadline_ms, &opening->reply, opening->why))
		return false;
	if (opening->reply.code == 220)
		return true;
	snprintf(opening->why, CALLAHEAD_WHY_SIZE, "it greets with %u", opening->reply.code);
	return false;
}

static bool say_hello(struct opening *opening, const char *verb)
{
	char command[CALLAHEAD_COMMAND_MAX];

	snprintf(command, sizeof(command), "%s %s", verb, opening->greeting->our_name);
	return callahead_link_ask(
		opening->link, command, opening->deadline_ms, &opening->reply, opening->why);
}

static bool introduce(struct opening *opening)
{
	bool lmtp = opening->greeting->target->lmtp;
	const char *verb = lmtp ? "LHLO" : "EHLO";

	if (!say_hello(opening, verb))
		return false;
	if (opening->reply.code / 100 == 5 && !lmtp) {
		verb = "HELO";
		if (!say_hello(opening, verb))
			return false;
	}
	callahead_link_set_smtputf8(opening->link, opening->reply.smtputf8);
	if (opening->reply.code == 250)
		return true;
	snprintf(
		opening->why, CALLAHEAD_WHY_SIZE, "it answers %u to %s", opening->reply.code, verb);
	return false;
}

/* Time for an attempt to go without it must be left. */
static uint64_t tls_deadline(const struct opening *opening)
{
	uint64_t now = clock_monotonic_ms();

	if (!opening->greeting->may_be_plain || opening->deadline_ms <= now)
		return opening->deadline_ms;
	return now + (opening->deadline_ms - now) / 2;
}

/* The target has offered it. */
static bool start_tls(struct opening *opening)
{
	struct callahead_greeting *greeting = opening->greeting;
	uint64_t deadline_ms = tls_deadline(opening);
	struct callahead_reply reply;

	greeting->tls_failed = true;
	if (!callahead_link_ask(opening->link, "STARTTLS", deadline_ms, &reply, opening->why))
		return false;
	if (reply.code == 220)
		greeting->tls_failed = !callahead_link_encrypt(opening->link, greeting->tls,
			greeting->target, opening->address, deadline_ms, opening->why);
	else
		snprintf(opening->why, CALLAHEAD_WHY_SIZE, "it answers %u to STARTTLS", reply.code);
	/* RFC 3207 4.2: what was said before does not count. */
	return !greeting->tls_failed && introduce(opening);
}

/* After EHLO in the clear. */
static bool agree_on_tls(struct opening *opening)
{
	if (opening->greeting->tls == NULL)
		return true;
	if (opening->reply.starttls)
		return start_tls(opening);
	snprintf(opening->why, CALLAHEAD_WHY_SIZE, "it offers no STARTTLS");
	return opening->greeting->may_be_plain;
}

struct callahead_link *callahead_greeting_open(struct callahead_greeting *greeting,
	const struct ipaddr *address, uint64_t deadline_ms, char why[CALLAHEAD_WHY_SIZE])
{
	struct opening opening = {
		.greeting = greeting, .address = address, .deadline_ms = deadline_ms, .why = why};

	greeting->tls_failed = false;
	opening.link = callahead_link_open(greeting->target, address, deadline_ms, why);
	if (opening.link == NULL)
		return NULL;
	if (!listen_to_banner(&opening) || !introduce(&opening) || !agree_on_tls(&opening))
		callahead_link_close(&opening.link);
	return opening.link;
}
