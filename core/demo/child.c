/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Child processes: started in a process group of their own, so that Ctrl-C reaches only us. */
#include "priv.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ENV_MAX 1024
#define ARGS_MAX 16
#define STOP_MS 10000
#define KILL_MS 2000

static bool is_hex(const char *s, size_t n)
{
	return strspn(s, "0123456789abcdef") >= n;
}

static void keep(char *out, size_t size, const char *s, size_t n)
{
	if (!*out && n < size) {
		memcpy(out, s, n);
		out[n] = 0;
	}
}

/* What a word of a line says about where the child is. */
static void read_word(struct demo_child *c, const char *s, size_t n)
{
	size_t host;

	if (strncmp(s, "ws://", 5) == 0 || strncmp(s, "wss://", 6) == 0) {
		keep(c->ws, sizeof(c->ws), s, n);
	} else if (strncmp(s, "http://", 7) == 0 && n > 7) {
		host = strcspn(s + 7, "/ ");
		keep(c->http, sizeof(c->http), s, 7 + host < n ? 7 + host : n);
	} else if (n == 64 && is_hex(s, n)) {
		keep(c->hex64, sizeof(c->hex64), s, n);
	} else if (n == 46 && strncmp(s, "wb_", 3) == 0) {
		keep(c->key, sizeof(c->key), s, n);
	}
}

static void take_line(struct demo_child *c)
{
	static const char gaps[] = " \t\"'=,;()<>";
	const char *s = c->part;

	c->part[c->part_len] = 0;
	memcpy(c->lines[c->n_lines++ % DEMO_LINES], c->part, c->part_len + 1);
	c->part_len = 0;
	while (*s) {
		size_t n;

		s += strspn(s, gaps);
		n = strcspn(s, gaps);
		if (n)
			read_word(c, s, n);
		s += n;
	}
}

static void close_output(struct demo_child *c)
{
	if (c->readable)
		event_free(c->readable);
	c->readable = NULL;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

static void on_output(evutil_socket_t fd, short what, void *ctx)
{
	struct demo_child *c = ctx;
	char buf[4096];
	ssize_t n = read(fd, buf, sizeof(buf));

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close_output(c);
		return;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (buf[i] == '\n')
			take_line(c);
		else if (c->part_len < sizeof(c->part) - 1)
			c->part[c->part_len++] = buf[i];
	}
}

/* In the child, between fork and exec: only what is safe there. */
static void become(const struct demo *d, int out, char *const *args, char *const *env)
{
	sigset_t none;
	int in = open("/dev/null", O_RDONLY | O_CLOEXEC);

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);	/* should we be killed outright */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (in < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(127);
	execve(d->exe, args, env);
	_exit(127);
}

int demo_child_start(struct demo *d, struct demo_child *c, const char *name, const char *const *args,
		     const char *const *env)
{
	const char *argv[ARGS_MAX + 2] = { d->exe }, *envp[ENV_MAX + 1];
	size_t n = 0;
	int pipes[2];

	memset(c, 0, sizeof(*c));
	c->d = d;
	c->name = name;
	c->fd = -1;
	for (size_t i = 0; i < ARGS_MAX && args[i]; i++)
		argv[i + 1] = args[i];
	while (*env && n < ENV_MAX)
		envp[n++] = *env++;
	for (char **e = environ; *e && n < ENV_MAX; e++)
		if (strncmp(*e, "WARBLER_", 8) != 0)
			envp[n++] = *e;
	envp[n] = NULL;
	if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK))
		return demo_fail(d, "no pipe: %s", strerror(errno));
	(void)fcntl(pipes[1], F_SETFL, 0);	/* its writes may block, our reads may not */
	c->pid = fork();
	if (c->pid == 0)
		become(d, pipes[1], (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)envp);
	close(pipes[1]);
	c->fd = pipes[0];
	if (c->pid < 0) {
		c->pid = 0;
		close_output(c);
		return demo_fail(d, "cannot start %s: %s", name, strerror(errno));
	}
	c->readable = event_new(wb_loop_base(d->loop), c->fd, EV_READ | EV_PERSIST, on_output, c);
	if (!c->readable || event_add(c->readable, NULL))
		return demo_fail(d, "out of memory");
	return 0;
}

void demo_child_reap(struct demo_child *c)
{
	if (c->pid > 0 && waitpid(c->pid, &c->status, WNOHANG) == c->pid)
		c->pid = 0;
}

static bool gone(struct demo_child *c, int64_t until)
{
	while (c->pid && wb_loop_now_ms(c->d->loop) < until) {
		wb_timer_start(c->d->nudge, (uint64_t)(until - wb_loop_now_ms(c->d->loop)));
		wb_loop_once(c->d->loop, -1);
	}
	wb_timer_stop(c->d->nudge);
	return c->pid == 0;
}

void demo_child_stop(struct demo_child *c)
{
	if (c->pid) {
		kill(c->pid, SIGTERM);
		if (!gone(c, wb_loop_now_ms(c->d->loop) + STOP_MS)) {
			fprintf(stderr, "%s does not end, killing it\n", c->name);
			kill(c->pid, SIGKILL);
			(void)gone(c, wb_loop_now_ms(c->d->loop) + KILL_MS);
		}
	}
	if (c->d)
		close_output(c);
}

void demo_child_print(const struct demo_child *c)
{
	size_t first = c->n_lines > DEMO_LINES ? c->n_lines - DEMO_LINES : 0;

	if (!c->name)
		return;
	fprintf(stderr, "\nThe last lines of `warbler %s`:\n", c->name);
	for (size_t i = first; i < c->n_lines; i++)
		fprintf(stderr, "  %s\n", c->lines[i % DEMO_LINES]);
	if (!c->pid && WIFSIGNALED(c->status))
		fprintf(stderr, "  (it was killed by signal %d)\n", WTERMSIG(c->status));
	else if (!c->pid)
		fprintf(stderr, "  (it ended with status %d)\n", WEXITSTATUS(c->status));
}
