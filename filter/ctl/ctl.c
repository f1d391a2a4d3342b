/* SPDX-License-Identifier: BSD-2-Clause */
/* mailreevectl: the administrator's tool. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "conf.h"
#include "control.h"
#include "ctl_explain.h"
#include "ctl_forget.h"
#include "ctl_limits.h"
#include "ctl_lookup.h"
#include "ctl_report.h"
#include "ctl_top.h"
#include "ctl_why.h"

static const char default_socket[] = "/run/mailreeve/control.sock";

static void usage(FILE *out)
{
	fputs("usage: mailreevectl [-s control-socket] command\n"
	      "  status [--json]   state and counters of the running daemon\n"
	      "  top               what it does now, refreshed until q is pressed;\n"
	      "                    mailreevectl top --help says more\n"
	      "  reload [--json]   make it read its configuration again\n"
	      "  explain ...       what it makes of a supposed session, check by check;\n"
	      "                    mailreevectl explain --help says more\n"
	      "  why REFERENCE     the decision behind a refusal, also by the MTA's queue id\n"
	      "  report ...        what was refused or would have been, from the journal;\n"
	      "                    mailreevectl report --help says more\n"
	      "  limits ...        what keys have used, when they may send again; reset and "
	      "raise;\n"
	      "                    mailreevectl limits --help says more\n"
	      "  forget ADDRESS    call-aheads ask anew whether the recipient is known\n"
	      "  lookup ...        ask the DNS as the daemon would, without a daemon;\n"
	      "                    mailreevectl lookup --help says more\n"
	      "  -s socket         of the daemon; default /run/mailreeve/control.sock\n"
	      "  -V                print the version and exit\n"
	      "  -h                print this and exit\n"
	      "Manual: mailreevectl(8)\n",
		out);
}

static int ask_daemon(const char *socket, const char *line)
{
	char why[512] = "";
	int status = control_ask(socket, line, stdout, why, sizeof(why));

	if (why[0] != '\0')
		fprintf(stderr, "mailreevectl: %s\n", why);
	return status;
}

static int unexpected(const char *word)
{
	fprintf(stderr, "mailreevectl: unexpected \"%s\"\n", word);
	usage(stderr);
	return EX_USAGE;
}

/* A command that takes nothing but --json. */
static int run_plain(const char *socket, int argc, char **argv)
{
	bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
	char line[64];

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		usage(stdout);
		return EX_OK;
	}
	if (argc > (json ? 2 : 1))
		return unexpected(argv[json ? 2 : 1]);
	snprintf(line, sizeof(line), "%s%s", argv[0], json ? " json" : "");
	return ask_daemon(socket, line);
}

static int run(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	const char *socket = default_socket;
	int option;

	/* "+": options after the command belong to the command. */
	while ((option = getopt_long(argc, argv, "+s:hV", long_options, NULL)) != -1) {
		switch (option) {
		case 's':
			socket = optarg;
			break;
		case 'V':
			puts("mailreevectl " MAILREEVE_VERSION);
			return EX_OK;
		case 'h':
			usage(stdout);
			return EX_OK;
		default:
			usage(stderr);
			return EX_USAGE;
		}
	}
	argc -= optind;
	argv += optind;
	if (argc < 1) {
		usage(stderr);
		return EX_USAGE;
	}
	if (strcmp(argv[0], "status") == 0 || strcmp(argv[0], "reload") == 0)
		return run_plain(socket, argc, argv);
	if (strcmp(argv[0], "top") == 0)
		return ctl_top(socket, argc, argv);
	if (strcmp(argv[0], "explain") == 0)
		return ctl_explain(socket, argc, argv);
	if (strcmp(argv[0], "why") == 0)
		return ctl_why(socket, argc, argv);
	if (strcmp(argv[0], "report") == 0)
		return ctl_report(argc, argv);
	if (strcmp(argv[0], "limits") == 0)
		return ctl_limits(socket, argc, argv);
	if (strcmp(argv[0], "forget") == 0)
		return ctl_forget(socket, argc, argv);
	if (strcmp(argv[0], "lookup") == 0)
		return ctl_lookup(argc, argv);
	fprintf(stderr, "mailreevectl: unknown command \"%s\"\n", argv[0]);
	usage(stderr);
	return EX_USAGE;
}

int main(int argc, char **argv)
{
	int status = run(argc, argv);

	/* Half an answer in a file on a full disk is no answer. */
	if ((fflush(stdout) != 0 || ferror(stdout)) && status == EX_OK) {
		perror("mailreevectl: cannot write the answer");
		status = EX_IOERR;
	}
	return status;
}
