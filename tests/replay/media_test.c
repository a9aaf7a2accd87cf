/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Media hosts asked for and kept; lost files asked for again. */
#include "test.h"

#include <base.h>
#include <crypto.h>
#include <text.h>
#include <wa/media.h>

#include "baileys_media.h"

static struct {
	unsigned calls;
	int code;
	size_t n;
	char auth[64], first[64];
} conn;

static void on_conn(void *arg, int code, const struct wa_media_conn *mc)
{
	assert_ptr_equal(arg, &conn);
	conn.calls++;
	conn.code = code;
	conn.n = mc ? mc->n : 0;
	snprintf(conn.auth, sizeof(conn.auth), "%s", mc ? mc->auth : "");
	snprintf(conn.first, sizeof(conn.first), "%s", mc && mc->n ? mc->hosts[0] : "");
}

static void answer(struct mini *m, const char *auth, const char *ttl, const char *const *hosts)
{
	const struct wa_node *iq = mini_got(m, "iq", "xmlns", "w:m");
	struct wa_jid server = WA_JID_SERVER;
	struct wa_node *r = mini_node(m, "iq"), *mc;

	assert_non_null(iq);
	wa_node_attr_jid(&m->arena, r, "from", &server);
	wa_node_attr(&m->arena, r, "type", "result");
	wa_node_attr_span(&m->arena, r, "id", wa_node_attr_get(iq, "id"));
	mc = wa_node_child(&m->arena, r, "media_conn");
	wa_node_attr(&m->arena, mc, "auth", auth);
	wa_node_attr(&m->arena, mc, "ttl", ttl);
	wa_node_attr(&m->arena, mc, "max_buckets", "12");
	for (; *hosts; hosts++)
		wa_node_attr(&m->arena, wa_node_child(&m->arena, mc, "host"), "hostname", *hosts);
	mini_send(m, r);
	mini_run(m);
}

/* The question arrives; the answer is the test's. */
static void run_mute(struct mini *m)
{
	m->mute_all = true;
	mini_run(m);
	m->mute_all = false;
}

static void hosts(void **state)
{
	static const char *const two[] = { "a.example:8443", "evil/../x", "b@c", "b.example", NULL };
	static const char *const none[] = { "a b", NULL };
	struct mini m;

	(void)state;
	mini_init(&m, 1);
	assert_int_equal(wa_client_media_conn(m.c, false, on_conn, &conn, NULL), WA_ESTATE);
	mini_link(&m);
	memset(&conn, 0, sizeof(conn));
	assert_int_equal(wa_client_media_conn(m.c, false, on_conn, &conn, NULL), 0);
	assert_int_equal(wa_client_media_conn(m.c, false, on_conn, &conn, NULL), 0);
	run_mute(&m);
	assert_int_equal(mini_count(&m, "iq", "xmlns", "w:m"), 1);
	assert_int_equal(conn.calls, 0);
	answer(&m, "word+/=", "3600", two);
	assert_int_equal(conn.calls, 2);
	assert_int_equal(conn.code, 0);
	assert_int_equal(conn.n, 2);
	assert_string_equal(conn.auth, "word+/=");
	assert_string_equal(conn.first, "a.example:8443");
	/* from memory, until it is old */
	assert_int_equal(wa_client_media_conn(m.c, false, on_conn, &conn, NULL), 0);
	assert_int_equal(conn.calls, 3);
	mini_pass(&m, 3600 * 1000);
	assert_int_equal(wa_client_media_conn(m.c, false, on_conn, &conn, NULL), 0);
	run_mute(&m);
	assert_int_equal(conn.calls, 3);
	assert_int_equal(mini_count(&m, "iq", "xmlns", "w:m"), 2);
	answer(&m, "new", "3600", two);
	assert_string_equal(conn.auth, "new");
	/* asked anew at the caller's wish; an answer without a host is none, and forgets the old one */
	assert_int_equal(wa_client_media_conn(m.c, true, on_conn, &conn, NULL), 0);
	run_mute(&m);
	answer(&m, "x", "3600", none);
	assert_int_equal(conn.calls, 5);
	assert_int_equal(conn.code, WA_EPROTO);
	/* the connection goes: who waits is told */
	assert_int_equal(wa_client_media_conn(m.c, false, on_conn, &conn, NULL), 0);
	mini_drop(&m);
	assert_int_equal(conn.calls, 6);
	assert_true(conn.code < 0);
	mini_clear(&m);
}

static void ask_once_more(void *arg, int code, const struct wa_media_conn *mc)
{
	struct mini *m = arg;

	(void)mc;
	conn.code = code;
	if (conn.calls++ == 0)
		assert_int_equal(wa_client_media_conn(m->c, true, ask_once_more, m, NULL), 0);
}

/* Who asks again when he is told waits for the next answer. */
static void asked_while_told(void **state)
{
	static const char *const none[] = { NULL }, *const one[] = { "a.example", NULL };
	struct mini m;

	(void)state;
	mini_init(&m, 3);
	mini_link(&m);
	memset(&conn, 0, sizeof(conn));
	assert_int_equal(wa_client_media_conn(m.c, false, ask_once_more, &m, NULL), 0);
	run_mute(&m);
	m.mute_all = true;
	answer(&m, "x", "3600", none);
	m.mute_all = false;
	assert_int_equal(conn.calls, 1);
	assert_int_equal(conn.code, WA_EPROTO);
	assert_int_equal(mini_count(&m, "iq", "xmlns", "w:m"), 2);
	answer(&m, "x", "3600", one);
	assert_int_equal(conn.calls, 2);
	assert_int_equal(conn.code, 0);
	mini_clear(&m);
}

static void notify(struct mini *m, const char *id, const char *hex, const char *error, const char *from)
{
	struct wa_node *n = mini_node(m, "notification"), *e;
	struct wa_jid phone = wa_jid_make(WA_SRV_PN, from, 0);
	uint8_t iv[12], sealed[512];

	memset(iv, 7, sizeof(iv));
	wa_node_attr_jid(&m->arena, n, "from", &phone);
	wa_node_attr(&m->arena, n, "type", "mediaretry");
	wa_node_attr(&m->arena, n, "id", id);
	if (error) {
		wa_node_attr(&m->arena, wa_node_child(&m->arena, n, "error"), "code", error);
	} else {
		size_t len = strlen(hex) / 2;

		assert_int_equal(wa_hex_decode(wa_span_str(hex), sealed, len), 0);
		e = wa_node_child(&m->arena, n, "encrypt");
		wa_node_data(&m->arena, wa_node_child(&m->arena, e, "enc_p"), wa_span(sealed, len));
		wa_node_data(&m->arena, wa_node_child(&m->arena, e, "enc_iv"), wa_span(iv, sizeof(iv)));
	}
	mini_send(m, n);
	mini_run(m);
}

static void lost(void **state)
{
	struct wa_msg_info info = { .id = "MSGID" };
	const struct wa_node *r, *rmr;
	struct wa_span p, iv;
	uint8_t key[32], plain[64];
	struct wa_key k;
	struct mini m;

	(void)state;
	memset(key, 0x42, sizeof(key));
	mini_init(&m, 2);
	mini_link(&m);
	info.chat = m.bob[0].jid;
	info.chat.device = 0;
	assert_int_equal(wa_client_media_retry(m.c, &info, wa_span(key, 31), NULL), WA_EINVALID);
	assert_int_equal(wa_client_media_retry(m.c, &info, wa_span(key, 32), NULL), 0);
	mini_run(&m);
	r = mini_got(&m, "receipt", "type", "server-error");
	assert_non_null(r);
	rmr = wa_node_get(r, "rmr");
	assert_true(wa_node_attr_is(rmr, "from_me", "false"));
	assert_true(wa_node_attr_jid_typed(rmr, "jid") && wa_node_attr_jid_typed(r, "to"));
	/* the phone can open the question */
	p = wa_node_bytes(wa_node_get(wa_node_get(r, "encrypt"), "enc_p"));
	iv = wa_node_bytes(wa_node_get(wa_node_get(r, "encrypt"), "enc_iv"));
	wa_hkdf(wa_span(key, 32), wa_span(NULL, 0), wa_span_str("WhatsApp Media Retry Notification"), k.b, 32);
	assert_int_equal(iv.len, 12);
	assert_int_equal(wa_gcm_open(&k, iv.ptr, wa_span_str("MSGID"), p, plain), 0);
	assert_memory_equal(plain, "\x0a\x05MSGID", 7);
	/* others are not believed, nor is a wrong id */
	notify(&m, "MSGID", media_retry_ok, NULL, BOB_PN);
	notify(&m, "OTHER", media_retry_ok, NULL, OWN_PN);
	assert_int_equal(mini_evs(&m, WA_EV_MEDIA_RETRY), 0);
	notify(&m, "MSGID", media_retry_ok, NULL, OWN_PN);
	assert_int_equal(mini_evs(&m, WA_EV_MEDIA_RETRY), 1);
	assert_int_equal(mini_ev(&m, WA_EV_MEDIA_RETRY)->code, 0);
	assert_string_equal(mini_ev(&m, WA_EV_MEDIA_RETRY)->text, "/v/t62.7118-24/new?ccb=11-4&oh=01");
	assert_string_equal(mini_ev(&m, WA_EV_MEDIA_RETRY)->id, "MSGID");
	/* once */
	notify(&m, "MSGID", media_retry_ok, NULL, OWN_PN);
	assert_int_equal(mini_evs(&m, WA_EV_MEDIA_RETRY), 1);
	/* not there any more, said in both ways; and an answer under another key */
	assert_int_equal(wa_client_media_retry(m.c, &info, wa_span(key, 32), NULL), 0);
	notify(&m, "MSGID", media_retry_missing, NULL, OWN_PN);
	assert_int_equal(mini_ev(&m, WA_EV_MEDIA_RETRY)->code, 2);
	assert_int_equal(wa_client_media_retry(m.c, &info, wa_span(key, 32), NULL), 0);
	notify(&m, "MSGID", NULL, "2", OWN_PN);
	assert_int_equal(mini_ev(&m, WA_EV_MEDIA_RETRY)->code, 2);
	key[0] = 0;
	assert_int_equal(wa_client_media_retry(m.c, &info, wa_span(key, 32), NULL), 0);
	notify(&m, "MSGID", media_retry_ok, NULL, OWN_PN);
	assert_int_equal(mini_ev(&m, WA_EV_MEDIA_RETRY)->code, 1);
	assert_int_equal(mini_evs(&m, WA_EV_MEDIA_RETRY), 4);
	mini_clear(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts),
		cmocka_unit_test(asked_while_told),
		cmocka_unit_test(lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
