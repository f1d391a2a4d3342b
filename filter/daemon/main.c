/* SPDX-License-Identifier: BSD-2-Clause */
/* mailreeve: the daemon. Options, start, stop; the only file that ends the process. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "account.h"
#include "clock.h"
#include "commands.h"
#include "conf.h"
#include "control.h"
#include "journal.h"
#include "kept.h"
#include "limit_raise.h"
#include "log.h"
#include "mem.h"
#include "metrics_http.h"
#include "milter.h"
#include "milter_buffer.h"
#include "milter_pool.h"
#include "milter_socket.h"
#include "mta_check.h"
#include "notifier.h"
#include "policy.h"
#include "process.h"
#include "reload.h"
#include "signals.h"
#include "stats.h"
#include "trials.h"

static const char default_file[] = MAILREEVE_SYSCONF "/mailreeve/mailreeve.conf";

struct arguments {
	const char *file, *socket, *pid_file, *user;
	bool foreground, check_only, verbose;
	const char *mta_folder; /* NULL: the usual ones */
};

/* Written by main before threads start; the reload in the signal thread reads them. */
static struct arguments arguments;
static struct services services;
static bool logs_to_syslog;
static _Atomic bool stop_requested;

static void usage(FILE *out)
{
	fputs("usage: mailreeve [-c file] [-f] [-n [-m folder]] [-p socket] [-P pidfile] [-u "
	      "user[:group]]"
	      " [-v] [-V]\n"
	      "  -c file          configuration; default " MAILREEVE_SYSCONF
	      "/mailreeve/mailreeve.conf\n"
	      "  -f               stay in the foreground and log to standard error\n"
	      "  -n               check the configuration and exit: 0 good, 78 not; look at\n"
	      "                   the settings of the mail server as well\n"
	      "  -m folder        with -n: where its main.cf or sendmail.cf lies, or none\n"
	      "  -p socket        local:/path, inet:port@host or inet6:port@host\n"
	      "  -P pidfile       file for the process id\n"
	      "  -u user[:group]  run as this user\n"
	      "  -v               log more\n"
	      "  -V               print the version and exit\n"
	      "  -h               print this and exit\n"
	      "Manuals: mailreeve(8), mailreeve.conf(5), mailreevectl(8)\n",
		out);
}

static void read_arguments(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	int option;

	arguments.file = default_file;
	while ((option = getopt_long(argc, argv, "c:fhm:np:P:u:vV", long_options, NULL)) != -1) {
		switch (option) {
		case 'c':
			arguments.file = optarg;
			break;
		case 'f':
			arguments.foreground = true;
			break;
		case 'm':
			arguments.mta_folder = optarg;
			break;
		case 'n':
			arguments.check_only = true;
			break;
		case 'p':
			arguments.socket = optarg;
			break;
		case 'P':
			arguments.pid_file = optarg;
			break;
		case 'u':
			arguments.user = optarg;
			break;
		case 'v':
			arguments.verbose = true;
			break;
		case 'V':
			puts("mailreeve " MAILREEVE_VERSION);
			exit(EX_OK);
		case 'h':
			usage(stdout);
			exit(EX_OK);
		default:
			usage(stderr);
			exit(EX_USAGE);
		}
	}
	if (optind != argc) {
		fprintf(stderr, "mailreeve: unexpected argument \"%s\"\n", argv[optind]);
		usage(stderr);
		exit(EX_USAGE);
	}
}

static void replace(char **text, const char *value)
{
	if (value == NULL)
		return;
	mem_free(*text);
	*text = mem_text(value);
}

/* What the command line says goes over the file. */
static void apply_arguments(struct conf *conf)
{
	replace(&conf->daemon.socket, arguments.socket);
	replace(&conf->daemon.pid_file, arguments.pid_file);
	replace(&conf->daemon.user, arguments.user);
	if (arguments.foreground)
		conf->daemon.log_to = 1;
	if (arguments.verbose)
		conf->daemon.log_level = LOG_LEVEL_DEBUG;
}

/* In the background we are elsewhere, and a reload shall find the file still. The name is kept, not
 * what it leads to: links are switched. */
static void fix_file_name(void)
{
	static char whole[PATH_MAX * 2];
	char folder[PATH_MAX];

	if (arguments.file[0] == '/' || getcwd(folder, sizeof(folder)) == NULL)
		return;
	snprintf(whole, sizeof(whole), "%s/%s", folder, arguments.file);
	arguments.file = whole;
}

static ATTR_NORETURN void refuse(int status, const char *option, const char *value, const char *why)
{
	fprintf(stderr, "mailreeve: %s \"%s\": %s\n", option, value, why);
	exit(status);
}

/* As the settings they stand for are checked. */
static void check_arguments(void)
{
	struct account account;
	char why[256];

	if (arguments.socket != NULL && !conf_socket_is_good(arguments.socket))
		refuse(EX_USAGE, "-p", arguments.socket,
			"is no socket; write local:/absolute/path, inet:PORT@ADDRESS or "
			"inet6:PORT@ADDRESS");
	if (arguments.mta_folder != NULL && !arguments.check_only)
		refuse(EX_USAGE, "-m", arguments.mta_folder, "is for -n only; give that too");
	if (arguments.pid_file != NULL && arguments.pid_file[0] != '/')
		refuse(EX_USAGE, "-P", arguments.pid_file,
			"is not an absolute path; start it with /");
	if (arguments.user != NULL && !account_find(arguments.user, &account, why, sizeof(why)))
		refuse(EX_NOPERM, "-u", arguments.user, why);
}

static void print_complaint(void *context, const char *text)
{
	fprintf(stderr, "%s%s\n", (const char *)context, text);
}

static void print_error(void *context, const char *text)
{
	(void)context;
	print_complaint("", text);
}

static void print_warning(void *context, const char *text)
{
	(void)context;
	print_complaint("warning: ", text);
}

static void print_about_mta(void *context, bool dangerous, const char *text)
{
	(void)context;
	print_complaint(dangerous ? "warning: " : "note: ", text);
}

static void reload(void)
{
	char why[RELOAD_ERROR_SIZE];

	/* What is wrong is in the log, and kept for status. */
	if (!reload_now(why, sizeof(why)))
		log_debug("configuration: %s", why);
}

/* Every few seconds: what a day brings without anybody asking. */
static void tick(void)
{
	static uint64_t before_ms;
	uint64_t now_ms = clock_wall_ms();
	struct conf *conf = milter_conf();

	trials_log(conf, before_ms, now_ms);
	before_ms = now_ms;
	conf_release(&conf);
}

static bool is_drained(void)
{
	return milter_busy() == 0;
}

static void *poke_repeatedly(void *socket_text)
{
	for (int i = 0; i < 50; i++) {
		usleep(100000);
		milter_socket_poke(socket_text);
	}
	return NULL;
}

static void stopping(void)
{
	struct conf *conf = milter_conf();
	pthread_t thread;

	atomic_store(&stop_requested, true);
	milter_pool_end();
	process_notify("STOPPING=1");
	/* The process ends as soon as libmilter notices, so the thread is never joined; its text is
	 * kept for it. */
	if (pthread_create(&thread, NULL, poke_repeatedly, mem_text(conf->daemon.socket)) == 0)
		pthread_detach(thread);
	conf_release(&conf);
}

/* Whoever started us reads standard error, and may have no syslog. */
static ATTR_NORETURN void fail(int status, const char *why)
{
	log_error("%s", why);
	if (logs_to_syslog)
		fprintf(stderr, "mailreeve: %s\n", why);
	exit(status);
}

/* The folders of the sockets and the pid file: /run is empty after a boot. */
static void make_folders(const struct daemon_options *daemon)
{
	const char *const files[] = {milter_socket_path(daemon->socket), daemon->control_socket,
		daemon->pid_file, daemon->journal};
	char why[512];

	for (size_t i = 0; i < ARRAY_COUNT(files); i++)
		if (files[i] != NULL &&
			!process_make_folder_of(files[i], daemon->user, why, sizeof(why)))
			fail(EX_CANTCREAT, why);
}

/* All that may need root, then the final user. */
static struct control *open_everything(const struct conf *conf)
{
	struct control *control = NULL;
	char why[512];

	make_folders(&conf->daemon);
	if (!milter_open(conf, why, sizeof(why)))
		fail(EX_UNAVAILABLE, why);
	if (conf->daemon.control_socket != NULL) {
		control = control_open(conf->daemon.control_socket, commands, why, sizeof(why));
		if (control == NULL)
			fail(EX_UNAVAILABLE, why);
	}
	if (conf->daemon.pid_file != NULL &&
		!process_write_pid(conf->daemon.pid_file, why, sizeof(why)))
		fail(EX_CANTCREAT, why);
	process_set_limits();
	if (conf->daemon.user != NULL &&
		!process_drop_privileges(conf->daemon.user, why, sizeof(why)))
		fail(EX_NOPERM, why);
	if (geteuid() == 0)
		log_warning("running as root; name an unprivileged user in the setting \"user\"");
	return control;
}

static struct kept_options kept_options_of(const struct conf *conf)
{
	return (struct kept_options){
		.store = services.store,
		.local = services.local,
		.places = conf->daemon.keep_refusals,
		.keep_ms = conf->daemon.keep_refusals_ms,
	};
}

static void start_services(const struct conf *conf)
{
	struct store_state state;
	char why[512], folder[256];
	const char *queue;

	services.resolver = resolver_start(&conf->resolver, why, sizeof(why));
	if (services.resolver == NULL)
		fail(EX_UNAVAILABLE, why);
	services.store = store_open(&conf->store, why, sizeof(why));
	if (services.store == NULL)
		fail(EX_CONFIG, why);
	store_state(services.store, &state);
	services.local =
		strcmp(state.kind, "memory") == 0 ? services.store : store_open_local(&conf->store);
	services.raises = limit_raises_start(services.store);
	queue = process_make_queue(folder, sizeof(folder)) ? folder : NULL;
	services.notifier = notifier_start(NULL, queue, NOTIFIER_LIMIT_MS);
}

static struct metrics_http *open_metrics(const struct conf *conf)
{
	struct metrics_address address;
	struct metrics_http *http;
	char why[512];

	if (conf->daemon.metrics == NULL || !metrics_address_parse(conf->daemon.metrics, &address))
		return NULL;
	http = metrics_http_open(&address, command_pages, why, sizeof(why));
	if (http == NULL)
		fail(EX_UNAVAILABLE, why);
	log_info("metrics at http://%s/metrics, port %u", conf->daemon.metrics,
		metrics_http_port(http));
	return http;
}

static void start_metrics(struct metrics_http *http)
{
	char why[512];

	if (http != NULL && !metrics_http_start(http, why, sizeof(why)))
		fail(EX_UNAVAILABLE, why);
}

/* What is written down of decisions. */
static void start_records(const struct conf *conf)
{
	const struct journal_options journal = {
		.file = conf->daemon.journal,
		.file_bytes = conf->daemon.journal_size,
		.files = conf->daemon.journal_files,
	};
	const struct kept_options kept = kept_options_of(conf);
	char why[512];

	if (journal.file != NULL && !journal_open(&journal, why, sizeof(why)))
		fail(EX_CANTCREAT, why);
	if (kept.places > 0)
		kept_start(&kept);
}

static void stop_services(void)
{
	notifier_stop(&services.notifier);
	limit_raises_stop(&services.raises);
	resolver_stop(&services.resolver);
	if (services.local != services.store)
		store_close(&services.local);
	store_close(&services.store);
}

static int serve(struct conf *conf)
{
	const struct reload_actions reload_actions = {
		.file = arguments.file,
		.amend = apply_arguments,
		.current = milter_conf,
		.set = milter_set_conf,
		.notify = process_notify,
	};
	const struct signal_actions actions = {
		.reload = reload,
		.drain = milter_drain,
		.drained = is_drained,
		.stopping = stopping,
		.tick = tick,
		.drain_ms = conf->daemon.drain_ms,
	};
	struct metrics_http *metrics = open_metrics(conf);
	struct control *control = open_everything(conf);
	bool idle;
	int failed;

	start_services(conf);
	milter_set_conf(conf_share(conf));
	commands_begin(&services);
	reload_begin(&reload_actions);
	signals_handle(&actions);
	tick();
	start_metrics(metrics);
	if (control != NULL)
		control_start(control);
	start_records(conf);
	log_info("mailreeve " MAILREEVE_VERSION " serves %s", conf->daemon.socket);
	process_ready();
	process_notify("READY=1");
	milter_buffer_begin();
	failed = milter_serve(conf, &services);
	idle = control_close(&control);
	metrics_http_stop(&metrics);
	/* libmilter returns without waiting for callbacks that run. */
	for (int i = 0; i < 100 && milter_busy() > 0; i++)
		usleep(20000);
	if (conf->daemon.pid_file != NULL)
		process_remove_pid(conf->daemon.pid_file);
	if (milter_busy() == 0 && idle) {
		kept_stop();
		journal_close();
		stop_services();
	}
	log_info("mailreeve stopped");
	/* libmilter may find its socket closed by its own stop, and call that a failure. */
	return failed == 0 || atomic_load(&stop_requested) ? EX_OK : EX_SOFTWARE;
}

int main(int argc, char **argv)
{
	static const struct conf_report report = {.error = print_error, .warning = print_warning};
	struct conf *conf;
	int status;

	signals_block_reload();
	read_arguments(argc, argv);
	check_arguments();
	conf = conf_load(arguments.file, policies, &report);
	if (conf == NULL)
		return EX_CONFIG;
	apply_arguments(conf);
	if (arguments.check_only) {
		mta_check(conf, arguments.mta_folder, print_about_mta, NULL);
		printf("%s: good\n", arguments.file);
		conf_release(&conf);
		return EX_OK;
	}
	fix_file_name();
	if (!arguments.foreground)
		process_background();
	log_open(conf->daemon.log_to == 1 ? LOG_TO_STDERR : LOG_TO_SYSLOG,
		(enum log_level)conf->daemon.log_level);
	log_set_format((enum log_format)conf->daemon.log_format);
	logs_to_syslog = conf->daemon.log_to != 1;
	signals_block();
	mem_share_heaps();
	stats_start(policies);
	status = serve(conf);
	conf_release(&conf);
	return status;
}
