/* SPDX-License-Identifier: BSD-2-Clause */
#include "limit_key.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "domain.h"
#include "limit_key_private.h"
#include "mailbox_identity.h"
#include "text.h"

static const char *const part_names[] = {
	[PART_AUTH_USER] = "auth_user",
	[PART_SENDER] = "sender",
	[PART_SENDER_DOMAIN] = "sender_domain",
	[PART_SENDER_ORGANIZATION] = "sender_organization",
	[PART_CLIENT_IP] = "client_ip",
	[PART_CLIENT_NET] = "client_net",
	[PART_CONFIRMED_NAME] = "confirmed_name",
	[PART_HELO] = "helo",
	[PART_RECIPIENT] = "recipient",
	[PART_RECIPIENT_DOMAIN] = "recipient_domain",
	[PART_TLS_SUBJECT] = "tls_subject",
	[PART_DAEMON] = "daemon",
	NULL,
};

/* Reading. ------------------------------------------------------------------------------------- */

static bool find_part(const char *word, size_t length, unsigned char *part_r)
{
	for (unsigned char i = 0; part_names[i] != NULL; i++) {
		if (strlen(part_names[i]) == length && ascii_equal_n(part_names[i], word, length)) {
			*part_r = i;
			return true;
		}
	}
	return false;
}

static bool complain_of_word(const char *word, size_t length, char *why, size_t why_size)
{
	char shown[40];
	const char *meant;

	snprintf(shown, sizeof(shown), "%.*s", (int)(length < 39 ? length : 39), word);
	meant = text_suggest(shown, part_names);
	if (length == 0)
		snprintf(why, why_size,
			"a word is missing; write for example \"auth_user | sender\"");
	else if (meant != NULL)
		snprintf(why, why_size, "\"%s\" is no key; did you mean \"%s\"?", shown, meant);
	else
		snprintf(why, why_size,
			"\"%s\" is no key; write auth_user, sender, sender_domain, "
			"sender_organization, client_ip, client_net, confirmed_name, helo, "
			"recipient, recipient_domain, "
			"tls_subject or daemon",
			shown);
	return false;
}

static bool alternative_has(const struct limit_key *key, size_t alternative, unsigned char part)
{
	for (size_t i = 0; i < key->part_counts[alternative]; i++)
		if (key->parts[alternative][i] == part)
			return true;
	return false;
}

/* Whoever has all that LATER asks for has all that EARLIER does. */
static bool hides(const struct limit_key *key, size_t earlier, size_t later)
{
	for (size_t i = 0; i < key->part_counts[earlier]; i++)
		if (!alternative_has(key, later, key->parts[earlier][i]))
			return false;
	return true;
}

/* Every word does something. */
static bool check_words(const struct limit_key *key, char *why, size_t why_size)
{
	for (size_t a = 0; a < key->alternatives; a++) {
		for (size_t i = 0; i < key->part_counts[a]; i++) {
			for (size_t j = 0; j < i; j++) {
				if (key->parts[a][i] != key->parts[a][j])
					continue;
				snprintf(why, why_size,
					"\"%s\" is joined with itself; write it once",
					part_names[key->parts[a][i]]);
				return false;
			}
		}
		for (size_t earlier = 0; earlier < a; earlier++) {
			if (!hides(key, earlier, a))
				continue;
			snprintf(why, why_size,
				"what stands behind \"|\" number %zu is never reached, since who "
				"has it has an alternative before it, too; write the longer one "
				"first, or leave one out",
				a);
			return false;
		}
	}
	return true;
}

bool limit_key_parse(const char *text, struct limit_key *key, char *why, size_t why_size)
{
	*key = (struct limit_key){.alternatives = 1};
	for (;;) {
		size_t alternative = key->alternatives - 1;
		size_t *count = &key->part_counts[alternative];
		size_t length;

		text += strspn(text, " \t");
		length = strcspn(text, " \t+|");
		if (*count == LIMIT_PARTS_MAX) {
			snprintf(why, why_size, "more than %d words joined with \"+\"",
				LIMIT_PARTS_MAX);
			return false;
		}
		if (!find_part(text, length, &key->parts[alternative][(*count)++]))
			return complain_of_word(text, length, why, why_size);
		text += length;
		text += strspn(text, " \t");
		if (*text == '\0')
			return check_words(key, why, why_size);
		if (*text == '|' && key->alternatives++ == LIMIT_ALTERNATIVES_MAX) {
			snprintf(
				why, why_size, "more than %d alternatives", LIMIT_ALTERNATIVES_MAX);
			return false;
		}
		if (*text != '|' && *text != '+') {
			snprintf(why, why_size,
				"\"%s\" follows a key; join keys with \"+\", or with \"|\" to fall "
				"back",
				text);
			return false;
		}
		text++;
	}
}

const char *limit_key_words(
	const struct limit_key *key, size_t alternative, char buffer[LIMIT_WORDS_SIZE])
{
	struct text out;

	text_init(&out, buffer, LIMIT_WORDS_SIZE);
	for (size_t i = 0; i < key->part_counts[alternative]; i++)
		text_addf(
			&out, "%s%s", i == 0 ? "" : " + ", part_names[key->parts[alternative][i]]);
	return buffer;
}

/* Making. -------------------------------------------------------------------------------------- */

bool limit_key_part_is_written(enum part part)
{
	return part == PART_SENDER || part == PART_SENDER_DOMAIN ||
	       part == PART_SENDER_ORGANIZATION || part == PART_HELO || part == PART_RECIPIENT ||
	       part == PART_RECIPIENT_DOMAIN;
}

bool limit_key_is_forgeable(const struct limit_key *key)
{
	for (size_t a = 0; a < key->alternatives; a++)
		for (size_t i = 0; i < key->part_counts[a]; i++)
			if (!limit_key_part_is_written(key->parts[a][i]))
				return false;
	return true;
}

bool limit_key_is_client(const struct limit_key *key)
{
	for (size_t a = 0; a < key->alternatives; a++)
		for (size_t i = 0; i < key->part_counts[a]; i++)
			if (key->parts[a][i] != PART_CLIENT_IP &&
				key->parts[a][i] != PART_CLIENT_NET)
				return false;
	return true;
}

static bool has_part(const struct limit_key *key, enum part part)
{
	for (size_t a = 0; a < key->alternatives; a++)
		for (size_t i = 0; i < key->part_counts[a]; i++)
			if (key->parts[a][i] == part)
				return true;
	return false;
}

bool limit_key_has_user(const struct limit_key *key)
{
	return has_part(key, PART_AUTH_USER);
}

bool limit_key_has_recipient(const struct limit_key *key)
{
	return has_part(key, PART_RECIPIENT) || has_part(key, PART_RECIPIENT_DOMAIN);
}

bool limit_key_is_of_one_recipient(const struct limit_key *key)
{
	return has_part(key, PART_RECIPIENT);
}

/* One key being made. */
struct maker {
	const struct limit_key_options *options;
	struct session *session;
	struct limit_proof *proof;
	uint64_t deadline_ms;
	bool takes_invalid; /* what is no path counts as a sender */
	bool unproven; /* holds something that a stranger wrote and nothing proves */
	const char *network; /* the value of client_ip or client_net, where it is a part; or NULL */
};

static bool is_proven(struct maker *maker, enum proof_of which)
{
	char evidence[EVIDENCE_SIZE];
	bool temporary;

	if ((maker->session->exemptions & EXEMPT_MAY_RELAY) != 0)
		return true;
	if (!maker->proof->known[which]) {
		maker->proof->holds[which] = session_proof(
			maker->session, which, maker->deadline_ms, evidence, &temporary);
		maker->proof->known[which] = true;
	}
	return maker->proof->holds[which];
}

static bool network_value(struct maker *maker, char *value)
{
	char text[NETWORK_TEXT_SIZE];
	struct network network;

	if (maker->session->client.family == IP_NONE)
		return false;
	network = network_of(
		&maker->session->client, maker->options->prefix_v4, maker->options->prefix_v6);
	maker->network = value;
	return text_copy(value, PATH_SIZE, network_format(&network, text));
}

static bool address_value(struct maker *maker, char *value)
{
	if (maker->session->client.family == IP_NONE)
		return false;
	maker->network = ipaddr_format(&maker->session->client, value);
	return true;
}

static bool sender_value(struct maker *maker, enum part part, char *value)
{
	const struct transaction *transaction = &maker->session->transaction;
	const struct path *path = &transaction->reverse_path;

	bool invalid = transaction->error != PATH_OK;

	if (!transaction->open || (invalid && !maker->takes_invalid))
		return false;
	if (path->null || invalid) {
		maker->unproven = true;
		return text_copy(value, PATH_SIZE, invalid ? "<invalid>" : "<>");
	}
	maker->unproven = maker->unproven || !is_proven(maker, PROOF_OF_SENDER);
	if (part == PART_SENDER || path->domain[0] == '\0') {
		mailbox_identity(path, maker->options->extension, value);
		return true;
	}
	return text_copy(value, PATH_SIZE,
		part == PART_SENDER_ORGANIZATION ? domain_organizational(path->domain)
						 : path->domain);
}

static bool recipient_value(const struct maker *maker, enum part part, char *value)
{
	const struct recipient *recipient = maker->session->recipient;

	if (recipient == NULL || recipient->error != PATH_OK)
		return false;
	if (part == PART_RECIPIENT || recipient->path.domain[0] == '\0') {
		mailbox_identity(&recipient->path, maker->options->extension, value);
		return true;
	}
	return text_copy(value, PATH_SIZE, recipient->path.domain);
}

static bool helo_value(struct maker *maker, char *value)
{
	const struct session *session = maker->session;

	if (!session->greeted || session->helo_raw[0] == '\0')
		return false;
	maker->unproven = maker->unproven || !is_proven(maker, PROOF_OF_HELO);
	if (session->helo[0] != '\0')
		return text_copy(value, PATH_SIZE, session->helo);
	snprintf(value, PATH_SIZE, "%.*s", PATH_SIZE - 1, session->helo_raw);
	ascii_lower(value);
	return true;
}

static bool name_value(struct maker *maker, char *value)
{
	const struct iprev *iprev = session_iprev_result(maker->session, maker->deadline_ms);

	return iprev != NULL && iprev->confirmed_name[0] != '\0' &&
	       text_copy(value, PATH_SIZE, iprev->confirmed_name);
}

/* A fact of the session as it is; "" is none. */
static bool plain_value(const char *fact, char *value)
{
	return fact[0] != '\0' && text_copy(value, PATH_SIZE, fact);
}

/* Few authentication services tell "User" from "user"; none of their users should gain by it. */
static bool user_value(const char *user, char *value)
{
	if (!plain_value(user, value))
		return false;
	ascii_lower(value);
	return true;
}

static bool part_value(struct maker *maker, enum part part, char *value)
{
	struct session *session = maker->session;

	switch (part) {
	case PART_AUTH_USER:
		return user_value(session->auth_user, value);
	case PART_SENDER:
	case PART_SENDER_DOMAIN:
	case PART_SENDER_ORGANIZATION:
		return sender_value(maker, part, value);
	case PART_CLIENT_IP:
		return address_value(maker, value);
	case PART_CLIENT_NET:
		return network_value(maker, value);
	case PART_CONFIRMED_NAME:
		return name_value(maker, value);
	case PART_HELO:
		return helo_value(maker, value);
	case PART_RECIPIENT:
	case PART_RECIPIENT_DOMAIN:
		return recipient_value(maker, part, value);
	case PART_TLS_SUBJECT:
		return plain_value(session->tls_subject, value);
	case PART_DAEMON:
		return plain_value(session->daemon_name, value);
	}
	return false;
}

static void add_label(struct text *label, const char *value)
{
	if (label->length > 0)
		text_add_char(label, '+');
	text_add_escaped(label, value, strlen(value), STORE_LABEL_SIZE);
}

void limit_key_hash(const char *title, const unsigned char *parts, char (*values)[PATH_SIZE],
	size_t count, struct limit_identity *identity)
{
	const char *hashed[1 + 2 * LIMIT_PARTS_MAX];
	size_t hashed_count = 0;
	struct text label;

	text_init(&label, identity->label, sizeof(identity->label));
	hashed[hashed_count++] = title;
	for (size_t i = 0; i < count; i++) {
		hashed[hashed_count++] = part_names[parts[i]];
		hashed[hashed_count++] = values[i];
		add_label(&label, values[i]);
	}
	store_key(identity->key, hashed, hashed_count);
}

void limit_key_place(const char *title, const char *network, struct limit_identity *identity)
{
	char place[24];
	unsigned number = 0;

	for (const char *hex = identity->key; hex < identity->key + 7; hex++)
		number = number * 16 + (unsigned)(*hex <= '9' ? *hex - '0' : *hex - 'a' + 10);
	snprintf(place, sizeof(place), "%u", number % LIMIT_UNPROVEN_PLACES);
	store_key(identity->key, (const char *const[]){title, "unproven", place, network}, 4);
}

/* The key of what nothing proves: it belongs to the client's network, and there it falls into one of a
 * bounded number of places, so that a flood of forged names makes neither a flood of keys nor a way
 * past the limit. Two honest names meet in one place once in LIMIT_UNPROVEN_PLACES. */
static void make_unproven(struct maker *maker, struct limit_identity *identity)
{
	size_t length = strlen(identity->label);
	struct text label = {identity->label, sizeof(identity->label), length, false};
	const char *known = maker->network;
	char network[PATH_SIZE];

	if (known == NULL && network_value(maker, network))
		add_label(&label, network);
	if (maker->network != NULL)
		limit_key_place(maker->options->title, maker->network, identity);
	maker->network = known;
}

const struct limit_override *limit_key_in_force(const struct limit_override *override)
{
	bool ended = override != NULL && override->end_ms != 0 &&
		     override->end_ms <= (int64_t)clock_wall_ms();

	return ended ? NULL : override;
}

static const struct limit_override *find_override(const struct maker *maker,
	const struct limit_overrides *overrides, const unsigned char *parts,
	char (*values)[PATH_SIZE], size_t count)
{
	const struct limit_override *found = NULL;

	for (size_t i = 0; i < count && found == NULL; i++) {
		if (parts[i] == PART_CLIENT_IP || parts[i] == PART_CLIENT_NET)
			found = limit_override_for_client(overrides, &maker->session->client);
		else if (!maker->unproven || !limit_key_part_is_written(parts[i]))
			found = limit_override_for(overrides, values[i]);
	}
	return limit_key_in_force(found);
}

static bool make_alternative(struct maker maker, const unsigned char *parts, size_t count,
	struct limit_identity *identity)
{
	char values[LIMIT_PARTS_MAX][PATH_SIZE];

	for (size_t i = 0; i < count; i++)
		if (!part_value(&maker, parts[i], values[i]))
			return false;
	limit_key_hash(maker.options->title, parts, values, count, identity);
	identity->override = find_override(&maker, maker.options->raises, parts, values, count);
	if (identity->override == NULL)
		identity->override =
			find_override(&maker, maker.options->overrides, parts, values, count);
	if (maker.unproven)
		make_unproven(&maker, identity);
	return true;
}

bool limit_key_make(const struct limit_key *key, const struct limit_key_options *options,
	struct session *session, struct limit_proof *proof, uint64_t deadline_ms,
	struct limit_identity *identity)
{
	struct maker maker = {
		.options = options,
		.session = session,
		.proof = proof,
		.deadline_ms = deadline_ms,
	};

	for (size_t i = 0; i < key->alternatives; i++)
		if (make_alternative(maker, key->parts[i], key->part_counts[i], identity))
			return true;
	/* Where no check refuses what is no path, it is no way past the limit. */
	maker.takes_invalid = true;
	for (size_t i = 0; i < key->alternatives; i++)
		if (make_alternative(maker, key->parts[i], key->part_counts[i], identity))
			return true;
	return false;
}
