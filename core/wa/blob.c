/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files from the media hosts, which the host of the library fetches for us. */
#include "client_int.h"

#include <stdlib.h>

struct blob {
	struct wa_list link;
	uint64_t id;
	blob_data_fn *data;
	blob_done_fn *done;
	void *arg;
};

void blob_get(struct wa_client *c, const struct wa_blob *b, blob_data_fn *data, blob_done_fn *done, void *arg)
{
	struct blob *w;

	if (!c->ops->blob) {
		done(c, arg, WA_EUNSUPPORTED);
		return;
	}
	w = calloc(1, sizeof(*w));
	if (!w) {
		client_nomem(c);
		done(c, arg, WA_ENOMEM);
		return;
	}
	w->id = ++c->next_blob;
	w->data = data;
	w->done = done;
	w->arg = arg;
	wa_list_push_back(&c->blobs, &w->link);
	c->ops->blob(c->ctx, w->id, b);
}

static struct blob *find(struct wa_client *c, uint64_t id)
{
	struct wa_list *it;

	WA_LIST_EACH(it, &c->blobs)
	{
		struct blob *w = container_of(it, struct blob, link);

		if (w->id == id)
			return w;
	}
	return NULL;
}

int wa_client_blob_data(struct wa_client *c, uint64_t id, struct wa_span part, struct wa_err *err)
{
	struct blob *w = find(c, id);
	int r;

	if (!w)
		return wa_err_set(err, WA_ESTATE, "nobody waits for this file");
	client_enter(c);
	r = w->data(c, w->arg, part, err);
	client_leave(c);
	return r;
}

static void finish(struct wa_client *c, struct blob *w, int code)
{
	wa_list_del(&w->link);
	w->done(c, w->arg, code);
	free(w);
}

void wa_client_blob_done(struct wa_client *c, uint64_t id, int code)
{
	struct blob *w = find(c, id);

	if (!w)
		return;
	client_enter(c);
	finish(c, w, code);
	client_leave(c);
}

void blob_abort(struct wa_client *c)
{
	struct wa_list *l;

	while ((l = wa_list_first(&c->blobs)))
		finish(c, container_of(l, struct blob, link), WA_ESTATE);
}
