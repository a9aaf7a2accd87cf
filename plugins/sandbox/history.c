/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The phone's half of history: what it hands to a companion that logs in for
 * the first time, and what it answers when asked for more. It comes from the
 * chats the phone has, and from conversations made up on request.
 */
#include "inside.h"
#include "person.h"

#include <wa/addon.h>

#include "pb.h"

#include <zlib.h>

#define SYNC_MAX    (256u << 20) /* one part, inflated */
#define INLINE_MAX  (700u << 10) /* what a stanza can carry; more goes to the media host */
#define ANSWER_MAX  500
#define SECRET_EACH 16           /* one message of so many has a secret */
#define POLL_AT     3            /* this one of the first conversation is a poll, voted in and pinned */

enum { TYPE_INITIAL = 0, TYPE_FULL = 2, TYPE_RECENT = 3, TYPE_NAMES = 4, TYPE_ON_DEMAND = 6 };
enum { PROTOCOL_HISTORY = 5, PROTOCOL_PDO_RESPONSE = 17 };
enum { PDO_ON_DEMAND = 3, PDO_PLACEHOLDER = 4, PDO_CHUNK_RETRY = 10 };

/* One conversation of the phone: a real one (peer) or number n of the made-up ones. */
struct conv {
	struct sb_account *a;
	struct sb_account *peer;
	uint32_t n;
	char lid[40], pn[40], name[160];
	struct sb_chat_msg **msgs; /* real, newest first */
	size_t len;                /* messages the phone has of it */
};

struct one { /* a message of it */
	char id[80];
	bool from_me;
	int64_t ts_s;
	const char *text;
	char made[128];
	int status;
};

static void put_text(struct wa_buf *b, uint32_t field, const char *s)
{
	wa_pb_put(b, field, wa_span_str(s));
}

static size_t made_up(const struct sb_account *a)
{
	return (size_t)a->history.per_chat + a->history.older;
}

static void conv_clear(struct conv *v)
{
	free(v->msgs);
	v->msgs = NULL;
}

static bool real_conv(struct conv *v, struct sb_account *a, struct sb_account *peer)
{
	memset(v, 0, sizeof(*v));
	v->a = a;
	v->peer = peer;
	snprintf(v->lid, sizeof(v->lid), "%s@lid", peer->lid);
	snprintf(v->pn, sizeof(v->pn), "%s@s.whatsapp.net", peer->pn);
	sb_copy(v->name, sizeof(v->name), peer->name);
	v->msgs = a->chat.len ? malloc(a->chat.len * sizeof(struct sb_chat_msg *)) : NULL;
	for (size_t i = a->chat.len; v->msgs && i-- > 0;)
		if (a->chat.msgs[i]->peer == peer)
			v->msgs[v->len++] = a->chat.msgs[i];
	if (v->len)
		return true;
	conv_clear(v);
	return false;
}

static void made_conv(struct conv *v, struct sb_account *a, uint32_t n)
{
	memset(v, 0, sizeof(*v));
	v->a = a;
	v->n = n;
	snprintf(v->lid, sizeof(v->lid), "88%09u@lid", n);
	snprintf(v->pn, sizeof(v->pn), "1202556%04u@s.whatsapp.net", n);
	snprintf(v->name, sizeof(v->name), "Old friend %u", n);
	v->len = made_up(a);
}

typedef void conv_fn(const struct conv *v, void *arg);

static void each_conv(struct sb_account *a, conv_fn *fn, void *arg)
{
	struct wa_list *l;
	struct conv v;

	WA_LIST_EACH(l, &a->s->accounts)
	{
		if (!real_conv(&v, a, container_of(l, struct sb_account, link)))
			continue;
		fn(&v, arg);
		conv_clear(&v);
	}
	for (uint32_t i = 0; i < a->history.chats; i++) {
		made_conv(&v, a, i);
		fn(&v, arg);
	}
}

static void get_one(const struct conv *v, size_t i, struct one *o)
{
	if (v->msgs) {
		const struct sb_chat_msg *m = v->msgs[i];

		sb_copy(o->id, sizeof(o->id), m->id);
		o->from_me = m->from_me;
		o->ts_s = m->ts_ms / 1000;
		o->text = m->text;
		o->status = m->status >= SB_READ ? 4 : 3;
		return;
	}
	snprintf(o->id, sizeof(o->id), "3EB0%06X%08zX", v->n, i);
	o->from_me = i % 2 == 1;
	o->ts_s = v->a->history.at_ms / 1000 - 60 * (int64_t)i - v->n;
	snprintf(o->made, sizeof(o->made), "Message %zu of old friend %u, before this device was linked",
		 i, v->n);
	o->text = o->made;
	o->status = 4;
}

/* ---- writing ---- */

static bool is_poll(const struct conv *v, size_t i)
{
	return !v->msgs && v->n == 0 && i == POLL_AT;
}

static void put_poll(struct wa_buf *msg)
{
	static const char *const options[] = { "Red", "Blue" };
	SB_AUTO_BUF struct wa_buf poll = { 0 }, one = { 0 };

	wa_buf_init(&poll, 1024);
	wa_buf_init(&one, 1024);
	put_text(&poll, 2, "Which colour?");
	for (size_t i = 0; i < WA_ARRAY_LEN(options); i++) {
		wa_buf_reset(&one);
		put_text(&one, 1, options[i]);
		wa_pb_put(&poll, 3, wa_buf_view(&one));
	}
	wa_pb_put_varint(&poll, 4, 1);
	wa_pb_put(msg, 64, wa_buf_view(&poll));
}

/* What became of the poll: we voted, the friend reacted and pinned it. */
static void put_poll_replies(const struct conv *v, const struct one *o, struct wa_buf *out)
{
	SB_AUTO_BUF struct wa_buf key = { 0 }, vote = { 0 }, all = { 0 };
	uint8_t hash[WA_HASH_LEN];

	wa_buf_init(&key, 1024);
	wa_buf_init(&vote, 1024);
	wa_buf_init(&all, 4096);
	wa_poll_option_hash(wa_span_str("Blue"), hash);
	wa_pb_put(&vote, 1, wa_span(hash, sizeof(hash)));
	for (int from_me = 1; from_me >= 0; from_me--) {
		wa_buf_reset(&key);
		wa_buf_reset(&all);
		put_text(&key, 1, v->lid);
		wa_pb_put_varint(&key, 2, (uint64_t)from_me);
		put_text(&key, 3, from_me ? "3EB0A0001" : "3EB0A0002");
		wa_pb_put(&all, 1, wa_buf_view(&key));
		if (from_me) {
			wa_pb_put(&all, 2, wa_buf_view(&vote));
			wa_pb_put_varint(&all, 3, (uint64_t)o->ts_s * 1000);
			wa_pb_put(out, 45, wa_buf_view(&all));
			continue;
		}
		put_text(&all, 2, "\xf0\x9f\x91\x8d");
		wa_pb_put(out, 41, wa_buf_view(&all));
		wa_buf_reset(&all);
		wa_pb_put_varint(&all, 1, 1);
		wa_pb_put(&all, 2, wa_buf_view(&key));
		wa_pb_put_varint(&all, 3, (uint64_t)o->ts_s * 1000);
		wa_pb_put(out, 54, wa_buf_view(&all));
	}
}

static void put_web_message(const struct conv *v, size_t i, struct wa_buf *out)
{
	SB_AUTO_BUF struct wa_buf key = { 0 }, msg = { 0 };
	uint8_t secret[32];
	struct one o;

	get_one(v, i, &o);
	wa_buf_init(&key, 1024);
	wa_buf_init(&msg, 1u << 20);
	put_text(&key, 1, v->lid);
	wa_pb_put_varint(&key, 2, o.from_me);
	put_text(&key, 3, o.id);
	if (is_poll(v, i))
		put_poll(&msg);
	else
		put_text(&msg, 1, o.text);
	wa_pb_put(out, 1, wa_buf_view(&key));
	wa_pb_put(out, 2, wa_buf_view(&msg));
	wa_pb_put_varint(out, 3, (uint64_t)(o.ts_s > 0 ? o.ts_s : 1));
	wa_pb_put_varint(out, 4, (uint64_t)o.status);
	if (i % 100 == 7)
		wa_pb_put_varint(out, 17, 1);
	if (!o.from_me)
		put_text(out, 19, v->name);
	if (i % SECRET_EACH == 0) {
		sb_random(v->a->s, secret, sizeof(secret));
		wa_pb_put(out, 49, wa_span(secret, sizeof(secret)));
	}
	if (is_poll(v, i))
		put_poll_replies(v, &o, out);
}

struct page { /* which messages of each conversation */
	struct wa_buf *sync;
	int type;
	size_t from, to;     /* made-up ones */
	unsigned part, parts; /* and, of the recent ones, this share */
};

static void put_conv(const struct conv *v, size_t from, size_t to, struct wa_buf *sync)
{
	SB_AUTO_BUF struct wa_buf chat = { 0 }, info = { 0 }, one = { 0 };

	wa_buf_init(&chat, SYNC_MAX);
	wa_buf_init(&info, 1u << 20);
	wa_buf_init(&one, 1u << 20);
	put_text(&chat, 1, v->lid);
	for (size_t i = from; i < to; i++) {
		wa_buf_reset(&info);
		wa_buf_reset(&one);
		put_web_message(v, i, &info);
		wa_pb_put(&one, 1, wa_buf_view(&info));
		wa_pb_put_varint(&one, 2, v->len - i);
		wa_pb_put(&chat, 2, wa_buf_view(&one));
	}
	wa_pb_put_varint(&chat, 11, to >= v->len ? 1 : 0);
	wa_pb_put_varint(&chat, 12, (uint64_t)(v->a->history.at_ms ? v->a->history.at_ms : sb_now(v->a->s)) / 1000);
	if (!v->msgs && v->n == 0) { /* pinned and mute for good; the second is archived */
		wa_pb_put_varint(&chat, 24, (uint64_t)v->a->history.at_ms / 1000);
		wa_pb_put_varint(&chat, 25, UINT64_MAX);
	} else if (!v->msgs && v->n == 1) {
		wa_pb_put_varint(&chat, 16, 1);
	}
	put_text(&chat, 13, v->name);
	put_text(&chat, 38, v->name);
	put_text(&chat, 39, v->pn);
	wa_pb_put(sync, 2, wa_buf_view(&chat));
}

static void page_conv(const struct conv *v, void *arg)
{
	struct page *p = arg;
	size_t recent = v->msgs ? v->len : v->a->history.per_chat, from, to;

	if (p->type == TYPE_INITIAL) {
		from = 0;
		to = recent ? 1 : 0;
	} else if (p->type == TYPE_FULL) {
		from = recent;
		to = v->len;
	} else {
		from = recent * (p->part - 1) / p->parts;
		to = recent * p->part / p->parts;
	}
	if (from < to)
		put_conv(v, from, to, p->sync);
}

static void name_conv(const struct conv *v, void *arg)
{
	SB_AUTO_BUF struct wa_buf b = { 0 };
	struct wa_buf *sync = arg;

	wa_buf_init(&b, 1024);
	put_text(&b, 1, v->lid);
	put_text(&b, 2, v->name);
	wa_pb_put(sync, 7, wa_buf_view(&b));
}

static void map_conv(const struct conv *v, void *arg)
{
	SB_AUTO_BUF struct wa_buf b = { 0 };
	struct wa_buf *sync = arg;

	wa_buf_init(&b, 1024);
	put_text(&b, 1, v->pn);
	put_text(&b, 2, v->lid);
	wa_pb_put(sync, 15, wa_buf_view(&b));
}

static void put_protocol(struct wa_buf *out, unsigned type, uint32_t field, struct wa_span body)
{
	SB_AUTO_BUF struct wa_buf pm = { 0 };

	wa_buf_init(&pm, SYNC_MAX);
	wa_pb_put_varint(&pm, 2, type);
	wa_pb_put(&pm, field, body);
	wa_pb_put(out, 12, wa_buf_view(&pm));
}

static void tell(struct sb_device *d, struct wa_span plain)
{
	SB_ERR(err);

	if (sb_sim_peer(d->acc->devices[0]->sim, d, plain, &err))
		sb_log(d->acc->s, WA_WARN, "sandbox.history_failed", "error", err.msg);
}

/* Inline when it is small and not wanted otherwise, else on the media host. */
static int put_payload(struct sb_device *d, struct wa_span packed, struct wa_buf *note, struct wa_err *err)
{
	struct sb_blob_ref ref;
	int rc;

	if (packed.len <= INLINE_MAX && !d->acc->history.file) {
		wa_pb_put(note, 11, packed);
		return 0;
	}
	rc = sb_blob_put(d->acc->s, WA_MEDIA_HISTORY, packed, &ref, err);
	if (rc)
		return rc;
	wa_pb_put(note, 1, wa_span(ref.file_sha256, 32));
	wa_pb_put_varint(note, 2, ref.length);
	wa_pb_put(note, 3, wa_span(ref.media_key, 32));
	wa_pb_put(note, 4, wa_span(ref.file_enc_sha256, 32));
	put_text(note, 5, ref.direct_path);
	return 0;
}

struct announce {
	int type;
	unsigned chunk, progress;
	const char *request;
};

static void announce(struct sb_device *d, const struct announce *n, struct wa_span sync)
{
	SB_AUTO_BUF struct wa_buf packed = { 0 }, note = { 0 }, msg = { 0 };
	uLongf len = compressBound(sync.len);
	uint8_t *p;
	SB_ERR(err);

	wa_buf_init(&packed, SYNC_MAX);
	wa_buf_init(&note, SYNC_MAX);
	wa_buf_init(&msg, SYNC_MAX);
	p = wa_buf_grow(&packed, len);
	if (!p || compress(p, &len, sync.len ? sync.ptr : p, sync.len) != Z_OK)
		return;
	packed.len = len;
	if (sb_fault_hit(d->acc->s, SB_FAULT_HISTORY_CORRUPT, d->acc, d->id))
		packed.len = len > 8 ? len / 2 : 1;
	if (put_payload(d, wa_buf_view(&packed), &note, &err)) {
		sb_log(d->acc->s, WA_WARN, "sandbox.history_failed", "error", err.msg);
		return;
	}
	wa_pb_put_varint(&note, 6, (uint64_t)n->type);
	if (n->chunk)
		wa_pb_put_varint(&note, 7, n->chunk);
	wa_pb_put_varint(&note, 9, n->progress);
	if (n->request)
		put_text(&note, 12, n->request);
	put_protocol(&msg, PROTOCOL_HISTORY, 6, wa_buf_view(&note));
	tell(d, wa_buf_view(&msg));
}

static void head(struct wa_buf *sync, const struct announce *n)
{
	wa_buf_init(sync, SYNC_MAX);
	wa_pb_put_varint(sync, 1, (uint64_t)n->type);
	if (n->chunk)
		wa_pb_put_varint(sync, 5, n->chunk);
	wa_pb_put_varint(sync, 6, n->progress);
}

static unsigned parts_of(const struct sb_account *a)
{
	return a->history.parts ? a->history.parts : 1;
}

/* One part with its share of every conversation. */
static void send_part(struct sb_device *d, int type, unsigned part)
{
	SB_AUTO_BUF struct wa_buf sync = { 0 };
	unsigned parts = parts_of(d->acc);
	struct announce n = { .type = type, .chunk = part, .progress = 100 };
	struct page p = { .sync = &sync, .type = type, .part = part, .parts = parts };

	if (type == TYPE_RECENT)
		n.progress = 100 * part / parts;
	head(&sync, &n);
	each_conv(d->acc, page_conv, &p);
	if (type == TYPE_INITIAL) {
		uint8_t salt[32];

		each_conv(d->acc, map_conv, &sync);
		sb_nct_salt(d->acc, salt);
		wa_pb_put(&sync, 19, wa_span(salt, sizeof(salt))); /* nctSalt */
	}
	announce(d, &n, wa_buf_view(&sync));
}

static void send_names(struct sb_device *d)
{
	SB_AUTO_BUF struct wa_buf sync = { 0 };
	struct announce n = { .type = TYPE_NAMES, .chunk = 1, .progress = 100 };

	head(&sync, &n);
	each_conv(d->acc, name_conv, &sync);
	announce(d, &n, wa_buf_view(&sync));
}

void sb_history_welcome(struct sb_device *d)
{
	unsigned parts = parts_of(d->acc);

	if (sb_fault_hit(d->acc->s, SB_FAULT_HISTORY_NONE, d->acc, d->id))
		return;
	send_part(d, TYPE_INITIAL, 1);
	send_names(d);
	for (unsigned i = 1; i <= parts; i++)
		if (!sb_fault_hit(d->acc->s, SB_FAULT_HISTORY_MISSING, d->acc, d->id))
			send_part(d, TYPE_RECENT, i);
	if (d->full_history && d->acc->history.older)
		send_part(d, TYPE_FULL, 1);
}

/* ---- answers ---- */

static bool conv_by_jid(struct sb_account *a, struct wa_span text, struct conv *v)
{
	struct sb_account *peer;
	struct wa_jid j;

	if (text.len >= WA_JID_TEXT_MAX || wa_jid_parse(text, &j, NULL))
		return false;
	peer = sb_find(a->s, &j);
	if (peer)
		return real_conv(v, a, peer);
	for (uint32_t i = 0; i < a->history.chats; i++) {
		made_conv(v, a, i);
		if (wa_span_is(text, v->lid) || wa_span_is(text, v->pn))
			return true;
	}
	return false;
}

/* Its position in the conversation; v->len: not there. */
static size_t find_one(const struct conv *v, struct wa_span id)
{
	struct one o;
	size_t i;

	for (i = 0; i < v->len; i++) {
		get_one(v, i, &o);
		if (wa_span_is(id, o.id))
			break;
	}
	return i;
}

static void on_demand(struct sb_device *d, const char *request, struct wa_span ask)
{
	SB_AUTO_BUF struct wa_buf sync = { 0 };
	struct announce n = { .type = TYPE_ON_DEMAND, .progress = 100, .request = request };
	struct wa_span chat = { NULL, 0 }, id = chat;
	uint64_t count = 50;
	struct wa_pb_field f;
	struct conv v;
	size_t from;

	while (wa_pb_next(&ask, &f) == 1) {
		if (f.number == 1 && f.wire == 2)
			chat = f.bytes;
		else if (f.number == 2 && f.wire == 2)
			id = f.bytes;
		else if (f.number == 4 && f.wire == 0)
			count = f.varint;
	}
	if (chat.len == 0 || id.len == 0 || count == 0 || count > ANSWER_MAX) {
		sb_violation(d->acc->s, d, NULL, "history.request",
			     "an on-demand request names a chat, its oldest message and 1 to %d more", ANSWER_MAX);
		return;
	}
	head(&sync, &n);
	if (conv_by_jid(d->acc, chat, &v)) {
		from = find_one(&v, id) + 1;
		if (from < v.len)
			put_conv(&v, from, from + count < v.len ? from + (size_t)count : v.len, &sync);
		conv_clear(&v);
	}
	announce(d, &n, wa_buf_view(&sync));
}

/* A message the companion could not read, from the phone's own chat. */
static void placeholder(struct sb_device *d, const char *request, struct wa_span ask)
{
	SB_AUTO_BUF struct wa_buf info = { 0 }, answer = { 0 }, result = { 0 }, pdo = { 0 }, msg = { 0 };
	struct wa_span key, chat, id;
	struct conv v;
	size_t i;

	if (wa_pb_find(ask, 1, &key) != 1 || wa_pb_find(key, 1, &chat) != 1 || wa_pb_find(key, 3, &id) != 1) {
		sb_violation(d->acc->s, d, NULL, "placeholder.request", "a resend request without a message key");
		return;
	}
	if (!conv_by_jid(d->acc, chat, &v))
		return;
	wa_buf_init(&info, 1u << 20);
	wa_buf_init(&answer, 1u << 20);
	wa_buf_init(&result, 1u << 20);
	wa_buf_init(&pdo, 1u << 20);
	wa_buf_init(&msg, 1u << 20);
	i = find_one(&v, id);
	if (i < v.len) {
		put_web_message(&v, i, &info);
		wa_pb_put(&answer, 1, wa_buf_view(&info));
		wa_pb_put(&result, 4, wa_buf_view(&answer));
		wa_pb_put_varint(&pdo, 1, PDO_PLACEHOLDER);
		put_text(&pdo, 2, request);
		wa_pb_put(&pdo, 3, wa_buf_view(&result));
		put_protocol(&msg, PROTOCOL_PDO_RESPONSE, 17, wa_buf_view(&pdo));
		tell(d, wa_buf_view(&msg));
	}
	conv_clear(&v);
}

static void chunk_retry(struct sb_device *d, struct wa_span ask)
{
	uint64_t type = 0, chunk = 0;
	struct wa_pb_field f;

	while (wa_pb_next(&ask, &f) == 1) {
		if (f.number == 1 && f.wire == 0)
			type = f.varint;
		else if (f.number == 2 && f.wire == 0)
			chunk = f.varint;
	}
	if ((type == TYPE_RECENT && chunk >= 1 && chunk <= parts_of(d->acc)) || (type == TYPE_FULL && chunk == 1))
		send_part(d, (int)type, (unsigned)chunk);
	else
		sb_violation(d->acc->s, d, NULL, "history.chunk", "there is no chunk %llu of type %llu",
			     (unsigned long long)chunk, (unsigned long long)type);
}

void sb_history_pdo(struct sb_device *d, const char *request, struct wa_span pdo)
{
	struct wa_span part;
	struct wa_pb_field f;
	uint64_t type = UINT64_MAX;
	struct wa_span at = pdo;

	if (!d->acc->online || !d->acc->devices[0]->sim)
		return;
	while (wa_pb_next(&at, &f) == 1)
		if (f.number == 1 && f.wire == 0)
			type = f.varint;
	if (type == PDO_ON_DEMAND && wa_pb_find(pdo, 4, &part) == 1)
		on_demand(d, request, part);
	else if (type == PDO_PLACEHOLDER && wa_pb_find(pdo, 5, &part) == 1)
		placeholder(d, request, part);
	else if (type == PDO_CHUNK_RETRY && wa_pb_find(pdo, 8, &part) == 1)
		chunk_retry(d, part);
}
