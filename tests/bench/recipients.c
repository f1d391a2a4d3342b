/* SPDX-License-Identifier: BSD-2-Clause */
/* A source of a million addresses beside a plain hash set of the same texts: time to load, memory an
 * address, look-ups a second. Usage: recipients [ADDRESSES] */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "recipient_table.h"

enum { LOOKUPS = 4000000, DOMAINS = 100 };

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static size_t memory_in_use(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static void address(char *local_part, char *domain, unsigned long number)
{
	sprintf(local_part, "user.name%lu", number);
	sprintf(domain, "domain%lu.example.org", number % DOMAINS);
}

/* The plain set: a list for each bucket, a node and a text for each member. */
struct node {
	struct node *next;
	char *text;
};

struct set {
	struct node **buckets;
	size_t size;
};

static size_t hash(const char *text)
{
	size_t value = 14695981039346656037U;

	for (; *text != '\0'; text++)
		value = (value ^ (unsigned char)*text) * 1099511628211U;
	return value;
}

static void set_add(struct set *set, const char *text)
{
	struct node **bucket = &set->buckets[hash(text) % set->size];
	struct node *node = malloc(sizeof(*node));

	if (node == NULL || (node->text = strdup(text)) == NULL)
		abort();
	node->next = *bucket;
	*bucket = node;
}

static bool set_has(const struct set *set, const char *text)
{
	for (struct node *node = set->buckets[hash(text) % set->size]; node != NULL;
		node = node->next)
		if (strcmp(node->text, text) == 0)
			return true;
	return false;
}

static void complain(void *context, const char *file, unsigned line, const char *why)
{
	(void)context;
	fprintf(stderr, "%s:%u: %s\n", file, line, why);
	exit(1);
}

struct figures {
	double load, seconds; /* to load; of LOOKUPS look-ups */
	size_t bytes;
};

/* Half of the look-ups are of what is there. */
static unsigned long pick(unsigned long i, unsigned long count)
{
	return (i * 2654435761UL) % (2 * count);
}

static struct figures measure_table(const char *file, unsigned long count)
{
	char local_part[64], domain[64];
	size_t before = memory_in_use();
	unsigned long found = 0;
	struct figures figures;
	struct recipient_table *table;
	double start = now();

	table = recipient_table_load(file, complain, NULL);
	figures.load = now() - start;
	figures.bytes = memory_in_use() - before;
	start = now();
	for (unsigned long i = 0; i < LOOKUPS; i++) {
		address(local_part, domain, pick(i, count));
		found += recipient_table_has_address(table, local_part, domain, true);
	}
	figures.seconds = now() - start;
	if (recipient_table_count(table) != count || found == 0 || found == LOOKUPS)
		abort();
	recipient_table_free(&table);
	return figures;
}

static struct figures measure_set(const char *file, unsigned long count)
{
	char line[256], local_part[64], domain[64];
	struct set set = {.size = 2 * count};
	size_t before = memory_in_use();
	FILE *in = fopen(file, "re");
	unsigned long found = 0;
	struct figures figures;
	double start = now();

	set.buckets = calloc(set.size, sizeof(struct node *));
	if (in == NULL || set.buckets == NULL)
		abort();
	while (fgets(line, sizeof(line), in) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		set_add(&set, line);
	}
	fclose(in);
	figures.load = now() - start;
	figures.bytes = memory_in_use() - before;
	start = now();
	for (unsigned long i = 0; i < LOOKUPS; i++) {
		address(local_part, domain, pick(i, count));
		sprintf(line, "%s@%s", local_part, domain);
		found += set_has(&set, line);
	}
	figures.seconds = now() - start;
	if (found == 0 || found == LOOKUPS)
		abort();
	for (size_t i = 0; i < set.size; i++)
		while (set.buckets[i] != NULL) {
			struct node *node = set.buckets[i];

			set.buckets[i] = node->next;
			free(node->text);
			free(node);
		}
	free(set.buckets);
	return figures;
}

/* What making the addresses to ask for takes itself. */
static double measure_nothing(unsigned long count)
{
	char local_part[64], domain[64];
	volatile char last;
	double start = now();

	for (unsigned long i = 0; i < LOOKUPS; i++) {
		address(local_part, domain, pick(i, count));
		last = local_part[0];
	}
	(void)last;
	return now() - start;
}

static void show(
	const char *what, const struct figures *figures, double nothing, unsigned long count)
{
	double each = (figures->seconds - nothing) / LOOKUPS;

	printf("%-22s %6.2f s to load  %5.0f bytes an address  %5.2f us a look-up  %6.2f million a "
	       "second\n",
		what, figures->load, (double)figures->bytes / (double)count, each * 1e6,
		1e-6 / each);
}

int main(int argc, char **argv)
{
	unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
	char file[] = "/tmp/mailreeve-recipients.XXXXXX";
	char local_part[64], domain[64];
	struct figures table, set;
	FILE *out = fdopen(mkstemp(file), "w");
	double nothing;

	if (count == 0 || out == NULL)
		return 1;
	for (unsigned long i = 0; i < count; i++) {
		address(local_part, domain, i);
		fprintf(out, "%s@%s\n", local_part, domain);
	}
	fclose(out);
	nothing = measure_nothing(count);
	table = measure_table(file, count);
	set = measure_set(file, count);
	printf("recipients: %lu addresses in a file\n", count);
	show("  recipient source", &table, nothing, count);
	show("  plain hash set", &set, nothing, count);
	unlink(file);
	return 0;
}
