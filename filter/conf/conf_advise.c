/* SPDX-License-Identifier: BSD-2-Clause */
/* Settings that are legal and dangerous. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "clock.h"
#include "conf_verify.h"
#include "domain.h"
#include "metrics_address.h"
#include "store_url.h"
#include "text.h"

/* Postfix waits milter_command_timeout = 30s for an answer to MAIL or RCPT, Sendmail R:10s unless it
 * is told otherwise. */
enum { MTA_TIMEOUT_MS = 30000, SENDMAIL_TIMEOUT_MS = 10000, ADVICE_SIZE = 1024 };

struct advice {
	const struct conf_check *check;
	const struct group *group;
	size_t section; /* of a titled policy */
};

/* Called by policies, and by ourselves with the top level as the group. */
static void warn(void *context, const char *setting, const char *text)
{
	const struct advice *advice = context;
	const struct conf_check *check = advice->check;
	const struct given_section *titled =
		conf_input_section(check->input, advice->group, advice->section);
	const struct given *given = setting == NULL ? NULL
						    : conf_input_find(check->input, advice->group,
							      advice->section, setting);
	size_t file = titled == NULL ? 0 : titled->file;
	unsigned line = titled == NULL ? 0 : titled->line;
	char said[ADVICE_SIZE + 512];

	if (given != NULL) {
		file = given->file;
		line = given->line;
	}
	problem_format(check->problems, file, line, text, said, sizeof(said));
	check->report->warning(check->report->context, said);
}

static void warn_of(const struct conf_check *check, const char *section, const char *setting,
	const char *format, ...) ATTR_PRINTF(4, 5);

static void warn_of(const struct conf_check *check, const char *section, const char *setting,
	const char *format, ...)
{
	struct advice advice = {check, schema_group(check->schema, section), 0};
	char text[ADVICE_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	warn(&advice, setting, text);
}

/* A list that holds addresses from all over the Internet holds everybody. */
static bool covers_everybody(const struct matchlist *list)
{
	static const char *const everywhere[][4] = {
		{"1.1.1.1", "9.9.9.9", "130.130.130.130", "203.0.113.77"},
		{"2001:db8::1", "2400:cb00::1", "2a00:1450::1", "2600:1f00::1"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(everywhere); i++) {
		size_t held = 0;

		for (size_t j = 0; j < ARRAY_COUNT(everywhere[i]); j++) {
			struct ipaddr address;
			struct match match;

			held += ipaddr_parse(everywhere[i][j], &address) &&
				!matchlist_is_empty(list) &&
				matchlist_match_address(list, &address, &match);
		}
		if (held == ARRAY_COUNT(everywhere[i]))
			return true;
	}
	return false;
}

static void advise_site(const struct conf_check *check)
{
	const struct site *site = &check->conf->site;

	if (!domain_is_qualified(site->hostname))
		warn_of(check, "", "hostname",
			"hostname is \"%s\", which is not fully qualified; set hostname to the "
			"name of this mail server, like mail.example.org",
			site->hostname);
	if (covers_everybody(site->trusted_networks))
		warn_of(check, "", "trusted_networks",
			"trusted_networks covers the whole Internet, which makes an open relay; "
			"list your own networks only");
	if (covers_everybody(site->allow))
		warn_of(check, "", "allow",
			"allow covers the whole Internet, so no identity check ever runs; use "
			"mode = monitor to try the filter out");
	if (covers_everybody(site->deny))
		warn_of(check, "", "deny",
			"deny covers the whole Internet, so no mail is accepted from outside");
	if (site->time_limit_ms >= MTA_TIMEOUT_MS)
		warn_of(check, "", "time_limit",
			"time_limit is not below the 30s that Postfix waits for a milter "
			"(milter_command_timeout); a slow DNS would make the MTA give up on us");
	else if (site->time_limit_ms >= SENDMAIL_TIMEOUT_MS)
		warn_of(check, "", "time_limit",
			"time_limit is not below the 10s that Sendmail waits for a milter, unless "
			"T=R: is raised there");
}

/* An allow entry by name also matches a reverse-path, which anybody can write. */
static void advise_allow(const struct conf_check *check)
{
	const struct given *allow =
		conf_input_find(check->input, schema_group(check->schema, ""), 0, "allow");

	for (size_t i = 0; allow != NULL && i < allow->value_count; i++) {
		const char *entry = allow->values[i].text;
		struct network network;
		const char *why;

		if (entry == NULL || *entry == '/' || network_parse(entry, &network, &why))
			continue;
		warn_of(check, "", "allow",
			"allow holds \"%s\", and anybody can write that into a reverse-path; list "
			"the networks of the clients instead",
			entry);
	}
}

/* What is ours, and something else as well; the first of each is told. */
struct doubles {
	const struct conf_check *check;
	bool relayed, denied;
};

static bool is_in(const struct matchlist *list, const char *domain)
{
	struct match match;

	return !matchlist_is_empty(list) && matchlist_match_domain(list, domain, &match);
}

static bool tell_double(void *context, const char *domain)
{
	struct doubles *doubles = context;
	const struct site *site = &doubles->check->conf->site;

	if (!doubles->relayed && is_in(site->relay_domains, domain)) {
		doubles->relayed = true;
		warn_of(doubles->check, "", "relay_domains",
			"relay_domains holds %s, which is one of local_domains; leave it out of "
			"one of them",
			domain);
	}
	if (!doubles->denied && is_in(site->deny, domain)) {
		doubles->denied = true;
		warn_of(doubles->check, "", "deny",
			"deny holds %s, which is one of local_domains, so that all mail to it is "
			"refused; strangers are kept from using it by own_domain of section sender",
			domain);
	}
	return !doubles->relayed || !doubles->denied;
}

static void advise_local_domains(const struct conf_check *check)
{
	struct doubles doubles = {.check = check};

	if (!matchlist_is_empty(check->conf->site.local_domains))
		matchlist_each_domain(check->conf->site.local_domains, tell_double, &doubles);
}

static void advise_metrics(const struct conf_check *check)
{
	const char *metrics = check->conf->daemon.metrics;
	struct metrics_address at;

	if (metrics != NULL && metrics_address_parse(metrics, &at) &&
		ipaddr_scope(&at.address) != IP_LOOPBACK)
		warn_of(check, "", "metrics",
			"metrics is not on loopback, so whoever reaches %s can read how much mail "
			"of which kind comes; write 127.0.0.1, or let only the Prometheus host in",
			metrics);
}

static void advise_daemon(const struct conf_check *check)
{
	const struct conf *conf = check->conf;
	const char *at = strchr(conf->daemon.socket, '@');

	if (strncmp(conf->daemon.socket, "inet", 4) == 0 &&
		(at == NULL || strcmp(at, "@0.0.0.0") == 0 || strcmp(at, "@[::]") == 0 ||
			strcmp(at, "@::") == 0))
		warn_of(check, "", "socket",
			"socket listens on every address of this host, so anybody who reaches the "
			"port can use the filter; write inet:PORT@127.0.0.1");
	if (strncmp(conf->daemon.socket, "inet", 4) != 0 && conf->daemon.socket_mode != NULL &&
		strchr("2367", conf->daemon.socket_mode[strlen(conf->daemon.socket_mode) - 1]) !=
			NULL)
		warn_of(check, "", "socket_mode",
			"socket_mode lets every local user talk to the filter; use 0660 and "
			"socket_group");
	if (conf->daemon.drain_ms < conf->site.time_limit_ms)
		warn_of(check, "", "drain",
			"drain is shorter than time_limit, so a stop can cut off an answer that "
			"is still being looked up");
	if (conf->resolver.timeout_ms >= conf->site.time_limit_ms)
		warn_of(check, "resolver", "timeout",
			"timeout of the resolver is not below time_limit, so a second nameserver "
			"is never asked in time; make it shorter");
}

static void advise_secret(const struct conf_check *check, const char *setting, const char *path)
{
	struct stat status;

	if (path != NULL && stat(path, &status) == 0 && (status.st_mode & S_IRWXO) != 0)
		warn_of(check, "store", setting,
			"%s = \"%s\" can be read by every local user; let its owner and group "
			"only: chmod 0640",
			setting, path);
}

static void advise_store(const struct conf_check *check)
{
	const struct store_options *store = &check->conf->store;
	struct store_url url;
	char why[8];

	if (store_url_parse(store->url, &url, why, sizeof(why)) && url.password[0] != '\0')
		warn_of(check, "store", "url",
			"url holds a password that everybody who may read this file sees; put it "
			"into a password_file");
	memset(&url, 0, sizeof(url));
	advise_secret(check, "password_file", store->password_file);
	advise_secret(check, "sentinel_password_file", store->sentinel_password_file);
	advise_secret(check, "tls_key_file", store->tls_key_file);
}

/* A source of Redis is in the store; nobody is unknown by one in memory. */
static void advise_sources(const struct conf_check *check)
{
	const struct group *group = schema_group(check->schema, "recipient");
	const struct given *sources =
		group == NULL ? NULL : conf_input_find(check->input, group, 0, "sources");
	struct store_url url;
	char why[8];

	if (!store_url_parse(check->conf->store.url, &url, why, sizeof(why)) ||
		url.kind != STORE_URL_MEMORY)
		return;
	for (size_t i = 0; sources != NULL && i < sources->value_count; i++) {
		const char *source = sources->values[i].text;
		const char *place = source == NULL ? NULL : strpbrk(source, " \t");

		if (place != NULL && ascii_starts_with(place + strspn(place, " \t"), "redis:"))
			warn_of(check, "recipient", "sources",
				"\"%s\" can never be asked, since url of section store names no "
				"Redis; write url = \"redis://127.0.0.1\" there",
				source);
	}
}

/* "missing = reject percent=10": without quotes the second is a setting of the section. */
static void advise_unquoted_trials(const struct conf_check *check)
{
	for (size_t i = 1; i < check->input->given_count; i++) {
		const struct given *given = &check->input->givens[i], *before = given - 1;

		if (row_is_of_trial(given->row) && strcmp(given->row->setting.name, "mode") != 0 &&
			before->row->base == ROW_POLICY && !row_is_of_trial(before->row) &&
			before->group == given->group && before->file == given->file &&
			before->line == given->line)
			warn_of(check, given->group->name, given->row->setting.name,
				"%s stands behind %s, and holds for all of section %s; where %s "
				"alone "
				"is meant, put quotes around both: %s = \"%s %s=%s\"",
				given->row->setting.name, before->row->setting.name,
				given->group->name, before->row->setting.name,
				before->row->setting.name, before->values[0].text,
				given->row->setting.name, given->values[0].text);
	}
}

/* Of a section and of its checks; a limit advises of its own. */
static void advise_trials(const struct conf_check *check, const struct group *group)
{
	const struct policy_conf *policy = &check->conf->policies[group->policy_index];
	const struct check *checks = policy->policy->checks;
	struct advice advice = {check, group, 0};
	uint64_t now_ms = clock_wall_ms();
	char name[TRIAL_NAME_SIZE];

	if (policy->policy->titled)
		return;
	trial_advise(&policy->trial, policy->policy->name, NULL, now_ms, warn, &advice);
	for (unsigned i = 0; checks != NULL && checks[i].name != NULL; i++)
		trial_advise(&policy->check_trials[i], check_full_name(policy->policy, i, name),
			checks[i].name, now_ms, warn, &advice);
}

/* Section by section for a titled policy, so that the right one is named. */
static void advise_policy(const struct conf_check *check, const struct group *group)
{
	const struct policy_conf *policy = &check->conf->policies[group->policy_index];
	struct call call = {
		.policy = policy->policy,
		.option_count = 1,
		.fail_actions = policy->fail,
		.temperror_actions = policy->temperror,
		.trial = &policy->trial,
		.check_trials = policy->check_trials,
	};

	for (size_t i = 0; i < policy->option_count && policy->trial.mode != MODE_OFF; i++) {
		struct advice advice = {check, group, i};

		call.options = (const char *)policy->options + i * policy->policy->options_size;
		policy->policy->advise(&call, &check->conf->site, warn, &advice);
	}
}

void conf_advise(const struct conf_check *check)
{
	if (check->report->warning == NULL)
		return;
	advise_site(check);
	advise_allow(check);
	advise_local_domains(check);
	advise_daemon(check);
	advise_store(check);
	advise_sources(check);
	advise_unquoted_trials(check);
	advise_metrics(check);
	for (size_t i = 0; i < check->schema->group_count; i++) {
		const struct group *group = &check->schema->groups[i];

		if (group->policy != NULL)
			advise_trials(check, group);
		if (group->policy != NULL && group->policy->advise != NULL)
			advise_policy(check, group);
	}
}
