/* SPDX-License-Identifier: BSD-2-Clause */
/* Domains that a reader could take for one that is protected. A set is made once and not changed when
 * sessions read it: they need no lock. */
#ifndef MAILREEVE_LOOK_ALIKE_H
#define MAILREEVE_LOOK_ALIKE_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"
#include "domain.h"

struct look_alikes;

enum { LOOK_ALIKES_MAX = 10000 }; /* protected domains; each is compared with */

enum look_alike {
	LOOK_ALIKE_NONE,
	LOOK_ALIKE_CONFUSABLE, /* reads the same: examp1e.org, еxample.org with a Cyrillic letter */
	LOOK_ALIKE_ONE_EDIT, /* one letter more, less, other, or two exchanged: exmaple.org */
	LOOK_ALIKE_PREFIX /* begins with it: example.org.attacker.test */
};

struct look_alikes *look_alikes_create(void);
void look_alikes_free(struct look_alikes **set); /* nulls; NULL allowed */

/* DOMAIN is canonical. False when the set is full. */
bool look_alikes_add(struct look_alikes *set, const char *domain) MUST_CHECK;

/* What DOMAIN (canonical) is to the domain of the set that it looks most like, which is *PROTECTED_R. A
 * domain of the same organization as one of the set looks like none. Names whose own label has less than
 * four letters are no edits of each other: half of all of those exist. */
enum look_alike look_alikes_find(
	const struct look_alikes *set, const char *domain, const char **protected_r);

/* DOMAIN is of the same organization as one of the set. */
bool look_alikes_know(const struct look_alikes *set, const char *domain);

/* As look_alikes_find, for two domains. */
enum look_alike look_alike_of(const char *domain, const char *protected_domain);

const char *look_alike_text(enum look_alike kind); /* "reads like", ... for evidence */

#endif
