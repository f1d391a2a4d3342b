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

extern const struct policy policy_recipient;

static const char recipients[] = "anna@example.org\n"
				 "\"b b\"@example.org\n"
				 "dot.ted@example.org\n"
				 "carl@relay.example\n"
				 "@all.example.org\n";

static char file[64];

static int write_recipients(void **state)
{
	int fd;

	(void)state;
	strcpy(file, "/tmp/recipient_test.XXXXXX");
	fd = mkstemp(file);
	if (fd < 0 || write(fd, recipients, strlen(recipients)) != (ssize_t)strlen(recipients))
		return -1;
	return close(fd);
}

static int remove_recipients(void **state)
{
	(void)state;
	return unlink(file);
}

/* Site: local example.org and .example.org, relayed relay.example, own address 198.51.100.1. */
static void start(struct policy_case *policy_case)
{
	policy_case_start(policy_case, &policy_recipient);
	policy_case_list(&policy_case->site.relay_domains, "relay.example");
	policy_case_connect(policy_case, "192.0.2.7");
	policy_case_helo(policy_case, "mail.example.net");
	policy_case_mail(policy_case, "<a@example.net>");
}

static void add_source(struct policy_case *policy_case, const char *domain)
{
	char source[200];

	snprintf(source, sizeof(source), "%s file:%s", domain, file);
	policy_case_set(policy_case, "sources", source);
}

/* Who is refused for what, with a source for everything local. */
static const struct row {
	const char *forward_path;
	const char *stranger; /* the check that fails; NULL: none */
	const char *trusted; /* the same for who may relay */
} rows[] = {
	{"<anna@example.org>", NULL, NULL},
	{"<ANNA@Example.ORG>", NULL, NULL},
	{"anna@example.org", NULL, NULL},
	{"<anna+list@example.org>", NULL, NULL},
	{"<\"anna\"@example.org>", NULL, NULL},
	{"<\"b b\"@example.org>", NULL, NULL},
	{"<dot.ted@example.org>", NULL, NULL},
	{"<carl@relay.example>", NULL, NULL},
	{"<anybody@all.example.org>", NULL, NULL},
	{"<postmaster@example.org>", NULL, NULL},
	{"<PostMaster@Example.org>", NULL, NULL},
	{"<postmaster>", NULL, NULL},
	{"<postmaster@[198.51.100.1]>", NULL, NULL},
	{"<postmaster@mx.example.org>", NULL, NULL},
	{"<postmaster@relay.example>", NULL, NULL},
	{"<bob@example.org>", "unknown", "unknown"},
	{"<annab@example.org>", "unknown", "unknown"},
	{"<+list@example.org>", "unknown", "unknown"},
	{"<dotted@example.org>", "unknown", "unknown"},
	{"<anna@relay.example>", "unknown", "unknown"},
	{"<anna@mx.example.org>", "unknown", "unknown"},
	{"<anna@[198.51.100.1]>", "unknown", "unknown"},
	{"<abuse@example.org>", "unknown", "unknown"},
	/* Relaying, in the forms of a relay test. */
	{"<u@external.example>", "relay", NULL},
	{"<postmaster@external.example>", "relay", NULL},
	{"<u@example.org.external.example>", "relay", NULL},
	{"<u@notexample.org>", "relay", NULL},
	{"<u@[192.0.2.99]>", "relay", NULL},
	{"<u@[IPv6:2001:db8::1]>", "relay", NULL},
	{"<u%external.example@[198.51.100.1]>", "relay", "unknown"},
	{"<u%external.example@example.org>", "relay", "unknown"},
	{"<\"u%external.example\"@example.org>", "relay", "unknown"},
	{"<\"u@external.example\"@example.org>", "relay", "unknown"},
	{"<\"u@external.example\"@[198.51.100.1]>", "relay", "unknown"},
	{"<external.example!u@example.org>", "relay", "unknown"},
	{"<external.example!u@[198.51.100.1]>", "relay", "unknown"},
	{"<\"u%relay.example\"@example.org>", "ambiguous", "unknown"},
	{"<anna%relay.example@example.org>", "ambiguous", "unknown"},
	{"<anna%example.org@example.org>", "unknown", "unknown"},
	/* What is no path. */
	{"<@example.org:u@external.example>", "invalid", "invalid"},
	{"<@example.org,@x.example:anna@example.org>", "invalid", "invalid"},
	{"<u@external.example@example.org>", "invalid", "invalid"},
	{"<\"u@external.example\">", "invalid", "invalid"},
	{"<external.example!u>", "invalid", "invalid"},
	{"<u%external.example>", "invalid", "invalid"},
	{"<anna>", "invalid", NULL},
	{"<anna@>", "invalid", "invalid"},
	{"<@example.org>", "invalid", "invalid"},
	{"<anna@example..org>", "invalid", "invalid"},
	{"<anna@example.org", "invalid", "invalid"},
	{"<anna@-example.org>", "invalid", "invalid"},
	{"<an na@example.org>", "invalid", "invalid"},
	{"<m\xc3\xbcller@example.org>", "invalid", "invalid"},
	{"<anna@[198.51.100]>", "invalid", "invalid"},
};

static const char *failed_check(struct policy_case *policy_case)
{
	static const char *const checks[] = {"invalid", "ambiguous", "relay", "unknown"};
	const char *failed = NULL;

	for (size_t i = 0; i < ARRAY_COUNT(checks); i++) {
		const struct finding *finding = policy_case_finding(policy_case, checks[i]);

		if (finding == NULL || finding->result != RESULT_FAIL)
			continue;
		assert_null(failed);
		assert_int_equal(finding->action, ACTION_REJECT);
		failed = checks[i];
	}
	return failed;
}

static void expect(struct policy_case *policy_case, const char *who, const char *forward_path,
	const char *want)
{
	const char *failed;

	policy_case_rcpt(policy_case, forward_path);
	policy_case_run(policy_case, STAGE_RCPT);
	failed = failed_check(policy_case);
	if ((failed == NULL) != (want == NULL) || (want != NULL && strcmp(failed, want) != 0))
		fail_msg("%s %s: %s, not %s", who, forward_path, failed == NULL ? "fine" : failed,
			want == NULL ? "fine" : want);
}

static void test_forms(void **state)
{
	static const unsigned may_relay[] = {
		EXEMPT_TRUSTED, EXEMPT_AUTHENTICATED, EXEMPT_CERTIFIED};
	static const unsigned may_not[] = {0, EXEMPT_ALLOWED, EXEMPT_FORWARDER};
	struct policy_case policy_case;

	(void)state;
	start(&policy_case);
	add_source(&policy_case, "*");
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		for (size_t e = 0; e < ARRAY_COUNT(may_not); e++) {
			policy_case.session.exemptions = may_not[e];
			expect(&policy_case, "stranger", rows[i].forward_path, rows[i].stranger);
		}
		for (size_t e = 0; e < ARRAY_COUNT(may_relay); e++) {
			policy_case.session.exemptions = may_relay[e];
			expect(&policy_case, "trusted", rows[i].forward_path, rows[i].trusted);
		}
	}
	policy_case_end(&policy_case);
}

/* A domain without a source is not checked; a source is asked for its own domain only. */
static void test_sources_by_domain(void **state)
{
	struct policy_case policy_case;

	(void)state;
	start(&policy_case);
	expect(&policy_case, "no source", "<bob@example.org>", NULL);
	add_source(&policy_case, "Relay.Example");
	expect(&policy_case, "other source", "<bob@example.org>", NULL);
	expect(&policy_case, "its source", "<carl@relay.example>", NULL);
	expect(&policy_case, "its source", "<bob@relay.example>", "unknown");
	policy_case_end(&policy_case);
}

static void test_settings(void **state)
{
	struct policy_case policy_case;

	(void)state;
	start(&policy_case);
	policy_case_set(&policy_case, "extension", "");
	add_source(&policy_case, "*");
	expect(&policy_case, "no extension", "<anna+list@example.org>", "unknown");
	policy_case_set(&policy_case, "extension", "-");
	expect(&policy_case, "extension -", "<anna-list@example.org>", NULL);
	expect(&policy_case, "extension -", "<anna+list@example.org>", "unknown");
	policy_case_set(&policy_case, "case_sensitive", "yes");
	expect(&policy_case, "case", "<Anna@example.org>", "unknown");
	expect(&policy_case, "case", "<anna@EXAMPLE.org>", NULL);
	expect(&policy_case, "case", "<POSTMASTER@example.org>", NULL);
	policy_case_set(&policy_case, "unknown", "off");
	expect(&policy_case, "off", "<bob@example.org>", NULL);
	policy_case_end(&policy_case);
}

/* Without domains of ours the MTA alone knows what is relaying. */
static void test_no_domains(void **state)
{
	struct policy_case policy_case;

	(void)state;
	start(&policy_case);
	matchlist_free(&policy_case.site.local_domains);
	matchlist_free(&policy_case.site.relay_domains);
	expect(&policy_case, "no domains", "<u@external.example>", NULL);
	expect(&policy_case, "no domains", "<u%external.example@example.org>", "ambiguous");
	policy_case_list(&policy_case.site.relay_domains, "relay.example");
	expect(&policy_case, "relay only", "<u@external.example>", "relay");
	expect(&policy_case, "relay only", "<u@relay.example>", NULL);
	matchlist_free(&policy_case.site.relay_domains);
	policy_case_list(&policy_case.site.local_domains, "example.org");
	expect(&policy_case, "local only", "<u@external.example>", "relay");
	policy_case_end(&policy_case);
}

static void test_mta_facts(void **state)
{
	static const struct {
		const char *forward_path, *mta_address, *mta_mailer;
		const char *want;
	} mta_rows[] = {
		{"<u@external.example>", "relay access denied", "error", NULL},
		{"<nobody@example.org>", "550 5.1.1 User unknown", "error", NULL},
		{"<anna@example.org>", "anna@example.org", "local", NULL},
		{"<anna@example.org>", "anna", "local", NULL},
		/* The administrator's virtual domains lead elsewhere. */
		{"<anna@example.org>", "anna@external.example", "esmtp", NULL},
		{"<\"b b\"@example.org>", "\"b b\"@example.org", "smtp", NULL},
		{"<\"b b\"@example.org>", "b b@EXAMPLE.org", "smtp", NULL},
		{"<\"b b\"@example.org>", "b@external.example", "smtp", "ambiguous"},
		{"<\"b b\"@example.org>", "b b@[192.0.2.1]", "smtp", "ambiguous"},
		{"<\"b b\"@example.org>", "b b@", "smtp", "ambiguous"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(mta_rows); i++) {
		struct policy_case policy_case;
		const char *failed;

		start(&policy_case);
		policy_case_rcpt(&policy_case, mta_rows[i].forward_path);
		strcpy(policy_case.recipient.mta_address, mta_rows[i].mta_address);
		strcpy(policy_case.recipient.mta_mailer, mta_rows[i].mta_mailer);
		policy_case_run(&policy_case, STAGE_RCPT);
		failed = failed_check(&policy_case);
		if ((failed == NULL) != (mta_rows[i].want == NULL) ||
			(failed != NULL && strcmp(failed, mta_rows[i].want) != 0))
			fail_msg("%s as %s: %s", mta_rows[i].forward_path, mta_rows[i].mta_address,
				failed == NULL ? "fine" : failed);
		policy_case_end(&policy_case);
	}
}

static void test_local_submission(void **state)
{
	struct policy_case policy_case;

	(void)state;
	start(&policy_case);
	policy_case_connect(&policy_case, "127.0.0.1");
	strcpy(policy_case.session.mta_client_name, "localhost");
	policy_case.session.client_port = 0;
	expect(&policy_case, "local submission", "<u@external.example>", NULL);
	expect(&policy_case, "local submission", "<an na@example.org>", NULL);
	policy_case.session.client_port = 40000;
	expect(&policy_case, "local client", "<u@external.example>", "relay");
	policy_case_end(&policy_case);
}

/* A raw argument that did not fit is not judged by its first part. */
static void test_cut(void **state)
{
	struct policy_case policy_case;

	(void)state;
	start(&policy_case);
	policy_case_rcpt(&policy_case, "<anna@example.org>");
	policy_case.recipient.cut = true;
	policy_case_run(&policy_case, STAGE_RCPT);
	assert_string_equal(failed_check(&policy_case), "invalid");
	policy_case_end(&policy_case);
}

static void test_replies(void **state)
{
	struct policy_case policy_case;

	(void)state;
	start(&policy_case);
	add_source(&policy_case, "*");
	expect(&policy_case, "reply", "<bob@example.org>", "unknown");
	assert_string_equal(policy_case_finding(&policy_case, "unknown")->reply, "bob@example.org");
	expect(&policy_case, "reply", "<u@external.example>", "relay");
	assert_string_equal(policy_case_finding(&policy_case, "relay")->reply,
		"external.example is not a domain of ours");
	policy_case_end(&policy_case);
}

static bool verify_source(
	struct policy_case *policy_case, const char *source, char *why, size_t why_size)
{
	const struct setting *row = policy_recipient.settings;
	const char *setting = NULL;
	bool right;

	policy_recipient.clear(policy_case->options);
	settings_clear(row, policy_case->options);
	assert_true(setting_parse(row, source, "test", policy_case->options, why, why_size));
	right = policy_recipient.verify(
		policy_case->options, &policy_case->site, &setting, why, why_size);
	assert_string_equal(setting, "sources");
	return right;
}

static void test_verify(void **state)
{
	static const struct {
		const char *source, *why;
	} bad[] = {
		{"example.org", "no source that is known"},
		{"file:/etc/hosts", "starts with no domain"},
		{"example.org http:x", "no source that is known"},
		{"example.org redis:", "no key"},
		{"example.org smtp:", "no target"},
		{"example.org smtp:/socket", "no target"},
		{"example.org smtp:mail.example.org:0", "no target"},
		{"example.org passwd:relative", "no absolute path"},
		{"example.org passwd:/nonexistent/passwd", "/nonexistent/passwd: No such file"},
		{"example.org aliases:/nonexistent/aliases", "/nonexistent/aliases: No such file"},
		{"example.org aliases:/tmp", "/tmp: Is a directory"},
		{"example.org file:/tmp", "/tmp: Is a directory"},
		{"example.org file:relative", "no absolute path"},
		{"exa_mple..org file:/x", "starts with no domain"},
		{"example.org file:/nonexistent/recipients",
			"/nonexistent/recipients: No such file"},
	};
	struct policy_case policy_case;
	char why[300];
	FILE *out;

	(void)state;
	start(&policy_case);
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		assert_false(verify_source(&policy_case, bad[i].source, why, sizeof(why)));
		if (strstr(why, bad[i].why) == NULL)
			fail_msg("%s: %s", bad[i].source, why);
	}
	out = fopen(file, "a");
	assert_non_null(out);
	fputs("broken line\n", out);
	fclose(out);
	char source[200], want[100];

	snprintf(source, sizeof(source), "* file:%s", file);
	snprintf(want, sizeof(want), "%s:6: not an address", file);
	assert_false(verify_source(&policy_case, source, why, sizeof(why)));
	assert_non_null(strstr(why, want));
	/* A file that goes bad between check and use is an outage, never a refusal. */
	policy_recipient.prepare(policy_case.options, &policy_case.site);
	policy_case_rcpt(&policy_case, "<bob@example.org>");
	policy_case_run(&policy_case, STAGE_RCPT);
	assert_int_equal(policy_case_result(&policy_case, "unverified"), RESULT_TEMPERROR);
	assert_int_equal(policy_case_action(&policy_case), ACTION_MONITOR);
	policy_case_end(&policy_case);
}

/* Whatever the administrator wants done about an outage, it is no 5yz and says nothing of the source. */
static void test_outage(void **state)
{
	static const struct {
		const char *check, *domains;
		enum action want;
		const char *outage; /* for all domains; NULL: as by default */
	} outage_rows[] = {
		{"monitor", NULL, ACTION_MONITOR, NULL},
		{"tempfail", NULL, ACTION_TEMPFAIL, NULL},
		{"reject", NULL, ACTION_TEMPFAIL, NULL},
		{"monitor", "example.org outage=tempfail", ACTION_TEMPFAIL, NULL},
		{"tempfail", "example.org outage=accept", ACTION_MONITOR, NULL},
		{"tempfail", "example.org outage=backup", ACTION_MONITOR, NULL},
		{"tempfail", "example.org outage=check", ACTION_TEMPFAIL, NULL},
		{"monitor", "example.net outage=tempfail", ACTION_MONITOR, NULL},
		{"monitor", NULL, ACTION_TEMPFAIL, "tempfail"},
		{"tempfail", NULL, ACTION_MONITOR, "accept"},
		{"tempfail", NULL, ACTION_MONITOR, "backup"},
		{"tempfail", "example.org outage=check", ACTION_TEMPFAIL, "accept"},
		{"monitor", "example.org extension=-", ACTION_TEMPFAIL, "tempfail"},
	};
	static const char *const sources[] = {
		"example.org lmtp:/nonexistent/socket", "example.org redis:known"};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(outage_rows) * ARRAY_COUNT(sources); i++) {
		size_t row = i / ARRAY_COUNT(sources);
		struct policy_case policy_case;
		const struct finding *finding;

		start(&policy_case);
		policy_case_set(&policy_case, "unverified", outage_rows[row].check);
		if (outage_rows[row].outage != NULL)
			policy_case_set(&policy_case, "outage", outage_rows[row].outage);
		if (outage_rows[row].domains != NULL)
			policy_case_set(&policy_case, "domains", outage_rows[row].domains);
		policy_case_set(&policy_case, "sources", sources[i % ARRAY_COUNT(sources)]);
		policy_case_rcpt(&policy_case, "<bob@example.org>");
		policy_case_run(&policy_case, STAGE_RCPT);
		finding = policy_case_finding(&policy_case, "unverified");
		assert_non_null(finding);
		assert_int_equal(finding->result, RESULT_TEMPERROR);
		assert_int_equal(finding->action, outage_rows[row].want);
		assert_string_equal(finding->reply, "bob@example.org");
		assert_null(policy_case_finding(&policy_case, "unknown"));
		/* What another source knows needs no other. */
		add_source(&policy_case, "*");
		expect(&policy_case, "known elsewhere", "<anna@example.org>", NULL);
		assert_null(policy_case_finding(&policy_case, "unverified"));
		policy_case_end(&policy_case);
	}
}

static void test_domains(void **state)
{
	struct policy_case policy_case;

	(void)state;
	start(&policy_case);
	add_source(&policy_case, "*");
	policy_case_set(&policy_case, "domains", "example.org extension=-");
	policy_case_set(&policy_case, "domains", ".example.org wildcard=no");
	expect(&policy_case, "other extension", "<anna-list@example.org>", NULL);
	expect(&policy_case, "other extension", "<anna+list@example.org>", "unknown");
	expect(&policy_case, "usual extension", "<carl+list@relay.example>", NULL);
	expect(&policy_case, "no wildcard", "<x@all.example.org>", "unknown");
	expect(&policy_case, "no catch-all", "<whoever@relay.example>", "unknown");
	policy_case_set(&policy_case, "domains", "relay.example catch_all=yes");
	expect(&policy_case, "catch-all", "<whoever@relay.example>", NULL);
	expect(&policy_case, "none elsewhere", "<whoever@example.org>", "unknown");
	policy_case_end(&policy_case);
}

static void test_sender_login(void **state)
{
	static const struct {
		const char *user, *sender;
		bool refused;
	} login_rows[] = {
		{"anna", "<anna@example.org>", false},
		{"anna", "<>", false},
		{"anna", "<bob@example.org>", true},
		{"anna", "<anna@example..org>", true},
		{"anna", "<anna%example.net@example.org>", true},
		{"bob", "<bob@example.org>", true},
		{"", "<bob@example.org>", false},
	};
	char map[] = "/tmp/recipient_test.map.XXXXXX";
	struct policy_case policy_case;
	int fd = mkstemp(map);

	(void)state;
	assert_int_equal(write(fd, "anna anna@example.org\n", 22), 22);
	close(fd);
	start(&policy_case);
	strcpy(policy_case.session.auth_user, "bob");
	policy_case_run(&policy_case, STAGE_MAIL);
	assert_null(policy_case_finding(&policy_case, "not_owner"));
	policy_case_set(&policy_case, "sender_login", map);
	for (size_t i = 0; i < ARRAY_COUNT(login_rows); i++) {
		const struct finding *finding;

		policy_case_mail(&policy_case, login_rows[i].sender);
		strcpy(policy_case.session.auth_user, login_rows[i].user);
		policy_case_run(&policy_case, STAGE_MAIL);
		finding = policy_case_finding(&policy_case, "not_owner");
		if ((finding != NULL) != login_rows[i].refused)
			fail_msg("%s as %s", login_rows[i].user, login_rows[i].sender);
		if (finding != NULL) {
			assert_int_equal(finding->result, RESULT_FAIL);
			assert_int_equal(finding->action, ACTION_REJECT);
		}
	}
	unlink(map);
	policy_case_end(&policy_case);
}

/* A file that was good when it was looked at, and is not when it is read. */
static void test_file_that_changes(void **state)
{
	static const char *const settings[] = {"sources", "sender_login"};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(settings); i++) {
		char name[] = "/tmp/recipient_test.XXXXXX";
		int fd = mkstemp(name);
		struct policy_case policy_case;
		const char *setting = NULL;
		char text[100], why[SETTING_WHY_SIZE];

		assert_true(fd >= 0 && write(fd, "# none\n", 7) == 7 && close(fd) == 0);
		start(&policy_case);
		snprintf(text, sizeof(text), "%s%s", i == 0 ? "* file:" : "", name);
		policy_case_set(&policy_case, settings[i], text);
		assert_true(
			policy_recipient.complete(policy_case.options, &setting, why, sizeof(why)));
		unlink(name);
		policy_recipient.clear(policy_case.options);
		policy_recipient.prepare(policy_case.options, &policy_case.site);
		assert_false(
			policy_recipient.complete(policy_case.options, &setting, why, sizeof(why)));
		assert_string_equal(setting, "sources");
		snprintf(text, sizeof(text),
			"%s: No such file or directory; name a readable file, or mend this one",
			name);
		assert_string_equal(why, text);
		policy_case_end(&policy_case);
	}
}

static void note_warning(void *context, const char *setting, const char *text)
{
	assert_true(strlen(text) > 20);
	strcat(context, setting);
	strcat(context, " ");
}

static void keep_text(void *context, const char *setting, const char *text)
{
	assert_string_equal(setting, "sources");
	strcat(context, text);
}

static void test_advise(void **state)
{
	struct policy_case policy_case;
	char warned[100] = "";

	(void)state;
	start(&policy_case);
	policy_recipient.advise(&policy_case.call, &policy_case.site, note_warning, warned);
	assert_string_equal(warned, "");
	policy_case_set(&policy_case, "relay", "tempfail");
	policy_recipient.advise(&policy_case.call, &policy_case.site, note_warning, warned);
	assert_string_equal(warned, "");
	policy_case_set(&policy_case, "relay", "monitor");
	policy_recipient.advise(&policy_case.call, &policy_case.site, note_warning, warned);
	assert_string_equal(warned, "relay ");
	policy_case_set(&policy_case, "unverified", "reject");
	policy_recipient.advise(&policy_case.call, &policy_case.site, note_warning, warned);
	assert_string_equal(warned, "relay relay unverified ");
	*warned = '\0';
	policy_case_set(&policy_case, "unverified", "tempfail");
	policy_case_set(&policy_case, "relay", "reject");
	policy_case_set(&policy_case, "sources", "example.org passwd:");
	policy_case_set(&policy_case, "sources", "relay.example passwd:");
	policy_case_set(&policy_case, "sources", ".else.example passwd:");
	policy_case_set(&policy_case, "sources", "* passwd:");
	policy_recipient.advise(&policy_case.call, &policy_case.site, note_warning, warned);
	assert_string_equal(warned, "");
	policy_case_set(&policy_case, "sources", "else.example passwd:");
	policy_recipient.advise(&policy_case.call, &policy_case.site, note_warning, warned);
	assert_string_equal(warned, "sources ");
	policy_case_end(&policy_case);
}

/* A file that holds nobody: told for each, and whether its domain is left without anybody. */
static void test_advise_empty(void **state)
{
	static const struct {
		const char *source, *domains;
		bool empty, alone;
	} sources[] = {
		{"* file:", "example.net catch_all=yes", false, false},
		{"example.org passwd:", "example.net catch_all=yes", true, false},
		{".example.org passwd:", "example.net catch_all=yes", true, true},
		{"example.org passwd:", "example.org catch_all=yes", true, false},
	};
	char empty[] = "/tmp/recipient_test.XXXXXX";
	int fd = mkstemp(empty);

	(void)state;
	assert_true(fd >= 0);
	for (size_t i = 0; i < ARRAY_COUNT(sources); i++) {
		struct policy_case policy_case;
		char source[200], said[1000] = "";

		/* The first row's has somebody, the others' nobody. */
		if (sources[i].empty)
			assert_int_equal(ftruncate(fd, 0), 0);
		else
			assert_int_equal(write(fd, "a@example.org\n", 14), 14);
		start(&policy_case);
		snprintf(source, sizeof(source), "example.org file:%s", empty);
		policy_case_set(&policy_case, "sources", source);
		if (strstr(sources[i].source, "file:") == NULL)
			policy_case_set(&policy_case, "sources", sources[i].source);
		policy_case_set(&policy_case, "domains", sources[i].domains);
		policy_recipient.advise(&policy_case.call, &policy_case.site, keep_text, said);
		assert_int_equal(strstr(said, "holds nobody") != NULL, sources[i].empty);
		assert_int_equal(
			strstr(said, "every recipient there is unknown") != NULL, sources[i].alone);
		policy_case_end(&policy_case);
	}
	close(fd);
	unlink(empty);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_sources_by_domain),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_no_domains),
		cmocka_unit_test(test_mta_facts),
		cmocka_unit_test(test_local_submission),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_outage),
		cmocka_unit_test(test_domains),
		cmocka_unit_test(test_sender_login),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_file_that_changes),
		cmocka_unit_test(test_advise),
		cmocka_unit_test(test_advise_empty),
	};

	return cmocka_run_group_tests(tests, write_recipients, remove_recipients);
}
