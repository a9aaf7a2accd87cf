/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Counters, sessions, opt-outs, who has a conversation. */
#include "facet.h"

static void on_done(void *ctx, int32_t code, const char *message)
{
	struct facet *f = ctx;

	(void)message;
	tell(f, "code", code);
	f->h->metric_add(f->self, "done", 1);
}

static int on_key(void *ctx, const char *key, struct wb_str value)
{
	struct facet *f = ctx;

	f->h->metric_add(f->self, "keys", 1);
	if (strcmp(key, "count/a") == 0)
		tell(f, "count_a", strtoll(value.ptr, NULL, 10));
	return 0;
}

static int on_session(void *ctx, const char *session, const char *status)
{
	struct facet *f = ctx;

	f->h->metric_add(f->self, "sessions", strcmp(session, "shop") == 0 && strcmp(status, "stopped") == 0);
	return 7;
}

static void on_event(void *ctx, const struct wb_event *ev)
{
	struct facet *f = ctx;
	const struct wb_plugin_host *h = f->h;
	struct wb_tx *tx = h->tx_begin(f->self);
	const char *what = asked(ev), *who = "+4915112345678";
	char owner[96] = "";

	if (strcmp(what, "count") == 0) {
		h->tx_kv_add(tx, "count/a", 2, 0);
		h->tx_kv_add(tx, "count/a", -5, 0);
		h->tx_kv(tx, "word", str("x"), 0);
	} else if (strcmp(what, "count_word") == 0) {
		h->tx_kv_add(tx, "count/a", 1, 0);
		h->tx_kv_add(tx, "word", 1, 0);	/* no number: neither counts */
	} else if (strcmp(what, "read") == 0) {
		tell(f, "each", h->kv_each(f->self, "count/", on_key, f));
		tell(f, "session_each", h->session_each(f->self, on_session, f));
		tell(f, "out_shop", h->opted_out(f->self, "shop", "+49 151 12345678"));
		tell(f, "out_any", h->opted_out(f->self, NULL, "4915112345678"));
		tell(f, "out_bad", h->opted_out(f->self, "shop", "nobody at all"));
		tell(f, "held", h->held(f->self, "shop", "4915112345678", owner));
		tell(f, "owner", strcmp(owner, "plugin:people") == 0);
	} else if (strcmp(what, "out") == 0) {
		h->tx_consent(tx, "shop", who, 1, "test");
		h->tx_hold(tx, "shop", "4915112345678", "plugin:people", 0);
	} else if (strcmp(what, "in") == 0) {
		h->tx_consent(tx, "shop", who, 0, "test");
		h->tx_hold(tx, "shop", "4915112345678", NULL, 0);
	} else if (strcmp(what, "hold_none") == 0) {
		h->tx_hold(tx, "none", "4915112345678", "human", 0);
	}
	h->tx_commit(tx, on_done, f);
}

static int32_t start(const struct wb_plugin_host *host, struct wb_plugin *self, void **ret_state)
{
	host->subscribe(self, "people.*", on_event, facet_new(host, self, ret_state));
	return 0;
}

WB_PLUGIN_DEFINE(.name = "people", .version = "1", .start = start, .stop = facet_stop);
