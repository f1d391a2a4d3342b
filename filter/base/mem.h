/* SPDX-License-Identifier: BSD-2-Clause */
/* Heap memory. Every function returns memory or ends the process (abort): callers never check.
 * Sizes that come from the network are bounded by the caller first. Thread-safe. */
#ifndef MAILREEVE_MEM_H
#define MAILREEVE_MEM_H

#include <stddef.h>

#include "compiler.h"

/* SIZE zeroed bytes; owned by the caller, released with mem_free. */
void *mem_alloc(size_t size);

/* COUNT zeroed elements of SIZE bytes; aborts on overflow of the product. */
void *mem_array(size_t count, size_t size);

/* Grows or shrinks MEMORY (may be NULL) to COUNT elements of SIZE bytes; new bytes are not zeroed. */
void *mem_resize(void *memory, size_t count, size_t size) MUST_CHECK;

/* Copies of a string, of at most LENGTH bytes of it, of a formatted text. Owned by the caller. */
char *mem_text(const char *text);
char *mem_text_n(const char *text, size_t length);
char *mem_format(const char *format, ...) ATTR_PRINTF(1, 2);

/* Lets many threads that come and go share a few heaps, two for each core, instead of keeping one each.
 * Before any other thread starts. */
void mem_share_heaps(void);

/* Releases; NULL is allowed. */
void mem_free(void *memory);

#endif
