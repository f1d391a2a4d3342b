/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands of Redis: their arguments, and the bytes that are sent. A command belongs to one thread. */
#ifndef MAILREEVE_REDIS_COMMAND_H
#define MAILREEVE_REDIS_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"
#include "text.h"

enum { REDIS_ARGUMENTS_FEW = 80 };

/* A command: arguments are borrowed, or copied into the arena where it says so. Not to be copied. */
struct redis_command {
	const char **arguments; /* room for ARGUMENTS_MAX; and so on */
	size_t *lengths;
	size_t count, arguments_max;
	const char *script; /* borrowed: the source for an EVALSHA; NULL: none */
	bool spends; /* what replicas must confirm, where the store waits for them */
	char *arena;
	size_t arena_used, arena_size;
	void *room; /* owned, of redis_command_make_room; NULL: what follows is enough */
	const char *few_arguments[REDIS_ARGUMENTS_FEW];
	size_t few_lengths[REDIS_ARGUMENTS_FEW];
	char small_arena[4096];
};

/* Room for REDIS_ARGUMENTS_FEW arguments, which is enough for most. */
void redis_command_init(struct redis_command *command);
/* Room for so many, and so many bytes of those that are copied; before the first is added. Then
 * redis_command_clear ends its use. */
void redis_command_make_room(struct redis_command *command, size_t arguments, size_t bytes);
void redis_command_clear(struct redis_command *command);
void redis_command_add(struct redis_command *command, const char *string);
void redis_command_add_n(struct redis_command *command, const void *bytes, size_t length);
/* Copied into the arena. */
void redis_command_addf(struct redis_command *command, const char *format, ...) ATTR_PRINTF(2, 3);
/* The rest of the arena, to write an argument in; then it is added, and nothing was copied. */
struct text redis_command_begin_text(struct redis_command *command);
void redis_command_add_text(struct redis_command *command, const struct text *text);

/* Makes an EVALSHA an EVAL of its script; false where it is none. */
bool redis_command_send_whole(struct redis_command *command);

/* Commands as they are written to a server. All zero: none. */
struct redis_bytes {
	char *start; /* owned */
	size_t length, size, commands;
};

void redis_bytes_add(struct redis_bytes *bytes, const struct redis_command *command);
void redis_bytes_clear(struct redis_bytes *bytes);

#endif
