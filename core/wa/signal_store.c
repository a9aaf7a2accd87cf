/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libsignal's stores: every one is the records. */
#include "signal_int.h"

#include <wa/sig.h>

#include <stdio.h>
#include <stdlib.h>

#define RECORD_KEY_MAX (WA_JID_TEXT_MAX + sizeof(((struct wa_addr *)0)->text))
#define PREKEY_STATE   1 /* the state byte of WA_REC_PREKEY: what follows is libsignal's record */

static struct wa_signal *self(void *user)
{
	return user;
}

static int failed(struct wa_signal *s, int rc)
{
	if (rc >= 0)
		return rc;
	if (s->store_err.code == 0)
		(void)wa_err_set(&s->store_err, rc, "a Signal record was not accepted");
	return SG_ERR_UNKNOWN;
}

/* "name.device"; libsignal hands back the address it was given. */
static struct wa_span address_key(const signal_protocol_address *a, char out[RECORD_KEY_MAX])
{
	int n = snprintf(out, RECORD_KEY_MAX, "%.*s.%d", (int)a->name_len, a->name, a->device_id);

	return wa_span(out, n > 0 && (size_t)n < RECORD_KEY_MAX ? (size_t)n : 0);
}

static int load(struct wa_signal *s, int kind, struct wa_span key, size_t skip, signal_buffer **ret)
{
	struct wa_span value;
	int found = wa_records_view(s->rec, kind, key, &value, &s->store_err);

	if (found <= 0)
		return failed(s, found);
	if (value.len < skip)
		return failed(s, WA_EPROTO);
	*ret = signal_buffer_create(value.ptr + skip, value.len - skip);
	return *ret ? 1 : SG_ERR_NOMEM;
}

static int put(struct wa_signal *s, int kind, struct wa_span key, const uint8_t *value, size_t len)
{
	return failed(s, wa_records_put(s->rec, kind, key, wa_span(value, len)));
}

static int session_load(signal_buffer **record, signal_buffer **user_record,
			const signal_protocol_address *address, void *user)
{
	char text[RECORD_KEY_MAX];

	*user_record = NULL;
	return load(self(user), WA_REC_SESSION, address_key(address, text), 0, record);
}

static int session_store(const signal_protocol_address *address, uint8_t *record, size_t len,
			 uint8_t *user_record, size_t user_len, void *user)
{
	char text[RECORD_KEY_MAX];

	(void)user_record;
	(void)user_len;
	return put(self(user), WA_REC_SESSION, address_key(address, text), record, len);
}

static int session_contains(const signal_protocol_address *address, void *user)
{
	struct wa_signal *s = user;
	char text[RECORD_KEY_MAX];
	struct wa_span value;

	return failed(s, wa_records_view(s->rec, WA_REC_SESSION, address_key(address, text), &value,
					 &s->store_err));
}

static int session_delete(const signal_protocol_address *address, void *user)
{
	struct wa_signal *s = user;
	char text[RECORD_KEY_MAX];
	int rc = session_contains(address, user);

	if (rc <= 0)
		return rc;
	rc = wa_records_del(s->rec, WA_REC_SESSION, address_key(address, text));
	return rc ? failed(s, rc) : 1;
}

/* Devices are the device list's business; libsignal's ciphers ask for neither of these two. */
static int session_devices(signal_int_list **ret, const char *name, size_t len, void *user)
{
	(void)ret;
	(void)name;
	(void)len;
	(void)user;
	return SG_ERR_INVAL;
}

static int session_delete_all(const char *name, size_t len, void *user)
{
	(void)name;
	(void)len;
	(void)user;
	return SG_ERR_INVAL;
}

static struct wa_span id_key(uint32_t id, uint8_t out[4])
{
	out[0] = (uint8_t)(id >> 24);
	out[1] = (uint8_t)(id >> 16);
	out[2] = (uint8_t)(id >> 8);
	out[3] = (uint8_t)id;
	return wa_span(out, 4);
}

static int prekey_load(signal_buffer **record, uint32_t id, void *user)
{
	uint8_t key[4];
	int rc = load(self(user), WA_REC_PREKEY, id_key(id, key), 1, record);

	if (rc == 0)
		return SG_ERR_INVALID_KEY_ID;
	return rc < 0 ? rc : SG_SUCCESS;
}

static int prekey_store(uint32_t id, uint8_t *record, size_t len, void *user)
{
	struct wa_signal *s = user;
	struct wa_buf value;
	uint8_t key[4];
	int rc;

	wa_buf_init(&value, 512);
	wa_buf_u8(&value, PREKEY_STATE);
	wa_buf_put(&value, record, len);
	rc = wa_buf_end(&value, &s->store_err);
	if (rc == 0)
		rc = wa_records_put(s->rec, WA_REC_PREKEY, id_key(id, key), wa_buf_view(&value));
	wa_buf_wipe(&value);
	return failed(s, rc);
}

static int prekey_contains(uint32_t id, void *user)
{
	struct wa_signal *s = user;
	struct wa_span value;
	uint8_t key[4];

	return failed(
		s, wa_records_view(s->rec, WA_REC_PREKEY, id_key(id, key), &value, &s->store_err));
}

static int prekey_remove(uint32_t id, void *user)
{
	struct wa_signal *s = user;
	uint8_t key[4];

	return failed(s, wa_records_del(s->rec, WA_REC_PREKEY, id_key(id, key)));
}

static int make_pair(struct wa_signal *s, const struct wa_keypair *pair, ec_key_pair **ret)
{
	ec_public_key *pub = wa_signal_pub(s, &pair->pub);
	ec_private_key *priv = NULL;
	int rc = pub ? curve_decode_private_point(&priv, pair->priv.b, sizeof(pair->priv.b), s->ctx)
		     : SG_ERR_NOMEM;

	if (rc == 0)
		rc = ec_key_pair_create(ret, pub, priv);
	SIGNAL_UNREF(pub);
	SIGNAL_UNREF(priv);
	return rc;
}

/* The signed prekey is part of the device; the one before it is kept as a record. 1, 0, a code. */
static int sprekey_find(struct wa_signal *s, uint32_t id, struct wa_keypair *ret, struct wa_sig *ret_sig)
{
	struct wa_span value;
	uint8_t key[4];
	int rc;

	if (id == s->dev->sprekey_id) {
		*ret = s->dev->sprekey;
		*ret_sig = s->dev->sprekey_sig;
		return 1;
	}
	rc = wa_records_view(s->rec, WA_REC_SPREKEY, id_key(id, key), &value, &s->store_err);
	if (rc <= 0)
		return failed(s, rc);
	if (value.len != WA_SPREKEY_RECORD)
		return 0;
	memcpy(ret->priv.b, value.ptr, 32);
	memcpy(ret_sig->b, value.ptr + 32, 64);
	wa_pub_from(&ret->priv, &ret->pub);
	return 1;
}

static int sprekey_load(signal_buffer **record, uint32_t id, void *user)
{
	struct wa_signal *s = user;
	session_signed_pre_key *key = NULL;
	struct wa_keypair found;
	ec_key_pair *pair = NULL;
	struct wa_sig sig;
	int rc = sprekey_find(s, id, &found, &sig);

	if (rc <= 0)
		return rc ? rc : SG_ERR_INVALID_KEY_ID;
	rc = make_pair(s, &found, &pair);
	if (rc == 0)
		rc = session_signed_pre_key_create(&key, id, 0, pair, sig.b, sizeof(sig.b));
	if (rc == 0)
		rc = session_signed_pre_key_serialize(record, key);
	wa_wipe(&found, sizeof(found));
	SIGNAL_UNREF(key);
	SIGNAL_UNREF(pair);
	return rc;
}

static int sprekey_contains(uint32_t id, void *user)
{
	struct wa_keypair found;
	struct wa_sig sig;
	int rc = sprekey_find(self(user), id, &found, &sig);

	wa_wipe(&found, sizeof(found));
	return rc;
}

static int sprekey_no_store(uint32_t id, uint8_t *record, size_t len, void *user)
{
	(void)id;
	(void)record;
	(void)len;
	(void)user;
	return SG_ERR_INVAL;
}

static int sprekey_no_remove(uint32_t id, void *user)
{
	(void)id;
	(void)user;
	return SG_ERR_INVAL;
}

static int identity_pair(signal_buffer **ret_pub, signal_buffer **ret_priv, void *user)
{
	const struct wa_keypair *pair = &self(user)->dev->identity;
	uint8_t typed[WA_TYPED_PUB];

	typed[0] = 0x05;
	memcpy(typed + 1, pair->pub.b, 32);
	*ret_pub = signal_buffer_create(typed, sizeof(typed));
	*ret_priv = signal_buffer_create(pair->priv.b, sizeof(pair->priv.b));
	if (*ret_pub && *ret_priv)
		return 0;
	signal_buffer_free(*ret_pub);
	signal_buffer_bzero_free(*ret_priv);
	return SG_ERR_NOMEM;
}

static int identity_registration(void *user, uint32_t *ret_id)
{
	*ret_id = self(user)->dev->registration_id;
	return 0;
}

static int identity_save(const signal_protocol_address *address, uint8_t *key, size_t len,
			 void *user)
{
	struct wa_signal *s = user;
	char text[RECORD_KEY_MAX];
	struct wa_span name = address_key(address, text), known;
	int found = wa_records_view(s->rec, WA_REC_IDENTITY, name, &known, &s->store_err);

	if (found < 0)
		return failed(s, found);
	if (found && wa_span_eq(known, wa_span(key, len)))
		return 0;
	if (found)
		s->changed = true;
	return put(s, WA_REC_IDENTITY, name, key, len);
}

/* First use and every change are trusted; a change is reported (wa_signal_identity_changed). */
static int identity_trusted(const signal_protocol_address *address, uint8_t *key, size_t len,
			    void *user)
{
	(void)address;
	(void)key;
	(void)len;
	(void)user;
	return 1;
}

/* group, NUL, address */
static struct wa_span sender_key_key(const signal_protocol_sender_key_name *name,
				     char out[2 * RECORD_KEY_MAX])
{
	char text[RECORD_KEY_MAX];
	struct wa_span sender = address_key(&name->sender, text);

	if (name->group_id_len >= RECORD_KEY_MAX)
		return wa_span(out, 0);
	memcpy(out, name->group_id, name->group_id_len);
	out[name->group_id_len] = '\0';
	memcpy(out + name->group_id_len + 1, sender.ptr, sender.len);
	return wa_span(out, name->group_id_len + 1 + sender.len);
}

static int sender_key_store(const signal_protocol_sender_key_name *name, uint8_t *record,
			    size_t len, uint8_t *user_record, size_t user_len, void *user)
{
	char text[2 * RECORD_KEY_MAX];

	(void)user_record;
	(void)user_len;
	return put(self(user), WA_REC_SENDER_KEY, sender_key_key(name, text), record, len);
}

static int sender_key_load(signal_buffer **record, signal_buffer **user_record,
			   const signal_protocol_sender_key_name *name, void *user)
{
	char text[2 * RECORD_KEY_MAX];

	*user_record = NULL;
	return load(self(user), WA_REC_SENDER_KEY, sender_key_key(name, text), 0, record);
}

int wa_signal_store_attach(struct wa_signal *s)
{
	const signal_protocol_session_store sessions = {
		session_load,   session_devices,    session_store, session_contains,
		session_delete, session_delete_all, NULL,          s,
	};
	const signal_protocol_pre_key_store prekeys = {
		prekey_load, prekey_store, prekey_contains, prekey_remove, NULL, s,
	};
	const signal_protocol_signed_pre_key_store sprekeys = {
		sprekey_load, sprekey_no_store, sprekey_contains, sprekey_no_remove, NULL, s,
	};
	const signal_protocol_identity_key_store identities = {
		identity_pair, identity_registration, identity_save, identity_trusted, NULL, s,
	};
	const signal_protocol_sender_key_store sender_keys = {
		sender_key_store,
		sender_key_load,
		NULL,
		s,
	};
	int rc = signal_protocol_store_context_create(&s->store, s->ctx);

	if (rc == 0)
		rc = signal_protocol_store_context_set_session_store(s->store, &sessions);
	if (rc == 0)
		rc = signal_protocol_store_context_set_pre_key_store(s->store, &prekeys);
	if (rc == 0)
		rc = signal_protocol_store_context_set_signed_pre_key_store(s->store, &sprekeys);
	if (rc == 0)
		rc = signal_protocol_store_context_set_identity_key_store(s->store, &identities);
	if (rc == 0)
		rc = signal_protocol_store_context_set_sender_key_store(s->store, &sender_keys);
	return rc;
}
