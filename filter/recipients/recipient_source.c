/* SPDX-License-Identifier: BSD-2-Clause */
#include "recipient_source.h"

#include <stdio.h>
#include <string.h>

#include "log.h"
#include "recipient_accounts.h"
#include "text.h"

static const struct {
	const char *prefix;
	enum recipient_source_kind kind;
	bool needs_file;
} kinds[] = {
	{"file:", RECIPIENT_FILE, true},
	{"redis:", RECIPIENT_REDIS, false},
	{"passwd:", RECIPIENT_ACCOUNTS, false},
	{"aliases:", RECIPIENT_ALIASES, true},
	{"smtp:", RECIPIENT_CALLAHEAD, false},
	{"lmtp:", RECIPIENT_CALLAHEAD, false},
};

static const char *check_place(struct recipient_source *source, bool needs_file)
{
	const char *place = source->place;

	if (needs_file && place[0] != '/')
		return "has no absolute path; write \"file:/path\"";
	switch (source->kind) {
	case RECIPIENT_ACCOUNTS:
		if (place[0] != '\0' && place[0] != '/')
			return "has no absolute path; write \"passwd:\" or \"passwd:/path\"";
		break;
	case RECIPIENT_REDIS:
		if (place[0] == '\0' || strcspn(place, " \t\r\n") != strlen(place))
			return "has no key; write \"redis:KEY\"";
		break;
	case RECIPIENT_CALLAHEAD:
		if (!callahead_target_parse(source->text, &source->target))
			return "has no target; write \"smtp:host:port\", \"lmtp:host:port\" or "
			       "\"lmtp:/socket\"";
		break;
	case RECIPIENT_FILE:
	case RECIPIENT_ALIASES:
		break;
	}
	return NULL;
}

bool recipient_source_parse(const char *text, struct recipient_source *source_r, const char **why_r)
{
	*source_r = (struct recipient_source){0};
	source_r->text = recipient_domain_read(text, source_r->domain);
	*why_r = "starts with no domain; write \"example.org file:/etc/mailreeve/recipients\"";
	if (source_r->text == NULL)
		return false;
	*why_r = "has no source that is known; write \"file:/path\", \"redis:KEY\", \"passwd:\", "
		 "\"aliases:/path\", \"smtp:host:port\" or \"lmtp:/socket\" after the domain";
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		if (!ascii_starts_with(source_r->text, kinds[i].prefix))
			continue;
		source_r->kind = kinds[i].kind;
		source_r->place = source_r->text + strlen(kinds[i].prefix);
		*why_r = check_place(source_r, kinds[i].needs_file);
		break;
	}
	return *why_r == NULL;
}

static struct recipient_table *load(
	const struct recipient_source *source, recipient_complaint *complain, void *context)
{
	if (source->kind == RECIPIENT_FILE)
		return recipient_table_load(source->place, complain, context);
	if (source->kind == RECIPIENT_ACCOUNTS)
		return recipient_accounts_load(source->place, complain, context);
	return recipient_aliases_load(source->place, complain, context);
}

static bool has_table(const struct recipient_source *source)
{
	return source->kind != RECIPIENT_REDIS && source->kind != RECIPIENT_CALLAHEAD;
}

bool recipient_source_check(
	const struct recipient_source *source, recipient_complaint *complain, void *context)
{
	struct recipient_table *table;
	bool good;

	if (!has_table(source))
		return true;
	if (source->kind == RECIPIENT_FILE)
		return recipient_table_check(source->place, complain, context);
	table = load(source, complain, context);
	good = table != NULL;
	recipient_table_free(&table);
	return good;
}

void recipient_source_open(struct recipient_source *source, const struct callahead_options *options,
	recipient_complaint *complain, void *context)
{
	if (has_table(source))
		source->table = load(source, complain, context);
	else if (source->kind == RECIPIENT_CALLAHEAD)
		source->callahead = callahead_create(&source->target, options);
}

void recipient_source_close(struct recipient_source *source)
{
	recipient_table_free(&source->table);
	callahead_free(&source->callahead);
}

bool recipient_source_covers(const struct recipient_source *source, const char *domain)
{
	return recipient_domain_covers(source->domain, domain);
}

/* Asking. -------------------------------------------------------------------------------------- */

static bool table_knows(const struct recipient_source *source,
	const struct recipient_domain *domain, const struct path *path)
{
	/* Accounts and aliases are names of the machine, whatever the domain. */
	const char *of = source->kind == RECIPIENT_FILE ? path->domain : "";
	char base[PATH_LOCAL_PART_MAX + 1];
	bool fold = !domain->case_sensitive;

	if (recipient_table_has_address(source->table, path->local_part, of, fold) ||
		(domain->wildcard && recipient_table_has_domain(source->table, path->domain)))
		return true;
	return recipient_domain_base(domain, path->local_part, base) &&
	       recipient_table_has_address(source->table, base, of, fold);
}

/* The members of a set that would make PATH known. */
struct members {
	char texts[STORE_MEMBERS_MAX][PATH_SIZE];
	const char *list[STORE_MEMBERS_MAX];
	size_t count;
};

static void add_member(struct members *members, const char *local_part, const char *domain)
{
	struct text text;

	text_init(&text, members->texts[members->count], PATH_SIZE);
	text_add(&text, local_part);
	if (domain != NULL)
		text_addf(&text, "@%s", domain);
	members->list[members->count++] = text.buffer;
}

/* ALONE: the key belongs to one domain, so a name without one will do. */
static void list_members(struct members *members, const struct recipient_domain *domain,
	const struct path *path, bool alone)
{
	char local_part[PATH_LOCAL_PART_MAX + 1];
	char base[PATH_LOCAL_PART_MAX + 1];

	members->count = 0;
	snprintf(local_part, sizeof(local_part), "%s", path->local_part);
	if (!domain->case_sensitive)
		ascii_lower(local_part);
	add_member(members, local_part, path->domain);
	/* Not one that reads as an address of another domain. */
	if (alone && strchr(local_part, '@') == NULL)
		add_member(members, local_part, NULL);
	if (recipient_domain_base(domain, path->local_part, base)) {
		add_member(members, base, path->domain);
		if (alone && strchr(base, '@') == NULL)
			add_member(members, base, NULL);
	}
	if (domain->wildcard)
		add_member(members, "", path->domain);
}

enum { KEY_SIZE = 1024 };

/* "%d" stands for the domain. False when the key would be too long. */
static bool make_key(const struct recipient_source *source, const char *domain, char key[KEY_SIZE])
{
	struct text text;

	text_init(&text, key, KEY_SIZE);
	for (const char *at = source->place; *at != '\0'; at++) {
		if (at[0] == '%' && at[1] == 'd') {
			text_add(&text, domain);
			at++;
		} else {
			text_add_char(&text, *at);
		}
	}
	return !text.truncated;
}

static enum recipient_known ask_redis(const struct recipient_source *source,
	const struct recipient_domain *domain, const struct callahead_question *question,
	char why[CALLAHEAD_WHY_SIZE])
{
	const char *of = question->path->domain;
	bool alone = strcmp(source->domain, of) == 0 || strstr(source->place, "%d") != NULL;
	struct store_state state = {0};
	struct members members;
	char key[KEY_SIZE];
	enum store_set set;

	list_members(&members, domain, question->path, alone);
	if (!make_key(source, of, key)) {
		snprintf(why, CALLAHEAD_WHY_SIZE, "its key would be too long");
		return RECIPIENT_UNSURE;
	}
	if (question->store == NULL || store_set_has(question->store, key, members.list,
					       members.count, &set) != STORE_OK) {
		snprintf(why, CALLAHEAD_WHY_SIZE, "the store does not answer");
		return RECIPIENT_UNSURE;
	}
	if (set != STORE_SET_MISSING)
		return set == STORE_SET_HAS ? RECIPIENT_KNOWN : RECIPIENT_UNKNOWN;
	/* That nobody is in a set that Redis has lost, or in one that memory cannot have, means nothing. */
	store_state(question->store, &state);
	snprintf(why, CALLAHEAD_WHY_SIZE,
		strcmp(state.kind, "redis") == 0 ? "there is no such key"
						 : "the store is no Redis");
	return RECIPIENT_UNSURE;
}

static enum recipient_known ask_target(const struct recipient_source *source,
	const struct recipient_domain *domain, const struct callahead_question *question,
	char why[CALLAHEAD_WHY_SIZE])
{
	struct callahead_question own = *question;
	struct path path = *question->path;

	/* Who asks himself waits for himself. */
	if (path.domain[0] == '\0' || question->from_us)
		return RECIPIENT_NOT_ASKED;
	if (!domain->case_sensitive)
		ascii_lower(path.local_part);
	own.path = &path;
	own.remember = domain->outage == RECIPIENT_OUTAGE_BACKUP;
	switch (callahead_ask(source->callahead, &own, why)) {
	case CALLAHEAD_KNOWN:
		return RECIPIENT_KNOWN;
	case CALLAHEAD_UNKNOWN:
		return RECIPIENT_UNKNOWN;
	case CALLAHEAD_CATCH_ALL:
		return RECIPIENT_ANY;
	case CALLAHEAD_UNSURE:
		break;
	}
	return RECIPIENT_UNSURE;
}

enum recipient_known recipient_source_ask(const struct recipient_source *source,
	const struct recipient_domain *domain, const struct callahead_question *question,
	char why[CALLAHEAD_WHY_SIZE])
{
	why[0] = '\0';
	if (source->kind == RECIPIENT_REDIS)
		return ask_redis(source, domain, question, why);
	if (source->kind == RECIPIENT_CALLAHEAD)
		return ask_target(source, domain, question, why);
	if (source->table != NULL)
		return table_knows(source, domain, question->path) ? RECIPIENT_KNOWN
								   : RECIPIENT_UNKNOWN;
	snprintf(why, CALLAHEAD_WHY_SIZE, "it cannot be read");
	return RECIPIENT_UNSURE;
}

bool recipient_source_forget(const struct recipient_source *source,
	const struct recipient_domain *domain, struct store *store, const struct path *path)
{
	struct path asked = *path;

	if (!domain->case_sensitive)
		ascii_lower(asked.local_part);
	return callahead_forget(source->callahead, store, &asked);
}
