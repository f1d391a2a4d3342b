/* SPDX-License-Identifier: BSD-2-Clause */
#include "control.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "mem.h"

enum { LONG_ANSWER = 1000000 };

static char folder[64], path[96];
static struct control *control;

static int command_echo(const char *arguments, FILE *out)
{
	fprintf(out, "[%s]\n", arguments);
	return EX_OK;
}

static int command_fail(const char *arguments, FILE *out)
{
	(void)arguments;
	(void)out;
	return EX_CONFIG;
}

static int command_long(const char *arguments, FILE *out)
{
	(void)arguments;
	for (int i = 0; i < LONG_ANSWER; i++)
		fputc('a', out);
	return EX_OK;
}

static int command_slow(const char *body, size_t length, FILE *out)
{
	fprintf(out, "<%.*s>\n", (int)length, body);
	return EX_OK;
}

static const struct control_command commands[] = {
	{.name = "echo", .help = "says it again", .run = command_echo},
	{.name = "fail", .help = "fails", .run = command_fail},
	{.name = "long", .help = "says a lot", .run = command_long},
	{.name = "slow", .help = "takes its time", .run_slow = command_slow},
	{0},
};

static int begin(void **state)
{
	char why[200] = "";

	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/control_test.XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/socket", folder);
	control = control_open(path, commands, why, sizeof(why));
	if (control == NULL)
		fail_msg("%s", why);
	control_start(control);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	control_close(&control);
	assert_null(control);
	assert_int_equal(access(path, F_OK), -1);
	return rmdir(folder);
}

/* Asks with control_ask; the answer is freed by the next call. */
static int ask(const char *line, const char **answer_r)
{
	static char *answer;
	char why[200] = "";
	size_t length;
	FILE *out;
	int status;

	free(answer);
	answer = NULL;
	out = open_memstream(&answer, &length);
	assert_non_null(out);
	status = control_ask(path, line, out, why, sizeof(why));
	fclose(out);
	if (status == EX_PROTOCOL)
		assert_non_null(strstr(why, "did not answer"));
	else
		assert_string_equal(why, "");
	*answer_r = answer;
	return status;
}

static int connect_raw(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Sends LENGTH bytes, reads to the end. */
static const char *raw(const char *request, size_t length, char *answer, size_t size)
{
	int fd = connect_raw();
	size_t used = 0;
	ssize_t got;

	for (size_t sent = 0; sent < length;) {
		ssize_t done = send(fd, request + sent, length - sent, MSG_NOSIGNAL);

		if (done <= 0)
			break;
		sent += (size_t)done;
	}
	while (used < size - 1 && (got = read(fd, answer + used, size - 1 - used)) > 0)
		used += (size_t)got;
	answer[used] = '\0';
	close(fd);
	return answer;
}

static void assert_alive(void)
{
	const char *answer;

	assert_int_equal(ask("echo alive", &answer), EX_OK);
	assert_string_equal(answer, "[alive]\n");
}

/* The system's, or none while descriptors are said to be used up. */
static atomic_bool used_up;
static atomic_int tried;
int accept_or_fail(int fd, struct sockaddr *peer, socklen_t *size, int flags) __asm__("accept4");

int accept_or_fail(int fd, struct sockaddr *peer, socklen_t *size, int flags)
{
	if (!used_up)
		return (int)syscall(SYS_accept4, fd, peer, size, flags);
	tried++;
	errno = EMFILE;
	return -1;
}

static void test_descriptors_are_used_up(void **state)
{
	enum { PAUSE_MS = 10, TRIES = 5 };
	uint64_t before_ms = clock_monotonic_ms();
	char answer[100];
	int fd;

	(void)state;
	used_up = true;
	fd = connect_raw();
	while (tried < TRIES)
		poll(NULL, 0, 1);
	used_up = false;
	assert_true(clock_monotonic_ms() >= before_ms + (TRIES - 1) * (PAUSE_MS - 1));
	assert_int_equal(write(fd, "echo at last\n", 13), 13);
	assert_true(read(fd, answer, sizeof(answer)) > 0);
	close(fd);
	assert_alive();
}

/* No thread has room for its stack. */
static void limit_threads(bool limited)
{
	static size_t usual;
	pthread_attr_t attributes;

	pthread_getattr_default_np(&attributes);
	if (limited)
		pthread_attr_getstacksize(&attributes, &usual);
	pthread_attr_setstacksize(&attributes, limited ? (size_t)1 << 47 : usual);
	assert_int_equal(pthread_setattr_default_np(&attributes), 0);
	pthread_attr_destroy(&attributes);
}

static void test_threads_are_used_up(void **state)
{
	char answer[200];

	(void)state;
	limit_threads(true);
	for (int i = 0; i < 2 * CONTROL_SLOW_MAX; i++) {
		raw("slow 3\nabc", 10, answer, sizeof(answer));
		assert_non_null(strstr(answer, "no thread left"));
	}
	limit_threads(false);
	raw("slow 3\nabc", 10, answer, sizeof(answer));
	assert_non_null(strstr(answer, "<abc>"));
	assert_alive();
}

static void test_lines(void **state)
{
	static const struct {
		const char *line;
		int status;
		const char *answer;
	} rows[] = {
		{"echo", EX_OK, "[]\n"},
		{"echo ", EX_OK, "[]\n"},
		{"echo a b  c", EX_OK, "[a b  c]\n"},
		{"fail now", EX_CONFIG, ""},
		{"ech", EX_USAGE,
			"the daemon does not know this command; is it an older version?\n"},
		{"echo2", EX_USAGE,
			"the daemon does not know this command; is it an older version?\n"},
		{"", EX_USAGE, "the daemon does not know this command; is it an older version?\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const char *answer;

		assert_int_equal(ask(rows[i].line, &answer), rows[i].status);
		assert_string_equal(answer, rows[i].answer);
	}
}

static void test_long_answer(void **state)
{
	const char *answer;

	(void)state;
	assert_int_equal(ask("long", &answer), EX_OK);
	assert_int_equal(strlen(answer), LONG_ANSWER);
}

static void test_longest_line(void **state)
{
	char line[CONTROL_LINE_MAX + 1];
	const char *answer;

	(void)state;
	memset(line, 'a', sizeof(line));
	memcpy(line, "echo ", 5);
	line[CONTROL_LINE_MAX - 2] = '\0';
	assert_int_equal(ask(line, &answer), EX_OK);
	assert_int_equal(strlen(answer), CONTROL_LINE_MAX - 2 - 5 + 3);
	line[CONTROL_LINE_MAX - 2] = 'a';
	line[CONTROL_LINE_MAX] = '\0';
	assert_int_equal(ask(line, &answer), EX_PROTOCOL);
	assert_string_equal(answer, "");
	assert_alive();
}

static void test_hostile_requests(void **state)
{
	static char huge[200000], nul[] = "echo a\0b\n";
	char answer[200];

	(void)state;
	memset(huge, 'a', sizeof(huge));
	assert_string_equal(raw(huge, sizeof(huge), answer, sizeof(answer)), "");
	assert_alive();
	assert_string_equal(raw(nul, sizeof(nul) - 1, answer, sizeof(answer)), "0\n[a]\n");
	assert_string_equal(raw("echo one\necho two\n", 18, answer, sizeof(answer)), "0\n[one]\n");
	assert_alive();
}

/* Peers that go away early, say nothing, or do not take the answer. */
static void test_peers_that_do_not_go_on(void **state)
{
	int half, deaf;

	(void)state;
	close(connect_raw());
	half = connect_raw();
	assert_int_equal(write(half, "ech", 3), 3);
	close(half);
	assert_alive();

	half = connect_raw();
	assert_int_equal(write(half, "ech", 3), 3);
	assert_alive();
	close(half);

	deaf = connect_raw();
	assert_int_equal(write(deaf, "long\n", 5), 5);
	assert_alive();
	close(deaf);

	/* Gone before its answer is written: a signal would end the daemon. */
	for (int i = 0; i < 50; i++) {
		int gone = connect_raw();

		assert_int_equal(write(gone, "long\n", 5), 5);
		close(gone);
	}
	assert_alive();
}

static void test_mode(void **state)
{
	struct stat status;

	(void)state;
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
}

static void test_stale_socket_is_replaced(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char other[100], why[200] = "";
	struct control *second;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	snprintf(other, sizeof(other), "%s/stale", folder);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/stale", folder);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	second = control_open(other, commands, why, sizeof(why));
	assert_non_null(second);
	control_close(&second); /* without a start */
	assert_int_equal(access(other, F_OK), -1);
	control_close(&second);
}

static void test_cannot_open(void **state)
{
	char long_path[300], file[100], why[400];

	(void)state;
	/* Somebody else's, in use. */
	assert_null(control_open(path, commands, why, sizeof(why)));
	assert_non_null(strstr(why, "another process listens"));
	assert_alive();

	snprintf(file, sizeof(file), "%s/file", folder);
	assert_int_equal(mknod(file, S_IFREG | 0600, 0), 0);
	assert_null(control_open(file, commands, why, sizeof(why)));
	assert_non_null(strstr(why, file));
	assert_int_equal(unlink(file), 0);

	memset(long_path, 'a', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	assert_null(control_open(long_path, commands, why, sizeof(why)));
	assert_non_null(strstr(why, "too long"));

	snprintf(file, sizeof(file), "%s/no/socket", folder);
	assert_null(control_open(file, commands, why, sizeof(why)));
	assert_non_null(strstr(why, "No such file"));
}

static void test_no_daemon(void **state)
{
	static const char *const paths[] = {"/nonexistent/socket",
		"/a-very-long-path/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
	static const char *const reasons[] = {"No such file", "name too long"};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(paths); i++) {
		char why[400] = "";

		assert_int_equal(
			control_ask(paths[i], "status", stdout, why, sizeof(why)), EX_UNAVAILABLE);
		assert_non_null(strstr(why, reasons[i]));
		assert_non_null(strstr(why, "is mailreeve running?"));
	}
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_descriptors_are_used_up),
		test(test_threads_are_used_up),
		test(test_lines),
		test(test_long_answer),
		test(test_longest_line),
		test(test_hostile_requests),
		test(test_peers_that_do_not_go_on),
		test(test_mode),
		test(test_stale_socket_is_replaced),
		test(test_cannot_open),
		cmocka_unit_test(test_no_daemon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
