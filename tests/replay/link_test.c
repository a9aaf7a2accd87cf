/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <base.h>

static void qr(void **state)
{
	struct mini m;
	const struct wa_device *d;

	(void)state;
	mini_init(&m, 1);
	mini_link(&m);
	d = wa_client_device(m.c);
	assert_true(d->paired);
	assert_string_equal(d->pn.user, OWN_PN);
	assert_string_equal(d->lid.user, OWN_LID);
	assert_int_equal(d->lid.device, 1);
	assert_string_equal(mini_ev(&m, WA_EV_PAIRED)->text, "android");
	assert_non_null(mini_ev(&m, WA_EV_READY));
	assert_int_equal(m.n_keys, PREKEYS_EXPECTED);
	assert_false(m.reused_id);
	assert_true(mini_count(&m, "ib", NULL, NULL) >= 2);
	mini_clear(&m);
}

static void refs_rotate(void **state)
{
	struct mini m;
	const struct ev *e;
	int64_t start;

	(void)state;
	mini_init(&m, 2);
	start = m.now;
	mini_connect(&m);
	e = mini_ev(&m, WA_EV_QR);
	assert_non_null(strstr(e->text, "#ref-0,"));
	assert_int_equal(e->expires_ms, start + 60000);
	mini_pass(&m, 59000);
	assert_int_equal(mini_evs(&m, WA_EV_QR), 1);
	mini_pass(&m, 2000);
	assert_int_equal(mini_evs(&m, WA_EV_QR), 2);
	assert_int_equal(mini_ev(&m, WA_EV_QR)->expires_ms, start + 80000);
	mini_pass(&m, 18000); /* 79 s */
	mini_pass(&m, 2000);
	assert_non_null(strstr(mini_ev(&m, WA_EV_QR)->text, "#ref-2,"));
	mini_pass(&m, 18000); /* 99 s */
	assert_null(mini_ev(&m, WA_EV_CLOSED));
	mini_pass(&m, 2000);
	ASSERT_CLOSED(&m, WA_NEXT_RELINK, "qr_timeout");
	assert_int_equal(wa_client_state(m.c), WA_ST_IDLE);
	/* and again, on request */
	mini_link(&m);
	mini_clear(&m);
}

static void late_scan(void **state)
{
	struct mini m;

	(void)state;
	mini_init(&m, 3);
	mini_connect(&m);
	mini_pass(&m, 70000);
	mini_scan(&m);
	assert_true(m.signed_ok);
	ASSERT_CLOSED(&m, WA_NEXT_RECONNECT_NOW, "restart_required");
	mini_login(&m);
	mini_clear(&m);
}

static void finish_code(struct mini *m)
{
	const struct ev *e = mini_ev(m, WA_EV_PAIR_CODE);

	assert_non_null(e);
	assert_int_equal(strlen(e->text), 8);
	mini_type_code(m, e->text);
	assert_non_null(mini_got(m, "ack", "class", "notification"));
	assert_true(m->signed_ok);
	ASSERT_CLOSED(m, WA_NEXT_RECONNECT_NOW, "restart_required");
	mini_login(m);
}

static void code(void **state)
{
	struct mini m;

	(void)state;
	mini_init(&m, 4);
	wa_client_free(m.c);
	m.opts.pair_phone = OWN_PN;
	assert_int_equal(wa_client_new(&m.opts, &m.c, NULL), 0);
	mini_connect(&m);
	assert_null(mini_ev(&m, WA_EV_QR));
	finish_code(&m);
	mini_clear(&m);
}

static void code_after_qr(void **state)
{
	struct mini m;

	(void)state;
	mini_init(&m, 5);
	assert_int_equal(wa_client_pair_by_code(m.c, OWN_PN, NULL, NULL), WA_ESTATE);
	mini_connect(&m);
	assert_int_equal(wa_client_pair_by_code(m.c, "+49", NULL, NULL), WA_EINVALID);
	assert_int_equal(wa_client_pair_by_code(m.c, OWN_PN, "short", NULL), WA_EINVALID);
	assert_int_equal(wa_client_pair_by_code(m.c, OWN_PN, "WARB1234", NULL), 0);
	mini_run(&m);
	assert_string_equal(mini_ev(&m, WA_EV_PAIR_CODE)->text, "WARB1234");
	mini_pass(&m, 100000); /* QR codes do not come back */
	assert_int_equal(mini_evs(&m, WA_EV_QR), 1);
	finish_code(&m);
	mini_clear(&m);
}

static void code_runs_out(void **state)
{
	struct mini m;

	(void)state;
	mini_init(&m, 6);
	mini_connect(&m);
	assert_int_equal(wa_client_pair_by_code(m.c, OWN_PN, NULL, NULL), 0);
	mini_pass(&m, 200000);
	ASSERT_CLOSED(&m, WA_NEXT_RELINK, "code_timeout");
	mini_clear(&m);
}

static void code_refused(void **state)
{
	struct mini m;

	(void)state;
	mini_init(&m, 7);
	m.refuse_hello = true;
	mini_connect(&m);
	assert_int_equal(wa_client_pair_by_code(m.c, OWN_PN, NULL, NULL), 0);
	mini_run(&m);
	assert_int_equal(mini_ev(&m, WA_EV_PAIR_ERROR)->code, 429);
	ASSERT_CLOSED(&m, WA_NEXT_RELINK, "pair_error");
	assert_null(mini_ev(&m, WA_EV_PAIR_CODE));
	mini_clear(&m);
}

/* The worker finishes after linking was given up. */
static void (*late_done)(void *arg);
static void (*late_job)(void *arg);
static void *late_arg;
static void work_later(void *ctx, void (*job)(void *arg), void *arg, void (*done)(void *arg))
{
	(void)ctx;
	late_job = job;
	late_done = done;
	late_arg = arg;
}

static void code_in_worker(void **state)
{
	struct mini m;

	(void)state;
	mini_init(&m, 8);
	m.ops.work = work_later;
	mini_connect(&m);
	assert_int_equal(wa_client_pair_by_code(m.c, OWN_PN, NULL, NULL), 0);
	mini_run(&m);
	assert_null(mini_got(&m, "iq", "xmlns", "md"));
	late_job(late_arg);
	late_done(late_arg);
	mini_run(&m);
	assert_non_null(mini_ev(&m, WA_EV_PAIR_CODE));
	assert_int_equal(wa_client_pair_by_code(m.c, OWN_PN, NULL, NULL), 0);
	mini_drop(&m);
	late_job(late_arg);
	late_done(late_arg); /* frees itself, touches nothing */
	mini_clear(&m);
}

static void tampered(void **state)
{
	struct mini m;
	const struct wa_node *iq, *e;

	(void)state;
	for (int i = 0; i < 2; i++) {
		mini_init(&m, 9);
		m.tamper_hmac = i == 0;
		m.tamper_sig = i == 1;
		mini_connect(&m);
		mini_scan(&m);
		iq = mini_got(&m, "iq", "type", "error");
		assert_non_null(iq);
		e = wa_node_get(iq, "error");
		assert_true(wa_node_attr_is(e, "code", "401"));
		assert_true(wa_node_attr_is(e, "text", i ? "signature-mismatch" : "hmac-mismatch"));
		assert_true(wa_node_attr_is(iq, "id", "link-2"));
		assert_non_null(mini_ev(&m, WA_EV_PAIR_ERROR));
		assert_null(mini_ev(&m, WA_EV_PAIRED));
		ASSERT_CLOSED(&m, WA_NEXT_RELINK, "pair_error");
		assert_false(wa_client_device(m.c)->paired);
		mini_restart(&m);
		m.tamper_hmac = m.tamper_sig = false;
		mini_link(&m);
		mini_clear(&m);
	}
}

/* The signature is in the same batch as the credentials: it leaves after them, or never. */
static void sign_after_commit(void **state)
{
	struct mini m;

	(void)state;
	mini_init(&m, 10);
	mini_connect(&m);
	m.hold = true;
	mini_scan(&m);
	assert_non_null(mini_ev(&m, WA_EV_PAIRED));
	assert_int_equal(mini_count(&m, "iq", "id", "link-2"), 0);
	mini_commit(&m);
	m.hold = false;
	mini_run(&m);
	assert_int_equal(mini_count(&m, "iq", "id", "link-2"), 1);
	assert_true(m.signed_ok);
	mini_restart(&m); /* from what was stored */
	mini_login(&m);
	mini_clear(&m);
}

/* What is for linked devices only, told to one that is not: acknowledged, and linking goes on. */
static void told_too_early(void **state)
{
	static const struct { const char *type, *child; } told[] = {
		{ "w:gp2", "remove" },	   { "w:gp2", "create" },  { "devices", "add" }, { "account_sync", "devices" },
		{ "server_sync", "collection" }, { "encrypt", "identity" }, { "picture", "set" },
	};
	struct wa_jid group = wa_jid_make(WA_SRV_GROUP, "120363000000000001", 0), who = mini_own(WA_SRV_LID, 0);
	char id[16];
	struct mini m;

	(void)state;
	mini_init(&m, 33);
	mini_connect(&m);
	for (size_t i = 0; i < WA_ARRAY_LEN(told); i++) {
		struct wa_node *n = mini_node(&m, "notification"), *c;

		snprintf(id, sizeof(id), "early-%zu", i);
		wa_node_attr_jid(&m.arena, n, "from", strcmp(told[i].type, "w:gp2") == 0 ? &group : &who);
		wa_node_attr(&m.arena, n, "type", told[i].type);
		wa_node_attr(&m.arena, n, "id", id);
		c = wa_node_child(&m.arena, wa_node_child(&m.arena, n, told[i].child), "participant");
		wa_node_attr_jid(&m.arena, c, "jid", &who);
		mini_send(&m, n);
		mini_run(&m);
		assert_non_null(mini_got(&m, "ack", "id", id));
	}
	assert_null(mini_ev(&m, WA_EV_CLOSED));
	assert_null(mini_ev(&m, WA_EV_GROUP));
	assert_int_equal(wa_client_state(m.c), WA_ST_LINKING);
	mini_scan(&m);
	mini_login(&m);
	mini_clear(&m);
}

/* Whatever stanza of linking and the first login the line dies at, the next try gets there. */
static void lost_anywhere(void **state)
{
	struct mini m;

	(void)state;
	for (size_t k = 1; k < 12; k++) {
		mini_init(&m, 100 + k);
		m.drop_after = k;
		for (int try = 0; try < 4 && wa_client_state(m.c) != WA_ST_READY; try++) {
			mini_connect(&m);
			if (wa_client_state(m.c) == WA_ST_LINKING)
				mini_scan(&m);
			if (mini_ev(&m, WA_EV_CLOSED) &&
			    mini_ev(&m, WA_EV_CLOSED)->next == WA_NEXT_LOGGED_OUT) {
				/* The signature was lost with the line: this device is unknown. */
				assert_false(m.paired);
				wa_memstore_free(m.store);
				m.opts.store_ctx = m.store = wa_memstore_new();
				mini_restart(&m);
			}
		}
		assert_int_equal(wa_client_state(m.c), WA_ST_READY);
		assert_true(m.n_keys >= PREKEYS_EXPECTED);
		assert_false(m.reused_id);
		mini_clear(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(qr),
		cmocka_unit_test(refs_rotate),
		cmocka_unit_test(late_scan),
		cmocka_unit_test(code),
		cmocka_unit_test(code_after_qr),
		cmocka_unit_test(code_runs_out),
		cmocka_unit_test(code_refused),
		cmocka_unit_test(code_in_worker),
		cmocka_unit_test(tampered),
		cmocka_unit_test(sign_after_commit),
		cmocka_unit_test(told_too_early),
		cmocka_unit_test(lost_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
