/* SPDX-License-Identifier: BSD-2-Clause */
#include "limit_alarm.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "limit_reply.h"
#include "mem.h"
#include "notifier.h"
#include "site.h"
#include "text.h"

/* The first of all hosts in this window. This process asks itself first, so that the store is asked
 * once. */
static bool is_first(const struct services *services, const struct reservation_charge *charge,
	const struct reservation_answer *answer)
{
	char name[STORE_KEY_SIZE + 40];
	bool first = false, everywhere = false;

	snprintf(name, sizeof(name), "alarm:%s:%" PRId64, charge->key, charge->window_ms);
	if (store_claim(services->local, name, charge->window_ms, &first) != STORE_OK || !first)
		return false;
	if (services->local == services->store || answer->local)
		return true;
	return store_claim(services->store, name, charge->window_ms, &everywhere) != STORE_OK ||
	       everywhere;
}

/* A word of a command that an administrator may copy into a shell; a client wrote it. */
static const char *shell_word(const char *word, char *buffer, size_t size)
{
	struct text out;

	text_init(&out, buffer, size);
	text_add_char(&out, '\'');
	for (; *word != '\0'; word++) {
		if (*word == '\'')
			text_add(&out, "'\\''");
		else
			text_add_char(&out, *word);
	}
	text_add_char(&out, '\'');
	return buffer;
}

void limit_alarm(const struct session *session, const struct limit_options *limit,
	const struct reservation_charge *charge, const struct reservation_answer *answer)
{
	static const char *const watched_words[] = {"enforce", "monitor"};
	const struct services *services = session->services;
	bool watched = limit_is_held_back(limit, &session->client);
	char *made[NOTIFIER_VARIABLES_MAX] = {NULL};
	char client[IPADDR_TEXT_SIZE] = "local", amount[48], window[32], word[4 * STORE_KEY_SIZE];
	struct notice notice = {.how = limit->notify, .from = session->site->hostname};
	char *subject, *text;
	size_t count = 0;

	if (limit->notify == NULL || services->notifier == NULL || session->dry_run ||
		!is_first(services, charge, answer))
		return;
	if (session->client.family != IP_NONE)
		ipaddr_format(&session->client, client);
	limit_amount((enum limit_count)limit->count, answer->limit, amount, sizeof(amount));
	limit_window(charge->window_ms, window, sizeof(window));
	made[count++] = mem_format("MAILREEVE_LIMIT=%s", limit->title);
	made[count++] = mem_format("MAILREEVE_KEY=%s", charge->label);
	made[count++] = mem_format("MAILREEVE_USED=%" PRId64, answer->used);
	made[count++] = mem_format("MAILREEVE_MOST=%" PRId64, answer->limit);
	made[count++] = mem_format("MAILREEVE_WINDOW_SECONDS=%" PRId64, charge->window_ms / 1000);
	made[count++] =
		mem_format("MAILREEVE_WAIT_SECONDS=%" PRId64, answer->retry_after_ms / 1000);
	made[count++] = mem_format("MAILREEVE_CLIENT=%s", client);
	made[count++] = mem_format("MAILREEVE_MODE=%s", watched_words[watched]);
	made[count++] = mem_format("MAILREEVE_HOSTNAME=%s", session->site->hostname);
	for (size_t i = 0; i < count; i++)
		notice.variables[i] = made[i];
	subject = mem_format(
		"limit %s: %s has reached %s per %s", limit->title, charge->label, amount, window);
	text = mem_format("%s.\n\nThe client is %s, the host %s; the limit is %s.\nmailreevectl "
			  "limits show %s\n",
		subject, client, session->site->hostname,
		watched ? "only watched, so nothing is refused" : "enforced",
		shell_word(charge->label, word, sizeof(word)));
	notice.subject = subject;
	notice.text = text;
	notifier_send(services->notifier, &notice);
	mem_free(subject);
	mem_free(text);
	for (size_t i = 0; i < count; i++)
		mem_free(made[i]);
}
