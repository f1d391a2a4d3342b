/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "text.h"

enum {
	RECORDS_MAX = 256, /* kept of one answer */
	SHOWN_RECORDS = 4, /* of an answer in one line of evidence */
	SHOWN_TEXT = 80,
	SHOWN_NAME = 255,
	ALLOCATION_OVERHEAD = 16
};

struct shared_answer {
	struct dns_answer answer; /* first: callers hold a pointer to it */
	atomic_uint references;
};

const char *dns_status_name(enum dns_status status)
{
	static const char *const names[] = {
		[DNS_OK] = "found",
		[DNS_NODATA] = "no such record",
		[DNS_NXDOMAIN] = "NXDOMAIN",
		[DNS_SERVFAIL] = "SERVFAIL",
		[DNS_TIMEOUT] = "time-out",
		[DNS_INVALID] = "not a name that can be asked for",
	};

	return (size_t)status < ARRAY_COUNT(names) ? names[status] : "unknown";
}

const char *dns_type_name(enum dns_type type)
{
	switch (type) {
	case DNS_A:
		return "A";
	case DNS_PTR:
		return "PTR";
	case DNS_MX:
		return "MX";
	case DNS_TXT:
		return "TXT";
	case DNS_AAAA:
		return "AAAA";
	}
	return "unknown";
}

bool dns_is_temporary(enum dns_status status)
{
	return status == DNS_SERVFAIL || status == DNS_TIMEOUT;
}

static void clear_record(struct dns_record *record)
{
	mem_free(record->host);
	mem_free(record->text);
	*record = (struct dns_record){.preference = 0};
}

static const char *host_of(const struct dns_record *record)
{
	return record->host != NULL ? record->host : "";
}

static bool same_record(const struct dns_record *a, const struct dns_record *b)
{
	return a->preference == b->preference && a->text_length == b->text_length &&
	       a->address.family == b->address.family &&
	       memcmp(a->address.bytes, b->address.bytes, sizeof(a->address.bytes)) == 0 &&
	       strcmp(host_of(a), host_of(b)) == 0 &&
	       (a->text_length == 0 || memcmp(a->text, b->text, a->text_length) == 0);
}

static int compare_mail_hosts(const void *a, const void *b)
{
	const struct dns_record *left = a, *right = b;

	if (left->preference != right->preference)
		return left->preference < right->preference ? -1 : 1;
	return strcmp(host_of(left), host_of(right));
}

static bool is_repeated(const struct dns_record *records, size_t count, size_t at)
{
	for (size_t i = 0; i < count; i++)
		if (same_record(&records[i], &records[at]))
			return true;
	return false;
}

/* Sorts, removes duplicates and cuts; returns the number kept. */
static size_t tidy(struct dns_record *records, size_t count, enum dns_type type)
{
	size_t kept = 0;

	if (type == DNS_MX && count > 1)
		qsort(records, count, sizeof(*records), compare_mail_hosts);
	for (size_t i = 0; i < count; i++) {
		if (kept == RECORDS_MAX || is_repeated(records, kept, i)) {
			clear_record(&records[i]);
			continue;
		}
		if (kept != i) {
			records[kept] = records[i];
			records[i] = (struct dns_record){.preference = 0};
		}
		kept++;
	}
	return kept;
}

struct dns_answer *dns_answer_create(const char *name, enum dns_type type, enum dns_status status,
	uint32_t ttl, struct dns_record *records, size_t count)
{
	struct shared_answer *shared = mem_alloc(sizeof(*shared));

	shared->answer.name = mem_text(name);
	shared->answer.type = type;
	shared->answer.status = status;
	shared->answer.ttl = ttl;
	shared->answer.records = records;
	shared->answer.count = tidy(records, count, type);
	atomic_init(&shared->references, 1);
	return &shared->answer;
}

const struct dns_answer *dns_answer_share(const struct dns_answer *answer)
{
	struct shared_answer *shared = (struct shared_answer *)(uintptr_t)answer;

	atomic_fetch_add_explicit(&shared->references, 1, memory_order_relaxed);
	return answer;
}

void dns_answer_release(const struct dns_answer **answer)
{
	struct shared_answer *shared = (struct shared_answer *)(uintptr_t)*answer;
	unsigned before;

	*answer = NULL;
	if (shared == NULL)
		return;
	before = atomic_fetch_sub_explicit(&shared->references, 1, memory_order_acq_rel);
	assert(before > 0);
	if (before > 1)
		return;
	for (size_t i = 0; i < shared->answer.count; i++)
		clear_record(&shared->answer.records[i]);
	mem_free(shared->answer.records);
	mem_free(shared->answer.name);
	mem_free(shared);
}

size_t dns_answer_size(const struct dns_answer *answer)
{
	size_t size = sizeof(struct shared_answer) + strlen(answer->name) + 1 +
		      answer->count * sizeof(*answer->records) + 3 * (size_t)ALLOCATION_OVERHEAD;

	for (size_t i = 0; i < answer->count; i++) {
		const struct dns_record *record = &answer->records[i];

		if (record->host != NULL)
			size += strlen(record->host) + 1 + ALLOCATION_OVERHEAD;
		if (record->text != NULL)
			size += record->text_length + 1 + ALLOCATION_OVERHEAD;
	}
	return size;
}

static void add_name(struct text *out, const char *name)
{
	if (name == NULL || name[0] == '\0')
		text_add_char(out, '.');
	else
		text_add_escaped(out, name, strlen(name), SHOWN_NAME);
}

static void add_record(struct text *out, const struct dns_record *record, enum dns_type type)
{
	char address[IPADDR_TEXT_SIZE];

	switch (type) {
	case DNS_A:
	case DNS_AAAA:
		text_add(out, ipaddr_format(&record->address, address));
		break;
	case DNS_MX:
		text_addf(out, "%u ", record->preference);
		add_name(out, record->host);
		break;
	case DNS_PTR:
		add_name(out, record->host);
		break;
	case DNS_TXT:
		text_add_char(out, '"');
		text_add_escaped(out, record->text, record->text_length, SHOWN_TEXT);
		text_add_char(out, '"');
		break;
	}
}

const char *dns_answer_format(const struct dns_answer *answer, char *buffer, size_t size)
{
	struct text out;

	text_init(&out, buffer, size);
	add_name(&out, answer->name);
	text_addf(&out, " %s", dns_type_name(answer->type));
	if (answer->status != DNS_OK) {
		text_addf(&out, ": %s", dns_status_name(answer->status));
		return buffer;
	}
	for (size_t i = 0; i < answer->count && i < SHOWN_RECORDS; i++) {
		text_add(&out, i == 0 ? " " : ", ");
		add_record(&out, &answer->records[i], answer->type);
	}
	if (answer->count > SHOWN_RECORDS)
		text_addf(&out, " and %zu more", answer->count - SHOWN_RECORDS);
	return buffer;
}
