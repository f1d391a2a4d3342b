/* SPDX-License-Identifier: BSD-2-Clause */
#include "recipient_options.h"

#include <stdio.h>

#include "mem.h"

static const char *const tls_words[] = {[CALLAHEAD_TLS_NONE] = "never",
	[CALLAHEAD_TLS_MAY] = "may",
	[CALLAHEAD_TLS_ENCRYPT] = "encrypt",
	[CALLAHEAD_TLS_VERIFY] = "verify",
	NULL};

const struct setting recipient_settings[] = {
	{.name = "sources",
		.type = SETTING_TEXTS,
		.offset = offsetof(struct recipient_options, settings.sources),
		.default_text = "",
		.example = "{ \"example.org file:/etc/mailreeve/recipients\" }",
		.help = "Who is known: \"DOMAIN file:/path\", redis:KEY (a set or hash; %d is the "
			"domain), passwd:, "
			"aliases:/path, smtp:host:port, lmtp:host:port, lmtp:/socket; \"*\" is "
			"every domain, \".example.org\" all below it; a domain without a source is "
			"not checked"},
	{.name = "domains",
		.type = SETTING_TEXTS,
		.offset = offsetof(struct recipient_options, settings.domains),
		.default_text = "",
		.example = "{ \"example.net extension=+- case_sensitive=yes outage=tempfail\" }",
		.help = "What is different for a domain: extension, case_sensitive, wildcard=no "
			"(@domain in a source counts for nothing), catch_all=yes (all are known), "
			"outage=tempfail, accept, or backup (accept, but refuse what a call-ahead "
			"refused before)"},
	{.name = "extension",
		.type = SETTING_TEXT,
		.offset = offsetof(struct recipient_options, settings.extension),
		.default_text = "+",
		.help = "Characters that begin an address extension: user+list is known where user "
			"is; empty for none"},
	{.name = "case_sensitive",
		.type = SETTING_BOOL,
		.offset = offsetof(struct recipient_options, settings.case_sensitive),
		.default_text = "no",
		.help = "Local-parts of the sources match only in the same case"},
	{.name = "outage",
		.type = SETTING_CHOICE,
		.offset = offsetof(struct recipient_options, settings.outage),
		.default_text = "check",
		.choices = recipient_outage_words,
		.help = "What becomes of a recipient that no source knows while one of them cannot "
			"be asked: "
			"what unverified says (check), tempfail, accept, or backup (accept, but "
			"refuse what "
			"a call-ahead refused before); never a refusal for good"},
	{.name = "callahead_timeout",
		.type = SETTING_DURATION,
		.offset = offsetof(struct recipient_options, settings.callahead.timeout_ms),
		.default_text = "5s",
		.min = 100,
		.max = 60000,
		.help = "Longest wait for a call-ahead (smtp:, lmtp:); time_limit counts as well"},
	{.name = "callahead_known",
		.type = SETTING_DURATION,
		.offset = offsetof(struct recipient_options, settings.callahead.known_ms),
		.default_text = "1d",
		.max = INT64_C(31) * 86400000,
		.help = "How long it is kept that a call-ahead found a recipient"},
	{.name = "callahead_unknown",
		.type = SETTING_DURATION,
		.offset = offsetof(struct recipient_options, settings.callahead.unknown_ms),
		.default_text = "1h",
		.max = INT64_C(31) * 86400000,
		.help = "How long it is kept that it did not, or that its target takes anybody"},
	{.name = "callahead_backup",
		.type = SETTING_DURATION,
		.offset = offsetof(struct recipient_options, settings.callahead.remember_ms),
		.default_text = "7d",
		.max = INT64_C(31) * 86400000,
		.help = "How long a refusal is remembered for outage=backup"},
	{.name = "callahead_tls",
		.type = SETTING_CHOICE,
		.offset = offsetof(struct recipient_options, settings.callahead.tls.level),
		.default_text = "may",
		.choices = tls_words,
		.help = "STARTTLS of call-aheads over TCP: never; where it is offered and works "
			"(may); always "
			"(encrypt); always, with a certificate that is valid for the name or "
			"address of the "
			"target (verify)"},
	{.name = "callahead_authorities",
		.type = SETTING_FILE,
		.offset = offsetof(struct recipient_options, settings.callahead.tls.authorities),
		.default_text = "",
		.example = "\"/etc/ssl/certs/ca-certificates.crt\"",
		.help = "Certificates of the authorities that verify believes (PEM); those of the "
			"system "
			"where it is empty"},
	{.name = "sender_login",
		.type = SETTING_FILE,
		.offset = offsetof(struct recipient_options, sender_login),
		.default_text = "",
		.example = "\"/etc/mailreeve/sender_login\"",
		.help = "Senders that authenticated users may use, a line each: \"anna "
			"anna@example.org "
			"@example.net\"; @.example.net is all below too, * anything "
			"(anna+*@example.org, "
			"*@example.org, user *), = the user's name where it is an address"},
	{.name = NULL},
};

bool recipient_verify(const void *options_given, const struct site *site, const char **setting_r,
	char *why, size_t why_size)
{
	const struct recipient_options *options = options_given;
	struct sender_login *owners;

	(void)site;
	if (!recipient_directory_verify(&options->settings, setting_r, why, why_size))
		return false;
	if (options->sender_login == NULL)
		return true;
	*setting_r = "sender_login";
	owners = sender_login_load(options->sender_login, why, why_size);
	if (owners == NULL)
		return false;
	sender_login_free(&owners);
	return true;
}

void recipient_prepare(void *options_given, const struct site *site)
{
	struct recipient_options *options = options_given;
	char why[SETTING_WHY_SIZE];

	(void)site;
	options->directory = recipient_directory_open(&options->settings, why, sizeof(why));
	if (why[0] == '\0' && options->sender_login != NULL)
		options->owners = sender_login_load(options->sender_login, why, sizeof(why));
	if (why[0] != '\0')
		options->broken = mem_text(why);
}

bool recipient_complete(
	const void *options_given, const char **setting_r, char *why, size_t why_size)
{
	const struct recipient_options *options = options_given;

	if (options->broken == NULL)
		return true;
	*setting_r = "sources";
	snprintf(why, why_size, "%s", options->broken);
	return false;
}

void recipient_clear(void *options_given)
{
	struct recipient_options *options = options_given;

	recipient_directory_close(&options->directory);
	sender_login_free(&options->owners);
	mem_free(options->broken);
	options->broken = NULL;
}
