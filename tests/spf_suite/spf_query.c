/* SPDX-License-Identifier: BSD-2-Clause */
/* SPF checks by the daemon's own code against one nameserver, for tests:
 *
 *     spf_query ADDRESS:PORT [TIMEOUT_MS [TIME_LIMIT_MS [ROUNDS]]]
 *
 * reads lines of "client TAB helo TAB local-part TAB domain", starts all of them at once, and prints
 * a line for each, in order: "result TAB explanation TAB flags TAB questions TAB steps TAB evidence".
 * With ROUNDS it asks all of them so often, one round after another, and prints the last.
 * Flags: "over_broad", "no_mail" or "-". An empty domain asks with the null reverse-path. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "spf.h"

enum { QUERIES_MAX = 4000, LINE_SIZE = 4000, FIELDS = 4 };

static char lines[QUERIES_MAX][LINE_SIZE];
static struct inquiry *queries[QUERIES_MAX];

/* An empty field counts, so that strtok will not do. */
static bool split(char *line, char *fields[FIELDS])
{
	line[strcspn(line, "\n")] = '\0';
	for (size_t i = 0; i < FIELDS; i++) {
		fields[i] = line;
		line = strchr(line, '\t');
		if (line == NULL)
			return i == FIELDS - 1;
		*line++ = '\0';
	}
	return false;
}

static struct inquiry *start(struct resolver *resolver, const char *asked, int64_t time_limit_ms)
{
	char line[LINE_SIZE];
	char *fields[FIELDS];
	struct ipaddr client;

	memcpy(line, asked, sizeof line);
	if (!split(line, fields) || !ipaddr_parse(fields[0], &client)) {
		fprintf(stderr, "not a query: %s\n", line);
		exit(2);
	}
	return spf_inquire(resolver, SPF_MAILFROM, &client, fields[1], fields[2], fields[3],
		"receiver.example.org", time_limit_ms);
}

static const struct spf *finished(struct inquiry *inquiry)
{
	const struct spf *spf = inquiry_wait(inquiry, clock_monotonic_ms() + 60000);

	if (spf == NULL) {
		fprintf(stderr, "a check did not end\n");
		exit(1);
	}
	return spf;
}

static void print(struct inquiry *inquiry)
{
	const struct spf *spf = finished(inquiry);
	struct inquiry_cost cost;

	inquiry_cost(inquiry, &cost);
	printf("%s\t%s\t%s\t%u\t%u\t%s\n", spf_result_name(spf->result), spf->explanation,
		spf->over_broad ? "over_broad"
		: spf->no_mail	? "no_mail"
				: "-",
		cost.questions, cost.steps, spf->evidence);
}

static void ask(struct resolver *resolver, size_t count, int64_t time_limit_ms, bool show)
{
	for (size_t i = 0; i < count; i++)
		queries[i] = start(resolver, lines[i], time_limit_ms);
	for (size_t i = 0; i < count; i++) {
		if (show)
			print(queries[i]);
		else
			finished(queries[i]);
		inquiry_free(&queries[i]);
	}
}

int main(int argc, char **argv)
{
	char *nameservers[] = {argc > 1 ? argv[1] : NULL, NULL};
	struct resolver_options options = {
		.nameservers = nameservers,
		.timeout_ms = argc > 2 ? atol(argv[2]) : 0,
		.attempts = 2,
	};
	int64_t time_limit_ms = argc > 3 ? atol(argv[3]) : 8000;
	struct resolver *resolver;
	long rounds = argc > 4 ? atol(argv[4]) : 1;
	char why[200];
	size_t count = 0;

	if (argc < 2) {
		fprintf(stderr,
			"usage: spf_query ADDRESS:PORT [TIMEOUT_MS [TIME_LIMIT_MS [ROUNDS]]]\n");
		return 64;
	}
	resolver = resolver_start(&options, why, sizeof why);
	if (resolver == NULL) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	while (count < QUERIES_MAX && fgets(lines[count], LINE_SIZE, stdin) != NULL)
		count++;
	for (long round = 1; round <= rounds; round++)
		ask(resolver, count, time_limit_ms, round == rounds);
	resolver_stop(&resolver);
	return 0;
}
