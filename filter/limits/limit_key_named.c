/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "domain.h"
#include "limit_key_private.h"
#include "mailbox_identity.h"
#include "text.h"

static bool name_mailbox(const char *piece, const char *extension, char *value)
{
	struct path path;

	if (!mailbox_identity_path(piece, &path))
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

/* What a name is read as. */
struct naming {
	const struct limit_key_options *options;
	const unsigned char *parts;
	size_t count; /* of the parts */
	bool network_follows; /* as one piece more */
	char values[LIMIT_PARTS_MAX + 1][PATH_SIZE];
};

static bool name_piece(struct naming *naming, size_t index, const char *text, size_t length)
{
	char piece[2 * PATH_SIZE];

	while (length > 0 && ascii_is_space(*text)) {
		text++;
		length--;
	}
	while (length > 0 && ascii_is_space(text[length - 1]))
		length--;
	if (length >= sizeof(piece))
		return false;
	memcpy(piece, text, length);
	piece[length] = '\0';
	if (index == naming->count)
		return name_network(piece, naming->options, naming->values[index]);
	return name_part(naming->parts[index], naming->options, piece, naming->values[index]);
}

/* Reads TEXT as the pieces from INDEX on. An address or a user may have a "+" of its own, so each of them is
 * tried for the one that joins. */
static bool name_pieces(struct naming *naming, size_t index, const char *text)
{
	if (index + 1 == naming->count + naming->network_follows)
		return name_piece(naming, index, text, strlen(text));
	for (const char *plus = strchr(text, '+'); plus != NULL; plus = strchr(plus + 1, '+'))
		if (name_piece(naming, index, text, (size_t)(plus - text)) &&
			name_pieces(naming, index + 1, plus + 1))
			return true;
	return false;
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
	size_t count = key->part_counts[alternative];
	struct naming naming = {
		.options = options, .parts = key->parts[alternative], .count = count};
	const char *network = NULL;
	bool provable = false;

	for (size_t i = 0; i < count; i++) {
		provable = provable || is_provable(naming.parts[i]);
		if (naming.parts[i] == PART_CLIENT_IP || naming.parts[i] == PART_CLIENT_NET)
			network = naming.values[i];
	}
	naming.network_follows = unproven && network == NULL;
	if ((unproven && !provable) || !name_pieces(&naming, 0, name))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!unproven && strcmp(naming.values[i], "<>") == 0)
			return false;
	limit_key_hash(options->title, naming.parts, naming.values, count, identity);
	identity->override =
		named_override(options->raises, naming.parts, naming.values, count, unproven);
	if (identity->override == NULL)
		identity->override = named_override(
			options->overrides, naming.parts, naming.values, count, unproven);
	if (unproven)
		limit_key_place(
			options->title, network == NULL ? naming.values[count] : network, identity);
	return true;
}
