/* SPDX-License-Identifier: BSD-2-Clause */
#include "store.h"

#include <assert.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "siphash.h"
#include "store_backend.h"
#include "window.h"

static pthread_once_t id_once = PTHREAD_ONCE_INIT;
static struct siphash_key id_keys[2];

static void new_id_keys(void)
{
	for (size_t i = 0; i < ARRAY_COUNT(id_keys); i++)
		id_keys[i] = siphash_random_key();
}

static void make_id_keys(void)
{
	new_id_keys();
	/* A child would go on with its parent's: the same ids, which are taken for repetitions. */
	pthread_atfork(NULL, NULL, new_id_keys);
}

/* A counter under secret keys is as good as random, for a hundredth of the time. */
void store_id(unsigned char id_r[STORE_ID_SIZE])
{
	static _Atomic uint64_t next;
	uint64_t number = atomic_fetch_add_explicit(&next, 1, memory_order_relaxed);

	pthread_once(&id_once, make_id_keys);
	_Static_assert(STORE_ID_SIZE == sizeof(uint64_t[ARRAY_COUNT(id_keys)]), "one hash a key");
	for (size_t i = 0; i < ARRAY_COUNT(id_keys); i++) {
		uint64_t word = siphash(&id_keys[i], &number, sizeof(number), 0);

		memcpy(id_r + i * sizeof(word), &word, sizeof(word));
	}
}

static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;
static EVP_MD *sha256; /* fetched once: that costs more than a hash; kept until the process ends */

static void fetch_sha256(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (sha256 == NULL)
		abort();
}

/* To set one up costs more than a hash, too: those that nobody uses wait here. */
static _Atomic(EVP_MD_CTX *) spare_contexts[4];

static EVP_MD_CTX *take_context(void)
{
	for (size_t i = 0; i < ARRAY_COUNT(spare_contexts); i++) {
		EVP_MD_CTX *context = atomic_exchange(&spare_contexts[i], NULL);

		/* The digest is the one it has. */
		if (context != NULL && EVP_DigestInit_ex(context, NULL, NULL) == 1)
			return context;
		EVP_MD_CTX_free(context);
	}
	return EVP_MD_CTX_new();
}

static void spare_context(EVP_MD_CTX *context)
{
	for (size_t i = 0; i < ARRAY_COUNT(spare_contexts) && context != NULL; i++)
		context = atomic_exchange(&spare_contexts[i], context);
	EVP_MD_CTX_free(context);
}

static void digest_of(
	unsigned char digest[EVP_MAX_MD_SIZE], const char *const *parts, size_t part_count)
{
	EVP_MD_CTX *context;
	bool failed;

	pthread_once(&sha256_once, fetch_sha256);
	context = take_context();
	failed = context == NULL || (EVP_MD_CTX_get0_md(context) == NULL &&
					    EVP_DigestInit_ex(context, sha256, NULL) != 1);

	/* The NUL of each part is hashed too, so parts cannot be shifted into each other. */
	for (size_t i = 0; i < part_count && !failed; i++)
		failed = EVP_DigestUpdate(context, parts[i], strlen(parts[i]) + 1) != 1;
	if (failed || EVP_DigestFinal_ex(context, digest, NULL) != 1)
		abort();
	spare_context(context);
}

void store_member(unsigned char member_r[STORE_MEMBER_SIZE], const char *text)
{
	unsigned char digest[EVP_MAX_MD_SIZE];

	digest_of(digest, &text, 1);
	memcpy(member_r, digest, STORE_MEMBER_SIZE);
}

void store_key(char key_r[STORE_KEY_SIZE], const char *const *parts, size_t part_count)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char digest[EVP_MAX_MD_SIZE];

	digest_of(digest, parts, part_count);
	for (size_t i = 0; i < (STORE_KEY_SIZE - 1) / 2; i++) {
		key_r[2 * i] = hex[digest[i] >> 4];
		key_r[2 * i + 1] = hex[digest[i] & 15];
	}
	key_r[STORE_KEY_SIZE - 1] = '\0';
}

static int64_t bounded(int64_t value, int64_t minimum, int64_t maximum)
{
	return value < minimum ? minimum : value > maximum ? maximum : value;
}

static bool same_window(const struct store_charge *a, const struct store_charge *b)
{
	return a->window_ms == b->window_ms && strcmp(a->key, b->key) == 0;
}

static bool stands_before(const struct store_charge *charges, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (same_window(&charges[i], &charges[j]))
			return true;
	return false;
}

/* The charges within the bounds that store_backend.h promises, owned by the caller; NULL where they
 * cannot be. */
static struct store_charge *normalise(const struct store_charge *charges, size_t count)
{
	struct store_charge *copy = mem_array(count, sizeof(*copy));
	bool good = true;

	for (size_t i = 0; i < count && good; i++) {
		copy[i] = charges[i];
		copy[i].window_ms = bounded(charges[i].window_ms, 1, WINDOW_LENGTH_MAX_MS);
		copy[i].limit = bounded(charges[i].limit, 0,
			charges[i].members != NULL ? STORE_UNIQUE_MAX : WINDOW_UNITS_MAX);
		copy[i].units = bounded(charges[i].units, 0, WINDOW_UNITS_MAX + 1);
		good = (copy[i].members == NULL ||
			       copy[i].member_count <= STORE_CHARGE_MEMBERS_MAX) &&
		       copy[i].key != NULL &&
		       strnlen(copy[i].key, STORE_KEY_SIZE) < STORE_KEY_SIZE &&
		       !stands_before(copy, i);
		if (copy[i].watch != NULL)
			*copy[i].watch = (struct store_watch){.over = false};
	}
	if (!good)
		mem_free(copy);
	return good ? copy : NULL;
}

static bool one_member_each(const struct store_charge *charges, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (charges[i].members != NULL && charges[i].member_count != 1)
			return false;
	return true;
}

static enum store_status counted(struct store *store, enum store_status status)
{
	atomic_fetch_add_explicit(&store->calls, 1, memory_order_relaxed);
	if (status == STORE_DOWN)
		atomic_fetch_add_explicit(&store->failures, 1, memory_order_relaxed);
	return status;
}

static enum store_status decide(
	struct store *store, struct store_step step, struct store_decision *decision_r)
{
	struct store_charge *copy = normalise(step.charges, step.count);
	enum store_status status = STORE_DOWN;

	step.charges = copy;
	if (copy != NULL && one_member_each(copy, step.count))
		status = store->backend->reserve(store->half, &step, decision_r);
	mem_free(copy);
	return counted(store, status);
}

enum store_status store_reserve(struct store *store, const unsigned char id[STORE_ID_SIZE],
	unsigned sequence, const struct store_charge *charges, size_t count,
	struct store_decision *decision_r)
{
	memset(decision_r, 0, sizeof(*decision_r));
	if (count == 0)
		return STORE_OK;
	if (sequence == 0)
		return counted(store, STORE_DOWN);
	return decide(store, (struct store_step){id, sequence, charges, count, false}, decision_r);
}

static const unsigned char no_id[STORE_ID_SIZE];

enum store_status store_look(struct store *store, const struct store_charge *charges, size_t count,
	struct store_decision *decision_r)
{
	memset(decision_r, 0, sizeof(*decision_r));
	if (count == 0)
		return STORE_OK;
	return decide(store, (struct store_step){no_id, 1, charges, count, true}, decision_r);
}

enum store_status store_forget(
	struct store *store, const struct store_charge *charges, size_t count)
{
	struct store_charge *copy;
	enum store_status status = STORE_DOWN;

	if (count == 0)
		return STORE_OK;
	copy = normalise(charges, count);
	if (copy != NULL)
		status = store->backend->forget(
			store->half, &(struct store_step){no_id, 0, copy, count, false});
	mem_free(copy);
	return counted(store, status);
}

void store_commit(struct store *store, const unsigned char id[STORE_ID_SIZE],
	const struct store_charge *charges, size_t count)
{
	struct store_charge *copy = normalise(charges, count);
	struct store_step step = {id, 0, copy, count, false};

	if (copy != NULL && count > 0)
		store->backend->commit(store->half, &step);
	mem_free(copy);
}

enum store_status store_give_back(struct store *store, const unsigned char id[STORE_ID_SIZE],
	unsigned sequence, const struct store_charge *charges, size_t count)
{
	struct store_charge *copy;
	enum store_status status = STORE_DOWN;

	if (count == 0)
		return STORE_OK;
	copy = normalise(charges, count);
	if (copy != NULL)
		status = store->backend->give_back(
			store->half, &(struct store_step){id, sequence, copy, count, false});
	mem_free(copy);
	return counted(store, status);
}

enum store_status store_peek(
	struct store *store, const struct store_charge *charges, size_t count, int64_t *used_r)
{
	struct store_charge *copy;
	enum store_status status = STORE_DOWN;

	if (count == 0)
		return STORE_OK;
	memset(used_r, 0, count * sizeof(*used_r));
	copy = normalise(charges, count);
	if (copy != NULL)
		status = store->backend->peek(
			store->half, &(struct store_step){no_id, 0, copy, count, false}, used_r);
	mem_free(copy);
	return counted(store, status);
}

enum store_status store_put(
	struct store *store, const char *name, const void *bytes, size_t length, int64_t keep_ms)
{
	struct store_value value = {name, bytes, length, bounded(keep_ms, 1, WINDOW_LENGTH_MAX_MS)};

	if (length == 0 || length > STORE_VALUE_MAX)
		return counted(store, STORE_DOWN);
	return counted(store, store->backend->put(store->half, &value));
}

enum store_status store_get(struct store *store, const char *name, void **value_r, size_t *length_r)
{
	*value_r = NULL;
	*length_r = 0;
	return counted(store, store->backend->get(store->half, name, value_r, length_r));
}

enum store_status store_claim(
	struct store *store, const char *name, int64_t keep_ms, bool *claimed_r)
{
	*claimed_r = false;
	return counted(store, store->backend->claim(store->half, name,
				      bounded(keep_ms, 1, WINDOW_LENGTH_MAX_MS), claimed_r));
}

/* Tables. -------------------------------------------------------------------------------------- */

static bool is_field(const char *text)
{
	return text[0] != '\0' && strnlen(text, STORE_FIELD_SIZE) < STORE_FIELD_SIZE &&
	       strpbrk(text, "\r\n") == NULL;
}

enum store_status store_table_set(
	struct store *store, const char *table, const struct store_row *row)
{
	if (!is_field(row->name) || !is_field(row->value) || row->end_ms < 0)
		return counted(store, STORE_DOWN);
	return counted(store, store->backend->table_set(store->half, table, row));
}

enum store_status store_table_delete(
	struct store *store, const char *table, const char *name, bool *found_r)
{
	*found_r = false;
	return counted(store, store->backend->table_delete(store->half, table, name, found_r));
}

/* Cuts the next line off; NULL where there is none. */
static char *next_line(char **text)
{
	char *line = *text;
	char *end = strchr(line, '\n');

	if (end == NULL)
		return NULL;
	*end = '\0';
	*text = end + 1;
	return line;
}

enum store_status store_table_read(
	struct store *store, const char *table, struct store_row **rows_r, size_t *count_r)
{
	char *text = NULL;
	char *rest, *end, *name, *value;
	enum store_status status =
		counted(store, store->backend->table_read(store->half, table, &text));

	*rows_r = NULL;
	*count_r = 0;
	rest = text;
	while (status == STORE_OK && rest != NULL && (end = next_line(&rest)) != NULL &&
		(name = next_line(&rest)) != NULL && (value = next_line(&rest)) != NULL) {
		/* What somebody else wrote there is not read. */
		if (!is_field(name) || !is_field(value) || *count_r == STORE_ROWS_MAX)
			continue;
		*rows_r = mem_resize(*rows_r, *count_r + 1, sizeof(**rows_r));
		(*rows_r)[(*count_r)++] =
			(struct store_row){mem_text(name), mem_text(value), strtoll(end, NULL, 10)};
	}
	mem_free(text);
	return status;
}

void store_rows_free(struct store_row **rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		mem_free((*rows)[i].name);
		mem_free((*rows)[i].value);
	}
	mem_free(*rows);
	*rows = NULL;
}

enum store_status store_list(struct store *store, store_visit *visit, void *context)
{
	return counted(store, store->backend->list(store->half, visit, context));
}

enum store_status store_set_has(struct store *store, const char *key, const char *const *members,
	size_t count, enum store_set *set_r)
{
	assert(count <= STORE_MEMBERS_MAX);
	*set_r = STORE_SET_MISSING;
	return counted(store, store->backend->set_has(store->half, key, members, count, set_r));
}

void store_state(struct store *store, struct store_state *state_r)
{
	memset(state_r, 0, sizeof(*state_r));
	state_r->kind = store->backend->kind;
	state_r->mode = store->backend->kind;
	state_r->calls = atomic_load(&store->calls);
	state_r->failures = atomic_load(&store->failures);
	store->backend->state(store->half, state_r);
}
