/* SPDX-License-Identifier: BSD-2-Clause */
#include "stage.h"

#include "compiler.h"

static const struct {
	const char *name;
	enum scope scope;
} stages[] = {
	[STAGE_CONNECT] = {"connect", SCOPE_CONNECTION},
	[STAGE_COMMAND] = {"command", SCOPE_CONNECTION},
	[STAGE_HELO] = {"helo", SCOPE_GREETING},
	[STAGE_MAIL] = {"mail", SCOPE_TRANSACTION},
	[STAGE_RCPT] = {"rcpt", SCOPE_RECIPIENT},
	[STAGE_HEADER] = {"header", SCOPE_TRANSACTION},
	[STAGE_BODY] = {"body", SCOPE_TRANSACTION},
	[STAGE_EOM] = {"eom", SCOPE_TRANSACTION},
};

const char *stage_name(enum stage stage)
{
	return (unsigned)stage < ARRAY_COUNT(stages) ? stages[stage].name : "unknown";
}

enum scope stage_scope(enum stage stage)
{
	return (unsigned)stage < ARRAY_COUNT(stages) ? stages[stage].scope : SCOPE_CONNECTION;
}
