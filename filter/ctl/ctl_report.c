/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl_report.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "clock.h"
#include "ctl_journal.h"
#include "mem.h"
#include "report.h"
#include "text.h"

static void usage(FILE *out)
{
	fputs("usage: mailreevectl report [--since TIME] [--until TIME] [--top N] [--json]\n"
	      "           [--journal FILE | -c FILE]\n"
	      "  TIME            7d, 12h: so long ago; 2026-11-20 or \"2026-11-20 18:00\"\n"
	      "                  default: the last 7d\n"
	      "  --top N         rows of each table; default 20\n"
	      "  --journal FILE  default: the one that the configuration names\n"
	      "  -c FILE         that configuration; default " MAILREEVE_SYSCONF
	      "/mailreeve/mailreeve.conf\n"
	      "What was refused or would have been, by check, limit, sender's domain and day.\n",
		out);
}

static bool read_time(const char *option, const char *text, bool end, int64_t *time_ms_r)
{
	char shown[120];

	if (report_parse_time(text, (int64_t)clock_wall_ms(), end, time_ms_r))
		return true;
	fprintf(stderr,
		"mailreevectl report: %s wants a time like 7d, 2026-11-20 or \"2026-11-20 18:00\", "
		"not \"%s\"\n",
		option, text_escape(text, shown, sizeof(shown)));
	return false;
}

static bool read_top(const char *text, unsigned *top_r)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	*top_r = (unsigned)value;
	if (ascii_is_digit(*text) && *end == '\0' && value >= 1 && value <= 10000)
		return true;
	fputs("mailreevectl report: --top wants a number from 1 to 10000\n", stderr);
	return false;
}

static int write_report(struct report_options *options, const char *file)
{
	char *journal =
		options->journal == NULL ? ctl_journal_of(file) : mem_text(options->journal);
	struct journal_summary summary;
	char why[400];
	int status = EX_OK;

	if (journal == NULL) {
		fputs("mailreevectl report: the configuration names no journal; set journal = "
		      "/var/lib/mailreeve/journal in it, or name one with --journal\n",
			stderr);
		return EX_CONFIG;
	}
	options->journal = journal;
	if (report_write(options, stdout, &summary, why, sizeof(why))) {
		journal_tell_damage(journal, &summary);
	} else {
		fprintf(stderr, "mailreevectl report: %s\n", why);
		status = EX_NOINPUT;
	}
	mem_free(journal);
	return status;
}

int ctl_report(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"since", required_argument, NULL, 's'},
		{"until", required_argument, NULL, 'u'},
		{"top", required_argument, NULL, 't'},
		{"journal", required_argument, NULL, 'J'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	enum { WEEK_MS = 7 * 86400000 };
	struct report_options options = {
		.since_ms = (int64_t)clock_wall_ms() - WEEK_MS, .until_ms = INT64_MAX, .top = 20};
	const char *file = NULL;
	bool good = true;
	int option;

	optind = 0;
	while (good && (option = getopt_long(argc, argv, "hc:", long_options, NULL)) != -1) {
		switch (option) {
		case 's':
			good = read_time("--since", optarg, false, &options.since_ms);
			break;
		case 'u':
			good = read_time("--until", optarg, true, &options.until_ms);
			break;
		case 't':
			good = read_top(optarg, &options.top);
			break;
		case 'J':
			options.journal = optarg;
			break;
		case 'c':
			file = optarg;
			break;
		case 'j':
			options.json = true;
			break;
		case 'h':
			usage(stdout);
			return EX_OK;
		default:
			usage(stderr);
			return EX_USAGE;
		}
	}
	if (good && optind < argc) {
		char shown[120];

		fprintf(stderr, "mailreevectl report: unexpected \"%s\"\n",
			text_escape(argv[optind], shown, sizeof(shown)));
		good = false;
	}
	if (!good) {
		usage(stderr);
		return EX_USAGE;
	}
	return write_report(&options, file);
}
