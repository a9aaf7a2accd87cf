/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Plays the conversations of a test file. */
#include "test_int.h"

#include <clock.h>
#include <base.h>
#include <time.h>
#include <when.h>

#define SLICE_MS 2000		/* a busy machine is no reason to stop a handler */
#define NOW_DEFAULT 1795168800000	/* 2026-11-20 10:00 UTC, a Friday */
#define PERSON_DEFAULT "+12025550123"

bool test_fail(struct run *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->why, sizeof(r->why), fmt, ap);
	va_end(ap);
	return false;
}

static bool went_wrong(const struct run *r)
{
	return r->why[0] != 0;
}

/* Errors of the script since the last look count unless they are expected. */
static bool no_errors(struct run *r)
{
	const json_t *acts = wb_sim_acts(r->sim);

	for (size_t i = r->seen; i < json_array_size(acts); i++) {
		const json_t *a = json_array_get(acts, i);

		if (strcmp(get_text(a, "what"), "log") == 0 &&
		    json_integer_value(json_object_get(a, "level")) >= WA_ERROR && !r->error_expected)
			return test_fail(r, "the script has an error: %s", get_text(a, "text"));
	}
	return true;
}

static bool settle(struct run *r)
{
	if (!wb_sim_run(r->sim))
		return test_fail(r, "the script does not come to rest");
	return no_errors(r);
}

/* ---- preparing ---- */

static int by_length(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;
	size_t m = strlen(x), n = strlen(y);

	return m == n ? strcmp(x, y) : (m > n) - (m < n);
}

/* What is given last is looked at first: the longest, which says most. */
static void stub_all(struct wb_sim *sim, const json_t *table, void (*stub)(struct wb_sim *, const char *, const json_t *))
{
	const char *key, **keys = wb_zalloc((json_object_size(table) + 1) * sizeof(*keys));
	size_t n = 0;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)table, key, v)
		if (*key != '@')
			keys[n++] = key;
	qsort(keys, n, sizeof(*keys), by_length);
	for (size_t i = 0; i < n; i++) {
		json_t *plain = test_plain(json_object_get(table, keys[i]));

		if (plain)
			stub(sim, keys[i], plain);
		json_decref(plain);
	}
	free(keys);
}

static void opt_outs(struct run *r, const json_t *v)
{
	const json_t *list = json_object_get(v, TEST_LIST);
	json_t *item;
	size_t i;

	if (json_is_string(v))
		wb_sim_opt_out(r->sim, json_string_value(v));
	json_array_foreach(list, i, item)
		if (json_is_string(item))
			wb_sim_opt_out(r->sim, json_string_value(item));
}

/* Values of the script's key-value store: a text as it is, the rest as JSON. */
static void put_kv(struct run *r, const json_t *table)
{
	const char *key;
	char space[80];
	json_t *v;

	snprintf(space, sizeof(space), "script:%s", r->script);
	json_object_foreach((json_t *)(uintptr_t)table, key, v) {
		json_t *plain = *key == '@' ? NULL : test_plain(v);
		char *text = plain && !json_is_string(plain) ? json_dumps(plain, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

		if (plain)
			wb_sim_kv(r->sim, space, key, text ? text : json_string_value(plain));
		free(text);
		json_decref(plain);
	}
}

static void given(struct run *r, const json_t *o)
{
	stub_all(r->sim, json_object_get(o, "api"), wb_sim_stub_api);
	stub_all(r->sim, json_object_get(o, "http"), wb_sim_stub_http);
	stub_all(r->sim, json_object_get(o, "plugins"), wb_sim_stub_plugin);
	put_kv(r, json_object_get(o, "kv"));
	opt_outs(r, json_object_get(o, "opt_out"));
}

static bool host_start(struct run *r)
{
	/* shipped ones are off: nothing of the folder runs, but its lib/ is found */
	struct wb_scripts_opts o = { .world = wb_sim_world(r->sim), .shipped = r->dir,
				     .limits = { .slice_ms = SLICE_MS } };
	struct wa_err err = WA_ERR_INIT;

	if (wb_scripts_new(&o, &r->sc, &err) < 0 || wb_scripts_start(r->sc, &err) < 0)
		return test_fail(r, "the host does not start: %s", err.msg);
	wb_sim_attach(r->sim, r->sc);
	if (wb_scripts_load(r->sc, r->script, wa_span(r->source, r->source_len), &err) < 0)
		return test_fail(r, "the script does not load: %s", err.msg);
	return settle(r);
}

static void host_end(struct run *r)
{
	wb_sim_attach(r->sim, NULL);
	if (r->sc) {
		wb_scripts_stop(r->sc);
		(void)wb_sim_run(r->sim);	/* what it stored last calls back */
		wb_scripts_free(r->sc);
	}
	r->sc = NULL;
}

static void on_patched(void *ctx, int code, const char *message)
{
	struct run *r = ctx;

	if (code < 0)
		test_fail(r, "settings: %s", message);
}

static bool set_settings(struct run *r, const json_t *settings)
{
	struct wa_err err = WA_ERR_INIT;
	json_t *patch;
	int code;

	if (!settings)
		return true;
	patch = json_pack("{s:o, s:b}", "settings", test_plain(settings), "enabled", 1);
	code = wb_script_patch(r->sc, r->script, patch, on_patched, r, &err);
	json_decref(patch);
	if (code < 0)
		return test_fail(r, "settings: %s", err.msg);
	return settle(r);
}

static bool read_time(struct run *r, const json_t *v, int64_t *ret)
{
	if (!v)
		return true;
	if (json_is_integer(v))
		*ret = json_integer_value(v);
	else if (!json_is_string(v) || wb_time_read(json_string_value(v), NULL, ret, NULL, NULL) < 0)
		return test_fail(r, "now: a time like \"2026-11-23 10:00\" (UTC)");
	return true;
}

/* ---- what happens ---- */

static bool incoming(struct run *r, const json_t *step)
{
	static const char *const members[] = { "group", "session", "kind", "content", "push_name", "quoted", "backfilled" };
	json_t *more = json_object();

	for (size_t i = 0; i < WA_ARRAY_LEN(members); i++) {
		const json_t *v = json_object_get(step, members[i]);

		if (v)
			json_object_set_new(more, members[i], test_plain(v));
	}
	if (wb_sim_message(r->sim, r->who, get_text(step, "text"), more) < 0)
		test_fail(r, "from: %s is no phone number, JID or LID", r->who);
	json_decref(more);
	return !went_wrong(r) && settle(r);
}

static bool event(struct run *r, const json_t *step)
{
	json_t *data = json_object_get(step, "data") ? test_plain(json_object_get(step, "data")) : json_object();
	const char *session = json_object_get(step, "session") ? get_text(step, "session") : WB_SIM_SESSION;

	wb_sim_event(r->sim, get_text(step, "event"), session, get_text(step, "subject"), data);
	json_decref(data);
	return settle(r);
}

static bool vote_menu(struct run *r, const json_t *menu, const char *want)
{
	const json_t *options = json_object_get(json_object_get(json_object_get(menu, "body"), "menu"), "buttons"), *o;
	char jid[96];
	const char *j = sim_jid(r->who, jid);
	json_t *data;
	size_t i;

	if (!options)
		options = json_object_get(json_object_get(json_object_get(menu, "body"), "content"), "buttons");
	json_array_foreach(options, i, o) {
		if (strcmp(get_text(o, "text"), want) != 0 && strcmp(get_text(o, "id"), want) != 0)
			continue;
		data = json_pack("{s:s, s:s, s:o, s:o, s:b, s:{s:s}, s:{s:s, s:s, s:I, s:s}}", "id", "", "direction", "in",
				 "chat", sim_person(j), "sender", sim_person(j), "group", 0, "menu", "id",
				 get_text(menu, "id"), "answer", "id", get_text(o, "id"), "text", get_text(o, "text"),
				 "number", (json_int_t)i + 1, "via", "poll");
		wb_sim_event(r->sim, "menu.answered", WB_SIM_SESSION, get_text(menu, "id"), data);
		json_decref(data);
		return true;
	}
	return false;
}

/* A vote for an option (its words or id) of the last menu or poll the script sent. */
static bool vote(struct run *r, const json_t *step)
{
	const json_t *acts = wb_sim_acts(r->sim);
	const char *want = get_text(step, "vote"), *kind = "";
	char jid[96];

	for (size_t i = json_array_size(acts); i-- > 0;) {
		const json_t *act = json_array_get(acts, i);

		kind = get_text(act, "kind");
		if (strcmp(kind, "menu") == 0 && vote_menu(r, act, want))
			return settle(r);
		if (strcmp(kind, "poll") == 0 && sim_poll_vote(r->sim, get_text(act, "id"), want, sim_jid(r->who, jid)))
			return settle(r);
		if (strcmp(kind, "menu") == 0 || strcmp(kind, "poll") == 0)
			break;
	}
	return test_fail(r, "vote: the last menu or poll has no option \"%s\"", want);
}

static bool pass_time(struct run *r, const char *text)
{
	struct wa_err err = WA_ERR_INIT;
	int64_t ms;

	if (wb_interval_parse(text, &ms, &err) < 0)
		return test_fail(r, "%s", err.msg);
	if (!wb_sim_advance(r->sim, ms))
		return test_fail(r, "the script does not come to rest");
	return no_errors(r);
}

static bool restart(struct run *r)
{
	host_end(r);
	return host_start(r);
}

/* true: the same source; a name: the file beside the test */
static bool reload(struct run *r, const json_t *v)
{
	struct wa_err err = WA_ERR_INIT;
	char path[4200];

	if (json_is_string(v)) {
		snprintf(path, sizeof(path), "%s/%s", r->dir, json_string_value(v));
		free(r->source);
		r->source = NULL;
		if (test_file_text(path, &r->source, &r->source_len, &err) < 0)
			return test_fail(r, "%s", err.msg);
	}
	if (wb_scripts_load(r->sc, r->script, wa_span(r->source, r->source_len), &err) < 0 && !r->error_expected)
		return test_fail(r, "the script does not load: %s", err.msg);
	return settle(r);
}

static bool hold(struct run *r, const json_t *step, const json_t *v)
{
	wb_sim_hold(r->sim, WB_SIM_SESSION, chat_of(r, step), json_is_string(v) ? json_string_value(v) : NULL);
	return settle(r);
}

static const char *const step_words[] = {
	"from", "text", "group", "session", "kind", "content", "push_name", "quoted", "backfilled", "chat", "event", "data",
	"subject", "vote", "wait", "restart", "reload", "hold", "settings", "api", "http", "plugins", "kv", "opt_out",
	"expect", "expect_request", "expect_http", "expect_event", "expect_log", "expect_error", "expect_hold",
	"expect_flow", "expect_kv", "expect_file", NULL };

static bool known_words(struct run *r, const json_t *o, const char *const *words)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)o, key, v) {
		const char *const *w = words;

		while (*w && strcmp(*w, key) != 0)
			w++;
		if (!*w && *key != '@')
			return test_fail(r, "a step has no \"%s\"", key);
	}
	return true;
}

static bool step(struct run *r, const json_t *s)
{
	bool said = json_object_get(s, "text") || json_object_get(s, "content") || json_object_get(s, "kind");
	bool acts = said || json_object_get(s, "event") || json_object_get(s, "vote") || json_object_get(s, "wait");
	const json_t *v;

	if (!json_is_object(s) || !known_words(r, s, step_words))
		return went_wrong(r) ? false : test_fail(r, "a step is a table");
	r->error_expected = json_object_get(s, "expect_error") != NULL;
	if (acts && !test_nothing_left(r, "nothing more before this step"))
		return false;
	given(r, s);
	if (*get_text(s, "from"))
		r->who = get_text(s, "from");
	if (!set_settings(r, json_object_get(s, "settings")))
		return false;
	if ((v = json_object_get(s, "hold")) && !hold(r, s, v))
		return false;
	if ((v = json_object_get(s, "wait")) && !pass_time(r, json_is_string(v) ? json_string_value(v) : ""))
		return false;
	if (json_is_true(json_object_get(s, "restart")) && !restart(r))
		return false;
	if ((v = json_object_get(s, "reload")) && !reload(r, v))
		return false;
	if (json_object_get(s, "event") && !event(r, s))
		return false;
	if (json_object_get(s, "vote") && !vote(r, s))
		return false;
	if (said && !incoming(r, s))
		return false;
	return test_expectations(r, s);
}

/* ---- tests ---- */

static void play(struct run *r)
{
	int64_t now = NOW_DEFAULT;
	const json_t *list = json_object_get(r->test, TEST_LIST);
	json_t *s;
	size_t i;

	r->line = test_line(r->test, 0);
	if (!read_time(r, json_object_get(r->file, "now"), &now) || !read_time(r, json_object_get(r->test, "now"), &now))
		return;
	r->sim = wb_sim_new(now);
	r->who = PERSON_DEFAULT;
	r->seen = 0;
	given(r, r->file);
	given(r, r->test);
	if (host_start(r) && set_settings(r, json_object_get(r->file, "settings")) &&
	    set_settings(r, json_object_get(r->test, "settings"))) {
		json_array_foreach(list, i, s) {
			r->line = test_line(s, r->line);
			if (!step(r, s))
				break;
		}
		if (!went_wrong(r))
			(void)test_nothing_left(r, "nothing more");
	}
}

static void show_log(const struct run *r)
{
	const json_t *acts = wb_sim_acts(r->sim);
	size_t i = 0, n = json_array_size(acts);

	for (; i < n; i++) {
		const json_t *a = json_array_get(acts, i);

		if (strcmp(get_text(a, "what"), "log") == 0)
			fprintf(r->o->out, "     log: %s\n", get_text(a, "text"));
		else if (r->o->verbose && strcmp(get_text(a, "what"), "message") == 0)
			fprintf(r->o->out, "     %s: %s \"%s\"\n", get_text(a, "to"), get_text(a, "kind"), get_text(a, "text"));
	}
}

static void print_json(const struct run *r, const char *name, int64_t us)
{
	json_t *o = json_pack("{s:s, s:s, s:i, s:b, s:f}", "file", r->path, "test", name, "line", r->line, "ok",
			      (int)!went_wrong(r), "ms", (double)us / 1000);
	char *text;

	if (went_wrong(r))
		json_object_set_new(o, "message", json_string(r->why));
	text = json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER);
	fprintf(r->o->out, "%s\n", text ? text : "{}");
	free(text);
	json_decref(o);
}

static void print(const struct run *r, const char *name, int64_t us)
{
	const char *p = r->why;

	if (r->o->json) {
		print_json(r, name, us);
		return;
	}
	if (!went_wrong(r)) {
		if (r->o->verbose)
			fprintf(r->o->out, "ok   %s (%.1f ms)\n", name, (double)us / 1000);
		if (r->o->verbose && r->sim)
			show_log(r);
		return;
	}
	fprintf(r->o->out, "FAIL %s:%d: %s\n", r->path, r->line, name);
	while (*p) {
		size_t n = strcspn(p, "\n");

		fprintf(r->o->out, "     %.*s\n", (int)n, p);
		p += n + (p[n] == '\n');
	}
	if (r->sim)
		show_log(r);
}

static int64_t mono_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void run_test(struct run *base, const json_t *test, size_t number, struct wb_script_test_result *res)
{
	struct run r = *base;
	const char *name = get_text(test, "name");
	char unnamed[32];
	int64_t start = mono_us();

	snprintf(unnamed, sizeof(unnamed), "test %zu", number);
	name = *name ? name : unnamed;
	if (r.o->only && !strstr(name, r.o->only))
		return;
	r.test = test;
	r.source = wb_zalloc(base->source_len + 1);
	memcpy(r.source, base->source, base->source_len);
	play(&r);
	print(&r, name, mono_us() - start);
	host_end(&r);
	wb_sim_free(r.sim);
	free(r.source);
	if (went_wrong(&r))
		res->failed++;
	else
		res->passed++;
}

/* The file's list: tests, or the steps of the one test. */
static void run_all(struct run *r, struct wb_script_test_result *res)
{
	const json_t *list = json_object_get(r->file, TEST_LIST);
	json_t *t;
	size_t i;

	t = json_array_get(list, 0);
	if (t && !json_array_size(json_object_get(t, TEST_LIST))) {
		run_test(r, r->file, 1, res);
		return;
	}
	json_array_foreach(list, i, t)
		run_test(r, t, i + 1, res);
}

static int find_files(struct run *r, const char *path, char script[4096], char test[4096], struct wa_err *err)
{
	size_t n = strlen(path);
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	bool is_test = n > 9 && strcmp(path + n - 9, "_test.lua") == 0;

	if (n < 5 || n > 4000 || strcmp(path + n - 4, ".lua") != 0)
		return wa_err_set(err, WA_EINVALID, "%s: a file NAME.lua or NAME_test.lua", path);
	snprintf(script, 4096, "%.*s.lua", (int)(n - (is_test ? 9 : 4)), path);
	snprintf(test, 4096, "%.*s_test.lua", (int)(n - (is_test ? 9 : 4)), path);
	r->dir = wb_zalloc(4096);
	snprintf(r->dir, 4096, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
	n = strlen(base) - (is_test ? 9 : 4);
	if (n == 0 || n > WB_SCRIPT_NAME_MAX)
		return wa_err_set(err, WA_EINVALID, "%s: a script's name has 1 to %d letters", path, WB_SCRIPT_NAME_MAX);
	snprintf(r->script, sizeof(r->script), "%.*s", (int)n, base);
	return 0;
}

int wb_script_test(const char *path, const struct wb_script_test_opts *o, struct wb_script_test_result *ret_r,
		   struct wa_err *err)
{
	struct run r = { .o = o };
	char script[4096], test[4096];
	json_t *file = NULL;
	int code = find_files(&r, path, script, test, err);

	*ret_r = (struct wb_script_test_result){ 0 };
	if (code == 0)
		code = test_file_read(test, &file, err);
	if (code == 0)
		code = test_file_text(script, &r.source, &r.source_len, err);
	if (code == 0) {
		r.path = test;
		r.file = file;
		run_all(&r, ret_r);
		if (ret_r->passed + ret_r->failed == 0 && !o->only)
			code = wa_err_set(err, WA_EINVALID, "%s: no test in it", test);
	}
	json_decref(file);
	free(r.source);
	free(r.dir);
	return code;
}
