/* SPDX-License-Identifier: BSD-2-Clause */
#include "verdict.h"

#include <string.h>

static const char *const result_names[] = {
	[RESULT_NONE] = "none",
	[RESULT_PASS] = "pass",
	[RESULT_FAIL] = "fail",
	[RESULT_TEMPERROR] = "temperror",
	[RESULT_PERMERROR] = "permerror",
};

static const struct {
	const char *name;
	enum verdict verdict;
} actions[] = {
	[ACTION_OFF] = {"off", VERDICT_CONTINUE},
	[ACTION_MONITOR] = {"monitor", VERDICT_CONTINUE},
	[ACTION_TAG] = {"tag", VERDICT_CONTINUE},
	[ACTION_SUSPECT] = {"suspect", VERDICT_CONTINUE},
	[ACTION_QUARANTINE] = {"quarantine", VERDICT_QUARANTINE},
	[ACTION_TEMPFAIL] = {"tempfail", VERDICT_TEMPFAIL},
	[ACTION_REJECT] = {"reject", VERDICT_REJECT},
};

static const char *const verdict_names[] = {
	[VERDICT_CONTINUE] = "continue",
	[VERDICT_QUARANTINE] = "quarantine",
	[VERDICT_TEMPFAIL] = "tempfail",
	[VERDICT_REJECT] = "reject",
};

const char *result_name(enum result result)
{
	return (unsigned)result < ARRAY_COUNT(result_names) ? result_names[result] : "unknown";
}

const char *action_name(enum action action)
{
	return (unsigned)action < ARRAY_COUNT(actions) ? actions[action].name : "unknown";
}

bool action_parse(const char *name, enum action *action_r)
{
	for (unsigned i = 0; i < ARRAY_COUNT(actions); i++) {
		if (strcmp(name, actions[i].name) == 0) {
			*action_r = (enum action)i;
			return true;
		}
	}
	return false;
}

const char *verdict_name(enum verdict verdict)
{
	return (unsigned)verdict < ARRAY_COUNT(verdict_names) ? verdict_names[verdict] : "unknown";
}

enum verdict verdict_of_action(enum action action)
{
	return (unsigned)action < ARRAY_COUNT(actions) ? actions[action].verdict : VERDICT_CONTINUE;
}

bool verdict_overrides(enum verdict so_far, enum verdict next)
{
	return next > so_far;
}
