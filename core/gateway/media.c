/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows of media: what is known of a file, its JSON form, and which are fetched by themselves. */
#include "media_priv.h"

#include <crypto.h>
#include <db_message.h>
#include <ulid.h>

#define ROW_MAX (1u << 20)	/* packed */
#define ROW_ARENA (2 * ROW_MAX + (64u << 10))
/* What a sender says of a file; more than that is no thumbnail, no path ... and left out. */
#define THUMBNAIL_MAX (96u << 10)
#define WAVEFORM_MAX 1024
#define SIDECAR_MAX (384u << 10)	/* ten bytes for each 64 KiB of 2 GiB */
#define PATH_TEXT_MAX 2048
#define MIME_MAX 255
#define BODY_VERSION 1
#define WANTED_MAX 10000	/* automatic downloads that wait; more are left to be asked for */
#define AUTO_ACTIVE 4
#define MIB (1ull << 20)

enum field { F_URL, F_PATH, F_KEY, F_SHA, F_ENC_SHA, F_MIME, F_NAME, F_TITLE, F_THUMB, F_THUMB_PATH,
	     F_THUMB_SHA, F_THUMB_ENC, F_WAVEFORM, F_SIDECAR, F_ALT, F_NUMBERS, N_FIELDS };
enum number { N_LENGTH, N_KEY_TIME, N_WIDTH, N_HEIGHT, N_SECONDS, N_PAGES, N_FLAGS, N_NUMBERS };

/* ---- kinds ---- */

const char *media_type_word(int type)
{
	return wa_media_type_str(type);
}

int media_type_parse(const char *word)
{
	for (int i = 1; i < WA_MEDIA_TYPES; i++)
		if (strcmp(word, wa_media_type_str(i)) == 0)
			return i;
	return WA_MEDIA_NONE;
}

bool media_same_keys(int a, int b)
{
	if (a == WA_MEDIA_STICKER)
		a = WA_MEDIA_IMAGE;
	if (b == WA_MEDIA_STICKER)
		b = WA_MEDIA_IMAGE;
	return a == b;
}

int wb_media_type_of(const char *mimetype)
{
	struct wa_span m = wa_span_str(mimetype ? mimetype : "");

	if (wa_span_starts(m, "image/"))
		return WA_MEDIA_IMAGE;
	if (wa_span_starts(m, "video/"))
		return WA_MEDIA_VIDEO;
	if (wa_span_starts(m, "audio/"))
		return WA_MEDIA_AUDIO;
	return WA_MEDIA_DOCUMENT;
}

/* What the official clients take; the server's own word is 413. */
uint64_t wb_media_limit(struct wb_gateway *gw, int type)
{
	uint64_t max = gw->media->max_bytes, kind = 2048 * MIB;

	if (type == WA_MEDIA_IMAGE || type == WA_MEDIA_AUDIO)
		kind = 100 * MIB;
	else if (type == WA_MEDIA_STICKER || type == WA_MEDIA_LINK_THUMB)
		kind = 5 * MIB;
	return max && max < kind ? max : kind;
}

/* ---- rows ---- */

static void put(struct wa_buf *b, struct wa_span s)
{
	wa_buf_be32(b, (uint32_t)s.len);
	wa_buf_span(b, s);
}

static void pack(const struct wa_media *m, struct wa_buf *b)
{
	uint64_t n[N_NUMBERS] = { m->length, (uint64_t)m->key_time_s, m->width, m->height, m->seconds,
				  m->pages, (uint64_t)(m->gif | m->ptv << 1 | m->ptt << 2 | m->animated << 3 |
						m->plain << 4) };
	struct wa_buf numbers;

	wa_buf_init(&numbers, 256);
	for (size_t i = 0; i < N_NUMBERS; i++)
		wa_buf_be64(&numbers, n[i]);
	wa_buf_u8(b, BODY_VERSION);
	put(b, m->url);
	put(b, m->direct_path);
	put(b, m->media_key);
	put(b, m->file_sha256);
	put(b, m->file_enc_sha256);
	put(b, m->mimetype);
	put(b, m->file_name);
	put(b, m->title);
	put(b, m->thumbnail);
	put(b, m->thumb_direct_path);
	put(b, m->thumb_sha256);
	put(b, m->thumb_enc_sha256);
	put(b, m->waveform);
	put(b, m->sidecar);
	put(b, m->alt);
	put(b, wa_buf_view(&numbers));
	wa_buf_clear(&numbers);
}

static uint64_t number(struct wa_span s, size_t i)
{
	uint64_t v = 0;

	if (s.len < (i + 1) * 8)
		return 0;
	for (size_t k = 0; k < 8; k++)
		v = v << 8 | s.ptr[i * 8 + k];
	return v;
}

/* Spans stay in the body's memory. */
static int unpack(struct wa_span body, int type, struct wa_media *m, struct wa_err *err)
{
	struct wa_span f[N_FIELDS] = { { NULL, 0 } };
	uint64_t flags;

	if (body.len < 1 || body.ptr[0] != BODY_VERSION)
		return wa_err_set(err, WA_ESTORE, "a media row of another version");
	body = wa_span(body.ptr + 1, body.len - 1);
	for (size_t i = 0; i < N_FIELDS && body.len >= 4; i++) {
		size_t n = (size_t)body.ptr[0] << 24 | (size_t)body.ptr[1] << 16 |
			   (size_t)body.ptr[2] << 8 | body.ptr[3];

		if (n > body.len - 4)
			return wa_err_set(err, WA_ESTORE, "a media row is damaged");
		f[i] = wa_span(body.ptr + 4, n);
		body = wa_span(body.ptr + 4 + n, body.len - 4 - n);
	}
	flags = number(f[F_NUMBERS], N_FLAGS);
	*m = (struct wa_media){
		.type = type, .url = f[F_URL], .direct_path = f[F_PATH], .media_key = f[F_KEY],
		.file_sha256 = f[F_SHA], .file_enc_sha256 = f[F_ENC_SHA], .mimetype = f[F_MIME],
		.length = number(f[F_NUMBERS], N_LENGTH),
		.key_time_s = (int64_t)number(f[F_NUMBERS], N_KEY_TIME),
		.width = (uint32_t)number(f[F_NUMBERS], N_WIDTH),
		.height = (uint32_t)number(f[F_NUMBERS], N_HEIGHT),
		.seconds = (uint32_t)number(f[F_NUMBERS], N_SECONDS),
		.pages = (uint32_t)number(f[F_NUMBERS], N_PAGES),
		.gif = flags & 1, .ptv = flags >> 1 & 1, .ptt = flags >> 2 & 1, .animated = flags >> 3 & 1,
		.plain = flags >> 4 & 1,
		.file_name = f[F_NAME], .title = f[F_TITLE], .thumbnail = f[F_THUMB],
		.thumb_direct_path = f[F_THUMB_PATH], .thumb_sha256 = f[F_THUMB_SHA],
		.thumb_enc_sha256 = f[F_THUMB_ENC], .waveform = f[F_WAVEFORM], .sidecar = f[F_SIDECAR],
		.alt = f[F_ALT],
	};
	return WA_OK;
}

static int from_db(const struct db_media *d, struct wb_media_info *i, struct wa_err *err)
{
	memset(i, 0, sizeof(*i));
	snprintf(i->id, sizeof(i->id), "%s", d->id);
	i->session = d->session;
	i->message = d->message;
	i->stored = d->on_disk;
	i->created_ms = d->created_ms;
	return unpack(d->body, media_type_parse(d->type), &i->m, err);
}

int media_row_get(struct wb_media_store *ms, const char *id, struct media_row *r, struct wa_err *err)
{
	struct db_media d;
	int found;

	memset(r, 0, sizeof(*r));
	wa_arena_init(&r->a, ROW_ARENA);
	found = db_media_get(ms->gw->db, id, &r->a, &d, err);
	if (found > 0) {
		snprintf(r->file, sizeof(r->file), "%s", d.file);
		r->lasting = d.lasting;
		r->remote = d.remote;
		r->uploaded_ms = d.uploaded_ms;
		r->size = (uint64_t)d.size;
		if (from_db(&d, &r->i, err) < 0)
			found = WA_ESTORE;
	}
	if (found <= 0)
		media_row_clear(r);
	return found;
}

void media_row_clear(struct media_row *r)
{
	wa_arena_clear(&r->a);
}

static void write_row(struct wb_tx *tx, const struct media_row *r, bool fresh)
{
	struct db_media d = { .id = r->i.id, .session = r->i.session, .message = r->i.message,
			      .type = media_type_word(r->i.m.type), .file = r->file, .lasting = r->lasting,
			      .created_ms = r->i.created_ms, .uploaded_ms = r->uploaded_ms };
	struct wa_err err = WA_ERR_INIT;
	struct wa_buf b;

	wa_buf_init(&b, ROW_MAX);
	pack(&r->i.m, &b);
	if (wa_buf_end(&b, &err) < 0) {
		wb_tx_fail(tx, err.code, "a media row is too large");
	} else {
		d.body = wa_buf_view(&b);
		if (fresh)
			db_batch_media_add(wb_tx_batch(tx), &d);
		else
			db_batch_media_set(wb_tx_batch(tx), &d);
	}
	wa_buf_wipe(&b);
}

void media_row_set(struct wb_tx *tx, const struct media_row *r)
{
	write_row(tx, r, false);
}

void media_row_add(struct wb_tx *tx, const struct media_row *r)
{
	write_row(tx, r, true);
}

int wb_media_get(struct wb_gateway *gw, const char *id, struct wa_arena *a, struct wb_media_info *ret_i,
		 struct wa_err *err)
{
	struct db_media d;
	int r = db_media_get(gw->db, id, a, &d, err);

	return r > 0 && from_db(&d, ret_i, err) < 0 ? WA_ESTORE : r;
}

int wb_media_of_message(struct wb_gateway *gw, const char *message, struct wa_arena *a,
			struct wb_media_info *ret_i, struct wa_err *err)
{
	struct db_media d;
	int r = db_media_of_message(gw->db, message, a, &d, err);

	return r > 0 && from_db(&d, ret_i, err) < 0 ? WA_ESTORE : r;
}

struct each {
	wb_media_each_fn *fn;
	void *ctx;
};

static int each_row(void *ctx, const struct db_media *d)
{
	struct each *e = ctx;
	struct wb_media_info i;

	return from_db(d, &i, NULL) < 0 ? 0 : e->fn(e->ctx, &i);
}

int wb_media_each(struct wb_gateway *gw, const char *session, const char *before, size_t limit,
		  wb_media_each_fn *fn, void *ctx, struct wa_err *err)
{
	struct each e = { fn, ctx };

	return db_media_each(gw->db, session, before, limit, each_row, &e, err);
}

/* ---- automatic downloads ---- */

struct wanted {
	struct wa_list link;
	struct wb_media_store *ms;
	char id[DB_ID_LEN + 1];
};

static uint64_t auto_max(struct wb_media_store *ms)
{
	return (uint64_t)wb_config_int(ms->gw->config, "media.auto_download_mb") * MIB;
}

static void on_auto(void *ctx, int code, const struct wa_err *err)
{
	struct wanted *w = ctx;
	struct wb_media_store *ms = w->ms;

	if (code < 0 && !ms->stopping)
		WB_GATEWAY_LOG(ms->gw, WA_INFO, "media.not_fetched", WA_S("media", w->id),
			       WA_S("error", err->msg));
	free(w);
	ms->auto_active--;
	media_auto_next(ms);
}

void media_auto_next(struct wb_media_store *ms)
{
	while (!ms->stopping && ms->auto_active < AUTO_ACTIVE && !wa_list_empty(&ms->wanted)) {
		struct wanted *w = container_of(wa_list_pop_front(&ms->wanted), struct wanted, link);
		struct wa_err err = WA_ERR_INIT;

		ms->n_wanted--;
		ms->auto_active++;
		if (media_fetch_small(ms, w->id, auto_max(ms), on_auto, w, &err) < 0)
			on_auto(w, err.code, &err);
	}
}

static void on_added(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct wanted *w = ctx;

	(void)err;
	(void)res;
	if (code < 0 || w->ms->stopping || w->ms->n_wanted >= WANTED_MAX) {
		free(w);
		return;
	}
	wa_list_push_back(&w->ms->wanted, &w->link);
	w->ms->n_wanted++;
	media_auto_next(w->ms);
}

static bool wants(struct wb_media_store *ms, const struct wa_media *m)
{
	const struct wb_config *c = ms->gw->config;
	uint64_t max = auto_max(ms);
	const char *kind;

	if (max == 0 || m->length > max || m->direct_path.len == 0)
		return false;
	for (size_t i = 0; (kind = wb_config_item(c, "media.auto_download", i)); i++)
		if (strcmp(kind, media_type_word(m->type)) == 0)
			return true;
	return false;
}

static struct wa_span at_most(struct wa_span s, size_t max)
{
	return s.len > max ? wa_span(NULL, 0) : s;
}

static struct wa_media bounded(const struct wa_media *m)
{
	struct wa_media b = *m;

	b.url = at_most(m->url, 2 * PATH_TEXT_MAX);
	b.direct_path = at_most(m->direct_path, PATH_TEXT_MAX);
	b.thumb_direct_path = at_most(m->thumb_direct_path, PATH_TEXT_MAX);
	b.media_key = at_most(m->media_key, WA_MEDIA_KEY_LEN);
	b.file_sha256 = at_most(m->file_sha256, 32);
	b.file_enc_sha256 = at_most(m->file_enc_sha256, 32);
	b.thumb_sha256 = at_most(m->thumb_sha256, 32);
	b.thumb_enc_sha256 = at_most(m->thumb_enc_sha256, 32);
	b.mimetype = at_most(m->mimetype, MIME_MAX);
	b.thumbnail = at_most(m->thumbnail, THUMBNAIL_MAX);
	b.waveform = at_most(m->waveform, WAVEFORM_MAX);
	b.sidecar = at_most(m->sidecar, SIDECAR_MAX);
	return b;
}

void wb_media_add(struct wb_tx *tx, const char *session, const char *message, const struct wa_media *m,
		  char ret_id[DB_ID_LEN + 1])
{
	struct wb_gateway *gw = wb_tx_gateway(tx);
	struct media_row r = { .i = { .session = session, .message = message, .m = bounded(m),
				      .created_ms = wb_now(gw) } };

	r.i.m.plain = m->media_key.len == 0;
	wa_ulid(r.i.id, r.i.created_ms);
	if (ret_id)
		memcpy(ret_id, r.i.id, sizeof(r.i.id));
	if (m->media_key.len == WA_MEDIA_KEY_LEN && m->file_enc_sha256.len == 32)
		wa_hex_encode(m->file_enc_sha256, r.file);
	media_row_add(tx, &r);
	if (wants(gw->media, m)) {
		struct wanted *w = wb_zalloc(sizeof(*w));

		w->ms = gw->media;
		memcpy(w->id, r.i.id, sizeof(w->id));
		wb_tx_hook(tx, on_added, w);
	}
}

/* ---- JSON ---- */

static void put_text(json_t *o, const char *key, struct wa_span s)
{
	if (s.len)
		json_object_set_new(o, key, json_stringn((const char *)s.ptr, s.len));
}

static void put_b64(json_t *o, const char *key, struct wa_span s)
{
	struct wa_buf b;

	if (!s.len)
		return;
	wa_buf_init(&b, ROW_MAX);
	wa_b64_put(&b, s, WA_B64_STD);
	put_text(o, key, wa_buf_view(&b));
	wa_buf_clear(&b);
}

static void put_int(json_t *o, const char *key, uint64_t v)
{
	if (v)
		json_object_set_new(o, key, json_integer((json_int_t)v));
}

static void put_flag(json_t *o, const char *key, bool v)
{
	if (v)
		json_object_set_new(o, key, json_true());
}

json_t *wb_media_json(const char *id, const struct wa_media *m)
{
	char url[64], hex[2 * 32 + 1];
	json_t *o = json_object();

	snprintf(url, sizeof(url), "/v1/media/%s", id);
	json_object_set_new(o, "id", json_string(id));
	json_object_set_new(o, "url", json_string(url));
	json_object_set_new(o, "type", json_string(media_type_word(m->type)));
	put_text(o, "mimetype", m->mimetype);
	put_int(o, "size", m->length);
	if (m->file_sha256.len == 32)
		json_object_set_new(o, "sha256", json_string(wa_hex_encode(m->file_sha256, hex)));
	put_text(o, "file_name", m->file_name);
	put_text(o, "title", m->title);
	put_text(o, "alt", m->alt);
	put_int(o, "width", m->width);
	put_int(o, "height", m->height);
	put_int(o, "seconds", m->seconds);
	put_int(o, "pages", m->pages);
	put_flag(o, "gif", m->gif);
	put_flag(o, "ptv", m->ptv);
	put_flag(o, "ptt", m->ptt);
	put_flag(o, "animated", m->animated);
	put_b64(o, "thumbnail", at_most(m->thumbnail, THUMBNAIL_MAX));
	put_b64(o, "waveform", at_most(m->waveform, WAVEFORM_MAX));
	return o;
}

/* ---- life ---- */

void media_job_add(struct wb_media_store *ms, struct wb_media_job *j,
		   void (*cancel)(struct wb_media_job *j, int code))
{
	j->cancel = cancel;
	wa_list_push_back(&ms->jobs, &j->link);
}

void wb_media_cancel(struct wb_media_job *j)
{
	if (!j)
		return;
	wa_list_del(&j->link);
	j->cancel(j, 0);
}

int wb_media_new(struct wb_gateway *gw, struct wb_media_store **ret_ms, struct wa_err *err)
{
	struct wb_media_store *ms = wb_zalloc(sizeof(*ms));
	int r;

	ms->gw = gw;
	wa_list_init(&ms->jobs);
	wa_list_init(&ms->transfers);
	wa_list_init(&ms->wanted);
	ms->quota = (uint64_t)wb_config_int(gw->config, "media.quota_mb") * MIB;
	ms->max_bytes = (uint64_t)wb_config_int(gw->config, "media.max_mb") * MIB;
	r = media_store_open(ms, err);
	if (r == WA_OK)
		r = media_s3_open(ms, err);
	if (r < 0) {
		wb_media_free(ms);
		return r;
	}
	*ret_ms = ms;
	return WA_OK;
}

void wb_media_stop(struct wb_media_store *ms)
{
	struct wa_list *l;

	if (!ms)
		return;
	ms->stopping = true;
	while ((l = wa_list_pop_front(&ms->wanted)))
		free(container_of(l, struct wanted, link));
	while ((l = wa_list_pop_front(&ms->jobs))) {
		struct wb_media_job *j = container_of(l, struct wb_media_job, link);

		j->cancel(j, WA_ESTATE);
	}
	media_s3_close(ms);
}

void wb_media_free(struct wb_media_store *ms)
{
	if (!ms)
		return;
	wa_map_clear(&ms->gets);
	free(ms->dir);
	free(ms->tmp_dir);
	free(ms->s3.url);
	free(ms->s3.sigv4);
	free(ms->s3.key);
	if (ms->s3.secret)
		wa_wipe(ms->s3.secret, strlen(ms->s3.secret));
	free(ms->s3.secret);
	free(ms);
}

void wb_media_stats(struct wb_gateway *gw, struct wb_media_stats *ret_s)
{
	struct wb_media_store *ms = gw->media;

	*ret_s = ms->stats;
	ret_s->bytes = ms->bytes;
	ret_s->files = ms->files;
	ret_s->quota = ms->quota;
	ret_s->under_way = ms->active;
}

void wb_media_drop(struct wb_tx *tx, const char *session, const char *id)
{
	db_batch_media_drop(wb_tx_batch(tx), session, id);
}

void wb_media_del(struct wb_tx *tx, const char *id)
{
	db_batch_media_del(wb_tx_batch(tx), id);
}
