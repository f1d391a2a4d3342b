/* SPDX-License-Identifier: BSD-2-Clause */
#include "encoded_word.h"
#include "field_form.h"
#include "fuzz.h"
#include "header_section.h"

static void read_encoded(const char *body)
{
	char shown[MAILBOX_TEXT_SIZE], again[2 * MAILBOX_TEXT_SIZE], encoded[8 * MAILBOX_TEXT_SIZE];
	struct encoded_words seen;
	struct text text;

	text_init(&text, shown, sizeof(shown));
	encoded_word_decode(body, &text, &seen);
	/* What is shown can be encoded, and reads back. */
	text_init(&text, encoded, sizeof(encoded));
	encoded_word_add(&text, shown);
	for (const char *c = encoded; *c != '\0'; c++)
		MUST_HOLD((*c >= 0x20 && *c < 0x7f) || (*c == '\n' && c[1] == ' '));
	text_init(&text, again, sizeof(again));
	encoded_word_decode(encoded, &text, &seen);
	MUST_HOLD(strlen(again) >= strlen(shown) || seen.malformed || seen.control);
}

/* Lines of "name: body"; a body may be empty. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct header_section *section = header_section_create();
	char *fields = fuzz_text(data, size);
	char *rest = fields;
	unsigned count = 0;

	for (char *line = strsep(&rest, "\f"); line != NULL; line = strsep(&rest, "\f")) {
		char *body = strchr(line, ':');

		if (body == NULL)
			body = line + strlen(line);
		else
			*body++ = '\0';
		header_section_add(section, line, body);
		count++;
		read_encoded(body);
		(void)field_form_date(body);
		(void)field_form_message_id(body);
		(void)field_form_content_type(body);
		(void)field_form_transfer_encoding(body);
	}
	MUST_HOLD(section->fields == count);
	MUST_HOLD(section->kept <= HEADER_KEPT_MAX);
	MUST_HOLD(section->result_count <= HEADER_RESULTS_MAX);
	MUST_HOLD((section->counts[HEADER_FROM] > 0) == (section->bodies[HEADER_FROM] != NULL));
	header_section_free(&section);
	free(fields);
	return 0;
}
