/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl_forget.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "control.h"

static void usage(FILE *out)
{
	fputs("usage: mailreevectl forget ADDRESS\n"
	      "  ADDRESS  a recipient, like user@example.org; call-aheads ask anew about it\n"
	      "Exit status: 0 forgotten, 64 bad usage, 66 no call-ahead is asked about its "
	      "domain,\n"
	      "69 no daemon, 75 the store does not answer.\n",
		out);
}

int ctl_forget(const char *socket, int argc, char **argv)
{
	char line[CONTROL_LINE_MAX], why[512] = "";
	int status;

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		usage(stdout);
		return EX_OK;
	}
	if (argc != 2 || snprintf(line, sizeof(line), "forget %s", argv[1]) >= (int)sizeof(line)) {
		usage(stderr);
		return EX_USAGE;
	}
	status = control_ask(socket, line, stdout, why, sizeof(why));
	if (why[0] != '\0')
		fprintf(stderr, "mailreevectl: %s\n", why);
	return status;
}
