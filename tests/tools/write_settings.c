/* SPDX-License-Identifier: BSD-2-Clause */
/* write_settings sample|manual: what is generated from the settings tables, for conf/mailreeve.conf
 * and packaging/man/mailreeve.conf.5. */
#include <stdio.h>
#include <string.h>

#include "conf.h"

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "sample") == 0)
		conf_write_sample(stdout, policies);
	else if (argc == 2 && strcmp(argv[1], "manual") == 0)
		conf_write_manual(stdout, policies);
	else
		return fputs("usage: write_settings sample|manual\n", stderr), 64;
	return fflush(stdout) == 0 ? 0 : 74;
}
