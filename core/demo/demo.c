/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the command line to the last child gone. */
#include "demo.h"
#include "priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define USUAL_PORT 8080		/* what examples say; another when it is taken */
#define REMOVE_FDS 16

static void on_stop(void *ctx)
{
	struct demo *d = ctx;

	d->stop = true;
}

static void on_child(void *ctx)
{
	struct demo *d = ctx;

	demo_child_reap(&d->sandbox);
	demo_child_reap(&d->gateway);
}

static void on_nudge(void *ctx)
{
	(void)ctx;	/* the loop has turned, which is all that was wanted */
}

static uint16_t usual_port_if_free(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(USUAL_PORT),
				   .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) &&
		  !bind(fd, (const struct sockaddr *)&sin, sizeof(sin)) && !listen(fd, 1);

	if (fd >= 0)
		close(fd);
	return ok ? USUAL_PORT : 0;
}

static int prepare(struct demo *d)
{
	static const int stops[] = { SIGINT, SIGTERM, SIGHUP };
	const char *tmp = getenv("TMPDIR");
	struct wa_err err = WA_ERR_INIT;
	ssize_t n = readlink("/proc/self/exe", d->exe, sizeof(d->exe) - 1);

	wa_log_init(&d->log, STDERR_FILENO, WA_LOG_TEXT, WA_ERROR);
	wa_env_default(&d->env, &d->log);
	if (n <= 0)
		return demo_fail(d, "this program's own file is unknown");
	d->exe[n] = 0;
	d->port = d->once ? 0 : usual_port_if_free();
	if (wb_loop_new(&d->env, &d->loop, &err) ||
	    wb_net_new(d->loop, &(struct wb_net_opts){ .allow_private = true }, &d->net, &err) ||
	    wb_loop_on_signal(d->loop, SIGCHLD, on_child, d, &err))
		return demo_fail(d, "%s", err.msg);
	for (size_t i = 0; i < WA_ARRAY_LEN(stops); i++)
		if (wb_loop_on_signal(d->loop, stops[i], on_stop, d, &err))
			return demo_fail(d, "%s", err.msg);
	d->nudge = wb_timer_new(d->loop, "demo", on_nudge, d);
	if (!d->nudge)
		return demo_fail(d, "out of memory");
	if (snprintf(d->dir, sizeof(d->dir), "%s/warbler-demo-XXXXXX", tmp && *tmp ? tmp : "/tmp") >=
		    (int)sizeof(d->dir) || !mkdtemp(d->dir)) {
		d->dir[0] = 0;
		return demo_fail(d, "no temporary folder: %s", strerror(errno));
	}
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static void finish(struct demo *d)
{
	demo_child_stop(&d->gateway);
	demo_child_stop(&d->sandbox);
	if (d->live)
		demo_scripts_keep(d);
	if (d->dir[0])
		(void)nftw(d->dir, remove_one, REMOVE_FDS, FTW_DEPTH | FTW_PHYS);
	wb_http_free(d->http);
	wb_router_free(d->router);
	wb_timer_free(d->nudge);
	wb_net_free(d->net);
	if (d->loop)
		wb_loop_free(d->loop);
	free(d->show);
	wa_wipe(d, sizeof(*d));
	free(d);
}

static void show_lines(struct demo *d)
{
	for (char *line = d->show; line && *line;) {
		size_t n = strcspn(line, "\n");

		printf("                 %.*s\n", (int)n, line);
		line += n + (line[n] == '\n');
	}
	free(d->show);
	d->show = NULL;
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static double ms_since(int64_t start_ns)
{
	return (double)(now_ns() - start_ns) / 1e6;
}

static int run_steps(struct demo *d)
{
	int64_t start = now_ns();
	size_t n = 0;

	for (const struct demo_step *s = demo_steps; s->what; s++, n++) {
		int64_t at = now_ns();
		int r;

		d->note[0] = d->why[0] = 0;
		r = s->run(d);
		if (r) {
			printf("✗ %9.1f ms  %-28s  %s\n", ms_since(at), s->what, d->why);
			fflush(stdout);
			return -1;
		}
		printf("✓ %9.1f ms  %-28s  %s\n", ms_since(at), s->what, d->note);
		show_lines(d);
		fflush(stdout);
	}
	printf("  %9.1f ms  %zu steps, from the first program to the last\n", ms_since(start), n);
	return 0;
}

static void on_key_pressed(evutil_socket_t fd, short what, void *ctx)
{
	struct demo *d = ctx;
	char buf[64];

	(void)what;
	if (read(fd, buf, sizeof(buf)) > 0)
		d->wanted = true;
	else
		d->input_over = true;
}

static void print_where(const struct demo *d)
{
	printf("\n"
	       "  phones    %s/sandbox/#" DEMO_CUSTOMER "   (Layla's; the shop's is beside it)\n"
	       "  API       %s   key %s\n"
	       "  scripts   %s/scripts   (change hours.lua, or add a file: what is saved runs)\n"
	       "  try       curl -H 'Authorization: Bearer %s' \\\n"
	       "                 -d '{\"session\": \"shop\", \"to\": \"+" DEMO_CUSTOMER "\", \"text\": \"Hello\"}' \\\n"
	       "                 %s/v1/messages\n"
	       "  tour      WARBLER_URL=%s WARBLER_KEY=%s \\\n"
	       "            SANDBOX_URL=%s examples/rest-walk/walk.sh\n"
	       "\n"
	       "Enter places another order; answer it with 1 or 2 on Layla's phone. Ctrl-C ends all of it;\n"
	       "nothing is kept but scripts of yours, the next start is a fresh one.\n",
	       d->sandbox.http, d->gateway.http, d->gateway.key, d->dir, d->gateway.key, d->gateway.http, d->gateway.http,
	       d->gateway.key, d->sandbox.http);
	fflush(stdout);
}

static bool is_wanted(void *ctx)
{
	struct demo *d = ctx;

	fflush(stdout);
	return d->wanted || d->stop || d->input_over;
}

static int stay(struct demo *d)
{
	struct event *input = event_new(wb_loop_base(d->loop), STDIN_FILENO, EV_READ | EV_PERSIST,
					on_key_pressed, d);
	int r = 0;

	/* a file or /dev/null as input cannot be waited for, and nobody presses Enter there */
	if (input && isatty(STDIN_FILENO))
		(void)event_add(input, NULL);
	d->live = true;
	print_where(d);
	while (!r && !d->stop) {
		r = demo_wait(d, is_wanted, d, INT32_MAX, "Enter");
		if (d->input_over)
			event_del(input);
		d->input_over = false;
		if (r || !d->wanted || d->stop)
			continue;
		d->wanted = false;
		r = demo_order(d);
		if (!r)
			printf("  order %s is with the gateway\n", d->order_number);
	}
	if (input)
		event_free(input);
	return d->stop ? 0 : r;
}

int wb_demo_main(int argc, char **argv)
{
	struct demo *d;
	int r;

	if (argc > 2 || (argc == 2 && strcmp(argv[1], "--once") != 0)) {
		fprintf(stderr, "usage: warbler demo [--once]\n");
		return 2;
	}
	d = calloc(1, sizeof(*d));
	if (!d)
		return 1;
	d->once = argc == 2;
	d->sandbox.fd = d->gateway.fd = -1;
	r = prepare(d);
	if (r)
		fprintf(stderr, "warbler: %s\n", d->why);
	else
		r = run_steps(d);
	if (!r && !d->once)
		r = stay(d);
	if (r && !d->stop) {
		if (d->live)
			fprintf(stderr, "warbler: %s\n", d->why);
		demo_child_print(&d->sandbox);
		demo_child_print(&d->gateway);
	}
	if (!d->once && d->stop)
		printf("\n");
	finish(d);
	return r ? 1 : 0;
}
