/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TEST_HTTP_CLIENT_H
#define TEST_HTTP_CLIENT_H

/*
 * The other end of an HTTP connection, in the same thread: a non-blocking
 * socket that is fed and read between turns of the server's loop. Waiting ends
 * when what is waited for has happened, or fails the test after a deadline.
 */
#include <wa/buf.h>
#include "server.h"

struct client {
	int fd;
	void *ssl;		/* SSL *; NULL: plain */
	struct wa_buf in;	/* all received so far */
	bool eof;
};

extern struct wb_loop *test_loop;	/* made by the test */

void client_open(struct client *c, uint16_t port);
/* max_version 0: any. False: the handshake failed. */
bool client_open_tls(struct client *c, uint16_t port, const char *ca_file, int max_version);
void client_close(struct client *c);
void client_send(struct client *c, const char *text);
void client_send_bytes(struct client *c, const void *p, size_t n);
/* Turn the loop until the text has come in; returns the position after it. */
const char *client_until(struct client *c, const char *text);
void client_until_eof(struct client *c);
bool client_has(struct client *c, const char *text);
void client_forget(struct client *c);	/* what came in so far */
void client_poll(struct client *c);	/* read what is there */
void turn(void);			/* one short turn */
size_t client_count(struct client *c, const char *text);

#endif
