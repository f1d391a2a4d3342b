/* SPDX-License-Identifier: BSD-2-Clause */
#include "kept.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "backlog.h"
#include "clock.h"
#include "mem.h"
#include "siphash.h"
#include "text.h"

enum {
	PLACE_BITS = 20,
	QUEUE_PLACES = 1 << 18,
	RECORD_MAX = 8192,
	ITEMS_MAX = 4096,
	BYTES_MAX = 8 << 20,
	STOP_MS = 2000
};

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* Set by kept_start before other threads call, cleared by kept_stop after them. */
static struct {
	struct backlog *backlog;
	struct kept_options options;
	bool store_is_up; /* by the last answer; for the thread alone */
} kept;

static _Atomic uint32_t next_place;

static uint64_t random_bits(void)
{
	uint64_t bits;

	if (getrandom(&bits, sizeof(bits), GRND_NONBLOCK) != (ssize_t)sizeof(bits))
		bits = (clock_wall_ms() * UINT64_C(6364136223846793005)) >> 20;
	return bits;
}

/* References. ---------------------------------------------------------------------------------- */

enum { PLACE_MASK = (1 << PLACE_BITS) - 1 };

/* Hides the place by the random half, so that references tell strangers nothing of our number; twice, it
 * gives the place again. */
static uint64_t hide(uint64_t place, uint64_t low)
{
	return (place ^ ((low * UINT64_C(0x9e3779b97f4a7c15)) >> 40)) & PLACE_MASK;
}

static uint32_t place_of(uint64_t bits)
{
	return (uint32_t)hide(bits >> PLACE_BITS, bits & PLACE_MASK);
}

void kept_make_reference(char reference_r[REFERENCE_SIZE])
{
	uint64_t places =
		kept.options.places > 0 ? (uint64_t)kept.options.places : 1U << PLACE_BITS;
	uint64_t place = atomic_fetch_add_explicit(&next_place, 1, memory_order_relaxed) % places;
	uint64_t low = random_bits() & PLACE_MASK;
	uint64_t bits = (hide(place, low) << PLACE_BITS) | low;
	size_t at = 0;

	for (int i = 7; i >= 0; i--) {
		if (i == 3)
			reference_r[at++] = '-';
		reference_r[at++] = alphabet[(bits >> (5 * i)) & 31U];
	}
	reference_r[at] = '\0';
}

/* The letters that were left out are read as the digits they are taken for. */
static int digit_of(char c)
{
	char upper = c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;
	const char *found;

	if (upper == 'O')
		upper = '0';
	else if (upper == 'I' || upper == 'L')
		upper = '1';
	found = upper == '\0' ? NULL : strchr(alphabet, upper);
	return found == NULL ? -1 : (int)(found - alphabet);
}

static bool read_reference(const char *word, uint64_t *bits_r)
{
	size_t digits = 0;

	*bits_r = 0;
	for (const char *start = word; *word != '\0'; word++) {
		int digit = digit_of(*word);

		if (*word == '-' && word == start + 4)
			continue;
		if (digit < 0 || digits == 8)
			return false;
		*bits_r = (*bits_r << 5) | (unsigned)digit;
		digits++;
	}
	return digits == 8;
}

bool kept_parse_reference(const char *word, char reference_r[REFERENCE_SIZE])
{
	size_t at = 0;
	uint64_t bits;

	if (!read_reference(word, &bits))
		return false;
	for (int i = 7; i >= 0; i--) {
		if (i == 3)
			reference_r[at++] = '-';
		reference_r[at++] = alphabet[(bits >> (5 * i)) & 31U];
	}
	reference_r[at] = '\0';
	return true;
}

/* Names in the store. -------------------------------------------------------------------------- */

enum { NAME_SIZE = 32 };

static void name_of_place(char name_r[NAME_SIZE], const char *reference)
{
	uint64_t bits = 0;

	(void)read_reference(reference, &bits);
	snprintf(name_r, NAME_SIZE, "why:%05x", place_of(bits));
}

/* All hosts must agree, so the key is no secret: who makes two queue ids collide is the MTA alone. */
static void name_of_queue(char name_r[NAME_SIZE], const char *queue_id)
{
	static const struct siphash_key key = {0x6d61696c, 0x72656576};

	snprintf(name_r, NAME_SIZE, "why:q%05x",
		(unsigned)(siphash(&key, queue_id, strlen(queue_id), 0) % QUEUE_PLACES));
}

/* Putting away, in the thread. ----------------------------------------------------------------- */

/* One slow answer is no outage: while the store has answered so far, it is asked again. */
static bool put_for_all(const char *name, const char *value, size_t length)
{
	enum { TRIES = 3, PAUSE_US = 200000 };
	const struct kept_options *options = &kept.options;

	for (int tries = kept.store_is_up ? TRIES : 1; tries > 0; tries--) {
		if (store_put(options->store, name, value, length, options->keep_ms) == STORE_OK) {
			kept.store_is_up = true;
			return true;
		}
		if (tries > 1)
			usleep(PAUSE_US);
	}
	kept.store_is_up = false;
	return false;
}

static void put(const char *name, const char *value, size_t length)
{
	const struct kept_options *options = &kept.options;

	if (put_for_all(name, value, length) || options->local == options->store)
		return;
	/* Full as well: the journal is left. */
	if (store_put(options->local, name, value, length, options->keep_ms) != STORE_OK)
		return;
}

/* An item: "REFERENCE QUEUE_ID\nRECORD". */
static void put_items(void *context, const struct backlog_item *item)
{
	(void)context;
	for (; item != NULL; item = item->next) {
		const char *queue_id = item->text + REFERENCE_SIZE;
		const char *end = strchr(queue_id, '\n');
		char reference[REFERENCE_SIZE], name[NAME_SIZE], pointer[128], queue[64];

		memcpy(reference, item->text, REFERENCE_SIZE - 1);
		reference[REFERENCE_SIZE - 1] = '\0';
		name_of_place(name, reference);
		put(name, end + 1, strlen(end + 1));
		if (end == queue_id)
			continue;
		snprintf(queue, sizeof(queue), "%.*s", (int)(end - queue_id), queue_id);
		name_of_queue(name, queue);
		snprintf(pointer, sizeof(pointer), "%s %s", reference, queue);
		put(name, pointer, strlen(pointer));
	}
}

void kept_start(const struct kept_options *options)
{
	struct backlog_options queue = {
		.max_items = ITEMS_MAX,
		.max_bytes = BYTES_MAX,
		.work = put_items,
	};

	kept.options = *options;
	kept.store_is_up = options->store != options->local;
	atomic_store(&next_place, (uint32_t)random_bits() >> 1);
	kept.backlog = backlog_start(&queue);
}

void kept_stop(void)
{
	backlog_stop(&kept.backlog, STOP_MS);
}

bool kept_is_on(void)
{
	return kept.backlog != NULL;
}

void kept_add(const char *reference, const char *queue_id, const char *record)
{
	char item[RECORD_MAX + 128];
	int length;

	if (kept.backlog == NULL)
		return;
	length = snprintf(item, sizeof(item), "%s %s\n%s", reference,
		strpbrk(queue_id, " \n") == NULL ? queue_id : "", record);
	if (length > 0 && (size_t)length < sizeof(item))
		backlog_add(kept.backlog, item, (size_t)length);
}

/* Finding. ------------------------------------------------------------------------------------- */

static enum store_status get(struct store *store, const char *name, char **text_r)
{
	size_t length = 0;
	void *value = NULL;
	enum store_status status = store_get(store, name, &value, &length);

	*text_r = status == STORE_OK && value != NULL ? mem_text_n(value, length) : NULL;
	mem_free(value);
	return status;
}

/* The record at the place of REFERENCE, unless it is another's by now. */
static enum store_status find_reference(struct store *store, const char *reference, char **record_r)
{
	char name[NAME_SIZE], want[REFERENCE_SIZE + 10];
	enum store_status status;

	name_of_place(name, reference);
	status = get(store, name, record_r);
	snprintf(want, sizeof(want), "\"ref\":\"%s\"", reference);
	if (*record_r != NULL && strstr(*record_r, want) == NULL) {
		mem_free(*record_r);
		*record_r = NULL;
	}
	return status;
}

static enum store_status find_queue(struct store *store, const char *queue_id, char **record_r)
{
	char name[NAME_SIZE];
	char *pointer;
	enum store_status status;

	*record_r = NULL;
	name_of_queue(name, queue_id);
	status = get(store, name, &pointer);
	if (pointer != NULL && strlen(pointer) > REFERENCE_SIZE &&
		strcmp(pointer + REFERENCE_SIZE, queue_id) == 0) {
		pointer[REFERENCE_SIZE - 1] = '\0';
		status = find_reference(store, pointer, record_r);
	}
	mem_free(pointer);
	return status;
}

static enum store_status find_in(struct store *store, const char *word, char **record_r)
{
	char reference[REFERENCE_SIZE];
	enum store_status status = STORE_OK;

	*record_r = NULL;
	if (kept_parse_reference(word, reference))
		status = find_reference(store, reference, record_r);
	/* A queue id may look like a reference. */
	if (*record_r == NULL && status == STORE_OK)
		status = find_queue(store, word, record_r);
	return status;
}

enum store_status kept_find(const struct kept_options *options, const char *word, char **record_r)
{
	enum store_status status = find_in(options->store, word, record_r);

	if (*record_r == NULL && options->local != options->store) {
		char *local;

		if (find_in(options->local, word, &local) == STORE_OK && local != NULL) {
			*record_r = local;
			return STORE_OK;
		}
	}
	return status;
}
