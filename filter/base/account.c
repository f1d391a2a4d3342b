/* SPDX-License-Identifier: BSD-2-Clause */
#include "account.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

/* Room for one entry, with the members of a group. */
enum { ENTRY_SIZE = 65536 };

bool account_find_group(const char *name, gid_t *gid_r, char *why, size_t why_size)
{
	char buffer[ENTRY_SIZE];
	struct group entry, *found = NULL;

	if (getgrnam_r(name, &entry, buffer, sizeof(buffer), &found) != 0 || found == NULL) {
		snprintf(why, why_size, "there is no group \"%s\"", name);
		return false;
	}
	*gid_r = found->gr_gid;
	return true;
}

bool account_find(const char *text, struct account *account_r, char *why, size_t why_size)
{
	size_t length = strcspn(text, ":");
	char buffer[ENTRY_SIZE];
	struct passwd entry, *found = NULL;

	if (length < sizeof(account_r->user)) {
		memcpy(account_r->user, text, length);
		account_r->user[length] = '\0';
		if (getpwnam_r(account_r->user, &entry, buffer, sizeof(buffer), &found) != 0)
			found = NULL;
	}
	if (found == NULL) {
		snprintf(why, why_size, "there is no user \"%.*s\"", (int)length, text);
		return false;
	}
	account_r->uid = found->pw_uid;
	account_r->gid = found->pw_gid;
	return text[length] == '\0' ||
	       account_find_group(text + length + 1, &account_r->gid, why, why_size);
}
