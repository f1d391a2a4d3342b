/* SPDX-License-Identifier: BSD-2-Clause */
/* What an administrator says of recipients: the section of the configuration, and what is made of it. */
#ifndef MAILREEVE_RECIPIENT_OPTIONS_H
#define MAILREEVE_RECIPIENT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"
#include "policy.h"
#include "recipient_directory.h"
#include "sender_login.h"
#include "setting.h"

struct recipient_options {
	struct recipient_directory_settings settings;
	char *sender_login;
	struct recipient_directory *directory;
	struct sender_login *owners; /* NULL: no map */
	char *broken; /* by prepare: what could not be read; NULL: nothing */
};

extern const struct setting recipient_settings[];

/* As in struct policy. */
bool recipient_verify(const void *options, const struct site *site, const char **setting_r,
	char *why, size_t why_size);
void recipient_prepare(void *options, const struct site *site);
bool recipient_complete(const void *options, const char **setting_r, char *why, size_t why_size);
void recipient_clear(void *options);

#endif
