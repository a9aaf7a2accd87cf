/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Groups: our client, simulated phones and the server between them. */
#include "world.h"

#include <wa/group.h>

#include <string.h>

#define ANN "4915100000001"
#define BOB "4915100000002"
#define CAT "4915100000003"
#define DAN "4915100000004"
#define EVE "4915100000005"

struct answer {
	int calls, code;
	struct wa_jid group;
	size_t n, members;
	int error;
	char invite[64], subject[128], value[64];
	int64_t expires_s;
	bool pending, parent;
};

static void on_group(void *arg, int code, const char *text, const struct wa_group *g, size_t n)
{
	struct answer *a = arg;

	(void)text;
	a->calls++;
	a->code = code;
	a->n = n;
	if (n) {
		a->group = g->jid;
		a->members = g->n_members;
		a->parent = !wa_jid_is_null(&g->parent);
		snprintf(a->subject, sizeof(a->subject), "%s", g->subject);
	}
}

static void on_members(void *arg, int code, const char *text, const struct wa_group_member *m,
		       size_t n)
{
	struct answer *a = arg;

	(void)text;
	a->calls++;
	a->code = code;
	a->n = n;
	if (n) {
		a->error = m->error;
		a->expires_s = m->invite_expires_s;
		snprintf(a->invite, sizeof(a->invite), "%s", m->invite_code);
	}
}

static void on_text(void *arg, int code, const char *text, const char *value)
{
	struct answer *a = arg;

	(void)text;
	a->calls++;
	a->code = code;
	snprintf(a->value, sizeof(a->value), "%s", value);
}

static void on_join(void *arg, int code, const char *text, const struct wa_jid *group, bool pending)
{
	struct answer *a = arg;

	(void)text;
	a->calls++;
	a->code = code;
	a->group = *group;
	a->pending = pending;
}

static void on_done(void *arg, int code, const char *text)
{
	struct answer *a = arg;

	(void)text;
	a->calls++;
	a->code = code;
}

static struct wa_jid pn(const char *number)
{
	return wa_jid_make(WA_SRV_PN, number, 0);
}

struct stage {
	struct world w;
	struct actor *ann, *cat;
	struct answer a;
	char path[160];
};

/* Ann with our client and two phones; `both`: Cat has our client, too. */
static void begin(struct stage *s, bool both, bool by_pn)
{
	static const char *const who[] = { ANN, BOB, CAT, DAN, EVE };

	memset(s, 0, sizeof(*s));
	world_start(&s->w);
	for (size_t i = 0; i < 5; i++)
		world_account(&s->w, who[i]);
	if (by_pn)
		world_do(&s->w, "PATCH", "/accounts/" ANN, "{\"addressing\":\"pn\"}");
	s->ann = world_client(&s->w);
	world_link(&s->w, s->ann, ANN);
	if (both) {
		s->cat = world_client(&s->w);
		world_link(&s->w, s->cat, CAT);
	}
}

static void create(struct stage *s, const char *subject, const char *const *who, size_t n)
{
	struct wa_jid members[4];
	struct wa_group_create g = { .subject = subject, .members = members, .n_members = n };

	for (size_t i = 0; i < n; i++)
		members[i] = pn(who[i]);
	memset(&s->a, 0, sizeof(s->a));
	assert_int_equal(wa_client_group_create(s->ann->c, &g, on_group, &s->a, NULL), 0);
	world_run(&s->w, 100);
	assert_int_equal(s->a.calls, 1);
	assert_int_equal(s->a.code, 0);
	assert_int_equal(s->a.n, 1);
}

static void say(struct stage *s, struct actor *c, const struct wa_jid *to, const char *text,
		char id[32])
{
	struct wa_message m = { .kind = WA_MSG_TEXT, .text = wa_span_str(text), .protocol_type = -1 };
	struct wa_send o = { .id = id, .to = *to, .message = &m };

	wa_client_message_id(c->c, id);
	assert_int_equal(wa_client_send(c->c, &o, NULL), 0);
	world_run(&s->w, 300);
}

static const char *at(struct stage *s, const struct wa_jid *g, const char *rest)
{
	snprintf(s->path, sizeof(s->path), "/groups/%s%s", g->user, rest);
	return s->path;
}

static const char *const three[] = { BOB, CAT, DAN };

static void messages(bool by_pn)
{
	struct stage s;
	struct wa_jid g;
	char id[32], status[16];
	struct seen *e;

	begin(&s, true, by_pn);
	create(&s, "Friends", three, 3);
	g = s.a.group;
	assert_int_equal(s.a.members, 4);
	world_run(&s.w, 20000); /* past the grace of the judge */
	say(&s, s.ann, &g, "hello all", id);
	assert_non_null(actor_find(s.ann, WA_EV_ACK, id));
	assert_int_equal(world_phone_has(&s.w, BOB, "hello all", status), 1);
	assert_int_equal(world_phone_has(&s.w, DAN, "hello all", status), 1);
	assert_int_equal(world_phone_has(&s.w, ANN, "hello all", status), 1);
	e = actor_find(s.cat, WA_EV_MESSAGE, "hello all");
	assert_non_null(e);
	assert_true(actor_receipt(s.ann, id, WA_RCPT_DELIVERED));
	say(&s, s.ann, &g, "once more", id);
	assert_int_equal(world_phone_has(&s.w, BOB, "once more", status), 1);
	say(&s, s.cat, &g, "Cat here", id);
	assert_non_null(actor_find(s.ann, WA_EV_MESSAGE, "Cat here"));
	assert_int_equal(world_phone_has(&s.w, DAN, "Cat here", status), 1);
	world_do(&s.w, "POST", at(&s, &g, "/messages"), "{\"from\":\"" BOB "\",\"text\":\"Bob here\"}");
	world_run(&s.w, 200);
	e = actor_find(s.ann, WA_EV_MESSAGE, "Bob here");
	assert_non_null(e);
	assert_non_null(actor_find(s.cat, WA_EV_MESSAGE, "Bob here"));
	assert_non_null(strstr(e->chat, "@g.us"));
	assert_non_null(strstr(e->sender, "@lid"));
	world_end(&s.w);
}

static void messages_by_lid(void **state)
{
	(void)state;
	messages(false);
}

static void messages_by_number(void **state)
{
	(void)state;
	messages(true);
}

/* What DAN's phone shows of the message: its kind, its text, the kinds of its marks. */
static void shows(struct stage *s, const char *id, char out[120])
{
	json_t *o = world_api(&s->w, 200, "GET", "/accounts/" DAN "/messages", NULL), *m, *mark;
	size_t i, k;

	out[0] = 0;
	json_array_foreach(json_object_get(o, "messages"), i, m) {
		if (strcmp(json_string_value(json_object_get(m, "id")), id) != 0)
			continue;
		snprintf(out, 120, "%s %s", json_string_value(json_object_get(m, "kind")),
			 json_string_value(json_object_get(m, "text")));
		json_array_foreach(json_object_get(m, "marks"), k, mark)
			snprintf(out + strlen(out), 120 - strlen(out), " %s",
				 json_string_value(json_object_get(mark, "kind")));
	}
	json_decref(o);
}

static void phone_says(struct stage *s, const struct wa_jid *g, const char *from, const char *content, char id[32])
{
	char body[400];
	json_t *o;

	snprintf(body, sizeof(body), "{\"from\":\"%s\",\"content\":%s}", from, content);
	o = world_api(&s->w, 201, "POST", at(s, g, "/messages"), body);
	snprintf(id, 32, "%s", json_string_value(json_object_get(o, "id")));
	json_decref(o);
	world_run(&s->w, 200);
}

static void phones_say_anything(void **state)
{
	struct stage s;
	struct wa_jid g;
	char id[32], act[32], content[200], seen[120];

	(void)state;
	begin(&s, true, false);
	create(&s, "Friends", three, 3);
	g = s.a.group;
	world_run(&s.w, 20000);
	phone_says(&s, &g, BOB, "{\"kind\":\"poll\",\"name\":\"When?\",\"options\":[\"Now\",\"Then\"]}", id);
	assert_non_null(actor_find(s.ann, WA_EV_MESSAGE, id));
	shows(&s, id, seen);
	assert_string_equal(seen, "poll When?");
	snprintf(content, sizeof(content), "{\"kind\":\"poll_vote\",\"options\":[\"Now\"],\"target\":{\"id\":\"%s\"}}", id);
	phone_says(&s, &g, DAN, content, act);
	assert_non_null(actor_find(s.cat, WA_EV_MESSAGE, act));
	shows(&s, id, seen);
	assert_string_equal(seen, "poll When? vote");
	phone_says(&s, &g, BOB, "{\"kind\":\"text\",\"text\":\"a slip\"}", id);
	snprintf(content, sizeof(content), "{\"kind\":\"revoke\",\"target\":{\"id\":\"%s\"}}", id);
	phone_says(&s, &g, BOB, content, act);
	shows(&s, id, seen);
	assert_string_equal(seen, "revoked ");
	world_do(&s.w, "POST", at(&s, &g, "/members"), "{\"by\":\"" ANN "\",\"promote\":[\"" CAT "\"]}");
	phone_says(&s, &g, BOB, "{\"kind\":\"text\",\"text\":\"an advertisement\"}", id);
	snprintf(content, sizeof(content), "{\"kind\":\"revoke\",\"target\":{\"id\":\"%s\"}}", id);
	phone_says(&s, &g, CAT, content, act);
	shows(&s, id, seen);
	assert_string_equal(seen, "revoked ");
	world_end(&s.w);
}

static void change(struct stage *s, const struct wa_jid *g, int what, const char *who)
{
	struct wa_jid j = pn(who);

	memset(&s->a, 0, sizeof(s->a));
	assert_int_equal(wa_client_group_members(s->ann->c, g, what, &j, 1, false, on_members,
						 &s->a, NULL), 0);
	world_run(&s->w, 200);
	assert_int_equal(s->a.calls, 1);
}

static void who_is_removed_reads_no_more(void **state)
{
	struct stage s;
	struct wa_jid g;
	char id[32], status[16];

	(void)state;
	begin(&s, true, false);
	create(&s, "Friends", three, 3);
	g = s.a.group;
	say(&s, s.ann, &g, "before", id);
	assert_non_null(actor_find(s.cat, WA_EV_MESSAGE, "before"));
	change(&s, &g, WA_MEMBERS_REMOVE, CAT);
	assert_int_equal(s.a.code, 0);
	assert_int_equal(s.a.error, 0);
	world_run(&s.w, 20000); /* past the grace: a key kept would be a violation */
	say(&s, s.ann, &g, "after", id);
	assert_non_null(actor_find(s.ann, WA_EV_ACK, id));
	assert_null(actor_find(s.cat, WA_EV_MESSAGE, "after"));
	assert_int_equal(world_phone_has(&s.w, BOB, "after", status), 1);
	say(&s, s.cat, &g, "let me in", id);
	assert_int_equal(actor_find(s.cat, WA_EV_NACK, id)->code, 403);
	change(&s, &g, WA_MEMBERS_ADD, EVE);
	say(&s, s.ann, &g, "welcome", id);
	assert_int_equal(world_phone_has(&s.w, EVE, "welcome", status), 1);
	world_do(&s.w, "POST", at(&s, &g, "/leave"), "{\"number\":\"" BOB "\"}");
	world_run(&s.w, 20000);
	say(&s, s.ann, &g, "without Bob", id);
	assert_int_equal(world_phone_has(&s.w, BOB, "without Bob", status), 0);
	assert_int_equal(world_phone_has(&s.w, EVE, "without Bob", status), 1);
	world_end(&s.w);
}

static void a_key_that_is_lost_comes_again(void **state)
{
	struct stage s;
	struct wa_jid g;
	char id[32], status[16];

	(void)state;
	begin(&s, false, false);
	create(&s, "Friends", three, 3);
	g = s.a.group;
	say(&s, s.ann, &g, "one", id);
	world_do(&s.w, "POST", "/faults", "{\"kind\":\"sender_key_lost\",\"account\":\"" BOB "\"}");
	say(&s, s.ann, &g, "two", id);
	world_run(&s.w, 1000);
	assert_int_equal(world_phone_has(&s.w, BOB, "two", status), 1);
	assert_int_equal(actor_count(s.ann, WA_EV_RETRY_SENT, id), 1);
	say(&s, s.ann, &g, "three", id);
	assert_int_equal(world_phone_has(&s.w, BOB, "three", status), 1);
	assert_int_equal(actor_count(s.ann, WA_EV_RETRY_SENT, id), 0);
	world_end(&s.w);
}

static void a_group_changes_under_a_send(void **state)
{
	struct stage s;
	struct wa_jid g;
	char id[32], status[16];

	(void)state;
	begin(&s, false, false);
	create(&s, "Friends", three, 3);
	g = s.a.group;
	say(&s, s.ann, &g, "one", id);
	world_do(&s.w, "POST", "/faults", "{\"kind\":\"group_changed\",\"account\":\"" ANN "\"}");
	say(&s, s.ann, &g, "two", id); /* Dan goes before it arrives */
	assert_non_null(actor_find(s.ann, WA_EV_ACK, id));
	assert_int_equal(world_phone_has(&s.w, DAN, "two", status), 0);
	world_run(&s.w, 20000);
	say(&s, s.ann, &g, "three", id);
	assert_int_equal(world_phone_has(&s.w, BOB, "three", status), 1);
	assert_int_equal(world_phone_has(&s.w, DAN, "three", status), 0);
	world_end(&s.w);
}

static void settings_and_permissions(void **state)
{
	struct stage s;
	struct wa_jid g;
	char id[32];

	(void)state;
	begin(&s, true, false);
	create(&s, "Friends", three, 3);
	g = s.a.group;
	memset(&s.a, 0, sizeof(s.a));
	assert_int_equal(wa_client_group_subject(s.ann->c, &g, "Family", on_done, &s.a, NULL), 0);
	assert_int_equal(wa_client_group_description(s.ann->c, &g, "Ours", NULL, on_done, &s.a, NULL), 0);
	assert_int_equal(wa_client_group_set(s.ann->c, &g, WA_SET_ANNOUNCE, 1, on_done, &s.a, NULL), 0);
	assert_int_equal(wa_client_group_set(s.ann->c, &g, WA_SET_LOCKED, 1, on_done, &s.a, NULL), 0);
	assert_int_equal(wa_client_group_set(s.ann->c, &g, WA_SET_EPHEMERAL, 86400, on_done, &s.a, NULL), 0);
	assert_int_equal(wa_client_group_set(s.ann->c, &g, WA_SET_ADD_MODE, 1, on_done, &s.a, NULL), 0);
	world_run(&s.w, 200);
	assert_int_equal(s.a.calls, 6);
	assert_int_equal(s.a.code, 0);
	/* create, subject, description, announce, locked, ephemeral, add mode */
	assert_int_equal(actor_count(s.cat, WA_EV_GROUP, NULL), 7);
	assert_int_equal(wa_client_group_subject(s.cat->c, &g, "Mine", on_done, &s.a, NULL), 0);
	world_run(&s.w, 100);
	assert_int_equal(s.a.code, 403);
	say(&s, s.cat, &g, "psst", id);
	assert_int_equal(actor_find(s.cat, WA_EV_NACK, id)->code, 403);
	assert_int_equal(wa_client_group_set(s.ann->c, &g, WA_SET_EPHEMERAL, 7, on_done, &s.a, NULL), 0);
	world_run(&s.w, 100);
	assert_int_equal(s.a.code, 400);
	change(&s, &g, WA_MEMBERS_PROMOTE, CAT);
	assert_int_equal(s.a.error, 0);
	say(&s, s.cat, &g, "aloud", id);
	assert_non_null(actor_find(s.cat, WA_EV_ACK, id));
	assert_non_null(actor_find(s.ann, WA_EV_MESSAGE, "aloud"));
	change(&s, &g, WA_MEMBERS_ADD, CAT);
	assert_int_equal(s.a.error, 409);
	change(&s, &g, WA_MEMBERS_ADD, "4915100000099");
	assert_int_equal(s.a.error, 404);
	world_end(&s.w);
}

static void ways_in(void **state)
{
	struct wa_group_ticket t;
	struct stage s;
	struct wa_jid g, cat = wa_jid_make(WA_SRV_PN, CAT, 0);
	char code[64];

	(void)state;
	begin(&s, true, false);
	create(&s, "Friends", three, 1);
	g = s.a.group;
	assert_int_equal(wa_client_group_invite(s.ann->c, &g, false, on_text, &s.a, NULL), 0);
	world_run(&s.w, 100);
	assert_int_equal(strlen(s.a.value), 22);
	memcpy(code, s.a.value, sizeof(code));
	assert_int_equal(wa_client_group_preview(s.cat->c, code, on_group, &s.a, NULL), 0);
	world_run(&s.w, 100);
	assert_string_equal(s.a.subject, "Friends");
	assert_int_equal(s.a.members, 0);
	assert_int_equal(wa_client_group_set(s.ann->c, &g, WA_SET_APPROVAL, 1, on_done, &s.a, NULL), 0);
	world_run(&s.w, 100);
	assert_int_equal(wa_client_group_join(s.cat->c, code, on_join, &s.a, NULL), 0);
	world_run(&s.w, 100);
	assert_int_equal(s.a.code, 0);
	assert_true(s.a.pending);
	assert_int_equal(wa_client_group_requests(s.ann->c, &g, on_members, &s.a, NULL), 0);
	world_run(&s.w, 100);
	assert_int_equal(s.a.n, 1);
	assert_int_equal(wa_client_group_answer(s.ann->c, &g, true, &cat, 1, on_members, &s.a, NULL), 0);
	world_run(&s.w, 100);
	assert_int_equal(s.a.error, 0);
	assert_int_equal(actor_count(s.cat, WA_EV_GROUP, NULL), 1);
	/* out again, and in by a message */
	change(&s, &g, WA_MEMBERS_REMOVE, CAT);
	world_do(&s.w, "PATCH", "/accounts/" CAT, "{\"invite_only\":true}");
	change(&s, &g, WA_MEMBERS_ADD, CAT);
	assert_int_equal(s.a.error, 403);
	assert_true(strlen(s.a.invite) > 0);
	t = (struct wa_group_ticket){ .group = g, .admin = pn(ANN), .code = code,
				      .expires_s = s.a.expires_s };
	memcpy(code, s.a.invite, sizeof(code));
	assert_int_equal(wa_client_group_ticket_preview(s.cat->c, &t, on_group, &s.a, NULL), 0);
	world_run(&s.w, 100);
	assert_int_equal(s.a.code, 0);
	assert_int_equal(wa_client_group_ticket_accept(s.cat->c, &t, on_done, &s.a, NULL), 0);
	world_run(&s.w, 100);
	assert_int_equal(s.a.code, 0);
	assert_int_equal(wa_client_group_leave(s.cat->c, &g, false, on_done, &s.a, NULL), 0);
	world_run(&s.w, 100);
	assert_int_equal(s.a.code, 0);
	world_end(&s.w);
}

static void communities(void **state)
{
	struct wa_group_create g = { .subject = "Village", .description = "All of us",
				     .community = true, .general_chat = true };
	struct stage s;
	struct wa_jid up, sub;

	(void)state;
	begin(&s, false, false);
	assert_int_equal(wa_client_group_create(s.ann->c, &g, on_group, &s.a, NULL), 0);
	world_run(&s.w, 100);
	up = s.a.group;
	create(&s, "Choir", three, 2);
	sub = s.a.group;
	assert_int_equal(wa_client_community_link(s.ann->c, &up, &sub, true, on_done, &s.a, NULL), 0);
	world_run(&s.w, 100);
	assert_int_equal(s.a.code, 0);
	assert_int_equal(wa_client_community_groups(s.ann->c, &up, on_group, &s.a, NULL), 0);
	world_run(&s.w, 100);
	assert_int_equal(s.a.n, 3);
	assert_int_equal(wa_client_community_members(s.ann->c, &up, on_members, &s.a, NULL), 0);
	world_run(&s.w, 100);
	assert_int_equal(s.a.n, 3);
	assert_int_equal(wa_client_group_get(s.ann->c, &sub, on_group, &s.a, NULL), 0);
	world_run(&s.w, 100);
	assert_true(s.a.parent);
	assert_int_equal(wa_client_community_link(s.ann->c, &up, &sub, false, on_done, &s.a, NULL), 0);
	assert_int_equal(wa_client_community_deactivate(s.ann->c, &up, on_done, &s.a, NULL), 0);
	world_run(&s.w, 100);
	assert_int_equal(s.a.code, 0);
	assert_int_equal(wa_client_group_list(s.ann->c, on_group, &s.a, NULL), 0);
	world_run(&s.w, 100);
	assert_int_equal(s.a.n, 2); /* choir, general chat */
	world_end(&s.w);
}

static void status_reaches_its_audience(void **state)
{
	struct wa_message m = { .kind = WA_MSG_TEXT, .text = wa_span_str("at sea"),
				.protocol_type = -1 };
	struct wa_jid audience[2] = { wa_jid_make(WA_SRV_PN, BOB, 0), wa_jid_make(WA_SRV_PN, CAT, 0) };
	struct wa_send o = { .to = wa_jid_make(WA_SRV_BROADCAST, "status", 0), .message = &m,
			     .audience = audience, .n_audience = 2 };
	char id[32], status[16];
	struct stage s;

	(void)state;
	begin(&s, true, false);
	wa_client_message_id(s.ann->c, id);
	o.id = id;
	assert_int_equal(wa_client_send(s.ann->c, &o, NULL), 0);
	world_run(&s.w, 300);
	assert_non_null(actor_find(s.ann, WA_EV_ACK, id));
	assert_int_equal(world_phone_has(&s.w, BOB, "at sea", status), 1);
	assert_non_null(actor_find(s.cat, WA_EV_MESSAGE, "at sea"));
	assert_int_equal(world_phone_has(&s.w, DAN, "at sea", status), 0);
	m.text = wa_span_str("not for Bob");
	audience[0] = audience[1];
	o.n_audience = 1;
	wa_client_message_id(s.ann->c, id);
	assert_int_equal(wa_client_send(s.ann->c, &o, NULL), 0);
	world_run(&s.w, 300);
	assert_int_equal(world_phone_has(&s.w, BOB, "not for Bob", status), 0);
	assert_non_null(actor_find(s.cat, WA_EV_MESSAGE, "not for Bob"));
	o.n_audience = 0;
	assert_int_equal(wa_client_send(s.ann->c, &o, NULL), WA_EINVALID);
	world_end(&s.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_by_lid),
		cmocka_unit_test(messages_by_number),
		cmocka_unit_test(phones_say_anything),
		cmocka_unit_test(who_is_removed_reads_no_more),
		cmocka_unit_test(a_key_that_is_lost_comes_again),
		cmocka_unit_test(a_group_changes_under_a_send),
		cmocka_unit_test(settings_and_permissions),
		cmocka_unit_test(ways_in),
		cmocka_unit_test(communities),
		cmocka_unit_test(status_reaches_its_audience),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
