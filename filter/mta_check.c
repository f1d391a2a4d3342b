/* SPDX-License-Identifier: BSD-2-Clause */
#include "mta_check.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command_output.h"
#include "mem.h"
#include "mta_postfix.h"
#include "mta_sendmail.h"

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

static const char *find_postconf(void)
{
	static const char *const places[] = {
		"/usr/sbin/postconf", "/usr/local/sbin/postconf", "/sbin/postconf"};

	for (size_t i = 0; i < ARRAY_COUNT(places); i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	return NULL;
}

static bool check_postfix(const char *folder, const struct mta_view *view)
{
	enum { FIXED = 4, ARGUMENTS_MAX = 16 };
	const char *arguments[ARGUMENTS_MAX] = {find_postconf(), "-x", "-c", folder};
	char *main_text, *services;
	bool known;

	if (arguments[0] == NULL)
		return false;
	for (size_t i = 0; mta_postfix_parameters[i] != NULL; i++)
		arguments[FIXED + i] = mta_postfix_parameters[i];
	main_text = mem_alloc(OUTPUT_SIZE);
	services = mem_alloc(OUTPUT_SIZE);
	known = command_output(arguments, COMMAND_MS, main_text, OUTPUT_SIZE);
	arguments[FIXED] = "-P";
	arguments[FIXED + 1] = NULL;
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
		(void)check_folder("/etc/postfix", &view);
		(void)check_folder("/etc/mail", &view);
	} else if (strcmp(folder, "none") != 0 && !check_folder(folder, &view)) {
		mta_warn(&view,
			"%s: neither the settings of Postfix (main.cf, and postconf to read it) "
			"nor "
			"those of Sendmail (sendmail.cf) can be read there",
			folder);
	}
}
