/* SPDX-License-Identifier: GPL-3.0-or-later */
/* w:sync:app:state: companions fetch and upload. */
#include "appstate.h"

void sb_appstate_notify(struct sb_account *a, int collection, const struct sb_device *but)
{
	SB_AUTO_ARENA struct wa_arena ar = { 0 };
	struct wa_jid server = WA_JID_SERVER;
	struct wa_node *n, *col;
	char id[32];

	wa_arena_init(&ar, SB_STANZA_MAX);
	for (size_t i = 1; i < a->n_devices; i++) {
		struct sb_device *d = a->devices[i];

		if (d == but || d->sim)
			continue;
		n = wa_node_new(&ar, "notification");
		wa_node_attr_jid(&ar, n, "from", &server);
		wa_node_attr(&ar, n, "type", "server_sync");
		sb_new_id(a->s, id);
		wa_node_attr(&ar, n, "id", id);
		wa_node_attr_int(&ar, n, "t", sb_now(a->s) / 1000);
		col = wa_node_child(&ar, n, "collection");
		wa_node_attr(&ar, col, "name", wa_sync_collection_str(collection));
		wa_node_attr_int(&ar, col, "version",
				 (int64_t)sb_appstate(a)->cols[collection].version);
		sb_deliver(d, n);
	}
}

/* What one <collection> of the question says. */
struct asked {
	int collection;
	uint64_t version;
	bool snapshot;
	const struct wa_node *patch;
};

static bool read_asked(struct sb_conn *c, const struct wa_node *iq, const struct wa_node *k,
		       struct asked *q)
{
	int64_t version = wa_node_attr_num(k, "version", 0);

	q->collection = wa_sync_collection_find(wa_node_attr_get(k, "name"));
	q->version = version > 0 ? (uint64_t)version : 0;
	q->snapshot = wa_node_attr_is(k, "return_snapshot", "true");
	q->patch = wa_node_get(k, "patch");
	if (q->collection < 0) {
		sb_violation(c->s, c->dev, iq, "app_state.collection", "there is no such collection");
		return false;
	}
	if (!q->snapshot && !wa_node_attr_is(k, "return_snapshot", "false"))
		sb_violation(c->s, c->dev, iq, "app_state.snapshot",
			     "return_snapshot is neither true nor false");
	if (q->patch && q->snapshot)
		sb_violation(c->s, c->dev, iq, "app_state.snapshot",
			     "a snapshot is demanded beside an upload");
	return true;
}

/* A patch as it was stored; broken on demand. */
static void put_patch(struct wa_arena *a, struct wa_node *patches, const struct sb_patch *p,
		      bool broken)
{
	uint8_t *copy = wa_arena_dup(a, p->bytes, p->len);

	if (copy && broken && p->len > 48)
		/* within the patch MAC, which stands before the key id at the end */
		copy[p->len - 20] ^= 1;
	wa_node_data(a, wa_node_child(a, patches, "patch"), wa_span(copy, copy ? p->len : 0));
}

static void put_patches(struct sb_conn *c, struct wa_arena *a, struct wa_node *out,
			struct sb_collection *col, uint64_t from)
{
	struct sb_account *acc = c->dev->acc;
	bool more_fault = col->version > from + 1 &&
			  sb_fault_hit(c->s, SB_FAULT_APP_MORE, acc, c->dev->id) != NULL;
	uint64_t most = more_fault ? 1 : SB_PATCHES_ANSWER;
	struct wa_node *patches;
	bool broken;

	if (from < col->version) {
		broken = sb_fault_hit(c->s, SB_FAULT_APP_BAD_PATCH, acc, c->dev->id) != NULL;
		patches = wa_node_child(a, out, "patches");
		for (uint64_t v = from; v < col->version && v < from + most; v++)
			put_patch(a, patches, &col->patches[v], broken);
	}
	wa_node_attr(a, out, "has_more_patches", col->version > from + most ? "true" : "false");
}

static void put_error(struct wa_arena *a, struct wa_node *col, int code, const char *text)
{
	struct wa_node *e;

	wa_node_attr(a, col, "type", "error");
	e = wa_node_child(a, col, "error");
	wa_node_attr_int(a, e, "code", code);
	wa_node_attr(a, e, "text", text);
}

/* Somebody else was faster: the phone archives a chat in this very moment. */
static void overtake(struct sb_account *a, int collection)
{
	struct wa_sync_action act = { .kind = WA_SYNC_OTHER,
				      .collection = collection,
				      .index = "[\"sandbox_conflict\"]",
				      .version = 1 };
	uint8_t value[] = { 0x08, 0x01 }; /* SyncActionValue.timestamp */
	int ret;
	SB_ERR(err);

	act.value = wa_span(value, sizeof(value));
	if (sb_appstate_seal(a, &act, 1, &ret, &err) == 0)
		sb_appstate_notify(a, collection, NULL);
}

static void upload(struct sb_conn *c, const struct wa_node *iq, struct wa_arena *a,
		   struct wa_node *out, const struct asked *q)
{
	struct sb_account *acc = c->dev->acc;
	struct sb_collection *col = &sb_appstate(acc)->cols[q->collection];
	SB_ERR(err);

	if (sb_fault_hit(c->s, SB_FAULT_APP_CONFLICT, acc, c->dev->id))
		overtake(acc, q->collection);
	if (q->version > col->version) {
		sb_violation(c->s, c->dev, iq, "app_state.version",
			     "an upload on top of version %llu, which does not exist",
			     (unsigned long long)q->version);
		put_error(a, out, 400, "bad-request");
		return;
	}
	if (q->version < col->version) {
		put_error(a, out, 409, "conflict");
		put_patches(c, a, out, col, q->version);
		return;
	}
	if (sb_appstate_take(acc, q->collection, wa_node_bytes(q->patch), &err)) {
		sb_violation(c->s, c->dev, iq, "app_state.patch", "%s", err.msg);
		put_error(a, out, 400, "bad-request");
		return;
	}
	wa_node_attr_int(a, out, "version", (int64_t)col->version);
	sb_appstate_notify(acc, q->collection, c->dev);
}

static void fetch(struct sb_conn *c, struct wa_arena *a, struct wa_node *out, const struct asked *q)
{
	SB_AUTO_BUF struct wa_buf ref = { 0 };
	struct sb_account *acc = c->dev->acc;
	struct sb_collection *col = &sb_appstate(acc)->cols[q->collection];
	bool snapshot = false;

	wa_buf_init(&ref, 4096);
	wa_node_attr_int(a, out, "version", (int64_t)col->version);
	if (q->snapshot && col->version > 0)
		snapshot = col->n > SB_PATCHES_INLINE ||
			   sb_fault_hit(c->s, SB_FAULT_APP_SNAPSHOT, acc, c->dev->id);
	if (snapshot && sb_appstate_snapshot(acc, q->collection, &ref, NULL) == 0) {
		wa_node_data(a, wa_node_child(a, out, "snapshot"), wa_buf_view(&ref));
		wa_node_attr(a, out, "has_more_patches", "false");
		return;
	}
	put_patches(c, a, out, col, q->snapshot ? 0 : q->version);
}

void sb_appstate_iq(struct sb_conn *c, const struct wa_node *iq)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	const struct wa_node *k;
	struct wa_node *sync, *out;
	struct asked q;

	wa_arena_init(&a, SB_SYNC_ARENA);
	if (!sb_appstate(c->dev->acc)) {
		sb_iq_error(c, iq, 503);
		return;
	}
	sync = wa_node_new(&a, "sync");
	for (k = wa_node_first(wa_node_get(iq, "sync")); k; k = k->next) {
		if (!wa_node_is(k, "collection"))
			continue;
		if (!read_asked(c, iq, k, &q)) {
			sb_iq_error(c, iq, 400);
			return;
		}
		out = wa_node_child(&a, sync, "collection");
		wa_node_attr(&a, out, "name", wa_sync_collection_str(q.collection));
		if (q.patch)
			upload(c, iq, &a, out, &q);
		else
			fetch(c, &a, out, &q);
	}
	sb_iq_result(c, iq, &a, sync);
}
