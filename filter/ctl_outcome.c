/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl_outcome.h"

#include <stdio.h>
#include <sysexits.h>

static void print_json_text(const char *text)
{
	putchar('"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else if (*text < 0x20 || *text > 0x7e)
			printf("\\u%04x", (unsigned char)*text);
		else
			putchar(*text);
	}
	putchar('"');
}

static void print_json_answer(const struct dns_answer *answer, bool first)
{
	char line[400];

	printf("%s{\"name\": ", first ? "" : ", ");
	print_json_text(answer->name);
	printf(", \"type\": \"%s\", \"status\": \"%s\", \"ttl\": %u, \"answer\": ",
		dns_type_name(answer->type), dns_status_name(answer->status), answer->ttl);
	print_json_text(dns_answer_format(answer, line, sizeof(line)));
	putchar('}');
}

static void print_answers(bool json, struct inquiry *const *inquiries)
{
	enum { SHOWN_MAX = 64 };
	bool first = true;

	for (; *inquiries != NULL; inquiries++) {
		const struct dns_answer *answers[SHOWN_MAX] = {NULL};
		size_t count = inquiry_answers(*inquiries, answers, SHOWN_MAX);

		for (size_t i = 0; i < count && i < SHOWN_MAX; i++) {
			char line[400];

			if (json)
				print_json_answer(answers[i], first);
			else
				printf("  %s (TTL %u)\n",
					dns_answer_format(answers[i], line, sizeof(line)),
					answers[i]->ttl);
			first = false;
		}
	}
}

int ctl_print_outcome(
	bool json, const struct ctl_outcome *outcome, struct inquiry *const *inquiries)
{
	if (json) {
		fputs("{\"result\": ", stdout);
		print_json_text(outcome->result);
		fputs(", \"evidence\": ", stdout);
		print_json_text(outcome->evidence);
		if (outcome->explanation != NULL) {
			fputs(", \"explanation\": ", stdout);
			print_json_text(outcome->explanation);
		}
		fputs(", \"answers\": [", stdout);
		print_answers(json, inquiries);
		puts("]}");
	} else {
		puts(outcome->result);
		if (outcome->explanation != NULL && outcome->explanation[0] != '\0')
			printf("exp=%s\n", outcome->explanation);
		printf("%s\n", outcome->evidence);
		print_answers(json, inquiries);
	}
	return outcome->temporary ? EX_TEMPFAIL : EX_OK;
}
