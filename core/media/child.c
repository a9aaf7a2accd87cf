/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One program at a time, on this thread: started, read, and killed when it takes too much. */
#include "prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base.h"

#define SAID 160
#define LOOK_MS 50		/* how soon a wish to stop is seen */
#define NICE 10

struct child {
	pid_t pid;
	int out, said;		/* pipes; -1 closed */
	char tail[SAID];
	size_t tail_len;
};

char *wb_child_find(const char *name)
{
	const char *path = getenv("PATH");
	char full[PATH_MAX];

	if (strchr(name, '/'))
		return access(name, X_OK) == 0 ? strdup(name) : NULL;
	for (const char *p = path; p && *p; p += strcspn(p, ":"), p += *p == ':') {
		int n = snprintf(full, sizeof(full), "%.*s/%s", (int)strcspn(p, ":"), p, name);

		if (*p == '/' && n > 0 && (size_t)n < sizeof(full) && access(full, X_OK) == 0)
			return strdup(full);
	}
	return NULL;
}

static void limit(int what, uint64_t most)
{
	struct rlimit r = { most, most };

	(void)setrlimit((__rlimit_resource_t)what, &r);
}

/* Between fork and exec: system calls only, other threads' locks may be held for ever. */
static void be_child(const char *const *argv, const struct wb_child_limits *l, int out, int said, pid_t parent)
{
	union {
		const char *const *in;
		char *const *out;
	} args = { argv };
	static char *const no_env[] = { NULL };
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (getppid() != parent)
		_exit(126);
	limit(RLIMIT_CPU, l->time_s + 1);
	limit(RLIMIT_AS, l->memory);
	limit(RLIMIT_FSIZE, l->file);
	limit(RLIMIT_CORE, 0);
	setpriority(PRIO_PROCESS, 0, NICE);
	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(said, 2) < 0)
		_exit(126);
	execve(argv[0], args.out, no_env);
	_exit(127);
}

static int start(struct child *c, const char *const *argv, const struct wb_child_limits *l, struct wa_err *err)
{
	int out[2], said[2];
	pid_t parent = getpid();

	if (pipe2(out, O_CLOEXEC) < 0)
		return wa_err_detail(err, WA_EIO, errno, "no pipe");
	if (pipe2(said, O_CLOEXEC) < 0) {
		close(out[0]);
		close(out[1]);
		return wa_err_detail(err, WA_EIO, errno, "no pipe");
	}
	c->pid = fork();
	if (c->pid == 0)
		be_child(argv, l, out[1], said[1], parent);
	close(out[1]);
	close(said[1]);
	c->out = out[0];
	c->said = said[0];
	return c->pid < 0 ? wa_err_detail(err, WA_EIO, errno, "cannot start %s", argv[0]) : WA_OK;
}

static void keep_tail(struct child *c, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] == '\n' || c->tail_len == SAID - 1) {
			if (i + 1 < len)
				c->tail_len = 0;
			continue;
		}
		c->tail[c->tail_len++] = data[i] >= 32 && data[i] < 127 ? data[i] : '?';
	}
	c->tail[c->tail_len] = 0;
}

/* Whatever is in the pipe; it is closed at its end. */
static void drain(struct child *c, int *fd, struct wa_buf *out)
{
	char chunk[16384];
	ssize_t n = read(*fd, chunk, sizeof(chunk));

	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0) {
		close(*fd);
		*fd = -1;
	} else if (out) {
		wa_buf_put(out, chunk, (size_t)n);
	} else {
		keep_tail(c, chunk, (size_t)n);
	}
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int may_go_on(const struct wb_child_limits *l, int64_t until, const struct wa_buf *out,
		     struct wa_err *err)
{
	if (atomic_load(l->stop) || atomic_load(l->stop_all))
		return wa_err_set(err, WA_ESTATE, "stopped");
	if (now_ms() > until)
		return wa_err_set(err, WA_ETIMEDOUT, "not done after %u s", l->time_s);
	if (out->failed)
		return wa_err_set(err, WA_ELIMIT, "more output than expected");
	return WA_OK;
}

/* Until both pipes are closed and the process has ended. */
static int attend(struct child *c, const struct wb_child_limits *l, struct wa_buf *out, int *ret_status,
		  struct wa_err *err)
{
	int64_t until = now_ms() + (int64_t)l->time_s * 1000;
	int r;

	for (;;) {
		struct pollfd fds[2] = { { c->out, POLLIN, 0 }, { c->said, POLLIN, 0 } };
		bool open = c->out >= 0 || c->said >= 0;

		r = may_go_on(l, until, out, err);
		if (r < 0)
			break;
		if (!open && waitpid(c->pid, ret_status, WNOHANG) == c->pid)
			return WA_OK;
		if (poll(fds, 2, open ? LOOK_MS : 1) <= 0)
			continue;
		if (fds[0].revents)
			drain(c, &c->out, out);
		if (fds[1].revents)
			drain(c, &c->said, NULL);
	}
	kill(-c->pid, SIGKILL);
	kill(c->pid, SIGKILL);
	while (waitpid(c->pid, ret_status, 0) < 0 && errno == EINTR)
		;
	return r;
}

int wb_child_run(const char *const *argv, const struct wb_child_limits *l, struct wa_buf *out,
		 char said[160], struct wa_err *err)
{
	struct child c = { .out = -1, .said = -1 };
	int status = 0, r = start(&c, argv, l, err);

	if (r == WA_OK)
		r = attend(&c, l, out, &status, err);
	if (c.out >= 0)
		close(c.out);
	if (c.said >= 0)
		close(c.said);
	memcpy(said, c.tail, SAID);
	if (r < 0)
		return r;
	if (WIFSIGNALED(status))
		return wa_err_detail(err, WTERMSIG(status) == SIGXFSZ || WTERMSIG(status) == SIGXCPU
						  ? WA_ELIMIT : WA_EIO,
				     WTERMSIG(status), "%s was ended by signal %d", argv[0], WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		return wa_err_detail(err, WA_EIO, WEXITSTATUS(status), "%s", said[0] ? said : "it failed");
	return WA_OK;
}
