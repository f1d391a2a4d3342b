/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailbox_form.h"

#include <string.h>

#include "encoded_word.h"
#include "mem.h"
#include "text.h"
#include "utf8.h"

/* RFC 5321 4.5.3.1.1. In an envelope longer ones stand for bounces; From is written by people. */
enum { LOCAL_PART_MAX = 64 };

void mailbox_defect_add(uint64_t *defects, enum mailbox_defect defect)
{
	*defects |= UINT64_C(1) << defect;
}

/* Addresses. ---------------------------------------------------------------------------------- */

/* An address with what stands outside of its quotes. */
struct parts {
	const char *domain; /* behind the last "@", or NULL */
	unsigned at_count;
	bool comma;
};

static struct parts parts_of(const char *address)
{
	struct parts parts = {0};
	bool quoted = false;

	for (; *address != '\0'; address++) {
		if (*address == '\\' && quoted && address[1] != '\0') {
			address++;
		} else if (*address == '"') {
			quoted = !quoted;
		} else if (*address == '@' && !quoted) {
			parts.domain = address + 1;
			parts.at_count++;
		} else if (*address == ',' && !quoted) {
			parts.comma = true;
		}
	}
	return parts;
}

/* RFC 5322 3.2.3: what no atom has, outside of a quoted local-part. */
static bool has_special(const char *address)
{
	if (address[0] == '"') {
		const char *end = address + 1;

		while (*end != '"' && *end != '\0')
			end += *end == '\\' && end[1] != '\0' ? 2 : 1;
		if (end[0] == '"' && end[1] == '@')
			address = end + 1;
	}
	return strpbrk(address, "()<>[]:;\\,\"") != NULL;
}

static void look_at_octets(uint64_t *defects, const char *address)
{
	while (*address != '\0') {
		uint32_t code_point;
		size_t length = utf8_decode(address, &code_point);

		if ((unsigned char)*address > 0x7f)
			mailbox_defect_add(defects, DEFECT_8BIT_ADDRESS);
		if (length == 0 || code_point == 0xa0 || code_point == 0x3000 ||
			utf8_is_invisible(code_point))
			mailbox_defect_add(defects, DEFECT_INVISIBLE_IN_ADDRESS);
		address += length == 0 ? 1 : length;
	}
}

static bool has_encoded_word(const char *address)
{
	char shown[PATH_SIZE];
	struct encoded_words seen;
	struct text text;

	if (strstr(address, "=?") == NULL)
		return false;
	text_init(&text, shown, sizeof(shown));
	encoded_word_decode(address, &text, &seen);
	return seen.count > 0;
}

/* '<"a@b>"@c>': grammatical, but a reader who knows no quotes there sees another address. */
static bool ends_in_quotes(const char *address)
{
	const char *at = strchr(address, '@');

	return at != NULL && strchr(at, '>') != NULL;
}

static void look_at_form(uint64_t *defects, const struct mailbox *mailbox, enum path_error error,
	const struct parts *parts)
{
	const struct path *path = &mailbox->path;

	if (has_encoded_word(mailbox->address))
		mailbox_defect_add(defects, DEFECT_ENCODED_PART);
	else if (parts->comma && error != PATH_OK)
		mailbox_defect_add(defects, DEFECT_SEVERAL_BRACKETS);
	else if (parts->at_count > 1)
		mailbox_defect_add(defects, DEFECT_TWO_AT);
	else if (parts->at_count == 0)
		mailbox_defect_add(defects, strpbrk(mailbox->address, "\"\\") == NULL
						    ? DEFECT_UNQUALIFIED
						    : DEFECT_SPECIAL_IN_ADDRESS);
	else if ((error != PATH_OK && has_special(mailbox->address)) ||
		 ends_in_quotes(mailbox->address))
		mailbox_defect_add(defects, DEFECT_SPECIAL_IN_ADDRESS);
	else if (error == PATH_TOO_LONG)
		mailbox_defect_add(defects, DEFECT_ADDRESS_LENGTH);
	else if (error == PATH_BAD_DOMAIN)
		mailbox_defect_add(defects, DEFECT_DOMAIN_MALFORMED);
	else if (error != PATH_OK)
		mailbox_defect_add(defects, DEFECT_LOCAL_PART_MALFORMED);
	else if (strlen(path->local_part) > LOCAL_PART_MAX)
		mailbox_defect_add(defects, DEFECT_ADDRESS_LENGTH);
	else if (path->literal.family == IP_NONE && strchr(path->domain, '.') == NULL)
		mailbox_defect_add(defects, DEFECT_UNQUALIFIED);
}

/* What stands behind a route; readers that know none take the start. */
static const char *skip_route(uint64_t *defects, const char *address)
{
	const char *colon = strrchr(address, ':');

	if (address[0] != '@')
		return address;
	mailbox_defect_add(defects, DEFECT_ROUTE);
	return colon == NULL ? address : colon + 1;
}

void mailbox_form_address(struct mailbox *mailbox, const char *address, uint64_t *defects)
{
	enum path_error error;
	struct parts parts;

	address = skip_route(defects, address);
	mailbox->address = mem_text_n(address, PATH_SIZE - 1);
	error = path_parse(mailbox->address, true, &mailbox->path);
	parts = parts_of(mailbox->address);
	if (error == PATH_OK) {
		memcpy(mailbox->domain, mailbox->path.domain, sizeof(mailbox->domain));
	} else {
		mailbox->path = (struct path){.null = true};
		if (parts.domain != NULL && !domain_canonical(parts.domain, mailbox->domain))
			mailbox->domain[0] = '\0';
	}
	look_at_octets(defects, mailbox->address);
	look_at_form(defects, mailbox, error, &parts);
}

/* The domain at the start of WORDS, blanks around its dots left out. */
static bool read_domain(const char *words, char domain[DOMAIN_SIZE])
{
	char raw[DOMAIN_SIZE];
	struct text text;

	text_init(&text, raw, sizeof(raw));
	for (words += strspn(words, " "); *words != '\0'; words++) {
		bool after_dot = text.length > 0 && raw[text.length - 1] == '.';

		if (*words == ' ' && (after_dot || words[strspn(words, " ")] == '.'))
			continue;
		if (!ascii_is_alnum(*words) && *words != '-' && *words != '.')
			break;
		text_add_char(&text, *words);
	}
	return !text.truncated && domain_canonical(raw, domain) && domain_is_qualified(domain);
}

bool mailbox_words_name_other(const char *words, const char *own)
{
	char domain[DOMAIN_SIZE];

	for (const char *at = strchr(words, '@'); at != NULL; at = strchr(at + 1, '@')) {
		if (at == words)
			continue;
		if (at[1 + strspn(at + 1, " ")] == '[')
			return true;
		if (read_domain(at + 1, domain) &&
			(own[0] == '\0' || !domain_same_organization(domain, own)))
			return true;
	}
	return false;
}

void mailbox_form_words(const struct mailbox *mailbox, const char *words, uint64_t *defects)
{
	if (ascii_equal(words, mailbox->address))
		return;
	mailbox_defect_add(defects, mailbox_words_name_other(words, mailbox->domain)
					    ? DEFECT_OTHER_ADDRESS_AS_NAME
					    : DEFECT_UNQUOTED_AT);
}

/* Names. -------------------------------------------------------------------------------------- */

/* NAME holds "<x@y>" with x@y not ADDRESS. */
static bool shows_other(const char *name, const char *address)
{
	for (const char *open = strchr(name, '<'); open != NULL; open = strchr(open + 1, '<')) {
		size_t length = strcspn(open + 1, "<>");

		if (open[1 + length] != '>' || memchr(open + 1, '@', length) == NULL)
			continue;
		if (strlen(address) != length || !ascii_equal_n(open + 1, address, length))
			return true;
	}
	return false;
}

static void trim(char *text)
{
	size_t start = strspn(text, " ");
	size_t length = strlen(text + start);

	while (length > 0 && text[start + length - 1] == ' ')
		length--;
	memmove(text, text + start, length);
	text[length] = '\0';
}

static void look_at_name(uint64_t *defects, const char *name)
{
	while (*name != '\0') {
		uint32_t code_point;
		size_t length = utf8_decode(name, &code_point);

		if (length > 0 && utf8_is_invisible(code_point))
			mailbox_defect_add(defects, DEFECT_INVISIBLE_IN_NAME);
		name += length == 0 ? 1 : length;
	}
}

void mailbox_form_name(struct mailbox *mailbox, const char *raw, uint64_t *defects)
{
	char buffer[MAILBOX_TEXT_SIZE];
	struct encoded_words seen;
	struct text name;

	text_init(&name, buffer, sizeof(buffer));
	encoded_word_decode(raw, &name, &seen);
	trim(buffer);
	if (seen.control)
		mailbox_defect_add(defects, DEFECT_ENCODED_CONTROL);
	if (seen.malformed)
		mailbox_defect_add(defects, DEFECT_ENCODED_WORD_MALFORMED);
	if (seen.count > 0 && shows_other(buffer, mailbox->address))
		mailbox_defect_add(defects, DEFECT_ADDRESS_IN_ENCODED_NAME);
	look_at_name(defects, buffer);
	mailbox->name = mem_text(buffer);
}

const char *mailbox_defect_text(enum mailbox_defect defect)
{
	static const char *const texts[DEFECTS] = {
		[DEFECT_GROUP] = "a group",
		[DEFECT_EMPTY_GROUP] = "a group without an address",
		[DEFECT_ROUTE] = "a route before the address",
		[DEFECT_ESCAPED_SEPARATOR] = "a backslash before a separator, outside of quotes",
		[DEFECT_TEXT_AFTER_ADDRESS] = "text after '>'",
		[DEFECT_SEVERAL_BRACKETS] = "more than one address in brackets",
		[DEFECT_NESTED_BRACKETS] = "brackets within brackets",
		[DEFECT_UNBALANCED_BRACKET] = "an unbalanced bracket",
		[DEFECT_UNBALANCED_QUOTE] = "a quote that does not end",
		[DEFECT_UNBALANCED_COMMENT] = "an unbalanced comment",
		[DEFECT_DEEP_COMMENT] = "comments nested too deeply",
		[DEFECT_COMMENT_IN_ADDRESS] = "a comment within the address",
		[DEFECT_ENCODED_ADDRESS] = "an encoded word in place of an address",
		[DEFECT_ENCODED_PART] = "an encoded word within the address",
		[DEFECT_ADDRESS_IN_ENCODED_NAME] =
			"another address in brackets in the encoded name",
		[DEFECT_ENCODED_CONTROL] = "a control character in an encoded word",
		[DEFECT_CONTROL_CHARACTER] = "a control character",
		[DEFECT_INVISIBLE_IN_ADDRESS] = "invisible characters or no UTF-8 in the address",
		[DEFECT_BLANK_IN_ADDRESS] = "a blank within the address",
		[DEFECT_TWO_AT] = "more than one '@' in the address",
		[DEFECT_SPECIAL_IN_ADDRESS] = "a special character in the address",
		[DEFECT_ADDRESS_IN_NAME_ONLY] = "an address that stands only in a name",
		[DEFECT_OTHER_ADDRESS_AS_NAME] = "another address as the name, without quotes",
		[DEFECT_BLANK_FOLD] = "a line of blanks within the field",
		[DEFECT_NO_ADDRESS] = "a name without an address",
		[DEFECT_NULL_ADDRESS] = "an empty address",
		[DEFECT_UNQUALIFIED] = "an address without a full domain",
		[DEFECT_UNQUOTED_COMMA] = "a comma in a name without quotes",
		[DEFECT_UNQUOTED_COLON] = "a colon in a name without quotes",
		[DEFECT_UNQUOTED_AT] = "'@' in a name without quotes",
		[DEFECT_UNQUOTED_BRACKET] = "a square bracket in a name without quotes",
		[DEFECT_SEMICOLON] = "a semicolon between or after addresses",
		[DEFECT_STRAY_BACKSLASH] = "a backslash outside of quotes",
		[DEFECT_EMPTY_ELEMENT] = "an empty place in the list of addresses",
		[DEFECT_BLANK_AROUND_AT] = "a blank beside '@'",
		[DEFECT_WORDS_BESIDE_ADDRESS] = "words beside an address without brackets",
		[DEFECT_NESTED_COMMENT] = "a comment within a comment",
		[DEFECT_LOCAL_PART_MALFORMED] = "a local-part that is none",
		[DEFECT_DOMAIN_MALFORMED] = "a domain that is none",
		[DEFECT_ADDRESS_LENGTH] = "an address that is too long",
		[DEFECT_8BIT_ADDRESS] = "8-bit octets in the address without SMTPUTF8",
		[DEFECT_INVISIBLE_IN_NAME] =
			"invisible or direction-changing characters in the name",
		[DEFECT_ENCODED_WORD_MALFORMED] = "an encoded word that is none",
		[DEFECT_FOLD_AFTER_COLON] = "nothing on the field's first line",
	};

	return (unsigned)defect < DEFECTS ? texts[defect] : "unknown defect";
}
