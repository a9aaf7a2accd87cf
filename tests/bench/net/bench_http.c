/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Small POST requests over keep-alive connections, server and clients in
 * processes of their own. Prints one JSON line.
 *
 *	bench_http [connections] [seconds]
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base.h"
#include "clock.h"
#include "log.h"
#include "server.h"

static const char request[] = "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\n"
	"Authorization: Bearer 0123456789\r\nContent-Type: application/json\r\n"
	"Content-Length: 45\r\n\r\n{\"to\":\"+491701234567\",\"text\":\"Hello, world!\"}";

static struct wb_loop *loop;

static void handler(struct wb_req *r, void *ctx)
{
	struct wa_err err = WA_ERR_INIT;
	json_t *j = wb_req_json(r, &err);

	(void)ctx;
	if (!j)
		wb_reply_err(r, &err);
	else
		wb_reply_json(r, 202, json_pack("{s:O}", "to", json_object_get(j, "to")));
}

static void stop(void *ctx)
{
	wb_loop_stop(ctx);
}

static void serve(int port_fd)
{
	static const struct wb_route routes[] = { { "POST", "/v1/messages", NULL, handler, NULL, "" } };
	struct wb_http_listen l = { 0 };
	struct wa_err err = WA_ERR_INIT;
	struct wb_router *router = wb_router_new();
	struct wb_http *http;
	struct rusage ru;
	struct wb_http_stats st;
	struct wa_env env;
	uint16_t port;

	wa_env_default(&env, NULL);
	if (wb_loop_new(&env, &loop, &err) || wb_router_add(router, "b", routes, 1, &err) ||
	    wb_http_new(loop, NULL, router, &http, &err) || wb_http_listen(http, &l, &port, &err) ||
	    wb_loop_on_signal(loop, SIGTERM, stop, loop, &err)) {
		fprintf(stderr, "%s\n", err.msg);
		exit(1);
	}
	if (write(port_fd, &port, sizeof(port)) != sizeof(port))
		exit(1);
	wb_loop_run(loop);
	getrusage(RUSAGE_SELF, &ru);
	wb_http_stats(http, &st);
	printf("{\"bench\":\"http_server_cpu\",\"requests\":%llu,\"cpu_us_per_request\":%.2f,"
	       "\"max_rss_kib\":%ld}\n", (unsigned long long)st.requests,
	       ((double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1e6 +
		(double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec)) / (double)st.requests,
	       ru.ru_maxrss);
	fflush(stdout);
	wb_http_free(http);
	wb_loop_free(loop);
	wb_router_free(router);
	exit(0);
}

static int dial(uint16_t port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(port) };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa))) {
		perror("connect");
		exit(1);
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static bool complete(const char *b, ssize_t n)
{
	/* One reply per request and connection, small enough for one segment. */
	return n > 12 && memcmp(b, "HTTP/1.1 202", 12) == 0;
}

static void load(uint16_t port, int conns, double seconds)
{
	int64_t begin = wa_mono_ms(), end = begin + (int64_t)(seconds * 1000);
	int ep = epoll_create1(0);
	uint64_t answers = 0, bad = 0;

	for (int i = 0; i < conns; i++) {
		struct epoll_event ev = { .events = EPOLLIN, .data.fd = dial(port) };

		epoll_ctl(ep, EPOLL_CTL_ADD, ev.data.fd, &ev);
		if (send(ev.data.fd, request, sizeof(request) - 1, 0) < 0)
			bad++;
	}
	while (wa_mono_ms() < end) {
		struct epoll_event ev[64];
		int n = epoll_wait(ep, ev, 64, 100);

		for (int i = 0; i < n; i++) {
			char b[4096];
			ssize_t got = recv(ev[i].data.fd, b, sizeof(b), 0);

			if (complete(b, got))
				answers++;
			else
				bad++;
			if (got <= 0 || send(ev[i].data.fd, request, sizeof(request) - 1, 0) < 0)
				epoll_ctl(ep, EPOLL_CTL_DEL, ev[i].data.fd, NULL);
		}
	}
	printf("{\"bench\":\"http_post\",\"connections\":%d,\"requests\":%llu,\"bad\":%llu,"
	       "\"per_second\":%.0f}\n", conns, (unsigned long long)answers, (unsigned long long)bad,
	       (double)answers * 1000 / (double)(wa_mono_ms() - begin));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int conns = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 64, p[2];
	double seconds = argc > 2 ? strtod(argv[2], NULL) : 3;
	uint16_t port;
	pid_t pid;

	if (pipe(p))
		return 1;
	pid = fork();
	if (pid == 0)
		serve(p[1]);
	if (read(p[0], &port, sizeof(port)) != sizeof(port))
		return 1;
	load(port, conns, seconds);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	return 0;
}
