/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inside.h"

#include "payload.pb-c.h"

static void fail_login(struct sb_conn *c, int reason)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct wa_node *n;
	char text[16];

	wa_arena_init(&a, SB_STANZA_MAX);
	n = wa_node_new(&a, "failure");
	snprintf(text, sizeof(text), "%d", reason);
	wa_node_attr(&a, n, "reason", text);
	wa_node_attr(&a, n, "location", "sandbox");
	if (reason == 402) {
		wa_node_attr(&a, n, "code", "101");
		wa_node_attr(&a, n, "expire", "3600");
	}
	sb_send(c, n);
	sb_close(c);
}

static int be(ProtobufCBinaryData d, size_t len, uint32_t *ret)
{
	uint32_t v = 0;

	if (d.len != len)
		return -1;
	for (size_t i = 0; i < len; i++)
		v = v << 8 | d.data[i];
	*ret = v;
	return 0;
}

/* NULL: fine; else what a careful server would not take. */
static const char *read_registration(const Wa__ClientPayload__DevicePairingRegistrationData *d,
				     struct sb_reg *r)
{
	uint8_t typed[33] = { 5 };
	Wa__DeviceProps *props;

	if (be(d->eregid, 4, &r->registration_id) || be(d->eskeyid, 3, &r->sprekey_id))
		return "registration id or signed prekey id has a wrong length";
	if (d->ekeytype.len != 1 || d->ekeytype.data[0] != 5)
		return "key type is not 05";
	if (d->eident.len != 32 || d->eskeyval.len != 32 || d->eskeysig.len != 64)
		return "a key or signature has a wrong length";
	memcpy(r->identity.b, d->eident.data, 32);
	memcpy(r->sprekey.b, d->eskeyval.data, 32);
	memcpy(r->sprekey_sig.b, d->eskeysig.data, 64);
	memcpy(typed + 1, r->sprekey.b, 32);
	if (wa_sig_verify(&r->identity, wa_span(typed, sizeof(typed)), &r->sprekey_sig))
		return "the signed prekey's signature is wrong";
	if (d->buildhash.len != 16)
		return "build hash is not an MD5";
	props = wa__device_props__unpack(NULL, d->deviceprops.len, d->deviceprops.data);
	if (!props)
		return "device properties are malformed";
	sb_copy(r->os, sizeof(r->os), props->os ? props->os : "");
	r->full_history = props->has_requirefullsync && props->requirefullsync;
	wa__device_props__free_unpacked(props, NULL);
	return NULL;
}

static void register_client(struct sb_conn *c, const Wa__ClientPayload *p)
{
	const char *why;

	c->reg = calloc(1, sizeof(*c->reg));
	if (!c->reg) {
		sb_kill(c);
		return;
	}
	why = read_registration(p->devicepairingdata, c->reg);
	if (!why && ((p->has_passive && p->passive) || (p->has_pull && p->pull)))
		why = "a client that is not linked asks for passive or pull";
	if (why) {
		sb_violation(c->s, NULL, NULL, "payload.registration", "%s", why);
		fail_login(c, 400);
		return;
	}
	sb_link_offer(c);
}

static void success(struct sb_conn *c)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct wa_jid lid = sb_jid(c->dev, WA_SRV_LID);
	struct wa_node *n, *e;
	uint8_t routing[16];

	wa_arena_init(&a, SB_STANZA_MAX);
	n = wa_node_new(&a, "success");
	wa_node_attr_int(&a, n, "t", sb_now(c->s) / 1000);
	wa_node_attr(&a, n, "props", "27");
	wa_node_attr(&a, n, "location", "sandbox");
	wa_node_attr_jid(&a, n, "lid", &lid);
	sb_send(c, n);
	n = wa_node_new(&a, "ib");
	e = wa_node_child(&a, n, "edge_routing");
	/* opaque to the client, which shows it again when it comes back */
	memset(routing, 0, sizeof(routing));
	memcpy(routing, "sandbox", 7);
	routing[7] = (uint8_t)c->dev->id;
	wa_node_data(&a, wa_node_child(&a, e, "routing_info"), wa_span(routing, sizeof(routing)));
	sb_send(c, n);
}

/* The fault's code is the least revision that is still let in; 0: none is. */
static bool outdated(struct sandbox *s, const struct sb_account *acc, const struct sb_device *d,
		     const Wa__ClientPayload *p)
{
	struct wa_list *l;

	WA_LIST_EACH(l, &s->faults)
	{
		const struct sb_fault *f = container_of(l, struct sb_fault, link);

		if (f->kind == SB_FAULT_OUTDATED && f->code > 0 &&
		    p->useragent->appversion->tertiary >= (uint32_t)f->code)
			return false;
	}
	return sb_fault_hit(s, SB_FAULT_OUTDATED, acc, d->id) != NULL;
}

static void log_in(struct sb_conn *c, const Wa__ClientPayload *p)
{
	struct sandbox *s = c->s;
	struct sb_account *acc;
	struct sb_device *d;
	struct sb_fault *f;
	char pn[24];

	snprintf(pn, sizeof(pn), "%llu", (unsigned long long)p->username);
	acc = sb_find_pn(s, pn);
	d = acc && p->has_device ? sb_device_find(acc, p->device) : NULL;
	if (!d || d->sim || memcmp(d->noise.b, c->noise.b, 32) != 0) {
		fail_login(c, 401);
		return;
	}
	if (outdated(s, acc, d, p)) {
		fail_login(c, 405);
		return;
	}
	if ((f = sb_fault_hit(s, SB_FAULT_LOGIN_FAILURE, acc, d->id))) {
		fail_login(c, f->code ? f->code : 503);
		return;
	}
	if (!p->passive || !p->pull)
		sb_violation(s, d, NULL, "payload.login", "a login asks for passive and pull");
	if (p->devicepairingdata)
		sb_violation(s, d, NULL, "payload.login", "registration data in a login");
	if (d->conn)
		sb_stream_error(d->conn, 440);
	c->dev = d;
	d->conn = c;
	d->active = false;
	d->seen_ms = sb_now(s);
	success(c);
}

int sb_payload(struct sb_conn *c, struct wa_span bytes, const struct wa_pub *client_static)
{
	Wa__ClientPayload *p = wa__client_payload__unpack(NULL, bytes.len, bytes.ptr);

	c->noise = *client_static;
	if (!p || !p->useragent || !p->useragent->appversion || !p->webinfo) {
		sb_violation(c->s, NULL, NULL, "payload.malformed",
			     "ClientPayload without agent, version or web info");
		fail_login(c, 409);
	} else if (p->has_username) {
		log_in(c, p);
	} else if (p->devicepairingdata) {
		register_client(c, p);
	} else {
		sb_violation(c->s, NULL, NULL, "payload.malformed",
			     "neither a login nor a registration");
		fail_login(c, 400);
	}
	if (p)
		wa__client_payload__free_unpacked(p, NULL);
	return 0;
}

struct counts {
	int message, receipt, notification, other;
};

static struct counts count_queue(const struct sb_device *d)
{
	struct counts n = { 0 };
	struct wa_list *l;

	WA_LIST_EACH(l, &d->queue)
	{
		const struct sb_item *it = container_of(l, struct sb_item, link);

		if (strcmp(it->tag, "message") == 0)
			n.message++;
		else if (strcmp(it->tag, "receipt") == 0)
			n.receipt++;
		else if (strcmp(it->tag, "notification") == 0)
			n.notification++;
		else
			n.other++;
	}
	return n;
}

/* <active/>: replay what waited, then the stream is live. */
void sb_activate(struct sb_device *d)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct counts n = count_queue(d);
	int total = n.message + n.receipt + n.notification + n.other, at = 0;
	struct wa_list *l, *tmp;
	struct wa_node *ib, *k;

	if (!d->conn || d->active)
		return;
	wa_arena_init(&a, SB_STANZA_MAX);
	d->active = true;
	if (total) {
		ib = wa_node_new(&a, "ib");
		k = wa_node_child(&a, ib, "offline_preview");
		wa_node_attr_int(&a, k, "count", total);
		wa_node_attr_int(&a, k, "message", n.message);
		wa_node_attr_int(&a, k, "receipt", n.receipt);
		wa_node_attr_int(&a, k, "notification", n.notification);
		wa_node_attr_int(&a, k, "appdata", 0);
		wa_node_attr_int(&a, k, "call", n.other);
		sb_send(d->conn, ib);
	}
	WA_LIST_EACH_SAFE(l, tmp, &d->queue)
	{
		if (!d->conn || !d->active)
			return;
		sb_item_replay(d, container_of(l, struct sb_item, link), at++);
	}
	if (!d->conn)
		return;
	ib = wa_node_new(&a, "ib");
	wa_node_attr_int(&a, wa_node_child(&a, ib, "offline"), "count", total);
	sb_send(d->conn, ib);
	sb_welcome(d);
}
