/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter.h"

#include <assert.h>
#include <libmilter/mfapi.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "chain.h"
#include "lock.h"
#include "log.h"
#include "mem.h"
#include "milter_facts.h"
#include "milter_socket.h"
#include "stats.h"
#include "text.h"

/* One connection of the MTA: libmilter calls it a context, one SMTP session. */
struct door {
	unsigned magic;
	struct chain *chain;
	unsigned long steps; /* what was negotiated: SMFIP_NR_* say where no reply is expected */
	bool transaction_open;
};

enum {
	DOOR_MAGIC = 0x6d723031,
	/* Octets of one step: a long header field is no reason to break off, as libmilter does above
	 * 64 kB. */
	COMMAND_MAX = 1 << 20
};

static struct {
	struct lock lock;
	struct conf *conf GUARDED_BY(lock);
	const struct services *services; /* set before libmilter's threads start */
} current;

static _Atomic unsigned open_transactions, running_callbacks;
static _Atomic bool draining;

void milter_set_conf(struct conf *conf)
{
	struct conf *old;

	lock_take(&current.lock);
	old = current.conf;
	current.conf = conf;
	lock_give(&current.lock);
	if (old != NULL)
		conf_release(&old);
}

struct conf *milter_conf(void)
{
	struct conf *conf;

	lock_take(&current.lock);
	conf = conf_share(current.conf);
	lock_give(&current.lock);
	return conf;
}

void milter_drain(void)
{
	atomic_store(&draining, true);
}

bool milter_is_draining(void)
{
	return atomic_load(&draining);
}

unsigned milter_busy(void)
{
	return atomic_load(&open_transactions) + atomic_load(&running_callbacks);
}

static struct door *door_of(SMFICTX *ctx)
{
	struct door *door = smfi_getpriv(ctx);

	assert(door == NULL || door->magic == DOOR_MAGIC);
	return door;
}

static struct door *enter(SMFICTX *ctx)
{
	atomic_fetch_add(&running_callbacks, 1);
	return door_of(ctx);
}

static sfsistat leave(sfsistat status)
{
	atomic_fetch_sub(&running_callbacks, 1);
	return status;
}

static sfsistat silent(const struct door *door, unsigned long no_reply)
{
	return leave((door->steps & no_reply) != 0 ? SMFIS_NOREPLY : SMFIS_CONTINUE);
}

static void open_transaction(struct door *door)
{
	chain_begin(door->chain, SCOPE_TRANSACTION);
	if (!door->transaction_open)
		atomic_fetch_add(&open_transactions, 1);
	door->transaction_open = true;
}

static void end_transaction(struct door *door, enum outcome outcome)
{
	chain_end_transaction(door->chain, outcome);
	if (door->transaction_open)
		atomic_fetch_sub(&open_transactions, 1);
	door->transaction_open = false;
}

/* A '%' would be a format to libmilter. */
static void double_percent(const char *text, char *buffer, size_t size)
{
	struct text out;

	text_init(&out, buffer, size);
	for (; *text != '\0'; text++) {
		text_add_char(&out, *text);
		if (*text == '%')
			text_add_char(&out, '%');
	}
}

static sfsistat tell(SMFICTX *ctx, const struct decision *decision)
{
	char text[2 * REPLY_TEXT_SIZE];
	char code[4], enhanced[12];

	memcpy(code, decision->reply.code, sizeof(code));
	memcpy(enhanced, decision->reply.enhanced, sizeof(enhanced));
	double_percent(decision->reply.text, text, sizeof(text));
	if (smfi_setreply(ctx, code, enhanced, text) != MI_SUCCESS)
		log_warning("the MTA's library refused our reply \"%s %s\"", code, enhanced);
	return decision->verdict == VERDICT_REJECT ? SMFIS_REJECT : SMFIS_TEMPFAIL;
}

static sfsistat answer(SMFICTX *ctx, const struct door *door, const struct decision *decision,
	unsigned long no_reply)
{
	if (decision->verdict < VERDICT_TEMPFAIL || (door->steps & no_reply) != 0)
		return silent(door, no_reply);
	return leave(tell(ctx, decision));
}

static const char *macro_value(void *context, const char *name)
{
	/* libmilter only reads the name. */
	return smfi_getsymval(context, (char *)name);
}

static struct milter_macros macros_of(SMFICTX *ctx)
{
	return (struct milter_macros){.value = macro_value, .context = ctx};
}

/* Callbacks, in the order of the dialogue. ------------------------------------------------------ */

static void ask_for_macros(SMFICTX *ctx)
{
	static const struct {
		int stage;
		const char *macros;
	} wanted[] = {
		{SMFIM_CONNECT, "j {daemon_name}"},
		{SMFIM_HELO,
			"{tls_version} {verify} {cert_subject} {cn_subject} {cert_fp} {cert_md5}"},
		{SMFIM_ENVFROM, "i {auth_authen} {mail_addr} {mail_host}"},
		{SMFIM_ENVRCPT, "i {rcpt_addr} {rcpt_mailer} {rcpt_host}"},
		{SMFIM_EOM, "i"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(wanted); i++) {
		char macros[128];

		snprintf(macros, sizeof(macros), "%s", wanted[i].macros);
		smfi_setsymlist(ctx, wanted[i].stage, macros);
	}
}

static unsigned long wanted_steps(const struct conf *conf)
{
	static const struct {
		enum stage stage;
		unsigned long no_reply, not_at_all;
	} table[] = {
		{STAGE_CONNECT, SMFIP_NR_CONN, 0},
		{STAGE_COMMAND, SMFIP_NR_UNKN, SMFIP_NOUNKNOWN},
		{STAGE_HELO, SMFIP_NR_HELO, 0},
		{STAGE_MAIL, SMFIP_NR_MAIL, 0},
		{STAGE_HEADER, SMFIP_NR_HDR, SMFIP_NOHDRS},
		{STAGE_BODY, SMFIP_NR_BODY, SMFIP_NOBODY},
	};
	/* Leading blanks of fields are wanted as they were sent. */
	unsigned long steps =
		SMFIP_NODATA | SMFIP_NOEOH | SMFIP_NR_DATA | SMFIP_NR_EOH | SMFIP_HDR_LEADSPC;

	for (size_t i = 0; i < ARRAY_COUNT(table); i++) {
		if (!chain_may_answer(conf, table[i].stage))
			steps |= table[i].no_reply;
		if (!chain_wants(conf, table[i].stage))
			steps |= table[i].not_at_all;
	}
	if (chain_wants_refused(conf))
		steps |= SMFIP_RCPT_REJ;
	if (atomic_load(&draining))
		steps &= ~(unsigned long)SMFIP_NR_CONN;
	return steps;
}

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps,
	unsigned long unused2, unsigned long unused3, unsigned long *actions_r,
	unsigned long *steps_r, unsigned long *unused2_r, unsigned long *unused3_r)
{
	struct door *door = mem_alloc(sizeof(*door));
	struct conf *conf = milter_conf();

	(void)unused2;
	(void)unused3;
	door->magic = DOOR_MAGIC;
	door->chain = chain_create(conf, current.services);
	door->steps = wanted_steps(conf) & steps;
	conf_release(&conf);
	*actions_r =
		actions & (SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE | SMFIF_SETSYMLIST);
	*steps_r = door->steps;
	*unused2_r = 0;
	*unused3_r = 0;
	if ((actions & SMFIF_SETSYMLIST) != 0)
		ask_for_macros(ctx);
	smfi_setpriv(ctx, door);
	stats_count_session(1);
	return SMFIS_CONTINUE;
}

static sfsistat refuse_while_draining(SMFICTX *ctx)
{
	struct decision decision = {.verdict = VERDICT_TEMPFAIL, .stage = STAGE_CONNECT};

	reply_set(&decision.reply, VERDICT_TEMPFAIL, "550", "421", "5.3.2",
		"mail filter is restarting, try again later");
	return leave(tell(ctx, &decision));
}

static sfsistat on_connect(SMFICTX *ctx, char *host, struct sockaddr *address)
{
	const struct milter_macros macros = macros_of(ctx);
	struct door *door = enter(ctx);
	struct decision decision;

	if (door == NULL)
		return leave(SMFIS_TEMPFAIL);
	if (atomic_load(&draining) && (door->steps & SMFIP_NR_CONN) == 0)
		return refuse_while_draining(ctx);
	chain_begin(door->chain, SCOPE_CONNECTION);
	milter_facts_connect(chain_session(door->chain), host, address, &macros);
	decision = chain_connect(door->chain);
	return answer(ctx, door, &decision, SMFIP_NR_CONN);
}

static sfsistat on_helo(SMFICTX *ctx, char *helo)
{
	const struct milter_macros macros = macros_of(ctx);
	struct door *door = enter(ctx);
	struct decision decision;

	if (door == NULL)
		return leave(SMFIS_TEMPFAIL);
	end_transaction(door, OUTCOME_DROPPED);
	chain_begin(door->chain, SCOPE_GREETING);
	milter_facts_helo(chain_session(door->chain), helo, &macros);
	decision = chain_helo(door->chain);
	return answer(ctx, door, &decision, SMFIP_NR_HELO);
}

static sfsistat on_mail(SMFICTX *ctx, char **arguments)
{
	const struct milter_macros macros = macros_of(ctx);
	struct door *door = enter(ctx);
	struct decision decision;

	if (door == NULL)
		return leave(SMFIS_TEMPFAIL);
	open_transaction(door);
	milter_facts_mail(chain_session(door->chain), arguments, &macros);
	decision = chain_mail(door->chain);
	if (decision.verdict >= VERDICT_TEMPFAIL)
		end_transaction(door, OUTCOME_DROPPED);
	return answer(ctx, door, &decision, SMFIP_NR_MAIL);
}

static sfsistat on_rcpt(SMFICTX *ctx, char **arguments)
{
	const struct milter_macros macros = macros_of(ctx);
	struct recipient recipient = {0};
	struct door *door = enter(ctx);
	struct decision decision;

	if (door == NULL || !door->transaction_open)
		return leave(SMFIS_TEMPFAIL);
	milter_facts_rcpt(chain_session(door->chain), arguments, &recipient, &macros);
	if ((door->steps & SMFIP_RCPT_REJ) != 0 && milter_facts_refused(&recipient)) {
		chain_rcpt_refused(door->chain, &recipient);
		return leave(SMFIS_CONTINUE);
	}
	decision = chain_rcpt(door->chain, &recipient);
	return answer(ctx, door, &decision, 0);
}

static sfsistat on_unknown(SMFICTX *ctx, const char *command)
{
	struct door *door = enter(ctx);
	struct decision decision;

	if (door == NULL)
		return leave(SMFIS_TEMPFAIL);
	decision = chain_command(door->chain, command);
	return answer(ctx, door, &decision, SMFIP_NR_UNKN);
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *body)
{
	struct door *door = enter(ctx);

	if (door == NULL)
		return leave(SMFIS_TEMPFAIL);
	chain_header(door->chain, name, body);
	return silent(door, SMFIP_NR_HDR);
}

static sfsistat on_body(SMFICTX *ctx, unsigned char *chunk, size_t length)
{
	struct door *door = enter(ctx);

	if (door == NULL)
		return leave(SMFIS_TEMPFAIL);
	chain_body(door->chain, chunk, length);
	return silent(door, SMFIP_NR_BODY);
}

/* The value as the MTA is to write it behind the colon: who sees leading blanks gives them too. Owned
 * by the caller. */
static char *field_value(const struct door *door, const struct edit *edit)
{
	bool as_sent = (door->steps & SMFIP_HDR_LEADSPC) != 0;
	size_t size = strlen(edit->value) + 2;
	char *value = mem_resize(NULL, size, sizeof(*value));
	struct text text;

	text_init(&text, value, size);
	if (as_sent && !ascii_is_space(edit->value[0]))
		text_add_char(&text, ' ');
	text_add(&text, edit->value);
	return value;
}

static int set_field(SMFICTX *ctx, const struct door *door, struct edit *edit)
{
	char *value = field_value(door, edit);
	int done;

	if (edit->kind == EDIT_INSERT_FIELD)
		done = smfi_insheader(ctx, (int)edit->index, edit->name, value);
	else
		done = smfi_chgheader(ctx, edit->name, (int)edit->index, value);
	mem_free(value);
	return done;
}

static bool apply_edit(SMFICTX *ctx, const struct door *door, struct edit *edit)
{
	switch (edit->kind) {
	case EDIT_DELETE_FIELD:
		return smfi_chgheader(ctx, edit->name, (int)edit->index, NULL) == MI_SUCCESS;
	case EDIT_QUARANTINE:
		return smfi_quarantine(ctx, edit->name) == MI_SUCCESS;
	default:
		return set_field(ctx, door, edit) == MI_SUCCESS;
	}
}

/* Thousands may fail for one reason: an MTA that is gone. */
static void apply_edits(
	SMFICTX *ctx, const struct door *door, const struct transaction *transaction)
{
	const struct edit *failed = NULL;
	size_t count = 0;

	for (size_t i = 0; i < transaction->edit_count; i++) {
		if (apply_edit(ctx, door, &transaction->edits[i]))
			continue;
		if (count++ == 0)
			failed = &transaction->edits[i];
	}
	if (failed != NULL)
		log_warning("the MTA did not take %zu of %zu changes of the message (%s)", count,
			transaction->edit_count,
			failed->kind == EDIT_QUARANTINE ? "quarantine" : failed->name);
}

static sfsistat on_eom(SMFICTX *ctx)
{
	const struct milter_macros macros = macros_of(ctx);
	struct door *door = enter(ctx);
	struct transaction *transaction;
	struct decision decision;

	if (door == NULL || !door->transaction_open)
		return leave(SMFIS_TEMPFAIL);
	transaction = &chain_session(door->chain)->transaction;
	milter_facts_eom(chain_session(door->chain), &macros);
	decision = chain_eom(door->chain);
	if (decision.verdict >= VERDICT_TEMPFAIL) {
		end_transaction(door, OUTCOME_DROPPED);
		return leave(tell(ctx, &decision));
	}
	apply_edits(ctx, door, transaction);
	end_transaction(door, OUTCOME_ACCEPTED);
	return leave(SMFIS_CONTINUE);
}

static sfsistat on_abort(SMFICTX *ctx)
{
	struct door *door = enter(ctx);

	if (door != NULL)
		end_transaction(door, OUTCOME_DROPPED);
	return leave(SMFIS_CONTINUE);
}

static sfsistat on_close(SMFICTX *ctx)
{
	struct door *door = enter(ctx);

	if (door == NULL)
		return leave(SMFIS_CONTINUE);
	smfi_setpriv(ctx, NULL);
	end_transaction(door, OUTCOME_DROPPED);
	chain_free(&door->chain);
	mem_free(door);
	stats_count_session(-1);
	return leave(SMFIS_CONTINUE);
}

/* Life. ---------------------------------------------------------------------------------------- */

bool milter_open(const struct conf *conf, char *why, size_t why_size)
{
	static char name[] = "mailreeve";
	struct smfiDesc description = {
		.xxfi_name = name,
		.xxfi_version = SMFI_VERSION,
		.xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE | SMFIF_SETSYMLIST,
		.xxfi_connect = on_connect,
		.xxfi_helo = on_helo,
		.xxfi_envfrom = on_mail,
		.xxfi_envrcpt = on_rcpt,
		.xxfi_unknown = on_unknown,
		.xxfi_header = on_header,
		.xxfi_body = on_body,
		.xxfi_eom = on_eom,
		.xxfi_abort = on_abort,
		.xxfi_close = on_close,
		.xxfi_negotiate = on_negotiate,
	};

	lock_init(&current.lock);
	(void)smfi_setmaxdatasize(COMMAND_MAX);
	if (!milter_socket_prepare(conf->daemon.socket, why, why_size))
		return false;
	if (smfi_setconn(conf->daemon.socket) != MI_SUCCESS ||
		smfi_register(description) != MI_SUCCESS) {
		snprintf(why, why_size, "libmilter does not accept the socket %s",
			conf->daemon.socket);
		return false;
	}
	if (smfi_opensocket(true) != MI_SUCCESS) {
		snprintf(why, why_size, "cannot listen on %s", conf->daemon.socket);
		return false;
	}
	return milter_socket_share(&conf->daemon, why, why_size);
}

int milter_serve(struct conf *conf, const struct services *services)
{
	current.services = services;
	milter_set_conf(conf_share(conf));
	return smfi_main() == MI_SUCCESS ? 0 : -1;
}
