/* SPDX-License-Identifier: BSD-2-Clause */
#include "notifier.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "lock.h"
#include "log.h"
#include "mem.h"
#include "path.h"
#include "text.h"

enum { WORDS_MAX = 32, COMMAND_SIZE = 1024, REAP_MS = 50, MINUTE_MS = 60000 };

static const char mail_scheme[] = "mail:";

#define SENDMAIL "/usr/sbin/sendmail"

/* A program with all it gets; owns its strings. */
struct errand {
	char *words[WORDS_MAX + 1], *variables[NOTIFIER_VARIABLES_MAX + 3];
	char *text;
};

struct child {
	pid_t pid; /* 0: none */
	char *program; /* owned */
	bool mails; /* the program is the one that takes mail */
	uint64_t deadline_ms;
	bool killed;
};

struct notifier {
	const char *sendmail;
	char *mail_queue; /* owned; NULL: the program has one */
	uint64_t limit_ms;
	struct lock lock;
	struct condition work;
	bool stopped GUARDED_BY(lock);
	struct errand *queue[NOTIFIER_QUEUE_MAX] GUARDED_BY(lock);
	size_t queued GUARDED_BY(lock);
	uint64_t minute_ms GUARDED_BY(lock); /* when the count of a minute began */
	unsigned in_minute GUARDED_BY(lock);
	struct child children[NOTIFIER_CHILDREN]; /* the thread's */
	pthread_t thread;
};

/* How. ----------------------------------------------------------------------------------------- */

/* Cuts TEXT, which is changed, into words. The number of them, or WORDS_MAX + 1 for too many, 0 for a
 * quote that does not end, or a single one, which would stand for itself. */
static size_t split(char *text, char *words[WORDS_MAX + 1])
{
	size_t count = 0;
	char *to = text;

	for (;;) {
		bool quoted = false;

		text += strspn(text, " \t");
		if (*text == '\0')
			break;
		if (count == WORDS_MAX)
			return WORDS_MAX + 1;
		words[count++] = to;
		for (; *text != '\0' && (quoted || (*text != ' ' && *text != '\t')); text++) {
			if (*text == '\'' && !quoted)
				return 0;
			if (*text == '"')
				quoted = !quoted;
			else
				*to++ = *text;
		}
		if (quoted)
			return 0;
		if (*text != '\0')
			text++;
		*to++ = '\0';
	}
	words[count] = NULL;
	return count;
}

static bool check_program(const char *program, char *why, size_t why_size)
{
	struct stat status;

	if (program[0] != '/')
		snprintf(why, why_size,
			"\"%.80s\" is no absolute path; write for example "
			"/usr/local/lib/mailreeve/page, or "
			"mail:postmaster@example.org",
			program);
	else if (stat(program, &status) != 0)
		snprintf(why, why_size,
			"\"%.200s\": %s; write the absolute path of a program that is there, or "
			"mail:postmaster@example.org",
			program, strerror(errno));
	else if (!S_ISREG(status.st_mode) || (status.st_mode & 0111) == 0)
		snprintf(why, why_size,
			"\"%.200s\" is no program that can be run; make it executable "
			"(chmod 755), or write the path of one",
			program);
	else
		return true;
	return false;
}

static bool check_mail(const char *address, char *why, size_t why_size)
{
	char wire[PATH_SIZE + 2];
	struct path path;

	snprintf(wire, sizeof(wire), "<%.*s>", PATH_SIZE - 1, address);
	if (address[0] != '-' && strpbrk(address, " \t\r\n\"") == NULL &&
		strlen(address) < PATH_SIZE && path_parse(wire, true, &path) == PATH_OK &&
		!path.null)
		return true;
	snprintf(why, why_size,
		"\"%.80s\" is no address; write for example mail:postmaster@example.org", address);
	return false;
}

bool notifier_check(const char *how, char *why, size_t why_size)
{
	char copy[COMMAND_SIZE];
	char *words[WORDS_MAX + 1];
	size_t count;

	if (ascii_starts_with(how, mail_scheme))
		return check_mail(how + strlen(mail_scheme), why, why_size);
	if (!text_copy(copy, sizeof(copy), how)) {
		snprintf(why, why_size,
			"the command is longer than %d bytes; put it into a script, and write its "
			"path",
			COMMAND_SIZE - 1);
		return false;
	}
	count = split(copy, words);
	if (count > 0 && count <= WORDS_MAX)
		return check_program(words[0], why, why_size);
	snprintf(why, why_size,
		strpbrk(how, "\"'") == NULL && count == 0
			? "the command is empty; write its path, or mail:postmaster@example.org"
		: count == 0
			? "a quote in the command does not end, or is a single one; put double "
			  "quotes around a word with blanks or quotes in it"
			: "the command has more than %d words; put it into a script, and write "
			  "its path",
		WORDS_MAX);
	return false;
}

const char *notifier_lacks(const char *how)
{
	if (!ascii_starts_with(how, mail_scheme) || access(SENDMAIL, X_OK) == 0)
		return NULL;
	return "there is no " SENDMAIL
	       " here that could take the mail; install an MTA that has one, "
	       "or write a command";
}

/* Errands. ------------------------------------------------------------------------------------- */

static void free_errand(struct errand *errand)
{
	for (size_t i = 0; errand->words[i] != NULL; i++)
		mem_free(errand->words[i]);
	for (size_t i = 0; errand->variables[i] != NULL; i++)
		mem_free(errand->variables[i]);
	mem_free(errand->text);
	mem_free(errand);
}

/* A client may have written what a reader of mail would show as something else: an encoded word (RFC 2047)
 * begins with "=?". Returns BUFFER. */
static const char *plain_subject(const char *subject, char *buffer, size_t size)
{
	struct text text;

	text_init(&text, buffer, size);
	for (; *subject != '\0'; subject++) {
		text_add_char(&text, *subject);
		if (subject[0] == '=' && subject[1] == '?')
			text_add_char(&text, '\\');
	}
	return buffer;
}

static void add_mail(
	struct errand *errand, const struct notifier *notifier, const struct notice *notice)
{
	const char *to = notice->how + strlen(mail_scheme);
	const char *const words[] = {notifier->sendmail, "-i", "-f", "<>", to};
	char subject[NOTIFIER_TEXT_SIZE];
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
		errand->words[count++] = mem_text(words[i]);
		/* Sendmail's program may write into its queue as set-group-ID only, which ours never is:
		 * no program that we start gets new privileges. Postfix has no such option and says
		 * nothing. */
		if (i == 0 && notifier->mail_queue != NULL) {
			errand->words[count++] = mem_text("-O");
			errand->words[count++] =
				mem_format("QueueDirectory=%s", notifier->mail_queue);
		}
	}
	/* The null reverse-path, and the field of RFC 3834: nobody answers it. */
	errand->text = mem_format("From: Mailreeve <mailreeve@%s>\nTo: <%s>\nSubject: %s\n"
				  "Auto-Submitted: auto-generated\n\n%s",
		notice->from, to, plain_subject(notice->subject, subject, sizeof(subject)),
		notice->text);
}

static void add_command(struct errand *errand, const struct notice *notice)
{
	char copy[COMMAND_SIZE];
	char *words[WORDS_MAX + 1];
	size_t count;

	if (!text_copy(copy, sizeof(copy), notice->how))
		return;
	count = split(copy, words);
	for (size_t i = 0; i < count && count <= WORDS_MAX; i++)
		errand->words[i] = mem_text(words[i]);
	errand->text = mem_text(notice->text);
}

static struct errand *make_errand(const struct notifier *notifier, const struct notice *notice)
{
	struct errand *errand = mem_alloc(sizeof(*errand));
	size_t count = 0;

	if (ascii_starts_with(notice->how, mail_scheme))
		add_mail(errand, notifier, notice);
	else
		add_command(errand, notice);
	errand->variables[count++] = mem_text("PATH=/usr/sbin:/usr/bin:/sbin:/bin");
	errand->variables[count++] = mem_text("LC_ALL=C");
	for (size_t i = 0; i < NOTIFIER_VARIABLES_MAX && notice->variables[i] != NULL; i++)
		errand->variables[count++] = mem_text(notice->variables[i]);
	return errand;
}

static bool too_many_in_minute(struct notifier *notifier) REQUIRES(notifier->lock)
{
	uint64_t now_ms = clock_monotonic_ms();

	if (now_ms - notifier->minute_ms >= MINUTE_MS) {
		notifier->minute_ms = now_ms;
		notifier->in_minute = 0;
	}
	return ++notifier->in_minute > NOTIFIER_PER_MINUTE;
}

void notifier_send(struct notifier *notifier, const struct notice *notice)
{
	struct errand *errand = make_errand(notifier, notice);
	bool first = false;

	lock_take(&notifier->lock);
	if (errand->words[0] != NULL && !notifier->stopped && !too_many_in_minute(notifier) &&
		notifier->queued < NOTIFIER_QUEUE_MAX) {
		notifier->queue[notifier->queued++] = errand;
		errand = NULL;
		condition_signal(&notifier->work);
	} else {
		first = notifier->in_minute == NOTIFIER_PER_MINUTE + 1;
	}
	lock_give(&notifier->lock);
	if (errand == NULL)
		return;
	free_errand(errand);
	if (first)
		log_warning("more than %d notices in a minute: the others are left out",
			NOTIFIER_PER_MINUTE);
}

/* Children. ------------------------------------------------------------------------------------ */

/* The reading end of a pipe that holds TEXT; -1 where there is none. */
static int pipe_of(const char *text)
{
	size_t length = strlen(text);
	int ends[2];
	ssize_t done;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return -1;
	/* A pipe takes far more than this at once. */
	done = write(ends[1], text, length);
	close(ends[1]);
	if (done == (ssize_t)length && fcntl(ends[0], F_SETFL, 0) == 0)
		return ends[0];
	close(ends[0]);
	return -1;
}

/* Nothing of ours but standard input; default signals; a process group of its own, so that what the
 * program starts ends with it. Returns an errno. */
static int spawn(const struct errand *errand, int input, pid_t *pid_r)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t all, none;
	int failed;

	sigfillset(&all);
	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
	posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
	posix_spawn_file_actions_addchdir_np(&files, "/");
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setflags(&attributes,
		POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
	failed = posix_spawn(
		pid_r, errand->words[0], &files, &attributes, errand->words, errand->variables);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return failed;
}

static void start_child(
	const struct notifier *notifier, struct child *child, const struct errand *errand)
{
	int input = pipe_of(errand->text);
	int failed = input < 0 ? errno : spawn(errand, input, &child->pid);

	if (input >= 0)
		close(input);
	if (failed != 0) {
		child->pid = 0;
		log_error("notify: %s: %s", errand->words[0], strerror(failed));
		return;
	}
	child->program = mem_text(errand->words[0]);
	child->deadline_ms = clock_monotonic_ms() + notifier->limit_ms;
	child->mails = strcmp(child->program, notifier->sendmail) == 0;
	child->killed = false;
}

static void end_child(struct child *child, int status)
{
	const char *advice =
		child->mails ? "; what it needs: Alarms by mail in mailreeve-postfix(7) and "
			       "mailreeve-sendmail(7)"
			     : "";

	if (child->killed)
		log_warning("notify: %s took too long and was ended%s", child->program, advice);
	else if (WIFSIGNALED(status))
		log_warning("notify: %s was ended by signal %d%s", child->program, WTERMSIG(status),
			advice);
	else if (WEXITSTATUS(status) != 0)
		log_warning("notify: %s failed with status %d%s", child->program,
			WEXITSTATUS(status), advice);
	mem_free(child->program);
	*child = (struct child){0};
}

/* Reaps what has ended, ends what takes too long; the number of those that still run. */
static size_t look_after(struct notifier *notifier, bool at_once)
{
	size_t running = 0;

	for (size_t i = 0; i < NOTIFIER_CHILDREN; i++) {
		struct child *child = &notifier->children[i];
		int status = 0;

		if (child->pid == 0)
			continue;
		if (!child->killed && (at_once || clock_monotonic_ms() >= child->deadline_ms)) {
			child->killed = !at_once;
			kill(-child->pid, SIGKILL);
		}
		if (waitpid(child->pid, &status, at_once ? 0 : WNOHANG) == 0)
			running++;
		else
			end_child(child, at_once ? 0 : status);
	}
	return running;
}

static struct child *free_place(struct notifier *notifier)
{
	for (size_t i = 0; i < NOTIFIER_CHILDREN; i++)
		if (notifier->children[i].pid == 0)
			return &notifier->children[i];
	return NULL;
}

/* The next errand that there is a place for, or NULL; sleeps while there is nothing to do. */
static struct errand *next_errand(struct notifier *notifier, size_t running, bool *stopped_r)
{
	uint64_t until_ms = clock_monotonic_ms() + (running > 0 ? REAP_MS : MINUTE_MS);
	bool place = running < NOTIFIER_CHILDREN;
	struct errand *errand = NULL;

	lock_take(&notifier->lock);
	while (!notifier->stopped && (notifier->queued == 0 || !place) &&
		condition_wait(&notifier->work, &notifier->lock, until_ms))
		continue;
	*stopped_r = notifier->stopped;
	if (!*stopped_r && notifier->queued > 0 && place) {
		errand = notifier->queue[0];
		notifier->queued--;
		memmove(notifier->queue, notifier->queue + 1,
			notifier->queued * sizeof(notifier->queue[0]));
	}
	lock_give(&notifier->lock);
	return errand;
}

static void *run(void *argument)
{
	struct notifier *notifier = argument;
	bool stopped = false;

	while (!stopped) {
		size_t running = look_after(notifier, false);
		struct errand *errand = next_errand(notifier, running, &stopped);
		struct child *place = free_place(notifier);

		if (errand == NULL)
			continue;
		if (place != NULL)
			start_child(notifier, place, errand);
		free_errand(errand);
	}
	look_after(notifier, true);
	return NULL;
}

struct notifier *notifier_start(const char *sendmail, const char *queue, uint64_t limit_ms)
{
	struct notifier *notifier = mem_alloc(sizeof(*notifier));

	notifier->limit_ms = limit_ms;
	notifier->mail_queue = queue == NULL ? NULL : mem_text(queue);
	notifier->sendmail = sendmail == NULL ? SENDMAIL : sendmail;
	lock_init(&notifier->lock);
	condition_init(&notifier->work);
	if (pthread_create(&notifier->thread, NULL, run, notifier) == 0)
		return notifier;
	condition_destroy(&notifier->work);
	lock_destroy(&notifier->lock);
	mem_free(notifier->mail_queue);
	mem_free(notifier);
	return NULL;
}

void notifier_stop(struct notifier **notifier_ptr)
{
	struct notifier *notifier = *notifier_ptr;
	size_t queued;

	if (notifier == NULL)
		return;
	*notifier_ptr = NULL;
	lock_take(&notifier->lock);
	notifier->stopped = true;
	queued = notifier->queued;
	notifier->queued = 0;
	condition_signal(&notifier->work);
	lock_give(&notifier->lock);
	pthread_join(notifier->thread, NULL);
	/* Nobody else is left. */
	lock_take(&notifier->lock);
	for (size_t i = 0; i < queued; i++)
		free_errand(notifier->queue[i]);
	lock_give(&notifier->lock);
	condition_destroy(&notifier->work);
	lock_destroy(&notifier->lock);
	mem_free(notifier->mail_queue);
	mem_free(notifier);
}
