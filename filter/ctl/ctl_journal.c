/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl_journal.h"

#include <stddef.h>

#include "conf.h"
#include "mem.h"

static void ignore(void *context, const char *text)
{
	(void)context;
	(void)text;
}

char *ctl_journal_of(const char *file)
{
	static const struct conf_report report = {.error = ignore};
	struct conf *conf =
		conf_load(file == NULL ? MAILREEVE_SYSCONF "/mailreeve/mailreeve.conf" : file,
			policies, &report);
	char *journal = NULL;

	if (conf == NULL)
		return NULL;
	if (conf->daemon.journal != NULL)
		journal = mem_text(conf->daemon.journal);
	conf_release(&conf);
	return journal;
}
