/* SPDX-License-Identifier: BSD-2-Clause */
#include "body_scan.h"
#include "fuzz.h"

static void scan_in_chunks(
	struct body_scan *scan, const uint8_t *data, size_t size, size_t chunk, const char *type)
{
	body_scan_start(scan, type, "base64");
	for (size_t at = 0; at < size; at += chunk)
		body_scan_add(scan, data + at, size - at < chunk ? size - at : chunk);
	body_scan_end(scan);
}

/* The first byte is the size of the chunks: they do not matter. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct body_scan whole, cut;

	if (size < 2)
		return 0;
	scan_in_chunks(&whole, data + 1, size - 1, size, data[0] & 1 ? "multipart/x" : NULL);
	scan_in_chunks(
		&cut, data + 1, size - 1, data[0] / 2 + 1U, data[0] & 1 ? "multipart/x" : NULL);
	MUST_HOLD(whole.lines == cut.lines && whole.longest_line == cut.longest_line);
	MUST_HOLD(whole.bare_cr == cut.bare_cr && whole.bare_lf == cut.bare_lf);
	MUST_HOLD(whole.nul == cut.nul && whole.eight_bit_line == cut.eight_bit_line);
	MUST_HOLD(whole.bad_base64_line == cut.bad_base64_line);
	MUST_HOLD(whole.smtp_line == cut.smtp_line && whole.declared_8bit == cut.declared_8bit);
	MUST_HOLD(whole.starts_with_header == cut.starts_with_header);
	MUST_HOLD(whole.bare_cr + whole.bare_lf + whole.nul <= size);
	return 0;
}
