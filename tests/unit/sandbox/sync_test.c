/* SPDX-License-Identifier: GPL-3.0-or-later */
/* App state: libwa's client against the sandbox's server and phone. */
#include "world.h"

#include <appstate.h>

#include <wa/sync.h>

#include <string.h>

#define ANN "4915100000001"
#define BOB "4915100000002"
#define BOB_JID "4915100000002@s.whatsapp.net"

static struct wa_jid bob(void)
{
	return wa_jid_make(WA_SRV_PN, BOB, 0);
}

struct answer {
	int times, code;
	char text[64];
};

static void answered(void *arg, int code, const char *text)
{
	struct answer *a = arg;

	a->times++;
	a->code = code;
	snprintf(a->text, sizeof(a->text), "%s", text ? text : "");
}

static void change(struct actor *c, const struct wa_sync_action *a, size_t n, struct answer *ans)
{
	struct wa_err err = WA_ERR_INIT;

	memset(ans, 0, sizeof(*ans));
	if (wa_client_sync_change(c->c, a, n, answered, ans, &err))
		fail_msg("%s", err.msg);
}

static void fault(struct world *w, const char *kind, int times)
{
	char body[128];

	snprintf(body, sizeof(body), "{\"kind\":\"%s\",\"times\":%d}", kind, times);
	world_do(w, "POST", "/faults", body);
}

static void phone(struct world *w, const char *body)
{
	world_do(w, "POST", "/accounts/" ANN "/app-state", body);
}

/* An entry of the phone with this index; its `on`. -1: there is none. */
static int phone_has(struct world *w, const char *collection, const char *index)
{
	json_t *all = world_api(w, 200, "GET", "/accounts/" ANN "/app-state", NULL), *e;
	json_t *list = json_object_get(json_object_get(all, collection), "entries");
	size_t i;
	int on = -1;

	json_array_foreach(list, i, e)
	{
		if (strcmp(json_string_value(json_object_get(e, "index")), index) == 0)
			on = json_is_true(json_object_get(e, "on"));
	}
	json_decref(all);
	return on;
}

static struct actor *linked(struct world *w)
{
	struct actor *a;

	world_start(w);
	world_account(w, ANN);
	world_account(w, BOB);
	a = world_client(w);
	world_link(w, a, ANN);
	world_run(w, 1000);
	return a;
}

static void first_sync(void **state)
{
	struct world w;
	struct actor *a = linked(&w);
	struct wa_sync_status st;
	size_t at[WA_SYNC_COLLECTIONS] = { 0 };

	(void)state;
	for (int i = 0; i < WA_SYNC_COLLECTIONS; i++) {
		assert_int_equal(actor_count(a, WA_EV_SYNC_DONE, wa_sync_collection_str(i)), 1);
		assert_int_equal(wa_client_sync_status(a->c, i, &st, NULL), 0);
		assert_true(st.known && !st.busy && !st.parked && !st.broken);
		for (size_t k = 0; k < a->n_events; k++)
			if (a->events[k].kind == WA_EV_SYNC_DONE &&
			    strcmp(a->events[k].text, wa_sync_collection_str(i)) == 0)
				at[i] = k;
		assert_true(i == 0 || at[i] > at[i - 1]);
	}
	assert_int_equal(actor_count(a, WA_EV_SYNC, "locale off"), 1);
	assert_int_equal(actor_count(a, WA_EV_SYNC, "unarchive on"), 1);
	assert_null(actor_find(a, WA_EV_SYNC_ERROR, NULL));
	world_end(&w);
}

static void phone_changes(void **state)
{
	struct world w;
	struct actor *a = linked(&w);
	struct seen *s;

	(void)state;
	phone(&w, "{\"action\":\"archive\",\"chat\":\"" BOB "\"}");
	phone(&w, "{\"action\":\"label_edit\",\"label\":\"7\",\"name\":\"New\",\"color\":3}");
	phone(&w, "{\"action\":\"label_chat\",\"label\":\"7\",\"chat\":\"" BOB "\"}");
	phone(&w, "{\"action\":\"archive\",\"chat\":\"" BOB "\",\"on\":false}");
	phone(&w, "{\"action\":\"contact\",\"chat\":\"" BOB "\",\"name\":\"Bob B\"}");
	world_run(&w, 1000);
	s = actor_find(a, WA_EV_SYNC, "archive on");
	assert_non_null(s);
	assert_string_equal(s->chat, BOB_JID);
	assert_non_null(actor_find(a, WA_EV_SYNC, "archive off"));
	assert_string_equal(actor_find(a, WA_EV_SYNC, "label_edit on")->id, "7");
	assert_string_equal(actor_find(a, WA_EV_SYNC, "contact on")->id, "Bob B");
	phone(&w, "{\"action\":\"contact\",\"chat\":\"" BOB "\",\"remove\":true}");
	world_run(&w, 1000);
	assert_non_null(actor_find(a, WA_EV_SYNC, "contact removed"));
	assert_null(actor_find(a, WA_EV_SYNC_ERROR, NULL));
	world_end(&w);
}

static void own_changes(void **state)
{
	struct world w;
	struct actor *a = linked(&w), *b = world_client(&w);
	struct wa_sync_action acts[] = {
		{ .kind = WA_SYNC_ARCHIVE, .chat = bob(), .on = true },
		{ .kind = WA_SYNC_PIN, .chat = bob(), .on = true },
		{ .kind = WA_SYNC_MUTE, .chat = bob(), .on = true, .until_ms = -1 },
		{ .kind = WA_SYNC_STAR, .chat = bob(), .on = true, .id = "3EB0AA", .from_me = true },
		{ .kind = WA_SYNC_CONTACT, .chat = bob(), .name = "Bob", .on = true },
		{ .kind = WA_SYNC_PIN, .chat = bob(), .on = false },
	};
	struct answer ans;

	(void)state;
	world_link(&w, b, ANN);
	world_run(&w, 1000);
	change(a, acts, WA_ARRAY_LEN(acts), &ans);
	assert_int_equal(ans.times, 0);
	world_run(&w, 1000);
	assert_int_equal(ans.times, 1);
	assert_int_equal(ans.code, 0);
	assert_int_equal(phone_has(&w, "regular_low", "[\"archive\",\"" BOB_JID "\"]"), 1);
	assert_int_equal(phone_has(&w, "regular_low", "[\"pin_v1\",\"" BOB_JID "\"]"), 0);
	assert_int_equal(phone_has(&w, "regular_high", "[\"star\",\"" BOB_JID
							"\",\"3EB0AA\",\"1\",\"0\"]"),
			 1);
	assert_int_equal(actor_count(a, WA_EV_SYNC, "archive on own"), 1);
	assert_int_equal(actor_count(b, WA_EV_SYNC, "archive on"), 1);
	assert_int_equal(actor_count(b, WA_EV_SYNC, "pin off"), 1);
	/* by the other name of the chat: the same entry */
	acts[0].on = false;
	acts[0].chat = wa_jid_make(WA_SRV_LID, "1", 0);
	acts[4].remove = true;
	acts[4].on = false;
	change(b, &acts[4], 1, &ans);
	world_run(&w, 1000);
	assert_int_equal(ans.code, 0);
	assert_int_equal(actor_count(a, WA_EV_SYNC, "contact removed"), 1);
	change(b, &acts[4], 1, &ans); /* it is not there: nothing to do */
	world_run(&w, 1000);
	assert_int_equal(ans.times, 1);
	assert_int_equal(ans.code, 0);
	assert_null(actor_find(a, WA_EV_SYNC_ERROR, NULL));
	world_end(&w);
}

static void conflict(void **state)
{
	struct wa_sync_action act = { .kind = WA_SYNC_ARCHIVE, .chat = bob(), .on = true };
	struct world w;
	struct actor *a = linked(&w);
	struct answer ans;

	(void)state;
	fault(&w, "app_conflict", 3);
	change(a, &act, 1, &ans);
	world_run(&w, 1000);
	assert_int_equal(ans.times, 1);
	assert_int_equal(ans.code, 0);
	assert_int_equal(phone_has(&w, "regular_low", "[\"archive\",\"" BOB_JID "\"]"), 1);
	fault(&w, "app_conflict", -1);
	act.on = false;
	change(a, &act, 1, &ans);
	world_run(&w, 5000);
	assert_int_equal(ans.times, 1);
	assert_int_equal(ans.code, WA_ECONFLICT);
	world_end(&w);
}

static void missing_key(void **state)
{
	struct wa_sync_action act = { .kind = WA_SYNC_PIN, .chat = bob(), .on = true };
	struct wa_sync_status st;
	struct world w;
	struct actor *a = linked(&w);
	struct answer ans;

	(void)state;
	world_do(&w, "PATCH", "/accounts/" ANN, "{\"online\":false}");
	fault(&w, "app_missing_key", 1);
	phone(&w, "{\"action\":\"archive\",\"chat\":\"" BOB "\"}");
	world_run(&w, 1000);
	assert_int_equal(wa_client_sync_status(a->c, WA_SYNC_REGULAR_LOW, &st, NULL), 0);
	assert_true(st.parked);
	assert_null(actor_find(a, WA_EV_SYNC, "archive on"));
	change(a, &act, 1, &ans);
	world_run(&w, 1000);
	assert_int_equal(ans.code, WA_ESTATE);
	assert_string_equal(ans.text, "missing_key");
	world_do(&w, "PATCH", "/accounts/" ANN, "{\"online\":true}");
	world_run(&w, 1000);
	assert_non_null(actor_find(a, WA_EV_SYNC, "archive on"));
	change(a, &act, 1, &ans);
	world_run(&w, 1000);
	assert_int_equal(ans.code, 0);
	world_end(&w);
}

/* The server's patches are broken for good: the phone helps out. */
static void recovery(void **state)
{
	struct wa_sync_status st;
	struct world w;
	struct actor *a = linked(&w);
	json_t *o;

	(void)state;
	fault(&w, "app_bad_patch", -1);
	phone(&w, "{\"action\":\"archive\",\"chat\":\"" BOB "\"}");
	world_run(&w, 2000);
	assert_int_equal(actor_count(a, WA_EV_SYNC_ERROR, "regular_low"), 3);
	assert_non_null(actor_find(a, WA_EV_SYNC, "archive on"));
	assert_int_equal(wa_client_sync_status(a->c, WA_SYNC_REGULAR_LOW, &st, NULL), 0);
	assert_true(st.known && !st.broken && !st.busy);
	o = world_api(&w, 204, "DELETE", "/faults", NULL);
	json_decref(o);
	phone(&w, "{\"action\":\"pin\",\"chat\":\"" BOB "\"}");
	world_run(&w, 1000);
	assert_non_null(actor_find(a, WA_EV_SYNC, "pin on"));
	world_end(&w);
}

/* The phone is off, too: given up, until somebody asks. */
static void broken(void **state)
{
	struct wa_sync_status st;
	struct wa_err err = WA_ERR_INIT;
	struct world w;
	struct actor *a = linked(&w);
	struct answer ans = { 0 };

	(void)state;
	phone(&w, "{\"action\":\"archive\",\"chat\":\"" BOB "\"}");
	world_do(&w, "PATCH", "/accounts/" ANN, "{\"online\":false}");
	fault(&w, "app_bad_patch", -1);
	if (wa_client_sync_fetch(a->c, WA_SYNC_REGULAR_LOW, true, answered, &ans, &err))
		fail_msg("%s", err.msg);
	world_run(&w, 90000);
	assert_int_equal(ans.times, 1);
	assert_true(ans.code < 0);
	assert_int_equal(wa_client_sync_status(a->c, WA_SYNC_REGULAR_LOW, &st, NULL), 0);
	assert_true(st.broken);
	json_decref(world_api(&w, 204, "DELETE", "/faults", NULL));
	if (wa_client_sync_fetch(a->c, WA_SYNC_REGULAR_LOW, true, answered, &ans, &err))
		fail_msg("%s", err.msg);
	world_run(&w, 2000);
	assert_int_equal(ans.times, 2);
	assert_int_equal(ans.code, 0);
	assert_int_equal(wa_client_sync_status(a->c, WA_SYNC_REGULAR_LOW, &st, NULL), 0);
	assert_false(st.broken);
	world_do(&w, "PATCH", "/accounts/" ANN, "{\"online\":true}");
	world_end(&w);
}

static void more_and_many(void **state)
{
	struct world w;
	struct actor *a;

	(void)state;
	world_start(&w);
	world_account(&w, ANN);
	world_account(&w, BOB);
	for (int i = 0; i < 250; i++)
		phone(&w, i % 2 ? "{\"action\":\"archive\",\"chat\":\"" BOB "\",\"on\":false}"
				: "{\"action\":\"archive\",\"chat\":\"" BOB "\"}");
	fault(&w, "app_more", 2);
	a = world_client(&w);
	world_link(&w, a, ANN);
	world_run(&w, 2000);
	assert_int_equal(actor_count(a, WA_EV_SYNC, "archive on"), 125);
	assert_int_equal(actor_count(a, WA_EV_SYNC_DONE, "regular_low"), 1);
	assert_null(actor_find(a, WA_EV_SYNC_ERROR, NULL));
	world_end(&w);
}

/* From scratch by a snapshot, and a patch whose entries are on the media host. */
static void snapshots(void **state)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_sync_status st;
	struct world w;
	struct actor *a = linked(&w);
	struct answer ans = { 0 };

	(void)state;
	phone(&w, "{\"action\":\"archive\",\"chat\":\"" BOB "\"}");
	phone(&w, "{\"action\":\"pin\",\"chat\":\"" BOB "\"}");
	world_run(&w, 1000);
	fault(&w, "app_snapshot", 2);
	fault(&w, "app_bad_snapshot", 1);
	if (wa_client_sync_fetch(a->c, WA_SYNC_REGULAR_LOW, true, answered, &ans, &err))
		fail_msg("%s", err.msg);
	world_run(&w, 1000);
	assert_int_equal(ans.times, 1);
	assert_int_equal(ans.code, 0);
	assert_int_equal(actor_count(a, WA_EV_SYNC_ERROR, "regular_low"), 1);
	assert_int_equal(actor_count(a, WA_EV_SYNC, "pin on"), 2);
	phone(&w, "{\"action\":\"pin\",\"chat\":\"" BOB "\",\"on\":false}");
	world_run(&w, 1000);
	assert_int_equal(actor_count(a, WA_EV_SYNC, "pin off"), 1);
	a->syncs = 0;
	world_do(&w, "POST", "/accounts/" ANN "/app-state/bulk", "{\"count\":20000}");
	world_run(&w, 5000);
	assert_int_equal(a->syncs, 20000);
	assert_int_equal(wa_client_sync_status(a->c, WA_SYNC_CRITICAL_UNBLOCK_LOW, &st, NULL), 0);
	assert_true(st.known && !st.busy && st.version == 1);
	world_end(&w);
}

/* The patches of one account make the state of another with the same keys: the right last one fits,
 * with any byte changed it does not. */
static void judges_uploads(void **state)
{
	struct wa_sync_action act = { .kind = WA_SYNC_PIN, .on = true, .chat = bob() };
	struct wa_err err = WA_ERR_INIT;
	struct sb_account *acc, *twin;
	struct sb_collection *from, *to;
	struct sb_patch *last;
	struct world w;
	uint8_t *copy;
	int which;

	(void)state;
	(void)linked(&w);
	acc = sb_find_pn(w.s, ANN);
	twin = sb_find_pn(w.s, BOB);
	assert_int_equal(sb_appstate_seal(acc, &act, 1, &which, &err), 0);
	memcpy(sb_appstate(twin)->keys, acc->appstate->keys, sizeof(acc->appstate->keys));
	twin->appstate->n_keys = acc->appstate->n_keys;
	from = &acc->appstate->cols[which];
	to = &twin->appstate->cols[which];
	for (size_t i = 0; i + 1 < from->n; i++)
		assert_int_equal(sb_appstate_take(twin, which,
						  wa_span(from->patches[i].bytes, from->patches[i].len), &err),
				 0);
	last = &from->patches[from->n - 1];
	copy = malloc(last->len);
	assert_non_null(copy);
	for (size_t i = 0; i < last->len; i++) {
		memcpy(copy, last->bytes, last->len);
		copy[i] ^= 1;
		if (sb_appstate_take(twin, which, wa_span(copy, last->len), &err) >= 0)
			fail_msg("byte %zu of %zu", i, last->len);
	}
	free(copy);
	assert_int_equal(to->version + 1, from->version);
	assert_int_equal(sb_appstate_take(twin, which, wa_span(last->bytes, last->len), &err), 0);
	assert_memory_equal(to->hash.sum, from->hash.sum, WA_LTHASH_LEN);
	act.remove = true;
	act.chat = wa_jid_make(WA_SRV_PN, "999", 0);
	assert_int_equal(sb_appstate_seal(acc, &act, 1, &which, &err), WA_ENOTFOUND);
	world_end(&w);
}

static void survives_restart(void **state)
{
	struct wa_sync_action act = { .kind = WA_SYNC_ARCHIVE, .chat = bob(), .on = true };
	struct world w;
	struct actor *a;
	struct answer ans;

	(void)state;
	world_start_kept(&w);
	world_account(&w, ANN);
	world_account(&w, BOB);
	a = world_client(&w);
	world_link(&w, a, ANN);
	phone(&w, "{\"action\":\"pin\",\"chat\":\"" BOB "\"}");
	world_run(&w, 1000);
	world_restart(&w);
	world_run(&w, 1000);
	change(a, &act, 1, &ans);
	world_run(&w, 1000);
	assert_int_equal(ans.code, 0);
	assert_int_equal(phone_has(&w, "regular_low", "[\"pin_v1\",\"" BOB_JID "\"]"), 1);
	assert_int_equal(phone_has(&w, "regular_low", "[\"archive\",\"" BOB_JID "\"]"), 1);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_sync),
		cmocka_unit_test(phone_changes),
		cmocka_unit_test(own_changes),
		cmocka_unit_test(conflict),
		cmocka_unit_test(missing_key),
		cmocka_unit_test(recovery),
		cmocka_unit_test(broken),
		cmocka_unit_test(more_and_many),
		cmocka_unit_test(snapshots),
		cmocka_unit_test(judges_uploads),
		cmocka_unit_test(survives_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
