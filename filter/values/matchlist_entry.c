/* SPDX-License-Identifier: BSD-2-Clause */
#include "matchlist_entry.h"

#include <string.h>

#include "domain.h"
#include "text.h"

static bool parse_network(const char *text, struct matchlist_entry *entry, const char **why_r)
{
	char buffer[NETWORK_TEXT_SIZE];
	struct text out;

	if (!network_parse(text, &entry->network, why_r))
		return false;
	entry->is_network = true;
	text_init(&out, entry->text, sizeof(entry->text));
	if (strchr(text, '/') != NULL)
		text_add(&out, network_format(&entry->network, buffer));
	else
		text_add(&out, ipaddr_format(&entry->network.address, buffer));
	return true;
}

/* Any bytes that only a network is made of: so "192.0.2.300" is a bad network, not a domain. */
static bool looks_like_network(const char *text)
{
	if (text[0] == '\0' || text[0] == '.')
		return false;
	return strchr(text, '/') != NULL || strchr(text, ':') != NULL ||
	       text[strspn(text, "0123456789.-")] == '\0';
}

/* PREFIX is "", "." or "@". */
static bool parse_domain(
	const char *prefix, const char *text, struct matchlist_entry *entry, const char **why_r)
{
	char domain[DOMAIN_SIZE];
	struct text out;

	/* Mapping may make digits of look-alikes. */
	if (!domain_canonical(text, domain) || (prefix[0] == '\0' && looks_like_network(domain))) {
		*why_r = "not a network, domain or address; write it like 192.0.2.0/24, "
			 "example.com, .example.com, user@example.com or user@";
		return false;
	}
	text_init(&out, entry->text, sizeof(entry->text));
	text_add(&out, prefix);
	text_add(&out, domain);
	return true;
}

static bool parse_address(const char *text, struct matchlist_entry *entry, const char **why_r)
{
	enum path_error error;
	struct path path;

	error = path_parse(text, true, &path);
	if (error != PATH_OK || path.null) {
		*why_r = path_error_text(error);
		return false;
	}
	path_format(&path, entry->text);
	ascii_lower(entry->text);
	return true;
}

/* "user@": the local-part is read together with a domain, which is left out again. */
static bool parse_local_part(
	const char *text, size_t length, struct matchlist_entry *entry, const char **why_r)
{
	static const char domain[] = "any.invalid";
	char address[PATH_SIZE];
	struct text out;

	text_init(&out, address, sizeof(address));
	text_add_n(&out, text, length);
	text_add(&out, domain);
	if (out.truncated) {
		*why_r = path_error_text(PATH_TOO_LONG);
		return false;
	}
	if (!parse_address(address, entry, why_r))
		return false;
	entry->text[strlen(entry->text) - strlen(domain)] = '\0';
	return true;
}

bool matchlist_entry_parse(const char *text, struct matchlist_entry *entry_r, const char **why_r)
{
	size_t length = strlen(text);
	const char *at = strrchr(text, '@');

	memset(entry_r, 0, sizeof(*entry_r));
	*why_r = NULL;
	if (text[0] == '@')
		return parse_domain("@", text + 1, entry_r, why_r);
	if (at != NULL && at[1] == '\0')
		return parse_local_part(text, length, entry_r, why_r);
	if (at != NULL)
		return parse_address(text, entry_r, why_r);
	if (strchr(text, '*') != NULL) {
		*why_r = "there are no wildcards; .example.com means the domain and all below it";
		return false;
	}
	if (looks_like_network(text))
		return parse_network(text, entry_r, why_r);
	return parse_domain(text[0] == '.' ? "." : "", text + (text[0] == '.'), entry_r, why_r);
}
