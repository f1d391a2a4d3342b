/* SPDX-License-Identifier: BSD-2-Clause */
#include "resolver_packet.h"

#include <ldns/ldns.h>
#include <string.h>

#include "mem.h"
#include "resolver_wire.h"

enum {
	HEADER = RESOLVER_WIRE_HEADER,
	RECORDS_READ = 1024, /* of one answer; MX are sorted before the rest is cut */
	TYPE_OPT = LDNS_RR_TYPE_OPT
};

struct reading {
	const uint8_t *packet;
	size_t length;
	const struct resolver_packet_query *query;
	struct resolver_wire_record *answers; /* of the type asked for, and CNAMEs */
	size_t answer_count, answer_room;
	struct resolver_wire_record soa; /* type 0: none */
	bool referral; /* NS records in the authority section */
	unsigned extended_code; /* upper bits of the RCODE, from OPT */
};

bool resolver_packet_id(const uint8_t *packet, size_t length, uint16_t *id_r)
{
	*id_r = 0;
	if (length < HEADER || LDNS_QR_WIRE(packet) == 0)
		return false;
	*id_r = ldns_read_uint16(packet);
	return true;
}

size_t resolver_packet_write(
	const struct resolver_packet_query *query, uint8_t packet_r[RESOLVER_PACKET_QUERY_MAX])
{
	size_t at = HEADER;
	size_t name = dns_name_to_wire(query->name, packet_r + HEADER);

	if (name == 0)
		return 0;
	memset(packet_r, 0, HEADER);
	ldns_write_uint16(packet_r, query->id);
	LDNS_RD_SET(packet_r);
	LDNS_AD_SET(packet_r); /* we understand AD, RFC 6840 5.7 */
	ldns_write_uint16(packet_r + LDNS_QDCOUNT_OFF, 1);
	at += name;
	ldns_write_uint16(packet_r + at, (uint16_t)query->type);
	ldns_write_uint16(packet_r + at + 2, LDNS_RR_CLASS_IN);
	at += 4;
	if (!query->edns)
		return at;
	ldns_write_uint16(packet_r + LDNS_ARCOUNT_OFF, 1);
	memset(packet_r + at, 0, 11);
	ldns_write_uint16(packet_r + at + 1, TYPE_OPT);
	ldns_write_uint16(packet_r + at + 3, RESOLVER_PACKET_UDP_SIZE);
	return at + 11;
}

static void keep_record(struct reading *reading, const struct resolver_wire_record *record,
	ldns_pkt_section section)
{
	if (section == LDNS_SECTION_ADDITIONAL) {
		if (record->type == TYPE_OPT)
			reading->extended_code = record->ttl >> 24;
		return;
	}
	if (section == LDNS_SECTION_AUTHORITY) {
		if (record->type == LDNS_RR_TYPE_SOA && reading->soa.type == 0)
			reading->soa = *record;
		if (record->type == LDNS_RR_TYPE_NS)
			reading->referral = true;
		return;
	}
	if (reading->answer_count == reading->answer_room)
		return;
	if (record->type == LDNS_RR_TYPE_CNAME || record->type == (uint16_t)reading->query->type)
		reading->answers[reading->answer_count++] = *record;
}

/* Checks the record at *AT and moves behind it. */
static bool read_record(struct reading *reading, size_t *at, ldns_pkt_section section)
{
	struct resolver_wire_record record;

	if (!resolver_wire_read(reading->packet, reading->length, at, &record))
		return false;
	if (record.type != TYPE_OPT && record.class != LDNS_RR_CLASS_IN)
		return true;
	if (!resolver_wire_check_data(reading->packet, &record))
		return false;
	if (record.type != TYPE_OPT && record.ttl > INT32_MAX)
		record.ttl = 0; /* RFC 2181 8 */
	keep_record(reading, &record, section);
	return true;
}

static bool read_sections(struct reading *reading, size_t at)
{
	const uint8_t *packet = reading->packet;
	const struct {
		ldns_pkt_section section;
		unsigned count;
	} sections[] = {
		{LDNS_SECTION_ANSWER, LDNS_ANCOUNT(packet)},
		{LDNS_SECTION_AUTHORITY, LDNS_NSCOUNT(packet)},
		{LDNS_SECTION_ADDITIONAL, LDNS_ARCOUNT(packet)},
	};

	for (size_t i = 0; i < ARRAY_COUNT(sections); i++)
		for (unsigned left = sections[i].count; left > 0; left--)
			if (!read_record(reading, &at, sections[i].section))
				return false;
	return true;
}

static ldns_rr *decode(const struct reading *reading, const struct resolver_wire_record *record)
{
	ldns_rr *rr = NULL;
	size_t at = record->at;

	if (ldns_wire2rr(&rr, reading->packet, reading->length, &at, LDNS_SECTION_ANSWER) !=
		LDNS_STATUS_OK)
		return NULL;
	return rr;
}

static bool name_of(const ldns_rdf *field, char canonical_r[DNS_NAME_SIZE])
{
	return field != NULL && ldns_rdf_get_type(field) == LDNS_RDF_TYPE_DNAME &&
	       dns_name_from_wire(ldns_rdf_data(field), ldns_rdf_size(field), canonical_r);
}

static bool set_address(struct dns_record *record, const ldns_rdf *field, enum ip_family family)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	size_t size = family == IP_V4 ? 4 : 16;
	const uint8_t *bytes;

	if (field == NULL || ldns_rdf_size(field) != size)
		return false;
	bytes = ldns_rdf_data(field);
	if (family == IP_V6 && memcmp(bytes, mapped, sizeof(mapped)) == 0) {
		family = IP_V4;
		bytes += sizeof(mapped);
		size = 4;
	}
	record->address.family = family;
	memcpy(record->address.bytes, bytes, size);
	return true;
}

static void set_text(struct dns_record *record, const ldns_rr *rr)
{
	size_t length = 0;

	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++)
		length += ldns_rdf_size(ldns_rr_rdf(rr, i));
	record->text = mem_alloc(length + 1);
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const uint8_t *string = ldns_rdf_data(ldns_rr_rdf(rr, i));

		if (ldns_rdf_size(ldns_rr_rdf(rr, i)) == 0)
			continue;
		memcpy(record->text + record->text_length, string + 1, string[0]);
		record->text_length += string[0];
	}
}

static bool fill_record(struct dns_record *record, const ldns_rr *rr, enum dns_type type)
{
	const ldns_rdf *first = ldns_rr_rdf(rr, 0);
	char name[DNS_NAME_SIZE];

	switch (type) {
	case DNS_A:
		return set_address(record, first, IP_V4);
	case DNS_AAAA:
		return set_address(record, first, IP_V6);
	case DNS_MX:
		if (first == NULL || !name_of(ldns_rr_rdf(rr, 1), name))
			return false;
		record->preference = ldns_rdf2native_int16(first);
		record->host = mem_text(name);
		return true;
	case DNS_PTR:
		if (!name_of(first, name))
			return false;
		record->host = mem_text(name);
		return true;
	case DNS_TXT:
		set_text(record, rr);
		return true;
	}
	return false;
}

/* The target of the CNAME at NAME; false when there is none. */
static bool find_alias(const struct reading *reading, const uint8_t *name,
	char target_r[DNS_NAME_SIZE], uint32_t *ttl_r)
{
	for (size_t i = 0; i < reading->answer_count; i++) {
		const struct resolver_wire_record *record = &reading->answers[i];
		ldns_rr *rr;
		bool found;

		if (record->type != LDNS_RR_TYPE_CNAME ||
			!resolver_wire_is_name(reading->packet, record->at, name))
			continue;
		rr = decode(reading, record);
		found = rr != NULL && name_of(ldns_rr_rdf(rr, 0), target_r);
		ldns_rr_free(rr);
		*ttl_r = record->ttl;
		return found;
	}
	return false;
}

static void free_records(struct dns_record *records, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		mem_free(records[i].host);
		mem_free(records[i].text);
	}
	mem_free(records);
}

/* The records of NAME. False when one of them cannot be read. */
static bool take_records(const struct reading *reading, const uint8_t *name,
	struct dns_record **records_r, size_t *count_r, uint32_t *ttl)
{
	struct dns_record *records = NULL;
	size_t count = 0;

	for (size_t i = 0; i < reading->answer_count && count < RECORDS_READ; i++) {
		const struct resolver_wire_record *record = &reading->answers[i];
		bool filled;
		ldns_rr *rr;

		if (record->type != (uint16_t)reading->query->type ||
			!resolver_wire_is_name(reading->packet, record->at, name))
			continue;
		if (records == NULL)
			records = mem_array(reading->answer_count - i, sizeof(*records));
		rr = decode(reading, record);
		filled = rr != NULL && fill_record(&records[count], rr, reading->query->type);
		ldns_rr_free(rr);
		if (!filled) {
			free_records(records, count + 1);
			return false;
		}
		if (record->ttl < *ttl)
			*ttl = record->ttl;
		count++;
	}
	*records_r = records;
	*count_r = count;
	return true;
}

/* RFC 2308 5: the lesser of the SOA's own TTL and its MINIMUM; without SOA not to be kept. */
static uint32_t negative_ttl(const struct reading *reading)
{
	const struct resolver_wire_record *soa = &reading->soa;
	uint32_t minimum;

	if (soa->type == 0)
		return 0;
	minimum = ldns_read_uint32(reading->packet + soa->data_at + soa->data_length - 4);
	return minimum < soa->ttl ? minimum : soa->ttl;
}

static enum resolver_packet_result give_answer(const struct reading *reading,
	struct resolver_packet_reply *reply, struct dns_record *records, size_t count)
{
	enum dns_status status = DNS_OK;
	uint32_t ttl = reply->alias_ttl;

	if (count == 0) {
		uint32_t negative = negative_ttl(reading);

		status = LDNS_RCODE_WIRE(reading->packet) == LDNS_RCODE_NXDOMAIN ? DNS_NXDOMAIN
										 : DNS_NODATA;
		if (negative < ttl)
			ttl = negative;
	}
	reply->answer = dns_answer_create(
		reading->query->asked, reading->query->type, status, ttl, records, count);
	reply->answer->authentic = LDNS_AD_WIRE(reading->packet) != 0;
	reply->answer->aliases = reply->aliases;
	return RESOLVER_PACKET_ANSWER;
}

/* Follows the CNAMEs from the name that was asked for to its records, whatever their order. */
static enum resolver_packet_result follow(
	const struct reading *reading, struct resolver_packet_reply *reply)
{
	const uint8_t *packet = reading->packet;
	uint8_t name[DNS_NAME_WIRE];
	struct dns_record *records = NULL;
	size_t count = 0;
	uint32_t ttl = 0;
	bool moved = false;

	if (dns_name_to_wire(reading->query->name, name) == 0)
		return RESOLVER_PACKET_BROKEN;
	for (;;) {
		if (!take_records(reading, name, &records, &count, &reply->alias_ttl))
			return RESOLVER_PACKET_BROKEN;
		if (count > 0)
			return give_answer(reading, reply, records, count);
		if (!find_alias(reading, name, reply->alias, &ttl))
			break;
		if (++reply->aliases > RESOLVER_PACKET_MAX_ALIASES ||
			dns_name_to_wire(reply->alias, name) == 0)
			return RESOLVER_PACKET_BROKEN;
		if (ttl < reply->alias_ttl)
			reply->alias_ttl = ttl;
		moved = true;
	}
	if (LDNS_RCODE_WIRE(packet) == LDNS_RCODE_NXDOMAIN || reading->soa.type != 0)
		return give_answer(reading, reply, NULL, 0);
	if (moved && reply->alias[0] != '\0') /* the root is no host: nothing to ask for */
		return RESOLVER_PACKET_ALIAS;
	if (LDNS_RA_WIRE(packet) || LDNS_AA_WIRE(packet))
		return give_answer(reading, reply, NULL, 0);
	/* A server that does not recurse for us, or hides that it does. */
	if (reading->referral)
		return RESOLVER_PACKET_REFUSED;
	(void)give_answer(reading, reply, NULL, 0);
	return RESOLVER_PACKET_EMPTY;
}

/* The question section repeats our question; *END_R is behind it. */
static bool is_our_question(const uint8_t *packet, size_t length,
	const struct resolver_packet_query *query, size_t *end_r)
{
	uint8_t name[DNS_NAME_WIRE];
	size_t at;

	*end_r = HEADER;
	if (LDNS_QDCOUNT(packet) == 0) /* a server that did not understand the query may omit it */
		return LDNS_RCODE_WIRE(packet) == LDNS_RCODE_FORMERR ||
		       LDNS_RCODE_WIRE(packet) == LDNS_RCODE_NOTIMPL;
	if (LDNS_QDCOUNT(packet) != 1 || dns_name_to_wire(query->name, name) == 0)
		return false;
	at = resolver_wire_name_end(packet, length, HEADER);
	if (at == 0 || length - at < 4 || !resolver_wire_is_name(packet, HEADER, name))
		return false;
	*end_r = at + 4;
	return ldns_read_uint16(packet + at) == (uint16_t)query->type &&
	       ldns_read_uint16(packet + at + 2) == LDNS_RR_CLASS_IN;
}

static enum resolver_packet_result judge_code(const struct reading *reading)
{
	unsigned code = LDNS_RCODE_WIRE(reading->packet) | reading->extended_code << 4;

	switch (code) {
	case LDNS_RCODE_NOERROR:
	case LDNS_RCODE_NXDOMAIN:
		return RESOLVER_PACKET_ANSWER;
	case LDNS_RCODE_FORMERR:
	case LDNS_RCODE_NOTIMPL:
	case 16: /* BADVERS */
		return reading->query->edns ? RESOLVER_PACKET_NO_EDNS : RESOLVER_PACKET_REFUSED;
	default:
		return RESOLVER_PACKET_REFUSED;
	}
}

enum resolver_packet_result resolver_packet_read(const uint8_t *packet, size_t length,
	const struct resolver_packet_query *query, struct resolver_packet_reply *reply_r)
{
	struct reading reading = {.packet = packet, .length = length, .query = query};
	enum resolver_packet_result result = RESOLVER_PACKET_BROKEN;
	uint16_t id;
	size_t at;

	reply_r->answer = NULL;
	reply_r->alias[0] = '\0';
	reply_r->aliases = query->aliases;
	reply_r->alias_ttl = query->alias_ttl;
	if (!resolver_packet_id(packet, length, &id) || id != query->id ||
		LDNS_OPCODE_WIRE(packet) != LDNS_PACKET_QUERY ||
		!is_our_question(packet, length, query, &at))
		return RESOLVER_PACKET_FOREIGN;
	if (LDNS_TC_WIRE(packet))
		return RESOLVER_PACKET_TRUNCATED;
	reading.answer_room = LDNS_ANCOUNT(packet);
	if (reading.answer_room > RECORDS_READ + RESOLVER_PACKET_MAX_ALIASES)
		reading.answer_room = RECORDS_READ + RESOLVER_PACKET_MAX_ALIASES;
	reading.answers = mem_array(reading.answer_room, sizeof(*reading.answers));
	if (read_sections(&reading, at))
		result = judge_code(&reading);
	if (result == RESOLVER_PACKET_ANSWER)
		result = follow(&reading, reply_r);
	mem_free(reading.answers);
	return result;
}
