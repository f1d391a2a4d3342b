/* SPDX-License-Identifier: BSD-2-Clause */
#include "mta_check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command_output.h"
#include "mem.h"
#include "mta_postfix.h"
#include "mta_sendmail.h"
#include "text.h"

enum { OUTPUT_SIZE = 256 * 1024, FILE_MAX = 1024 * 1024, COMMAND_MS = 3000, GRACE_MS = 500 };

static bool join(char *file, size_t size, const char *folder, const char *name)
{
	int length = snprintf(file, size, "%s/%s", folder, name);

	return length > 0 && (size_t)length < size;
}

static bool is_readable(const char *folder, const char *name)
{
	char file[1024];

	return join(file, sizeof(file), folder, name) && access(file, R_OK) == 0;
}

/* The text of a regular file; NULL when it cannot be read. Owned by the caller. */
static char *read_text(const char *folder, const char *name)
{
	struct stat status;
	char file[1024];
	ssize_t got = -1;
	char *text;
	int fd;

	if (!join(file, sizeof(file), folder, name))
		return NULL;
	fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return NULL;
	text = mem_alloc(FILE_MAX + 1);
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		got = read(fd, text, FILE_MAX);
	close(fd);
	if (got >= 0) {
		text[got] = '\0';
		return text;
	}
	mem_free(text);
	return NULL;
}

/* As a shell would find it, but only by absolute paths. False when there is none. */
static bool find_postconf(char *file, size_t size)
{
	const char *path = getenv("PATH");
	char folders[4096];
	char *rest = NULL;
	struct text text;

	text_init(&text, folders, sizeof(folders));
	text_addf(&text, "%s:/usr/sbin:/usr/local/sbin:/sbin", path == NULL ? "" : path);
	for (char *folder = strtok_r(folders, ":", &rest); folder != NULL;
		folder = strtok_r(NULL, ":", &rest))
		if (folder[0] == '/' && join(file, size, folder, "postconf") &&
			access(file, X_OK) == 0)
			return true;
	return false;
}

/* FOLDER is NULL: that which Postfix takes by itself. */
static bool check_postfix(const char *folder, const struct mta_view *view)
{
	enum { ARGUMENTS_MAX = 16 };
	const char *arguments[ARGUMENTS_MAX] = {NULL, "-x"};
	char *main_text, *services;
	char program[1024];
	size_t count = 2;
	bool known;

	if (!find_postconf(program, sizeof(program)))
		return false;
	arguments[0] = program;
	if (folder != NULL) {
		arguments[count++] = "-c";
		arguments[count++] = folder;
	}
	for (size_t i = 0; mta_postfix_parameters[i] != NULL; i++)
		arguments[count + i] = mta_postfix_parameters[i];
	main_text = mem_alloc(OUTPUT_SIZE);
	services = mem_alloc(OUTPUT_SIZE);
	known = command_output(arguments, COMMAND_MS, main_text, OUTPUT_SIZE);
	arguments[count] = "-P";
	arguments[count + 1] = NULL;
	/* One that is too old for it has nothing to say of services. */
	if (known && !command_output(arguments, COMMAND_MS, services, OUTPUT_SIZE))
		services[0] = '\0';
	if (known)
		mta_postfix_judge(main_text, services, folder, view);
	mem_free(main_text);
	mem_free(services);
	return known;
}

static bool check_sendmail(const char *folder, const struct mta_view *view)
{
	char *cf = read_text(folder, "sendmail.cf");
	char *access_text = read_text(folder, "access");
	bool known = cf != NULL;

	if (known)
		mta_sendmail_judge(cf, access_text == NULL ? "" : access_text, folder, view);
	mem_free(access_text);
	mem_free(cf);
	return known;
}

static bool check_folder(const char *folder, const struct mta_view *view)
{
	if (is_readable(folder, "main.cf"))
		return check_postfix(folder, view);
	if (is_readable(folder, "sendmail.cf"))
		return check_sendmail(folder, view);
	return false;
}

void mta_check(const struct conf *conf, const char *folder,
	void (*tell)(void *context, bool dangerous, const char *text), void *context)
{
	const struct mta_view view = {
		.socket = conf->daemon.socket,
		.wait_ms = conf->site.time_limit_ms + GRACE_MS,
		.tell = tell,
		.context = context,
	};

	if (folder == NULL) {
		(void)check_postfix(getenv("MAIL_CONFIG"), &view);
		(void)check_folder("/etc/mail", &view);
	} else if (strcmp(folder, "none") != 0 && !check_folder(folder, &view)) {
		mta_warn(&view,
			"%s: neither the settings of Postfix (main.cf, and postconf to read it) "
			"nor "
			"those of Sendmail (sendmail.cf) can be read there",
			folder);
	}
}
