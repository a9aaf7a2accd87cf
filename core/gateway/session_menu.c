/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers to menus: a poll vote, a number, the option's words, or a native choice; all the same to the owner. */
#include <db_content.h>
#include <menu.h>
#include "message.h"
#include "outbox.h"
#include "outbox_priv.h"
#include "session_priv.h"

#define OPEN_MS (30LL * 86400000)	/* a number means a menu of the last 30 days */

struct asked {			/* a menu of ours, parsed */
	struct wa_message m;
	json_t *content, *doc;
};

static bool read_menu(const struct db_message *row, struct wa_arena *a, struct asked *ret)
{
	struct wb_content_media_ref ref;

	memset(ret, 0, sizeof(*ret));
	if (!row->from_me || strcmp(row->kind, "menu") != 0)
		return false;
	ret->content = json_loads(row->content, 0, NULL);
	return wb_stored_content(ret->content, a, &ret->m, &ref, &ret->doc, NULL) == 0 && ret->m.menu;
}

static void asked_clear(struct asked *q)
{
	json_decref(q->content);
	json_decref(q->doc);
}

static void put_answer(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev, const struct wb_names *n,
		       const struct db_message *row, const struct asked *q, int index, const char *via, const char *id)
{
	struct wb_option opt[WA_ROWS_MAX + WA_BUTTONS_MAX];
	size_t count = wb_menu_options(q->m.menu, opt, WA_ARRAY_LEN(opt));
	json_t *o, *answer, *menu;

	if (index < 0 || (size_t)index >= count)
		return;
	o = wb_session_message_json(ev, n, id, "choice", "", NULL);
	json_object_del(o, "text");
	answer = json_object();
	json_object_set_new(answer, "id", json_stringn((const char *)opt[index].id.ptr, opt[index].id.len));
	json_object_set_new(answer, "text", json_stringn((const char *)opt[index].text.ptr, opt[index].text.len));
	json_object_set_new(answer, "number", json_integer(index + 1));
	json_object_set_new(answer, "via", json_string(via));
	json_object_set_new(o, "answer", answer);
	menu = json_object();
	json_object_set_new(menu, "id", json_string(row->id));
	json_object_set_new(menu, "wa_id", json_string(row->wa_id));
	json_object_set_new(o, "menu", menu);
	wb_session_put_event(s, tx, "menu.answered", row->id, o, false);
}

void wb_session_on_menu_text(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev,
			     const struct wb_names *n, const char *id, struct wa_arena *a)
{
	struct wb_gateway *gw = s->reg->gw;
	const char *quoted = wa_arena_str(a, ev->message->quoted_id);
	char open[DB_ID_LEN + 1];
	struct db_message row;
	struct asked q;
	int index, r;

	/* in a group others' words mean something else: only a quote says that it is an answer */
	if (!wb_outbox_menus(gw->outbox) || (ev->info->group && (!quoted || !*quoted)))
		return;
	if (quoted && *quoted)	/* says itself which one it answers */
		r = db_message_find_wa(gw->db, s->id, quoted, a, &row, NULL);
	else if ((r = db_menu_open(gw->db, s->id, n->chat, wb_now(gw) - OPEN_MS, open, NULL)) == 1)
		r = db_message_get(gw->db, open, a, &row, NULL);
	if (r != 1)
		return;
	if (read_menu(&row, a, &q) && (index = wb_menu_match(q.m.menu, ev->message->text)) >= 0) {
		db_batch_menu_del(wb_tx_batch(tx), row.id);
		put_answer(s, tx, ev, n, &row, &q, index, "text", id);
	}
	asked_clear(&q);
}

void wb_session_on_menu_choice(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev,
			       const struct wb_names *n, const char *id, struct wa_arena *a)
{
	const char *quoted = wa_arena_str(a, ev->message->quoted_id);
	struct db_message row;
	struct asked q;

	if (!quoted || !*quoted || !ev->message->choice ||
	    db_message_find_wa(s->reg->gw->db, s->id, quoted, a, &row, NULL) != 1)
		return;
	if (read_menu(&row, a, &q))
		put_answer(s, tx, ev, n, &row, &q, wb_menu_match_choice(q.m.menu, ev->message->choice), "native", id);
	asked_clear(&q);
}

void wb_session_on_menu_vote(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev,
			     const struct wb_names *n, const struct db_message *menu, struct wa_arena *a)
{
	struct asked q;

	if (ev->message->vote->n != 1)
		return;
	if (read_menu(menu, a, &q))
		put_answer(s, tx, ev, n, menu, &q, wb_menu_match_hash(q.m.menu, ev->message->vote->options[0]),
			   "poll", "");
	asked_clear(&q);
}
