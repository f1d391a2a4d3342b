/* SPDX-License-Identifier: BSD-2-Clause */
/* A listening Unix socket at an address of the system's choice, not of a file. */
#ifndef MAILREEVE_TESTS_UNIX_LISTENER_H
#define MAILREEVE_TESTS_UNIX_LISTENER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

/* Its descriptor; the address is for those that connect. */
static int unix_listener(struct sockaddr_un *address_r, socklen_t *length_r)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memset(address_r, 0, sizeof(*address_r));
	address_r->sun_family = AF_UNIX;
	assert_int_equal(bind(fd, (struct sockaddr *)address_r, sizeof(address_r->sun_family)), 0);
	*length_r = sizeof(*address_r);
	assert_int_equal(getsockname(fd, (struct sockaddr *)address_r, length_r), 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

#endif
