/* SPDX-License-Identifier: BSD-2-Clause */
#include "forget_command.h"

#include <string.h>
#include <sysexits.h>

#include "path.h"
#include "recipient_options.h"

/* NULL: the section is off. */
static const struct recipient_directory *directory_of(const struct conf *conf)
{
	for (size_t i = 0; i < conf->policy_count; i++) {
		const struct recipient_options *options = conf->policies[i].options;

		if (strcmp(conf->policies[i].policy->name, "recipient") == 0)
			return options->directory;
	}
	return NULL;
}

int forget_command(
	const char *address, FILE *out, const struct conf *conf, const struct services *services)
{
	const struct recipient_directory *directory = directory_of(conf);
	struct path path;
	unsigned targets = 0;

	if (path_parse(address, true, &path) != PATH_OK || path.domain[0] == '\0') {
		fputs("that is no address; write mailreevectl forget user@example.org\n", out);
		return EX_USAGE;
	}
	if (directory != NULL &&
		!recipient_directory_forget(directory, services->store, &path, &targets)) {
		fputs("the store does not answer; try again later\n", out);
		return EX_TEMPFAIL;
	}
	if (targets == 0) {
		fprintf(out, "no call-ahead (smtp:, lmtp:) is asked about %s\n", path.domain);
		return EX_NOINPUT;
	}
	fputs("forgotten\n", out);
	return EX_OK;
}
