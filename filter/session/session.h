/* SPDX-License-Identifier: BSD-2-Clause */
/* The facts of an SMTP session: what the dialogue and the MTA's macros have said so far, what checks
 * have found, and what shall be changed in the message. Policies read facts; only the chain and the
 * milter door write them. A session belongs to one thread at a time, so it needs no lock. */
#ifndef MAILREEVE_SESSION_H
#define MAILREEVE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "header_section.h"
#include "inquiry.h"
#include "iprev.h"
#include "mailhosts.h"
#include "path.h"
#include "site.h"
#include "spf.h"
#include "stage.h"
#include "store.h"
#include "verdict.h"

enum { SESSION_ID_SIZE = 14, WIRE_TEXT_SIZE = 512, MACRO_SIZE = 256, EVIDENCE_SIZE = 400 };
enum { FINGERPRINT_SIZE = 200 }; /* SHA-512 in hex with colons */

/* Shared by all sessions; borrowed. */
struct services {
	struct resolver *resolver;
	struct store *store; /* what all hosts share */
	struct store *local; /* always memory: the window for when the store is down */
	struct limit_raises *raises; /* limits set at run time; NULL: none can be */
	struct notifier *notifier; /* tells the administrator; NULL: nobody does */
};

/* Why identity checks are skipped; each policy says which of them count for it. */
enum exemption {
	EXEMPT_TRUSTED = 1, /* client in trusted_networks */
	EXEMPT_AUTHENTICATED = 2,
	EXEMPT_CERTIFIED = 4, /* verified TLS client certificate in trusted_certificates */
	EXEMPT_ALLOWED = 8, /* matched the allow list */
	EXEMPT_FORWARDER = 16, /* client in forwarders */
	EXEMPT_MAY_RELAY = EXEMPT_TRUSTED | EXEMPT_AUTHENTICATED | EXEMPT_CERTIFIED,
	EXEMPT_ALL = 31
};

struct check;
struct dmarc_outcome;
struct conf;
struct policy;

/* What a check found. */
struct finding {
	const struct policy *policy;
	const struct check *check;
	const char *title; /* of a titled section (limit "per-sender"), or NULL; borrowed */
	enum stage stage;
	enum result result;
	enum action action; /* what is done about it now; ACTION_OFF where nothing is */
	enum action would; /* what would be done without mode = monitor */
	bool beyond; /* explain: the answer was settled before, so a session would not get here */
	bool told; /* a record of a decision says it */
	/* Of a limit, where they are known; most 0: not. */
	int64_t used, most, window_ms;
	char evidence[EVIDENCE_SIZE]; /* printable, one line */
	char reply[EVIDENCE_SIZE]; /* instead of evidence, for the client; "" to use evidence */
};

struct findings {
	struct finding **items; /* owned */
	size_t count;
	size_t counted; /* of them, by stats.h */
};

/* Changes of the message, applied by the door at end of message in this order. */
enum edit_kind { EDIT_INSERT_FIELD, EDIT_CHANGE_FIELD, EDIT_DELETE_FIELD, EDIT_QUARANTINE };
struct edit {
	enum edit_kind kind;
	char *name; /* field name; reason for quarantine; owned */
	char *value; /* owned */
	unsigned
		index; /* insert: 0 is above all, more than there are is below all; change, delete: the
			 * how-manieth of that name, from 1 */
};

struct recipient {
	char raw[WIRE_TEXT_SIZE]; /* argument of RCPT as handed over; cut when longer */
	bool cut;
	enum path_error error;
	struct path path;
	char mta_address[MACRO_SIZE]; /* {rcpt_addr}; "" where absent, as all macros */
	char mta_mailer[MACRO_SIZE], mta_host[MACRO_SIZE];
};

struct transaction {
	bool open; /* MAIL was seen and the transaction has not ended */
	char raw[WIRE_TEXT_SIZE]; /* argument of MAIL */
	bool cut;
	enum path_error error;
	struct path reverse_path;
	bool smtputf8;
	bool declared_8bit; /* BODY=8BITMIME or BINARYMIME, or SMTPUTF8 */
	int64_t declared_size; /* SIZE=, -1 without */
	char mta_address[MACRO_SIZE]; /* {mail_addr} */
	char mta_host[MACRO_SIZE]; /* {mail_host} */
	char queue_id[64]; /* {i}: on Postfix known late */
	unsigned recipients_seen, recipients_accepted;
	bool reserved_only; /* all accepted ones are postmaster or abuse of local domains */
	bool would_refuse; /* one of those accepted would not be, were nothing only monitored */
	bool answered; /* the end of the message was reached */
	/* The header section so far, for policies with reads_header; NULL before it, and where no
	 * policy reads it. */
	struct header_section *header;
	struct edit *edits; /* owned */
	size_t edit_count;
	struct inquiry *mailhosts, *spf; /* see the accessors below */
	struct inquiry *dmarc; /* of the domain of From; see author.h */
	struct dmarc_outcome *dmarc_outcome; /* owned; NULL: nobody asked */
};

struct session {
	char id[SESSION_ID_SIZE]; /* ours, for the log */
	const struct site *site;
	const struct services *services;
	const struct conf *conf; /* that it is judged by, for records; NULL: none */
	bool dry_run; /* explain: nothing is charged or kept */
	bool beyond; /* explain: what is found now, a session would not get to */
	bool keep_all; /* explain: findings that nothing is done about are kept too, with evidence */

	/* Connection. */
	struct ipaddr client; /* family IP_NONE for a local socket or an unknown family */
	unsigned client_port;
	char mta_client_name[DOMAIN_SIZE]; /* as the MTA says; never trusted */
	char daemon_name[MACRO_SIZE]; /* {daemon_name} */
	char mta_name[MACRO_SIZE]; /* {j} */
	char tls_version[32], tls_subject[MACRO_SIZE]; /* subject only when verified */
	char tls_name[MACRO_SIZE]; /* the same, its CN, as Sendmail gives it */
	char tls_fingerprint[FINGERPRINT_SIZE]; /* of any certificate, as Sendmail writes it */
	char auth_user[MACRO_SIZE]; /* {auth_authen}; "" when not authenticated */
	unsigned
		exemptions; /* enum exemption, ored; EXEMPT_ALLOWED is set by lists as they match */
	/* Those that may hold, were the client's names known: nobody is refused for good by what
	 * they would skip. */
	unsigned exemptions_unknown;
	char exemption_evidence[EVIDENCE_SIZE]; /* which list entry, for the log */
	unsigned messages; /* transactions so far */
	struct inquiry *iprev;

	/* Greeting. */
	bool greeted;
	char helo_raw[WIRE_TEXT_SIZE];
	char helo[DOMAIN_SIZE]; /* canonical; "" when it is not a domain name */
	struct ipaddr helo_literal; /* of [192.0.2.1]; family IP_NONE otherwise */
	struct inquiry *helo_mailhosts, *helo_spf;

	struct transaction transaction;
	struct recipient *recipient; /* the one being judged; NULL outside of STAGE_RCPT */

	struct findings findings[SCOPE_COUNT];
};

/* Inquiries that several policies share: started at the first call, the same one after that, NULL
 * where there is nothing to ask (no client address, no usable name). Announce hooks call them to
 * start early, judge hooks to wait. */
struct inquiry *session_iprev(struct session *session);
struct inquiry *session_helo_mailhosts(struct session *session);
struct inquiry *session_helo_spf(struct session *session);
struct inquiry *session_sender_mailhosts(struct session *session); /* of the sender domain below */
struct inquiry *session_sender_spf(struct session *session);

/* Their results, waiting until the session's deadline (clock_monotonic_ms); NULL when there is
 * nothing to ask or it did not finish in time. */
const struct iprev *session_iprev_result(struct session *session, uint64_t deadline_ms);
const struct mailhosts *session_helo_mailhosts_result(
	struct session *session, uint64_t deadline_ms);
const struct spf *session_helo_spf_result(struct session *session, uint64_t deadline_ms);
const struct mailhosts *session_sender_mailhosts_result(
	struct session *session, uint64_t deadline_ms);
const struct spf *session_sender_spf_result(struct session *session, uint64_t deadline_ms);

/* Domain that answers for the message: of the reverse-path, or of HELO for the null reverse-path. ""
 * when neither is a name. */
const char *session_sender_domain(const struct session *session);

/* The first proof that the client is registered for DOMAIN (design section 3), as evidence in
 * EVIDENCE, or false. WHICH: the domain of the sender, or of HELO. Waits. *TEMPORARY_R: no proof
 * found, but one could not be looked at because of DNS trouble. */
enum proof_of { PROOF_OF_SENDER, PROOF_OF_HELO };
bool session_proof(struct session *session, enum proof_of which, uint64_t deadline_ms,
	char evidence[EVIDENCE_SIZE], bool *temporary_r);
/* Every proof that the DNS can give, though one may hold already: a line for each with its result and
 * what it found. Waits. */
void session_proofs(struct session *session, enum proof_of which, uint64_t deadline_ms, char *lines,
	size_t size);

/* The client's network or a confirmed name of it is in LIST: RESULT_PASS and *MATCH_R, RESULT_FAIL, or
 * RESULT_TEMPERROR while the names cannot be found out. Waits only for a list that has domains. */
enum result session_match_client(struct session *session, const struct matchlist *list,
	uint64_t deadline_ms, struct match *match_r);

/* None of the lookups that were started is under way any more. */
bool session_is_looked_up(const struct session *session);

/* What the transaction's lookups took; those of the connection and the greeting count for its first
 * transaction. */
struct session_dns_cost {
	unsigned questions; /* different ones, cached or not */
	unsigned sent; /* of them not answered from the cache */
	unsigned steps; /* waits for answers one after another, the longest chain but SPF's */
	unsigned spf_steps; /* SPF's own longest chain */
};
void session_dns_cost(struct session *session, struct session_dns_cost *cost_r);

/* Life. Init leaves everything zeroed but id, site and services. The ends are idempotent: they free
 * what the scope holds and zero its facts; ending an outer scope ends the inner ones. */
void session_init(
	struct session *session, const struct site *site, const struct services *services);
void session_end_scope(struct session *session, enum scope scope);

/* Findings and edits; used through the helpers of policy.h. */
struct finding *session_add_finding(struct session *session, enum scope scope);
void session_add_edit(struct session *session, enum edit_kind kind, const char *name,
	const char *value, unsigned index);

#endif
