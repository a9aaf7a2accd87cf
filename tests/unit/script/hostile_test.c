/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The host against scripts that reach for what is not theirs: coroutines of the host, C functions that take long,
 * memory that ends at every possible moment, names and clocks that are not as expected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include <host_int.h>
#include <world_sim.h>

#define ANN "+12025550101"
#define BOB "+12025550102"
#define NOW 1800000000000
#define CPU_MAX_MS 400		/* of a handler that may run for 50 ms; sanitizers are slow */

#define ON_MESSAGE(body) "local wb = require 'warbler'\nwb.on('message.received', function(msg)\n" body "\nend)\n"

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

static void expect_log(struct fix *f, const char *name, const char *what)
{
	json_t *lines = wb_script_log_json(f->sc, name, 0);
	char *text = json_dumps(lines, 0);

	json_decref(lines);
	assert_non_null(text);
	if (!strstr(text, what))
		fail_msg("%s: no \"%s\" in %s", name, what, text);
	free(text);
}

static size_t n_sent(struct fix *f)
{
	const json_t *acts = wb_sim_acts(f->sim);
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(acts); i++)
		n += strcmp(json_string_value(json_object_get(json_array_get(acts, i), "what")), "message") == 0;
	return n;
}

static int64_t cpu_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- coroutines of the host ---- */

/* A handler hands out its own coroutine while it waits; another one has it go on, or closes it, before the answer. */
static void handlers_are_not_resumed_by_others(void **state)
{
	static const char *const tricks[] = { "coroutine.resume(saved)", "coroutine.resume(saved, 1, 2, 3)",
					      "coroutine.close(saved)" };

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(tricks); i++) {
		struct fix f = fix_new();
		char source[1024];

		snprintf(source, sizeof(source),
			 "local saved\n"
			 ON_MESSAGE("if msg.text == 'thief' then wb.sleep('1s')\n"
				    "wb.log.info('trick ' .. tostring(pcall(function() %s end)))\n"
				    "else saved = coroutine.running() wb.sleep('1s') wb.log.info('awake') end"), tricks[i]);
		load(&f, "script", source);
		wb_sim_message(f.sim, ANN, "thief", NULL);
		wb_sim_message(f.sim, BOB, "victim", NULL);
		assert_true(wb_sim_run(f.sim));
		wb_sim_advance(f.sim, 3000);
		assert_true(wb_sim_run(f.sim));
		expect_log(&f, "script", "trick ");
		expect_log(&f, "script", "awake");
		fix_free(&f);
	}
}

/* The main coroutine, handed out while the script loads. */
static void nor_is_the_state_itself(void **state)
{
	struct fix f = fix_new();

	(void)state;
	load(&f, "script", "main = coroutine.running()\n"
	     ON_MESSAGE("wb.log.info('closed ' .. tostring(pcall(coroutine.close, main)))\n"
			"wb.log.info('resumed ' .. tostring(pcall(coroutine.resume, main, print)))\nmsg:reply('fine')"));
	for (int i = 0; i < 3; i++) {
		wb_sim_message(f.sim, ANN, "hello", NULL);
		assert_true(wb_sim_run(f.sim));
	}
	assert_int_equal(n_sent(&f), 3);
	expect_log(&f, "script", "closed false");
	fix_free(&f);
}

/* ---- C functions that take long: one instruction each, so the hook alone would not see them ---- */

static const char *const slow[] = {
	ON_MESSAGE("local s = ('x'):rep(3000000) while true do s:upper() end"),
	ON_MESSAGE("local s = ('x'):rep(3000000) while true do s:reverse() end"),
	ON_MESSAGE("local s = ('x'):rep(3000000) while true do local t = s .. 'y' end"),
	ON_MESSAGE("local s = ('x'):rep(3000000) while true do utf8.len(s) end"),
	ON_MESSAGE("local s = ('x'):rep(3000000) while true do utf8.offset(s, 2900000) end"),
	ON_MESSAGE("local s = ('x'):rep(3000000) while true do string.format('%s%s', s, 1) end"),
	ON_MESSAGE("local s = ('x'):rep(3000000) while true do string.format('%q', s) end"),
	ON_MESSAGE("local s = ('x'):rep(3000000) while true do string.pack('s4', s) end"),
	ON_MESSAGE("local s = (' '):rep(3000000) while true do tonumber(s) end"),
	ON_MESSAGE("local t = {} for i = 1, 200000 do t[i] = i end while true do table.insert(t, 1, 0) table.remove(t, 1) end"),
	ON_MESSAGE("local t = {} for i = 1, 200000 do t[i] = i * 7919 % 200003 end while true do table.sort(t) "
		   "for i = 1, 100 do t[i] = -t[i] end end"),
	ON_MESSAGE("local t = {} for i = 1, 100000 do t[i] = 'abcdefgh' end while true do table.concat(t) end"),
	ON_MESSAGE("local t = {} for i = 1, 50000 do t[i] = i end while true do select('#', table.unpack(t)) end"),
	ON_MESSAGE("local t = {} for i = 1, 200000 do t[i] = i end for i = 1, 200000 do t[i] = nil end while true do next(t) end"),
	ON_MESSAGE("local a, b = ('x'):rep(3000000), ('x'):rep(3000000) while true do local c = a < b end"),
	ON_MESSAGE("local s = ('x'):rep(3000000) while true do wb.text.fold(s) end"),
	ON_MESSAGE("local s = ('x '):rep(3000) while true do wb.text.similar(s, s) end"),
	ON_MESSAGE("wb.text.similar(('ab '):rep(80000), ('cd '):rep(80000))"),
	ON_MESSAGE("wb.text.similar(('abcdefghij '):rep(20000), ('abcdefghik '):rep(20000))"),
	ON_MESSAGE("wb.text.has_words(('a '):rep(130000), ('a '):rep(65000) .. 'b')"),
	ON_MESSAGE("wb.text.has_words(('a'):rep(260000), ('a'):rep(130000))"),
	ON_MESSAGE("local s = ('a'):rep(260000) while true do wb.text.distance(s, s) end"),
	ON_MESSAGE("wb.text.distance(('ab'):rep(130000), ('ba'):rep(130000))"),
	ON_MESSAGE("local s = ('a'):rep(500000) while true do wb.json.encode{ s } end"),
	ON_MESSAGE("local s = ('x'):rep(500000) while true do wb.json.encode{ s } end"),
	ON_MESSAGE("local s = '[' .. ('1,'):rep(100000) .. '1]' while true do wb.json.decode(s) end"),
	ON_MESSAGE("local s = ('x'):rep(3000000) while true do wb.base64.encode(s) end"),
	ON_MESSAGE("local s = ('x'):rep(3000000) while true do wb.crypto.sha256(s) end"),
	ON_MESSAGE("while true do load(function() return nil end) end"),
	ON_MESSAGE("local s = 'local x = 1 ' s = s:rep(4000) while true do load(s) end"),
	ON_MESSAGE("local s = 'local x = 1 ' s = s:rep(200000) local n = 0 while true do n = 0 load(function() n = n + 1 "
		   "if n == 1 then return 'x = 1 ' .. s end end) end"),
};

static void c_functions_do_not_hold_the_loop(void **state)
{
	unsigned late = 0;

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(slow); i++) {
		struct fix f = fix_new();
		int64_t began, ms;

		load(&f, "hog", slow[i]);
		wb_sim_message(f.sim, ANN, "go", NULL);
		began = cpu_ms();
		assert_true(wb_sim_run(f.sim));
		ms = cpu_ms() - began;
		if (ms > CPU_MAX_MS)
			print_error("%lld ms: %s", (long long)ms, slow[i]);
		late += ms > CPU_MAX_MS;
		fix_free(&f);
	}
	assert_int_equal(late, 0);
}

/* ---- memory ends anywhere ---- */

#define BUSY ON_MESSAGE("local t = {} for i = 1, 20 do t[i] = { text = msg.text .. i, who = msg.sender } end\n"       \
			"local co = coroutine.wrap(function() coroutine.yield(wb.json.encode(t)) end) co()\n"          \
			"wb.kv.set('k', t) wb.sleep('10ms') local x <close> = setmetatable({}, { __close = print })\n" \
			"msg:reply('got ' .. #wb.kv.get('k'))")                                                        \
	"wb.every('10m', function() end) wb.export('f', function(a) return { a, a } end)\n"                              \
	"wb.flow('ask', { steps = { { name = 'a', ask = 'What?' } } })\n"

static void on_call(void *ctx, int code, const char *message, const json_t *value)
{
	(void)code;
	(void)message;
	(void)value;
	++*(int *)ctx;
}

static void loading_survives_each_failing_allocation(void **state)
{
	struct fix f = fix_new();
	struct wa_err err = WA_ERR_INIT;
	size_t ok = 0;

	(void)state;
	for (size_t cap = 4096; ok < 3 && cap < 1u << 20; cap += cap < 65536 ? 512 : 96) {
		f.sc->limits.memory = cap;
		ok += wb_scripts_load(f.sc, "script", wa_span_str(BUSY), &err) == 0;
	}
	assert_int_equal(ok, 3);
	fix_free(&f);
}

static void handlers_survive_each_failing_allocation(void **state)
{
	struct fix f = fix_new();
	struct wa_err err = WA_ERR_INIT;
	size_t sent, asked = 0;
	int answered = 0;

	(void)state;
	load(&f, "script", BUSY);
	for (size_t more = 0; more < 24000; more += 64) {
		struct wb_script *s = wb_scripts_find(f.sc, "script");
		json_t *args = json_pack("[s]", "x");

		(void)lua_gc(s->st->L, LUA_GCCOLLECT);
		s->st->cap = s->st->used + more;
		asked += wb_scripts_export_call(f.sc, "script", "f", args, on_call, &answered) == 0;
		json_decref(args);
		wb_sim_message(f.sim, ANN, "hello", NULL);
		assert_true(wb_sim_run(f.sim));
		wb_sim_advance(f.sim, 50);
		assert_true(wb_sim_run(f.sim));
		if (more % 1024 == 0)		/* with what waits */
			assert_int_equal(wb_scripts_load(f.sc, "script", wa_span_str(BUSY), &err), 0);
		memset(&s->trip, 0, sizeof(s->trip));
		s->st->cap = f.sc->limits.memory;
		wb_sim_advance(f.sim, 2000);
	}
	assert_int_equal(asked, answered);
	sent = n_sent(&f);
	wb_sim_message(f.sim, BOB, "hello", NULL);
	wb_sim_advance(f.sim, 5000);
	assert_true(n_sent(&f) > sent);
	fix_free(&f);
}

/* ---- ends ---- */

struct again {
	struct fix *f;
	int calls;
};

static void on_again(void *ctx, int code, const char *message, const json_t *value)
{
	struct again *a = ctx;
	json_t *args = json_array();

	(void)message;
	(void)value;
	if (code && ++a->calls < 100)
		(void)!wb_scripts_export_call(a->f->sc, "script", "f", args, on_again, a);
	json_decref(args);
}

/* Who asks again at once when it failed does not keep a script alive that ends. */
static void who_insists_does_not_hold_up_the_end(void **state)
{
	struct fix f = fix_new();
	struct again a = { &f, 0 };
	json_t *args = json_array();

	(void)state;
	load(&f, "script", "local wb = require 'warbler' wb.export('f', function() wb.sleep('1h') end)");
	assert_int_equal(wb_scripts_export_call(f.sc, "script", "f", args, on_again, &a), 0);
	assert_true(wb_sim_run(f.sim));
	load(&f, "script", "local x = 1");
	assert_int_equal(a.calls, 1);
	json_decref(args);
	fix_free(&f);
}

/* (the sanitizer sees what is kept) */
static void long_sleeps_end_with_their_handlers(void **state)
{
	struct fix f = fix_new();

	(void)state;
	load(&f, "script", ON_MESSAGE("wb.sleep('31d')"));
	for (int i = 0; i < 10; i++)
		wb_sim_message(f.sim, i % 2 ? ANN : BOB, "hello", NULL);
	assert_true(wb_sim_run(f.sim));
	assert_int_equal(wb_scripts_waiting(f.sc), 2);
	load(&f, "script", "local x = 1");
	assert_int_equal(wb_scripts_waiting(f.sc), 0);
	fix_free(&f);
}

/* The clock of the machine is set back by a day: nobody is suspended for a day. */
static void a_clock_set_back_does_not_suspend(void **state)
{
	struct fix f = fix_new();
	struct wb_script *s;

	(void)state;
	load(&f, "script", ON_MESSAGE("msg:reply('fine')"));
	s = wb_scripts_find(f.sc, "script");
	script_trip(s, "a test");
	s->trip.until_ms += 86400000;	/* what it looks like after the change */
	wb_sim_message(f.sim, ANN, "hello", NULL);
	wb_sim_advance(f.sim, 310000);
	assert_int_equal(n_sent(&f), 1);
	fix_free(&f);
}

static void tests_are_no_scripts(void **state)
{
	(void)state;
	assert_false(script_name_ok("away_test"));
	assert_false(script_name_ok("_test"));
	assert_true(script_name_ok("test"));
	assert_true(script_name_ok("attest"));
	assert_false(script_name_ok("../x"));
	assert_false(script_name_ok(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tests_are_no_scripts),
		cmocka_unit_test(handlers_are_not_resumed_by_others),
		cmocka_unit_test(nor_is_the_state_itself),
		cmocka_unit_test(c_functions_do_not_hold_the_loop),
		cmocka_unit_test(loading_survives_each_failing_allocation),
		cmocka_unit_test(handlers_survive_each_failing_allocation),
		cmocka_unit_test(who_insists_does_not_hold_up_the_end),
		cmocka_unit_test(long_sleeps_end_with_their_handlers),
		cmocka_unit_test(a_clock_set_back_does_not_suspend),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
