/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "retain.h"
#include <db_contact.h>
#include <db_message.h>
#include <db_retain.h>
#include <text.h>
#include "gateway.h"
#include "mem.h"

#define DAY_MS 86400000LL
#define KIND_MAX 32	/* bytes of a name */

struct wb_retain_kind {
	struct wa_list link;
	const void *owner;
	struct wb_retain kind;
	char *name, *summary;
};

static void kind_free(struct wb_retain_kind *k)
{
	wa_list_del(&k->link);
	free(k->name);
	free(k->summary);
	free(k);
}

static bool name_ok(const char *name)
{
	size_t n = name ? strlen(name) : 0;

	return n > 0 && n <= KIND_MAX && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

int wb_retain_add(struct wb_gateway *gw, const void *owner, const struct wb_retain *kind, struct wa_err *err)
{
	struct wb_retain_kind *k;
	struct wa_list *it;

	if (kind->size < sizeof(*kind) || !name_ok(kind->kind) || !kind->page || !kind->remove || kind->keep_ms < 0)
		return wa_err_set(err, WA_EINVALID, "a kind of retention needs a name, page and remove");
	WA_LIST_EACH(it, &gw->retain)
		if (strcmp(container_of(it, struct wb_retain_kind, link)->name, kind->kind) == 0)
			return wa_err_set(err, WA_ECONFLICT, "retention knows a kind %s already", kind->kind);
	k = wb_zalloc(sizeof(*k));
	k->owner = owner;
	k->kind = *kind;
	k->kind.size = sizeof(k->kind);
	k->kind.kind = k->name = wb_strdup(kind->kind);
	k->kind.summary = k->summary = wb_strdup(kind->summary ? kind->summary : "");
	wa_list_push_back(&gw->retain, &k->link);
	return 0;
}

void wb_retain_revoke(struct wb_gateway *gw, const void *owner)
{
	struct wa_list *it, *tmp;

	WA_LIST_EACH_SAFE(it, tmp, &gw->retain) {
		struct wb_retain_kind *k = container_of(it, struct wb_retain_kind, link);

		if (k->owner == owner)
			kind_free(k);
	}
}

int wb_retain_each(struct wb_gateway *gw, wb_retain_each_fn *fn, void *ctx)
{
	struct wa_list *it, *tmp;
	int r = 0;

	WA_LIST_EACH_SAFE(it, tmp, &gw->retain) {
		r = fn(ctx, &container_of(it, struct wb_retain_kind, link)->kind);
		if (r)
			break;
	}
	return r;
}

void wb_retain_free(struct wb_gateway *gw)
{
	struct wa_list *it;

	while (gw->retain.next && (it = wa_list_pop_front(&gw->retain)))
		kind_free(container_of(it, struct wb_retain_kind, link));
}

/* ---- the gateway's own ---- */

struct page {
	struct wb_gateway *gw;
	const char *session;
	wb_retain_row_fn *fn;
	void *ctx;
};

/* A person has two names: a row may have one and a hold the other. */
static int on_row(void *ctx, const struct db_keep_row *row)
{
	struct page *p = ctx;
	struct wb_retain_row r = { .size = sizeof(r), .id = row->id, .ts_ms = row->ts_ms, .bytes = row->bytes,
				   .who = { row->chat, row->sender, "", "" }, .order = "",
				   .session = row->session };
	const char *person = *row->sender ? row->sender : row->chat;
	struct db_contact c;
	struct wa_arena a;
	int ret;

	wa_arena_init(&a, 65536);
	if (*person && db_contact_get(p->gw->db, p->session, person, &a, &c, NULL) == 1) {
		r.who[2] = c.jid;
		r.who[3] = c.lid;
	}
	ret = p->fn(p->ctx, &r);
	wa_arena_clear(&a);
	return ret;
}

typedef int keep_fn(struct db *db, const struct db_keep_query *q, db_keep_fn *fn, void *ctx,
		    struct wa_err *err);

static int page(struct wb_gateway *gw, keep_fn *keep, const struct wb_retain_query *q, wb_retain_row_fn *fn,
		void *fn_ctx)
{
	struct db_keep_query k = { .session = q->session, .newest_first = q->flags & WB_RETAIN_NEWEST,
				   .ts_ms = q->ts_ms, .id = q->id, .limit = (size_t)q->limit,
				   .people = q->flags & WB_RETAIN_PEOPLE };
	struct page p = { gw, q->session, fn, fn_ctx };
	struct wa_err err = WA_ERR_INIT;
	int r = keep(gw->db, &k, on_row, &p, &err);

	if (r < 0)
		WB_GATEWAY_LOG(gw, WA_WARN, "retain.read", WA_S("error", err.msg));
	return r;
}

static int32_t messages_page(void *ctx, const struct wb_retain_query *q, wb_retain_row_fn *fn, void *fn_ctx)
{
	return page(ctx, db_keep_messages, q, fn, fn_ctx);
}

static void messages_remove(void *ctx, struct wb_tx *tx, const char *session, const char *id)
{
	(void)ctx;
	(void)session;
	db_batch_message_del(wb_tx_batch(tx), id);
}

static int32_t media_page(void *ctx, const struct wb_retain_query *q, wb_retain_row_fn *fn, void *fn_ctx)
{
	return page(ctx, db_keep_media, q, fn, fn_ctx);
}

static void media_remove(void *ctx, struct wb_tx *tx, const char *session, const char *id)
{
	(void)ctx;
	(void)session;
	db_batch_media_forget(wb_tx_batch(tx), id);
}

static int32_t events_page(void *ctx, const struct wb_retain_query *q, wb_retain_row_fn *fn, void *fn_ctx)
{
	return page(ctx, db_keep_events, q, fn, fn_ctx);
}

static void events_remove(void *ctx, struct wb_tx *tx, const char *session, const char *id)
{
	int64_t seq;

	(void)ctx;
	if (wa_parse_i64(wa_span_str(id), 1, INT64_MAX, &seq) == 0)
		db_batch_event_cut(wb_tx_batch(tx), *session != 0, seq);
}

int wb_retain_core(struct wb_gateway *gw, struct wa_err *err)
{
	const struct wb_retain kinds[] = {
		{ .kind = "messages", .flags = WB_RETAIN_SESSIONS, .keep_ms = 365 * DAY_MS,
		  .summary = "messages with their receipts, reactions, edits and files",
		  .page = messages_page, .remove = messages_remove },
		{ .kind = "media", .flags = WB_RETAIN_SESSIONS, .keep_ms = 365 * DAY_MS,
		  .summary = "files; their messages stay", .page = media_page, .remove = media_remove },
		{ .kind = "events", .flags = WB_RETAIN_SESSIONS | WB_RETAIN_WHOLE | WB_RETAIN_PREFIX, .keep_ms = 90 * DAY_MS,
		  .summary = "the event log: what webhooks and streams can replay",
		  .page = events_page, .remove = events_remove },
	};
	int r = 0;

	wa_list_init(&gw->retain);
	for (size_t i = 0; r == 0 && i < WA_ARRAY_LEN(kinds); i++) {
		struct wb_retain k = kinds[i];

		k.size = sizeof(k);
		k.ctx = gw;
		r = wb_retain_add(gw, gw, &k, err);
	}
	return r;
}
