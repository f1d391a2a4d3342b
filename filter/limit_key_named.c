/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "domain.h"
#include "limit_key_private.h"
#include "mailbox_identity.h"
#include "text.h"

static bool name_mailbox(const char *piece, const char *extension, char *value)
{
	char wire[PATH_SIZE + 2];
	struct path path;

	snprintf(wire, sizeof(wire), piece[0] == '<' ? "%.*s" : "<%.*s>", PATH_SIZE - 1, piece);
	if (piece[0] == '\0' || path_parse(wire, true, &path) != PATH_OK)
		return false;
	if (path.null)
		return text_copy(value, PATH_SIZE, "<>");
	mailbox_identity(&path, extension, value);
	return true;
}

static bool name_domain(enum part part, const char *piece, char *value)
{
	char name[DOMAIN_SIZE];
	struct ipaddr address;

	if (ipaddr_parse(piece, &address) || !domain_canonical(piece, name))
		return false;
	return text_copy(value, PATH_SIZE,
		part == PART_SENDER_ORGANIZATION ? domain_organizational(name) : name);
}

static bool name_address(const char *piece, char *value)
{
	struct ipaddr address;

	if (!ipaddr_parse(piece, &address))
		return false;
	ipaddr_format(&address, value);
	return true;
}

/* An address stands for its network. */
static bool name_network(const char *piece, const struct limit_key_options *options, char *value)
{
	char text[NETWORK_TEXT_SIZE];
	char address[IPADDR_TEXT_SIZE];
	size_t length = strcspn(piece, "/");
	struct network network;
	struct ipaddr client;

	if (length >= sizeof(address))
		return false;
	memcpy(address, piece, length);
	address[length] = '\0';
	if (!ipaddr_parse(address, &client))
		return false;
	network = network_of(&client, options->prefix_v4, options->prefix_v6);
	return text_copy(value, PATH_SIZE, network_format(&network, text));
}

static bool name_part(
	enum part part, const struct limit_key_options *options, const char *piece, char *value)
{
	switch (part) {
	case PART_SENDER:
	case PART_RECIPIENT:
		return name_mailbox(piece, options->extension, value);
	case PART_SENDER_DOMAIN:
	case PART_SENDER_ORGANIZATION:
	case PART_RECIPIENT_DOMAIN:
	case PART_CONFIRMED_NAME:
		return name_domain(part, piece, value);
	case PART_CLIENT_IP:
		return name_address(piece, value);
	case PART_CLIENT_NET:
		return name_network(piece, options, value);
	case PART_HELO:
		if (name_domain(part, piece, value))
			return true;
		break;
	case PART_AUTH_USER:
	case PART_TLS_SUBJECT:
	case PART_DAEMON:
		break;
	}
	if (piece[0] == '\0' || !text_copy(value, PATH_SIZE, piece))
		return false;
	if (part == PART_AUTH_USER || part == PART_HELO)
		ascii_lower(value);
	return true;
}

static void trim(char **piece)
{
	size_t length;

	while (ascii_is_space(**piece))
		(*piece)++;
	length = strlen(*piece);
	while (length > 0 && ascii_is_space((*piece)[length - 1]))
		(*piece)[--length] = '\0';
}

/* COUNT pieces of TEXT, which is changed. One piece is all of it: an address may have a "+". */
static bool split(char *text, char **pieces, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *plus = i + 1 < count ? strchr(text, '+') : NULL;

		if (i + 1 < count && plus == NULL)
			return false;
		pieces[i] = text;
		if (plus != NULL) {
			*plus = '\0';
			text = plus + 1;
		}
		trim(&pieces[i]);
	}
	return true;
}

static const struct limit_override *named_override(const struct limit_overrides *overrides,
	const unsigned char *parts, char (*values)[PATH_SIZE], size_t count, bool unproven)
{
	const struct limit_override *found = NULL;

	for (size_t i = 0; i < count && found == NULL; i++) {
		bool network = parts[i] == PART_CLIENT_IP || parts[i] == PART_CLIENT_NET;
		char address[PATH_SIZE];
		struct ipaddr client;

		snprintf(address, sizeof(address), "%.*s", (int)strcspn(values[i], "/"), values[i]);
		if (network && ipaddr_parse(address, &client))
			found = limit_override_for_client(overrides, &client);
		else if (!network && (!unproven || !limit_key_part_is_written(parts[i])))
			found = limit_override_for(overrides, values[i]);
	}
	return limit_key_in_force(found);
}

static bool is_address_text(const char *text)
{
	char address[IPADDR_TEXT_SIZE];
	size_t length = strcspn(text, "/");
	struct ipaddr parsed;

	if (length >= sizeof(address))
		return false;
	memcpy(address, text, length);
	address[length] = '\0';
	return ipaddr_parse(address, &parsed);
}

static bool part_takes(enum part part, const char *text)
{
	bool mailbox = strchr(text, '@') != NULL, address = is_address_text(text);
	char name[DOMAIN_SIZE];
	bool domain = !address && domain_canonical(text[0] == '.' ? text + 1 : text, name);

	switch (part) {
	case PART_SENDER:
	case PART_RECIPIENT:
		return mailbox || domain;
	case PART_SENDER_DOMAIN:
	case PART_SENDER_ORGANIZATION:
	case PART_RECIPIENT_DOMAIN:
	case PART_CONFIRMED_NAME:
	case PART_HELO:
		return domain;
	case PART_CLIENT_IP:
	case PART_CLIENT_NET:
		return address;
	case PART_AUTH_USER:
	case PART_TLS_SUBJECT:
	case PART_DAEMON:
		return !address;
	}
	return false;
}

bool limit_key_takes(const struct limit_key *key, const char *text)
{
	for (size_t a = 0; a < key->alternatives; a++)
		for (size_t i = 0; i < key->part_counts[a]; i++)
			if (part_takes(key->parts[a][i], text))
				return true;
	return false;
}

static bool is_provable(enum part part)
{
	return limit_key_part_is_written(part) && part != PART_RECIPIENT &&
	       part != PART_RECIPIENT_DOMAIN;
}

bool limit_key_named(const struct limit_key *key, size_t alternative,
	const struct limit_key_options *options, const char *name, bool unproven,
	struct limit_identity *identity)
{
	const unsigned char *parts = key->parts[alternative];
	size_t count = key->part_counts[alternative];
	char values[LIMIT_PARTS_MAX + 1][PATH_SIZE];
	char text[4 * PATH_SIZE];
	char *pieces[LIMIT_PARTS_MAX + 1];
	const char *network = NULL;
	bool provable = false;

	for (size_t i = 0; i < count; i++) {
		provable = provable || is_provable(parts[i]);
		if (parts[i] == PART_CLIENT_IP || parts[i] == PART_CLIENT_NET)
			network = values[i];
	}
	if ((unproven && !provable) || !text_copy(text, sizeof(text), name) ||
		!split(text, pieces, count + (unproven && network == NULL)))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!name_part(parts[i], options, pieces[i], values[i]) ||
			(!unproven && strcmp(values[i], "<>") == 0))
			return false;
	if (unproven && network == NULL && !name_network(pieces[count], options, values[count]))
		return false;
	limit_key_hash(options->title, parts, values, count, identity);
	identity->override = named_override(options->raises, parts, values, count, unproven);
	if (identity->override == NULL)
		identity->override =
			named_override(options->overrides, parts, values, count, unproven);
	if (unproven)
		limit_key_place(
			options->title, network == NULL ? values[count] : network, identity);
	return true;
}
