/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "peer.h"

#include "cmocka_all.h"

static int64_t now_ms(void *ctx)
{
	return ((struct peer *)ctx)->now;
}

/* xorshift64*: good enough to tell keys apart, and the same on every run. */
static void seeded(void *ctx, void *out, size_t len)
{
	struct peer *p = ctx;
	uint8_t *b = out;

	for (size_t i = 0; i < len; i++) {
		p->seed ^= p->seed >> 12;
		p->seed ^= p->seed << 25;
		p->seed ^= p->seed >> 27;
		b[i] = (uint8_t)((p->seed * 0x2545f4914f6cdd1dull) >> 56);
	}
}

static void start(struct peer *p)
{
	p->rec = wa_records_new(wa_memstore_ops(), p->store, 16384);
	assert_non_null(p->rec);
	assert_int_equal(wa_signal_new(&p->env, p->rec, &p->dev, &p->sig, NULL), 0);
}

void peer_open(struct peer *p, const char *user, int server, unsigned device, uint64_t seed)
{
	memset(p, 0, sizeof(*p));
	p->seed = seed * 0x9e3779b97f4a7c15ull + 1;
	p->env = (struct wa_env){ now_ms, seeded, NULL, p };
	p->jid = wa_jid_make(server, user, device);
	p->store = wa_memstore_new();
	assert_non_null(p->store);
	assert_int_equal(wa_device_generate(&p->env, &p->dev, NULL), 0);
	start(p);
}

void peer_close(struct peer *p)
{
	wa_signal_free(p->sig);
	wa_records_free(p->rec);
	wa_memstore_free(p->store);
	wa_device_wipe(&p->dev);
}

void peer_commit(struct peer *p)
{
	const struct wa_change *changes;
	size_t n = wa_records_seal(p->rec, ++p->batch, &changes);

	assert_int_equal(wa_memstore_apply(p->store, changes, n), 0);
	wa_records_committed(p->rec, p->batch);
}

void peer_crash(struct peer *p)
{
	wa_signal_free(p->sig);
	wa_records_free(p->rec);
	start(p);
}

void peer_bundle(struct peer *p, bool with_prekey, struct wa_bundle *ret)
{
	struct wa_prekey_pub key = { 0 };

	if (with_prekey)
		assert_int_equal(wa_signal_prekeys_generate(p->sig, &key, 1, NULL), 0);
	peer_commit(p);
	*ret = (struct wa_bundle){
		.registration_id = p->dev.registration_id,
		.identity = p->dev.identity.pub,
		.sprekey_id = p->dev.sprekey_id,
		.sprekey = p->dev.sprekey.pub,
		.sprekey_sig = p->dev.sprekey_sig,
		.has_prekey = with_prekey,
		.prekey_id = key.id,
		.prekey = key.pub,
	};
}

void peer_meet(struct peer *from, struct peer *to)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_bundle b;
	int rc;

	peer_bundle(to, true, &b);
	rc = wa_signal_start_session(from->sig, &to->jid, &b, &err);
	if (rc)
		print_error("start_session: %s\n", err.msg);
	assert_int_equal(rc, 0);
	peer_commit(from);
}

struct letter peer_write(struct peer *from, const struct wa_jid *to, const char *text)
{
	struct wa_err err = WA_ERR_INIT;
	struct letter l;
	int rc;

	wa_buf_init(&l.text, 1 << 20);
	rc = wa_signal_encrypt(from->sig, to, wa_span_str(text), &l.type, &l.text, &err);
	if (rc)
		print_error("encrypt: %s\n", err.msg);
	assert_int_equal(rc, 0);
	return l;
}

int peer_read(struct peer *to, const struct wa_jid *from, const struct letter *l,
	      const char *expect, int *ret_detail)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_buf plain;
	int rc;

	wa_buf_init(&plain, 1 << 20);
	rc = wa_signal_decrypt(to->sig, from, l->type, wa_buf_view(&l->text), &plain, &err);
	if (rc == 0) {
		assert_int_equal(plain.len, strlen(expect));
		assert_memory_equal(plain.ptr, expect, plain.len);
	} else {
		assert_int_equal(err.code, rc);
		assert_int_equal(plain.len, 0);
	}
	if (ret_detail)
		*ret_detail = err.detail;
	wa_buf_clear(&plain);
	return rc;
}

void letter_free(struct letter *l)
{
	wa_buf_clear(&l->text);
}

void peer_say(struct peer *from, struct peer *to, const char *text)
{
	struct letter l = peer_write(from, &to->jid, text);

	peer_commit(from);
	assert_int_equal(peer_read(to, &from->jid, &l, text, NULL), 0);
	peer_commit(to);
	letter_free(&l);
}
