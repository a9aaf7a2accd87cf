/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "record.h"

#include "text.h"

struct page {
	struct bc *b;
	recipient_fn *fn;
	void *ctx;
	int count;
};

static void copy_key(const struct wb_value *c, uint8_t out[KEY_SIZE])
{
	memset(out, 0, KEY_SIZE);
	if (c->str.len == KEY_SIZE)
		memcpy(out, c->str.ptr, KEY_SIZE);
}

void recipient_seal_id(const char *broadcast, const uint8_t key[KEY_SIZE], char out[RECIPIENT_SEAL_ID])
{
	char hex[33];

	(void)snprintf(out, RECIPIENT_SEAL_ID, "%s:%s", broadcast, wa_hex_encode(wa_span(key, 16), hex));
}

static int on_recipient(void *ctx, const struct wb_value *c, int32_t n)
{
	struct page *p = ctx;
	struct recipient r = { .n = c[0].num, .sticky = c[6].num != 0, .tries = c[8].num,
			       .queued_ms = c[9].num, .sent_ms = c[10].num, .delivered_ms = c[11].num,
			       .read_ms = c[12].num, .replied_ms = c[13].num, .opted_out_ms = c[14].num };
	char id[RECIPIENT_SEAL_ID];

	(void)n;
	p->count++;
	col_text(&c[1], r.broadcast, sizeof(r.broadcast));
	copy_key(&c[2], r.key);
	col_text(&c[3], r.state, sizeof(r.state));
	col_text(&c[4], r.reason, sizeof(r.reason));
	col_text(&c[5], r.session, sizeof(r.session));
	col_text(&c[7], r.message, sizeof(r.message));
	recipient_seal_id(r.broadcast, r.key, id);
	if (unseal_json(p->b, "recipient", id, c[15].str, &r.doc) < 0) {
		log_note(p->b, WB_ERROR, "broadcast.unreadable", "broadcast", r.broadcast);
		return 0;
	}
	p->fn(p->ctx, &r);
	json_decref(r.doc);
	return 0;
}

#define RECIPIENT_COLUMNS                                                                                     \
	"SELECT n, broadcast, key, state, reason, session, sticky, message, tries, queued_ms, sent_ms, "      \
	"delivered_ms, read_ms, replied_ms, opted_out_ms, doc FROM broadcast_recipient "

int recipient_page(struct bc *b, const struct recipient_filter *f, recipient_fn *fn, void *ctx)
{
	const struct wb_value v[] = { v_text(f->broadcast), v_int(f->after), v_int(f->limit), v_text(f->state),
				      v_text(f->reason), v_text(f->session), v_int(f->sticky) };
	struct page p = { b, fn, ctx, 0 };
	int r;

	/* one statement for each index that serves it */
	if (f->state && f->session)
		r = b->host->query(b->self,
				   RECIPIENT_COLUMNS "WHERE broadcast = $1 AND state = $4 AND session = $6 AND n > $2 "
						     "AND ($7 = 1 OR sticky = 0) AND ($5 IS NULL OR reason = $5) "
						     "ORDER BY n LIMIT $3",
				   v, 7, on_recipient, &p);
	else if (f->state)
		r = b->host->query(b->self,
				   RECIPIENT_COLUMNS "WHERE broadcast = $1 AND state = $4 AND n > $2 "
						     "AND ($5 IS NULL OR reason = $5) ORDER BY n LIMIT $3",
				   v, 5, on_recipient, &p);
	else
		r = b->host->query(b->self,
				   RECIPIENT_COLUMNS "WHERE broadcast = $1 AND n > $2 AND ($4 IS NULL) "
						     "AND ($5 IS NULL OR reason = $5) AND ($6 IS NULL OR session = $6) "
						     "ORDER BY n LIMIT $3",
				   v, 6, on_recipient, &p);
	return r < 0 ? r : p.count;
}

json_t *recipient_json(const struct recipient *r)
{
	return json_pack("{s:I, s:O, s:s, s:s?, s:s?, s:b, s:s?, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "n",
			 (json_int_t)r->n, "person", r->doc, "state", r->state, "reason",
			 *r->reason ? r->reason : NULL, "session", *r->session ? r->session : NULL, "sticky",
			 r->sticky, "message", *r->message ? r->message : NULL, "tries", (json_int_t)r->tries,
			 "queued_at", json_time(r->queued_ms), "sent_at", json_time(r->sent_ms), "delivered_at",
			 json_time(r->delivered_ms), "read_at", json_time(r->read_ms), "replied_at",
			 json_time(r->replied_ms), "opted_out_at", json_time(r->opted_out_ms));
}
