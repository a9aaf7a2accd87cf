/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world_flow.h"

#include <db_flow.h>
#include <gateway.h>
#include <hold.h>
#include <mem.h>

struct putting {
	wb_world_done_fn *done;
	void *ctx;
};

static void on_put(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct putting *p = ctx;

	(void)res;
	if (p->done)
		p->done(p->ctx, code, code ? err->msg : "");
	free(p);
}

static int put_hold(struct wb_tx *tx, const struct wb_world_flow_put *f, struct wa_err *err)
{
	char owner[WB_HOLD_OWNER_MAX + 1];

	snprintf(owner, sizeof(owner), "flow:%s/%s", f->flow.script, f->flow.name);
	switch (f->hold) {
	case WB_FLOW_HOLD_TAKE:
		return wb_hold_set(tx, f->flow.session, f->flow.chat, owner, 0, NULL, err);
	case WB_FLOW_HOLD_RELEASE:
		return wb_hold_release(tx, f->flow.session, f->flow.chat, owner, err);
	case WB_FLOW_HOLD_HUMAN:
		return wb_hold_set(tx, f->flow.session, f->flow.chat, "human", f->until_ms, f->note, err);
	case WB_FLOW_HOLD_KEEP: break;
	}
	return 0;
}

void wb_gateway_flow_put(struct wb_gateway *gw, const struct wb_world_flow_put *f, wb_world_done_fn *done,
			 void *ctx)
{
	struct wb_tx *tx = wb_tx_new(gw);
	struct wa_err err = WA_ERR_INIT;
	struct putting *p = wb_zalloc(sizeof(*p));

	p->done = done;
	p->ctx = ctx;
	db_batch_flow_put(wb_tx_batch(tx), &(struct db_flow){
		.session = f->flow.session, .chat = f->flow.chat, .id = f->flow.id, .script = f->flow.script,
		.name = f->flow.name, .ended = f->flow.ended, .started_ms = f->flow.started_ms,
		.updated_ms = f->flow.updated_ms, .doc = f->flow.doc });
	if (put_hold(tx, f, &err) < 0)
		wb_tx_fail(tx, err.code, err.msg);
	if (f->event)
		wb_tx_event(tx, f->event);
	wb_tx_commit(tx, on_put, p);
}

struct each {
	wb_world_flow_fn *fn;
	void *ctx;
};

static int each_flow(void *ctx, const struct db_flow *f)
{
	struct each *e = ctx;

	return e->fn(e->ctx, &(struct wb_world_flow){
		.session = f->session, .chat = f->chat, .id = f->id, .script = f->script, .name = f->name,
		.ended = f->ended, .started_ms = f->started_ms, .updated_ms = f->updated_ms, .doc = f->doc });
}

int wb_gateway_flow_each(struct wb_gateway *gw, wb_world_flow_fn *fn, void *ctx)
{
	return db_flow_each(gw->db, each_flow, &(struct each){ fn, ctx }, NULL);
}
