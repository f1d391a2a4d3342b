/* SPDX-License-Identifier: BSD-2-Clause */
#include "dkim_signature.h"

#include <string.h>

#include "text.h"

/* "d", blanks, "=" at the start of the tag; returns what is behind it, or NULL. */
static const char *value_of_domain(const char *tag)
{
	while (ascii_is_space(*tag))
		tag++;
	if (*tag++ != 'd')
		return NULL;
	while (ascii_is_space(*tag))
		tag++;
	return *tag == '=' ? tag + 1 : NULL;
}

bool dkim_signature_domain(const char *body, char domain_r[DOMAIN_SIZE])
{
	unsigned found = 0;
	bool good = false;

	domain_r[0] = '\0';
	while (*body != '\0') {
		size_t length = strcspn(body, ";");
		const char *value = value_of_domain(body);

		if (value != NULL) {
			char domain[2 * DOMAIN_SIZE];
			struct text text;

			/* Folds may stand anywhere in a value (RFC 6376 3.2). */
			text_init(&text, domain, sizeof(domain));
			for (; value < body + length; value++)
				if (!ascii_is_space(*value))
					text_add_char(&text, *value);
			found++;
			good = !text.truncated && domain_canonical(domain, domain_r);
		}
		body += length + (body[length] == ';');
	}
	if (good && found == 1)
		return true;
	domain_r[0] = '\0';
	return false;
}
