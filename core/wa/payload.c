/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the client says about itself inside the handshake: login or registration. */
#include "client_int.h"

#include <crypto.h>
#include <text.h>

#include "payload.pb-c.h"

#define PLATFORM_WEB           14
#define CONNECT_WIFI_UNKNOWN   1
#define CONNECT_USER_ACTIVATED 1
#define STORAGE_QUOTA_MB       10240
#define FULL_DAYS              3650 /* when no limit was given */

/* protobuf-c wants char * and never writes to it. */
static char *text(const char *s)
{
	char *out;

	memcpy(&out, &s, sizeof(out));
	return out;
}

static ProtobufCBinaryData bytes(const uint8_t *ptr, size_t len)
{
	ProtobufCBinaryData b = { .len = len };

	memcpy(&b.data, &ptr, sizeof(b.data));
	return b;
}

static int pack(const ProtobufCMessage *m, struct wa_buf *out, struct wa_err *err)
{
	size_t len = protobuf_c_message_get_packed_size(m);
	uint8_t *p = wa_buf_grow(out, len);

	if (p)
		protobuf_c_message_pack(m, p);
	return wa_buf_end(out, err);
}

/* What the phone lists this device as. */
int payload_platform(const struct wa_client *c)
{
	switch (c->client_type) {
	case '2':
		return WA__DEVICE_PROPS__PLATFORM_TYPE__EDGE;
	case '3':
		return WA__DEVICE_PROPS__PLATFORM_TYPE__FIREFOX;
	case '4':
		return WA__DEVICE_PROPS__PLATFORM_TYPE__IE;
	case '5':
		return WA__DEVICE_PROPS__PLATFORM_TYPE__OPERA;
	case '6':
		return WA__DEVICE_PROPS__PLATFORM_TYPE__SAFARI;
	case '7':
		return WA__DEVICE_PROPS__PLATFORM_TYPE__DESKTOP;
	case '8':
		return WA__DEVICE_PROPS__PLATFORM_TYPE__UWP;
	default:
		return WA__DEVICE_PROPS__PLATFORM_TYPE__CHROME;
	}
}

/* How much of what was before the phone is asked for. */
static void history_config(const struct wa_history_depth *d, Wa__DeviceProps__HistorySyncConfig *h)
{
	h->has_storagequotamb = true;
	h->storagequotamb = STORAGE_QUOTA_MB;
	h->has_inlineinitialpayloadine2eemsg = h->inlineinitialpayloadine2eemsg = true;
	h->has_supportbizhostedmsg = h->supportbizhostedmsg = true;
	h->has_supportmessageassociation = h->supportmessageassociation = true;
	h->has_supportcallloghistory = h->supportcallloghistory = true;
	h->has_supportgrouphistory = h->supportgrouphistory = true;
	h->has_ondemandready = h->ondemandready = true;
	if (d->max_days) {
		h->has_recentsyncdayslimit = true;
		h->recentsyncdayslimit = d->max_days;
	}
	if (d->full) {
		h->has_fullsyncdayslimit = h->has_fullsyncsizemblimit = true;
		h->fullsyncdayslimit = d->max_days ? d->max_days : FULL_DAYS;
		h->fullsyncsizemblimit = STORAGE_QUOTA_MB;
	}
}

static int device_props(const struct wa_client *c, struct wa_buf *out, struct wa_err *err)
{
	Wa__DeviceProps props = WA__DEVICE_PROPS__INIT;
	Wa__DeviceProps__AppVersion version = WA__DEVICE_PROPS__APP_VERSION__INIT;
	Wa__DeviceProps__HistorySyncConfig history = WA__DEVICE_PROPS__HISTORY_SYNC_CONFIG__INIT;

	version.has_primary = version.has_secondary = version.has_tertiary = true;
	version.tertiary = 1;
	version.secondary = 1;
	history_config(&c->depth_of, &history);
	props.os = text(c->os_name);
	props.version = &version;
	props.has_platformtype = true;
	props.platformtype = (Wa__DeviceProps__PlatformType)payload_platform(c);
	props.has_requirefullsync = true;
	props.requirefullsync = c->depth_of.full;
	props.historysyncconfig = &history;
	return pack(&props.base, out, err);
}

static int pack_registration(const struct wa_client *c, Wa__ClientPayload *p, struct wa_buf *out,
			     struct wa_err *err)
{
	Wa__ClientPayload__DevicePairingRegistrationData r =
		WA__CLIENT_PAYLOAD__DEVICE_PAIRING_REGISTRATION_DATA__INIT;
	const struct wa_device *d = &c->dev;
	uint8_t regid[4], skeyid[3], keytype[1] = { 0x05 }, hash[16];
	struct wa_buf props;
	char version[48];
	size_t i;
	int rc;

	for (i = 0; i < 4; i++)
		regid[i] = (uint8_t)(d->registration_id >> (24 - 8 * i));
	for (i = 0; i < 3; i++)
		skeyid[i] = (uint8_t)(d->sprekey_id >> (16 - 8 * i));
	snprintf(version, sizeof(version), "%u.%u.%u", c->version[0], c->version[1], c->version[2]);
	wa_md5(wa_span_str(version), hash);
	wa_buf_init(&props, 4096);
	rc = device_props(c, &props, err);
	if (rc == 0) {
		r.has_eregid = r.has_ekeytype = r.has_eident = r.has_eskeyid = true;
		r.has_eskeyval = r.has_eskeysig = r.has_buildhash = r.has_deviceprops = true;
		r.eregid = bytes(regid, sizeof(regid));
		r.ekeytype = bytes(keytype, sizeof(keytype));
		r.eident = bytes(d->identity.pub.b, 32);
		r.eskeyid = bytes(skeyid, sizeof(skeyid));
		r.eskeyval = bytes(d->sprekey.pub.b, 32);
		r.eskeysig = bytes(d->sprekey_sig.b, 64);
		r.buildhash = bytes(hash, sizeof(hash));
		r.deviceprops = bytes(props.ptr, props.len);
		p->devicepairingdata = &r;
		rc = pack(&p->base, out, err);
	}
	wa_buf_clear(&props);
	return rc;
}

int payload_build(const struct wa_client *c, struct wa_buf *out, struct wa_err *err)
{
	Wa__ClientPayload p = WA__CLIENT_PAYLOAD__INIT;
	Wa__ClientPayload__UserAgent ua = WA__CLIENT_PAYLOAD__USER_AGENT__INIT;
	Wa__ClientPayload__UserAgent__AppVersion v =
		WA__CLIENT_PAYLOAD__USER_AGENT__APP_VERSION__INIT;
	Wa__ClientPayload__WebInfo web = WA__CLIENT_PAYLOAD__WEB_INFO__INIT;
	bool login = c->dev.paired;
	int64_t user = 0;

	v.has_primary = v.has_secondary = v.has_tertiary = true;
	v.primary = c->version[0];
	v.secondary = c->version[1];
	v.tertiary = c->version[2];
	ua.has_platform = ua.has_releasechannel = true;
	ua.platform = PLATFORM_WEB;
	ua.appversion = &v;
	ua.mcc = text("000");
	ua.mnc = text("000");
	ua.osversion = text("0.1");
	ua.manufacturer = text("");
	ua.device = text("Desktop");
	ua.osbuildnumber = text("0.1");
	ua.localelanguageiso6391 = text("en");
	ua.localecountryiso31661alpha2 = text("US");
	web.has_websubplatform = true;
	p.useragent = &ua;
	p.webinfo = &web;
	p.has_connecttype = p.has_connectreason = p.has_passive = p.has_pull = true;
	p.connecttype = CONNECT_WIFI_UNKNOWN;
	p.connectreason = CONNECT_USER_ACTIVATED;
	p.passive = p.pull = login;
	if (!login)
		return pack_registration(c, &p, out, err);
	if (wa_parse_i64(wa_span_str(c->dev.pn.user), 1, INT64_MAX, &user))
		return wa_err_set(err, WA_EINVALID, "own jid is not a phone number");
	p.has_username = p.has_device = p.has_liddbmigrated = p.has_lc = true;
	p.username = (uint64_t)user;
	p.device = c->dev.pn.device;
	p.liddbmigrated = true;
	p.lc = 1;
	return pack(&p.base, out, err);
}
