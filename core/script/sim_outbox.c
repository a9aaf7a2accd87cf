/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the simulated world was given to send: at once, or when its time has come; looked up, cancelled, voted on. */
#include "sim_int.h"

#include <clock.h>

/* {"id", "session", "chat", "status", …} of a message that was sent or waits; NULL none. Borrowed. */
const json_t *sim_sent(const struct wb_sim *sim, const char *id)
{
	return json_object_get(sim->sent, id);
}

static int64_t due_of(const json_t *doc)
{
	int64_t ms = 0;

	return wa_time_parse(wa_span_str(sim_text(doc, "send_at")), &ms) == 0 ? ms : 0;
}

/* It leaves: people who opted out meanwhile get nothing. */
static void leave(struct wb_sim *sim, json_t *doc, json_t *act)
{
	if (json_object_get(sim->opted_out, sim_text(act, "to"))) {
		json_object_set_new(doc, "status", json_string("failed"));
		return;
	}
	json_object_set_new(doc, "status", json_string("delivered"));
	json_array_append(sim->acts, act);
}

/* The timer: for the one that is due next. */
static void arm(struct wb_sim *sim)
{
	int64_t next = INT64_MAX;
	json_t *w;
	size_t i;

	json_array_foreach(sim->waiting, i, w) {
		int64_t due = due_of(sim_sent(sim, sim_text(w, "id")));

		next = due < next ? due : next;
	}
	if (next < INT64_MAX)
		sim->world.ops->timer_start(sim->outbox, next - sim->now);
}

static void on_due(void *ctx)
{
	struct wb_sim *sim = ctx;

	for (size_t i = 0; i < json_array_size(sim->waiting);) {
		json_t *act = json_array_get(sim->waiting, i);
		json_t *doc = json_object_get(sim->sent, sim_text(act, "id"));

		if (due_of(doc) > sim->now) {
			i++;
			continue;
		}
		leave(sim, doc, act);
		json_array_remove(sim->waiting, i);
	}
	arm(sim);
}

json_t *sim_outbox_add(struct wb_sim *sim, json_t *take_act)
{
	const json_t *body = json_object_get(take_act, "body"), *content = json_object_get(body, "content");
	const char *id = sim_text(take_act, "id");
	json_t *doc = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "id", id, "session", sim_text(take_act, "session"),
				"status", "queued", "direction", "out", "kind", sim_text(take_act, "kind"), "text",
				sim_text(take_act, "text"), "chat", sim_person(sim_text(take_act, "to")));
	json_t *ret;

	if (content)
		json_object_set(doc, "content", (json_t *)(uintptr_t)content);
	if (*sim_text(body, "send_at"))
		json_object_set(doc, "send_at", json_object_get(body, "send_at"));
	ret = json_copy(doc);
	json_object_set_new(sim->sent, id, doc);
	if (due_of(doc) > sim->now) {
		if (!sim->outbox)
			sim->outbox = sim->world.ops->timer_new(&sim->world, on_due, sim);
		json_array_append(sim->waiting, take_act);
		arm(sim);
	} else {
		leave(sim, doc, take_act);
	}
	json_decref(take_act);
	return ret;
}

bool sim_outbox_cancel(struct wb_sim *sim, const char *id)
{
	json_t *w;
	size_t i;

	json_array_foreach(sim->waiting, i, w) {
		if (strcmp(sim_text(w, "id"), id) != 0)
			continue;
		json_object_set_new(json_object_get(sim->sent, id), "status", json_string("cancelled"));
		json_array_remove(sim->waiting, i);
		return true;
	}
	return false;
}

/* Takes the voter out of all options, and into this one. */
static json_t *count(json_t *doc, const char *option, const json_t *voter)
{
	json_t *tally = json_object_get(doc, "tally"), *o, *v;
	const json_t *options = json_object_get(json_object_get(doc, "content"), "options");
	size_t i, k;

	if (!tally) {
		tally = json_array();
		json_array_foreach(options, i, o)
			json_array_append_new(tally, json_pack("{s:O, s:i, s:[]}", "option", o, "votes", 0, "voters"));
		json_object_set_new(doc, "tally", tally);
	}
	json_array_foreach(tally, i, o) {
		json_t *voters = json_object_get(o, "voters");

		json_array_foreach(voters, k, v)
			if (json_equal(v, voter)) {
				json_array_remove(voters, k);
				break;
			}
		if (strcmp(sim_text(o, "option"), option) == 0)
			json_array_append(voters, (json_t *)(uintptr_t)voter);
		json_object_set_new(o, "votes", json_integer((json_int_t)json_array_size(voters)));
	}
	return tally;
}

bool sim_poll_vote(struct wb_sim *sim, const char *id, const char *option, const char *jid)
{
	json_t *doc = json_object_get(sim->sent, id), *o, *data, *person;
	const json_t *options = json_object_get(json_object_get(doc, "content"), "options");
	size_t i;

	json_array_foreach(options, i, o)
		if (json_is_string(o) && strcmp(json_string_value(o), option) == 0)
			break;
	if (i == json_array_size(options))
		return false;
	person = sim_person(jid);
	data = json_pack("{s:s, s:s, s:O, s:o, s:b, s:s, s:{s:s}, s:[s], s:O}", "id", "", "direction", "in", "chat",
			 json_object_get(doc, "chat"), "sender", person, "group",
			 strstr(sim_text(json_object_get(doc, "chat"), "jid"), "@g.us") != NULL, "kind", "poll_vote",
			 "target", "id", id, "options", option, "tally", count(doc, option, person));
	wb_sim_event(sim, "message.poll_vote", sim_text(doc, "session"), id, data);
	json_decref(data);
	return true;
}
