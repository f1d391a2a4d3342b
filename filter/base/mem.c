/* SPDX-License-Identifier: BSD-2-Clause */
#include "mem.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *or_abort(void *memory)
{
	if (memory == NULL)
		abort();
	return memory;
}

void *mem_alloc(size_t size)
{
	return mem_array(1, size);
}

void *mem_array(size_t count, size_t size)
{
	/* What glibc keeps for each thread, of this size at most, its calloc does not look at (before
	 * 2.41): it takes several times as long. What is larger may not even be touched. */
	enum { KEPT_SIZE = 1032 };

	if (count == 0 || size == 0)
		count = size = 1;
	if (count <= KEPT_SIZE / size)
		return memset(or_abort(malloc(count * size)), 0, count * size);
	return or_abort(calloc(count, size));
}

void *mem_resize(void *memory, size_t count, size_t size)
{
	if (size != 0 && count > SIZE_MAX / size)
		abort();
	return or_abort(realloc(memory, count * size == 0 ? 1 : count * size));
}

char *mem_text(const char *text)
{
	return mem_text_n(text, strlen(text));
}

char *mem_text_n(const char *text, size_t length)
{
	size_t used = strnlen(text, length);
	char *copy = mem_resize(NULL, used + 1, sizeof(*copy));

	memcpy(copy, text, used);
	copy[used] = '\0';
	return copy;
}

char *mem_format(const char *format, ...)
{
	va_list args;
	char *text = NULL;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	return text;
}

void mem_free(void *memory)
{
	free(memory);
}

void mem_share_heaps(void)
{
	enum { FEWEST = 4, MOST = 64 };
	long heaps = 2 * sysconf(_SC_NPROCESSORS_ONLN);

	mallopt(M_ARENA_MAX, heaps < FEWEST ? FEWEST : heaps > MOST ? MOST : (int)heaps);
}
