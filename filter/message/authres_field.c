/* SPDX-License-Identifier: BSD-2-Clause */
#include "authres_field.h"

#include <string.h>

#include "domain.h"
#include "utf8.h"

/* Longest identifier that is compared; ours is a domain name. */
enum { ID_SIZE = 2 * DOMAIN_SIZE, COMMENT_DEPTH_MAX = 100 };

static bool same_id(const char *claimed, const char *ours)
{
	char claimed_canonical[DOMAIN_SIZE], ours_canonical[DOMAIN_SIZE];

	if (ascii_equal(claimed, ours))
		return true;
	return domain_canonical(claimed, claimed_canonical) &&
	       domain_canonical(ours, ours_canonical) &&
	       strcmp(claimed_canonical, ours_canonical) == 0;
}

/* What readers strip: blanks, and control characters. */
static bool is_stripped(char c)
{
	return (c > '\0' && c <= ' ') || c == 0x7f;
}

/* Behind the comment at AT, or behind its first byte when it does not end: then a reader may take
 * what follows for the identifier. One that is nested deeper is taken for such a one, and LAST is the last
 * ")" of the field or NULL, or a field full of "(", escaped or not, would be read through from each of
 * them. */
static const char *skip_comment(const char *at, const char *last)
{
	const char *start = at;
	unsigned depth = 0;

	if (last == NULL || at > last)
		return start + 1;
	for (; *at != '\0'; at++) {
		if (*at == '\\' && at[1] != '\0')
			at++;
		else if (*at == '(' && ++depth > COMMENT_DEPTH_MAX)
			break;
		else if (*at == ')' && --depth == 0)
			return at + 1;
	}
	return start + 1;
}

/* And comments. */
static const char *skip_blanks(const char *at, const char *last)
{
	while (is_stripped(*at) || *at == '(')
		at = *at == '(' ? skip_comment(at, last) : at + 1;
	return at;
}

/* What ends an unquoted word, besides blanks. */
static const char word_ends[] = "(/;";
/* The same for readers that take the identifier as a token of RFC 2045, which RFC 8601 2.2 makes it. */
static const char token_ends[] = "(/;,:<>@[]?=";

/* Adds the word at AT, dequoted, to OUT; ends before a blank or one of ENDS, or where OUT is full. A ";" that
 * is quoted or escaped is left out: for some readers the word ends there. */
static const char *take_word(const char *at, const char *ends, struct text *out)
{
	bool quoted = false;

	for (; *at != '\0' && !out->truncated; at++) {
		if (*at == '"') {
			/* One that does not end quotes nothing. */
			quoted = !quoted && strchr(at + 1, '"') != NULL;
			continue;
		}
		if (!quoted && (is_stripped(*at) || strchr(ends, *at) != NULL))
			return at;
		if (*at == '\\' && at[1] != '\0')
			at++;
		if (!is_stripped(*at) && *at != ';' && (*at != '\\' || at[1] != '\0'))
			text_add_char(out, *at);
	}
	return at;
}

/* Readers differ in whether a comment or fold ends the identifier, so every prefix of the words that
 * stand before ";" is compared. Nothing before the first ";" names nobody, so the next counts. */
bool authres_claims(const char *body, const char *authserv_id)
{
	const char *last = strrchr(body, ')');
	char id[ID_SIZE];
	struct text words;

	text_init(&words, id, sizeof(id));
	while (*body != '\0' && (*body != ';' || words.length == 0) && !words.truncated) {
		size_t before = words.length;

		if (is_stripped(*body) || *body == ')' ||
			(*body != '(' && strchr(token_ends, *body) != NULL)) {
			body++;
			continue;
		}
		/* What is left of a comment that ends only for readers who know no escapes. */
		if (*body == '\\' && body[1] == ')') {
			body += 2;
			continue;
		}
		if (*body == '(') {
			body = skip_comment(body, last);
			continue;
		}
		body = take_word(body, token_ends, &words);
		if (words.length > before && same_id(id, authserv_id))
			return true;
	}
	return false;
}

/* Behind the first ";" outside of comments and quotes; "" when there is none. */
static const char *behind_semicolon(const char *body)
{
	const char *last = strrchr(body, ')');

	while (*body != '\0' && *body != ';') {
		const char *end = *body == '"' ? strchr(body + 1, '"') : NULL;

		if (*body == '(')
			body = skip_comment(body, last);
		else
			body = end == NULL ? body + 1 : end + 1;
	}
	return *body == ';' ? body + 1 : body;
}

/* "i=1", with blanks and comments wherever they may stand. Readers that know no instance take it for the
 * identifier, so both are looked at; and some end it at a ";" within a comment. */
bool authres_arc_claims(const char *body, const char *authserv_id)
{
	const char *behind = strchr(body, ';');

	if (authres_claims(body, authserv_id))
		return true;
	return (behind != NULL && authres_claims(behind, authserv_id)) ||
	       authres_claims(behind_semicolon(body), authserv_id);
}

bool received_by(const char *body, const char *host)
{
	const char *last = strrchr(body, ')');
	char name[ID_SIZE];
	struct text word;

	while (*body != '\0' && *body != ';') {
		bool by;

		if (*body == '(') {
			body = skip_comment(body, last);
			continue;
		}
		/* All that a word can end before, or it would never be passed. */
		if (is_stripped(*body) || strchr("/)", *body) != NULL) {
			body++;
			continue;
		}
		text_init(&word, name, sizeof(name));
		body = take_word(body, word_ends, &word);
		by = ascii_equal(name, "by");
		if (!by)
			continue;
		text_init(&word, name, sizeof(name));
		(void)take_word(skip_blanks(body, last), word_ends, &word);
		return same_id(name, host);
	}
	return false;
}

/* The value behind "receiver=" anywhere in BODY. */
static bool receiver_is(const char *body, const char *host)
{
	const char *last = strrchr(body, ')');
	static const char key[] = "receiver";
	char name[ID_SIZE];
	struct text value;

	for (; *body != '\0'; body++) {
		const char *at = body + strlen(key);

		if (!ascii_starts_with(body, key))
			continue;
		at = skip_blanks(at, last);
		if (*at++ != '=')
			continue;
		at = skip_blanks(at, last);
		text_init(&value, name, sizeof(name));
		take_word(at, word_ends, &value);
		if (same_id(name, host))
			return true;
	}
	return false;
}

/* The comment at AT begins with HOST. What comes before its first word ends at *WORD_R. */
static bool comment_names(const char *at, const char *host, const char **word_r)
{
	char name[ID_SIZE];
	size_t length = 0;

	at += strspn(at, " \t\r\n(\"");
	*word_r = at;
	while (at[length] != '\0' && strchr(" \t\r\n:;)\"", at[length]) == NULL) {
		if (length + 1 >= sizeof(name))
			return false;
		name[length] = at[length];
		length++;
	}
	name[length] = '\0';
	return same_id(name, host);
}

bool received_spf_claims(const char *body, const char *host)
{
	const char *at = body, *last = strrchr(body, ')'), *word = body;

	if (receiver_is(body, host))
		return true;
	while ((at = strchr(at, '(')) != NULL) {
		/* Before the same word again, as in "((((", is known. */
		if (at >= word && comment_names(at, host, &word))
			return true;
		at = skip_comment(at, last);
	}
	return false;
}

static bool is_plain(char c)
{
	return ascii_is_alnum(c) || c == '.' || c == '@' || c == '_' || c == '-' || c == '+';
}

static bool is_printable(char c)
{
	return c >= 0x20 && c <= 0x7e;
}

/* The length of a character beyond ASCII that is to be seen; else 0. */
static size_t utf8_length(const char *at)
{
	uint32_t code_point;
	size_t length = utf8_decode(at, &code_point);

	return code_point < 0xa0 || utf8_is_invisible(code_point) ? 0 : length;
}

static void add_value(
	struct text *text, const char *value, size_t length, bool plain, bool internationalized)
{
	plain = plain && length > 0;
	for (size_t i = 0; i < length; i++)
		plain = plain && is_plain(value[i]);
	if (plain) {
		text_add_n(text, value, length);
		return;
	}
	text_add_char(text, '"');
	for (size_t i = 0; i < length; i++) {
		size_t wide = internationalized ? utf8_length(value + i) : 0;

		if (wide > 1 && i + wide <= length) {
			text_add_n(text, value + i, wide);
			i += wide - 1;
			continue;
		}
		if (value[i] == '"' || value[i] == '\\')
			text_add_char(text, '\\');
		text_add_char(text, is_printable(value[i]) ? value[i] : '?');
	}
	text_add_char(text, '"');
}

void authres_add_value(struct text *text, const char *value, size_t limit, bool internationalized)
{
	add_value(text, value, strnlen(value, limit), strchr(value, '@') == strrchr(value, '@'),
		internationalized);
}

void authres_add_dot_atom(struct text *text, const char *value, size_t limit)
{
	size_t length = strnlen(value, limit);
	bool dots = length > 0 &&
		    (value[0] == '.' || value[length - 1] == '.' || strstr(value, "..") != NULL);

	add_value(text, value, length, !dots && strchr(value, '@') == NULL, false);
}

void authres_add_comment(struct text *text, const char *value, size_t limit)
{
	size_t length = strnlen(value, limit);

	for (size_t i = 0; i < length; i++) {
		char c = value[i];

		if (c == '(' || c == ')')
			c = c == '(' ? '[' : ']';
		text_add_char(text, is_printable(c) && c != '\\' ? c : '?');
	}
}
