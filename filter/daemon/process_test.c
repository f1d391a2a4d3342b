/* SPDX-License-Identifier: BSD-2-Clause */
#include "process.h"

#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], path[96], why[300];

static int begin(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/process_test.XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/file", folder);
	why[0] = '\0';
	return 0;
}

static int finish(void **state)
{
	(void)state;
	unsetenv("NOTIFY_SOCKET");
	unlink(path);
	return rmdir(folder);
}

static void put(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static long pid_in_file(void)
{
	FILE *file = fopen(path, "r");
	long pid = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%ld", &pid), 1);
	fclose(file);
	return pid;
}

/* The exit status of a child that does WHAT. */
static int in_child(void (*what)(void))
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		what();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The pid file. -------------------------------------------------------------------------------- */

static void nothing(void)
{
}

static void test_pid_file(void **state)
{
	(void)state;
	assert_true(process_write_pid(path, why, sizeof(why)));
	assert_int_equal(pid_in_file(), getpid());
	assert_true(process_write_pid(path, why, sizeof(why))); /* our own */
	process_remove_pid(path);
	assert_int_equal(access(path, F_OK), -1);
	process_remove_pid(path);
}

static void test_pid_file_of_the_dead(void **state)
{
	static const char *const leftovers[] = {
		"", "\n", "gone\n", "0\n", "-1\n", "1\n", "99999999999999999999\n", "2147483646\n"};
	char text[32];
	pid_t child = fork();

	(void)state;
	if (child == 0)
		_exit(0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	for (size_t i = 0; i < ARRAY_COUNT(leftovers); i++) {
		put(leftovers[i]);
		assert_true(process_write_pid(path, why, sizeof(why)));
		assert_int_equal(pid_in_file(), getpid());
	}
	snprintf(text, sizeof(text), "%ld\n", (long)child);
	put(text);
	assert_true(process_write_pid(path, why, sizeof(why)));
	assert_int_equal(pid_in_file(), getpid());
}

static void test_pid_file_of_the_living(void **state)
{
	int ready[2], keep[2];
	pid_t child;
	char byte;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(keep), 0);
	child = fork();
	if (child == 0) {
		close(keep[1]);
		if (process_write_pid(path, why, sizeof(why)) && write(ready[1], "1", 1) == 1)
			_exit(read(keep[0], &byte, 1) == 0 ? 0 : 1);
		_exit(1);
	}
	close(keep[0]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	assert_false(process_write_pid(path, why, sizeof(why)));
	assert_non_null(strstr(why, "is running"));
	assert_int_equal(pid_in_file(), child);
	close(keep[1]);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_true(process_write_pid(path, why, sizeof(why)));
}

/* After a crash, the number in the file may have become somebody else's. */
static void test_pid_file_of_a_stranger(void **state)
{
	char text[32];

	(void)state;
	snprintf(text, sizeof(text), "%ld\n", (long)getppid());
	put(text);
	assert_true(process_write_pid(path, why, sizeof(why)));
	assert_int_equal(pid_in_file(), getpid());
}

/* Somebody who may write to the folder must not make us write elsewhere. */
static void test_pid_file_is_no_link(void **state)
{
	char victim[100];
	struct stat status;

	(void)state;
	snprintf(victim, sizeof(victim), "%s/victim", folder);
	assert_int_equal(symlink(victim, path), 0);
	assert_true(process_write_pid(path, why, sizeof(why)));
	assert_int_equal(access(victim, F_OK), -1);
	assert_int_equal(lstat(path, &status), 0);
	assert_true(S_ISREG(status.st_mode));
}

static void test_pid_file_cannot_be_written(void **state)
{
	char missing[100];

	(void)state;
	snprintf(missing, sizeof(missing), "%s/no/file", folder);
	assert_false(process_write_pid(missing, why, sizeof(why)));
	assert_non_null(strstr(why, missing));
	assert_non_null(strstr(why, "No such file"));
}

/* The service manager. ------------------------------------------------------------------------- */

static void expect_notice(int fd)
{
	char message[200];
	unsigned long long microseconds;
	ssize_t length;

	process_notify("READY=1");
	length = recv(fd, message, sizeof(message) - 1, MSG_DONTWAIT);
	assert_true(length > 0);
	message[length] = '\0';
	assert_int_equal(sscanf(message, "READY=1\nMONOTONIC_USEC=%llu", &microseconds), 1);
	assert_true(microseconds > 0);
	close(fd);
}

static void test_notify(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char name[80];
	socklen_t length;
	int fd;

	(void)state;
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	setenv("NOTIFY_SOCKET", path, 1);
	expect_notice(fd);

	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	snprintf(name, sizeof(name), "@%s", folder);
	address = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "%s", folder);
	length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
	setenv("NOTIFY_SOCKET", name, 1);
	expect_notice(fd);
}

static void test_nobody_to_notify(void **state)
{
	char long_path[300];

	(void)state;
	process_notify("READY=1");
	setenv("NOTIFY_SOCKET", "", 1);
	process_notify("READY=1");
	setenv("NOTIFY_SOCKET", path, 1);
	process_notify("READY=1");
	memset(long_path, 'a', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	setenv("NOTIFY_SOCKET", long_path, 1);
	process_notify("READY=1");
}

/* Privileges and limits. ----------------------------------------------------------------------- */

static void test_unknown_users(void **state)
{
	(void)state;
	assert_false(process_drop_privileges("nobody-of-that-name", why, sizeof(why)));
	assert_string_equal(why, "there is no user \"nobody-of-that-name\"");
	assert_false(process_drop_privileges("root:nobody-of-that-name", why, sizeof(why)));
	assert_string_equal(why, "there is no group \"nobody-of-that-name\"");
	assert_false(process_drop_privileges("", why, sizeof(why)));
	assert_false(process_drop_privileges(":root", why, sizeof(why)));
}

static void become_ourselves(void)
{
	const struct passwd *passwd = getpwuid(getuid());

	if (passwd == NULL || !process_drop_privileges(passwd->pw_name, why, sizeof(why)))
		_exit(1);
}

/* As root: to nobody for good; as somebody else: refused, with a reason. */
static void become_nobody(void)
{
	bool root = geteuid() == 0;
	bool done = process_drop_privileges("nobody", why, sizeof(why));

	if (root && (!done || geteuid() == 0 || getuid() == 0 || setuid(0) == 0))
		_exit(1);
	if (!root && (done || strstr(why, "cannot become user nobody") == NULL))
		_exit(2);
}

static void set_limits(void)
{
	struct rlimit limit;

	process_set_limits();
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur != limit.rlim_max)
		_exit(1);
	if (getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_cur != 0)
		_exit(2);
}

static void test_privileges_and_limits(void **state)
{
	(void)state;
	assert_int_equal(in_child(nothing), 0);
	assert_int_equal(in_child(become_ourselves), 0);
	assert_int_equal(in_child(become_nobody), 0);
	assert_int_equal(in_child(set_limits), 0);
}

/* The background. ------------------------------------------------------------------------------ */

static void start_and_serve(void)
{
	process_background();
	if (getsid(0) != getpid())
		_exit(3);
	process_ready();
	process_ready();
	_exit(7); /* the parent has gone already */
}

static void start_and_fail(void)
{
	process_background();
	_exit(78);
}

static void start_and_crash(void)
{
	process_background();
	raise(SIGKILL);
}

static void stay_in_front(void)
{
	process_ready();
	_exit(write(STDERR_FILENO, "", 0) == 0 ? 0 : 1);
}

static void test_background(void **state)
{
	(void)state;
	assert_int_equal(in_child(start_and_serve), 0);
	assert_int_equal(in_child(start_and_fail), 78);
	assert_int_equal(in_child(start_and_crash), 70);
	assert_int_equal(in_child(stay_in_front), 0);
}

/* Folders. ------------------------------------------------------------------------------------- */

static void test_folder_is_made(void **state)
{
	char file[128], inner[128];
	struct stat status;

	(void)state;
	snprintf(file, sizeof(file), "%s/run/socket", folder);
	snprintf(inner, sizeof(inner), "%s/run", folder);
	assert_true(process_make_folder_of(file, NULL, why, sizeof(why)));
	assert_int_equal(stat(inner, &status), 0);
	assert_true(S_ISDIR(status.st_mode));
	assert_true(process_make_folder_of(file, NULL, why, sizeof(why)));
	assert_int_equal(rmdir(inner), 0);
	assert_true(process_make_folder_of("socket", NULL, why, sizeof(why)));
	assert_true(process_make_folder_of("/socket", NULL, why, sizeof(why)));
}

static void test_queue(void **state)
{
	char state_folder[] = "/tmp/process_test.XXXXXX", queue[64], want[64];
	struct stat status;

	(void)state;
	assert_non_null(mkdtemp(state_folder));
	snprintf(want, sizeof(want), "%s/mqueue", state_folder);
	setenv("STATE_DIRECTORY", state_folder, 1);
	for (int i = 0; i < 2; i++) {
		assert_true(process_make_queue(queue, sizeof(queue)));
		assert_string_equal(queue, want);
	}
	assert_int_equal(stat(queue, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
	assert_false(process_make_queue(queue, 8));
	rmdir(want);
	rmdir(state_folder);
	assert_false(process_make_queue(queue, sizeof(queue)));
	unsetenv("STATE_DIRECTORY");
}

static void test_folder_cannot_be_made(void **state)
{
	char file[128];

	(void)state;
	snprintf(file, sizeof(file), "%s/a/b/socket", folder);
	assert_false(process_make_folder_of(file, NULL, why, sizeof(why)));
	assert_non_null(strstr(why, "/a/b: No such file"));
}

static void test_folder_for_a_user(void **state)
{
	const struct passwd *nobody = getpwnam("nobody");
	char file[128], inner[128];
	struct stat status;

	(void)state;
	assert_non_null(nobody);
	snprintf(file, sizeof(file), "%s/run/socket", folder);
	snprintf(inner, sizeof(inner), "%s/run", folder);
	assert_true(process_make_folder_of(file, "nobody", why, sizeof(why)));
	assert_int_equal(stat(inner, &status), 0);
	if (geteuid() == 0)
		assert_int_equal(status.st_uid, nobody->pw_uid);
	assert_int_equal(rmdir(inner), 0);
	assert_false(process_make_folder_of(file, "no-such-user", why, sizeof(why)));
	assert_int_equal(rmdir(inner), 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_pid_file),
		test(test_pid_file_of_the_dead),
		test(test_pid_file_of_the_living),
		test(test_pid_file_of_a_stranger),
		test(test_pid_file_is_no_link),
		test(test_pid_file_cannot_be_written),
		test(test_notify),
		test(test_nobody_to_notify),
		test(test_unknown_users),
		test(test_folder_is_made),
		test(test_folder_cannot_be_made),
		test(test_queue),
		test(test_folder_for_a_user),
		cmocka_unit_test(test_privileges_and_limits),
		cmocka_unit_test(test_background),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
