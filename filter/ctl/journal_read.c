/* SPDX-License-Identifier: BSD-2-Clause */
#include "journal_read.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "mem.h"

enum { LINE_MAX_BYTES = 65536, FILES_MAX = 1000 };

struct reading {
	bool (*line)(void *context, const char *text, size_t length);
	void *context;
	struct journal_summary *summary;
	char *buffer; /* LINE_MAX_BYTES */
};

static void read_file(struct reading *reading, FILE *in, bool newest)
{
	struct journal_summary *summary = reading->summary;
	bool within = false; /* a line that is longer than one may be, or has no end yet */

	summary->files++;
	while (fgets(reading->buffer, LINE_MAX_BYTES, in) != NULL) {
		size_t length = strlen(reading->buffer);
		bool ends = length > 0 && reading->buffer[length - 1] == '\n';
		bool begins = !within;

		within = !ends;
		if (!begins)
			continue;
		summary->lines++;
		if (ends)
			reading->buffer[length - 1] = '\0';
		if (!ends || !reading->line(reading->context, reading->buffer, length - 1))
			summary->damaged++;
	}
	summary->torn = newest && within;
}

static bool same_file(FILE *a, FILE *b)
{
	struct stat one, other;

	return fstat(fileno(a), &one) == 0 && fstat(fileno(b), &other) == 0 &&
	       one.st_ino == other.st_ino && one.st_dev == other.st_dev;
}

static int count_aside(const char *file)
{
	char name[PATH_MAX];
	struct stat status;
	int count = 0;

	while (count < FILES_MAX) {
		snprintf(name, sizeof(name), "%s.%d", file, count + 1);
		if (stat(name, &status) != 0)
			break;
		count++;
	}
	return count;
}

bool journal_read(const char *file, bool (*line)(void *context, const char *text, size_t length),
	void *context, struct journal_summary *summary_r, char *why, size_t why_size)
{
	struct reading reading = {.line = line, .context = context, .summary = summary_r};
	/* Opened first: if it is put aside while the older ones are read, nothing is missed. */
	FILE *newest = fopen(file, "re");
	char name[PATH_MAX];

	*summary_r = (struct journal_summary){.files = 0};
	/* A moment ago it may have been put aside. */
	if (newest == NULL && (errno != ENOENT || count_aside(file) == 0)) {
		snprintf(why, why_size, "cannot read the journal %s: %s", file, strerror(errno));
		return false;
	}
	reading.buffer = mem_alloc(LINE_MAX_BYTES);
	for (int n = count_aside(file); n >= 1; n--) {
		FILE *aside;

		snprintf(name, sizeof(name), "%s.%d", file, n);
		aside = fopen(name, "re");
		if (aside == NULL)
			continue;
		if (newest == NULL || !same_file(aside, newest))
			read_file(&reading, aside, false);
		fclose(aside);
	}
	if (newest != NULL) {
		read_file(&reading, newest, true);
		fclose(newest);
	}
	mem_free(reading.buffer);
	return true;
}

void journal_tell_damage(const char *file, const struct journal_summary *summary)
{
	if (summary->damaged > 0)
		fprintf(stderr, "mailreevectl: %s: %" PRIu64 " damaged line%s left out%s\n", file,
			summary->damaged, summary->damaged == 1 ? " was" : "s were",
			summary->torn ? ", the last one among them" : "");
}
