/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * App state when devices of one account change the same entries at once, and
 * when the line dies after every single stanza. The sandbox is the server: it
 * refuses a patch that does not follow its newest one, and logs one that is wrong.
 */
#include "world.h"

#include <appstate.h>

#include <base.h>
#include <inside.h>
#include <wa/sync.h>

#include <stdio.h>
#include <string.h>

#define ANN	"4915100000001"
#define BOB	"4915100000002"
#define BOB_JID "4915100000002@s.whatsapp.net"
#define SEEDS	12
#define STEPS	16
#define CUT_MAX 400

struct answer {
	int times, code;
};

static void answered(void *arg, int code, const char *text)
{
	struct answer *a = arg;

	(void)text;
	a->times++;
	a->code = code;
}

static const int kinds[] = { WA_SYNC_ARCHIVE, WA_SYNC_PIN, WA_SYNC_STAR, WA_SYNC_LABEL_CHAT };
static const char *const indexes[] = {
	"[\"archive\",\"" BOB_JID "\"]",
	"[\"pin_v1\",\"" BOB_JID "\"]",
	"[\"star\",\"" BOB_JID "\",\"3EB0AA\",\"1\",\"0\"]",
	"[\"label_jid\",\"7\",\"" BOB_JID "\"]",
};
#define ENTRIES WA_ARRAY_LEN(kinds)

static void change(struct actor *c, size_t entry, bool on, struct answer *ans)
{
	struct wa_sync_action a = { .kind = kinds[entry],
				    .on = on,
				    .chat = wa_jid_make(WA_SRV_PN, BOB, 0),
				    .id = "3EB0AA",
				    .from_me = true,
				    .label = "7" };
	struct wa_err err = WA_ERR_INIT;

	memset(ans, 0, sizeof(*ans));
	if (wa_client_sync_change(c->c, &a, 1, answered, ans, &err))
		fail_msg("%s", err.msg);
}

/* The phone's `on` of an entry; -1: there is none. */
static int phone_has(struct world *w, size_t entry)
{
	json_t *all = world_api(w, 200, "GET", "/accounts/" ANN "/app-state", NULL), *col, *e;
	const char *name;
	size_t i;
	int on = -1;

	json_object_foreach(all, name, col)
		json_array_foreach(json_object_get(col, "entries"), i, e)
			if (strcmp(json_string_value(json_object_get(e, "index")), indexes[entry]) == 0)
				on = json_is_true(json_object_get(e, "on"));
	json_decref(all);
	return on;
}

/* What a client was told last of an entry; -1: nothing. */
static int client_has(struct actor *c, size_t entry)
{
	const char *word = wa_sync_kind_str(kinds[entry]);
	size_t n = strlen(word);

	for (size_t i = c->n_events; i-- > 0;)
		if (c->events[i].kind == WA_EV_SYNC && strncmp(c->events[i].text, word, n) == 0 &&
		    strncmp(c->events[i].text + n, " o", 2) == 0)
			return c->events[i].text[n + 2] == 'n';
	return -1;
}

static uint64_t server_version(struct world *w, int col)
{
	return sb_find_pn(w->s, ANN)->appstate->cols[col].version;
}

static uint64_t server_patches(struct world *w)
{
	uint64_t n = 0;

	for (int i = 0; i < WA_SYNC_COLLECTIONS; i++)
		n += server_version(w, i);
	return n;
}

/* Everybody has what the server has. libwa checks the MAC of the whole collection at every version. */
static void same_state(struct world *w)
{
	for (size_t k = 0; k < w->n_clients; k++) {
		struct actor *c = w->clients[k];
		struct wa_sync_status st;

		assert_int_equal(wa_client_state(c->c), WA_ST_READY);
		for (int i = 0; i < WA_SYNC_COLLECTIONS; i++) {
			assert_int_equal(wa_client_sync_status(c->c, i, &st, NULL), 0);
			assert_true(st.known && !st.busy && !st.parked && !st.broken);
			assert_int_equal(st.version, server_version(w, i));
		}
		for (size_t e = 0; e < ENTRIES; e++)
			assert_int_equal(client_has(c, e), phone_has(w, e));
		assert_null(actor_find(c, WA_EV_SYNC_ERROR, NULL));
	}
}

static void begin(struct world *w, uint64_t seed)
{
	world_start(w);
	w->random = seed;
	world_account(w, ANN);
	world_account(w, BOB);
}

static void two(struct world *w, uint64_t seed)
{
	begin(w, seed);
	for (int i = 0; i < 2; i++)
		world_link(w, world_client(w), ANN);
	world_run(w, 2000);
	same_state(w);
}

/* Both at the same moment: one is refused, reads what it missed, and seals again. */
static void same_moment(void **state)
{
	(void)state;
	for (size_t e = 0; e < ENTRIES; e++) {
		struct answer a, b;
		struct world w;
		uint64_t before;

		two(&w, e + 1);
		before = server_patches(&w);
		change(w.clients[0], e, true, &a);
		change(w.clients[1], e, false, &b);
		assert_int_equal(a.times + b.times, 0);
		world_run(&w, 5000);
		assert_int_equal(a.times, 1);
		assert_int_equal(b.times, 1);
		assert_int_equal(a.code, 0);
		assert_int_equal(b.code, 0);
		assert_int_equal(server_patches(&w), before + 2);
		assert_true(phone_has(&w, e) >= 0);
		same_state(&w);
		world_end(&w);
	}
}

/* Random changes by both, in random turns, with random pauses (none, mostly). */
static void interleaved(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct answer ans[STEPS];
		struct world w;
		uint64_t before, took = 0;
		uint8_t r[STEPS];

		two(&w, seed * 1000);
		before = server_patches(&w);
		w.host.env.random(&w, r, sizeof(r));
		w.shuffle = true;
		for (size_t i = 0; i < STEPS; i++) {
			change(w.clients[r[i] & 1], r[i] >> 1 & 3, r[i] >> 3 & 1, &ans[i]);
			if (r[i] >> 4 < 4)
				world_run(&w, r[i] >> 4);
		}
		world_run(&w, 30000);
		for (size_t i = 0; i < STEPS; i++) {
			assert_int_equal(ans[i].times, 1);
			assert_true(ans[i].code == 0 || ans[i].code == WA_ECONFLICT);
			took += ans[i].code == 0;
		}
		assert_true(took > 0);
		assert_in_range(server_patches(&w), before + 1, before + took);
		same_state(&w);
		world_end(&w);
	}
}

/* The line of a device dies after the k-th stanza of its change, which another's crosses. False:
 * there were fewer stanzas. */
static bool change_cut(size_t k, bool crossed)
{
	struct answer a, b = { 1, 0 };
	struct world w;
	uint64_t before, most;
	bool died;

	two(&w, 7);
	before = server_patches(&w);
	w.clients[0]->fuse = k;
	if (crossed)
		change(w.clients[1], 0, false, &b);
	change(w.clients[0], 0, true, &a);
	world_run(&w, 5000);
	died = w.clients[0]->fuse == 0;
	w.clients[0]->fuse = 0;
	world_run(&w, 5000);
	assert_int_equal(a.times, 1);
	assert_int_equal(b.times, 1);
	assert_int_equal(b.code, 0);
	assert_true(a.code == 0 || (died && a.code == WA_ESTATE));
	most = before + 1 + crossed;
	assert_in_range(server_patches(&w), a.code == 0 ? most : before + crossed, most);
	same_state(&w);
	if (!crossed) {
		assert_true(a.code != 0 || phone_has(&w, 0) == 1);
		assert_in_range(actor_count(w.clients[0], WA_EV_SYNC, "archive on") +
					actor_count(w.clients[0], WA_EV_SYNC, "archive on own"),
				0, 1);
		assert_in_range(actor_count(w.clients[1], WA_EV_SYNC, "archive on"), 0, 1);
	}
	change(w.clients[0], 0, true, &a); /* it still can */
	world_run(&w, 2000);
	assert_int_equal(a.times, 1);
	assert_int_equal(a.code, 0);
	assert_int_equal(phone_has(&w, 0), 1);
	same_state(&w);
	world_end(&w);
	return died;
}

static void change_line_dies(void **state)
{
	(void)state;
	for (int crossed = 0; crossed < 2; crossed++) {
		size_t k = 1;

		while (change_cut(k, crossed))
			assert_true(++k < CUT_MAX);
		assert_true(k > 2); /* question and answer at least */
	}
}

/* The line dies after the k-th stanza of the first login, and again as far into the next. */
static bool first_sync_cut(size_t k)
{
	char body[1200];
	struct answer ans;
	struct world w;
	struct actor *c;
	bool died;

	begin(&w, 9);
	world_do(&w, "POST", "/accounts/" ANN "/app-state",
		 "{\"action\":\"archive\",\"chat\":\"" BOB "\"}");
	world_do(&w, "POST", "/accounts/" ANN "/app-state",
		 "{\"action\":\"pin\",\"chat\":\"" BOB "\"}");
	c = world_client(&w);
	world_connect(c);
	world_run(&w, 50);
	snprintf(body, sizeof(body), "{\"qr\":\"%s\"}", c->qr);
	c->fuse = k;
	world_do(&w, "POST", "/accounts/" ANN "/scan", body);
	world_run(&w, 5000);
	died = c->fuse == 0;
	c->fuse = died ? k : 0;
	world_run(&w, 5000);
	c->fuse = 0;
	world_run(&w, 60000);
	same_state(&w);
	assert_int_equal(phone_has(&w, 0), 1);
	assert_int_equal(actor_count(c, WA_EV_SYNC, "archive on"), 1);
	assert_int_equal(actor_count(c, WA_EV_SYNC, "pin on"), 1);
	change(c, 2, true, &ans);
	world_run(&w, 2000);
	assert_int_equal(ans.times, 1);
	assert_int_equal(ans.code, 0);
	same_state(&w);
	world_end(&w);
	return died;
}

static void first_sync_line_dies(void **state)
{
	size_t k = 1;

	(void)state;
	while (first_sync_cut(k))
		assert_true(++k < CUT_MAX);
	assert_true(k > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_moment),
		cmocka_unit_test(interleaved),
		cmocka_unit_test(change_line_dies),
		cmocka_unit_test(first_sync_line_dies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
