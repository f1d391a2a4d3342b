/* SPDX-License-Identifier: BSD-2-Clause */
#include "recipient_domain.h"

#include <string.h>

#include "text.h"

enum { WORD_SIZE = 64 };

static const char blanks[] = " \t";

const char *const recipient_outage_words[] = {
	[RECIPIENT_OUTAGE_CHECK] = "check",
	[RECIPIENT_OUTAGE_ACCEPT] = "accept",
	[RECIPIENT_OUTAGE_TEMPFAIL] = "tempfail",
	[RECIPIENT_OUTAGE_BACKUP] = "backup",
	NULL,
};

const char *recipient_domain_read(const char *text, char domain_r[DOMAIN_SIZE])
{
	size_t length = strcspn(text, blanks);
	char domain[DOMAIN_SIZE];
	bool below = text[0] == '.';

	if (length == 0 || length >= sizeof(domain) - 1)
		return NULL;
	memcpy(domain, text, length);
	domain[length] = '\0';
	domain_r[0] = '\0';
	text += length + strspn(text + length, blanks);
	if (strcmp(domain, "*") == 0)
		return text;
	if (!domain_canonical(domain + below, domain_r) || strlen(domain_r) + 2 > DOMAIN_SIZE)
		return NULL;
	if (below) {
		memmove(domain_r + 1, domain_r, strlen(domain_r) + 1);
		domain_r[0] = '.';
	}
	return text;
}

bool recipient_domain_covers(const char *pattern, const char *domain)
{
	if (pattern[0] == '.')
		return domain_is_within(domain, pattern + 1) && strcmp(domain, pattern + 1) != 0;
	return pattern[0] == '\0' || strcmp(pattern, domain) == 0;
}

bool recipient_domain_includes(const char *earlier, const char *later)
{
	if (earlier[0] == '\0' || strcmp(earlier, later) == 0)
		return true;
	return later[0] == '.' ? earlier[0] == '.' && domain_is_within(later + 1, earlier + 1)
			       : later[0] != '\0' && recipient_domain_covers(earlier, later);
}

const char *recipient_domain_extension_fault(const char *text)
{
	if (strlen(text) >= sizeof(((struct recipient_domain *)0)->extension))
		return "has more characters in extension than there is room for; write one or two";
	for (; *text != '\0'; text++)
		if (*text <= ' ' || *text > '~' || ascii_is_alnum(*text) ||
			strchr("@\"\\", *text) != NULL)
			return "has characters in extension that are no signs to part a name by; "
			       "write \"+\" or \"+-\"";
	return NULL;
}

static bool parse_yes(const char *text, bool *yes_r)
{
	*yes_r = ascii_equal(text, "yes");
	return *yes_r || ascii_equal(text, "no");
}

static bool parse_outage(const char *text, enum recipient_outage *outage_r)
{
	for (size_t i = 0; recipient_outage_words[i] != NULL; i++) {
		if (!ascii_equal(text, recipient_outage_words[i]))
			continue;
		*outage_r = (enum recipient_outage)i;
		return true;
	}
	return false;
}

/* What is wrong with WORD ("option=value"), or NULL. */
static const char *parse_option(char *word, struct recipient_domain *domain)
{
	char *value = strchr(word, '=');

	if (value == NULL)
		return "has no \"=\" after an option; write \"example.org outage=tempfail\"";
	*value++ = '\0';
	if (ascii_equal(word, "extension")) {
		const char *fault = recipient_domain_extension_fault(value);

		if (fault == NULL)
			memcpy(domain->extension, value, strlen(value) + 1);
		return fault;
	}
	if (ascii_equal(word, "case_sensitive"))
		return parse_yes(value, &domain->case_sensitive) ? NULL
								 : "needs case_sensitive=yes or no";
	if (ascii_equal(word, "catch_all"))
		return parse_yes(value, &domain->catch_all) ? NULL : "needs catch_all=yes or no";
	if (ascii_equal(word, "wildcard"))
		return parse_yes(value, &domain->wildcard) ? NULL : "needs wildcard=yes or no";
	if (ascii_equal(word, "outage"))
		return parse_outage(value, &domain->outage)
			       ? NULL
			       : "needs outage=tempfail, accept, backup or check";
	return "has an option that is not known; write extension, case_sensitive, wildcard, "
	       "catch_all or outage";
}

bool recipient_domain_parse(const char *text, const struct recipient_domain *defaults,
	struct recipient_domain *domain_r, const char **why_r)
{
	char word[WORD_SIZE];

	*domain_r = *defaults;
	text = recipient_domain_read(text, domain_r->domain);
	*why_r = "starts with no domain; write \"example.org outage=tempfail\"";
	if (text == NULL)
		return false;
	while (*text != '\0') {
		size_t length = strcspn(text, blanks);

		*why_r = "has an option that is too long";
		if (length >= sizeof(word))
			return false;
		memcpy(word, text, length);
		word[length] = '\0';
		*why_r = parse_option(word, domain_r);
		if (*why_r != NULL)
			return false;
		text += length + strspn(text + length, blanks);
	}
	return true;
}

bool recipient_domain_base(const struct recipient_domain *domain, const char *local_part,
	char base_r[PATH_LOCAL_PART_MAX + 1])
{
	size_t length = strcspn(local_part, domain->extension);

	if (length == 0 || length > PATH_LOCAL_PART_MAX || local_part[length] == '\0')
		return false;
	memcpy(base_r, local_part, length);
	base_r[length] = '\0';
	if (!domain->case_sensitive)
		ascii_lower(base_r);
	return true;
}
