/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf_read.h"

#include <confuse.h>
#include <stdio.h>
#include <string.h>

#include "mem.h"

struct conf_values {
	cfg_t *root;
};

/* Every setting is a list of strings for libconfuse: what a string means is ours to say. */
static cfg_opt_t *make_options(const struct group *group, size_t more)
{
	cfg_opt_t *options = mem_array(group->row_count + more + 1, sizeof(*options));

	for (size_t i = 0; i < group->row_count; i++)
		options[i] =
			(cfg_opt_t)CFG_STR_LIST(group->rows[i].setting.name, NULL, CFGF_NODEFAULT);
	return options;
}

static cfg_t *make_root(const struct schema *schema)
{
	const struct group *top = &schema->groups[0];
	cfg_opt_t *options = make_options(top, schema->group_count - 1);
	cfg_opt_t *section = options + top->row_count;
	cfg_t *root;

	for (size_t i = 1; i < schema->group_count; i++, section++) {
		const struct group *group = &schema->groups[i];
		bool titled = group->policy != NULL && group->policy->titled;

		*section = (cfg_opt_t)CFG_SEC(group->name, make_options(group, 0),
			titled ? CFGF_MULTI | CFGF_TITLE : CFGF_NONE);
	}
	root = cfg_init(options, CFGF_NONE); /* copies the options */
	for (section = options + top->row_count; section->name != NULL; section++)
		mem_free(section->subopts);
	mem_free(options);
	return root;
}

/* The caller tells the administrator, with the right file and line. */
static void stay_silent(cfg_t *root, const char *format, va_list args)
{
	(void)root;
	(void)format;
	(void)args;
}

struct conf_values *conf_values_read(const struct schema *schema, const char *text)
{
	struct conf_values *values = mem_alloc(sizeof(*values));
	FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	bool good;

	values->root = make_root(schema);
	cfg_set_error_function(values->root, stay_silent);
	good = file != NULL && cfg_parse_fp(values->root, file) == CFG_SUCCESS;
	if (file != NULL)
		fclose(file);
	if (!good)
		conf_values_free(&values);
	return values;
}

const char *conf_values_get(const struct conf_values *values, const struct group *group,
	const char *title, const char *name, unsigned index)
{
	cfg_t *section = values->root;
	cfg_opt_t *option;

	if (group->name != NULL && *title != '\0')
		section = cfg_gettsec(section, group->name, title);
	else if (group->name != NULL)
		section = cfg_getsec(section, group->name);
	if (section == NULL)
		return NULL;
	option = cfg_getopt(section, name);
	if (option == NULL || index >= cfg_opt_size(option))
		return NULL;
	return cfg_opt_getnstr(option, index);
}

void conf_values_free(struct conf_values **values)
{
	if (*values == NULL)
		return;
	cfg_free((*values)->root);
	mem_free(*values);
	*values = NULL;
}
