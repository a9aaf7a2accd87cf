/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who is who, changing under way: a conversation that moves from the phone
 * number to the LID and back, a session that cannot be read any more, devices
 * that go, messages that only the phone can tell.
 */
#include "hist.h"

#include <wa/history.h>

#include <base.h>

static struct wa_jid bob_lid(void)
{
	return wa_jid_make(WA_SRV_LID, BOB_LID, 0);
}

static struct wa_jid bob_pn(void)
{
	return wa_jid_make(WA_SRV_PN, BOB_PN, 0);
}

/* As the server of before would deliver it: named by number, its LID not told. */
static struct wa_node *by_number(struct mini *m, const char *id, const char *text)
{
	struct wa_node *n = mini_message(m, &m->bob[0], id, mini_text(m, text));

	n->attrs->jid = wa_arena_dup(&m->arena, &m->bob[0].pn, sizeof(struct wa_jid));
	n->last_attr->jid = wa_arena_dup(&m->arena, &m->bob[0].pn, sizeof(struct wa_jid));
	return n;
}

static void peer_message(struct mini *m, const char *id, int type, uint32_t field, const struct wa_buf *content)
{
	struct wa_buf proto, msg;
	struct wa_node *n;

	wa_buf_init(&proto, 1u << 20);
	wa_buf_init(&msg, 1u << 20);
	wa_pb_put_varint(&proto, 2, (uint64_t)type);
	wa_pb_put(&proto, field, wa_buf_view(content));
	wa_pb_put(&msg, 12, wa_buf_view(&proto));
	n = mini_message(m, &m->phone, id, wa_buf_view(&msg));
	wa_node_attr(&m->arena, n, "category", "peer");
	mini_send(m, n);
	wa_buf_clear(&proto);
	wa_buf_clear(&msg);
}

/* The phone tells who has which LID. */
static void tell_mapping(struct mini *m, unsigned n)
{
	struct wa_buf one, payload, content;

	wa_buf_init(&one, 256);
	wa_buf_init(&payload, 1u << 20);
	wa_buf_init(&content, 1u << 20);
	for (unsigned i = 0; i < n; i++) {
		wa_buf_reset(&one);
		wa_pb_put_varint(&one, 1, i ? 491500000000ull + i : strtoull(BOB_PN, NULL, 10));
		wa_pb_put_varint(&one, 2, i ? 50000u + i : 1u);
		wa_pb_put_varint(&one, 3, i ? 50000ull + i : strtoull(BOB_LID, NULL, 10));
		wa_pb_put(&payload, 1, wa_buf_view(&one));
	}
	wa_pb_put(&content, 1, wa_buf_view(&payload));
	peer_message(m, "MAP", 22, 23, &content);
	wa_buf_clear(&one);
	wa_buf_clear(&payload);
	wa_buf_clear(&content);
}

static const struct ev *text_event(struct mini *m, const char *body)
{
	for (size_t i = 0; i < m->n_ev; i++)
		if (m->ev[i].kind == WA_EV_MESSAGE && strcmp(m->ev[i].body, body) == 0)
			return &m->ev[i];
	return NULL;
}

/* number -> the phone tells the mapping -> LID -> number again: one ratchet all the time. */
static void migration(void **state)
{
	struct wa_jid pn = bob_pn(), lid = bob_lid();
	const struct wa_node *msg;
	struct mini m;

	(void)state;
	mini_init(&m, 1);
	m.no_lid = true;
	mini_link(&m);
	mini_send(&m, by_number(&m, "B1", "one"));
	mini_run(&m);
	assert_int_equal(text_event(&m, "one")->sender.server, WA_SRV_PN);
	assert_int_equal(mini_send_text(&m, "A1", &pn, "answer one"), 0);
	mini_run(&m);
	tell_mapping(&m, 200);
	mini_run(&m);
	mini_pass(&m, 1000);
	assert_int_equal(mini_evs(&m, WA_EV_LID) >= 200, 1);
	m.no_lid = false;
	/* what was sent before is acknowledged and read under the other name */
	mini_send(&m, by_number(&m, "B2", "two"));
	mini_send(&m, mini_message(&m, &m.bob[0], "B3", mini_text(&m, "three")));
	mini_run(&m);
	assert_int_equal(text_event(&m, "two")->sender.server, WA_SRV_LID);
	assert_int_equal(text_event(&m, "three")->sender.server, WA_SRV_LID);
	assert_int_equal(mini_send_text(&m, "A2", &lid, "answer two"), 0);
	mini_run(&m);
	assert_int_equal(mini_send_text(&m, "A3", &pn, "answer three"), 0);
	mini_run(&m);
	msg = mini_got(&m, "message", "id", "A3");
	assert_non_null(msg);
	assert_string_equal(mini_read(&m, &m.bob[0], msg, NULL), "answer three");
	mini_send(&m, by_number(&m, "B4", "four"));
	mini_run(&m);
	assert_non_null(text_event(&m, "four"));
	assert_null(mini_ev(&m, WA_EV_UNDECRYPTABLE));
	assert_null(mini_ev(&m, WA_EV_IDENTITY));
	assert_true(wa_client_same_person(m.c, &pn, &lid));
	mini_clear(&m);
}

/* The record of Bob's session is nonsense: found by whatever kind it is stored under. */
static void spoil(struct mini *m)
{
	char key[64];
	struct wa_change ch = { .kind = WA_REC_SESSION, .value = wa_span("not a session", 13) };

	snprintf(key, sizeof(key), "%s_1.0", BOB_LID);
	ch.key = wa_span_str(key);
	assert_int_equal(wa_memstore_apply(m->store, &ch, 1), 0);
	mini_restart(m);
	mini_login(m);
}

static void damaged_session_in(void **state)
{
	const struct wa_node *r;
	struct mini m;

	(void)state;
	mini_init(&m, 2);
	mini_link(&m);
	mini_send(&m, mini_message(&m, &m.bob[0], "B1", mini_text(&m, "one")));
	mini_run(&m);
	struct wa_jid lid = bob_lid();
	assert_int_equal(mini_send_text(&m, "A1", &lid, "so that bob needs no prekey any more"), 0);
	mini_run(&m);
	assert_non_null(mini_read(&m, &m.bob[0], mini_got(&m, "message", "id", "A1"), NULL));
	spoil(&m);
	mini_send(&m, mini_message(&m, &m.bob[0], "B2", mini_text(&m, "two")));
	mini_run(&m);
	assert_null(mini_ev(&m, WA_EV_CLOSED) && strcmp(mini_ev(&m, WA_EV_CLOSED)->text, "internal") == 0
			    ? mini_ev(&m, WA_EV_CLOSED) : NULL);
	assert_non_null(mini_ev(&m, WA_EV_UNDECRYPTABLE));
	r = mini_got(&m, "receipt", "type", "retry");
	assert_non_null(r);
	assert_non_null(wa_node_get(r, "keys")); /* a new session at once */
	assert_int_equal(wa_client_state(m.c), WA_ST_READY);
	mini_session(&m, &m.bob[0]);
	mini_send(&m, mini_message(&m, &m.bob[0], "B2", mini_text(&m, "two")));
	mini_run(&m);
	assert_non_null(text_event(&m, "two"));
	mini_clear(&m);
}

static void damaged_session_out(void **state)
{
	struct wa_jid lid = bob_lid();
	struct mini m;

	(void)state;
	mini_init(&m, 3);
	mini_link(&m);
	assert_int_equal(mini_send_text(&m, "A1", &lid, "one"), 0);
	mini_run(&m);
	spoil(&m);
	assert_int_equal(mini_send_text(&m, "A2", &lid, "two"), 0);
	mini_run(&m);
	assert_non_null(mini_ev(&m, WA_EV_ACK));
	assert_string_equal(mini_read(&m, &m.bob[0], mini_got(&m, "message", "id", "A2"), NULL), "two");
	mini_clear(&m);
}

/* ---- devices ---- */

static void own_devices(void **state)
{
	struct wa_node *n, *devices, *d;
	struct wa_jid j, lid = bob_lid();
	struct mini m;

	(void)state;
	mini_init(&m, 4);
	mini_link(&m);
	assert_int_equal(mini_send_text(&m, "A1", &lid, "so that our own list is known"), 0);
	mini_run(&m);
	n = mini_node(&m, "notification");
	j = mini_own(WA_SRV_PN, 0);
	wa_node_attr_jid(&m.arena, n, "from", &j);
	wa_node_attr(&m.arena, n, "id", "N1");
	wa_node_attr(&m.arena, n, "type", "account_sync");
	devices = wa_node_child(&m.arena, n, "devices");
	for (unsigned i = 0; i < 3; i++) {
		d = wa_node_child(&m.arena, devices, "device");
		j = mini_own(WA_SRV_PN, i);
		wa_node_attr_jid(&m.arena, d, "jid", &j);
	}
	mini_send(&m, n);
	mini_run(&m);
	assert_non_null(mini_ev(&m, WA_EV_OWN_DEVICES));
	assert_int_equal(mini_ev(&m, WA_EV_OWN_DEVICES)->count, 3);
	assert_null(mini_ev(&m, WA_EV_DEVICE_REMOVED));
	mini_clear(&m);
}

/* ---- what only the phone can tell ---- */

static struct wa_node *unavailable(struct mini *m, const char *id)
{
	struct wa_node *n = mini_node(m, "message");

	wa_node_attr_jid(&m->arena, n, "from", &m->bob[0].jid);
	wa_node_attr(&m->arena, n, "id", id);
	wa_node_attr_int(&m->arena, n, "t", m->now / 1000);
	wa_node_attr(&m->arena, n, "type", "text");
	wa_node_child(&m->arena, n, "unavailable");
	return n;
}

static void answer(struct mini *m, const char *id, const char *stanza, const char *text)
{
	struct wa_buf key, msg, info, web, result, pdo;

	wa_buf_init(&key, 1024);
	wa_buf_init(&msg, 1024);
	wa_buf_init(&info, 4096);
	wa_buf_init(&web, 4096);
	wa_buf_init(&result, 4096);
	wa_buf_init(&pdo, 8192);
	hist_text(&key, 1, BOB_LID "@lid");
	hist_text(&key, 3, id);
	hist_text(&msg, 1, text);
	wa_pb_put(&info, 1, wa_buf_view(&key));
	wa_pb_put(&info, 2, wa_buf_view(&msg));
	wa_pb_put_varint(&info, 3, (uint64_t)m->now / 1000);
	wa_pb_put(&web, 1, wa_buf_view(&info));
	wa_pb_put(&result, 4, wa_buf_view(&web));
	wa_pb_put_varint(&pdo, 1, 4);
	hist_text(&pdo, 2, "ASK");
	wa_pb_put(&pdo, 3, wa_buf_view(&result));
	peer_message(m, stanza, 17, 17, &pdo);
	wa_buf_clear(&key);
	wa_buf_clear(&msg);
	wa_buf_clear(&info);
	wa_buf_clear(&web);
	wa_buf_clear(&result);
	wa_buf_clear(&pdo);
}

static void placeholder(void **state)
{
	struct mini m;

	(void)state;
	mini_init(&m, 5);
	mini_link(&m);
	mini_send(&m, unavailable(&m, "B1"));
	mini_run(&m);
	assert_non_null(mini_ev(&m, WA_EV_UNDECRYPTABLE));
	assert_null(mini_got(&m, "message", "category", "peer")); /* the sender may still help */
	mini_pass(&m, 6000);
	assert_int_equal(mini_count(&m, "message", "category", "peer"), 1);
	mini_send(&m, unavailable(&m, "B1"));
	mini_pass(&m, 6000);
	assert_int_equal(mini_count(&m, "message", "category", "peer"), 1); /* once */
	answer(&m, "B1", "P1", "what you could not read");
	mini_run(&m);
	assert_non_null(text_event(&m, "what you could not read"));
	assert_string_equal(text_event(&m, "what you could not read")->id, "B1");
	answer(&m, "B1", "P2", "twice");
	answer(&m, "B9", "P3", "never asked for");
	mini_run(&m);
	assert_null(text_event(&m, "twice"));
	assert_null(text_event(&m, "never asked for"));
	/* the message itself after all: known */
	mini_send(&m, mini_message(&m, &m.bob[0], "B1", mini_text(&m, "late")));
	mini_run(&m);
	assert_null(text_event(&m, "late"));
	mini_clear(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(migration),
		cmocka_unit_test(damaged_session_in),
		cmocka_unit_test(damaged_session_out),
		cmocka_unit_test(own_devices),
		cmocka_unit_test(placeholder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
