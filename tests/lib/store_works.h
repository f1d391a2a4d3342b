/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of ways to a Redis share: a folder of their own, a store that works, and one that is down
 * for a reason. */
#ifndef MAILREEVE_TESTS_STORE_WORKS_H
#define MAILREEVE_TESTS_STORE_WORKS_H

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "mem.h"
#include "store_trouble.h"

static char folder[64];

/* A file of this test; PATH is set. */
MAYBE_UNUSED static void put_file(char path[128], const char *name, const char *text)
{
	int fd;

	snprintf(path, 128, "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void works(const struct store_options *options, const char *mode)
{
	struct store *store = open_with(options);
	struct store_state state;
	struct store_charge all = {.key = "works", .label = "", .window_ms = HOUR_MS};
	void *value = NULL;
	size_t length = 0;

	store_state(store, &state);
	if (!state.up)
		fail_msg("%s: %s", options->url, said.last);
	assert_string_equal(state.mode, mode);
	assert_int_equal(reserve(store, "works", 2), STORE_OK);
	assert_int_equal(reserve(store, "works", 2), STORE_OK);
	assert_int_equal(reserve(store, "works", 2), STORE_OVER);
	assert_int_equal(store_put(store, "name", "value", 5, HOUR_MS), STORE_OK);
	assert_int_equal(store_get(store, "name", &value, &length), STORE_OK);
	assert_int_equal(length, 5);
	mem_free(value);
	assert_int_equal(store_forget(store, &all, 1), STORE_OK);
	store_close(&store);
}

/* Down, for a reason that is said once. */
static void is_down(const struct store_options *options, const char *reason)
{
	int down = said.down;
	struct store *store = open_with(options);
	struct store_state state;

	store_state(store, &state);
	assert_false(state.up);
	await_said(reason);
	assert_int_equal(said.down, down + 1);
	assert_false(said_last("sesame"));
	store_close(&store);
}

static int make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/mailreeve-works-XXXXXX");
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
	char shell[128];

	(void)state;
	snprintf(shell, sizeof(shell), "rm -rf %s", folder);
	return system(shell);
}

#endif
