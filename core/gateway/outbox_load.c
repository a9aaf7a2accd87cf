/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rows of storage come into memory when a session is connected: first those
 * that were `sending` when the process died (they are sent again under the
 * same WhatsApp id), then what is queued, in pages.
 */
#include <db_contact.h>
#include <text.h>
#include "message.h"
#include "outbox_pace.h"

#define PAGE 500
#define ARENA_MAX (8u << 20)
#define RESCAN_MS (WB_HORIZON_MS / 2)

struct loading {
	struct wb_lane *lane;
	struct wb_tx *tx;	/* for interrupted rows */
	int64_t now;
	size_t n;
	char last[DB_ID_LEN + 1];
};

static struct wb_row *make_row(const struct db_outbox *r)
{
	struct wb_row *row = wb_zalloc(sizeof(*row));

	snprintf(row->id, sizeof(row->id), "%s", r->id);
	snprintf(row->wa_id, sizeof(row->wa_id), "%s", r->wa_id);
	row->due = r->due_ms;
	row->next = r->next_ms;
	row->class = (uint8_t)(wb_class_of(r->class) > 0 ? wb_class_of(r->class) : 0);
	row->attempts = (uint16_t)(r->attempts > UINT16_MAX ? UINT16_MAX : r->attempts);
	return row;
}

static int on_interrupted(void *ctx, const struct db_outbox *r)
{
	struct loading *ld = ctx;
	struct wb_row *row;

	ld->n++;
	snprintf(ld->last, sizeof(ld->last), "%s", r->id);
	row = wa_map_get(&ld->lane->o->rows, wa_span_str(r->id));
	if (row && row->claimed)
		return 0;	/* it is under way */
	/* one that waits in memory has lost the commit which put it back */
	db_batch_outbox_retry(wb_tx_batch(ld->tx), r->id, ld->now, "interrupted");
	db_batch_message_trace(wb_tx_batch(ld->tx), r->id, ld->now, "interrupted", "");
	if (row)
		return 0;
	row = make_row(r);
	row->next = 0;
	wb_row_enqueue(ld->lane, r->chat, row);
	return 0;
}

static int on_queued(void *ctx, const struct db_outbox *r)
{
	struct loading *ld = ctx;
	struct wb_outbox *o = ld->lane->o;

	ld->n++;
	snprintf(ld->last, sizeof(ld->last), "%s", r->id);
	if (wa_map_has(&o->rows, wa_span_str(r->id)) ||
	    wa_map_has(&o->cancelling, wa_span_str(r->id)))
		return 0;
	if (r->due_ms > ld->now + WB_HORIZON_MS) {
		if (!ld->lane->rescan_at)
			ld->lane->rescan_at = ld->now + RESCAN_MS;
		return 0;
	}
	wb_row_enqueue(ld->lane, r->chat, make_row(r));
	return 0;
}

static int recover(struct wb_lane *lane, int64_t now, struct wa_err *err)
{
	struct wb_gateway *gw = lane->o->gw;
	struct loading ld = { .lane = lane, .now = now };
	int r;

	do {
		ld.n = 0;
		ld.tx = wb_tx_new(gw);
		r = db_outbox_each(gw->db, lane->session, "sending", ld.last[0] ? ld.last : NULL, PAGE,
				   on_interrupted, &ld, err);
		if (ld.n)
			wb_lane_commit(lane, ld.tx);
		else
			wb_tx_abort(ld.tx);
	} while (r == 0 && ld.n == PAGE);
	return r;
}

/* One page; the lane is touched again while there is more. */
void wb_lane_load(struct wb_lane *lane)
{
	struct wb_gateway *gw = lane->o->gw;
	struct loading ld = { .lane = lane, .now = wb_now(gw) };
	struct wa_err err = WA_ERR_INIT;
	int r = 0;

	if (!lane->loaded || lane->stale) {
		r = recover(lane, ld.now, &err);
		lane->loaded = lane->loading = true;
		lane->stale = false;
		lane->load_after[0] = 0;
	} else if (lane->rescan_at && ld.now >= lane->rescan_at && !lane->loading) {
		lane->rescan_at = 0;
		lane->loading = true;
		lane->load_after[0] = 0;
	}
	if (r == 0 && lane->loading) {
		r = db_outbox_each(gw->db, lane->session, "queued",
				   lane->load_after[0] ? lane->load_after : NULL, PAGE, on_queued, &ld,
				   &err);
		lane->loading = r == 0 && ld.n == PAGE;
		snprintf(lane->load_after, sizeof(lane->load_after), "%s", ld.last);
		if (lane->loading)
			wb_lane_touch(lane);
	}
	if (r < 0) {
		WB_GATEWAY_LOG(gw, WA_ERROR, "outbox.load", WA_S("session", lane->session),
			       WA_S("error", err.msg));
		lane->stale = true;
		wb_timer_start(lane->timer, 5000);
	}
}

/* raw and data of a row that was not kept in memory */
int wb_row_body(struct wb_lane *lane, struct wb_row *row, struct wa_err *err)
{
	struct wb_gateway *gw = lane->o->gw;
	struct db_message m;
	struct wa_arena a;
	int r;

	if (row->raw || (row->bare && row->data))
		return 0;
	wa_arena_init(&a, ARENA_MAX);
	r = db_message_get(gw->db, row->id, &a, &m, err);
	if (r == 0)
		r = wa_err_set(err, WA_ENOTFOUND, "message %s", row->id);
	if (r == 1 && m.raw.len == 0 && !*m.content)
		r = wa_err_set(err, WA_EINVALID, "message %s has no content", row->id);
	row->bare = r == 1 && m.raw.len == 0;
	if (row->bare) {
		json_decref(row->data);
		row->data = wb_message_json(gw, &m);
		r = 0;
	} else if (r == 1) {
		row->raw = malloc(m.raw.len);
		if (row->raw) {
			memcpy(row->raw, m.raw.ptr, m.raw.len);
			row->raw_len = m.raw.len;
			lane->o->bytes += row->raw_len + 1024;
			json_decref(row->data);
			row->data = wb_message_json(gw, &m);
		}
		r = row->raw ? 0 : wa_err_set(err, WA_ENOMEM, "message");
	}
	wa_arena_clear(&a);
	return r;
}
