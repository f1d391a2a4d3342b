/* SPDX-License-Identifier: BSD-2-Clause */
#include "display_name.h"

#include <string.h>

#include "confusable.h"
#include "mem.h"
#include "text.h"

enum { NAME_SIZE = CONFUSABLE_MAX + 1, WORD_MIN = 2 };

static const char *const at_signs[] = {"@", "\xef\xbc\xa0", "\xef\xb9\xab"};

static bool is_domain_char(char c)
{
	return ascii_is_alnum(c) || c == '-' || c == '.' || c == '_' || (unsigned char)c >= 0x80;
}

/* Where NAME has an "@" in any width; behind it in *AFTER_R. */
static const char *find_at(const char *name, const char **after_r)
{
	for (; *name != '\0'; name++) {
		for (size_t i = 0; i < ARRAY_COUNT(at_signs); i++) {
			size_t length = strlen(at_signs[i]);

			if (strncmp(name, at_signs[i], length) != 0)
				continue;
			*after_r = name + length;
			return name;
		}
	}
	return NULL;
}

static bool take_domain(const char *at, char domain_r[DOMAIN_SIZE])
{
	char domain[DOMAIN_SIZE];
	struct text text;

	text_init(&text, domain, sizeof(domain));
	while (is_domain_char(*at))
		text_add_char(&text, *at++);
	while (text.length > 0 && domain[text.length - 1] == '.')
		domain[--text.length] = '\0';
	return !text.truncated && domain_canonical(domain, domain_r) &&
	       domain_is_qualified(domain_r);
}

bool display_name_address(const char *name, char domain_r[DOMAIN_SIZE])
{
	const char *start = name, *at, *after = NULL;

	while ((at = find_at(name, &after)) != NULL) {
		if (at > start && !ascii_is_space(at[-1]) && take_domain(after, domain_r))
			return true;
		name = after;
	}
	domain_r[0] = '\0';
	return false;
}

static bool is_word_char(char c)
{
	return ascii_is_alnum(c) || (unsigned char)c >= 0x80;
}

/* The next word at *AT; false at the end. */
static bool next_word(const char **at, const char **word_r, size_t *length_r)
{
	while (**at != '\0' && !is_word_char(**at))
		++*at;
	*word_r = *at;
	while (is_word_char(**at))
		++*at;
	*length_r = (size_t)(*at - *word_r);
	return *length_r > 0;
}

static bool has_word(const char *text, const char *wanted, size_t wanted_length)
{
	const char *word;
	size_t length;

	while (next_word(&text, &word, &length))
		if (length == wanted_length && memcmp(word, wanted, length) == 0)
			return true;
	return false;
}

/* Both are skeletons. Initials and the like do not make a name. */
static bool has_all_words(const char *text, const char *name)
{
	const char *word;
	size_t length;
	bool any = false;

	while (next_word(&name, &word, &length)) {
		if (length < WORD_MIN)
			continue;
		if (!has_word(text, word, length))
			return false;
		any = true;
	}
	return any;
}

struct display_names {
	char *const *names;
	char **skeletons; /* of each, owned */
	size_t count;
};

struct display_names *display_names_create(char *const *names)
{
	struct display_names *made = mem_alloc(sizeof(*made));
	char skeleton[NAME_SIZE];

	made->names = names;
	for (; names != NULL && *names != NULL; names++) {
		made->skeletons =
			mem_resize(made->skeletons, made->count + 1, sizeof(made->skeletons[0]));
		made->skeletons[made->count++] =
			mem_text(confusable_skeleton(*names, skeleton, sizeof(skeleton)));
	}
	return made;
}

void display_names_free(struct display_names **names)
{
	struct display_names *old = *names;

	*names = NULL;
	if (old == NULL)
		return;
	for (size_t i = 0; i < old->count; i++)
		mem_free(old->skeletons[i]);
	mem_free(old->skeletons);
	mem_free(old);
}

const char *display_names_match(const struct display_names *names, const char *name)
{
	char shown[NAME_SIZE];

	if (names->count == 0 || *name == '\0')
		return NULL;
	confusable_skeleton(name, shown, sizeof(shown));
	for (size_t i = 0; i < names->count; i++)
		if (has_all_words(shown, names->skeletons[i]))
			return names->names[i];
	return NULL;
}

bool display_name_is_usable(const char *name)
{
	char skeleton[NAME_SIZE];

	confusable_skeleton(name, skeleton, sizeof(skeleton));
	return has_all_words(skeleton, skeleton);
}
