/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "endpoint.h"

#include "clock.h"

static const char *const state_names[] = { "active", "paused" };

const char *endpoint_state_str(int state)
{
	return state_names[state == EP_PAUSED];
}

struct endpoint *endpoint_find(struct webhooks *w, const char *id)
{
	struct wa_list *l;

	WA_LIST_EACH(l, &w->endpoints) {
		struct endpoint *e = container_of(l, struct endpoint, link);

		if (strcmp(e->id, id) == 0)
			return e;
	}
	return NULL;
}

int endpoint_set(char **field, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return WA_ENOMEM;
	if (*field)
		wa_wipe(*field, strlen(*field));
	free(*field);
	*field = copy;
	return WA_OK;
}

struct endpoint *endpoint_new(struct webhooks *w, const char *id, const char *url, const char *secret,
			      const char *kinds, const char *session)
{
	struct endpoint *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->hooks = w;
	e->log.endpoint = e->dead.endpoint = e;
	wa_list_push_back(&w->endpoints, &e->link);
	w->n_endpoints++;
	(void)snprintf(e->id, sizeof(e->id), "%s", id);
	e->created_ms = w->host->now_ms();
	if (endpoint_set(&e->url, url) || endpoint_set(&e->secret, secret) ||
	    endpoint_set(&e->kinds, kinds) || endpoint_set(&e->session, session)) {
		endpoint_free(e);
		return NULL;
	}
	return e;
}

static void free_wiped(char *s)
{
	if (s)
		wa_wipe(s, strlen(s));
	free(s);
}

void endpoint_free(struct endpoint *e)
{
	if (!e)
		return;
	endpoint_stop(e);
	wa_list_del(&e->link);
	e->hooks->n_endpoints--;
	free_wiped(e->secret);
	free_wiped(e->url);
	free(e->kinds);
	free(e->session);
	free(e);
}


static void copy_out(void *ctx, struct wb_str s)
{
	wa_buf_put(ctx, s.ptr, s.len);
}

/* Seal `text` for column `label` of row e into buf; the caller clears it. */
static struct wb_value sealed(struct endpoint *e, const char *label, const char *text, struct wa_buf *buf)
{
	char aad[64];

	wa_buf_init(buf, URL_MAX_LEN + 128);
	(void)snprintf(aad, sizeof(aad), "%s:%s", label, e->id);
	if (e->hooks->host->seal(e->hooks->self, webhooks_str(aad), webhooks_str(text), copy_out, buf))
		return (struct wb_value){ .type = WB_NULL };	/* NOT NULL column: the commit fails */
	return (struct wb_value){ .type = WB_BLOB, .str = { (const char *)buf->ptr, buf->len } };
}

static void put(struct wb_tx *tx, struct endpoint *e, const char *sql)
{
	struct wa_buf url, secret;
	const struct wb_value v[] = {
		webhooks_text(e->id),
		sealed(e, "url", e->url, &url),
		sealed(e, "secret", e->secret, &secret),
		webhooks_text(e->kinds),
		webhooks_text(e->session),
		webhooks_text(endpoint_state_str(e->state)),
		webhooks_int(e->created_ms),
	};

	e->hooks->host->tx_sql(tx, sql, v, (int32_t)WA_ARRAY_LEN(v), WB_MUST_CHANGE);
	wa_buf_clear(&url);
	wa_buf_clear(&secret);
}

void endpoint_insert(struct wb_tx *tx, struct endpoint *e)
{
	put(tx, e,
	    "INSERT INTO webhooks_endpoint (id, url, secret, kinds, session, state, created_ms) "
	    "VALUES ($1, $2, $3, $4, $5, $6, $7)");
}

void endpoint_update(struct wb_tx *tx, struct endpoint *e)
{
	put(tx, e,
	    "UPDATE webhooks_endpoint SET url = $2, secret = $3, kinds = $4, session = $5, state = $6, "
	    "created_ms = $7 WHERE id = $1");
}

void endpoint_delete(struct wb_tx *tx, struct endpoint *e)
{
	const struct wb_value id = webhooks_text(e->id);

	e->hooks->host->tx_sql(tx, "DELETE FROM webhooks_dead WHERE endpoint = $1", &id, 1, 0);
	e->hooks->host->tx_sql(tx, "DELETE FROM webhooks_endpoint WHERE id = $1", &id, 1, WB_MUST_CHANGE);
}

static int unsealed(struct webhooks *w, const char *label, const char *id, struct wb_str blob,
		    struct wa_buf *out)
{
	char aad[64];

	wa_buf_init(out, URL_MAX_LEN + 128);
	(void)snprintf(aad, sizeof(aad), "%s:%s", label, id);
	return w->host->unseal(w->self, webhooks_str(aad), blob, copy_out, out);
}

static int load_row(void *ctx, const struct wb_value *c, int32_t n)
{
	struct webhooks *w = ctx;
	struct wa_buf url, secret;
	char id[27], kinds[KINDS_MAX_LEN + 1], session[80];
	struct endpoint *e = NULL;

	(void)n;
	(void)snprintf(id, sizeof(id), "%.*s", (int)c[0].str.len, c[0].str.ptr);
	(void)snprintf(kinds, sizeof(kinds), "%.*s", (int)c[3].str.len, c[3].str.ptr);
	(void)snprintf(session, sizeof(session), "%.*s", (int)c[4].str.len, c[4].str.ptr);
	wa_buf_init(&url, 1);
	wa_buf_init(&secret, 1);
	if (unsealed(w, "url", id, c[1].str, &url) == 0 &&
	    unsealed(w, "secret", id, c[2].str, &secret) == 0)
		e = endpoint_new(w, id, wa_buf_cstr(&url), wa_buf_cstr(&secret), kinds, session);
	wa_buf_wipe(&url);
	wa_buf_wipe(&secret);
	if (!e) {
		w->host->log(w->self, WB_ERROR, "webhooks.unreadable", (const char *[]){ "endpoint", id, NULL });
		return 0;
	}
	e->state = c[5].str.len == 6 && memcmp(c[5].str.ptr, "paused", 6) == 0 ? EP_PAUSED : EP_ACTIVE;
	e->created_ms = c[6].num;
	e->head_seq = c[7].num;
	e->head_attempts = (int32_t)c[8].num;
	e->head_first_ms = c[9].num;
	return 0;
}

int endpoint_load_all(struct webhooks *w)
{
	return w->host->query(w->self,
			      "SELECT id, url, secret, kinds, session, state, created_ms, "
			      "head_seq, head_attempts, head_first_ms FROM webhooks_endpoint ORDER BY id",
			      NULL, 0, load_row, w);
}

static json_t *kinds_json(const char *kinds)
{
	json_t *list = json_array();
	const char *p = kinds;

	while (*p) {
		size_t n = strcspn(p, ",");

		json_array_append_new(list, json_stringn(p, n));
		p += n + (p[n] == ',');
	}
	return list;
}

json_t *endpoint_json(const struct endpoint *e)
{
	char created[WA_TIME_TEXT], last[WA_TIME_TEXT];

	return json_pack("{s:s, s:s, s:o, s:s?, s:s, s:s, s:o, s:I, s:I}", "id", e->id, "url", e->url, "events",
			 kinds_json(e->kinds), "session", e->session[0] ? e->session : NULL, "state",
			 endpoint_state_str(e->state), "created_at", wa_time_format(e->created_ms, created),
			 "last_attempt",
			 e->last_ms ? json_pack("{s:s, s:i, s:s?, s:i}", "at", wa_time_format(e->last_ms, last),
						"status", (int)e->last_status, "error",
						e->last_error[0] ? e->last_error : NULL, "attempts",
						(int)e->log.now.attempts)
				    : json_null(),
			 "delivered", (json_int_t)e->delivered, "failed", (json_int_t)e->failed);
}
