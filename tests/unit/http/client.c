/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"

#define DEADLINE_MS 20000

struct wb_loop *test_loop;

void turn(void)
{
	wb_loop_once(test_loop, 5);
}

void client_open(struct client *c, uint16_t port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(port) };

	memset(c, 0, sizeof(*c));
	wa_buf_init(&c->in, 64 << 20);
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(c->fd >= 0);
	assert_int_equal(connect(c->fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(fcntl(c->fd, F_SETFL, O_NONBLOCK), 0);
}

bool client_open_tls(struct client *c, uint16_t port, const char *ca_file, int max_version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int64_t end = wa_mono_ms() + DEADLINE_MS;
	int r;

	client_open(c, port);
	/* Old versions are off in the library's default security level as well: open them here,
	 * so that it is the server who refuses. */
	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	if (max_version)
		SSL_CTX_set_max_proto_version(ctx, max_version);
	assert_int_equal(SSL_CTX_load_verify_locations(ctx, ca_file, NULL), 1);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	c->ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	SSL_set_fd(c->ssl, c->fd);
	SSL_set1_host(c->ssl, "localhost");
	for (;;) {
		int e;

		r = SSL_connect(c->ssl);
		if (r == 1)
			return true;
		e = SSL_get_error(c->ssl, r);
		if (e != SSL_ERROR_WANT_READ && e != SSL_ERROR_WANT_WRITE)
			return false;
		assert_true(wa_mono_ms() < end);
		turn();
	}
}

void client_close(struct client *c)
{
	SSL_free(c->ssl);
	c->ssl = NULL;
	close(c->fd);
	wa_buf_clear(&c->in);
}

void client_send_bytes(struct client *c, const void *p, size_t n)
{
	int64_t end = wa_mono_ms() + DEADLINE_MS;
	const char *at = p;

	while (n) {
		ssize_t w = c->ssl ? SSL_write(c->ssl, at, (int)n) : send(c->fd, at, n, MSG_NOSIGNAL);

		if (w > 0) {
			at += w;
			n -= (size_t)w;
			continue;
		}
		/* The server has closed: what was refused needs no sending. */
		if (!c->ssl && errno != EAGAIN)
			return;
		assert_true(wa_mono_ms() < end);
		turn();
		client_poll(c);
	}
}

void client_send(struct client *c, const char *text)
{
	client_send_bytes(c, text, strlen(text));
}

void client_poll(struct client *c)
{
	char b[16384];

	for (;;) {
		ssize_t n = c->ssl ? SSL_read(c->ssl, b, sizeof(b)) : recv(c->fd, b, sizeof(b), 0);

		if (n > 0) {
			wa_buf_put(&c->in, b, (size_t)n);
			continue;
		}
		if (c->ssl ? SSL_get_error(c->ssl, (int)n) != SSL_ERROR_WANT_READ :
			     n == 0 || errno != EAGAIN)
			c->eof = true;
		return;
	}
}

bool client_has(struct client *c, const char *text)
{
	return c->in.len && memmem(c->in.ptr, c->in.len, text, strlen(text));
}

size_t client_count(struct client *c, const char *text)
{
	const char *p = wa_buf_cstr(&c->in);
	size_t n = 0;

	while ((p = strstr(p, text))) {
		n++;
		p += strlen(text);
	}
	return n;
}

const char *client_until(struct client *c, const char *text)
{
	int64_t end = wa_mono_ms() + DEADLINE_MS;

	client_poll(c);
	while (!client_has(c, text)) {
		if (c->eof || wa_mono_ms() > end)
			fail_msg("waited for \"%s\", got \"%s\"", text, wa_buf_cstr(&c->in));
		turn();
		client_poll(c);
	}
	return strstr(wa_buf_cstr(&c->in), text) + strlen(text);
}

void client_until_eof(struct client *c)
{
	int64_t end = wa_mono_ms() + DEADLINE_MS;

	while (!c->eof) {
		client_poll(c);
		assert_true(wa_mono_ms() < end);
		turn();
	}
}

void client_forget(struct client *c)
{
	wa_buf_reset(&c->in);
}
