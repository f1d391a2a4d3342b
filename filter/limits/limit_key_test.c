/* SPDX-License-Identifier: BSD-2-Clause */
#include "limit_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../tests/fake/fake_inquiry.c"
#include "../../tests/fake/fake_spf.c"
#include "clock.h"
#include "mem.h"

enum { WAIT_MS = 60000 };

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		const char *why; /* a part of it; NULL: it is right */
	} rows[] = {
		{"sender", NULL},
		{" auth_user|sender ", NULL},
		{"client_net + sender_domain | client_ip", NULL},
		{"AUTH_USER | helo", NULL},
		{"recipient + recipient_domain + tls_subject + daemon", NULL},
		{"confirmed_name | client_net", NULL},
		{"", "a word is missing"},
		{"sender |", "a word is missing"},
		{"| sender", "a word is missing"},
		{"sender ++ helo", "a word is missing"},
		{"sendr", "did you mean \"sender\"?"},
		{"user", "write auth_user"},
		{"sender helo", "join keys with"},
		{"sender + helo + SENDER", "\"sender\" is joined with itself"},
		{"sender | sender", "number 1 is never reached"},
		{"auth_user | sender | client_ip + sender", "number 2 is never reached"},
		{"helo + client_ip | client_ip + helo", "number 1 is never reached"},
		{"sender + client_ip | sender | client_ip", NULL},
		{"sender,helo", "is no key"},
		{"sender+helo+client_ip+client_net+recipient", "more than 4 words"},
		{"sender|helo|client_ip|client_net|recipient", "more than 4 alternatives"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct limit_key key;
		char why[300] = "";
		bool right = limit_key_parse(rows[i].text, &key, why, sizeof(why));

		if (right != (rows[i].why == NULL) ||
			(rows[i].why != NULL && strstr(why, rows[i].why) == NULL))
			fail_msg("\"%s\": %s", rows[i].text, why);
	}
}

static void test_forgeable(void **state)
{
	static const struct {
		const char *text;
		bool forgeable;
	} rows[] = {
		{"sender", true},
		{"sender | helo", true},
		{"sender_domain + recipient", true},
		{"recipient_domain", true},
		{"auth_user | sender", false},
		{"sender + client_net", false},
		{"client_ip", false},
		{"confirmed_name | sender", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct limit_key key;
		char why[300];

		assert_true(limit_key_parse(rows[i].text, &key, why, sizeof(why)));
		assert_int_equal(limit_key_is_forgeable(&key), rows[i].forgeable);
	}
}

/* What a session says; NULL: nothing. */
struct said {
	const char *client, *helo, *reverse_path, *forward_path, *auth_user;
	bool spf_pass;
};

/* What DNS says beside SPF. */
static const struct fake_answer *dns_rows;

struct world {
	struct site site;
	struct services services;
	struct session session;
	struct recipient recipient;
};

static void build(struct world *world, const struct said *said)
{
	struct session *session = &world->session;

	*world = (struct world){
		.site = {.hostname = mem_text("mx.example.org"), .time_limit_ms = WAIT_MS}};
	fake_dns_clear();
	fake_spf_clear();
	if (dns_rows != NULL)
		fake_dns_rows(dns_rows);
	if (said->spf_pass)
		fake_spf("example.com", SPF_PASS);
	session_init(session, &world->site, &world->services);
	if (said->client != NULL)
		assert_true(ipaddr_parse(said->client, &session->client));
	if (said->auth_user != NULL) {
		snprintf(session->auth_user, sizeof(session->auth_user), "%s", said->auth_user);
		session->exemptions |= EXEMPT_AUTHENTICATED;
	}
	if (said->helo != NULL) {
		session->greeted = true;
		snprintf(session->helo_raw, sizeof(session->helo_raw), "%s", said->helo);
		if (!domain_canonical(said->helo, session->helo))
			session->helo[0] = '\0';
	}
	session->transaction.open = said->reverse_path != NULL;
	if (said->reverse_path != NULL)
		session->transaction.error =
			path_parse(said->reverse_path, false, &session->transaction.reverse_path);
	if (said->forward_path != NULL) {
		session->recipient = &world->recipient;
		world->recipient.error =
			path_parse(said->forward_path, false, &world->recipient.path);
	}
}

static bool make(const char *expression, const char *title, const struct said *said,
	struct limit_identity *identity)
{
	const struct limit_key_options options = {.title = title, .prefix_v4 = 24, .prefix_v6 = 64};
	struct limit_proof proof = {0};
	struct limit_key key;
	struct world world;
	char why[300];
	bool made;

	assert_true(limit_key_parse(expression, &key, why, sizeof(why)));
	build(&world, said);
	made = limit_key_make(
		&key, &options, &world.session, &proof, clock_monotonic_ms() + WAIT_MS, identity);
	session_end_scope(&world.session, SCOPE_CONNECTION);
	mem_free(world.site.hostname);
	return made;
}

#define CLIENT .client = "192.0.2.7"
#define SENDER .reverse_path = "<Anna@Example.COM>"

static void test_make(void **state)
{
	static const struct {
		const char *expression;
		struct said said;
		const char *label; /* NULL: the limit is not about it */
	} rows[] = {
		{"auth_user", {CLIENT, SENDER}, NULL},
		{"auth_user", {CLIENT, SENDER, .auth_user = "Anna"}, "anna"},
		{"auth_user | sender", {CLIENT, SENDER, .spf_pass = true}, "anna@example.com"},
		{"sender", {CLIENT, SENDER, .auth_user = "x"}, "anna@example.com"},
		{"sender", {CLIENT, SENDER}, "anna@example.com+192.0.2.0/24"},
		{"sender_domain", {CLIENT, SENDER}, "example.com+192.0.2.0/24"},
		{"sender_domain", {CLIENT, SENDER, .spf_pass = true}, "example.com"},
		{"sender", {CLIENT, .reverse_path = "<>"}, "<>+192.0.2.0/24"},
		{"sender_domain", {CLIENT, .reverse_path = "<>", .spf_pass = true},
			"<>+192.0.2.0/24"},
		{"sender", {CLIENT, .reverse_path = "<>", .auth_user = "x"}, "<>+192.0.2.0/24"},
		{"sender", {CLIENT, .reverse_path = "<a b@example.com>"}, "<invalid>+192.0.2.0/24"},
		{"sender", {CLIENT}, NULL},
		{"sender | client_ip", {CLIENT, .reverse_path = "<a b@example.com>"}, "192.0.2.7"},
		{"sender + client_net", {CLIENT, SENDER}, "anna@example.com+192.0.2.0/24"},
		{"sender + client_ip", {CLIENT, SENDER}, "anna@example.com+192.0.2.7"},
		{"client_net", {.client = "2001:db8:1:2:3::4"}, "2001:db8:1:2::/64"},
		{"client_ip", {.client = NULL}, NULL},
		{"helo", {CLIENT, .helo = "Mail.Example.COM"}, "mail.example.com+192.0.2.0/24"},
		{"helo", {CLIENT, .helo = "[192.0.2.9]"}, "[192.0.2.9]+192.0.2.0/24"},
		{"helo", {CLIENT}, NULL},
		{"recipient", {CLIENT, .forward_path = "<Bob@Example.org>"}, "bob@example.org"},
		{"recipient_domain", {CLIENT, .forward_path = "<Bob@Example.org>"}, "example.org"},
		{"recipient_domain", {CLIENT, .forward_path = "<b@[192.0.2.1]>"}, "b@[192.0.2.1]"},
		{"recipient", {CLIENT}, NULL},
		{"sender + recipient",
			{CLIENT, SENDER, .forward_path = "<b@x.org>", .spf_pass = true},
			"anna@example.com+b@x.org"},
		{"daemon", {CLIENT}, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct limit_identity identity = {.key = ""};
		bool made = make(rows[i].expression, "t", &rows[i].said, &identity);

		if (made != (rows[i].label != NULL) ||
			(made && strcmp(identity.label, rows[i].label) != 0))
			fail_msg("%zu %s: \"%s\"", i, rows[i].expression, identity.label);
	}
}

static void make_key(
	const char *expression, const char *title, struct said said, char key[STORE_KEY_SIZE])
{
	struct limit_identity identity;

	assert_true(make(expression, title, &said, &identity));
	memcpy(key, identity.key, STORE_KEY_SIZE);
}

static void test_confirmed_name(void **state)
{
	static const struct said said = {CLIENT};
	struct limit_identity identity;

	(void)state;
	dns_rows = (const struct fake_answer[]){
		{"7.2.0.192.in-addr.arpa", DNS_PTR, "mail.example.net", 0},
		{"mail.example.net", DNS_A, "192.0.2.7", 0}, {0}};
	assert_true(make("confirmed_name", "t", &said, &identity));
	assert_string_equal(identity.label, "mail.example.net");
	dns_rows = (const struct fake_answer[]){
		{"7.2.0.192.in-addr.arpa", DNS_PTR, "mail.example.net", 0},
		{"mail.example.net", DNS_A, "192.0.2.8", 0}, {0}};
	assert_false(make("confirmed_name", "t", &said, &identity));
	dns_rows = NULL;
}

static void test_words(void **state)
{
	char words[LIMIT_WORDS_SIZE], why[200];
	struct limit_key key;

	(void)state;
	assert_true(limit_key_parse("AUTH_USER|sender +client_ip", &key, why, sizeof(why)));
	assert_string_equal(limit_key_words(&key, 0, words), "auth_user");
	assert_string_equal(limit_key_words(&key, 1, words), "sender + client_ip");
	assert_true(limit_key_parse(
		"sender_organization + recipient_domain + confirmed_name + sender_domain", &key,
		why, sizeof(why)));
	assert_string_equal(limit_key_words(&key, 0, words),
		"sender_organization + recipient_domain + confirmed_name + sender_domain");
}

/* One mailbox has one key however it is spelt; what differs has different keys. */
static void test_keys(void **state)
{
	static const char *const spellings[] = {"<anna@example.com>", "<ANNA@EXAMPLE.COM>",
		"<\"anna\"@example.com>", "<\"\\a\\n\\n\\a\"@example.com>",
		"<prvs=1234567890=anna@example.com>", "anna@example.com"};
	char key[STORE_KEY_SIZE], other[STORE_KEY_SIZE];

	(void)state;
	make_key("sender", "t",
		(struct said){CLIENT, .reverse_path = spellings[0], .spf_pass = true}, key);
	for (size_t i = 1; i < ARRAY_COUNT(spellings); i++) {
		make_key("sender", "t",
			(struct said){CLIENT, .reverse_path = spellings[i], .spf_pass = true},
			other);
		assert_string_equal(key, other);
	}
	/* Another limit, another network without proof, another kind of key. */
	make_key("sender", "u", (struct said){CLIENT, SENDER, .spf_pass = true}, other);
	assert_string_not_equal(key, other);
	make_key("sender", "t", (struct said){CLIENT, SENDER}, other);
	assert_string_not_equal(key, other);
	make_key("auth_user", "t", (struct said){CLIENT, .auth_user = "anna@example.com"}, other);
	assert_string_not_equal(key, other);
	make_key("sender", "t", (struct said){CLIENT, SENDER}, key);
	make_key("sender", "t", (struct said){.client = "198.51.100.1", SENDER}, other);
	assert_string_not_equal(key, other);
	make_key("sender", "t", (struct said){.client = "192.0.2.200", SENDER}, other);
	assert_string_equal(key, other);
}

/* Nothing from the wire reaches the key but through the hash, nor the label but escaped. */
static void test_hostile(void **state)
{
	struct limit_identity identity;
	const struct said said = {CLIENT, .helo = "{x}\r\nDEL *\x80\"\\"};

	(void)state;
	assert_true(make("helo", "t", &said, &identity));
	assert_int_equal(strlen(identity.key), STORE_KEY_SIZE - 1);
	assert_int_equal(strspn(identity.key, "0123456789abcdef"), STORE_KEY_SIZE - 1);
	for (const char *c = identity.label; *c != '\0'; c++)
		assert_true(*c >= 0x20 && *c < 0x7f);
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Forged senders make a bounded number of keys for one network, another network makes others. */
static void test_flood(void **state)
{
	enum { FORGED = 20000 };
	static char keys[FORGED][STORE_KEY_SIZE];
	char sender[64], other[STORE_KEY_SIZE];
	size_t different = 0;

	(void)state;
	for (int i = 0; i < FORGED; i++) {
		snprintf(sender, sizeof(sender), "<user%d@domain%d.example>", i, i % 1000);
		make_key("sender", "t", (struct said){CLIENT, .reverse_path = sender}, keys[i]);
	}
	qsort(keys, FORGED, STORE_KEY_SIZE, compare_keys);
	for (size_t i = 0; i < FORGED; i++)
		different += i == 0 || strcmp(keys[i], keys[i - 1]) != 0;
	assert_in_range(different, LIMIT_UNPROVEN_PLACES * 9 / 10, LIMIT_UNPROVEN_PLACES);
	make_key("sender", "t", (struct said){.client = "198.51.100.7", .reverse_path = sender},
		other);
	for (size_t i = 0; i < FORGED; i++)
		assert_string_not_equal(other, keys[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_forgeable),
		cmocka_unit_test(test_make),
		cmocka_unit_test(test_confirmed_name),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
