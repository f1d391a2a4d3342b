/* SPDX-License-Identifier: BSD-2-Clause */
#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "mem.h"
#include "text.h"

struct control {
	char *path;
	const struct control_command *commands;
	int listener;
	int stop[2]; /* pipe: a byte, or its end, ends the thread */
	pthread_t thread;
	bool started;
};

enum {
	REQUEST_MS = 2000, /* for a request to come, and again for its answer to go */
	CONTROL_PAUSE_MS = 10, /* after a connection that could not be accepted */
};

static bool fill_address(struct sockaddr_un *address, const char *path)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (text_copy(address->sun_path, sizeof(address->sun_path), path))
		return true;
	errno = ENAMETOOLONG;
	return false;
}

/* False with errno ECONNREFUSED: a socket that nobody listens on. */
static bool somebody_listens(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool connected =
		fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
	return connected || saved == EAGAIN;
}

static int listen_on(const char *path, char *why, size_t why_size)
{
	struct sockaddr_un address;
	struct stat status;
	mode_t mask;
	int fd;

	if (!fill_address(&address, path)) {
		snprintf(why, why_size, "control_socket: %s is too long", path);
		return -1;
	}
	if (lstat(path, &status) == 0 && S_ISSOCK(status.st_mode)) {
		if (somebody_listens(&address)) {
			snprintf(why, why_size,
				"another process listens on the control socket %s; stop it first",
				path);
			return -1;
		}
		unlink(path);
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mask = umask(0177);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
		listen(fd, 8) != 0) {
		snprintf(why, why_size, "cannot listen on the control socket %s: %s", path,
			strerror(errno));
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	umask(mask);
	return fd;
}

struct control *control_open(
	const char *path, const struct control_command *commands, char *why, size_t why_size)
{
	struct control *control;
	int fd = listen_on(path, why, why_size);

	if (fd < 0)
		return NULL;
	control = mem_alloc(sizeof(*control));
	control->path = mem_text(path);
	control->commands = commands;
	control->listener = fd;
	if (pipe2(control->stop, O_CLOEXEC) != 0)
		abort();
	return control;
}

/* One line, at most CONTROL_LINE_MAX bytes and REQUEST_MS. */
static bool read_line(int fd, char line[CONTROL_LINE_MAX])
{
	uint64_t deadline_ms = clock_monotonic_ms() + REQUEST_MS;
	size_t used = 0;

	while (used < CONTROL_LINE_MAX - 1) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		uint64_t now_ms = clock_monotonic_ms();
		ssize_t got;

		if (now_ms >= deadline_ms || poll(&ready, 1, (int)(deadline_ms - now_ms)) <= 0)
			return false;
		got = read(fd, line + used, 1);
		if (got <= 0)
			return false;
		if (line[used] == '\n') {
			line[used] = '\0';
			return true;
		}
		used++;
	}
	return false;
}

/* Cuts its arguments off LINE. NULL: there is no such command. */
static const struct control_command *find_command(
	const struct control *control, char *line, char **arguments_r)
{
	char *arguments = line + strcspn(line, " ");

	if (*arguments == ' ')
		*arguments++ = '\0';
	*arguments_r = arguments;
	for (const struct control_command *command = control->commands; command->name != NULL;
		command++)
		if (strcmp(command->name, line) == 0)
			return command;
	return NULL;
}

/* Gives up on a peer that has gone, or does not take it all in time. */
static void send_all(int fd, const char *text, size_t length)
{
	uint64_t deadline_ms = clock_monotonic_ms() + REQUEST_MS;
	struct pollfd ready = {.fd = fd, .events = POLLOUT};

	while (length > 0) {
		uint64_t now_ms = clock_monotonic_ms();
		ssize_t done;

		if (now_ms >= deadline_ms || poll(&ready, 1, (int)(deadline_ms - now_ms)) <= 0)
			return;
		done = send(fd, text, length, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (done < 0 && errno != EAGAIN)
			return;
		if (done < 0)
			continue;
		text += done;
		length -= (size_t)done;
	}
}

/* The answer is one line with the exit status, then the text. */
static void send_answer(int fd, int status, const char *text, size_t length)
{
	char number[16];

	snprintf(number, sizeof(number), "%d\n", status);
	send_all(fd, number, strlen(number));
	send_all(fd, text, length);
}

static void refuse(int fd, int status, const char *text)
{
	char rest[4096];

	/* What is left unread would turn the answer into a broken connection. */
	while (recv(fd, rest, sizeof(rest), MSG_DONTWAIT) > 0)
		continue;
	send_answer(fd, status, text, strlen(text));
}

/* Slow commands. ------------------------------------------------------------------------------- */

/* Slow commands that run, of all control sockets of the process. */
static _Atomic int slow_running;

struct slow {
	const struct control_command *command;
	int fd;
	size_t length;
};

static bool read_body(int fd, char *body, size_t length)
{
	uint64_t deadline_ms = clock_monotonic_ms() + REQUEST_MS;

	while (length > 0) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		uint64_t now_ms = clock_monotonic_ms();
		ssize_t got;

		if (now_ms >= deadline_ms || poll(&ready, 1, (int)(deadline_ms - now_ms)) <= 0)
			return false;
		got = read(fd, body, length);
		if (got <= 0)
			return false;
		body += got;
		length -= (size_t)got;
	}
	return true;
}

static void *slow_thread(void *argument)
{
	struct slow *slow = argument;
	char *body = mem_alloc(slow->length + 1), *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	int status;

	if (out == NULL)
		abort();
	if (read_body(slow->fd, body, slow->length)) {
		status = slow->command->run_slow(body, slow->length, out);
		fclose(out);
		send_answer(slow->fd, status, text, length);
	} else {
		fclose(out);
	}
	free(text);
	mem_free(body);
	close(slow->fd);
	mem_free(slow);
	atomic_fetch_sub(&slow_running, 1);
	return NULL;
}

/* True when a thread has taken FD over. */
static bool start_slow(const struct control_command *command, const char *arguments, int fd)
{
	unsigned long length = strtoul(arguments, NULL, 10);
	struct slow *slow;
	pthread_t thread;

	if (!ascii_is_digit(arguments[0]) || length > CONTROL_BODY_MAX) {
		refuse(fd, EX_USAGE, "the request is too large\n");
		return false;
	}
	if (atomic_fetch_add(&slow_running, 1) >= CONTROL_SLOW_MAX) {
		atomic_fetch_sub(&slow_running, 1);
		refuse(fd, EX_TEMPFAIL, "the daemon is busy with others who ask; try again\n");
		return false;
	}
	slow = mem_alloc(sizeof(*slow));
	*slow = (struct slow){.command = command, .fd = fd, .length = length};
	if (pthread_create(&thread, NULL, slow_thread, slow) != 0) {
		mem_free(slow);
		atomic_fetch_sub(&slow_running, 1);
		refuse(fd, EX_TEMPFAIL, "the daemon has no thread left; try again\n");
		return false;
	}
	pthread_detach(thread);
	return true;
}

/* True when FD is not ours any more. */
static bool serve(const struct control *control, int fd)
{
	const struct control_command *command;
	char line[CONTROL_LINE_MAX];
	char *text = NULL, *arguments;
	size_t length = 0;
	FILE *out;
	int status;

	if (!read_line(fd, line))
		return false;
	command = find_command(control, line, &arguments);
	if (command == NULL) {
		refuse(fd, EX_USAGE,
			"the daemon does not know this command; is it an older version?\n");
		return false;
	}
	if (command->run_slow != NULL)
		return start_slow(command, arguments, fd);
	out = open_memstream(&text, &length);
	if (out == NULL)
		return false;
	status = command->run(arguments, out);
	fclose(out);
	send_answer(fd, status, text, length);
	free(text);
	return false;
}

static void *control_thread(void *argument)
{
	struct control *control = argument;

	for (;;) {
		struct pollfd ready[2] = {
			{.fd = control->listener, .events = POLLIN},
			{.fd = control->stop[0], .events = POLLIN},
		};
		int fd;

		if (poll(ready, 2, -1) < 0 && errno != EINTR)
			return NULL;
		if (ready[1].revents != 0)
			return NULL;
		fd = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC);
		/* Without a descriptor left, whoever waits in line stays there. */
		if (fd < 0)
			poll(NULL, 0, CONTROL_PAUSE_MS);
		else if (!serve(control, fd))
			close(fd);
	}
}

void control_start(struct control *control)
{
	if (pthread_create(&control->thread, NULL, control_thread, control) != 0)
		abort();
	control->started = true;
}

bool control_close(struct control **control_ptr)
{
	struct control *control = *control_ptr;

	if (control == NULL)
		return true;
	*control_ptr = NULL;
	close(control->stop[1]);
	if (control->started)
		pthread_join(control->thread, NULL);
	close(control->stop[0]);
	close(control->listener);
	unlink(control->path);
	mem_free(control->path);
	mem_free(control);
	for (int i = 0; i < 100 && atomic_load(&slow_running) > 0; i++)
		usleep(50000);
	return atomic_load(&slow_running) == 0;
}

/* Copies the answer; false when there is none. */
static bool read_answer(FILE *answer, FILE *out, int *status_r)
{
	int c;

	if (fscanf(answer, "%d", status_r) != 1 || fgetc(answer) != '\n')
		return false;
	while ((c = fgetc(answer)) != EOF)
		fputc(c, out);
	return true;
}

static int ask(const char *path, const char *line, const char *request_body, size_t length,
	FILE *out, char *why, size_t why_size)
{
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int status = EX_PROTOCOL;
	FILE *answer;

	if (fd < 0 || !fill_address(&address, path) ||
		connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		bool forbidden = errno == EACCES;

		snprintf(why, why_size, "cannot reach the daemon at %s: %s%s", path,
			strerror(errno), forbidden ? "; are you root?" : "; is mailreeve running?");
		if (fd >= 0)
			close(fd);
		return forbidden ? EX_NOPERM : EX_UNAVAILABLE;
	}
	answer = fdopen(fd, "r");
	if (answer == NULL) {
		snprintf(why, why_size, "%s", strerror(errno));
		close(fd);
		return EX_OSERR;
	}
	send_all(fd, line, strlen(line));
	send_all(fd, "\n", 1);
	send_all(fd, request_body, length);
	if (!read_answer(answer, out, &status)) {
		snprintf(why, why_size, "the daemon at %s did not answer", path);
		status = EX_PROTOCOL;
	}
	fclose(answer);
	return status;
}

int control_ask(const char *path, const char *line, FILE *out, char *why, size_t why_size)
{
	return ask(path, line, "", 0, out, why, why_size);
}

int control_ask_slow(const char *path, const char *command, const char *body, size_t length,
	FILE *out, char *why, size_t why_size)
{
	char line[CONTROL_LINE_MAX];

	snprintf(line, sizeof(line), "%s %zu", command, length);
	return ask(path, line, body, length, out, why, why_size);
}
