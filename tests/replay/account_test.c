/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Profiles, privacy, blocks, tokens, restrictions and calls: what is asked, what is told. */
#include "test.h"

#include <base.h>
#include <crypto.h>
#include <wa/account.h>
#include <wa/call.h>

struct got {
	int calls, code;
	char text[256];
	size_t n;
	struct wa_jid jid;
	bool flag;
};

static void done(void *arg, int code, const char *text)
{
	struct got *g = arg;

	g->calls++;
	g->code = code;
	snprintf(g->text, sizeof(g->text), "%s", text);
}

static struct wa_jid bob(void)
{
	return wa_jid_make(WA_SRV_LID, BOB_LID, 0);
}

/* The newest question of that kind, and its empty answer. */
static struct wa_node *answer_to(struct mini *m, const char *xmlns, const struct wa_node **ret_iq)
{
	*ret_iq = mini_got(m, "iq", "xmlns", xmlns);
	assert_non_null(*ret_iq);
	return mini_answer(m, *ret_iq);
}

static bool silent(struct mini *m, const struct wa_node *n)
{
	static const char *const ours[] = { "status", "w:profile:picture", "blocklist", "w:mex", "w:biz", "w:qr",
					    "disappearing_mode" };

	(void)m;
	for (size_t i = 0; i < WA_ARRAY_LEN(ours); i++)
		if (wa_node_attr_is(n, "xmlns", ours[i]))
			return true;
	return false;
}

static void begin(struct mini *m, uint64_t seed)
{
	struct wa_jid to = wa_jid_make(WA_SRV_PN, BOB_PN, 0);

	mini_init(m, seed);
	mini_link(m);
	m->on_iq = silent;
	/* both names of the friend are known from here on */
	assert_int_equal(mini_send_text(m, "FIRST", &to, "hello"), 0);
	mini_run(m);
}

static void about(void **state)
{
	const struct wa_node *iq;
	struct got g = { 0 };
	char many[WA_ABOUT_MAX + 2];
	struct mini m;

	(void)state;
	begin(&m, 1);
	memset(many, 'x', sizeof(many));
	many[sizeof(many) - 1] = '\0';
	assert_int_equal(wa_client_about_set(m.c, many, done, &g, NULL), WA_EINVALID);
	assert_int_equal(g.calls, 0);
	assert_int_equal(wa_client_about_set(m.c, "open", done, &g, NULL), 0);
	mini_run(&m);
	mini_send(&m, answer_to(&m, "status", &iq));
	assert_true(wa_span_is(wa_node_bytes(wa_node_get(iq, "status")), "open"));
	mini_run(&m);
	assert_int_equal(g.calls, 1);
	assert_int_equal(g.code, 0);
	/* lost with the connection, told once */
	assert_int_equal(wa_client_about_set(m.c, "shut", done, &g, NULL), 0);
	mini_run(&m);
	mini_drop(&m);
	assert_int_equal(g.calls, 2);
	assert_true(g.code < 0);
	mini_clear(&m);
}

static void on_picture(void *arg, int code, const struct wa_picture *p)
{
	struct got *g = arg;

	g->calls++;
	g->code = code;
	snprintf(g->text, sizeof(g->text), "%s", p ? p->id : "");
}

static void picture(void **state)
{
	struct wa_jid to = bob(), me = mini_own(WA_SRV_PN, 0);
	const struct wa_node *iq;
	struct wa_node *r, *p;
	struct got g = { 0 };
	struct mini m;

	(void)state;
	begin(&m, 2);
	assert_int_equal(wa_client_picture_set(m.c, NULL, wa_span_str("GIF89a"), done, &g, NULL), WA_EINVALID);
	assert_int_equal(wa_client_picture_set(m.c, &to, wa_span_str(""), done, &g, NULL), WA_EINVALID);
	assert_int_equal(wa_client_picture_get(m.c, &to, false, "7", on_picture, &g, NULL), 0);
	mini_run(&m);
	r = answer_to(&m, "w:profile:picture", &iq);
	assert_true(wa_node_attr_is(wa_node_get(iq, "picture"), "id", "7"));
	p = wa_node_child(&m.arena, r, "picture");
	wa_node_attr(&m.arena, p, "id", "8");
	wa_node_attr(&m.arena, p, "url", "https://x/y");
	wa_node_attr(&m.arena, p, "direct_path", "/y");
	mini_send(&m, r);
	mini_run(&m);
	assert_int_equal(g.code, 0);
	assert_string_equal(g.text, "8");
	/* unchanged */
	assert_int_equal(wa_client_picture_get(m.c, &me, true, "8", on_picture, &g, NULL), 0);
	mini_run(&m);
	r = answer_to(&m, "w:profile:picture", &iq);
	assert_null(wa_node_get(wa_node_get(iq, "picture"), "tctoken"));
	wa_node_attr(&m.arena, wa_node_child(&m.arena, r, "picture"), "status", "304");
	mini_send(&m, r);
	mini_run(&m);
	assert_int_equal(g.code, 304);
	mini_clear(&m);
}

static void blocks(void **state)
{
	struct wa_jid pn = wa_jid_make(WA_SRV_PN, BOB_PN, 0), me = mini_own(WA_SRV_PN, 0), j;
	const struct wa_node *iq, *item;
	struct got g = { 0 };
	struct mini m;

	(void)state;
	begin(&m, 3);
	assert_int_equal(wa_client_block(m.c, &me, true, done, &g, NULL), WA_EINVALID);
	assert_int_equal(wa_client_block(m.c, &pn, true, done, &g, NULL), 0);
	mini_run(&m);
	mini_send(&m, answer_to(&m, "blocklist", &iq));
	item = wa_node_get(iq, "item");
	assert_true(wa_node_attr_is(item, "action", "block"));
	assert_int_equal(wa_node_attr_jid_get(item, "jid", &j), 1);
	assert_int_equal(j.server, WA_SRV_LID);
	assert_int_equal(wa_node_attr_jid_get(item, "pn_jid", &j), 1);
	assert_string_equal(j.user, BOB_PN);
	mini_run(&m);
	assert_int_equal(g.calls, 1);
	mini_clear(&m);
}

static void told(void **state)
{
	struct wa_jid me = mini_own(WA_SRV_PN, 0), lid = bob();
	struct wa_node *n, *k;
	struct mini m;

	(void)state;
	begin(&m, 4);
	n = mini_node(&m, "notification");
	wa_node_attr_jid(&m.arena, n, "from", &me);
	wa_node_attr(&m.arena, n, "type", "account_sync");
	wa_node_attr(&m.arena, n, "id", "S1");
	k = wa_node_child(&m.arena, wa_node_child(&m.arena, n, "blocklist"), "item");
	wa_node_attr_jid(&m.arena, k, "jid", &lid);
	wa_node_attr(&m.arena, k, "action", "block");
	wa_node_attr(&m.arena, wa_node_child(&m.arena, n, "disappearing_mode"), "duration", "86400");
	mini_send(&m, n);
	n = mini_node(&m, "notification");
	wa_node_attr_jid(&m.arena, n, "from", &lid);
	wa_node_attr(&m.arena, n, "type", "picture");
	wa_node_attr(&m.arena, n, "id", "S2");
	k = wa_node_child(&m.arena, n, "set");
	wa_node_attr_jid(&m.arena, k, "jid", &lid);
	wa_node_attr(&m.arena, k, "id", "99");
	mini_send(&m, n);
	n = mini_node(&m, "notification");
	wa_node_attr_jid(&m.arena, n, "from", &lid);
	wa_node_attr(&m.arena, n, "type", "status");
	wa_node_attr(&m.arena, n, "id", "S3");
	wa_node_data(&m.arena, wa_node_child(&m.arena, n, "set"), wa_span_str("gone"));
	mini_send(&m, n);
	mini_run(&m);
	assert_int_equal(mini_ev(&m, WA_EV_BLOCKLIST)->code, 1);
	assert_string_equal(mini_ev(&m, WA_EV_BLOCKLIST)->jid.user, BOB_LID);
	assert_int_equal(mini_ev(&m, WA_EV_PRIVACY)->count, 86400);
	assert_string_equal(mini_ev(&m, WA_EV_PICTURE)->text, "99");
	assert_string_equal(mini_ev(&m, WA_EV_ABOUT)->text, "gone");
	assert_int_equal(mini_evs(&m, WA_EV_UNKNOWN), 0);
	mini_clear(&m);
}

/* A certificate with a name in it tells; one without, and a name that is no text, do not. */
static void business_name(void **state)
{
	static const uint8_t good[] = "\x0a\x0c\x22\x0a" "Bob's shop";
	static const uint8_t bad[] = "\x0a\x04\x22\x02" "\xff\xfe";
	const struct wa_span certs[] = {
		wa_span(bad, sizeof(bad) - 1), wa_span(NULL, 0), wa_span(good, sizeof(good) - 1),
	};
	struct wa_jid from = wa_jid_make(WA_SRV_PN, BOB_PN, 0);
	struct wa_node *n, *name;
	struct mini m;

	(void)state;
	begin(&m, 8);
	for (size_t i = 0; i < WA_ARRAY_LEN(certs); i++) {
		assert_int_equal(mini_evs(&m, WA_EV_BUSINESS_NAME), 0);
		n = mini_node(&m, "notification");
		wa_node_attr_jid(&m.arena, n, "from", &from);
		wa_node_attr(&m.arena, n, "type", "business");
		wa_node_attr(&m.arena, n, "id", "B1");
		name = wa_node_child(&m.arena, n, "verified_name");
		wa_node_attr_jid(&m.arena, name, "jid", &from);
		wa_node_data(&m.arena, name, certs[i]);
		mini_send(&m, n);
		mini_run(&m);
	}
	assert_int_equal(mini_evs(&m, WA_EV_BUSINESS_NAME), 1);
	assert_string_equal(mini_ev(&m, WA_EV_BUSINESS_NAME)->text, "Bob's shop");
	assert_true(wa_jid_is_user(&mini_ev(&m, WA_EV_BUSINESS_NAME)->sender));
	assert_int_equal(mini_evs(&m, WA_EV_UNKNOWN), 0);
	mini_clear(&m);
}

/* Ours is issued once a week to whom we write, by number, and never to ourselves. */
static void issued(void **state)
{
	struct wa_jid to = bob(), me = mini_own(WA_SRV_PN, 0), j;
	const struct wa_node *tok = NULL;
	struct mini m;
	size_t i, n = 0;

	(void)state;
	begin(&m, 5);
	assert_int_equal(mini_send_text(&m, "T2", &to, "again"), 0);
	assert_int_equal(mini_send_text(&m, "T3", &me, "to myself"), 0);
	mini_run(&m);
	for (i = 0; i < m.n_got; i++)
		if (wa_node_attr_is(m.got[i], "xmlns", "privacy") && wa_node_get(m.got[i], "tokens")) {
			tok = wa_node_first(wa_node_get(m.got[i], "tokens"));
			n++;
		}
	assert_int_equal(n, 1);
	assert_int_equal(wa_node_attr_jid_get(tok, "jid", &j), 1);
	assert_string_equal(j.user, BOB_PN);
	assert_true(wa_node_attr_is(tok, "type", "trusted_contact"));
	mini_clear(&m);
}

/* Without his token the one derived from the account's salt: HMAC-SHA256(salt, LID). */
static void derived(void **state)
{
	struct wa_change salt = { .kind = WA_REC_CACHE, .key = wa_span_str("nct_salt"), .value = wa_span_str("pepper") };
	struct wa_jid pn = wa_jid_make(WA_SRV_PN, BOB_PN, 0), me = mini_own(WA_SRV_PN, 0);
	uint8_t mac[WA_SHA256_LEN];
	const struct wa_node *n;
	struct mini m;

	(void)state;
	mini_init(&m, 8);
	assert_int_equal(wa_memstore_apply(m.store, &salt, 1), 0);
	mini_link(&m);
	assert_int_equal(mini_send_text(&m, "D1", &pn, "x"), 0);
	assert_int_equal(mini_send_text(&m, "D2", &me, "x"), 0);
	mini_run(&m);
	n = mini_got(&m, "message", "id", "D1");
	assert_null(wa_node_get(n, "tctoken"));
	wa_hmac_sha256(wa_span_str("pepper"), wa_span_str(BOB_LID "@lid"), mac);
	assert_true(wa_span_eq(wa_node_bytes(wa_node_get(n, "cstoken")), wa_span(mac, sizeof(mac))));
	assert_null(wa_node_get(mini_got(&m, "message", "id", "D2"), "cstoken"));
	mini_clear(&m);
}

static void say_lock(struct mini *m, const char *json)
{
	const struct wa_node *iq;
	struct wa_node *r = answer_to(m, "w:mex", &iq);

	wa_node_data(&m->arena, wa_node_child(&m->arena, r, "result"), wa_span_str(json));
	mini_send(m, r);
	mini_run(m);
}

static bool locked;
static void on_raw(struct mini *m, const struct wa_event *e)
{
	(void)m;
	if (e->kind == WA_EV_RESTRICTION)
		locked = e->restriction->locked;
}

/* 463 is looked into before anything is said. */
static void refused(void **state)
{
	struct wa_jid to = bob();
	struct mini m;

	(void)state;
	begin(&m, 6);
	m.on_raw = on_raw;
	locked = false;
	m.ack_error = 463;
	assert_int_equal(mini_send_text(&m, "R1", &to, "x"), 0);
	mini_run(&m);
	assert_null(mini_ev(&m, WA_EV_NACK));
	say_lock(&m, "{\"data\":{\"xwa2_fetch_account_reachout_timelock\":{\"is_active\":true,"
		     "\"time_enforcement_ends\":\"1893456000\",\"enforcement_type\":\"BIZ_QUALITY\"}}}");
	assert_string_equal(mini_ev(&m, WA_EV_NACK)->text, "restricted");
	assert_int_equal(mini_ev(&m, WA_EV_NACK)->code, 463);
	assert_true(locked);
	assert_int_equal(mini_send_text(&m, "R2", &to, "x"), 0);
	mini_run(&m);
	say_lock(&m, "{\"data\":{\"xwa2_fetch_account_reachout_timelock\":{\"is_active\":false}}}");
	assert_string_equal(mini_ev(&m, WA_EV_NACK)->text, "token_missing");
	assert_false(locked);
	/* an answer nobody can read leaves it open */
	assert_int_equal(mini_send_text(&m, "R3", &to, "x"), 0);
	mini_run(&m);
	say_lock(&m, "{\"data\":[}");
	assert_string_equal(mini_ev(&m, WA_EV_NACK)->text, "reachout_timelock");
	mini_clear(&m);
}

static struct wa_node *call(struct mini *m, const char *id, const char *what)
{
	struct wa_jid lid = bob(), pn = wa_jid_make(WA_SRV_PN, BOB_PN, 0);
	struct wa_node *n = mini_node(m, "call"), *k;

	wa_node_attr_jid(&m->arena, n, "from", &lid);
	wa_node_attr(&m->arena, n, "id", id);
	wa_node_attr_int(&m->arena, n, "t", m->now / 1000);
	k = wa_node_child(&m->arena, n, what);
	wa_node_attr(&m->arena, k, "call-id", "CALL");
	wa_node_attr_jid(&m->arena, k, "call-creator", &lid);
	wa_node_attr_jid(&m->arena, k, "caller_pn", &pn);
	wa_node_child(&m->arena, k, "video");
	return n;
}

static struct wa_call_event seen;
static char seen_id[80];
static void on_call(struct mini *m, const struct wa_event *e)
{
	(void)m;
	if (e->kind == WA_EV_CALL) {
		seen = *e->call;
		snprintf(seen_id, sizeof(seen_id), "%s", e->call->call_id);
	}
}

static void calls(void **state)
{
	struct wa_jid from = bob();
	const struct wa_node *rej;
	struct wa_node *ack;
	struct got g = { 0 };
	struct mini m;

	(void)state;
	begin(&m, 7);
	m.on_raw = on_call;
	m.hold = true;
	mini_send(&m, call(&m, "K1", "offer"));
	mini_run(&m);
	assert_null(mini_got(&m, "ack", "id", "K1"));	/* not before it is stored */
	m.hold = false;
	mini_commit(&m);
	mini_run(&m);
	assert_non_null(mini_got(&m, "ack", "id", "K1"));
	assert_int_equal(seen.kind, WA_CALL_OFFER);
	assert_true(seen.video);
	assert_string_equal(seen_id, "CALL");
	assert_string_equal(seen.creator_pn.user, BOB_PN);
	assert_int_equal(wa_client_call_reject(m.c, "CALL", &from, done, &g, NULL), 0);
	mini_run(&m);
	rej = mini_got(&m, "call", NULL, NULL);
	assert_true(wa_node_attr_is(wa_node_get(rej, "reject"), "call-id", "CALL"));
	assert_int_equal(g.calls, 0);
	ack = mini_node(&m, "ack");
	wa_node_attr(&m.arena, ack, "class", "call");
	wa_node_attr_span(&m.arena, ack, "id", wa_node_attr_get(rej, "id"));
	mini_send(&m, ack);
	mini_run(&m);
	assert_int_equal(g.calls, 1);
	assert_int_equal(g.code, 0);
	mini_clear(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(about),  cmocka_unit_test(picture), cmocka_unit_test(blocks),
		cmocka_unit_test(told),   cmocka_unit_test(business_name),
		cmocka_unit_test(issued),  cmocka_unit_test(refused),
		cmocka_unit_test(calls),  cmocka_unit_test(derived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
