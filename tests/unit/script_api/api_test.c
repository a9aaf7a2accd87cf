/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every function of the script API does what its row says: each example is run in a simulated world. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <bind.h>
#include <doc.h>
#include <world_sim.h>

#define NOW 1796000000000
#define MESSAGE                                                                                                       \
	"{\"id\": \"01KMESSAGE0000000000000001\", \"wa_id\": \"3EB0AA\", \"direction\": \"in\","                       \
	" \"chat\": {\"jid\": \"12025550142@s.whatsapp.net\", \"phone\": \"+12025550142\"},"                           \
	" \"sender\": {\"jid\": \"12025550142@s.whatsapp.net\", \"lid\": \"99@lid\", \"phone\": \"+12025550142\"},"    \
	" \"group\": false, \"kind\": \"text\", \"text\": \"Hello\", \"push_name\": \"Mia\","                          \
	" \"timestamp\": \"2026-11-22T16:00:00Z\", \"offline\": false}"

/* ---- a world that writes down what is asked of it ---- */

static char *last_did;
static struct wb_world_ops recording;
static const struct wb_world_ops *real;

static void note(const char *method, const char *path, const char *body)
{
	size_t n = strlen(method) + strlen(path) + strlen(body) + 3;

	free(last_did);
	last_did = malloc(n);
	assert_non_null(last_did);
	if (last_did)
		(void)snprintf(last_did, n, "%s %s%s%s", method, path, *body ? " " : "", body);
}

static void note_request(const struct wb_world_request *r)
{
	char *body = r->body ? json_dumps(r->body, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY) : NULL;

	note(r->method, r->path, body ? body : "");
	free(body);
}

static void on_request(struct wb_world *w, const struct wb_world_request *r, wb_world_reply_fn *fn, void *ctx)
{
	note_request(r);
	real->request(w, r, fn, ctx);
}

static void on_request_raw(struct wb_world *w, const struct wb_world_request *r, wb_world_raw_fn *fn, void *ctx)
{
	note_request(r);
	real->request_raw(w, r, fn, ctx);
}

static void on_fetch(struct wb_world *w, const struct wb_world_fetch_req *r, wb_world_fetch_fn *fn, void *ctx)
{
	char method[32], body[512];

	(void)snprintf(method, sizeof(method), "FETCH %s", r->method);
	(void)snprintf(body, sizeof(body), "%.*s", (int)r->body.len, r->body.len ? (const char *)r->body.ptr : "");
	note(method, r->url, body);
	real->fetch(w, r, fn, ctx);
}

struct room {
	struct wb_sim *sim;
	struct wb_scripts *sc;
};

static void open_room(struct room *room, const json_t *answer)
{
	struct wa_err err = WA_ERR_INIT;
	struct wb_world *w;

	free(last_did);
	last_did = NULL;
	room->sim = wb_sim_new(NOW);
	w = wb_sim_world(room->sim);
	real = w->ops;
	recording = *real;
	recording.request = on_request;
	recording.request_raw = on_request_raw;
	recording.fetch = on_fetch;
	w->ops = &recording;
	if (answer) {
		wb_sim_stub_api(room->sim, "*", answer);
		wb_sim_stub_http(room->sim, "*", answer);
	}
	assert_int_equal(wb_scripts_new(&(struct wb_scripts_opts){ .world = w }, &room->sc, &err), 0);
	assert_int_equal(wb_scripts_start(room->sc, &err), 0);
	wb_sim_attach(room->sim, room->sc);
}

static void close_room(struct room *room)
{
	wb_sim_attach(room->sim, NULL);
	wb_scripts_stop(room->sc);
	(void)wb_sim_run(room->sim);	/* what it stores at its end */
	wb_scripts_free(room->sc);
	wb_sim_free(room->sim);
}

static void print_log(struct room *room)
{
	json_t *log = wb_script_log_json(room->sc, "example", 20);
	char *text = json_dumps(log, JSON_INDENT(1));

	print_error("%s\n", text);
	free(text);
	json_decref(log);
}

/* ---- examples ---- */

/* The example inside a handler of a message; what it returns is kept as "result". */
static char *script_of(const char *example)
{
	static const char head[] = "local wb = require 'warbler'\n"
				   "wb.on('message.received', function(msg)\n\tlocal r = (function()\n";
	static const char tail[] = "\nend)()\n\twb.kv.set('result', { value = r })\nend)\n";
	size_t n = sizeof(head) + strlen(example) + sizeof(tail);
	char *s = malloc(n);

	assert_non_null(s);
	if (s)
		(void)snprintf(s, n, "%s%s%s", head, example, tail);
	return s;
}

static void check_result(struct room *room, const struct wb_lua_module *m, const struct wb_bind_fn *f)
{
	const char *kept = wb_sim_kv_get(room->sim, "script:example", "result");
	json_t *got = kept ? json_loads(kept, 0, NULL) : NULL;
	json_t *value = json_object_get(got, "value"), *want = f->gives ? json_loads(f->gives, JSON_DECODE_ANY,
	  NULL) : NULL;

	if (!got) {
		print_log(room);
		fail_msg("%s.%s: the example did not come to its end", m->name, f->name);
	}
	if (f->gives && !want)
		fail_msg("%s.%s: what it gives is no JSON: %s", m->name, f->name, f->gives);
	if (want ? !value || !json_equal(want, value) : value != NULL) {
		print_log(room);
		fail_msg("%s.%s: gives %s, not %s", m->name, f->name, kept, f->gives ? f->gives : "nothing");
	}
	if (f->did && (!last_did || strcmp(last_did, f->did) != 0))
		fail_msg("%s.%s: did\n%s\nnot\n%s", m->name, f->name, last_did ? last_did : "nothing", f->did);
	json_decref(got);
	json_decref(want);
}

static void run_example(const struct wb_lua_module *m, const struct wb_bind_fn *f)
{
	json_t *answer = json_loads(f->answer ? f->answer : "{}", JSON_DECODE_ANY, NULL);
	json_t *data = json_loads(MESSAGE, 0, NULL);
	struct wa_err err = WA_ERR_INIT;
	char *source = script_of(f->example);
	struct room room;

	assert_non_null(answer);
	assert_non_null(data);
	open_room(&room, answer);
	if (wb_scripts_load(room.sc, "example", wa_span(source, strlen(source)), &err))
		fail_msg("%s.%s: %s", m->name, f->name, err.msg);
	(void)wb_sim_event(room.sim, "message.received", "shop", "01KMESSAGE0000000000000001", data);
	assert_true(wb_sim_run(room.sim));
	assert_true(wb_sim_advance(room.sim, 60000));
	check_result(&room, m, f);
	close_room(&room);
	json_decref(answer);
	json_decref(data);
	free(source);
}

static void every_example(void **state)
{
	size_t n = 0;

	(void)state;
	for (const struct wb_bind_table *t = wb_bind_tables; t->module; t++)
		for (const struct wb_bind_fn *f = *t->fns; f->name; f++, n++) {
			if (!f->example)
				fail_msg("%s.%s has no example", t->module->name, f->name);
			else
				run_example(t->module, f);
		}
	assert_true(n > 100);
}

/* Modules of others: their examples load; one that returns something runs in a handler, to its end. */
static void run_other(const char *module, const struct wb_lua_fn *f)
{
	bool waits = strncmp(f->example, "return ", 7) == 0;
	char plain[4096], *wrapped = script_of(f->example);
	const char *source = waits ? wrapped : plain;
	json_t *data = json_loads(MESSAGE, 0, NULL);
	struct wa_err err = WA_ERR_INIT;
	struct room room;

	(void)snprintf(plain, sizeof(plain), "local wb = require \"warbler\"\n%s", f->example);
	open_room(&room, NULL);
	if (wb_scripts_load(room.sc, "example", wa_span(source, strlen(source)), &err))
		fail_msg("%s.%s: %s", module, f->name, err.msg);
	if (waits) {
		(void)wb_sim_event(room.sim, "message.received", "shop", "01KMESSAGE0000000000000001", data);
		assert_true(wb_sim_run(room.sim));
		if (!wb_sim_kv_get(room.sim, "script:example", "result")) {
			print_log(&room);
			fail_msg("%s.%s: the example did not come to its end", module, f->name);
		}
	}
	close_room(&room);
	json_decref(data);
	free(wrapped);
}

static void other_examples(void **state)
{
	(void)state;
	for (size_t i = 0; wb_lua_modules[i]; i++)
		for (const struct wb_lua_fn *f = wb_lua_modules[i]->fns; f->name; f++)
			if (f->example)
				run_other(wb_lua_modules[i]->name, f);
}

/* ---- what a handler sees ---- */

/* Runs a body in a handler of one event; what it returns is the result, as JSON. */
static json_t *run_body(const char *kind, const char *data_text, const char *body)
{
	static char source[4096];
	json_t *data = json_loads(data_text, 0, NULL), *got;
	struct wa_err err = WA_ERR_INIT;
	const char *kept;
	struct room room;

	assert_non_null(data);
	(void)snprintf(source, sizeof(source),
		       "local wb = require 'warbler'\nwb.on('%s', function(msg)\n\tlocal r = (function() %s end)()\n"
		       "\twb.kv.set('result', { value = r })\nend)\n",
		       kind, body);
	open_room(&room, NULL);
	wb_sim_stub_plugin(room.sim, "prices.of", json_object_get(data, "plugin"));
	if (wb_scripts_load(room.sc, "example", wa_span(source, strlen(source)), &err))
		fail_msg("%s", err.msg);
	(void)wb_sim_event(room.sim, kind, "shop", "01KMESSAGE0000000000000001", data);
	assert_true(wb_sim_run(room.sim));
	kept = wb_sim_kv_get(room.sim, "script:example", "result");
	got = json_loads(kept ? kept : "null", JSON_DECODE_ANY, NULL);
	if (!json_is_object(got))
		print_log(&room);
	close_room(&room);
	json_decref(data);
	return got;
}

static void expect(const char *kind, const char *data, const char *body, const char *want_text)
{
	json_t *got = run_body(kind, data, body), *want = json_loads(want_text, JSON_DECODE_ANY, NULL);

	assert_non_null(want);
	if (!json_equal(json_object_get(got, "value"), want)) {
		char *text = json_dumps(got, JSON_ENCODE_ANY);

		fail_msg("%s: %s, not %s", body, text, want_text);
	}
	json_decref(got);
	json_decref(want);
}

static void message_fields(void **state)
{
	static const char image[] =
		"{\"id\": \"01KB\", \"direction\": \"in\", \"chat\": {\"jid\": \"120363001@g.us\"}, \"group\": true,"
		" \"sender\": {\"lid\": \"99@lid\"}, \"push_name\": \"Ben\", \"kind\": \"image\", \"offline\": true,"
		" \"quoted\": {\"id\": \"01KA\"}, \"content\": {\"kind\": \"image\", \"media\": {\"id\": \"01KM\", "
		  "\"size\": 5}}}";

	(void)state;
	expect("message.received", MESSAGE,
	       "return { msg.id, msg.text, msg.kind, msg.chat.jid, msg.sender.phone, msg.sender.lid, "
	       "msg.sender.name, msg.name,"
	       " msg.group, msg.own, msg.backfilled, msg.held, msg.session, msg.event, msg.time_ms, msg.seq }",
	       "[\"01KMESSAGE0000000000000001\", \"Hello\", \"text\", \"12025550142@s.whatsapp.net\", "
	       "\"+12025550142\","
	       " \"99@lid\", \"Mia\", \"Mia\", false, false, false, false, \"shop\", \"message.received\", "
	       "1795363200000, 1]");
	expect("message.received", MESSAGE, "return { msg.media == nil, msg.quoted == nil, msg.nothing == nil, "
	  "#msg.data > 0 }",
	       "[true, true, true, false]");
	expect("message.received", image,
	       "return { msg.text, msg.group, msg.chat.name == nil, msg.sender.name, msg.backfilled, msg.quoted.id,"
	       " msg.media.id, msg.media.size, msg.media:info().id, msg.content.kind }",
	       "[\"\", true, true, \"Ben\", true, \"01KA\", \"01KM\", 5, \"01KM\", \"image\"]");
	expect("menu.answered",
	       "{\"id\": \"01KB\", \"chat\": {\"jid\": \"1@s.whatsapp.net\"}, \"answer\": {\"id\": \"a\", \"via\": "
	       "\"text\"}}",
	       "return { msg.answer.id, msg.event }", "[\"a\", \"menu.answered\"]");
	expect("message.received", MESSAGE, "return { pcall(function() msg.text = 'x' end) }",
	       "[false, \"example.lua:3: a message cannot be changed: msg:edit(text) sends a new wording of one of ours\"]");
}

static void plugin_functions(void **state)
{
	(void)state;
	expect("message.received", "{\"id\": \"1\", \"plugin\": {\"price\": 12}}",
	  "return wb.plugins.prices.of('tea', { 1 }).price",
	       "12");
	expect("message.received", MESSAGE, "local r, why, code = wb.plugins.nobody.knows(1)\nreturn { r == nil, "
	  "code }",
	       "[true, \"not_found\"]");
}

/* Wrong use raises a sentence that says what to do. */
static void says_what_to_do(void **state)
{
	static const char *const cases[][2] = {
		{ "wb.send(7, 'x')", "to: a JID, a phone number in text, a person (msg.sender) or a message, not "
		  "number" },
		{ "wb.send('+1', print)", "content: a text, or a table as in the REST API" },
		{ "wb.send('+1', 'x', { wait = 'read' })", "wait: \"sent\" or \"delivered\"; for more see wb.await" },
		{ "wb.send('+1', 'x', { typing = 'soon' })", "typing: " },
		{ "msg.reply('x')", "call it with a colon: msg:reply" },
		{ "msg:react(7)", "emoji: string, not number" },
		{ "wb.labels.assign(nil, msg)", "label: an id in text, or something that has an id, not nil" },
		{ "wb.kv.set('', 1)", "a key has 1 to 200 bytes" },
		{ "wb.kv.set('k', print)", "a function is no JSON" },
		{ "wb.json.encode((function() local t = {}; t.t = t; return t end)())", "a table inside of itself" },
		{ "wb.time.format(nil, 'Mars/Olympus')", "zone: " },
		{ "wb.every('someday', function() end)", "bad argument #1" },
		{ "wb.http.get('file:///etc/passwd')", "url: it begins with http:// or https://" },
		{ "wb.regex.compile('(')", "wb.regex.compile: character" },
		{ "wb.metrics.counter('Big')", "a name of small letters" },
		{ "coroutine.wrap(function() wb.sleep(1) end)()", "not from a coroutine of your own" },
		{ "wb.api('GET', 'v1/sessions')", "a path: \"/v1/sessions\"" },
		{ "wb.contacts.get(msg, { session = '../x' })", "session: no session can have this name" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char body[512];
		const char *said;
		json_t *got;

		(void)snprintf(body, sizeof(body), "local ok, e = pcall(function() %s end)\nreturn { ok, e }",
		  cases[i][0]);
		got = run_body("message.received", MESSAGE, body);
		said = json_string_value(json_array_get(json_object_get(got, "value"), 1));
		if (!said || !strstr(said, cases[i][1])) {
			char *text = json_dumps(got, JSON_ENCODE_ANY);

			fail_msg("%s: %s, not %s", cases[i][0], text, cases[i][1]);
		}
		json_decref(got);
	}
}

/* ---- the page ---- */

/* Whole programs of the page (they begin with a require) load as they stand. */
static void page_programs_load(void **state)
{
	struct wa_buf page;
	const char *p;
	size_t n = 0;

	(void)state;
	wa_buf_init(&page, WB_SCRIPT_DOC_MAX);
	wb_script_doc_page(&page);
	for (p = wa_buf_cstr(&page); (p = strstr(p, "```lua\n")); n++) {
		const char *from = p + 7, *to = strstr(from, "```");
		struct wa_err err = WA_ERR_INIT;
		struct room room;

		assert_non_null(to);
		p = to + 3;
		if (!strstr(from, "require \"warbler\"") || strstr(from, "require \"warbler\"") > to)
			continue;
		open_room(&room, NULL);
		if (wb_scripts_load(room.sc, "page", wa_span(from, (size_t)(to - from)), &err))
			fail_msg("the page: %s in\n%.*s", err.msg, (int)(to - from), from);
		close_room(&room);
	}
	assert_true(n > 100);
	wa_buf_clear(&page);
}

static void same_as_file(const char *name, void (*make)(struct wa_buf *))
{
	char path[600];
	struct wa_buf want, have;
	FILE *f;
	int c;

	(void)snprintf(path, sizeof(path), "%s/../scripts/%s", TEST_SOURCE_DIR, name);
	wa_buf_init(&want, WB_SCRIPT_DOC_MAX);
	wa_buf_init(&have, WB_SCRIPT_DOC_MAX);
	make(&want);
	f = fopen(path, "r");
	if (!f)
		fail_msg("%s is missing: make it with warbler script api", path);
	while ((c = fgetc(f)) != EOF)
		wa_buf_u8(&have, (uint8_t)c);
	(void)fclose(f);
	if (want.len != have.len || memcmp(want.ptr, have.ptr, want.len) != 0)
		fail_msg("scripts/%s is not what `warbler script api%s` prints: renew it with script_api_test "
		  "--write", name, strstr(name, ".lua") ? " --stub" : "");
	wa_buf_clear(&want);
	wa_buf_clear(&have);
}

static void page_is_current(void **state)
{
	(void)state;
	same_as_file("README.md", wb_script_doc_page);
	same_as_file("warbler.d.lua", wb_script_doc_stub);
}

/* ---- rows ---- */

/* Every module that has rows is registered, and so gets onto the page. */
static void tables_are_registered(void **state)
{
	(void)state;
	for (const struct wb_bind_table *t = wb_bind_tables; t->module; t++) {
		bool found = false;

		for (size_t i = 0; wb_lua_modules[i]; i++)
			found = found || wb_lua_modules[i] == t->module;
		if (!found)
			fail_msg("module %s is not in wb_lua_modules", t->module->name);
	}
}

/* `script_api_test --write` renews both files. */
static int write_page(const char *name, void (*make)(struct wa_buf *))
{
	char path[600];
	struct wa_buf out;
	FILE *f;
	int bad;

	(void)snprintf(path, sizeof(path), "%s/../scripts/%s", TEST_SOURCE_DIR, name);
	wa_buf_init(&out, WB_SCRIPT_DOC_MAX);
	make(&out);
	f = fopen(path, "w");
	bad = !f || fwrite(out.ptr, 1, out.len, f) != out.len;
	if (f)
		bad |= fclose(f) != 0;
	wa_buf_clear(&out);
	return bad;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_example),      cmocka_unit_test(other_examples),
		  cmocka_unit_test(page_programs_load),
		cmocka_unit_test(page_is_current),    cmocka_unit_test(tables_are_registered),
		cmocka_unit_test(message_fields),     cmocka_unit_test(plugin_functions),
		  cmocka_unit_test(says_what_to_do),
	};
	int r;

	if (argc == 2 && strcmp(argv[1], "--write") == 0)
		return write_page("README.md", wb_script_doc_page) || write_page("warbler.d.lua", wb_script_doc_stub);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	free(last_did);
	return r;
}
