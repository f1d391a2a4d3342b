/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf_place.h"

#include <stdio.h>
#include <string.h>

#include "mem.h"

/* A setting, or a titled section where setting is NULL. */
struct conf_place {
	const char *policy; /* its name */
	char *title, *setting, *file; /* owned; NULL: none */
	unsigned line;
};

static struct conf_place *add(struct conf *conf, const struct policy *policy, const char *file)
{
	struct conf_place *place;

	conf->places = mem_resize(conf->places, conf->place_count + 1, sizeof(*conf->places));
	place = &conf->places[conf->place_count++];
	*place = (struct conf_place){.policy = policy->name, .file = mem_text(file)};
	return place;
}

void conf_place_remember(
	struct conf *conf, const struct conf_input *input, const struct problems *problems)
{
	for (size_t i = 0; i < input->given_count; i++) {
		const struct given *given = &input->givens[i];
		struct conf_place *place;

		if (given->group->policy == NULL || given->group->policy->titled)
			continue;
		place = add(conf, given->group->policy, problems->files[given->file]);
		place->setting = mem_text(given->row->setting.name);
		place->line = given->line;
	}
	for (size_t i = 0; i < input->section_count; i++) {
		const struct given_section *section = &input->sections[i];
		struct conf_place *place =
			add(conf, section->group->policy, problems->files[section->file]);

		place->title = mem_text(section->title);
		place->line = section->line;
	}
}

void conf_place_clear(struct conf *conf)
{
	for (size_t i = 0; i < conf->place_count; i++) {
		mem_free(conf->places[i].title);
		mem_free(conf->places[i].setting);
		mem_free(conf->places[i].file);
	}
	mem_free(conf->places);
}

static bool is_place(
	const struct conf_place *place, const struct finding *finding, const char *setting)
{
	if (strcmp(place->policy, finding->policy->name) != 0)
		return false;
	if (finding->title != NULL)
		return place->title != NULL && strcmp(place->title, finding->title) == 0;
	return place->setting != NULL && strcmp(place->setting, setting) == 0;
}

const char *conf_place_of_finding(
	const struct conf *conf, const struct finding *finding, char *buffer, size_t size)
{
	char setting[80];

	snprintf(setting, sizeof(setting), "%s%s", finding->check->name,
		finding->result == RESULT_TEMPERROR ? "_temperror" : "");
	snprintf(buffer, size, "default");
	for (size_t i = 0; i < conf->place_count; i++) {
		const struct conf_place *place = &conf->places[i];

		if (!is_place(place, finding, setting))
			continue;
		snprintf(buffer, size, "%s:%u", place->file, place->line);
		break;
	}
	return buffer;
}
