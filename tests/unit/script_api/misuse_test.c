/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every function of the script API is called with values it does not want: it may raise or refuse, never crash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include <bind.h>
#include <world_sim.h>

/* Walks all that require("warbler") holds and calls each function with each pair of odd values. Objects: the methods of a
 * message, of its file, of a pattern, of an answer. What must not be called so is left out by name. */
static const char walk[] =
	"local wb = require 'warbler'\n"
	"local cycle = {}; cycle.self = cycle; cycle[1] = cycle\n"
	"local deep = {}; do local t = deep; for i = 1, 200 do t.x = {}; t = t.x end end\n"
	"local wide = {}; for i = 1, 3000 do wide[i] = i end\n"
	"local huge = string.rep('x', 300000)\n"
	"local odd = { false, true, 0, -1, 1.5, 1e308, -1e308, 0/0, math.maxinteger, math.mininteger, '', 'x', "
	  "'\\0', '\\xff\\xfe',\n"
	"  huge, '../../etc/passwd', '{session}', '%', cycle, deep, wide, {}, { 1, 2, nil, 4 }, { session = 7 }, { "
	  "[1.5] = 1 },\n"
	"  { session = '../x' }, { timeout = -1, wait = {}, typing = 'x', due = {} }, { headers = cycle, keep = 7 }, "
	  "print,\n"
	"  coroutine.create(function() end), wb.STOP, wb.json.null, wb.regex, setmetatable({}, { __index = error, "
	  "__tostring = error }) }\n"
	"local n, seen = 0, {}\n"
	"local function try(f, ...)\n"
	"  n = n + 1\n"
	"  pcall(f, ...)\n"
	"end\n"
	"local function all(f, self)\n"
	"  if self ~= nil then try(f, self); try(f) else try(f) end\n"
	"  for i = 1, #odd do\n"
	"    if self ~= nil then try(f, self, odd[i]); try(f, self, odd[i], odd[#odd + 1 - i]); try(f, self, '1s', "
	  "odd[i]); try(f, odd[i])\n"
	"    else try(f, odd[i]); try(f, odd[i], odd[#odd + 1 - i]); try(f, 'x', odd[i]); try(f, 'x', 'y', odd[i]); "
	  "try(f, '1', 1, odd[i])\n"
	"      try(f, 'https://a.example/', odd[i], odd[#odd + 1 - i]); try(f, nil, odd[i]) end\n"
	"  end\n"
	"end\n"
	"local skip = { flow = true, on = true, script = true, sleep = true, every = true, after = true, STOP = true "
	  "}\n"
	"wb.on('message.received', function(msg)\n"
	"  local part = PART\n"
	"  if part == 'message' then\n"
	"    for _, name in ipairs{ METHODS } do all(msg[name], msg) end\n"
	"    all(msg.media.bytes, msg.media); all(msg.media.info, msg.media)\n"
	"    local re = wb.regex.compile('x')\n"
	"    for _, name in ipairs{ 'find', 'find_all', 'test' } do all(re[name], re) end\n"
	"    for i = 1, #odd do pcall(function() return msg[odd[i]] end); pcall(function() msg[odd[i]] = 1 end) end\n"
	"  elseif part == 'timers' then\n"
	"    for i = 1, #odd do try(wb.after, odd[i], function() end); try(wb.every, odd[i], odd[#odd + 1 - i], "
	  "function() end)\n"
	"      try(wb.every, '1h', odd[i]); try(wb.after, '1h', odd[i]); try(wb.cancel, odd[i])\n"
	"      try(wb.plugins[type(odd[i])].f, odd[i], odd[#odd + 1 - i]) end\n"
	"  else\n"
	"    local t = part == '' and wb or wb[part]\n"
	"    for _, name in ipairs{ FUNCTIONS } do if not skip[name] then all(t[name]) end end\n"
	"  end\n"
	"  wb.kv.set('ended', n)\n"
	"end)\n";

static void append_names(struct wa_buf *b, const struct wb_bind_fn *f)
{
	const char *sep = "";

	for (; f->name; f++, sep = ", ")
		wa_buf_fmt(b, "%s'%s'", sep, f->name);
}

/* The walk with PART, METHODS and FUNCTIONS put in. */
static void make_script(struct wa_buf *out, const char *part, const struct wb_bind_fn *fns)
{
	const char *p = walk;

	while (*p) {
		if (strncmp(p, "PART", 4) == 0) {
			wa_buf_fmt(out, "'%s'", part);
			p += 4;
		} else if (strncmp(p, "METHODS", 7) == 0 || strncmp(p, "FUNCTIONS", 9) == 0) {
			append_names(out, fns);
			p += *p == 'M' ? 7 : 9;
		} else {
			wa_buf_u8(out, (uint8_t)*p++);
		}
	}
}

static void run_walk(const char *part, const struct wb_bind_fn *fns)
{
	struct wb_sim *sim = wb_sim_new(1796000000000);
	struct wb_scripts_opts o = { .world = wb_sim_world(sim),
				     .limits = { .memory = 256u << 20, .instructions = 4000000000,
				     .slice_ms = 600000 } };
	struct wb_scripts *sc;
	struct wa_err err = WA_ERR_INIT;
	struct wa_buf source;
	json_t *answer = json_pack("{s:s, s:[{s:s}], s:{s:s}, s:s}", "id", "1", "sessions", "id", "test", "content",
	  "kind", "text",
				   "next", "abc");
	json_t *more = json_loads("{\"kind\": \"image\", \"content\": {\"kind\": \"image\", \"media\": {\"id\": "
	  "\"01K\", \"size\": 3}}}", 0,
				  NULL);
	const char *ended;

	assert_non_null(answer);
	assert_non_null(more);
	wa_buf_init(&source, 1u << 20);
	make_script(&source, part, fns);
	wb_sim_stub_api(sim, "*", answer);
	wb_sim_stub_http(sim, "*", answer);
	assert_int_equal(wb_scripts_new(&o, &sc, &err), 0);
	assert_int_equal(wb_scripts_start(sc, &err), 0);
	wb_sim_attach(sim, sc);
	if (wb_scripts_load(sc, "odd", wa_buf_view(&source), &err))
		fail_msg("%s: %s", part, err.msg);
	(void)wb_sim_message(sim, "+12025550142", "hello", more);
	assert_true(wb_sim_run(sim));
	assert_true(wb_sim_advance(sim, 500000000));
	ended = wb_sim_kv_get(sim, "script:odd", "ended");
	if (!ended) {
		json_t *log = wb_script_log_json(sc, "odd", 5);
		char *text = json_dumps(log, JSON_INDENT(1));

		fail_msg("%s: the walk did not come to its end: %s", part, text);
	}
	assert_true(ended && strlen(ended) >= 2);
	wb_scripts_stop(sc);
	(void)wb_sim_run(sim);
	wb_scripts_free(sc);
	wb_sim_free(sim);
	wa_buf_clear(&source);
	json_decref(answer);
	json_decref(more);
}

static void odd_arguments(void **state)
{
	(void)state;
	for (const struct wb_bind_table *t = wb_bind_tables; t->module; t++) {
		if (t->module->object && strcmp(t->module->name, "Message") == 0)
			run_walk("message", *t->fns);
		else if (!t->module->object && (*t->fns)->name)
			run_walk(t->module->name, *t->fns);
	}
	run_walk("timers", (const struct wb_bind_fn[]){ { .name = NULL } });
}

/* A script that ends while its handlers wait: nothing is left, nothing is called. */
static void ends_while_waiting(void **state)
{
	static const char source[] =
		"local wb = require 'warbler'\n"
		"wb.every('10m', function() wb.sleep('1h') end)\n"
		"wb.on('message.received', function(msg)\n"
		"  wb.after('5s', function() wb.sleep('1h') end)\n"
		"  local sent = msg:reply('a', { typing = '20s' })\n"
		"  sent:await('read', '5m')\n"
		"end)\n"
		"wb.on('message.received', function(msg) wb.sleep('2h') end)\n"
		"wb.on('message.received', function(msg) for i = 1, 3 do wb.http.get('https://a.example/' .. i) end; "
		  "wb.sleep('1d') end)\n"
		"wb.on('message.received', function(msg) msg:typing('25s'); wb.contacts.find('mia') end)\n";
	static const int64_t after_ms[] = { 0, 6000, 21000, 30000, 700000 };
	json_t *more = json_object(), *answer = json_pack("{s:s, s:s}", "id", "01KA", "status", "queued");

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(after_ms); i++)
		for (int reload = 0; reload < 2; reload++) {
			struct wb_sim *sim = wb_sim_new(1796000000000);
			struct wb_scripts *sc;
			struct wa_err err = WA_ERR_INIT;

			wb_sim_stub_http(sim, "*", answer);
			wb_sim_stub_api(sim, "POST /v1/messages", answer);
			wb_sim_stub_api(sim, "GET /v1/messages/*", answer);
			assert_int_equal(wb_scripts_new(&(struct wb_scripts_opts){ .world = wb_sim_world(sim) },
			  &sc, &err), 0);
			assert_int_equal(wb_scripts_start(sc, &err), 0);
			wb_sim_attach(sim, sc);
			if (wb_scripts_load(sc, "waits", wa_span(source, sizeof(source) - 1), &err))
				fail_msg("%s", err.msg);
			for (int k = 0; k < 20; k++) {
				char from[32];

				(void)snprintf(from, sizeof(from), "+120255501%02u", (unsigned)k % 100);
				(void)wb_sim_message(sim, from, "hello", more);
			}
			if (after_ms[i])
				assert_true(wb_sim_advance(sim, after_ms[i]));
			if (reload) {
				assert_int_equal(wb_scripts_load(sc, "waits", wa_span(source, sizeof(source) - 1),
				  &err), 0);
				assert_true(wb_sim_advance(sim, 4000000));
			}
			wb_scripts_stop(sc);
			(void)wb_sim_run(sim);
			(void)wb_sim_advance(sim, 90000000);
			wb_scripts_free(sc);
			wb_sim_free(sim);
		}
	json_decref(more);
	json_decref(answer);
}

static int64_t number_of(struct wb_sim *sim, const char *key)
{
	const char *text = wb_sim_kv_get(sim, "script:ticks", key);

	return text ? strtoll(text, NULL, 10) : 0;
}

/* Timers made while a script loads are those of the version that runs: not of one before, of one that does not load, or of
 * one that is only checked. */
static void timers_of_the_live_version(void **state)
{
	static const char first[] = "local wb = require 'warbler'\nwb.every('1s', function() wb.kv.incr('first') "
	  "end)\n";
	static const char second[] = "local wb = require 'warbler'\nwb.every('1s', function() wb.kv.incr('second') "
	  "end)\n";
	static const char broken[] = "local wb = require 'warbler'\nwb.every('1s', function() wb.kv.incr('broken') "
	  "end)\nerror('no')\n";
	struct wb_sim *sim = wb_sim_new(1796000000000);
	struct wb_scripts *sc;
	struct wa_err err = WA_ERR_INIT;
	json_t *why = NULL;

	(void)state;
	assert_int_equal(wb_scripts_new(&(struct wb_scripts_opts){ .world = wb_sim_world(sim),
								   .dir = TEST_BUILD_DIR "/script-misuse" },
					&sc, &err), 0);
	assert_int_equal(wb_scripts_start(sc, &err), 0);
	wb_sim_attach(sim, sc);
	assert_int_equal(wb_scripts_load(sc, "ticks", wa_span(first, sizeof(first) - 1), &err), 0);
	assert_true(wb_sim_advance(sim, 3500));
	assert_int_equal(number_of(sim, "first"), 3);
	assert_int_equal(wb_script_check(sc, "ticks", wa_span(second, sizeof(second) - 1), &why, &err), 0);
	assert_true(wb_scripts_load(sc, "ticks", wa_span(broken, sizeof(broken) - 1), &err) < 0);
	assert_true(wb_sim_advance(sim, 3000));
	assert_int_equal(number_of(sim, "first"), 6);
	assert_int_equal(number_of(sim, "second") + number_of(sim, "broken"), 0);
	assert_int_equal(wb_scripts_load(sc, "ticks", wa_span(second, sizeof(second) - 1), &err), 0);
	assert_true(wb_sim_advance(sim, 3500));
	assert_int_equal(number_of(sim, "first"), 6);
	assert_int_equal(number_of(sim, "second"), 3);
	wb_scripts_stop(sc);
	(void)wb_sim_run(sim);
	wb_scripts_free(sc);
	wb_sim_free(sim);
	json_decref(why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(odd_arguments),
		cmocka_unit_test(ends_while_waiting),
		cmocka_unit_test(timers_of_the_live_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
