/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl_why.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "control.h"
#include "ctl_journal.h"
#include "journal_read.h"
#include "json.h"
#include "kept.h"
#include "mem.h"
#include "show.h"
#include "text.h"

struct question {
	const char *socket, *file, *journal;
	bool json;
	const char *word;
};

static void usage(FILE *out)
{
	fputs("usage: mailreevectl why [--json] [--journal FILE] [-c FILE] REFERENCE | QUEUE-ID\n"
	      "  REFERENCE       as a refused client saw it: (ref 7Q2K-M4XD)\n"
	      "  QUEUE-ID        of the MTA; the last refusal of that message\n"
	      "  --journal FILE  where to look if the store has it no more; default: the daemon's\n"
	      "  -c FILE         configuration that names the journal, when the daemon is down\n"
	      "Exit status: 0 found, 66 nothing known, 64 bad usage, 69 no daemon and no journal,\n"
	      "75 the store does not answer.\n",
		out);
}

static int show(const struct question *question, const char *record)
{
	char why[200];
	struct json *json;

	if (question->json) {
		puts(record);
		return EX_OK;
	}
	json = json_read(record, strlen(record), why, sizeof(why));
	if (json == NULL) {
		fprintf(stderr, "mailreevectl why: the record is broken: %s\n", why);
		return EX_DATAERR;
	}
	show_record(json, stdout);
	json_free(&json);
	return EX_OK;
}

/* In the journal. ------------------------------------------------------------------------------ */

struct search {
	char reference[80], queue[200];
	char *found; /* the last record that is about it; owned */
};

static bool look_at_line(void *context, const char *text, size_t length)
{
	struct search *search = context;

	if (text[0] != '{' || text[length - 1] != '}')
		return false;
	if ((search->reference[0] == '\0' || strstr(text, search->reference) == NULL) &&
		strstr(text, search->queue) == NULL)
		return true;
	mem_free(search->found);
	search->found = mem_text_n(text, length);
	return true;
}

static int look_into_journal(const struct question *question, const char *file, int otherwise)
{
	struct search search = {.found = NULL};
	struct journal_summary summary;
	char reference[REFERENCE_SIZE], queue[160], why[400];
	int status = otherwise;

	if (kept_parse_reference(question->word, reference))
		snprintf(search.reference, sizeof(search.reference), "\"ref\":\"%s\"", reference);
	snprintf(search.queue, sizeof(search.queue), "\"queue\":\"%s\"",
		text_escape(question->word, queue, sizeof(queue)));
	if (!journal_read(file, look_at_line, &search, &summary, why, sizeof(why))) {
		fprintf(stderr, "mailreevectl why: %s\n", why);
		return otherwise;
	}
	if (search.found != NULL)
		status = show(question, search.found);
	mem_free(search.found);
	return status;
}

/* Asking. -------------------------------------------------------------------------------------- */

static int tell_nothing_known(const struct question *question, int status)
{
	char shown[200];

	if (status == EX_NOINPUT)
		fprintf(stderr,
			"mailreevectl why: nothing is known of \"%s\": it was no refusal, or one "
			"that is kept no more\n",
			text_escape(question->word, shown, sizeof(shown)));
	else if (status == EX_TEMPFAIL)
		fputs("mailreevectl why: the store does not answer; try again later\n", stderr);
	return status;
}

static int ask(const struct question *question)
{
	char *answer = NULL, *journal = NULL, why[512] = "";
	size_t length = 0;
	FILE *out = open_memstream(&answer, &length);
	int status;

	if (out == NULL)
		return EX_OSERR;
	status = control_ask_slow(question->socket, "why", question->word, strlen(question->word),
		out, why, sizeof(why));
	fclose(out);
	answer[strcspn(answer, "\n")] = '\0';
	if (question->journal != NULL)
		journal = mem_text(question->journal);
	else if ((status == EX_NOINPUT || status == EX_TEMPFAIL) && answer[0] == '/')
		journal = mem_text(answer);
	else if (status == EX_UNAVAILABLE)
		journal = ctl_journal_of(question->file);
	if (status == EX_OK)
		status = show(question, answer);
	else if (journal != NULL)
		status = look_into_journal(
			question, journal, status == EX_UNAVAILABLE ? EX_NOINPUT : status);
	else if (why[0] != '\0')
		fprintf(stderr, "mailreevectl: %s\n", why);
	else if (status != EX_NOINPUT && status != EX_TEMPFAIL)
		fprintf(stderr, "mailreevectl: %s\n", answer);
	mem_free(journal);
	free(answer);
	return tell_nothing_known(question, status);
}

int ctl_why(const char *socket, int argc, char **argv)
{
	static const struct option long_options[] = {
		{"json", no_argument, NULL, 'j'},
		{"journal", required_argument, NULL, 'J'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct question question = {.socket = socket};
	int option;

	optind = 0;
	while ((option = getopt_long(argc, argv, "hc:", long_options, NULL)) != -1) {
		switch (option) {
		case 'j':
			question.json = true;
			break;
		case 'J':
			question.journal = optarg;
			break;
		case 'c':
			question.file = optarg;
			break;
		case 'h':
			usage(stdout);
			return EX_OK;
		default:
			usage(stderr);
			return EX_USAGE;
		}
	}
	if (optind != argc - 1 || argv[optind][0] == '\0' || strlen(argv[optind]) > 128) {
		usage(stderr);
		return EX_USAGE;
	}
	question.word = argv[optind];
	return ask(&question);
}
