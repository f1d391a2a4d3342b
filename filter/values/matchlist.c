/* SPDX-License-Identifier: BSD-2-Clause */
#include "matchlist.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "hashindex.h"
#include "matchlist_entry.h"
#include "mem.h"
#include "text.h"

/* Where a text lies in the list's texts, and where the administrator wrote it. */
struct place {
	uint32_t text, source, line;
};

struct network_entry {
	uint8_t bytes[16];
	struct place place;
	uint8_t family, prefix;
};

struct matchlist {
	char *texts; /* all entries in canonical form, each with its NUL */
	size_t texts_used, texts_size;
	struct place *names; /* domains and paths: the key is the text */
	size_t name_count, names_size;
	struct network_entry *networks;
	size_t network_count, networks_size;
	struct hashindex name_index, network_index;
	uint32_t prefixes_v4[33], prefixes_v6[129]; /* entries with this prefix length */
	char **sources; /* files and settings */
	size_t source_count;
	unsigned kinds; /* that are taken; 0: all */
	bool has_domains; /* any "example.com" or ".example.com" */
	bool has_parents; /* any ".example.com" */
};

struct matchlist *matchlist_create(void)
{
	return mem_alloc(sizeof(struct matchlist));
}

void matchlist_take_only(struct matchlist *list, unsigned kinds)
{
	list->kinds = kinds;
}

void matchlist_free(struct matchlist **list)
{
	struct matchlist *old = *list;

	*list = NULL;
	if (old == NULL)
		return;
	for (size_t i = 0; i < old->source_count; i++)
		mem_free(old->sources[i]);
	mem_free(old->sources);
	mem_free(old->texts);
	mem_free(old->names);
	mem_free(old->networks);
	hashindex_free(&old->name_index);
	hashindex_free(&old->network_index);
	mem_free(old);
}

/* MEMORY with room for MORE elements of SIZE bytes than COUNT. */
static void *make_room(void *memory, size_t count, size_t *capacity, size_t more, size_t size)
{
	if (count + more <= *capacity)
		return memory;
	*capacity = (count + more) * 2;
	return mem_resize(memory, *capacity, size);
}

static uint32_t keep_source(struct matchlist *list, const char *where)
{
	size_t count = list->source_count;

	if (count > 0 && strcmp(list->sources[count - 1], where) == 0)
		return (uint32_t)(count - 1);
	list->sources = mem_resize(list->sources, count + 1, sizeof(*list->sources));
	list->sources[count] = mem_text(where);
	list->source_count++;
	return (uint32_t)count;
}

/* False when the texts are full. */
static bool keep_text(struct matchlist *list, const char *text, const char *where, unsigned line,
	struct place *place_r)
{
	size_t length = strlen(text) + 1;

	if (list->texts_used > UINT32_MAX - length)
		return false;
	list->texts = make_room(list->texts, list->texts_used, &list->texts_size, length, 1);
	memcpy(list->texts + list->texts_used, text, length);
	place_r->text = (uint32_t)list->texts_used;
	place_r->source = keep_source(list, where);
	place_r->line = line;
	list->texts_used += length;
	return true;
}

static const struct place *find_name(
	const struct matchlist *list, uint32_t hash, const char *key, size_t length)
{
	size_t position = 0;

	for (;;) {
		int64_t item = hashindex_next(&list->name_index, hash, &position);
		const char *text;

		if (item == HASHINDEX_END)
			return NULL;
		text = list->texts + list->names[item].text;
		if (strncmp(text, key, length) == 0 && text[length] == '\0')
			return &list->names[item];
	}
}

static bool add_name(struct matchlist *list, const char *key, const char *where, unsigned line)
{
	size_t length = strlen(key);
	uint32_t hash = hashindex_hash(key, length);
	struct place place;

	if (find_name(list, hash, key, length) != NULL)
		return true;
	if (!keep_text(list, key, where, line, &place))
		return false;
	list->names = make_room(
		list->names, list->name_count, &list->names_size, 1, sizeof(*list->names));
	hashindex_add(&list->name_index, hash, (uint32_t)list->name_count);
	list->names[list->name_count++] = place;
	list->has_domains = list->has_domains || strchr(key, '@') == NULL;
	list->has_parents = list->has_parents || key[0] == '.';
	return true;
}

static uint32_t network_hash(const struct network *network)
{
	uint64_t halves[2];

	memcpy(halves, network->address.bytes, sizeof(halves));
	return hashindex_mix(halves[0], halves[1] + network->prefix * 8U + network->address.family);
}

static const struct network_entry *find_network(
	const struct matchlist *list, const struct network *network)
{
	uint32_t hash = network_hash(network);
	size_t position = 0;

	for (;;) {
		int64_t item = hashindex_next(&list->network_index, hash, &position);
		const struct network_entry *entry;

		if (item == HASHINDEX_END)
			return NULL;
		entry = &list->networks[item];
		if (entry->prefix == network->prefix &&
			entry->family == (uint8_t)network->address.family &&
			memcmp(entry->bytes, network->address.bytes, sizeof(entry->bytes)) == 0)
			return entry;
	}
}

static bool add_network(struct matchlist *list, const struct network *network, const char *text,
	const char *where, unsigned line)
{
	struct network_entry entry = {
		.family = (uint8_t)network->address.family,
		.prefix = (uint8_t)network->prefix,
	};

	if (find_network(list, network) != NULL)
		return true;
	if (!keep_text(list, text, where, line, &entry.place))
		return false;
	memcpy(entry.bytes, network->address.bytes, sizeof(entry.bytes));
	list->networks = make_room(list->networks, list->network_count, &list->networks_size, 1,
		sizeof(*list->networks));
	hashindex_add(&list->network_index, network_hash(network), (uint32_t)list->network_count);
	list->networks[list->network_count++] = entry;
	if (network->address.family == IP_V6)
		list->prefixes_v6[network->prefix]++;
	else
		list->prefixes_v4[network->prefix]++;
	return true;
}

static unsigned kind_of(const struct matchlist_entry *entry)
{
	if (entry->is_network)
		return MATCH_NETWORKS;
	return strchr(entry->text, '@') == NULL ? MATCH_DOMAINS : MATCH_ADDRESSES;
}

/* An entry of another kind would be one that does nothing, and nobody would know. */
static bool is_taken(
	const struct matchlist *list, const struct matchlist_entry *entry, const char **why_r)
{
	if (list->kinds == 0 || (list->kinds & kind_of(entry)) != 0)
		return true;
	if (list->kinds == MATCH_NETWORKS)
		*why_r = "only networks are looked for here; write it like 192.0.2.0/24 or "
			 "2001:db8::/32";
	else if (list->kinds == MATCH_DOMAINS)
		*why_r = "only domains are looked for here; write it like example.com or "
			 ".example.com";
	else
		*why_r = "only networks and domains are looked for here; write it like "
			 "192.0.2.0/24, example.com or .example.com";
	return false;
}

bool matchlist_add_line(struct matchlist *list, const char *entry, const char *where, unsigned line,
	const char **why_r)
{
	struct matchlist_entry parsed;
	bool added;

	if (!matchlist_entry_parse(entry, &parsed, why_r) || !is_taken(list, &parsed, why_r))
		return false;
	if (parsed.is_network)
		added = add_network(list, &parsed.network, parsed.text, where, line);
	else
		added = add_name(list, parsed.text, where, line);
	if (!added)
		*why_r = "the list is too large; split it";
	return added;
}

bool matchlist_add(struct matchlist *list, const char *entry, const char *where, const char **why_r)
{
	return matchlist_add_line(list, entry, where, 0, why_r);
}

void matchlist_shrink(struct matchlist *list)
{
	list->texts = mem_resize(list->texts, list->texts_used, 1);
	list->texts_size = list->texts_used;
	list->names = mem_resize(list->names, list->name_count, sizeof(*list->names));
	list->names_size = list->name_count;
	list->networks = mem_resize(list->networks, list->network_count, sizeof(*list->networks));
	list->networks_size = list->network_count;
}

static bool tell(const struct matchlist *list, const struct place *place, struct match *match_r)
{
	const char *source = list->sources[place->source];

	if (match_r == NULL)
		return true;
	match_r->entry = list->texts + place->text;
	if (place->line == 0)
		snprintf(match_r->where, sizeof(match_r->where), "%s", source);
	else
		snprintf(match_r->where, sizeof(match_r->where), "%.*s:%u", MATCH_WHERE_SIZE - 12,
			source, place->line);
	return true;
}

bool matchlist_match_address(
	const struct matchlist *list, const struct ipaddr *address, struct match *match_r)
{
	bool v6 = address->family == IP_V6;
	unsigned longest = v6 ? 128 : 32;

	if (list == NULL || list->network_count == 0 || address->family == IP_NONE)
		return false;
	for (unsigned left = longest + 1; left > 0; left--) {
		unsigned prefix = left - 1;
		const struct network_entry *entry;
		struct network network;

		if ((v6 ? list->prefixes_v6[prefix] : list->prefixes_v4[prefix]) == 0)
			continue;
		network = network_of(address, prefix, prefix);
		entry = find_network(list, &network);
		if (entry != NULL)
			return tell(list, &entry->place, match_r);
	}
	return false;
}

static bool match_key(
	const struct matchlist *list, const char *key, size_t length, struct match *match_r)
{
	const struct place *place = find_name(list, hashindex_hash(key, length), key, length);

	return place != NULL && tell(list, place, match_r);
}

/* The longest ".parent" of NAME, NAME itself included. */
static const struct place *find_parent(
	const struct matchlist *list, const char *name, size_t length)
{
	char key[DOMAIN_SIZE + 1];
	const struct place *found = NULL;
	uint64_t state = HASHINDEX_SEED;

	if (length >= DOMAIN_SIZE)
		return NULL;
	key[0] = '.';
	memcpy(key + 1, name, length);
	for (size_t i = length + 1; i > 0; i--) {
		const struct place *place;

		state = hashindex_step(state, (unsigned char)key[i - 1]);
		if (key[i - 1] != '.')
			continue;
		place = find_name(list, hashindex_finish(state), key + i - 1, length + 2 - i);
		if (place != NULL)
			found = place;
	}
	return found;
}

bool matchlist_match_domain(
	const struct matchlist *list, const char *canonical_domain, struct match *match_r)
{
	size_t length = strlen(canonical_domain);
	const struct place *parent;

	if (list == NULL || !list->has_domains || length == 0)
		return false;
	/* Keys of the other kinds, which no canonical domain equals. */
	if (canonical_domain[0] == '.' || strchr(canonical_domain, '@') != NULL)
		return false;
	if (match_key(list, canonical_domain, length, match_r))
		return true;
	parent = list->has_parents ? find_parent(list, canonical_domain, length) : NULL;
	return parent != NULL && tell(list, parent, match_r);
}

bool matchlist_match_path(
	const struct matchlist *list, const struct path *path, struct match *match_r)
{
	char key[PATH_SIZE + 1];
	const char *at;
	size_t length, local;

	if (list == NULL || list->name_count == 0 || path->null)
		return false;
	path_format(path, key);
	ascii_lower(key);
	length = strlen(key);
	if (path->domain[0] == '\0' && path->literal.family == IP_NONE)
		memcpy(key + length++, "@", 2);
	at = strrchr(key, '@');
	if (at == NULL)
		return false;
	local = (size_t)(at - key) + 1;
	return match_key(list, key, length, match_r) || match_key(list, key, local, match_r) ||
	       (path->domain[0] != '\0' &&
		       (match_key(list, at, length - local + 1, match_r) ||
			       matchlist_match_domain(list, path->domain, match_r)));
}

void matchlist_each_domain(const struct matchlist *list,
	bool (*each)(void *context, const char *domain), void *context)
{
	for (size_t i = 0; list != NULL && i < list->name_count; i++) {
		const char *entry = list->texts + list->names[i].text;

		if (strchr(entry, '@') == NULL && !each(context, entry + (entry[0] == '.')))
			return;
	}
}

size_t matchlist_count(const struct matchlist *list)
{
	return list == NULL ? 0 : list->name_count + list->network_count;
}

bool matchlist_has_domains(const struct matchlist *list)
{
	return list != NULL && list->has_domains;
}

bool matchlist_is_empty(const struct matchlist *list)
{
	return matchlist_count(list) == 0;
}
