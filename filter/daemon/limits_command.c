/* SPDX-License-Identifier: BSD-2-Clause */
#include "limits_command.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "limits_query.h"
#include "mem.h"
#include "text.h"

enum word { WORD_FORM, WORD_TITLE, WORD_VERB, WORD_KEY, WORD_FIRST, WORD_SECOND };

/* A whole number above 0; 0 for what is none. */
static int64_t number_of(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && digits < 19 && text[digits] == '\0' ? strtoll(text, NULL, 10) : 0;
}

static int usage(FILE *out)
{
	fputs("the daemon does not understand this; is it an older version?\n", out);
	return EX_USAGE;
}

static int run(struct limits_query *query, char *const *words, size_t count)
{
	const char *verb = words[WORD_VERB];
	int64_t number;

	query->name = words[WORD_KEY];
	query->cost = 1;
	if (strcmp(verb, "raises") == 0)
		return limits_raises(query);
	if (count <= WORD_KEY || query->name[0] == '\0')
		return usage(query->out);
	if (strcmp(verb, "show") == 0)
		return limits_show(query);
	if (strcmp(verb, "reset") == 0)
		return limits_reset(query);
	if (strcmp(verb, "unraise") == 0)
		return limits_unraise(query);
	number = number_of(words[strcmp(verb, "top") == 0	? WORD_KEY
				 : strcmp(verb, "predict") == 0 ? WORD_FIRST
								: WORD_SECOND]);
	if (number <= 0)
		return usage(query->out);
	query->cost = number;
	if (strcmp(verb, "top") == 0)
		return limits_top(query, number < 1000 ? (size_t)number : 1000);
	if (strcmp(verb, "predict") == 0)
		return limits_show(query);
	if (strcmp(verb, "raise") == 0)
		return limits_raise(query, words[WORD_FIRST], number);
	return usage(query->out);
}

int limits_command(
	const char *arguments, FILE *out, const struct conf *conf, const struct services *services)
{
	static char nothing[] = "";
	struct limits_query query = {.out = out, .conf = conf, .services = services};
	char *words[LIMITS_WORDS_MAX] = {nothing, nothing, nothing, nothing, nothing, nothing};
	char *copy = mem_text(arguments);
	char *rest = copy;
	size_t count = 0;
	int status;

	while (rest != NULL && count < LIMITS_WORDS_MAX)
		words[count++] = strsep(&rest, "\t");
	query.json = strcmp(words[WORD_FORM], "json") == 0;
	query.title = words[WORD_TITLE];
	limit_raises_refresh(services->raises, 0);
	query.raises = limit_raises_hold(services->raises);
	if (query.title[0] != '\0' && limits_find(&query, query.title) == NULL) {
		fprintf(out, "no limit \"%s\" runs\n", query.title);
		status = EX_DATAERR;
	} else {
		status = run(&query, words, count);
	}
	limit_raises_release(&query.raises);
	mem_free(copy);
	return status;
}
