/* SPDX-License-Identifier: BSD-2-Clause */
/* The settings for mailreeve.conf(5), in mdoc(7). */
#include <ctype.h>
#include <string.h>

#include "conf_write.h"
#include "text.h"

enum { LINE_COLUMNS = 72, BOUNDS_SIZE = 512 };

/* The word for the value in "name = value". */
static const char *type_word(enum setting_type type)
{
	static const char *const words[] = {
		[SETTING_BOOL] = "yes | no",
		[SETTING_INTEGER] = "number",
		[SETTING_DURATION] = "duration",
		[SETTING_SIZE] = "size",
		[SETTING_RATE] = "rate",
		[SETTING_TEXT] = "text",
		[SETTING_FILE] = "file",
		[SETTING_TEXTS] = "list",
		[SETTING_CHOICE] = "word",
		[SETTING_ACTION] = "action",
		[SETTING_DATE] = "date",
		[SETTING_MATCHLIST] = "list",
	};

	return words[type];
}

/* Running text: a line never begins with a control character, backslashes stay what they are. */
static void write_text(FILE *out, const char *text, const char *end)
{
	size_t column = 0;

	while (*text != '\0') {
		size_t length = strcspn(text, " ");

		if (column > 0 && column + 1 + length > LINE_COLUMNS) {
			fputc('\n', out);
			column = 0;
		}
		if (column > 0)
			fputc(' ', out);
		else if (*text == '.' || *text == '\'')
			fputs("\\&", out);
		for (size_t i = 0; i < length; i++)
			fputs(text[i] == '\\' ? "\\e" : (char[]){text[i], '\0'}, out);
		column += length + 1;
		text += length + (text[length] == ' ');
	}
	fprintf(out, "%s\n", end);
}

static void write_literal(FILE *out, const char *value)
{
	fputs(".Ql \"", out);
	for (; *value != '\0'; value++) {
		if (*value == '"')
			fputs("\\(dq", out);
		else if (*value == '\\')
			fputs("\\e", out);
		else
			fputc(*value, out);
	}
	fputs("\" .\n", out);
}

static void write_row(FILE *out, const struct row *row)
{
	const struct setting *setting = &row->setting;
	bool usual_words = setting->type == SETTING_BOOL ||
			   (setting->type == SETTING_ACTION &&
				   (setting->choices == NULL || row->made_name != NULL));
	char value[WRITE_VALUE_SIZE], bounds[BOUNDS_SIZE];
	bool empty;

	conf_write_default(setting, value, sizeof(value), &empty);
	fprintf(out, ".It Ic %s No = Ar %s\n", setting->name, type_word(setting->type));
	write_text(out, setting->help == NULL ? "" : setting->help, ".");
	setting_bounds_text(setting, bounds, sizeof(bounds));
	if (*bounds != '\0' && !usual_words) {
		*bounds = *bounds == 'o' ? 'O' : 'F'; /* "one of", "from" */
		write_text(out, bounds, ".");
	}
	fputs(empty ? "Empty by default; for example\n" : "The default is\n", out);
	write_literal(out, value);
}

static void write_group(FILE *out, const struct group *group)
{
	bool titled = group->policy != NULL && group->policy->titled;

	if (group->name == NULL)
		fputs(".Ss Outside of all sections\n", out);
	else
		fprintf(out, ".Ss Section %s\n", group->name);
	if (group->name != NULL) {
		fprintf(out, "%c", toupper((unsigned char)*group->summary));
		write_text(out, group->summary + 1, ".");
	}
	if (titled) {
		fputs("Any number of these sections may be given, each with a title of its own:\n",
			out);
		fprintf(out, ".Ql %s \\(dqname\\(dq { ... }\n", group->name);
	}
	fputs(".Bl -tag -width Ds\n", out);
	for (size_t i = 0; i < group->row_count; i++)
		write_row(out, &group->rows[i]);
	fputs(".El\n", out);
}

void conf_write_manual(FILE *out, const struct policy *const *policy_list)
{
	struct schema *schema = schema_create(policy_list);

	for (size_t i = 0; i < schema->group_count; i++)
		write_group(out, &schema->groups[i]);
	schema_free(&schema);
}
