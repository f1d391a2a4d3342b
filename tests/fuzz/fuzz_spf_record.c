/* SPDX-License-Identifier: BSD-2-Clause */
/* The record parser and the macros. Lines: sender, HELO name; all that follows is the record. */
#include <stdio.h>

#include "fuzz.h"
#include "path.h"
#include "spf_macro.h"
#include "spf_record.h"

static const struct ipaddr clients[] = {
	{.family = IP_V4, .bytes = {192, 0, 2, 7}},
	{.family = IP_V6, .bytes = {0x20, 0x01, 0x0d, 0xb8}},
};

/* The line at *DATA, bounded as the daemon bounds it; moves behind it. */
static void take_line(const uint8_t **data, size_t *size, char *line, size_t line_size)
{
	const uint8_t *end = *size == 0 ? NULL : memchr(*data, '\n', *size);
	size_t length = end == NULL ? *size : (size_t)(end - *data);

	snprintf(line, line_size, "%.*s", (int)(length < line_size ? length : line_size - 1),
		length > 0 ? (const char *)*data : "");
	length += end != NULL;
	*data += length;
	*size -= length;
}

static void expand(const struct spf_term *term, const struct spf_macro_values *values)
{
	char name[DOMAIN_SIZE];

	MUST_HOLD(spf_macro_is_domain(term->domain, term->domain_length));
	MUST_HOLD(spf_macro_is_string(term->domain, term->domain_length, true));
	(void)spf_macro_uses(term->domain, term->domain_length, 'p');
	if (!spf_macro_name(term->domain, term->domain_length, values, name))
		return;
	MUST_HOLD(name[0] != '\0' && strlen(name) <= 253);
	for (const char *c = name; *c != '\0'; c++)
		MUST_HOLD(*c >= 0x20 && *c < 0x7f);
}

static void explain(const char *text, size_t size, const struct spf_macro_values *values)
{
	char buffer[256];
	struct text out;

	text_init(&out, buffer, sizeof(buffer));
	if (spf_macro_is_string(text, size, true))
		spf_macro_text(text, size, values, &out);
	MUST_HOLD(strlen(buffer) == out.length);
}

static void check_terms(const struct spf_record *record, const struct spf_macro_values *values)
{
	struct spf_term term;
	size_t offset = 0;
	bool all = false;

	while (spf_record_next(record, &offset, &term)) {
		MUST_HOLD(offset <= record->length && term.length > 0);
		MUST_HOLD(term.type < SPF_TERM_REDIRECT);
		MUST_HOLD(strchr("+-~?", term.qualifier) != NULL);
		MUST_HOLD(term.prefix_v4 <= 32 && term.prefix_v6 <= 128);
		all = all || term.type == SPF_TERM_ALL;
		if (term.domain != NULL)
			expand(&term, values);
	}
	MUST_HOLD(all == record->has_all);
	if (record->redirect.text != NULL)
		expand(&record->redirect, values);
	if (record->exp.text != NULL)
		expand(&record->exp, values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char sender[PATH_SIZE];
	char helo[DOMAIN_SIZE];
	char *text;

	take_line(&data, &size, sender, sizeof(sender));
	take_line(&data, &size, helo, sizeof(helo));
	text = fuzz_text(data, size);
	for (size_t i = 0; i < ARRAY_COUNT(clients); i++) {
		const struct spf_macro_values values = {.client = &clients[i],
			.sender = sender,
			.domain = "example.net",
			.helo = helo,
			.receiver = "mx.example.org",
			.validated = "unknown",
			.now = 1};
		struct spf_record record;

		explain(text, size, &values);
		if (!spf_record_is(text, size))
			continue;
		if (spf_record_parse(text, size, &record))
			check_terms(&record, &values);
		else
			MUST_HOLD(record.why != NULL && record.wrong.length > 0);
	}
	free(text);
	return 0;
}
