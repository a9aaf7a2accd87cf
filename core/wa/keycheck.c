/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Do the keys that the server hands out for us belong to us? Asked once some
 * time after each login (encrypt get digest). What differs is uploaded again.
 * Then the signed prekey, when it has grown old, is replaced.
 */
#include "client_int.h"

#define CHECK_MIN_MS    20000
#define CHECK_SPREAD_MS 40000
#define ROTATE_MS       (30LL * 24 * 3600 * 1000)
#define ID_LEN          3

void keycheck_schedule(struct wa_client *c)
{
	c->keys_at = client_now(c) + CHECK_MIN_MS + c->dev.registration_id * 7919LL % CHECK_SPREAD_MS;
}

/* ---- rotation ---- */

static void send_rotate(struct wa_client *c, wa_done_fn *fn, void *arg)
{
	struct wa_node *iq;
	struct wa_arena a;

	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "set", "encrypt");
	prekey_put_skey(c, &a, wa_node_child(&a, iq, "rotate"));
	iq_done(c, &a, iq, NULL, fn, arg);
	wa_arena_clear(&a);
}

static int rotate(struct wa_client *c, wa_done_fn *fn, void *arg, struct wa_err *err)
{
	int rc = wa_signal_sprekey_rotate(c->sig, err);

	if (rc == 0)
		send_rotate(c, fn, arg); /* leaves when the new key is committed */
	return rc;
}

int wa_client_rotate_prekey(struct wa_client *c, wa_done_fn *fn, void *arg, struct wa_err *err)
{
	int rc;

	if (c->state != WA_ST_READY)
		return wa_err_set(err, WA_ESTATE, "not connected");
	client_enter(c);
	rc = rotate(c, fn, arg, err);
	client_leave(c);
	return rc;
}

static void rotate_when_old(struct wa_client *c)
{
	struct wa_err err = WA_ERR_INIT;

	if (c->dev.sprekey_ms == 0) { /* its age counts from now on */
		c->dev.sprekey_ms = client_now(c);
		client_save_device(c);
	} else if (client_now(c) - c->dev.sprekey_ms >= ROTATE_MS && rotate(c, NULL, NULL, &err)) {
		WA_LOG(c->env, WA_WARN, "prekey.rotate_failed", WA_S("error", err.msg));
	}
}

/* ---- digest ---- */

static bool same(const struct wa_node *n, const char *tag, const void *ours, size_t len)
{
	return wa_span_eq(wa_node_bytes(wa_node_get(n, tag)), wa_span(ours, len));
}

static bool same_number(const struct wa_node *n, const char *tag, uint32_t ours, size_t len)
{
	uint8_t be[4];

	for (size_t i = 0; i < len; i++)
		be[i] = (uint8_t)(ours >> (8 * (len - 1 - i)));
	return same(n, tag, be, len);
}

/* The private half of a listed key is here. */
static bool have_key(struct wa_client *c, const struct wa_node *id)
{
	struct wa_span s = wa_node_bytes(id);
	struct wa_prekey_pub k;

	return s.len == ID_LEN && wa_signal_prekey_load(c->sig,
							(uint32_t)s.ptr[0] << 16 |
								(uint32_t)s.ptr[1] << 8 | s.ptr[2],
							&k, NULL) != 0;
}

/* The oldest and the newest key stand for all: ids are given out in order. */
static bool list_known(struct wa_client *c, const struct wa_node *list)
{
	const struct wa_node *first = wa_node_first(list), *last = first;

	while (last && last->next)
		last = last->next;
	return !first || (have_key(c, first) && have_key(c, last));
}

static void on_digest(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	const struct wa_node *d = code == 0 ? wa_node_get(node, "digest") : NULL;
	const struct wa_node *skey = wa_node_get(d, "skey");
	const struct wa_device *dev = &c->dev;
	const char *differs = NULL;

	(void)arg;
	if (code < 0 || c->state != WA_ST_READY)
		return;
	if (!d)
		differs = "missing";
	else if (!same_number(d, "registration", dev->registration_id, 4) ||
		 !same(d, "identity", dev->identity.pub.b, 32))
		differs = "identity";
	else if (!list_known(c, wa_node_get(d, "list")))
		differs = "prekeys";
	if (differs) {
		WA_LOG(c->env, WA_WARN, "prekey.digest_differs", WA_S("what", differs), WA_I("code", code));
		prekey_low(c, 0); /* all of it again, the signed prekey too */
		return;
	}
	if (!same_number(skey, "id", dev->sprekey_id, ID_LEN) || !same(skey, "value", dev->sprekey.pub.b, 32)) {
		WA_LOG(c->env, WA_WARN, "prekey.digest_differs", WA_S("what", "signed"), WA_I("code", code));
		send_rotate(c, NULL, NULL);
		return;
	}
	rotate_when_old(c);
}

void keycheck_run(struct wa_client *c)
{
	struct wa_node *iq;
	struct wa_arena a;

	c->keys_at = INT64_MAX;
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "get", "encrypt");
	wa_node_child(&a, iq, "digest");
	iq_send(c, &a, iq, IQ_TIMEOUT_MS, on_digest, NULL);
	wa_arena_clear(&a);
}
