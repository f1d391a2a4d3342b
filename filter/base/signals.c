/* SPDX-License-Identifier: BSD-2-Clause */
#include "signals.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

#include "clock.h"

/* Set by main before libmilter starts its signal thread, then read by that thread only. */
static struct signal_actions handle;

enum { TICK_SECONDS = 5 };

static void fill(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGUSR1);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
}

void signals_block_reload(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void signals_block(void)
{
	sigset_t set;

	fill(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

void signals_handle(const struct signal_actions *actions)
{
	handle = *actions;
}

/* Until all is done, time is up, or a second TERM or INT says not to wait. */
static void wait_until_drained(const sigset_t *set)
{
	const struct timespec tick = {.tv_nsec = 20000000};
	uint64_t deadline_ms = clock_monotonic_ms() + (uint64_t)handle.drain_ms;

	handle.drain();
	while (!handle.drained() && clock_monotonic_ms() < deadline_ms) {
		int number = sigtimedwait(set, NULL, &tick);

		if (number == SIGTERM || number == SIGINT)
			return;
	}
}

/* Replaces the C library's for libmilter, which calls it through the dynamic linker. */
int sigwait(const sigset_t *libmilter_set, int *number_r)
{
	sigset_t set;

	(void)libmilter_set;
	fill(&set);
	for (;;) {
		static const struct timespec pause = {.tv_sec = TICK_SECONDS};
		int number = sigtimedwait(&set, NULL, &pause);

		if (number < 0 && errno == EAGAIN)
			handle.tick();
		else if (number < 0 && errno != EINTR)
			return errno;
		if (number == SIGHUP || number == SIGUSR1)
			handle.reload();
		if (number != SIGTERM && number != SIGINT)
			continue;
		if (number == SIGTERM)
			wait_until_drained(&set);
		handle.stopping();
		*number_r = SIGTERM;
		return 0;
	}
}
