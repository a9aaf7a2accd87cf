/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sends: any content, a preview, what is refused. */
#include "facet.h"

static int32_t send_one(struct facet *f, struct wb_send *s)
{
	struct wb_tx *tx = f->h->tx_begin(f->self);
	char id[27] = "";
	int32_t r;

	s->size = s->size ? s->size : sizeof(*s);
	s->session = "shop";
	s->to = "+4915112345678";
	r = f->h->tx_send(tx, s, id);
	if (r == 0)
		f->h->tx_event(tx, &(struct wb_event_new){ .kind = "content.sent", .subject = id,
							   .json = str("{}") });
	f->h->tx_commit(tx, NULL, NULL);
	return r;
}

static void on_event(void *ctx, const struct wb_event *ev)
{
	struct facet *f = ctx;

	if (strcmp(asked(ev), "location") == 0)
		tell(f, "location", send_one(f, &(struct wb_send){
				.content = str("{\"kind\":\"location\",\"latitude\":1.5,\"longitude\":2.5}") }));
	if (strcmp(asked(ev), "preview") == 0)
		tell(f, "preview", send_one(f, &(struct wb_send){ .text = "see https://example.org",
								  .flags = WB_SEND_PREVIEW }));
	if (strcmp(asked(ev), "bad") == 0) {
		tell(f, "both", send_one(f, &(struct wb_send){ .text = "x", .content = str("{}") }));
		tell(f, "no_json", send_one(f, &(struct wb_send){ .content = str("[1") }));
		tell(f, "unknown", send_one(f, &(struct wb_send){ .content = str("{\"kind\":\"nonsense\"}") }));
		tell(f, "neither", send_one(f, &(struct wb_send){ .text = NULL }));
	}
}

static int32_t start(const struct wb_plugin_host *host, struct wb_plugin *self, void **ret_state)
{
	struct facet *f = facet_new(host, self, ret_state);

	host->subscribe(self, "content.*", on_event, f);
	return 0;
}

WB_PLUGIN_DEFINE(.name = "content", .version = "1", .start = start, .stop = facet_stop);
