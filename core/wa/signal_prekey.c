/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One-time prekeys: made here, used up by libsignal (signal_store.c). */
#include "signal_int.h"

#include <wa/sig.h>

#define PREKEYS_MAX 4096 /* made at once */

static int store_prekey(struct wa_signal *s, uint32_t id, const struct wa_keypair *pair)
{
	ec_public_key *pub = wa_signal_pub(s, &pair->pub);
	ec_private_key *priv = NULL;
	session_pre_key *key = NULL;
	ec_key_pair *both = NULL;
	int rc = pub ? curve_decode_private_point(&priv, pair->priv.b, sizeof(pair->priv.b), s->ctx)
		     : SG_ERR_NOMEM;

	if (rc == 0)
		rc = ec_key_pair_create(&both, pub, priv);
	if (rc == 0)
		rc = session_pre_key_create(&key, id, both);
	if (rc == 0)
		rc = signal_protocol_pre_key_store_key(s->store, key);
	SIGNAL_UNREF(key);
	SIGNAL_UNREF(both);
	SIGNAL_UNREF(priv);
	SIGNAL_UNREF(pub);
	return rc;
}

/* The next id is part of the device: it is written with the keys, or ids would come again. */
static int store_device(struct wa_signal *s, struct wa_err *err)
{
	struct wa_buf value;
	int rc;

	wa_buf_init(&value, 16384);
	rc = wa_device_encode(s->dev, &value, err);
	if (rc == 0)
		rc = wa_records_put(s->rec, WA_REC_DEVICE, wa_span(NULL, 0), wa_buf_view(&value));
	wa_buf_wipe(&value);
	return rc;
}

int wa_signal_prekeys_generate(struct wa_signal *s, struct wa_prekey_pub *out, size_t n,
			       struct wa_err *err)
{
	uint32_t first = s->dev->next_prekey_id;
	struct wa_keypair pair;
	int rc = 0;

	if (n > PREKEYS_MAX || first == 0 || first > WA_PREKEY_ID_MAX ||
	    n > WA_PREKEY_ID_MAX - first + 1)
		return wa_err_set(err, WA_ELIMIT, "%zu prekeys from id %u on", n, first);
	wa_signal_op_begin(s, NULL);
	for (size_t i = 0; i < n && rc == 0; i++) {
		wa_keypair_new(s->env, &pair);
		out[i].id = first + (uint32_t)i;
		out[i].pub = pair.pub;
		rc = store_prekey(s, out[i].id, &pair);
	}
	wa_wipe(&pair, sizeof(pair));
	s->dev->next_prekey_id = first + (uint32_t)n;
	if (rc == 0)
		rc = store_device(s, err);
	if (rc)
		s->dev->next_prekey_id = first;
	return wa_signal_op_end(s, rc, "prekeys", err);
}

/* Where a former signed prekey is kept. */
static struct wa_span sprekey_key(uint32_t id, uint8_t out[4])
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(id >> (24 - 8 * i));
	return wa_span(out, 4);
}

static int keep_sprekey(struct wa_signal *s)
{
	uint8_t value[WA_SPREKEY_RECORD], key[4];
	int rc;

	memcpy(value, s->dev->sprekey.priv.b, 32);
	memcpy(value + 32, s->dev->sprekey_sig.b, 64);
	rc = wa_records_put(s->rec, WA_REC_SPREKEY, sprekey_key(s->dev->sprekey_id, key),
			    wa_span(value, sizeof(value)));
	wa_wipe(value, sizeof(value));
	return rc;
}

int wa_signal_sprekey_rotate(struct wa_signal *s, struct wa_err *err)
{
	struct wa_device *d = s->dev;
	struct wa_device before = *d;
	uint32_t former = d->sprekey_id > 1 ? d->sprekey_id - 1 : WA_PREKEY_ID_MAX;
	uint8_t key[4];
	int rc;

	wa_signal_op_begin(s, NULL);
	rc = keep_sprekey(s);
	if (rc == 0)
		rc = wa_records_del(s->rec, WA_REC_SPREKEY, sprekey_key(former, key));
	if (rc == 0) {
		wa_keypair_new(s->env, &d->sprekey);
		d->sprekey_id = d->sprekey_id < WA_PREKEY_ID_MAX ? d->sprekey_id + 1 : 1;
		d->sprekey_ms = s->env->now_ms(s->env->ctx);
		wa_device_sign_sprekey(s->env, d);
		rc = store_device(s, err);
		if (rc)
			*d = before;
	}
	wa_device_wipe(&before);
	return wa_signal_op_end(s, rc ? SG_ERR_NOMEM : 0, "signed prekey", err);
}

int wa_signal_prekey_load(struct wa_signal *s, uint32_t id, struct wa_prekey_pub *ret,
			  struct wa_err *err)
{
	session_pre_key *key = NULL;
	signal_buffer *text = NULL;
	int rc = signal_protocol_pre_key_load_key(s->store, &key, id);

	if (rc == SG_ERR_INVALID_KEY_ID)
		return 0;
	if (rc == 0)
		rc = ec_public_key_serialize(
			&text, ec_key_pair_get_public(session_pre_key_get_key_pair(key)));
	if (rc == 0) {
		ret->id = id;
		memcpy(ret->pub.b, signal_buffer_data(text) + 1, 32);
	}
	signal_buffer_free(text);
	SIGNAL_UNREF(key);
	if (rc == 0)
		return 1;
	return wa_err_set(err, rc == SG_ERR_NOMEM ? WA_ENOMEM : WA_ESTORE,
			  "prekey %u could not be read", id);
}
