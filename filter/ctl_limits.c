/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl_limits.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "control.h"
#include "text.h"

static int usage(void)
{
	fputs("usage: mailreevectl limits show [--json] KEY\n"
	      "       mailreevectl limits predict [--json] KEY COST\n"
	      "  KEY   as the log shows it: anna@example.org, example.org, 192.0.2.7, a user's "
	      "name;\n"
	      "        values that a limit joins with \"+\": anna@example.org+192.0.2.7\n"
	      "  COST  messages, recipients, bytes ... that shall be sent\n",
		stderr);
	return EX_USAGE;
}

static bool is_number(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && digits < 19 && text[digits] == '\0';
}

int ctl_limits(const char *socket, int argc, char **argv)
{
	char buffer[CONTROL_LINE_MAX];
	char why[512] = "";
	bool predict = argc > 1 && strcmp(argv[1], "predict") == 0;
	bool json = argc > 2 && strcmp(argv[2], "--json") == 0;
	int key = json ? 3 : 2;
	struct text line;
	int status;

	if (argc != key + 1 + predict || (!predict && strcmp(argv[1], "show") != 0))
		return usage();
	if (predict && !is_number(argv[key + 1]))
		return usage();
	text_init(&line, buffer, sizeof(buffer));
	text_addf(&line, "limits %s%s %s%s%s", json ? "json " : "", argv[1],
		predict ? argv[key + 1] : "", predict ? " " : "", argv[key]);
	if (line.truncated || strpbrk(argv[key], "\r\n") != NULL)
		return usage();
	status = control_ask(socket, buffer, stdout, why, sizeof(why));
	if (why[0] != '\0')
		fprintf(stderr, "mailreevectl: %s\n", why);
	return status;
}
