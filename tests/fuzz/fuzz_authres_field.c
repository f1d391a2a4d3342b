/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>

#include "authres_field.h"
#include "fuzz.h"

#define OURS "mx.example.org"

/* VALUE is one token, or one quoted-string that ends where it ends; WIDE: octets beyond ASCII may stand in
 * it. */
static void check_value(const char *value, bool wide)
{
	const char *at = value;

	if (*at != '"') {
		for (; *at != '\0'; at++)
			MUST_HOLD(ascii_is_alnum(*at) || strchr(".@_-+", *at) != NULL);
		return;
	}
	for (at++; *at != '"'; at++) {
		at += *at == '\\';
		MUST_HOLD((*at >= 0x20 && *at <= 0x7e) || (wide && (unsigned char)*at >= 0x80));
	}
	MUST_HOLD(at[1] == '\0');
}

static void check_comment(const char *comment)
{
	for (; *comment != '\0'; comment++)
		MUST_HOLD(*comment >= 0x20 && *comment <= 0x7e && strchr("()\\", *comment) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *body = fuzz_text(data, size);
	size_t length = strlen(body);
	char *longer = calloc(1, 2 * length + 64);
	struct text text;

	/* What claims to be ours still does behind a comment and a fold, and in capitals. */
	if (authres_claims(body, OURS)) {
		sprintf(longer, "\r\n\t(a (b) c) %s", body);
		MUST_HOLD(authres_claims(longer, OURS));
		ascii_lower(longer);
		MUST_HOLD(authres_claims(longer, OURS));
	}
	sprintf(longer, OURS ";%s", body);
	MUST_HOLD(authres_claims(longer, OURS));
	sprintf(longer, "pass receiver=" OURS " %s", body);
	MUST_HOLD(received_spf_claims(longer, OURS));
	received_spf_claims(body, OURS);
	sprintf(longer, "i=1; " OURS ";%s", body);
	MUST_HOLD(authres_arc_claims(longer, OURS));
	MUST_HOLD(authres_arc_claims(body, OURS) || !authres_claims(body, OURS));
	sprintf(longer, "(x) by " OURS " %s", body);
	MUST_HOLD(received_by(longer, OURS));
	received_by(body, OURS);

	text_init(&text, longer, 2 * length + 64);
	authres_add_value(&text, body, length + 1, length % 2 == 1);
	check_value(longer, length % 2 == 1);
	text_init(&text, longer, 2 * length + 64);
	authres_add_comment(&text, body, length + 1);
	check_comment(longer);
	free(longer);
	free(body);
	return 0;
}
