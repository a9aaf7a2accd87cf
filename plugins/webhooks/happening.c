/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "happening.h"

#include "clock.h"
#include "endpoint.h"
#include "map.h"

struct happening *happening_new(const struct wb_event *ev)
{
	struct happening *h = calloc(1, sizeof(*h));
	size_t k = strlen(ev->kind) + 1, s = strlen(ev->session) + 1, j = strlen(ev->subject) + 1;

	if (!h)
		return NULL;
	h->refs = 1;
	h->seq = ev->seq;
	h->ts_ms = ev->ts_ms;
	(void)snprintf(h->id, sizeof(h->id), "%s", ev->id);
	h->names = malloc(k + s + j);
	h->raw = malloc(ev->json.len + 1);
	if (!h->names || !h->raw) {
		happening_unref(h);
		return NULL;
	}
	h->kind = memcpy(h->names, ev->kind, k);
	h->session = memcpy(h->names + k, ev->session, s);
	h->subject = memcpy(h->names + k + s, ev->subject, j);
	if (ev->json.len)
		memcpy(h->raw, ev->json.ptr, ev->json.len);
	h->raw_len = ev->json.len;
	return h;
}

struct happening *happening_ref(struct happening *h)
{
	h->refs++;
	return h;
}

void happening_unref(struct happening *h)
{
	if (!h || --h->refs)
		return;
	json_decref(h->doc);
	free(h->text);
	free(h->names);
	free(h->raw);
	free(h);
}

const json_t *happening_doc(struct happening *h)
{
	char at[WA_TIME_TEXT];
	json_t *data, *o;

	if (h->doc)
		return h->doc;
	data = json_loadb(h->raw, h->raw_len, 0, NULL);
	if (!data)
		data = json_object();
	o = json_pack("{s:s, s:I, s:s, s:s}", "id", h->id, "seq", (json_int_t)h->seq, "kind",
		      h->kind, "time", wa_time_format(h->ts_ms, at));
	if (o && h->session[0])
		json_object_set_new(o, "session", json_string(h->session));
	if (o && h->subject[0])
		json_object_set_new(o, "subject", json_string(h->subject));
	if (!o || json_object_set_new(o, "data", data)) {
		json_decref(o);
		return NULL;
	}
	free(h->raw);
	h->raw = NULL;
	h->doc = o;
	return o;
}

const char *happening_text(struct happening *h)
{
	const json_t *doc = happening_doc(h);

	if (!h->text && doc)
		h->text = json_dumps(doc, JSON_COMPACT);
	return h->text;
}

uint64_t happening_lane(struct happening *h)
{
	const char *chat = chat_of(json_object_get(happening_doc(h), "data"));
	char key[512];
	int n = snprintf(key, sizeof(key), "%s %s", h->session, chat ? chat : "");

	return wa_hash(wa_span(key, n < (int)sizeof(key) ? (size_t)n : sizeof(key) - 1));
}

/* ---- the ring ---- */

static void put(struct webhooks *w, const struct wb_event *ev)
{
	struct happening **slot = &w->ring[(uint64_t)ev->seq % HAPPENINGS_MAX];
	struct happening *h;

	if (*slot && (*slot)->seq == ev->seq)
		return;
	h = happening_new(ev);
	if (!h)
		return; /* it is read again */
	happening_unref(*slot);
	*slot = h;
}

void happening_note(struct webhooks *w, const struct wb_event *ev)
{
	put(w, ev);
}

struct reading {
	struct webhooks *w;
	int64_t first;
};

static void on_read(void *ctx, const struct wb_event *ev)
{
	struct reading *r = ctx;

	if (!r->first)
		r->first = ev->seq;
	put(r->w, ev);
}

static struct happening *in_ring(struct webhooks *w, int64_t seq)
{
	struct happening *h = w->ring[(uint64_t)seq % HAPPENINGS_MAX];

	return h && h->seq == seq ? happening_ref(h) : NULL;
}

static int read_from(struct webhooks *w, int64_t after, int32_t limit, struct happening **ret)
{
	struct reading r = { w, 0 };
	int32_t n = w->host->events_since(w->self, after, "*", limit, on_read, &r);

	if (n < 0 || !r.first)
		return n < 0 ? n : 0;
	*ret = in_ring(w, r.first);
	return *ret ? 1 : WA_ENOMEM;
}

int happening_after(struct webhooks *w, int64_t seq, struct happening **ret)
{
	*ret = in_ring(w, seq + 1);
	return *ret ? 1 : read_from(w, seq, HAPPENINGS_PAGE, ret);
}

int happening_at(struct webhooks *w, int64_t seq, struct happening **ret)
{
	int r = 1;

	*ret = in_ring(w, seq);
	if (!*ret)
		r = read_from(w, seq - 1, 1, ret);
	if (r != 1 || (*ret)->seq == seq)
		return r;
	happening_unref(*ret);
	*ret = NULL;
	return 0;
}

void happenings_forget(struct webhooks *w)
{
	for (size_t i = 0; i < HAPPENINGS_MAX; i++) {
		happening_unref(w->ring[i]);
		w->ring[i] = NULL;
	}
}
