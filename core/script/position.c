/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where each script stands: the last event before the first one that is not finished. One row for all, so that
 * what a wb.STOP decided holds for all of them after a crash. Saved at most once a second.
 */
#include "host_int.h"

#define KEY "positions"
#define LAG_MAX 4096	/* events that interest nobody move a stored position only that often */
#define ROW_MAX (1u << 20)

void script_positions_load(struct wb_scripts *sc)
{
	struct wb_world *w = sc->world;
	struct wa_buf text;

	wa_buf_init(&text, ROW_MAX);
	if (w->ops->kv_get(w, HOST_SPACE, KEY, &text) == 1)
		sc->positions = json_loadb((const char *)text.ptr, text.len, 0, NULL);
	wa_buf_clear(&text);
	if (!json_is_object(sc->positions)) {
		json_decref(sc->positions);
		sc->positions = json_object();
	}
}

int64_t script_position(const struct wb_script *s)
{
	const struct script_job *first;

	if (wa_list_empty(&s->jobs))
		return s->next - 1;
	first = container_of(s->jobs.next, struct script_job, link);
	return first->e->ev->seq - 1;
}

int64_t script_position_stored(const struct wb_scripts *sc, const char *name)
{
	const json_t *v = json_object_get(sc->positions, name);

	return json_is_integer(v) ? json_integer_value(v) : -1;
}

void script_position_forget(struct wb_scripts *sc, const char *name)
{
	if (json_object_del(sc->positions, name) == 0) {
		sc->save_again = true;
		script_tick_start(sc);
	}
}

static void on_saved(void *ctx, int code, const char *message)
{
	struct wb_scripts *sc = script_life_end(ctx);

	(void)message;		/* the store says why in the log */
	if (!sc)
		return;
	sc->saving = false;
	if (code)
		sc->save_again = true;
}

/* True when the row must be written. */
static bool collect(struct wb_scripts *sc)
{
	struct wa_list *it;
	bool write = sc->save_again;

	WA_LIST_EACH(it, &sc->scripts) {
		struct wb_script *s = container_of(it, struct wb_script, link);
		int64_t pos, old = script_position_stored(sc, s->name);

		if (!s->st)
			continue;
		pos = script_position(s);
		if (pos == old)
			continue;
		/* one that did something, or is new, or has passed over much */
		if (old < 0 || s->stats.calls != s->saved_calls || pos - old > LAG_MAX || sc->stopping)
			write = true;
	}
	return write;
}

void script_positions_save(struct wb_scripts *sc)
{
	struct wb_world *w = sc->world;
	struct wa_list *it;
	char *text;

	if ((sc->saving && !sc->stopping) || !collect(sc))
		return;
	WA_LIST_EACH(it, &sc->scripts) {
		struct wb_script *s = container_of(it, struct wb_script, link);

		if (!s->st)
			continue;
		s->saved_calls = s->stats.calls;
		json_object_set_new(sc->positions, s->name, json_integer(script_position(s)));
	}
	text = json_dumps(sc->positions, JSON_COMPACT);
	if (!text)
		return;
	sc->saving = true;
	sc->save_again = false;
	sc->life->refs++;
	w->ops->kv_put(w, HOST_SPACE, KEY, wa_span_str(text), 0, on_saved, sc->life);
	free(text);
}
