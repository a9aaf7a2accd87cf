/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Channels: posts in and out, pages, numbers that change, mex with its errors. */
#include "test.h"

#include <base.h>
#include <wa/newsletter.h>

struct got {
	int calls, code;
	char text[160], name[64];
	size_t n;
	int64_t server_id, views;
	int role;
	bool muted;
};

static struct wa_jid channel(void)
{
	return wa_jid_make(WA_SRV_NEWSLETTER, "120363000000000001", 0);
}

static void on_channels(void *arg, int code, const char *text, const struct wa_newsletter *list, size_t n)
{
	struct got *g = arg;

	g->calls++;
	g->code = code;
	g->n = n;
	snprintf(g->text, sizeof(g->text), "%s", text);
	if (n) {
		snprintf(g->name, sizeof(g->name), "%s", list[0].name);
		g->role = list[0].role;
		g->muted = list[0].muted;
	}
}

static void on_messages(void *arg, int code, const struct wa_newsletter_message *list, size_t n)
{
	struct got *g = arg;

	g->calls++;
	g->code = code;
	g->n = n;
	if (n) {
		g->server_id = list[0].server_id;
		g->views = list[0].views;
	}
}

static void done(void *arg, int code, const char *text)
{
	struct got *g = arg;

	g->calls++;
	g->code = code;
	snprintf(g->text, sizeof(g->text), "%s", text);
}

static bool silent(struct mini *m, const struct wa_node *n)
{
	(void)m;
	return wa_node_attr_is(n, "xmlns", "w:mex") || wa_node_attr_is(n, "xmlns", "newsletter");
}

static void begin(struct mini *m, uint64_t seed)
{
	mini_init(m, seed);
	mini_link(m);
	m->on_iq = silent;
}

static void say(struct mini *m, const char *json)
{
	struct wa_node *r = mini_answer(m, mini_got(m, "iq", "xmlns", "w:mex"));

	wa_node_data(&m->arena, wa_node_child(&m->arena, r, "result"), wa_span_str(json));
	mini_send(m, r);
	mini_run(m);
}

#define CHANNEL                                                                                                    \
	"{\"id\":\"120363000000000001@newsletter\",\"state\":{\"type\":\"ACTIVE\"},\"thread_metadata\":{"         \
	"\"name\":{\"text\":\"News\",\"update_time\":\"1700000000000000\"},\"subscribers_count\":\"3\"},"         \
	"\"viewer_metadata\":{\"mute\":\"ON\",\"role\":\"SUBSCRIBER\"}}"

static void metadata(void **state)
{
	struct wa_jid ch = channel(), nobody = wa_jid_make(WA_SRV_PN, "1", 0);
	struct got g = { 0 };
	struct mini m;

	(void)state;
	begin(&m, 1);
	assert_int_equal(wa_client_newsletter_get(m.c, &nobody, on_channels, &g, NULL), WA_EINVALID);
	assert_int_equal(wa_client_newsletter_get(m.c, &ch, on_channels, &g, NULL), 0);
	mini_run(&m);
	say(&m, "{\"data\":{\"xwa2_newsletter\":" CHANNEL "}}");
	assert_int_equal(g.code, 0);
	assert_string_equal(g.name, "News");
	assert_int_equal(g.role, WA_NL_FOLLOWER);
	assert_true(g.muted);
	/* its refusal keeps its meaning */
	assert_int_equal(wa_client_newsletter_get(m.c, &ch, on_channels, &g, NULL), 0);
	mini_run(&m);
	say(&m, "{\"data\":{\"xwa2_newsletter\":null},\"errors\":[{\"message\":\"Not allowed\","
		"\"extensions\":{\"error_code\":403}}]}");
	assert_int_equal(g.code, 403);
	assert_string_equal(g.text, "Not allowed");
	/* no channel where one should be; nothing that is JSON */
	assert_int_equal(wa_client_newsletter_get(m.c, &ch, on_channels, &g, NULL), 0);
	mini_run(&m);
	say(&m, "{\"data\":{\"xwa2_newsletter\":null}}");
	assert_int_equal(g.code, 404);
	assert_int_equal(wa_client_newsletter_list(m.c, on_channels, &g, NULL), 0);
	mini_run(&m);
	say(&m, "oops");
	assert_int_equal(g.code, WA_EPROTO);
	assert_int_equal(wa_client_newsletter_list(m.c, on_channels, &g, NULL), 0);
	mini_run(&m);
	say(&m, "{\"data\":{\"xwa2_newsletter_subscribed\":[" CHANNEL ",{\"id\":\"x\"}]}}");
	assert_int_equal(g.n, 1);
	mini_clear(&m);
}

/* Another owner, one administrator less, how many there are: ids and variables as Baileys has them. */
static void roles(void **state)
{
	struct wa_jid ch = channel(), ann = wa_jid_make(WA_SRV_LID, "4004", 0);
	const struct wa_node *q;
	struct got g = { 0 };
	struct mini m;

	(void)state;
	begin(&m, 5);
	for (int i = 0; i < 2; i++) {
		assert_int_equal((i ? wa_client_newsletter_demote : wa_client_newsletter_owner)(m.c, &ch, &ann, done,
											       &g, NULL), 0);
		mini_run(&m);
		q = wa_node_get(mini_got(&m, "iq", "xmlns", "w:mex"), "query");
		assert_true(wa_node_attr_is(q, "query_id", i ? "6551828931592903" : "7341777602580933"));
		assert_true(wa_span_is(wa_node_bytes(q), "{\"variables\":{\"newsletter_id\":"
							 "\"120363000000000001@newsletter\",\"user_id\":\"4004@lid\"}}"));
		say(&m, i ? "{\"data\":{\"xwa2_newsletter_demote\":{\"id\":\"120363000000000001@newsletter\"}}}"
			  : "{\"data\":{\"xwa2_newsletter_change_owner\":{\"id\":\"120363000000000001@newsletter\"}}}");
		assert_int_equal(g.calls, i + 1);
		assert_int_equal(g.code, 0);
	}
	assert_int_equal(wa_client_newsletter_owner(m.c, &ann, &ann, done, &g, NULL), WA_EINVALID);
	mini_clear(&m);
}

static struct wa_node *post(struct mini *m, const char *id, const char *server_id, const char *text)
{
	struct wa_jid ch = channel();
	struct wa_node *n = mini_node(m, "message");

	wa_node_attr_jid(&m->arena, n, "from", &ch);
	wa_node_attr(&m->arena, n, "id", id);
	wa_node_attr(&m->arena, n, "server_id", server_id);
	wa_node_attr(&m->arena, n, "type", "text");
	wa_node_data(&m->arena, wa_node_child(&m->arena, n, "plaintext"), mini_text(m, text));
	return n;
}

static int64_t seen_id;
static void on_raw(struct mini *m, const struct wa_event *e)
{
	(void)m;
	if (e->kind == WA_EV_MESSAGE)
		seen_id = e->info->server_id;
}

/* Stored before it is acknowledged, told once, never with a receipt. */
static void posts_in(void **state)
{
	struct wa_node *bad;
	struct mini m;

	(void)state;
	begin(&m, 2);
	m.on_raw = on_raw;
	m.hold = true;
	mini_send(&m, post(&m, "P1", "101", "news"));
	mini_run(&m);
	assert_null(mini_got(&m, "ack", "id", "P1"));
	m.hold = false;
	mini_commit(&m);
	mini_run(&m);
	assert_non_null(mini_got(&m, "ack", "id", "P1"));
	assert_null(mini_got(&m, "receipt", "id", "P1"));
	assert_int_equal(seen_id, 101);
	assert_string_equal(mini_ev(&m, WA_EV_MESSAGE)->body, "news");
	mini_send(&m, post(&m, "P1", "101", "news"));
	mini_run(&m);
	assert_int_equal(mini_evs(&m, WA_EV_MESSAGE), 1);
	assert_int_equal(mini_count(&m, "ack", "id", "P1"), 2);
	bad = mini_node(&m, "message");
	wa_node_attr_jid(&m.arena, bad, "from", &(struct wa_jid){ .server = WA_SRV_NEWSLETTER, .user = "12" });
	wa_node_attr(&m.arena, bad, "id", "P2");
	wa_node_attr(&m.arena, bad, "server_id", "5");
	wa_node_data(&m.arena, wa_node_child(&m.arena, bad, "plaintext"), wa_span_str("\xff\xff"));
	mini_send(&m, bad);
	mini_run(&m);
	assert_true(wa_node_attr_is(mini_got(&m, "ack", "id", "P2"), "error", "491"));
	mini_clear(&m);
}

static void posts_out(void **state)
{
	struct wa_jid ch = channel();
	struct wa_message msg = { .kind = WA_MSG_TEXT, .text = wa_span_str("hello all"), .protocol_type = -1 }, out;
	struct wa_send s = { .id = "N1", .to = ch, .message = &msg };
	const struct wa_node *n;
	struct wa_node *ack;
	struct wa_arena a;
	struct mini m;

	(void)state;
	begin(&m, 3);
	m.mute_ack = true;
	assert_int_equal(wa_client_send(m.c, &s, NULL), 0);
	mini_run(&m);
	n = mini_got(&m, "message", "id", "N1");
	assert_non_null(n);
	assert_null(wa_node_get(n, "participants"));
	wa_arena_init(&a, 1u << 20);
	assert_int_equal(wa_message_decode(wa_node_bytes(wa_node_get(n, "plaintext")), &a, &out, NULL), 0);
	assert_true(wa_span_is(out.text, "hello all"));
	assert_int_equal(out.secret.len, 0);
	wa_arena_clear(&a);
	assert_null(mini_ev(&m, WA_EV_ACK));
	ack = mini_node(&m, "ack");
	wa_node_attr(&m.arena, ack, "class", "message");
	wa_node_attr(&m.arena, ack, "id", "N1");
	wa_node_attr(&m.arena, ack, "server_id", "102");
	mini_send(&m, ack);
	mini_run(&m);
	assert_int_equal(mini_ev(&m, WA_EV_ACK)->count, 102);
	/* an edit goes under the id of what it changes; the answer is that of the edit */
	msg.kind = WA_MSG_EDIT;
	msg.text = wa_span_str("hello everybody");
	msg.target_id = wa_span_str("N1");
	s.id = "N2";
	assert_int_equal(wa_client_send(m.c, &s, NULL), 0);
	mini_run(&m);
	n = mini_got(&m, "message", "edit", "3");
	assert_true(wa_node_attr_is(n, "id", "N1"));
	ack = mini_node(&m, "ack");
	wa_node_attr(&m.arena, ack, "class", "message");
	wa_node_attr(&m.arena, ack, "id", "N1");
	mini_send(&m, ack);
	mini_run(&m);
	assert_string_equal(mini_ev(&m, WA_EV_ACK)->id, "N2");
	/* reactions need the number, and go elsewhere */
	msg.kind = WA_MSG_REACTION;
	s.id = "N3";
	assert_int_equal(wa_client_send(m.c, &s, NULL), WA_EUNSUPPORTED);
	mini_clear(&m);
}

static void pages(void **state)
{
	struct wa_jid ch = channel();
	struct got g = { 0 };
	struct wa_node *r, *list, *x;
	struct mini m;

	(void)state;
	begin(&m, 4);
	m.mute_ack = true;
	assert_int_equal(wa_client_newsletter_messages(m.c, &ch, 0, 0, on_messages, &g, NULL), WA_EINVALID);
	assert_int_equal(wa_client_newsletter_messages(m.c, &ch, 10, 0, on_messages, &g, NULL), 0);
	mini_run(&m);
	r = mini_answer(&m, mini_got(&m, "iq", "xmlns", "newsletter"));
	list = wa_node_child(&m.arena, r, "messages");
	for (int i = 0; i < 3; i++) {
		x = wa_node_child(&m.arena, list, "message");
		wa_node_attr_int(&m.arena, x, "server_id", i == 0 ? 9 : i == 1 ? 7 : -4);
		wa_node_attr_int(&m.arena, wa_node_child(&m.arena, x, "views_count"), "count", 5);
	}
	mini_send(&m, r);
	mini_run(&m);
	assert_int_equal(g.n, 2);
	assert_int_equal(g.server_id, 7);
	assert_int_equal(g.views, 5);
	assert_int_equal(wa_client_newsletter_react(m.c, &ch, 7, "x", done, &g, NULL), 0);
	mini_run(&m);
	x = mini_node(&m, "ack");
	wa_node_attr(&m.arena, x, "class", "message");
	wa_node_attr_span(&m.arena, x, "id", wa_node_attr_get(mini_got(&m, "message", "type", "reaction"), "id"));
	wa_node_attr(&m.arena, x, "error", "403");
	mini_send(&m, x);
	mini_run(&m);
	assert_int_equal(g.code, 403);
	mini_clear(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metadata), cmocka_unit_test(roles),
		cmocka_unit_test(posts_in),
		cmocka_unit_test(posts_out),
		cmocka_unit_test(pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
