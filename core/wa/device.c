/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The identity of a device, and its record. */
#include "pb.h"
#include "signal_int.h"

#include <wa/sig.h>
#include <wa/signal.h>

#include <base.h>

#include "records.pb-c.h"

#define DEVICE_VERSION      1
#define DEVICE_RECORD_MAX   8192
#define REGISTRATION_ID_MAX 16380

void wa_device_sign_sprekey(const struct wa_env *env, struct wa_device *d)
{
	uint8_t typed[33];

	typed[0] = 0x05;
	memcpy(typed + 1, d->sprekey.pub.b, 32);
	wa_sig_sign(env, &d->identity.priv, wa_span(typed, sizeof(typed)), &d->sprekey_sig);
}

int wa_device_generate(const struct wa_env *env, struct wa_device *ret_dev, struct wa_err *err)
{
	uint8_t rnd[4];

	(void)err;
	memset(ret_dev, 0, sizeof(*ret_dev));
	ret_dev->sprekey_ms = env->now_ms(env->ctx);
	wa_keypair_new(env, &ret_dev->noise);
	wa_keypair_new(env, &ret_dev->identity);
	wa_keypair_new(env, &ret_dev->pairing_ephemeral);
	wa_keypair_new(env, &ret_dev->sprekey);
	env->random(env->ctx, ret_dev->adv_secret.b, sizeof(ret_dev->adv_secret.b));
	env->random(env->ctx, rnd, sizeof(rnd));
	ret_dev->registration_id =
		1 + ((uint32_t)rnd[0] << 16 | (uint32_t)rnd[1] << 8 | rnd[2]) % REGISTRATION_ID_MAX;
	ret_dev->sprekey_id = 1;
	wa_device_sign_sprekey(env, ret_dev);
	ret_dev->next_prekey_id = 1;
	ret_dev->first_unuploaded_prekey_id = 1;
	return 0;
}

void wa_device_wipe(struct wa_device *d)
{
	wa_wipe(d, sizeof(*d));
}

static ProtobufCBinaryData fixed(const void *ptr, size_t len)
{
	return wa_pb_bytes(wa_span(ptr, len));
}

int wa_device_encode(const struct wa_device *d, struct wa_buf *out, struct wa_err *err)
{
	char pn[WA_JID_TEXT_MAX], lid[WA_JID_TEXT_MAX];
	struct wa_device text = *d; /* protobuf-c wants char *, not const */
	Wa__DeviceRecord r = WA__DEVICE_RECORD__INIT;
	int rc;

	r.version = DEVICE_VERSION;
	r.noise = fixed(d->noise.priv.b, 32);
	r.identity = fixed(d->identity.priv.b, 32);
	r.pairingephemeral = fixed(d->pairing_ephemeral.priv.b, 32);
	r.registrationid = d->registration_id;
	r.sprekeyid = d->sprekey_id;
	r.sprekey = fixed(d->sprekey.priv.b, 32);
	r.sprekeysig = fixed(d->sprekey_sig.b, 64);
	r.advsecret = fixed(d->adv_secret.b, 32);
	r.nextprekeyid = d->next_prekey_id;
	r.firstunuploadedprekeyid = d->first_unuploaded_prekey_id;
	r.has_paired = r.paired = d->paired;
	r.has_sprekeyms = d->sprekey_ms != 0;
	r.sprekeyms = d->sprekey_ms;
	if (!wa_jid_is_null(&d->pn)) {
		(void)wa_jid_text(&d->pn, pn);
		r.pn = pn;
	}
	if (!wa_jid_is_null(&d->lid)) {
		(void)wa_jid_text(&d->lid, lid);
		r.lid = lid;
	}
	if (d->paired) {
		r.has_accountidentity = true;
		r.accountidentity = fixed(d->account_identity.b, 32);
	}
	if (d->adv_len > sizeof(d->adv)) {
		wa_device_wipe(&text);
		return wa_err_set(err, WA_EINVALID, "device identity of %zu bytes", d->adv_len);
	}
	r.has_adv = d->adv_len > 0;
	r.adv = fixed(d->adv, d->adv_len);
	r.pushname = text.push_name;
	r.platform = text.platform;
	r.businessname = text.business_name;
	rc = wa_pb_pack(&r.base, out, err);
	wa_device_wipe(&text);
	return rc;
}

static bool take_fixed(ProtobufCBinaryData b, void *out, size_t len)
{
	if (b.len != len)
		return false;
	if (len)
		memcpy(out, b.data, len);
	return true;
}

static bool take_pair(ProtobufCBinaryData b, struct wa_keypair *out)
{
	if (!take_fixed(b, out->priv.b, 32))
		return false;
	wa_pub_from(&out->priv, &out->pub);
	return true;
}

static bool take_jid(const char *text, struct wa_jid *out)
{
	return !text || wa_jid_parse(wa_span_str(text), out, NULL) == 0;
}

static bool take_text(const char *text, char *out, size_t size)
{
	size_t len = text ? strlen(text) : 0;

	if (len >= size)
		return false;
	if (len)
		memcpy(out, text, len);
	out[len] = '\0';
	return true;
}

static bool from_record(const Wa__DeviceRecord *r, struct wa_device *d)
{
	bool ok = take_pair(r->noise, &d->noise) && take_pair(r->identity, &d->identity) &&
		  take_pair(r->pairingephemeral, &d->pairing_ephemeral) &&
		  take_pair(r->sprekey, &d->sprekey) &&
		  take_fixed(r->sprekeysig, d->sprekey_sig.b, 64) &&
		  take_fixed(r->advsecret, d->adv_secret.b, 32) && take_jid(r->pn, &d->pn) &&
		  take_jid(r->lid, &d->lid) &&
		  take_text(r->pushname, d->push_name, sizeof(d->push_name)) &&
		  take_text(r->platform, d->platform, sizeof(d->platform)) &&
		  take_text(r->businessname, d->business_name, sizeof(d->business_name));

	if (ok && r->has_accountidentity)
		ok = take_fixed(r->accountidentity, d->account_identity.b, 32);
	if (ok && r->has_adv) {
		ok = r->adv.len <= sizeof(d->adv) && take_fixed(r->adv, d->adv, r->adv.len);
		d->adv_len = r->adv.len;
	}
	d->registration_id = r->registrationid;
	d->sprekey_id = r->sprekeyid;
	d->next_prekey_id = r->nextprekeyid;
	d->first_unuploaded_prekey_id = r->firstunuploadedprekeyid;
	d->paired = r->has_paired && r->paired;
	d->sprekey_ms = r->has_sprekeyms ? r->sprekeyms : 0;
	return ok;
}

static void wipe_record(Wa__DeviceRecord *r)
{
	wa_wipe(r->noise.data, r->noise.len);
	wa_wipe(r->identity.data, r->identity.len);
	wa_wipe(r->pairingephemeral.data, r->pairingephemeral.len);
	wa_wipe(r->sprekey.data, r->sprekey.len);
	wa_wipe(r->advsecret.data, r->advsecret.len);
}

int wa_device_decode(struct wa_span bytes, struct wa_device *ret_dev, struct wa_err *err)
{
	struct wa_device d = { 0 };
	Wa__DeviceRecord *r;
	struct wa_arena a;
	int rc = 0;

	if (bytes.len > DEVICE_RECORD_MAX)
		return wa_err_set(err, WA_ELIMIT, "device record of %zu bytes", bytes.len);
	wa_arena_init(&a, WA_PB_ARENA_MAX);
	r = wa_pb_unpack(&wa__device_record__descriptor, bytes, &a);
	if (!r)
		rc = wa_err_set(err, WA_EPROTO, "device record is not readable");
	else if (r->version != DEVICE_VERSION)
		rc = wa_err_set(err, WA_EUNSUPPORTED, "device record has version %u, this is %u",
				r->version, DEVICE_VERSION);
	else if (!from_record(r, &d))
		rc = wa_err_set(err, WA_EPROTO, "device record has a field of a wrong size");
	else
		*ret_dev = d;
	wa_device_wipe(&d);
	if (r)
		wipe_record(r);
	wa_arena_clear(&a);
	return rc;
}
