/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files on the media host: kept in memory, named by the hash of what is stored. */
#include "media.h"
#include "inside.h"

#include <crypto.h>
#include <media.pb-c.h>
#include <pb.h>
#include <wa/media.h>

#define BLOBS_MAX  (1024u << 20) /* bytes of all; the oldest are forgotten */
#define AUTHS_MAX  1024
#define AUTH_TTL_S 3600
#define GIVEN_MAX  1000 /* files people gave to phones */
#define ANSWER_MAX 4096

struct blob {
	struct wa_list link; /* oldest first */
	char token[WA_B64_LEN(32)];
	unsigned copies; /* paths it has: 1 .. copies */
	unsigned lost;   /* paths up to this one are gone */
	size_t len;
	uint8_t bytes[];
};

struct auth {
	struct wa_list link;
	char word[48];
	int64_t until_ms;
};

struct given { /* a file for a phone to send */
	struct wa_list link;
	char id[32];
	int type;
	char mimetype[128];
	struct sb_blob_ref ref;
	struct sb_media_lie lie;
};

struct sb_media {
	struct wa_map blobs; /* token -> struct blob */
	struct wa_list order, auths, given;
	size_t bytes, n_auths, n_given;
	uint64_t served, uploads;
	char answer[ANSWER_MAX];
};

static struct sb_media *media(struct sandbox *s)
{
	struct sb_media *m = s->media;

	if (m)
		return m;
	m = calloc(1, sizeof(*m));
	if (!m)
		abort();
	wa_list_init(&m->order);
	wa_list_init(&m->auths);
	wa_list_init(&m->given);
	s->media = m;
	return m;
}

void sb_media_free(struct sandbox *s)
{
	struct sb_media *m = s->media;
	struct wa_list *l;

	if (!m)
		return;
	while ((l = wa_list_pop_front(&m->order)))
		free(container_of(l, struct blob, link));
	while ((l = wa_list_pop_front(&m->auths)))
		free(container_of(l, struct auth, link));
	while ((l = wa_list_pop_front(&m->given)))
		free(container_of(l, struct given, link));
	wa_map_clear(&m->blobs);
	free(m);
	s->media = NULL;
}

void sandbox_set_media(struct sandbox *s, const char *host, const char *ca_file)
{
	sb_copy(s->media_host, sizeof(s->media_host), host);
	sb_copy(s->media_ca, sizeof(s->media_ca), ca_file);
}

/* ---- files ---- */

static void forget(struct sb_media *m, struct blob *b)
{
	wa_map_del(&m->blobs, wa_span_str(b->token));
	wa_list_del(&b->link);
	m->bytes -= b->len;
	free(b);
}

static struct blob *keep(struct sandbox *s, struct wa_span stored, struct wa_err *err)
{
	struct sb_media *m = media(s);
	char token[WA_B64_LEN(32)];
	struct wa_list *oldest;
	uint8_t hash[32];
	struct blob *b;

	wa_sha256(stored, hash);
	wa_b64_encode(wa_span(hash, sizeof(hash)), WA_B64_URL, token);
	b = wa_map_get(&m->blobs, wa_span_str(token));
	if (b) {
		b->copies++;
		return b;
	}
	b = stored.len < BLOBS_MAX ? malloc(sizeof(*b) + stored.len) : NULL;
	if (!b || wa_map_put(&m->blobs, wa_span_str(token), b, NULL)) {
		free(b);
		wa_err_set(err, WA_ENOMEM, "no memory for a file");
		return NULL;
	}
	memcpy(b->token, token, sizeof(token));
	b->copies = 1;
	b->lost = 0;
	b->len = stored.len;
	if (stored.len)
		memcpy(b->bytes, stored.ptr, stored.len);
	wa_list_push_back(&m->order, &b->link);
	m->bytes += b->len;
	while (m->bytes > BLOBS_MAX && (oldest = wa_list_first(&m->order)) && oldest != &b->link)
		forget(m, container_of(oldest, struct blob, link));
	return b;
}

/* What the real paths look like, as far as clients look at them: a '?' must be in it. */
static void path_of(const struct blob *b, char *out, size_t size)
{
	snprintf(out, size, "/v/t62.7118-24/%s_%u?ccb=11-4&oh=01_sandbox&oe=7FFFFFFF&_nc_sid=5e03e0", b->token,
		 b->copies);
}

/* 1 found, 0 unknown, -1 gone. */
static int find(struct sandbox *s, struct wa_span path, struct blob **ret)
{
	static const char prefix[] = "/v/t62.7118-24/";
	const uint8_t *q = path.len ? memchr(path.ptr, '?', path.len) : NULL;
	size_t n = sizeof(prefix) - 1, end = q ? (size_t)(q - path.ptr) : path.len, us;
	int64_t copy;

	if (!wa_span_starts(path, prefix))
		return 0;
	for (us = end; us > n && path.ptr[us - 1] != '_'; us--)
		;
	if (us <= n + 1 || wa_parse_i64(wa_span(path.ptr + us, end - us), 1, 1000000, &copy))
		return 0;
	*ret = wa_map_get(&media(s)->blobs, wa_span(path.ptr + n, us - 1 - n));
	if (!*ret || (uint64_t)copy > (*ret)->copies)
		return 0;
	return (uint64_t)copy <= (*ret)->lost ? -1 : 1;
}

int sb_blob_put(struct sandbox *s, int type, struct wa_span plain, struct sb_blob_ref *ret, struct wa_err *err)
{
	SB_AUTO_BUF struct wa_buf out = { 0 };
	struct wa_media_sums sums;
	struct wa_media_enc *e;
	struct blob *b;
	int r;

	memset(ret, 0, sizeof(*ret));
	sb_random(s, ret->media_key, sizeof(ret->media_key));
	wa_buf_init(&out, plain.len + 64);
	r = wa_media_enc_new(type, wa_span(ret->media_key, 32), false, &e, err);
	if (r < 0)
		return r;
	r = wa_media_enc_update(e, plain, &out, err);
	if (r == 0)
		r = wa_media_enc_final(e, &out, &sums, NULL, err);
	wa_media_enc_free(e);
	if (r < 0)
		return r;
	b = keep(s, wa_buf_view(&out), err);
	if (!b)
		return WA_ENOMEM;
	memcpy(ret->file_sha256, sums.file_sha256, 32);
	memcpy(ret->file_enc_sha256, sums.file_enc_sha256, 32);
	ret->length = sums.length;
	path_of(b, ret->direct_path, sizeof(ret->direct_path));
	return 0;
}

int sb_blob_plain(struct sandbox *s, struct wa_span bytes, char path[256], struct wa_err *err)
{
	char token[WA_B64_LEN(32)];
	uint8_t hash[32];
	struct blob *b;

	wa_sha256(bytes, hash);
	wa_b64_encode(wa_span(hash, sizeof(hash)), WA_B64_URL, token);
	b = wa_map_get(&media(s)->blobs, wa_span_str(token));
	if (!b || b->lost == b->copies)
		b = keep(s, bytes, err);
	if (!b)
		return WA_ENOMEM;
	path_of(b, path, 256);
	return 0;
}

bool sb_blob_has(struct sandbox *s, struct wa_span token)
{
	return wa_map_has(&media(s)->blobs, token);
}

int sb_blob_get(struct sandbox *s, const char *direct_path, struct wa_span *ret_stored)
{
	struct blob *b;

	if (find(s, wa_span_str(direct_path), &b) != 1)
		return 0;
	*ret_stored = wa_span(b->bytes, b->len);
	return 1;
}

int sb_blob_read(struct sandbox *s, int type, const char *direct_path, struct wa_span key, struct wa_span enc_sha256,
		 struct wa_span sha256, struct wa_buf *out, struct wa_err *err)
{
	struct wa_media_check *k;
	struct wa_span stored;
	uint64_t length = 0;
	int r;

	if (!sb_blob_get(s, direct_path, &stored))
		return wa_err_set(err, WA_ENOTFOUND, "no such file");
	r = wa_media_check_new(type, key, &k, err);
	if (r < 0)
		return r;
	r = wa_media_check_update(k, stored, err);
	if (r == 0)
		r = wa_media_check_final(k, enc_sha256, sha256, &length, err);
	wa_media_check_free(k);
	if (r < 0)
		return r;
	wa_media_range(0, length, stored.len, &(uint64_t){ 0 }, &(uint64_t){ 0 });
	return wa_media_read(type, key, 0, stored.len, wa_span(stored.ptr, stored.len - WA_MEDIA_MAC_LEN),
			     stored.len, out, err);
}

/* ---- who may upload ---- */

void sb_media_conn(struct sb_conn *c, const struct wa_node *iq)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct sandbox *s = c->s;
	struct sb_media *m = media(s);
	struct auth *w = calloc(1, sizeof(*w));
	uint8_t rnd[16];
	char hex[33];
	struct wa_node *n;

	if (!w) {
		sb_iq_error(c, iq, 500);
		return;
	}
	if (!wa_node_get(iq, "media_conn"))
		sb_violation(s, c->dev, iq, "media.conn", "w:m asks for media_conn only");
	sb_random(s, rnd, sizeof(rnd));
	snprintf(w->word, sizeof(w->word), "sb/%s+=", wa_hex_encode(wa_span(rnd, sizeof(rnd)), hex));
	w->until_ms = sb_now(s) + AUTH_TTL_S * 1000;
	wa_list_push_back(&m->auths, &w->link);
	if (++m->n_auths > AUTHS_MAX) {
		free(container_of(wa_list_pop_front(&m->auths), struct auth, link));
		m->n_auths--;
	}
	wa_arena_init(&a, SB_STANZA_MAX);
	n = wa_node_new(&a, "media_conn");
	wa_node_attr(&a, n, "auth", w->word);
	wa_node_attr_int(&a, n, "ttl", AUTH_TTL_S);
	wa_node_attr_int(&a, n, "auth_ttl", AUTH_TTL_S);
	wa_node_attr(&a, n, "max_buckets", "12");
	wa_node_attr(&a, wa_node_child(&a, n, "host"), "hostname", *s->media_host ? s->media_host : "localhost");
	sb_iq_result(c, iq, &a, n);
}

static bool auth_ok(struct sandbox *s, const char *word)
{
	struct wa_list *l;

	WA_LIST_EACH(l, &media(s)->auths)
	{
		const struct auth *w = container_of(l, struct auth, link);

		if (word && strcmp(w->word, word) == 0)
			return w->until_ms > sb_now(s);
	}
	return false;
}

/* ---- requests ---- */

static void answer(struct sandbox *s, struct sb_media_res *res, int status, json_t *take)
{
	struct sb_media *m = media(s);
	size_t n = take ? json_dumpb(take, m->answer, sizeof(m->answer), JSON_COMPACT) : 0;

	res->status = status;
	res->type = "application/json";
	res->body = wa_span(m->answer, n < sizeof(m->answer) ? n : 0);
	json_decref(take);
}

static void refuse(struct sandbox *s, struct sb_media_res *res, int status, const char *text)
{
	answer(s, res, status, json_pack("{s:s}", "error", text));
}

/* Padded or not: both libraries are right. */
static bool token_is(const char *given, const char *token)
{
	size_t n = strlen(token);

	return given && strncmp(given, token, n) == 0 && (!given[n] || strcmp(given + n, "=") == 0);
}

static void upload(struct sandbox *s, const struct sb_media_req *r, const char *kind, struct sb_media_res *res)
{
	const char *token = strrchr(r->path, '/') + 1, *type = r->header(r->ctx, "content-type");
	const char *origin = r->header(r->ctx, "origin");
	bool plain = wa_span_starts(wa_span_str(r->path), "/newsletter/");
	char path[256], url[600];
	struct blob *b;

	if (sb_fault_hit(s, SB_FAULT_MEDIA_AUTH, NULL, -1)) {
		refuse(s, res, 401, "auth expired");
		return;
	}
	if (!auth_ok(s, r->query(r->ctx, "auth"))) {
		sb_violation(s, NULL, NULL, "media.auth", "upload with a word that was not given, or has expired");
		refuse(s, res, 401, "auth");
		return;
	}
	if (!origin || strcmp(origin, "https://web.whatsapp.com") != 0)
		sb_violation(s, NULL, NULL, "media.origin", "upload without the Origin of the web client");
	if (type && strcmp(type, "application/octet-stream") != 0)
		sb_violation(s, NULL, NULL, "media.type", "upload of %s", type);
	if (!plain && (r->body.len < 26 || (r->body.len - WA_MEDIA_MAC_LEN) % 16)) {
		sb_violation(s, NULL, NULL, "media.body", "%zu bytes are no encrypted %s", r->body.len, kind);
		refuse(s, res, 400, "not encrypted");
		return;
	}
	b = keep(s, r->body, NULL);
	if (!b) {
		refuse(s, res, 507, "full");
		return;
	}
	if (!token_is(token, b->token) || !token_is(r->query(r->ctx, "token"), b->token)) {
		sb_violation(s, NULL, NULL, "media.token", "the token is not the hash of what was uploaded");
		refuse(s, res, 400, "token");
		return;
	}
	media(s)->uploads++;
	path_of(b, path, sizeof(path));
	snprintf(url, sizeof(url), "https://%s%s", s->media_host, path);
	answer(s, res, 200, json_pack("{s:s, s:s, s:s*}", "url", url, "direct_path", path, "handle",
				      plain ? b->token : NULL));
}

/* "bytes=a-" and "bytes=a-b" */
static bool range_of(const char *text, size_t len, size_t *from, size_t *n)
{
	struct wa_span s = wa_span_str(text);
	const uint8_t *dash;
	int64_t a, b;

	if (!wa_span_starts(s, "bytes="))
		return false;
	s = wa_span(s.ptr + 6, s.len - 6);
	dash = s.len ? memchr(s.ptr, '-', s.len) : NULL;
	if (!dash || wa_parse_i64(wa_span(s.ptr, (size_t)(dash - s.ptr)), 0, INT64_MAX, &a) || (size_t)a >= len)
		return false;
	*from = (size_t)a;
	*n = len - *from;
	if (!wa_parse_i64(wa_span(dash + 1, (size_t)(s.ptr + s.len - dash - 1)), a, INT64_MAX, &b) &&
	    (size_t)(b - a + 1) < *n)
		*n = (size_t)(b - a + 1);
	return true;
}

static void download(struct sandbox *s, const struct sb_media_req *r, struct sb_media_res *res)
{
	const char *range = r->header(r->ctx, "range");
	struct sb_fault *f;
	struct blob *b = NULL;
	size_t from, n;
	int found = find(s, wa_span_str(r->path), &b);

	if (sb_fault_hit(s, SB_FAULT_MEDIA_404, NULL, -1))
		found = 0;
	else if (sb_fault_hit(s, SB_FAULT_MEDIA_410, NULL, -1))
		found = -1;
	if (found <= 0) {
		refuse(s, res, found ? 410 : 404, found ? "gone" : "unknown");
		return;
	}
	media(s)->served++;
	res->status = 200;
	res->type = "application/octet-stream";
	res->body = wa_span(b->bytes, b->len);
	if (range && range_of(range, b->len, &from, &n)) {
		res->status = 206;
		snprintf(res->content_range, sizeof(res->content_range), "bytes %zu-%zu/%zu", from, from + n - 1,
			 b->len);
		res->body = wa_span(b->bytes + from, n);
	}
	f = sb_fault_hit(s, SB_FAULT_MEDIA_SLOW, NULL, -1);
	if (f)
		res->delay_ms = f->delay_ms ? f->delay_ms : 1000;
	if (sb_fault_hit(s, SB_FAULT_MEDIA_CUT, NULL, -1))
		res->cut_at = res->body.len / 2 + 1;
}

void sandbox_media(struct sandbox *s, const struct sb_media_req *r, struct sb_media_res *res)
{
	static const char *const kinds[] = { "/mms/image/", "/mms/video/", "/mms/audio/", "/mms/document/",
					     "/mms/md-app-state/", "/mms/md-msg-hist/", "/mms/thumbnail-link/",
					     "/mms/sticker-pack/", "/newsletter/newsletter-image/",
					     "/newsletter/newsletter-video/", "/newsletter/newsletter-audio/",
					     "/newsletter/newsletter-document/", "/pps/biz-cover-photo/",
					     "/product/image/" };
	const char *kind = NULL;

	memset(res, 0, sizeof(*res));
	for (size_t i = 0; i < WA_ARRAY_LEN(kinds); i++)
		if (wa_span_starts(wa_span_str(r->path), kinds[i]))
			kind = kinds[i];
	sb_enter(s);
	if (strcmp(r->method, "GET") == 0)
		download(s, r, res);
	else if (strcmp(r->method, "POST") == 0 && kind)
		upload(s, r, kind, res);
	else if (strcmp(r->method, "DELETE") == 0 && kind)
		answer(s, res, 200, json_object());
	else
		refuse(s, res, 404, "no such place");
	sb_leave(s);
}

/* ---- a phone is asked for a file again ---- */

static struct sb_chat_msg *message_of(struct sb_account *a, const char *id, bool from_me)
{
	for (size_t i = a->chat.len; i-- > 0;)
		if (a->chat.msgs[i]->from_me == from_me && strcmp(a->chat.msgs[i]->id, id) == 0)
			return a->chat.msgs[i];
	return NULL;
}

static int uploaded_again(struct sandbox *s, const struct wa_media *m, char path[256])
{
	char token[WA_B64_LEN(32)];
	struct blob *b;

	if (m->file_enc_sha256.len != 32)
		return 2;
	wa_b64_encode(m->file_enc_sha256, WA_B64_URL, token);
	b = wa_map_get(&media(s)->blobs, wa_span_str(token));
	if (!b)
		return 2;
	b->copies++;
	path_of(b, path, 256);
	return 1;
}

static void put_answer(struct sandbox *s, struct wa_arena *a, struct wa_node *n, const char *id, int result,
		       const char *path, const struct wa_key *key)
{
	Wa__MediaRetryNotification m = WA__MEDIA_RETRY_NOTIFICATION__INIT;
	struct wa_node *enc = wa_node_child(a, n, "encrypt");
	SB_AUTO_BUF struct wa_buf b = { 0 };
	uint8_t iv[WA_GCM_NONCE], out[1024];

	m.has_stanzaid = true;
	m.stanzaid = wa_pb_bytes(wa_span_str(id));
	m.has_directpath = result == 1;
	m.directpath = wa_pb_bytes(wa_span_str(path));
	m.has_result = true;
	m.result = result;
	wa_buf_init(&b, 512);
	if (wa_pb_pack(&m.base, &b, NULL) < 0)
		return;
	sb_random(s, iv, sizeof(iv));
	wa_gcm_seal(key, iv, wa_span_str(id), wa_buf_view(&b), out);
	wa_node_data(a, wa_node_child(a, enc, "enc_p"), wa_span(out, b.len + WA_GCM_TAG));
	wa_node_data(a, wa_node_child(a, enc, "enc_iv"), wa_span(iv, sizeof(iv)));
}

/* The question must be sealed under the file's key: else the asker does not know the message. */
static bool asked_well(const struct wa_node *n, const char *id, const struct wa_key *key)
{
	const struct wa_node *enc = wa_node_get(n, "encrypt");
	struct wa_span p = wa_node_bytes(wa_node_get(enc, "enc_p")), iv = wa_node_bytes(wa_node_get(enc, "enc_iv"));
	struct wa_span stanza = { NULL, 0 };
	uint8_t plain[256];

	if (iv.len != WA_GCM_NONCE || p.len < WA_GCM_TAG || p.len > sizeof(plain) ||
	    wa_gcm_open(key, iv.ptr, wa_span_str(id), p, plain) < 0)
		return false;
	return wa_pb_find(wa_span(plain, p.len - WA_GCM_TAG), 1, &stanza) == 1 && wa_span_is(stanza, id);
}

void sb_media_retry(struct sb_device *d, const struct wa_node *n)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 }, ma = { 0 };
	struct sandbox *s = d->acc->s;
	const struct wa_node *rmr = wa_node_get(n, "rmr");
	struct wa_jid from = sb_user_jid(d->acc, WA_SRV_PN), chat;
	const char *id;
	struct sb_chat_msg *c;
	struct wa_message m;
	struct wa_node *out, *copy;
	struct wa_key key;
	char path[256] = "";
	int result = 2;

	wa_arena_init(&a, SB_STANZA_MAX);
	wa_arena_init(&ma, 1u << 20);
	id = sb_attr(&a, n, "id");
	if (!rmr && wa_node_attr_is(n, "category", "peer"))
		return; /* a part of history: that is no message of a chat */
	if (!rmr || !wa_node_attr_jid_get(rmr, "jid", &chat) ||
	    (!wa_node_attr_is(rmr, "from_me", "true") && !wa_node_attr_is(rmr, "from_me", "false"))) {
		sb_violation(s, d, n, "receipt.rmr", "a media retry names chat and direction");
		return;
	}
	if (!d->acc->online)
		return;
	out = wa_node_new(&a, "notification");
	wa_node_attr_jid(&a, out, "from", &from);
	wa_node_attr(&a, out, "type", "mediaretry");
	wa_node_attr(&a, out, "id", id);
	wa_node_attr_int(&a, out, "t", sb_now(s) / 1000);
	copy = wa_arena_dup(&a, rmr, sizeof(*rmr));
	if (copy) {
		copy->next = NULL;
		wa_node_append(out, copy);
	}
	c = message_of(d->acc, id, wa_node_attr_is(rmr, "from_me", "true"));
	if (c && sb_content_again(c, &ma, &m) == 0 && m.media && m.media->media_key.len == 32) {
		wa_hkdf(m.media->media_key, wa_span(NULL, 0), wa_span_str("WhatsApp Media Retry Notification"),
			key.b, sizeof(key.b));
		if (!asked_well(n, id, &key))
			sb_violation(s, d, n, "receipt.encrypt", "a media retry that its file's key does not open");
		result = uploaded_again(s, m.media, path);
		put_answer(s, &a, out, id, result, path, &key);
	} else {
		wa_node_attr(&a, wa_node_child(&a, out, "error"), "code", "2");
	}
	sb_deliver(d, out);
}

/* ---- files that people give to phones ---- */

int sb_media_give(struct sandbox *s, struct wa_span plain, const char *type, const char *mimetype, char ret_id[32],
		  struct wa_err *err)
{
	struct sb_media *m = media(s);
	struct given *g = calloc(1, sizeof(*g));
	int r = WA_EINVALID;

	if (!g)
		return wa_err_set(err, WA_ENOMEM, "no memory for a file");
	for (int t = WA_MEDIA_IMAGE; t <= WA_MEDIA_STICKER; t++)
		if (strcmp(type, wa_media_type_str(t)) == 0)
			g->type = t;
	if (g->type)
		r = sb_blob_put(s, g->type, plain, &g->ref, err);
	else
		wa_err_set(err, WA_EINVALID, "type: image, video, audio, document or sticker");
	if (r < 0) {
		free(g);
		return r;
	}
	sb_new_id(s, g->id);
	sb_copy(g->mimetype, sizeof(g->mimetype), mimetype);
	memcpy(ret_id, g->id, sizeof(g->id));
	wa_list_push_back(&m->given, &g->link);
	if (++m->n_given > GIVEN_MAX) {
		free(container_of(wa_list_pop_front(&m->given), struct given, link));
		m->n_given--;
	}
	return 0;
}

int sb_media_misdescribe(struct sandbox *s, const char *id, const struct sb_media_lie *lie)
{
	struct wa_list *l;

	WA_LIST_EACH(l, &media(s)->given)
	{
		struct given *g = container_of(l, struct given, link);

		if (strcmp(g->id, id) != 0)
			continue;
		g->lie = *lie;
		return 1;
	}
	return 0;
}

static void tell_lie(const struct sb_media_lie *lie, struct wa_arena *a, struct wa_media *m)
{
	uint8_t *thumbnail = lie->thumbnail_len ? wa_arena_alloc(a, lie->thumbnail_len) : NULL;

	if (thumbnail)
		m->thumbnail = wa_span(thumbnail, lie->thumbnail_len);
	if (lie->direct_path[0])
		m->direct_path = wa_span_str(lie->direct_path);
	if (lie->has_length)
		m->length = lie->length;
}

int sb_media_given(struct sandbox *s, const char *id, struct wa_arena *a, struct wa_media *ret)
{
	char url[600];
	struct wa_list *l;

	WA_LIST_EACH(l, &media(s)->given)
	{
		struct given *g = container_of(l, struct given, link);

		if (strcmp(g->id, id) != 0)
			continue;
		snprintf(url, sizeof(url), "https://%s%s", s->media_host, g->ref.direct_path);
		*ret = (struct wa_media){ .type = g->type,
					  .url = wa_span_str(wa_arena_str(a, wa_span_str(url))),
					  .direct_path = wa_span_str(g->ref.direct_path),
					  .media_key = wa_span(g->ref.media_key, 32),
					  .file_sha256 = wa_span(g->ref.file_sha256, 32),
					  .file_enc_sha256 = wa_span(g->ref.file_enc_sha256, 32),
					  .mimetype = wa_span_str(g->mimetype),
					  .length = g->ref.length,
					  .key_time_s = sb_now(s) / 1000 };
		tell_lie(&g->lie, a, ret);
		return 1;
	}
	return 0;
}

/* All paths so far are gone, as after a month. */
void sb_media_lose(struct sandbox *s)
{
	struct wa_list *l;

	WA_LIST_EACH(l, &media(s)->order)
	{
		struct blob *b = container_of(l, struct blob, link);

		b->lost = b->copies;
	}
}

json_t *sb_media_json(struct sandbox *s)
{
	struct sb_media *m = media(s);

	return json_pack("{s:s s:s s:I s:I s:I s:I}", "host", s->media_host, "ca_file", s->media_ca, "bytes",
			 (json_int_t)m->bytes, "files", (json_int_t)m->blobs.len, "uploads",
			 (json_int_t)m->uploads, "downloads", (json_int_t)m->served);
}
