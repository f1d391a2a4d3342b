/* SPDX-License-Identifier: BSD-2-Clause */
#include "mta_socket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
	const char *theirs, *ours;
	bool same;
} rows[] = {
	{"unix:/run/mailreeve/x", "local:/run/mailreeve/x", true},
	{"local:/run/mailreeve/x", "unix:/run/mailreeve/x", true},
	{"/run/mailreeve/x", "unix:/run/mailreeve/x", true},
	{"unix:mailreeve/x", "local:/var/spool/postfix/mailreeve/x", true},
	{"unix:/mailreeve/x", "local:/var/spool/postfix/mailreeve/x", true}, /* in a chroot */
	{"unix:mailreeve/x", "local:/run/mailreeve/x", false},
	{"unix:/run/other", "local:/run/mailreeve/x", false},
	{"inet:localhost:8891", "inet:8891@127.0.0.1", true},
	{"inet:127.0.0.1:8891", "inet:8891@localhost", true},
	{"inet:[::1]:8891", "inet6:8891@::1", true},
	{"inet:8891@localhost", "inet:8891@127.0.0.1", true},
	{"inet:filter.example.org:8891", "inet:8891@0.0.0.0", true},
	{"inet:filter.example.org:8891", "inet:8891", true},
	{"inet:filter.example.org:8891", "inet:8891@127.0.0.1", false},
	{"inet:localhost:8892", "inet:8891@127.0.0.1", false},
	{"inet:localhost:8891", "local:/run/x", false},
	{"inet:localhost:smtp", "inet:8891", false},
	{"inet:", "inet:8891", false},
	{"", "inet:8891", false},
	{"$undefined", "local:/run/x", false},
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		if (mta_socket_is_same(rows[i].theirs, rows[i].ours, "/var/spool/postfix") !=
			rows[i].same)
			fail_msg("%s, %s", rows[i].theirs, rows[i].ours);
	assert_false(mta_socket_is_same("unix:x", "local:/x", ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
