/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a text written on a sandbox phone to the webhook request on the wire.
 *
 *	bench_hook SANDBOX_PORT FROM TO COUNT RATE
 *
 * Listens for the webhook and prints its port; starts at a line on standard input: COUNT
 * texts at RATE per second, phone FROM to number TO, each carrying the time at which its
 * request was written. The webhook request that brings the time back ends the measurement: so it holds
 * the sandbox's REST, encryption and routing, too, and is an upper bound.
 * A second figure counts from the sandbox's answer, when the stanza is in the socket.
 * BENCH_SANDBOX_KEY: its API key, may be absent.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNS 8			/* to the sandbox */
#define HOOKS 16		/* connections of the webhook */
#define PATIENCE_MS 20000

struct peer {
	int fd;
	bool hook, busy;
	long job;
	size_t len;
	char buf[65536];
};

static struct {
	struct peer conn[CONNS], hook[HOOKS];
	int ep, listener;
	long count, sent, came, seen_hooks;
	const char *from, *to;
	double *wrote, *routed, *hooked;
} H;

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1e6;
}

static void die(const char *what)
{
	fprintf(stderr, "bench_hook: %s\n", what);
	exit(1);
}

static void watch(struct peer *p)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = p };
	int one = 1;

	setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	epoll_ctl(H.ep, EPOLL_CTL_ADD, p->fd, &ev);
}

static unsigned listen_any(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t len = sizeof(sa);
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = NULL };

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	H.listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(H.listener, (struct sockaddr *)&sa, sizeof(sa)) || listen(H.listener, HOOKS) ||
	    getsockname(H.listener, (struct sockaddr *)&sa, &len))
		die("cannot listen");
	epoll_ctl(H.ep, EPOLL_CTL_ADD, H.listener, &ev);
	return ntohs(sa.sin_port);
}

static void dial(struct peer *p, long port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	p->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(p->fd, (struct sockaddr *)&sa, sizeof(sa)))
		die("cannot connect to the sandbox");
	watch(p);
}

/* The length of the first whole HTTP message in the buffer; 0: not yet. */
static size_t whole(struct peer *p)
{
	const char *end, *len;
	size_t head, n;

	p->buf[p->len] = 0;
	end = strstr(p->buf, "\r\n\r\n");
	if (!end)
		return 0;
	head = (size_t)(end - p->buf) + 4;
	len = strcasestr(p->buf, "\r\ncontent-length:");
	n = head + (len && len < end ? (size_t)strtoul(len + 17, NULL, 10) : 0);
	if (n >= sizeof(p->buf))
		die("a message is too long");
	return n <= p->len ? n : 0;
}

static void hook_request(struct peer *p)
{
	static const char ok[] = "HTTP/1.1 204 No Content\r\n\r\n";
	const char *at = strstr(p->buf, "bench-text-");
	double now = now_ms();
	long i;

	if (send(p->fd, ok, sizeof(ok) - 1, MSG_NOSIGNAL) < 0)
		die("cannot answer the webhook");
	H.seen_hooks++;
	if (!at)
		return;
	i = strtol(at + 11, NULL, 10);
	if (i >= 0 && i < H.count && H.hooked[i] < 1) {
		H.hooked[i] = now;
		H.came++;
	}
}

static void readable(struct peer *p)
{
	ssize_t got = recv(p->fd, p->buf + p->len, sizeof(p->buf) - 1 - p->len, 0);
	size_t n;

	if (got <= 0) {
		if (!p->hook)
			die("the sandbox closed the connection");
		close(p->fd);
		p->fd = -1;
		p->len = 0;
		return;
	}
	p->len += (size_t)got;
	while ((n = whole(p)) > 0) {
		char keep = p->buf[n];

		p->buf[n] = 0;
		if (p->hook) {
			hook_request(p);
		} else {
			if (memcmp(p->buf + 9, "20", 2) != 0)
				die(p->buf);
			H.routed[p->job] = now_ms();
			p->busy = false;
		}
		p->buf[n] = keep;
		memmove(p->buf, p->buf + n, p->len - n);
		p->len -= n;
	}
}

static void accept_hook(void)
{
	for (int i = 0; i < HOOKS; i++) {
		if (H.hook[i].fd >= 0)
			continue;
		H.hook[i].fd = accept(H.listener, NULL, NULL);
		H.hook[i].hook = true;
		if (H.hook[i].fd >= 0)
			watch(&H.hook[i]);
		return;
	}
	die("too many connections to the webhook");
}

static void turn(int ms)
{
	struct epoll_event ev[64];
	int n = epoll_wait(H.ep, ev, 64, ms);

	for (int i = 0; i < n; i++) {
		if (ev[i].data.ptr)
			readable(ev[i].data.ptr);
		else
			accept_hook();
	}
}

static bool write_text(void)
{
	const char *key = getenv("BENCH_SANDBOX_KEY");
	char body[200], b[1024];
	int m, n;

	for (int i = 0; i < CONNS; i++) {
		struct peer *p = &H.conn[i];

		if (p->busy)
			continue;
		p->busy = true;
		p->job = H.sent;
		m = snprintf(body, sizeof(body), "{\"to\":\"%s\",\"text\":\"bench-text-%ld\"}", H.to, H.sent);
		n = snprintf(b, sizeof(b), "POST /v1/sandbox/accounts/%s/messages HTTP/1.1\r\nHost: localhost\r\n"
			     "Authorization: Bearer %s\r\nContent-Type: application/json\r\n"
			     "Content-Length: %d\r\n\r\n%s", H.from, key ? key : "", m, body);
		H.wrote[H.sent++] = now_ms();
		if (send(p->fd, b, (size_t)n, MSG_NOSIGNAL) != n)
			die("cannot write to the sandbox");
		return true;
	}
	return false;
}

static int by_size(const void *a, const void *b)
{
	double x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

static void report(const char *name, const double *from)
{
	double *d = calloc((size_t)H.count + 1, sizeof(*d));
	long n = 0;

	for (long i = 0; d && i < H.count; i++)
		if (H.hooked[i] > 0)
			d[n++] = H.hooked[i] > from[i] ? H.hooked[i] - from[i] : 0;
	if (!n)
		die("no webhook request came");
	qsort(d, (size_t)n, sizeof(*d), by_size);
	printf("\"%s\":{\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f},", name, d[n / 2], d[n * 99 / 100],
	       d[n - 1]);
	free(d);
}

int main(int argc, char **argv)
{
	double start, rate, last;
	char line[16];

	if (argc < 6)
		return 2;
	H.ep = epoll_create1(0);
	for (int i = 0; i < HOOKS; i++)
		H.hook[i].fd = -1;
	for (int i = 0; i < CONNS; i++)
		dial(&H.conn[i], strtol(argv[1], NULL, 10));
	H.from = argv[2];
	H.to = argv[3];
	H.count = strtol(argv[4], NULL, 10);
	rate = strtod(argv[5], NULL);
	H.wrote = calloc((size_t)H.count, sizeof(double));
	H.routed = calloc((size_t)H.count, sizeof(double));
	H.hooked = calloc((size_t)H.count, sizeof(double));
	if (!H.wrote || !H.routed || !H.hooked)
		return 1;
	printf("%u\n", listen_any());
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 1;
	start = last = now_ms();
	while (H.came < H.count && now_ms() - last < PATIENCE_MS) {
		long due = (long)((now_ms() - start) * rate / 1000) + 1;
		long before = H.came;

		while (H.sent < H.count && H.sent < due && write_text())
			;
		turn(1);
		if (H.came != before || H.sent < H.count)
			last = now_ms();
	}
	printf("{\"sent\":%ld,\"came\":%ld,\"requests\":%ld,", H.sent, H.came, H.seen_hooks);
	report("from_request", H.wrote);
	report("from_socket", H.routed);
	printf("\"per_second\":%.0f}\n", (double)H.came * 1000 / (last - start));
	return H.came != H.count;
}
