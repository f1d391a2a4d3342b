/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl_outcome.h"

#include <stdio.h>
#include <sysexits.h>

#include "decision_record.h"
#include "json_write.h"
#include "mem.h"

enum { ANSWERS_MAX = 64, JSON_SIZE = 256 << 10 };

static void add_answers(struct text *json, struct inquiry *inquiry)
{
	const struct dns_answer *answers[ANSWERS_MAX];
	size_t count = inquiry_answers(inquiry, answers, ANSWERS_MAX);

	for (size_t i = 0; i < count; i++) {
		json_open(json, NULL, '{');
		decision_record_answer(json, answers[i]);
		json_close(json, '}');
	}
}

static void print_json(const struct ctl_outcome *outcome, struct inquiry *const *inquiries)
{
	struct text json;

	text_init(&json, mem_alloc(JSON_SIZE), JSON_SIZE);
	json_open(&json, NULL, '{');
	json_add_text(&json, "result", outcome->result);
	json_add_text(&json, "evidence", outcome->evidence);
	if (outcome->explanation != NULL)
		json_add_text(&json, "explanation", outcome->explanation);
	json_open(&json, "answers", '[');
	for (; *inquiries != NULL; inquiries++)
		add_answers(&json, *inquiries);
	json_close(&json, ']');
	json_close(&json, '}');
	puts(json.buffer);
	mem_free(json.buffer);
}

static void print_answers(struct inquiry *inquiry)
{
	const struct dns_answer *answers[ANSWERS_MAX];
	size_t count = inquiry_answers(inquiry, answers, ANSWERS_MAX);

	for (size_t i = 0; i < count; i++) {
		char line[400];

		printf("  %s (TTL %u)\n", dns_answer_format(answers[i], line, sizeof(line)),
			answers[i]->ttl);
	}
}

int ctl_print_outcome(
	bool json, const struct ctl_outcome *outcome, struct inquiry *const *inquiries)
{
	if (json) {
		print_json(outcome, inquiries);
	} else {
		puts(outcome->result);
		if (outcome->explanation != NULL && outcome->explanation[0] != '\0')
			printf("exp=%s\n", outcome->explanation);
		printf("%s\n", outcome->evidence);
		for (; *inquiries != NULL; inquiries++)
			print_answers(*inquiries);
	}
	return outcome->temporary ? EX_TEMPFAIL : EX_OK;
}
