/* SPDX-License-Identifier: BSD-2-Clause */
#include "command_output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

static pid_t start(const char *const arguments[], int output)
{
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", locale[] = "LC_ALL=C";
	static char *const environment[] = {path, locale, NULL};
	posix_spawn_file_actions_t actions;
	pid_t child = -1;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return -1;
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	/* It takes arrays of char *, and changes nothing in them. */
	if (posix_spawn(&child, arguments[0], &actions, NULL, (char *const *)(uintptr_t)arguments,
		    environment) != 0)
		child = -1;
	posix_spawn_file_actions_destroy(&actions);
	return child;
}

static int milliseconds_left(uint64_t deadline_ms)
{
	uint64_t now_ms = clock_monotonic_ms();

	return now_ms >= deadline_ms ? 0 : (int)(deadline_ms - now_ms);
}

/* Until the end of the output; false at the deadline. What does not fit is read and forgotten. */
static bool read_all(int input, uint64_t deadline_ms, char *buffer, size_t size)
{
	size_t used = 0;

	for (;;) {
		struct pollfd ready = {.fd = input, .events = POLLIN};
		char rest[512];
		bool fits = used + 1 < size;
		ssize_t got;

		if (poll(&ready, 1, milliseconds_left(deadline_ms)) < 0 && errno == EINTR)
			continue;
		if (ready.revents == 0)
			return false;
		got = fits ? read(input, buffer + used, size - 1 - used)
			   : read(input, rest, sizeof(rest));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got == 0;
		if (fits)
			used += (size_t)got;
		buffer[used] = '\0';
	}
}

/* It may close its output and live on. */
static bool ended_well(pid_t child, uint64_t deadline_ms)
{
	int status;

	for (;;) {
		pid_t ended = waitpid(child, &status, WNOHANG);

		if (ended == child)
			return WIFEXITED(status) && WEXITSTATUS(status) == 0;
		if (ended < 0 && errno != EINTR)
			return false;
		if (milliseconds_left(deadline_ms) == 0) {
			kill(child, SIGKILL);
			waitpid(child, &status, 0);
			return false;
		}
		poll(NULL, 0, 5);
	}
}

bool command_output(const char *const arguments[], int64_t time_limit_ms, char *buffer, size_t size)
{
	uint64_t deadline_ms = clock_monotonic_ms() + (uint64_t)time_limit_ms;
	int ends[2];
	pid_t child;
	bool whole;

	buffer[0] = '\0';
	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	child = start(arguments, ends[1]);
	close(ends[1]);
	whole = child > 0 && read_all(ends[0], deadline_ms, buffer, size);
	close(ends[0]);
	if (child <= 0)
		return false;
	if (!whole)
		kill(child, SIGKILL);
	return ended_well(child, deadline_ms) && whole;
}
