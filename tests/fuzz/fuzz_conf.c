/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

struct complaints {
	const char *file;
	unsigned long lines;
	unsigned errors;
};

/* Each names the file and a line that it has, in one printable line. */
static void on_error(void *context, const char *text)
{
	struct complaints *complaints = context;
	size_t length = strlen(complaints->file);
	char *end;

	complaints->errors++;
	MUST_HOLD(text[strcspn(text, "\r\n")] == '\0');
	if (strncmp(text, complaints->file, length) != 0)
		return; /* of a list file, or how many more */
	MUST_HOLD(text[length] == ':');
	text += length + 1;
	if (strtoul(text, &end, 10) > 0 && *end == ':') {
		MUST_HOLD(strtoul(text, NULL, 10) <= complaints->lines);
		text = end + 1;
	}
	/* It reads all that the scanner lets pass, as the scanner has read it. */
	MUST_HOLD(strncmp(text, " libconfuse cannot", 18) != 0);
	MUST_HOLD(strncmp(text, " libconfuse reads", 17) != 0);
}

static void on_warning(void *context, const char *text)
{
	(void)context;
	MUST_HOLD(*text != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int file = memfd_create("fuzz", MFD_CLOEXEC);
	char name[64];
	struct complaints complaints = {.file = name, .lines = 1};
	const struct conf_report report = {on_error, on_warning, &complaints};
	struct conf *conf;

	MUST_HOLD(file >= 0);
	MUST_HOLD(write(file, data, size) == (ssize_t)size);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", file);
	for (size_t i = 0; i < size; i++)
		complaints.lines += data[i] == '\n';
	conf = conf_load(name, policies, &report);
	MUST_HOLD((conf == NULL) == (complaints.errors > 0));
	conf_release(&conf);
	close(file);
	return 0;
}
