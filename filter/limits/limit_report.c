/* SPDX-License-Identifier: BSD-2-Clause */
#include "limit_report.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "limit_alarm.h"
#include "limit_reply.h"

static uint32_t some_number(void)
{
	unsigned char bytes[STORE_ID_SIZE];
	uint32_t number;

	store_id(bytes);
	memcpy(&number, bytes, sizeof(number));
	return number;
}

void limit_report_over(struct call *call, const struct limit_options *limit,
	const struct reservation_charge *charge, const struct reservation_answer *answer)
{
	bool watched = limit_is_held_back(limit, &call->session->client);
	const struct limit_reply reply = {
		.text = limit->reply,
		.count = (enum limit_count)limit->count,
		.limit = answer->limit,
		.window_ms = charge->window_ms,
		.wait_ms = limit_spread_wait(
			answer->retry_after_ms, charge->window_ms, limit->spread, some_number()),
		.never = answer->limit == 0 || charge->units > answer->limit,
	};
	char window[32], amount[48];
	struct finding *finding;

	limit_window(charge->window_ms, window, sizeof(window));
	finding = report_action(call, LIMIT_CHECK_RATE, RESULT_FAIL,
		watched ? ACTION_MONITOR : limit->action, limit->title,
		"limit %s: %s has used %lld of %s per %s%s", limit->title, charge->label,
		(long long)answer->used,
		limit_amount(reply.count, answer->limit, amount, sizeof(amount)), window,
		answer->local ? ", counted here since the store does not answer" : "");
	if (finding != NULL) {
		finding->would = limit->action;
		finding->used = answer->used;
		finding->most = answer->limit;
		finding->window_ms = charge->window_ms;
		limit_reply_write(&reply, finding->reply, sizeof(finding->reply));
	}
	limit_alarm(call->session, limit, charge, answer);
}

void limit_report_down(struct call *call, const struct limit_options *limit, bool refuse)
{
	struct finding *finding = report_action(call, LIMIT_CHECK_RATE, RESULT_TEMPERROR,
		refuse ? ACTION_TEMPFAIL : ACTION_MONITOR, limit->title,
		"limit %s: the store does not answer", limit->title);

	if (finding != NULL)
		snprintf(finding->reply, sizeof(finding->reply),
			"cannot be counted now, try again later");
}

/* True while it is not exceeded by CHARGE. */
static bool peek(
	const struct session *session, const struct reservation_charge *charge, int64_t *used_r)
{
	const struct store_charge peek = {.key = charge->key,
		.label = charge->label,
		.window_ms = charge->window_ms,
		.limit = charge->limit,
		.members = charge->unique ? charge->member : NULL,
		.member_count = charge->unique};

	if (store_peek(session->services->store, &peek, 1, used_r) != STORE_OK)
		return false;
	*used_r += charge->pretended;
	/* A unique one may be among those that are counted already. */
	return *used_r + (charge->unique ? 0 : charge->units) <= charge->limit;
}

void limit_report_use(struct call *call, const struct limit_options *limit,
	const struct reservation_charge *charge)
{
	enum limit_count count = (enum limit_count)limit->count;
	char window[32], most[48], left[48];
	struct finding *finding;
	int64_t used;

	if (!peek(call->session, charge, &used))
		return;
	finding = report_action(call, LIMIT_CHECK_RATE, RESULT_PASS, ACTION_OFF, limit->title,
		"limit %s: %s has used %lld of %s per %s, %s left", limit->title, charge->label,
		(long long)used, limit_amount(count, charge->limit, most, sizeof(most)),
		limit_window(charge->window_ms, window, sizeof(window)),
		limit_amount(count, charge->limit - used, left, sizeof(left)));
	if (finding == NULL)
		return;
	finding->used = used;
	finding->most = charge->limit;
	finding->window_ms = charge->window_ms;
}
