/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl_lookup.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "clock.h"
#include "conf.h"
#include "ctl_outcome.h"
#include "mem.h"
#include "policy.h"
#include "session.h"
#include "text.h"

/* What the command line gave, and the session it stands for. */
struct lookup {
	const char *client, *helo, *from, *domain, *nameserver;
	bool json;
	struct conf *conf;
	struct services services;
	struct session session;
	uint64_t deadline_ms;
};

static void usage(FILE *out)
{
	fputs("usage: mailreevectl lookup spf --client IP --helo NAME [--from PATH]\n"
	      "       mailreevectl lookup iprev --client IP\n"
	      "       mailreevectl lookup helo --client IP --helo NAME\n"
	      "       mailreevectl lookup registered --client IP --domain NAME\n"
	      "       mailreevectl lookup mx NAME\n"
	      "  --nameserver ADDRESS[:PORT]   ask this one; default: those of the system\n"
	      "  --json                        one JSON object\n"
	      "The result comes first, then the evidence, then the DNS answers it rests on.\n"
	      "Exit status: 0 a result, 64 bad usage, 75 temporary trouble.\n",
		out);
}

static int no_answer(void)
{
	fputs("mailreevectl: the DNS did not answer in time\n", stderr);
	return EX_TEMPFAIL;
}

static int lookup_spf(struct lookup *lookup)
{
	struct session *session = &lookup->session;
	bool mailfrom = lookup->from != NULL;
	const struct spf *spf = mailfrom ? session_sender_spf_result(session, lookup->deadline_ms)
					 : session_helo_spf_result(session, lookup->deadline_ms);
	struct inquiry *inquiries[] = {
		mailfrom ? session->transaction.spf : session->helo_spf, NULL};
	struct ctl_outcome none = {.result = "none",
		.evidence = "there is no domain name to look up",
		.explanation = ""};

	if (inquiries[0] == NULL)
		return ctl_print_outcome(lookup->json, &none, inquiries);
	if (spf == NULL)
		return no_answer();
	return ctl_print_outcome(lookup->json,
		&(struct ctl_outcome){
			.result = spf_result_name(spf->result),
			.evidence = spf->evidence,
			.explanation = spf->explanation,
			.temporary = spf->result == SPF_TEMPERROR,
		},
		inquiries);
}

static int lookup_iprev(struct lookup *lookup)
{
	const struct iprev *iprev = session_iprev_result(&lookup->session, lookup->deadline_ms);
	struct inquiry *inquiries[] = {lookup->session.iprev, NULL};

	if (iprev == NULL)
		return no_answer();
	return ctl_print_outcome(lookup->json,
		&(struct ctl_outcome){
			.result = result_name(iprev->result),
			.evidence = iprev->evidence,
			.temporary = iprev->result == RESULT_TEMPERROR,
		},
		inquiries);
}

static int lookup_mx(struct lookup *lookup)
{
	const struct mailhosts *hosts =
		session_helo_mailhosts_result(&lookup->session, lookup->deadline_ms);
	struct inquiry *inquiries[] = {lookup->session.helo_mailhosts, NULL};
	const char *result = "implicit";
	char evidence[1000];

	if (hosts == NULL)
		return no_answer();
	if (mailhosts_nonexistent(hosts))
		result = "nonexistent";
	else if (hosts->null_mx)
		result = "null_mx";
	else if (mailhosts_bogus(hosts))
		result = "bogus_mx";
	else if (mailhosts_none(hosts))
		result = "none";
	else if (mailhosts_temporary(hosts))
		result = "temperror";
	else if (hosts->host_count > 0)
		result = "mx";
	return ctl_print_outcome(lookup->json,
		&(struct ctl_outcome){
			.result = result,
			.evidence = mailhosts_format(hosts, evidence, sizeof(evidence)),
			.temporary = mailhosts_temporary(hosts),
		},
		inquiries);
}

static int lookup_registered(struct lookup *lookup)
{
	struct session *session = &lookup->session;
	char evidence[EVIDENCE_SIZE];
	bool temporary = false;
	bool proven =
		session_proof(session, PROOF_OF_SENDER, lookup->deadline_ms, evidence, &temporary);
	struct inquiry *all[] = {
		session->transaction.spf, session->transaction.mailhosts, session->iprev};
	struct inquiry *inquiries[ARRAY_COUNT(all) + 1] = {0};
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_COUNT(all); i++)
		if (all[i] != NULL && inquiry_result(all[i]) != NULL)
			inquiries[count++] = all[i];
	return ctl_print_outcome(lookup->json,
		&(struct ctl_outcome){
			.result = proven      ? "pass"
				  : temporary ? "temperror"
					      : "fail",
			.evidence = evidence,
			.temporary = !proven && temporary,
		},
		inquiries);
}

static const struct policy_conf *policy_named(const struct conf *conf, const char *name)
{
	for (size_t p = 0; p < conf->policy_count; p++)
		if (strcmp(conf->policies[p].policy->name, name) == 0)
			return &conf->policies[p];
	return NULL;
}

/* All findings of the helo policy, the first that failed as the result. */
static int lookup_helo(struct lookup *lookup)
{
	const struct policy_conf *helo = policy_named(lookup->conf, "helo");
	struct session *session = &lookup->session;
	const struct findings *findings = &session->findings[SCOPE_GREETING];
	struct inquiry *all[] = {NULL, NULL, NULL};
	struct inquiry *inquiries[ARRAY_COUNT(all) + 1] = {0};
	struct ctl_outcome outcome = {.result = "pass", .evidence = "nothing to say against it"};
	char buffer[2000];
	struct text lines;
	size_t count = 0;

	if (helo == NULL)
		return EX_SOFTWARE;
	struct call call = {
		.session = session,
		.policy = helo->policy,
		.options = helo->options,
		.option_count = helo->option_count,
		.fail_actions = helo->fail,
		.temperror_actions = helo->temperror,
		.stage = STAGE_HELO,
		.deadline_ms = lookup->deadline_ms,
	};

	if (helo->policy->announce[STAGE_HELO] != NULL)
		helo->policy->announce[STAGE_HELO](&call);
	helo->policy->judge[STAGE_HELO](&call);
	text_init(&lines, buffer, sizeof(buffer));
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = findings->items[i];

		text_addf(&lines, "%s%s %s: %s", lines.length > 0 ? "\n" : "", finding->check->name,
			result_name(finding->result), finding->evidence);
		if (finding->result == RESULT_FAIL)
			outcome.result = "fail";
		else if (finding->result == RESULT_TEMPERROR)
			outcome.temporary = true;
	}
	if (lines.length > 0)
		outcome.evidence = buffer;
	if (strcmp(outcome.result, "fail") == 0)
		outcome.temporary = false;
	else if (outcome.temporary)
		outcome.result = "temperror";
	all[0] = session->helo_mailhosts;
	all[1] = session->iprev;
	all[2] = session->helo_spf;
	for (size_t i = 0; i < ARRAY_COUNT(all); i++)
		if (all[i] != NULL && inquiry_result(all[i]) != NULL)
			inquiries[count++] = all[i];
	return ctl_print_outcome(lookup->json, &outcome, inquiries);
}

static const struct kind {
	const char *name;
	const char *needs; /* letters of the options it cannot do without: client helo domain */
	int (*run)(struct lookup *lookup);
} kinds[] = {
	{"spf", "ch", lookup_spf},
	{"iprev", "c", lookup_iprev},
	{"helo", "ch", lookup_helo},
	{"registered", "cd", lookup_registered},
	{"mx", "d", lookup_mx},
};

static int bad_usage(const char *what, const char *value)
{
	char shown[200];

	fprintf(stderr, "mailreevectl lookup: %s%s%s\n", what, value == NULL ? "" : " ",
		value == NULL ? "" : text_escape(value, shown, sizeof(shown)));
	usage(stderr);
	return EX_USAGE;
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
		if (transaction->error != PATH_OK)
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
