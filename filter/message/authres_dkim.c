/* SPDX-License-Identifier: BSD-2-Clause */
#include "authres_dkim.h"

#include <string.h>

#include "text.h"

enum { COMMENT_DEPTH_MAX = 20, VALUE_SIZE = 512, KEYWORD_SIZE = 64 };

/* One result while it is read. */
struct result {
	char method[KEYWORD_SIZE], word[KEYWORD_SIZE];
	char domain[VALUE_SIZE], identity[VALUE_SIZE]; /* header.d, header.i; "" without */
	unsigned domains, identities; /* how often they stand */
};

/* Behind blanks, folds and comments; NULL when a comment does not end. */
static const char *skip_cfws(const char *at)
{
	unsigned depth = 0;

	for (; *at != '\0'; at++) {
		if (*at == '(') {
			if (++depth > COMMENT_DEPTH_MAX)
				return NULL;
		} else if (depth == 0) {
			if (!ascii_is_space(*at))
				return at;
		} else if (*at == ')') {
			depth--;
		} else if (*at == '\\' && at[1] != '\0') {
			at++;
		}
	}
	return depth == 0 ? at : NULL;
}

/* RFC 2045 5.1. */
static bool is_token_char(char c)
{
	return c > ' ' && c < 0x7f && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

static bool is_keyword_char(char c)
{
	return ascii_is_alnum(c) || c == '-' || c == '_';
}

/* The run of octets that are GOOD, in lower case; NULL when there is none or it does not fit. */
static const char *take_run(const char *at, bool (*good)(char c), char *buffer, size_t size)
{
	struct text run;

	text_init(&run, buffer, size);
	for (; *at != '\0' && good(*at); at++)
		text_add_char(&run, ascii_lower_char(*at));
	return run.length == 0 || run.truncated ? NULL : at;
}

static const char *take_quoted(const char *at, char *buffer, size_t size)
{
	struct text value;

	text_init(&value, buffer, size);
	for (at++; *at != '"'; at++) {
		if (*at == '\\')
			at++;
		if ((unsigned char)*at < ' ' && *at != '\t' && *at != '\r' && *at != '\n')
			return NULL;
		text_add_char(&value, ascii_lower_char(*at));
	}
	return value.truncated ? NULL : at + 1;
}

/* A token, or an address that needs no quotes, in UTF-8 (RFC 8616). Programs write slashes, "=" and more
 * unquoted, too. */
static bool is_bare_char(char c)
{
	return is_token_char(c) || (unsigned char)c >= 0x80 ||
	       (c != '\0' && strchr("@/=:[]?<>", c) != NULL);
}

static const char *take_value(const char *at, char *buffer, size_t size)
{
	if (*at == '"')
		return take_quoted(at, buffer, size);
	return take_run(at, is_bare_char, buffer, size);
}

/* CFWS, "=", CFWS. */
static const char *skip_equals(const char *at)
{
	at = skip_cfws(at);
	if (at == NULL || *at != '=')
		return NULL;
	return skip_cfws(at + 1);
}

static const char *take_version(const char *at)
{
	while (ascii_is_digit(*at))
		at++;
	return skip_cfws(at);
}

static const char *take_method(const char *at, struct result *result)
{
	at = take_run(at, is_keyword_char, result->method, sizeof(result->method));
	if (at == NULL)
		return NULL;
	at = skip_cfws(at);
	if (at != NULL && *at == '/') {
		at = skip_cfws(at + 1);
		if (at == NULL || !ascii_is_digit(*at))
			return NULL;
		at = take_version(at);
	}
	if (at == NULL)
		return NULL;
	at = skip_equals(at);
	if (at == NULL)
		return NULL;
	return take_run(at, is_keyword_char, result->word, sizeof(result->word));
}

static void keep_property(
	struct result *result, const char *type, const char *property, const char *value)
{
	char *kept = NULL;

	if (strcmp(type, "header") != 0)
		return;
	if (strcmp(property, "d") == 0) {
		kept = result->domain;
		result->domains++;
	} else if (strcmp(property, "i") == 0) {
		kept = result->identity;
		result->identities++;
	}
	if (kept != NULL)
		memcpy(kept, value, strlen(value) + 1);
}

/* "reason = value" or "ptype.property = value". */
static const char *take_property(const char *at, struct result *result)
{
	char type[KEYWORD_SIZE], property[KEYWORD_SIZE] = "", value[VALUE_SIZE];

	at = take_run(at, is_keyword_char, type, sizeof(type));
	if (at != NULL)
		at = skip_cfws(at);
	if (at != NULL && *at == '.') {
		at = skip_cfws(at + 1);
		if (at != NULL)
			at = take_run(at, is_keyword_char, property, sizeof(property));
	} else if (at == NULL || strcmp(type, "reason") != 0) {
		return NULL;
	}
	if (at != NULL)
		at = skip_equals(at);
	if (at != NULL)
		at = take_value(at, value, sizeof(value));
	if (at == NULL)
		return NULL;
	keep_property(result, type, property, value);
	return skip_cfws(at);
}

/* The domain that signed; false when the result does not say it in one way. */
static bool signer(const struct result *result, char domain_r[DOMAIN_SIZE])
{
	const char *at = strrchr(result->identity, '@');

	if (result->domains == 1)
		return domain_canonical(result->domain, domain_r) && domain_is_hostname(domain_r);
	return result->domains == 0 && result->identities == 1 && at != NULL &&
	       domain_canonical(at + 1, domain_r) && domain_is_hostname(domain_r);
}

static void keep_result(struct authres_dkim *dkim, const struct result *result)
{
	char domain[DOMAIN_SIZE];

	if (strcmp(result->method, "dkim") != 0)
		return;
	dkim->seen = true;
	if (strcmp(result->word, "temperror") == 0)
		dkim->temporary = true;
	if (strcmp(result->word, "pass") != 0 || !signer(result, domain))
		return;
	for (size_t i = 0; i < dkim->pass_count; i++)
		if (strcmp(dkim->passes[i], domain) == 0)
			return;
	if (dkim->pass_count == AUTHRES_DKIM_PASSES_MAX)
		dkim->too_many = true;
	else
		memcpy(dkim->passes[dkim->pass_count++], domain, DOMAIN_SIZE);
}

/* One result behind ";"; returns what is behind it, NULL when it breaks the grammar. */
static const char *take_result(const char *at, struct authres_dkim *dkim)
{
	struct result result = {.domains = 0};

	at = take_method(at, &result);
	if (at != NULL)
		at = skip_cfws(at);
	while (at != NULL && *at != '\0' && *at != ';')
		at = take_property(at, &result);
	if (at != NULL)
		keep_result(dkim, &result);
	return at;
}

static const char *take_id(const char *at, struct authres_dkim *dkim)
{
	at = skip_cfws(at);
	if (at == NULL)
		return NULL;
	at = take_run(at, is_token_char, dkim->authserv_id, sizeof(dkim->authserv_id));
	if (at != NULL)
		at = skip_cfws(at);
	return at == NULL ? NULL : take_version(at);
}

/* "none" with nothing behind it. */
static bool is_no_result(const char *at)
{
	char word[KEYWORD_SIZE];

	at = take_run(at, is_keyword_char, word, sizeof(word));
	if (at == NULL || strcmp(word, "none") != 0)
		return false;
	at = skip_cfws(at);
	return at != NULL && *at == '\0';
}

/* All behind the authserv-id; a ";" at the end is common. */
static bool take_results(const char *at, struct authres_dkim *dkim)
{
	bool first = true;

	while (at != NULL && *at == ';') {
		at = skip_cfws(at + 1);
		if (at == NULL || *at == '\0' || (first && is_no_result(at)))
			return at != NULL;
		at = take_result(at, dkim);
		first = false;
	}
	return at != NULL && *at == '\0';
}

bool authres_dkim_read(const char *body, struct authres_dkim *dkim_r)
{
	const char *at;

	*dkim_r = (struct authres_dkim){.seen = false};
	at = take_id(body, dkim_r);
	if (at != NULL && take_results(at, dkim_r))
		return true;
	*dkim_r = (struct authres_dkim){.seen = false};
	return false;
}

bool authres_dkim_is_by(const struct authres_dkim *dkim, char *const *ids)
{
	for (; ids != NULL && *ids != NULL; ids++)
		if (ascii_equal(*ids, dkim->authserv_id))
			return true;
	return false;
}
