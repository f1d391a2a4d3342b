/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "matchlist_entry.h"
#include "text.h"

enum { LINES_MAX = 10000000, LINE_MAX_OCTETS = 1000 };

struct loading {
	struct matchlist *list;
	const char *file;
	void (*complain)(void *context, const char *file, unsigned line, const char *why);
	void *context;
	bool good;
};

static void blame(struct loading *loading, unsigned line, const char *why)
{
	loading->good = false;
	if (loading->complain != NULL)
		loading->complain(loading->context, loading->file, line, why);
}

/* Cuts comment and blanks off; returns the entry. "#" in the middle of a word is no comment: it is
 * allowed in a local-part. */
static char *strip(char *line)
{
	size_t length;

	while (ascii_is_space(*line))
		line++;
	for (char *at = line; *at != '\0'; at++) {
		if (*at == '#' && (at == line || ascii_is_space(at[-1]))) {
			*at = '\0';
			break;
		}
	}
	length = strlen(line);
	while (length > 0 && ascii_is_space(line[length - 1]))
		line[--length] = '\0';
	return line;
}

static void load_line(struct loading *loading, char *line, size_t length, unsigned number)
{
	const char *why = NULL;
	char *entry;

	if (memchr(line, '\0', length) != NULL) {
		blame(loading, number, "a NUL byte in the line; is this a text file?");
		return;
	}
	if (length > LINE_MAX_OCTETS) {
		blame(loading, number, "line over 1000 octets; write one entry a line");
		return;
	}
	entry = strip(line);
	if (entry[0] != '\0' &&
		!matchlist_add_line(loading->list, entry, loading->file, number, &why))
		blame(loading, number, why);
}

/* Some editors start a file with a byte order mark. */
static char *behind_mark(char *line, size_t *length)
{
	static const char mark[] = "\xef\xbb\xbf";

	if (strncmp(line, mark, sizeof(mark) - 1) != 0)
		return line;
	*length -= sizeof(mark) - 1;
	return line + sizeof(mark) - 1;
}

static void load_stream(struct loading *loading, FILE *stream)
{
	char *line = NULL;
	size_t size = 0;
	unsigned number = 0;

	for (;;) {
		ssize_t got = getline(&line, &size, stream);
		size_t length = (size_t)got;
		char *start = line;

		if (got < 0)
			break;
		if (++number > LINES_MAX) {
			blame(loading, number, "more than 10 million lines; split the file");
			break;
		}
		if (number == 1)
			start = behind_mark(line, &length);
		load_line(loading, start, length, number);
	}
	if (ferror(stream))
		blame(loading, 0, strerror(errno));
	free(line);
}

bool matchlist_load(struct matchlist *list, const char *file,
	void (*complain)(void *context, const char *file, unsigned line, const char *why),
	void *context)
{
	struct loading loading = {list, file, complain, context, true};
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	FILE *stream = NULL;

	if (fd < 0) {
		blame(&loading, 0, strerror(errno));
		return false;
	}
	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
		blame(&loading, 0, "not a regular file");
	} else {
		stream = fdopen(fd, "r");
		if (stream == NULL)
			blame(&loading, 0, strerror(errno));
	}
	if (stream == NULL) {
		close(fd);
		return false;
	}
	load_stream(&loading, stream);
	fclose(stream);
	matchlist_shrink(list);
	return loading.good;
}
