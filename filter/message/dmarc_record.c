/* SPDX-License-Identifier: BSD-2-Clause */
#include "dmarc_record.h"

#include <stdint.h>
#include <string.h>

#include "text.h"

/* A piece of the record. */
struct span {
	const char *at;
	size_t length;
};

/* The record while it is read: what its tags said. */
struct tags {
	struct dmarc_record *record;
	bool has_policy, has_subdomain_policy, bad_policy, wants_reports;
};

static const char *const policy_names[] = {
	[DMARC_NONE] = "none", [DMARC_QUARANTINE] = "quarantine", [DMARC_REJECT] = "reject"};

const char *dmarc_policy_name(enum dmarc_policy policy)
{
	return policy_names[policy];
}

static struct span trimmed(const char *at, size_t length)
{
	while (length > 0 && ascii_is_space(*at)) {
		at++;
		length--;
	}
	while (length > 0 && ascii_is_space(at[length - 1]))
		length--;
	return (struct span){at, length};
}

static bool is_word(const struct span *span, const char *word)
{
	return span->length == strlen(word) && ascii_equal_n(span->at, word, span->length);
}

static bool read_policy(const struct span *value, enum dmarc_policy *policy_r)
{
	for (size_t i = 0; i < ARRAY_COUNT(policy_names); i++) {
		if (!is_word(value, policy_names[i]))
			continue;
		*policy_r = (enum dmarc_policy)i;
		return true;
	}
	return false;
}

static bool read_percent(const struct span *value, unsigned *percent_r)
{
	unsigned percent = 0;

	if (value->length == 0 || value->length > 3)
		return false;
	for (size_t i = 0; i < value->length; i++) {
		if (!ascii_is_digit(value->at[i]))
			return false;
		percent = percent * 10 + (unsigned)(value->at[i] - '0');
	}
	if (percent > 100)
		return false;
	*percent_r = percent;
	return true;
}

static bool read_mode(const struct span *value, bool *strict_r)
{
	*strict_r = is_word(value, "s");
	return *strict_r || is_word(value, "r");
}

/* At least one address that a report could go to. */
static bool is_report_address(const struct span *value)
{
	static const char scheme[] = "mailto:";
	const char *at = memchr(value->at, '@', value->length);

	return value->length > strlen(scheme) && at != NULL &&
	       ascii_equal_n(value->at, scheme, strlen(scheme)) &&
	       at > value->at + strlen(scheme) && at < value->at + value->length - 1;
}

static void note(struct dmarc_record *record, const char *fault)
{
	if (record->fault == NULL)
		record->fault = fault;
}

static void take_policy(struct tags *tags, const struct span *value)
{
	if (tags->has_policy || !read_policy(value, &tags->record->policy)) {
		note(tags->record, tags->has_policy ? "p= stands twice" : "p= is no policy");
		tags->bad_policy = true;
	}
	tags->has_policy = true;
}

static void take_subdomain_policy(struct tags *tags, const struct span *value)
{
	if (tags->has_subdomain_policy || !read_policy(value, &tags->record->subdomain_policy)) {
		note(tags->record,
			tags->has_subdomain_policy ? "sp= stands twice" : "sp= is no policy");
		tags->bad_policy = true;
	}
	tags->has_subdomain_policy = true;
}

static void take_tag(struct tags *tags, const struct span *name, const struct span *value)
{
	struct dmarc_record *record = tags->record;

	if (is_word(name, "p"))
		take_policy(tags, value);
	else if (is_word(name, "sp"))
		take_subdomain_policy(tags, value);
	else if (is_word(name, "adkim") && !read_mode(value, &record->strict_dkim))
		note(record, "adkim= is neither r nor s");
	else if (is_word(name, "aspf") && !read_mode(value, &record->strict_spf))
		note(record, "aspf= is neither r nor s");
	else if (is_word(name, "pct") && !read_percent(value, &record->percent))
		note(record, "pct= is no number from 0 to 100");
	else if (is_word(name, "rua") && is_report_address(value))
		tags->wants_reports = true;
}

/* "name = value"; false when there is no "=". */
static bool split_tag(const char *at, size_t length, struct span *name_r, struct span *value_r)
{
	const char *equals = memchr(at, '=', length);

	if (equals == NULL)
		return false;
	*name_r = trimmed(at, (size_t)(equals - at));
	*value_r = trimmed(equals + 1, length - (size_t)(equals + 1 - at));
	return true;
}

/* The version stands first and matches precisely (6.3). */
static bool is_version(const char *at, size_t length)
{
	static const char version[] = "DMARC1";
	struct span name, value;

	return split_tag(at, length, &name, &value) && is_word(&name, "v") &&
	       value.length == strlen(version) && memcmp(value.at, version, value.length) == 0;
}

static size_t tag_length(const char *text, size_t length)
{
	const char *end = memchr(text, ';', length);

	return end == NULL ? length : (size_t)(end - text);
}

static enum dmarc_reading conclude(const struct tags *tags)
{
	struct dmarc_record *record = tags->record;

	if (!tags->has_policy)
		note(record, "there is no p=");
	if (!tags->has_policy || tags->bad_policy) {
		record->policy = record->subdomain_policy = DMARC_NONE;
		return tags->wants_reports ? DMARC_GOOD : DMARC_BROKEN;
	}
	if (!tags->has_subdomain_policy)
		record->subdomain_policy = record->policy;
	return DMARC_GOOD;
}

enum dmarc_reading dmarc_record_parse(
	const char *text, size_t length, struct dmarc_record *record_r)
{
	struct tags tags = {.record = record_r};
	size_t tag = tag_length(text, length);

	*record_r = (struct dmarc_record){.percent = 100};
	if (!is_version(text, tag))
		return DMARC_FOREIGN;
	while (tag < length) {
		struct span name, value;

		text += tag + 1;
		length -= tag + 1;
		tag = tag_length(text, length);
		if (split_tag(text, tag, &name, &value))
			take_tag(&tags, &name, &value);
		else if (trimmed(text, tag).length > 0)
			note(record_r, "a tag without \"=\"");
	}
	return conclude(&tags);
}
