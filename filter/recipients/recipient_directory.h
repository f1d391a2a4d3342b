/* SPDX-License-Identifier: BSD-2-Clause */
/* Who is known at our domains: the sources in their order, and what is different for a domain. Never
 * changed once opened, so looking up is thread-safe; it may wait for a call-ahead or the store. */
#ifndef MAILREEVE_RECIPIENT_DIRECTORY_H
#define MAILREEVE_RECIPIENT_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>

#include "callahead.h"
#include "compiler.h"
#include "recipient_domain.h"
#include "recipient_source.h"

/* As in the configuration; must outlive the directory. */
struct recipient_directory_settings {
	char **sources; /* recipient_source.h */
	char **domains; /* recipient_domain.h */
	char *extension;
	bool case_sensitive;
	int outage; /* enum recipient_outage */
	struct callahead_options callahead;
};

struct recipient_directory;

/* False with a sentence in WHY; *SETTING_R is the member to blame. */
bool recipient_directory_verify(const struct recipient_directory_settings *settings,
	const char **setting_r, char *why, size_t why_size) MUST_CHECK;

/* WHY: the first thing that could not be read, or "" (it was checked before, but files change). What
 * cannot be read cannot be asked. */
struct recipient_directory *recipient_directory_open(
	const struct recipient_directory_settings *settings, char *why, size_t why_size);
void recipient_directory_close(struct recipient_directory **directory);

/* The source at INDEX of the settings was read when opened, and holds nobody. *ALONE_R: nothing else knows
 * anybody at its domain. */
bool recipient_directory_is_empty(
	const struct recipient_directory *directory, size_t index, bool *alone_r) MUST_CHECK;

/* What all sources that cover the domain say together. */
struct recipient_look {
	enum recipient_known known;
	const struct recipient_domain *rules;
	const char *source; /* of RECIPIENT_UNSURE and RECIPIENT_ANY */
	char why[CALLAHEAD_WHY_SIZE]; /* of RECIPIENT_UNSURE, for the log */
};
void recipient_directory_look_up(const struct recipient_directory *directory,
	const struct callahead_question *question, struct recipient_look *look_r);

/* The call-aheads that are asked about PATH, TARGETS_R of them, ask anew. False while STORE does not
 * answer. */
bool recipient_directory_forget(const struct recipient_directory *directory, struct store *store,
	const struct path *path, unsigned *targets_r) MUST_CHECK;

#endif
