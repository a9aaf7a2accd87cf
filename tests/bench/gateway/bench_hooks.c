/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Receivers of many webhooks, some of which hang.
 *
 *	bench_hooks HANGING
 *
 * Prints the port of the good receiver and those of HANGING hanging ones (they read and never
 * answer). Every request at the good one holds "bench-time-<Unix ms>": the time from then to its
 * arrival is one measurement. On each line of standard input it prints what came since the last
 * line that was not "peek", as JSON; at the end of input it ends.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MARK      "bench-time-"
#define TIMES_MAX 1000000

enum kind { LISTENER, CONN, STDIN };

struct peer {
	int fd;
	enum kind kind;
	bool good;
	size_t len;
	char buf[16384];
};

static struct {
	int ep;
	double *times;
	long n, hung; /* since the last line; connections to hanging receivers now */
} H;

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1e6;
}

static struct peer *watch(int fd, enum kind kind, bool good)
{
	struct peer *p = calloc(1, sizeof(*p));
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = p };

	if (!p)
		exit(1);
	p->fd = fd;
	p->kind = kind;
	p->good = good;
	epoll_ctl(H.ep, EPOLL_CTL_ADD, fd, &ev);
	return p;
}

static void listen_any(bool good)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) || listen(fd, 512) ||
	    getsockname(fd, (struct sockaddr *)&sa, &len)) {
		fprintf(stderr, "bench_hooks: cannot listen\n");
		exit(1);
	}
	watch(fd, LISTENER, good);
	printf("%u ", ntohs(sa.sin_port));
}

static void drop(struct peer *p)
{
	H.hung -= !p->good;
	close(p->fd);
	free(p);
}

/* The length of the first whole request in the buffer; 0: not yet. */
static size_t whole(struct peer *p)
{
	char *end, *length;
	size_t head;

	p->buf[p->len] = '\0';
	end = strstr(p->buf, "\r\n\r\n");
	if (!end)
		return 0;
	head = (size_t)(end - p->buf) + 4;
	length = strcasestr(p->buf, "content-length:");
	if (length && length < end)
		head += (size_t)strtoul(length + 15, NULL, 10);
	return head <= p->len ? head : 0;
}

static void readable(struct peer *p)
{
	static const char answer[] = "HTTP/1.1 204 No Content\r\n\r\n";
	ssize_t got = recv(p->fd, p->buf + p->len, sizeof(p->buf) - 1 - p->len, 0);
	size_t n;

	if (got <= 0) {
		drop(p);
		return;
	}
	if (!p->good)
		return; /* read and forgotten: it hangs */
	p->len += (size_t)got;
	while ((n = whole(p))) {
		char keep = p->buf[n], *mark;

		p->buf[n] = '\0';
		mark = strstr(p->buf, MARK);
		if (mark && H.n < TIMES_MAX)
			H.times[H.n++] = now_ms() - strtod(mark + sizeof(MARK) - 1, NULL);
		p->buf[n] = keep;
		memmove(p->buf, p->buf + n, p->len - n);
		p->len -= n;
		if (send(p->fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL) < 0)
			break;
	}
}

static int by_size(const void *a, const void *b)
{
	double x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

static void report(void)
{
	char line[64];
	ssize_t r = read(0, line, sizeof(line));

	if (r <= 0)
		exit(0);
	qsort(H.times, (size_t)H.n, sizeof(*H.times), by_size);
	printf("{\"n\":%ld,\"hung\":%ld,\"p50\":%.2f,\"p99\":%.2f,\"max\":%.2f}\n", H.n, H.hung,
	       H.n ? H.times[H.n / 2] : 0, H.n ? H.times[H.n * 99 / 100] : 0,
	       H.n ? H.times[H.n - 1] : 0);
	fflush(stdout);
	if (line[0] != 'p')
		H.n = 0;
}

static void serve(struct peer *p)
{
	int fd, one = 1;

	if (p->kind == STDIN) {
		report();
	} else if (p->kind == CONN) {
		readable(p);
	} else {
		fd = accept(p->fd, NULL, NULL);
		if (fd < 0)
			return;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		watch(fd, CONN, p->good);
		H.hung += !p->good;
	}
}

int main(int argc, char **argv)
{
	long hanging = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
	H.ep = epoll_create1(0);
	H.times = calloc(TIMES_MAX, sizeof(*H.times));
	if (!H.times)
		return 1;
	listen_any(true);
	for (long i = 0; i < hanging; i++)
		listen_any(false);
	printf("\n");
	fflush(stdout);
	watch(0, STDIN, true);
	for (;;) {
		struct epoll_event ev[128];
		int n = epoll_wait(H.ep, ev, 128, -1);

		for (int i = 0; i < n; i++)
			serve(ev[i].data.ptr);
	}
}
