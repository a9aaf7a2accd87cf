/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Parts of history: announced by the phone, remembered, fetched, read slice by
 * slice, confirmed. One is read at a time, in the order they were announced.
 */
#include "history_int.h"

#include <text.h>

#include <stdlib.h>

#include "pb.h"
#include "peer.h"

#define QUEUE_VERSION  1
#define PART_VERSION   1
#define QUEUE_MAX      4096
#define PART_MAX       (9u << 20) /* a notification, with what it brings inline */
#define POSITION_LEN   32

/* HistorySyncNotification */
#define NOTE_SHA256     1
#define NOTE_LENGTH     2
#define NOTE_KEY        3
#define NOTE_ENC_SHA256 4
#define NOTE_PATH       5
#define NOTE_TYPE       6
#define NOTE_CHUNK      7
#define NOTE_PROGRESS   9
#define NOTE_INLINE     11
#define NOTE_REQUEST    12

const char *wa_history_type_str(int type)
{
	static const char *const names[] = { "initial",	  "status", "full",	"recent",
					     "push_name", "other",  "on_demand" };

	return type >= 0 && (size_t)type < WA_ARRAY_LEN(names) ? names[type] : "unknown";
}

void history_put(struct wa_client *c, struct wa_span key, struct wa_span value)
{
	if (wa_records_put(c->rec, WA_REC_HISTORY, key, value))
		client_nomem(c);
}

const char *history_text(struct wa_client *c, struct wa_span s)
{
	return wa_utf8_valid(s) && !(s.len && memchr(s.ptr, 0, s.len)) ? client_span(c, s) : "";
}

static struct wa_span numbered(char kind, uint32_t seq, uint8_t out[5])
{
	out[0] = (uint8_t)kind;
	out[1] = (uint8_t)(seq >> 24);
	out[2] = (uint8_t)(seq >> 16);
	out[3] = (uint8_t)(seq >> 8);
	out[4] = (uint8_t)seq;
	return wa_span(out, 5);
}

static uint64_t be(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | *p++;
	return v;
}

/* ---- the queue ---- */

static void load_queue(struct wa_client *c, struct history *h)
{
	struct wa_span v;
	struct wa_buf b;
	int rc;

	wa_buf_init(&b, QUEUE_MAX);
	rc = wa_records_get(c->rec, WA_REC_HISTORY, wa_span_str("q"), &b, NULL);
	if (rc < 0)
		client_nomem(c); /* what cannot be read now is not nothing */
	if (rc == 1 && b.len == 17 + HISTORY_CHUNKS_LEN && b.ptr[0] == QUEUE_VERSION) {
		h->first = (uint32_t)be(b.ptr + 1, 4);
		h->next = (uint32_t)be(b.ptr + 5, 4);
		h->taken = be(b.ptr + 9, 8);
		history_chunks_decode(h, b.ptr + 17);
		rc = wa_records_view(c->rec, WA_REC_HISTORY, wa_span_str("m"), &v, NULL);
		if (rc < 0)
			client_nomem(c);
		h->mapping = rc == 1;
	}
	wa_buf_clear(&b);
}

static void save_queue(struct wa_client *c, struct history *h)
{
	struct wa_buf b;

	if (!h->changed)
		return;
	h->changed = false;
	wa_buf_init(&b, QUEUE_MAX);
	wa_buf_u8(&b, QUEUE_VERSION);
	wa_buf_be32(&b, h->first);
	wa_buf_be32(&b, h->next);
	wa_buf_be64(&b, h->taken);
	history_chunks_encode(h, &b);
	if (wa_buf_end(&b, NULL))
		client_nomem(c);
	else
		history_put(c, wa_span_str("q"), wa_buf_view(&b));
	wa_buf_clear(&b);
}

struct history *history_get(struct wa_client *c)
{
	if (c->history)
		return c->history;
	c->history = calloc(1, sizeof(*c->history));
	if (!c->history) {
		client_nomem(c);
		return NULL;
	}
	load_queue(c, c->history);
	c->history->gap_at = history_chunk_gap(c->history, client_now(c));
	return c->history;
}

static void part_free(struct history *h)
{
	if (!h->part)
		return;
	history_reader_free(h->part->reader);
	wa_wipe(h->part, sizeof(*h->part));
	free(h->part);
	h->part = NULL;
}

/* A file on its way is let in; what was being read starts again after the next login. */
void history_pause(struct wa_client *c)
{
	struct history *h = c->history;

	if (!h || (h->part && h->part->fetching))
		return;
	history_clear(c);
}

void history_clear(struct wa_client *c)
{
	if (!c->history)
		return;
	part_free(c->history);
	free(c->history);
	c->history = NULL;
}

void history_resume(struct wa_client *c)
{
	struct wa_span v;

	if (!c->history && wa_records_view(c->rec, WA_REC_HISTORY, wa_span_str("q"), &v, NULL) != 0)
		(void)history_get(c);
}

/* ---- announced ---- */

struct wa_event *history_progress(struct wa_client *c, const struct wa_history *head, int state)
{
	struct wa_history *copy = wa_arena_dup(&c->ev_arena, head, sizeof(*head));
	struct wa_event *e = client_event(c, WA_EV_HISTORY_PROGRESS);

	if (!copy) {
		client_nomem(c);
		return e;
	}
	copy->state = state;
	copy->request = client_text(c, head->request ? head->request : "");
	e->history = copy;
	return e;
}

/* A part's record: version, id, notification. */
struct note {
	struct wa_span id, body;
};

static bool read_note(struct wa_span s, struct note *ret)
{
	size_t id;

	if (s.len < 2 || s.ptr[0] != PART_VERSION)
		return false;
	id = s.ptr[1];
	if (id == 0 || id > MSG_ID_MAX || s.len < 2 + id)
		return false;
	ret->id = wa_span(s.ptr + 2, id);
	ret->body = wa_span(s.ptr + 2 + id, s.len - 2 - id);
	return true;
}

static bool is_waiting(struct wa_client *c, const struct history *h, const char *id)
{
	struct wa_span v;
	struct note n;
	uint8_t key[5];
	uint32_t i;

	for (i = h->first; i != h->next; i++)
		if (wa_records_view(c->rec, WA_REC_HISTORY, numbered('n', i, key), &v, NULL) == 1 &&
		    read_note(v, &n) && wa_span_is(n.id, id))
			return true;
	return false;
}

static void remember(struct wa_client *c, struct history *h, const struct wa_msg_info *info,
		     struct wa_span content)
{
	uint8_t key[5];
	struct wa_buf b;

	wa_buf_init(&b, PART_MAX);
	wa_buf_u8(&b, PART_VERSION);
	wa_buf_u8(&b, (uint8_t)strlen(info->id));
	wa_buf_str(&b, info->id);
	wa_buf_span(&b, content);
	if (wa_buf_end(&b, NULL))
		client_nomem(c);
	else
		history_put(c, numbered('n', h->next++, key), wa_buf_view(&b));
	h->changed = true;
	wa_buf_wipe(&b);
}

/* The message is answered when it is remembered; history is confirmed when all of it is committed. */
void history_notification(struct wa_client *c, const struct wa_msg_info *info, struct wa_span content)
{
	uint64_t type = WA_HISTORY_INITIAL;
	struct wa_span at = content;
	struct wa_pb_field f;
	struct history *h;

	while (wa_pb_next(&at, &f) == 1)
		if (f.number == NOTE_TYPE && f.wire == 0)
			type = f.varint;
	c->history_note = true;
	if ((c->depth_of.none && type != WA_HISTORY_ON_DEMAND) || strlen(info->id) > MSG_ID_MAX)
		return;
	h = history_get(c);
	if (!h)
		return;
	c->history_held = true;
	if (is_waiting(c, h, info->id))
		return;
	c->history_full = h->next - h->first >= HISTORY_PENDING_MAX;
	if (c->history_full)
		WA_LOG(c->env, WA_WARN, "history.too_many_parts", WA_S("id", info->id));
	else
		remember(c, h, info, content);
}

/* ---- confirmed ---- */

void history_receipt(struct wa_client *c, const char *id)
{
	struct wa_jid me = wa_jid_bare(&c->dev.pn);
	struct wa_node *r;
	struct wa_arena a;

	wa_arena_init(&a, STANZA_ARENA_MAX);
	r = wa_node_new(&a, "receipt");
	wa_node_attr(&a, r, "id", id);
	wa_node_attr_jid(&a, r, "to", &me);
	wa_node_attr(&a, r, "type", "hist_sync");
	client_send(c, r);
	wa_arena_clear(&a);
}

/* ---- a part begins ---- */

static int on_file(struct wa_client *c, void *arg, struct wa_span part, struct wa_err *err)
{
	struct history *h = c->history;
	int rc;

	if (!h || !h->part || !h->part->fetching || (uintptr_t)arg != h->part->seq)
		return wa_err_set(err, WA_ESTATE, "this part of history is not wanted any more");
	rc = history_reader_feed(h->part->reader, part, err);
	if (rc == WA_ENOMEM)
		client_nomem(c); /* not the file's fault: again after the next login */
	return rc;
}

static void part_failed(struct wa_client *c, struct history *h, const char *why);

/* What is wrong with it stays wrong; what is wrong with us does not. */
static void part_broken(struct wa_client *c, struct history *h, int code, const char *why)
{
	if (code == WA_ENOMEM || code == WA_ESTORE)
		client_nomem(c);
	else
		part_failed(c, h, why);
}

static void on_file_done(struct wa_client *c, void *arg, int code)
{
	struct history *h = c->history;
	char why[64];

	if (!h || !h->part || !h->part->fetching || (uintptr_t)arg != h->part->seq)
		return;
	h->part->fetching = false;
	if (code == 0) {
		history_reader_eof(h->part->reader);
		return;
	}
	snprintf(why, sizeof(why), code > 0 ? "http_%d" : "file_unavailable", code);
	if (code == WA_ENOMEM)
		client_nomem(c);
	else if (client_up(c))
		part_failed(c, h, why);
	else
		history_clear(c); /* after the next login again */
}

static void note_bytes(struct history_part *p, struct wa_blob *b, struct wa_span *inl,
		       const struct wa_pb_field *f, char *path, size_t size)
{
	switch (f->number) {
	case NOTE_SHA256:
		b->file_sha256 = f->bytes;
		break;
	case NOTE_KEY:
		b->media_key = f->bytes;
		break;
	case NOTE_ENC_SHA256:
		b->file_enc_sha256 = f->bytes;
		break;
	case NOTE_PATH:
		if (f->bytes.len < size && !memchr(f->bytes.ptr, 0, f->bytes.len))
			span_copy(path, size, f->bytes);
		break;
	case NOTE_INLINE:
		*inl = f->bytes;
		break;
	case NOTE_REQUEST:
		if (wa_utf8_valid(f->bytes))
			span_copy(p->request, sizeof(p->request), f->bytes);
		break;
	default:
		break;
	}
}

static void note_number(struct history_part *p, struct wa_blob *b, const struct wa_pb_field *f)
{
	switch (f->number) {
	case NOTE_LENGTH:
		b->length = f->varint;
		break;
	case NOTE_TYPE:
		p->head.type = f->varint <= WA_HISTORY_ON_DEMAND ? (int)f->varint : WA_HISTORY_OTHER;
		break;
	case NOTE_CHUNK:
		p->head.chunk = f->varint <= UINT16_MAX ? (uint32_t)f->varint : 0;
		break;
	case NOTE_PROGRESS:
		p->head.progress = f->varint <= 100 ? (uint32_t)f->varint : 100;
		break;
	default:
		break;
	}
}

/* From the notification to a reader that has its bytes, or will have. */
static int open_part(struct wa_client *c, struct history_part *p, struct wa_span body, struct wa_err *err)
{
	struct wa_blob b = { .type = WA_MEDIA_HISTORY };
	struct wa_span inl = { NULL, 0 };
	struct wa_pb_field f;
	char path[1024] = "";
	int rc;

	while ((rc = wa_pb_next(&body, &f)) == 1) {
		if (f.wire == 0)
			note_number(p, &b, &f);
		else if (f.wire == 2)
			note_bytes(p, &b, &inl, &f, path, sizeof(path));
	}
	p->head.request = p->request;
	history_progress(c, &p->head, WA_HISTORY_BEGUN);
	if (rc < 0)
		return wa_err_set(err, WA_EPROTO, "notification is malformed");
	if (inl.len) {
		rc = history_reader_feed(p->reader, inl, err);
		history_reader_eof(p->reader);
		return rc;
	}
	if (!path[0] || b.media_key.len != 32)
		return wa_err_set(err, WA_EPROTO, "notification names no file");
	b.direct_path = path;
	memcpy(p->key, b.media_key.ptr, sizeof(p->key));
	p->remote = p->fetching = true;
	blob_get(c, &b, on_file, on_file_done, (void *)(uintptr_t)p->seq);
	return 0;
}

static void load_position(struct wa_client *c, struct history_part *p)
{
	struct wa_span v;
	uint8_t key[5];
	int rc = wa_records_view(c->rec, WA_REC_HISTORY, numbered('s', p->seq, key), &v, NULL);

	if (rc < 0)
		client_nomem(c); /* from the start, all would be told twice */
	if (rc != 1 || v.len != POSITION_LEN)
		return;
	p->skip = be(v.ptr, 8);
	p->head.messages = be(v.ptr + 8, 8);
	p->head.conversations = be(v.ptr + 16, 8);
	p->head.skipped = be(v.ptr + 24, 8);
}

static void save_position(struct wa_client *c, const struct history_part *p)
{
	uint8_t key[5];
	struct wa_buf b;

	if (p->items <= p->skip)
		return;
	wa_buf_init(&b, POSITION_LEN);
	wa_buf_be64(&b, p->items);
	wa_buf_be64(&b, p->head.messages);
	wa_buf_be64(&b, p->head.conversations);
	wa_buf_be64(&b, p->head.skipped);
	if (wa_buf_end(&b, NULL))
		client_nomem(c);
	else
		history_put(c, numbered('s', p->seq, key), wa_buf_view(&b));
	wa_buf_clear(&b);
}

static void start_part(struct wa_client *c, struct history *h)
{
	struct history_part *p = calloc(1, sizeof(*p));
	struct wa_err err = WA_ERR_INIT;
	struct note n = { .id = { NULL, 0 } };
	uint8_t key[5];
	struct wa_buf b;
	int rc;

	if (!p || !(p->reader = history_reader_new())) {
		free(p);
		client_nomem(c);
		return;
	}
	wa_buf_init(&b, PART_MAX);
	p->seq = h->first;
	p->learning = true;
	h->part = p;
	rc = wa_records_get(c->rec, WA_REC_HISTORY, numbered('n', p->seq, key), &b, NULL);
	if (rc < 0)
		client_nomem(c);
	if (rc != 1 || !read_note(wa_buf_view(&b), &n)) {
		wa_buf_clear(&b);
		part_free(h);
		h->first++; /* nothing is known of it any more */
		h->changed = true;
		return;
	}
	span_copy(p->id, sizeof(p->id), n.id);
	load_position(c, p);
	rc = open_part(c, p, n.body, &err);
	if (rc)
		part_broken(c, h, rc, err.msg);
	wa_buf_wipe(&b);
}

/* ---- a part ends ---- */

static void forget_part(struct wa_client *c, struct history *h)
{
	struct history_part *p = h->part;
	uint8_t key[5];

	if (wa_records_del(c->rec, WA_REC_HISTORY, numbered('n', p->seq, key)) ||
	    wa_records_del(c->rec, WA_REC_HISTORY, numbered('s', p->seq, key)))
		client_nomem(c);
	history_receipt(c, p->id);
	part_free(h);
	h->first++;
	h->changed = true;
}

static void part_failed(struct wa_client *c, struct history *h, const char *why)
{
	struct history_part *p = h->part;

	WA_LOG(c->env, WA_WARN, "history.part_failed", WA_S("id", p->id), WA_S("reason", why),
	       WA_I("chunk", p->head.chunk));
	history_progress(c, &p->head, WA_HISTORY_PART_FAILED)->text = client_text(c, why);
	if (p->remote)
		media_history_lost(c, p->id, p->key);
	history_chunk_done(c, h, p, false);
	forget_part(c, h);
}

static bool is_numbered(const struct history_part *p)
{
	return p->head.type == WA_HISTORY_RECENT || p->head.type == WA_HISTORY_FULL;
}

static void part_done(struct wa_client *c, struct history *h)
{
	struct history_part *p = h->part;
	bool nothing = p->head.type == WA_HISTORY_ON_DEMAND && p->head.messages == 0;

	history_progress(c, &p->head, nothing ? WA_HISTORY_NOTHING : WA_HISTORY_PART_DONE);
	history_chunk_done(c, h, p, true);
	if (is_numbered(p) && h->first + 1 == h->next && history_chunks_whole(c, h))
		history_progress(c, &p->head, WA_HISTORY_DONE);
	forget_part(c, h);
}

/* ---- reading on ---- */

static void spoke(struct wa_client *c, struct history *h)
{
	h->wait[0] = h->wait[1];
	h->wait[1] = c->open_id;
}

static void read_on(struct wa_client *c, struct history *h)
{
	struct history_part *p = h->part;
	struct wa_err err = WA_ERR_INIT;
	bool told = false;
	int rc;

	if (p->learning) {
		rc = history_learn(c, p, &err);
		told = wa_records_dirty(c->rec);
	} else {
		rc = history_tell_slice(c, h, &told, &err);
		if (told)
			save_position(c, p);
	}
	if (told)
		spoke(c, h);
	if (c->failed)
		return;
	if (rc < 0) {
		part_broken(c, h, rc, err.msg);
	} else if (rc == HISTORY_END && p->learning) {
		p->learning = false;
		history_reader_rewind(p->reader);
		history_reader_last_pass(p->reader);
		c->work_left = true;
	} else if (rc == HISTORY_END) {
		part_done(c, h);
	}
}

void history_work(struct wa_client *c)
{
	struct history *h = c->history;

	if (!h || c->failed || c->state != WA_ST_READY)
		return;
	if (!h->part && c->n_events)
		return; /* the host hears first that we are ready, then what to fetch */
	/* Two slices under way keep the host busy; more would fill memory. */
	if (h->wait[0] <= c->committed) {
		if (h->mapping) {
			lidsync_work(c, h);
			spoke(c, h);
		} else if (!h->part && h->first != h->next) {
			start_part(c, h);
		} else if (h->part && !h->part->fetching) {
			read_on(c, h);
		}
		if (!h->part && (h->mapping || h->first != h->next))
			c->work_left = true;
	}
	if (c->failed)
		return;
	save_queue(c, h);
	if (!h->part && !h->mapping && h->first == h->next && h->gap_at == INT64_MAX)
		history_clear(c);
}

void history_tick(struct wa_client *c, int64_t now)
{
	if (c->history && c->state == WA_ST_READY && now >= c->history->gap_at)
		history_chunk_tick(c, c->history, now);
}

int64_t history_deadline(const struct wa_client *c)
{
	return c->history && c->state == WA_ST_READY ? c->history->gap_at : INT64_MAX;
}
