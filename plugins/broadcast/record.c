/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "record.h"

#include "content.h"
#include "text.h"

static const char *const states[] = { "draft", "checking", "ready", "running",
				      "paused", "done", "cancelled", "stopped" };

const char *bstate_str(int state)
{
	return states[state];
}

int bstate_parse(const char *name)
{
	for (size_t i = 0; i < WA_ARRAY_LEN(states); i++)
		if (strcmp(states[i], name) == 0)
			return (int)i;
	return -1;
}

/* ---- broadcasts ---- */

void broadcast_free(struct broadcast *x)
{
	if (!x)
		return;
	if (wa_list_linked(&x->link))
		wa_list_del(&x->link);
	content_free(x->content);
	json_decref(x->doc);
	free(x);
}

struct broadcast *broadcast_active(struct bc *b, const char *id)
{
	struct wa_list *l;

	WA_LIST_EACH(l, &b->active) {
		struct broadcast *x = container_of(l, struct broadcast, link);

		if (strcmp(x->id, id) == 0)
			return x;
	}
	return NULL;
}

struct finding {
	struct bc *b;
	struct broadcast *ret;
	int code;
};

static int on_broadcast(void *ctx, const struct wb_value *c, int32_t n)
{
	struct finding *f = ctx;
	struct broadcast *x = calloc(1, sizeof(*x));
	char state[12];

	(void)n;
	f->code = WA_ENOMEM;
	if (!x)
		return 1;
	x->b = f->b;
	kit_copy(&c[0], x->id, sizeof(x->id));
	kit_copy(&c[1], state, sizeof(state));
	x->state = bstate_parse(state);
	kit_copy(&c[2], x->reason, sizeof(x->reason));
	x->version = c[4].num;
	x->step = c[5].num;
	kit_copy(&c[6], x->step_at, sizeof(x->step_at));
	x->start_ms = c[7].num;
	kit_copy(&c[8], x->recent, sizeof(x->recent));
	x->created_ms = c[9].num;
	x->began_ms = c[10].num;
	x->ended_ms = c[11].num;
	x->doc = kit_unseal_json(&f->b->kit, KIT_ROW("broadcast", x->id), &c[3]);
	if (!x->doc) {
		f->code = WA_ECRYPTO;
		broadcast_free(x);
		return 1;
	}
	f->code = 1;
	f->ret = x;
	return 1;
}

int broadcast_find(struct bc *b, const char *id, struct broadcast **ret)
{
	const struct wb_value v[] = { kit_text(id) };
	struct finding f = { b, NULL, 0 };
	int r = b->host->query(b->self,
			       "SELECT id, state, reason, doc, version, step, step_at, start_ms, recent, created_ms, "
			       "began_ms, ended_ms FROM broadcast_broadcast WHERE id = $1 AND removed_ms = 0",
			       v, 1, on_broadcast, &f);

	if (r < 0)
		return r;
	if (f.code == 1)
		*ret = f.ret;
	return f.code;
}

int broadcast_insert(struct wb_tx *tx, struct bc *b, const char *id, const json_t *doc, int64_t start_ms)
{
	struct wa_buf sealed;
	int r = kit_seal_json(&b->kit, KIT_ROW("broadcast", id), doc, &sealed);

	if (r == 0) {
		const struct wb_value v[] = { kit_text(id), kit_sealed(&sealed), kit_int(start_ms),
					      kit_int(now_ms(b)) };

		b->host->tx_sql(tx,
				"INSERT INTO broadcast_broadcast (id, state, doc, start_ms, created_ms) "
				"VALUES ($1, 'draft', $2, $3, $4)",
				v, 4, WB_MUST_CHANGE);
	}
	wa_buf_clear(&sealed);
	return r;
}

/* The states in a mask as SQL would list them, quoted. */
static void state_list(uint32_t mask, char out[160])
{
	size_t n = 0;

	for (size_t i = 0; i < WA_ARRAY_LEN(states); i++)
		if (mask & B_BIT(i))
			n += (size_t)snprintf(out + n, 160 - n, ",%s,", states[i]);
}

int broadcast_put_doc(struct wb_tx *tx, struct broadcast *x, const json_t *doc, uint32_t from)
{
	struct wa_buf sealed;
	char list[160] = "";
	int r = kit_seal_json(&x->b->kit, KIT_ROW("broadcast", x->id), doc, &sealed);

	state_list(from, list);
	if (r == 0) {
		const struct wb_value v[] = { kit_text(x->id), kit_sealed(&sealed), kit_int(x->version),
					      kit_text(list), kit_int(x->start_ms) };

		x->b->host->tx_sql(tx,
				   "UPDATE broadcast_broadcast SET doc = $2, version = version + 1, start_ms = $5 "
				   "WHERE id = $1 AND version = $3 AND instr($4, ',' || state || ',') > 0",
				   v, 5, WB_MUST_CHANGE);
	}
	wa_buf_clear(&sealed);
	return r;
}

void broadcast_move(struct wb_tx *tx, struct bc *b, const char *id, uint32_t from, int to, const char *reason)
{
	bool ends = to == B_DONE || to == B_CANCELLED;
	char list[160] = "", json[256];

	state_list(from, list);
	const struct wb_value v[] = { kit_text(id), kit_text(list), kit_text(bstate_str(to)), kit_text(reason),
				      kit_int(now_ms(b)), kit_int(to == B_RUNNING), kit_int(ends), kit_int(to == B_CHECKING) };
	b->host->tx_sql(tx,
			"UPDATE broadcast_broadcast SET state = $3, reason = $4, "
			"began_ms = CASE WHEN $6 = 1 AND began_ms = 0 THEN $5 ELSE began_ms END, "
			"ended_ms = CASE WHEN $7 = 1 THEN $5 ELSE 0 END, "
			"step = CASE WHEN $8 = 1 THEN 0 ELSE step END, "
			"step_at = CASE WHEN $8 = 1 THEN '' ELSE step_at END, "
			"recent = CASE WHEN $6 = 1 THEN '' ELSE recent END "
			"WHERE id = $1 AND instr($2, ',' || state || ',') > 0 AND removed_ms = 0",
			v, 8, WB_MUST_CHANGE);
	(void)snprintf(json, sizeof(json), "{\"id\":\"%s\",\"state\":\"%s\",\"reason\":\"%s\"}", id, bstate_str(to),
		       reason);
	b->host->tx_event(tx, &(struct wb_event_new){ .kind = "broadcast.state", .subject = id,
						      .json = kit_str(json) });
}

/* ---- recipients ---- */

struct page {
	struct bc *b;
	recipient_fn *fn;
	void *ctx;
	int count;
};

static void copy_key(const struct wb_value *c, uint8_t out[KEY_SIZE])
{
	memset(out, 0, KEY_SIZE);
	if (c->str.len == KEY_SIZE)
		memcpy(out, c->str.ptr, KEY_SIZE);
}

void recipient_seal_id(const char *broadcast, const uint8_t key[KEY_SIZE], char out[RECIPIENT_SEAL_ID])
{
	char hex[33];

	(void)snprintf(out, RECIPIENT_SEAL_ID, "%s:%s", broadcast, wa_hex_encode(wa_span(key, 16), hex));
}

static int on_recipient(void *ctx, const struct wb_value *c, int32_t n)
{
	struct page *p = ctx;
	struct recipient r = { .n = c[0].num, .sticky = c[6].num != 0, .tries = c[8].num,
			       .queued_ms = c[9].num, .sent_ms = c[10].num, .delivered_ms = c[11].num,
			       .read_ms = c[12].num, .replied_ms = c[13].num, .opted_out_ms = c[14].num };
	char id[RECIPIENT_SEAL_ID];

	(void)n;
	p->count++;
	kit_copy(&c[1], r.broadcast, sizeof(r.broadcast));
	copy_key(&c[2], r.key);
	kit_copy(&c[3], r.state, sizeof(r.state));
	kit_copy(&c[4], r.reason, sizeof(r.reason));
	kit_copy(&c[5], r.session, sizeof(r.session));
	kit_copy(&c[7], r.message, sizeof(r.message));
	recipient_seal_id(r.broadcast, r.key, id);
	r.doc = kit_unseal_json(&p->b->kit, KIT_ROW("recipient", id), &c[15]);
	if (!r.doc) {
		log_note(p->b, WB_ERROR, "broadcast.unreadable", "broadcast", r.broadcast);
		return 0;
	}
	p->fn(p->ctx, &r);
	json_decref(r.doc);
	return 0;
}

#define RECIPIENT_COLUMNS                                                                                     \
	"SELECT n, broadcast, key, state, reason, session, sticky, message, tries, queued_ms, sent_ms, "      \
	"delivered_ms, read_ms, replied_ms, opted_out_ms, doc FROM broadcast_recipient "

int recipient_page(struct bc *b, const struct recipient_filter *f, recipient_fn *fn, void *ctx)
{
	const struct wb_value v[] = { kit_text(f->broadcast), kit_int(f->after), kit_int(f->limit), kit_text(f->state),
				      kit_text(f->reason), kit_text(f->session), kit_int(f->sticky) };
	struct page p = { b, fn, ctx, 0 };
	int r;

	/* one statement for each index that serves it */
	if (f->state && f->session)
		r = b->host->query(b->self,
				   RECIPIENT_COLUMNS "WHERE broadcast = $1 AND state = $4 AND session = $6 AND n > $2 "
						     "AND ($7 = 1 OR sticky = 0) AND ($5 IS NULL OR reason = $5) "
						     "ORDER BY n LIMIT $3",
				   v, 7, on_recipient, &p);
	else if (f->state)
		r = b->host->query(b->self,
				   RECIPIENT_COLUMNS "WHERE broadcast = $1 AND state = $4 AND n > $2 "
						     "AND ($5 IS NULL OR reason = $5) ORDER BY n LIMIT $3",
				   v, 5, on_recipient, &p);
	else
		r = b->host->query(b->self,
				   RECIPIENT_COLUMNS "WHERE broadcast = $1 AND n > $2 AND ($4 IS NULL) "
						     "AND ($5 IS NULL OR reason = $5) AND ($6 IS NULL OR session = $6) "
						     "ORDER BY n LIMIT $3",
				   v, 6, on_recipient, &p);
	return r < 0 ? r : p.count;
}

json_t *recipient_json(const struct recipient *r)
{
	return json_pack("{s:I, s:O, s:s, s:s?, s:s?, s:b, s:s?, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "n",
			 (json_int_t)r->n, "person", r->doc, "state", r->state, "reason",
			 *r->reason ? r->reason : NULL, "session", *r->session ? r->session : NULL, "sticky",
			 r->sticky, "message", *r->message ? r->message : NULL, "tries", (json_int_t)r->tries,
			 "queued_at", kit_time(r->queued_ms), "sent_at", kit_time(r->sent_ms), "delivered_at",
			 kit_time(r->delivered_ms), "read_at", kit_time(r->read_ms), "replied_at",
			 kit_time(r->replied_ms), "opted_out_at", kit_time(r->opted_out_ms));
}

int recipient_add(struct wb_tx *tx, struct bc *b, const char *broadcast, const struct person *p, const json_t *doc)
{
	uint8_t key[KEY_SIZE], phone[KEY_SIZE], lid[KEY_SIZE];
	bool has_phone = person_phone_key(b, p, phone), has_lid = person_lid_key(b, p, lid);
	char id[RECIPIENT_SEAL_ID];
	struct wa_buf sealed;
	int r;

	person_key(b, p, key);
	recipient_seal_id(broadcast, key, id);
	r = kit_seal_json(&b->kit, KIT_ROW("recipient", id), doc, &sealed);
	if (r == 0) {
		const struct wb_value v[] = { kit_text(broadcast), kit_blob(key, sizeof(key)),
					      kit_blob(has_phone ? phone : NULL, sizeof(phone)),
					      kit_blob(has_lid ? lid : NULL, sizeof(lid)),
					      kit_sealed(&sealed) };

		b->host->tx_sql(tx,
				"INSERT INTO broadcast_recipient (broadcast, key, phone_key, lid_key, doc, state, reason) "
				"SELECT $1, $2, $3, $4, $5, CASE WHEN x THEN 'excluded' ELSE 'new' END, "
				"CASE WHEN x THEN 'barred' ELSE '' END FROM (SELECT EXISTS (SELECT 1 FROM "
				"broadcast_barred WHERE broadcast = $1 AND key IN ($3, $4)) AS x) WHERE true "
				"ON CONFLICT (broadcast, key) DO NOTHING",
				v, 5, 0);
	}
	wa_buf_clear(&sealed);
	return r;
}

void recipient_bar(struct wb_tx *tx, struct bc *b, const char *broadcast, const struct person *p)
{
	uint8_t keys[2][KEY_SIZE];
	const bool has[2] = { person_phone_key(b, p, keys[0]), person_lid_key(b, p, keys[1]) };

	for (size_t i = 0; i < 2; i++) {
		const struct wb_value v[] = { kit_text(broadcast), kit_blob(keys[i], KEY_SIZE) };

		if (has[i])
			b->host->tx_sql(tx, "INSERT INTO broadcast_barred VALUES ($1, $2) ON CONFLICT DO NOTHING", v,
					2, 0);
	}
}

/* ---- counts ---- */

struct counting {
	count_fn *fn;
	void *ctx;
};

static int on_count(void *ctx, const struct wb_value *c, int32_t n)
{
	struct counting *k = ctx;
	char session[SESSION_SIZE], state[12], reason[64];

	(void)n;
	kit_copy(&c[0], session, sizeof(session));
	kit_copy(&c[1], state, sizeof(state));
	kit_copy(&c[2], reason, sizeof(reason));
	k->fn(k->ctx, session, state, reason, c[3].num);
	return 0;
}

int counts_each(struct bc *b, const char *broadcast, count_fn *fn, void *ctx)
{
	const struct wb_value v[] = { kit_text(broadcast) };
	struct counting k = { fn, ctx };

	return b->host->query(b->self,
			      "SELECT session, state, reason, n FROM broadcast_count WHERE broadcast = $1 AND n > 0", v,
			      1, on_count, &k);
}
