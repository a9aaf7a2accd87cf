/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Votes, event answers and the like: opened before the host sees them, sealed when it sends them. */
#include <wa/addon.h>

#include "test.h"

#include <base.h>
#include <crypto.h>

static struct wa_message last;
static uint8_t raw_vote[WA_HASH_LEN], raw_secret[32];
static int going, n_votes;
static char words[256];

static void note(struct mini *m, const struct wa_event *e)
{
	(void)m;
	if (e->kind != WA_EV_MESSAGE)
		return;
	last = *e->message;
	going = last.going ? last.going->going : -1;
	n_votes = last.vote ? (int)last.vote->n : -1;
	if (n_votes > 0)
		memcpy(raw_vote, last.vote->options[0], WA_HASH_LEN);
	snprintf(words, sizeof(words), "%.*s", WA_SPAN_ARG(last.text));
}

static struct wa_jid bob(void)
{
	return wa_jid_make(WA_SRV_LID, BOB_LID, 0);
}

static struct wa_jid me(void)
{
	return wa_jid_make(WA_SRV_LID, OWN_LID, 0);
}

static void start(struct mini *m, uint64_t seed)
{
	memset(raw_secret, 9, sizeof(raw_secret));
	mini_init(m, seed);
	mini_link(m);
	m->on_raw = note;
}

static struct wa_span encoded(struct mini *m, const struct wa_message *in)
{
	struct wa_span out;
	struct wa_buf b;

	wa_buf_init(&b, 1 << 20);
	assert_int_equal(wa_message_encode(in, &b, NULL), 0);
	out = wa_span(wa_arena_dup(&m->arena, b.ptr, b.len), b.len);
	wa_buf_clear(&b);
	return out;
}

static const struct wa_poll colours = {
	.name = { (const uint8_t *)"Colour?", 7 },
	.options = { { (const uint8_t *)"red", 3 }, { (const uint8_t *)"green", 5 } },
	.n = 2,
	.selectable = 1,
};

static void bob_polls(struct mini *m, const char *id)
{
	struct wa_message poll = { .kind = WA_MSG_POLL, .poll = &colours,
				   .secret = wa_span(raw_secret, 32) };

	mini_send(m, mini_message(m, &m->bob[0], id, encoded(m, &poll)));
	mini_run(m);
	assert_int_equal(last.kind, WA_MSG_POLL);
}

/* An add-on of Bob's, as his device would seal it. */
static void bob_adds(struct mini *m, const char *id, int kind, int use, const char *target,
		     bool his, struct wa_span plain, const struct wa_jid *as)
{
	struct wa_addon a = { .use = use, .secret = wa_span(raw_secret, 32),
			      .target_id = wa_span_str(target), .author = { his ? bob() : me() },
			      .sender = { *as } };
	uint8_t iv[12] = { 3 };
	struct wa_enc enc = { .use = use, .iv = wa_span(iv, 12) };
	struct wa_message in = { .kind = kind, .target_id = wa_span_str(target),
				 .target_from_me = his, .target_chat = his ? me() : bob(),
				 .enc = &enc };
	struct wa_buf b;

	wa_buf_init(&b, 1 << 20);
	assert_int_equal(wa_addon_seal(&a, plain, iv, &b, NULL), 0);
	enc.payload = wa_buf_view(&b);
	mini_send(m, mini_message(m, &m->bob[0], id, encoded(m, &in)));
	wa_buf_clear(&b);
	mini_run(m);
	assert_int_equal(last.kind == WA_MSG_REACTION ? WA_MSG_ENC_REACTION : last.kind, kind);
}

static struct wa_span vote_for(struct mini *m, const char *option)
{
	struct wa_vote v = { .n = 1 };
	struct wa_span out;
	struct wa_buf b;

	wa_poll_option_hash(wa_span_str(option), v.options[0]);
	wa_buf_init(&b, 4096);
	assert_int_equal(wa_vote_encode(&v, &b, NULL), 0);
	out = wa_span(wa_arena_dup(&m->arena, b.ptr, b.len), b.len);
	wa_buf_clear(&b);
	return out;
}

static void votes_in(void **state)
{
	struct wa_jid lid = bob(), pn = wa_jid_make(WA_SRV_PN, BOB_PN, 0);
	uint8_t hash[WA_HASH_LEN];
	struct mini m;

	(void)state;
	start(&m, 1);
	bob_polls(&m, "P1");
	wa_poll_option_hash(wa_span_str("green"), hash);
	bob_adds(&m, "V1", WA_MSG_POLL_VOTE, WA_ADDON_POLL_VOTE, "P1", true, vote_for(&m, "green"),
		 &lid);
	assert_int_equal(n_votes, 1);
	assert_memory_equal(raw_vote, hash, WA_HASH_LEN);
	/* sealed under his number, after a restart */
	mini_drop(&m);
	mini_restart(&m);
	mini_login(&m);
	bob_adds(&m, "V2", WA_MSG_POLL_VOTE, WA_ADDON_POLL_VOTE, "P1", true, vote_for(&m, "red"), &pn);
	assert_int_equal(n_votes, 1);
	/* a poll nobody knows, and a vote that does not open: told, not opened */
	bob_adds(&m, "V3", WA_MSG_POLL_VOTE, WA_ADDON_POLL_VOTE, "P9", true, vote_for(&m, "red"), &lid);
	assert_int_equal(n_votes, -1);
	memset(raw_secret, 8, sizeof(raw_secret));
	bob_adds(&m, "V4", WA_MSG_POLL_VOTE, WA_ADDON_POLL_VOTE, "P1", true, vote_for(&m, "red"), &lid);
	assert_int_equal(n_votes, -1);
	assert_int_equal(wa_client_state(m.c), WA_ST_READY);
	mini_clear(&m);
}

static void others_in(void **state)
{
	static const uint8_t reaction[] = { 0x12, 1, 'x', 0x20, 5 }, text[] = { 0x0a, 2, 'h', 'i' };
	struct wa_jid lid = bob();
	struct mini m;

	(void)state;
	start(&m, 2);
	bob_polls(&m, "P1");
	bob_adds(&m, "R1", WA_MSG_ENC_REACTION, WA_ADDON_REACTION, "P1", true,
		 wa_span(reaction, sizeof(reaction)), &lid);
	assert_int_equal(last.kind, WA_MSG_REACTION);
	assert_string_equal(words, "x");
	bob_adds(&m, "C1", WA_MSG_COMMENT, WA_ADDON_COMMENT, "P1", true, wa_span(text, sizeof(text)),
		 &lid);
	assert_string_equal(words, "hi");
	mini_clear(&m);
}

static const struct wa_node *sent(struct mini *m, const char *id, const struct wa_message *out)
{
	struct wa_send s = { .id = id, .to = bob(), .message = out };
	struct wa_err err = WA_ERR_INIT;

	if (wa_client_send(m->c, &s, &err))
		fail_msg("send: %s", err.msg);
	mini_run(m);
	return mini_got(m, "message", "id", id);
}

/* What Bob's device makes of our add-on. */
static void bob_opens(struct mini *m, const struct wa_node *stanza, struct wa_span secret, int use,
		      bool his, bool by_number, struct wa_buf *out)
{
	struct wa_jid pn = wa_jid_make(WA_SRV_PN, BOB_PN, 0);
	struct wa_message in;
	struct wa_addon a = { .use = use, .secret = secret,
			      .author = { his ? (by_number ? pn : bob()) : me() },
			      .sender = { me() } };

	(void)mini_read(m, &m->bob[0], stanza, &in);
	assert_non_null(in.enc);
	assert_int_equal(in.target_from_me, !his);
	a.target_id = in.target_id;
	wa_buf_reset(out);
	assert_int_equal(wa_addon_open(&a, in.enc, out, NULL), 0);
}

static void votes_out(void **state)
{
	struct wa_vote v = { .n = 1 };
	struct wa_going_answer yes = { .going = WA_GOING_YES, .guests = 1 };
	struct wa_message out = { .kind = WA_MSG_POLL_VOTE, .vote = &v,
				  .target_id = wa_span_str("P1") };
	struct wa_send s = { .id = "X1", .to = bob(), .message = &out };
	const struct wa_node *msg;
	struct wa_buf plain;
	struct mini m;

	(void)state;
	start(&m, 3);
	bob_polls(&m, "P1");
	wa_poll_option_hash(wa_span_str("red"), v.options[0]);
	wa_buf_init(&plain, 1 << 16);
	msg = sent(&m, "V1", &out);
	assert_true(wa_node_attr_is(msg, "type", "poll"));
	assert_true(wa_node_attr_is(wa_node_get(msg, "meta"), "polltype", "vote"));
	assert_null(wa_node_get(msg, "reporting"));
	bob_opens(&m, msg, wa_span(raw_secret, 32), WA_ADDON_POLL_VOTE, true, false, &plain);
	assert_true(wa_span_eq(wa_buf_view(&plain), vote_for(&m, "red")));
	out = (struct wa_message){ .kind = WA_MSG_CALENDAR_ANSWER, .going = &yes,
				   .target_id = wa_span_str("P1") };
	msg = sent(&m, "G1", &out);
	bob_opens(&m, msg, wa_span(raw_secret, 32), WA_ADDON_EVENT_ANSWER, true, true, &plain);
	assert_int_equal(wa_going_decode(wa_buf_view(&plain), &yes, NULL), 0);
	assert_int_equal(yes.guests, 1);
	assert_true(yes.timestamp_ms > 0);
	out = (struct wa_message){ .kind = WA_MSG_COMMENT, .text = wa_span_str("nice"),
				   .target_id = wa_span_str("P1") };
	msg = sent(&m, "C1", &out);
	bob_opens(&m, msg, wa_span(raw_secret, 32), WA_ADDON_COMMENT, true, false, &plain);
	assert_true(wa_span_eq(wa_buf_view(&plain), wa_span("\x0a\x04nice", 6)));
	out.target_id = wa_span_str("P2");
	assert_int_equal(wa_client_send(m.c, &s, NULL), WA_ENOTFOUND);
	wa_buf_clear(&plain);
	mini_clear(&m);
}

/* A poll of ours: its secret is kept with it, and it carries a reporting token. */
static void own_poll(void **state)
{
	struct wa_message poll = { .kind = WA_MSG_POLL, .poll = &colours }, read;
	struct wa_jid lid = bob(), own = me(), pn = wa_jid_make(WA_SRV_PN, BOB_PN, 0);
	uint8_t secret[32];
	const struct wa_node *msg, *token;
	struct mini m;

	(void)state;
	start(&m, 4);
	msg = sent(&m, "P1", &poll);
	assert_true(wa_node_attr_is(wa_node_get(msg, "meta"), "polltype", "creation"));
	token = wa_node_get(wa_node_get(msg, "reporting"), "reporting_token");
	assert_true(wa_node_attr_is(token, "v", "2"));
	assert_int_equal(wa_node_bytes(token).len, 16);
	assert_string_equal(mini_read(&m, &m.bob[0], msg, &read), "Colour?");
	assert_int_equal(read.secret.len, 32);
	assert_int_equal(wa_client_secret(m.c, &lid, &own, "P1", secret, NULL), 1);
	assert_memory_equal(secret, read.secret.ptr, 32);
	assert_int_equal(wa_client_secret(m.c, &lid, &lid, "P1", secret, NULL), 0);
	memcpy(raw_secret, secret, 32);
	bob_adds(&m, "V1", WA_MSG_POLL_VOTE, WA_ADDON_POLL_VOTE, "P1", false, vote_for(&m, "red"), &lid);
	assert_int_equal(n_votes, 1);
	/* his number is known by now */
	assert_int_equal(wa_client_secret(m.c, &pn, &wa_client_device(m.c)->pn, "P1", secret, NULL), 1);
	mini_clear(&m);
}

static void bot_says(struct mini *m, const char *id, const struct wa_jid *bot, const char *target,
		     const uint8_t secret[32])
{
	struct wa_node *n = mini_node(m, "message"), *child;
	struct wa_jid chat = bob();
	struct wa_addon a = { .use = WA_ADDON_BOT, .target_id = wa_span_str(id), .author = { me() },
			      .sender = { *bot } };
	uint8_t derived[32], iv[12] = { 5 };
	struct wa_buf sealed, body;

	wa_hkdf(wa_span(secret, 32), wa_span(NULL, 0), wa_span_str("Bot Message"), derived, 32);
	a.secret = wa_span(derived, 32);
	wa_buf_init(&sealed, 4096);
	wa_buf_init(&body, 4096);
	assert_int_equal(wa_addon_seal(&a, wa_span("\x0a\x04" "beep", 6), iv, &sealed, NULL), 0);
	wa_buf_put(&body, "\x12\x0c", 2);	/* MessageSecretMessage { encIv, encPayload } */
	wa_buf_put(&body, iv, 12);
	wa_buf_u8(&body, 0x1a);
	wa_buf_u8(&body, (uint8_t)sealed.len);
	wa_buf_span(&body, wa_buf_view(&sealed));
	wa_node_attr(&m->arena, n, "id", id);
	wa_node_attr_jid(&m->arena, n, "from", bot);
	wa_node_attr(&m->arena, n, "type", "text");
	wa_node_attr_int(&m->arena, n, "t", 1700000000);
	child = wa_node_child(&m->arena, n, "meta");
	wa_node_attr(&m->arena, child, "target_id", target);
	wa_node_attr_jid(&m->arena, child, "target_chat_jid", &chat);
	child = wa_node_child(&m->arena, n, "enc");
	wa_node_attr(&m->arena, child, "v", "2");
	wa_node_attr(&m->arena, child, "type", "msmsg");
	wa_node_data(&m->arena, child, wa_buf_view(&body));
	mini_send(m, n);
	mini_run(m);
	wa_buf_clear(&sealed);
	wa_buf_clear(&body);
}

static void bots(void **state)
{
	struct wa_jid bot = wa_jid_make(WA_SRV_BOT, "867051314767696", 0), lid = bob(), own = me();
	struct wa_message ask = { .kind = WA_MSG_TEXT, .text = wa_span_str("@bot?") };
	uint8_t secret[32];
	struct mini m;

	(void)state;
	start(&m, 5);
	(void)sent(&m, "Q1", &ask);
	assert_int_equal(wa_client_secret(m.c, &lid, &own, "Q1", secret, NULL), 1);
	bot_says(&m, "B1", &bot, "Q1", secret);
	assert_string_equal(words, "beep");
	assert_non_null(mini_got(&m, "receipt", "id", "B1"));
	/* what nobody asked, and who is no bot */
	bot_says(&m, "B2", &bot, "Q2", secret);
	assert_true(wa_node_attr_is(mini_got(&m, "ack", "id", "B2"), "error", "495"));
	bot_says(&m, "B3", &lid, "Q1", secret);
	assert_true(wa_node_attr_is(mini_got(&m, "ack", "id", "B3"), "error", "495"));
	assert_int_equal(mini_evs(&m, WA_EV_MESSAGE), 1);
	mini_clear(&m);
}

/* Texts have no record for their secret alone: theirs and ours are found where they stand anyway. */
static void secrets_of_texts(void **state)
{
	static const uint8_t reaction[] = { 0x12, 1, 'x', 0x20, 5 };
	struct wa_message text = { .kind = WA_MSG_TEXT, .text = wa_span_str("hello"),
				   .secret = wa_span(raw_secret, 32) }, read;
	struct wa_jid lid = bob(), own = me();
	const struct wa_node *msg;
	uint8_t secret[32];
	struct mini m;

	(void)state;
	start(&m, 6);
	text.secret = wa_span(NULL, 0);
	msg = sent(&m, "O1", &text); /* his devices are known by now */
	mini_read(&m, &m.bob[0], msg, &read);
	text.secret = wa_span(raw_secret, 32);
	mini_send(&m, mini_message(&m, &m.bob[1], "T1", encoded(&m, &text)));
	mini_run(&m);
	assert_int_equal(last.kind, WA_MSG_TEXT);
	mini_drop(&m);
	mini_restart(&m);
	mini_login(&m);
	bob_adds(&m, "R1", WA_MSG_ENC_REACTION, WA_ADDON_REACTION, "T1", true,
		 wa_span(reaction, sizeof(reaction)), &lid);
	assert_int_equal(last.kind, WA_MSG_REACTION);
	assert_string_equal(words, "x");
	assert_int_equal(wa_client_secret(m.c, &lid, &own, "O1", secret, NULL), 1);
	assert_memory_equal(secret, read.secret.ptr, 32);
	/* the author and the chat count */
	assert_int_equal(wa_client_secret(m.c, &lid, &lid, "O1", secret, NULL), 0);
	assert_int_equal(wa_client_secret(m.c, &lid, &own, "T1", secret, NULL), 0);
	assert_int_equal(wa_client_secret(m.c, &own, &own, "O1", secret, NULL), 0);
	mini_clear(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(votes_in),
		cmocka_unit_test(others_in),
		cmocka_unit_test(votes_out),
		cmocka_unit_test(own_poll),
		cmocka_unit_test(bots),
		cmocka_unit_test(secrets_of_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
