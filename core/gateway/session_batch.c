/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libwa's batch is one transaction: its record changes and what its events mean,
 * committed together; then libwa is told, and lets out what depended on it.
 */
#include <db_record.h>
#include "media.h"
#include "session_priv.h"

/* A batch on its way to the disk. The session may be gone when it arrives. */
struct flight {
	struct wb_gateway *gw;
	char *session;
	uint64_t id;
	uint32_t gen;
};

static int store_load(void *ctx, int kind, struct wa_span key, struct wa_buf *out, struct wa_err *err)
{
	struct wb_session *s = ctx;

	return db_record_get(s->reg->gw->db, s->id, kind, key, out, err);
}

const struct wa_store_ops wb_session_store_ops = { .load = store_load };

static void on_committed(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct flight *f = ctx;
	struct wb_session *s = wb_session_find(f->gw, f->session);

	(void)res;
	if (s && s->client && s->gen == f->gen) {
		if (code == 0) {
			wa_client_committed(s->client, f->id);
		} else {
			WB_GATEWAY_LOG(f->gw, WA_ERROR, "session.commit", WA_S("session", s->id),
				       WA_S("error", err->msg));
			wa_client_commit_failed(s->client);
			wb_outbox_stale(f->gw->outbox, s->id);
			s->gen = ++s->reg->gens; /* later batches of this client do not matter */
			s->closed = s->spoiled = true;
			s->next = WA_NEXT_RECONNECT;
			if (s->after != WB_AFTER_DELETE)
				s->after = WB_AFTER_WISH;
			wb_restr(&s->close_reason, "store");
		}
		wb_session_touch(s);
	}
	free(f->session);
	free(f);
}

static void on_batch(void *ctx, const struct wa_batch *b)
{
	struct wb_session *s = ctx;
	struct wb_gateway *gw = s->reg->gw;
	struct wb_tx *tx = wb_tx_new(gw);
	struct flight *f = wb_zalloc(sizeof(*f));

	*f = (struct flight){ gw, wb_strdup(s->id), b->id, s->gen };
	for (size_t i = 0; i < b->n_changes; i++) {
		const struct wa_change *ch = &b->changes[i];

		if (ch->del)
			db_batch_record_del(wb_tx_batch(tx), s->id, ch->kind, ch->key);
		else
			db_batch_record_put(wb_tx_batch(tx), s->id, ch->kind, ch->key, ch->value);
	}
	for (size_t i = 0; i < b->n_events; i++)
		wb_session_event(s, tx, &b->events[i]);
	wb_tx_commit(tx, on_committed, f);
}

static void on_wake(void *ctx)
{
	wb_session_touch(ctx);
}

/* ---- work of libwa on the pool ---- */

struct job {
	void (*run)(void *arg);
	void (*done)(void *arg);
	void *arg;
};

static void job_run(void *ctx)
{
	struct job *j = ctx;

	j->run(j->arg);
}

static void job_done(void *ctx, bool cancelled)
{
	struct job *j = ctx;

	(void)cancelled;
	j->done(j->arg);
	free(j);
}

static void on_work(void *ctx, void (*run)(void *arg), void *arg, void (*done)(void *arg))
{
	struct wb_session *s = ctx;
	struct job *j = wb_zalloc(sizeof(*j));

	*j = (struct job){ run, done, arg };
	if (wb_work(s->reg->gw->work, "libwa", job_run, job_done, j, NULL, NULL) < 0) {
		run(arg);	/* the pool is full: better late than never */
		done(arg);
		free(j);
	}
}

static void on_blob(void *ctx, uint64_t id, const struct wa_blob *b)
{
	struct wb_session *s = ctx;

	wb_media_blob(s->reg->gw, s->id, id, b);
}

const struct wa_client_ops wb_session_client_ops = {
	.batch = on_batch,
	.wake = on_wake,
	.work = on_work,
	.blob = on_blob,
};
