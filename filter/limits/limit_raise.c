/* SPDX-License-Identifier: BSD-2-Clause */
#include "limit_raise.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "lock.h"
#include "log.h"
#include "mem.h"
#include "text.h"

enum { REFRESH_MS = 1000, LINE_SIZE = 2 * STORE_FIELD_SIZE };

static const char table[] = "raises";

/* A row of the table: its name is the limit's title, a tab, and the key; its value the rate. */

struct titled {
	char *title; /* owned */
	struct limit_overrides *overrides; /* owned */
};

struct limit_raise_set {
	_Atomic unsigned holders;
	struct store_row *rows; /* owned; the tab of a name is a NUL */
	size_t row_count;
	struct titled *titles; /* owned */
	size_t title_count;
};

struct limit_raises {
	struct store *store;
	struct lock lock;
	struct condition stop;
	bool stopped GUARDED_BY(lock);
	struct limit_raise_set *set GUARDED_BY(lock); /* NULL: none */
	uint64_t read_ms GUARDED_BY(lock); /* when the copy was made */
	uint64_t asked GUARDED_BY(lock), made_of GUARDED_BY(lock); /* numbers of the readings */
	pthread_t thread;
};

/* Sets. ---------------------------------------------------------------------------------------- */

static const char *key_of(const struct store_row *row)
{
	return row->name + strlen(row->name) + 1;
}

static struct titled *find_title(const struct limit_raise_set *set, const char *title)
{
	for (size_t i = 0; i < set->title_count; i++)
		if (strcmp(set->titles[i].title, title) == 0)
			return &set->titles[i];
	return NULL;
}

static struct titled *find_or_add_title(struct limit_raise_set *set, const char *title)
{
	struct titled *titled = find_title(set, title);

	if (titled != NULL)
		return titled;
	set->titles = mem_resize(set->titles, set->title_count + 1, sizeof(*set->titles));
	titled = &set->titles[set->title_count++];
	*titled = (struct titled){mem_text(title), limit_overrides_create()};
	return titled;
}

static bool add_raise(struct limit_overrides *overrides, const char *key, const char *rate,
	int64_t end_ms, const char **why)
{
	char line[LINE_SIZE];

	snprintf(line, sizeof(line), "%s %s", key, rate);
	return limit_overrides_add(overrides, line, end_ms, why);
}

/* Takes the rows over. What cannot be read, or has ended, is left out. */
static struct limit_raise_set *make_set(struct store_row *rows, size_t count)
{
	struct limit_raise_set *set = mem_alloc(sizeof(*set));
	const char *why;

	set->holders = 1;
	for (size_t i = 0; i < count; i++) {
		struct store_row row = rows[i];
		char *tab = strchr(row.name, '\t');

		if (tab != NULL)
			*tab = '\0';
		if (tab != NULL && row.end_ms > (int64_t)clock_wall_ms() &&
			add_raise(find_or_add_title(set, row.name)->overrides, tab + 1, row.value,
				row.end_ms, &why)) {
			rows[set->row_count++] = row;
			continue;
		}
		mem_free(row.name);
		mem_free(row.value);
	}
	set->rows = rows;
	return set;
}

static void free_set(struct limit_raise_set *set)
{
	store_rows_free(&set->rows, set->row_count);
	for (size_t i = 0; i < set->title_count; i++) {
		mem_free(set->titles[i].title);
		limit_overrides_free(&set->titles[i].overrides);
	}
	mem_free(set->titles);
	mem_free(set);
}

void limit_raises_release(const struct limit_raise_set **set_ptr)
{
	/* The count is the one thing in a set that changes. */
	union {
		const struct limit_raise_set *held;
		struct limit_raise_set *counted;
	} set = {.held = *set_ptr};

	*set_ptr = NULL;
	if (set.held != NULL && atomic_fetch_sub(&set.counted->holders, 1) == 1)
		free_set(set.counted);
}

static bool same_rows(const struct limit_raise_set *a, const struct limit_raise_set *b)
{
	size_t count = a == NULL ? 0 : a->row_count;

	if (count != (b == NULL ? 0 : b->row_count))
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct store_row *left = &a->rows[i], *right = &b->rows[i];

		if (strcmp(left->name, right->name) != 0 ||
			strcmp(key_of(left), key_of(right)) != 0 ||
			strcmp(left->value, right->value) != 0 || left->end_ms != right->end_ms)
			return false;
	}
	return true;
}

const struct limit_overrides *limit_raises_of(const struct limit_raise_set *set, const char *title)
{
	const struct titled *titled = set == NULL ? NULL : find_title(set, title);

	return titled == NULL ? NULL : titled->overrides;
}

size_t limit_raises_count(const struct limit_raise_set *set)
{
	return set == NULL ? 0 : set->row_count;
}

struct limit_raise limit_raises_at(const struct limit_raise_set *set, size_t index)
{
	const struct store_row *row = &set->rows[index];

	return (struct limit_raise){
		.title = row->name,
		.key = key_of(row),
		.rate = row->value,
		.end_ms = row->end_ms,
	};
}

/* The copy. ------------------------------------------------------------------------------------ */

const struct limit_raise_set *limit_raises_hold(struct limit_raises *raises)
{
	struct limit_raise_set *set;

	if (raises == NULL)
		return NULL;
	lock_take(&raises->lock);
	set = raises->set;
	if (set != NULL)
		atomic_fetch_add(&set->holders, 1);
	lock_give(&raises->lock);
	return set;
}

/* Whatever has ended while the store is down is no longer in force: users look at the end. */
bool limit_raises_refresh(struct limit_raises *raises, uint64_t max_age_ms)
{
	const struct limit_raise_set *old;
	struct limit_raise_set *set = NULL;
	bool fresh, changed = false;
	struct store_row *rows;
	uint64_t number;
	size_t count;

	if (raises == NULL)
		return false;
	lock_take(&raises->lock);
	number = ++raises->asked;
	fresh = max_age_ms > 0 && clock_monotonic_ms() - raises->read_ms < max_age_ms;
	lock_give(&raises->lock);
	if (fresh || store_table_read(raises->store, table, &rows, &count) != STORE_OK)
		return false;
	if (count > 0)
		set = make_set(rows, count);
	lock_take(&raises->lock);
	old = set;
	/* Another thread may have read them later, and been faster. */
	if (number > raises->made_of) {
		changed = !same_rows(raises->set, set);
		old = raises->set;
		raises->set = set;
		raises->made_of = number;
		raises->read_ms = clock_monotonic_ms();
	}
	lock_give(&raises->lock);
	limit_raises_release(&old);
	return changed;
}

static void *refresh_often(void *argument)
{
	struct limit_raises *raises = argument;
	bool stopped = false;

	while (!stopped) {
		uint64_t next_ms = clock_monotonic_ms() + REFRESH_MS;

		lock_take(&raises->lock);
		while (!raises->stopped && clock_monotonic_ms() < next_ms)
			condition_wait(&raises->stop, &raises->lock, next_ms);
		stopped = raises->stopped;
		lock_give(&raises->lock);
		if (!stopped)
			limit_raises_refresh(raises, REFRESH_MS / 2);
	}
	return NULL;
}

struct limit_raises *limit_raises_start(struct store *store)
{
	struct limit_raises *raises = mem_alloc(sizeof(*raises));

	raises->store = store;
	lock_init(&raises->lock);
	condition_init(&raises->stop);
	limit_raises_refresh(raises, 0);
	if (pthread_create(&raises->thread, NULL, refresh_often, raises) == 0)
		return raises;
	condition_destroy(&raises->stop);
	lock_destroy(&raises->lock);
	limit_raises_release((const struct limit_raise_set **)&raises->set);
	mem_free(raises);
	return NULL;
}

void limit_raises_stop(struct limit_raises **raises_ptr)
{
	struct limit_raises *raises = *raises_ptr;
	const struct limit_raise_set *set;

	if (raises == NULL)
		return;
	*raises_ptr = NULL;
	lock_take(&raises->lock);
	raises->stopped = true;
	set = raises->set;
	raises->set = NULL;
	condition_signal(&raises->stop);
	lock_give(&raises->lock);
	pthread_join(raises->thread, NULL);
	limit_raises_release(&set);
	condition_destroy(&raises->stop);
	lock_destroy(&raises->lock);
	mem_free(raises);
}

/* Administration. ------------------------------------------------------------------------------ */

bool limit_raise_check(const struct limit_raise *raise, char *why, size_t why_size)
{
	struct limit_overrides *overrides = limit_overrides_create();
	const char *wrong = NULL;

	if (strlen(raise->title) + strlen(raise->key) + 2 > STORE_FIELD_SIZE ||
		strpbrk(raise->key, "\t\r\n") != NULL || raise->key[0] == '\0')
		wrong = "the key is empty, too long, or has a tab or a line end in it";
	else if (!add_raise(overrides, raise->key, raise->rate, raise->end_ms, &wrong) &&
		 wrong == NULL)
		wrong = "it cannot be read";
	limit_overrides_free(&overrides);
	if (wrong != NULL)
		snprintf(why, why_size, "%s", wrong);
	return wrong == NULL;
}

static char *name_of(const char *title, const char *key)
{
	char *name = mem_format("%s\t%s", title, key);

	/* As all keys are compared. */
	ascii_lower(name + strlen(title) + 1);
	return name;
}

enum store_status limit_raise_put(struct limit_raises *raises, const struct limit_raise *raise)
{
	char *name = name_of(raise->title, raise->key);
	char *value = mem_text(raise->rate);
	const struct store_row row = {name, value, raise->end_ms};
	enum store_status status = store_table_set(raises->store, table, &row);

	mem_free(value);
	mem_free(name);
	limit_raises_refresh(raises, 0);
	return status;
}

enum store_status limit_raise_remove(
	struct limit_raises *raises, const char *title, const char *key, bool *found_r)
{
	char *name = name_of(title, key);
	enum store_status status = store_table_delete(raises->store, table, name, found_r);

	mem_free(name);
	limit_raises_refresh(raises, 0);
	return status;
}
