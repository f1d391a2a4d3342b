/* SPDX-License-Identifier: BSD-2-Clause */
#include "recipient_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "mem.h"

struct complaints {
	unsigned count;
	unsigned line;
	char why[200];
};

static void keep(void *context, const char *file, unsigned line, const char *why)
{
	struct complaints *complaints = context;

	(void)file;
	if (complaints->count++ > 0)
		return;
	complaints->line = line;
	snprintf(complaints->why, sizeof(complaints->why), "%s", why);
}

/* A file of its own for each call; removed by the caller. */
static const char *write_file(const char *bytes, size_t length)
{
	static char name[64];
	int fd;

	strcpy(name, "/tmp/recipient_table_test.XXXXXX");
	fd = mkstemp(name);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), (ssize_t)length);
	close(fd);
	return name;
}

static struct recipient_table *load(const char *text, struct complaints *complaints)
{
	const char *file = write_file(text, strlen(text));
	struct recipient_table *table = recipient_table_load(file, keep, complaints);
	struct complaints again = {0};

	assert_int_equal(recipient_table_check(file, keep, &again), table != NULL);
	assert_int_equal(again.count, complaints->count);
	unlink(file);
	return table;
}

static const char good[] = "# recipients\n"
			   "\n"
			   "  Anna@Example.ORG\n"
			   "bob@example.org OK\n"
			   "carl@example.org\t# a comment\n"
			   "\"d. d\"@example.org yes\n"
			   "\"plain\"@example.org\n"
			   "@all.example.org\r\n"
			   "m\xc3\xbcller@example.org\n"
			   "erik@m\xc3\xbcnchen.example\n"
			   "bob@example.org\n"
			   "last@example.org";

struct row {
	const char *local_part, *domain;
	bool found;
};

static void test_finds(void **state)
{
	static const struct row rows[] = {
		{"anna", "example.org", true},
		{"ANNA", "example.org", true},
		{"bob", "example.org", true},
		{"carl", "example.org", true},
		{"d. d", "example.org", true},
		{"plain", "example.org", true},
		{"m\xc3\xbcller", "example.org", true},
		{"erik", "xn--mnchen-3ya.example", true},
		{"last", "example.org", true},
		{"ann", "example.org", false},
		{"annaa", "example.org", false},
		{"anna", "example.com", false},
		{"anna", "sub.example.org", false},
		{"", "all.example.org", false},
		{"", "", false},
		{"anybody", "all.example.org", false},
		{"\"plain\"", "example.org", false},
	};
	struct complaints complaints = {0};
	struct recipient_table *table;

	(void)state;
	table = load(good, &complaints);
	assert_non_null(table);
	assert_int_equal(complaints.count, 0);
	assert_int_equal(recipient_table_count(table), 9);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (recipient_table_has_address(table, rows[i].local_part, rows[i].domain, true) !=
			rows[i].found)
			fail_msg("%s@%s", rows[i].local_part, rows[i].domain);
	assert_true(recipient_table_has_domain(table, "all.example.org"));
	assert_false(recipient_table_has_domain(table, "example.org"));
	recipient_table_free(&table);
	assert_null(table);
	recipient_table_free(&table);
}

/* Whether case counts is said by who asks, so one file serves domains of both kinds. */
static void test_case(void **state)
{
	static const struct {
		const char *local_part;
		bool exactly, folded;
	} rows[] = {
		{"Anna", true, true},
		{"anna", false, true},
		{"ANNA", false, true},
		{"bob", true, true},
		{"BOB", false, true},
		{"carl", true, true},
		{"Carl", true, true},
		{"cARL", false, true},
		{"dave", false, false},
	};
	struct complaints complaints = {0};
	struct recipient_table *table = load("\xef\xbb\xbf"
					     "Anna@EXAMPLE.org\nbob@example.org\n"
					     "carl@example.org\nCarl@example.org\n",
		&complaints);

	(void)state;
	assert_non_null(table);
	assert_int_equal(recipient_table_count(table), 4);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (recipient_table_has_address(table, rows[i].local_part, "example.org", false) !=
				rows[i].exactly ||
			recipient_table_has_address(
				table, rows[i].local_part, "example.org", true) != rows[i].folded)
			fail_msg("%s", rows[i].local_part);
	recipient_table_free(&table);
}

static void test_bad_lines(void **state)
{
	static const struct {
		const char *text;
		unsigned line, count;
	} rows[] = {
		{"anna@example.org\nbob\n", 2, 1},
		{"anna\nbob\ncarl@example.org\n", 1, 2},
		{"anna @example.org\n", 1, 1},
		{"<anna@example.org>\n", 1, 1},
		{"anna@\n", 1, 1},
		{"root@[192.0.2.1]\n", 1, 1},
		{"@\n", 1, 1},
		{"anna@example..org\n", 1, 1},
		{"anna%example.com@example.org\n", 1, 1},
		{"example.com!anna@example.org\n", 1, 1},
		{"\"anna@example.org\n", 1, 1},
		{"anna@example.org@example.com\n", 1, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct complaints complaints = {0};
		struct recipient_table *table = load(rows[i].text, &complaints);

		if (table != NULL || complaints.line != rows[i].line ||
			complaints.count != rows[i].count)
			fail_msg("%s: line %u, %u complaints", rows[i].text, complaints.line,
				complaints.count);
	}
}

static void test_bad_files(void **state)
{
	static const char nul[] = "anna@example.org\nbo\0b@example.org\n";
	struct complaints complaints = {0};
	const char *file = write_file(nul, sizeof(nul) - 1);

	(void)state;
	assert_null(recipient_table_load(file, keep, &complaints));
	assert_int_equal(complaints.line, 2);
	unlink(file);
	complaints = (struct complaints){0};
	assert_null(recipient_table_load("/nonexistent/recipients", keep, &complaints));
	assert_int_equal(complaints.count, 1);
	assert_int_equal(complaints.line, 0);
	complaints = (struct complaints){0};
	assert_null(recipient_table_load("/tmp", keep, &complaints));
	assert_int_equal(complaints.count, 1);
}

static void test_long_line(void **state)
{
	struct complaints complaints = {0};
	char *text = mem_alloc(100002);

	(void)state;
	memset(text, 'a', 100000);
	text[100000] = '\n';
	assert_null(load(text, &complaints));
	assert_int_equal(complaints.count, 1);
	mem_free(text);
}

static void test_many(void **state)
{
	enum { MANY = 200000 };
	struct complaints complaints = {0};
	char *text = mem_alloc((size_t)MANY * 40);
	struct recipient_table *table;
	size_t length = 0;
	char name[40];

	(void)state;
	for (unsigned i = 0; i < MANY; i++)
		length += (size_t)sprintf(text + length, "user%u@domain%u.example\n", i, i % 100);
	table = load(text, &complaints);
	mem_free(text);
	assert_non_null(table);
	assert_int_equal(recipient_table_count(table), MANY);
	assert_true(recipient_table_bytes(table) < (size_t)MANY * 80);
	for (unsigned i = 0; i < MANY; i++) {
		char domain[40];

		sprintf(name, "user%u", i);
		sprintf(domain, "domain%u.example", i % 100);
		assert_true(recipient_table_has_address(table, name, domain, true));
		sprintf(domain, "domain%u.example", i % 100 + 1);
		assert_false(recipient_table_has_address(table, name, domain, true));
	}
	recipient_table_free(&table);
}

static void test_empty(void **state)
{
	struct complaints complaints = {0};
	struct recipient_table *table = load("", &complaints);

	(void)state;
	assert_non_null(table);
	assert_false(recipient_table_has_address(table, "a", "example.org", true));
	assert_false(recipient_table_has_domain(table, "example.org"));
	recipient_table_free(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds),
		cmocka_unit_test(test_case),
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
