/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads that libmilter starts for sessions. Where the system has none to give, libmilter forgets the
 * session: its MTA waits for as long as it can, and its descriptor is never closed. So such a thread is owed,
 * and started when there is room for it. Thread-safe. */
#ifndef MAILREEVE_MILTER_THREADS_H
#define MAILREEVE_MILTER_THREADS_H

#include <pthread.h>
#include <stddef.h>

enum {
	/* Between two warnings at least. */
	MILTER_THREADS_WARN_MS = 60000,
};

/* As pthread_create. */
typedef int milter_threads_create(pthread_t *thread_r, const pthread_attr_t *attributes,
	void *(*run)(void *), void *argument);

/* CREATE: the system's. */
void milter_threads_begin(milter_threads_create *create);

/* A thread with the usual attributes, now or later; 0, but for errors that are none of room. *THREAD_R is set
 * when it is now. */
int milter_threads_start(pthread_t *thread_r, void *(*run)(void *), void *argument);

/* How many are owed. */
size_t milter_threads_owed(void);

/* Starts as many of them as there is room for, the oldest first. */
void milter_threads_pay(void);

#endif
