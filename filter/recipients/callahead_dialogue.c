/* SPDX-License-Identifier: BSD-2-Clause */
#include "callahead_dialogue.h"

#include <stdio.h>
#include <string.h>

#include "store.h"

/* The transaction while it runs. */
struct dialogue {
	struct callahead_link *link;
	const struct path *path;
	uint64_t deadline_ms;
	struct callahead_finding *finding;
	struct callahead_reply reply;
};

static bool ask(struct dialogue *dialogue, const char *command)
{
	struct callahead_finding *finding = dialogue->finding;

	if (callahead_link_ask(
		    dialogue->link, command, dialogue->deadline_ms, &dialogue->reply, finding->why))
		return true;
	finding->lost = true;
	return false;
}

static bool ask_recipient(
	struct dialogue *dialogue, const char *address, enum callahead_meaning *meaning_r)
{
	char command[CALLAHEAD_COMMAND_MAX];

	snprintf(command, sizeof(command), "RCPT TO:<%s>", address);
	if (!ask(dialogue, command))
		return false;
	*meaning_r = callahead_reply_meaning(&dialogue->reply);
	if (*meaning_r != CALLAHEAD_TAKEN)
		dialogue->finding->refused = true;
	/* It is about to close. */
	if (dialogue->reply.code == 421)
		dialogue->finding->lost = true;
	return true;
}

static void unsure(struct dialogue *dialogue, const char *what)
{
	struct callahead_finding *finding = dialogue->finding;

	finding->answer = CALLAHEAD_UNSURE;
	snprintf(finding->why, sizeof(finding->why), "it answers %u%s%s to %s",
		dialogue->reply.code, dialogue->reply.enhanced[0] == '\0' ? "" : " ",
		dialogue->reply.enhanced, what);
}

static bool is_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text > 0x7e)
			return false;
	return true;
}

static bool has_control(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

/* True when the target now listens to RCPT. */
static bool begin(struct dialogue *dialogue, const char *address)
{
	bool ascii = is_ascii(address);

	if (has_control(address) || (!ascii && !callahead_link_has_smtputf8(dialogue->link))) {
		snprintf(dialogue->finding->why, CALLAHEAD_WHY_SIZE,
			"it cannot be asked about such an address");
		return false;
	}
	if (!ask(dialogue, ascii ? "MAIL FROM:<>" : "MAIL FROM:<> SMTPUTF8")) {
		dialogue->finding->before_reply = true;
		return false;
	}
	if (dialogue->reply.code == 250)
		return true;
	if (dialogue->reply.code == 421)
		dialogue->finding->lost = dialogue->finding->before_reply = true;
	unsure(dialogue, "MAIL");
	return false;
}

/* The recipient is taken; is any? */
static void judge_taken(struct dialogue *dialogue, bool try_random)
{
	struct callahead_finding *finding = dialogue->finding;
	unsigned char random[STORE_ID_SIZE];
	char address[PATH_SIZE];
	enum callahead_meaning meaning;
	int length = snprintf(address, sizeof(address), "no-such-user-");

	finding->answer = CALLAHEAD_KNOWN;
	if (!try_random)
		return;
	store_id(random);
	for (size_t i = 0; i < 8; i++)
		length += snprintf(
			address + length, sizeof(address) - (size_t)length, "%02x", random[i]);
	snprintf(address + length, sizeof(address) - (size_t)length, "@%s", dialogue->path->domain);
	if (!ask_recipient(dialogue, address, &meaning))
		return;
	if (meaning == CALLAHEAD_TAKEN)
		finding->answer = CALLAHEAD_CATCH_ALL;
	else
		finding->proved_choosy = dialogue->reply.code / 100 == 5;
}

/* A target that refuses postmaster too refuses us, not the recipient (RFC 5321 4.5.1). */
static void judge_vague(struct dialogue *dialogue)
{
	struct callahead_finding *finding = dialogue->finding;
	enum callahead_meaning meaning;
	char address[PATH_SIZE];

	unsure(dialogue, "RCPT, perhaps to anybody");
	snprintf(address, sizeof(address), "postmaster@%s", dialogue->path->domain);
	if (ask_recipient(dialogue, address, &meaning) && meaning == CALLAHEAD_TAKEN)
		finding->answer = CALLAHEAD_UNKNOWN;
}

static void judge(struct dialogue *dialogue, const char *address, bool try_random)
{
	enum callahead_meaning meaning;

	if (!begin(dialogue, address) || !ask_recipient(dialogue, address, &meaning))
		return;
	switch (meaning) {
	case CALLAHEAD_TAKEN:
		judge_taken(dialogue, try_random);
		break;
	case CALLAHEAD_NOT_THERE:
		dialogue->finding->answer = CALLAHEAD_UNKNOWN;
		break;
	case CALLAHEAD_PERHAPS_NOT_THERE:
		judge_vague(dialogue);
		break;
	case CALLAHEAD_UNCLEAR:
		unsure(dialogue, "RCPT");
		break;
	}
}

void callahead_dialogue(struct callahead_link *link, const struct path *path, bool try_random,
	uint64_t deadline_ms, struct callahead_finding *finding_r)
{
	struct dialogue dialogue = {
		.link = link, .path = path, .deadline_ms = deadline_ms, .finding = finding_r};
	char address[PATH_SIZE];
	char why[CALLAHEAD_WHY_SIZE];

	*finding_r = (struct callahead_finding){.answer = CALLAHEAD_UNSURE};
	judge(&dialogue, path_format(path, address), try_random);
	if (finding_r->lost)
		return;
	/* The connection is for others now. */
	if (!callahead_link_ask(link, "RSET", deadline_ms, &dialogue.reply, why) ||
		dialogue.reply.code / 100 != 2)
		finding_r->lost = true;
}
