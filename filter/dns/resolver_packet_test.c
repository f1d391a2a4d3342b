/* SPDX-License-Identifier: BSD-2-Clause */
#include "resolver_packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NAME "\1a\7example"
#define QUESTION(type) NAME "\0\0" type "\0\1"
#define HEAD(code, answers, authority, additional)                                                 \
	"\x12\x34\x81" code "\0\1\0" answers "\0" authority "\0" additional
#define OWNER "\xc0\x0c"
#define RECORD(type, ttl, length) "\0" type "\0\1\0\0\0" ttl "\0" length
#define SOA "\0" RECORD("\6", "\x64", "\x16") "\0\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\x32"
#define BYTES(text) (const uint8_t *)text, sizeof(text) - 1

struct row {
	const char *name;
	const uint8_t *packet;
	size_t length;
	enum dns_type type;
	enum resolver_packet_result result;
	const char *want; /* the answer as evidence, or the alias */
	uint32_t ttl;
};

static const struct row rows[] = {
	{"one address",
		BYTES(HEAD("\x80", "\1", "\0", "\0") QUESTION("\1")
				OWNER RECORD("\1", "\x3c", "\4") "\300\0\2\1"),
		DNS_A, RESOLVER_PACKET_ANSWER, "a.example A 192.0.2.1", 60},
	{"the question in capitals",
		BYTES(HEAD("\x80", "\1", "\0", "\0") "\1A\7eXAMPLE\0\0\1\0\1" OWNER RECORD(
			"\1", "\x3c", "\4") "\300\0\2\1"),
		DNS_A, RESOLVER_PACKET_ANSWER, "a.example A 192.0.2.1", 60},
	{"the least TTL of two",
		BYTES(HEAD("\x80", "\2", "\0", "\0") QUESTION("\1") OWNER RECORD("\1", "\x3c",
			"\4") "\300\0\2\1" OWNER RECORD("\1", "\x05", "\4") "\300\0\2\2"),
		DNS_A, RESOLVER_PACKET_ANSWER, "a.example A 192.0.2.1, 192.0.2.2", 5},
	{"negative: the lesser of TTL and MINIMUM",
		BYTES(HEAD("\x83", "\0", "\1", "\0") QUESTION("\1") SOA), DNS_A,
		RESOLVER_PACKET_ANSWER, "a.example A: NXDOMAIN", 50},
	{"no data", BYTES(HEAD("\x80", "\0", "\1", "\0") QUESTION("\1") SOA), DNS_A,
		RESOLVER_PACKET_ANSWER, "a.example A: no such record", 50},
	{"no data, no SOA", BYTES(HEAD("\x80", "\0", "\0", "\0") QUESTION("\1")), DNS_A,
		RESOLVER_PACKET_ANSWER, "a.example A: no such record", 0},
	{"no data, of a server that has the zone",
		BYTES("\x12\x34\x85\x00\0\1\0\0\0\0\0\0" QUESTION("\1")), DNS_A,
		RESOLVER_PACKET_ANSWER, "a.example A: no such record", 0},
	{"nothing, of a server that neither has the zone nor recurses",
		BYTES(HEAD("\x00", "\0", "\0", "\0") QUESTION("\1")), DNS_A, RESOLVER_PACKET_EMPTY,
		"a.example A: no such record", 0},
	{"NXDOMAIN, of such a server", BYTES(HEAD("\x03", "\0", "\1", "\0") QUESTION("\1") SOA),
		DNS_A, RESOLVER_PACKET_ANSWER, "a.example A: NXDOMAIN", 50},
	{"a record of another class does not count",
		BYTES(HEAD("\x80", "\1", "\0", "\0") QUESTION("\1") OWNER
			"\0\1\0\3\0\0\0\x3c\0\4\300\0\2\1"),
		DNS_A, RESOLVER_PACKET_ANSWER, "a.example A: no such record", 0},
	{"an alias without its target",
		BYTES(HEAD("\x80", "\1", "\0", "\0") QUESTION("\1")
				OWNER RECORD("\5", "\x3c", "\3") "\1b\0"),
		DNS_A, RESOLVER_PACKET_ALIAS, "b", 60},
	{"an alias to the root",
		BYTES(HEAD("\x80", "\1", "\0", "\0") QUESTION("\1")
				OWNER RECORD("\5", "\x3c", "\1") "\0"),
		DNS_A, RESOLVER_PACKET_ANSWER, "a.example A: no such record", 0},
	{"too short", BYTES("\x12\x34\x81\x80"), DNS_A, RESOLVER_PACKET_FOREIGN, NULL, 0},
	{"nothing", BYTES(""), DNS_A, RESOLVER_PACKET_FOREIGN, NULL, 0},
	{"another id", BYTES("\x12\x35\x81\x80\0\1\0\0\0\0\0\0" QUESTION("\1")), DNS_A,
		RESOLVER_PACKET_FOREIGN, NULL, 0},
	{"a query", BYTES("\x12\x34\x01\x80\0\1\0\0\0\0\0\0" QUESTION("\1")), DNS_A,
		RESOLVER_PACKET_FOREIGN, NULL, 0},
	{"another operation", BYTES("\x12\x34\xa9\x80\0\1\0\0\0\0\0\0" QUESTION("\1")), DNS_A,
		RESOLVER_PACKET_FOREIGN, NULL, 0},
	{"another type", BYTES(HEAD("\x80", "\0", "\0", "\0") QUESTION("\2")), DNS_A,
		RESOLVER_PACKET_FOREIGN, NULL, 0},
	{"another name", BYTES(HEAD("\x80", "\0", "\0", "\0") "\1b\7example\0\0\1\0\1"), DNS_A,
		RESOLVER_PACKET_FOREIGN, NULL, 0},
	{"a longer name", BYTES(HEAD("\x80", "\0", "\0", "\0") NAME "\1x\0\0\1\0\1"), DNS_A,
		RESOLVER_PACKET_FOREIGN, NULL, 0},
	{"no question", BYTES("\x12\x34\x81\x80\0\0\0\0\0\0\0\0"), DNS_A, RESOLVER_PACKET_FOREIGN,
		NULL, 0},
	{"two questions", BYTES("\x12\x34\x81\x80\0\2\0\0\0\0\0\0" QUESTION("\1") QUESTION("\1")),
		DNS_A, RESOLVER_PACKET_FOREIGN, NULL, 0},
	{"the question is cut", BYTES(HEAD("\x80", "\0", "\0", "\0") NAME "\0\0\1"), DNS_A,
		RESOLVER_PACKET_FOREIGN, NULL, 0},
	{"the question is a loop", BYTES(HEAD("\x80", "\0", "\0", "\0") OWNER "\0\1\0\1"), DNS_A,
		RESOLVER_PACKET_FOREIGN, NULL, 0},
	{"truncated", BYTES("\x12\x34\x83\x80\0\1\0\0\0\0\0\0" QUESTION("\1")), DNS_A,
		RESOLVER_PACKET_TRUNCATED, NULL, 0},
	{"SERVFAIL", BYTES(HEAD("\x82", "\0", "\0", "\0") QUESTION("\1")), DNS_A,
		RESOLVER_PACKET_REFUSED, NULL, 0},
	{"REFUSED", BYTES(HEAD("\x85", "\0", "\0", "\0") QUESTION("\1")), DNS_A,
		RESOLVER_PACKET_REFUSED, NULL, 0},
	{"FORMERR", BYTES(HEAD("\x81", "\0", "\0", "\0") QUESTION("\1")), DNS_A,
		RESOLVER_PACKET_NO_EDNS, NULL, 0},
	{"FORMERR without question", BYTES("\x12\x34\x80\1\0\0\0\0\0\0\0\0"), DNS_A,
		RESOLVER_PACKET_NO_EDNS, NULL, 0},
	{"BADVERS",
		BYTES(HEAD("\x80", "\0", "\0", "\1") QUESTION("\1") "\0\0\x29\4\xd0\1\0\0\0\0\0"),
		DNS_A, RESOLVER_PACKET_NO_EDNS, NULL, 0},
	{"a record is missing", BYTES(HEAD("\x80", "\1", "\0", "\0") QUESTION("\1")), DNS_A,
		RESOLVER_PACKET_BROKEN, NULL, 0},
	{"a record is cut",
		BYTES(HEAD("\x80", "\1", "\0", "\0") QUESTION("\1")
				OWNER RECORD("\1", "\x3c", "\4") "\300\0\2"),
		DNS_A, RESOLVER_PACKET_BROKEN, NULL, 0},
	{"an address of three octets",
		BYTES(HEAD("\x80", "\1", "\0", "\0") QUESTION("\1")
				OWNER RECORD("\1", "\x3c", "\3") "\300\0\2"),
		DNS_A, RESOLVER_PACKET_BROKEN, NULL, 0},
	{"a pointer to itself",
		BYTES(HEAD("\x80", "\1", "\0", "\0")
				QUESTION("\1") "\xc0\x1b" RECORD("\1", "\x3c", "\4") "\300\0\2\1"),
		DNS_A, RESOLVER_PACKET_BROKEN, NULL, 0},
	{"a pointer into the header",
		BYTES(HEAD("\x80", "\1", "\0", "\0")
				QUESTION("\1") "\xc0\x04" RECORD("\1", "\x3c", "\4") "\300\0\2\1"),
		DNS_A, RESOLVER_PACKET_BROKEN, NULL, 0},
	{"a host name that ends behind its record",
		BYTES(HEAD("\x80", "\1", "\0", "\0") QUESTION("\x0c")
				OWNER RECORD("\x0c", "\x3c", "\2") "\1b\0"),
		DNS_PTR, RESOLVER_PACKET_BROKEN, NULL, 0},
	{"a host name that ends within its record",
		BYTES(HEAD("\x80", "\1", "\0", "\0") QUESTION("\x0c")
				OWNER RECORD("\x0c", "\x3c", "\4") "\1b\0\0"),
		DNS_PTR, RESOLVER_PACKET_BROKEN, NULL, 0},
	{"a text of no strings",
		BYTES(HEAD("\x80", "\1", "\0", "\0") QUESTION("\x10")
				OWNER RECORD("\x10", "\x3c", "\0")),
		DNS_TXT, RESOLVER_PACKET_BROKEN, NULL, 0},
	{"a string longer than its record",
		BYTES(HEAD("\x80", "\1", "\0", "\0") QUESTION("\x10")
				OWNER RECORD("\x10", "\x3c", "\2") "\2a"),
		DNS_TXT, RESOLVER_PACKET_BROKEN, NULL, 0},
	{"an empty string",
		BYTES(HEAD("\x80", "\1", "\0", "\0") QUESTION("\x10")
				OWNER RECORD("\x10", "\x3c", "\1") "\0"),
		DNS_TXT, RESOLVER_PACKET_ANSWER, "a.example TXT \"\"", 60},
	{"a mail host of two octets",
		BYTES(HEAD("\x80", "\1", "\0", "\0") QUESTION("\x0f")
				OWNER RECORD("\x0f", "\x3c", "\2") "\0\0"),
		DNS_MX, RESOLVER_PACKET_BROKEN, NULL, 0},
};

static struct resolver_packet_query query_for(enum dns_type type)
{
	return (struct resolver_packet_query){
		.id = 0x1234,
		.name = "a.example",
		.type = type,
		.edns = true,
		.asked = "a.example",
		.alias_ttl = UINT32_MAX,
	};
}

static void check(const struct row *row, const struct resolver_packet_reply *reply)
{
	const struct dns_answer *answer = reply->answer;
	char line[300];

	if (row->result == RESOLVER_PACKET_ALIAS) {
		assert_string_equal(reply->alias, row->want);
		assert_int_equal(reply->alias_ttl, row->ttl);
	}
	if ((answer != NULL) !=
		(row->result == RESOLVER_PACKET_ANSWER || row->result == RESOLVER_PACKET_EMPTY))
		fail_msg("%s: answer or not?", row->name);
	if (answer == NULL)
		return;
	dns_answer_format(answer, line, sizeof(line));
	if (strcmp(line, row->want) != 0 || answer->ttl != row->ttl)
		fail_msg("%s: \"%s\", TTL %u", row->name, line, answer->ttl);
	dns_answer_release(&answer);
}

static void test_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct resolver_packet_query query = query_for(rows[i].type);
		struct resolver_packet_reply reply;
		enum resolver_packet_result result =
			resolver_packet_read(rows[i].packet, rows[i].length, &query, &reply);

		if (result != rows[i].result)
			fail_msg("%s: %d instead of %d", rows[i].name, result, rows[i].result);
		check(&rows[i], &reply);
	}
}

/* Cut anywhere, no packet is taken for an answer, nor read behind its end. */
static void test_every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct resolver_packet_query query = query_for(rows[i].type);

		if (rows[i].result != RESOLVER_PACKET_ANSWER)
			continue;
		for (size_t length = 0; length < rows[i].length; length++) {
			struct resolver_packet_reply reply;
			enum resolver_packet_result result =
				resolver_packet_read(rows[i].packet, length, &query, &reply);

			assert_true(result == RESOLVER_PACKET_FOREIGN ||
				    result == RESOLVER_PACKET_BROKEN);
			assert_null(reply.answer);
		}
	}
}

/* A second FORMERR, to a query without EDNS0, is final. */
static void test_without_edns(void **state)
{
	static const char packet[] = HEAD("\x81", "\0", "\0", "\0") QUESTION("\1");
	struct resolver_packet_query query = query_for(DNS_A);
	struct resolver_packet_reply reply;

	(void)state;
	query.edns = false;
	assert_int_equal(
		resolver_packet_read((const uint8_t *)packet, sizeof(packet) - 1, &query, &reply),
		RESOLVER_PACKET_REFUSED);
}

static void test_aliases_are_counted_over_replies(void **state)
{
	static const char packet[] = HEAD("\x80", "\1", "\0", "\0") QUESTION("\1")
		OWNER RECORD("\5", "\x3c", "\3") "\1b\0";
	struct resolver_packet_query query = query_for(DNS_A);
	struct resolver_packet_reply reply;

	(void)state;
	query.aliases = RESOLVER_PACKET_MAX_ALIASES - 1;
	query.alias_ttl = 7;
	assert_int_equal(
		resolver_packet_read((const uint8_t *)packet, sizeof(packet) - 1, &query, &reply),
		RESOLVER_PACKET_ALIAS);
	assert_int_equal(reply.aliases, RESOLVER_PACKET_MAX_ALIASES);
	assert_int_equal(reply.alias_ttl, 7);
	query.aliases = RESOLVER_PACKET_MAX_ALIASES;
	assert_int_equal(
		resolver_packet_read((const uint8_t *)packet, sizeof(packet) - 1, &query, &reply),
		RESOLVER_PACKET_BROKEN);
}

static void test_write(void **state)
{
	static const char plain[] = "\x12\x34\1\x20\0\1\0\0\0\0\0\0" QUESTION("\1");
	static const char edns[] =
		"\x12\x34\1\x20\0\1\0\0\0\0\0\1" QUESTION("\1") "\0\0\x29\4\xd0\0\0\0\0\0\0";
	struct resolver_packet_query query = query_for(DNS_A);
	uint8_t packet[RESOLVER_PACKET_QUERY_MAX];
	uint16_t id;

	(void)state;
	assert_int_equal(resolver_packet_write(&query, packet), sizeof(edns) - 1);
	assert_memory_equal(packet, edns, sizeof(edns) - 1);
	assert_false(resolver_packet_id(packet, sizeof(edns) - 1, &id)); /* no reply */
	query.edns = false;
	assert_int_equal(resolver_packet_write(&query, packet), sizeof(plain) - 1);
	assert_memory_equal(packet, plain, sizeof(plain) - 1);
	query.name = "a..b";
	assert_int_equal(resolver_packet_write(&query, packet), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_without_edns),
		cmocka_unit_test(test_aliases_are_counted_over_replies),
		cmocka_unit_test(test_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
