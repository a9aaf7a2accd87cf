/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sessions with other devices. */
#include "signal_int.h"

#include <wa/sig.h>

#include <stdlib.h>

#include <signal/protocol.h>
#include <signal/session_builder.h>
#include <signal/session_cipher.h>
#include <signal/session_state.h>

#define CIPHER_MAX (16u << 20) /* bytes of one message we encrypt or decrypt */
#define PAD_MAX    16

/* Retry reasons of protocol 1.17. */
enum reason {
	REASON_NO_SESSION = 1,
	REASON_INVALID_KEY = 2,
	REASON_INVALID_KEY_ID = 3,
	REASON_INVALID_MESSAGE = 4,
	REASON_INVALID_SIGNATURE = 5,
	REASON_FUTURE = 6,
	REASON_BAD_MAC = 7,
	REASON_INVALID_SESSION = 8,
};

int wa_signal_new(const struct wa_env *env, struct wa_records *rec, struct wa_device *dev,
		  struct wa_signal **ret_s, struct wa_err *err)
{
	struct wa_signal *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return wa_err_set(err, WA_ENOMEM, "out of memory");
	s->env = env;
	s->rec = rec;
	s->dev = dev;
	rc = signal_context_create(&s->ctx, s);
	if (rc == 0)
		rc = wa_signal_crypto_attach(s);
	if (rc == 0)
		rc = wa_signal_store_attach(s);
	if (rc) {
		wa_signal_free(s);
		return wa_err_set(err, WA_ENOMEM, "out of memory");
	}
	*ret_s = s;
	return 0;
}

void wa_signal_free(struct wa_signal *s)
{
	if (!s)
		return;
	signal_protocol_store_context_destroy(s->store);
	signal_context_destroy(s->ctx);
	free(s);
}

void wa_signal_op_begin(struct wa_signal *s, const struct wa_jid *peer)
{
	wa_records_begin(s->rec);
	s->peer = peer;
	s->hint = HINT_NONE;
	s->store_err.code = 0;
	s->changed = false;
}

/* SG_ERR_INVALID_MESSAGE, told apart. */
static int invalid_message(const struct wa_signal *s, const char *what, struct wa_err *err)
{
	switch (s->hint) {
	case HINT_FUTURE:
		return wa_err_detail(err, WA_ECRYPTO, REASON_FUTURE,
				     "%s: too many messages are missing before it", what);
	case HINT_SIGNATURE:
		return wa_err_detail(err, WA_ECRYPTO, REASON_INVALID_SIGNATURE,
				     "%s: signature does not fit", what);
	case HINT_NO_KEY:
		return wa_err_detail(err, WA_ENOTFOUND, REASON_NO_SESSION,
				     "%s: its sender key is unknown", what);
	case HINT_MAC:
		return wa_err_detail(err, WA_ECRYPTO, REASON_BAD_MAC, "%s: bad mac", what);
	case HINT_NONE:
	default:
		return wa_err_detail(err, WA_ECRYPTO, REASON_INVALID_MESSAGE,
				     "%s: no session fits it", what);
	}
}

static int translate(struct wa_signal *s, int rc, const char *what, struct wa_err *err)
{
	switch (rc) {
	case SG_ERR_NOMEM:
		return wa_err_set(err, WA_ENOMEM, "%s: out of memory", what);
	case SG_ERR_DUPLICATE_MESSAGE:
		return wa_err_set(err, WA_EDUP, "%s: seen before", what);
	case SG_ERR_NO_SESSION:
		return wa_err_detail(err, WA_ENOTFOUND, REASON_NO_SESSION, "%s: no session", what);
	case SG_ERR_INVALID_KEY_ID:
		return wa_err_detail(err, WA_ENOTFOUND, REASON_INVALID_KEY_ID,
				     "%s: a prekey it uses is unknown", what);
	case SG_ERR_INVALID_KEY:
	case SG_ERR_VRF_SIG_VERIF_FAILED:
		if (s->hint == HINT_SIGNATURE)
			return invalid_message(s, what, err);
		return wa_err_detail(err, WA_ECRYPTO, REASON_INVALID_KEY, "%s: invalid key", what);
	case SG_ERR_INVALID_MESSAGE:
	case SG_ERR_INVALID_MAC:
		return invalid_message(s, what, err);
	case SG_ERR_INVALID_VERSION:
	case SG_ERR_LEGACY_MESSAGE:
	case SG_ERR_INVALID_PROTO_BUF:
	case SG_ERR_INVAL:
		return wa_err_detail(err, WA_EPROTO, REASON_INVALID_MESSAGE, "%s: malformed", what);
	default:
		break;
	}
	if (s->store_err.code) {
		if (err)
			*err = s->store_err;
		return s->store_err.code;
	}
	if (rc > SG_ERR_UNKNOWN)
		return rc; /* ours, and told already */
	/* A key of low order, or a session record that lacks something. */
	return wa_err_detail(err, WA_ECRYPTO, REASON_INVALID_SESSION,
			     "%s: a key or the session is not usable", what);
}

int wa_signal_op_end(struct wa_signal *s, int rc, const char *what, struct wa_err *err)
{
	if (rc < 0) {
		wa_records_rollback(s->rec);
		rc = translate(s, rc, what, err);
	} else {
		wa_records_keep(s->rec);
		if (s->changed && s->peer) {
			s->report = true;
			s->reported = *s->peer;
		}
	}
	s->peer = NULL;
	s->changed = false;
	return rc;
}

bool wa_signal_identity_changed(struct wa_signal *s, struct wa_jid *ret_device)
{
	if (!s->report)
		return false;
	s->report = false;
	*ret_device = s->reported;
	return true;
}

ec_public_key *wa_signal_pub(struct wa_signal *s, const struct wa_pub *pub)
{
	uint8_t typed[WA_TYPED_PUB];
	ec_public_key *key = NULL;

	typed[0] = 0x05;
	memcpy(typed + 1, pub->b, 32);
	(void)curve_decode_point(&key, typed, sizeof(typed), s->ctx);
	return key;
}

int wa_signal_pad(struct wa_signal *s, struct wa_span plain, struct wa_buf *out)
{
	uint8_t n, *p;

	s->env->random(s->env->ctx, &n, 1);
	n = (uint8_t)(1 + n % PAD_MAX);
	wa_buf_init(out, CIPHER_MAX);
	wa_buf_span(out, plain);
	p = wa_buf_grow(out, n);
	if (p)
		memset(p, n, n);
	return wa_buf_end(out, NULL);
}

int wa_signal_unpad(struct wa_span padded, size_t *ret_len)
{
	uint8_t n = padded.len ? padded.ptr[padded.len - 1] : 0;

	if (n == 0 || n > PAD_MAX || n > padded.len)
		return WA_EPROTO;
	for (size_t i = padded.len - n; i < padded.len; i++)
		if (padded.ptr[i] != n)
			return WA_EPROTO;
	*ret_len = padded.len - n;
	return 0;
}

int wa_signal_has_session(struct wa_signal *s, const struct wa_jid *device, struct wa_err *err)
{
	struct wa_jid canonical;
	struct wa_addr addr;
	struct wa_span value;
	int rc = wa_signal_locate(s, device, &canonical, &addr, err);

	return rc ? rc : wa_records_view(s->rec, WA_REC_SESSION, wa_addr_key(&addr), &value, err);
}

static int process_bundle(struct wa_signal *s, const struct wa_addr *addr,
			  const struct wa_bundle *b)
{
	ec_public_key *identity = wa_signal_pub(s, &b->identity);
	ec_public_key *sprekey = wa_signal_pub(s, &b->sprekey);
	ec_public_key *prekey = b->has_prekey ? wa_signal_pub(s, &b->prekey) : NULL;
	session_pre_key_bundle *bundle = NULL;
	session_builder *builder = NULL;
	int rc = SG_ERR_NOMEM;

	if (identity && sprekey && (prekey || !b->has_prekey))
		rc = session_pre_key_bundle_create(&bundle, b->registration_id, addr->sg.device_id,
						   b->prekey_id, prekey, b->sprekey_id, sprekey,
						   b->sprekey_sig.b, sizeof(b->sprekey_sig.b),
						   identity);
	if (rc == 0)
		rc = session_builder_create(&builder, s->store, &addr->sg, s->ctx);
	if (rc == 0)
		rc = session_builder_process_pre_key_bundle(builder, bundle);
	session_builder_free(builder);
	SIGNAL_UNREF(bundle);
	SIGNAL_UNREF(identity);
	SIGNAL_UNREF(sprekey);
	SIGNAL_UNREF(prekey);
	return rc;
}

/*
 * After a failure: a record that cannot be read is worth nothing and would fail
 * for ever. True: it is gone, a new session can be agreed.
 */
static bool drop_damaged(struct wa_signal *s, const struct wa_addr *addr)
{
	session_record *record = NULL;
	struct wa_span value;
	int rc;

	if (wa_records_view(s->rec, WA_REC_SESSION, wa_addr_key(addr), &value, NULL) != 1)
		return false;
	rc = session_record_deserialize(&record, value.ptr, value.len, s->ctx);
	SIGNAL_UNREF(record);
	if (rc == 0 || rc == SG_ERR_NOMEM || wa_records_del(s->rec, WA_REC_SESSION, wa_addr_key(addr)))
		return false;
	WA_LOG(s->env, WA_WARN, "signal.session_damaged", WA_S("device", addr->text));
	return true;
}

int wa_signal_start_session(struct wa_signal *s, const struct wa_jid *device,
			    const struct wa_bundle *b, struct wa_err *err)
{
	struct wa_jid canonical = *device;
	struct wa_addr addr;
	int rc;

	wa_signal_op_begin(s, &canonical);
	rc = wa_signal_locate(s, device, &canonical, &addr, err);
	if (rc == 0)
		rc = process_bundle(s, &addr, b);
	if (rc < 0 && rc != SG_ERR_NOMEM && drop_damaged(s, &addr))
		rc = process_bundle(s, &addr, b);
	return wa_signal_op_end(s, rc, "bundle", err);
}

static int encrypt_at(struct wa_signal *s, const struct wa_addr *addr, struct wa_span plain,
		      ciphertext_message **ret)
{
	session_cipher *cipher = NULL;
	struct wa_buf padded;
	struct wa_span value;
	int rc;

	rc = wa_records_view(s->rec, WA_REC_SESSION, wa_addr_key(addr), &value, &s->store_err);
	if (rc <= 0)
		return rc < 0 ? SG_ERR_UNKNOWN : SG_ERR_NO_SESSION;
	if (wa_signal_pad(s, plain, &padded)) {
		rc = SG_ERR_NOMEM;
	} else {
		rc = session_cipher_create(&cipher, s->store, &addr->sg, s->ctx);
		if (rc == 0)
			rc = session_cipher_encrypt(cipher, padded.ptr, padded.len, ret);
		session_cipher_free(cipher);
	}
	wa_buf_wipe(&padded);
	return rc;
}

int wa_signal_encrypt(struct wa_signal *s, const struct wa_jid *device, struct wa_span plain,
		      int *ret_type, struct wa_buf *out, struct wa_err *err)
{
	ciphertext_message *message = NULL;
	struct wa_jid canonical = *device;
	struct wa_addr addr;
	signal_buffer *text;
	int rc;

	if (plain.len > CIPHER_MAX - PAD_MAX)
		return wa_err_set(err, WA_ELIMIT, "message of %zu bytes", plain.len);
	wa_signal_op_begin(s, &canonical);
	rc = wa_signal_locate(s, device, &canonical, &addr, err);
	if (rc == 0)
		rc = encrypt_at(s, &addr, plain, &message);
	if (rc == 0) {
		text = ciphertext_message_get_serialized(message);
		wa_buf_put(out, signal_buffer_data(text), signal_buffer_len(text));
		rc = wa_buf_end(out, err);
	}
	rc = wa_signal_op_end(s, rc, "encryption", err);
	if (rc < 0 && rc != WA_ENOMEM && drop_damaged(s, &addr))
		rc = wa_err_detail(err, WA_ENOTFOUND, REASON_NO_SESSION, "encryption: its session was damaged");
	if (rc == 0)
		*ret_type = ciphertext_message_get_type(message) == CIPHERTEXT_PREKEY_TYPE
				    ? WA_ENC_PKMSG
				    : WA_ENC_MSG;
	SIGNAL_UNREF(message);
	return rc;
}

static int decrypt_prekey(struct wa_signal *s, session_cipher *cipher, struct wa_span text,
			  signal_buffer **ret)
{
	pre_key_signal_message *m = NULL;
	int rc = pre_key_signal_message_deserialize(&m, text.ptr, text.len, s->ctx);

	if (rc == 0)
		rc = session_cipher_decrypt_pre_key_signal_message(cipher, m, NULL, ret);
	SIGNAL_UNREF(m);
	return rc;
}

static int decrypt_normal(struct wa_signal *s, session_cipher *cipher, struct wa_span text,
			  signal_buffer **ret)
{
	signal_message *m = NULL;
	int rc = signal_message_deserialize(&m, text.ptr, text.len, s->ctx);

	if (rc == 0)
		rc = session_cipher_decrypt_signal_message(cipher, m, NULL, ret);
	SIGNAL_UNREF(m);
	return rc;
}

static int decrypt_at(struct wa_signal *s, const struct wa_addr *addr, int type,
		      struct wa_span text, struct wa_buf *out, struct wa_err *err)
{
	signal_buffer *padded = NULL;
	session_cipher *cipher = NULL;
	size_t len;
	int rc = session_cipher_create(&cipher, s->store, &addr->sg, s->ctx);

	if (rc == 0)
		rc = type == WA_ENC_PKMSG ? decrypt_prekey(s, cipher, text, &padded)
					  : decrypt_normal(s, cipher, text, &padded);
	session_cipher_free(cipher);
	if (rc)
		return rc;
	if (wa_signal_unpad(wa_span(signal_buffer_data(padded), signal_buffer_len(padded)), &len)) {
		rc = wa_err_detail(err, WA_EPROTO, REASON_INVALID_MESSAGE, "bad message padding");
	} else {
		wa_buf_put(out, signal_buffer_data(padded), len);
		rc = wa_buf_end(out, err);
	}
	signal_buffer_bzero_free(padded);
	return rc;
}

/* May a session still kept under the phone number explain the failure? */
static bool worth_adopting(int rc)
{
	return rc == WA_ENOTFOUND || rc == WA_ECRYPTO;
}

int wa_signal_decrypt(struct wa_signal *s, const struct wa_jid *device, int type,
		      struct wa_span cipher, struct wa_buf *out, struct wa_err *err)
{
	struct wa_jid canonical = *device;
	struct wa_err first = WA_ERR_INIT;
	struct wa_addr addr;
	int rc, moved;

	if (type != WA_ENC_MSG && type != WA_ENC_PKMSG)
		return wa_err_set(err, WA_EINVALID, "no session message");
	if (cipher.len == 0 || cipher.len > CIPHER_MAX)
		return wa_err_detail(err, WA_EPROTO, REASON_INVALID_MESSAGE,
				     "ciphertext of %zu bytes", cipher.len);
	wa_signal_op_begin(s, &canonical);
	rc = wa_signal_locate(s, device, &canonical, &addr, &first);
	if (rc == 0)
		rc = decrypt_at(s, &addr, type, cipher, out, &first);
	rc = wa_signal_op_end(s, rc, "decryption", &first);
	if (rc == 0)
		return 0;
	if (rc != WA_ENOMEM && rc != WA_EDUP && drop_damaged(s, &addr)) {
		wa_signal_op_begin(s, &canonical);
		rc = decrypt_at(s, &addr, type, cipher, out, err);
		return wa_signal_op_end(s, rc, "decryption", err);
	}
	if (worth_adopting(rc)) {
		wa_signal_op_begin(s, &canonical);
		moved = wa_signal_adopt(s, &canonical, NULL);
		if (moved > 0) {
			rc = decrypt_at(s, &addr, type, cipher, out, err);
			return wa_signal_op_end(s, rc, "decryption", err);
		}
		wa_records_rollback(s->rec);
		s->peer = NULL;
	}
	if (err)
		*err = first;
	return rc;
}

int wa_signal_base_key(struct wa_signal *s, const struct wa_jid *device, uint8_t out[33],
		       struct wa_err *err)
{
	session_record *record = NULL;
	signal_buffer *text = NULL;
	struct wa_jid canonical;
	struct wa_span value;
	struct wa_addr addr;
	ec_public_key *key;
	int rc = wa_signal_locate(s, device, &canonical, &addr, err);

	if (rc)
		return rc;
	rc = wa_records_view(s->rec, WA_REC_SESSION, wa_addr_key(&addr), &value, err);
	if (rc <= 0)
		return rc;
	if (session_record_deserialize(&record, value.ptr, value.len, s->ctx))
		return wa_err_set(err, WA_ESTORE, "a session record is not readable");
	key = session_state_get_alice_base_key(session_record_get_state(record));
	if (!key) {
		rc = 0;
	} else if (ec_public_key_serialize(&text, key)) {
		rc = wa_err_set(err, WA_ENOMEM, "out of memory");
	} else {
		memcpy(out, signal_buffer_data(text), WA_TYPED_PUB);
		rc = 1;
	}
	signal_buffer_free(text);
	SIGNAL_UNREF(record);
	return rc;
}
