/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules, statistics and pasts in the database. */
#include "autoreply.h"

#define DAY_MS INT64_C(86400000)

/* ---- rules ---- */

static int order(const struct rule *a, const struct rule *b)
{
	if (a->priority != b->priority)
		return a->priority > b->priority ? -1 : 1;
	return strcmp(a->id, b->id);
}

static void look_again(struct autoreply *a)
{
	a->any_mentioned = false;
	for (size_t i = 0; i < a->n_rules; i++)
		a->any_mentioned |= a->rules[i]->enabled && a->rules[i]->mentioned;
}

struct rule *rules_find(struct autoreply *a, const char *id)
{
	for (size_t i = 0; i < a->n_rules; i++)
		if (strcmp(a->rules[i]->id, id) == 0)
			return a->rules[i];
	return NULL;
}

int rules_add(struct autoreply *a, struct rule *take)
{
	struct rule **bigger = realloc(a->rules, (a->n_rules + 1) * sizeof(struct rule *));
	size_t at;

	if (!bigger) {
		rule_free(take);
		return WA_ENOMEM;
	}
	a->rules = bigger;
	for (at = a->n_rules; at > 0 && order(take, a->rules[at - 1]) < 0; at--)
		a->rules[at] = a->rules[at - 1];
	a->rules[at] = take;
	a->n_rules++;
	look_again(a);
	return WA_OK;
}

void rules_remove(struct autoreply *a, const char *id)
{
	for (size_t i = 0; i < a->n_rules; i++) {
		if (strcmp(a->rules[i]->id, id) != 0)
			continue;
		rule_free(a->rules[i]);
		a->n_rules--;
		memmove(a->rules + i, a->rules + i + 1, (a->n_rules - i) * sizeof(struct rule *));
		break;
	}
	look_again(a);
}

void rules_clear(struct autoreply *a)
{
	for (size_t i = 0; i < a->n_rules; i++)
		rule_free(a->rules[i]);
	free(a->rules);
	a->rules = NULL;
	a->n_rules = 0;
}

static int load_row(void *ctx, const struct wb_value *c, int32_t n)
{
	struct autoreply *a = ctx;
	char id[RULE_ID_SIZE], why[WHY_SIZE] = "cannot be opened";
	struct rule *r = NULL;
	json_t *doc;

	(void)n;
	kit_copy(&c[0], id, sizeof(id));
	doc = kit_unseal_json(&a->kit, KIT_ROW("rule", id), &c[1]);
	if (!doc || rule_new(id, doc, a->zones, &r, why) < 0) {
		/* a module that is missing today may be there tomorrow: the row stays */
		a->host->log(a->self, WB_ERROR, "autoreply.rule_unusable",
			     (const char *[]){ "rule", id, "why", why, NULL });
	} else {
		r->created_ms = c[2].num;
		r->updated_ms = c[3].num;
		(void)rules_add(a, r);
	}
	json_decref(doc);
	return 0;
}

int rules_load(struct autoreply *a)
{
	int32_t r = a->host->query(a->self, "SELECT id, doc, created_ms, updated_ms FROM autoreply_rule ORDER BY id",
				   NULL, 0, load_row, a);

	return r < 0 ? r : 0;
}

void rule_store(struct autoreply *a, struct wb_tx *tx, const struct rule *r)
{
	struct wa_buf sealed;

	(void)kit_seal_json(&a->kit, KIT_ROW("rule", r->id), r->doc, &sealed);
	KIT_SQL(&a->kit, tx, WB_MUST_CHANGE,
		"INSERT INTO autoreply_rule (id, doc, created_ms, updated_ms) VALUES ($1, $2, $3, $4) "
		"ON CONFLICT (id) DO UPDATE SET doc = excluded.doc, updated_ms = excluded.updated_ms",
		kit_text(r->id), kit_sealed(&sealed),
		kit_int(r->created_ms), kit_int(r->updated_ms));
	wa_buf_clear(&sealed);
}

void rule_forget(struct autoreply *a, struct wb_tx *tx, const char *id)
{
	KIT_SQL(&a->kit, tx, WB_MUST_CHANGE, "DELETE FROM autoreply_rule WHERE id = $1", kit_text(id));
	KIT_SQL(&a->kit, tx, 0, "DELETE FROM autoreply_count WHERE rule = $1", kit_text(id));
	KIT_SQL(&a->kit, tx, 0, "DELETE FROM autoreply_past WHERE rule = $1", kit_text(id));
}

static int count_row(void *ctx, const struct wb_value *c, int32_t n)
{
	json_t *o = ctx, *at = kit_time(c[2].num);
	char what[32];

	(void)n;
	kit_copy(&c[0], what, sizeof(what));
	if (strcmp(what, "fired") == 0) {
		json_object_set_new(o, "fired", json_integer(c[1].num));
		json_object_set_new(o, "last_fired", at);
		return 0;
	}
	json_decref(at);
	return json_object_set_new(json_object_get(o, "suppressed"), what, json_integer(c[1].num));
}

json_t *rule_json(struct autoreply *a, const struct rule *r)
{
	json_t *o = json_pack("{s:s, s:o, s:o}", "id", r->id, "created_at", kit_time(r->created_ms), "updated_at",
			      kit_time(r->updated_ms));
	json_t *stats = json_pack("{s:i, s:n, s:{}}", "fired", 0, "last_fired", "suppressed");
	const struct wb_value id = kit_text(r->id);

	(void)a->host->query(a->self, "SELECT what, n, last_ms FROM autoreply_count WHERE rule = $1 ORDER BY what", &id,
			     1, count_row, stats);
	json_object_update(o, r->doc);
	json_object_set_new(o, "statistics", stats);
	return o;
}

const struct wb_zone *zone_of(struct autoreply *a, const char *name)
{
	const struct wb_zone *zone = NULL;

	return *name && wb_zones_get(a->zones, name, &zone, NULL) == 1 ? zone : NULL;
}

/* ---- what was before ---- */

void chat_hash(struct autoreply *a, const struct said *m, uint8_t out[HASH_SIZE])
{
	char text[256];
	int n = snprintf(text, sizeof(text), "%s\n%s", m->session, *m->chat ? m->chat : m->chat_lid);

	a->host->hash(a->self, (struct wb_str){ text, (size_t)n }, out);
}

static int past_row(void *ctx, const struct wb_value *c, int32_t n)
{
	int64_t *v = ctx;

	for (int32_t i = 0; i < n; i++)
		v[i] = c[i].num;
	return 1;
}

int past_read(struct autoreply *a, const struct rule *r, const uint8_t chat[HASH_SIZE], int64_t now_ms,
	      struct past *ret)
{
	const struct wb_value v[] = { kit_text(r->id), kit_blob(chat, HASH_SIZE) };
	int64_t row[3] = { 0 }, last = 0;
	int32_t code = 0;

	*ret = (struct past){ 0 };
	if (r->cooldown_chat_ms || r->daily_limit)
		code = a->host->query(a->self,
				      "SELECT last_ms, day, today FROM autoreply_past WHERE rule = $1 AND chat = $2", v,
				      2, past_row, row);
	if (code >= 0 && r->cooldown_rule_ms)
		code = a->host->query(a->self,
				      "SELECT last_ms FROM autoreply_count WHERE rule = $1 AND what = 'fired'", v, 1,
				      past_row, &last);
	ret->last_chat_ms = row[0];
	ret->last_rule_ms = last;
	ret->today = row[1] == rule_day(zone_of(a, r->zone), now_ms) ? row[2] : 0;
	return code < 0 ? code : 0;
}

void past_note(struct autoreply *a, struct wb_tx *tx, const struct rule *r, const uint8_t chat[HASH_SIZE],
	       int64_t now_ms)
{
	if (!r->cooldown_chat_ms && !r->daily_limit)
		return;
	KIT_SQL(&a->kit, tx, 0,
		"INSERT INTO autoreply_past (rule, chat, last_ms, day, today) VALUES ($1, $2, $3, $4, 1) "
		"ON CONFLICT (rule, chat) DO UPDATE SET last_ms = $3, today = CASE day WHEN $4 THEN today + 1 ELSE 1 END, "
		"day = $4",
		kit_text(r->id), kit_blob(chat, HASH_SIZE), kit_int(now_ms),
		kit_int(rule_day(zone_of(a, r->zone), now_ms)));
}

void count_add(struct autoreply *a, struct wb_tx *tx, const char *rule, const char *what, int64_t now_ms)
{
	/* a rule deleted meanwhile leaves no statistics behind */
	KIT_SQL(&a->kit, tx, 0,
		"INSERT INTO autoreply_count (rule, what, n, last_ms) SELECT id, $2, 1, $3 FROM autoreply_rule "
		"WHERE id = $1 ON CONFLICT (rule, what) DO UPDATE SET n = n + 1, last_ms = $3",
		kit_text(rule), kit_text(what), kit_int(now_ms));
}

int pace_read(struct autoreply *a, const uint8_t chat[HASH_SIZE], int64_t now_ms, struct pace *ret)
{
	const struct wb_value v = kit_blob(chat, HASH_SIZE);
	int64_t row[3] = { 0 };
	int32_t code = a->host->query(a->self, "SELECT minute, n, paused_until_ms FROM autoreply_pace WHERE chat = $1",
				      &v, 1, past_row, row);

	*ret = (struct pace){ .minute = now_ms / MINUTE_MS, .paused_until_ms = row[2] };
	if (row[0] == ret->minute)
		ret->n = row[1];
	return code < 0 ? code : 0;
}

void pace_note(struct autoreply *a, struct wb_tx *tx, const struct said *m, const uint8_t chat[HASH_SIZE],
	       const struct pace *p)
{
	struct wa_buf who;

	wa_buf_init(&who, 0);
	if (p->paused_until_ms)
		(void)kit_seal(&a->kit, "pace", wa_span_str(m->to), &who);
	KIT_SQL(&a->kit, tx, 0,
		"INSERT INTO autoreply_pace (chat, session, who, minute, n, paused_until_ms) "
		"VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (chat) DO UPDATE SET who = excluded.who, "
		"minute = excluded.minute, n = excluded.n, paused_until_ms = excluded.paused_until_ms",
		kit_blob(chat, HASH_SIZE), kit_text(m->session),
		kit_sealed(&who), kit_int(p->minute), kit_int(p->n),
		kit_int(p->paused_until_ms));
	wa_buf_clear(&who);
}

void tables_clean(struct autoreply *a)
{
	struct wb_tx *tx = a->host->tx_begin(a->self);
	int64_t now = a->host->now_ms();

	KIT_SQL(&a->kit, tx, 0, "DELETE FROM autoreply_pace WHERE minute < $1 AND paused_until_ms < $2",
		kit_int(now / MINUTE_MS - 2), kit_int(now));
	for (size_t i = 0; i < a->n_rules; i++) {
		const struct rule *r = a->rules[i];
		int64_t keep = r->cooldown_chat_ms > 2 * DAY_MS ? r->cooldown_chat_ms : 2 * DAY_MS;

		if (r->cooldown_chat_ms || r->daily_limit)
			KIT_SQL(&a->kit, tx, 0, "DELETE FROM autoreply_past WHERE rule = $1 AND last_ms < $2",
				kit_text(r->id), kit_int(now - keep));
	}
	a->host->tx_commit(tx, NULL, NULL);
}
