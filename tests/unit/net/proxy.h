/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_PROXY_H
#define TESTS_PROXY_H

/* A proxy on a thread of its own, for one connection: SOCKS5 or HTTP CONNECT, and what it can do wrong. */
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netinet/in.h>

enum proxy_mood { PROXY_WORKS, PROXY_REFUSES, PROXY_HANGS_UP, PROXY_TALKS_NONSENSE, PROXY_BREAKS };

struct test_proxy {
	bool socks;
	const char *user, *password;	/* NULL: nobody is asked */
	int mood;			/* enum proxy_mood */
	int fd;
	uint16_t port;
	pthread_t thread;
	char asked[300];		/* host:port it was told to reach */
	size_t relayed;
};

static void px_read(int fd, void *p, size_t n)
{
	for (size_t got = 0; got < n;) {
		ssize_t k = read(fd, (char *)p + got, n - got);

		if (k <= 0)
			return;
		got += (size_t)k;
	}
}

static void px_write(int fd, const void *p, size_t n)
{
	for (size_t put = 0; put < n;) {
		ssize_t k = send(fd, (const char *)p + put, n - put, MSG_NOSIGNAL);

		if (k <= 0)
			return;
		put += (size_t)k;
	}
}

static int px_dial(const char *host, unsigned port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_family = AF_INET }, *res = NULL;
	char text[8];
	int fd = -1;

	snprintf(text, sizeof(text), "%u", port);
	/* a bare machine's resolver need not know it */
	if (getaddrinfo(strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, text, &hints, &res) == 0) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(fd, res->ai_addr, res->ai_addrlen)) {
			close(fd);
			fd = -1;
		}
		freeaddrinfo(res);
	}
	return fd;
}

static bool px_socks(struct test_proxy *p, int c, char host[256], unsigned *port)
{
	unsigned char b[600] = { 0 }, n;

	px_read(c, b, 2);
	n = b[1];
	px_read(c, b + 2, n);
	if (b[0] != 5 || !memchr(b + 2, p->user ? 2 : 0, n))
		return false;
	px_write(c, p->user ? "\5\2" : "\5\0", 2);
	if (p->user) {
		char user[256] = "", password[256] = "";

		px_read(c, b, 2);
		px_read(c, user, b[1]);
		px_read(c, &n, 1);
		px_read(c, password, n);
		if (strcmp(user, p->user) != 0 || strcmp(password, p->password) != 0) {
			px_write(c, "\1\1", 2);
			return false;
		}
		px_write(c, "\1\0", 2);
	}
	px_read(c, b, 4);
	if (b[3] == 1) {
		px_read(c, b, 4);
		snprintf(host, 256, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
	} else {
		px_read(c, b, 1);
		px_read(c, host, b[0]);
		host[b[0]] = 0;
	}
	px_read(c, b, 2);
	*port = (unsigned)b[0] << 8 | b[1];
	/* in two pieces: an answer may arrive like that */
	px_write(c, p->mood == PROXY_REFUSES ? "\5\5\0" : "\5\0\0", 3);
	usleep(2000);
	px_write(c, "\1\0\0\0\0\0\0", 7);
	return p->mood != PROXY_REFUSES;
}

static bool px_http(struct test_proxy *p, int c, char host[256], unsigned *port)
{
	char head[2048] = "", *at;
	size_t n = 0;

	while (n < sizeof(head) - 1 && !strstr(head, "\r\n\r\n") && read(c, head + n, 1) == 1)
		n++;
	if (strncmp(head, "CONNECT ", 8) != 0)
		return false;
	snprintf(host, 256, "%.*s", (int)strcspn(head + 8, ":"), head + 8);
	at = strchr(head + 8, ':');
	*port = 0;
	for (at++; *at >= '0' && *at <= '9'; at++)
		*port = *port * 10 + (unsigned)(*at - '0');
	/* user:secret */
	if (p->user && !strstr(head, "Proxy-Authorization: Basic dXNlcjpzZWM6cmV0\r\n")) {
		px_write(c, "HTTP/1.1 407 Who are you\r\n\r\n", 28);
		return false;
	}
	if (p->mood == PROXY_REFUSES) {
		px_write(c, "HTTP/1.1 403 No\r\n\r\n", 19);
		return false;
	}
	px_write(c, "HTTP/1.1 200 Go\r\nX: y\r\n\r\n", 25);
	return true;
}

static void px_relay(struct test_proxy *p, int a, int b)
{
	struct pollfd f[2] = { { a, POLLIN, 0 }, { b, POLLIN, 0 } };
	static char buf[65536];

	while (poll(f, 2, -1) > 0)
		for (int i = 0; i < 2; i++) {
			ssize_t n;

			if (!f[i].revents)
				continue;
			n = read(f[i].fd, buf, sizeof(buf));
			if (n <= 0)
				return;
			p->relayed += (size_t)n;
			px_write(f[1 - i].fd, buf, (size_t)n);
			if (p->mood == PROXY_BREAKS && p->relayed > 100000)
				return;
		}
}

static void *px_run(void *arg)
{
	struct test_proxy *p = arg;
	int c = accept(p->fd, NULL, NULL), far = -1;
	char host[256] = "";
	unsigned port = 0;

	if (p->mood == PROXY_TALKS_NONSENSE)
		px_write(c, "220 mail.example ESMTP, and a good day to you\r\n\r\n", 49);
	else if (p->mood != PROXY_HANGS_UP && (p->socks ? px_socks(p, c, host, &port) : px_http(p, c, host, &port)))
		far = px_dial(host, port);
	snprintf(p->asked, sizeof(p->asked), "%s:%u", host, port);
	if (far >= 0)
		px_relay(p, c, far);
	shutdown(c, SHUT_WR);
	if (p->mood == PROXY_TALKS_NONSENSE)
		while (read(c, host, sizeof(host)) > 0)
			;
	close(c);
	if (far >= 0)
		close(far);
	return NULL;
}

static void proxy_start(struct test_proxy *p)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);

	p->fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(p->fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(p->fd, 1), 0);
	assert_int_equal(getsockname(p->fd, (struct sockaddr *)&at, &len), 0);
	p->port = ntohs(at.sin_port);
	assert_int_equal(pthread_create(&p->thread, NULL, px_run, p), 0);
}

static void proxy_end(struct test_proxy *p)
{
	pthread_join(p->thread, NULL);
	close(p->fd);
}

#endif
