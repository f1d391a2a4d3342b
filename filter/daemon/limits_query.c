/* SPDX-License-Identifier: BSD-2-Clause */
#include "limits_query.h"

#include <string.h>

#include "mem.h"
#include "text.h"

void limits_each(struct limits_query *query,
	void (*each)(struct limits_query *query, const struct limit_options *limit))
{
	for (size_t p = 0; p < query->conf->policy_count; p++) {
		const struct policy_conf *policy_conf = &query->conf->policies[p];
		const struct limit_options *limits = policy_conf->options;

		if (strcmp(policy_conf->policy->name, "limit") != 0)
			continue;
		for (size_t i = 0; i < policy_conf->option_count; i++)
			if (limits[i].trial.mode != MODE_OFF &&
				(query->title[0] == '\0' ||
					strcmp(query->title, limits[i].title) == 0))
				each(query, &limits[i]);
	}
}

const struct limit_options *limits_find(const struct limits_query *query, const char *title)
{
	for (size_t p = 0; p < query->conf->policy_count; p++) {
		const struct policy_conf *policy_conf = &query->conf->policies[p];
		const struct limit_options *limits = policy_conf->options;

		if (strcmp(policy_conf->policy->name, "limit") != 0)
			continue;
		for (size_t i = 0; i < policy_conf->option_count; i++)
			if (limits[i].trial.mode != MODE_OFF && strcmp(limits[i].title, title) == 0)
				return &limits[i];
	}
	return NULL;
}

struct limit_key_options limits_key_options(
	const struct limits_query *query, const struct limit_options *limit)
{
	return (struct limit_key_options){
		.title = limit->title,
		.extension = limit->extension,
		.prefix_v4 = (unsigned)limit->prefix_v4,
		.prefix_v6 = (unsigned)limit->prefix_v6,
		.overrides = limit->overrides,
		.raises = limit_raises_of(query->raises, limit->title),
	};
}

bool limits_identity_of(struct limits_query *query, const struct limit_options *limit,
	size_t alternative, bool proven, const char *name, struct limit_identity *identity)
{
	const struct limit_key_options options = limits_key_options(query, limit);

	if (!limit_key_named(&limit->key, alternative, &options, name, !proven, identity))
		return false;
	limit_key_words(&limit->key, alternative, query->by);
	query->proven = proven;
	return true;
}

const char *limits_by(const struct limits_query *query, char buffer[LIMITS_BY_SIZE])
{
	snprintf(buffer, LIMITS_BY_SIZE, "%s%s", query->by, query->proven ? "" : ", unproven");
	return buffer;
}

void limits_json_by(const struct limits_query *query)
{
	fputs(", \"by\": ", query->out);
	limits_json_text(query->out, query->by);
	fprintf(query->out, ", \"proven\": %s", query->proven ? "true" : "false");
}

static void identities_of(struct limits_query *query, const struct limit_options *limit,
	const char *name, limits_identity *each)
{
	struct limit_identity identity;

	for (size_t a = 0; a < limit->key.alternatives; a++)
		for (int unproven = 0; unproven <= 1; unproven++)
			if (limits_identity_of(query, limit, a, unproven == 0, name, &identity))
				each(query, limit, &identity);
}

void limits_identities(
	struct limits_query *query, const struct limit_options *limit, limits_identity *each)
{
	char *shown;

	identities_of(query, limit, query->name, each);
	if (strchr(query->name, '\\') == NULL)
		return;
	/* As lists and the log show it. */
	shown = mem_text(query->name);
	if (text_unescape(shown))
		identities_of(query, limit, shown, each);
	mem_free(shown);
}

bool limits_rate(
	const struct limit_options *limit, const struct limit_identity *identity, struct rate *rate)
{
	*rate = limit->rate;
	if (identity->override == NULL)
		return true;
	if (!identity->override->unlimited)
		*rate = identity->override->rate;
	return !identity->override->unlimited;
}

void limits_json_text(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc((unsigned char)*text < 0x20 ? '?' : *text, out);
	}
	fputc('"', out);
}

void limits_next_json(struct limits_query *query, const char *name)
{
	if (query->rows++ == 0)
		fprintf(query->out, "{\"%s\": [", name);
	else
		fputs(", ", query->out);
}

void limits_end_json(struct limits_query *query, const char *name)
{
	if (query->rows == 0)
		fprintf(query->out, "{\"%s\": [", name);
	fprintf(query->out, "], \"store_up\": %s}\n", query->down ? "false" : "true");
}
