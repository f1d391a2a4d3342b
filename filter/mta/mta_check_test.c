/* SPDX-License-Identifier: BSD-2-Clause */
/* What settings of Postfix and Sendmail are told of. The files themselves are read in the end-to-end
 * tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mta_postfix.h"
#include "mta_sendmail.h"
#include "text.h"

enum { WAIT_MS = 8500 };

static char told[4000];

static void tell(void *context, bool dangerous, const char *text)
{
	size_t length = strlen(told);

	(void)context;
	snprintf(told + length, sizeof(told) - length, "%s%s\n", dangerous ? "" : "note: ", text);
}

static const struct mta_view view = {
	.socket = "local:/var/spool/postfix/mailreeve/x", .wait_ms = WAIT_MS, .tell = tell};

/* Each line of WANT is part of the line that was told. */
static void check(const char *what, const char *want)
{
	const char *line = told;

	while (*want != '\0') {
		size_t length = strcspn(want, "\n"), said = strcspn(line, "\n");
		char part[600], whole[1200];

		snprintf(part, sizeof(part), "%.*s", (int)length, want);
		snprintf(whole, sizeof(whole), "%.*s", (int)said, line);
		if (strstr(whole, part) == NULL)
			fail_msg("%s: \"%s\" is not in:\n%s", what, part, told);
		want += length + (want[length] == '\n');
		line += said + (line[said] == '\n');
	}
	if (*line != '\0')
		fail_msg("%s: told as well: %s", what, line);
}

#define GOOD                                                                                       \
	"queue_directory = /var/spool/postfix\n"                                                   \
	"smtpd_forbid_bare_newline = normalize\n"                                                  \
	"milter_command_timeout = 30s\nmilter_content_timeout = 300s\n"
#define KNOWN "smtpd_forbid_bare_newline = yes\n"
#define OURS "smtpd_milters = unix:mailreeve/x\n"
#define ACTION "milter_default_action = tempfail\n"

static const struct {
	const char *what, *main_text, *services, *want;
} postfix_rows[] = {
	{"all is well", GOOD OURS ACTION, "smtp/inet/syslog_name = x\n", ""},
	{"nothing is known", "", "", "note: Postfix (/etc/postfix): smtpd_milters does not hold"},
	{"bare newlines",
		"smtpd_forbid_bare_newline = no\n" OURS ACTION
		"queue_directory = /var/spool/postfix\n",
		"", "smtpd_forbid_bare_newline = no for main.cf lets a sender smuggle"},
	{"only noted",
		"smtpd_forbid_bare_newline = note\n" OURS "queue_directory = /var/spool/postfix\n",
		"", "smtpd_forbid_bare_newline = note"},
	{"refused",
		"smtpd_forbid_bare_newline = yes\n" OURS "queue_directory = /var/spool/postfix\n",
		"", ""},
	{"a release that does not know it", OURS "queue_directory = /var/spool/postfix\n", "",
		"this release does not know smtpd_forbid_bare_newline"},
	{"for one service", GOOD OURS ACTION, "submission/inet/smtpd_forbid_bare_newline = no\n",
		"smtpd_forbid_bare_newline = no for submission/inet/"},
	{"accepts all", GOOD OURS "milter_default_action = accept\n", "",
		"milter_default_action = accept for main.cf"},
	{"short time-outs",
		OURS ACTION KNOWN "queue_directory = /var/spool/postfix\n"
				  "milter_command_timeout = 5\nmilter_content_timeout = 8s\n",
		"",
		"milter_command_timeout = 5 for main.cf is not above the 8500ms\n"
		"milter_content_timeout = 8s for main.cf"},
	{"long ones",
		OURS KNOWN "queue_directory = /var/spool/postfix\nmilter_command_timeout = 9\n"
			   "milter_content_timeout = 1m\n",
		"", ""},
	{"no time at all",
		OURS KNOWN "queue_directory = /var/spool/postfix\n"
			   "milter_command_timeout = soon\n",
		"", ""},
	{"settings of the milter",
		GOOD ACTION "smtpd_milters = inet:localhost:1, { unix:mailreeve/x, "
			    "command_timeout=2s default_action=accept }, { inet:localhost:2 }\n",
		"", "milter_command_timeout = 2s for main.cf\nmilter_default_action = accept"},
	{"settings of the milter, in braces",
		GOOD ACTION "smtpd_milters = { unix:mailreeve/x, { command_timeout = 2s }, "
			    "{default_action = accept}}\n",
		"", "milter_command_timeout = 2s for main.cf\nmilter_default_action = accept"},
	{"another milter's settings",
		GOOD ACTION "smtpd_milters = {inet:localhost:1,command_timeout=2s}  "
			    "unix:/var/spool/postfix/mailreeve/x\n",
		"", ""},
	{"another milter", GOOD ACTION "smtpd_milters = inet:localhost:1\n", "",
		"note: Postfix (/etc/postfix): smtpd_milters does not hold our socket"},
	{"only one service asks us", GOOD ACTION "smtpd_milters =\n",
		"smtp/inet/smtpd_milters = unix:mailreeve/x\n"
		"smtp/inet/milter_default_action = accept\n",
		"milter_default_action = accept for smtp/inet/"},
	{"a service that does not", GOOD OURS ACTION,
		"smtp/inet/smtpd_milters =\nsmtp/inet/milter_default_action = accept\n", ""},
	{"odd text", GOOD OURS ACTION "smtpd_milters = {\n{}{}}{ , ,,\n = \n\n", "x\n//\n/ = /\n",
		""},
};

static void test_postfix(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(postfix_rows); i++) {
		told[0] = '\0';
		mta_postfix_judge(
			postfix_rows[i].main_text, postfix_rows[i].services, "/etc/postfix", &view);
		check(postfix_rows[i].what, postfix_rows[i].want);
	}
}

/* Braces that do not end, and the like. */
static void test_postfix_odd_milters(void **state)
{
	static const char *const lists[] = {"{", "}", "{}", "{ }", "{{", "}}", ",", "{ , }", "{a"};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(lists); i++) {
		char text[200];

		snprintf(text, sizeof(text), GOOD ACTION "smtpd_milters = %s\n", lists[i]);
		told[0] = '\0';
		mta_postfix_judge(text, "", "/etc/postfix", &view);
		check(lists[i], "note: ");
	}
}

#define VERSION "DZ8.18.1\n"
#define USED "O InputMailFilters=first,mailreeve\n"
#define FILTER "Xmailreeve, S=local:/var/spool/postfix/mailreeve/x, "

static const struct {
	const char *what, *cf, *access, *want;
} sendmail_rows[] = {
	{"all is well", VERSION USED FILTER "F=T, T=C:5m;S:10s;R:10s;E:5m\n", "", ""},
	{"nothing is known", "", "",
		"note: Sendmail (/etc/mail): InputMailFilters holds no filter"},
	{"not asked", VERSION FILTER "F=T\n", "", "note: Sendmail"},
	{"another one is asked", VERSION "O InputMailFilters=mailreeve2\n" FILTER "F=R\n", "",
		"note: Sendmail"},
	{"asked by a daemon",
		VERSION "O DaemonPortOptions=Name=MTA, InputMailFilters=mailreeve\n" FILTER "F=4\n",
		"", ""},
	{"accepts all", VERSION USED FILTER "T=R:1m\n", "",
		"has neither F=T nor F=R, so all mail is let in"},
	{"accepts all, in words", VERSION USED FILTER "F=, T=R:1m\n", "", "has neither F=T"},
	{"the default of R is long enough", VERSION USED FILTER "F=T\n", "", ""},
	{"short time-outs", VERSION USED FILTER "F=T, T=S:1s;R:5s;E:8s\n", "",
		"T=R:5s is not above the 8500ms\nT=E:8s"},
	{"lines that go on",
		VERSION "O InputMailFilters=first,\n\tmailreeve\n" FILTER
			"\n\tF=T,\n T=R:1m;E:5m\n",
		"", ""},
	{"a bare number is seconds", VERSION USED FILTER "F=T, T=R:5\n", "", "T=R:5s"},
	{"line ends let through", VERSION USED FILTER "F=T\n", "Srv_Features:\to G u\n",
		"srv_features holds G"},
	{"by a rule",
		VERSION "SLocal_srv_features\nR$*\t\t\t$# O g\nSother\nR$*\t$# U\n" USED FILTER
			"F=T\n",
		"", "srv_features holds O"},
	{"other features", VERSION USED FILTER "F=T\n",
		"Srv_Features:10.0.0.1\ts\nGOOD.example RELAY\n", ""},
	{"an old one", "DZ8.17.1.9\n" USED FILTER "F=T\n", "", "before 8.18 it takes a lone dot"},
	{"an old one that is strict", "DZ8.17.1.9\n" USED FILTER "F=T\n", "srv_features: o g u\n",
		""},
	{"a new one", "DZ9.0\n" USED FILTER "F=T\n", "", ""},
};

static void test_sendmail(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(sendmail_rows); i++) {
		told[0] = '\0';
		mta_sendmail_judge(
			sendmail_rows[i].cf, sendmail_rows[i].access, "/etc/mail", &view);
		check(sendmail_rows[i].what, sendmail_rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_postfix),
		cmocka_unit_test(test_postfix_odd_milters),
		cmocka_unit_test(test_sendmail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
