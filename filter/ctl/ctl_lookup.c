/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl_lookup.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "clock.h"
#include "ctl_lookup_kinds.h"
#include "mem.h"
#include "policy.h"
#include "text.h"

static void usage(FILE *out)
{
	fputs("usage: mailreevectl lookup spf --client IP --helo NAME [--from PATH]\n"
	      "       mailreevectl lookup iprev --client IP\n"
	      "       mailreevectl lookup helo --client IP --helo NAME\n"
	      "       mailreevectl lookup registered --client IP --domain NAME\n"
	      "       mailreevectl lookup mx NAME\n"
	      "       mailreevectl lookup dmarc NAME\n"
	      "  --nameserver ADDRESS[:PORT]   ask this one; default: those of the system\n"
	      "  --json                        one JSON object\n"
	      "The result comes first, then the evidence, then the DNS answers it rests on.\n"
	      "Exit status: 0 a result, 64 bad usage, 75 temporary trouble.\n",
		out);
}

static const struct kind {
	const char *name;
	const char *needs; /* letters of the options it cannot do without: client helo domain */
	int (*run)(struct lookup *lookup);
} kinds[] = {
	{"spf", "ch", ctl_lookup_spf},
	{"iprev", "c", ctl_lookup_iprev},
	{"helo", "ch", ctl_lookup_helo},
	{"registered", "cd", ctl_lookup_registered},
	{"mx", "d", ctl_lookup_mx},
	{"dmarc", "d", ctl_lookup_dmarc},
};

static int bad_usage(const char *what, const char *value)
{
	char shown[200];

	fprintf(stderr, "mailreevectl lookup: %s%s%s\n", what, value == NULL ? "" : " ",
		value == NULL ? "" : text_escape(value, shown, sizeof(shown)));
	usage(stderr);
	return EX_USAGE;
}

/* RFC 7208 4.3 has an answer for senders too that are no reverse-path, like "@example.net" or
 * "anna@example..net": the daemon refuses those before it would ask. */
static bool ask_for_malformed_sender(struct lookup *lookup)
{
	struct session *session = &lookup->session;
	const char *from = lookup->from, *at = strrchr(from, '@');
	char local_part[WIRE_TEXT_SIZE], domain[WIRE_TEXT_SIZE];
	struct text text;

	if (from[0] == '<')
		from++;
	if (at == NULL || session->client.family == IP_NONE)
		return false;
	text_init(&text, local_part, sizeof(local_part));
	text_add_n(&text, from, (size_t)(at - from));
	text_init(&text, domain, sizeof(domain));
	text_add_n(&text, at + 1, strcspn(at + 1, ">"));
	if (domain[0] == '\0')
		return false;
	session->transaction.spf = spf_inquire(lookup->services.resolver, SPF_MAILFROM,
		&session->client, session->helo, local_part, domain, session->site->hostname,
		session->site->time_limit_ms);
	return true;
}

/* Fills in the facts as the door would; 0 or an exit status. */
static int fill_session(struct lookup *lookup)
{
	struct session *session = &lookup->session;
	struct transaction *transaction = &session->transaction;

	if (lookup->client != NULL && !ipaddr_parse(lookup->client, &session->client))
		return bad_usage("--client wants an IP address, not", lookup->client);
	if (lookup->helo != NULL) {
		snprintf(session->helo_raw, sizeof(session->helo_raw), "%s", lookup->helo);
		session->greeted = true;
		if (!domain_canonical(lookup->helo, session->helo))
			session->helo[0] = '\0';
		if (!domain_parse_literal(lookup->helo, &session->helo_literal))
			session->helo_literal.family = IP_NONE;
	}
	transaction->open = lookup->from != NULL || lookup->domain != NULL;
	if (lookup->from != NULL) {
		snprintf(transaction->raw, sizeof(transaction->raw), "%s", lookup->from);
		transaction->error = path_parse(transaction->raw, true, &transaction->reverse_path);
		if (transaction->error != PATH_OK && !ask_for_malformed_sender(lookup))
			return bad_usage("--from wants a reverse-path, not", lookup->from);
	} else if (lookup->domain != NULL) {
		if (!domain_canonical(lookup->domain, transaction->reverse_path.domain))
			return bad_usage("not a domain name:", lookup->domain);
		snprintf(transaction->reverse_path.local_part,
			sizeof(transaction->reverse_path.local_part), "postmaster");
		/* The mx look-up uses the inquiry of the HELO name. */
		if (session->helo[0] == '\0')
			memcpy(session->helo, transaction->reverse_path.domain,
				sizeof(session->helo));
	}
	return 0;
}

static void ignore(void *context, const char *text)
{
	(void)context;
	(void)text;
}

static int open_lookup(struct lookup *lookup)
{
	static const struct conf_report report = {.error = ignore};
	char *nameservers[] = {NULL, NULL};
	struct resolver_options options;
	char why[200];

	lookup->conf = conf_load(NULL, policies, &report);
	if (lookup->conf == NULL)
		return EX_SOFTWARE;
	options = lookup->conf->resolver;
	if (lookup->nameserver != NULL) {
		nameservers[0] = mem_text(lookup->nameserver);
		options.nameservers = nameservers;
	}
	lookup->services.resolver = resolver_start(&options, why, sizeof(why));
	mem_free(nameservers[0]);
	if (lookup->services.resolver == NULL) {
		fprintf(stderr, "mailreevectl: %s\n", why);
		return EX_USAGE;
	}
	session_init(&lookup->session, &lookup->conf->site, &lookup->services);
	lookup->session.keep_all = true;
	lookup->deadline_ms = clock_monotonic_ms() + 2 * (uint64_t)lookup->conf->site.time_limit_ms;
	return 0;
}

static int run(const struct kind *kind, struct lookup *lookup)
{
	int status = open_lookup(lookup);

	if (status == 0)
		status = fill_session(lookup);
	if (status == 0)
		status = kind->run(lookup);
	if (lookup->services.resolver != NULL) {
		session_end_scope(&lookup->session, SCOPE_CONNECTION);
		resolver_stop(&lookup->services.resolver);
	}
	if (lookup->conf != NULL)
		conf_release(&lookup->conf);
	return status;
}

static bool is_missing(const struct lookup *lookup, const char *needs)
{
	return (strchr(needs, 'c') != NULL && lookup->client == NULL) ||
	       (strchr(needs, 'h') != NULL && lookup->helo == NULL) ||
	       (strchr(needs, 'd') != NULL && lookup->domain == NULL);
}

/* WORDS: what stands beside the options: the kind, and a domain where the kind takes one. */
static int run_words(struct lookup *lookup, char **words)
{
	if (words[0] == NULL)
		return bad_usage("what is to be looked up?", NULL);
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		char **rest = words + 1;

		if (strcmp(kinds[i].name, words[0]) != 0)
			continue;
		if (lookup->domain == NULL && *rest != NULL && strchr(kinds[i].needs, 'd') != NULL)
			lookup->domain = *rest++;
		if (*rest != NULL)
			return bad_usage("unexpected", *rest);
		if (is_missing(lookup, kinds[i].needs))
			return bad_usage("an option is missing for", words[0]);
		return run(&kinds[i], lookup);
	}
	return bad_usage("cannot look up", words[0]);
}

int ctl_lookup(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"client", required_argument, NULL, 'c'},
		{"helo", required_argument, NULL, 'H'},
		{"from", required_argument, NULL, 'f'},
		{"domain", required_argument, NULL, 'd'},
		{"nameserver", required_argument, NULL, 'n'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct lookup lookup = {0};
	int option;

	optind = 0; /* a new scan, of our own arguments */
	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		switch (option) {
		case 'c':
			lookup.client = optarg;
			break;
		case 'H':
			lookup.helo = optarg;
			break;
		case 'f':
			lookup.from = optarg;
			break;
		case 'd':
			lookup.domain = optarg;
			break;
		case 'n':
			lookup.nameserver = optarg;
			break;
		case 'j':
			lookup.json = true;
			break;
		case 'h':
			usage(stdout);
			return EX_OK;
		default:
			usage(stderr);
			return EX_USAGE;
		}
	}
	return run_words(&lookup, argv + optind);
}
