/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf.h"

#include <stdatomic.h>
#include <string.h>

#include "conf_hooks.h"
#include "conf_input.h"
#include "conf_place.h"
#include "conf_verify.h"
#include "mem.h"

static void set_defaults(struct conf *conf, const struct group *group, size_t section)
{
	for (size_t i = 0; i < group->row_count; i++) {
		const struct row *row = &group->rows[i];

		setting_set_default(&row->setting, row_target(row, group, conf, section));
	}
}

/* What one section says holds for those that follow it and say nothing themselves. */
static void follow(struct conf *conf, const struct schema *schema, const struct conf_input *input,
	const struct group *group)
{
	for (size_t i = 0; i < group->row_count; i++) {
		const struct setting *setting = &group->rows[i].setting;
		const struct group *other =
			setting->follows == NULL ? NULL : schema_group(schema, setting->follows);
		const struct given *given =
			other == NULL ? NULL : conf_input_find(input, other, 0, setting->name);
		void *target = row_target(&group->rows[i], group, conf, 0);
		char why[SETTING_WHY_SIZE];

		if (given == NULL || given->bad ||
			conf_input_find(input, group, 0, setting->name) != NULL)
			continue;
		setting_clear(setting, target);
		/* It was good there. */
		for (size_t v = 0; v < given->value_count; v++)
			if (given->values[v].text != NULL &&
				!setting_parse(setting, given->values[v].text, setting->name,
					target, why, sizeof(why)))
				setting_set_default(setting, target);
	}
}

/* The checks' own defaults, which a titled policy has no settings for. */
static void set_actions(struct policy_conf *policy)
{
	const struct check *checks = policy->policy->checks;

	policy->trial.percent = 100;
	for (size_t i = 0; checks != NULL && checks[i].name != NULL && i < POLICY_CHECKS_MAX; i++) {
		policy->fail[i] = checks[i].fail;
		policy->temperror[i] = ACTION_MONITOR;
		policy->check_trials[i].percent = 100;
	}
}

static struct conf *create(const char *file, const struct policy *const *policy_list)
{
	struct conf *conf = mem_alloc(sizeof(*conf));

	atomic_init(&conf->references, 1);
	conf->file = file == NULL ? NULL : mem_text(file);
	while (policy_list[conf->policy_count] != NULL)
		conf->policy_count++;
	conf->policies = mem_array(conf->policy_count + 1, sizeof(*conf->policies));
	for (size_t i = 0; i < conf->policy_count; i++) {
		conf->policies[i].policy = policy_list[i];
		set_actions(&conf->policies[i]);
	}
	return conf;
}

/* Options of every policy at their defaults: one set, or one for each titled section. */
static void create_options(
	struct conf *conf, const struct schema *schema, const struct conf_input *input)
{
	for (size_t i = 0; i < schema->group_count; i++) {
		const struct group *group = &schema->groups[i];
		struct policy_conf *policy;
		size_t count = 1;

		if (group->policy != NULL) {
			policy = &conf->policies[group->policy_index];
			if (group->policy->titled)
				count = conf_input_section_count(input, group);
			policy->option_count = count;
			policy->options = mem_array(count + 1, group->policy->options_size + 1);
		}
		for (size_t section = 0; section < count; section++)
			set_defaults(conf, group, section);
	}
	for (size_t i = 0; i < input->section_count; i++) {
		const struct given_section *section = &input->sections[i];
		struct policy_conf *policy = &conf->policies[section->group->policy_index];
		char **title = (char **)(void *)((char *)policy->options +
						 section->index * policy->policy->options_size);

		*title = mem_text(section->title);
	}
}

static void apply(struct conf *conf, struct given *given, struct problems *problems)
{
	const struct setting *setting = &given->row->setting;
	void *target = row_target(given->row, given->group, conf, given->section);
	char why[SETTING_WHY_SIZE];

	if (setting_is_list(setting))
		setting_clear(setting, target);
	for (size_t i = 0; i < given->value_count; i++) {
		const struct given_value *value = &given->values[i];

		if (value->text == NULL || setting_parse(setting, value->text, setting->name,
						   target, why, sizeof(why)))
			continue;
		problem_add(problems, given->file, value->line, "%s", why);
		given->bad = true;
	}
}

static void prepare(struct conf *conf)
{
	for (size_t i = 0; i < conf->policy_count; i++) {
		const struct policy *policy = conf->policies[i].policy;

		for (size_t j = 0; policy->prepare != NULL && j < conf->policies[i].option_count;
			j++)
			policy->prepare(
				(char *)conf->policies[i].options + j * policy->options_size,
				&conf->site);
	}
	conf->prepared = true;
	conf_hooks_make(conf);
}

struct conf *conf_load(
	const char *file, const struct policy *const *policy_list, const struct conf_report *report)
{
	struct conf *conf = create(file, policy_list);
	struct schema *schema = schema_create(policy_list);
	struct problems problems = {.files = NULL};
	struct conf_input input = {.givens = NULL};
	const struct conf_check check = {conf, schema, &input, &problems, report};

	if (file != NULL)
		conf_input_read(&input, file, schema, &problems);
	conf->settings_given = input.given_count + input.section_count;
	create_options(conf, schema, &input);
	for (size_t i = 0; i < input.given_count; i++)
		apply(conf, &input.givens[i], &problems);
	for (size_t i = 0; i < schema->group_count; i++)
		if (schema->groups[i].policy != NULL && !schema->groups[i].policy->titled)
			follow(conf, schema, &input, &schema->groups[i]);
	site_discover(&conf->site);
	conf_verify(&check);
	if (problems.count == 0) {
		prepare(conf);
		conf_verify_complete(&check);
	}
	if (problems.count == 0) {
		conf_place_remember(conf, &input, &problems);
		conf_advise(&check);
	} else {
		problems_report(&problems, report);
		conf_release(&conf);
	}
	conf_input_clear(&input);
	problems_clear(&problems);
	schema_free(&schema);
	return conf;
}

struct conf *conf_share(struct conf *conf)
{
	atomic_fetch_add(&conf->references, 1);
	return conf;
}

static void clear_policy(struct policy_conf *conf, bool prepared)
{
	const struct policy *policy = conf->policy;

	for (size_t i = 0; i < conf->option_count; i++) {
		char *options = (char *)conf->options + i * policy->options_size;

		if (prepared && policy->clear != NULL)
			policy->clear(options);
		if (policy->settings != NULL)
			settings_clear(policy->settings, options);
		if (policy->titled)
			mem_free(*(char **)(void *)options);
	}
	mem_free(conf->options);
}

void conf_release(struct conf **conf_p)
{
	struct conf *conf = *conf_p;

	*conf_p = NULL;
	if (conf == NULL || atomic_fetch_sub(&conf->references, 1) != 1)
		return;
	for (size_t i = 0; i < conf->policy_count; i++)
		clear_policy(&conf->policies[i], conf->prepared);
	mem_free(conf->policies);
	conf_place_clear(conf);
	site_clear(&conf->site);
	settings_clear(daemon_settings, &conf->daemon);
	settings_clear(resolver_settings, &conf->resolver);
	settings_clear(store_settings, &conf->store);
	mem_free(conf->file);
	mem_free(conf);
}
