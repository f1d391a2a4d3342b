/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake_inquiry.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "text.h"

enum { FAKE_ANSWERS_MAX = 400, FAKE_ASKED_MAX = 4000, FAKE_ROUNDS_MAX = 200 };

struct fake_asked {
	char name[DOMAIN_SIZE];
	enum dns_type type;
};

static const struct dns_answer *fake_answers[FAKE_ANSWERS_MAX];
static size_t fake_answer_count;
static struct fake_asked fake_asked[FAKE_ASKED_MAX];
static size_t fake_asked_count;
static enum dns_status fake_default = DNS_NXDOMAIN;
static bool fake_hangs;

struct inquiry {
	const struct inquiry_kind *kind;
	void *state;
	bool finished;
	struct inquiry_cost cost;
	const struct dns_answer *used[FAKE_ANSWERS_MAX];
	unsigned round_asked[FAKE_ANSWERS_MAX]; /* in which round the question was first put */
	size_t used_count;
};

void fake_dns_clear(void)
{
	for (size_t i = 0; i < fake_answer_count; i++)
		dns_answer_release(&fake_answers[i]);
	fake_answer_count = 0;
	fake_asked_count = 0;
	fake_default = DNS_NXDOMAIN;
	fake_hangs = false;
}

static void fake_keep(const struct dns_answer *answer)
{
	if (fake_answer_count == FAKE_ANSWERS_MAX)
		abort();
	fake_answers[fake_answer_count++] = answer;
}

static struct dns_record fake_record(enum dns_type type, char *word)
{
	struct dns_record record = {0};
	char *colon;

	switch (type) {
	case DNS_A:
	case DNS_AAAA:
		if (!ipaddr_parse(word, &record.address))
			abort();
		break;
	case DNS_MX:
		colon = strchr(word, ':');
		if (colon == NULL)
			abort();
		record.preference = (uint16_t)strtoul(word, NULL, 10);
		record.host = mem_text(strcmp(colon + 1, ".") == 0 ? "" : colon + 1);
		ascii_lower(record.host);
		break;
	case DNS_PTR:
		record.host = mem_text(word);
		ascii_lower(record.host);
		break;
	case DNS_TXT:
		record.text = mem_text(word);
		record.text_length = strlen(word);
		break;
	}
	return record;
}

void fake_dns(const char *name, enum dns_type type, const char *records)
{
	struct dns_record *made;
	size_t count = 0;
	char *copy, *rest, *word;

	if (records == NULL) {
		fake_dns_status(name, type, DNS_NODATA);
		return;
	}
	copy = mem_text(records);
	made = mem_array(strlen(records) + 1, sizeof(*made));
	if (type == DNS_TXT) {
		made[count++] = fake_record(type, copy);
	} else {
		for (word = strtok_r(copy, " ", &rest); word != NULL;
			word = strtok_r(NULL, " ", &rest))
			made[count++] = fake_record(type, word);
	}
	fake_keep(dns_answer_create(name, type, DNS_OK, 300, made, count));
	mem_free(copy);
}

void fake_dns_status(const char *name, enum dns_type type, enum dns_status status)
{
	fake_keep(dns_answer_create(name, type, status, 60, NULL, 0));
}

void fake_dns_rows(const struct fake_answer *rows)
{
	for (; rows->name != NULL; rows++) {
		if (rows->records != NULL || rows->status == DNS_OK)
			fake_dns(rows->name, rows->type, rows->records);
		else
			fake_dns_status(rows->name, rows->type, rows->status);
	}
}

void fake_dns_default(enum dns_status status)
{
	fake_default = status;
}

void fake_inquiry_hangs(bool hangs)
{
	fake_hangs = hangs;
}

unsigned fake_dns_asked(const char *name, enum dns_type type)
{
	unsigned count = 0;

	for (size_t i = 0; i < fake_asked_count; i++)
		if (name == NULL ||
			(fake_asked[i].type == type && ascii_equal(fake_asked[i].name, name)))
			count++;
	return count;
}

static const struct dns_answer *fake_find(const char *name, enum dns_type type)
{
	enum dns_status status = fake_default;

	for (size_t i = fake_answer_count; i-- > 0;) { /* the latest entry counts */
		if (!ascii_equal(fake_answers[i]->name, name))
			continue;
		if (fake_answers[i]->type == type)
			return dns_answer_share(fake_answers[i]);
		if (fake_answers[i]->status == DNS_OK || fake_answers[i]->status == DNS_NODATA)
			status = fake_default == DNS_NXDOMAIN ? DNS_NODATA : fake_default;
	}
	return dns_answer_create(name, type, status, 60, NULL, 0);
}

static bool fake_can_be_asked(const char *name)
{
	char canonical[DOMAIN_SIZE];

	return domain_canonical(name, canonical);
}

static size_t fake_put(struct inquiry *inquiry, const char *name, enum dns_type type)
{
	char plain[DOMAIN_SIZE * 2];
	size_t length = strlen(name);

	if (length > 0 && name[length - 1] == '.')
		length--;
	if (length >= sizeof(plain))
		length = sizeof(plain) - 1;
	memcpy(plain, name, length);
	plain[length] = '\0';
	ascii_lower(plain);
	for (size_t i = 0; i < inquiry->used_count; i++)
		if (inquiry->used[i]->type == type && ascii_equal(inquiry->used[i]->name, plain))
			return i;
	if (inquiry->used_count == FAKE_ANSWERS_MAX)
		abort();
	if (fake_asked_count < FAKE_ASKED_MAX && length < DOMAIN_SIZE) {
		memcpy(fake_asked[fake_asked_count].name, plain, length + 1);
		fake_asked[fake_asked_count++].type = type;
	}
	inquiry->cost.questions++;
	inquiry->cost.sent++;
	inquiry->round_asked[inquiry->used_count] =
		fake_can_be_asked(plain) ? inquiry->cost.steps : 0;
	inquiry->used[inquiry->used_count] =
		fake_can_be_asked(plain) ? fake_find(plain, type)
					 : dns_answer_create(plain, type, DNS_INVALID, 0, NULL, 0);
	return inquiry->used_count++;
}

const struct dns_answer *inquiry_ask(struct inquiry *inquiry, const char *name, enum dns_type type)
{
	size_t at = fake_put(inquiry, name, type);

	if (inquiry->used[at]->status != DNS_INVALID &&
		inquiry->round_asked[at] == inquiry->cost.steps)
		return NULL;
	return inquiry->used[at];
}

void inquiry_prefetch(struct inquiry *inquiry, const char *name, enum dns_type type)
{
	fake_put(inquiry, name, type);
}

struct inquiry *inquiry_create(struct resolver *resolver, const struct inquiry_kind *kind)
{
	struct inquiry *inquiry = mem_alloc(sizeof(*inquiry));

	(void)resolver;
	inquiry->kind = kind;
	inquiry->state = mem_alloc(kind->state_size);
	return inquiry;
}

/* Nothing is kept here: each is made anew. */
struct inquiry *inquiry_about(
	struct resolver *resolver, const struct inquiry_kind *kind, const void *key, size_t length)
{
	(void)key;
	(void)length;
	return inquiry_create(resolver, kind);
}

void *inquiry_state(struct inquiry *inquiry)
{
	return inquiry->state;
}

void inquiry_start(struct inquiry *inquiry, int64_t time_limit_ms)
{
	(void)time_limit_ms;
	while (!inquiry->kind->step(inquiry, inquiry->state))
		if (++inquiry->cost.steps == FAKE_ROUNDS_MAX)
			abort(); /* a step that never ends */
	inquiry->finished = true;
}

const void *inquiry_result(struct inquiry *inquiry)
{
	return inquiry->finished && !fake_hangs ? inquiry->state : NULL;
}

const void *inquiry_wait(struct inquiry *inquiry, uint64_t deadline_ms)
{
	(void)deadline_ms;
	return inquiry_result(inquiry);
}

void inquiry_free(struct inquiry **inquiry)
{
	if (*inquiry == NULL)
		return;
	for (size_t i = 0; i < (*inquiry)->used_count; i++)
		dns_answer_release(&(*inquiry)->used[i]);
	if ((*inquiry)->kind->clear != NULL)
		(*inquiry)->kind->clear((*inquiry)->state);
	mem_free((*inquiry)->state);
	mem_free(*inquiry);
	*inquiry = NULL;
}

void inquiry_cost(struct inquiry *inquiry, struct inquiry_cost *cost_r)
{
	*cost_r = inquiry->cost;
}

size_t inquiry_answers(
	struct inquiry *inquiry, const struct dns_answer **answers_r, size_t capacity)
{
	size_t count = inquiry->used_count < capacity ? inquiry->used_count : capacity;

	for (size_t i = 0; i < count; i++)
		answers_r[i] = inquiry->used[i];
	return count;
}
