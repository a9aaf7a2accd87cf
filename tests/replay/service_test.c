/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Switches, notices, bots, and a question of the host's own; stanzas as stock clients write them. */
#include "test.h"

#include <base.h>
#include <wa/service.h>

struct got {
	int calls, code;
	size_t n;
	char text[128];
	bool flag;
};

static void on_query(void *arg, int code, const struct wa_node *answer)
{
	struct got *g = arg;

	g->calls++;
	g->code = code;
	g->flag = answer && wa_node_get(answer, "thing");
}

static void on_props(void *arg, int code, const struct wa_props *p)
{
	struct got *g = arg;

	g->calls++;
	g->code = code;
	if (!p)
		return;
	g->n = p->n;
	g->flag = p->delta;
	snprintf(g->text, sizeof(g->text), "%s %lld %u=%s", p->hash, (long long)p->refresh_s,
		 p->n ? p->list[0].code : 0, p->n ? p->list[0].value : "");
}

static void on_bots(void *arg, int code, const struct wa_bot *list, size_t n)
{
	struct got *g = arg;

	g->calls++;
	g->code = code;
	g->n = n;
	if (n)
		snprintf(g->text, sizeof(g->text), "%s %s", list[0].jid.user, list[0].persona);
}

static void done(void *arg, int code, const char *text)
{
	struct got *g = arg;

	g->calls++;
	g->code = code;
	snprintf(g->text, sizeof(g->text), "%s", text);
}

static bool silent(struct mini *m, const struct wa_node *n)
{
	static const char *const ours[] = { "abt", "tos", "bot", "w:thing" };

	(void)m;
	for (size_t i = 0; i < WA_ARRAY_LEN(ours); i++)
		if (wa_node_attr_is(n, "xmlns", ours[i]))
			return true;
	return false;
}

static void begin(struct mini *m)
{
	mini_init(m, 41);
	mini_link(m);
	m->on_iq = silent;
}

static void question(void **state)
{
	struct wa_jid server = WA_JID_SERVER;
	struct got g = { 0 };
	struct wa_node *iq, *r;
	struct wa_arena a;
	struct mini m;

	(void)state;
	begin(&m);
	wa_arena_init(&a, 4096);
	iq = wa_node_new(&a, "iq");
	wa_node_attr(&a, iq, "xmlns", "w:thing");
	wa_node_attr_jid(&a, iq, "to", &server);
	assert_int_equal(wa_client_query(m.c, &a, iq, on_query, &g, NULL), WA_EINVALID);
	wa_node_attr(&a, iq, "type", "get");
	wa_node_child(&a, iq, "thing");
	assert_int_equal(wa_client_query(m.c, &a, iq, on_query, &g, NULL), 0);
	wa_arena_clear(&a);
	mini_run(&m);
	assert_non_null(wa_node_get(mini_got(&m, "iq", "xmlns", "w:thing"), "thing"));
	r = mini_answer(&m, mini_got(&m, "iq", "xmlns", "w:thing"));
	wa_node_child(&m.arena, r, "thing");
	mini_send(&m, r);
	mini_run(&m);
	assert_true(g.calls == 1 && g.code == 0 && g.flag);
	mini_clear(&m);
}

static void switches(void **state)
{
	const struct wa_node *iq;
	struct got g = { 0 };
	struct wa_node *r, *p;
	struct mini m;

	(void)state;
	begin(&m);
	assert_int_equal(wa_client_props(m.c, "H0", on_props, &g, NULL), 0);
	mini_run(&m);
	iq = mini_got(&m, "iq", "xmlns", "abt");
	assert_true(wa_node_attr_is(iq, "type", "get"));
	assert_true(wa_node_attr_is(wa_node_get(iq, "props"), "protocol", "1"));
	assert_true(wa_node_attr_is(wa_node_get(iq, "props"), "hash", "H0"));
	r = mini_answer(&m, iq);
	p = wa_node_child(&m.arena, r, "props");
	wa_node_attr(&m.arena, p, "hash", "H1");
	wa_node_attr(&m.arena, p, "refresh", "86400");
	wa_node_attr(&m.arena, p, "delta_update", "true");
	for (int i = 0; i < 3; i++) {
		struct wa_node *one = wa_node_child(&m.arena, p, i == 1 ? "sampling" : "prop");

		wa_node_attr_int(&m.arena, one, "config_code", 10518 + i);
		wa_node_attr(&m.arena, one, "config_value", "1");
	}
	mini_send(&m, r);
	mini_run(&m);
	assert_true(g.calls == 1 && g.code == 0 && g.n == 2 && g.flag);
	assert_string_equal(g.text, "H1 86400 10518=1");
	/* no answer, and no connection */
	g = (struct got){ 0 };
	assert_int_equal(wa_client_props(m.c, NULL, on_props, &g, NULL), 0);
	mini_run(&m);
	assert_false(wa_node_has(wa_node_get(mini_got(&m, "iq", "xmlns", "abt"), "props"), "hash"));
	mini_drop(&m);
	assert_true(g.calls == 1 && g.code < 0);
	assert_int_equal(wa_client_props(m.c, NULL, on_props, &g, NULL), WA_ESTATE);
	assert_int_equal(g.calls, 1);
	mini_clear(&m);
}

static void notice(void **state)
{
	const struct wa_node *iq;
	struct got g = { 0 };
	struct mini m;

	(void)state;
	begin(&m);
	assert_int_equal(wa_client_notice_accept(m.c, "tos", "5", done, &g, NULL), WA_EINVALID);
	assert_int_equal(wa_client_notice_accept(m.c, "20230901", "5", done, &g, NULL), 0);
	mini_run(&m);
	iq = mini_got(&m, "iq", "xmlns", "tos");
	assert_true(wa_node_attr_is(iq, "type", "set"));
	assert_true(wa_node_attr_is(wa_node_get(iq, "notice"), "id", "20230901"));
	assert_true(wa_node_attr_is(wa_node_get(iq, "notice"), "stage", "5"));
	mini_send(&m, mini_answer(&m, iq));
	mini_run(&m);
	assert_true(g.calls == 1 && g.code == 0);
	mini_clear(&m);
}

static void bots(void **state)
{
	struct wa_jid jid = wa_jid_make(WA_SRV_BOT, "867051314767696", 0);
	const struct wa_node *iq;
	struct wa_node *r, *b, *s;
	struct got g = { 0 };
	struct mini m;

	(void)state;
	begin(&m);
	assert_int_equal(wa_client_bots(m.c, on_bots, &g, NULL), 0);
	mini_run(&m);
	iq = mini_got(&m, "iq", "xmlns", "bot");
	assert_true(wa_node_attr_is(wa_node_get(iq, "bot"), "v", "2"));
	r = mini_answer(&m, iq);
	b = wa_node_child(&m.arena, r, "bot");
	for (int i = 0; i < 2; i++) {
		s = wa_node_child(&m.arena, b, "section");
		wa_node_attr(&m.arena, s, "type", i ? "all" : "featured");
		s = wa_node_child(&m.arena, s, "bot");
		wa_node_attr_jid(&m.arena, s, "jid", &jid);
		wa_node_attr(&m.arena, s, "persona_id", "867051314767696$760019659443059");
	}
	mini_send(&m, r);
	mini_run(&m);
	assert_true(g.calls == 1 && g.code == 0 && g.n == 1);
	assert_string_equal(g.text, "867051314767696 867051314767696$760019659443059");
	mini_clear(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(question),
		cmocka_unit_test(switches),
		cmocka_unit_test(notice),
		cmocka_unit_test(bots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
