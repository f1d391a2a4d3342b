/* SPDX-License-Identifier: BSD-2-Clause */
#include "journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../tests/lib/log_line.h"
#include "compiler.h"
#include "journal_read.h"

static char folder[64], file[80];

static int begin(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/mailreeve-journal.XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(file, sizeof(file), "%s/journal", folder);
	return 0;
}

static int finish(void **state)
{
	char command[120];

	(void)state;
	journal_close();
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command);
}

static void open_journal(int64_t bytes, int64_t files)
{
	const struct journal_options options = {.file = file, .file_bytes = bytes, .files = files};
	char why[300];

	if (!journal_open(&options, why, sizeof(why)))
		fail_msg("%s", why);
}

struct found {
	unsigned count, out_of_order;
	int last;
};

static bool look(void *context, const char *text, size_t length)
{
	struct found *found = context;
	int number;

	if (sscanf(text, "{\"n\":%d", &number) != 1 || text[length - 1] != '}')
		return false;
	found->out_of_order += number != found->last + 1 && found->count > 0;
	found->last = number;
	found->count++;
	return true;
}

static struct found read_back(struct journal_summary *summary)
{
	struct found found = {.last = 0};
	char why[300];

	if (!journal_read(file, look, &found, summary, why, sizeof(why)))
		fail_msg("%s", why);
	return found;
}

static void add(int number)
{
	char record[200];

	snprintf(record, sizeof(record), "{\"n\":%d,\"text\":\"%0100d\"}", number, number);
	journal_add(record);
}

static void test_written_and_read(void **state)
{
	struct journal_summary summary;
	struct journal_state now;
	struct found found;

	(void)state;
	assert_false(journal_is_open());
	add(0); /* into none */
	open_journal(1 << 20, 2);
	for (int i = 1; i <= 1000; i++)
		add(i);
	journal_close();
	found = read_back(&summary);
	assert_int_equal(found.count, 1000);
	assert_int_equal(found.out_of_order, 0);
	assert_int_equal(summary.damaged, 0);
	/* The next process goes on where this one ended. */
	open_journal(1 << 20, 2);
	add(1001);
	journal_close();
	assert_int_equal(read_back(&summary).count, 1001);
	journal_state(&now);
	assert_int_equal(now.written, 1001);
	assert_int_equal(now.dropped, 0);
}

static off_t size_of(const char *name)
{
	struct stat status;

	return stat(name, &status) == 0 ? status.st_size : -1;
}

static void test_rotation(void **state)
{
	struct journal_summary summary;
	struct found found;
	char name[100];

	(void)state;
	open_journal(65536, 3);
	for (int i = 1; i <= 3000; i++) {
		add(i);
		if (i % 100 == 0)
			usleep(2000);
	}
	journal_close();
	found = read_back(&summary);
	assert_int_equal(summary.files, 3);
	assert_int_equal(found.out_of_order, 0);
	assert_int_equal(found.last, 3000);
	assert_in_range(found.count, 2 * 65536 / 130, 3 * 65536 / 110);
	assert_in_range(size_of(file), 1, 65536);
	for (int n = 1; n <= 3; n++) {
		snprintf(name, sizeof(name), "%s.%d", file, n);
		if (n < 3)
			assert_in_range(size_of(name), 1, 65536);
		else
			assert_int_equal(size_of(name), -1);
	}
}

static void test_one_file_only(void **state)
{
	struct journal_summary summary;

	(void)state;
	open_journal(65536, 1);
	for (int i = 1; i <= 3000; i++)
		add(i);
	journal_close();
	assert_int_equal(read_back(&summary).last, 3000);
	assert_int_equal(summary.files, 1);
	assert_in_range(size_of(file), 1, 65536);
}

/* A process that was ended in the middle of a line. */
static void test_torn_end(void **state)
{
	struct journal_summary summary;
	FILE *out;

	(void)state;
	out = fopen(file, "w");
	assert_non_null(out);
	fputs("{\"n\":1}\n{\"n\":2", out);
	fclose(out);
	assert_int_equal(read_back(&summary).count, 1);
	assert_int_equal(summary.damaged, 1);
	assert_true(summary.torn);
	/* What comes next begins a line of its own. */
	open_journal(1 << 20, 2);
	add(3);
	journal_close();
	assert_int_equal(read_back(&summary).count, 2);
	assert_int_equal(summary.damaged, 1);
	assert_false(summary.torn);
}

static void test_places_that_cannot_be(void **state)
{
	static const char *const names[] = {"/nonexistent/journal", "/dev/full", "/"};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		const struct journal_options options = {
			.file = names[i], .file_bytes = 65536, .files = 1};
		char why[300] = "";

		assert_false(journal_open(&options, why, sizeof(why)));
		assert_non_null(strstr(why, names[i]));
		assert_false(journal_is_open());
	}
	/* Nor through a link, which anybody may have laid there. */
	assert_int_equal(symlink("/etc/passwd", file), 0);
	{
		const struct journal_options options = {
			.file = file, .file_bytes = 65536, .files = 1};
		char why[300] = "";

		assert_false(journal_open(&options, why, sizeof(why)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_written_and_read, begin, finish),
		cmocka_unit_test_setup_teardown(test_rotation, begin, finish),
		cmocka_unit_test_setup_teardown(test_one_file_only, begin, finish),
		cmocka_unit_test_setup_teardown(test_torn_end, begin, finish),
		cmocka_unit_test_setup_teardown(test_places_that_cannot_be, begin, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
