/* SPDX-License-Identifier: BSD-2-Clause */
#include "field_form.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

/* Behind blanks and comments. */
static const char *skip(const char *at)
{
	unsigned depth = 0;

	for (; *at != '\0'; at++) {
		if (*at == '(')
			depth++;
		else if (*at == ')' && depth > 0)
			depth--;
		else if (*at == '\\' && depth > 0 && at[1] != '\0')
			at++;
		else if (depth == 0 && !ascii_is_space(*at))
			break;
	}
	return at;
}

/* The number at *AT, which has MIN to MAX digits, or -1; *AT moves behind it. */
static int take_number(const char **at, size_t min, size_t max)
{
	size_t digits = 0;
	int number = 0;

	while (digits < max && ascii_is_digit((*at)[digits]))
		number = number * 10 + ((*at)[digits++] - '0');
	if (digits < min || ascii_is_digit((*at)[digits]))
		return -1;
	*at += digits;
	return number;
}

/* Which of the COUNT names of three letters in NAMES stands at *AT, from 0; -1 when none does. */
static int take_name(const char **at, const char *names, int count)
{
	for (int i = 0; i < count; i++)
		if (ascii_equal_n(*at, names + (size_t)3 * (size_t)i, 3) &&
			!ascii_is_alpha((*at)[3])) {
			*at += 3;
			return i;
		}
	return -1;
}

static bool take_time(const char **at)
{
	int hour = take_number(at, 1, 2), minute = -1, second = 0;

	*at = skip(*at);
	if (**at == ':') {
		*at = skip(*at + 1);
		minute = take_number(at, 1, 2);
		*at = skip(*at);
	}
	if (**at == ':') {
		*at = skip(*at + 1);
		second = take_number(at, 1, 2);
		*at = skip(*at);
	}
	return hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second <= 60;
}

static bool is_zone(const char *at)
{
	size_t length = strcspn(at, " \t\r\n(");

	if (at[0] == '+' || at[0] == '-') {
		if (length != 5 || *skip(at + 5) != '\0')
			return false;
		for (size_t i = 1; i < 5; i++)
			if (!ascii_is_digit(at[i]))
				return false;
		return at[3] < '6';
	}
	for (size_t i = 0; i < length; i++)
		if (!ascii_is_alpha(at[i]))
			return false;
	return length >= 1 && length <= 5 && *skip(at + length) == '\0';
}

const char *field_form_date(const char *body)
{
	static const char days[] = "MonTueWedThuFriSatSun";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const char *at = skip(body);
	int day;

	if (take_name(&at, days, 7) >= 0) {
		at = skip(at);
		if (*at == ',')
			at = skip(at + 1);
	}
	day = take_number(&at, 1, 2);
	at = skip(at);
	if (day < 1 || day > 31 || take_name(&at, months, 12) < 0)
		return "no day and month";
	at = skip(at);
	if (take_number(&at, 2, 4) < 0)
		return "no year";
	at = skip(at);
	if (!take_time(&at))
		return "no time of day";
	if (!is_zone(at))
		return "no time zone";
	return NULL;
}

const char *field_form_message_id(const char *body)
{
	const char *at = skip(body);
	size_t length;

	if (*at != '<')
		return "no '<' at its start";
	at++;
	length = strcspn(at, "<> \t\r\n");
	if (length == 0)
		return "nothing in its brackets";
	if (at[length] != '>')
		return "no '>' behind its identifier";
	for (size_t i = 0; i < length; i++)
		if (at[i] < 0x21 || at[i] > 0x7e)
			return "octets that are not printable ASCII";
	if (*skip(at + length + 1) != '\0')
		return "text behind its identifier";
	return NULL;
}

/* RFC 2045 5.1. */
static size_t token_length(const char *at)
{
	size_t length = 0;

	while (at[length] > 0x20 && at[length] < 0x7f &&
		strchr("()<>@,;:\\\"/[]?=", at[length]) == NULL)
		length++;
	return length;
}

/* Behind the quoted-string or word at AT; NULL when it does not end. */
static const char *skip_value(const char *at)
{
	if (*at != '"')
		return at + strcspn(at, "; \t\r\n(");
	for (at++; *at != '"'; at++) {
		if (*at == '\\' && at[1] != '\0')
			at++;
		if (*at == '\0')
			return NULL;
	}
	return at + 1;
}

enum { PARAMETERS_MAX = 32 };

struct parameter {
	const char *name;
	size_t length;
};

static bool is_named(const struct parameter *seen, size_t count, const struct parameter *given)
{
	for (size_t i = 0; i < count; i++)
		if (seen[i].length == given->length &&
			ascii_equal_n(seen[i].name, given->name, given->length))
			return true;
	return false;
}

static const char *check_parameters(const char *at)
{
	struct parameter seen[PARAMETERS_MAX];
	size_t count = 0;

	for (at = skip(at); *at != '\0'; at = skip(at)) {
		struct parameter given;

		if (*at != ';')
			return "text that is no parameter";
		at = skip(at + 1);
		if (*at == '\0' || *at == ';')
			continue;
		given = (struct parameter){.name = at, .length = token_length(at)};
		at = skip(at + given.length);
		if (given.length == 0 || *at != '=')
			return "text that is no parameter";
		if (is_named(seen, count, &given))
			return "a parameter that stands twice";
		if (count < PARAMETERS_MAX)
			seen[count++] = given;
		at = skip_value(skip(at + 1));
		if (at == NULL)
			return "a quote that does not end";
	}
	return NULL;
}

const char *field_form_content_type(const char *body)
{
	const char *at = skip(body);
	size_t length = token_length(at);

	if (length == 0)
		return "no type";
	at = skip(at + length);
	if (*at != '/')
		return "no subtype";
	at = skip(at + 1);
	length = token_length(at);
	if (length == 0)
		return "no subtype";
	return check_parameters(at + length);
}

const char *field_form_transfer_encoding(const char *body)
{
	const char *at = skip(body);
	size_t length = token_length(at);

	if (length == 0)
		return "no word";
	return *skip(at + length) == '\0' ? NULL : "text behind its word";
}
