/* SPDX-License-Identifier: BSD-2-Clause */
/* Claims, tables, and what an administrator asks of all windows, on both halves. */
#include "../../tests/lib/store_case.h"

#include <poll.h>

#include "clock.h"
#include "mem.h"

static struct store *store;

static int open_one(void **state)
{
	(void)state;
	store = open_store();
	return 0;
}

static int close_one(void **state)
{
	(void)state;
	store_close(&store);
	return 0;
}

static void one_of_all_claims(void **state)
{
	bool first = false, second = true, other = false, later = false;

	(void)state;
	assert_int_equal(store_claim(store, "alarm:1", HOUR_MS, &first), STORE_OK);
	assert_int_equal(store_claim(store, "alarm:1", HOUR_MS, &second), STORE_OK);
	assert_int_equal(store_claim(store, "alarm:2", 1, &other), STORE_OK);
	assert_true(first);
	assert_false(second);
	assert_true(other);
	for (int i = 0; i < 10000 && !later; i++) {
		poll(NULL, 0, 1);
		assert_int_equal(store_claim(store, "alarm:2", 1, &later), STORE_OK);
	}
	assert_true(later);
}

static enum store_status set(const char *name, const char *value, int64_t end_ms)
{
	char name_text[600], value_text[600];
	struct store_row row = {name_text, value_text, end_ms};

	snprintf(name_text, sizeof(name_text), "%s", name);
	snprintf(value_text, sizeof(value_text), "%s", value);
	return store_table_set(store, "raises", &row);
}

static size_t read_rows(struct store_row **rows)
{
	size_t count = 0;

	assert_int_equal(store_table_read(store, "raises", rows, &count), STORE_OK);
	return count;
}

static void rows_come_and_go(void **state)
{
	int64_t now = (int64_t)clock_wall_ms();
	struct store_row *rows;
	bool found = false;

	(void)state;
	assert_int_equal(read_rows(&rows), 0);
	assert_null(rows);
	assert_int_equal(set("anna@example.org", "500 / 1h", now + HOUR_MS), STORE_OK);
	assert_int_equal(set("anna@example.org", "600 / 1h", now + 2 * HOUR_MS), STORE_OK);
	assert_int_equal(set("gone@example.org", "600 / 1h", now - 1), STORE_OK);
	assert_int_equal(set("bad\nname", "1", now + HOUR_MS), STORE_DOWN);
	assert_int_equal(set("bad", "val\rue", now + HOUR_MS), STORE_DOWN);
	assert_int_equal(set("", "value", now + HOUR_MS), STORE_DOWN);
	assert_int_equal(read_rows(&rows), 1);
	assert_string_equal(rows[0].name, "anna@example.org");
	assert_string_equal(rows[0].value, "600 / 1h");
	assert_int_equal(rows[0].end_ms, now + 2 * HOUR_MS);
	store_rows_free(&rows, 1);
	assert_int_equal(
		store_table_delete(store, "raises", "berta@example.org", &found), STORE_OK);
	assert_false(found);
	assert_int_equal(store_table_delete(store, "raises", "anna@example.org", &found), STORE_OK);
	assert_true(found);
	assert_int_equal(read_rows(&rows), 0);
}

static size_t fill(const char *padding)
{
	int64_t now = (int64_t)clock_wall_ms();
	struct store_row *rows;
	size_t count = 0, read;
	enum store_status status;

	do {
		char name[600];

		snprintf(name, sizeof(name), "%zu%s", count, padding);
		status = set(name, "1 / 1h", now + HOUR_MS);
		count += status == STORE_OK;
	} while (status == STORE_OK);
	assert_int_equal(status, STORE_OVER);
	read = read_rows(&rows);
	assert_int_equal(read, count);
	for (size_t i = 0; i < count; i++) {
		bool found;

		assert_int_equal(
			store_table_delete(store, "raises", rows[i].name, &found), STORE_OK);
		assert_true(found);
	}
	store_rows_free(&rows, read);
	return count;
}

static void a_table_is_bounded(void **state)
{
	char padding[480];

	(void)state;
	memset(padding, 'x', sizeof(padding) - 1);
	padding[sizeof(padding) - 1] = '\0';
	assert_int_equal(fill(""), STORE_ROWS_MAX);
	assert_in_range(fill(padding), 80, 120);
}

struct seen {
	const char *key;
	struct store_window window;
	unsigned count, all;
};

static void look_for(void *context, const struct store_window *window)
{
	struct seen *seen = context;

	seen->all++;
	if (strcmp(window->key, seen->key) != 0)
		return;
	seen->window = *window;
	seen->count++;
}

static void windows_are_listed_and_forgotten(void **state)
{
	unsigned char id[STORE_ID_SIZE];
	char key[STORE_KEY_SIZE], other[STORE_KEY_SIZE];
	struct store_charge charges[2];
	struct store_decision decision;
	struct seen seen = {.key = key};

	(void)state;
	store_id(id);
	for (int i = 0; i < 500; i++) {
		new_key(other);
		assert_int_equal(reserve(store, id, 1, other, 10, 1), STORE_OK);
	}
	new_key(key);
	charges[0] = charge(key, 10, 3);
	charges[1] = charge(other, 10, 1);
	charges[0].label = "a-label-longer-than-a-half-of-what-is-kept-of-it.example-a@example.net";
	assert_int_equal(store_reserve(store, id, 2, charges, 2, &decision), STORE_OK);
	assert_int_equal(store_list(store, look_for, &seen), STORE_OK);
	assert_true(seen.all >= 501);
	assert_true(seen.count >= 1);
	assert_string_equal(seen.window.label, charges[0].label);
	assert_string_equal(seen.window.title, "per-sender");
	assert_int_equal(seen.window.window_ms, HOUR_MS);
	assert_int_equal(seen.window.used, 3);
	assert_int_equal(store_forget(store, charges, 1), STORE_OK);
	assert_int_equal(used(store, key), 0);
	assert_int_equal(used(store, other), 2);
	/* What was reserved before takes nothing from what is counted after. */
	store_id(id);
	assert_int_equal(reserve(store, id, 1, key, 10, 2), STORE_OK);
	assert_int_equal(store_give_back(store, id, 0, charges, 1), STORE_OK);
	assert_int_equal(used(store, key), 0);
	seen = (struct seen){.key = key};
	assert_int_equal(store_list(store, look_for, &seen), STORE_OK);
	assert_int_equal(seen.count, 0);
}

/* Only what is ours is listed, and what others wrote into it harms nothing. */
static void foreign_keys_are_not_listed(void **state)
{
	static const char *const commands[] = {
		"SET mailreeve:w:0123456789abcdef0123456789abcdef:3600000 text",
		"HSET mailreeve:w:short:3600000 t 1",
		"HSET mailreeve:w:0123456789abcdef0123456789abcdee:3600000 1 2",
		"HSET mailreeve:w:0123456789abcdef0123456789abcded:36x t 1 1 2",
		"HSET mailreeve:w:0123456789abcdef0123456789abcdec:99999999999999 t 1 0 5",
		"HSET mailreevX:w:0123456789abcdef0123456789abcdeb:3600000 t 1 0 5",
	};
	struct seen seen = {.key = ""};
	struct store_row *rows;

	(void)state;
	if (url == NULL)
		return;
	at_redis("FLUSHALL");
	for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
		at_redis(commands[i]);
	assert_int_equal(store_list(store, look_for, &seen), STORE_OK);
	assert_int_equal(seen.all, 0);
	at_redis("HSET mailreeve:t:raises a b c 123");
	assert_int_equal(read_rows(&rows), 0);
}

int main(void)
{
	static const struct CMUnitTest cases[] = {
		cmocka_unit_test_setup_teardown(one_of_all_claims, open_one, close_one),
		cmocka_unit_test_setup_teardown(rows_come_and_go, open_one, close_one),
		cmocka_unit_test_setup_teardown(a_table_is_bounded, open_one, close_one),
		cmocka_unit_test_setup_teardown(
			windows_are_listed_and_forgotten, open_one, close_one),
		cmocka_unit_test_setup_teardown(foreign_keys_are_not_listed, open_one, close_one),
	};

	return run_on_every_store(cases);
}
