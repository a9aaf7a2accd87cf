/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TEST_PEER_H
#define TEST_PEER_H

/*
 * A device with a store in memory, for tests. Random bytes come from a seed,
 * so that every run is the same. Functions fail the test themselves.
 */
#include <wa/signal.h>

#include <base.h>

struct peer {
	struct wa_env env;
	uint64_t seed;
	int64_t now;
	struct wa_memstore *store;
	struct wa_records *rec;
	struct wa_device dev;
	struct wa_signal *sig;
	struct wa_jid jid;	/* the address others use for it */
	uint64_t batch;
};

void peer_open(struct peer *p, const char *user, int server, unsigned device, uint64_t seed);
void peer_close(struct peer *p);
void peer_commit(struct peer *p);	/* seal, apply, committed */
void peer_crash(struct peer *p);	/* come back with what was committed */
/* What a server would hand out; takes a fresh one-time prekey when with_prekey. */
void peer_bundle(struct peer *p, bool with_prekey, struct wa_bundle *ret);
void peer_meet(struct peer *from, struct peer *to);	/* start a session by bundle */

struct letter {
	int type;
	struct wa_buf text;
};

struct letter peer_write(struct peer *from, const struct wa_jid *to, const char *text);
/* The code of decrypting; *ret_detail (NULL allowed) its detail. Checks the text when it succeeds. */
int peer_read(struct peer *to, const struct wa_jid *from, const struct letter *l,
	      const char *expect, int *ret_detail);
void letter_free(struct letter *l);
/* Write, read, free; both sides commit. */
void peer_say(struct peer *from, struct peer *to, const char *text);

#endif
