/* SPDX-License-Identifier: BSD-2-Clause */
#include "redis_command.h"

#include <stdarg.h>
#include <string.h>

#include "mem.h"

void redis_command_init(struct redis_command *command)
{
	command->arguments = command->few_arguments;
	command->lengths = command->few_lengths;
	command->arguments_max = REDIS_ARGUMENTS_FEW;
	command->arena = command->small_arena;
	command->arena_size = sizeof(command->small_arena);
	command->room = NULL;
	command->count = 0;
	command->script = NULL;
	command->spends = false;
	command->arena_used = 0;
}

void redis_command_make_room(struct redis_command *command, size_t arguments, size_t bytes)
{
	const size_t each = sizeof(*command->arguments) + sizeof(*command->lengths);

	if (arguments <= command->arguments_max && bytes <= command->arena_size)
		return;
	command->room = mem_alloc(arguments * each + bytes);
	command->arguments = command->room;
	command->lengths = (size_t *)(command->arguments + arguments);
	command->arena = (char *)(command->lengths + arguments);
	command->arguments_max = arguments;
	command->arena_size = bytes;
}

void redis_command_clear(struct redis_command *command)
{
	mem_free(command->room);
	command->room = NULL;
	command->count = 0;
}

void redis_command_add_n(struct redis_command *command, const void *bytes, size_t length)
{
	if (command->count == command->arguments_max)
		return;
	command->arguments[command->count] = bytes;
	command->lengths[command->count++] = length;
}

void redis_command_add(struct redis_command *command, const char *string)
{
	redis_command_add_n(command, string, strlen(string));
}

void redis_command_addf(struct redis_command *command, const char *format, ...)
{
	struct text text = redis_command_begin_text(command);
	va_list args;

	va_start(args, format);
	text_vaddf(&text, format, &args);
	va_end(args);
	redis_command_add_text(command, &text);
}

struct text redis_command_begin_text(struct redis_command *command)
{
	struct text text;

	text_init(&text, command->arena + command->arena_used,
		command->arena_size - command->arena_used);
	return text;
}

void redis_command_add_text(struct redis_command *command, const struct text *text)
{
	redis_command_add_n(command, text->buffer, text->length);
	command->arena_used += text->length;
}

/* hiredis does the same with a printf and a copy for each argument. */
void redis_bytes_add(struct redis_bytes *bytes, const struct redis_command *command)
{
	enum { HEAD_BYTES = 24, END_BYTES = 2 }; /* "$20 digits\r\n" */
	size_t size = bytes->length + HEAD_BYTES + 1;
	struct text text;

	for (size_t i = 0; i < command->count; i++)
		size += HEAD_BYTES + command->lengths[i] + END_BYTES;
	if (size > bytes->size) {
		bytes->size = bytes->start == NULL ? size : 2 * size;
		bytes->start = mem_resize(bytes->start, bytes->size, 1);
	}
	text_init(&text, bytes->start + bytes->length, bytes->size - bytes->length);
	text_addf(&text, "*%zu\r\n", command->count);
	for (size_t i = 0; i < command->count; i++) {
		text_addf(&text, "$%zu\r\n", command->lengths[i]);
		text_add_n(&text, command->arguments[i], command->lengths[i]);
		text_add(&text, "\r\n");
	}
	bytes->length += text.length;
	bytes->commands++;
}

void redis_bytes_clear(struct redis_bytes *bytes)
{
	mem_free(bytes->start);
	*bytes = (struct redis_bytes){.start = NULL};
}

bool redis_command_send_whole(struct redis_command *command)
{
	if (command->script == NULL || strcmp(command->arguments[0], "EVALSHA") != 0)
		return false;
	command->arguments[0] = "EVAL";
	command->lengths[0] = strlen("EVAL");
	command->arguments[1] = command->script;
	command->lengths[1] = strlen(command->script);
	return true;
}
