/* SPDX-License-Identifier: BSD-2-Clause */
/* Preloaded into a server: its wall clock is off by the seconds in the file that SKEWED_CLOCK names, which
 * is read again every 10 ms. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long skew(void)
{
	static _Thread_local long seconds, read_at = -1;
	const char *path = getenv("SKEWED_CLOCK");
	struct timespec now;
	char text[32] = "";
	int fd;

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
	if (path == NULL || read_at == now.tv_sec * 100 + now.tv_nsec / 10000000)
		return seconds;
	read_at = now.tv_sec * 100 + now.tv_nsec / 10000000;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return seconds;
	if (read(fd, text, sizeof(text) - 1) > 0)
		seconds = strtol(text, NULL, 10);
	close(fd);
	return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int failed = (int)syscall(SYS_clock_gettime, clock, now);

	if (failed == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		now->tv_sec += skew();
	return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec precise;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &precise);
	now->tv_sec = precise.tv_sec;
	now->tv_usec = precise.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *now)
{
	struct timespec precise;

	clock_gettime(CLOCK_REALTIME, &precise);
	if (now != NULL)
		*now = precise.tv_sec;
	return precise.tv_sec;
}
