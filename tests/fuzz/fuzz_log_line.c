/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines of logs, which an administrator hands over and a stranger has had his words in. */
#include "explain_line.h"
#include "fuzz.h"
#include "log_parse.h"
#include "mem.h"

/* What was understood travels to the daemon and comes back the same. */
static void check_journey(const struct explain_request *request)
{
	struct explain_request again;
	char why[200] = "";
	size_t length;
	char *bytes = explain_request_format(request, &length);

	if (explain_request_parse(bytes, length, &again, why, sizeof(why))) {
		MUST_HOLD(strcmp(again.client, request->client) == 0);
		MUST_HOLD(again.recipient_count == request->recipient_count);
	} else {
		MUST_HOLD(why[0] != '\0');
	}
	explain_request_clear(&again);
	mem_free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct explain_request request = {.client = NULL};
	struct log_fields fields;
	char *text = fuzz_text(data, size), *body = fuzz_text(data, size);
	char why[200] = "";

	if (explain_line_read(text, &request, why, sizeof(why)))
		check_journey(&request);
	else
		MUST_HOLD(why[0] != '\0');
	explain_request_clear(&request);
	/* The body of a request is read by the daemon as it comes. */
	if (explain_request_parse(body, size, &request, why, sizeof(why)))
		check_journey(&request);
	explain_request_clear(&request);
	if (log_parse(&fields, text))
		MUST_HOLD(fields.count > 0 && fields.count <= LOG_PARSE_FIELDS_MAX);
	free(body);
	free(text);
	return 0;
}
