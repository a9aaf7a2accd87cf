/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All rules on one message. */
#include "autoreply.h"

/* What is asked once for each message, and only when a rule wants to fire. */
static int load(struct autoreply *a, struct judging *j)
{
	char owner[96];
	int r;

	if (j->loaded)
		return 0;
	chat_hash(a, j->m, j->chat);
	r = pace_read(a, j->chat, j->now_ms, &j->pace);
	if (r < 0)
		return r;
	if (WB_HAS(a->host, held))
		j->held = a->host->held(a->self, j->m->session, j->m->to, owner) == 1;
	if (WB_HAS(a->host, opted_out) && !j->m->group)
		j->opted_out = a->host->opted_out(a->self, j->m->session, j->m->to) == 1;
	j->loaded = true;
	return 0;
}

/* One more answer: V_FIRES, or the pause begins. */
static int take_pace(struct autoreply *a, struct judging *j)
{
	if (j->pace.paused_until_ms > j->now_ms)
		return V_PAUSED;
	if (j->pace.n >= a->per_minute) {
		j->pace.paused_until_ms = j->now_ms + a->pause_ms;
		j->pauses = true;
		return V_PAUSED;
	}
	j->pace.n++;
	return V_FIRES;
}

static int may(struct autoreply *a, struct judging *j, const struct rule *r)
{
	struct past past;
	int code = load(a, j), verdict;

	if (code >= 0)
		code = past_read(a, r, j->chat, j->now_ms, &past);
	if (code < 0)
		return code;
	past.held = j->held;
	past.opted_out = j->opted_out;
	past.paused = j->pace.paused_until_ms > j->now_ms;
	verdict = rule_may(r, j->m, &past, j->now_ms, a->max_age_ms, zone_of(a, r->zone));
	return verdict == V_FIRES ? take_pace(a, j) : verdict;
}

/* *stopped: an earlier rule fired and is the last one. 0, 1 or <0 as judge(). */
static int judge_one(struct autoreply *a, struct judging *j, const struct rule *r, bool *stopped)
{
	struct matched by;
	int verdict = rule_selects(r, j->m, &by);

	if (verdict == V_FIRES && *stopped)
		verdict = V_STOPPED;
	if (verdict == V_FIRES && r->first_contact && !j->m->group && j->m->first < 0)
		return 1;
	if (verdict == V_FIRES)
		verdict = may(a, j, r);
	if (verdict < 0)
		return verdict;
	if (j->all || verdict == V_FIRES || verdict >= V_SUPPRESSED_FROM)
		j->fn(j->ctx, r, verdict, &by);
	if (verdict == V_FIRES && r->stop)
		*stopped = true;
	return 0;
}

int judge(struct autoreply *a, struct judging *j, const struct rule *only)
{
	bool stopped = false;
	int code = 0;

	if (only)
		return judge_one(a, j, only, &stopped);
	for (size_t i = 0; i < a->n_rules && code == 0; i++) {
		if (stopped && !j->all)
			break;
		code = judge_one(a, j, a->rules[i], &stopped);
	}
	return code;
}

int judge_command(struct autoreply *a, struct judging *j)
{
	int code = load(a, j);

	if (code < 0)
		return code;
	if (j->m->ts_ms < j->now_ms - a->max_age_ms)
		return V_TOO_OLD;
	if (j->held && !j->m->own)
		return V_HELD;
	return take_pace(a, j);
}
