/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What tests and benchmarks ask: faults, violations, bulk runs. */
#include "api.h"

#include <clock.h>

static json_t *fault_json(const struct sb_fault *f)
{
	return json_pack("{sI ss ss si sI sI si sI sI}", "id", (json_int_t)f->id, "kind",
			 sb_fault_str(f->kind), "account", f->account, "device", f->device, "times",
			 (json_int_t)f->times, "skip", (json_int_t)f->skip, "code", f->code,
			 "delay_ms", (json_int_t)f->delay_ms, "hits", (json_int_t)f->hits);
}

int sb_api_faults(struct sb_call *c)
{
	json_t *list = json_array();
	struct wa_list *l;

	WA_LIST_EACH(l, &c->s->faults)
	json_array_append_new(list, fault_json(container_of(l, struct sb_fault, link)));
	return sb_api_ok(c, json_pack("{so}", "faults", list));
}

/* Those that happen now, to every connection they name. */
static bool at_once(struct sb_call *c, const char *kind, const char *account, int device, int code,
		    size_t *ret_n)
{
	struct wa_list *l, *tmp;
	bool drop = strcmp(kind, "drop") == 0, freeze = strcmp(kind, "freeze") == 0;

	if (!drop && !freeze && strcmp(kind, "stream_error") != 0)
		return false;
	*ret_n = 0;
	WA_LIST_EACH_SAFE(l, tmp, &c->s->conns)
	{
		struct sb_conn *x = container_of(l, struct sb_conn, link);

		if (x->closing ||
		    (*account && (!x->dev || strcmp(x->dev->acc->pn, account) != 0)) ||
		    (device >= 0 && (!x->dev || x->dev->id != device)))
			continue;
		++*ret_n;
		if (drop)
			sb_kill(x);
		else if (freeze)
			x->frozen = true;
		else
			sb_stream_error(x, code ? code : 503);
	}
	return true;
}

int sb_api_fault_new(struct sb_call *c)
{
	const char *kind = "", *account = "";
	json_int_t device = -1, times = 1, skip = 0, code = 0, delay = 0;
	struct sb_fault *f;
	struct wa_list *l;
	size_t n = 0;
	int k;

	if (json_unpack(c->body, "{ss s?s s?I s?I s?I s?I s?I}", "kind", &kind, "account", &account,
			"device", &device, "times", &times, "skip", &skip, "code", &code,
			"delay_ms", &delay) ||
	    times < -1 || skip < 0 || code < 0 || code > INT32_MAX || delay < 0 || delay > 86400000 ||
	    device > 255)
		return sb_api_fail(
			c->ret, 400, "invalid",
			"kind, account, device, times (-1 always), skip, code, delay_ms");
	if (*account == '+')
		account++;
	if (*account && !sb_find_pn(c->s, account))
		return sb_api_fail(c->ret, 404, "not_found", "no account %s", account);
	if (at_once(c, kind, account, (int)device, (int)code, &n))
		return sb_api_ok(c, json_pack("{ss sI}", "kind", kind, "hits", (json_int_t)n));
	k = sb_fault_parse(kind);
	if (k < 0)
		return sb_api_fail(c->ret, 400, "invalid", "no fault %s", kind);
	WA_LIST_EACH(l, &c->s->faults)
	n++;
	if (n >= SB_FAULTS_MAX)
		return sb_api_fail(c->ret, 429, "limit", "at most %d faults", SB_FAULTS_MAX);
	f = calloc(1, sizeof(*f));
	if (!f)
		return sb_api_fail(c->ret, 500, "no_memory", "no memory for a fault");
	f->id = ++c->s->next_fault;
	f->kind = k;
	sb_copy(f->account, sizeof(f->account), account);
	f->device = (int)device;
	f->times = times;
	f->skip = skip;
	f->code = (int)code;
	f->delay_ms = delay;
	wa_list_push_back(&c->s->faults, &f->link);
	*c->ret = fault_json(f);
	return 201;
}

int sb_api_faults_del(struct sb_call *c)
{
	sb_faults_clear(c->s);
	return 204;
}

int sb_api_fault_del(struct sb_call *c)
{
	struct wa_list *l;
	int64_t id = 0;

	if (wa_parse_i64(wa_span_str(c->params[0]), 1, UINT32_MAX, &id))
		return sb_api_fail(c->ret, 404, "not_found", "no such fault");
	WA_LIST_EACH(l, &c->s->faults)
	{
		struct sb_fault *f = container_of(l, struct sb_fault, link);

		if (f->id != (uint32_t)id)
			continue;
		wa_list_del(&f->link);
		free(f);
		return 204;
	}
	return sb_api_fail(c->ret, 404, "not_found", "no such fault");
}

int sb_api_violations(struct sb_call *c)
{
	json_t *list = json_array();
	struct wa_list *l;

	WA_LIST_EACH(l, &c->s->violations)
	{
		const struct sb_violation *v = container_of(l, struct sb_violation, link);
		char when[WA_TIME_TEXT];
		json_t *o = json_pack("{sI ss ss si ss ss ss?}", "seq", (json_int_t)v->seq, "at",
				      wa_time_format(v->at_ms, when), "account", v->account,
				      "device", v->device, "kind", v->kind, "detail", v->text,
				      "stanza", v->stanza);

		if (!o) /* what the client sent need not be UTF-8 */
			o = json_pack("{sI ss si}", "seq", (json_int_t)v->seq, "kind", v->kind,
				      "device", v->device);
		json_array_append_new(list, o);
	}
	return sb_api_ok(c, json_pack("{so sI}", "violations", list, "dropped",
				      (json_int_t)c->s->violations_dropped));
}

int sb_api_violations_del(struct sb_call *c)
{
	sb_violations_clear(c->s);
	return 204;
}

int sb_api_unacked(struct sb_call *c)
{
	int64_t older = sb_api_query_int(c, "older_ms", 0), now = sb_now(c->s);
	json_t *list = json_array();
	struct wa_list *l, *k;

	WA_LIST_EACH(l, &c->s->busy)
	{
		const struct sb_device *d = container_of(l, struct sb_device, busy);

		WA_LIST_EACH(k, &d->queue)
		{
			const struct sb_item *it = container_of(k, struct sb_item, link);

			if (!it->sent_ms || now - it->sent_ms < older ||
			    json_array_size(list) >= 1000)
				continue;
			json_array_append_new(
				list, json_pack("{ss si ss ss ss ss sI}", "account", d->acc->pn,
						"device", (int)d->id, "class", it->tag, "id",
						it->id, "from", it->from, "type", it->type,
						"age_ms", (json_int_t)(now - it->sent_ms)));
		}
	}
	return sb_api_ok(c, json_pack("{so}", "unacked", list));
}

static json_t *bulk_json(const struct sb_bulk *b)
{
	return json_pack("{sI ss ss sI sI sI sI sI sI sI sI sI sb}", "id", (json_int_t)b->id,
			 "from", b->from->pn, "to", b->to->pn, "count", (json_int_t)b->count,
			 "sent", (json_int_t)b->sent, "accepted", (json_int_t)b->acked, "failed",
			 (json_int_t)b->failed, "delivered", (json_int_t)b->delivered, "read",
			 (json_int_t)b->read, "replies", (json_int_t)b->replies, "send_ms",
			 (json_int_t)((b->end_ms ? b->end_ms : sb_now(b->s)) - b->start_ms),
			 "last_reply_ms",
			 (json_int_t)(b->last_reply_ms ? b->last_reply_ms - b->start_ms : 0),
			 "done", b->sent >= b->count);
}

int sb_api_bulk_new(struct sb_call *c)
{
	struct sb_account *from, *to;
	const char *text = sb_api_text(c, "text");
	json_int_t count = json_integer_value(json_object_get(c->body, "count"));
	double rate = json_number_value(json_object_get(c->body, "rate"));
	struct sb_bulk *b;
	int status = 0;
	SB_ERR(err);

	if (!(from = sb_api_account(c, sb_api_text(c, "from"), &status)) ||
	    !(to = sb_api_account(c, sb_api_text(c, "to"), &status)))
		return status;
	if (count < 1 || count > 10000000 || rate < 0 || strlen(text) > SB_TEXT_MAX)
		return sb_api_fail(
			c->ret, 400, "invalid",
			"count (1 to 10000000), rate per second (0: as fast as it goes), text");
	b = sb_bulk_start(from, to, *text ? text : "bulk", (uint64_t)count, rate, &err);
	if (!b)
		return sb_api_err(c->ret, &err);
	*c->ret = bulk_json(b);
	return 201;
}

int sb_api_bulk_get(struct sb_call *c)
{
	struct sb_bulk *b = NULL;
	int64_t id;

	if (wa_parse_i64(wa_span_str(c->params[0]), 0, UINT32_MAX, &id) == 0)
		b = sb_bulk_find(c->s, (uint32_t)id);
	return b ? sb_api_ok(c, bulk_json(b))
		 : sb_api_fail(c->ret, 404, "not_found", "no such run");
}

int sb_api_bulks(struct sb_call *c)
{
	json_t *list = json_array();
	struct wa_list *l;

	WA_LIST_EACH(l, &c->s->bulks)
	json_array_append_new(list, bulk_json(container_of(l, struct sb_bulk, link)));
	return sb_api_ok(c, json_pack("{so}", "runs", list));
}
