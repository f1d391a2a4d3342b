/* SPDX-License-Identifier: BSD-2-Clause */
#include "dmarc_record.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char version[] = "v=DMARC1;";
	char *text = malloc(size + sizeof(version));
	struct dmarc_record record, again;
	enum dmarc_reading reading;

	MUST_HOLD(text != NULL);
	memcpy(text, version, strlen(version));
	if (size > 0)
		memcpy(text + strlen(version), data, size);
	reading = dmarc_record_parse(text, strlen(version) + size, &record);
	MUST_HOLD(reading != DMARC_FOREIGN);
	MUST_HOLD(record.percent <= 100);
	MUST_HOLD(record.policy <= DMARC_REJECT && record.subdomain_policy <= DMARC_REJECT);
	MUST_HOLD(reading == DMARC_GOOD || record.fault != NULL);
	/* The version alone makes it ours. */
	reading = dmarc_record_parse((const char *)data, size, &again);
	MUST_HOLD(reading == DMARC_FOREIGN || memchr(data, '=', size) != NULL);
	free(text);
	return 0;
}
