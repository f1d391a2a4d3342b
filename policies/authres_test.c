/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../tests/fake/fake_inquiry.c"
#include "../tests/fake/fake_spf.c"
#include "../tests/lib/policy_case.h"

extern const struct policy policy_authres;

static void start(struct policy_case *policy_case)
{
	fake_dns_clear();
	fake_spf_clear();
	policy_case_start(policy_case, &policy_authres);
	policy_case_connect(policy_case, "192.0.2.7");
	policy_case_helo(policy_case, "mail.example.net");
	policy_case_mail(policy_case, "<a@example.net>");
}

static void finish(struct policy_case *policy_case)
{
	policy_authres.end[SCOPE_TRANSACTION](&policy_case->call, OUTCOME_ACCEPTED);
	policy_authres.end[SCOPE_TRANSACTION](&policy_case->call, OUTCOME_ACCEPTED);
	policy_case_end(policy_case);
}

static void field(struct policy_case *policy_case, const char *name, const char *body)
{
	policy_case->call.field_name = name;
	policy_case->call.field_body = body;
	policy_case_run(policy_case, STAGE_HEADER);
}

/* The only inserted field of that name, or NULL. */
static const char *inserted(const struct policy_case *policy_case, const char *name)
{
	const struct transaction *transaction = &policy_case->session.transaction;
	const char *value = NULL;

	for (size_t i = 0; i < transaction->edit_count; i++) {
		const struct edit *edit = &transaction->edits[i];

		if (edit->kind != EDIT_INSERT_FIELD || strcmp(edit->name, name) != 0)
			continue;
		assert_null(value);
		assert_int_equal(edit->index, 0);
		value = edit->value;
	}
	return value;
}

static void expect_results(struct policy_case *policy_case, const char *want)
{
	policy_case_run(policy_case, STAGE_EOM);
	assert_string_equal(inserted(policy_case, "Authentication-Results"), want);
}

static void test_nothing_known(void **state)
{
	struct policy_case policy_case;

	(void)state;
	start(&policy_case);
	expect_results(&policy_case, "mx.example.org; none");
	assert_int_equal(policy_case.session.transaction.edit_count, 1);
	/* Nothing is asked for the field alone. */
	assert_int_equal(fake_dns_asked(NULL, DNS_PTR), 0);
	assert_int_equal(fake_spf_asked(), 0);
	finish(&policy_case);
}

static void ask_all(struct policy_case *policy_case)
{
	session_iprev(&policy_case->session);
	session_helo_spf(&policy_case->session);
	session_sender_spf(&policy_case->session);
}

static void test_results(void **state)
{
	struct policy_case policy_case;

	(void)state;
	start(&policy_case);
	fake_dns("7.2.0.192.in-addr.arpa", DNS_PTR, "mail.example.net");
	fake_dns("mail.example.net", DNS_A, "192.0.2.7");
	fake_spf("example.net", SPF_PASS);
	fake_spf("mail.example.net", SPF_SOFTFAIL);
	strcpy(policy_case.session.auth_user, "anna");
	ask_all(&policy_case);
	expect_results(&policy_case,
		"mx.example.org;\n\tauth=pass smtp.auth=anna;\n\tiprev=pass (mail.example.net) "
		"policy.iprev=192.0.2.7;\n\tspf=pass smtp.mailfrom=a@example.net;\n\tspf=softfail "
		"smtp.helo=mail.example.net");
	finish(&policy_case);
}

static void test_failures(void **state)
{
	struct policy_case policy_case;

	(void)state;
	start(&policy_case);
	policy_case_connect(&policy_case, "2001:db8::7");
	policy_case_mail(&policy_case, "<\"a;spf=pass (\\\" \"@example.net>");
	fake_spf("example.net", SPF_PASS)->over_broad = true;
	ask_all(&policy_case);
	expect_results(&policy_case,
		"mx.example.org;\n\tiprev=permerror policy.iprev=\"2001:db8::7\";\n\tspf=none "
		"(over-broad record) smtp.mailfrom=\"a;spf=pass (\\\" @example.net\";\n\tspf=none "
		"smtp.helo=mail.example.net");
	finish(&policy_case);
}

/* The null reverse-path has no identity but HELO. */
static void test_null_sender(void **state)
{
	struct policy_case policy_case;

	(void)state;
	start(&policy_case);
	policy_case_mail(&policy_case, "<>");
	fake_spf("mail.example.net", SPF_FAIL);
	session_sender_spf(&policy_case.session);
	expect_results(&policy_case, "mx.example.org;\n\tspf=fail smtp.helo=mail.example.net");
	finish(&policy_case);
}

/* Only what was asked is shown, once. */
static void test_sender_alone(void **state)
{
	struct policy_case policy_case;

	(void)state;
	start(&policy_case);
	fake_spf("example.net", SPF_FAIL);
	session_sender_spf(&policy_case.session);
	expect_results(&policy_case, "mx.example.org;\n\tspf=fail smtp.mailfrom=a@example.net");
	finish(&policy_case);
}

static void test_unfinished(void **state)
{
	struct policy_case policy_case;

	(void)state;
	start(&policy_case);
	fake_inquiry_hangs(true);
	ask_all(&policy_case);
	policy_case_run(&policy_case, STAGE_EOM);
	fake_inquiry_hangs(false);
	assert_non_null(inserted(&policy_case, "Authentication-Results"));
	finish(&policy_case);
}

/* Positions, highest first, as "name number" words. */
static void expect_deleted(const struct policy_case *policy_case, const char *want)
{
	const struct transaction *transaction = &policy_case->session.transaction;
	char buffer[4000];
	struct text text;

	text_init(&text, buffer, sizeof(buffer));
	for (size_t i = 0; i < transaction->edit_count; i++) {
		if (transaction->edits[i].kind != EDIT_DELETE_FIELD)
			continue;
		text_addf(&text, "%s%s %u", text.length == 0 ? "" : ", ",
			transaction->edits[i].name, transaction->edits[i].index);
	}
	assert_string_equal(buffer, want);
}

static void test_forged(void **state)
{
	struct policy_case policy_case;

	(void)state;
	start(&policy_case);
	field(&policy_case, "Authentication-Results", "other.example; none");
	field(&policy_case, "Authentication-Results", "mx.example.org; spf=pass");
	field(&policy_case, "AUTHENTICATION-RESULTS ", "\"MX.example.org\" 1; spf=pass");
	field(&policy_case, "authentication-results", "mx.example.net; none");
	field(&policy_case, "Authentication-Results", "(x)\r\n\tmx.example.org;none");
	field(&policy_case, "X-Authentication-Results", "mx.example.org; spf=pass");
	field(&policy_case, "Received-SPF", "pass (other.example: ok)");
	field(&policy_case, "Received-SPF", "pass (mx.example.org: ok)");
	field(&policy_case, "ARC-Authentication-Results", "i=1; other.example; none");
	field(&policy_case, "ARC-Authentication-Results", "i=2; mx.example.org; none");
	field(&policy_case, "Received", "from mx.example.org");
	policy_case_run(&policy_case, STAGE_EOM);
	expect_deleted(&policy_case, "Authentication-Results 5, Authentication-Results 3, "
				     "Authentication-Results 2, ARC-Authentication-Results 2, "
				     "Received-SPF 2");
	/* Ours comes after all that goes. */
	assert_int_equal(policy_case.session.transaction
				 .edits[policy_case.session.transaction.edit_count - 1]
				 .kind,
		EDIT_INSERT_FIELD);
	finish(&policy_case);
}

static void test_hundred_copies(void **state)
{
	struct policy_case policy_case;
	unsigned deleted = 0, last = 301;

	(void)state;
	start(&policy_case);
	for (int i = 0; i < 300; i++)
		field(&policy_case, "Authentication-Results",
			i % 3 == 0 ? "other.example; none" : "mx.example.org; spf=pass");
	policy_case_run(&policy_case, STAGE_EOM);
	for (size_t i = 0; i < policy_case.session.transaction.edit_count; i++) {
		const struct edit *edit = &policy_case.session.transaction.edits[i];

		if (edit->kind != EDIT_DELETE_FIELD)
			continue;
		assert_true(edit->index < last);
		assert_int_not_equal((edit->index - 1) % 3, 0);
		last = edit->index;
		deleted++;
	}
	assert_int_equal(deleted, 200);
	finish(&policy_case);
}

static void test_too_many(void **state)
{
	struct policy_case policy_case;

	(void)state;
	start(&policy_case);
	for (int i = 0; i < 5001; i++)
		field(&policy_case, "Authentication-Results", "mx.example.org; spf=pass");
	policy_case_run(&policy_case, STAGE_EOM);
	assert_int_equal(policy_case_action(&policy_case), ACTION_REJECT);
	assert_non_null(policy_case_finding(&policy_case, "too_many_forged"));
	finish(&policy_case);
}

/* Nothing of one message is removed from the next. */
static void test_next_message(void **state)
{
	struct policy_case policy_case;

	(void)state;
	start(&policy_case);
	field(&policy_case, "Authentication-Results", "mx.example.org; spf=pass");
	policy_authres.end[SCOPE_TRANSACTION](&policy_case.call, OUTCOME_DROPPED);
	policy_case_mail(&policy_case, "<a@example.net>");
	field(&policy_case, "Authentication-Results", "other.example; none");
	policy_case_run(&policy_case, STAGE_EOM);
	expect_deleted(&policy_case, "");
	finish(&policy_case);
}

static void test_settings(void **state)
{
	struct policy_case policy_case;

	(void)state;
	start(&policy_case);
	policy_case_set(&policy_case, "add", "no");
	policy_case_set(&policy_case, "remove_forged", "no");
	field(&policy_case, "Authentication-Results", "mx.example.org; spf=pass");
	policy_case_run(&policy_case, STAGE_EOM);
	assert_int_equal(policy_case.session.transaction.edit_count, 0);
	policy_case_set(&policy_case, "received_spf", "yes");
	fake_spf("example.net", SPF_PASS);
	session_sender_spf(&policy_case.session);
	policy_case_run(&policy_case, STAGE_EOM);
	assert_non_null(strstr(inserted(&policy_case, "Received-SPF"),
		"\n\treceiver=mx.example.org; identity=mailfrom;\n\tclient-ip=192.0.2.7; "
		"helo=mail.example.net;\n\tenvelope-from=\"a@example.net\""));
	finish(&policy_case);
	start(&policy_case);
	policy_case_look_on(&policy_case);
	policy_case_run(&policy_case, STAGE_EOM);
	assert_int_equal(policy_case.session.transaction.edit_count, 0);
	finish(&policy_case);
}

/* The checks that failed, with what they do. */
static const char *failed(struct policy_case *policy_case)
{
	static char names[200];
	struct text text;

	text_init(&text, names, sizeof(names));
	for (const struct check *check = policy_authres.checks; check->name != NULL; check++) {
		const struct finding *finding = policy_case_finding(policy_case, check->name);

		if (finding != NULL)
			text_addf(&text, "%s%s=%s", text.length == 0 ? "" : " ", check->name,
				action_name(finding->action));
	}
	return names;
}

static void test_received(void **state)
{
	struct policy_case policy_case;

	(void)state;
	for (unsigned count = 50; count <= 51; count++) {
		start(&policy_case);
		for (unsigned i = 0; i < count; i++)
			field(&policy_case, "Received", "from a.example by b.example; date");
		policy_case_run(&policy_case, STAGE_EOM);
		assert_string_equal(
			failed(&policy_case), count == 50 ? "" : "too_many_received=reject");
		finish(&policy_case);
	}
	start(&policy_case);
	policy_case_set(&policy_case, "max_received", "1");
	field(&policy_case, "received ", " from a.example by (x) MX.example.org; date");
	field(&policy_case, "Received", "from mx.example.org by b.example; date");
	policy_case_run(&policy_case, STAGE_EOM);
	assert_string_equal(failed(&policy_case), "too_many_received=reject received_by_us=tag");
	finish(&policy_case);
	/* Who may relay through us has been here before. */
	start(&policy_case);
	policy_case.session.exemptions = EXEMPT_AUTHENTICATED;
	field(&policy_case, "Received", " from a.example by mx.example.org; date");
	policy_case_run(&policy_case, STAGE_EOM);
	assert_string_equal(failed(&policy_case), "");
	finish(&policy_case);
}

static void test_forged_is_noted(void **state)
{
	struct policy_case policy_case;

	(void)state;
	start(&policy_case);
	policy_case_set(&policy_case, "forged", "tag");
	field(&policy_case, "Authentication-Results", "other.example; none");
	field(&policy_case, "Authentication-Results", "mx.example.org; none");
	policy_case_run(&policy_case, STAGE_EOM);
	assert_string_equal(failed(&policy_case), "forged=tag");
	assert_string_equal(policy_case_finding(&policy_case, "forged")->evidence,
		"1 of 2 Authentication-Results fields claim to be ours");
	finish(&policy_case);
}

static void note_warning(void *context, const char *setting, const char *text)
{
	assert_true(strlen(text) > 20);
	strcat(context, setting);
	strcat(context, " ");
}

static void test_advise(void **state)
{
	struct policy_case policy_case;
	char warned[100] = "";

	(void)state;
	start(&policy_case);
	policy_authres.advise(&policy_case.call, &policy_case.site, note_warning, warned);
	assert_string_equal(warned, "");
	policy_case_set(&policy_case, "remove_forged", "no");
	policy_authres.advise(&policy_case.call, &policy_case.site, note_warning, warned);
	assert_string_equal(warned, "remove_forged ");
	finish(&policy_case);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_known),
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_null_sender),
		cmocka_unit_test(test_sender_alone),
		cmocka_unit_test(test_unfinished),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_hundred_copies),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_next_message),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_received),
		cmocka_unit_test(test_forged_is_noted),
		cmocka_unit_test(test_advise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
