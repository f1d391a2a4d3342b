/* SPDX-License-Identifier: BSD-2-Clause */
#include "why_command.h"

#include <sysexits.h>

#include "kept.h"
#include "mem.h"

int why_command(
	const char *word, FILE *out, const struct conf *conf, const struct services *services)
{
	const struct kept_options options = {.store = services->store, .local = services->local};
	enum store_status status;
	char *record;

	status = kept_find(&options, word, &record);
	if (record != NULL) {
		fprintf(out, "%s\n", record);
		mem_free(record);
		return EX_OK;
	}
	if (conf->daemon.journal != NULL)
		fputs(conf->daemon.journal, out);
	return status == STORE_DOWN ? EX_TEMPFAIL : EX_NOINPUT;
}
