/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../tests/fake/fake_inquiry.c"
#include "../tests/fake/fake_spf.c"
#include "../tests/lib/policy_case.h"

extern const struct policy policy_from;

#define CLIENT "192.0.2.7"

struct field {
	const char *name, *body;
};

struct row {
	const char *what;
	const char *from;
	struct field fields[4]; /* beside From */
	const char *sender; /* NULL: <x@good.example>, which passes SPF */
	enum spf_result own_spf; /* of example.org */
	const char *setting, *value, *setting2, *value2;
	unsigned exemptions, unknown;
	const char *check; /* which is looked at; its action is that of its finding */
	enum action action; /* ACTION_OFF: nothing was found */
	const char *evidence;
};

#define OWN " Anna <anna@example.org>"
#define VERIFIED {"Authentication-Results", " dkim.example.org; dkim=pass header.d=example.org"}
#define LIST {"List-Id", " <list.good.example>"}

static const struct row rows[] = {
	/* Our domain from outside. */
	{.what = "ours, unaligned",
		.from = OWN,
		.check = "own_domain",
		.action = ACTION_MONITOR,
		.evidence = "ours, From example.org: SPF pass of good.example"},
	{.what = "ours, and SPF passes",
		.from = OWN,
		.sender = "<a@example.org>",
		.own_spf = SPF_PASS,
		.check = "own_domain"},
	{.what = "ours, and SPF fails",
		.from = OWN,
		.sender = "<a@example.org>",
		.own_spf = SPF_FAIL,
		.check = "own_domain",
		.action = ACTION_MONITOR},
	{.what = "ours, and SPF is not known",
		.from = OWN,
		.sender = "<a@example.org>",
		.own_spf = SPF_TEMPERROR,
		.setting = "own_domain",
		.value = "reject",
		.check = "own_domain",
		.action = ACTION_MONITOR},
	{.what = "ours, signed", .from = OWN, .fields = {VERIFIED}, .check = "own_domain"},
	{.what = "ours, signed by another organization",
		.from = OWN,
		.fields = {{"Authentication-Results",
			" dkim.example.org; dkim=pass header.d=example.com"}},
		.check = "own_domain",
		.action = ACTION_MONITOR},
	{.what = "a domain below ours is ours where it is listed",
		.from = " a@sub.example.org",
		.check = "own_domain",
		.action = ACTION_MONITOR},
	{.what = "ours among others",
		.from = " a@good.example, anna@example.org",
		.check = "own_domain",
		.action = ACTION_MONITOR,
		.evidence = "ours, From holds addresses of different domains"},
	{.what = "ours, and text behind it",
		.from = " <anna@example.org> a@good.example",
		.check = "own_domain",
		.action = ACTION_MONITOR,
		.evidence = "ambiguous"},
	{.what = "foreign", .from = " a@good.example", .check = "own_domain"},
	{.what = "trusted", .from = OWN, .exemptions = EXEMPT_TRUSTED, .check = "own_domain"},
	{.what = "authenticated",
		.from = OWN,
		.exemptions = EXEMPT_AUTHENTICATED,
		.check = "own_domain"},
	{.what = "list",
		.from = OWN,
		.fields = {LIST},
		.setting = "own_domain",
		.value = "reject",
		.check = "own_domain",
		.action = ACTION_TAG,
		.evidence = "excused: a mailing list: it has list fields, and SPF of good.example "
			    "passes"},
	{.what = "list fields alone",
		.from = OWN,
		.fields = {LIST},
		.sender = "<x@none.example>",
		.setting = "own_domain",
		.value = "reject",
		.check = "own_domain",
		.action = ACTION_REJECT},
	{.what = "a forwarder",
		.from = OWN,
		.setting = "own_domain",
		.value = "reject",
		.exemptions = EXEMPT_FORWARDER,
		.check = "own_domain",
		.action = ACTION_MONITOR,
		.evidence = "excused: a forwarder"},
	{.what = "a forwarder not known now",
		.from = OWN,
		.setting = "own_domain",
		.value = "reject",
		.unknown = EXEMPT_FORWARDER,
		.check = "own_domain",
		.action = ACTION_TEMPFAIL},
	{.what = "an exception",
		.from = OWN,
		.setting = "own_domain",
		.value = "reject",
		.setting2 = "exceptions",
		.value2 = "192.0.2.7",
		.check = "own_domain",
		.action = ACTION_MONITOR,
		.evidence = "excused: an exception: 192.0.2.7 (test)"},
	/* Any domain. */
	{.what = "unaligned is off", .from = " a@victim.example", .check = "unaligned"},
	{.what = "unaligned",
		.from = " a@victim.example",
		.setting = "unaligned",
		.value = "tag",
		.check = "unaligned",
		.action = ACTION_TAG,
		.evidence = "From victim.example: SPF pass of good.example"},
	{.what = "aligned in the organization",
		.from = " a@mail.good.example",
		.setting = "unaligned",
		.value = "tag",
		.check = "unaligned"},
	{.what = "no author is no alignment",
		.from = " <a@good.example> b@victim.example",
		.setting = "unaligned",
		.value = "tag",
		.check = "unaligned",
		.action = ACTION_TAG,
		.evidence = "ambiguous"},
	/* Display names. */
	{.what = "another address",
		.from = " \"ceo@example.org\" <x@good.example>",
		.check = "display_name",
		.action = ACTION_TAG,
		.evidence = "From shows 'ceo@example.org', and the address is <x@good.example>"},
	{.what = "another address in an encoded word",
		.from = " =?utf-8?b?Y2VvQGV4YW1wbGUub3Jn?= <x@good.example>",
		.check = "display_name",
		.action = ACTION_TAG},
	{.what = "an address of the same organization",
		.from = " \"a@mail.good.example\" <x@good.example>",
		.check = "display_name"},
	{.what = "a name", .from = " Good Anna <x@good.example>", .check = "display_name"},
	{.what = "a protected name",
		.from = " Anna Example <x@good.example>",
		.setting = "protected_names",
		.value = "Anna Example",
		.check = "display_name",
		.action = ACTION_TAG,
		.evidence = "which is Anna Example of protected_names"},
	{.what = "a protected name in another alphabet",
		.from = " =?utf-8?q?=D0=90nna_Ex=D0=B0mple?= <x@good.example>",
		.setting = "protected_names",
		.value = "Anna Example",
		.check = "display_name",
		.action = ACTION_TAG},
	{.what = "a protected name of ours",
		.from = " Anna Example <anna@example.org>",
		.setting = "protected_names",
		.value = "Anna Example",
		.check = "display_name"},
	{.what = "a protected name of a protected domain",
		.from = " Example Bank <info@mail.bank.example>",
		.setting = "protected_names",
		.value = "Example Bank",
		.setting2 = "protected_domains",
		.value2 = "bank.example",
		.check = "display_name"},
	/* Reply-To. */
	{.what = "answers to another organization",
		.from = " a@good.example",
		.fields = {{"Reply-To", " Anna <b@other.example>"}},
		.check = "reply_to",
		.action = ACTION_TAG,
		.evidence = "From is of good.example, and answers go to other.example"},
	{.what = "answers within the organization",
		.from = " a@good.example",
		.fields = {{"Reply-To", " b@support.good.example, c@good.example"}},
		.check = "reply_to"},
	{.what = "one of two answers",
		.from = " a@good.example",
		.fields = {{"Reply-To", " b@good.example, c@other.example"}},
		.check = "reply_to",
		.action = ACTION_TAG},
	{.what = "no Reply-To", .from = " a@good.example", .check = "reply_to"},
	/* Look-alikes. */
	{.what = "confusable with ours",
		.from = " a@examp1e.org",
		.check = "look_alike",
		.action = ACTION_TAG,
		.evidence = "From: examp1e.org reads like example.org"},
	{.what = "punycode",
		.from = " a@xn--xample-2of.org",
		.check = "look_alike",
		.action = ACTION_TAG,
		.evidence = "xn--xample-2of.org (\\xd0\\xb5xample.org) reads like example.org"},
	{.what = "UTF-8",
		.from = " a@\xd0\xb5xample.org",
		.check = "look_alike",
		.action = ACTION_TAG},
	{.what = "one letter away",
		.from = " a@exmaple.org",
		.check = "look_alike",
		.action = ACTION_TAG,
		.evidence = "is one letter away from example.org"},
	{.what = "in front of another domain",
		.from = " a@example.org.attacker.example",
		.check = "look_alike",
		.action = ACTION_TAG},
	{.what = "a protected domain",
		.from = " a@bnak.example",
		.setting = "protected_domains",
		.value = "bank.example",
		.check = "look_alike",
		.action = ACTION_TAG,
		.evidence = "is one letter away from bank.example"},
	{.what = "the protected domain itself",
		.from = " a@mail.bank.example",
		.setting = "protected_domains",
		.value = "bank.example",
		.check = "look_alike"},
	{.what = "ours is no look-alike", .from = OWN, .check = "look_alike"},
	{.what = "an exception",
		.from = " a@examples.org",
		.setting = "exceptions",
		.value = "examples.org",
		.check = "look_alike",
		.action = ACTION_MONITOR},
	{.what = "Reply-To like ours",
		.from = " a@good.example",
		.fields = {{"Reply-To", " a@examp1e.org"}},
		.check = "look_alike",
		.action = ACTION_TAG,
		.evidence = "Reply-To: examp1e.org"},
	{.what = "Reply-To like From",
		.from = " a@good-bank.example",
		.fields = {{"Reply-To", " a@good-banc.example"}},
		.check = "look_alike",
		.action = ACTION_TAG,
		.evidence =
			"Reply-To: good-banc.example is one letter away from good-bank.example"},
	{.what = "authenticated users may have odd domains",
		.from = " a@examp1e.org",
		.exemptions = EXEMPT_AUTHENTICATED,
		.check = "look_alike"},
	/* Nothing to look at. */
	{.what = "no address", .from = " nobody", .check = "look_alike"},
	{.what = "no address", .from = " nobody", .check = "display_name"},
	{.what = "no address", .from = " <>", .check = "reply_to"},
};

static void start(struct policy_case *c, const struct row *row)
{
	static char id[] = "dkim.example.org";
	static char *ids[] = {id, NULL};

	fake_dns_clear();
	fake_spf_clear();
	fake_spf("good.example", SPF_PASS);
	fake_spf("example.org", row->own_spf);
	policy_case_start(c, &policy_from);
	c->site.trusted_authserv_ids = ids;
	if (row->setting != NULL)
		policy_case_set(c, row->setting, row->value);
	if (row->setting2 != NULL)
		policy_case_set(c, row->setting2, row->value2);
	policy_case_connect(c, CLIENT);
	policy_case_helo(c, "helo.example");
	c->session.exemptions = row->exemptions;
	c->session.exemptions_unknown = row->unknown;
	policy_case_mail(c, row->sender == NULL ? "<x@good.example>" : row->sender);
	policy_case_run(c, STAGE_MAIL);
}

static void end(struct policy_case *c)
{
	c->site.trusted_authserv_ids = NULL;
	policy_case_end(c);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct row *row = &rows[i];
		const struct finding *finding;
		enum action action;
		struct policy_case c;

		start(&c, row);
		policy_case_field(&c, "From", row->from);
		for (const struct field *field = row->fields; field->name != NULL; field++)
			policy_case_field(&c, field->name, field->body);
		policy_case_run(&c, STAGE_EOM);
		finding = policy_case_finding(&c, row->check);
		action = finding == NULL ? ACTION_OFF : finding->action;
		if (action != row->action ||
			(row->evidence != NULL && strstr(finding->evidence, row->evidence) == NULL))
			fail_msg("%s: %s.%s: %s", row->what, row->check, action_name(action),
				finding == NULL ? "" : finding->evidence);
		end(&c);
	}
}

/* The author's address of an authenticated user. */
static const struct {
	const char *user, *from;
	enum action action;
} owners[] = {
	{"anna", " Anna <anna@example.org>", ACTION_OFF},
	{"anna", " ANNA@Example.ORG", ACTION_OFF},
	{"anna", " bert@example.org", ACTION_REJECT},
	{"anna", " admin@victim.example", ACTION_REJECT},
	{"anna", " anna@example.org, bert@example.org", ACTION_REJECT},
	{"anna", " <anna@example.org> admin@victim.example", ACTION_REJECT},
	{"anna", " nobody", ACTION_REJECT},
	{"bert", " anna@example.org", ACTION_REJECT},
	{"shop", " any.name@shop.example", ACTION_OFF},
	{"", " bert@example.org", ACTION_OFF},
};

static void test_not_owner(void **state)
{
	static const char map[] = "anna anna@example.org\nshop @shop.example\n";
	char file[] = "/tmp/from_test.XXXXXX";
	const struct row row = {.exemptions = EXEMPT_AUTHENTICATED};
	int fd = mkstemp(file);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, map, strlen(map)), strlen(map));
	close(fd);
	for (size_t i = 0; i < ARRAY_COUNT(owners); i++) {
		const struct finding *finding;
		struct policy_case c;

		start(&c, &row);
		policy_case_set(&c, "sender_login", file);
		snprintf(c.session.auth_user, sizeof(c.session.auth_user), "%s", owners[i].user);
		policy_case_field(&c, "From", owners[i].from);
		policy_case_run(&c, STAGE_EOM);
		finding = policy_case_finding(&c, "not_owner");
		if ((finding == NULL ? ACTION_OFF : finding->action) != owners[i].action)
			fail_msg("%s:%s: %s", owners[i].user, owners[i].from,
				finding == NULL ? "" : finding->evidence);
		end(&c);
	}
	unlink(file);
}

/* A second From, or none, is never the user's own. */
static void test_not_owner_of_many(void **state)
{
	static const char map[] = "anna anna@example.org\n";
	char file[] = "/tmp/from_test.XXXXXX";
	const struct row row = {.exemptions = EXEMPT_AUTHENTICATED};
	int fd = mkstemp(file);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, map, strlen(map)), strlen(map));
	close(fd);
	for (int count = 0; count <= 2; count++) {
		struct policy_case c;

		start(&c, &row);
		policy_case_set(&c, "sender_login", file);
		snprintf(c.session.auth_user, sizeof(c.session.auth_user), "anna");
		for (int i = 0; i < count; i++)
			policy_case_field(&c, "From", " anna@example.org");
		policy_case_run(&c, STAGE_EOM);
		assert_int_equal(policy_case_result(&c, "not_owner"),
			count == 1 ? RESULT_PASS : RESULT_FAIL);
		end(&c);
	}
	unlink(file);
}

static void test_verify(void **state)
{
	struct policy_case c;
	const char *blamed;
	char why[300];
	const struct setting *setting = policy_from.settings;

	(void)state;
	policy_case_start(&c, &policy_from);
	while (strcmp(setting->name, "protected_names") != 0)
		setting++;
	policy_from.clear(c.options);
	assert_true(setting_parse(setting, "- .", "test", c.options, why, sizeof(why)));
	assert_false(policy_from.verify(c.options, &c.site, &blamed, why, sizeof(why)));
	assert_string_equal(blamed, "protected_names");
	assert_string_equal(why, "protected_names: \"- .\" has no word of two letters or more; "
				 "write a name like \"Anna Example\"");
	policy_from.prepare(c.options, &c.site);
	policy_case_end(&c);
}

static void count(void *context, const char *setting, const char *text)
{
	assert_non_null(setting);
	assert_non_null(text);
	++*(unsigned *)context;
}

static void test_advice(void **state)
{
	struct policy_case c;
	unsigned warnings = 0;

	(void)state;
	policy_case_start(&c, &policy_from);
	policy_from.advise(&c.call, &c.site, count, &warnings);
	assert_int_equal(warnings, 0);
	policy_case_set(&c, "own_domain", "reject");
	policy_case_set(&c, "unaligned", "reject");
	policy_case_set(&c, "lists", "any");
	policy_from.advise(&c.call, &c.site, count, &warnings);
	assert_int_equal(warnings, 3);
	policy_case_end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_not_owner),
		cmocka_unit_test(test_not_owner_of_many),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_advice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
