/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a step expects of what the script has done. */
#include "test_int.h"

/* The next message the script sent, NULL: none; *ret_i past it. */
static const json_t *next_act(struct run *r, const char *what, size_t *ret_i)
{
	const json_t *acts = wb_sim_acts(r->sim);

	for (; *ret_i < json_array_size(acts); (*ret_i)++) {
		const json_t *a = json_array_get(acts, *ret_i);

		if (strcmp(get_text(a, "what"), what) == 0) {
			(*ret_i)++;
			return a;
		}
	}
	return NULL;
}

static void say_act(const json_t *a, char *out, size_t size)
{
	snprintf(out, size, "%s \"%s\" to %s", get_text(a, "kind"), get_text(a, "text"), get_text(a, "to"));
}

bool test_nothing_left(struct run *r, const char *expected)
{
	const json_t *a = next_act(r, "message", &r->seen);
	char said[2000];

	if (!a)
		return true;
	say_act(a, said, sizeof(said));
	return test_fail(r, "expected: %s\ngot:      %s", expected, said);
}

static bool expect_one(struct run *r, const json_t *want)
{
	const json_t *a;
	char *text;

	if (json_is_false(want) || (json_is_string(want) && strcmp(json_string_value(want), "nothing") == 0))
		return test_nothing_left(r, "nothing");
	a = next_act(r, "message", &r->seen);
	if (a)
		return test_message(want, a, r->why, sizeof(r->why));
	text = json_dumps(want, JSON_COMPACT | JSON_ENCODE_ANY);
	if (json_is_object(want)) {
		json_t *plain = test_plain(want);

		free(text);
		text = json_dumps(plain, JSON_COMPACT | JSON_ENCODE_ANY);
		json_decref(plain);
	}
	test_fail(r, "expected: %s\ngot:      nothing", text ? text : "");
	free(text);
	return false;
}

static bool expect(struct run *r, const json_t *want)
{
	const json_t *list = json_object_get(want, TEST_LIST);
	json_t *item;
	size_t i;

	if (!json_array_size(list))
		return expect_one(r, want);
	json_array_foreach(list, i, item)
		if (!expect_one(r, item))
			return false;
	return true;
}

static bool any_act(struct run *r, const char *what, const json_t *want)
{
	const json_t *acts = wb_sim_acts(r->sim), *a;
	json_t *plain;
	char *text;
	size_t i = 0;

	while ((a = next_act(r, what, &i)))
		if (json_is_string(want) ? strstr(get_text(a, "text"), json_string_value(want)) ||
					   test_pattern(get_text(a, "text"), json_string_value(want)) :
					   test_subset(want, a))
			return true;
	(void)acts;
	plain = test_plain(want);
	text = json_dumps(plain, JSON_COMPACT | JSON_ENCODE_ANY);
	test_fail(r, "expected: a %s like %s\ngot:      none", what, text ? text : "");
	free(text);
	json_decref(plain);
	return false;
}

/* One, or a list of them, in any order. */
static bool all_acts(struct run *r, const char *what, const json_t *want)
{
	const json_t *list = json_object_get(want, TEST_LIST);
	json_t *item;
	size_t i;

	if (!json_array_size(list))
		return any_act(r, what, want);
	json_array_foreach(list, i, item)
		if (!any_act(r, what, item))
			return false;
	return true;
}

static bool expect_hold(struct run *r, const json_t *step, const json_t *want)
{
	const char *session = *get_text(step, "session") ? get_text(step, "session") : WB_SIM_SESSION;
	char owner[96] = "";
	int held = sim_held(r->sim, session, chat_of(r, step), owner);

	if (json_is_string(want) ? held && strcmp(owner, json_string_value(want)) == 0 : !held)
		return true;
	return test_fail(r, "expected: the chat is held by %s\ngot:      %s",
		    json_is_string(want) ? json_string_value(want) : "nobody", held ? owner : "nobody");
}

/* {name, step, data} of the flow in the chat; false: none */
static bool expect_flow(struct run *r, const json_t *step, const json_t *want)
{
	char jid[96];
	const char *chat = sim_jid(chat_of(r, step), jid);
	json_t *list = wb_flows_json(r->sc, NULL, chat, NULL, NULL, 1);
	const json_t *f = json_array_get(list, 0);
	bool ok = json_is_false(want) ? !f : f && test_subset(want, f);
	char *text = f ? json_dumps(f, JSON_COMPACT) : NULL;
	json_t *plain = test_plain(want);
	char *asked = json_dumps(plain, JSON_COMPACT | JSON_ENCODE_ANY);

	if (!ok)
		test_fail(r, "expected: flow %s\ngot:      %s", json_is_false(want) ? "none" : asked, text ? text : "none");
	free(asked);
	free(text);
	json_decref(plain);
	json_decref(list);
	return ok;
}

static bool expect_kv(struct run *r, const json_t *want)
{
	const char *key;
	char space[80];
	json_t *v;

	snprintf(space, sizeof(space), "script:%s", r->script);
	json_object_foreach((json_t *)(uintptr_t)want, key, v) {
		const char *got = *key == '@' ? NULL : wb_sim_kv_get(r->sim, space, key);
		json_t *plain, *have;
		bool ok;

		if (*key == '@')
			continue;
		plain = test_plain(v);
		have = got ? json_loads(got, JSON_DECODE_ANY, NULL) : NULL;
		ok = json_is_false(plain) ? !got : (json_is_string(plain) && got && strcmp(json_string_value(plain), got) == 0) ||
						   (have && test_subset(v, have));
		if (!ok)
			test_fail(r, "expected: kv %s is what the test says\ngot:      %s", key, got ? got : "nothing");
		json_decref(plain);
		json_decref(have);
		if (!ok)
			return false;
	}
	return true;
}

/* {"name.csv" = text or {pattern = …}}: all of the file */
static bool expect_file(struct run *r, const json_t *want)
{
	const char *key, *got;
	char space[80];
	json_t *v;

	snprintf(space, sizeof(space), "files:%s", r->script);
	json_object_foreach((json_t *)(uintptr_t)want, key, v) {
		json_t *have;
		bool ok;

		if (*key == '@')
			continue;
		got = wb_sim_kv_get(r->sim, space, key);
		have = json_string(got ? got : "");
		ok = test_subset(v, have);
		json_decref(have);
		if (!ok)
			return test_fail(r, "expected: file %s: %s\ngot:      %s", key,
				    json_is_string(v) ? json_string_value(v) : get_text(v, "pattern"), got ? got : "none");
	}
	return true;
}

bool test_expectations(struct run *r, const json_t *step)
{
	const json_t *v;

	if ((v = json_object_get(step, "expect")) && !expect(r, v))
		return false;
	if ((v = json_object_get(step, "expect_request")) && !all_acts(r, "request", v))
		return false;
	if ((v = json_object_get(step, "expect_http")) && !all_acts(r, "fetch", v))
		return false;
	if ((v = json_object_get(step, "expect_event")) && !all_acts(r, "event", v))
		return false;
	if ((v = json_object_get(step, "expect_log")) && !all_acts(r, "log", v))
		return false;
	if ((v = json_object_get(step, "expect_error")) && !all_acts(r, "log", v))
		return false;
	if ((v = json_object_get(step, "expect_hold")) && !expect_hold(r, step, v))
		return false;
	if ((v = json_object_get(step, "expect_flow")) && !expect_flow(r, step, v))
		return false;
	if ((v = json_object_get(step, "expect_file")) && !expect_file(r, v))
		return false;
	v = json_object_get(step, "expect_kv");
	return !v || expect_kv(r, v);
}
