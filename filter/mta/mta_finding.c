/* SPDX-License-Identifier: BSD-2-Clause */
#include "mta_finding.h"

#include <stdarg.h>
#include <stdio.h>

enum { TEXT_SIZE = 1024 };

void mta_warn(const struct mta_view *view, const char *format, ...)
{
	char text[TEXT_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	view->tell(view->context, true, text);
}

void mta_note(const struct mta_view *view, const char *format, ...)
{
	char text[TEXT_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	view->tell(view->context, false, text);
}
