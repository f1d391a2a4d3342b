/* SPDX-License-Identifier: BSD-2-Clause */
/* A reply of the DNS. The first byte chooses the type asked for and the form of the rest: a whole
 * packet, or a header and what follows our question, so that the fuzzer need not guess id and
 * question. */
#include "dns_name.h"
#include "fuzz.h"
#include "resolver_packet.h"

enum { HEADER = 12, WHOLE = 0x80, PLAIN = 0x40, TYPES = 0x0f };

static void check_name(const char *name)
{
	char canonical[DNS_NAME_SIZE];
	uint8_t wire[DNS_NAME_WIRE];
	size_t length = dns_name_to_wire(name, wire);

	MUST_HOLD(length > 0 && dns_name_from_wire(wire, length, canonical));
	MUST_HOLD(strcmp(canonical, name) == 0);
	MUST_HOLD(*name == '\0' ||
		  (dns_name_canonical(name, canonical) && strcmp(canonical, name) == 0));
}

static void check_answer(const struct dns_answer *answer)
{
	char line[600];

	MUST_HOLD((answer->status == DNS_OK) == (answer->count > 0));
	MUST_HOLD(answer->count <= 256 && answer->ttl <= INT32_MAX);
	MUST_HOLD(answer->status == DNS_OK || answer->status == DNS_NODATA ||
		  answer->status == DNS_NXDOMAIN);
	for (size_t i = 0; i < answer->count; i++) {
		const struct dns_record *record = &answer->records[i];

		if (record->host != NULL)
			check_name(record->host);
		if (answer->type == DNS_MX && i > 0)
			MUST_HOLD(record[-1].preference <= record->preference);
		if (answer->type == DNS_TXT)
			MUST_HOLD(
				record->text != NULL && record->text[record->text_length] == '\0');
	}
	for (const char *at = dns_answer_format(answer, line, sizeof(line)); *at != '\0'; at++)
		MUST_HOLD(*at >= 0x20 && *at < 0x7f);
}

static size_t build(const struct resolver_packet_query *query, const uint8_t *data, size_t size,
	uint8_t *packet)
{
	size_t start = resolver_packet_write(query, packet);

	MUST_HOLD(start > HEADER);
	if (size < HEADER)
		return start;
	memcpy(packet + 2, data + 2, HEADER - 2);
	packet[2] = (uint8_t)(0x80 | (data[2] & 0x07)); /* a reply to a standard query */
	packet[4] = 0;
	packet[5] = 1;
	memcpy(packet + start, data + HEADER, size - HEADER);
	return start + size - HEADER;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum dns_type types[] = {DNS_A, DNS_AAAA, DNS_MX, DNS_PTR, DNS_TXT};
	struct resolver_packet_query query = {
		.id = 0x1234, .name = "a.example", .asked = "a.example", .alias_ttl = UINT32_MAX};
	struct resolver_packet_reply reply;
	uint8_t *packet;
	size_t length;

	if (size == 0 || size > 66000)
		return 0;
	query.type = types[(data[0] & TYPES) % ARRAY_COUNT(types)];
	query.edns = false;
	packet = malloc(size + RESOLVER_PACKET_QUERY_MAX);
	MUST_HOLD(packet != NULL);
	if ((data[0] & WHOLE) != 0) {
		length = size - 1;
		memcpy(packet, data + 1, length);
	} else {
		length = build(&query, data + 1, size - 1, packet);
	}
	packet = realloc(packet, length > 0 ? length : 1); /* so that reading too far shows */
	MUST_HOLD(packet != NULL);
	query.edns = (data[0] & PLAIN) == 0;
	switch (resolver_packet_read(packet, length, &query, &reply)) {
	case RESOLVER_PACKET_ANSWER:
	case RESOLVER_PACKET_EMPTY:
		MUST_HOLD(reply.answer != NULL && strcmp(reply.answer->name, query.asked) == 0);
		check_answer(reply.answer);
		dns_answer_release(&(const struct dns_answer *){reply.answer});
		break;
	case RESOLVER_PACKET_ALIAS:
		MUST_HOLD(reply.answer == NULL && reply.alias[0] != '\0');
		MUST_HOLD(reply.aliases > 0 && reply.aliases <= RESOLVER_PACKET_MAX_ALIASES);
		check_name(reply.alias);
		break;
	default:
		MUST_HOLD(reply.answer == NULL);
	}
	free(packet);
	return 0;
}
