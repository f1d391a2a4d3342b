/* SPDX-License-Identifier: BSD-2-Clause */
/* The shipped mailreeve.conf. */
#include <string.h>

#include "conf_write.h"
#include "text.h"

enum { COMMENT_SIZE = 1024, VALUE_COLUMNS = 92 };

static const char head[] =
	"# Mailreeve: every setting, with its default. mailreeve.conf(5) tells more;\n"
	"# \"mailreeve -n\" checks this file. A line that begins with # does nothing: what stands\n"
	"# there is empty by default, and shows an example.\n"
	"#\n"
	"# A setting is NAME = VALUE, a list { VALUE, VALUE }; quotes are needed only around a "
	"text\n"
	"# with blanks or signs in it. include(\"file\") reads another file.\n"
	"#\n"
	"# What is done when a check fails:\n"
	"#   reject      refuse it for good (5yz)\n"
	"#   tempfail    refuse it for now (4yz)\n"
	"#   suspect     a weak sign: counts for the impostor policy, does nothing by itself\n"
	"#   quarantine  accept it into the hold queue of the MTA\n"
	"#   tag         accept it, with a note in the header section\n"
	"#   monitor     accept it, with a note in the log\n"
	"#   off         the check does not run\n"
	"# When DNS or the store could not answer, NAME_temperror says what is done instead: "
	"monitor,\n"
	"# tag, suspect, tempfail or off, but never a refusal for good.\n"
	"#\n"
	"# To try before enforcing, in any section:\n"
	"#   mode        enforce (do what its settings say), monitor (only log what would be "
	"done),\n"
	"#               off (do not run at all)\n"
	"#   percent     share of the client networks for which it is done, always the same ones;\n"
	"#               for the others it is only logged\n"
	"#   until       the day up to which these two hold; after that all is enforced\n"
	"# A single check takes the same behind its action: \"reject percent=10 "
	"until=2026-12-31\".\n";

/* One sentence: what it is for, and what may stand there. */
static void write_comment(FILE *out, const struct setting *setting, const char *indent)
{
	char text[COMMENT_SIZE], bounds[COMMENT_SIZE], start[16];
	struct text comment;

	snprintf(start, sizeof(start), "%s# ", indent);
	text_init(&comment, text, sizeof(text));
	text_add(&comment, setting->help == NULL ? "" : setting->help);
	setting_bounds_text(setting, bounds, sizeof(bounds));
	if (*bounds != '\0' && (setting->type != SETTING_ACTION || setting->choices != NULL))
		text_addf(&comment, " (%s)", bounds);
	conf_write_wrapped(out, start, text);
}

/* Long lists go over several lines. */
static void write_value(FILE *out, const char *indent, const char *name, const char *value)
{
	size_t length = strlen(value);
	char inner[16], words[WRITE_VALUE_SIZE];
	struct text inside;

	if (*value != '{' || strlen(indent) + strlen(name) + length + 3 <= VALUE_COLUMNS) {
		fprintf(out, "%s%s = %s\n", indent, name, value);
		return;
	}
	text_init(&inside, inner, sizeof(inner));
	text_addf(&inside, "%s\t", indent);
	text_init(&inside, words, sizeof(words));
	text_add_n(&inside, value + 2, length - strlen("{  }"));
	fprintf(out, "%s%s = {\n", indent, name);
	conf_write_wrapped(out, inner, words);
	fprintf(out, "%s}\n", indent);
}

static void write_row(FILE *out, const struct row *row, const char *indent)
{
	const struct setting *setting = &row->setting;
	char value[WRITE_VALUE_SIZE], start[16];
	struct text before;
	bool empty;

	conf_write_default(setting, value, sizeof(value), &empty);
	if (row->made_name == NULL && !row_is_of_trial(row))
		write_comment(out, setting, indent);
	text_init(&before, start, sizeof(start));
	text_addf(&before, "%s%s", indent, empty ? "# " : "");
	write_value(out, start, setting->name, value);
}

/* Stands right below the one before, without a blank line: a temperror setting below its check. */
static bool is_companion(const struct group *group, size_t index)
{
	const struct row *row = &group->rows[index];

	return row->made_name != NULL ||
	       (row_is_of_trial(row) && index > 0 && index < TRIAL_SETTING_COUNT);
}

static void write_top(FILE *out, const struct group *group)
{
	for (size_t i = 0; i < group->row_count; i++) {
		if (group->rows[i].topic != NULL)
			fprintf(out, "\n# ---- %s\n", group->rows[i].topic);
		fputc('\n', out);
		write_row(out, &group->rows[i], "");
	}
}

static void write_section(FILE *out, const struct group *group)
{
	fprintf(out, "\n# ---- %s: ", group->name);
	conf_write_wrapped(out, "", group->summary);
	fprintf(out, "%s {\n", group->name);
	for (size_t i = 0; i < group->row_count; i++) {
		if (i > 0 && !is_companion(group, i))
			fputc('\n', out);
		write_row(out, &group->rows[i], "\t");
	}
	fputs("}\n", out);
}

/* Sections that an administrator adds: shown as a comment. */
static void write_titled(FILE *out, const struct group *group)
{
	fprintf(out, "\n# ---- %s: ", group->name);
	conf_write_wrapped(out, "", group->summary);
	fprintf(out, "# Any number of sections, each with its title:\n#\n# %s \"name\" {\n",
		group->name);
	for (size_t i = 0; i < group->row_count; i++) {
		const struct setting *setting = &group->rows[i].setting;
		char value[WRITE_VALUE_SIZE];
		bool empty;

		conf_write_default(setting, value, sizeof(value), &empty);
		write_comment(out, setting, "#     ");
		fprintf(out, "#     %s%s = %s\n%s", empty ? "# " : "", setting->name, value,
			i + 1 < group->row_count ? "#\n" : "");
	}
	fputs("# }\n", out);
}

void conf_write_sample(FILE *out, const struct policy *const *policy_list)
{
	struct schema *schema = schema_create(policy_list);

	fputs(head, out);
	write_top(out, &schema->groups[0]);
	for (size_t i = 1; i < schema->group_count; i++) {
		const struct group *group = &schema->groups[i];

		if (group->policy != NULL && group->policy->titled)
			write_titled(out, group);
		else
			write_section(out, group);
	}
	schema_free(&schema);
}
