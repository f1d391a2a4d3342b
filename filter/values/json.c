/* SPDX-License-Identifier: BSD-2-Clause */
#include "json.h"

#include <jansson.h>
#include <stdio.h>

/* struct json is jansson's json_t, seen from outside. */
static json_t *inside(const struct json *json)
{
	return (json_t *)(uintptr_t)json;
}

static struct json *outside(json_t *value)
{
	return (struct json *)(void *)value;
}

struct json *json_read(const char *text, size_t length, char *why, size_t why_size)
{
	json_error_t error;
	json_t *value = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);

	if (value == NULL)
		snprintf(why, why_size, "%s", error.text);
	return outside(value);
}

void json_free(struct json **json)
{
	json_decref(inside(*json));
	*json = NULL;
}

const struct json *json_member(const struct json *object, const char *key)
{
	return outside(json_object_get(inside(object), key));
}

size_t json_count(const struct json *array)
{
	return json_array_size(inside(array));
}

const struct json *json_item(const struct json *array, size_t index)
{
	return outside(json_array_get(inside(array), index));
}

const char *json_text(const struct json *object, const char *key)
{
	return json_value(json_member(object, key));
}

int64_t json_number(const struct json *object, const char *key, int64_t otherwise)
{
	const json_t *value = json_object_get(inside(object), key);

	return json_is_integer(value) ? (int64_t)json_integer_value(value) : otherwise;
}

bool json_truth(const struct json *object, const char *key)
{
	return json_object_get(inside(object), key) == json_true();
}

const char *json_value(const struct json *json)
{
	return json_string_value(inside(json));
}
