/* SPDX-License-Identifier: BSD-2-Clause */
#include "callahead_cache.h"

#include <stdio.h>
#include <string.h>

#include "compiler.h"
#include "log.h"
#include "mem.h"

static void make_name(char name_r[CALLAHEAD_NAME_SIZE], const char *kind, const char *target,
	const char *domain, const char *local_part)
{
	const char *const parts[] = {kind, target, domain, local_part};
	char key[STORE_KEY_SIZE];

	store_key(key, parts, ARRAY_COUNT(parts));
	snprintf(name_r, CALLAHEAD_NAME_SIZE, "callahead:%s", key);
}

void callahead_names(struct callahead_names *names_r, const char *target, const struct path *path)
{
	make_name(names_r->address, "address", target, path->domain, path->local_part);
	make_name(names_r->domain, "domain", target, path->domain, "");
	make_name(names_r->refused, "refused", target, path->domain, path->local_part);
}

char callahead_cache_get(struct store *store, const char *name)
{
	void *value = NULL;
	size_t length = 0;
	char letter = '\0';

	if (store == NULL || store_get(store, name, &value, &length) != STORE_OK)
		return '\0';
	if (value != NULL && length == 1)
		letter = *(char *)value;
	mem_free(value);
	return letter;
}

void callahead_cache_put(struct store *store, const char *name, char letter, int64_t keep_ms)
{
	if (store == NULL || keep_ms <= 0)
		return;
	if (store_put(store, name, &letter, 1, keep_ms) != STORE_OK)
		log_debug("the answer of a call-ahead could not be kept");
}

bool callahead_cache_forget(struct store *store, const char *name)
{
	/* No letter of an answer, and soon gone. */
	return store != NULL && store_put(store, name, "-", 1, 1) == STORE_OK;
}
