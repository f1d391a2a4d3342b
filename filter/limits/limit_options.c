/* SPDX-License-Identifier: BSD-2-Clause */
#include "limit_options.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "mailbox_identity.h"
#include "notifier.h"
#include "reservation.h"
#include "text.h"

static const char *const count_words[] = {"connections", "messages", "recipients",
	"unique_recipients", "bytes", "refused_recipients", NULL};
static const char *const outage_words[] = {"local", "accept", "tempfail", NULL};
static const char *const action_words[] = {"tempfail", "reject", "quarantine", "tag", NULL};

const struct setting limit_settings[] = {
	{.name = "key",
		.type = SETTING_TEXT,
		.offset = offsetof(struct limit_options, key_text),
		.default_text = "auth_user | sender",
		.help = "Who is counted: auth_user, sender, sender_domain, sender_organization, "
			"client_ip, "
			"client_net, confirmed_name, helo, recipient, recipient_domain, "
			"tls_subject, daemon; "
			"\"+\" joins, \"|\" falls back"},
	{.name = "count",
		.type = SETTING_CHOICE,
		.offset = offsetof(struct limit_options, count),
		.default_text = "recipients",
		.choices = count_words,
		.help = "What is counted: connections that come as far as a recipient, messages "
			"and recipients accepted, different recipients (one that is counted "
			"already costs nothing; the most is 10000), bytes of accepted messages (a "
			"size that the client declares and that does not fit is refused before it "
			"is sent), recipients refused for good (who asks for too many gets no "
			"answer any "
			"more)"},
	{.name = "rate",
		.type = SETTING_RATE,
		.offset = offsetof(struct limit_options, rate),
		.sized = true,
		.default_text = "200 / 1h",
		.help = "The most in any window of this length, from 1s to 400d; bytes as a size: "
			"100MB / 1d; 0 lets nothing through"},
	{.name = "action",
		.type = SETTING_ACTION,
		.offset = offsetof(struct limit_options, action),
		.default_text = "tempfail",
		.choices = action_words,
		.help = "What is done with a recipient beyond the limit"},
	{.name = "reply",
		.type = SETTING_TEXT,
		.offset = offsetof(struct limit_options, reply),
		.default_text = "",
		.example = "\"{limit} per {window} reached, try again in {wait}\"",
		.help = "What the client is told; {limit}, {window}, {wait} stand for what they "
			"say"},
	{.name = "spread",
		.type = SETTING_INTEGER,
		.offset = offsetof(struct limit_options, spread),
		.default_text = "10",
		.min = 0,
		.max = 100,
		.help = "The time to wait that is told is longer by up to so many percent of the "
			"window, "
			"so that not all come back at once"},
	{.name = "outage",
		.type = SETTING_CHOICE,
		.offset = offsetof(struct limit_options, outage),
		.default_text = "local",
		.choices = outage_words,
		.help = "While the store does not answer: count in this process, let all through, "
			"or "
			"tempfail"},
	{.name = "hosts",
		.type = SETTING_INTEGER,
		.offset = offsetof(struct limit_options, hosts),
		.default_text = "1",
		.min = 1,
		.max = 1000,
		.help = "Filter hosts that share the store: each counts with its part of the limit "
			"while the store is down"},
	TRIAL_SETTINGS(offsetof(struct limit_options, trial)),
	{.name = "strict",
		.type = SETTING_BOOL,
		.offset = offsetof(struct limit_options, strict),
		.default_text = "no",
		.help = "Count what was tried, not what was accepted: who goes on trying stays "
			"limited"},
	{.name = "overrides",
		.type = SETTING_FILE,
		.offset = offsetof(struct limit_options, overrides_file),
		.default_text = "",
		.example = "\"/etc/mailreeve/limits\"",
		.help = "File of single keys with limits of their own, one a line: an address, "
			"domain, "
			".domain and all below, network or user (in double quotes where it could "
			"be taken for one of these), then 500 / 1h or unlimited; the most "
			"particular line counts, and only for what is proven; read again on "
			"reload"},
	{.name = "notify",
		.type = SETTING_TEXT,
		.offset = offsetof(struct limit_options, notify),
		.default_text = "",
		.example = "\"mail:postmaster@example.org\"",
		.help = "Who is told when a key reaches the limit, once for each window over all "
			"hosts: mail:ADDRESS, by the local sendmail, or a command with its "
			"arguments, without a shell, which finds what happened in its environment "
			"(MAILREEVE_LIMIT, MAILREEVE_KEY, MAILREEVE_USED, MAILREEVE_MOST and "
			"others) and as text on its standard input"},
	{.name = "extension",
		.type = SETTING_TEXT,
		.offset = offsetof(struct limit_options, extension),
		.default_text = "",
		.example = "\"+\"",
		.help = "Signs that begin an address extension, no dot among them; with \"+\", "
			"user+list counts "
			"as "
			"user"},
	{.name = "prefix_v4",
		.type = SETTING_INTEGER,
		.offset = offsetof(struct limit_options, prefix_v4),
		.default_text = "32",
		.min = 8,
		.max = 32,
		.help = "Bits of an IPv4 address that make a client network"},
	{.name = "prefix_v6",
		.type = SETTING_INTEGER,
		.offset = offsetof(struct limit_options, prefix_v6),
		.default_text = "64",
		.min = 16,
		.max = 128,
		.help = "Bits of an IPv6 address that make a client network"},
	{.name = NULL},
};

const char *limit_trial_name(const struct limit_options *limit, char buffer[TRIAL_NAME_SIZE])
{
	snprintf(buffer, TRIAL_NAME_SIZE, "limit %s", limit->title);
	return buffer;
}

bool limit_is_held_back(const struct limit_options *limit, const struct ipaddr *client)
{
	char name[TRIAL_NAME_SIZE];

	return trial_is_on(&limit->trial) &&
	       trial_holds_back(&limit->trial, limit_trial_name(limit, name), client);
}

bool limit_refuses(const struct limit_options *limit, const struct ipaddr *client)
{
	return (limit->action == ACTION_TEMPFAIL || limit->action == ACTION_REJECT) &&
	       limit->trial.mode != MODE_OFF && !limit_is_held_back(limit, client);
}

int64_t limit_share(const struct limit_options *limit, const struct rate *rate)
{
	int64_t share = rate->count / limit->hosts;

	return share == 0 && rate->count > 0 ? 1 : share;
}

bool limit_rate_check(
	const struct limit_options *limit, const struct rate *rate, char *why, size_t why_size)
{
	if (rate->sized && limit->count != COUNT_BYTES)
		snprintf(why, why_size,
			"the rate's count is a size, but this limit counts %s; write a plain "
			"number, like 200 / 1h, or count = bytes",
			count_words[limit->count]);
	else if (limit->count == COUNT_UNIQUE_RECIPIENTS && rate->count > STORE_UNIQUE_MAX)
		snprintf(why, why_size,
			"more than %d unique recipients cannot be counted, since each is kept; "
			"use count = recipients, or a smaller number",
			STORE_UNIQUE_MAX);
	else
		return true;
	return false;
}

static bool check_overrides(const struct limit_options *limit, char *why, size_t why_size)
{
	const char *file = limit->overrides_file;
	const struct limit_override *override;
	struct limit_overrides *overrides;
	char sentence[256];
	bool good = true;

	if (file == NULL)
		return true;
	overrides = limit_overrides_load(file, why, why_size);
	if (overrides == NULL)
		return false;
	for (size_t i = 0; good; i++) {
		override = limit_overrides_at(overrides, i);
		if (override == NULL)
			break;
		good = override->unlimited ||
		       limit_rate_check(limit, &override->rate, sentence, sizeof(sentence));
		if (!good)
			snprintf(why, why_size, "%s:%u: %s", file, override->line, sentence);
	}
	limit_overrides_free(&overrides);
	return good;
}

/* What is counted can be counted by this key. */
static bool count_fits(
	const struct limit_options *limit, const struct limit_key *key, char *why, size_t why_size)
{
	bool once = limit->count == COUNT_CONNECTIONS || limit->count == COUNT_BYTES;

	if (once && limit_key_has_recipient(key)) {
		snprintf(why, why_size,
			"%s cannot be counted by recipient, since one message may have many; "
			"leave recipient and recipient_domain out of the key",
			count_words[limit->count]);
		return false;
	}
	if (limit->count == COUNT_UNIQUE_RECIPIENTS && limit_key_is_of_one_recipient(key)) {
		snprintf(why, why_size,
			"each recipient has a count of its own, so there is never more than one "
			"unique recipient in it; leave recipient out of the key");
		return false;
	}
	return true;
}

static bool check_extension(const char *extension, char *why, size_t why_size)
{
	const char *fault = extension == NULL ? NULL : mailbox_extension_fault(extension);
	char shown[64];

	if (fault != NULL)
		snprintf(why, why_size, "extension = \"%s\" %s",
			text_escape(extension, shown, sizeof(shown)), fault);
	return fault == NULL;
}

static bool check_notify(const char *notify, char *why, size_t why_size)
{
	char wrong[SETTING_WHY_SIZE / 2];

	if (notify == NULL || notifier_check(notify, wrong, sizeof(wrong)))
		return true;
	snprintf(why, why_size, "notify: %s", wrong);
	return false;
}

/* It stands in lists and in what is written to the store. */
static bool limit_title_check(const char *title, char *why, size_t why_size)
{
	size_t length = title == NULL ? 0 : strlen(title);

	for (size_t i = 0; i < length; i++)
		if (title[i] < 0x20 || title[i] > 0x7e)
			length = STORE_TITLE_SIZE;
	if (length > 0 && length < STORE_TITLE_SIZE)
		return true;
	snprintf(why, why_size,
		"the limit's name must be 1 to %d printable ASCII characters; write limit "
		"\"per-sender\"",
		STORE_TITLE_SIZE - 1);
	return false;
}

bool limit_verify(const void *options_given, const struct site *site, const char **setting_r,
	char *why, size_t why_size)
{
	const struct limit_options *limit = options_given;
	struct limit_key key;

	(void)site;
	if (!trial_verify(&limit->trial, setting_r, why, why_size))
		return false;
	*setting_r = "key";
	if (!limit_key_parse(limit->key_text == NULL ? "" : limit->key_text, &key, why, why_size))
		return false;
	if (!count_fits(limit, &key, why, why_size))
		return false;
	*setting_r = "rate";
	if (!limit_rate_check(limit, &limit->rate, why, why_size))
		return false;
	*setting_r = "key";
	if (!limit_title_check(limit->title, why, why_size))
		return false;
	*setting_r = "reply";
	if (!limit_reply_check(limit->reply, why, why_size))
		return false;
	*setting_r = "notify";
	if (!check_notify(limit->notify, why, why_size))
		return false;
	*setting_r = "extension";
	if (!check_extension(limit->extension, why, why_size))
		return false;
	*setting_r = "overrides";
	return check_overrides(limit, why, why_size);
}

void limit_prepare(void *options_given, const struct site *site)
{
	struct limit_options *limit = options_given;
	char why[SETTING_WHY_SIZE];

	(void)site;
	if (!limit_key_parse(
		    limit->key_text == NULL ? "" : limit->key_text, &limit->key, why, sizeof(why)))
		limit->key = (struct limit_key){0};
	limit->meter = limit_meter_of(limit->title == NULL ? "" : limit->title);
	limit_overrides_free(&limit->overrides);
	if (limit->overrides_file == NULL)
		return;
	/* It could be read a moment ago. */
	limit->overrides = limit_overrides_load(limit->overrides_file, why, sizeof(why));
	if (limit->overrides == NULL)
		log_error("limit \"%s\": no overrides: %s", limit->title, why);
}

void limit_clear(void *options_given)
{
	struct limit_options *limit = options_given;

	limit_overrides_free(&limit->overrides);
}

static void advise_rate(const struct limit_options *limit,
	void (*warn)(void *context, const char *setting, const char *text), void *context)
{
	if (limit->rate.count == 0 && limit->action == ACTION_TEMPFAIL)
		warn(context, "rate",
			"rate lets nothing through, ever, and action = tempfail has it tried for "
			"days; use action = reject");
	if (limit->count == COUNT_BYTES && limit->rate.count > 0 && limit->rate.count < 1024)
		warn(context, "rate",
			"rate lets less than a kilobyte through, which is no message; write a size "
			"with its unit, like 100MB / 1d");
	if (limit->outage == OUTAGE_LOCAL && limit->rate.count > 0 &&
		limit->rate.count < limit->hosts)
		warn(context, "hosts",
			"rate divided by hosts is less than one, so while the store is down each "
			"host lets one through; use outage = tempfail where that is too much");
}

void limit_advise(const struct call *call, const struct site *site,
	void (*warn)(void *context, const char *setting, const char *text), void *context)
{
	const struct limit_options *limit = call->options;
	struct limit_key key;
	char text[320], name[TRIAL_NAME_SIZE];

	(void)site;
	trial_advise(
		&limit->trial, limit_trial_name(limit, name), NULL, clock_wall_ms(), warn, context);
	if (limit->trial.mode == MODE_OFF || limit->key_text == NULL)
		return;
	if (limit_key_parse(limit->key_text, &key, text, sizeof(text)) &&
		limit_key_is_forgeable(&key)) {
		snprintf(text, sizeof(text),
			"limit \"%.64s\" counts only by what a client writes, so one that changes "
			"it from message to message is never limited; add another limit by "
			"client_net, or write auth_user first",
			limit->title);
		warn(context, "key", text);
	}
	advise_rate(limit, warn, context);
	if (limit->notify != NULL && notifier_lacks(limit->notify) != NULL) {
		snprintf(text, sizeof(text), "notify = %.80s: %s", limit->notify,
			notifier_lacks(limit->notify));
		warn(context, "notify", text);
	}
	if (limit->action == ACTION_REJECT && limit->rate.count > 0)
		warn(context, "action",
			"action = reject loses the mail of a busy hour for good; tempfail lets it "
			"come when there is room again");
	if (limit->outage == OUTAGE_ACCEPT)
		warn(context, "outage",
			"outage = accept lifts the limit while the store is down, so whoever can "
			"slow it down has no limit; use local");
}
