/* SPDX-License-Identifier: BSD-2-Clause */
/* SPF checks by the daemon's own code against one nameserver, for tests:
 *
 *     spf_query ADDRESS:PORT [TIMEOUT_MS [TIME_LIMIT_MS]]
 *
 * reads lines of "client TAB helo TAB local-part TAB domain", starts all of them at once, and prints
 * a line for each, in order: "result TAB explanation TAB flags TAB questions TAB steps TAB evidence".
 * Flags: "over_broad", "no_mail" or "-". An empty domain asks with the null reverse-path. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "spf.h"

enum { QUERIES_MAX = 4000, LINE_SIZE = 4000, FIELDS = 4 };

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

static struct inquiry *start(struct resolver *resolver, char *line, int64_t time_limit_ms)
{
	char *fields[FIELDS];
	struct ipaddr client;

	if (!split(line, fields) || !ipaddr_parse(fields[0], &client)) {
		fprintf(stderr, "not a query: %s\n", line);
		exit(2);
	}
	return spf_inquire(resolver, SPF_MAILFROM, &client, fields[1], fields[2], fields[3],
		"receiver.example.org", time_limit_ms);
}

static void print(struct inquiry *inquiry)
{
	const struct spf *spf = inquiry_wait(inquiry, clock_monotonic_ms() + 60000);
	struct inquiry_cost cost;

	if (spf == NULL) {
		fprintf(stderr, "a check did not end\n");
		exit(1);
	}
	inquiry_cost(inquiry, &cost);
	printf("%s\t%s\t%s\t%u\t%u\t%s\n", spf_result_name(spf->result), spf->explanation,
		spf->over_broad ? "over_broad"
		: spf->no_mail	? "no_mail"
				: "-",
		cost.questions, cost.steps, spf->evidence);
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
	char line[LINE_SIZE];
	char why[200];
	size_t count = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: spf_query ADDRESS:PORT [TIMEOUT_MS [TIME_LIMIT_MS]]\n");
		return 64;
	}
	resolver = resolver_start(&options, why, sizeof why);
	if (resolver == NULL) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	while (count < QUERIES_MAX && fgets(line, sizeof line, stdin) != NULL)
		queries[count++] = start(resolver, line, time_limit_ms);
	for (size_t i = 0; i < count; i++) {
		print(queries[i]);
		inquiry_free(&queries[i]);
	}
	resolver_stop(&resolver);
	return 0;
}
