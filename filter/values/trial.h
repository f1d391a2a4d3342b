/* SPDX-License-Identifier: BSD-2-Clause */
/* Trying before enforcing: what mode, percent and until of a section, a limit or a single check mean
 * (design section 2). Pure but for the time zone; thread-safe. */
#ifndef MAILREEVE_TRIAL_H
#define MAILREEVE_TRIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "ipaddr.h"

enum trial_mode { MODE_ENFORCE, MODE_MONITOR, MODE_OFF };

/* Zeroed, but for percent, it is what nobody tries: enforced. */
struct trial {
	int mode; /* enum trial_mode */
	int64_t percent; /* of the client networks for which it acts; 100: all */
	int64_t until_ms; /* clock_wall_ms at which the trial is over, and all is enforced; 0: never */
};

enum { TRIAL_TEXT_SIZE = 200, UNTIL_TEXT_SIZE = 24, TRIAL_NAME_SIZE = 128 };

/* Something is tried, or was until its end came: mode = monitor, or percent below 100. */
bool trial_is_on(const struct trial *trial);
bool trial_has_ended(const struct trial *trial, uint64_t now_ms);

/* Whether what is tried under NAME only looks on for this client, now. Which clients are among the
 * percent hangs on their network (/24, or /48 for IPv6) and on NAME only, so it is the same on every
 * host and after each restart, and those of 10 percent are among those of 20. */
bool trial_holds_back(const struct trial *trial, const char *name, const struct ipaddr *client);
bool trial_holds_back_at(
	const struct trial *trial, const char *name, const struct ipaddr *client, uint64_t now_ms);

/* An end without a trial, and the like; false with a sentence in WHY, *SETTING_R names what is to
 * blame. */
bool trial_verify(
	const struct trial *trial, const char **setting_r, char *why, size_t why_size) MUST_CHECK;

/* "mode=monitor percent=10 until=2026-12-31", in any order, behind the action of a check. False with
 * a sentence in WHY. *TRIAL_R is set as a whole. */
bool trial_parse(const char *words, struct trial *trial_r, char *why, size_t why_size) MUST_CHECK;

/* "2026-12-31" (the whole day counts) or "2026-12-31 18:00", also with seconds or a T between, in
 * local time; "" is no end. *END_MS_R: the first moment behind it. */
bool trial_parse_until(const char *text, int64_t *end_ms_r) MUST_CHECK;
/* Reads back as the same. Returns BUFFER. */
const char *trial_format_until(int64_t end_ms, char buffer[UNTIL_TEXT_SIZE]);

/* "only looks on", "acts for 10 % of client networks". Returns BUFFER. */
const char *trial_describe(const struct trial *trial, char buffer[TRIAL_TEXT_SIZE]);

/* What an administrator is to know of its end, as a sentence that goes on after a name; false when
 * there is nothing to say yet: the trial has no end, or one that is more than a week away. */
bool trial_describe_end(
	const struct trial *trial, uint64_t now_ms, char buffer[TRIAL_TEXT_SIZE]) MUST_CHECK;

/* Calls WARN for what is legal and surprising in the trial of what is called NAME, its end above all.
 * SETTING: the one to blame; NULL: whichever of mode, percent and until it is. */
void trial_advise(const struct trial *trial, const char *name, const char *setting, uint64_t now_ms,
	void (*warn)(void *context, const char *setting, const char *text), void *context);

/* The three rows of a table of settings (setting.h), for a struct trial at that OFFSET of the options. */
#define TRIAL_SETTINGS(offset_of_trial)                                                            \
	{.name = "mode",                                                                           \
		.type = SETTING_CHOICE,                                                            \
		.offset = (offset_of_trial) + offsetof(struct trial, mode),                        \
		.default_text = "enforce",                                                         \
		.choices = trial_mode_words,                                                       \
		.help = "Do what the other settings say, only log what would be done, or do not "  \
			"run at all"},                                                             \
		{.name = "percent",                                                                \
			.type = SETTING_INTEGER,                                                   \
			.offset = (offset_of_trial) + offsetof(struct trial, percent),             \
			.default_text = "100",                                                     \
			.min = 0,                                                                  \
			.max = 100,                                                                \
			.help = "Share of the client networks for which it is done, always the "   \
				"same ones; for the others it is only logged"},                    \
		{.name = "until",                                                                  \
			.type = SETTING_DATE,                                                      \
			.offset = (offset_of_trial) + offsetof(struct trial, until_ms),            \
			.default_text = "",                                                        \
			.example = "2026-12-31",                                                   \
			.help = "How long mode = monitor or percent hold; after that all is "      \
				"enforced"}
enum { TRIAL_SETTING_COUNT = 3 };
extern const char *const trial_mode_words[];

#endif
