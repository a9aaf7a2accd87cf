/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who gets it: entries of "to" become rows, each address once. */
#include "run.h"

#define CALL_GONE 404

static void percent(struct wa_buf *out, const char *text)
{
	for (const char *p = text; *p; p++) {
		bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
			     *p == '-' || *p == '_';

		wa_buf_fmt(out, plain ? "%c" : "%%%02X", (unsigned char)*p);
	}
}

/* The same address in any of its spellings has one hash. */
static void address_hash(struct run *r, const char *to, uint8_t out[32])
{
	const char *at = strchr(to, '@'), *end = to + strlen(to);
	char text[256];
	size_t n = 0;

	if (at && strcmp(at, "@s.whatsapp.net") == 0)
		end = at;
	for (const char *p = to; p < end && n < 200; p++)
		if (!strchr("+ -()", *p))
			text[n++] = *p;
	n += (size_t)snprintf(text + n, sizeof(text) - n, " %s", r->id);
	r->s->host->hash(r->s->self, (struct wb_str){ text, n }, out);
}

static void insert(struct run *r, struct wb_tx *tx, const json_t *person)
{
	const char *to = json_string_value(json_object_get(person, "to"));
	struct wa_buf body;
	uint8_t hash[32];

	if (!to)
		return;
	address_hash(r, to, hash);
	(void)kit_seal_json(&r->s->kit, r->id, person, &body);
	const struct wb_value v[] = {
		kit_text(r->id), kit_int(r->n++), kit_blob(hash, sizeof(hash)), kit_sealed(&body),
	};

	r->s->host->tx_sql(tx, "INSERT OR IGNORE INTO schedule_recipient (run, n, hash, body, state, reason) "
			       "VALUES ($1, $2, $3, $4, 'pending', '')", v, 4, 0);
	wa_buf_clear(&body);
}

/* Some of the people found become rows; with the last of them the run's position moves on. */
static void store_people(struct run *r)
{
	struct wb_tx *tx = r->s->host->tx_begin(r->s->self);
	size_t n = json_array_size(r->people), end = r->people_at + RUN_BATCH;

	for (; r->people_at < n && r->people_at < end; r->people_at++)
		insert(r, tx, json_array_get(r->people, r->people_at));
	if (r->people_at >= n) {
		r->target += (int64_t)r->people_targets;
		snprintf(r->page, sizeof(r->page), "%s", r->people_targets ? "" : r->next_page);
		json_decref(r->people);
		r->people = NULL;
	}
	const struct wb_value v[] = { kit_text(r->id), kit_int(r->target), kit_text(r->page) };

	r->s->host->tx_sql(tx, "UPDATE schedule_run SET target = $2, page = $3 WHERE id = $1 AND state = 'resolving'",
			   v, 3, WB_MUST_CHANGE);
	run_commit(r, tx);
}

/* {"uses": [{"chat", "wa_id"}], "next": …} or {"members": [{"to", "name", "vars"}], "next": …} */
static void take_people(struct run *r, const json_t *answer)
{
	const json_t *uses = json_object_get(answer, "uses"), *list = uses ? uses : json_object_get(answer, "members");
	const char *next = json_string_value(json_object_get(answer, "next"));
	size_t i;
	json_t *v;

	r->people = json_array();
	json_array_foreach(list, i, v)
		if (!uses)
			json_array_append(r->people, v);
		else if (json_object_get(v, "chat") && !json_object_get(v, "wa_id"))	/* a chat, no message in it */
			json_array_append_new(r->people, json_pack("{s:O}", "to", json_object_get(v, "chat")));
	r->people_at = 0;
	r->people_targets = next ? 0 : 1;
	snprintf(r->next_page, sizeof(r->next_page), "%s", next ? next : "");
}

static void on_answer(void *ctx, int32_t status, const char *type, struct wb_str body)
{
	struct run *r = ctx;
	json_t *answer;

	(void)type;
	if (status == CALL_GONE) {
		run_fail(r, "recipients_not_found");
		return;
	}
	answer = status == 200 ? json_loadb(body.ptr, body.len, 0, NULL) : NULL;
	if (!answer) {
		run_retry(r, "recipients_unknown");
		return;
	}
	take_people(r, answer);
	json_decref(answer);
	run_advance(r);
}

static void ask(struct run *r, const json_t *target)
{
	const char *label = json_string_value(json_object_get(target, "label"));
	const char *list = json_string_value(json_object_get(target, "list"));
	struct wa_buf path;

	wa_buf_init(&path, 2048);
	if (label) {
		wa_buf_str(&path, "/v1/sessions/");
		percent(&path, r->session);
		wa_buf_str(&path, "/labels/");
		percent(&path, label);
		wa_buf_str(&path, "/uses");
	} else {
		wa_buf_str(&path, "/v1/lists/");
		percent(&path, list ? list : "");
		wa_buf_str(&path, "/members?limit=100");
	}
	if (*r->page) {
		wa_buf_str(&path, label ? "?cursor=" : "&cursor=");
		percent(&path, r->page);
	}
	r->s->host->call(r->s->self,
			 &(struct wb_plugin_call){ .size = sizeof(struct wb_plugin_call), .method = "GET",
						   .path = wa_buf_cstr(&path) }, on_answer, r);
	wa_buf_clear(&path);
}

/* Entries that name one address each, as many as follow one another. */
static void take_addresses(struct run *r, const json_t *to)
{
	const json_t *t;

	r->people = json_array();
	r->people_at = r->people_targets = 0;
	while (r->people_targets < RUN_BATCH &&
	       json_is_string(t = json_array_get(to, (size_t)r->target + r->people_targets))) {
		json_array_append_new(r->people, json_pack("{s:O}", "to", t));
		r->people_targets++;
	}
}

void run_resolve(struct run *r)
{
	const json_t *to = json_object_get(r->doc, "to");
	struct wb_tx *tx;

	if (r->n >= RECIPIENTS_MAX) {
		run_fail(r, "too_many_recipients");
	} else if (r->people) {
		store_people(r);
	} else if ((size_t)r->target < json_array_size(to)) {
		if (json_is_object(json_array_get(to, (size_t)r->target))) {
			ask(r, json_array_get(to, (size_t)r->target));
			return;
		}
		take_addresses(r, to);
		store_people(r);
	} else {
		tx = r->s->host->tx_begin(r->s->self);
		r->s->host->tx_sql(tx, "UPDATE schedule_run SET state = 'sending' WHERE id = $1 AND state = 'resolving'",
				   (struct wb_value[]){ kit_text(r->id) }, 1, WB_MUST_CHANGE);
		r->sending = true;
		run_commit(r, tx);
	}
}
