/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /v1/events: list and long poll. Streams: stream.c. */
#include "api_int.h"

/* A long poll that found nothing yet. */
struct poll {
	struct wa_list link;
	struct wb_api *api;
	struct wb_req *req;
	struct wb_sub *sub;
	struct wb_timer *timer;
	int64_t since;
	size_t limit;
	char *kinds, *session;	/* in the request's arena; NULL: all */
};

static int add_event(void *ctx, const struct wb_event *ev)
{
	struct wa_buf *b = ctx;

	if (b->len > 1)
		wa_buf_u8(b, ',');
	wb_event_json(ev, b);
	return b->failed;
}

/* Reads a page; true and the reply is sent when there is something or `now` is set. */
static bool answer(struct poll *p, bool now)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_buf list, out;
	int64_t next = p->since;
	int n;

	wa_buf_init(&list, 64u << 20);
	wa_buf_u8(&list, '[');
	n = wb_bus_since(p->api->gw->bus, p->since, p->kinds, p->session, p->limit, add_event, &list, &next, &err);
	if (n == 0 && !now) {
		wa_buf_clear(&list);
		if (next > p->since)
			p->since = next;
		return false;
	}
	wa_buf_u8(&list, ']');
	wa_buf_init(&out, list.len + 64);
	wa_buf_str(&out, "{\"events\":");
	wa_buf_span(&out, wa_buf_view(&list));
	wa_buf_fmt(&out, ",\"next\":%lld}", (long long)next);
	if (n < 0)
		wb_reply_err(p->req, &err);
	else if (wa_buf_end(&out, &err))
		wb_reply_err(p->req, &err);
	else
		wb_reply_raw(p->req, 200, "application/json", wa_buf_view(&out));
	wa_buf_clear(&list);
	wa_buf_clear(&out);
	return true;
}

static void poll_free(struct poll *p)
{
	wb_bus_unsubscribe(p->sub);
	wb_timer_free(p->timer);
	wa_list_del(&p->link);
	free(p);
}

static void on_live(void *ctx, const struct wb_event *ev)
{
	struct poll *p = ctx;

	(void)ev;
	if (answer(p, false))
		poll_free(p);
}

static void on_timeout(void *ctx)
{
	struct poll *p = ctx;

	(void)answer(p, true);
	poll_free(p);
}

static void on_gone(void *ctx)
{
	on_timeout(ctx);
}

void api_polls_close(struct wb_api *api)
{
	struct wa_list *l, *tmp;

	WA_LIST_EACH_SAFE(l, tmp, &api->polls)
		on_timeout(container_of(l, struct poll, link));
}

static size_t count_polls(const struct wb_api *api)
{
	struct wa_list *l;
	size_t n = 0;

	WA_LIST_EACH(l, &api->polls)
		n++;
	return n;
}

void api_events_list(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	const char *kinds = wb_req_query(req, "kinds"), *session = wb_req_query(req, "session");
	struct poll *p, here = { .api = api, .req = req };
	int64_t wait;

	if (!api_limit(req, &here.limit) ||
	    !api_query_int(req, "since", 0, INT64_MAX, 0, &here.since) ||
	    !api_query_int(req, "wait_ms", 0, API_WAIT_MAX_MS, 0, &wait))
		return;
	here.kinds = kinds ? wa_arena_str(wb_req_arena(req), wa_span_str(kinds)) : NULL;
	here.session = session && *session ? wa_arena_str(wb_req_arena(req), wa_span_str(session)) : NULL;
	if (answer(&here, wait == 0))
		return;
	if (count_polls(api) >= API_WAITING_MAX) {
		wb_reply_header(req, "Retry-After", "1");
		wb_reply_problem(req, 503, "limit", "too many requests are waiting for events");
		return;
	}
	p = malloc(sizeof(*p));
	if (!p) {
		wb_reply_problem(req, 500, "no_memory", "out of memory");
		return;
	}
	*p = here;
	wa_list_push_back(&api->polls, &p->link);
	p->sub = wb_bus_subscribe(api->gw->bus, api, "api.poll", p->kinds, on_live, p);
	p->timer = wb_timer_new(api->gw->loop, "api.poll", on_timeout, p);
	if (!p->sub || !p->timer) {
		poll_free(p);
		wb_reply_problem(req, 500, "no_memory", "out of memory");
		return;
	}
	wb_timer_start(p->timer, (uint64_t)wait);
	wb_req_on_gone(req, on_gone, p);
}

void api_event_kinds(struct wb_req *req, void *ctx)
{
	json_t *list = json_array();

	(void)ctx;
	for (const struct wb_event_kind_info *k = wb_event_kinds; k->kind; k++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "kind", k->kind, "summary", k->summary));
	wb_reply_json(req, 200, json_pack("{s:o}", "kinds", list));
}
