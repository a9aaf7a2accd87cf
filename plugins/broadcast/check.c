/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "check.h"

#include "run.h"

#define CLEAR_ROWS 500

/* ---- turns end ---- */

static void on_later(void *ctx)
{
	struct job *j = ctx;
	struct check *c = j->data;

	c->later = NULL;
	job_wake(j);
}

void check_later(struct job *j, int64_t ms)
{
	struct check *c = j->data;

	job_wait(j);
	if (!c->later)
		c->later = j->b->host->timer(j->b->self, ms, 0, on_later, j);
}

struct step {
	struct job *j;
	int64_t step;
	char at[STEP_MAX];
};

static void on_step(void *ctx, int32_t code, const char *message)
{
	struct step *s = ctx;
	struct check *c = s->j->data;

	c->waiting--;
	if (code == 0) {
		c->step = s->step;
		memcpy(c->at, s->at, sizeof(c->at));
		c->x->news = true;
		job_wake(s->j);
	} else if (code == WB_ECONFLICT) {
		c->over = true;		/* it left `checking` */
		job_wake(s->j);
	} else {
		log_note(s->j->b, WB_ERROR, "broadcast.check_not_saved", "error", message);
		check_later(s->j, 1000);
	}
	free(s);
}

void check_commit(struct job *j, struct wb_tx *take_tx, int64_t step, const char *at)
{
	struct check *c = j->data;
	struct step *s = calloc(1, sizeof(*s));
	const struct wb_value v[] = { kit_text(c->x->id), kit_int(step), kit_text(at) };

	if (!s) {
		j->b->host->tx_abort(take_tx);
		check_later(j, 1000);
		return;
	}
	s->j = j;
	s->step = step;
	(void)snprintf(s->at, sizeof(s->at), "%s", at);
	j->b->host->tx_sql(take_tx,
			   "UPDATE broadcast_broadcast SET step = $2, step_at = $3 WHERE id = $1 AND state = 'checking'",
			   v, 3, WB_MUST_CHANGE);
	job_wait(j);
	c->waiting++;
	j->b->host->tx_commit(take_tx, on_step, s);
}

static void on_moved(void *ctx, int32_t code, const char *message)
{
	struct job *j = ctx;
	struct check *c = j->data;

	(void)message;
	c->waiting--;
	if (code && code != WB_ECONFLICT) {
		check_later(j, 1000);
		return;
	}
	c->over = true;
	job_wake(j);
}

static void end(struct job *j, int to, const char *reason)
{
	struct check *c = j->data;
	struct wb_tx *tx = j->b->host->tx_begin(j->b->self);
	const struct wb_value v[] = { kit_int(now_ms(j->b) - j->b->known_days * INT64_C(86400000)) };

	broadcast_move(tx, j->b, c->x->id, B_BIT(B_CHECKING), to, reason);
	if (to == B_DRAFT) {	/* who wanted it to begin looks first */
		const struct wb_value id[] = { kit_text(c->x->id) };

		j->b->host->tx_sql(tx, "UPDATE broadcast_broadcast SET start_ms = 0 WHERE id = $1", id, 1, 0);
	}
	j->b->host->tx_sql(tx,
			   "DELETE FROM broadcast_known WHERE key IN (SELECT key FROM broadcast_known WHERE at_ms < $1 "
			   "ORDER BY at_ms LIMIT 1000)",
			   v, 1, 0);
	job_wait(j);
	c->waiting++;
	j->b->host->tx_commit(tx, on_moved, j);
}

void check_fail(struct job *j, const char *reason)
{
	end(j, B_DRAFT, reason);
}

/* ---- clearing ---- */

static int on_any(void *ctx, const struct wb_value *c, int32_t n)
{
	(void)c;
	(void)n;
	*(bool *)ctx = true;
	return 1;
}

static void clear_turn(struct job *j, struct check *c)
{
	const struct wb_value v[] = { kit_text(c->x->id), kit_int(CLEAR_ROWS) };
	struct wb_tx *tx = j->b->host->tx_begin(j->b->self);
	bool any = false;

	(void)j->b->host->query(j->b->self, "SELECT 1 FROM broadcast_recipient WHERE broadcast = $1 LIMIT 1", v, 1,
				on_any, &any);
	if (!any)
		(void)j->b->host->query(j->b->self, "SELECT 1 FROM broadcast_barred WHERE broadcast = $1 LIMIT 1", v, 1,
					on_any, &any);
	if (any) {
		j->b->host->tx_sql(tx,
				   "DELETE FROM broadcast_recipient WHERE n IN "
				   "(SELECT n FROM broadcast_recipient WHERE broadcast = $1 LIMIT $2)",
				   v, 2, 0);
		j->b->host->tx_sql(tx,
				   "DELETE FROM broadcast_barred WHERE broadcast = $1 AND key IN "
				   "(SELECT key FROM broadcast_barred WHERE broadcast = $1 LIMIT $2)",
				   v, 2, 0);
	} else {
		j->b->host->tx_sql(tx, "DELETE FROM broadcast_count WHERE broadcast = $1", v, 1, 0);
	}
	check_commit(j, tx, any ? 0 : 1, "");
}

/* ---- the end ---- */

struct verdict {
	struct broadcast *x;
	int64_t ready;
	char missing[64];
	int64_t missing_n;
};

static void on_verdict(void *ctx, const char *session, const char *state, const char *reason, int64_t n)
{
	struct verdict *v = ctx;

	if (strcmp(state, "ready") == 0) {
		v->ready += n;
		for (size_t i = 0; i < v->x->n_parts; i++)
			if (strcmp(v->x->parts[i].session, session) == 0)
				v->x->parts[i].ready += n;
	}
	if (strncmp(reason, "missing_variable:", 17) == 0 && n > v->missing_n) {
		v->missing_n = n;
		(void)snprintf(v->missing, sizeof(v->missing), "unknown_variable:%s", reason + 17);
	}
}

void check_finish(struct job *j, struct check *c)
{
	struct verdict v = { .x = c->x };

	/* those given to a session have been fewer since: WhatsApp did not know all of them */
	for (size_t i = 0; i < c->x->n_parts; i++)
		c->x->parts[i].ready = 0;
	if (counts_each(j->b, c->x->id, on_verdict, &v) < 0)
		check_later(j, 1000);
	else if (v.ready == 0)
		end(j, B_DRAFT, v.missing_n ? v.missing : "no_recipients");
	else
		end(j, B_READY, "");
}

static bool run(struct job *j)
{
	struct check *c = j->data;

	if (c->over) {
		if (c->waiting)
			job_wait(j);
		return !c->waiting;
	}
	if (c->step == 0)
		clear_turn(j, c);
	else if (!collect_turn(j, c))
		look_turn(j, c);
	return false;
}

static void check_free(void *data)
{
	struct check *c = data;
	struct broadcast *x = c->x;

	if (c->later)
		x->b->host->timer_cancel(c->later);
	look_free(c->look);
	free(c);
	x->check = NULL;
	if (!x->b->stopping)
		run_look_again(x);
}

void check_start(struct broadcast *x)
{
	struct check *c = x->check ? NULL : calloc(1, sizeof(*c));

	if (!c)
		return;
	c->x = x;
	c->step = x->step;
	memcpy(c->at, x->step_at, sizeof(c->at));
	x->check = job_start(x->b, run, c, check_free);
}

void check_stop(struct broadcast *x)
{
	struct check *c = x->check ? x->check->data : NULL;

	if (!c || c->over)
		return;
	c->over = true;
	if (!c->waiting)
		job_wake(x->check);
}
