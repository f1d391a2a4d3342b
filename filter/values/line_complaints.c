/* SPDX-License-Identifier: BSD-2-Clause */
#include "line_complaints.h"

#include <stdio.h>

enum { COMPLAINT_SIZE = 512, END_SIZE = 32 };

void line_complaints_init(
	struct line_complaints *complaints, char *buffer, size_t size, const char *setting)
{
	*complaints = (struct line_complaints){.setting = setting};
	text_init(&complaints->text, buffer, size);
}

void line_complaints_add(struct line_complaints *complaints, const char *why)
{
	struct text *text = &complaints->text;
	char line[COMPLAINT_SIZE];
	struct text whole;

	text_init(&whole, line, sizeof(line));
	text_addf(&whole, "%s%s%s%s", complaints->count == 0 ? "" : "\n",
		complaints->setting == NULL ? "" : complaints->setting,
		complaints->setting == NULL ? "" : ": ", why);
	complaints->count++;
	if (complaints->left_out > 0 ||
		(complaints->count > 1 && text->length + whole.length + END_SIZE > text->size))
		complaints->left_out++;
	else
		text_add(text, line);
}

void line_complaints_note(void *context, const char *file, unsigned line, const char *why)
{
	char complaint[COMPLAINT_SIZE];

	if (line == 0)
		snprintf(complaint, sizeof(complaint),
			"%s: %s; name a readable file, or mend this one", file, why);
	else
		snprintf(complaint, sizeof(complaint), "%s:%u: %s", file, line, why);
	line_complaints_add(context, complaint);
}

void line_complaints_end(struct line_complaints *complaints)
{
	if (complaints->left_out > 0)
		text_addf(&complaints->text, " (and %u more)", complaints->left_out);
}
