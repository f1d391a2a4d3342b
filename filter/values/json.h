/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads JSON (RFC 8259). json.c is the only includer of jansson. What is NULL or of another type than
 * asked for reads as nothing, so that a caller need not look at each step. A tree belongs to one thread. */
#ifndef MAILREEVE_JSON_H
#define MAILREEVE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"

struct json;

/* NULL with a sentence in WHY. */
struct json *json_read(const char *text, size_t length, char *why, size_t why_size) MUST_CHECK;
/* Nulls; NULL allowed. What was taken out of it goes with it. */
void json_free(struct json **json);

/* A member of an object, or NULL. */
const struct json *json_member(const struct json *object, const char *key);
/* Elements of an array. */
size_t json_count(const struct json *array);
const struct json *json_item(const struct json *array, size_t index);

/* Members as values: text or NULL; a number or OTHERWISE; true for true only. */
const char *json_text(const struct json *object, const char *key);
int64_t json_number(const struct json *object, const char *key, int64_t otherwise);
bool json_truth(const struct json *object, const char *key);

/* The element itself, where it is a text; or NULL. */
const char *json_value(const struct json *json);

#endif
