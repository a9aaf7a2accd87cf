/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "preview.h"

#include <convert.h>
#include <fetch.h>
#include <list.h>
#include <meta.h>
#include <text.h>
#include "gateway.h"
#include "mem.h"

#define WAITING_MAX 64

struct entry {			/* remembered */
	struct wa_list link;	/* most recently used first */
	char *url;
	struct wb_meta meta;
	uint8_t *thumbnail;
	size_t thumbnail_len;
	uint32_t width, height;
	int64_t at_ms;
};

struct looking {
	struct wa_list link;
	struct wb_previews *p;
	char *url;
	struct wb_fetch *fetch;
	struct wb_convert *convert;
	struct wb_timer *timer;
	struct entry *found;	/* NULL until the page came */
	wb_preview_fn *fn;
	void *ctx;
};

struct wb_previews {
	struct wb_gateway *gw;
	struct wa_list cache, looking;
	size_t n_cache, n_looking;
};

static void entry_free(struct entry *e)
{
	if (!e)
		return;
	free(e->url);
	free(e->thumbnail);
	free(e);
}

static void looking_free(struct looking *l)
{
	wa_list_del(&l->link);
	l->p->n_looking--;
	wb_fetch_cancel(l->fetch);
	if (l->convert)
		wb_convert_cancel(l->convert);
	wb_timer_free(l->timer);
	entry_free(l->found);
	free(l->url);
	free(l);
}

struct wb_previews *wb_previews_new(struct wb_gateway *gw)
{
	struct wb_previews *p = wb_zalloc(sizeof(*p));

	p->gw = gw;
	wa_list_init(&p->cache);
	wa_list_init(&p->looking);
	return p;
}

void wb_previews_free(struct wb_previews *p)
{
	struct wa_list *l;

	if (!p)
		return;
	while ((l = wa_list_first(&p->looking))) {
		struct looking *k = container_of(l, struct looking, link);

		k->fn(k->ctx, NULL);
		looking_free(k);
	}
	while ((l = wa_list_pop_front(&p->cache)))
		entry_free(container_of(l, struct entry, link));
	free(p);
}

static struct entry *remembered(struct wb_previews *p, const char *url)
{
	struct wa_list *l;

	WA_LIST_EACH(l, &p->cache) {
		struct entry *e = container_of(l, struct entry, link);

		if (strcmp(e->url, url) != 0)
			continue;
		if (wb_now(p->gw) - e->at_ms > WB_PREVIEW_CACHE_MS)
			return NULL;
		wa_list_del(&e->link);
		wa_list_push_front(&p->cache, &e->link);
		return e;
	}
	return NULL;
}

static void remember(struct wb_previews *p, struct entry *take_e)
{
	struct wa_list *l, *tmp;

	WA_LIST_EACH_SAFE(l, tmp, &p->cache) {
		struct entry *e = container_of(l, struct entry, link);

		if (strcmp(e->url, take_e->url) != 0 && p->n_cache < WB_PREVIEW_CACHE)
			continue;
		if (strcmp(e->url, take_e->url) != 0 && l->next != &p->cache)
			continue;	/* full: the last one goes */
		wa_list_del(&e->link);
		entry_free(e);
		p->n_cache--;
	}
	take_e->at_ms = wb_now(p->gw);
	wa_list_push_front(&p->cache, &take_e->link);
	p->n_cache++;
}

/* Whatever is known by now is told. */
static void finish(struct looking *l)
{
	struct entry *e = l->found ? l->found : remembered(l->p, l->url);
	wb_preview_fn *fn = l->fn;
	void *ctx = l->ctx;
	struct wa_link link = { 0 };
	bool has = e && *e->meta.title;

	if (l->found) {
		remember(l->p, e);
		l->found = NULL;
	}
	if (has) {
		link.url = wa_span_str(l->url);
		link.title = wa_span_str(e->meta.title);
		link.description = wa_span_str(e->meta.description);
		link.thumbnail = wa_span(e->thumbnail, e->thumbnail_len);
		link.width = e->width;
		link.height = e->height;
	}
	wa_list_del(&l->link);	/* fn may look for others */
	wa_list_push_back(&l->p->looking, &l->link);
	fn(ctx, has ? &link : NULL);
	looking_free(l);
}

static void on_deadline(void *ctx)
{
	finish(ctx);
}

static struct entry *entry_of(struct looking *l)
{
	if (!l->found) {
		l->found = wb_zalloc(sizeof(*l->found));
		l->found->url = wb_strdup(l->url);
	}
	return l->found;
}

static bool get(struct looking *l, const char *url, size_t max, wb_fetch_fn *fn)
{
	static const char *const headers[] = { "Accept", "text/html,image/*", "User-Agent", "WhatsApp/2", NULL };
	struct wb_fetch_req q = { .url = url, .headers = headers, .timeout_ms = WB_PREVIEW_MS, .max_body = max,
				  .max_redirects = 3, .owner = "preview" };

	return wb_fetch(l->p->gw->net, &q, fn, l, &l->fetch, NULL) == 0;
}

static void on_small(void *ctx, int code, const char *reason, struct wb_converted *res, const struct wa_err *err)
{
	struct looking *l = ctx;
	struct entry *e = entry_of(l);

	(void)reason;
	(void)err;
	l->convert = NULL;
	if (code == 0 && res->thumbnail.len && res->thumbnail.len <= WB_THUMBNAIL_MAX) {
		e->thumbnail = wb_zalloc(res->thumbnail.len);
		memcpy(e->thumbnail, res->thumbnail.ptr, res->thumbnail.len);
		e->thumbnail_len = res->thumbnail.len;
		e->width = res->width;
		e->height = res->height;
	}
	finish(l);
}

static void on_image(const struct wb_fetch_res *res, const struct wa_err *err, void *ctx)
{
	struct looking *l = ctx;
	struct wb_convert_ask ask = { .kind = WB_CONVERT_LINK };

	(void)err;
	l->fetch = NULL;
	if (res && wb_fetch_status(res) == 200 && l->p->gw->converter) {
		ask.bytes = wb_fetch_body(res);
		if (wb_convert(l->p->gw->converter, &ask, on_small, l, &l->convert, NULL) == 0)
			return;
	}
	finish(l);
}

static void on_page(const struct wb_fetch_res *res, const struct wa_err *err, void *ctx)
{
	struct looking *l = ctx;
	struct entry *e = entry_of(l);
	const char *type = res ? wb_fetch_header(res, "Content-Type") : NULL;
	char image[2048];

	(void)err;
	l->fetch = NULL;
	if (res && wb_fetch_status(res) == 200 && type && wa_span_starts(wa_span_str(type), "text/html"))
		wb_meta_scan(wb_fetch_body(res), &e->meta);
	if (*e->meta.title && wb_link_resolve(wa_span_str(l->url), e->meta.image, image, sizeof(image)) &&
	    get(l, image, WB_PREVIEW_IMAGE_MAX, on_image))
		return;		/* what has come by the deadline is used */
	finish(l);
}

bool wb_preview(struct wb_previews *p, const char *text, wb_preview_fn *fn, void *ctx)
{
	struct wa_span url = wb_first_link(wa_span_str(text));
	struct looking *l;
	bool known;

	if (!url.len || p->n_looking >= WAITING_MAX)
		return false;
	l = wb_zalloc(sizeof(*l));
	l->p = p;
	l->fn = fn;
	l->ctx = ctx;
	l->url = wb_zalloc(url.len + 1);
	memcpy(l->url, url.ptr, url.len);
	wa_list_push_back(&p->looking, &l->link);
	p->n_looking++;
	l->timer = wb_timer_new(p->gw->loop, "preview", on_deadline, l);
	known = remembered(p, l->url) != NULL;
	if (!l->timer || (!known && !get(l, l->url, WB_PREVIEW_PAGE_MAX, on_page))) {
		looking_free(l);
		return false;
	}
	wb_timer_start(l->timer, known ? 0 : WB_PREVIEW_MS);
	return true;
}
