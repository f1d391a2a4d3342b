/* SPDX-License-Identifier: BSD-2-Clause */
#include "reload.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "lock.h"
#include "log.h"
#include "text.h"

/* Two locks, so that status never waits for a reload. */
static struct {
	struct lock turn; /* held over a whole reload, the one lock that is: it keeps others waiting
			   * for their turn, and no session ever takes it */
	struct lock lock;
	struct reload_actions actions; /* set once */
	struct reload_state state GUARDED_BY(lock);
} reload;

void reload_begin(const struct reload_actions *actions)
{
	uint64_t now_ms = clock_wall_ms();

	lock_init(&reload.turn);
	lock_init(&reload.lock);
	reload.actions = *actions;
	lock_take(&reload.lock);
	reload.state = (struct reload_state){
		.file = actions->file, .loaded_ms = now_ms, .tried_ms = now_ms};
	lock_give(&reload.lock);
}

struct complaints {
	char first[RELOAD_ERROR_SIZE];
	unsigned count;
};

static void log_complaint(void *context, const char *text)
{
	struct complaints *complaints = context;

	if (complaints->count++ == 0)
		snprintf(complaints->first, sizeof(complaints->first), "%s", text);
	log_error("configuration: %s", text);
}

static void log_advice(void *context, const char *text)
{
	(void)context;
	log_warning("configuration: %s", text);
}

/* Some settings are read at start only; say so instead of ignoring them silently. */
static void tell_what_needs_restart(const struct conf *new)
{
	struct conf *old = reload.actions.current();
	char names[512];

	if (conf_needs_restart(old, new, names, sizeof(names)))
		log_warning("configuration: changed, but read at start only: %s; restart mailreeve "
			    "to have it take effect",
			names);
	conf_release(&old);
}

static void note_result(const struct complaints *complaints, bool good, char *why, size_t why_size)
{
	uint64_t now_ms = clock_wall_ms();
	struct text text;

	text_init(&text, why, why_size);
	if (!good)
		text_add(&text, complaints->first);
	if (complaints->count > 1)
		text_addf(&text, " (and %u more)", complaints->count - 1);
	lock_take(&reload.lock);
	reload.state.tried_ms = now_ms;
	if (good)
		reload.state.loaded_ms = now_ms;
	reload.state.done += good;
	reload.state.failed += !good;
	snprintf(reload.state.error, sizeof(reload.state.error), "%s", why);
	lock_give(&reload.lock);
}

/* A file that a full disk or an editor has left empty is no wish for all defaults, which know neither
 * local domains nor limits; who has that wish restarts. */
static void refuse_empty(struct conf **conf, struct complaints *complaints)
{
	char why[RELOAD_ERROR_SIZE];

	if (*conf == NULL || (*conf)->settings_given > 0)
		return;
	snprintf(why, sizeof(why),
		"%s: holds no setting at all; write it anew, or restart mailreeve to have all "
		"defaults",
		reload.actions.file);
	log_complaint(complaints, why);
	conf_release(conf);
}

bool reload_now(char *why, size_t why_size)
{
	struct complaints complaints = {.count = 0};
	const struct conf_report report = {
		.error = log_complaint, .warning = log_advice, .context = &complaints};
	struct conf *new;

	lock_take(&reload.turn);
	reload.actions.notify("RELOADING=1");
	new = conf_load(reload.actions.file, policies, &report);
	refuse_empty(&new, &complaints);
	note_result(&complaints, new != NULL, why, why_size);
	if (new == NULL) {
		log_error("configuration: %s has errors; the old configuration stays",
			reload.actions.file);
	} else {
		reload.actions.amend(new);
		tell_what_needs_restart(new);
		log_set_level((enum log_level) new->daemon.log_level);
		reload.actions.set(new);
		log_info("configuration %s reloaded", reload.actions.file);
	}
	reload.actions.notify("READY=1");
	lock_give(&reload.turn);
	return new != NULL;
}

void reload_state(struct reload_state *state_r)
{
	lock_take(&reload.lock);
	*state_r = reload.state;
	lock_give(&reload.lock);
}
