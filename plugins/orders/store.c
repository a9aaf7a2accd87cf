/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store.h"

#include "crypto.h"
#include "text.h"

#define MINUTE_MS        INT64_C(60000)
#define PREVIOUS_KEEP_MS (60 * MINUTE_MS)

#define COLUMNS                                                                             \
	"id, kind, name, session, country, language, enabled, secret IS NOT NULL, options," \
	" created_ms, updated_ms, removed_ms, previous_until_ms"

static bool read_store(const struct wb_value *c, struct store *s)
{
	json_t *options;

	memset(s, 0, sizeof(*s));
	kit_copy(&c[0], s->id, sizeof(s->id));
	kit_copy(&c[1], s->kind, sizeof(s->kind));
	kit_copy(&c[2], s->name, sizeof(s->name));
	kit_copy(&c[3], s->session, sizeof(s->session));
	kit_copy(&c[4], s->country, sizeof(s->country));
	kit_copy(&c[5], s->language, sizeof(s->language));
	s->enabled = col_int(&c[6]) != 0;
	s->has_secret = col_int(&c[7]) != 0;
	options = json_loadb(c[8].str.ptr, c[8].str.len, 0, NULL);
	s->options = options ? options : json_object();
	s->created_ms = col_int(&c[9]);
	s->updated_ms = col_int(&c[10]);
	s->removed_ms = col_int(&c[11]);
	s->previous_until_ms = col_int(&c[12]);
	return s->options != NULL;
}

void store_clear(struct store *s)
{
	json_decref(s->options);
	s->options = NULL;
}

struct find {
	struct store *ret;
	int found;
};

static int on_find(void *ctx, const struct wb_value *cols, int32_t n)
{
	struct find *f = ctx;

	(void)n;
	f->found = read_store(cols, f->ret) ? 1 : WA_ENOMEM;
	return 1;
}

int store_find(struct orders *o, const char *id, struct store *ret)
{
	const struct wb_value v[] = { kit_text(id) };
	struct find f = { ret, 0 };
	int r = o->host->query(o->self, "SELECT " COLUMNS " FROM orders_store WHERE id = $1", v, 1,
			       on_find, &f);

	return r < 0 ? r : f.found;
}

int store_find_token(struct orders *o, const char *token, struct store *ret)
{
	uint8_t hash[WA_SHA256_LEN];
	struct find f = { ret, 0 };
	struct wb_value v[1];
	int r;

	wa_sha256(wa_span_str(token), hash);
	v[0] = kit_blob(hash, sizeof(hash));
	r = o->host->query(o->self, "SELECT " COLUMNS " FROM orders_store WHERE token_hash = $1", v,
			   1, on_find, &f);
	return r < 0 ? r : f.found;
}

struct each {
	void (*fn)(void *ctx, const struct store *s);
	void *ctx;
};

static int on_each(void *ctx, const struct wb_value *cols, int32_t n)
{
	struct each *e = ctx;
	struct store s;

	(void)n;
	if (read_store(cols, &s)) {
		e->fn(e->ctx, &s);
		store_clear(&s);
	}
	return 0;
}

int store_each(struct orders *o, const char *after, int limit,
	       void (*fn)(void *ctx, const struct store *s), void *ctx)
{
	const struct wb_value v[] = { kit_text(after), kit_int(limit) };
	struct each e = { fn, ctx };

	return o->host->query(o->self,
			      "SELECT " COLUMNS
			      " FROM orders_store WHERE removed_ms IS NULL AND id > $1"
			      " ORDER BY id LIMIT $2",
			      v, 2, on_each, &e);
}

static void count_store(void *ctx, const struct store *s)
{
	(void)s;
	(*(int *)ctx)++;
}

int store_uses_session(struct orders *o, const char *session,
		       void (*fn)(void *ctx, const struct store *s), void *ctx)
{
	static const char sql[] = "SELECT " COLUMNS " FROM orders_store WHERE session = $1"
				  " AND removed_ms IS NULL AND enabled = 1";
	const struct wb_value v[] = { kit_text(session) };
	int count = 0;
	struct each e = { count_store, &count };
	int r = o->host->query(o->self, sql, v, 1, on_each, &e);

	if (r < 0 || count == 0)
		return r < 0 ? r : 0;
	e = (struct each){ fn, ctx };
	r = o->host->query(o->self, sql, v, 1, on_each, &e);
	return r < 0 ? r : 1;
}

struct secrets {
	struct orders *o;
	const char *id;
	struct wa_buf *secret, *previous;
	int r;
};

static int on_secrets(void *ctx, const struct wb_value *c, int32_t n)
{
	struct secrets *s = ctx;

	(void)n;
	if (c[0].type == WB_BLOB)
		s->r = kit_unseal(&s->o->kit, KIT_ROW("store.secret", s->id), &c[0], s->secret);
	if (s->r == 0 && c[1].type == WB_BLOB && col_int(&c[2]) > now_ms(s->o))
		s->r = kit_unseal(&s->o->kit, KIT_ROW("store.secret", s->id), &c[1], s->previous);
	return 1;
}

int store_secrets(struct orders *o, const struct store *s, struct wa_buf *secret,
		  struct wa_buf *previous)
{
	const struct wb_value v[] = { kit_text(s->id) };
	struct secrets ctx = { o, s->id, secret, previous, 0 };
	int r = o->host->query(
		o->self,
		"SELECT secret, previous, previous_until_ms FROM orders_store WHERE id = $1", v, 1,
		on_secrets, &ctx);

	return r < 0 ? r : ctx.r;
}

void store_new_token(struct orders *o, char token[STORE_TOKEN_SIZE])
{
	uint8_t raw[STORE_TOKEN_BYTES];
	char text[WA_B64_LEN(STORE_TOKEN_BYTES)];

	o->host->random(raw, sizeof(raw));
	wa_b64_encode(wa_span(raw, sizeof(raw)), WA_B64_URL, text);
	memcpy(token, text, STORE_TOKEN_SIZE - 1);
	token[STORE_TOKEN_SIZE - 1] = 0;
	wa_wipe(raw, sizeof(raw));
	wa_wipe(text, sizeof(text));
}

static int seal_secret(struct orders *o, const char *id, const char *secret, struct wa_buf *out)
{

	return kit_seal(&o->kit, KIT_ROW("store.secret", id), wa_span_str(secret), out);
}

static char *options_text(const struct store *s)
{
	return json_dumps(s->options, JSON_COMPACT | JSON_SORT_KEYS);
}

int store_insert(struct wb_tx *tx, struct orders *o, const struct store *s, const char *token,
		 const char *secret)
{
	WA_AUTO(wa_freep) char *options = options_text(s);
	uint8_t hash[WA_SHA256_LEN];
	struct wa_buf sealed;
	int r = WA_OK;

	if (!options)
		return WA_ENOMEM;
	wa_buf_init(&sealed, SOURCE_SECRET_MAX + 256);
	wa_sha256(wa_span_str(token), hash);
	if (secret)
		r = seal_secret(o, s->id, secret, &sealed);
	if (r == 0) {
		const struct wb_value v[] = {
			kit_text(s->id),
			kit_text(s->kind),
			kit_text(s->name),
			kit_text(s->session),
			kit_text(s->country),
			kit_text(s->language),
			kit_int(s->enabled),
			kit_blob(hash, sizeof(hash)),
			kit_sealed(&sealed),
			kit_text(options),
			kit_int(s->created_ms),
		};

		o->host->tx_sql(
			tx,
			"INSERT INTO orders_store (id, kind, name, session, country, language,"
			" enabled, token_hash, secret, options, created_ms, updated_ms)"
			" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)",
			v, WA_ARRAY_LEN(v), WB_MUST_CHANGE);
	}
	wa_buf_clear(&sealed);
	return r;
}

int store_update(struct wb_tx *tx, struct orders *o, const struct store *s, const char *new_token,
		 const char *new_secret)
{
	WA_AUTO(wa_freep) char *options = options_text(s);
	uint8_t hash[WA_SHA256_LEN];
	struct wa_buf sealed;
	int r = WA_OK;

	if (!options)
		return WA_ENOMEM;
	if (new_secret) {
		wa_buf_init(&sealed, SOURCE_SECRET_MAX + 256);
		r = seal_secret(o, s->id, new_secret, &sealed);
		if (r == 0) {
			const struct wb_value v[] = { kit_sealed(&sealed),
						      kit_int(now_ms(o) + PREVIOUS_KEEP_MS),
						      kit_text(s->id) };

			o->host->tx_sql(
				tx,
				"UPDATE orders_store SET previous = secret, previous_until_ms = $2,"
				" secret = $1 WHERE id = $3",
				v, 3, WB_MUST_CHANGE);
		}
		wa_buf_clear(&sealed);
	}
	if (new_token) {
		struct wb_value v[2];

		wa_sha256(wa_span_str(new_token), hash);
		v[0] = kit_blob(hash, sizeof(hash));
		v[1] = kit_text(s->id);
		o->host->tx_sql(tx, "UPDATE orders_store SET token_hash = $1 WHERE id = $2", v, 2,
				WB_MUST_CHANGE);
	}
	if (r == 0) {
		const struct wb_value v[] = {
			kit_text(s->id),      kit_text(s->name),      kit_text(s->session),
			kit_text(s->country), kit_text(s->language),  kit_int(s->enabled),
			kit_text(options),    kit_int(s->updated_ms),
		};

		o->host->tx_sql(tx,
				"UPDATE orders_store SET name = $2, session = $3, country = $4,"
				" language = $5, enabled = $6, options = $7, updated_ms = $8"
				" WHERE id = $1 AND removed_ms IS NULL",
				v, WA_ARRAY_LEN(v), WB_MUST_CHANGE);
	}
	return r;
}

void store_remove(struct wb_tx *tx, struct orders *o, const char *id)
{
	const struct wb_value v[] = { kit_text(id), kit_int(now_ms(o)) };

	o->host->tx_sql(tx,
			"UPDATE orders_store SET removed_ms = $2, token_hash = NULL, secret = NULL,"
			" previous = NULL, enabled = 0 WHERE id = $1 AND removed_ms IS NULL",
			v, 2, WB_MUST_CHANGE);
	/* what was not read yet will not be: there is no store any more */
	o->host->tx_sql(tx,
			"UPDATE orders_delivery SET body = NULL, headers = NULL,"
			" reason = CASE state WHEN 'stored' THEN 'store_removed' ELSE reason END,"
			" state = CASE state WHEN 'stored' THEN 'ignored' ELSE state END"
			" WHERE store_id = $1",
			v, 1, 0);
}

int64_t store_minutes(const struct store *s, const char *option, int64_t fallback_ms)
{
	const json_t *j = json_object_get(s->options, option);

	return json_is_integer(j) ? json_integer_value(j) * MINUTE_MS : fallback_ms;
}

bool store_flag(const struct store *s, const char *option, bool fallback)
{
	const json_t *j = json_object_get(s->options, option);

	return json_is_boolean(j) ? json_is_true(j) : fallback;
}
