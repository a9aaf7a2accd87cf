/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <wa/import.h>
#include <wa/sig.h>

#include <stdlib.h>

#include <signal/group_cipher.h>
#include <signal/sender_key_record.h>
#include <signal/session_record.h>
#include <signal/session_state.h>

#include <crypto.h>

#include "pb.h"
#include "signal_int.h"

#define PREKEY_STATE  1
#define RECORD_KEY_MAX 512
#define RECORD_KIND_MAX 63
#define SESSION_MAX   (1u << 20)
#define CHAIN_MAX     (512u << 10)
#define SKIPPED_MAX   2000
#define SYNC_KEY_KEPT 1
#define TOKEN_VERSION 1
#define TOKEN_MAX     256

struct wa_import {
	struct wa_arena arena;
	struct wa_change *changes;
	size_t n, cap;
	struct wa_signal sig;	/* only its context, to read records with */
	bool has_device;
	uint8_t identity[WA_TYPED_PUB];
	uint32_t registration_id;
};

int wa_import_new(struct wa_import **ret_im, struct wa_err *err)
{
	struct wa_import *im = calloc(1, sizeof(*im));

	if (!im || signal_context_create(&im->sig.ctx, &im->sig) || wa_signal_crypto_attach(&im->sig)) {
		if (im && im->sig.ctx)
			signal_context_destroy(im->sig.ctx);
		free(im);
		return wa_err_set(err, WA_ENOMEM, "no memory for an import");
	}
	wa_arena_init(&im->arena, WA_IMPORT_BYTES_MAX);
	*ret_im = im;
	return 0;
}

void wa_import_free(struct wa_import *im)
{
	if (!im)
		return;
	for (size_t i = 0; i < im->n; i++) {
		union {
			const uint8_t *in;
			uint8_t *out;
		} value = { im->changes[i].value.ptr };

		wa_wipe(value.out, im->changes[i].value.len);
	}
	wa_arena_clear(&im->arena);
	signal_context_destroy(im->sig.ctx);
	free(im->changes);
	free(im);
}

static int add(struct wa_import *im, int kind, struct wa_span key, struct wa_span value, struct wa_err *err)
{
	uint8_t *k, *v;

	if (im->n == im->cap) {
		size_t cap = im->cap ? im->cap * 2 : 256;
		struct wa_change *grown = realloc(im->changes, cap * sizeof(*grown));

		if (!grown)
			return wa_err_set(err, WA_ENOMEM, "no memory for an import");
		im->changes = grown;
		im->cap = cap;
	}
	k = wa_arena_alloc(&im->arena, key.len + 1);
	v = wa_arena_alloc(&im->arena, value.len + 1);
	if (!k || !v)
		return wa_err_set(err, WA_ELIMIT, "an import of over %u bytes", WA_IMPORT_BYTES_MAX);
	if (key.len)
		memcpy(k, key.ptr, key.len);
	if (value.len)
		memcpy(v, value.ptr, value.len);
	im->changes[im->n++] = (struct wa_change){
		.kind = kind, .key = wa_span(k, key.len), .value = wa_span(v, value.len)
	};
	return 0;
}

static int add_buf(struct wa_import *im, int kind, struct wa_span key, struct wa_buf *take, struct wa_err *err)
{
	int rc = wa_buf_end(take, err);

	if (rc == 0)
		rc = add(im, kind, key, wa_buf_view(take), err);
	wa_buf_wipe(take);
	return rc;
}

int wa_import_record(struct wa_import *im, int kind, struct wa_span key, struct wa_span value, struct wa_err *err)
{
	if (kind < WA_REC_DEVICE || kind > RECORD_KIND_MAX || key.len > RECORD_KEY_MAX)
		return wa_err_set(err, WA_EPROTO, "a record of kind %d", kind);
	return add(im, kind, key, value, err);
}

size_t wa_import_records(const struct wa_import *im, const struct wa_change **ret_changes)
{
	*ret_changes = im->changes;
	return im->n;
}

static void typed(const struct wa_pub *pub, uint8_t out[WA_TYPED_PUB])
{
	out[0] = 0x05;
	memcpy(out + 1, pub->b, 32);
}

static void put_pub(struct wa_buf *b, uint32_t field, const struct wa_pub *pub)
{
	uint8_t t[WA_TYPED_PUB];

	typed(pub, t);
	wa_pb_put(b, field, wa_span(t, sizeof(t)));
}

/* ---- the device and its keys ---- */

int wa_import_device(struct wa_import *im, const struct wa_device *d, struct wa_err *err)
{
	uint8_t signed_pub[WA_TYPED_PUB];
	struct wa_buf b;
	int rc;

	typed(&d->sprekey.pub, signed_pub);
	if (wa_sig_verify(&d->identity.pub, wa_span(signed_pub, sizeof(signed_pub)), &d->sprekey_sig))
		return wa_err_set(err, WA_ECRYPTO, "the signed prekey is not signed by this identity");
	if (!d->paired || wa_jid_is_null(&d->pn))
		return wa_err_set(err, WA_ESTATE, "these credentials were never linked");
	wa_buf_init(&b, 16384);
	rc = wa_device_encode(d, &b, err);
	if (rc) {
		wa_buf_wipe(&b);
		return rc;
	}
	typed(&d->identity.pub, im->identity);
	im->registration_id = d->registration_id;
	im->has_device = true;
	return add_buf(im, WA_REC_DEVICE, wa_span(NULL, 0), &b, err);
}

int wa_import_identity(struct wa_import *im, const char *address, const struct wa_pub *pub, struct wa_err *err)
{
	uint8_t t[WA_TYPED_PUB];

	typed(pub, t);
	return add(im, WA_REC_IDENTITY, wa_span_str(address), wa_span(t, sizeof(t)), err);
}

int wa_import_prekey(struct wa_import *im, uint32_t id, const struct wa_priv *priv, struct wa_err *err)
{
	uint8_t key[4] = { (uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id };
	struct wa_pub pub;
	struct wa_buf b;

	if (id == 0 || id > WA_PREKEY_ID_MAX)
		return wa_err_set(err, WA_EINVALID, "prekey id %u", id);
	wa_pub_from(priv, &pub);
	wa_buf_init(&b, 256);
	wa_buf_u8(&b, PREKEY_STATE);
	wa_pb_put_varint(&b, 1, id);
	put_pub(&b, 2, &pub);
	wa_pb_put(&b, 3, wa_span(priv->b, 32));
	return add_buf(im, WA_REC_PREKEY, wa_span(key, 4), &b, err);
}

/* ---- sessions: LocalStorageProtocol's SessionStructure ---- */

static void put_message_key(struct wa_buf *chain, const struct wa_import_mkey *k)
{
	uint8_t keys[80], text[160];
	struct wa_buf b = { .ptr = text, .cap = sizeof(text), .max = sizeof(text) };

	wa_hkdf(wa_span(k->seed.b, 32), wa_span(NULL, 0), wa_span_str("WhisperMessageKeys"), keys, sizeof(keys));
	wa_pb_put_varint(&b, 1, k->index);
	wa_pb_put(&b, 2, wa_span(keys, 32));
	wa_pb_put(&b, 3, wa_span(keys + 32, 32));
	wa_pb_put(&b, 4, wa_span(keys + 64, 16));
	wa_pb_put(chain, 4, wa_buf_view(&b));
	wa_wipe(keys, sizeof(keys));
	wa_wipe(text, sizeof(text));
}

static void put_chain(struct wa_buf *out, uint32_t field, const struct wa_import_chain *c, bool ours)
{
	static const struct wa_key none;
	struct wa_buf b, key;

	wa_buf_init(&b, CHAIN_MAX);
	wa_buf_init(&key, 128);
	put_pub(&b, 1, &c->ratchet);
	if (ours)
		wa_pb_put(&b, 2, wa_span(c->ratchet_priv.b, 32));
	wa_pb_put_varint(&key, 1, c->index);
	wa_pb_put(&key, 2, wa_span(c->has_key ? c->key.b : none.b, 32));
	wa_pb_put(&b, 3, wa_buf_view(&key));
	for (size_t i = 0; i < c->n_skipped && i < SKIPPED_MAX; i++)
		put_message_key(&b, &c->skipped[i]);
	if (b.failed)
		out->failed = b.failed;
	wa_pb_put(out, field, wa_buf_view(&b));
	wa_buf_wipe(&key);
	wa_buf_wipe(&b);
}

static void put_pending(struct wa_buf *out, const struct wa_import_session *s)
{
	uint8_t text[64];
	struct wa_buf b = { .ptr = text, .cap = sizeof(text), .max = sizeof(text) };

	if (s->pending_has_prekey)
		wa_pb_put_varint(&b, 1, s->pending_prekey);
	put_pub(&b, 2, &s->base_key);
	wa_pb_put_varint(&b, 3, s->pending_sprekey);
	wa_pb_put(out, 9, wa_buf_view(&b));
}

static void put_state(struct wa_import *im, struct wa_buf *out, uint32_t field, const struct wa_import_session *s)
{
	uint8_t base[WA_TYPED_PUB];
	struct wa_buf b;

	wa_buf_init(&b, SESSION_MAX);
	wa_pb_put_varint(&b, 1, 3);
	wa_pb_put(&b, 2, wa_span(im->identity, sizeof(im->identity)));
	put_pub(&b, 3, &s->remote_identity);
	wa_pb_put(&b, 4, wa_span(s->root.b, 32));
	wa_pb_put_varint(&b, 5, s->previous_counter);
	if (s->has_sender)
		put_chain(&b, 6, &s->sender, true);
	for (size_t i = 0; i < s->n_receivers; i++)
		put_chain(&b, 7, &s->receivers[i], false);
	if (s->pending)
		put_pending(&b, s);
	wa_pb_put_varint(&b, 10, s->remote_registration_id);
	wa_pb_put_varint(&b, 11, im->registration_id);
	typed(&s->base_key, base);
	wa_pb_put(&b, 13, wa_span(base, sizeof(base)));
	if (b.failed)
		out->failed = b.failed;
	wa_pb_put(out, field, wa_buf_view(&b));
	wa_buf_wipe(&b);
}

int wa_import_session_record(struct wa_import *im, const char *address, struct wa_span record, struct wa_err *err)
{
	session_record *parsed = NULL;
	signal_buffer *text = NULL;
	int rc;

	if (record.len > SESSION_MAX || !*address)
		return wa_err_set(err, WA_ELIMIT, "a session of %zu bytes", record.len);
	rc = session_record_deserialize(&parsed, record.ptr, record.len, im->sig.ctx);
	if (rc == 0 && !session_state_has_sender_chain(session_record_get_state(parsed)) &&
	    session_state_get_session_version(session_record_get_state(parsed)) != 3)
		rc = SG_ERR_INVALID_PROTO_BUF;
	if (rc == 0)
		rc = session_record_serialize(&text, parsed);
	if (rc == 0)
		rc = add(im, WA_REC_SESSION, wa_span_str(address),
			 wa_span(signal_buffer_data(text), signal_buffer_len(text)), err);
	else
		rc = wa_err_set(err, WA_EPROTO, "a session that libsignal does not take");
	signal_buffer_bzero_free(text);
	SIGNAL_UNREF(parsed);
	return rc;
}

int wa_import_session(struct wa_import *im, const char *address, const struct wa_import_session *states, size_t n,
		      struct wa_err *err)
{
	struct wa_buf b;
	int rc;

	if (!im->has_device || n == 0 || n > WA_IMPORT_STATES_MAX)
		return wa_err_set(err, WA_EINVALID, "a session of %zu states", n);
	wa_buf_init(&b, SESSION_MAX);
	for (size_t i = 0; i < n; i++)
		put_state(im, &b, i == 0 ? 1 : 2, &states[i]);
	rc = wa_buf_end(&b, err);
	if (rc == 0)
		rc = wa_import_session_record(im, address, wa_buf_view(&b), err);
	wa_buf_wipe(&b);
	return rc;
}

/* ---- sender keys: SenderKeyRecordStructure ---- */

static void put_sender_state(struct wa_buf *out, const struct wa_import_sender_key *s)
{
	struct wa_buf b, part;

	wa_buf_init(&b, CHAIN_MAX);
	wa_buf_init(&part, 128);
	wa_pb_put_varint(&b, 1, s->id);
	wa_pb_put_varint(&part, 1, s->iteration);
	wa_pb_put(&part, 2, wa_span(s->chain.b, 32));
	wa_pb_put(&b, 2, wa_buf_view(&part));
	wa_buf_reset(&part);
	put_pub(&part, 1, &s->signing);
	wa_pb_put(&b, 3, wa_buf_view(&part));
	for (size_t i = 0; i < s->n_skipped && i < SKIPPED_MAX; i++) {
		wa_buf_reset(&part);
		wa_pb_put_varint(&part, 1, s->skipped[i].index);
		wa_pb_put(&part, 2, wa_span(s->skipped[i].seed.b, 32));
		wa_pb_put(&b, 4, wa_buf_view(&part));
	}
	if (b.failed)
		out->failed = b.failed;
	wa_pb_put(out, 1, wa_buf_view(&b));
	wa_buf_wipe(&part);
	wa_buf_wipe(&b);
}

int wa_import_sender_key_record(struct wa_import *im, const char *group, const char *address, struct wa_span record,
				struct wa_err *err)
{
	sender_key_record *parsed = NULL;
	struct wa_buf key;
	int rc;

	if (record.len > SESSION_MAX)
		return wa_err_set(err, WA_ELIMIT, "a sender key of %zu bytes", record.len);
	rc = sender_key_record_deserialize(&parsed, record.ptr, record.len, im->sig.ctx);
	SIGNAL_UNREF(parsed);
	if (rc)
		return wa_err_set(err, WA_EPROTO, "a sender key that libsignal does not take");
	wa_buf_init(&key, 512);
	wa_buf_str(&key, group);
	wa_buf_u8(&key, 0);
	wa_buf_str(&key, address);
	rc = wa_buf_end(&key, err);
	if (rc == 0)
		rc = add(im, WA_REC_SENDER_KEY, wa_buf_view(&key), record, err);
	wa_buf_clear(&key);
	return rc;
}

int wa_import_sender_key(struct wa_import *im, const char *group, const char *address,
			 const struct wa_import_sender_key *states, size_t n, struct wa_err *err)
{
	struct wa_buf b;
	int rc;

	wa_buf_init(&b, SESSION_MAX);
	for (size_t i = 0; i < n; i++)
		put_sender_state(&b, &states[i]);
	rc = wa_buf_end(&b, err);
	if (rc == 0)
		rc = wa_import_sender_key_record(im, group, address, wa_buf_view(&b), err);
	wa_buf_wipe(&b);
	return rc;
}

/* ---- the rest ---- */

static bool is_number(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n > 0 && n < WA_JID_USER_MAX && !s[n];
}

int wa_import_lid(struct wa_import *im, const char *pn_user, const char *lid_user, struct wa_err *err)
{
	int rc;

	if (!is_number(pn_user) || !is_number(lid_user))
		return wa_err_set(err, WA_EINVALID, "a LID or number that is none");
	rc = add(im, WA_REC_LID, wa_span_str(pn_user), wa_span_str(lid_user), err);
	return rc ? rc : add(im, WA_REC_PN, wa_span_str(lid_user), wa_span_str(pn_user), err);
}

/* As sync_keys.c keeps them. */
int wa_import_sync_key(struct wa_import *im, struct wa_span id, struct wa_span data, int64_t timestamp,
		       struct wa_span fingerprint, bool newest, struct wa_err *err)
{
	struct wa_buf b;
	int rc;

	if (data.len != 32 || id.len == 0 || id.len > 32 || fingerprint.len > 512)
		return wa_err_set(err, WA_EINVALID, "an app-state key of %zu bytes", data.len);
	wa_buf_init(&b, 1024);
	wa_buf_u8(&b, SYNC_KEY_KEPT);
	wa_buf_span(&b, data);
	wa_buf_be64(&b, (uint64_t)timestamp);
	wa_buf_span(&b, fingerprint);
	rc = add_buf(im, WA_REC_SYNC_KEY, id, &b, err);
	if (rc == 0 && newest)
		rc = add(im, WA_REC_CACHE, wa_span_str("sync_key"), id, err);
	return rc;
}

/* As trust.c keeps them. */
int wa_import_token(struct wa_import *im, const char *lid_user, struct wa_span token, int64_t t_s, int64_t sender_t_s,
		    struct wa_err *err)
{
	struct wa_buf b;

	if (token.len > TOKEN_MAX || !is_number(lid_user))
		return wa_err_set(err, WA_EINVALID, "a token of %zu bytes", token.len);
	wa_buf_init(&b, 512);
	wa_buf_u8(&b, TOKEN_VERSION);
	wa_buf_be64(&b, (uint64_t)t_s);
	wa_buf_be64(&b, (uint64_t)sender_t_s);
	wa_buf_span(&b, token);
	return add_buf(im, WA_REC_TOKEN, wa_span_str(lid_user), &b, err);
}

int wa_import_secret(struct wa_import *im, const char *chat, const char *sender, const char *id, struct wa_span secret,
		     struct wa_err *err)
{
	struct wa_buf key;
	int rc;

	if (secret.len != 32)
		return wa_err_set(err, WA_EINVALID, "a message secret of %zu bytes", secret.len);
	wa_buf_init(&key, 512);
	wa_buf_str(&key, chat);
	wa_buf_u8(&key, 0);
	wa_buf_str(&key, sender);
	wa_buf_u8(&key, 0);
	wa_buf_str(&key, id);
	rc = wa_buf_end(&key, err);
	if (rc == 0)
		rc = add(im, WA_REC_SECRET, wa_buf_view(&key), secret, err);
	wa_buf_clear(&key);
	return rc;
}
