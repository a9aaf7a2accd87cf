/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "import.h"

#include "session_priv.h"

#include <db_record.h>

#define KINDS_MAX 32		/* record kinds there may be */
#define DEVICE_RECORD_MAX 16384

/* ---- report ---- */

int wb_import_begin(struct wb_import *i, const char *source, struct wa_err *err)
{
	memset(i, 0, sizeof(*i));
	i->report = json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:[]}", "source", source, "sessions", 0,
			      "sessions_dropped", 0, "identities", 0, "prekeys", 0, "sender_keys", 0,
			      "sync_keys", 0, "lids", 0, "notes");
	if (!i->report)
		return wa_err_set(err, WA_ENOMEM, "no memory for an import");
	return wa_import_new(&i->im, err);
}

void wb_import_end(struct wb_import *i)
{
	wa_import_free(i->im);
	wa_device_wipe(&i->dev);
	json_decref(i->report);
	memset(i, 0, sizeof(*i));
}

void wb_import_count(struct wb_import *i, const char *what)
{
	json_int_t n = json_integer_value(json_object_get(i->report, what));

	json_object_set_new(i->report, what, json_integer(n + 1));
}

void wb_import_note(struct wb_import *i, const char *text)
{
	json_array_append_new(json_object_get(i->report, "notes"), json_string(text));
}

/* ---- out ---- */

struct collect {
	struct wa_arena *a;
	struct wa_change *records;
	size_t n, cap, bytes;
	int kind;
};

static int on_record(void *ctx, struct wa_span key, struct wa_span value)
{
	struct collect *c = ctx;
	void *k, *v;

	if (c->n == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 1024;
		struct wa_change *grown = wa_arena_alloc(c->a, cap * sizeof(*grown));

		if (!grown)
			return WA_ELIMIT;
		if (c->n)
			memcpy(grown, c->records, c->n * sizeof(*grown));
		c->records = grown;
		c->cap = cap;
	}
	k = wa_arena_dup(c->a, key.ptr, key.len);
	v = wa_arena_dup(c->a, value.ptr, value.len);
	c->bytes += key.len + value.len;
	if ((key.len && !k) || (value.len && !v) || c->bytes > WB_IMPORT_FILE_MAX / 2)
		return WA_ELIMIT;
	c->records[c->n++] = (struct wa_change){
		.kind = c->kind, .key = wa_span(k, key.len), .value = wa_span(v, value.len)
	};
	return 0;
}

int wb_export_records(struct wb_session *s, struct wa_arena *a, struct wa_change **ret_records, size_t *ret_n,
		      struct wa_err *err)
{
	struct collect c = { .a = a };

	if (s->run || s->client || s->ws)
		return wa_err_set(err, WA_ESTATE, "stop the session first: a device must not run twice");
	if (!s->jid)
		return wa_err_set(err, WA_ESTATE, "the session is not linked");
	for (c.kind = 1; c.kind < KINDS_MAX; c.kind++) {
		/* what was sent lately and is kept for retries, and which messages came, stays here */
		if (c.kind == WA_REC_SENT || c.kind == WA_REC_SEEN)
			continue;
		if (db_record_each(s->reg->gw->db, s->id, c.kind, SIZE_MAX >> 1, on_record, &c, err) < 0)
			return WA_ESTORE;
	}
	*ret_records = c.records;
	*ret_n = c.n;
	return 0;
}

/* ---- in ---- */

/* Another session of this gateway is this very device. */
static bool is_here(struct wb_gateway *gw, const struct wa_device *d, const char **ret_id)
{
	bool same = false;

	for (size_t i = 0; i < gw->sessions->n && !same; i++) {
		struct wb_session *s = gw->sessions->all[i];
		struct wa_device other;
		struct wa_buf b;

		if (!s->jid)
			continue;
		wa_buf_init(&b, DEVICE_RECORD_MAX);
		if (db_record_get(gw->db, s->id, WA_REC_DEVICE, wa_span(NULL, 0), &b, NULL) == 1 &&
		    wa_device_decode(wa_buf_view(&b), &other, NULL) == 0) {
			same = memcmp(other.identity.pub.b, d->identity.pub.b, 32) == 0;
			*ret_id = s->id;
			wa_device_wipe(&other);
		}
		wa_buf_wipe(&b);
	}
	return same;
}

static void put_records(void *ctx, struct wb_tx *tx, struct wb_session *s)
{
	const struct wb_import *i = ctx;
	const struct wa_change *c;
	size_t n = wa_import_records(i->im, &c);
	char jid[WA_JID_TEXT_MAX], lid[WA_JID_TEXT_MAX] = "";
	struct wa_jid bare = wa_jid_bare(&i->dev.pn);

	for (size_t k = 0; k < n; k++)
		db_batch_record_put(wb_tx_batch(tx), s->id, c[k].kind, c[k].key, c[k].value);
	(void)wa_jid_text(&bare, jid);
	if (!wa_jid_is_null(&i->dev.lid)) {
		bare = wa_jid_bare(&i->dev.lid);
		(void)wa_jid_text(&bare, lid);
	}
	wb_session_store_account(s, tx, jid, lid, i->dev.push_name);
}

/* It has to be stopped until its credentials are committed. */
struct begin {
	struct wb_gateway *gw;
	char id[DB_SESSION_ID_MAX + 1];
	bool start;
	wb_tx_fn *done;
	void *ctx;
};

static void on_stored(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct begin *b = ctx;
	struct wb_session *s = code == 0 && b->start ? wb_session_find(b->gw, b->id) : NULL;

	if (s)
		wb_session_start(s, b->done, b->ctx);
	else if (b->done)
		b->done(b->ctx, code, err, res);
	free(b);
}

int wb_import_store(struct wb_gateway *gw, const struct wb_import *i, const struct wb_import_opts *o,
		    char ret_id[DB_SESSION_ID_MAX + 1], wb_tx_fn *done, void *ctx, struct wa_err *err)
{
	union {
		const struct wb_import *in;
		void *out;
	} self = { i };
	const char *name = o->name ? o->name : i->dev.push_name[0] ? i->dev.push_name : NULL;
	struct wb_session_new n = { .id = o->id, .name = name, .also = put_records, .also_ctx = self.out };
	struct begin *b;
	const char *here;
	int r;

	if (is_here(gw, &i->dev, &here))
		return wa_err_set(err, WA_ECONFLICT, "session %s is this device already", here);
	b = wb_zalloc(sizeof(*b));
	b->gw = gw;
	b->start = o->start;
	b->done = done;
	b->ctx = ctx;
	r = wb_session_create(gw, &n, b->id, on_stored, b, err);
	if (r < 0) {
		free(b);
		return r;
	}
	if (ret_id)
		memcpy(ret_id, b->id, sizeof(b->id));
	return 0;
}
