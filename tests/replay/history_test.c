/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * History as the phone hands it over: told in slices, confirmed when all of it
 * is committed, gone on with after a restart, one part missing.
 */
#include "hist.h"

#include <wa/history.h>

#include <base.h>

#define DAY_S  86400
#define MANY   1000

struct tally {
	size_t messages, slices, complete, names, largest;
	uint8_t times[MANY + 1]; /* how often each id was told */
	char chat[WA_JID_TEXT_MAX], name[64], text[32];
	unsigned unread;
	bool from_me_seen;
	int status;
	/* progress */
	size_t begun, done, failed, finished, nothing;
	uint32_t missing[8];
	size_t n_missing, missing_events;
	bool missing_final;
	char request[80], why[80];
	uint64_t skipped;
};

static struct tally t;

static void take_chat(const struct wa_history_chat *c)
{
	for (size_t i = 0; i < c->n_messages; i++) {
		const struct wa_history_message *m = &c->messages[i];
		unsigned long n = strtoul(m->info.id + 1, NULL, 10);

		assert_true(n <= MANY);
		t.times[n]++;
		t.messages++;
		t.from_me_seen |= m->info.from_me;
		t.status = m->status;
		assert_int_equal(m->secret.len, 32);
		assert_int_equal(m->message->kind, WA_MSG_TEXT);
		snprintf(t.text, sizeof(t.text), "%.*s", WA_SPAN_ARG(m->message->text));
		assert_true(wa_jid_eq(&m->info.chat, &c->jid));
	}
	wa_jid_text(&c->jid, t.chat);
	if (c->complete) {
		t.complete++;
		t.unread = c->unread;
		snprintf(t.name, sizeof(t.name), "%s", c->name ? c->name : "");
	}
}

static void take_progress(const struct wa_event *e)
{
	const struct wa_history *h = e->history;

	t.begun += h->state == WA_HISTORY_BEGUN;
	t.done += h->state == WA_HISTORY_PART_DONE;
	t.failed += h->state == WA_HISTORY_PART_FAILED;
	t.finished += h->state == WA_HISTORY_DONE;
	t.nothing += h->state == WA_HISTORY_NOTHING;
	t.skipped = h->skipped;
	if (h->state == WA_HISTORY_PART_FAILED)
		snprintf(t.why, sizeof(t.why), "%s", e->text);
	if (h->state != WA_HISTORY_MISSING)
		return;
	t.missing_events++;
	t.missing_final = h->final;
	t.n_missing = h->n_missing;
	for (size_t i = 0; i < h->n_missing && i < 8; i++)
		t.missing[i] = h->missing[i];
}

static void on_raw(struct mini *m, const struct wa_event *e)
{
	const struct wa_history *h = e->history;

	(void)m;
	if (e->kind == WA_EV_HISTORY_PROGRESS)
		take_progress(e);
	if (e->kind != WA_EV_HISTORY)
		return;
	t.slices++;
	snprintf(t.request, sizeof(t.request), "%s", h->request);
	t.names += h->n_names;
	size_t before = t.messages;
	for (size_t i = 0; i < h->n_chats; i++)
		take_chat(&h->chats[i]);
	if (t.messages - before > t.largest)
		t.largest = t.messages - before;
	assert_true(t.messages - before <= WA_HISTORY_SLICE_MESSAGES);
}

static void begin(struct mini *m, uint64_t seed)
{
	memset(&t, 0, sizeof(t));
	mini_init(m, seed);
	m->on_raw = on_raw;
}

static void payload(struct wa_buf *packed, const char *jid, const char *other, unsigned first, unsigned n,
		    int64_t t_s)
{
	struct wa_buf sync;

	wa_buf_init(&sync, 1u << 28);
	wa_buf_init(packed, 1u << 28);
	hist_chat(&sync, jid, other, first, n, t_s);
	hist_deflate(wa_buf_view(&sync), packed);
	wa_buf_clear(&sync);
}

static void announce(struct mini *m, const struct hist_note *note, const char *jid, const char *other,
		     unsigned first, unsigned n)
{
	struct wa_buf packed;

	payload(&packed, jid, other, first, n, m->now / 1000);
	hist_announce(m, note, wa_buf_view(&packed));
	wa_buf_clear(&packed);
}

static bool receipt(struct mini *m, const char *id, const char *type)
{
	for (size_t i = 0; i < m->n_got; i++)
		if (wa_node_is(m->got[i], "receipt") && wa_node_attr_is(m->got[i], "id", id) &&
		    wa_node_attr_is(m->got[i], "type", type))
			return true;
	return false;
}

static void each_once(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(t.times[i], 1);
}

/* One part, more than a slice: each message once, then the receipts. */
static void one_part(void **state)
{
	struct hist_note note = { .id = "N1", .type = WA_HISTORY_RECENT, .chunk = 1, .progress = 100 };
	struct mini m;

	(void)state;
	begin(&m, 1);
	mini_link(&m);
	announce(&m, &note, "2002@lid", BOB_PN "@s.whatsapp.net", 0, 500);
	mini_run(&m);
	assert_int_equal(t.messages, 500);
	each_once(500);
	assert_true(t.slices >= 4);
	assert_int_equal(t.complete, 1);
	assert_int_equal(t.unread, 3);
	assert_int_equal(t.status, WA_HS_READ);
	assert_string_equal(t.name, "Old friends");
	assert_string_equal(t.chat, "2002@lid");
	assert_string_equal(t.text, "old 499");
	assert_true(t.from_me_seen);
	assert_int_equal(t.begun, 1);
	assert_int_equal(t.done, 1);
	assert_int_equal(t.finished, 1);
	assert_true(receipt(&m, "N1", "hist_sync"));
	assert_true(receipt(&m, "N1", "peer_msg"));
	/* twice the same: receipts again, nothing told */
	announce(&m, &note, "2002@lid", NULL, 0, 500);
	mini_run(&m);
	assert_int_equal(t.messages, 500);
	mini_clear(&m);
}

/* The pair behind the messages is known before the first one is told. */
static void names_first(void **state)
{
	struct hist_note note = { .id = "N1", .type = WA_HISTORY_INITIAL, .progress = 1 };
	struct mini m;

	(void)state;
	begin(&m, 2);
	mini_link(&m);
	announce(&m, &note, "491700000777@s.whatsapp.net", "7777@lid", 0, 3);
	mini_run(&m);
	assert_int_equal(t.messages, 3);
	assert_string_equal(t.chat, "7777@lid");
	assert_non_null(mini_ev(&m, WA_EV_LID));
	mini_clear(&m);
}

/* A slow host: two slices under way at most, no receipt before the last is committed. */
static void back_pressure(void **state)
{
	struct hist_note note = { .id = "N1", .type = WA_HISTORY_RECENT, .chunk = 1, .progress = 100 };
	size_t before;
	struct mini m;

	(void)state;
	begin(&m, 3);
	mini_link(&m);
	m.hold = true;
	announce(&m, &note, "2002@lid", NULL, 0, 1000);
	mini_run(&m);
	before = m.n_held;
	assert_true(t.messages <= 2 * WA_HISTORY_SLICE_MESSAGES);
	mini_pass(&m, 1000);
	assert_true(t.messages <= 2 * WA_HISTORY_SLICE_MESSAGES);
	assert_int_equal(m.n_held, before);
	while (t.done == 0) {
		assert_false(receipt(&m, "N1", "hist_sync"));
		mini_commit_one(&m);
		mini_run(&m);
	}
	assert_false(receipt(&m, "N1", "hist_sync"));
	m.hold = false;
	mini_commit(&m);
	mini_run(&m);
	assert_true(receipt(&m, "N1", "hist_sync"));
	each_once(1000);
	mini_clear(&m);
}

/* The process dies in the middle: what was committed is not told again, the rest follows. */
static void restart_in_the_middle(void **state)
{
	struct hist_note note = { .id = "N1", .type = WA_HISTORY_RECENT, .chunk = 1, .progress = 100 };
	struct mini m;
	size_t committed;

	(void)state;
	begin(&m, 4);
	mini_link(&m);
	m.hold = true;
	announce(&m, &note, "2002@lid", NULL, 0, 1000);
	mini_run(&m);
	while (t.messages < 500) {
		mini_commit_one(&m);
		mini_run(&m);
	}
	committed = t.messages;
	assert_true(committed > 0 && committed < 1000);
	m.hold = false;
	mini_restart(&m);
	m.on_raw = on_raw;
	mini_login(&m);
	mini_run(&m);
	for (unsigned i = 0; i < 1000; i++)
		assert_true(t.times[i] >= 1);
	each_once((unsigned)(committed > 2 * WA_HISTORY_SLICE_MESSAGES ? committed - 2 * WA_HISTORY_SLICE_MESSAGES : 0));
	assert_true(t.messages <= 1000 + 2 * WA_HISTORY_SLICE_MESSAGES);
	assert_true(receipt(&m, "N1", "hist_sync"));
	mini_clear(&m);
}

/* Twelve parts, the seventh does not come: it is missed, asked for, and whole when it comes. */
static void one_missing(void **state)
{
	struct hist_note note = { .type = WA_HISTORY_RECENT };
	char id[8];
	struct mini m;

	(void)state;
	begin(&m, 5);
	mini_link(&m);
	for (unsigned i = 1; i <= 12; i++) {
		snprintf(id, sizeof(id), "N%u", i);
		note.id = id;
		note.chunk = i;
		note.progress = i == 12 ? 100 : 8 * i;
		if (i != 7)
			announce(&m, &note, "2002@lid", NULL, 10 * i, 10);
		mini_run(&m);
	}
	assert_int_equal(t.done, 11);
	assert_int_equal(t.finished, 0);
	mini_pass(&m, 40000);
	assert_int_equal(t.n_missing, 1);
	assert_int_equal(t.missing[0], 7);
	assert_false(t.missing_final);
	assert_non_null(mini_got(&m, "message", "category", "peer"));
	note.id = "N7";
	note.chunk = 7;
	note.progress = 56;
	announce(&m, &note, "2002@lid", NULL, 70, 10);
	mini_run(&m);
	assert_int_equal(t.finished, 1);
	assert_int_equal(t.messages, 120);
	mini_pass(&m, 600000);
	assert_int_equal(t.missing_events, 1);
	mini_clear(&m);
}

/* It never comes: said so for good, no more questions. */
static void never_comes(void **state)
{
	struct hist_note note = { .id = "N2", .type = WA_HISTORY_RECENT, .chunk = 2, .progress = 100 };
	struct mini m;

	(void)state;
	begin(&m, 6);
	mini_link(&m);
	announce(&m, &note, "2002@lid", NULL, 0, 10);
	mini_run(&m);
	mini_pass(&m, 3600000);
	assert_int_equal(t.missing_events, 3);
	assert_true(t.missing_final);
	assert_int_equal(t.finished, 1);
	assert_int_equal(mini_count(&m, "message", "category", "peer"), 2);
	mini_clear(&m);
}

static void corrupt(void **state)
{
	struct hist_note note = { .id = "N1", .type = WA_HISTORY_RECENT, .chunk = 1, .progress = 100 };
	struct wa_buf packed;
	struct mini m;

	(void)state;
	begin(&m, 7);
	mini_link(&m);
	payload(&packed, "2002@lid", NULL, 0, 200, m.now / 1000);
	packed.len -= 40;
	hist_announce(&m, &note, wa_buf_view(&packed));
	mini_run(&m);
	assert_int_equal(t.failed, 1);
	assert_non_null(strstr(t.why, "cut off"));
	assert_true(receipt(&m, "N1", "hist_sync"));
	mini_pass(&m, 40000);
	assert_int_equal(t.missing[0], 1);
	hist_announce(&m, &(struct hist_note){ .id = "N1b", .type = WA_HISTORY_RECENT, .chunk = 1, .progress = 100 },
		      wa_span("nonsense", 8));
	mini_run(&m);
	assert_int_equal(t.failed, 2);
	wa_buf_clear(&packed);
	mini_clear(&m);
}

/* Depth by age and by number, over several parts of the same chat; what was asked for is given whole. */
static void depth(void **state)
{
	struct hist_note note = { .id = "N1", .type = WA_HISTORY_INITIAL };
	struct wa_buf packed;
	struct mini m;

	(void)state;
	begin(&m, 8);
	m.opts.history.max_per_chat = 15;
	m.opts.history.max_days = 10;
	mini_restart(&m);
	m.on_raw = on_raw;
	mini_link(&m);
	announce(&m, &note, "2002@lid", NULL, 0, 10);
	note.id = "N2";
	note.type = WA_HISTORY_FULL;
	payload(&packed, "2002@lid", NULL, 10, 10, m.now / 1000 - 600);
	hist_announce(&m, &note, wa_buf_view(&packed));
	wa_buf_clear(&packed);
	mini_run(&m);
	assert_int_equal(t.messages, 15);
	assert_int_equal(t.skipped, 5);
	/* what is newer than the oldest one taken is told again at most, and not counted */
	note.id = "N2b";
	announce(&m, &note, "2002@lid", NULL, 0, 3);
	mini_run(&m);
	assert_int_equal(t.messages, 18);
	payload(&packed, "3003@lid", NULL, 20, 10, m.now / 1000 - 11 * DAY_S);
	note.id = "N3";
	hist_announce(&m, &note, wa_buf_view(&packed));
	mini_run(&m);
	assert_int_equal(t.messages, 18);
	note.id = "N4";
	note.type = WA_HISTORY_ON_DEMAND;
	note.request = "R1";
	hist_announce(&m, &note, wa_buf_view(&packed));
	mini_run(&m);
	assert_int_equal(t.messages, 28);
	assert_string_equal(t.request, "R1");
	wa_buf_clear(&packed);
	mini_clear(&m);
}

static void unwanted(void **state)
{
	struct hist_note note = { .id = "N1", .type = WA_HISTORY_INITIAL };
	struct mini m;

	(void)state;
	begin(&m, 9);
	m.opts.history.none = true;
	mini_restart(&m);
	m.on_raw = on_raw;
	mini_link(&m);
	announce(&m, &note, "2002@lid", NULL, 0, 10);
	mini_run(&m);
	assert_int_equal(t.messages + t.begun, 0);
	assert_true(receipt(&m, "N1", "hist_sync"));
	mini_clear(&m);
}

/* A stranger announces history: nothing happens. */
static void stranger(void **state)
{
	struct hist_note note = { .id = "N1", .type = WA_HISTORY_INITIAL };
	struct peer phone;
	struct mini m;

	(void)state;
	begin(&m, 10);
	mini_link(&m);
	phone = m.phone;
	m.phone = m.bob[0]; /* who sends */
	announce(&m, &note, "2002@lid", NULL, 0, 10);
	mini_run(&m);
	m.bob[0] = m.phone;
	m.phone = phone;
	assert_int_equal(t.messages + t.begun, 0);
	mini_clear(&m);
}

/* ---- on demand ---- */

static void on_demand(void **state)
{
	struct wa_history_ask ask = { .oldest_id = "H1", .oldest_ms = 1700000000000, .count = 50 };
	const struct wa_node *n;
	struct wa_span proto, pdo, req, v;
	struct wa_message msg;
	char request[32];
	struct mini m;

	(void)state;
	begin(&m, 11);
	mini_link(&m);
	ask.chat = wa_jid_make(WA_SRV_LID, BOB_LID, 0);
	assert_int_equal(wa_client_history_request(m.c, &ask, request, NULL), 0);
	mini_run(&m);
	n = mini_got(&m, "message", "category", "peer");
	assert_non_null(n);
	assert_true(wa_node_attr_is(n, "id", request));
	(void)mini_read(&m, &m.phone, n, &msg);
	assert_int_equal(wa_pb_find(msg.raw, 12, &proto), 1);
	assert_int_equal(wa_pb_find(proto, 16, &pdo), 1);
	assert_int_equal(wa_pb_find(pdo, 4, &req), 1);
	assert_int_equal(wa_pb_find(req, 1, &v), 1);
	assert_true(wa_span_is(v, "2002@lid"));
	assert_int_equal(wa_pb_find(req, 2, &v), 1);
	assert_true(wa_span_is(v, "H1"));
	announce(&m, &(struct hist_note){ .id = "N1", .type = WA_HISTORY_ON_DEMAND, .request = request },
		 "2002@lid", NULL, 2, 50);
	mini_run(&m);
	assert_int_equal(t.messages, 50);
	assert_string_equal(t.request, request);
	announce(&m, &(struct hist_note){ .id = "N2", .type = WA_HISTORY_ON_DEMAND, .request = request },
		 "2002@lid", NULL, 0, 0);
	mini_run(&m);
	assert_int_equal(t.nothing, 1);
	ask.count = 0;
	assert_int_equal(wa_client_history_request(m.c, &ask, request, NULL), WA_EINVALID);
	mini_clear(&m);
}

/* ---- from a media host ---- */

static uint64_t blob_id;

static void on_blob(void *ctx, uint64_t id, const struct wa_blob *b)
{
	(void)ctx;
	assert_int_equal(b->type, WA_MEDIA_HISTORY);
	assert_string_equal(b->direct_path, "/mms/h?x=1");
	blob_id = id;
}

/* Receipts that say the file of a part cannot be had: sealed, to our phone, about no chat. */
static size_t server_errors(struct mini *m, const char *id)
{
	const struct wa_node *r;
	size_t n = 0;

	for (size_t i = 0; i < m->n_got; i++) {
		r = m->got[i];
		if (!wa_node_is(r, "receipt") || !wa_node_attr_is(r, "id", id) ||
		    !wa_node_attr_is(r, "type", "server-error"))
			continue;
		assert_true(wa_node_attr_is(r, "category", "peer"));
		assert_null(wa_node_get(r, "rmr"));
		assert_int_equal(wa_node_bytes(wa_node_get(wa_node_get(r, "encrypt"), "enc_iv")).len, 12);
		assert_true(wa_node_bytes(wa_node_get(wa_node_get(r, "encrypt"), "enc_p")).len > 16);
		n++;
	}
	return n;
}

static void from_a_host(void **state)
{
	struct hist_note note = { .id = "N1", .type = WA_HISTORY_RECENT, .chunk = 1, .progress = 100, .file = true };
	struct wa_buf packed;
	struct mini m;

	(void)state;
	begin(&m, 12);
	m.ops.blob = on_blob;
	mini_link(&m);
	payload(&packed, "2002@lid", NULL, 0, 300, m.now / 1000);
	hist_announce(&m, &note, wa_span(NULL, 0));
	mini_run(&m);
	assert_true(blob_id != 0);
	assert_int_equal(t.messages, 0);
	for (size_t i = 0; i < packed.len; i += 100)
		assert_int_equal(wa_client_blob_data(m.c, blob_id,
						     wa_span(packed.ptr + i, packed.len - i < 100 ? packed.len - i : 100),
						     NULL), 0);
	wa_client_blob_done(m.c, blob_id, 0);
	mini_run(&m);
	assert_int_equal(t.messages, 300);
	note.id = "N2";
	note.chunk = 2;
	hist_announce(&m, &note, wa_span(NULL, 0));
	mini_run(&m);
	wa_client_blob_done(m.c, blob_id, 404);
	mini_run(&m);
	assert_int_equal(t.failed, 1);
	assert_string_equal(t.why, "http_404");
	assert_int_equal(server_errors(&m, "N2"), 1);
	assert_int_equal(server_errors(&m, "N1"), 0);
	wa_buf_clear(&packed);
	mini_clear(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_part),
		cmocka_unit_test(names_first),
		cmocka_unit_test(back_pressure),
		cmocka_unit_test(restart_in_the_middle),
		cmocka_unit_test(one_missing),
		cmocka_unit_test(never_comes),
		cmocka_unit_test(corrupt),
		cmocka_unit_test(depth),
		cmocka_unit_test(unwanted),
		cmocka_unit_test(stranger),
		cmocka_unit_test(on_demand),
		cmocka_unit_test(from_a_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
