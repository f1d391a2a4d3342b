/* SPDX-License-Identifier: BSD-2-Clause */
#include "body_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mem.h"
#include "text.h"

/* What was found, as a text. */
static const char *found(const struct body_scan *scan)
{
	static char buffer[300];
	struct text text;

	text_init(&text, buffer, sizeof(buffer));
	if (scan->longest_line > 998)
		text_addf(&text, "long=%zu ", scan->longest_line);
	if (scan->bare_cr > 0)
		text_addf(&text, "cr=%zu ", scan->bare_cr);
	if (scan->bare_lf > 0)
		text_addf(&text, "lf=%zu ", scan->bare_lf);
	if (scan->nul > 0)
		text_addf(&text, "nul=%zu ", scan->nul);
	if (scan->eight_bit_line > 0)
		text_addf(&text, "8bit=%zu ", scan->eight_bit_line);
	if (scan->declared_8bit)
		text_add(&text, "declared ");
	if (scan->bad_base64_line > 0)
		text_addf(&text, "base64=%zu ", scan->bad_base64_line);
	if (scan->smtp_line > 0)
		text_addf(&text, "smtp=%zu ", scan->smtp_line);
	if (scan->starts_with_header)
		text_add(&text, "header ");
	return buffer;
}

/* BODY in chunks of every size gives the same. */
static void expect(
	const char *type, const char *encoding, const void *body, size_t length, const char *want)
{
	static const size_t sizes[] = {1, 2, 3, 7, 997, 998, 999, 1000, 65535};

	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		struct body_scan scan;
		const unsigned char *at = body;

		body_scan_start(&scan, type, encoding);
		for (size_t left = length; left > 0;) {
			size_t size = left < sizes[i] ? left : sizes[i];
			unsigned char *chunk = mem_alloc(size);

			/* Exactly as long, so that a look beyond it shows. */
			memcpy(chunk, at, size);
			body_scan_add(&scan, chunk, size);
			mem_free(chunk);
			at += size;
			left -= size;
		}
		body_scan_end(&scan);
		if (strcmp(found(&scan), want) != 0)
			fail_msg("%s, chunks of %zu: %s, not %s", (const char *)body, sizes[i],
				found(&scan), want);
	}
}

#define BODY(text) text, sizeof(text) - 1

static void test_line_length(void **state)
{
	static const struct {
		size_t length;
		const char *before, *after, *want;
	} rows[] = {
		{0, "", "", ""},
		{998, "", "\r\n", ""},
		{998, "", "", ""},
		{999, "", "\r\n", "long=999 "},
		{999, "", "", "long=999 "},
		{998, "short\r\n", "\r\nshort\r\n", ""},
		{999, "short\r\n", "\r\nshort\r\n", "long=999 "},
		{997, "\r", "\r\n", "cr=1 "},
		{998, "\r", "\r\n", "long=999 cr=1 "},
		{997, "", "\r\r\n", "cr=1 "},
		{998, "", "\r\r\n", "long=999 cr=1 "},
		{998, "", "\n", "lf=1 "},
		{5000, "", "\r\nshort\r\n", "long=5000 "},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		size_t before = strlen(rows[i].before), after = strlen(rows[i].after);
		char *body = mem_alloc(before + rows[i].length + after + 1);

		memcpy(body, rows[i].before, before);
		memset(body + before, 'x', rows[i].length);
		memcpy(body + before + rows[i].length, rows[i].after, after);
		expect(NULL, NULL, body, before + rows[i].length + after, rows[i].want);
		mem_free(body);
	}
}

static void test_octets(void **state)
{
	(void)state;
	expect(NULL, NULL, BODY("a\r\nb\r\n\r\n"), "");
	expect(NULL, NULL, BODY("a\nb\r\n\n"), "lf=2 ");
	expect(NULL, NULL, BODY("a\rb\r\r\nc\r"), "cr=3 ");
	expect(NULL, NULL, BODY("\r"), "cr=1 ");
	expect(NULL, NULL, BODY("\n\r\n\r"), "cr=1 lf=1 ");
	expect(NULL, NULL, BODY("a\0b\r\n\0\r\n"), "nul=2 ");
	expect(NULL, NULL, BODY("a\r\n\xc3\xbc\r\n\xff\r\n"), "8bit=2 ");
	expect(NULL, " 8bit", BODY("\xc3\xbc\r\n"), "8bit=1 declared ");
	expect(NULL, "BINARY", BODY("\xc3\xbc\r\n"), "8bit=1 declared ");
	expect(NULL, "7bit", BODY("\xc3\xbc\r\n"), "8bit=1 ");
	expect("multipart/mixed; boundary=x", NULL,
		BODY("--x\r\ncontent-transfer-encoding:\r\n 8bit\r\n\r\n\xc3\xbc\r\n--x--\r\n"),
		"8bit=5 declared ");
}

static void test_base64(void **state)
{
	static const char mixed[] = "multipart/mixed; boundary=x";

	(void)state;
	expect(NULL, "base64", BODY("YWJj\r\nYWI=\r\n"), "");
	expect(NULL, "base64", BODY("YWJjYQ==\r\n\r\n"), "");
	expect(NULL, "BASE64", BODY("YW\r\nJj\r\n"), "");
	expect(NULL, "base64", BODY("YWJj\r\nYWI\r\n"), "base64=3 ");
	expect(NULL, "base64", BODY("YWJj\r\nY\xc3\xbcI=\r\n"), "8bit=2 base64=2 ");
	expect(NULL, "base64", BODY("YWJj\r\n-- \r\n"), "base64=2 ");
	expect(NULL, "base64", BODY("YWI=\r\nYWJj\r\n"), "base64=2 ");
	expect(NULL, "base64", BODY("=WJj\r\n"), "base64=1 ");
	expect(NULL, "quoted-printable", BODY("!!\r\n"), "");
	expect(mixed, NULL,
		BODY("preamble!\r\n--x\r\nContent-Type: a/b\r\nContent-Transfer-Encoding: "
		     "base64\r\n\r\nYWJj\r\n--x\r\n\r\nplain text!\r\n--x--\r\nepilogue!\r\n"),
		"");
	expect(mixed, NULL,
		BODY("--x\r\nContent-Transfer-Encoding: base64\r\n\r\nYWJj!\r\n--x--\r\n"),
		"base64=4 ");
	expect(mixed, NULL,
		BODY("--x\r\nContent-Transfer-Encoding: base64\r\n\r\nYWJ\r\n--x--\r\n"),
		"base64=5 ");
	/* A message within the message has a header section of its own. */
	expect(mixed, NULL,
		BODY("--x\r\nContent-Type: message/rfc822\r\n\r\nSubject: s\r\n"
		     "Content-Transfer-Encoding: base64\r\n\r\n!\r\n--x--\r\n"),
		"base64=7 ");
	expect("message/rfc822", NULL,
		BODY("Subject: s\r\nContent-Transfer-Encoding: base64\r\n\r\n!\r\n"), "base64=4 ");
	/* What looks like a boundary is none where there are no parts. */
	expect("text/plain", NULL, BODY("--x\r\nContent-Transfer-Encoding: base64\r\n\r\n!\r\n"),
		"");
	expect(mixed, NULL, BODY("-- \r\nContent-Transfer-Encoding: base64\r\n\r\n!\r\n"), "");
}

static void test_smtp(void **state)
{
	(void)state;
	expect(NULL, NULL, BODY("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"), "smtp=3 ");
	expect(NULL, NULL,
		BODY("x\r\n.\r\nmail from:<>\r\nrcpt to:<c@d>\r\nRCPT TO:<e@f>\r\ndata \r\nx"),
		"smtp=6 ");
	expect(NULL, NULL, BODY("a . MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"), "smtp=3 ");
	expect(NULL, NULL, BODY("a. MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"), "");
	expect(NULL, NULL, BODY("\0.MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"),
		"nul=1 smtp=3 ");
	expect(NULL, NULL, BODY(" . MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"), "smtp=3 ");
	expect(NULL, NULL, BODY("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 100 LAST\r\n"),
		"smtp=3 ");
	expect(NULL, NULL, BODY("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATAX\r\n"), "");
	expect(NULL, NULL, BODY("MAIL FROM:<a@b>\r\nDATA\r\nRCPT TO:<c@d>\r\n"), "");
	expect(NULL, NULL, BODY("MAIL FROM:<a@b>\r\n250 ok\r\nRCPT TO:<c@d>\r\nDATA\r\n"), "");
	expect(NULL, NULL, BODY("> MAIL FROM:<a@b>\r\n> RCPT TO:<c@d>\r\n> DATA\r\n"), "");
}

static void test_header(void **state)
{
	(void)state;
	expect(NULL, NULL, BODY(" From: a@b\r\nSubject: s\r\n"), "header ");
	expect(NULL, NULL, BODY("\tfrom : a@b\r\n"), "header ");
	expect(NULL, NULL, BODY("From\r\n : a@b\r\n"), "header ");
	expect(NULL, NULL, BODY("From: a@b\r\n"), ""); /* a forwarded message */
	expect(NULL, NULL, BODY(" Date: Monday\r\n"), "");
	expect(NULL, NULL, BODY(" From here on\r\n"), "");
	expect(NULL, NULL, BODY("x\r\n From: a@b\r\n"), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line_length),
		cmocka_unit_test(test_octets),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_smtp),
		cmocka_unit_test(test_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
