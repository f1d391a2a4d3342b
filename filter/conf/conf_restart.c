/* SPDX-License-Identifier: BSD-2-Clause */
/* What a reload cannot change. */
#include <string.h>

#include "conf_schema.h"
#include "text.h"

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_texts(char *const *a, char *const *b)
{
	while (a != NULL && b != NULL && *a != NULL && *b != NULL && strcmp(*a, *b) == 0) {
		a++;
		b++;
	}
	return (a == NULL || *a == NULL) && (b == NULL || *b == NULL);
}

/* Of the types that the tables here have. */
static bool same(const struct setting *setting, const void *a, const void *b)
{
	const void *x = (const char *)a + setting->offset;
	const void *y = (const char *)b + setting->offset;

	switch (setting->type) {
	case SETTING_TEXT:
	case SETTING_FILE:
		return same_text(*(char *const *)x, *(char *const *)y);
	case SETTING_TEXTS:
		return same_texts(*(char *const *const *)x, *(char *const *const *)y);
	case SETTING_CHOICE:
		return *(const int *)x == *(const int *)y;
	default:
		return *(const int64_t *)x == *(const int64_t *)y;
	}
}

static void compare(struct text *out, const struct setting *table, const char *section,
	const void *a, const void *b)
{
	for (; table->name != NULL; table++) {
		/* Of the daemon's, this one takes effect at once. */
		if (same(table, a, b) || strcmp(table->name, "log_level") == 0)
			continue;
		if (out->length > 0)
			text_add(out, ", ");
		text_add(out, section);
		text_add(out, table->name);
	}
}

bool conf_needs_restart(const struct conf *old, const struct conf *new, char *names, size_t size)
{
	struct text out;

	text_init(&out, names, size);
	compare(&out, daemon_settings, "", &old->daemon, &new->daemon);
	compare(&out, resolver_settings, "resolver.", &old->resolver, &new->resolver);
	compare(&out, store_settings, "store.", &old->store, &new->store);
	return names[0] != '\0';
}
