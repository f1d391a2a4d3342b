/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf_verify.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "account.h"
#include "conf_names.h"
#include "domain.h"
#include "metrics_address.h"
#include "resolver_config.h"
#include "store.h"
#include "text.h"

enum { WHY_SIZE = 1024 };

/* The first setting given in a section, or NULL. */
static const struct given *first_given(
	const struct conf_check *check, const struct group *group, size_t section)
{
	for (size_t i = 0; i < check->input->given_count; i++) {
		const struct given *given = &check->input->givens[i];

		if (given->group == group && given->section == section)
			return given;
	}
	return NULL;
}

/* A rule that is broken is told at the setting, else where its section begins, as far as known. */
static void blame(const struct conf_check *check, const struct group *group, size_t section,
	const char *setting, const char *why)
{
	const struct given_section *titled = conf_input_section(check->input, group, section);
	const struct given *given =
		setting == NULL ? NULL : conf_input_find(check->input, group, section, setting);

	if (given == NULL && titled == NULL && group->name != NULL)
		given = first_given(check, group, section);
	if (given != NULL)
		problem_add(check->problems, given->file, given->line, "%s", why);
	else if (titled != NULL)
		problem_add(check->problems, titled->file, titled->line, "%s", why);
	else
		problem_add(check->problems, 0, 0, "%s%s%s", group->name == NULL ? "" : group->name,
			group->name == NULL ? "" : ": ", why);
}

static void blame_in(const struct conf_check *check, const char *section, const char *setting,
	const char *format, ...) ATTR_PRINTF(4, 5);

static void blame_in(const struct conf_check *check, const char *section, const char *setting,
	const char *format, ...)
{
	char why[WHY_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	blame(check, schema_group(check->schema, section), 0, setting, why);
}

/* The setting is what the file says, or its default because the file says nothing. */
static bool is_sound(const struct conf_check *check, const char *section, const char *setting)
{
	const struct given *given =
		conf_input_find(check->input, schema_group(check->schema, section), 0, setting);

	return given == NULL || !given->bad;
}

static bool is_path(const char *text)
{
	return text == NULL || *text == '/';
}

bool conf_socket_is_good(const char *text)
{
	static const char *const files[] = {"local:", "unix:", NULL};
	static const char *const ports[] = {"inet:", "inet6:", NULL};
	long port;
	char *end;

	for (size_t i = 0; files[i] != NULL; i++) {
		if (strncmp(text, files[i], strlen(files[i])) == 0)
			return text[strlen(files[i])] == '/';
	}
	for (size_t i = 0; ports[i] != NULL; i++) {
		if (strncmp(text, ports[i], strlen(ports[i])) != 0)
			continue;
		port = strtol(text + strlen(ports[i]), &end, 10);
		return port > 0 && port < 65536 &&
		       (*end == '\0' || (*end == '@' && end[1] != '\0'));
	}
	return false;
}

static void verify_accounts(const struct conf_check *check)
{
	const struct daemon_options *daemon = &check->conf->daemon;
	struct account account;
	char why[WHY_SIZE];
	gid_t gid;

	if (daemon->user != NULL && !account_find(daemon->user, &account, why, sizeof(why)))
		blame_in(check, "", "user",
			"user = \"%s\": %s; make it (adduser --system), or name another",
			daemon->user, why);
	if (daemon->socket_group != NULL &&
		!account_find_group(daemon->socket_group, &gid, why, sizeof(why)))
		blame_in(check, "", "socket_group",
			"socket_group = \"%s\": %s; name the group of the MTA",
			daemon->socket_group, why);
}

static void verify_nameservers(const struct conf_check *check)
{
	char *const *name = check->conf->resolver.nameservers;
	struct resolver_address address;

	for (; name != NULL && *name != NULL; name++)
		if (!resolver_config_address(*name, &address))
			blame_in(check, "resolver", "nameservers",
				"nameservers: \"%s\" is not an address; write it like 192.0.2.53, "
				"192.0.2.53:5353 or [2001:db8::53]:5353",
				*name);
}

/* The kernel takes no longer ones. */
static void verify_length(const struct conf_check *check, const char *setting, const char *socket)
{
	const char *path = socket == NULL ? NULL : strchr(socket, '/');

	if (path != NULL && strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		blame_in(check, "", setting,
			"%s: a path of %zu bytes is too long for a socket; write one of at most "
			"%zu",
			setting, strlen(path), sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
}

static bool has_port_of_metrics(const struct daemon_options *daemon)
{
	const char *port = daemon->socket == NULL ? NULL : strchr(daemon->socket, ':');
	const char *at = daemon->socket == NULL ? NULL : strchr(daemon->socket, '@');
	struct metrics_address metrics;
	char text[IPADDR_TEXT_SIZE];

	return port != NULL && daemon->metrics != NULL &&
	       metrics_address_parse(daemon->metrics, &metrics) &&
	       strtoul(port + 1, NULL, 10) == metrics.port &&
	       (at == NULL || strcmp(at + 1, ipaddr_format(&metrics.address, text)) == 0);
}

/* What is written or listened at has a place of its own. */
static void verify_places(const struct conf_check *check)
{
	const struct daemon_options *daemon = &check->conf->daemon;
	const char *socket = daemon->socket == NULL ? NULL : strchr(daemon->socket, '/');
	const struct {
		const char *setting, *path;
	} places[] = {{"socket", socket}, {"control_socket", daemon->control_socket},
		{"pid_file", daemon->pid_file}, {"journal", daemon->journal}};

	for (size_t i = 1; i < ARRAY_COUNT(places); i++)
		for (size_t j = 0; j < i; j++)
			if (places[i].path != NULL && places[j].path != NULL &&
				strcmp(places[i].path, places[j].path) == 0)
				blame_in(check, "", places[i].setting,
					"%s is the path of %s too; give it one of its own",
					places[i].setting, places[j].setting);
	if (socket == NULL && has_port_of_metrics(daemon))
		blame_in(check, "", "metrics",
			"metrics has the port of socket; give it one of its own");
}

static void verify_daemon(const struct conf_check *check)
{
	const struct daemon_options *daemon = &check->conf->daemon;
	const char *mode = daemon->socket_mode == NULL ? "" : daemon->socket_mode;
	size_t digits = strspn(mode, "01234567");

	if (daemon->socket == NULL || !conf_socket_is_good(daemon->socket))
		blame_in(check, "", "socket",
			"socket = \"%s\" is no socket; write local:/absolute/path, "
			"inet:PORT@ADDRESS or inet6:PORT@ADDRESS",
			daemon->socket == NULL ? "" : daemon->socket);
	verify_length(check, "socket", daemon->socket);
	verify_length(check, "control_socket", daemon->control_socket);
	if (mode[digits] != '\0' || digits < 3 || digits > 4 || strtol(mode, NULL, 8) > 0777)
		blame_in(check, "", "socket_mode",
			"socket_mode = \"%s\" is no mode of a file; write three or four octal "
			"digits like 0660",
			mode);
	if (!is_path(daemon->pid_file))
		blame_in(check, "", "pid_file",
			"pid_file = \"%s\" is not an absolute path; start it with /",
			daemon->pid_file);
	if (!is_path(daemon->control_socket))
		blame_in(check, "", "control_socket",
			"control_socket = \"%s\" is not an absolute path; start it with /",
			daemon->control_socket);
	if (!is_path(daemon->journal))
		blame_in(check, "", "journal",
			"journal = \"%s\" is not an absolute path; start it with /",
			daemon->journal);
	verify_places(check);
}

static void verify_certificates(const struct conf_check *check)
{
	const struct site *site = &check->conf->site;

	for (char **entry = site->trusted_certificates; entry != NULL && *entry != NULL; entry++) {
		const char *wrong = site_check_certificate(*entry);

		if (wrong != NULL)
			blame_in(check, "", "trusted_certificates",
				"trusted_certificates: \"%s\" %s", *entry, wrong);
	}
	for (char **name = site->trusted_daemons; name != NULL && *name != NULL; name++) {
		if (ascii_equal(*name, site->hostname))
			blame_in(check, "", "trusted_daemons",
				"trusted_daemons: \"%s\" is what Postfix calls every service that "
				"has no "
				"name; give one its own with milter_macro_daemon_name",
				*name);
	}
}

static void verify_metrics(const struct conf_check *check)
{
	const char *metrics = check->conf->daemon.metrics;
	struct metrics_address address;

	if (metrics != NULL && !metrics_address_parse(metrics, &address))
		blame_in(check, "", "metrics",
			"metrics = \"%s\" is not an address and port; write 9749, 127.0.0.1:9749 "
			"or "
			"[::1]:9749",
			metrics);
}

static void verify_names(const struct conf_check *check)
{
	const struct site *site = &check->conf->site;
	char canonical[DOMAIN_SIZE];
	struct ipaddr address;

	/* What the system is called is not to blame here. */
	if (ipaddr_parse(site->hostname, &address) &&
		conf_input_find(check->input, schema_group(check->schema, ""), 0, "hostname") !=
			NULL)
		blame_in(check, "", "hostname",
			"hostname = \"%s\" is an address; write the name of this mail server, like "
			"mail.example.org",
			site->hostname);
	else if (!domain_canonical(site->hostname, canonical))
		blame_in(check, "", "hostname",
			"hostname = \"%s\" is not a domain name; write one like mail.example.org",
			site->hostname);
	for (char **name = site->own_names; name != NULL && *name != NULL; name++) {
		if (!domain_canonical(*name, canonical))
			blame_in(check, "", "own_names",
				"own_names: \"%s\" is not a domain name; write one like "
				"mail.example.org",
				*name);
	}
	verify_certificates(check);
}

static void verify_results(const struct conf_check *check)
{
	const struct site *site = &check->conf->site;
	char canonical[DOMAIN_SIZE];

	if (!domain_canonical(site->authserv_id, canonical) &&
		strcmp(site->authserv_id, site->hostname) != 0)
		blame_in(check, "", "authserv_id",
			"authserv_id = \"%s\" is no name; write one like example.org",
			site->authserv_id);
	for (char **id = site->trusted_authserv_ids; id != NULL && *id != NULL; id++) {
		if (ascii_equal(*id, site->authserv_id))
			blame_in(check, "", "trusted_authserv_ids",
				"trusted_authserv_ids: \"%s\" is our own authserv_id, whose fields "
				"are removed as forged; give the filter before us another name "
				"(AuthservID of OpenDKIM), or set authserv_id",
				*id);
		else if (!domain_canonical(*id, canonical))
			blame_in(check, "", "trusted_authserv_ids",
				"trusted_authserv_ids: \"%s\" is no name; write one like "
				"dkim.example.org",
				*id);
	}
}

static void verify_services(const struct conf_check *check)
{
	const struct conf *conf = check->conf;
	char why[WHY_SIZE], low[32], high[32];
	const char *setting = "url";

	if (!store_options_verify(&conf->store, &setting, why, sizeof(why)))
		blame_in(check, "store", setting, "%s", why);
	if (conf->store.timeout_ms >= conf->site.time_limit_ms &&
		is_sound(check, "", "time_limit") && is_sound(check, "store", "timeout"))
		blame_in(check, "store", "timeout",
			"timeout = %s of the store is not below time_limit = %s; make it shorter",
			format_duration(conf->store.timeout_ms, low, sizeof(low)),
			format_duration(conf->site.time_limit_ms, high, sizeof(high)));
	if (conf->resolver.max_negative_ttl_ms > conf->resolver.max_ttl_ms &&
		is_sound(check, "resolver", "max_ttl") &&
		conf_input_find(check->input, schema_group(check->schema, "resolver"), 0,
			"max_negative_ttl") != NULL)
		blame_in(check, "resolver", "max_negative_ttl",
			"max_negative_ttl = %s is above max_ttl = %s; make it shorter",
			format_duration(conf->resolver.max_negative_ttl_ms, low, sizeof(low)),
			format_duration(conf->resolver.max_ttl_ms, high, sizeof(high)));
}

/* Something about it is told elsewhere. */
static bool is_told(const struct conf_check *check, const struct group *group, size_t section,
	const char *setting, const char *why)
{
	const struct row *row = setting == NULL ? NULL : group_row(group, setting);

	/* What it follows is told of where that is given. */
	if (row != NULL && row->setting.follows != NULL &&
		conf_input_find(check->input, group, section, setting) == NULL)
		return true;
	for (size_t i = 0; i < group->row_count; i++) {
		const char *name = group->rows[i].setting.name;
		const struct given *given = conf_input_find(check->input, group, section, name);

		/* What is said of others hangs on it where it names it. */
		if (given != NULL && given->bad &&
			((setting != NULL && strcmp(name, setting) == 0) ||
				strstr(why, name) != NULL))
			return true;
	}
	return false;
}

/* A rule tells the first thing that is wrong. With that at its default the next one is seen; what
 * comes of it is used by nobody. */
static void verify_section(
	const struct conf_check *check, const struct group *group, size_t section)
{
	struct policy_conf *policy = &check->conf->policies[group->policy_index];
	const char *options =
		(const char *)policy->options + section * policy->policy->options_size;
	const char *before = "";

	for (size_t i = 0; i <= group->row_count; i++) {
		char why[WHY_SIZE] = "is contradictory";
		const char *setting = NULL;
		const struct row *row;

		if (policy->policy->verify(options, &check->conf->site, &setting, why, sizeof(why)))
			return;
		row = setting == NULL ? NULL : group_row(group, setting);
		if (row != NULL && strcmp(setting, before) == 0)
			return;
		if (!is_told(check, group, section, setting, why))
			blame(check, group, section, setting, why);
		if (row == NULL)
			return;
		before = setting;
		setting_clear(&row->setting, row_target(row, group, check->conf, section));
		setting_set_default(&row->setting, row_target(row, group, check->conf, section));
	}
}

static void verify_policy(const struct conf_check *check, const struct group *group)
{
	const struct policy_conf *policy = &check->conf->policies[group->policy_index];

	for (size_t i = 0; i < policy->option_count; i++)
		verify_section(check, group, i);
}

/* Those of single checks are settled where they are parsed, those of limits by the policy. */
static void verify_trial(const struct conf_check *check, const struct group *group)
{
	const struct policy_conf *policy = &check->conf->policies[group->policy_index];
	const char *setting;
	char why[WHY_SIZE];

	if (!policy->policy->titled && is_sound(check, group->name, "mode") &&
		is_sound(check, group->name, "percent") &&
		!trial_verify(&policy->trial, &setting, why, sizeof(why)))
		blame(check, group, 0, setting, why);
}

static void verify_names_of_checks(const struct conf_check *check, const struct given *given)
{
	char **names = conf_check_names(check->schema);

	for (size_t i = 0; names != NULL && i < given->value_count; i++) {
		const char *name = given->values[i].text;
		const char *meant = text_suggest(name, (const char *const *)names);

		if (conf_is_among(names, name))
			continue;
		problem_add(check->problems, given->file, given->values[i].line,
			"%s: \"%s\" is neither a policy nor a check; %s%s%s",
			given->row->setting.name, name,
			meant == NULL ? "write one like helo or helo.mismatch" : "did you mean ",
			meant == NULL ? "" : meant, meant == NULL ? "" : "?");
	}
	conf_check_names_free(names);
}

static void verify_given(const struct conf_check *check)
{
	for (size_t i = 0; i < check->input->given_count; i++) {
		const struct given *given = &check->input->givens[i];

		if (given->row->setting.names_checks && !given->bad)
			verify_names_of_checks(check, given);
	}
}

void conf_verify(const struct conf_check *check)
{
	verify_daemon(check);
	verify_accounts(check);
	verify_metrics(check);
	verify_names(check);
	verify_results(check);
	verify_nameservers(check);
	verify_services(check);
	verify_given(check);
	for (size_t i = 0; i < check->schema->group_count; i++) {
		const struct group *group = &check->schema->groups[i];

		if (group->policy != NULL)
			verify_trial(check, group);
		if (group->policy != NULL && group->policy->verify != NULL)
			verify_policy(check, group);
	}
}

static void verify_complete(const struct conf_check *check, const struct group *group)
{
	const struct policy_conf *policy = &check->conf->policies[group->policy_index];

	for (size_t i = 0; i < policy->option_count; i++) {
		const char *options =
			(const char *)policy->options + i * policy->policy->options_size;
		const char *setting = NULL;
		char why[WHY_SIZE] = "cannot be used";

		if (!policy->policy->complete(options, &setting, why, sizeof(why)))
			blame(check, group, i, setting, why);
	}
}

void conf_verify_complete(const struct conf_check *check)
{
	for (size_t i = 0; i < check->schema->group_count; i++) {
		const struct group *group = &check->schema->groups[i];

		if (group->policy != NULL && group->policy->complete != NULL)
			verify_complete(check, group);
	}
}
