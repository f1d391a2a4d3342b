/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl_explain.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "control.h"
#include "explain.h"
#include "explain_line.h"
#include "json.h"
#include "mem.h"
#include "show.h"
#include "text.h"

static const char default_file[] = MAILREEVE_SYSCONF "/mailreeve/mailreeve.conf";

struct question {
	const char *socket, *nameserver, *file;
	bool json;
	struct explain_request request;
};

static void usage(FILE *out)
{
	fputs("usage: mailreevectl explain --client IP [--helo NAME] [--from PATH] [--rcpt PATH "
	      "...]\n"
	      "           [--auth USER] [--tls-subject SUBJECT] [--port N] [--name HOST]\n"
	      "           [--message FILE]\n"
	      "       mailreevectl explain --log-line 'LINE' [what is to be said otherwise]\n"
	      "  --client ...          the session as it might be; --rcpt as often as need be\n"
	      "  --name HOST           what the MTA calls the client\n"
	      "  --message FILE        a whole message, - for standard input: judged to its end\n"
	      "  --log-line 'LINE'     a line of mailreeve's log, or of Postfix's where something "
	      "was\n"
	      "                        refused; - reads it from standard input\n"
	      "  --json                one JSON object\n"
	      "  --nameserver ADDRESS[:PORT]  without the daemon, with this name server and\n"
	      "  -c FILE               this configuration; default " MAILREEVE_SYSCONF
	      "/mailreeve/mailreeve.conf\n"
	      "Nothing is charged, kept or logged. Exit status: 0 whatever the verdict is, 64 bad\n"
	      "usage, 69 no daemon, 75 the daemon is busy.\n",
		out);
}

static int complain(const char *why)
{
	fprintf(stderr, "mailreevectl explain: %s\n", why);
	return EX_USAGE;
}

/* Reading. ------------------------------------------------------------------------------------- */

/* The whole of FILE, "-" for standard input; NULL after a complaint. */
static char *read_all(const char *file, size_t max, size_t *length_r)
{
	bool is_input = strcmp(file, "-") == 0;
	int fd = is_input ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
	char *bytes = mem_alloc(max + 2);
	ssize_t got = fd < 0 ? -1 : 1;

	*length_r = 0;
	while (got > 0 && *length_r <= max) {
		got = read(fd, bytes + *length_r, max + 1 - *length_r);
		*length_r += got > 0 ? (size_t)got : 0;
	}
	if (got < 0 || *length_r > max) {
		fprintf(stderr, "mailreevectl explain: cannot read %s: %s\n", file,
			got < 0 ? strerror(errno) : "it is too large");
		mem_free(bytes);
		bytes = NULL;
	}
	if (fd >= 0 && !is_input)
		close(fd);
	return bytes;
}

static int read_line(struct question *question, const char *line)
{
	char *all = NULL, why[200];
	size_t length;
	bool good;

	if (strcmp(line, "-") == 0) {
		all = read_all(line, 65536, &length);
		if (all == NULL)
			return EX_NOINPUT;
		all[strcspn(all, "\r\n")] = '\0';
		line = all;
	}
	good = explain_line_read(line, &question->request, why, sizeof(why));
	mem_free(all);
	return good ? EX_OK : complain(why);
}

static int read_message(struct question *question, const char *file)
{
	struct explain_request *request = &question->request;

	mem_free(request->message);
	request->message = read_all(file, EXPLAIN_MESSAGE_MAX, &request->message_length);
	return request->message == NULL ? EX_NOINPUT : EX_OK;
}

/* Those that the command line gives replace those of the log line. */
static int read_member(
	struct question *question, const char *name, const char *value, bool *recipients_given)
{
	struct explain_request *request = &question->request;
	char why[200];

	if (strcmp(name, "rcpt") == 0 && !*recipients_given) {
		while (request->recipient_count > 0)
			mem_free(request->recipients[--request->recipient_count]);
		*recipients_given = true;
	}
	return explain_request_set(request, name, value, why, sizeof(why)) ? EX_OK : complain(why);
}

/* Asking. -------------------------------------------------------------------------------------- */

static void print_complaint(void *context, const char *text)
{
	(void)context;
	fprintf(stderr, "%s\n", text);
}

static int explain_here(const struct question *question, FILE *out)
{
	static const struct conf_report report = {.error = print_complaint};
	char *nameservers[] = {mem_text(question->nameserver), NULL};
	const char *file = question->file;
	struct services services = {.resolver = NULL};
	struct resolver_options resolver;
	struct conf *conf;
	char why[300] = "";
	int status = EX_OK;

	if (file == NULL)
		file = access(default_file, F_OK) == 0 ? default_file : NULL;
	conf = conf_load(file, policies, &report);
	if (conf == NULL) {
		mem_free(nameservers[0]);
		return EX_CONFIG;
	}
	resolver = conf->resolver;
	resolver.nameservers = nameservers;
	services.resolver = resolver_start(&resolver, why, sizeof(why));
	if (services.resolver != NULL)
		services.store = store_open(&conf->store, why, sizeof(why));
	services.local = services.store;
	if (services.store != NULL)
		explain_write(&question->request, conf, &services, out);
	else
		status = complain(why);
	if (services.store != NULL)
		store_close(&services.store);
	if (services.resolver != NULL)
		resolver_stop(&services.resolver);
	mem_free(nameservers[0]);
	conf_release(&conf);
	return status;
}

static int explain_there(const struct question *question, FILE *out)
{
	char why[512] = "";
	size_t length = 0;
	char *body = explain_request_format(&question->request, &length);
	int status =
		control_ask_slow(question->socket, "explain", body, length, out, why, sizeof(why));

	mem_free(body);
	if (why[0] != '\0')
		fprintf(stderr, "mailreevectl: %s\n", why);
	return status;
}

static int show(const struct question *question, const char *answer, size_t length)
{
	char why[200];
	struct json *json;

	if (question->json) {
		fputs(answer, stdout);
		return EX_OK;
	}
	json = json_read(answer, length, why, sizeof(why));
	if (json == NULL) {
		fprintf(stderr, "mailreevectl explain: the answer is broken: %s\n", why);
		return EX_PROTOCOL;
	}
	show_explanation(json, stdout);
	json_free(&json);
	return EX_OK;
}

static int ask(const struct question *question)
{
	char *answer = NULL, why[200];
	size_t length = 0;
	FILE *out;
	int status;

	if (!explain_request_verify(&question->request, why, sizeof(why)))
		return complain(why);
	out = open_memstream(&answer, &length);
	if (out == NULL)
		return EX_OSERR;
	status = question->nameserver != NULL ? explain_here(question, out)
					      : explain_there(question, out);
	fclose(out);
	if (status == EX_OK)
		status = show(question, answer, length);
	else
		fputs(answer, stderr);
	free(answer);
	return status;
}

/* Options. ------------------------------------------------------------------------------------- */

static const struct option long_options[] = {
	{"client", required_argument, NULL, 1},
	{"port", required_argument, NULL, 1},
	{"name", required_argument, NULL, 1},
	{"helo", required_argument, NULL, 1},
	{"from", required_argument, NULL, 1},
	{"rcpt", required_argument, NULL, 1},
	{"auth", required_argument, NULL, 1},
	{"tls-subject", required_argument, NULL, 't'},
	{"message", required_argument, NULL, 'm'},
	{"log-line", required_argument, NULL, 'l'},
	{"nameserver", required_argument, NULL, 'n'},
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

/* The line comes first, whatever the order: it is what the others change. */
static int read_log_line(struct question *question, int argc, char **argv)
{
	int option;

	optind = 0;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "hc:", long_options, NULL)) != -1) {
		int status = option == 'l' ? read_line(question, optarg) : EX_OK;

		if (status != EX_OK)
			return status;
	}
	opterr = 1;
	return EX_OK;
}

static int read_option(struct question *question, int option, int index, bool *recipients_given)
{
	switch (option) {
	case 1:
		return read_member(question, long_options[index].name, optarg, recipients_given);
	case 't':
		return read_member(question, "tls_subject", optarg, recipients_given);
	case 'm':
		return read_message(question, optarg);
	case 'n':
		question->nameserver = optarg;
		return EX_OK;
	case 'c':
		question->file = optarg;
		return EX_OK;
	case 'j':
		question->json = true;
		return EX_OK;
	case 'l':
		return EX_OK;
	default:
		usage(stderr);
		return EX_USAGE;
	}
}

int ctl_explain(const char *socket, int argc, char **argv)
{
	struct question question = {.socket = socket};
	bool recipients_given = false;
	int option, index = 0;
	int status = read_log_line(&question, argc, argv);

	optind = 0;
	while (status == EX_OK &&
		(option = getopt_long(argc, argv, "hc:", long_options, &index)) != -1) {
		if (option == 'h') {
			usage(stdout);
			explain_request_clear(&question.request);
			return EX_OK;
		}
		status = read_option(&question, option, index, &recipients_given);
	}
	if (status == EX_OK && optind < argc) {
		fprintf(stderr, "mailreevectl explain: unexpected \"%s\"\n", argv[optind]);
		usage(stderr);
		status = EX_USAGE;
	}
	if (status == EX_OK && question.file != NULL && question.nameserver == NULL)
		status = complain("-c is for use without the daemon; add --nameserver ADDRESS");
	if (status == EX_OK)
		status = ask(&question);
	explain_request_clear(&question.request);
	return status;
}
