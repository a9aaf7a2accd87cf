/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The host against scripts that mean no good, and those that do: budgets, the sandbox, waiting by the thousand,
 * order within a chat, wb.STOP, reload, memory. In the simulated world, with its clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <host_int.h>
#include <sim_int.h>
#include <world_sim.h>

#define ANN "+12025550101"
#define BOB "+12025550102"
#define NOW 1800000000000

struct fix {
	struct wb_sim *sim;
	struct wb_scripts *sc;
};

static struct fix fix_new(void)
{
	struct fix f = { .sim = wb_sim_new(NOW) };
	struct wb_scripts_opts o = { .world = wb_sim_world(f.sim) };
	struct wa_err err = WA_ERR_INIT;

	if (wb_scripts_new(&o, &f.sc, &err) < 0 || wb_scripts_start(f.sc, &err) < 0)
		fail_msg("%s", err.msg);
	wb_sim_attach(f.sim, f.sc);
	return f;
}

static void fix_free(struct fix *f)
{
	wb_sim_attach(f->sim, NULL);
	wb_scripts_free(f->sc);
	(void)wb_sim_run(f->sim);
	wb_sim_free(f->sim);
}

static void load(struct fix *f, const char *name, const char *source)
{
	struct wa_err err = WA_ERR_INIT;

	if (wb_scripts_load(f->sc, name, wa_span_str(source), &err) < 0)
		fail_msg("%s: %s", name, err.msg);
}

/* What is in all lines of the script's log, for looking into. */
static char *log_of(struct fix *f, const char *name)
{
	json_t *lines = wb_script_log_json(f->sc, name, 0);
	char *text = json_dumps(lines, 0);

	json_decref(lines);
	return text;
}

static bool logged(struct fix *f, const char *name, const char *what)
{
	char *text = log_of(f, name);
	bool yes = strstr(text, what) != NULL;

	free(text);
	return yes;
}

static size_t n_sent(struct fix *f)
{
	const json_t *acts = wb_sim_acts(f->sim);
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(acts); i++)
		n += strcmp(json_string_value(json_object_get(json_array_get(acts, i), "what")), "message") == 0;
	return n;
}

static int64_t stat_of(struct fix *f, const char *name, const char *what)
{
	json_t *o = wb_script_json(f->sc, name);
	int64_t v = json_integer_value(json_object_get(json_object_get(o, "stats"), what));

	json_decref(o);
	return v;
}

static bool state_is(struct fix *f, const char *name, const char *state)
{
	json_t *o = wb_script_json(f->sc, name);
	bool yes = strcmp(json_string_value(json_object_get(o, "state")), state) == 0;

	json_decref(o);
	return yes;
}

/* ---- budgets ---- */

#define ON_MESSAGE(body) "local wb = require 'warbler'\nwb.on('message.received', function(msg)\n" body "\nend)\n"

static const char good[] = ON_MESSAGE("msg:reply('pong')");

/* Each uses up a budget in a way of its own; none may hang us, harm others, or survive unreported. */
static const struct {
	const char *what, *source, *says;
} hogs[] = {
	{ "endless", ON_MESSAGE("while true do end"), "ran too long" },
	{ "pcall", ON_MESSAGE("while true do pcall(error) end"), "ran too long" },
	{ "xpcall", ON_MESSAGE("while true do xpcall(error, function() while true do end end) end"), "stopped" },
	{ "nested pcall", ON_MESSAGE("local function f() while true do pcall(f) end end f()"), "stopped" },
	{ "coroutines", ON_MESSAGE("local function f() while true do pcall(coroutine.wrap(f)) end end f()"), "stopped" },
	{ "resume", ON_MESSAGE("local co = coroutine.create(function() while true do coroutine.yield() end end)"
			       " while true do coroutine.resume(co) end"), "stopped" },
	{ "close in coroutine",
	  ON_MESSAGE("local function loop() while true do end end\n"
		     "local co = coroutine.create(function() local x <close> = setmetatable({}, {__close=loop}) loop() end)\n"
		     "pcall(coroutine.resume, co) pcall(coroutine.close, co) while true do pcall(coroutine.close, co) end"),
	  "stopped" },
	{ "close", ON_MESSAGE("local x <close> = setmetatable({}, {__close=function() while true do end end}) error('x')"),
	  "x" },
	{ "close after", ON_MESSAGE("local x <close> = setmetatable({}, {__close=function() while true do end end})\n"
				    "while true do end"), "ran too long" },
	{ "rep", ON_MESSAGE("local s = string.rep('x', 1 << 40)"), "" },
	{ "rep of nothing", ON_MESSAGE("local s = string.rep('', 1 << 60) while true do end"), "ran too long" },
	{ "rep again", ON_MESSAGE("local t = ('x'):rep(6000000) while true do pcall(string.rep, 'x', 12000000) end"),
	  "stopped" },
	{ "tables", ON_MESSAGE("local t = {} while true do t[#t + 1] = {} end"), "" },
	{ "strings", ON_MESSAGE("local s = 'x' while true do s = s .. s end"), "memory" },
	{ "recursion", ON_MESSAGE("local function f() return 1 + f() end f()"), "" },
	{ "pattern", ON_MESSAGE("local s = ('a'):rep(3000) s:find(('a*'):rep(30) .. 'b')"), "stopped" },
	{ "gsub", ON_MESSAGE("local s = ('a'):rep(50000) s:gsub('.-.-.-b', '')"), "stopped" },
	{ "gmatch", ON_MESSAGE("for w in (('a'):rep(50000)):gmatch('.-.-.-b') do end"), "stopped" },
	{ "sort", ON_MESSAGE("local t = {} for i = 1, 1000 do t[i] = i end table.sort(t, function() while true do end end)"),
	  "stopped" },
	{ "lying length", ON_MESSAGE("table.insert(setmetatable({}, {__len=function() return 1 << 53 end}), 1, 1)"),
	  "too long" },
	{ "move", ON_MESSAGE("table.move({}, 1, 1 << 53, 2)"), "too many" },
	{ "index", ON_MESSAGE("local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return t[k] end"
			      " local x = t.x"), "" },
	{ "tostring", ON_MESSAGE("print(setmetatable({}, {__tostring=function() while true do end end}))"), "stopped" },
	{ "error object", ON_MESSAGE("error(setmetatable({}, {__tostring=function() while true do end end}))"),
	  "error object" },
	{ "always", ON_MESSAGE("error('always')"), "always" },
	{ "wrong call", ON_MESSAGE("msg.nothing.at.all()"), "" },
};

static void hogs_are_stopped_and_nobody_else_notices(void **state)
{
	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(hogs); i++) {
		struct fix f = fix_new();

		load(&f, "hog", hogs[i].source);
		load(&f, "zgood", good);
		wb_sim_message(f.sim, ANN, "ping", NULL);
		if (!wb_sim_run(f.sim) || n_sent(&f) != 1)
			fail_msg("%s: the other script did not answer", hogs[i].what);
		if (stat_of(&f, "hog", "errors") != 1 || !logged(&f, "hog", hogs[i].says)) {
			char *text = log_of(&f, "hog");

			fail_msg("%s: says %s", hogs[i].what, text);
		}
		wb_sim_advance(f.sim, 5000);
		wb_sim_message(f.sim, BOB, "ping", NULL);
		assert_true(wb_sim_run(f.sim));
		assert_int_equal(n_sent(&f), 2);
		fix_free(&f);
	}
}

static void who_goes_on_like_that_is_suspended_for_longer_and_longer(void **state)
{
	struct fix f = fix_new();
	json_t *o;

	(void)state;
	load(&f, "hog", hogs[0].source);
	wb_sim_message(f.sim, ANN, "1", NULL);
	assert_true(wb_sim_run(f.sim));
	assert_true(state_is(&f, "hog", "suspended"));
	for (int i = 0; i < 5; i++)
		wb_sim_message(f.sim, ANN, "more", NULL);
	assert_true(wb_sim_run(f.sim));
	assert_int_equal(stat_of(&f, "hog", "stopped"), 1);	/* the others wait in the log */
	wb_sim_advance(f.sim, 2500);
	assert_int_equal(stat_of(&f, "hog", "stopped"), 2);
	assert_true(state_is(&f, "hog", "suspended"));
	o = wb_script_json(f.sc, "hog");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(o, "suspended"), "count")), 2);
	assert_non_null(json_object_get(json_object_get(o, "error"), "line"));
	json_decref(o);
	/* a new version starts afresh, and gets what has waited */
	load(&f, "hog", good);
	wb_sim_advance(f.sim, 1000);
	assert_true(state_is(&f, "hog", "running"));
	assert_int_equal(n_sent(&f), 4);
	fix_free(&f);
}

static void finalizers_are_refused(void **state)
{
	struct fix f = fix_new();
	struct wa_err err = WA_ERR_INIT;

	(void)state;
	assert_int_equal(wb_scripts_load(f.sc, "gc", wa_span_str("setmetatable({}, {__gc=function() while true do end end})"),
					 &err), WA_EINVALID);
	assert_non_null(strstr(err.msg, "__gc"));
	fix_free(&f);
}

static void loading_has_a_budget_too(void **state)
{
	struct fix f = fix_new();
	struct wa_err err = WA_ERR_INIT;

	(void)state;
	assert_int_equal(wb_scripts_load(f.sc, "x", wa_span_str("while true do pcall(error) end"), &err), WA_EINVALID);
	assert_int_equal(wb_scripts_load(f.sc, "x", wa_span_str("local s='x' while true do s=s..s end"), &err),
			 WA_EINVALID);
	assert_int_equal(wb_scripts_load(f.sc, "x", wa_span_str("require('warbler').sleep(1)"), &err), WA_EINVALID);
	fix_free(&f);
}

/* ---- the sandbox ---- */

static const char *const escapes[] = {
	"debug.getregistry()", "os.execute('true')", "os.exit()", "os.remove('x')", "os.getenv('HOME')", "io.open('x')",
	"package.loadlib('x', 'y')", "dofile('x')", "loadfile('x')", "require('os')", "require('../x')", "require('lib/../x')",
	"string.dump(function() end)", "collectgarbage('stop')", "undefined_name()", "_G.x.y = 1",
	"getmetatable('').__index = nil", "getmetatable(_G).__index = nil", "require('warbler').on = nil",
	"setmetatable(_G, {})", "require('warbler').nothing()", "coroutine.yield()",
	"local f = assert(load('\\27Lua', 'x', 'b'))", "assert(load(string.char(27) .. 'LuaT', 'x', 'bt'))",
	"assert(load(('x'):rep(100000)))", "table.unpack({}, 1, 1e7)",
};

static void there_is_no_way_out(void **state)
{
	struct fix f = fix_new();

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(escapes); i++) {
		struct wa_err err = WA_ERR_INIT;

		if (wb_scripts_load(f.sc, "x", wa_span_str(escapes[i]), &err) == 0)
			fail_msg("%s: allowed", escapes[i]);
	}
	assert_int_not_equal(wb_scripts_load(f.sc, "x", wa_span("\x1bLuaT", 5), NULL), 0);
	/* what one does to its libraries is its own */
	load(&f, "a", "string.upper = function() return 'stolen' end\nfunction helper() end\nhelper()");
	load(&f, "b", "assert(('x'):upper() == 'X')\nassert(not pcall(function() return helper end))");
	load(&f, "c", ON_MESSAGE("assert(not pcall(function() x = 1 end))"));
	wb_sim_message(f.sim, ANN, "x", NULL);
	assert_true(wb_sim_run(f.sim));
	assert_int_equal(stat_of(&f, "c", "errors"), 0);
	fix_free(&f);
}

/* Lua's own results, so that ours are the same. */
static void patterns_mean_what_they_do_in_lua(void **state)
{
	struct fix f = fix_new();

	(void)state;
	load(&f, "p",
	     "local function eq(a, b) if a ~= b then error(tostring(a) .. ' is not ' .. tostring(b), 2) end end\n"
	     "local function all(...) local t = table.pack(...) for i = 1, t.n do t[i] = tostring(t[i]) end\n"
	     "  return table.concat(t, '|') end\n"
	     "eq(all(('hello world'):find('o w')), '5|7')\n"
	     "eq(all(('hello'):find('l', 1, true)), '3|3')\n"
	     "eq(all(('hello'):find('')), '1|0') eq(all(('hello'):find('', 6)), '6|5') eq(('hello'):find('', 7), nil)\n"
	     "eq(all(('key = value'):match('^(%w+)%s*=%s*(%w+)$')), 'key|value')\n"
	     "eq(all(('2026-11-22'):match('(%d+)-(%d+)-(%d+)')), '2026|11|22')\n"
	     "eq(all((' x '):match('^%s*(.-)%s*$')), 'x') eq(all(('abc'):match('()b()')), '2|3')\n"
	     "eq(('f(a(b)c)d'):match('%b()'), '(a(b)c)') eq(('THE (quick) fox'):find('%f[%a]%a+%f[%A]'), 1)\n"
	     "eq(('a]b'):match('[]]'), ']') eq(('a-b'):match('[a%-]+'), 'a-') eq(('x^y'):match('[%^]'), '^')\n"
	     "eq(('abc'):match('[^a]+'), 'bc') eq(('q5'):match('[a-z][0-9]'), 'q5')\n"
	     "eq(('\"it\\'s\"'):match('([\"\\'])(.-)%1'), '\"')\n"
	     "eq(('aaa'):match('a-b'), nil) eq(('aab'):match('a-b'), 'aab') eq(('color'):match('colou?r'), 'color')\n"
	     "eq(all(('hello'):gsub('l', 'L')), 'heLLo|2') eq(all(('hello'):gsub('l', 'L', 1)), 'heLlo|1')\n"
	     "eq(all(('abc'):gsub('', '-')), '-a-b-c-|4') eq(all(('abc'):gsub('%w', '%0%0')), 'aabbcc|3')\n"
	     "eq(all(('hello world'):gsub('(%w+) (%w+)', '%2 %1')), 'world hello|1')\n"
	     "eq(all(('$name is $age'):gsub('%$(%w+)', { name = 'Ann', age = 5 })), 'Ann is 5|2')\n"
	     "eq(all(('abc'):gsub('b', function() return false end)), 'abc|1') eq(all(('abc'):gsub('^a', 'x')), 'xbc|1')\n"
	     "eq(all(('a.b'):gsub('%.', '%%')), 'a%b|1') eq(all(('abc d'):gsub('%w*', 'x')), 'x x|2')\n"
	     "local t = {} for k, v in ('a=1, b=2'):gmatch('(%w+)=(%w+)') do t[#t + 1] = k .. v end\n"
	     "eq(table.concat(t, ','), 'a1,b2')\n"
	     "local n = 0 for _ in ('abc'):gmatch('') do n = n + 1 end eq(n, 4)\n"
	     "for _, p in ipairs { '[a', '%', '(a', '%1', '%b', '%f' } do assert(not pcall(string.find, 'a', p), p) end\n"
	     "assert(not pcall(string.gsub, 'a', 'a', '%')) assert(not pcall(string.gsub, 'a', 'a', '%2'))\n");
	fix_free(&f);
}

/* ---- waiting ---- */

static void ten_thousand_may_wait_at_once(void **state)
{
	struct fix f = fix_new();
	char from[32];

	(void)state;
	load(&f, "w", ON_MESSAGE("wb.sleep(60000) msg:reply('late')"));
	for (int i = 0; i < 10000; i++) {
		snprintf(from, sizeof(from), "+1202555%04d", i);
		wb_sim_message(f.sim, from, "x", NULL);
		if (i % 500 == 0)
			(void)wb_sim_run(f.sim);
	}
	(void)wb_sim_run(f.sim);
	assert_int_equal(wb_scripts_waiting(f.sc), 10000);
	assert_int_equal(n_sent(&f), 0);
	(void)wb_sim_advance(f.sim, 61000);
	assert_int_equal(wb_scripts_waiting(f.sc), 0);
	assert_int_equal(n_sent(&f), 10000);
	assert_int_equal(stat_of(&f, "w", "errors"), 0);
	fix_free(&f);
}

static void waiting_where_it_cannot_be_is_refused(void **state)
{
	struct fix f = fix_new();

	(void)state;
	load(&f, "w", ON_MESSAGE("local co = coroutine.wrap(function() wb.sleep(1) end)\n"
				 "local ok, e = pcall(co) assert(not ok and e:find('coroutine of your own'), e)\n"
				 "ok, e = pcall(string.gsub, 'a', 'a', function() wb.sleep(1) end)\n"
				 "assert(not ok and e:find('cannot be called'), e)\n"
				 "ok, e = pcall(function() wb.sleep(1) return 'fine' end) assert(ok and e == 'fine')"));
	wb_sim_message(f.sim, ANN, "x", NULL);
	(void)wb_sim_advance(f.sim, 100);
	if (stat_of(&f, "w", "errors")) {
		char *text = log_of(&f, "w");

		fail_msg("%s", text);
	}
	fix_free(&f);
}

/* ---- order ---- */

static void events_of_a_chat_come_one_after_the_other(void **state)
{
	struct fix f = fix_new();

	(void)state;
	load(&f, "o", ON_MESSAGE("wb.sleep(msg.text == 'slow' and 1000 or 1) msg:reply(msg.text)"));
	wb_sim_message(f.sim, ANN, "slow", NULL);
	wb_sim_message(f.sim, ANN, "fast", NULL);
	wb_sim_message(f.sim, BOB, "other", NULL);
	(void)wb_sim_advance(f.sim, 500);
	assert_int_equal(n_sent(&f), 1);	/* Bob's */
	(void)wb_sim_advance(f.sim, 2000);
	assert_int_equal(n_sent(&f), 3);
	fix_free(&f);
}

static void stop_keeps_later_scripts_out_and_slow_ones_do_not_hold_up_for_ever(void **state)
{
	struct fix f = fix_new();

	(void)state;
	load(&f, "a", "local wb = require 'warbler'\nwb.on('message.received', { text = 'mine' }, function(msg)\n"
		      "msg:reply('a') return wb.STOP end)\n"
		      "wb.on('message.received', { text = 'slow' }, function(msg) wb.sleep(60000) end)");
	load(&f, "b", ON_MESSAGE("msg:reply('b')"));
	wb_sim_message(f.sim, ANN, "mine", NULL);
	(void)wb_sim_run(f.sim);
	assert_int_equal(n_sent(&f), 1);
	wb_sim_message(f.sim, ANN, "other", NULL);
	(void)wb_sim_run(f.sim);
	assert_int_equal(n_sent(&f), 2);
	wb_sim_message(f.sim, ANN, "slow", NULL);
	(void)wb_sim_advance(f.sim, 1000);
	assert_int_equal(n_sent(&f), 2);
	(void)wb_sim_advance(f.sim, 2000);
	assert_int_equal(n_sent(&f), 3);
	(void)wb_sim_advance(f.sim, 60000);
	fix_free(&f);
}

static void filters_are_compared_before_lua(void **state)
{
	struct fix f = fix_new();

	(void)state;
	load(&f, "f", "local wb = require 'warbler'\nlocal on = wb.on\n"
		      "on('message.received', { text = { 'Héllo', 'hi' } }, function() print('text') end)\n"
		      "on('message.received', { contains = 'WORLD' }, function() print('contains') end)\n"
		      "on('message.received', { starts = 'hello', ends = '!' }, function() print('both') end)\n"
		      "on('message.received', { matches = '^\\\\d+$' }, function() print('digits') end)\n"
		      "on('message.received', { from = '+1 202-555-0102' }, function() print('bob') end)\n"
		      "on('message.received', { group = true }, function() print('group') end)\n"
		      "on('shop.order', { ['order.state'] = { 'new', 'paid' } }, function() print('order') end)\n"
		      "assert(not pcall(on, 'message.received', { txt = 'x' }, print))\n"
		      "assert(not pcall(on, 'message.received', { group = 'x' }, print))\n"
		      "assert(not pcall(on, 'message.received', { matches = '(' }, print))\n");
	wb_sim_message(f.sim, ANN, "  hello ", NULL);
	(void)wb_sim_run(f.sim);
	assert_true(logged(&f, "f", "\"text\": \"text\""));
	assert_false(logged(&f, "f", "\"text\": \"bob\""));
	wb_sim_message(f.sim, BOB, "Hello, world!", NULL);
	wb_sim_message(f.sim, ANN, "123", NULL);
	(void)wb_sim_run(f.sim);
	for (size_t i = 0; i < 4; i++) {
		static const char *const words[] = { "\"contains\"", "\"both\"", "\"digits\"", "\"bob\"" };

		assert_true(logged(&f, "f", words[i]));
	}
	assert_false(logged(&f, "f", "\"group\""));
	json_t *data = json_pack("{s:{s:s}}", "order", "state", "paid");
	wb_sim_event(f.sim, "shop.order", "", "1", data);
	json_decref(data);
	(void)wb_sim_run(f.sim);
	assert_true(logged(&f, "f", "\"order\""));
	assert_int_equal(stat_of(&f, "f", "calls"), 6);
	fix_free(&f);
}

/* ---- reload ---- */

static void a_version_that_does_not_load_leaves_the_old_one(void **state)
{
	struct fix f = fix_new();
	struct wa_err err = WA_ERR_INIT;
	json_t *o, *e;

	(void)state;
	load(&f, "r", good);
	assert_int_equal(wb_scripts_load(f.sc, "r", wa_span_str("local x = 1\nlocal y = = 2\n"), &err), WA_EINVALID);
	assert_non_null(strstr(err.msg, "r.lua:2:"));
	assert_int_equal(wb_scripts_load(f.sc, "r", wa_span_str("\n\nerror('no')"), &err), WA_EINVALID);
	o = wb_script_json(f.sc, "r");
	e = json_object_get(o, "error");
	assert_int_equal(json_integer_value(json_object_get(e, "line")), 3);
	assert_string_equal(json_string_value(json_object_get(e, "file")), "r.lua");
	assert_string_equal(json_string_value(json_object_get(e, "message")), "no");
	json_decref(o);
	wb_sim_message(f.sim, ANN, "x", NULL);
	(void)wb_sim_run(f.sim);
	assert_int_equal(n_sent(&f), 1);
	fix_free(&f);
}

/* What a handler had begun is begun again by the new version, and what it had sent is not sent again. */
static void reload_takes_what_is_under_way_along(void **state)
{
	static const char one[] = ON_MESSAGE("msg:reply('first') wb.sleep(60000) msg:reply('never')");
	static const char two[] = ON_MESSAGE("msg:reply('first') wb.sleep(10) msg:reply('second')");
	struct fix f = fix_new();

	(void)state;
	load(&f, "r", one);
	wb_sim_message(f.sim, ANN, "x", NULL);
	(void)wb_sim_run(f.sim);
	assert_int_equal(n_sent(&f), 1);
	load(&f, "r", two);
	(void)wb_sim_advance(f.sim, 120000);
	assert_int_equal(n_sent(&f), 2);
	fix_free(&f);
}

static size_t n_timers(const struct fix *f)
{
	const struct wa_list *l;
	size_t n = 0;

	WA_LIST_EACH(l, &f->sim->timers)
		n++;
	return n;
}

/* Who sleeps for a month when the script is replaced, or the gateway stops, leaves nothing behind. */
static void sleepers_go_with_their_script(void **state)
{
	static const char sleeper[] = ON_MESSAGE("wb.sleep('31d') msg:reply('never')");
	struct fix f = fix_new();
	size_t before;

	(void)state;
	load(&f, "s", sleeper);
	before = n_timers(&f);
	wb_sim_message(f.sim, ANN, "x", NULL);
	(void)wb_sim_run(f.sim);
	assert_int_equal(n_timers(&f), before + 1);
	wb_sim_attach(f.sim, NULL);
	wb_scripts_free(f.sc);
	assert_int_equal(n_timers(&f), 0);
	wb_sim_free(f.sim);
}

static void settings_change_without_reload(void **state)
{
	static const char source[] =
		"local wb = require 'warbler'\nwb.script{ settings = { word = { default = 'hi' }, n = { type = 'integer', min = 1 } } }\n"
		"wb.on('message.received', function(msg) print('says ' .. wb.settings.word) end)";
	struct fix f = fix_new();
	struct wa_err err = WA_ERR_INIT;
	json_t *patch = json_pack("{s:{s:s}}", "settings", "word", "hello"), *bad;

	(void)state;
	load(&f, "s", source);
	assert_int_equal(wb_script_patch(f.sc, "s", patch, NULL, NULL, &err), 0);
	(void)wb_sim_run(f.sim);
	wb_sim_message(f.sim, ANN, "x", NULL);
	(void)wb_sim_run(f.sim);
	assert_true(logged(&f, "s", "says hello"));
	bad = json_pack("{s:{s:i}}", "settings", "n", 0);
	assert_int_equal(wb_script_patch(f.sc, "s", bad, NULL, NULL, &err), WA_EINVALID);
	json_decref(bad);
	bad = json_pack("{s:{s:i}}", "settings", "other", 0);
	assert_int_equal(wb_script_patch(f.sc, "s", bad, NULL, NULL, &err), WA_EINVALID);
	json_decref(bad);
	json_decref(patch);
	fix_free(&f);
}

/* ---- exports ---- */

static void on_result(void *ctx, int code, const char *message, const json_t *value)
{
	char *text = code ? strdup(message) : json_dumps(value, JSON_ENCODE_ANY);

	*(char **)ctx = text;
}

static void plugins_call_what_scripts_export(void **state)
{
	struct fix f = fix_new();
	json_t *args = json_pack("[i]", 21);
	char *text = NULL;

	(void)state;
	load(&f, "e", "local wb = require 'warbler'\nwb.export('double', function(x) wb.sleep(5) return { v = x * 2 } end)\n"
		      "wb.export('bad', function() return print end)");
	assert_int_equal(wb_scripts_export_call(f.sc, "e", "none", args, on_result, &text), WA_ENOTFOUND);
	assert_int_equal(wb_scripts_export_call(f.sc, "e", "double", args, on_result, &text), 0);
	(void)wb_sim_advance(f.sim, 100);
	assert_string_equal(text, "{\"v\": 42}");
	free(text);
	assert_int_equal(wb_scripts_export_call(f.sc, "e", "bad", args, on_result, &text), 0);
	(void)wb_sim_run(f.sim);
	assert_non_null(strstr(text, "no JSON"));
	free(text);
	json_decref(args);
	fix_free(&f);
}

/* ---- memory ---- */

static void memory_stays_flat(void **state)
{
	struct fix f = fix_new();
	int64_t before, after;

	(void)state;
	load(&f, "m", ON_MESSAGE("local t = {} for i = 1, 10 do t[i] = msg.text .. i end"));
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 10000; i++) {
			wb_sim_message(f.sim, ANN, "x", NULL);
			(void)wb_sim_run(f.sim);
		}
		(round ? &after : &before)[0] = stat_of(&f, "m", "memory");
	}
	assert_int_equal(stat_of(&f, "m", "calls"), 20000);
	/* a collector's cycle apart at most */
	assert_true(after < 2 * before && after < 512 * 1024);
	fix_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hogs_are_stopped_and_nobody_else_notices),
		cmocka_unit_test(who_goes_on_like_that_is_suspended_for_longer_and_longer),
		cmocka_unit_test(finalizers_are_refused),
		cmocka_unit_test(loading_has_a_budget_too),
		cmocka_unit_test(there_is_no_way_out),
		cmocka_unit_test(patterns_mean_what_they_do_in_lua),
		cmocka_unit_test(ten_thousand_may_wait_at_once),
		cmocka_unit_test(waiting_where_it_cannot_be_is_refused),
		cmocka_unit_test(events_of_a_chat_come_one_after_the_other),
		cmocka_unit_test(stop_keeps_later_scripts_out_and_slow_ones_do_not_hold_up_for_ever),
		cmocka_unit_test(filters_are_compared_before_lua),
		cmocka_unit_test(a_version_that_does_not_load_leaves_the_old_one),
		cmocka_unit_test(reload_takes_what_is_under_way_along),
		cmocka_unit_test(sleepers_go_with_their_script),
		cmocka_unit_test(settings_change_without_reload),
		cmocka_unit_test(plugins_call_what_scripts_export),
		cmocka_unit_test(memory_stays_flat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
