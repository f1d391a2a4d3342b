/* SPDX-License-Identifier: BSD-2-Clause */
#include "screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "clock.h"
#include "mem.h"

/* Set before the handlers are, which read them. */
static struct termios before;
static bool has_keys;
static volatile sig_atomic_t is_ours, resized, continued;

static const int deadly[] = {
	SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

static void put(const char *text, size_t length)
{
	while (length > 0) {
		ssize_t done = write(STDOUT_FILENO, text, length);

		if (done < 0 && errno != EINTR && errno != EAGAIN)
			return;
		if (done > 0) {
			text += done;
			length -= (size_t)done;
		}
	}
}

/* The other screen, no cursor; keys at once and unseen. */
static void take(void)
{
	static const char sequence[] = "\033[?1049h\033[?25l\033[H\033[2J";
	struct termios ours = before;

	ours.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	is_ours = 1;
	if (has_keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &ours);
	put(sequence, sizeof(sequence) - 1);
}

/* Safe within a signal handler. */
static void give(void)
{
	static const char sequence[] = "\033[0m\033[?25h\033[?1049l";

	if (!is_ours)
		return;
	is_ours = 0;
	if (has_keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
	put(sequence, sizeof(sequence) - 1);
}

static void on_deadly(int number)
{
	give();
	signal(number, SIG_DFL);
	raise(number);
}

static void on_resize(int number)
{
	(void)number;
	resized = 1;
}

static void on_stop(int number)
{
	int saved = errno;

	(void)number;
	give();
	raise(SIGSTOP);
	errno = saved;
}

static void on_continue(int number)
{
	(void)number;
	continued = 1;
}

static void handle(int number, void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};

	sigemptyset(&action.sa_mask);
	sigaction(number, &action, NULL);
}

bool screen_begin(void)
{
	const char *kind = getenv("TERM");

	if (!isatty(STDOUT_FILENO) || kind == NULL || strcmp(kind, "dumb") == 0)
		return false;
	has_keys = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before) == 0;
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		handle(deadly[i], on_deadly);
	handle(SIGWINCH, on_resize);
	handle(SIGTSTP, on_stop);
	handle(SIGCONT, on_continue);
	atexit(give);
	take();
	return true;
}

void screen_end(void)
{
	give();
}

void screen_size(unsigned *width_r, unsigned *height_r)
{
	struct winsize size = {.ws_col = 0};

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
		size = (struct winsize){.ws_col = 80, .ws_row = 24};
	*width_r = size.ws_col;
	*height_r = size.ws_row;
}

/* Written over what is there, so that nothing flickers. */
void screen_show(const char *text)
{
	size_t size = 4 * strlen(text) + 64, used = 0;
	char *out = mem_alloc(size);
	bool first = true;

	used += (size_t)snprintf(out + used, size - used, "\033[H");
	while (*text != '\0') {
		size_t length = strcspn(text, "\n");

		used += (size_t)snprintf(out + used, size - used, "%s%.*s\033[K",
			first ? "" : "\r\n", (int)length, text);
		text += length + (text[length] == '\n');
		first = false;
	}
	used += (size_t)snprintf(out + used, size - used, "\033[J");
	put(out, used);
	mem_free(out);
}

int screen_wait(int ms)
{
	uint64_t deadline_ms = clock_monotonic_ms() + (uint64_t)ms;

	for (;;) {
		struct pollfd ready = {.fd = has_keys ? STDIN_FILENO : -1, .events = POLLIN};
		uint64_t now_ms = clock_monotonic_ms();
		unsigned char key;

		if (continued) {
			continued = 0;
			take();
			return SCREEN_RESIZED;
		}
		if (resized) {
			resized = 0;
			return SCREEN_RESIZED;
		}
		if (now_ms >= deadline_ms)
			return SCREEN_NOTHING;
		if (poll(&ready, 1, (int)(deadline_ms - now_ms)) <= 0)
			continue;
		if (read(STDIN_FILENO, &key, 1) == 1)
			return key;
		return SCREEN_CLOSED;
	}
}
