/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads bodies of From fields, each ended by NUL, and says of each in a line how it is read: defects that
 * are ambiguous, other ones, the number of addresses, and in hexadecimal local-part, domain and name of
 * the first, and its address as it stands. Names of the defects: header_query names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mailbox_list.h"

static void print_hex(const char *text)
{
	putchar(' ');
	if (*text == '\0')
		putchar('-');
	for (; *text != '\0'; text++)
		printf("%02x", (unsigned char)*text);
}

static void answer(const char *body)
{
	struct mailbox_list list;
	uint64_t ambiguous = (UINT64_C(1) << DEFECTS_AMBIGUOUS) - 1;

	mailbox_list_parse(body, &list);
	printf("%llx %llx %zu", (unsigned long long)(list.defects & ambiguous),
		(unsigned long long)(list.defects & ~ambiguous), list.count);
	print_hex(list.kept == 0 ? "" : list.items[0].path.local_part);
	print_hex(list.kept == 0 ? "" : list.items[0].domain);
	print_hex(list.kept == 0 ? "" : list.items[0].name);
	print_hex(list.kept == 0 ? "" : list.items[0].address);
	putchar('\n');
	mailbox_list_clear(&list);
}

int main(int argc, char **argv)
{
	char *body = NULL;
	size_t size = 0;

	(void)argv;
	if (argc > 1) {
		for (int defect = 0; defect < DEFECTS; defect++)
			puts(mailbox_defect_text((enum mailbox_defect)defect));
		return 0;
	}
	while (getdelim(&body, &size, '\0', stdin) > 0)
		answer(body);
	free(body);
	return 0;
}
