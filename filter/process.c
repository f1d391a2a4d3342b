/* SPDX-License-Identifier: BSD-2-Clause */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "text.h"

/* Write end of the pipe on which the parent waits; -1 in the foreground. Set once by main. */
static int ready_pipe = -1;

static void wait_for_child(int from_child, pid_t child)
{
	int status = 0;
	char byte;

	if (read(from_child, &byte, 1) == 1)
		_exit(EX_OK);
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
		_exit(EX_SOFTWARE);
	_exit(WEXITSTATUS(status));
}

void process_background(void)
{
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) != 0 || (child = fork()) < 0) {
		perror("mailreeve: cannot go to the background");
		exit(EX_OSERR);
	}
	if (child > 0) {
		close(ends[1]);
		wait_for_child(ends[0], child);
	}
	close(ends[0]);
	ready_pipe = ends[1];
	setsid();
	if (chdir("/") != 0)
		exit(EX_OSERR);
}

void process_ready(void)
{
	int null;

	if (ready_pipe < 0)
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		close(null);
	}
	if (write(ready_pipe, "1", 1) == 1)
		close(ready_pipe);
	ready_pipe = -1;
}

/* A process id in FILE that belongs to a live process other than us. */
static bool is_held(const char *file)
{
	FILE *in = fopen(file, "re");
	long pid = 0;
	bool held;

	if (in == NULL)
		return false;
	held = fscanf(in, "%ld", &pid) == 1 && pid > 1 && pid <= INT_MAX && pid != (long)getpid() &&
	       kill((pid_t)pid, 0) == 0;
	fclose(in);
	return held;
}

bool process_write_pid(const char *file, char *why, size_t why_size)
{
	int fd;

	if (is_held(file)) {
		snprintf(why, why_size, "%s names a process that is running; stop it first", file);
		return false;
	}
	unlink(file);
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 || dprintf(fd, "%ld\n", (long)getpid()) < 0) {
		snprintf(why, why_size, "cannot write the pid file %s: %s", file, strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	close(fd);
	return true;
}

void process_remove_pid(const char *file)
{
	/* After dropping privileges the folder may not be ours; the next start overwrites it. */
	if (unlink(file) != 0 && truncate(file, 0) != 0)
		return;
}

static bool find_ids(const char *user, uid_t *uid_r, gid_t *gid_r, char *name_r, size_t name_size,
	char *why, size_t why_size)
{
	size_t length = strcspn(user, ":");
	const struct passwd *passwd;
	const struct group *group;

	snprintf(name_r, name_size, "%.*s", (int)length, user);
	passwd = getpwnam(name_r);
	if (passwd == NULL) {
		snprintf(why, why_size, "there is no user \"%s\" to run as", name_r);
		return false;
	}
	*uid_r = passwd->pw_uid;
	*gid_r = passwd->pw_gid;
	if (user[length] == '\0')
		return true;
	group = getgrnam(user + length + 1);
	if (group == NULL) {
		snprintf(why, why_size, "there is no group \"%s\" to run as", user + length + 1);
		return false;
	}
	*gid_r = group->gr_gid;
	return true;
}

bool process_make_folder_of(const char *file, const char *user, char *why, size_t why_size)
{
	const char *slash = strrchr(file, '/');
	char folder[256], name[64];
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;

	if (slash == NULL || slash == file || (size_t)(slash - file) >= sizeof(folder))
		return true;
	memcpy(folder, file, (size_t)(slash - file));
	folder[slash - file] = '\0';
	if (mkdir(folder, 0755) != 0) {
		if (errno == EEXIST)
			return true;
		snprintf(why, why_size, "cannot make the folder %s: %s", folder, strerror(errno));
		return false;
	}
	if (user != NULL && !find_ids(user, &uid, &gid, name, sizeof(name), why, why_size))
		return false;
	if (user != NULL && geteuid() == 0 && chown(folder, uid, gid) != 0) {
		snprintf(why, why_size, "cannot give %s to %s: %s", folder, user, strerror(errno));
		return false;
	}
	return true;
}

bool process_drop_privileges(const char *user, char *why, size_t why_size)
{
	char name[64];
	uid_t uid;
	gid_t gid;

	if (!find_ids(user, &uid, &gid, name, sizeof(name), why, why_size))
		return false;
	if (getuid() == uid && geteuid() == uid && getgid() == gid)
		return true;
	if (initgroups(name, gid) != 0 || setresgid(gid, gid, gid) != 0 ||
		setresuid(uid, uid, uid) != 0) {
		snprintf(why, why_size, "cannot become user %s: %s", user, strerror(errno));
		return false;
	}
	if (uid != 0 && setuid(0) == 0) {
		snprintf(why, why_size, "could become root again after dropping privileges");
		return false;
	}
	return true;
}

void process_set_limits(void)
{
	struct rlimit files;
	struct rlimit no_core = {0, 0};

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	setrlimit(RLIMIT_CORE, &no_core);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

void process_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char message[128];
	socklen_t length;
	int fd;

	if (path == NULL || !text_copy(address.sun_path, sizeof(address.sun_path), path))
		return;
	length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	snprintf(message, sizeof(message), "%s\nMONOTONIC_USEC=%llu", state,
		(unsigned long long)clock_monotonic_us());
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)sendto(
		fd, message, strlen(message), MSG_NOSIGNAL, (struct sockaddr *)&address, length);
	close(fd);
}
