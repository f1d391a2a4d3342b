/* SPDX-License-Identifier: BSD-2-Clause */
/* The whole path of a record, libspf2 included. Lines: client address, HELO name, local-part, domain;
 * every further line is an answer: a type ("T", "A", "6", "M", "P"), a blank, the beginning of the
 * names that it answers, a blank, and what stands in the record; "E", "X" or "N" instead of a type:
 * time-out, NXDOMAIN, NODATA for any type. What no line answers is NXDOMAIN. */
#include <stdio.h>

#include "fuzz.h"
#include "mem.h"
#include "spf.h"
#include "text.h"

enum {
	ASKED_MAX = 400,
	LINES_MAX = 200,
	/* The first record, ten terms of ten names each, one question ahead, the client's names, an
	 * explanation. */
	QUESTIONS_BOUND = 1 + 10 + 10 * 10 + 1 + 11 + 1,
	TEXTS_BOUND = 1 + 10 + 1 + 1
};

/* In place of inquiry.c: what a round asks is there in the next one. */
struct inquiry {
	const struct inquiry_kind *kind;
	void *state;
	unsigned round;
	size_t count;
	struct {
		const struct dns_answer *answer;
		unsigned round;
	} asked[ASKED_MAX];
};

static char *lines[LINES_MAX];
static size_t line_count;

/* Records in a line, separated by commas. */
enum { RECORDS_MAX = 30 };

static bool read_record(
	enum dns_type type, const char *value, size_t length, struct dns_record *record)
{
	char text[100];

	if (type == DNS_TXT) {
		record->text = mem_alloc(length + 1);
		memcpy(record->text, value, length);
		record->text_length = length;
		return true;
	}
	snprintf(text, sizeof(text), "%.*s", (int)(length < 90 ? length : 90), value);
	if (type == DNS_MX || type == DNS_PTR) {
		record->host = mem_text(text);
		return true;
	}
	return ipaddr_parse(text, &record->address);
}

static const struct dns_answer *answer_of(const char *name, enum dns_type type, const char *value)
{
	struct dns_record *records = mem_array(RECORDS_MAX, sizeof(*records));
	size_t count = 0;

	while (count < RECORDS_MAX) {
		size_t length = type == DNS_TXT ? strlen(value) : strcspn(value, ",");

		count += read_record(type, value, length, &records[count]);
		if (value[length] == '\0')
			break;
		value += length + 1;
	}
	return dns_answer_create(name, type, count > 0 ? DNS_OK : DNS_NODATA, 60, records, count);
}

static char letter_of(enum dns_type type)
{
	switch (type) {
	case DNS_TXT:
		return 'T';
	case DNS_A:
		return 'A';
	case DNS_AAAA:
		return '6';
	case DNS_MX:
		return 'M';
	default:
		return 'P';
	}
}

static bool can_be_asked(const char *name)
{
	return name[0] != '\0' && strlen(name) <= 253 && strstr(name, "..") == NULL;
}

static const struct dns_answer *find(const char *name, enum dns_type type)
{
	if (!can_be_asked(name))
		return dns_answer_create(name, type, DNS_INVALID, 0, NULL, 0);
	for (size_t i = 0; i < line_count; i++) {
		const char *line = lines[i];
		const char *prefix = line[0] != '\0' && line[1] == ' ' ? line + 2 : "?";
		size_t length = strcspn(prefix, " ");

		if (prefix[length] != ' ' || strncmp(prefix, name, length) != 0)
			continue;
		if (line[0] == letter_of(type))
			return answer_of(name, type, prefix + length + 1);
		if (strchr("EXN", line[0]) != NULL)
			return dns_answer_create(name, type,
				line[0] == 'E'	 ? DNS_TIMEOUT
				: line[0] == 'X' ? DNS_NXDOMAIN
						 : DNS_NODATA,
				60, NULL, 0);
	}
	return dns_answer_create(name, type, DNS_NXDOMAIN, 60, NULL, 0);
}

static size_t put(struct inquiry *inquiry, const char *name, enum dns_type type)
{
	for (size_t i = 0; i < inquiry->count; i++)
		if (inquiry->asked[i].answer->type == type &&
			ascii_equal(inquiry->asked[i].answer->name, name))
			return i;
	MUST_HOLD(inquiry->count < ASKED_MAX);
	inquiry->asked[inquiry->count].answer = find(name, type);
	inquiry->asked[inquiry->count].round = inquiry->round;
	return inquiry->count++;
}

const struct dns_answer *inquiry_ask(struct inquiry *inquiry, const char *name, enum dns_type type)
{
	size_t at = put(inquiry, name, type);

	return inquiry->asked[at].round < inquiry->round ||
			       inquiry->asked[at].answer->status == DNS_INVALID
		       ? inquiry->asked[at].answer
		       : NULL;
}

void inquiry_prefetch(struct inquiry *inquiry, const char *name, enum dns_type type)
{
	(void)put(inquiry, name, type);
}

struct inquiry *inquiry_create(struct resolver *resolver, const struct inquiry_kind *kind)
{
	struct inquiry *inquiry = mem_alloc(sizeof(*inquiry));

	(void)resolver;
	inquiry->kind = kind;
	inquiry->state = mem_alloc(kind->state_size);
	return inquiry;
}

/* Nothing is known from before. */
struct inquiry *inquiry_about(
	struct resolver *resolver, const struct inquiry_kind *kind, const void *key, size_t length)
{
	(void)key;
	(void)length;
	return inquiry_create(resolver, kind);
}

const void *inquiry_result(struct inquiry *inquiry)
{
	(void)inquiry;
	return NULL;
}

void *inquiry_state(struct inquiry *inquiry)
{
	return inquiry->state;
}

void inquiry_start(struct inquiry *inquiry, int64_t time_limit_ms)
{
	MUST_HOLD(time_limit_ms <= 8000);
	while (!inquiry->kind->step(inquiry, inquiry->state))
		MUST_HOLD(++inquiry->round < QUESTIONS_BOUND);
}

static void check_bounds(const struct inquiry *inquiry)
{
	const struct spf *spf = inquiry->state;
	size_t texts = 0, questions = 0;

	for (size_t i = 0; i < inquiry->count; i++) {
		const struct dns_answer *answer = inquiry->asked[i].answer;

		questions += answer->status != DNS_INVALID;
		texts += answer->status != DNS_INVALID && answer->type == DNS_TXT;
	}
	MUST_HOLD(questions <= QUESTIONS_BOUND && texts <= TEXTS_BOUND);
	MUST_HOLD(spf->result <= SPF_PERMERROR && spf_result_name(spf->result) != NULL);
	MUST_HOLD(spf->evidence[0] != '\0');
	MUST_HOLD(spf->result == SPF_FAIL || spf->explanation[0] == '\0');
	for (const char *c = spf->evidence; *c != '\0'; c++)
		MUST_HOLD(*c >= 0x20 && *c < 0x7f);
	for (const char *c = spf->explanation; *c != '\0'; c++)
		MUST_HOLD(*c >= 0x20 && *c < 0x7f);
}

static void release(struct inquiry *inquiry)
{
	for (size_t i = 0; i < inquiry->count; i++)
		dns_answer_release(&inquiry->asked[i].answer);
	mem_free(inquiry->state);
	mem_free(inquiry);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	char *head[4] = {text, text + size, text + size, text + size};
	struct ipaddr client;
	char *line = text;

	line_count = 0;
	for (size_t i = 0; line_count < LINES_MAX; i++) {
		if (i < ARRAY_COUNT(head))
			head[i] = line;
		else
			lines[line_count++] = line;
		line = strchr(line, '\n');
		if (line == NULL)
			break;
		*line++ = '\0';
	}
	if (ipaddr_parse(head[0], &client)) {
		struct inquiry *inquiry = spf_inquire(NULL, SPF_MAILFROM, &client, head[1], head[2],
			head[3], "mx.example.org", 20000);

		check_bounds(inquiry);
		release(inquiry);
	}
	free(text);
	return 0;
}
