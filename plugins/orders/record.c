/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "record.h"

#include <ctype.h>

#define DOC_SEALED_MAX     (1u << 20)
#define CONTACT_SEALED_MAX 16384

static const char *const due_names[] = { "", "check", "remind", "no_reply" };
static const char *const message_names[] = { "confirmation", "reminder", "reply" };

#define COLUMNS                                                                                \
	"o.id, o.store_id, o.external_id, o.number, o.state, o.reason, o.session, o.language," \
	" o.message_id, o.due_ms, o.due_action, o.attempts, o.sends, o.version, o.order_doc,"  \
	" o.contact, o.source_updated, o.created_ms, o.updated_ms"
#define N_COLUMNS 19

void order_clear(struct order *ord)
{
	json_decref(ord->doc);
	json_decref(ord->contact);
	ord->doc = NULL;
	ord->contact = NULL;
}

static int index_of(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return 0;
}

static int read_order(struct orders *o, const struct wb_value *c, struct order *ord)
{
	char word[16];
	int r;

	memset(ord, 0, sizeof(*ord));
	kit_copy(&c[0], ord->id, sizeof(ord->id));
	kit_copy(&c[1], ord->store_id, sizeof(ord->store_id));
	kit_copy(&c[2], ord->external_id, sizeof(ord->external_id));
	kit_copy(&c[3], ord->number, sizeof(ord->number));
	kit_copy(&c[4], word, sizeof(word));
	if (order_state_parse(word, &ord->state) != 1)
		return WA_EINTERNAL;
	kit_copy(&c[5], ord->reason, sizeof(ord->reason));
	kit_copy(&c[6], ord->session, sizeof(ord->session));
	kit_copy(&c[7], ord->language, sizeof(ord->language));
	kit_copy(&c[8], ord->message_id, sizeof(ord->message_id));
	ord->due_ms = col_int(&c[9]);
	kit_copy(&c[10], word, sizeof(word));
	ord->due = (enum due_action)index_of(due_names, WA_ARRAY_LEN(due_names), word);
	ord->attempts = col_int(&c[11]);
	ord->sends = col_int(&c[12]);
	ord->version = col_int(&c[13]);
	kit_copy(&c[16], ord->source_updated, sizeof(ord->source_updated));
	ord->created_ms = col_int(&c[17]);
	ord->updated_ms = col_int(&c[18]);
	ord->doc = kit_unseal_json(&o->kit, KIT_ROW("order.doc", ord->id), &c[14]);
	ord->contact = kit_unseal_json(&o->kit, KIT_ROW("order.contact", ord->id), &c[15]);
	r = ord->doc && ord->contact ? WA_OK : WA_ECRYPTO;
	if (r < 0)
		order_clear(ord);
	return r;
}

struct find {
	struct orders *o;
	struct order *ret;
	int found;
	enum message_kind kind;
	int64_t queued_ms;
};

static int on_find(void *ctx, const struct wb_value *cols, int32_t n)
{
	struct find *f = ctx;
	char word[16];
	int r = read_order(f->o, cols, f->ret);

	f->found = r < 0 ? r : 1;
	if (r == 0 && n == N_COLUMNS + 2) {
		kit_copy(&cols[N_COLUMNS], word, sizeof(word));
		f->kind = (enum message_kind)index_of(message_names, WA_ARRAY_LEN(message_names),
						      word);
		f->queued_ms = col_int(&cols[N_COLUMNS + 1]);
	}
	return 1;
}

static int find(struct orders *o, const char *sql, const struct wb_value *v, int32_t n,
		struct find *f)
{
	int r = o->host->query(o->self, sql, v, n, on_find, f);

	return r < 0 ? r : f->found;
}

int order_find(struct orders *o, const char *id, struct order *ret)
{
	const struct wb_value v[] = { kit_text(id) };
	struct find f = { .o = o, .ret = ret };

	return find(o, "SELECT " COLUMNS " FROM orders_order o WHERE o.id = $1", v, 1, &f);
}

int order_find_external(struct orders *o, const char *store_id, const char *external_id,
			struct order *ret)
{
	const struct wb_value v[] = { kit_text(store_id), kit_text(external_id) };
	struct find f = { .o = o, .ret = ret };

	return find(o,
		    "SELECT " COLUMNS
		    " FROM orders_order o WHERE o.store_id = $1 AND o.external_id = $2",
		    v, 2, &f);
}

int order_find_message(struct orders *o, const char *id, const char *wa_id, struct order *ret,
		       enum message_kind *ret_kind, int64_t *ret_queued_ms)
{
	const struct wb_value by_id[] = { kit_text(id) }, by_wa[] = { kit_text(wa_id) };
	struct find f = { .o = o, .ret = ret };
	int r = 0;

	if (*id)
		r = find(o,
			 "SELECT " COLUMNS ", m.kind, m.queued_ms FROM orders_message m"
			 " JOIN orders_order o ON o.id = m.order_id WHERE m.id = $1",
			 by_id, 1, &f);
	if (r == 0 && *wa_id)
		r = find(o,
			 "SELECT " COLUMNS ", m.kind, m.queued_ms FROM orders_message m"
			 " JOIN orders_order o ON o.id = m.order_id WHERE m.wa_id = $1",
			 by_wa, 1, &f);
	if (r == 1 && ret_kind)
		*ret_kind = f.kind;
	if (r == 1 && ret_queued_ms)
		*ret_queued_ms = f.queued_ms;
	return r;
}

/* Keyed, so that the database alone tells no number. Absent for "". */
struct hash {
	uint8_t b[32];
	bool known;
};

static struct hash hash_of(struct orders *o, const char *text)
{
	struct hash h = { .known = text && *text };
	char lower[128];
	size_t n = 0;

	if (!h.known)
		return h;
	for (; text[n] && n < sizeof(lower); n++)
		lower[n] = (char)tolower((unsigned char)text[n]);
	o->host->hash(o->self, (struct wb_str){ lower, n }, h.b);
	return h;
}

static struct wb_value v_hash(const struct hash *h)
{
	return h->known ? kit_blob(h->b, sizeof(h->b))
			: (struct wb_value){ .type = WB_NULL };
}

/* One look-up per index: OR over three of them would scan. */
#define BY_PERSON                                                  \
	"o.id IN (SELECT id FROM orders_order WHERE jid_hash = $2" \
	" UNION SELECT id FROM orders_order WHERE lid_hash = $3"   \
	" UNION SELECT id FROM orders_order WHERE phone_hash = $4)"
#define IS_OPEN "('queued', 'sent', 'delivered', 'read')"

int order_find_chat(struct orders *o, const char *session, const char *jid, const char *lid,
		    const char *phone, struct order *ret)
{
	const struct hash j = hash_of(o, jid), l = hash_of(o, lid), p = hash_of(o, phone);
	const struct wb_value v[] = { kit_text(session), v_hash(&j), v_hash(&l), v_hash(&p) };
	struct find f = { .o = o, .ret = ret };
	int r = find(o,
		     "SELECT " COLUMNS
		     " FROM orders_order o WHERE o.session = $1 AND o.state IN " IS_OPEN
		     " AND " BY_PERSON " ORDER BY o.id DESC LIMIT 1",
		     v, 4, &f);

	if (r == 0)
		r = find(o,
			 "SELECT " COLUMNS " FROM orders_order o WHERE o.session = $1"
			 " AND o.state = 'no_reply' AND " BY_PERSON " ORDER BY o.id DESC LIMIT 1",
			 v, 4, &f);
	return r;
}

struct ids {
	char (*out)[ID_SIZE];
	int n;
};

static int on_id(void *ctx, const struct wb_value *c, int32_t n)
{
	struct ids *ids = ctx;

	(void)n;
	kit_copy(&c[0], ids->out[ids->n++], ID_SIZE);
	return 0;
}

int order_due(struct orders *o, char ids[][ID_SIZE], int limit)
{
	const struct wb_value v[] = { kit_int(now_ms(o)), kit_int(limit) };
	struct ids out = { ids, 0 };
	int r = o->host->query(
		o->self,
		"SELECT id FROM orders_order WHERE due_ms IS NOT NULL AND due_ms <= $1"
		" ORDER BY due_ms, id LIMIT $2",
		v, 2, on_id, &out);

	return r < 0 ? r : out.n;
}

static int on_int(void *ctx, const struct wb_value *c, int32_t n)
{
	(void)n;
	*(int64_t *)ctx = col_int(&c[0]);
	return 1;
}

int64_t order_next_due(struct orders *o)
{
	int64_t at = 0;

	if (o->host->query(o->self, "SELECT min(due_ms) FROM orders_order WHERE due_ms IS NOT NULL",
			   NULL, 0, on_int, &at) < 0)
		return 0;
	return at;
}

struct each {
	struct orders *o;
	void (*fn)(void *ctx, struct order *ord);
	void *ctx;
};

static int on_each(void *ctx, const struct wb_value *cols, int32_t n)
{
	struct each *e = ctx;
	struct order ord;

	(void)n;
	if (read_order(e->o, cols, &ord) == 0) {
		e->fn(e->ctx, &ord);
		order_clear(&ord);
	}
	return 0;
}

struct last {
	char id[ID_SIZE];
	int64_t queued_ms;
};

static int on_last(void *ctx, const struct wb_value *c, int32_t n)
{
	struct last *l = ctx;

	(void)n;
	kit_copy(&c[0], l->id, sizeof(l->id));
	l->queued_ms = col_int(&c[1]);
	return 1;
}

int order_last_message(struct orders *o, const char *order_id, enum message_kind kind,
		       char ret_id[ID_SIZE], int64_t *ret_queued_ms)
{
	const struct wb_value v[] = { kit_text(order_id), kit_text(message_names[kind]) };
	struct last l = { .id = "" };
	int r = o->host->query(
		o->self,
		"SELECT id, queued_ms FROM orders_message WHERE order_id = $1 AND kind = $2"
		" ORDER BY id DESC LIMIT 1",
		v, 2, on_last, &l);

	if (r < 0 || !l.id[0])
		return r < 0 ? r : 0;
	if (ret_id)
		memcpy(ret_id, l.id, ID_SIZE);
	if (ret_queued_ms)
		*ret_queued_ms = l.queued_ms;
	return 1;
}

int order_each_unsent(struct orders *o, const char *store_id,
		      void (*fn)(void *ctx, struct order *ord), void *ctx)
{
	const struct wb_value v[] = { kit_text(store_id) };
	struct each e = { o, fn, ctx };

	return o->host->query(o->self,
			      "SELECT " COLUMNS " FROM orders_order o WHERE o.store_id = $1"
			      " AND o.state IN ('received', 'held') ORDER BY o.id",
			      v, 1, on_each, &e);
}

int order_each(struct orders *o, const struct order_filter *f,
	       void (*fn)(void *ctx, struct order *ord), void *ctx)
{
	const struct hash p = hash_of(o, f->phone);
	const struct wb_value v[] = {
		kit_text(f->before), kit_text(f->state), kit_text(f->store_id), kit_text(f->external_id),
		kit_text(f->number), v_hash(&p),       kit_int(f->limit),
	};
	struct each e = { o, fn, ctx };

	return o->host->query(o->self,
			      "SELECT " COLUMNS " FROM orders_order o WHERE ($1 = '' OR o.id < $1)"
			      " AND ($2 = '' OR o.state = $2) AND ($3 = '' OR o.store_id = $3)"
			      " AND ($4 = '' OR o.external_id = $4) AND ($5 = '' OR o.number = $5)"
			      " AND ($6 IS NULL OR o.phone_hash = $6) ORDER BY o.id DESC LIMIT $7",
			      v, 7, on_each, &e);
}

/* ---- writing ---- */

static void add_history(struct wb_tx *tx, struct orders *o, const struct order *ord,
			enum order_state from, enum order_actor by)
{
	const struct wb_value v[] = {
		kit_text(ord->id),
		kit_int(now_ms(o)),
		kit_text(from == ORDER_NEW ? "" : order_state_str(from)),
		kit_text(order_state_str(ord->state)),
		kit_text(order_actor_str(by)),
		kit_text(ord->reason),
		kit_text(ord->message_id),
	};

	o->host->tx_sql(
		tx,
		"INSERT INTO orders_history (order_id, at_ms, from_state, to_state, actor, reason,"
		" message_id) VALUES ($1, $2, $3, $4, $5, $6, $7)",
		v, 7, WB_MUST_CHANGE);
}

int order_event(struct wb_tx *tx, struct orders *o, const struct order *ord, const char *kind,
		const json_t *extra)
{
	json_t *j = order_json(ord);
	char *text;

	if (extra)
		json_object_update(j, (json_t *)(uintptr_t)extra);
	text = json_dumps(j, JSON_COMPACT);
	json_decref(j);
	if (!text)
		return WA_ENOMEM;
	o->host->tx_event(tx, &(struct wb_event_new){ .kind = kind,
						      .session = ord->session,
						      .subject = ord->id,
						      .json = { text, strlen(text) } });
	free(text);
	return WA_OK;
}

static int state_event(struct wb_tx *tx, struct orders *o, const struct order *ord,
		       enum order_state from, enum order_actor by)
{
	json_t *extra =
		json_pack("{s:s, s:s}", "previous", from == ORDER_NEW ? "" : order_state_str(from),
			  "actor", order_actor_str(by));
	char kind[32];
	int r;

	snprintf(kind, sizeof(kind), "order.%s", order_state_str(ord->state));
	r = order_event(tx, o, ord, kind, extra);
	json_decref(extra);
	return r;
}

/* The sealed columns of a row; both buffers are cleared by the caller. */
static int seal_row(struct orders *o, const struct order *ord, bool all, struct wa_buf *doc,
		    struct wa_buf *contact)
{
	int r = WA_OK;

	wa_buf_init(doc, DOC_SEALED_MAX);
	wa_buf_init(contact, CONTACT_SEALED_MAX);
	if (all || ord->doc_changed)
		r = kit_seal_json(&o->kit, KIT_ROW("order.doc", ord->id), ord->doc, doc);
	if (r == 0 && (all || ord->contact_changed))
		r = kit_seal_json(&o->kit, KIT_ROW("order.contact", ord->id), ord->contact, contact);
	return r;
}

int order_insert(struct wb_tx *tx, struct orders *o, struct order *ord, enum order_actor by)
{
	const struct hash phone = hash_of(o, source_str(ord->contact, "phone"));
	struct wa_buf doc, contact;
	int r = seal_row(o, ord, true, &doc, &contact);

	ord->state = ORDER_RECEIVED;
	ord->version = 1;
	ord->created_ms = ord->updated_ms = now_ms(o);
	if (r == 0) {
		const struct wb_value v[] = {
			kit_text(ord->id),
			kit_text(ord->store_id),
			kit_text(ord->external_id),
			kit_text(ord->number),
			kit_text(ord->session),
			kit_text(ord->language),
			kit_when(ord->due_ms),
			kit_text(due_names[ord->due]),
			kit_sealed(&doc),
			kit_sealed(&contact),
			v_hash(&phone),
			kit_text(ord->source_updated),
			kit_int(ord->created_ms),
		};

		o->host->tx_sql(
			tx,
			"INSERT INTO orders_order (id, store_id, external_id, number, state, "
			"reason,"
			" session, language, message_id, due_ms, due_action, attempts, sends, "
			"version,"
			" order_doc, contact, phone_hash, source_updated, created_ms, updated_ms)"
			" VALUES ($1, $2, $3, $4, 'received', '', $5, $6, '', $7, $8, 0, 0, 1,"
			" $9, $10, $11, $12, $13, $13) ON CONFLICT DO NOTHING",
			v, WA_ARRAY_LEN(v), WB_MUST_CHANGE);
		add_history(tx, o, ord, ORDER_NEW, by);
		r = state_event(tx, o, ord, ORDER_NEW, by);
	}
	wa_buf_clear(&doc);
	wa_buf_clear(&contact);
	return r;
}

/* ord holds what is to be; `from` and ord->version what the row must still be. */
static int write_row(struct wb_tx *tx, struct orders *o, struct order *ord, enum order_state from)
{
	const struct hash jid = hash_of(o, source_str(ord->contact, "jid"));
	const struct hash lid = hash_of(o, source_str(ord->contact, "lid"));
	const struct hash phone = hash_of(o, source_str(ord->contact, "phone"));
	struct wa_buf doc, contact;
	int r = seal_row(o, ord, false, &doc, &contact);

	ord->updated_ms = now_ms(o);
	if (r == 0) {
		const struct wb_value v[] = {
			kit_text(ord->id),
			kit_int(ord->version),
			kit_text(order_state_str(from)),
			kit_text(order_state_str(ord->state)),
			kit_text(ord->reason),
			kit_text(ord->session),
			kit_text(ord->language),
			kit_text(ord->message_id),
			kit_when(ord->due_ms),
			kit_text(due_names[ord->due]),
			kit_int(ord->attempts),
			kit_int(ord->sends),
			kit_sealed(&doc),
			kit_sealed(&contact),
			v_hash(&phone),
			v_hash(&jid),
			v_hash(&lid),
			kit_text(ord->source_updated),
			kit_int(ord->updated_ms),
			kit_text(ord->number),
		};

		o->host->tx_sql(
			tx,
			"UPDATE orders_order SET version = version + 1, state = $4, reason = $5,"
			" session = $6, language = $7, message_id = $8, due_ms = $9, due_action = "
			"$10,"
			" attempts = $11, sends = $12, order_doc = coalesce($13, order_doc),"
			" contact = coalesce($14, contact), phone_hash = $15, jid_hash = $16,"
			" lid_hash = $17, source_updated = $18, updated_ms = $19, number = $20"
			" WHERE id = $1 AND version = $2 AND state = $3",
			v, WA_ARRAY_LEN(v), WB_MUST_CHANGE);
		ord->version++;
		ord->doc_changed = ord->contact_changed = false;
	}
	wa_buf_clear(&doc);
	wa_buf_clear(&contact);
	return r;
}

int order_touch(struct wb_tx *tx, struct orders *o, struct order *ord)
{
	return write_row(tx, o, ord, ord->state);
}

int order_change(struct wb_tx *tx, struct orders *o, struct order *ord, enum order_state to,
		 enum order_actor by, const char *reason)
{
	enum order_state from = ord->state;
	int r;

	if (!order_may(from, to, by))
		return WA_ESTATE;
	ord->state = to;
	snprintf(ord->reason, sizeof(ord->reason), "%s", reason ? reason : "");
	r = write_row(tx, o, ord, from);
	if (r < 0)
		return r;
	add_history(tx, o, ord, from, by);
	return state_event(tx, o, ord, from, by);
}

void order_wake_held(struct wb_tx *tx, struct orders *o, const char *session)
{
	const struct wb_value v[] = { kit_text(session), kit_int(now_ms(o)) };

	o->host->tx_sql(tx,
			"UPDATE orders_order SET due_ms = $2 WHERE state = 'held' AND session = $1"
			" AND reason <> 'delay' AND due_action = 'check' AND due_ms > $2",
			v, 2, 0);
}

void order_message_add(struct wb_tx *tx, struct orders *o, const char *message_id,
		       const char *order_id, enum message_kind kind)
{
	const struct wb_value v[] = { kit_text(message_id), kit_text(order_id),
				      kit_text(message_names[kind]), kit_int(now_ms(o)) };

	o->host->tx_sql(tx,
			"INSERT INTO orders_message (id, order_id, kind, queued_ms) VALUES ($1, "
			"$2, $3, $4)",
			v, 4, WB_MUST_CHANGE);
}

void order_message_sent(struct wb_tx *tx, struct orders *o, const char *message_id,
			const char *wa_id)
{
	const struct wb_value v[] = { kit_text(message_id), kit_text(wa_id) };

	o->host->tx_sql(tx, "UPDATE orders_message SET wa_id = $2 WHERE id = $1", v, 2, 0);
}

void order_set_due(struct order *ord, enum due_action action, int64_t at_ms)
{
	ord->due = action;
	ord->due_ms = action == DUE_NOTHING ? 0 : at_ms;
}

/* ---- showing ---- */

json_t *order_json(const struct order *ord)
{
	static const char *const copied[] = { "total",   "payment",    "items",
					      "address", "country",    "note",
					      "urls",    "fulfilment", "created_at",
					      "status" };
	const json_t *customer = source_object(ord->doc, "customer");
	json_t *j = json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "id", ord->id, "order_id",
		ord->id, "store_id", ord->store_id, "external_id", ord->external_id, "number",
		ord->number, "state", order_state_str(ord->state), "reason", ord->reason, "session",
		ord->session, "language", ord->language, "message_id", ord->message_id);
	json_t *c = customer ? json_deep_copy(customer) : json_object(), *shop = json_object();

	json_object_set_new(c, "phone", json_string(source_str(ord->contact, "phone")));
	if (*source_str(ord->contact, "jid"))
		json_object_set_new(c, "jid", json_string(source_str(ord->contact, "jid")));
	if (*source_str(ord->contact, "lid"))
		json_object_set_new(c, "lid", json_string(source_str(ord->contact, "lid")));
	json_object_set_new(j, "customer", c);
	for (size_t i = 0; i < WA_ARRAY_LEN(copied); i++) {
		json_t *v = json_object_get(ord->doc, copied[i]);

		/* what the shop calls its states and times must not be taken for ours */
		if (v && i >= 8)
			json_object_set(shop, copied[i], v);
		else if (v)
			json_object_set(j, copied[i], v);
	}
	json_object_set_new(j, "shop", shop);
	json_object_set_new(j, "created_at", kit_time(ord->created_ms));
	json_object_set_new(j, "updated_at", kit_time(ord->updated_ms));
	return j;
}

static int on_history(void *ctx, const struct wb_value *c, int32_t n)
{
	char from[16], to[16], actor[16], reason[128], message[ID_SIZE];

	(void)n;
	kit_copy(&c[1], from, sizeof(from));
	kit_copy(&c[2], to, sizeof(to));
	kit_copy(&c[3], actor, sizeof(actor));
	kit_copy(&c[4], reason, sizeof(reason));
	kit_copy(&c[5], message, sizeof(message));
	json_array_append_new(ctx,
			      json_pack("{s:o, s:s, s:s, s:s, s:s, s:s}", "time",
					kit_time(col_int(&c[0])), "from", from, "to", to, "actor",
					actor, "reason", reason, "message_id", message));
	return 0;
}

json_t *order_history(struct orders *o, const char *id)
{
	const struct wb_value v[] = { kit_text(id) };
	json_t *list = json_array();

	if (o->host->query(o->self,
			   "SELECT at_ms, from_state, to_state, actor, reason, message_id"
			   " FROM orders_history WHERE order_id = $1 ORDER BY id",
			   v, 1, on_history, list) < 0) {
		json_decref(list);
		return NULL;
	}
	return list;
}
