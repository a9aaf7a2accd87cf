/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Questions: ids, answers, deadlines. */
#include "client_int.h"

#include <stdlib.h>

#define IQ_ID_MAX 32

struct iq {
	struct wa_list link;
	char id[IQ_ID_MAX];
	int64_t deadline_ms;
	iq_fn *fn;
	void *arg;
};

struct wa_node *iq_new(struct wa_arena *a, const char *type, const char *xmlns)
{
	struct wa_node *n = wa_node_new(a, "iq");
	struct wa_jid server = WA_JID_SERVER;

	wa_node_attr(a, n, "xmlns", xmlns);
	wa_node_attr(a, n, "type", type);
	wa_node_attr_jid(a, n, "to", &server);
	return n;
}

void iq_send(struct wa_client *c, struct wa_arena *a, struct wa_node *node, int64_t timeout_ms,
	     iq_fn *fn, void *arg)
{
	struct iq *q;

	if (!client_up(c)) {
		if (fn)
			fn(c, arg, NULL, WA_ESTATE);
		return;
	}
	q = calloc(1, sizeof(*q));
	if (!q) {
		client_nomem(c);
		if (fn)
			fn(c, arg, NULL, WA_ENOMEM);
		return;
	}
	snprintf(q->id, sizeof(q->id), "%u.%u-%u", c->iq_prefix >> 16, c->iq_prefix & 0xffff,
		 ++c->iq_counter);
	q->deadline_ms = client_now(c) + timeout_ms;
	q->fn = fn;
	q->arg = arg;
	wa_list_push_back(&c->iqs, &q->link);
	wa_node_attr(a, node, "id", q->id);
	client_send(c, node);
}

static void finish(struct wa_client *c, struct iq *q, const struct wa_node *n, int code)
{
	wa_list_del(&q->link);
	if (q->fn)
		q->fn(c, q->arg, n, code);
	free(q);
}

static int answer_code(const struct wa_node *n)
{
	int64_t code = 0;

	if (wa_node_is(n, "ack") && wa_node_has(n, "error"))
		code = wa_node_attr_num(n, "error", 500);
	else if (wa_node_is(n, "iq") && wa_node_attr_is(n, "type", "error"))
		code = wa_node_attr_num(wa_node_get(n, "error"), "code", 500);
	else
		return 0;
	return code < 1 || code > 9999 ? 500 : (int)code;
}

bool iq_answer(struct wa_client *c, const struct wa_node *n)
{
	struct wa_span id = wa_node_attr_get(n, "id");
	struct wa_list *it;

	WA_LIST_EACH(it, &c->iqs)
	{
		struct iq *q = container_of(it, struct iq, link);

		if (!wa_span_is(id, q->id))
			continue;
		finish(c, q, n, answer_code(n));
		return true;
	}
	return false;
}

struct wa_span iq_error_text(const struct wa_node *answer)
{
	return wa_node_attr_get(wa_node_get(answer, "error"), "text");
}

struct done {
	wa_done_fn *fn;
	void *arg;
	iq_text_fn *text;
};

static void on_done(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	struct done *d = arg;
	char text[256] = "";

	(void)c;
	if (code > 0)
		span_copy(text, sizeof(text), iq_error_text(node));
	else if (code == 0 && d->text)
		d->text(node, text, sizeof(text));
	if (d->fn)
		d->fn(d->arg, code, text);
	free(d);
}

void iq_done(struct wa_client *c, struct wa_arena *a, struct wa_node *iq, iq_text_fn *text, wa_done_fn *fn,
	     void *arg)
{
	struct done *d = calloc(1, sizeof(*d));

	if (!d) {
		client_nomem(c);
		if (fn)
			fn(arg, WA_ENOMEM, "no memory for a question");
		return;
	}
	d->fn = fn;
	d->arg = arg;
	d->text = text;
	iq_send(c, a, iq, IQ_TIMEOUT_MS, on_done, d);
}

void iq_tick(struct wa_client *c, int64_t now)
{
	bool again;

	do { /* a callback may change the list */
		struct wa_list *it;

		again = false;
		WA_LIST_EACH(it, &c->iqs)
		{
			struct iq *q = container_of(it, struct iq, link);

			if (q->deadline_ms <= now) {
				finish(c, q, NULL, WA_ETIMEDOUT);
				again = true;
				break;
			}
		}
	} while (again);
}

void iq_abort(struct wa_client *c)
{
	struct wa_list *l;

	while ((l = wa_list_first(&c->iqs)))
		finish(c, container_of(l, struct iq, link), NULL, WA_EIO);
}

int64_t iq_deadline(const struct wa_client *c)
{
	const struct wa_list *it;
	int64_t at = INT64_MAX;

	for (it = c->iqs.next; it != &c->iqs; it = it->next) {
		const struct iq *q = (const struct iq *)(const void *)it;

		if (q->deadline_ms < at)
			at = q->deadline_ms;
	}
	return at;
}

void iq_result(struct wa_client *c, const struct wa_node *n)
{
	struct wa_jid to;
	struct wa_node *r;
	struct wa_arena a;

	if (!wa_node_attr_jid_get(n, "from", &to))
		to = WA_JID_SERVER;
	wa_arena_init(&a, STANZA_ARENA_MAX);
	r = wa_node_new(&a, "iq");
	wa_node_attr_jid(&a, r, "to", &to);
	wa_node_attr(&a, r, "type", "result");
	if (wa_node_has(n, "id"))
		wa_node_attr_span(&a, r, "id", wa_node_attr_get(n, "id"));
	client_send(c, r);
	wa_arena_clear(&a);
}
