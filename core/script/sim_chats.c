/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who has a chat, conversations and files of the simulated world. */
#include "sim_int.h"

/* ---- holds and flows ---- */

static const char *chat_key(char key[200], const char *session, const char *chat)
{
	char jid[96];
	const char *j = sim_jid(chat, jid);

	snprintf(key, 200, "%s|%s", session, j ? j : chat);
	return key;
}

int sim_held(struct wb_sim *sim, const char *session, const char *chat, char ret_owner[96])
{
	char key[200];
	const json_t *h = json_object_get(sim->holds, chat_key(key, session, chat));
	json_int_t until = sim_int(h, "until");

	if (!h || (until && until <= sim->now))
		return 0;
	if (ret_owner)
		snprintf(ret_owner, 96, "%s", sim_text(h, "owner"));
	return 1;
}

void sim_hold(struct wb_sim *sim, const char *session, const char *chat, const char *owner, int64_t until_ms,
	      const char *note)
{
	char key[200], jid[96], had[96] = "";
	const char *j = sim_jid(chat, jid);
	int was = sim_held(sim, session, chat, had);
	json_t *data;

	if (!owner && !was)
		return;
	chat_key(key, session, chat);
	if (owner)
		json_object_set_new(sim->holds, key, json_pack("{s:s, s:I}", "owner", owner, "until",
							       (json_int_t)until_ms));
	else
		json_object_del(sim->holds, key);
	data = json_pack("{s:o, s:s}", "chat", sim_person(j ? j : chat), "owner", owner ? owner : had);
	if (note && *note)
		json_object_set_new(data, "note", json_string(note));
	wb_sim_event(sim, owner ? "chat.held" : "chat.released", session, NULL, data);
	json_decref(data);
}

int sim_w_held(struct wb_world *w, const char *session, const char *chat, char ret_owner[96])
{
	return sim_held(sim_of(w), session, chat, ret_owner);
}

void wb_sim_hold(struct wb_sim *sim, const char *session, const char *chat, const char *owner)
{
	sim_hold(sim, session, chat, owner, 0, NULL);
}

struct hold_op {
	struct sim_op op;
	char *session, *chat, *owner;
	int64_t until_ms;
	wb_world_done_fn *done;
	void *ctx;
};

static void run_hold(struct wb_sim *sim, struct sim_op *op, bool out)
{
	struct hold_op *h = container_of(op, struct hold_op, op);

	if (!out)
		sim_hold(sim, h->session, h->chat, h->owner, h->until_ms, NULL);
	if (h->done)
		h->done(h->ctx, out ? WA_ESTATE : 0, "");
	free(h->session);
	free(h->chat);
	free(h->owner);
	free(h);
}

void sim_w_hold(struct wb_world *w, const char *session, const char *chat, const char *owner, int64_t until_ms,
		   wb_world_done_fn *done, void *ctx)
{
	struct hold_op *h = wb_zalloc(sizeof(*h));

	h->op.run = run_hold;
	h->session = wb_strdup(session);
	h->chat = wb_strdup(chat);
	h->owner = owner ? wb_strdup(owner) : NULL;
	h->until_ms = until_ms;
	h->done = done;
	h->ctx = ctx;
	sim_push(sim_of(w), &h->op);
}

struct flow_op {
	struct sim_op op;
	json_t *row, *event;
	char *event_kind, *note;
	enum wb_world_flow_hold hold;
	int64_t until_ms;
	wb_world_done_fn *done;
	void *ctx;
};

static void do_flow(struct wb_sim *sim, const struct flow_op *f)
{
	const char *session = sim_text(f->row, "session"), *chat = sim_text(f->row, "chat");
	char key[200], own[96], owner[96] = "";

	json_object_set(sim->flows, chat_key(key, session, chat), f->row);
	snprintf(own, sizeof(own), "flow:%s/%s", sim_text(f->row, "script"), sim_text(f->row, "name"));
	(void)sim_held(sim, session, chat, owner);
	if (f->hold == WB_FLOW_HOLD_TAKE)
		sim_hold(sim, session, chat, own, 0, NULL);
	else if (f->hold == WB_FLOW_HOLD_HUMAN)
		sim_hold(sim, session, chat, "human", f->until_ms, f->note);
	else if (f->hold == WB_FLOW_HOLD_RELEASE && strcmp(owner, own) == 0)
		sim_hold(sim, session, chat, NULL, 0, NULL);
	if (f->event) {
		json_array_append_new(sim->acts, json_pack("{s:s, s:s, s:O}", "what", "event", "kind", f->event_kind,
							   "data", f->event));
		wb_sim_event(sim, f->event_kind, session, sim_text(f->row, "id"), f->event);
	}
}

static void run_flow(struct wb_sim *sim, struct sim_op *op, bool out)
{
	struct flow_op *f = container_of(op, struct flow_op, op);

	if (!out)
		do_flow(sim, f);
	if (f->done)
		f->done(f->ctx, out ? WA_ESTATE : 0, out ? "the lights are out" : "");
	json_decref(f->row);
	json_decref(f->event);
	free(f->event_kind);
	free(f->note);
	free(f);
}

void sim_w_flow_put(struct wb_world *w, const struct wb_world_flow_put *p, wb_world_done_fn *done, void *ctx)
{
	struct flow_op *f = wb_zalloc(sizeof(*f));

	f->op.run = run_flow;
	f->row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:I, s:I, s:o}", "session", p->flow.session, "chat",
			   p->flow.chat, "id", p->flow.id, "script", p->flow.script, "name", p->flow.name, "ended",
			   (int)p->flow.ended, "started", (json_int_t)p->flow.started_ms, "updated",
			   (json_int_t)p->flow.updated_ms, "doc",
			   json_stringn((const char *)p->flow.doc.ptr, p->flow.doc.len));
	f->hold = p->hold;
	f->until_ms = p->until_ms;
	f->note = wb_strdup(p->note);
	if (p->event) {
		f->event = json_loadb(p->event->json.ptr, p->event->json.len, 0, NULL);
		f->event_kind = wb_strdup(p->event->kind);
	}
	f->done = done;
	f->ctx = ctx;
	sim_push(sim_of(w), &f->op);
}

int sim_w_flow_each(struct wb_world *w, wb_world_flow_fn *fn, void *ctx)
{
	const char *key;
	json_t *row;
	int r = 0;

	json_object_foreach(sim_of(w)->flows, key, row) {
		const json_t *doc = json_object_get(row, "doc");
		struct wb_world_flow f = {
			.session = sim_text(row, "session"), .chat = sim_text(row, "chat"), .id = sim_text(row, "id"),
			.script = sim_text(row, "script"), .name = sim_text(row, "name"),
			.ended = json_is_true(json_object_get(row, "ended")), .started_ms = sim_int(row, "started"),
			.updated_ms = sim_int(row, "updated"),
			.doc = wa_span(json_string_value(doc), json_string_length(doc)),
		};

		r = fn(ctx, &f);
		if (r)
			break;
	}
	return r;
}

/* ---- files: texts in the key-value store ---- */

void sim_w_file_append(struct wb_world *w, const char *script, const char *name, const char *text, const char *header,
			  bool once, wb_world_done_fn *done, void *ctx)
{
	struct wb_sim *sim = sim_of(w);
	char space[80];
	const char *have;
	struct wa_buf all;

	snprintf(space, sizeof(space), "files:%s", script);
	have = wb_sim_kv_get(sim, space, name);
	wa_buf_init(&all, 1u << 24);
	wa_buf_str(&all, have ? have : header);
	if (!once || !have || !strstr(have, text))
		wa_buf_str(&all, text);
	sim_kv_put(sim, space, name, wa_buf_view(&all), 0);
	wa_buf_clear(&all);
	sim_tell(sim, 0, done, NULL, 0, ctx);
}
