/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * POST /v1/messages over keep-alive connections, one request under way on each.
 *
 *	bench_load PORT CONNECTIONS COUNT SESSION SESSIONS TO RECIPIENTS [SEND_AT]
 *
 * Message i goes from session SESSION<i % SESSIONS> (four digits) to the number
 * TO + i % RECIPIENTS, or to TO + i % SESSIONS when RECIPIENTS is 0 (everybody a
 * customer of his own). BENCH_KEY in the environment is the bearer. 429 is asked again. Prints
 * {"accepted":..,"busy":..,"bad":..,"seconds":..,"per_second":..,"p50_ms":..,"p99_ms":..}.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNS_MAX 1024

struct conn {
	int fd;
	long job;	/* number of its message */
	double start;
};

static struct {
	long port, conns, count, sessions, recipients;
	long long to;
	const char *session, *send_at, *key;
	long next, accepted, busy, bad;
	double *times;
	struct conn conn[CONNS_MAX];
} L;

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1e6;
}

static void dial(struct conn *c)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)L.port) };
	int one = 1;

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&sa, sizeof(sa))) {
		perror("bench_load: connect");
		exit(1);
	}
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static void request(struct conn *c)
{
	char body[400], b[1024];
	long i = c->job;
	int n, m;

	m = snprintf(body, sizeof(body),
		     "{\"session\":\"%s%04ld\",\"to\":\"+%lld\",\"text\":\"Your order %ld is on its way and will "
		     "reach you soon\"%s%s%s}",
		     L.session, i % L.sessions, L.to + i % (L.recipients ? L.recipients : L.sessions), i,
		     L.send_at ? ",\"send_at\":\"" : "", L.send_at ? L.send_at : "", L.send_at ? "\"" : "");
	n = snprintf(b, sizeof(b),
		     "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
		     "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", L.key, m, body);
	c->start = now_ms();
	if (send(c->fd, b, (size_t)n, MSG_NOSIGNAL) != n) {
		perror("bench_load: send");
		exit(1);
	}
}

/* false: no more work for this connection */
static int answered(struct conn *c)
{
	static int told;
	char b[4096];
	ssize_t n = recv(c->fd, b, sizeof(b) - 1, 0);

	if (n <= 12) {
		fprintf(stderr, "bench_load: the server closed a connection\n");
		exit(1);
	}
	b[n] = 0;
	if (memcmp(b + 9, "202", 3) == 0) {
		L.times[L.accepted++] = now_ms() - c->start;
	} else if (memcmp(b + 9, "429", 3) == 0) {
		struct timespec nap = { 0, 2000000 };

		L.busy++;
		nanosleep(&nap, NULL);
		request(c);
		return 1;
	} else {
		L.bad++;
		if (!told++)
			fprintf(stderr, "bench_load: %s\n", b);
	}
	if (L.next >= L.count)
		return 0;
	c->job = L.next++;
	request(c);
	return 1;
}

static int by_size(const void *a, const void *b)
{
	double x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

static void run(void)
{
	int ep = epoll_create1(0);
	long open = 0;

	for (long i = 0; i < L.conns && L.next < L.count; i++, open++) {
		struct epoll_event ev = { .events = EPOLLIN, .data.ptr = &L.conn[i] };

		L.conn[i].job = L.next++;
		request(&L.conn[i]);
		epoll_ctl(ep, EPOLL_CTL_ADD, L.conn[i].fd, &ev);
	}
	while (open > 0) {
		struct epoll_event ev[64];
		int n = epoll_wait(ep, ev, 64, 30000);

		if (n == 0) {
			fprintf(stderr, "bench_load: no answer for 30 s\n");
			exit(1);
		}
		for (int i = 0; i < n; i++)
			if (!answered(ev[i].data.ptr))
				open--;
	}
	close(ep);
}

int main(int argc, char **argv)
{
	double start, s;

	if (argc < 8)
		return 2;
	L.port = strtol(argv[1], NULL, 10);
	L.conns = strtol(argv[2], NULL, 10);
	L.count = strtol(argv[3], NULL, 10);
	L.session = argv[4];
	L.sessions = strtol(argv[5], NULL, 10);
	L.to = strtoll(argv[6], NULL, 10);
	L.recipients = strtol(argv[7], NULL, 10);
	L.send_at = argc > 8 ? argv[8] : NULL;
	L.key = getenv("BENCH_KEY");
	L.times = calloc((size_t)L.count + 1, sizeof(*L.times));
	if (!L.key || !L.times || L.conns > CONNS_MAX || L.sessions < 1)
		return 2;
	for (long i = 0; i < L.conns; i++)
		dial(&L.conn[i]);
	start = now_ms();
	run();
	s = (now_ms() - start) / 1000;
	qsort(L.times, (size_t)L.accepted, sizeof(*L.times), by_size);
	printf("{\"accepted\":%ld,\"busy\":%ld,\"bad\":%ld,\"seconds\":%.3f,\"per_second\":%.0f,"
	       "\"p50_ms\":%.3f,\"p99_ms\":%.3f}\n", L.accepted, L.busy, L.bad, s,
	       (double)L.accepted / s, L.times[L.accepted / 2], L.times[L.accepted * 99 / 100]);
	return L.bad != 0;
}
