/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world.h"

#include <string.h>

#define ANN "4915100000001"
#define BOB "4915100000002"

static void goes_on_after_a_restart(void **state)
{
	struct world w;
	struct actor *a;
	struct wa_pub root;
	char id[32];

	(void)state;
	world_start_kept(&w);
	root = w.root;
	world_account(&w, ANN);
	world_account(&w, BOB);
	world_do(&w, "POST", "/accounts/" BOB "/rules",
		 "{\"match\":\"equals\",\"text\":\"ping\",\"reply\":\"pong\"}");
	a = world_client(&w);
	world_link(&w, a, ANN);
	actor_text(a, BOB, "before", id);
	world_do(&w, "POST", "/accounts/" BOB "/messages",
		 "{\"to\":\"" ANN "\",\"text\":\"also before\"}");
	world_run(&w, 1000);
	world_restart(&w);
	assert_memory_equal(root.b, w.root.b, 32);
	world_run(&w, 1000);
	assert_int_equal(wa_client_state(a->c), WA_ST_READY);
	actor_text(a, BOB, "ping", id); /* sessions and rules are there */
	world_run(&w, 1000);
	assert_int_equal(actor_count(a, WA_EV_MESSAGE, "pong"), 1);
	assert_int_equal(world_num(&w, "/accounts/" BOB, "retries"), 0);
	assert_null(actor_find(a, WA_EV_RETRY_SENT, NULL));
	/* and another restart, which reads what the second run wrote */
	world_restart(&w);
	world_run(&w, 1000);
	actor_text(a, BOB, "ping", id);
	world_run(&w, 1000);
	assert_int_equal(actor_count(a, WA_EV_MESSAGE, "pong"), 2);
	world_end(&w);
}

static void what_waits_waits_on(void **state)
{
	struct world w;
	struct actor *a;

	(void)state;
	world_start_kept(&w);
	world_account(&w, ANN);
	world_account(&w, BOB);
	a = world_client(&w);
	world_link(&w, a, ANN);
	world_run(&w, 500);
	world_cut(a);
	world_do(&w, "POST", "/accounts/" BOB "/messages", "{\"to\":\"" ANN "\",\"text\":\"one\"}");
	world_do(&w, "POST", "/accounts/" BOB "/messages", "{\"to\":\"" ANN "\",\"text\":\"two\"}");
	world_run(&w, 500);
	world_restart(&w);
	world_run(&w, 1000);
	assert_int_equal(actor_count(a, WA_EV_MESSAGE, "one"), 1);
	assert_int_equal(actor_count(a, WA_EV_MESSAGE, "two"), 1);
	assert_true(actor_find(a, WA_EV_MESSAGE, "one") < actor_find(a, WA_EV_MESSAGE, "two"));
	/* what was acknowledged does not come again */
	world_run(&w, 500);
	world_restart(&w);
	world_run(&w, 1000);
	assert_int_equal(actor_count(a, WA_EV_MESSAGE, "one"), 1);
	world_end(&w);
}

static void what_was_unlinked_stays_away(void **state)
{
	struct world w;
	struct actor *a;

	(void)state;
	world_start_kept(&w);
	world_account(&w, ANN);
	a = world_client(&w);
	world_link(&w, a, ANN);
	world_run(&w, 500);
	a->stay_away = true;
	world_do(&w, "DELETE", "/accounts/" ANN "/devices/1", NULL);
	world_run(&w, 500);
	world_restart(&w);
	assert_int_equal(world_num(&w, "/accounts/" ANN, "devices"), 0);
	world_do(&w, "DELETE", "/accounts/" ANN, NULL);
	world_restart(&w);
	json_decref(world_api(&w, 404, "GET", "/accounts/" ANN, NULL));
	world_end(&w);
}

#define JPEG "/9j/4AAQSkZJRgABAQAAAQABAAD/2Q==" /* of a few bytes */

static json_t *only_group(struct world *w)
{
	json_t *all = world_api(w, 200, "GET", "/groups", NULL), *g;

	assert_int_equal(json_array_size(json_object_get(all, "groups")), 1);
	g = json_incref(json_array_get(json_object_get(all, "groups"), 0));
	json_decref(all);
	return g;
}

static void say_in(struct actor *a, const char *group, const char *text)
{
	struct wa_message m = { .kind = WA_MSG_TEXT, .text = wa_span_str(text), .protocol_type = -1 };
	char id[32];
	struct wa_send o = { .id = id, .message = &m };

	wa_client_message_id(a->c, id);
	assert_int_equal(wa_jid_parse(wa_span_str(group), &o.to, NULL), 0);
	assert_int_equal(wa_client_send(a->c, &o, NULL), 0);
	world_run(a->w, 200);
}

static void groups_and_pictures_are_kept(void **state)
{
	json_t *made, *before, *after;
	struct world w;
	struct actor *a;
	char path[64], jid[64], status[16];

	(void)state;
	world_start_kept(&w);
	world_account(&w, ANN);
	world_account(&w, BOB);
	a = world_client(&w);
	world_link(&w, a, ANN);
	made = world_api(&w, 201, "POST", "/groups",
			 "{\"by\":\"" BOB "\",\"subject\":\"Garden\",\"members\":[\"" ANN "\"]}");
	snprintf(path, sizeof(path), "/groups/%s", json_string_value(json_object_get(made, "id")));
	snprintf(jid, sizeof(jid), "%s", json_string_value(json_object_get(made, "jid")));
	json_decref(made);
	world_do(&w, "PATCH", path, "{\"by\":\"" BOB "\",\"description\":\"plants\",\"picture\":\"" JPEG
				    "\",\"locked\":true,\"ephemeral_s\":86400}");
	world_do(&w, "PATCH", "/accounts/" BOB "/profile", "{\"picture\":\"" JPEG "\"}");
	say_in(a, jid, "before");
	world_run(&w, 11000);
	before = only_group(&w);
	assert_string_not_equal(json_string_value(json_object_get(before, "picture_id")), "");
	world_restart(&w);
	world_run(&w, 1000);
	after = only_group(&w);
	assert_true(json_equal(before, after));
	json_decref(before);
	json_decref(after);
	assert_int_equal(world_num(&w, "/accounts/" BOB "/profile", "picture_bytes"), 22);
	say_in(a, jid, "after");
	assert_int_equal(world_phone_has(&w, BOB, "after", status), 1);
	world_do(&w, "POST", "/groups", "{\"by\":\"" BOB "\",\"subject\":\"gone\"}");
	world_do(&w, "PATCH", path, "{\"by\":\"" BOB "\",\"picture\":\"\"}");
	world_do(&w, "POST", "/reset", NULL);
	a->stay_away = true;
	world_restart(&w);
	after = world_api(&w, 200, "GET", "/groups", NULL);
	assert_int_equal(json_array_size(json_object_get(after, "groups")), 0);
	json_decref(after);
	world_end(&w);
}

static void channels_and_restrictions_are_kept(void **state)
{
	json_t *made, *before, *after;
	struct world w;
	char posts[80], path[80], body[160];

	(void)state;
	world_start_kept(&w);
	world_account(&w, ANN);
	world_account(&w, BOB);
	made = world_api(&w, 201, "POST", "/channels", "{\"owner\":\"" ANN "\",\"name\":\"News\"}");
	snprintf(path, sizeof(path), "/channels/%s/reactions", json_string_value(json_object_get(made, "id")));
	snprintf(posts, sizeof(posts), "/channels/%s/posts", json_string_value(json_object_get(made, "id")));
	snprintf(body, sizeof(body), "/channels/%s/follow", json_string_value(json_object_get(made, "id")));
	json_decref(made);
	world_do(&w, "POST", body, "{\"number\":\"" BOB "\"}");
	for (int i = 0; i < 12; i++) {
		snprintf(body, sizeof(body), "{\"number\":\"" ANN "\",\"text\":\"post %d\"}", i);
		world_do(&w, "POST", posts, body);
	}
	world_do(&w, "POST", path, "{\"number\":\"" BOB "\",\"server_id\":103,\"code\":\"x\"}");
	world_do(&w, "POST", "/accounts/" BOB "/restriction", "{\"locked\":true,\"kind\":\"BIZ_QUALITY\"}");
	world_run(&w, 500);
	before = world_api(&w, 200, "GET", posts, NULL);
	assert_int_equal(json_integer_value(json_object_get(before, "followers")), 2);
	world_restart(&w);
	after = world_api(&w, 200, "GET", posts, NULL);
	assert_true(json_equal(before, after));
	json_decref(before);
	json_decref(after);
	made = world_api(&w, 201, "POST", posts, "{\"number\":\"" ANN "\",\"text\":\"one more\"}");
	assert_int_equal(json_integer_value(json_object_get(made, "server_id")), 112);
	json_decref(made);
	world_end(&w);
}

static void broken_records_are_left_out(void **state)
{
	static const struct {
		const char *key, *value;
	} bad[] = {
		{ "root", "short" },
		{ "a/491", "{" },
		{ "a/4915100000009", "{}" },
		{ "d/4915100000009/0", "[]" },
		{ "d/4915100000009/7", "{\"noise\":\"x\"}" },
		{ "q/4915100000009/7/1", "\1\2\3" },
		{ "r/x/y", "z" },
		{ "q", "" },
		{ "", "" },
		{ "zzz", "unknown" },
		{ "g/1203630", "{\"members\":[[\"4915100000009\",0,0]]}" },
		{ "g/1203631", "[]" },
		{ "c/12", "{\"people\":{\"x\":[9]}}" },
		{ "n/12/000", "{}" },
		{ "n/13/5", "{\"bytes\":\"?\"}" },
		{ "i/12", "short" },
		{ "d/4915100000001/5", "{\"sim\":\"AAAA\"}" },
	};
	struct world w;
	struct wa_err err = WA_ERR_INIT;
	struct sandbox_opts opts = { 0 };

	(void)state;
	world_start_kept(&w);
	world_account(&w, ANN);
	world_run(&w, 500);
	sandbox_free(w.s);
	assert_int_equal(sandbox_new(&w.host, &opts, &w.s, &err), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(sandbox_restore(w.s, wa_span_str(bad[i].key),
						 wa_span_str(bad[i].value), &err),
				 0);
	assert_int_equal(sandbox_start(w.s, &err), 0);
	assert_int_equal(world_num(&w, "", "accounts"), 0);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_on_after_a_restart),
		cmocka_unit_test(what_waits_waits_on),
		cmocka_unit_test(what_was_unlinked_stays_away),
		cmocka_unit_test(groups_and_pictures_are_kept),
		cmocka_unit_test(channels_and_restrictions_are_kept),
		cmocka_unit_test(broken_records_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
