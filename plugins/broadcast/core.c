/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What all files share: sliced work, a clock, notes in the log. */
#include "broadcast.h"

#include "clock.h"

int64_t now_ms(const struct bc *b)
{
	return b->host->now_ms();
}

void log_note(struct bc *b, int level, const char *event, const char *name, const char *value)
{
	b->host->log(b->self, level, event, (const char *[]){ name, value, NULL });
}

/* ---- work in slices ---- */

static void job_free(struct job *j)
{
	wa_list_del(&j->link);
	if (j->timer)
		j->b->host->timer_cancel(j->timer);
	if (j->free_data)
		j->free_data(j->data);
	free(j);
}

static void job_turn(void *ctx)
{
	struct job *j = ctx;
	bool over;

	j->timer = NULL;
	j->running = true;
	over = j->run(j);
	j->running = false;
	if (over)
		job_free(j);
	else if (!j->waiting)
		j->timer = j->b->host->timer(j->b->self, 0, 0, job_turn, j);
}

struct job *job_start(struct bc *b, bool (*run)(struct job *j), void *take_data, void (*free_data)(void *data))
{
	struct job *j = calloc(1, sizeof(*j));

	if (!j) {
		if (free_data)
			free_data(take_data);
		return NULL;
	}
	*j = (struct job){ .b = b, .run = run, .free_data = free_data, .data = take_data };
	wa_list_push_back(&b->jobs, &j->link);
	j->timer = b->host->timer(b->self, 0, 0, job_turn, j);
	return j;
}

void job_wait(struct job *j)
{
	j->waiting = true;
}

void job_wake(struct job *j)
{
	if (!j->waiting)
		return;
	j->waiting = false;
	if (!j->running && !j->timer)
		j->timer = j->b->host->timer(j->b->self, 0, 0, job_turn, j);
}

void job_end(struct job *take_j)
{
	job_free(take_j);
}

bool slice_over(int64_t start_mono_ms)
{
	return wa_mono_ms() - start_mono_ms >= SLICE_MS;
}
