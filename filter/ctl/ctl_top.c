/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl_top.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "control.h"
#include "json.h"
#include "screen.h"
#include "text.h"
#include "top_view.h"
#include "tree.h"

enum { WHY_SIZE = 512 };

struct top {
	const char *socket;
	int interval_ms;
	bool json;
	struct json *before, *now;
	char trouble[WHY_SIZE]; /* why the last answer did not come; "" when it did */
};

static void usage(FILE *out)
{
	fputs("usage: mailreevectl top [--interval SECONDS] [--json]\n"
	      "  --interval SECONDS   from one look to the next; default 2\n"
	      "  --json               one look, as one JSON object\n"
	      "On a terminal it goes on until q is pressed; elsewhere it looks once.\n",
		out);
}

/* Another answer, and the one before is kept. Returns the exit status. */
static int look(struct top *top)
{
	char *text = NULL;
	size_t length = 0;
	FILE *answer = open_memstream(&text, &length);
	struct json *json = NULL;
	int status;

	if (answer == NULL)
		return EX_OSERR;
	top->trouble[0] = '\0';
	status = control_ask(top->socket, "status json", answer, top->trouble, WHY_SIZE);
	fclose(answer);
	if (status == EX_OK)
		json = json_read(text, length, top->trouble, WHY_SIZE);
	free(text);
	if (status == EX_OK && json == NULL)
		status = EX_PROTOCOL;
	if (json != NULL) {
		json_free(&top->before);
		top->before = top->now;
		top->now = json;
	}
	return status;
}

/* The screen as text, to be freed. */
static char *draw(const struct top *top, const struct top_view *view)
{
	char *text = NULL, shown[2 * WHY_SIZE];
	struct top_view rest = *view;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	if (out == NULL)
		return NULL;
	if (top->trouble[0] != '\0') {
		fprintf(out, "%.*s\n", (int)view->width,
			text_escape(top->trouble, shown, sizeof(shown)));
		rest.height--;
	}
	top_view_write(&rest, top->before, top->now, out);
	fclose(out);
	return text;
}

static bool wants_end(int key)
{
	return key == 'q' || key == 'Q' || key == 4 || key == SCREEN_CLOSED;
}

static void show_on(struct top *top)
{
	struct top_view view = {.colour = tree_look_of(stdout).colour};
	int key = SCREEN_NOTHING;

	do {
		char *text;

		if (key == SCREEN_NOTHING || key == ' ')
			(void)look(top);
		screen_size(&view.width, &view.height);
		text = draw(top, &view);
		if (text != NULL)
			screen_show(text);
		free(text);
		key = screen_wait(top->interval_ms);
	} while (!wants_end(key));
	screen_end();
}

static int show_once(struct top *top)
{
	struct top_view view = {.width = tree_look_of(stdout).width};
	int status;

	usleep((useconds_t)top->interval_ms * 1000);
	status = look(top);
	if (status != EX_OK)
		return status;
	if (view.width == 0)
		view.width = 80;
	if (top->json)
		top_view_write_json(top->before, top->now, stdout);
	else
		top_view_write(&view, top->before, top->now, stdout);
	return EX_OK;
}

static bool read_interval(const char *text, int *ms_r)
{
	char *end;
	double seconds = strtod(text, &end);

	*ms_r = (int)(seconds * 1000);
	return ascii_is_digit(*text) && *end == '\0' && seconds >= 0.1 && seconds <= 3600;
}

static int run(struct top *top)
{
	int status = look(top);

	if (status == EX_OK) {
		if (!top->json && screen_begin())
			show_on(top);
		else
			status = show_once(top);
	}
	if (status != EX_OK)
		fprintf(stderr, "mailreevectl: %s\n", top->trouble);
	json_free(&top->before);
	json_free(&top->now);
	return status;
}

int ctl_top(const char *socket, int argc, char **argv)
{
	static const struct option long_options[] = {
		{"interval", required_argument, NULL, 'i'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct top top = {.socket = socket, .interval_ms = 2000};
	int option;

	optind = 0;
	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		switch (option) {
		case 'i':
			if (read_interval(optarg, &top.interval_ms))
				break;
			fputs("mailreevectl top: --interval wants seconds, from 0.1 to 3600\n",
				stderr);
			return EX_USAGE;
		case 'j':
			top.json = true;
			break;
		case 'h':
			usage(stdout);
			return EX_OK;
		default:
			usage(stderr);
			return EX_USAGE;
		}
	}
	if (optind < argc) {
		usage(stderr);
		return EX_USAGE;
	}
	return run(&top);
}
