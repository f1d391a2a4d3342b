/* SPDX-License-Identifier: BSD-2-Clause */
#include "show.h"

#include <string.h>

#include "text.h"
#include "tree.h"

static bool is(const char *text, const char *what)
{
	return text != NULL && strcmp(text, what) == 0;
}

static const char *or_empty(const char *text)
{
	return text == NULL ? "" : text;
}

static enum tree_colour colour_of_verdict(const char *verdict)
{
	if (is(verdict, "reject"))
		return TREE_BAD;
	if (is(verdict, "tempfail") || is(verdict, "quarantine"))
		return TREE_WAIT;
	return is(verdict, "accept") ? TREE_GOOD : TREE_STRONG;
}

static enum tree_colour colour_of_check(const char *result, const char *action)
{
	if (is(result, "pass"))
		return TREE_GOOD;
	if (is(action, "reject"))
		return TREE_BAD;
	if (is(action, "tempfail") || is(action, "quarantine") || is(result, "temperror"))
		return TREE_WAIT;
	return is(action, "suspect") ? TREE_STRONG : TREE_PLAIN;
}

/* "fail helo.mismatch = suspect: evidence (mailreeve.conf:12)" */
static void add_check(struct tree *tree, unsigned depth, const struct json *check)
{
	const char *result = or_empty(json_text(check, "result"));
	const char *action = json_text(check, "action"), *would = json_text(check, "would");
	const char *place = json_text(check, "set_in");
	char buffer[400];
	struct text led;

	text_init(&led, buffer, sizeof(buffer));
	if (action != NULL && !is(action, "off"))
		text_addf(&led, " = %s", action);
	if (would != NULL)
		text_addf(&led, " (would %s)", would);
	tree_add(tree, depth, colour_of_check(result, action), result, "%s%s: %s%s%s%s%s",
		or_empty(json_text(check, "check")), buffer, or_empty(json_text(check, "evidence")),
		led.length > 0 && place != NULL ? " (" : "", led.length > 0 ? or_empty(place) : "",
		led.length > 0 && place != NULL ? ")" : "",
		json_truth(check, "beyond") ? " [after the decision]" : "");
}

static void add_checks(struct tree *tree, unsigned depth, const struct json *checks)
{
	for (size_t i = 0; i < json_count(checks); i++)
		add_check(tree, depth, json_item(checks, i));
}

static void add_answers(struct tree *tree, const struct json *answers)
{
	if (json_count(answers) == 0)
		return;
	tree_add(tree, 0, TREE_STRONG, "DNS", "%s", "");
	for (size_t i = 0; i < json_count(answers); i++) {
		const struct json *answer = json_item(answers, i);
		const char *asked_by = json_text(answer, "asked_by");

		tree_add(tree, 1, TREE_PLAIN, or_empty(asked_by), "%s (TTL %lld%s)",
			or_empty(json_text(answer, "answer")),
			(long long)json_number(answer, "ttl", 0),
			json_truth(answer, "cached") ? ", from the cache" : "");
	}
}

static void add_member(struct tree *tree, unsigned depth, const struct json *json, const char *key,
	const char *name)
{
	const char *value = json_text(json, key);

	if (value != NULL)
		tree_add(tree, depth, TREE_PLAIN, name, "%s", value);
}

/* Explanations. -------------------------------------------------------------------------------- */

static void add_reply(struct tree *tree, const struct json *step)
{
	const struct json *reply = json_member(step, "reply");
	const char *verdict = json_text(step, "verdict");

	if (reply != NULL)
		tree_add(tree, 1, colour_of_verdict(verdict), "reply", "%s %s %s",
			or_empty(json_text(reply, "code")), or_empty(json_text(reply, "enhanced")),
			or_empty(json_text(reply, "text")));
	else if (verdict == NULL)
		tree_add(tree, 1, TREE_PLAIN, "reply", "none of ours here; answered at RCPT");
	else
		tree_add(tree, 1, colour_of_verdict(verdict), verdict, "%s", "");
}

static void add_step(struct tree *tree, const struct json *step)
{
	static const struct {
		const char *stage, *command;
	} commands[] = {{"connect", "connect"}, {"helo", "HELO"}, {"mail", "MAIL FROM"},
		{"rcpt", "RCPT TO"}, {"eom", "end of message"}};
	const char *stage = or_empty(json_text(step, "stage")), *command = stage;
	const char *exempt = json_text(step, "exempt");

	for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
		if (is(stage, commands[i].stage))
			command = commands[i].command;
	tree_add(tree, 0, TREE_STRONG, command, "%s%s", or_empty(json_text(step, "argument")),
		json_truth(step, "unreached") ? " [not reached: refused before]" : "");
	if (exempt != NULL)
		tree_add(tree, 1, TREE_STRONG, "exempt", "%s: %s", exempt,
			or_empty(json_text(step, "exempt_by")));
	add_checks(tree, 1, json_member(step, "checks"));
	add_reply(tree, step);
}

/* How many checks from number AT on are of one policy and silent for the same reason. */
static size_t alike(const struct json *silent, size_t at)
{
	const struct json *first = json_item(silent, at);
	const char *check = or_empty(json_text(first, "check"));
	size_t policy = strcspn(check, "."), count = 1;

	while (at + count < json_count(silent)) {
		const struct json *next = json_item(silent, at + count);

		if (!is(json_text(next, "why"), or_empty(json_text(first, "why"))) ||
			strncmp(or_empty(json_text(next, "check")), check, policy + 1) != 0)
			break;
		count++;
	}
	return count;
}

/* The checks that are silent for this reason; many of one policy as their number. */
static void list_silent(const struct json *silent, const char *why, struct text *list)
{
	enum { NAMED_MAX = 8 };

	for (size_t i = 0; i < json_count(silent); i++) {
		const struct json *item = json_item(silent, i);
		const char *check = or_empty(json_text(item, "check"));
		size_t count;

		if (!is(json_text(item, "why"), why))
			continue;
		text_add(list, list->length > 0 ? ", " : "");
		count = alike(silent, i);
		if (count <= NAMED_MAX) {
			text_add(list, check);
			continue;
		}
		text_addf(list, "%zu of %.*s", count, (int)strcspn(check, "."), check);
		i += count - 1;
	}
}

/* Those with the same reason together. */
static void add_silent(struct tree *tree, const struct json *silent)
{
	size_t count = json_count(silent);

	if (count > 0)
		tree_add(tree, 0, TREE_STRONG, "checks without a result", "%s", "");
	for (size_t i = 0; i < count; i++) {
		const char *why = or_empty(json_text(json_item(silent, i), "why"));
		char names[4000];
		struct text list;
		bool told = false;

		for (size_t before = 0; before < i; before++)
			told = told || is(json_text(json_item(silent, before), "why"), why);
		if (told)
			continue;
		text_init(&list, names, sizeof(names));
		list_silent(silent, why, &list);
		tree_add(tree, 1, TREE_PLAIN, "", "%s: %s", why, names);
	}
}

static void add_changes(struct tree *tree, const struct json *changes)
{
	if (json_count(changes) > 0)
		tree_add(tree, 0, TREE_STRONG, "changes of the message", "%s", "");
	for (size_t i = 0; i < json_count(changes); i++) {
		const struct json *change = json_item(changes, i);
		const char *value = json_text(change, "value");

		tree_add(tree, 1, TREE_PLAIN, or_empty(json_text(change, "change")), "%s%s%s",
			or_empty(json_text(change, "name")), value == NULL ? "" : ": ",
			or_empty(value));
	}
}

void show_explanation(const struct json *json, FILE *out)
{
	const struct json *result = json_member(json, "result");
	const struct json *stages = json_member(json, "stages");
	const char *verdict = or_empty(json_text(result, "verdict"));
	const char *by = json_text(result, "decided_by");
	const struct tree_look look = tree_look_of(out);
	struct tree tree = {.nodes = NULL};

	if (is(verdict, "accept"))
		tree_add(&tree, 0, TREE_GOOD, "accept", "as far as it was told");
	else
		tree_add(&tree, 0, colour_of_verdict(verdict), verdict, "at %s%s%s",
			or_empty(json_text(result, "stage")), by == NULL ? "" : " by ",
			or_empty(by));
	add_member(&tree, 1, json, "configuration", "configuration");
	add_member(&tree, 1, json_member(json, "session"), "auth", "authenticated as");
	add_member(&tree, 1, json_member(json, "session"), "tls_subject", "certificate of");
	if (json_truth(result, "cut"))
		tree_add(&tree, 1, TREE_STRONG, "cut",
			"not every recipient, since it took too long");
	for (size_t i = 0; i < json_count(stages); i++)
		add_step(&tree, json_item(stages, i));
	add_changes(&tree, json_member(json, "changes"));
	add_answers(&tree, json_member(json, "dns"));
	add_silent(&tree, json_member(json, "silent"));
	tree_write(&tree, &look, out);
}

/* Records. ------------------------------------------------------------------------------------- */

void show_record(const struct json *json, FILE *out)
{
	static const struct {
		const char *key, *name;
	} facts[] = {{"time", "time"}, {"host", "filter host"}, {"session", "session"},
		{"queue", "queue id"}, {"client", "client"}, {"name", "confirmed name"},
		{"unconfirmed_name", "unconfirmed name"}, {"helo", "HELO"}, {"from", "MAIL FROM"},
		{"rcpt", "RCPT TO"}, {"auth", "authenticated as"}, {"exempt", "exempt"},
		{"exempt_by", "exempt by"}};
	const char *verdict = or_empty(json_text(json, "verdict"));
	const char *check = json_text(json, "check"), *reference = json_text(json, "ref");
	const char *reply = json_text(json, "reply");
	const struct tree_look look = tree_look_of(out);
	struct tree tree = {.nodes = NULL};

	tree_add(&tree, 0, colour_of_verdict(verdict), verdict, "at %s%s%s%s%s%s",
		or_empty(json_text(json, "stage")), check == NULL ? "" : " by ", or_empty(check),
		reference == NULL ? "" : " (ref ", or_empty(reference),
		reference == NULL ? "" : ")");
	for (size_t i = 0; i < ARRAY_COUNT(facts); i++)
		add_member(&tree, 1, json, facts[i].key, facts[i].name);
	if (reply != NULL)
		tree_add(&tree, 1, colour_of_verdict(verdict), "reply", "%s", reply);
	if (json_count(json_member(json, "findings")) > 0)
		tree_add(&tree, 0, TREE_STRONG, "findings", "%s", "");
	add_checks(&tree, 1, json_member(json, "findings"));
	if (json_truth(json, "findings_cut"))
		tree_add(&tree, 1, TREE_PLAIN, "", "and more, which were not kept");
	add_answers(&tree, json_member(json, "dns"));
	if (json_truth(json, "dns_cut"))
		tree_add(&tree, 1, TREE_PLAIN, "", "and more, which were not kept");
	tree_write(&tree, &look, out);
}
