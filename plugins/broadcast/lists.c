/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "person.h"

#include "text.h"

#define PURGE_ROWS 500
#define PURGE_MS 100
#define SOON_MS 10000

void list_clear(struct list *l)
{
	json_decref(l->name);
	memset(l, 0, sizeof(*l));
}

struct finding {
	struct bc *b;
	struct list *ret;
	int code;
};

static int read_list(struct bc *b, const struct wb_value *c, struct list *ret)
{
	memset(ret, 0, sizeof(*ret));
	kit_copy(&c[0], ret->id, sizeof(ret->id));
	kit_copy(&c[1], ret->owner, sizeof(ret->owner));
	ret->count = c[3].num;
	ret->created_ms = c[4].num;
	ret->updated_ms = c[5].num;
	ret->name = kit_unseal_json(&b->kit, KIT_ROW("list", ret->id), &c[2]);
	return ret->name ? WA_OK : WA_ECRYPTO;
}

static int on_list(void *ctx, const struct wb_value *c, int32_t n)
{
	struct finding *f = ctx;

	(void)n;
	f->code = read_list(f->b, c, f->ret);
	if (f->code == 0)
		f->code = 1;
	return 1;
}

#define LIST_COLUMNS "SELECT id, owner, name, count, created_ms, updated_ms FROM broadcast_list "

int list_find(struct bc *b, const char *id, const char *owner, struct list *ret)
{
	const struct wb_value v[] = { kit_text(id), kit_text(owner) };
	struct finding f = { b, ret, 0 };
	int r = b->host->query(b->self, LIST_COLUMNS "WHERE id = $1 AND removed_ms = 0 AND ($2 IS NULL OR owner = $2)",
			       v, 2, on_list, &f);

	return r < 0 ? r : f.code;
}

json_t *list_json(const struct list *l)
{
	return json_pack("{s:s, s:O, s:I, s:o, s:o}", "id", l->id, "name", l->name, "count", (json_int_t)l->count,
			 "created_at", kit_time(l->created_ms), "updated_at", kit_time(l->updated_ms));
}

static void name_key(struct bc *b, const char *owner, const char *name, uint8_t out[KEY_SIZE])
{
	char text[NAME_TEXT_MAX + 64];

	(void)snprintf(text, sizeof(text), "list:%s:%s", owner, name);
	b->host->hash(b->self, kit_str(text), out);
}

int list_add(struct wb_tx *tx, struct bc *b, const char *owner, const char *name, char ret_id[LIST_ID_SIZE])
{
	json_t *text = json_string(name);
	uint8_t key[KEY_SIZE];
	struct wa_buf sealed;
	int r;

	b->host->ulid(ret_id);
	name_key(b, owner, name, key);
	r = kit_seal_json(&b->kit, KIT_ROW("list", ret_id), text, &sealed);
	if (r == 0) {
		const struct wb_value v[] = { kit_text(ret_id), kit_text(owner), kit_blob(key, sizeof(key)),
					      kit_sealed(&sealed), kit_int(now_ms(b)) };

		b->host->tx_sql(tx,
				"INSERT INTO broadcast_list (id, owner, name_key, name, created_ms, updated_ms) "
				"VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT DO NOTHING",
				v, 5, WB_MUST_CHANGE);
	}
	wa_buf_clear(&sealed);
	json_decref(text);
	return r;
}

struct id_of {
	char *ret;
	bool found;
};

static int on_id(void *ctx, const struct wb_value *c, int32_t n)
{
	struct id_of *o = ctx;

	(void)n;
	o->found = true;
	if (o->ret)
		kit_copy(&c[0], o->ret, LIST_ID_SIZE);
	return 1;
}

bool list_own(struct bc *b, const char *owner, const char *name, char ret_id[LIST_ID_SIZE])
{
	struct id_of o = { ret_id, false };
	uint8_t key[KEY_SIZE];

	name_key(b, owner, name, key);
	const struct wb_value v[] = { kit_blob(key, sizeof(key)) };
	(void)b->host->query(b->self, "SELECT id FROM broadcast_list WHERE name_key = $1 AND removed_ms = 0", v, 1,
			     on_id, &o);
	return o.found;
}

void list_remove(struct wb_tx *tx, struct bc *b, const char *id)
{
	const struct wb_value v[] = { kit_text(id), kit_int(now_ms(b)) };

	b->host->tx_sql(tx, "UPDATE broadcast_list SET removed_ms = $2 WHERE id = $1 AND removed_ms = 0", v, 2,
			WB_MUST_CHANGE);
}

/* ---- members ---- */

/* Rows cannot be swapped: list and identity are sealed with them. */
static void member_id(const char *list, const void *key, char out[LIST_ID_SIZE + 34])
{
	char hex[33];

	(void)snprintf(out, LIST_ID_SIZE + 34, "%s:%s", list, wa_hex_encode(wa_span(key, 16), hex));
}

int member_put(struct wb_tx *tx, struct bc *b, const char *list, const struct person *p, const json_t *doc)
{
	char id[LIST_ID_SIZE + 34];
	uint8_t key[KEY_SIZE];
	struct wa_buf sealed;
	int r;

	person_key(b, p, key);
	member_id(list, key, id);
	r = kit_seal_json(&b->kit, KIT_ROW("member", id), doc, &sealed);
	if (r == 0 && sealed.len > PERSON_DOC_MAX)
		r = WA_ELIMIT;
	if (r == 0) {
		const struct wb_value v[] = { kit_text(list), kit_blob(key, sizeof(key)),
					      kit_sealed(&sealed) };

		b->host->tx_sql(tx,
				"INSERT INTO broadcast_member (list, key, doc) SELECT $1, $2, $3 WHERE EXISTS "
				"(SELECT 1 FROM broadcast_list WHERE id = $1 AND removed_ms = 0) "
				"ON CONFLICT (list, key) DO UPDATE SET doc = excluded.doc",
				v, 3, WB_MUST_CHANGE);
	}
	wa_buf_clear(&sealed);
	return r;
}

bool member_has(struct bc *b, const char *list, const uint8_t key[32])
{
	const struct wb_value v[] = { kit_text(list), kit_blob(key, KEY_SIZE) };
	struct id_of o = { NULL, false };

	(void)b->host->query(b->self, "SELECT 1 FROM broadcast_member WHERE list = $1 AND key = $2", v, 2, on_id, &o);
	return o.found;
}

struct walk {
	struct bc *b;
	const char *list;
	member_fn *fn;
	void *ctx;
	int64_t last;
	int count;
};

static int on_member(void *ctx, const struct wb_value *c, int32_t n)
{
	struct walk *w = ctx;
	char id[LIST_ID_SIZE + 34];
	json_t *doc;

	(void)n;
	w->last = c[0].num;
	w->count++;
	if (c[1].str.len != KEY_SIZE)
		return 0;
	member_id(w->list, c[1].str.ptr, id);
	doc = kit_unseal_json(&w->b->kit, KIT_ROW("member", id), &c[2]);
	if (!doc) {
		log_note(w->b, WB_ERROR, "broadcast.unreadable", "list", w->list);
		return 0;
	}
	w->fn(w->ctx, w->last, doc);
	json_decref(doc);
	return 0;
}

int member_each(struct bc *b, const char *list, int64_t after, int limit, member_fn *fn, void *ctx,
		int64_t *ret_last)
{
	const struct wb_value v[] = { kit_text(list), kit_int(after), kit_int(limit) };
	struct walk w = { b, list, fn, ctx, after, 0 };
	int r = b->host->query(b->self,
			       "SELECT n, key, doc FROM broadcast_member WHERE list = $1 AND n > $2 ORDER BY n "
			       "LIMIT $3",
			       v, 3, on_member, &w);

	if (r < 0)
		return r;
	*ret_last = w.last;
	return w.count;
}

/* ---- what was removed ---- */

static const char *const purges[] = {
	"UPDATE broadcast_list SET removed_ms = 1 WHERE removed_ms = 0 AND owner IN "
	"(SELECT id FROM broadcast_broadcast WHERE removed_ms > 0)",
	"DELETE FROM broadcast_member WHERE n IN (SELECT m.n FROM broadcast_member m JOIN broadcast_list l "
	"ON l.id = m.list WHERE l.removed_ms > 0 LIMIT $1)",
	"DELETE FROM broadcast_recipient WHERE n IN (SELECT r.n FROM broadcast_recipient r JOIN "
	"broadcast_broadcast b ON b.id = r.broadcast WHERE b.removed_ms > 0 LIMIT $1)",
	"DELETE FROM broadcast_barred WHERE (broadcast, key) IN (SELECT x.broadcast, x.key FROM broadcast_barred x "
	"JOIN broadcast_broadcast b ON b.id = x.broadcast WHERE b.removed_ms > 0 LIMIT $1)",
	"DELETE FROM broadcast_list WHERE removed_ms > 0 AND NOT EXISTS "
	"(SELECT 1 FROM broadcast_member WHERE list = broadcast_list.id)",
	"DELETE FROM broadcast_count WHERE broadcast IN (SELECT id FROM broadcast_broadcast b WHERE removed_ms > 0 "
	"AND NOT EXISTS (SELECT 1 FROM broadcast_recipient WHERE broadcast = b.id))",
	"DELETE FROM broadcast_part WHERE broadcast IN (SELECT id FROM broadcast_broadcast b WHERE removed_ms > 0 "
	"AND NOT EXISTS (SELECT 1 FROM broadcast_recipient WHERE broadcast = b.id))",
	"DELETE FROM broadcast_broadcast WHERE removed_ms > 0 AND NOT EXISTS (SELECT 1 FROM broadcast_recipient "
	"WHERE broadcast = broadcast_broadcast.id) AND NOT EXISTS (SELECT 1 FROM broadcast_barred "
	"WHERE broadcast = broadcast_broadcast.id)",
};

static void on_purge(void *ctx);

static void on_purged(void *ctx, int32_t code, const char *message)
{
	struct bc *b = ctx;

	(void)message;
	if (code && code != WB_ECONFLICT)
		log_note(b, WB_WARN, "broadcast.purge_failed", "error", message);
	if (!b->purge)
		b->purge = b->host->timer(b->self, PURGE_MS, 0, on_purge, b);
}

/* One small step of each kind as long as something removed is there. */
static void on_purge(void *ctx)
{
	struct bc *b = ctx;
	struct id_of o = { NULL, false };
	const struct wb_value v[] = { kit_int(PURGE_ROWS) };
	struct wb_tx *tx;

	b->purge = NULL;
	(void)b->host->query(b->self,
			     "SELECT 1 FROM broadcast_list WHERE removed_ms > 0 UNION ALL "
			     "SELECT 1 FROM broadcast_broadcast WHERE removed_ms > 0 LIMIT 1",
			     NULL, 0, on_id, &o);
	if (!o.found)
		return;
	tx = b->host->tx_begin(b->self);
	for (size_t i = 0; i < WA_ARRAY_LEN(purges); i++)
		b->host->tx_sql(tx, purges[i], v, strstr(purges[i], "$1") ? 1 : 0, 0);
	b->host->tx_commit(tx, on_purged, b);
}

void purge_soon(struct bc *b)
{
	if (!b->purge)
		b->purge = b->host->timer(b->self, SOON_MS, 0, on_purge, b);
}

void purge_start(struct bc *b)
{
	if (!b->purge)
		b->purge = b->host->timer(b->self, 0, 0, on_purge, b);
}
