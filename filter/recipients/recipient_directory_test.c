/* SPDX-License-Identifier: BSD-2-Clause */
/* Sources of all kinds, in order and mixed. */
#include "recipient_directory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../tests/lib/fake_mta.h"
#include "clock.h"
#include "mem.h"

/* A store whose sets the test fills: only what call-ahead and sources use. */
struct store {
	const char *kind;
	bool down;
	const char *key;
	const char *members[4];
	unsigned asked;
};

enum store_status store_set_has(struct store *store, const char *key, const char *const *members,
	size_t count, enum store_set *set_r)
{
	store->asked++;
	*set_r = STORE_SET_MISSING;
	if (store->down)
		return STORE_DOWN;
	if (strcmp(key, store->key) == 0)
		*set_r = STORE_SET_LACKS;
	for (size_t i = 0; i < ARRAY_COUNT(store->members); i++)
		for (size_t m = 0; m < count; m++)
			if (store->members[i] != NULL && strcmp(key, store->key) == 0 &&
				strcmp(members[m], store->members[i]) == 0)
				*set_r = STORE_SET_HAS;
	return STORE_OK;
}

void store_state(struct store *store, struct store_state *state_r)
{
	*state_r = (struct store_state){.kind = store->kind};
}

enum store_status store_put(
	struct store *store, const char *name, const void *value, size_t length, int64_t keep_ms)
{
	(void)store, (void)name, (void)value, (void)length, (void)keep_ms;
	return STORE_DOWN;
}

enum store_status store_get(struct store *store, const char *name, void **value_r, size_t *length_r)
{
	(void)store, (void)name, (void)value_r, (void)length_r;
	return STORE_DOWN;
}

bool store_options_verify(
	const struct store_options *options, const char **setting_r, char *why, size_t why_size)
{
	(void)options, (void)setting_r, (void)why, (void)why_size;
	return true;
}

void store_id(unsigned char id_r[STORE_ID_SIZE])
{
	memset(id_r, 7, STORE_ID_SIZE);
}

/* Collisions would make one answer stand for another's. */
void store_key(char key_r[STORE_KEY_SIZE], const char *const *parts, size_t part_count)
{
	unsigned long hash = 5381;

	for (size_t i = 0; i < part_count; i++)
		for (const char *c = parts[i]; *c != '\0'; c++)
			hash = hash * 33 + (unsigned char)*c + i;
	snprintf(key_r, STORE_KEY_SIZE, "%032lx", hash);
}

static struct store store;
static char folder[64];

static char *file_in(const char *name, const char *text)
{
	char *path = mem_format("%s/%s", folder, name);
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
	return path;
}

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/recipient_directory_test.XXXXXX");
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
	char *command = mem_format("rm -r %s", folder);
	int status = system(command);

	(void)state;
	mem_free(command);
	return status;
}

static struct recipient_directory *directory;
static struct recipient_directory_settings settings;

static void open_with(const char *sources, ...)
{
	static char *list[8];
	va_list args;
	size_t count = 0;
	const char *setting;
	char why[300];

	va_start(args, sources);
	for (const char *text = sources; text != NULL; text = va_arg(args, const char *))
		list[count++] = (char *)text;
	va_end(args);
	list[count] = NULL;
	recipient_directory_close(&directory);
	settings.sources = list;
	settings.extension = "+";
	settings.callahead = (struct callahead_options){.timeout_ms = 60000};
	if (!recipient_directory_verify(&settings, &setting, why, sizeof(why)))
		fail_msg("%s", why);
	directory = recipient_directory_open(&settings, why, sizeof(why));
	assert_string_equal(why, "");
}

static enum recipient_known look_up(const char *address)
{
	struct path path;
	const struct callahead_question question = {.store = &store,
		.our_name = "mx.example.org",
		.path = &path,
		.deadline_ms = clock_monotonic_ms() + 60000};
	struct recipient_look look;

	assert_int_equal(path_parse(address, true, &path), PATH_OK);
	recipient_directory_look_up(directory, &question, &look);
	assert_true(look.known != RECIPIENT_UNSURE || look.why[0] != '\0');
	return look.known;
}

static void test_redis(void **state)
{
	(void)state;
	store = (struct store){.kind = "redis",
		.key = "known:org",
		.members = {"anna@example.org", "b b@example.org", "@all.example"}};
	open_with("* redis:known:org", (const char *)NULL);
	assert_int_equal(look_up("Anna@example.org"), RECIPIENT_KNOWN);
	assert_int_equal(look_up("anna+list@example.org"), RECIPIENT_KNOWN);
	assert_int_equal(look_up("\"b b\"@example.org"), RECIPIENT_KNOWN);
	assert_int_equal(look_up("anybody@all.example"), RECIPIENT_KNOWN);
	assert_int_equal(look_up("bob@example.org"), RECIPIENT_UNKNOWN);
	assert_int_equal(look_up("anna@example.net"), RECIPIENT_UNKNOWN);
	store.down = true;
	assert_int_equal(look_up("bob@example.org"), RECIPIENT_UNSURE);
	/* A Redis that came back without what it held: everybody would be unknown. */
	store = (struct store){.kind = "redis", .key = ""};
	assert_int_equal(look_up("anna@example.org"), RECIPIENT_UNSURE);
	/* A store in memory has no sets: nobody is unknown by it. */
	store = (struct store){.kind = "memory", .key = ""};
	assert_int_equal(look_up("anna@example.org"), RECIPIENT_UNSURE);
	open_with("example.org redis:other", (const char *)NULL);
	store.asked = 0;
	assert_int_equal(look_up("anna@example.net"), RECIPIENT_NOT_ASKED);
	assert_int_equal(store.asked, 0);
}

/* A key of one domain may hold names without it. */
static void test_redis_by_domain(void **state)
{
	(void)state;
	store = (struct store){.kind = "redis",
		.key = "known:example.org",
		.members = {"anna", "b b", "carl@example.org", "dave@example.net"}};
	for (int i = 0; i < 2; i++) {
		open_with(i == 0 ? "* redis:known:%d" : "example.org redis:known:example.org",
			(const char *)NULL);
		store.asked = 0;
		assert_int_equal(look_up("Anna@example.org"), RECIPIENT_KNOWN);
		assert_int_equal(look_up("anna+list@example.org"), RECIPIENT_KNOWN);
		assert_int_equal(look_up("\"b b\"@example.org"), RECIPIENT_KNOWN);
		assert_int_equal(look_up("carl@example.org"), RECIPIENT_KNOWN);
		assert_int_equal(look_up("bob@example.org"), RECIPIENT_UNKNOWN);
		assert_int_equal(look_up("\"dave@example.net\"@example.org"), RECIPIENT_UNKNOWN);
		assert_int_equal(look_up("anna@example.net"),
			i == 0 ? RECIPIENT_UNSURE : RECIPIENT_NOT_ASKED);
		/* One question each. */
		assert_int_equal(store.asked, i == 0 ? 7 : 6);
	}
	/* One key for all. */
	open_with("* redis:known:example.org", (const char *)NULL);
	assert_int_equal(look_up("anna@example.org"), RECIPIENT_UNKNOWN);
	assert_int_equal(look_up("carl@example.org"), RECIPIENT_KNOWN);
}

static void test_accounts(void **state)
{
	char *accounts = file_in("passwd", "root:x:0:0:root:/root:/bin/sh\n"
					   "Anna:x:1000:1000:Anna:/home/anna:/bin/sh\n");
	char *aliases = file_in("aliases", "# aliases\n"
					   "abuse: anna,\n"
					   "\tbob: not an alias\n"
					   "\"news list\" : |/bin/true\n"
					   "Sales:anna\n\n");
	char *first = mem_format("example.org passwd:%s", accounts);
	char *second = mem_format("* aliases:%s", aliases);

	(void)state;
	open_with(first, second, (const char *)NULL);
	assert_int_equal(look_up("root@example.org"), RECIPIENT_KNOWN);
	assert_int_equal(look_up("anna@example.org"), RECIPIENT_KNOWN);
	assert_int_equal(look_up("anna+x@example.org"), RECIPIENT_KNOWN);
	assert_int_equal(look_up("abuse@example.org"), RECIPIENT_KNOWN);
	assert_int_equal(look_up("\"news list\"@example.org"), RECIPIENT_KNOWN);
	assert_int_equal(look_up("sales@example.net"), RECIPIENT_KNOWN);
	assert_int_equal(look_up("bob@example.org"), RECIPIENT_UNKNOWN);
	assert_int_equal(look_up("anna@example.net"), RECIPIENT_UNKNOWN);
	open_with("* passwd:", (const char *)NULL);
	assert_int_equal(look_up("root@example.org"), RECIPIENT_KNOWN);
	assert_int_equal(look_up("no-such-account@example.org"), RECIPIENT_UNKNOWN);
	mem_free(first);
	mem_free(second);
	mem_free(accounts);
	mem_free(aliases);
}

/* One file for domains with rules of their own. */
static void test_case_by_domain(void **state)
{
	char *domains[] = {"exact.example case_sensitive=yes extension=-", NULL};
	char *users = file_in("case", "Anna@exact.example\nbob@exact.example\nAnna@example.org\n");
	char *all = mem_format("* file:%s", users);

	(void)state;
	settings.domains = domains;
	open_with(all, (const char *)NULL);
	settings.domains = NULL;
	assert_int_equal(look_up("Anna@exact.example"), RECIPIENT_KNOWN);
	assert_int_equal(look_up("Anna-x@exact.example"), RECIPIENT_KNOWN);
	assert_int_equal(look_up("anna@exact.example"), RECIPIENT_UNKNOWN);
	assert_int_equal(look_up("anna-x@exact.example"), RECIPIENT_UNKNOWN);
	assert_int_equal(look_up("BOB@exact.example"), RECIPIENT_UNKNOWN);
	assert_int_equal(look_up("Anna+x@exact.example"), RECIPIENT_UNKNOWN);
	assert_int_equal(look_up("ANNA@example.org"), RECIPIENT_KNOWN);
	assert_int_equal(look_up("aNNA+x@example.org"), RECIPIENT_KNOWN);
	recipient_directory_close(&directory);
	mem_free(all);
	mem_free(users);
}

static const char *take_all(const char *address)
{
	(void)address;
	return "250 2.1.5 Ok";
}

static void test_mixed(void **state)
{
	const struct fake_mta_orders catch_all = {.rcpt = take_all};
	const struct fake_mta_orders later = {.mail = "451 4.3.0 later"};
	char *users = file_in("users", "carl@example.org\n@wild.example.org\n");
	char *first = mem_format("example.org file:%s", users);
	char *second, *below;
	struct fake_mta server;

	(void)state;
	fake_mta_start(&server, false);
	second = mem_format("* smtp:127.0.0.1:%d", server.port);
	below = mem_format(".example.org file:%s", users);
	open_with(first, second, (const char *)NULL);
	assert_int_equal(look_up("carl@example.org"), RECIPIENT_KNOWN);
	/* What the first knows is not asked of the second. */
	assert_int_equal(fake_mta_connections(&server), 0);
	assert_int_equal(look_up("anna@example.org"), RECIPIENT_KNOWN);
	assert_int_equal(look_up("ANNA@example.org"), RECIPIENT_KNOWN);
	assert_int_equal(look_up("bob@example.org"), RECIPIENT_UNKNOWN);
	/* At our address, who is known anywhere. */
	assert_int_equal(look_up("bob@[192.0.2.1]"), RECIPIENT_UNKNOWN);
	assert_int_equal(look_up("carl@[192.0.2.1]"), RECIPIENT_KNOWN);
	fake_mta_order(&server, &later);
	assert_int_equal(look_up("bob@example.org"), RECIPIENT_UNSURE);
	assert_int_equal(look_up("carl@example.org"), RECIPIENT_KNOWN);
	fake_mta_order(&server, &catch_all);
	assert_int_equal(look_up("bob@example.org"), RECIPIENT_ANY);
	open_with(below, (const char *)NULL);
	assert_int_equal(look_up("x@wild.example.org"), RECIPIENT_KNOWN);
	assert_int_equal(look_up("x@other.example.org"), RECIPIENT_UNKNOWN);
	assert_int_equal(look_up("carl@example.org"), RECIPIENT_NOT_ASKED);
	assert_int_equal(look_up("carl@[192.0.2.1]"), RECIPIENT_UNKNOWN);
	recipient_directory_close(&directory);
	fake_mta_stop(&server);
	mem_free(users);
	mem_free(first);
	mem_free(second);
	mem_free(below);
}

static void test_domains(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{"", "starts with no domain"},
		{"exa mple", "no \"=\""},
		{"example..org outage=accept", "starts with no domain"},
		{"example.org outage", "no \"=\""},
		{"example.org outage=reject", "outage=tempfail"},
		{"example.org colour=red", "not known"},
		{"example.org catch_all=perhaps", "catch_all=yes"},
		{"example.org wildcard=", "wildcard=yes"},
		{"example.org case_sensitive=x", "case_sensitive=yes"},
		{"example.org extension=+-+-+-+-+-+-+-+-", "more characters in extension"},
		{"example.org extension=x", "no signs"},
		{"example.org extension=+@", "no signs"},
		{"example.org xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
			"too long"},
	};
	static const struct {
		const char *earlier, *later;
		bool both_count;
	} pairs[] = {
		{"example.org", "Example.org", false},
		{"*", "example.org", false},
		{".example.org", "b.example.org", false},
		{".example.org", ".b.example.org", false},
		{"b.example", "A.example", false},
		{".example.org", "example.org", true},
		{"b.example.org", ".example.org", true},
		{".b.example.org", ".example.org", true},
		{"example.org", "*", true},
		{"example.org", ".example.org", true},
	};
	const struct recipient_domain defaults = {.extension = "+", .wildcard = true};
	struct recipient_domain domain;
	const char *why;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		if (recipient_domain_parse(bad[i].text, &defaults, &domain, &why) ||
			strstr(why, bad[i].why) == NULL)
			fail_msg("%s: %s", bad[i].text, why);
	assert_true(recipient_domain_parse(
		".Example.ORG\textension=  case_sensitive=YES outage=Backup wildcard=no", &defaults,
		&domain, &why));
	assert_string_equal(domain.domain, ".example.org");
	assert_string_equal(domain.extension, "");
	assert_true(domain.case_sensitive && !domain.wildcard && !domain.catch_all);
	assert_int_equal(domain.outage, RECIPIENT_OUTAGE_BACKUP);
	for (size_t i = 0; i < ARRAY_COUNT(pairs); i++) {
		char first[] = "a.example outage=accept";
		char earlier[100], later[100];
		char *domains[] = {first, earlier, later, NULL};
		struct recipient_directory_settings both = {.domains = domains};
		char said[300];
		const char *setting;

		snprintf(earlier, sizeof(earlier), "%s outage=accept", pairs[i].earlier);
		snprintf(later, sizeof(later), "%s extension=-", pairs[i].later);
		if (recipient_directory_verify(&both, &setting, said, sizeof(said)) !=
			pairs[i].both_count)
			fail_msg("%s: %s", later, said);
		assert_string_equal(setting, pairs[i].both_count ? "sources" : "domains");
	}
	assert_true(recipient_domain_covers(".example.org", "a.b.example.org"));
	assert_false(recipient_domain_covers(".example.org", "example.org"));
	assert_false(recipient_domain_covers(".example.org", "notexample.org"));
	assert_true(recipient_domain_covers("", "example.org"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_redis),
		cmocka_unit_test(test_redis_by_domain),
		cmocka_unit_test(test_accounts),
		cmocka_unit_test(test_case_by_domain),
		cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_domains),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
