/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Durable conversations in the simulated world: the whole way of an answer; going on after a crash after any
 * single operation, with nothing said twice; new versions; who has a chat; time; a script that fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <flow.h>
#include <mem.h>
#include <world_sim.h>

#define ANN "+12025550101"
#define BOB "+12025550102"
#define MINUTE 60000

struct fix {
	struct wb_sim *sim;
	struct wb_scripts *sc;
	const char *sources[3];		/* scripts "a", "b", "c" */
};

static const char *const names[] = { "a", "b", "c" };

static const char shop[] =
	"local wb = require 'warbler'\n"
	"local order = wb.flow('order', {\n"
	"  version = 1, timeout = '1h', timed_out = 'too late', cancelled = 'gone', handover = 'one moment',\n"
	"  remind = { after = '10m', text = 'still there?' }, human = { 'human' }, attempts = 3,\n"
	"  steps = {\n"
	"    { name = 'size', ask = 'Which size?', choices = { 'Small', { id = 'L', text = 'Large' } } },\n"
	"    { name = 'count', ask = 'How many?', type = 'number', integer = true, min = 1, max = 9, retry = '1 to 9, please' },\n"
	"    { name = 'work', run = function(f) f:say('working on {count}'); f.data.total = f.data.count * 2 end },\n"
	"    { name = 'mail', ask = 'Your e-mail?', type = 'email', when = function(f) return f.data.count > 1 end },\n"
	"  },\n"
	"  done = 'Thanks: {count} {size}, {total} in all, {mail}',\n"
	"})\n"
	"wb.on('message.received', { text = 'order' }, function(msg) order:start(msg) end)\n"
	"wb.on('message.received', { text = 'stop it' }, function(msg) order:cancel(msg) end)\n";

static void start(struct fix *f)
{
	/* a busy machine is no reason to stop a handler */
	struct wb_scripts_opts o = { .world = wb_sim_world(f->sim), .limits = { .slice_ms = 2000 } };
	struct wa_err err = WA_ERR_INIT;

	if (wb_scripts_new(&o, &f->sc, &err) < 0 || wb_scripts_start(f->sc, &err) < 0)
		fail_msg("%s", err.msg);
	wb_sim_attach(f->sim, f->sc);
	for (size_t i = 0; i < 3; i++)
		if (f->sources[i] &&
		    wb_scripts_load(f->sc, names[i], wa_span_str(f->sources[i]), &err) < 0)
			fail_msg("%s", err.msg);
	assert_true(wb_sim_run(f->sim));
}

static void end(struct fix *f)
{
	wb_sim_attach(f->sim, NULL);
	wb_scripts_stop(f->sc);
	(void)wb_sim_run(f->sim);
	wb_scripts_free(f->sc);
	f->sc = NULL;
}

static void open_with(struct fix *f, const char *source)
{
	*f = (struct fix){ .sim = wb_sim_new(1795168800000), .sources = { source } };
	start(f);
}

static void close_all(struct fix *f)
{
	if (f->sc)
		end(f);
	wb_sim_free(f->sim);
}

static void say(struct fix *f, const char *who, const char *text)
{
	assert_true(wb_sim_message(f->sim, who, text, NULL) > 0);
	assert_true(wb_sim_run(f->sim));
}

/* All that was sent, one after the other, "|" in between. Only to `who`, unless NULL. */
static const char *sent(struct fix *f, const char *who)
{
	static char all[4096];
	const json_t *acts = wb_sim_acts(f->sim);
	size_t i, n = 0;
	json_t *a;

	all[0] = 0;
	json_array_foreach(acts, i, a) {
		if (strcmp(json_string_value(json_object_get(a, "what")), "message") != 0 ||
		    (who && !strstr(json_string_value(json_object_get(a, "to")), who + 1)))
			continue;
		n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s", n ? "|" : "",
				      json_string_value(json_object_get(a, "text")));
		assert_true(n < sizeof(all));
	}
	return all;
}

/* The last flow.ended: its reason; "" none. */
static const char *ended(struct fix *f)
{
	const json_t *acts = wb_sim_acts(f->sim);
	const char *reason = "";
	json_t *a;
	size_t i;

	json_array_foreach(acts, i, a) {
		const char *kind = json_string_value(json_object_get(a, "kind"));

		if (kind && strcmp(kind, "flow.ended") == 0)
			reason = json_string_value(json_object_get(json_object_get(a, "data"), "reason"));
	}
	return reason;
}

static const char *holder(struct fix *f, const char *who)
{
	static char owner[96];

	owner[0] = 0;
	wb_sim_world(f->sim)->ops->held(wb_sim_world(f->sim), WB_SIM_SESSION, who, owner);
	return owner;
}

static size_t active(struct fix *f)
{
	json_t *list = wb_flows_json(f->sc, NULL, NULL, NULL, NULL, 100);
	size_t n = json_array_size(list);

	json_decref(list);
	return n;
}

#define WHOLE "Which size?\n\n1. Small\n2. Large|How many?|working on 3|Your e-mail?|Thanks: 3 L, 6 in all, ann@example.org"

static void a_conversation_goes_all_the_way(void **state)
{
	struct fix f;

	(void)state;
	open_with(&f, shop);
	say(&f, ANN, "order");
	assert_string_equal(holder(&f, ANN), "flow:a/order");
	assert_int_equal(active(&f), 1);
	say(&f, ANN, "large");
	say(&f, ANN, "3");
	say(&f, ANN, "ann@example.org");
	assert_string_equal(sent(&f, NULL), WHOLE);
	assert_string_equal(holder(&f, ANN), "");
	assert_string_equal(ended(&f), "done");
	assert_int_equal(active(&f), 0);
	close_all(&f);
}

/* What was said while the gateway was down is an answer like any other. */
static void an_answer_said_while_we_were_away_counts(void **state)
{
	struct fix f;
	json_t *late = json_pack("{s:b}", "backfilled", 1);

	(void)state;
	open_with(&f, shop);
	say(&f, ANN, "order");
	assert_true(wb_sim_message(f.sim, ANN, "small", late) > 0);
	assert_true(wb_sim_run(f.sim));
	assert_non_null(strstr(sent(&f, ANN), "How many?"));
	json_decref(late);
	close_all(&f);
}

static void wrong_answers_going_back_and_skipping(void **state)
{
	struct fix f;

	(void)state;
	open_with(&f, shop);
	say(&f, ANN, "order");
	say(&f, ANN, "huge");		/* no such choice */
	say(&f, ANN, "1.");
	say(&f, ANN, "10");		/* too many */
	say(&f, ANN, "back");
	say(&f, ANN, "Lar");		/* the beginning of one */
	say(&f, ANN, "1");		/* one needs no e-mail */
	assert_string_equal(sent(&f, NULL),
			    "Which size?\n\n1. Small\n2. Large|Sorry, I did not understand that.|How many?|1 to 9, please|"
			    "Which size?\n\n1. Small\n2. Large|How many?|working on 1|Thanks: 1 L, 2 in all, ");
	close_all(&f);
}

static void words_end_it_and_three_mistakes_bring_a_person(void **state)
{
	struct fix f;

	(void)state;
	open_with(&f, shop);
	say(&f, ANN, "order");
	say(&f, ANN, "CANCEL");
	assert_string_equal(ended(&f), "cancelled");
	say(&f, BOB, "order");
	say(&f, BOB, "a");
	say(&f, BOB, "b");
	say(&f, BOB, "c");
	assert_string_equal(ended(&f), "handover");
	assert_string_equal(holder(&f, BOB), "human");
	say(&f, BOB, "order");		/* a person has the chat: no rule answers */
	assert_string_equal(sent(&f, BOB), "Which size?\n\n1. Small\n2. Large|Sorry, I did not understand that.|"
					   "Sorry, I did not understand that.|one moment");
	close_all(&f);
}

static void time_reminds_once_and_ends(void **state)
{
	struct fix f;

	(void)state;
	open_with(&f, shop);
	say(&f, ANN, "order");
	assert_true(wb_sim_advance(f.sim, 9 * MINUTE));
	assert_string_equal(sent(&f, NULL), "Which size?\n\n1. Small\n2. Large");
	assert_true(wb_sim_advance(f.sim, 30 * MINUTE));
	assert_string_equal(sent(&f, NULL), "Which size?\n\n1. Small\n2. Large|still there?");
	end(&f);
	start(&f);			/* what is due is kept */
	assert_true(wb_sim_advance(f.sim, 20 * MINUTE));
	assert_int_equal(active(&f), 1);
	assert_true(wb_sim_advance(f.sim, 1 * MINUTE));
	assert_string_equal(sent(&f, NULL), "Which size?\n\n1. Small\n2. Large|still there?|too late");
	assert_string_equal(ended(&f), "timeout");
	assert_int_equal(active(&f), 0);
	close_all(&f);
}

static void a_restart_at_every_step_changes_nothing(void **state)
{
	static const char *const answers[] = { "order", "large", "3", "ann@example.org" };
	struct fix f;

	(void)state;
	open_with(&f, shop);
	for (size_t i = 0; i < 4; i++) {
		say(&f, ANN, answers[i]);
		end(&f);
		start(&f);
	}
	assert_string_equal(sent(&f, NULL), WHOLE);
	close_all(&f);
}

/* The lights go out after the n-th operation; everything that was not done by then is lost. */
static bool crash_after(int64_t n)
{
	static const char *const answers[] = { "order", "large", "3", "ann@example.org" };
	bool crashed = false;
	struct fix f;
	int64_t left;

	open_with(&f, shop);
	assert_true(wb_sim_advance(f.sim, 2000));	/* the host has noted where the script stands */
	left = n;
	for (size_t i = 0; i < 4; i++) {
		size_t before = wb_sim_done(f.sim);

		if (!crashed)
			wb_sim_fuse(f.sim, left);
		say(&f, ANN, answers[i]);
		if (!crashed && (int64_t)(wb_sim_done(f.sim) - before) >= left) {
			crashed = true;
			end(&f);
			wb_sim_fuse(f.sim, -1);
			start(&f);
			assert_true(wb_sim_advance(f.sim, 5000));
		}
		left -= (int64_t)(wb_sim_done(f.sim) - before);
	}
	if (strcmp(sent(&f, NULL), WHOLE) != 0)
		fail_msg("a crash after operation %lld: %s", (long long)n, sent(&f, NULL));
	assert_string_equal(ended(&f), "done");
	assert_string_equal(holder(&f, ANN), "");
	close_all(&f);
	return crashed;
}

static void a_crash_after_any_operation_loses_nothing_and_says_nothing_twice(void **state)
{
	int64_t n = 0;

	(void)state;
	while (crash_after(n))
		n++;
	assert_true(n > 12);	/* one of each */
}

static const char v2[] =
	"local wb = require 'warbler'\n"
	"local order = wb.flow('order', {\n"
	"  version = 2, outdated = 'please begin again', %s\n"
	"  steps = { { name = 'amount', ask = 'How much?' } }, done = 'got {amount} {size}',\n"
	"})\n"
	"wb.on('message.received', { text = 'order' }, function(msg) order:start(msg) end)\n";

static void new_version(struct fix *f, const char *migrate)
{
	struct wa_err err = WA_ERR_INIT;
	char source[2000];

	snprintf(source, sizeof(source), v2, migrate);
	if (wb_scripts_load(f->sc, "a", wa_span_str(source), &err) < 0)
		fail_msg("%s", err.msg);
	assert_true(wb_sim_run(f->sim));
}

static void a_new_version_migrates_or_ends(void **state)
{
	struct fix f;

	(void)state;
	open_with(&f, shop);
	say(&f, ANN, "order");
	say(&f, ANN, "1");
	new_version(&f, "migrate = function(old, s) assert(old == 1); s.step = 'amount'; return s end,");
	assert_int_equal(active(&f), 1);
	say(&f, ANN, "4");
	assert_string_equal(sent(&f, NULL), "Which size?\n\n1. Small\n2. Large|How many?|How much?|got 4 Small");
	close_all(&f);

	open_with(&f, shop);
	say(&f, ANN, "order");
	new_version(&f, "");
	assert_string_equal(sent(&f, NULL), "Which size?\n\n1. Small\n2. Large|please begin again");
	assert_string_equal(ended(&f), "version");
	assert_string_equal(holder(&f, ANN), "");
	close_all(&f);
}

static const char greedy[] =
	"local wb = require 'warbler'\n"
	"local x = wb.flow('x', { steps = { { name = 'q', ask = 'x?' } } })\n"
	"wb.on('message.received', { text = 'order' }, function(msg)\n"
	"  local id, why, code = x:start(msg)\n"
	"  wb.log.info(tostring(code))\n"
	"end)\n"
	"wb.on('message.received', { text = 'take it' , held = true }, function(msg) x:start(msg, nil) end)\n"
	"wb.on('message.received', function(msg) msg:reply('echo') end)\n";

static void two_flows_want_one_chat(void **state)
{
	struct fix f = { .sim = wb_sim_new(1795168800000), .sources = { shop, greedy } };

	(void)state;
	start(&f);
	say(&f, ANN, "order");
	assert_int_equal(active(&f), 1);
	say(&f, ANN, "1");		/* goes to the flow alone: no echo from the other script */
	assert_null(strstr(strchr(sent(&f, NULL), '|'), "echo|How"));
	assert_non_null(strstr(sent(&f, NULL), "|How many?"));
	assert_null(strstr(strstr(sent(&f, NULL), "|How many?"), "echo"));
	say(&f, BOB, "hello");
	assert_string_equal(sent(&f, BOB), "echo");
	close_all(&f);
}

static void a_person_takes_over_and_gives_back(void **state)
{
	struct fix f;
	json_t *list;
	int done = 0;
	const char *id;

	(void)state;
	open_with(&f, shop);
	say(&f, ANN, "order");
	wb_sim_hold(f.sim, WB_SIM_SESSION, ANN, "human");
	assert_true(wb_sim_run(f.sim));
	assert_string_equal(ended(&f), "taken");
	assert_string_equal(holder(&f, ANN), "human");
	say(&f, ANN, "1");
	say(&f, ANN, "order");
	assert_string_equal(sent(&f, NULL), "Which size?\n\n1. Small\n2. Large");
	wb_sim_hold(f.sim, WB_SIM_SESSION, ANN, NULL);
	say(&f, ANN, "order");
	assert_int_equal(active(&f), 1);
	list = wb_flows_json(f.sc, WB_SIM_SESSION, NULL, "a", NULL, 10);
	id = json_string_value(json_object_get(json_array_get(list, 0), "id"));
	assert_int_equal(wb_flow_end(f.sc, id, "handover", true, 0, "by hand", NULL, NULL, NULL), 0);
	assert_int_equal(wb_flow_end(f.sc, id, "cancelled", false, 0, NULL, NULL, NULL, NULL), WA_ENOTFOUND);
	json_decref(list);
	assert_true(wb_sim_run(f.sim));
	assert_string_equal(holder(&f, ANN), "human");
	assert_string_equal(ended(&f), "handover");
	(void)done;
	close_all(&f);
}

static const char broken[] =
	"local wb = require 'warbler'\n"
	"local b = wb.flow('b', { failed = 'sorry, that went wrong', steps = {\n"
	"  { name = 'q', ask = 'what?', check = function(f, v) if v == 'loop' then while true do pcall(string.rep, 'x', 9) end end\n"
	"    if v == 'error' then error('oh no') end end },\n"
	"} })\n"
	"wb.on('message.received', { text = 'go' }, function(msg) b:start(msg) end)\n";

static void a_step_that_fails_ends_the_flow_with_words(void **state)
{
	static const char *const bad[] = { "error", "loop" };
	struct fix f;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		open_with(&f, broken);
		say(&f, ANN, "go");
		say(&f, ANN, bad[i]);
		assert_true(wb_sim_advance(f.sim, 2000));	/* the host lets a script rest that ran too long */
		assert_string_equal(sent(&f, NULL), "what?|sorry, that went wrong");
		assert_string_equal(ended(&f), "failed");
		assert_string_equal(holder(&f, ANN), "");
		close_all(&f);
	}
}

static void a_flow_whose_script_is_gone_ends_after_a_while(void **state)
{
	struct fix f;

	(void)state;
	open_with(&f, shop);
	say(&f, ANN, "order");
	end(&f);
	f.sources[0] = NULL;
	start(&f);
	assert_true(wb_sim_advance(f.sim, 9 * MINUTE));
	assert_int_equal(active(&f), 1);
	assert_true(wb_sim_advance(f.sim, 5 * MINUTE));
	assert_int_equal(active(&f), 0);
	assert_string_equal(ended(&f), "script_gone");
	assert_string_equal(holder(&f, ANN), "");
	close_all(&f);
}

static void an_opted_out_person_is_left_alone(void **state)
{
	struct fix f;

	(void)state;
	open_with(&f, shop);
	wb_sim_opt_out(f.sim, ANN);
	say(&f, ANN, "order");
	assert_string_equal(sent(&f, NULL), "");
	assert_string_equal(ended(&f), "opted_out");
	assert_string_equal(holder(&f, ANN), "");
	close_all(&f);
}

static const char polling[] =
	"local wb = require 'warbler'\n"
	"local p = wb.flow('p', { steps = {\n"
	"  { name = 'a', ask = 'A or B?', choices = { { id = 'x', text = 'A' }, 'B' }, show = 'poll' },\n"
	"  { name = 'b', ask = 'C or D?', choices = { 'C', 'D' }, show = 'menu' },\n"
	"}, done = 'took {a} and {b}' })\n"
	"wb.on('message.received', { text = 'go' }, function(msg) p:start(msg) end)\n";

/* Somebody votes in a poll: what the gateway tells of it. */
static void vote(struct fix *f, const char *poll, const char *id, const char *text)
{
	json_t *data = json_pack("{s:{s:s}, s:{s:s, s:s, s:s}}", "chat", "jid", "12025550101@s.whatsapp.net", "answer",
				 "id", id, "text", text, "via", "poll");

	wb_sim_event(f->sim, "menu.answered", WB_SIM_SESSION, poll, data);
	json_decref(data);
	assert_true(wb_sim_run(f->sim));
}

static void votes_answer_the_question_that_is_open(void **state)
{
	const json_t *acts;
	char first[27];
	struct fix f;

	(void)state;
	open_with(&f, polling);
	say(&f, ANN, "go");
	acts = wb_sim_acts(f.sim);
	for (size_t i = 0; i < json_array_size(acts); i++) {
		const json_t *a = json_array_get(acts, i);

		if (strcmp(json_string_value(json_object_get(a, "what")), "message") == 0) {
			snprintf(first, sizeof(first), "%s", json_string_value(json_object_get(a, "id")));
			assert_string_equal(json_string_value(json_object_get(json_object_get(a, "body"), "render")), "poll");
		}
	}
	vote(&f, "01AN0THERP0LL0000000000000", "x", "A");	/* not ours */
	vote(&f, first, "x", "A");
	vote(&f, first, "B", "B");		/* changed later: that question is closed */
	say(&f, ANN, "d");
	assert_string_equal(sent(&f, NULL), "A or B?\n\n1. A\n2. B|C or D?\n\n1. C\n2. D|took x and D");
	close_all(&f);
}

static void definitions_are_checked(void **state)
{
	static const char *const bad[][2] = {
		{ "wb.flow('x', {})", "steps are missing" },
		{ "wb.flow('x', { steps = { { name = 'a', ask = '?' } }, colour = 1 })", "no option \"colour\"" },
		{ "wb.flow('x', { steps = { { name = 'a', ask = '?', tipe = 'number' } } })", "no option \"tipe\"" },
		{ "wb.flow('x', { steps = { { name = 'a', ask = '?', type = 'colour' } } })", "type is" },
		{ "wb.flow('x', { steps = { { name = 'a', ask = '?' }, { name = 'a', ask = '?' } } })", "there already" },
		{ "wb.flow('x', { steps = { { name = 'a', ask = '?', next = 'b' } } })", "no step \"b\"" },
		{ "wb.flow('x', { steps = { { name = 'a', ask = '?', run = print } } })", "either ask or run" },
		{ "wb.flow('x', { timeout = 'soon', steps = { { name = 'a', ask = '?' } } })", "a.lua:2" },
		{ "wb.flow(3, {})", "string" },
	};
	struct wa_err err = WA_ERR_INIT;
	struct fix f;
	char source[600];

	(void)state;
	open_with(&f, shop);
	for (size_t i = 0; i < WA_ARRAY_LEN(bad); i++) {
		snprintf(source, sizeof(source), "local wb = require 'warbler'\n%s\n", bad[i][0]);
		assert_int_equal(wb_scripts_load(f.sc, "a", wa_span_str(source), &err), WA_EINVALID);
		if (!strstr(err.msg, bad[i][1]))
			fail_msg("%s: says %s", bad[i][0], err.msg);
	}
	close_all(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_conversation_goes_all_the_way),
		cmocka_unit_test(an_answer_said_while_we_were_away_counts),
		cmocka_unit_test(wrong_answers_going_back_and_skipping),
		cmocka_unit_test(words_end_it_and_three_mistakes_bring_a_person),
		cmocka_unit_test(time_reminds_once_and_ends),
		cmocka_unit_test(a_restart_at_every_step_changes_nothing),
		cmocka_unit_test(a_crash_after_any_operation_loses_nothing_and_says_nothing_twice),
		cmocka_unit_test(a_new_version_migrates_or_ends),
		cmocka_unit_test(two_flows_want_one_chat),
		cmocka_unit_test(a_person_takes_over_and_gives_back),
		cmocka_unit_test(a_step_that_fails_ends_the_flow_with_words),
		cmocka_unit_test(a_flow_whose_script_is_gone_ends_after_a_while),
		cmocka_unit_test(an_opted_out_person_is_left_alone),
		cmocka_unit_test(votes_answer_the_question_that_is_open),
		cmocka_unit_test(definitions_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
