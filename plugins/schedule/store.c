/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "schedule.h"

struct each {
	struct schedule *s;
	job_fn *fn;
	void *ctx;
};

static int state_of(const struct wb_value *v)
{
	char text[16];

	kit_copy(v, text, sizeof(text));
	for (int i = JOB_ACTIVE; i < JOB_FINISHED; i++)
		if (strcmp(text, job_state_str(i)) == 0)
			return i;
	return JOB_FINISHED;
}

static int on_row(void *ctx, const struct wb_value *c, int32_t n)
{
	struct each *e = ctx;
	struct job j = { 0 };
	char field[32], why[WHY_SIZE];
	json_t *doc;

	(void)n;
	kit_copy(&c[0], j.id, sizeof(j.id));
	kit_copy(&c[1], j.session, sizeof(j.session));
	j.state = state_of(&c[2]);
	kit_copy(&c[3], j.reason, sizeof(j.reason));
	j.next_ms = c[5].num;
	j.due_ms = c[6].num;
	j.runs = c[7].num;
	j.created_ms = c[8].num;
	doc = kit_unseal_json(&e->s->kit, j.id, &c[4]);
	if (doc && job_read(e->s, doc, false, &j, field, why) == 0) {
		e->fn(e->ctx, &j);
	} else {
		e->s->host->log(e->s->self, WB_ERROR, "schedule.unreadable",
				(const char *[]){ "schedule", j.id, "why", doc ? why : "sealed", NULL });
	}
	job_clear(&j);
	return 0;
}

int job_each(struct schedule *s, const char *sql, const struct wb_value *v, int32_t n, job_fn *fn, void *ctx)
{
	return s->host->query(s->self, sql, v, n, on_row, &(struct each){ .s = s, .fn = fn, .ctx = ctx });
}

static void take_job(void *ctx, struct job *j)
{
	struct job *out = ctx;

	*out = *j;
	j->doc = NULL;
}

int job_find(struct schedule *s, const char *id, struct job *j)
{
	int r;

	j->doc = NULL;
	r = job_each(s, "SELECT " JOB_COLUMNS " FROM schedule_job WHERE id = $1", (struct wb_value[]){ kit_text(id) }, 1,
		     take_job, j);
	return r < 0 ? r : j->doc != NULL;
}

static void put(struct schedule *s, struct wb_tx *tx, const struct job *j, const char *sql)
{
	struct wa_buf body;

	(void)kit_seal_json(&s->kit, j->id, j->doc, &body);
	const struct wb_value v[] = {
		kit_text(j->id), kit_text(j->session), kit_text(job_state_str(j->state)), kit_text(j->reason),
		kit_sealed(&body), kit_int(j->next_ms), kit_int(j->due_ms), kit_int(j->runs),
		kit_int(j->created_ms),
	};

	s->host->tx_sql(tx, sql, v, (int32_t)WA_ARRAY_LEN(v), WB_MUST_CHANGE);
	wa_buf_clear(&body);
}

void job_insert(struct schedule *s, struct wb_tx *tx, const struct job *j)
{
	put(s, tx, j, "INSERT INTO schedule_job (" JOB_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");
}

void job_update(struct schedule *s, struct wb_tx *tx, const struct job *j)
{
	put(s, tx, j, "UPDATE schedule_job SET session = $2, state = $3, reason = $4, body = $5, next_ms = $6, "
		      "due_ms = $7, runs = max(runs, $8), created_ms = $9 WHERE id = $1");
}
