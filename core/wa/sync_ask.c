/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One question about one collection, and what its answer brings. */
#include "sync_int.h"

#define SYNC_TIMEOUT_MS 75000

/* What an answer says about our collection. NULL: nothing. */
static const struct wa_node *find_collection(const struct wa_node *node, int collection)
{
	const struct wa_node *ch = wa_node_first(wa_node_get(node, "sync"));

	for (; ch; ch = ch->next)
		if (wa_node_is(ch, "collection") &&
		    wa_node_attr_is(ch, "name", wa_sync_collection_str(collection)))
			return ch;
	return NULL;
}

/* Fill a job from the answer. */
struct sync_job *sync_take_answer(struct wa_client *c, const struct wa_node *col, int collection,
				  bool fresh)
{
	const struct wa_node *snapshot = wa_node_get(col, "snapshot"), *p;
	struct sync_job *j = sync_job_new(c, collection, fresh);
	size_t n = 0;

	if (!j)
		return NULL;
	if (snapshot && wa_node_bytes(snapshot).len)
		sync_job_snapshot(j, wa_node_bytes(snapshot));
	for (p = wa_node_first(wa_node_get(col, "patches")); p && n < SYNC_PARTS_OF_ANSWER;
	     p = p->next)
		if (wa_node_is(p, "patch")) {
			sync_job_patch(j, wa_node_bytes(p));
			n++;
		}
	if (p || wa_node_attr_is(col, "has_more_patches", "true"))
		sync_job_more(j);
	return j;
}

int sync_answer_code(const struct wa_node *node, int code, int collection,
		     const struct wa_node **ret_col)
{
	const struct wa_node *col = code == 0 ? find_collection(node, collection) : NULL;
	int64_t refused;

	*ret_col = col;
	if (code)
		return code;
	if (!col)
		return WA_EPROTO;
	if (!wa_node_attr_is(col, "type", "error"))
		return 0;
	refused = wa_node_attr_num(wa_node_get(col, "error"), "code", 500);
	return refused < 1 || refused > 9999 ? 500 : (int)refused;
}

static void on_answer(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	struct sync *s = c->sync;
	const struct wa_node *col;
	struct sync_state st;
	bool fresh = arg != NULL;
	int i = s ? s->current : -1;

	if (i < 0 || code == WA_EIO || code == WA_ENOMEM || c->state != WA_ST_READY)
		return;
	code = sync_answer_code(node, code, i, &col);
	if (code == 409) /* it has something for us: take that */
		code = 0;
	if (code) {
		sync_over(c, code, 0);
		return;
	}
	sync_state_load(c, i, &st);
	s->job = sync_take_answer(c, col, i, fresh);
}

void sync_ask(struct wa_client *c, int collection)
{
	static char fresh_tag;
	struct sync_state st;
	struct wa_node *iq, *col;
	struct wa_arena a;
	bool fresh;

	sync_state_load(c, collection, &st);
	fresh = !(st.flags & SYNC_KNOWN) || st.flags & SYNC_REBUILD;
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "set", "w:sync:app:state");
	col = wa_node_child(&a, wa_node_child(&a, iq, "sync"), "collection");
	wa_node_attr(&a, col, "name", wa_sync_collection_str(collection));
	/* A version beside a demanded snapshot confuses the server. */
	if (!fresh)
		wa_node_attr_int(&a, col, "version", (int64_t)st.version);
	wa_node_attr(&a, col, "return_snapshot", fresh ? "true" : "false");
	iq_send(c, &a, iq, SYNC_TIMEOUT_MS, on_answer, fresh ? &fresh_tag : NULL);
	wa_arena_clear(&a);
}
