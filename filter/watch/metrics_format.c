/* SPDX-License-Identifier: BSD-2-Clause */
#include "metrics_format.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>

void metrics_family(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void write_label(FILE *out, const char *before, const char *label, const char *value)
{
	fprintf(out, "%s%s=\"", before, label);
	for (; *value != '\0'; value++) {
		if (*value == '\\' || *value == '"')
			fputc('\\', out);
		fputc((unsigned char)*value < 0x20 ? '?' : *value, out);
	}
	fputc('"', out);
}

/* Counts as whole numbers, which %g would round. */
static void write_number(FILE *out, double value)
{
	if (isinf(value))
		fputs(value > 0 ? " +Inf\n" : " -Inf\n", out);
	else if (value == floor(value) && fabs(value) < 1e15)
		fprintf(out, " %.0f\n", value);
	else
		fprintf(out, " %.15g\n", value);
}

void metrics_value(FILE *out, const char *name, double value, ...)
{
	const char *label, *before = "{";
	va_list args;

	fputs(name, out);
	va_start(args, value);
	while ((label = va_arg(args, const char *)) != NULL) {
		write_label(out, before, label, va_arg(args, const char *));
		before = ",";
	}
	va_end(args);
	if (*before == ',')
		fputc('}', out);
	write_number(out, value);
}

void metrics_single(FILE *out, const char *name, const char *type, const char *help, double value)
{
	metrics_family(out, name, type, help);
	metrics_value(out, name, value, METRICS_END);
}

static void write_bucket(FILE *out, const char *name, const char *label, const char *value,
	const char *bound, uint64_t count)
{
	fprintf(out, "%s_bucket", name);
	if (label != NULL)
		write_label(out, "{", label, value);
	write_label(out, label != NULL ? "," : "{", "le", bound);
	fprintf(out, "} %" PRIu64 "\n", count);
}

static void write_part(FILE *out, const char *name, const char *part, const char *label,
	const char *value, double number)
{
	fprintf(out, "%s_%s", name, part);
	if (label != NULL) {
		write_label(out, "{", label, value);
		fputc('}', out);
	}
	write_number(out, number);
}

void metrics_histogram(FILE *out, const char *name, const struct histogram_state *state,
	const char *label, const char *value)
{
	uint64_t so_far = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		char bound[32];

		so_far += state->counts[i];
		snprintf(bound, sizeof(bound), "%g", (double)histogram_bounds_us[i] / 1e6);
		write_bucket(out, name, label, value, bound, so_far);
	}
	write_bucket(out, name, label, value, "+Inf", state->count);
	write_part(out, name, "sum", label, value, (double)state->sum_us / 1e6);
	write_part(out, name, "count", label, value, (double)state->count);
}
