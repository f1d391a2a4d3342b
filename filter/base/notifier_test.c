/* SPDX-License-Identifier: BSD-2-Clause */
#include "notifier.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../tests/lib/log_line.h"
#include "compiler.h"

enum { PATIENCE_MS = 20000 };

static char folder[64], program[96], out[96], how[256];

static void write_program(const char *lines)
{
	FILE *file = fopen(program, "w");

	assert_non_null(file);
	fprintf(file, "#!/bin/sh\nout=%s\n%s\n", out, lines);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(program, 0700), 0);
	unlink(out);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/notifier_test.XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(program, sizeof(program), "%s/program", folder);
	snprintf(out, sizeof(out), "%s/out", folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(program);
	unlink(out);
	return rmdir(folder);
}

static char written[8192];

/* What the program has written, once LAST stands in it; NULL when it does not. */
static const char *wait_at_most(const char *last, int patience_ms)
{
	for (int waited = 0; waited < patience_ms; waited += 10) {
		FILE *file = fopen(out, "r");
		size_t length = file == NULL ? 0 : fread(written, 1, sizeof(written) - 1, file);

		written[length] = '\0';
		if (file != NULL)
			fclose(file);
		if (strstr(written, last) != NULL)
			return written;
		poll(NULL, 0, 10);
	}
	return NULL;
}

static const char *wait_for(const char *last)
{
	if (wait_at_most(last, PATIENCE_MS) == NULL)
		fail_msg("\"%s\" was not written: %s", last, written);
	return written;
}

static void test_check(void **state)
{
	static const struct {
		const char *how, *why; /* NULL: good */
	} rows[] = {
		{"/bin/sh -c \"echo hello\"", NULL},
		{"  /bin/sh\t-x", NULL},
		{"mail:postmaster@example.org", NULL},
		{"mail:root", "is no address"},
		{"mail:", "is no address"},
		{"mail:-oQ/tmp@example.org", "is no address"},
		{"mail:a b@example.org", "is no address"},
		{"mail:a@example.org\nBcc: b@example.org", "is no address"},
		{"mail:<>", "is no address"},
		{"sh -c x", "is no absolute path"},
		{"", "is empty"},
		{"   ", "is empty"},
		{"/bin/sh \"a", "does not end"},
		{"/bin/sh a\"b", "does not end"},
		{"/bin/sh 'a b", "put double quotes around"},
		{"/bin/sh 'a b'", "put double quotes around"},
		{"/bin/sh \"it's\"", NULL},
		{"/nonexistent/program",
			"\"/nonexistent/program\": No such file or directory; write the absolute "
			"path of a program that is there, or mail:"},
		{"/etc/passwd", "no program that can be run; make it executable"},
		{"/tmp", "no program"},
		{"/bin/sh 1 2 3 4 5 6 7 8 9 a b c d e f g h i j k l m n o p q r s t u v w x",
			"more than 32 words"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		char why[400] = "";

		if (notifier_check(rows[i].how, why, sizeof(why)) != (rows[i].why == NULL))
			fail_msg("%s: %s", rows[i].how, why);
		if (rows[i].why != NULL && strstr(why, rows[i].why) == NULL)
			fail_msg("%s: %s", rows[i].how, why);
	}
}

/* Words as they are written, a small environment, no file of ours, and nothing that a shell would read
 * is read by one. */
static void test_command(void **state)
{
	static const char lines[] = "for word; do echo \"word <$word>\" >> $out.new; done\n"
				    "env | sort >> $out.new\n"
				    "ls /proc/self/fd | wc -l >> $out.new\n"
				    "pwd >> $out.new; cat >> $out.new; mv $out.new $out";
	struct notice notice = {.how = how,
		.text = "text $(id)\nend\n",
		.variables = {"MAILREEVE_KEY=$(touch x) `id`; a@b", "MAILREEVE_USED=7"}};
	struct notifier *notifier = notifier_start(NULL, NULL, NOTIFIER_LIMIT_MS);
	/* Not closed at an exec by itself. */
	int ours = open("/dev/null", O_RDONLY);
	const char *text;

	(void)state;
	assert_non_null(notifier);
	write_program(lines);
	setenv("SECRET", "secret", 1);
	snprintf(how, sizeof(how), "%s \"two words\" $HOME;id a\"b c\"d \"\"", program);
	notifier_send(notifier, &notice);
	text = wait_for("end\n");
	assert_non_null(strstr(text,
		"word <two words>\nword <$HOME;id>\nword <ab cd>\nword <>\nLC_ALL=C\n"
		"MAILREEVE_KEY=$(touch x) `id`; a@b\nMAILREEVE_USED=7\nPATH=/usr/sbin:"));
	assert_null(strstr(text, "secret"));
	/* Its own three, and the one it lists with; then its folder and its input. */
	assert_non_null(strstr(text, "\n4\n/\ntext $(id)\nend\n"));
	notifier_stop(&notifier);
	close(ours);
}

static void test_mail(void **state)
{
	const struct notice notice = {.how = "mail:post@example.org",
		.from = "mx.example.org",
		.subject = "limit x: =?utf-8?q?a?=@b",
		.text = "text\nend\n"};
	struct notifier *notifier;
	const char *text;

	(void)state;
	write_program("(echo \"$@\"; cat) > $out.new; mv $out.new $out");
	notifier = notifier_start(program, "/var/lib/x", NOTIFIER_LIMIT_MS);
	assert_non_null(notifier);
	notifier_send(notifier, &notice);
	text = wait_for("end\n");
	assert_string_equal(text,
		"-O QueueDirectory=/var/lib/x -i -f <> post@example.org\n"
		"From: Mailreeve <mailreeve@mx.example.org>\nTo: <post@example.org>\n"
		"Subject: limit x: =\\?utf-8?q?a?=@b\nAuto-Submitted: "
		"auto-generated\n\ntext\nend\n");
	notifier_stop(&notifier);
}

static size_t count_lines(const char *text)
{
	size_t count = 0;

	for (; *text != '\0'; text++)
		count += *text == '\n';
	return count;
}

/* Many at once: a few programs run side by side, and a minute has room for so many only. */
static void test_many(void **state)
{
	struct notifier *notifier = notifier_start(NULL, NULL, NOTIFIER_LIMIT_MS);
	const struct notice notice = {.how = program, .text = "x\n"};

	(void)state;
	assert_non_null(notifier);
	/* Each counts those of its kind. */
	write_program("mkdir $out.d 2>/dev/null; touch $out.d/$$\n"
		      "echo \"n $(ls $out.d | wc -l)\" >> $out; rm $out.d/$$");
	for (int i = 0; i < 1000; i++)
		notifier_send(notifier, &notice);
	for (int waited = 0;
		waited < PATIENCE_MS && count_lines(wait_for("n ")) < NOTIFIER_PER_MINUTE;
		waited += 50)
		poll(NULL, 0, 50);
	poll(NULL, 0, 200);
	assert_int_equal(count_lines(wait_for("n ")), NOTIFIER_PER_MINUTE);
	for (int i = NOTIFIER_CHILDREN + 1; i < 100; i++) {
		char line[16];

		snprintf(line, sizeof(line), "n %d\n", i);
		assert_null(strstr(wait_for("n "), line));
	}
	notifier_stop(&notifier);
	snprintf(how, sizeof(how), "%s.d", out);
	rmdir(how);
}

static bool lives(const char *text)
{
	return kill((pid_t)strtol(text, NULL, 10), 0) == 0;
}

/* The process id that one writes that hangs, and the notifier that runs it. */
static const char *start_hanging(int limit_ms, int patience_ms, struct notifier **notifier_r)
{
	const struct notice notice = {.how = program, .text = ""};

	*notifier_r = notifier_start(NULL, NULL, (uint64_t)limit_ms);
	assert_non_null(*notifier_r);
	write_program("sleep 1000 & echo \"$! end\" > $out.new; mv $out.new $out; wait");
	notifier_send(*notifier_r, &notice);
	return wait_at_most("end\n", patience_ms);
}

static void check_ended(const char *text)
{
	for (int waited = 0; waited < PATIENCE_MS && lives(text); waited += 10)
		poll(NULL, 0, 10);
	assert_false(lives(text));
}

/* One that hangs is ended with all it started, when the notifier stops and when its time is over. */
static void test_hanging(void **state)
{
	struct notifier *notifier;
	const char *text = start_hanging(1000000, PATIENCE_MS, &notifier);

	(void)state;
	assert_non_null(text);
	notifier_stop(&notifier);
	check_ended(text);
	text = NULL;
	/* On a busy machine a short time may be over before it has written anything. */
	for (int limit_ms = 100; text == NULL && limit_ms < PATIENCE_MS; limit_ms *= 2) {
		text = start_hanging(limit_ms, limit_ms + 100, &notifier);
		if (text != NULL)
			check_ended(text);
		notifier_stop(&notifier);
	}
	assert_non_null(text);
}

static void test_what_cannot_run(void **state)
{
	struct notifier *notifier = notifier_start(NULL, NULL, NOTIFIER_LIMIT_MS);
	const struct notice gone = {.how = "/nonexistent/program", .text = ""};
	const struct notice notice = {.how = program, .text = ""};

	(void)state;
	assert_non_null(notifier);
	write_program("echo end > $out; exit 3");
	notifier_send(notifier, &gone);
	notifier_send(notifier, &notice);
	wait_for("end\n");
	notifier_stop(&notifier);
}

/* Only mail needs what may be missing; here it may be there or not. */
static void test_lacks(void **state)
{
	const char *lacks = notifier_lacks("mail:post@example.org");

	(void)state;
	assert_null(notifier_lacks("/bin/sh"));
	if (access("/usr/sbin/sendmail", X_OK) == 0)
		assert_null(lacks);
	else
		assert_non_null(strstr(lacks, "there is no /usr/sbin/sendmail here"));
}

/* A mail that is not taken: the log says what may be missing. */
static void test_mail_that_fails(void **state)
{
	const struct notice notice = {.how = "mail:post@example.org",
		.from = "mx.example.org",
		.subject = "x",
		.text = "x\n"};
	struct notifier *notifier = notifier_start(program, NULL, NOTIFIER_LIMIT_MS);
	char said[2048] = "";

	(void)state;
	assert_non_null(notifier);
	write_program("exit 71");
	for (int tries = 0; tries < NOTIFIER_PER_MINUTE && strstr(said, "status 71") == NULL;
		tries++) {
		struct log_capture capture;

		log_capture_start(&capture);
		notifier_send(notifier, &notice);
		poll(NULL, 0, 200);
		log_capture_end(&capture, said, sizeof(said));
	}
	assert_non_null(
		strstr(said, "program failed with status 71; what it needs: Alarms by mail in "
			     "mailreeve-postfix(7) and mailreeve-sendmail(7)\n"));
	notifier_stop(&notifier);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_command),
		cmocka_unit_test(test_mail),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_hanging),
		cmocka_unit_test(test_what_cannot_run),
		cmocka_unit_test(test_mail_that_fails),
		cmocka_unit_test(test_lacks),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
