/* SPDX-License-Identifier: BSD-2-Clause */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backlog.h"
#include "clock.h"
#include "log.h"
#include "mem.h"

enum {
	ITEMS_MAX = 20000,
	BYTES_MAX = 16 << 20,
	GATHER_MS = 50,
	STOP_MS = 3000,
	COMPLAIN_MS = 60000,
	WRITE_MAX = 1 << 18
};

/* Set by journal_open before other threads call, cleared by journal_close after them. Everything below
 * the backlog belongs to its thread. */
static struct {
	struct backlog *backlog;
	char *file;
	int64_t file_bytes, files;
	int fd;
	int64_t size;
	uint64_t complained_ms, told_lost;
} journal = {.fd = -1};

static _Atomic uint64_t written, lost;

/* In the thread. ------------------------------------------------------------------------------- */

static void complain(const char *what, int error)
{
	uint64_t now_ms = clock_monotonic_ms();
	uint64_t gone;

	if (journal.complained_ms != 0 && now_ms - journal.complained_ms < COMPLAIN_MS)
		return;
	gone = atomic_load(&lost) - journal.told_lost;
	journal.complained_ms = now_ms;
	journal.told_lost += gone;
	log_error("journal: %s %s: %s; %" PRIu64 " records lost so far since the last such line",
		what, journal.file, strerror(error), gone);
}

static const char *open_error(int error)
{
	switch (error) {
	case EAGAIN:
		return "another mailreeve writes it; give each its own file";
	case EACCES:
		return "permission denied; does its folder belong to the user of mailreeve?";
	case ELOOP:
		return "it is a symbolic link; name the file itself";
	case EINVAL:
		return "it is no file, but a device or the like";
	default:
		return strerror(error);
	}
}

static int open_file(void)
{
	/* Two writers would tear each other's lines. */
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = open(journal.file, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY,
		0640);
	struct stat status;
	char last;

	if (fd < 0)
		return -1;
	if (fcntl(fd, F_SETLK, &lock) != 0 || fstat(fd, &status) != 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	if (!S_ISREG(status.st_mode)) {
		close(fd);
		errno = EINVAL;
		return -1;
	}
	journal.size = status.st_size;
	/* Who wrote it last may have been ended in the middle of a line. */
	if (status.st_size > 0 && pread(fd, &last, 1, status.st_size - 1) == 1 && last != '\n')
		journal.size += write(fd, "\n", 1) == 1;
	return fd;
}

/* FILE.3 is dropped, FILE.2 becomes FILE.3 ... FILE becomes FILE.1. */
static void rotate(void)
{
	char from[PATH_MAX], to[PATH_MAX];

	for (int64_t n = journal.files - 1; n >= 1; n--) {
		snprintf(to, sizeof(to), "%s.%" PRId64, journal.file, n);
		if (n == 1)
			snprintf(from, sizeof(from), "%s", journal.file);
		else
			snprintf(from, sizeof(from), "%s.%" PRId64, journal.file, n - 1);
		if (rename(from, to) != 0 && errno != ENOENT)
			complain("cannot rotate", errno);
	}
	/* With one file only, or where renaming failed: bounded all the same. */
	if (journal.fd >= 0 && (journal.files == 1 || access(journal.file, F_OK) == 0)) {
		if (ftruncate(journal.fd, 0) == 0)
			journal.size = 0;
		return;
	}
	if (journal.fd >= 0)
		close(journal.fd);
	journal.size = 0;
	journal.fd = open_file();
}

/* All of it or, as far as the disk lets us, nothing. */
static bool write_whole(const char *text, size_t length)
{
	ssize_t done;

	if (journal.fd < 0)
		journal.fd = open_file();
	if (journal.fd < 0) {
		complain("cannot open", errno);
		return false;
	}
	done = write(journal.fd, text, length);
	if (done == (ssize_t)length) {
		journal.size += done;
		return true;
	}
	complain("cannot write", done < 0 ? errno : ENOSPC);
	if (done > 0 && ftruncate(journal.fd, journal.size) != 0)
		journal.size += done;
	return false;
}

static void flush(char *block, size_t *used, uint64_t *records)
{
	if (*used > 0)
		atomic_fetch_add(write_whole(block, *used) ? &written : &lost, *records);
	*used = 0;
	*records = 0;
}

/* The file may have been moved away (logrotate) or removed. */
static void look_for_file(void)
{
	struct stat here, there;

	if (journal.fd < 0)
		return;
	if (fstat(journal.fd, &here) == 0 && stat(journal.file, &there) == 0 &&
		here.st_ino == there.st_ino && here.st_dev == there.st_dev)
		return;
	close(journal.fd);
	journal.fd = open_file();
}

static void write_items(void *context, const struct backlog_item *item)
{
	char *block = mem_alloc(WRITE_MAX);
	uint64_t records = 0;
	size_t used = 0;

	(void)context;
	look_for_file();
	for (; item != NULL; item = item->next) {
		if (item->length + 1 > WRITE_MAX)
			continue;
		if (used + item->length + 1 > WRITE_MAX)
			flush(block, &used, &records);
		if (journal.size + (int64_t)used > 0 &&
			journal.size + (int64_t)(used + item->length + 1) > journal.file_bytes) {
			flush(block, &used, &records);
			rotate();
		}
		memcpy(block + used, item->text, item->length);
		used += item->length;
		block[used++] = '\n';
		records++;
	}
	flush(block, &used, &records);
	mem_free(block);
	if (atomic_load(&lost) > journal.told_lost)
		complain("does not keep up or is full:", ENOBUFS);
}

/* Elsewhere. ----------------------------------------------------------------------------------- */

bool journal_open(const struct journal_options *options, char *why, size_t why_size)
{
	struct backlog_options queue = {
		.max_items = ITEMS_MAX,
		.max_bytes = BYTES_MAX,
		.gather_ms = GATHER_MS,
		.work = write_items,
	};

	journal.file = mem_text(options->file);
	journal.file_bytes = options->file_bytes;
	journal.files = options->files;
	errno = 0;
	journal.fd = open_file();
	if (journal.fd < 0) {
		snprintf(why, why_size, "journal: cannot open %s for writing: %s", journal.file,
			open_error(errno));
		mem_free(journal.file);
		journal.file = NULL;
		return false;
	}
	journal.backlog = backlog_start(&queue);
	return true;
}

void journal_close(void)
{
	if (journal.backlog == NULL || !backlog_stop(&journal.backlog, STOP_MS))
		return;
	if (journal.fd >= 0)
		close(journal.fd);
	journal.fd = -1;
	mem_free(journal.file);
	journal.file = NULL;
}

bool journal_is_open(void)
{
	return journal.backlog != NULL;
}

void journal_add(const char *record)
{
	if (journal.backlog != NULL && !backlog_add(journal.backlog, record, strlen(record)))
		atomic_fetch_add(&lost, 1);
}

void journal_state(struct journal_state *state_r)
{
	state_r->open = journal.backlog != NULL;
	state_r->written = atomic_load(&written);
	state_r->dropped = atomic_load(&lost);
}
