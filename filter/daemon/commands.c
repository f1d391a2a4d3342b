/* SPDX-License-Identifier: BSD-2-Clause */
#include "commands.h"

#include <string.h>
#include <sysexits.h>

#include "explain.h"
#include "explain_request.h"
#include "forget_command.h"
#include "health.h"
#include "json_write.h"
#include "limits_command.h"
#include "metrics.h"
#include "milter.h"
#include "reload.h"
#include "status.h"
#include "text.h"
#include "why_command.h"

/* Written once, before threads start. */
static const struct services *services;

void commands_begin(const struct services *services_given)
{
	services = services_given;
}

static int command_reload(const char *text, FILE *out)
{
	bool json = strcmp(text, "json") == 0;
	char why[RELOAD_ERROR_SIZE], buffer[2 * RELOAD_ERROR_SIZE];
	bool done = reload_now(why, sizeof(why));
	struct text line;

	text_init(&line, buffer, sizeof(buffer));
	if (json) {
		json_open(&line, NULL, '{');
		json_add_bool(&line, "reloaded", done);
		json_add_text(&line, "error", why);
		json_close(&line, '}');
	} else if (done) {
		text_add(&line, "reloaded");
	} else {
		text_addf(&line, "%s\nthe configuration of before stays", why);
	}
	fprintf(out, "%s\n", buffer);
	return done ? EX_OK : EX_CONFIG;
}

static struct running running_now(void)
{
	struct running running = {.conf = milter_conf()};

	health_ask(&running, services);
	running.stopping = milter_is_draining();
	reload_state(&running.reload);
	return running;
}

static int command_status(const char *text, FILE *out)
{
	struct running running = running_now();

	if (strcmp(text, "json") == 0)
		status_write_json(out, &running);
	else
		status_write_text(out, &running);
	conf_release(&running.conf);
	return EX_OK;
}

static unsigned page_metrics(FILE *out)
{
	struct running running = running_now();

	metrics_write(out, &running);
	conf_release(&running.conf);
	return 200;
}

static unsigned page_health(FILE *out)
{
	struct running running = running_now();
	unsigned status = metrics_write_health(out, &running);

	conf_release(&running.conf);
	return status;
}

const struct metrics_page command_pages[] = {
	{"/metrics", "text/plain; version=0.0.4; charset=utf-8", page_metrics},
	{"/healthz", "text/plain; charset=utf-8", page_health},
	{0},
};

static int command_limits(const char *text, FILE *out)
{
	struct conf *conf = milter_conf();
	int status = limits_command(text, out, conf, services);

	conf_release(&conf);
	return status;
}

static int command_forget(const char *address, FILE *out)
{
	struct conf *conf = milter_conf();
	int status = forget_command(address, out, conf, services);

	conf_release(&conf);
	return status;
}

static int command_explain(const char *body, size_t length, FILE *out)
{
	struct explain_request request;
	char why[200];
	struct conf *conf;

	if (!explain_request_parse(body, length, &request, why, sizeof(why))) {
		fprintf(out, "%s\n", why);
		explain_request_clear(&request);
		return EX_USAGE;
	}
	conf = milter_conf();
	explain_write(&request, conf, services, out);
	conf_release(&conf);
	explain_request_clear(&request);
	return EX_OK;
}

static int command_why(const char *body, size_t length, FILE *out)
{
	struct conf *conf = milter_conf();
	int status;

	(void)length;
	status = why_command(body, out, conf, services);
	conf_release(&conf);
	return status;
}

const struct control_command commands[] = {
	{.name = "status", .help = "state and counters", .run = command_status},
	{.name = "reload", .help = "read the configuration again", .run = command_reload},
	{.name = "limits", .help = "what a key has used", .run = command_limits},
	{.name = "forget", .help = "ask anew about a recipient", .run = command_forget},
	{.name = "explain", .help = "judge a supposed session", .run_slow = command_explain},
	{.name = "why", .help = "the record of a refusal", .run_slow = command_why},
	{0},
};
