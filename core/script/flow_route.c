/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which event goes to which conversation; flows as a part of the host. */
#include "flow_int.h"

void flow_event_chat(struct wb_script_event *e, const char **ret_jid, const char **ret_lid)
{
	const json_t *chat = json_object_get(wb_script_event_data(e), "chat");
	const char *jid = json_string_value(json_object_get(chat, "jid"));
	const char *lid = json_string_value(json_object_get(chat, "lid"));

	*ret_jid = jid ? jid : "";
	*ret_lid = lid ? lid : "";
}

static struct flow *flow_of_event(struct flows *fs, struct wb_script_event *e)
{
	const char *jid, *lid;
	struct flow *f;

	flow_event_chat(e, &jid, &lid);
	f = flow_find(fs, e->ev->session, jid);
	return f ? f : flow_find(fs, e->ev->session, lid);
}

/* Somebody else has the chat now, or nobody by hand: the conversation is over. */
static void look_at_hold(struct flow *f)
{
	struct wb_world *w = f->flows->world;
	char owner[96] = "", own[96];

	if (!f || f->ended || f->ending || !f->stored)
		return;
	snprintf(own, sizeof(own), "flow:%s/%s", f->script, f->name);
	if (w->ops->held(w, f->session, f->chat, owner) == 1 && strcmp(owner, own) == 0)
		return;
	flow_close(f, &(struct flow_end){ .reason = *owner ? "taken" : "cancelled", .step = flow_text(f, "step") },
		   true, NULL, NULL);
}

static void session_gone(struct flows *fs, const char *session)
{
	struct wa_span key;
	size_t it = 0;
	void *v;

	while (wa_map_next(&fs->by_chat, &it, &key, &v))
		if (strcmp(((struct flow *)v)->session, session) == 0)
			flow_free(v);
}

/* A vote in the poll that asks the question: the only answer that is no message. */
static bool is_vote(const struct flow *f, struct wb_script_event *e)
{
	const json_t *answer = json_object_get(wb_script_event_data(e), "answer");
	const char *via = json_string_value(json_object_get(answer, "via"));

	return via && strcmp(via, "poll") == 0 && strcmp(flow_text(f, "asked"), e->ev->subject) == 0;
}

/* An answer said while the gateway was down counts: the question was asked before it. */
static bool wants(struct wb_script *s, struct wb_script_event *e)
{
	struct flows *fs = flows_of(wb_script_host(s));
	const char *kind = e->ev->kind;
	bool message = strcmp(kind, "message.received") == 0;
	struct flow *f;

	if (!fs || fs->by_chat.len == 0)
		return false;
	if (strcmp(kind, "session.deleted") == 0) {
		session_gone(fs, e->ev->session);
		return false;
	}
	if (!message && strcmp(kind, "menu.answered") != 0 && strcmp(kind, "chat.held") != 0 &&
	    strcmp(kind, "chat.released") != 0)
		return false;
	f = flow_of_event(fs, e);
	if (!f || strcmp(f->script, wb_script_name(s)) != 0)
		return false;
	if (strncmp(kind, "chat.", 5) == 0) {
		look_at_hold(f);
		return false;
	}
	if (e->ev->seq <= flow_int(f, "from") || (message && e->own))
		return false;
	if (f->ended)	/* delivered again: the flow was done with it */
		return e->ev->seq <= flow_int(f, "last");
	return message || is_vote(f, e);
}

int flow_event_task(lua_State *L)
{
	struct wb_script_event *e = wb_task_event(wb_lua_task(L));
	struct flows *fs = flows_of(wb_script_host(wb_lua_script(L)));
	struct flow *f = fs && e ? flow_of_event(fs, e) : NULL;
	struct wb_wait *w;

	if (!f || f->ended || flow_int(f, "last") >= e->ev->seq)
		return 0;
	w = wb_task_wait(L);
	flow_job_add(f, FLOW_ANSWER, e, w, false);
	return wb_task_yield(L, w);
}

static int push(lua_State *L, struct wb_script *s, struct wb_script_event *e)
{
	(void)s;
	(void)e;
	lua_pushcfunction(L, flow_event_task);
	return 0;
}

/* What was under way goes on, in the new state. */
static void loaded(struct wb_script *s)
{
	struct flows *fs = flows_of(wb_script_host(s));
	struct wa_span key;
	size_t it = 0;
	void *v;

	while (fs && wa_map_next(&fs->by_chat, &it, &key, &v)) {
		struct flow *f = v;

		if (f->ended || !f->stored || strcmp(f->script, wb_script_name(s)) != 0)
			continue;
		f->orphan_ms = 0;
		flow_arm(f);
		flow_job_add(f, FLOW_RESUME, NULL, NULL, true);
	}
}

static void closing(struct wb_script *s)
{
	struct flows *fs = flows_of(wb_script_host(s));
	struct wa_span key;
	size_t it = 0;
	void *v;

	while (fs && wa_map_next(&fs->by_chat, &it, &key, &v))
		if (strcmp(((struct flow *)v)->script, wb_script_name(s)) == 0)
			flow_jobs_drop(v);
}

const struct wb_script_part wb_flow_part = {
	.name = "flows", .start = flows_start, .stop = flows_stop, .loaded = loaded, .closing = closing,
	.wants = wants, .push = push,
};
