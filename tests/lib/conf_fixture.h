/* SPDX-License-Identifier: BSD-2-Clause */
/* Policies that do nothing and a folder of configuration files, for tests of the configuration. */
#ifndef MAILREEVE_CONF_FIXTURE_H
#define MAILREEVE_CONF_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf.h"
#include "mem.h"

/* Two policies that stand for all: one section, and titled sections. */
struct fake_options {
	int64_t low, high;
	char **words;
	struct rate rate;
	struct matchlist *partners;
	bool flag;
	int *prepared;
};

static const struct check fake_checks[] = {
	{.name = "missing", .fail = ACTION_SUSPECT, .can_temperror = true, .help = "Missing"},
	{.name = "wrong", .fail = ACTION_REJECT, .help = "Wrong"},
	{.name = NULL},
};

static const struct setting fake_settings[] = {
	{.name = "low",
		.type = SETTING_INTEGER,
		.offset = offsetof(struct fake_options, low),
		.default_text = "1",
		.min = 1,
		.max = 100,
		.help = "Low"},
	{.name = "high",
		.type = SETTING_DURATION,
		.offset = offsetof(struct fake_options, high),
		.default_text = "10s",
		.min = 1000,
		.max = 60000,
		.help = "High"},
	{.name = "words",
		.type = SETTING_TEXTS,
		.offset = offsetof(struct fake_options, words),
		.default_text = "one, \"two\"",
		.help = "Words"},
	{.name = "rate",
		.type = SETTING_RATE,
		.offset = offsetof(struct fake_options, rate),
		.default_text = "200 / 1h",
		.help = "Rate"},
	{.name = "partners",
		.type = SETTING_MATCHLIST,
		.offset = offsetof(struct fake_options, partners),
		.default_text = "",
		.help = "Partners"},
	{.name = "flag",
		.type = SETTING_BOOL,
		.offset = offsetof(struct fake_options, flag),
		.default_text = "no",
		.help = "Flag"},
	{.name = NULL},
};

static bool fake_verify(const void *options, const struct site *site, const char **setting_r,
	char *why, size_t why_size)
{
	const struct fake_options *fake = options;

	assert_non_null(site->hostname);
	if (fake->low * 1000 <= fake->high)
		return true;
	*setting_r = "high";
	snprintf(why, why_size, "high is below low; make it longer");
	return false;
}

static void fake_advise(const struct call *call, const struct site *site,
	void (*warn)(void *context, const char *setting, const char *text), void *context)
{
	const struct fake_options *fake = call->options;

	(void)site;
	if (fake->flag)
		warn(context, "flag", "flag is dangerous");
	if (call->fail_actions[0] == ACTION_REJECT)
		warn(context, "missing", "rejecting on missing is dangerous");
}

static void fake_prepare(void *options, const struct site *site)
{
	(void)site;
	((struct fake_options *)options)->prepared = mem_alloc(sizeof(int));
}

static void fake_clear(void *options)
{
	assert_non_null(((struct fake_options *)options)->prepared);
	mem_free(((struct fake_options *)options)->prepared);
}

static const struct policy fake = {
	.name = "fake",
	.summary = "One section",
	.checks = fake_checks,
	.settings = fake_settings,
	.options_size = sizeof(struct fake_options),
	.verify = fake_verify,
	.advise = fake_advise,
	.prepare = fake_prepare,
	.clear = fake_clear,
};

struct limit_options {
	char *title;
	char *key;
	int64_t count;
};

static const struct setting limit_settings[] = {
	{.name = "key",
		.type = SETTING_TEXT,
		.offset = offsetof(struct limit_options, key),
		.default_text = "sender",
		.help = "Key"},
	{.name = "count",
		.type = SETTING_INTEGER,
		.offset = offsetof(struct limit_options, count),
		.default_text = "5",
		.min = 1,
		.max = 10,
		.help = "Count"},
	{.name = NULL},
};

static bool limit_verify(const void *options, const struct site *site, const char **setting_r,
	char *why, size_t why_size)
{
	const struct limit_options *limit = options;

	(void)site;
	*setting_r = limit->count == 7 ? NULL : "key";
	snprintf(why, why_size, "%s: key is empty, or count 7; write another", limit->title);
	return limit->key != NULL && limit->count != 7;
}

static const struct policy titled = {
	.name = "limit",
	.summary = "Titled sections",
	.settings = limit_settings,
	.options_size = sizeof(struct limit_options),
	.titled = true,
	.verify = limit_verify,
};

static const struct policy *const fake_policies[] = {&fake, &titled, NULL};

/* A folder of configuration files, and what was said about them. */
struct fixture {
	char folder[64];
	char said[16384]; /* without the folder in front */
};

static int set_up(void **state)
{
	struct fixture *fixture = mem_alloc(sizeof(*fixture));

	strcpy(fixture->folder, "/tmp/conf_test.XXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	char *command = mem_format("rm -r %s", fixture->folder);
	int failed = system(command);

	mem_free(command);
	mem_free(fixture);
	return failed;
}

static char *path_of(const struct fixture *fixture, const char *name)
{
	return mem_format("%s/%s", fixture->folder, name);
}

static void put(const struct fixture *fixture, const char *name, const char *text)
{
	char *path = path_of(fixture, name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
	mem_free(path);
}

static void say(struct fixture *fixture, const char *kind, const char *text)
{
	size_t used = strlen(fixture->said), length = strlen(fixture->folder);
	const char *found;

	snprintf(fixture->said + used, sizeof(fixture->said) - used, "%s", kind);
	while ((found = strstr(text, fixture->folder)) != NULL) {
		used = strlen(fixture->said);
		snprintf(fixture->said + used, sizeof(fixture->said) - used, "%.*s",
			(int)(found - text), text);
		text = found + length + 1;
	}
	used = strlen(fixture->said);
	snprintf(fixture->said + used, sizeof(fixture->said) - used, "%s\n", text);
}

static void on_error(void *context, const char *text)
{
	say(context, "", text);
}

static void on_warning(void *context, const char *text)
{
	say(context, "warning ", text);
}

static MAYBE_UNUSED struct conf *load(struct fixture *fixture, const char *name)
{
	const struct conf_report report = {on_error, on_warning, fixture};
	char *path = name == NULL ? NULL : path_of(fixture, name);
	struct conf *conf;

	fixture->said[0] = '\0';
	conf = conf_load(path, fake_policies, &report);
	mem_free(path);
	return conf;
}

static MAYBE_UNUSED struct conf *load_text(struct fixture *fixture, const char *text)
{
	put(fixture, "c", text);
	return load(fixture, "c");
}

#endif
