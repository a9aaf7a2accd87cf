/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a careless client does. Stanzas are made by hand and sent under the
 * credentials of a device that was linked properly; each must be noticed.
 */
#include "world.h"

#include <wa/stream.h>

#include <payload.pb-c.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANN "4915100000001"
#define BOB "4915100000002"

struct raw {
	struct world w;
	struct actor *proper; /* linked, then away */
	struct wa_stream *st;
	struct sb_conn *conn;
	struct actor *sock; /* receives for us */
	struct wa_arena a;
	char last[4000]; /* the last stanza that came, printed */
	char all[60000];
	bool open;
};

static void on_open(void *ctx)
{
	((struct raw *)ctx)->open = true;
}

static int on_node(void *ctx, const struct wa_node *n, struct wa_err *err)
{
	struct raw *r = ctx;
	struct wa_buf b;
	size_t used = strlen(r->all);

	(void)err;
	wa_buf_init(&b, 1u << 20);
	wa_node_print(n, &b);
	snprintf(r->last, sizeof(r->last), "%s", wa_buf_cstr(&b));
	snprintf(r->all + used, sizeof(r->all) - used, "%s\n", r->last);
	wa_buf_clear(&b);
	return 0;
}

static const struct wa_stream_ops stream_ops = { .open = on_open, .node = on_node };

static void pump(struct raw *r)
{
	for (int i = 0; i < 100; i++) {
		struct wa_span out = wa_stream_output(r->st);
		struct wa_buf copy;

		wa_buf_init(&copy, 1u << 24);
		if (out.len && r->conn) {
			wa_buf_span(&copy, out);
			wa_stream_wrote(r->st, out.len);
			sandbox_data(r->conn, wa_buf_view(&copy));
			wa_buf_clear(&copy);
			continue;
		}
		if (!r->sock->out.len)
			return;
		wa_buf_span(&copy, wa_buf_view(&r->sock->out));
		wa_buf_reset(&r->sock->out);
		assert_int_equal(wa_stream_feed(r->st, wa_buf_view(&copy), NULL), 0);
		wa_buf_clear(&copy);
	}
}

static size_t login_payload(const struct wa_device *d, bool passive, uint8_t out[512])
{
	Wa__ClientPayload p = WA__CLIENT_PAYLOAD__INIT;
	Wa__ClientPayload__UserAgent ua = WA__CLIENT_PAYLOAD__USER_AGENT__INIT;
	Wa__ClientPayload__UserAgent__AppVersion v =
		WA__CLIENT_PAYLOAD__USER_AGENT__APP_VERSION__INIT;
	Wa__ClientPayload__WebInfo web = WA__CLIENT_PAYLOAD__WEB_INFO__INIT;

	ua.appversion = &v;
	p.useragent = &ua;
	p.webinfo = &web;
	p.has_username = p.has_device = p.has_passive = p.has_pull = 1;
	p.username = strtoull(d->pn.user, NULL, 10);
	p.device = d->pn.device;
	p.passive = passive;
	p.pull = 1;
	return wa__client_payload__pack(&p, out);
}

static void send_node(struct raw *r, const struct wa_node *n)
{
	struct wa_err err = WA_ERR_INIT;

	r->last[0] = 0;
	if (wa_stream_send(r->st, n, &err))
		fail_msg("%s", err.msg);
	pump(r);
}

static struct wa_node *node(struct raw *r, const char *tag)
{
	return wa_node_new(&r->a, tag);
}

static void attr(struct raw *r, struct wa_node *n, const char *key, const char *value)
{
	wa_node_attr(&r->a, n, key, value);
}

static void jid(struct raw *r, struct wa_node *n, const char *key, const char *user,
		unsigned device)
{
	struct wa_jid j = wa_jid_make(WA_SRV_PN, user, device);

	wa_node_attr_jid(&r->a, n, key, &j);
}

static void to_server(struct raw *r, struct wa_node *n, const char *key)
{
	jid(r, n, key, "", 0);
}

static struct wa_node *iq(struct raw *r, const char *xmlns, const char *type)
{
	struct wa_node *n = node(r, "iq");

	attr(r, n, "id", "iq-1");
	to_server(r, n, "to");
	attr(r, n, "xmlns", xmlns);
	attr(r, n, "type", type);
	return n;
}

static void log_in(struct raw *r, bool passive)
{
	const struct wa_device *d = wa_client_device(r->proper->c);
	uint8_t payload[512];
	struct wa_stream_client_opts o = { .noise = d->noise, .root = &r->w.root };
	struct wa_err err = WA_ERR_INIT;
	struct wa_node *n;

	o.payload = wa_span(payload, login_payload(d, passive, payload));
	assert_int_equal(wa_stream_new_client(&r->w.host.env, &stream_ops, r, &o, &r->st, &err), 0);
	r->sock = calloc(1, sizeof(*r->sock));
	assert_non_null(r->sock);
	wa_buf_init(&r->sock->out, 1u << 24);
	r->conn = sandbox_accept(r->w.s, r->sock);
	r->sock->conn = r->conn;
	assert_int_equal(wa_stream_start(r->st, &err), 0);
	pump(r);
	assert_true(r->open);
	assert_non_null(strstr(r->all, "<success"));
	n = iq(r, "passive", "set");
	wa_node_child(&r->a, n, "active");
	send_node(r, n);
	assert_non_null(strstr(r->all, "<offline"));
}

static void begin(struct raw *r, bool passive)
{
	memset(r, 0, sizeof(*r));
	wa_arena_init(&r->a, 1u << 24);
	world_start(&r->w);
	world_account(&r->w, ANN);
	world_account(&r->w, BOB);
	r->proper = world_client(&r->w);
	world_link(&r->w, r->proper, ANN);
	r->proper->stay_away = true;
	world_run(&r->w, 20000); /* nothing is new any more */
	world_cut(r->proper);
	log_in(r, passive);
}

static void end(struct raw *r)
{
	wa_stream_free(r->st);
	r->sock->conn = NULL;
	if (r->conn)
		sandbox_closed(r->conn);
	wa_buf_clear(&r->sock->out);
	free(r->sock);
	wa_arena_clear(&r->a);
	world_end_anyhow(&r->w);
}

/* Exactly this was noticed, nothing else. */
static void noticed(struct raw *r, const char *kind)
{
	if (world_violations(&r->w, kind) == 0) {
		json_t *o = world_api(&r->w, 200, "GET", "/violations", NULL);

		fail_msg("%s not noticed: %s", kind, json_dumps(o, JSON_INDENT(1)));
	}
	world_do(&r->w, "DELETE", "/violations", NULL);
}

static void nothing_noticed(struct raw *r)
{
	assert_int_equal(world_violations(&r->w, NULL), 0);
}

/* A message to BOB with one <to> per (user, device), each a well-formed `type`. */
static struct wa_node *message(struct raw *r, const char *id)
{
	struct wa_node *n = node(r, "message");

	attr(r, n, "id", id);
	jid(r, n, "to", BOB, 0);
	attr(r, n, "type", "text");
	return n;
}

static void copy_for(struct raw *r, struct wa_node *parts, const char *user, unsigned device,
		     const char *type)
{
	struct wa_node *to = wa_node_child(&r->a, parts, "to"), *enc;
	uint8_t bytes[64] = { 0x33 };

	jid(r, to, "jid", user, device);
	enc = wa_node_child(&r->a, to, "enc");
	attr(r, enc, "v", "2");
	attr(r, enc, "type", type);
	wa_node_data(&r->a, enc, wa_span(bytes, sizeof(bytes)));
}

static void payload(void **state)
{
	struct raw r;

	(void)state;
	begin(&r, false);
	noticed(&r, "payload.login");
	end(&r);
}

static void iqs(void **state)
{
	struct raw r;
	struct wa_node *n;

	(void)state;
	begin(&r, true);
	nothing_noticed(&r);
	n = iq(&r, "w:p", "get");
	send_node(&r, n);
	nothing_noticed(&r);
	assert_non_null(strstr(r.last, "type=\"result\""));
	n = iq(&r, "no:such:thing", "get");
	send_node(&r, n);
	assert_non_null(strstr(r.last, "code=\"501\""));
	nothing_noticed(&r);

	n = node(&r, "iq");
	attr(&r, n, "xmlns", "w:p");
	attr(&r, n, "type", "get");
	send_node(&r, n);
	noticed(&r, "iq.id");
	n = iq(&r, "w:p", "ask");
	send_node(&r, n);
	noticed(&r, "iq.type");
	n = node(&r, "iq");
	attr(&r, n, "id", "5");
	attr(&r, n, "to", "s.whatsapp.net");
	attr(&r, n, "xmlns", "w:p");
	attr(&r, n, "type", "get");
	send_node(&r, n);
	noticed(&r, "jid.untyped");
	n = iq(&r, "usync", "get");
	send_node(&r, n);
	noticed(&r, "usync.malformed");
	n = iq(&r, "md", "set");
	jid(&r, wa_node_child(&r.a, n, "remove-companion-device"), "jid", BOB, 0);
	send_node(&r, n);
	noticed(&r, "iq.remove_device");
	end(&r);
}

static void keys(void **state)
{
	struct raw r;
	struct wa_node *n, *k;
	const struct wa_device *d;
	uint8_t id[3] = { 0, 0, 1 }, reg[4], bad[64] = { 1 };

	(void)state;
	begin(&r, true);
	d = wa_client_device(r.proper->c);
	for (int i = 0; i < 4; i++)
		reg[i] = (uint8_t)(d->registration_id >> (24 - 8 * i));
	for (int broken = 0; broken < 3; broken++) {
		n = iq(&r, "encrypt", "set");
		wa_node_data(&r.a, wa_node_child(&r.a, n, "registration"),
			     wa_span(reg, broken == 0 ? 3 : 4));
		wa_node_data(&r.a, wa_node_child(&r.a, n, "type"), wa_span("\5", 1));
		wa_node_data(&r.a, wa_node_child(&r.a, n, "identity"),
			     wa_span(d->identity.pub.b, 32));
		k = wa_node_child(&r.a, wa_node_child(&r.a, n, "list"), "key");
		wa_node_data(&r.a, wa_node_child(&r.a, k, "id"), wa_span(id, 3));
		wa_node_data(&r.a, wa_node_child(&r.a, k, "value"), wa_span(bad, 32));
		k = wa_node_child(&r.a, n, "skey");
		wa_node_data(&r.a, wa_node_child(&r.a, k, "id"), wa_span(id, 3));
		wa_node_data(&r.a, wa_node_child(&r.a, k, "value"), wa_span(d->sprekey.pub.b, 32));
		wa_node_data(&r.a, wa_node_child(&r.a, k, "signature"),
			     wa_span(broken == 1 ? bad : d->sprekey_sig.b, 64));
		send_node(&r, n);
		/* 0: length, 1: signature, 2: an id that was used for another key */
		noticed(&r, "keys.upload");
		if (broken < 2)
			assert_non_null(strstr(r.last, "code=\"406\""));
	}
	end(&r);
}

static void fan_out(void **state)
{
	struct raw r;
	struct wa_node *n, *p;

	(void)state;
	begin(&r, true);
	/* phones that are off do not ask for what they cannot read */
	world_do(&r.w, "PATCH", "/accounts/" ANN, "{\"online\":false}");
	world_do(&r.w, "PATCH", "/accounts/" BOB, "{\"online\":false}");
	n = message(&r, "M1");
	p = wa_node_child(&r.a, n, "participants");
	copy_for(&r, p, ANN, 0, "msg");
	copy_for(&r, p, BOB, 0, "msg");
	send_node(&r, n);
	nothing_noticed(&r);
	assert_non_null(strstr(r.all, "<ack class=\"message\" id=\"M1\""));
	send_node(&r, n);
	noticed(&r, "message.id");

	n = message(&r, "M2");
	p = wa_node_child(&r.a, n, "participants");
	copy_for(&r, p, BOB, 0, "msg");
	send_node(&r, n);
	noticed(&r, "fanout.missing");

	n = message(&r, "M3");
	p = wa_node_child(&r.a, n, "participants");
	copy_for(&r, p, ANN, 0, "msg");
	copy_for(&r, p, BOB, 0, "msg");
	copy_for(&r, p, BOB, 9, "msg");
	send_node(&r, n);
	noticed(&r, "fanout.stranger");

	n = message(&r, "M4");
	p = wa_node_child(&r.a, n, "participants");
	copy_for(&r, p, ANN, 0, "msg");
	copy_for(&r, p, ANN, 1, "msg");
	copy_for(&r, p, BOB, 0, "msg");
	copy_for(&r, p, BOB, 0, "msg");
	send_node(&r, n);
	assert_int_equal(world_violations(&r.w, "fanout.self"), 1);
	noticed(&r, "fanout.twice");
	end(&r);
}

static void message_parts(void **state)
{
	struct raw r;
	struct wa_node *n, *p;

	(void)state;
	begin(&r, true);
	n = message(&r, "M1");
	p = wa_node_child(&r.a, n, "participants");
	copy_for(&r, p, ANN, 0, "pkmsg");
	copy_for(&r, p, BOB, 0, "pkmsg");
	send_node(&r, n);
	noticed(&r, "device_identity.missing");
	n = message(&r, "M2");
	p = wa_node_child(&r.a, n, "participants");
	copy_for(&r, p, ANN, 0, "pkmsg");
	copy_for(&r, p, BOB, 0, "pkmsg");
	wa_node_data(&r.a, wa_node_child(&r.a, n, "device-identity"), wa_span_str("forged"));
	send_node(&r, n);
	noticed(&r, "device_identity.signature");
	n = message(&r, "M3");
	p = wa_node_child(&r.a, n, "participants");
	copy_for(&r, p, ANN, 0, "secret");
	copy_for(&r, p, BOB, 0, "secret");
	send_node(&r, n);
	noticed(&r, "enc.malformed");
	n = node(&r, "message");
	attr(&r, n, "id", "M4");
	attr(&r, n, "to", BOB "@s.whatsapp.net");
	attr(&r, n, "type", "text");
	send_node(&r, n);
	noticed(&r, "jid.untyped");
	n = node(&r, "message");
	jid(&r, n, "to", BOB, 0);
	attr(&r, n, "type", "text");
	send_node(&r, n);
	noticed(&r, "message.id");
	n = message(&r, "M5");
	attr(&r, n, "category", "peer");
	send_node(&r, n);
	noticed(&r, "message.peer");
	end(&r);
}

static void acks(void **state)
{
	struct raw r;
	struct wa_node *n;
	char id[64] = "";
	const char *at;

	(void)state;
	begin(&r, true);
	world_do(&r.w, "POST", "/accounts/" BOB "/messages", "{\"to\":\"" ANN "\",\"text\":\"x\"}");
	world_run(&r.w, 10);
	pump(&r);
	at = strstr(r.last, "<message");
	assert_non_null(at);
	at = strstr(at, "id=\"3A");
	assert_non_null(at);
	snprintf(id, sizeof(id), "%.*s", (int)strcspn(at + 4, "\""), at + 4);

	n = node(&r, "ack"); /* from nobody we know */
	attr(&r, n, "class", "message");
	attr(&r, n, "id", "never-sent");
	jid(&r, n, "to", BOB, 0);
	send_node(&r, n);
	noticed(&r, "ack.unasked");

	n = node(&r, "ack");
	attr(&r, n, "class", "message");
	attr(&r, n, "id", id);
	jid(&r, n, "to", BOB, 0); /* it came from the LID */
	attr(&r, n, "type", "delivery");
	send_node(&r, n);
	noticed(&r, "ack.attribute");
	n = node(&r, "ack");
	attr(&r, n, "id", id);
	send_node(&r, n);
	noticed(&r, "ack.malformed");
	end(&r);
}

static void what_is_never_acknowledged(void **state)
{
	struct raw r;

	(void)state;
	begin(&r, true);
	world_do(&r.w, "POST", "/accounts/" BOB "/messages", "{\"to\":\"" ANN "\",\"text\":\"x\"}");
	world_run(&r.w, 15000);
	nothing_noticed(&r);
	world_run(&r.w, 15000);
	noticed(&r, "unacknowledged");
	end(&r);
}

static void receipts_and_the_rest(void **state)
{
	struct raw r;
	struct wa_node *n;

	(void)state;
	begin(&r, true);
	n = node(&r, "receipt");
	attr(&r, n, "id", "X");
	jid(&r, n, "to", BOB, 0);
	attr(&r, n, "type", "glanced");
	send_node(&r, n);
	noticed(&r, "receipt.type");
	n = node(&r, "receipt");
	attr(&r, n, "id", "X");
	send_node(&r, n);
	noticed(&r, "receipt.malformed");
	n = node(&r, "receipt");
	attr(&r, n, "id", "X");
	jid(&r, n, "to", BOB, 0);
	attr(&r, n, "type", "retry");
	send_node(&r, n);
	noticed(&r, "receipt.retry");
	n = node(&r, "presence");
	attr(&r, n, "type", "dreaming");
	send_node(&r, n);
	noticed(&r, "presence.type");
	n = node(&r, "chatstate");
	jid(&r, n, "to", BOB, 0);
	send_node(&r, n);
	noticed(&r, "chatstate.malformed");
	n = node(&r, "ib");
	wa_node_child(&r.a, n, "surprise");
	send_node(&r, n);
	noticed(&r, "ib.unknown");
	send_node(&r, node(&r, "stanza"));
	noticed(&r, "stanza.unknown");
	end(&r);
}

static void garbage_ends_the_stream(void **state)
{
	struct raw r;
	uint8_t junk[40] = { 0, 0, 37, 1, 2, 3 };

	(void)state;
	begin(&r, true);
	sandbox_data(r.conn, wa_span(junk, sizeof(junk)));
	noticed(&r, "stream.broken");
	world_run(&r.w, 1000);
	assert_false(r.sock->conn != NULL);
	r.conn = NULL;
	end(&r);
}

/* Questions about the account that a careful server would not answer. */
static void account(void **state)
{
	struct raw r;
	struct wa_node *n, *k;

	(void)state;
	begin(&r, false);
	n = iq(&r, "privacy", "set");
	k = wa_node_child(&r.a, wa_node_child(&r.a, n, "privacy"), "category");
	attr(&r, k, "name", "last");
	attr(&r, k, "value", "nobody");
	send_node(&r, n);
	noticed(&r, "privacy.value");
	n = iq(&r, "privacy", "set");
	wa_node_child(&r.a, wa_node_child(&r.a, n, "tokens"), "token");
	send_node(&r, n);
	noticed(&r, "token.malformed");
	n = iq(&r, "blocklist", "set");
	send_node(&r, n);
	noticed(&r, "blocklist.malformed");
	n = iq(&r, "blocklist", "set");
	k = wa_node_child(&r.a, n, "item");
	attr(&r, k, "action", "block");
	jid(&r, k, "jid", BOB, 0);
	send_node(&r, n);
	noticed(&r, "blocklist.names");
	n = iq(&r, "w:profile:picture", "get");
	send_node(&r, n);
	noticed(&r, "picture.malformed");
	n = iq(&r, "disappearing_mode", "set");
	send_node(&r, n);
	noticed(&r, "disappearing_mode");
	n = iq(&r, "w:mex", "get");
	attr(&r, wa_node_child(&r.a, n, "query"), "query_id", "1");
	send_node(&r, n);
	noticed(&r, "mex.malformed");
	n = iq(&r, "newsletter", "get");
	wa_node_child(&r.a, n, "messages");
	send_node(&r, n);
	noticed(&r, "newsletter.to");
	n = node(&r, "call");
	attr(&r, n, "id", "C");
	jid(&r, n, "to", BOB, 0);
	wa_node_child(&r.a, n, "offer");
	send_node(&r, n);
	noticed(&r, "call.malformed");
	n = node(&r, "call");
	attr(&r, n, "id", "C");
	jid(&r, n, "to", BOB, 0);
	k = wa_node_child(&r.a, n, "reject");
	attr(&r, k, "call-id", "nothing rings");
	jid(&r, k, "call-creator", BOB, 0);
	send_node(&r, n);
	noticed(&r, "call.unknown");
	end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(payload),
		cmocka_unit_test(iqs),
		cmocka_unit_test(keys),
		cmocka_unit_test(fan_out),
		cmocka_unit_test(message_parts),
		cmocka_unit_test(acks),
		cmocka_unit_test(what_is_never_acknowledged),
		cmocka_unit_test(receipts_and_the_rest),
		cmocka_unit_test(account),
		cmocka_unit_test(garbage_ends_the_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
