/* SPDX-License-Identifier: BSD-2-Clause */
#include "window_answer.h"

#include <stdlib.h>
#include <string.h>

#include "window.h"

/* Far from where a sum with it would be too large. */
#define USED_MAX (INT64_MAX / 2)

static int64_t at_most(int64_t number, int64_t maximum)
{
	return number > maximum ? maximum : number;
}

/* The next word, a number, of an answer of window.lua; false where there is none. */
static bool next_number(const char **text, int64_t *number_r)
{
	char *end;

	*text += strspn(*text, " ");
	if (**text < '0' || **text > '9')
		return false;
	*number_r = strtoll(*text, &end, 10);
	*text = end;
	return true;
}

/* "index used retry" of a decision about one of COUNT charges. */
static bool next_decision(const char **text, size_t count, struct store_decision *decision_r)
{
	int64_t index, used, wait;

	if (!next_number(text, &index) || index >= (int64_t)count || !next_number(text, &used) ||
		!next_number(text, &wait))
		return false;
	*decision_r = (struct store_decision){
		(size_t)index, at_most(used, USED_MAX), at_most(wait, 4 * WINDOW_LENGTH_MAX_MS)};
	return true;
}

/* What is said of single charges. CHARGED_R: of those of a part, may be NULL. */
static bool read_details(
	const char **text, const struct store_charge *charges, size_t count, bool *charged_r)
{
	for (;;) {
		struct store_decision decision;
		int64_t index;
		char word;

		*text += strspn(*text, " ");
		word = **text;
		*text += word != '\0';
		if (word == '\0')
			return true;
		if (word == 'w' && next_decision(text, count, &decision) &&
			charges[decision.over].watch != NULL)
			*charges[decision.over].watch =
				(struct store_watch){true, decision.used, decision.retry_after_ms};
		else if (word == 'c' && charged_r != NULL && next_number(text, &index) &&
			 index < (int64_t)count)
			charged_r[index] = true;
		else
			return false;
	}
}

bool window_answer_decision(const char *text, const struct store_charge *charges, size_t count,
	struct window_decided *decided)
{
	int64_t over;

	if (!next_number(&text, &over) || over > 1 ||
		!next_decision(&text, count, &decided->decision) ||
		!next_number(&text, &decided->foreign) ||
		!read_details(&text, charges, count, decided->charged))
		return false;
	decided->over = over == 1;
	return true;
}

bool window_answer_used(const char *text, size_t count, int64_t *used_r)
{
	for (size_t i = 0; i < count; i++) {
		if (!next_number(&text, &used_r[i]))
			return false;
		used_r[i] = at_most(used_r[i], USED_MAX);
	}
	return *text == '\0';
}
