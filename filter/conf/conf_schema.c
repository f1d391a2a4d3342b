/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf_schema.h"

#include <string.h>

#include "mem.h"

static const char *const temperror_words[] = {"monitor", "tag", "suspect", "tempfail", "off", NULL};

static const struct setting trial_settings[] = {
	TRIAL_SETTINGS(offsetof(struct policy_conf, trial)),
	{.name = NULL},
};

static struct row *add_row(struct group *group, const struct setting *setting, enum row_base base)
{
	struct row *row;

	group->rows = mem_resize(group->rows, group->row_count + 1, sizeof(*group->rows));
	row = &group->rows[group->row_count++];
	*row = (struct row){.setting = *setting, .base = base};
	return row;
}

static void add_table(
	struct group *group, const struct setting *table, enum row_base base, const char *topic)
{
	for (; table != NULL && table->name != NULL; table++) {
		add_row(group, table, base)->topic = topic;
		topic = NULL;
	}
}

static void add_check(struct group *group, const struct check *check, size_t index)
{
	const struct setting fail = {.name = check->name,
		.type = SETTING_ACTION,
		.offset = offsetof(struct policy_conf, fail) + index * sizeof(enum action),
		.trial_offset =
			offsetof(struct policy_conf, check_trials) + index * sizeof(struct trial),
		.default_text = action_name(check->fail),
		.help = check->help};
	struct setting temperror = {.type = SETTING_ACTION,
		.offset = offsetof(struct policy_conf, temperror) + index * sizeof(enum action),
		.default_text = action_name(ACTION_MONITOR),
		.choices = temperror_words};
	struct row *row = add_row(group, &fail, ROW_POLICY);

	if (index == 0)
		row->topic = "What is done when a check fails";
	if (!check->can_temperror)
		return;
	row = add_row(group, &temperror, ROW_POLICY);
	row->made_name = mem_format("%s_temperror", check->name);
	row->made_help = mem_format("The same when %s could not be found out", check->name);
	row->setting.name = row->made_name;
	row->setting.help = row->made_help;
}

/* A titled policy has its mode and actions in each section, as settings of its own. */
static void add_policy(struct group *group, const struct policy *policy)
{
	const struct check *check = policy->checks;

	if (!policy->titled) {
		add_table(group, trial_settings, ROW_POLICY, NULL);
		for (size_t i = 0; check != NULL && check[i].name != NULL; i++)
			add_check(group, &check[i], i);
	}
	add_table(group, policy->settings, ROW_OPTIONS, policy->titled ? NULL : "Details");
}

static struct group *add_group(struct schema *schema, const char *name, const char *summary)
{
	struct group *group;

	schema->groups =
		mem_resize(schema->groups, schema->group_count + 1, sizeof(*schema->groups));
	group = &schema->groups[schema->group_count++];
	*group = (struct group){.name = name, .summary = summary};
	return group;
}

static void collect_names(struct schema *schema)
{
	size_t sections = 0;

	schema->names = mem_array(schema->group_count + 1, sizeof(*schema->names));
	for (size_t i = 0; i < schema->group_count; i++) {
		struct group *group = &schema->groups[i];

		if (group->name != NULL)
			schema->names[sections++] = group->name;
		group->names = mem_array(group->row_count + 1, sizeof(*group->names));
		for (size_t j = 0; j < group->row_count; j++)
			group->names[j] = group->rows[j].setting.name;
	}
}

struct schema *schema_create(const struct policy *const *policy_list)
{
	struct schema *schema = mem_alloc(sizeof(*schema));
	struct group *group = add_group(schema, NULL, "The site and the daemon");

	add_table(group, site_settings, ROW_SITE, "The site");
	add_table(group, daemon_settings, ROW_DAEMON,
		"The daemon (read at start; a reload changes only log_level)");
	group = add_group(schema, "resolver", "DNS (read at start)");
	add_table(group, resolver_settings, ROW_RESOLVER, NULL);
	group = add_group(
		schema, "store", "What limits count, and what several hosts share (read at start)");
	add_table(group, store_settings, ROW_STORE, NULL);
	for (size_t i = 0; policy_list[i] != NULL; i++) {
		group = add_group(schema, policy_list[i]->name, policy_list[i]->summary);
		group->policy = policy_list[i];
		group->policy_index = i;
		add_policy(group, policy_list[i]);
	}
	collect_names(schema);
	return schema;
}

void schema_free(struct schema **schema_p)
{
	struct schema *schema = *schema_p;

	if (schema == NULL)
		return;
	for (size_t i = 0; i < schema->group_count; i++) {
		for (size_t j = 0; j < schema->groups[i].row_count; j++) {
			mem_free(schema->groups[i].rows[j].made_name);
			mem_free(schema->groups[i].rows[j].made_help);
		}
		mem_free(schema->groups[i].rows);
		mem_free(schema->groups[i].names);
	}
	mem_free(schema->groups);
	mem_free(schema->names);
	mem_free(schema);
	*schema_p = NULL;
}

const struct group *schema_group(const struct schema *schema, const char *name)
{
	if (*name == '\0')
		return &schema->groups[0];
	for (size_t i = 1; i < schema->group_count; i++) {
		if (strcmp(schema->groups[i].name, name) == 0)
			return &schema->groups[i];
	}
	return NULL;
}

const struct row *group_row(const struct group *group, const char *name)
{
	for (size_t i = 0; i < group->row_count; i++) {
		if (strcmp(group->rows[i].setting.name, name) == 0)
			return &group->rows[i];
	}
	return NULL;
}

bool row_is_of_trial(const struct row *row)
{
	return row->base == ROW_POLICY && row->setting.type != SETTING_ACTION;
}

void *row_target(
	const struct row *row, const struct group *group, struct conf *conf, size_t section)
{
	struct policy_conf *policy = &conf->policies[group->policy_index];

	switch (row->base) {
	case ROW_SITE:
		return &conf->site;
	case ROW_DAEMON:
		return &conf->daemon;
	case ROW_RESOLVER:
		return &conf->resolver;
	case ROW_STORE:
		return &conf->store;
	case ROW_POLICY:
		return policy;
	case ROW_OPTIONS:
		break;
	}
	return (char *)policy->options + section * policy->policy->options_size;
}
