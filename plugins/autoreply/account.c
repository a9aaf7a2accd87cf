/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sessions: who we are in each, and what its owner switched on. */
#include "autoreply.h"

#include "clock.h"

struct asking {
	struct autoreply *a;
	char session[65];
	void (*then)(void *ctx);
	void *ctx;
};

struct account *account_find(struct autoreply *a, const char *session)
{
	struct wa_list *l;

	WA_LIST_EACH(l, &a->accounts) {
		struct account *acc = container_of(l, struct account, link);

		if (strcmp(acc->id, session) == 0)
			return acc;
	}
	return NULL;
}

static struct account *account_make(struct autoreply *a, const char *session)
{
	struct account *acc = account_find(a, session);

	if (acc)
		return acc;
	acc = calloc(1, sizeof(*acc));
	if (!acc)
		return NULL;
	snprintf(acc->id, sizeof(acc->id), "%s", session);
	wa_list_push_back(&a->accounts, &acc->link);
	return acc;
}

static void account_free(struct account *acc)
{
	wa_list_del(&acc->link);
	json_decref(acc->doc);
	free(acc);
}

void accounts_clear(struct autoreply *a)
{
	if (a->sessions)
		a->host->unsubscribe(a->sessions);
	while (!wa_list_empty(&a->accounts))
		account_free(container_of(wa_list_first(&a->accounts), struct account, link));
}

int account_set(struct autoreply *a, const char *session, json_t *doc)
{
	struct account *acc = account_find(a, session);

	if (!doc) {
		if (acc)
			account_free(acc);
		return WA_OK;
	}
	acc = account_make(a, session);
	if (!acc)
		return WA_ENOMEM;
	json_decref(acc->doc);
	acc->doc = json_incref(doc);
	acc->auto_read = json_is_true(json_object_get(doc, "auto_read"));
	acc->always_online = json_is_true(json_object_get(doc, "always_online"));
	return WA_OK;
}

json_t *account_doc(const json_t *doc, char why[WHY_SIZE])
{
	int read = 0, online = 0;
	json_t *bot = NULL, *whole = NULL;
	json_error_t je;

	if (wb_json_unpack((json_t *)(uintptr_t)doc, &je, JSON_STRICT, "{s?b, s?b, s?o}", "auto_read", &read,
			   "always_online", &online, "bot", &bot)) {
		snprintf(why, WHY_SIZE, "%s", je.text);
		return NULL;
	}
	if (bot) {
		whole = bot_doc(bot, why);
		if (!whole)
			return NULL;
	}
	return json_pack("{s:b, s:b, s:o*}", "auto_read", read, "always_online", online, "bot", whole);
}

/* ---- who we are ---- */

static void take(struct account *acc, const json_t *o)
{
	const char *jid = json_string_value(json_object_get(o, "jid"));
	const char *lid = json_string_value(json_object_get(o, "lid"));
	const char *since = json_string_value(json_object_get(o, "since"));

	snprintf(acc->jid, sizeof(acc->jid), "%s", jid ? jid : "");
	snprintf(acc->lid, sizeof(acc->lid), "%s", lid ? lid : "");
	if (!since || wa_time_parse(wa_span_str(since), &acc->since_ms) < 0)
		acc->since_ms = 0;
	acc->known = true;
}

static void on_account(void *ctx, int32_t status, const char *type, struct wb_str body)
{
	struct asking *q = ctx;
	struct account *acc = account_make(q->a, q->session);
	json_t *o = status == 200 ? json_loadb(body.ptr, body.len, 0, NULL) : NULL;

	(void)type;
	if (acc)
		take(acc, o);
	json_decref(o);
	q->then(q->ctx);
	free(q);
}

void account_ask(struct autoreply *a, const char *session, void (*then)(void *ctx), void *ctx)
{
	struct asking *q = calloc(1, sizeof(*q));
	struct wa_buf path;

	if (!q) {
		then(ctx);
		return;
	}
	q->a = a;
	q->then = then;
	q->ctx = ctx;
	snprintf(q->session, sizeof(q->session), "%s", session);
	wa_buf_init(&path, 512);
	wa_buf_str(&path, "/v1/sessions/");
	path_put(&path, session);
	a->host->call(a->self, &(struct wb_plugin_call){ .size = sizeof(struct wb_plugin_call), .method = "GET",
							 .path = wa_buf_cstr(&path) }, on_account, q);
	wa_buf_clear(&path);
}

static void nobody_waits(void *ctx, int32_t status, const char *type, struct wb_str body)
{
	(void)ctx, (void)status, (void)type, (void)body;
}

void account_online(struct autoreply *a, struct account *acc)
{
	char status[32] = "";
	struct wa_buf path;

	if (!acc->always_online || a->host->session_status(a->self, acc->id, status) != 1 ||
	    strcmp(status, "connected") != 0)
		return;
	wa_buf_init(&path, 512);
	wa_buf_str(&path, "/v1/sessions/");
	path_put(&path, acc->id);
	wa_buf_str(&path, "/presence");
	a->host->call(a->self, &(struct wb_plugin_call){ .size = sizeof(struct wb_plugin_call), .method = "POST",
							 .path = wa_buf_cstr(&path),
							 .body = kit_str("{\"available\":true}") },
		      nobody_waits, a);
	wa_buf_clear(&path);
}

/* Another session of that id begins without a bot. */
static void forget(struct autoreply *a, const char *session)
{
	struct wb_tx *tx = a->host->tx_begin(a->self);

	KIT_SQL(&a->kit, tx, 0, "DELETE FROM autoreply_session WHERE session = $1", kit_text(session));
	a->host->tx_commit(tx, NULL, NULL);
	(void)account_set(a, session, NULL);
}

static void on_session(void *ctx, const struct wb_event *e)
{
	struct autoreply *a = ctx;
	struct account *acc = account_find(a, e->session);

	if (!acc)
		return;
	if (strcmp(e->kind, "session.deleted") == 0) {
		forget(a, e->session);
		return;
	}
	acc->known = false;	/* another account may be linked; asked again when needed */
	account_online(a, acc);
}

static int on_row(void *ctx, const struct wb_value *c, int32_t n)
{
	struct autoreply *a = ctx;
	char session[65], why[WHY_SIZE];
	json_t *doc, *whole;

	(void)n;
	kit_copy(&c[0], session, sizeof(session));
	doc = kit_unseal_json(&a->kit, KIT_ROW("session", session), &c[1]);
	whole = doc ? account_doc(doc, why) : NULL;
	if (!whole || account_set(a, session, whole) < 0)
		a->host->log(a->self, WB_ERROR, "autoreply.session_unusable",
			     (const char *[]){ "session", session, NULL });
	json_decref(whole);
	json_decref(doc);
	return 0;
}

int accounts_load(struct autoreply *a)
{
	int32_t r = a->host->query(a->self, "SELECT session, doc FROM autoreply_session", NULL, 0, on_row, a);

	if (r < 0)
		return r;
	a->sessions = a->host->subscribe(a->self, "session.status,session.deleted", on_session, a);
	return a->sessions ? 0 : WB_ENOMEM;
}
