/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl_limits.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "clock.h"
#include "control.h"
#include "ctl_until.h"
#include "setting.h"
#include "text.h"

enum { WORDS_MAX = 12, TOP_COUNT = 20 };

struct words {
	const char *words[WORDS_MAX]; /* without the options */
	size_t count;
	const char *limit; /* "": any */
	const char *number; /* of -n; NULL: none */
	bool json;
};

static void write_usage(FILE *out)
{
	fputs("usage: mailreevectl limits show [--json] [--limit NAME] KEY\n"
	      "       mailreevectl limits predict [--json] [--limit NAME] KEY COST\n"
	      "       mailreevectl limits top [--json] [-n COUNT] [NAME]\n"
	      "       mailreevectl limits reset [--json] [--limit NAME] KEY\n"
	      "       mailreevectl limits raise [--json] [--limit NAME] KEY RATE until TIME\n"
	      "       mailreevectl limits raise [--json] [--limit NAME] KEY RATE for DURATION\n"
	      "       mailreevectl limits unraise [--json] [--limit NAME] KEY\n"
	      "       mailreevectl limits raises [--json] [--limit NAME]\n"
	      "  KEY   as the log shows it: anna@example.org, example.org, 192.0.2.7, a user's "
	      "name;\n"
	      "        values that a limit joins with \"+\": anna@example.org+192.0.2.7; to raise: "
	      "as in\n"
	      "        a file of overrides, .example.org and 192.0.2.0/24 too\n"
	      "  NAME  of the limit, as in the configuration\n"
	      "  COST  messages, recipients, bytes (10MB) ... that shall be sent\n"
	      "  RATE  \"500 / 1h\" or unlimited\n"
	      "  TIME  today, tomorrow, 2026-12-01 (the whole day), 18:00, \"2026-12-01 18:00\"\n",
		out);
}

static int complain(const char *why)
{
	fprintf(stderr, "mailreevectl limits: %s\n", why);
	write_usage(stderr);
	return EX_USAGE;
}

/* Sorts options from words; false after a complaint. */
static bool sort_words(int argc, char **argv, struct words *words)
{
	*words = (struct words){.limit = ""};
	for (int i = 1; i < argc; i++) {
		bool takes = strcmp(argv[i], "--limit") == 0 || strcmp(argv[i], "-n") == 0;

		if (strpbrk(argv[i], "\t\r\n") != NULL) {
			complain("no tab and no line end may stand in a word");
			return false;
		}
		if (takes && i + 1 == argc) {
			complain(argv[i][1] == 'n' ? "a number is missing behind -n"
						   : "a name is missing behind --limit");
			return false;
		}
		if (strcmp(argv[i], "--json") == 0)
			words->json = true;
		else if (strcmp(argv[i], "--limit") == 0)
			words->limit = argv[++i];
		else if (strcmp(argv[i], "-n") == 0)
			words->number = argv[++i];
		else if (words->count < WORDS_MAX)
			words->words[words->count++] = argv[i];
		else {
			complain("too many words");
			return false;
		}
	}
	return true;
}

static int send_line(const char *socket, const struct words *words, const char *rest)
{
	char buffer[CONTROL_LINE_MAX], why[512] = "";
	struct text line;
	int status;

	text_init(&line, buffer, sizeof(buffer));
	text_addf(&line, "limits %s\t%s\t%s", words->json ? "json" : "text", words->limit, rest);
	if (line.truncated)
		return complain("that is too long");
	status = control_ask(socket, buffer, stdout, why, sizeof(why));
	if (why[0] != '\0')
		fprintf(stderr, "mailreevectl: %s\n", why);
	return status;
}

static int run_predict(const char *socket, const struct words *words)
{
	char rest[CONTROL_LINE_MAX], why[128];
	int64_t cost;

	if (words->count != 3)
		return complain("predict takes a key and a cost");
	if (!parse_size(words->words[2], &cost) || cost < 1) {
		snprintf(why, sizeof(why),
			"the cost \"%.40s\" is no number above 0; write for example 50 or 10MB",
			words->words[2]);
		return complain(why);
	}
	snprintf(rest, sizeof(rest), "predict\t%s\t%lld", words->words[1], (long long)cost);
	return send_line(socket, words, rest);
}

static int run_top(const char *socket, struct words *words)
{
	char rest[64];
	int64_t count = TOP_COUNT;

	if (words->count > 2)
		return complain("top takes the name of one limit, or none");
	if (words->number != NULL &&
		(!parse_size(words->number, &count) || count < 1 || count > 1000))
		return complain("-n takes a number from 1 to 1000");
	if (words->count == 2)
		words->limit = words->words[1];
	snprintf(rest, sizeof(rest), "top\t%lld", (long long)count);
	return send_line(socket, words, rest);
}

/* Words FIRST to before LAST, with blanks between. */
static void join(const struct words *words, size_t first, size_t last, struct text *out)
{
	for (size_t i = first; i < last; i++)
		text_addf(out, "%s%s", i > first ? " " : "", words->words[i]);
}

/* The rate and the end may come as one word each, or as several. */
static int run_raise(const char *socket, const struct words *words)
{
	char rate[64], end[128], why[256], rest[CONTROL_LINE_MAX];
	struct text rate_text, end_text;
	struct rate read;
	size_t at = 2;
	const char *wrong;
	int64_t end_ms;

	text_init(&rate_text, rate, sizeof(rate));
	text_init(&end_text, end, sizeof(end));
	while (at < words->count && !ascii_equal(words->words[at], "until") &&
		!ascii_equal(words->words[at], "for"))
		at++;
	if (words->count < 3 || at == 2)
		return complain("raise takes a key, a rate, and an end");
	join(words, 2, at, &rate_text);
	join(words, at, words->count, &end_text);
	wrong = ascii_equal(rate, "unlimited") ? NULL : parse_rate_or_say(rate, &read);
	if (wrong != NULL) {
		snprintf(why, sizeof(why), "the rate \"%.60s\" cannot be read: %s, or unlimited",
			rate, wrong);
		return complain(why);
	}
	if (!ctl_until_parse(end, clock_wall_ms(), &end_ms, why, sizeof(why)))
		return complain(why);
	snprintf(rest, sizeof(rest), "raise\t%s\t%s\t%lld", words->words[1], rate,
		(long long)end_ms);
	return send_line(socket, words, rest);
}

static int run_with_key(const char *socket, const struct words *words)
{
	char rest[CONTROL_LINE_MAX], why[64];

	if (words->count != 2 || words->words[1][0] == '\0') {
		snprintf(why, sizeof(why), "%s takes one key", words->words[0]);
		return complain(why);
	}
	if (strlen(words->words[1]) > CONTROL_LINE_MAX / 2)
		return complain("that is too long");
	snprintf(rest, sizeof(rest), "%s\t%s", words->words[0], words->words[1]);
	return send_line(socket, words, rest);
}

int ctl_limits(const char *socket, int argc, char **argv)
{
	static const char *const verbs[] = {
		"show", "predict", "top", "reset", "raise", "unraise", "raises", NULL};
	struct words words;
	const char *verb, *meant;
	char why[128];

	if (!sort_words(argc, argv, &words))
		return EX_USAGE;
	verb = words.count > 0 ? words.words[0] : "";
	if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0) {
		write_usage(stdout);
		return EX_OK;
	}
	if (words.number != NULL && strcmp(verb, "top") != 0)
		return complain("-n belongs to top");
	if (strcmp(verb, "predict") == 0)
		return run_predict(socket, &words);
	if (strcmp(verb, "top") == 0)
		return run_top(socket, &words);
	if (strcmp(verb, "raise") == 0)
		return run_raise(socket, &words);
	if (strcmp(verb, "raises") == 0)
		return words.count == 1 ? send_line(socket, &words, verb)
					: complain("raises takes no key");
	for (size_t i = 0; verbs[i] != NULL; i++)
		if (strcmp(verb, verbs[i]) == 0)
			return run_with_key(socket, &words);
	meant = text_suggest(verb, verbs);
	snprintf(why, sizeof(why), "there is no \"%.30s\"%s%s%s", verb,
		meant == NULL ? "" : "; did you mean ", meant == NULL ? "" : meant,
		meant == NULL ? "" : "?");
	return complain(verb[0] == '\0' ? "say what is wanted" : why);
}
