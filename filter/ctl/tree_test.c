/* SPDX-License-Identifier: BSD-2-Clause */
#include "tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_written(const struct tree_look *look, const char *want)
{
	struct tree tree = {.nodes = NULL};
	char *said = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&said, &length);

	assert_non_null(out);
	tree_add(&tree, 0, TREE_STRONG, "one", "%s", "");
	tree_add(&tree, 1, TREE_BAD, "fail", "%s", "a b c d e f g h i j k l m n o p");
	tree_add(&tree, 2, TREE_PLAIN, "", "%s", "because");
	tree_add(&tree, 1, TREE_GOOD, "pass", "%s", "0123456789012345678901234567890123456789");
	tree_add(&tree, 0, TREE_PLAIN, "two", "%d\033", 2);
	tree_write(&tree, look, out);
	fclose(out);
	assert_string_equal(said, want);
	assert_null(tree.nodes);
	free(said);
}

static void test_plain(void **state)
{
	(void)state;
	assert_written(&(struct tree_look){.width = 0},
		"one\n"
		"   fail a b c d e f g h i j k l m n o p\n"
		"      because\n"
		"   pass 0123456789012345678901234567890123456789\n"
		"two 2?\n");
}

static void test_wrapped(void **state)
{
	(void)state;
	assert_written(&(struct tree_look){.width = 30, .branches = true},
		"one\n"
		"├─ fail a b c d e f g h i j k\n"
		"│  │  l m n o p\n"
		"│  └─ because\n"
		"└─ pass\n"
		"      012345678901234567890123\n"
		"      4567890123456789\n"
		"two 2?\n");
}

static void test_colours(void **state)
{
	(void)state;
	assert_written(&(struct tree_look){.width = 100, .colour = true, .branches = true},
		"\033[1mone\033[0m\n"
		"├─ \033[1;31mfail\033[0m a b c d e f g h i j k l m n o p\n"
		"│  └─ because\n"
		"└─ \033[32mpass\033[0m 0123456789012345678901234567890123456789\n"
		"two 2?\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_wrapped),
		cmocka_unit_test(test_colours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
