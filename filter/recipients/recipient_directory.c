/* SPDX-License-Identifier: BSD-2-Clause */
#include "recipient_directory.h"

#include <stdio.h>
#include <string.h>

#include "line_complaints.h"
#include "mem.h"
#include "recipient_source.h"

struct recipient_directory {
	struct recipient_source *sources;
	size_t source_count;
	struct recipient_domain defaults;
	struct recipient_domain *special;
	size_t special_count;
};

/* Verifying. ----------------------------------------------------------------------------------- */

enum { FORM_SIZE = 512 };

static bool verify_sources(
	const struct recipient_directory_settings *settings, char *why, size_t why_size)
{
	struct line_complaints complaints;
	struct recipient_source source;
	char form[FORM_SIZE];
	const char *wrong;
	bool good = true;

	line_complaints_init(&complaints, why, why_size, NULL);
	for (char **text = settings->sources; text != NULL && *text != NULL; text++) {
		/* A source tells what is wrong with it itself. */
		if (recipient_source_parse(*text, &source, &wrong)) {
			good = recipient_source_check(&source, line_complaints_note, &complaints) &&
			       good;
			continue;
		}
		good = false;
		snprintf(form, sizeof(form), "\"%.200s\" %s", *text, wrong);
		line_complaints_add(&complaints, form);
	}
	line_complaints_end(&complaints);
	return good;
}

/* Of the entries before END. */
static const char *first_that_includes(char **texts, char **end, const char *domain)
{
	char earlier[DOMAIN_SIZE];

	for (; texts < end; texts++)
		if (recipient_domain_read(*texts, earlier) != NULL &&
			recipient_domain_includes(earlier, domain))
			return *texts;
	return NULL;
}

static bool verify_domains(
	const struct recipient_directory_settings *settings, char *why, size_t why_size)
{
	const struct recipient_domain defaults = {0};
	struct recipient_domain domain;
	const char *wrong;

	for (char **text = settings->domains; text != NULL && *text != NULL; text++) {
		const char *earlier;

		if (!recipient_domain_parse(*text, &defaults, &domain, &wrong)) {
			snprintf(why, why_size, "\"%s\" %s", *text, wrong);
			return false;
		}
		earlier = first_that_includes(settings->domains, text, domain.domain);
		if (earlier == NULL)
			continue;
		snprintf(why, why_size,
			"\"%s\" counts for nothing behind \"%s\", since the first that covers a "
			"domain holds; write it before, or all options of a domain together",
			*text, earlier);
		return false;
	}
	return true;
}

static bool verify_extension(
	const struct recipient_directory_settings *settings, char *why, size_t why_size)
{
	const char *fault = settings->extension == NULL
				    ? NULL
				    : recipient_domain_extension_fault(settings->extension);

	if (fault == NULL)
		return true;
	snprintf(why, why_size, "extension = \"%s\" %s", settings->extension, fault);
	return false;
}

static bool verify_authorities(
	const struct recipient_directory_settings *settings, char *why, size_t why_size)
{
	char wrong[CALLAHEAD_WHY_SIZE];

	if (callahead_tls_check(&settings->callahead.tls, wrong))
		return true;
	snprintf(why, why_size, "%s", wrong);
	return false;
}

bool recipient_directory_verify(const struct recipient_directory_settings *settings,
	const char **setting_r, char *why, size_t why_size)
{
	why[0] = '\0';
	*setting_r = "extension";
	if (!verify_extension(settings, why, why_size))
		return false;
	*setting_r = "callahead_authorities";
	if (!verify_authorities(settings, why, why_size))
		return false;
	*setting_r = "domains";
	if (!verify_domains(settings, why, why_size))
		return false;
	*setting_r = "sources";
	return verify_sources(settings, why, why_size);
}

/* Opening. ------------------------------------------------------------------------------------- */

static size_t count_texts(char *const *texts)
{
	size_t count = 0;

	while (texts != NULL && texts[count] != NULL)
		count++;
	return count;
}

/* The first that covers DOMAIN, else the defaults. */
static const struct recipient_domain *rules_for(
	const struct recipient_directory *directory, const char *domain)
{
	for (size_t i = 0; i < directory->special_count; i++)
		if (recipient_domain_covers(directory->special[i].domain, domain))
			return &directory->special[i];
	return &directory->defaults;
}

static void read_domains(
	struct recipient_directory *directory, const struct recipient_directory_settings *settings)
{
	size_t count = count_texts(settings->domains);
	const char *wrong;

	directory->defaults = (struct recipient_domain){.case_sensitive = settings->case_sensitive,
		.wildcard = true,
		.outage = (enum recipient_outage)settings->outage};
	if (settings->extension != NULL)
		snprintf(directory->defaults.extension, sizeof(directory->defaults.extension), "%s",
			settings->extension);
	directory->special = mem_array(count, sizeof(directory->special[0]));
	for (size_t i = 0; i < count; i++)
		if (recipient_domain_parse(settings->domains[i], &directory->defaults,
			    &directory->special[directory->special_count], &wrong))
			directory->special_count++;
}

struct recipient_directory *recipient_directory_open(
	const struct recipient_directory_settings *settings, char *why, size_t why_size)
{
	struct line_complaints complaints;
	struct recipient_directory *directory = mem_alloc(sizeof(*directory));
	size_t count = count_texts(settings->sources);
	const char *wrong;

	line_complaints_init(&complaints, why, why_size, NULL);
	read_domains(directory, settings);
	directory->sources = mem_array(count, sizeof(directory->sources[0]));
	for (size_t i = 0; i < count; i++) {
		struct recipient_source *source = &directory->sources[directory->source_count];

		if (!recipient_source_parse(settings->sources[i], source, &wrong))
			continue;
		recipient_source_open(
			source, &settings->callahead, line_complaints_note, &complaints);
		directory->source_count++;
	}
	line_complaints_end(&complaints);
	return directory;
}

void recipient_directory_close(struct recipient_directory **directory_ptr)
{
	struct recipient_directory *directory = *directory_ptr;

	if (directory == NULL)
		return;
	*directory_ptr = NULL;
	for (size_t i = 0; i < directory->source_count; i++)
		recipient_source_close(&directory->sources[i]);
	mem_free(directory->sources);
	mem_free(directory->special);
	mem_free(directory);
}

bool recipient_directory_is_empty(
	const struct recipient_directory *directory, size_t index, bool *alone_r)
{
	const struct recipient_source *source = &directory->sources[index];

	if (index >= directory->source_count || source->table == NULL ||
		recipient_table_count(source->table) > 0)
		return false;
	*alone_r = !rules_for(directory, source->domain)->catch_all;
	for (size_t i = 0; i < directory->source_count; i++) {
		const struct recipient_source *other = &directory->sources[i];

		if (i != index && recipient_domain_includes(other->domain, source->domain) &&
			!(other->table != NULL && recipient_table_count(other->table) == 0))
			*alone_r = false;
	}
	return true;
}

/* Looking up. ---------------------------------------------------------------------------------- */

/* One that knows the recipient settles it; one that cannot be asked, or whose target takes anybody,
 * leaves it open. */
static void add_answer(struct recipient_look *look, const struct recipient_source *source,
	enum recipient_known known, const char *why)
{
	if (known != RECIPIENT_KNOWN && known <= look->known)
		return;
	look->known = known;
	look->source = source->text;
	snprintf(look->why, sizeof(look->why), "%s", why);
}

static void look_up_at(const struct recipient_directory *directory,
	const struct callahead_question *question, struct recipient_look *look_r)
{
	const char *domain = question->path->domain;
	char why[CALLAHEAD_WHY_SIZE];

	*look_r = (struct recipient_look){.rules = rules_for(directory, domain)};
	look_r->known = look_r->rules->catch_all ? RECIPIENT_KNOWN : RECIPIENT_NOT_ASKED;
	for (size_t i = 0; i < directory->source_count && look_r->known != RECIPIENT_KNOWN; i++) {
		const struct recipient_source *source = &directory->sources[i];
		enum recipient_known known;

		if (!recipient_source_covers(source, domain))
			continue;
		known = recipient_source_ask(source, look_r->rules, question, why);
		add_answer(look_r, source, known, why);
	}
}

/* Mail to our address is for a user of this host, wherever we know users: at the host's own name, or at
 * any domain that is named in the sources. */
static void look_up_at_address(const struct recipient_directory *directory,
	const struct callahead_question *question, struct recipient_look *look_r)
{
	struct callahead_question own = *question;
	struct path path = *question->path;

	own.path = &path;
	path.literal = (struct ipaddr){.family = IP_NONE};
	if (!domain_canonical(question->our_name, path.domain))
		path.domain[0] = '\0';
	look_up_at(directory, &own, look_r);
	for (size_t i = 0; i < directory->source_count && look_r->known != RECIPIENT_KNOWN; i++) {
		const char *domain = directory->sources[i].domain;
		struct recipient_look look;

		if (domain[0] == '\0' || domain[0] == '.')
			continue;
		memcpy(path.domain, domain, sizeof(path.domain));
		look_up_at(directory, &own, &look);
		if (look.known == RECIPIENT_KNOWN || look.known > look_r->known)
			*look_r = look;
	}
}

void recipient_directory_look_up(const struct recipient_directory *directory,
	const struct callahead_question *question, struct recipient_look *look_r)
{
	if (question->path->literal.family == IP_NONE)
		look_up_at(directory, question, look_r);
	else
		look_up_at_address(directory, question, look_r);
}

bool recipient_directory_forget(const struct recipient_directory *directory, struct store *store,
	const struct path *path, unsigned *targets_r)
{
	const struct recipient_domain *rules = rules_for(directory, path->domain);

	*targets_r = 0;
	for (size_t i = 0; i < directory->source_count; i++) {
		const struct recipient_source *source = &directory->sources[i];

		if (source->callahead == NULL || !recipient_source_covers(source, path->domain))
			continue;
		if (!recipient_source_forget(source, rules, store, path))
			return false;
		++*targets_r;
	}
	return true;
}
