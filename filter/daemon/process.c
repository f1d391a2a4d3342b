/* SPDX-License-Identifier: BSD-2-Clause */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
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

#include "account.h"
#include "clock.h"
#include "text.h"

/* Write end of the pipe on which the parent waits; -1 in the foreground. Set once by main. */
static int ready_pipe = -1;
/* Open for its lock as long as we live. Set once by main. */
static int pid_file = -1;

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

/* A daemon that runs has its pid file locked. The number in it says nothing: after a crash it may have
 * become another process's. */
static bool is_held(const char *file)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = open(file, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool held;

	if (fd < 0)
		return false;
	held = fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
	close(fd);
	return held;
}

bool process_write_pid(const char *file, char *why, size_t why_size)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd;

	if (is_held(file)) {
		snprintf(why, why_size, "%s belongs to a mailreeve that is running; stop it first",
			file);
		return false;
	}
	unlink(file);
	fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 || fcntl(fd, F_SETLK, &lock) != 0 || dprintf(fd, "%ld\n", (long)getpid()) < 0) {
		snprintf(why, why_size, "cannot write the pid file %s: %s", file, strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	if (pid_file >= 0)
		close(pid_file);
	pid_file = fd;
	return true;
}

void process_remove_pid(const char *file)
{
	/* After dropping privileges the folder may not be ours, but the file is still open: an empty one
	 * is nobody's number. */
	if (unlink(file) != 0 && pid_file >= 0 && ftruncate(pid_file, 0) != 0)
		return;
}

bool process_make_folder_of(const char *file, const char *user, char *why, size_t why_size)
{
	const char *slash = strrchr(file, '/');
	struct account account;
	char folder[256];

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
	if (user != NULL && !account_find(user, &account, why, why_size))
		return false;
	if (user != NULL && geteuid() == 0 && chown(folder, account.uid, account.gid) != 0) {
		snprintf(why, why_size, "cannot give %s to %s: %s", folder, user, strerror(errno));
		return false;
	}
	return true;
}

bool process_drop_privileges(const char *user, char *why, size_t why_size)
{
	struct account account;
	uid_t uid;
	gid_t gid;

	if (!account_find(user, &account, why, why_size))
		return false;
	uid = account.uid;
	gid = account.gid;
	if (getuid() == uid && geteuid() == uid && getgid() == gid)
		return true;
	if (initgroups(account.user, gid) != 0 || setresgid(gid, gid, gid) != 0 ||
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

bool process_make_queue(char *queue, size_t size)
{
	const char *state = getenv("STATE_DIRECTORY");

	/* Several are told with colons between them. */
	if (state == NULL || state[0] != '/' || strchr(state, ':') != NULL)
		state = "/var/lib/mailreeve";
	return snprintf(queue, size, "%s/mqueue", state) < (int)size &&
	       (mkdir(queue, 0700) == 0 || errno == EEXIST) && access(queue, W_OK | X_OK) == 0;
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
