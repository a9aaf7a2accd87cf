/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api.h"

#include <clock.h>

#define BULK_ACCOUNTS_MAX 500 /* made in one request: each costs key generation */

static size_t unread(const struct sb_account *a)
{
	size_t n = 0;

	for (size_t i = 0; i < a->chat.len; i++)
		n += a->chat.msgs[i]->status == SB_RECEIVED && !a->chat.msgs[i]->from_me;
	return n;
}

static json_t *account_json(const struct sb_account *a)
{
	char jid[WA_JID_TEXT_MAX], lid[WA_JID_TEXT_MAX];
	size_t connected = 0;

	for (size_t i = 0; i < a->n_devices; i++)
		connected += a->devices[i]->conn != NULL;
	return json_pack("{ss ss ss ss sb sb sb ss sb ss ss sI sI sI sI sI sI sI sI sI}", "number",
			 a->pn, "jid", wa_jid_text(&a->pn_jid, jid), "lid",
			 wa_jid_text(&a->lid_jid, lid), "name", a->name, "online", a->online,
			 "auto_read", a->auto_read, "sink", a->sink, "addressing",
			 a->by_pn ? "pn" : "lid", "available", a->available, "link_state",
			 a->link_state, "link_detail", a->link_detail, "devices",
			 (json_int_t)a->n_devices - 1, "connected", (json_int_t)connected, "unread",
			 (json_int_t)unread(a), "messages", (json_int_t)a->chat.len, "sent",
			 (json_int_t)a->sent, "received", (json_int_t)a->received, "duplicates",
			 (json_int_t)a->duplicates, "retries", (json_int_t)a->retries_sent,
			 "queued", (json_int_t)a->devices[0]->queued);
}

int sb_api_accounts(struct sb_call *c)
{
	json_t *list = json_array();
	struct wa_list *l;

	WA_LIST_EACH(l, &c->s->accounts)
	json_array_append_new(list, account_json(container_of(l, struct sb_account, link)));
	return sb_api_ok(c, json_pack("{so}", "accounts", list));
}

/* NULL: applied. */
static const char *apply(struct sb_account *a, json_t *o)
{
	const char *name = NULL, *addressing = NULL;
	int online = a->online, auto_read = a->auto_read, sink = a->sink, available = a->available;
	int invite_only = a->invite_only;

	if (json_unpack(o, "{s?s s?s s?b s?b s?b s?b s?b}", "name", &name, "addressing", &addressing,
			"online", &online, "auto_read", &auto_read, "sink", &sink, "available",
			&available, "invite_only", &invite_only))
		return "name and addressing are texts; online, auto_read, sink and available are "
		       "true or false";
	if (addressing && strcmp(addressing, "lid") != 0 && strcmp(addressing, "pn") != 0)
		return "addressing is lid or pn";
	if (name)
		sb_copy(a->name, sizeof(a->name), name);
	if (addressing)
		a->by_pn = strcmp(addressing, "pn") == 0;
	a->auto_read = auto_read;
	a->sink = sink;
	a->invite_only = invite_only;
	if (online && !a->online)
		for (size_t i = 0; i < a->n_devices; i++)
			if (a->devices[i]->sim)
				sb_ready(a->devices[i]);
	a->online = online;
	if (a->available != (available != 0)) {
		a->available = available;
		sb_presence_change(a);
	}
	sb_keep_account(a);
	return NULL;
}

int sb_api_account_new(struct sb_call *c)
{
	struct sb_account *a;
	const char *why, *number = sb_api_text(c, "number");
	json_int_t companions = json_integer_value(json_object_get(c->body, "companions"));
	SB_ERR(err);

	a = sb_account_new(c->s, *number == '+' ? number + 1 : number, sb_api_text(c, "name"),
			   false, &err);
	if (!a)
		return sb_api_err(c->ret, &err);
	why = apply(a, c->body);
	for (json_int_t i = 0; !why && i < companions; i++)
		if (!sb_sim_companion(a, &err))
			why = err.msg;
	if (why) {
		sb_drop_account(a);
		sb_account_free(a);
		return sb_api_fail(c->ret, 400, "invalid", "%s", why);
	}
	*c->ret = account_json(a);
	return 201;
}

int sb_api_accounts_bulk(struct sb_call *c)
{
	json_int_t first = 0, count = 0, companions = 0;
	int sink = 1;
	SB_ERR(err);

	if (json_unpack(c->body, "{sI sI s?I s?b}", "first", &first, "count", &count, "companions",
			&companions, "sink", &sink) ||
	    count < 1 || count > BULK_ACCOUNTS_MAX || first < 10000 || companions > 8)
		return sb_api_fail(c->ret, 400, "invalid",
				   "first (a number), count (1 to %d), companions, sink",
				   BULK_ACCOUNTS_MAX);
	for (json_int_t i = 0; i < count; i++) {
		struct sb_account *a;
		char number[24];

		snprintf(number, sizeof(number), "%lld", (long long)(first + i));
		a = sb_account_new(c->s, number, number, sink, &err);
		for (json_int_t k = 0; a && k < companions; k++)
			if (!sb_sim_companion(a, &err))
				return sb_api_err(c->ret, &err);
		if (!a)
			return sb_api_err(c->ret, &err);
	}
	*c->ret = json_pack("{sI sI}", "first", first, "count", count);
	return 201;
}

int sb_api_account_get(struct sb_call *c)
{
	int status = 0;
	struct sb_account *a = sb_api_account(c, c->params[0], &status);

	return a ? sb_api_ok(c, account_json(a)) : status;
}

int sb_api_account_set(struct sb_call *c)
{
	int status = 0;
	struct sb_account *a = sb_api_account(c, c->params[0], &status);
	const char *why;

	if (!a)
		return status;
	why = apply(a, c->body);
	return why ? sb_api_fail(c->ret, 400, "invalid", "%s", why) : sb_api_ok(c, account_json(a));
}

int sb_api_account_del(struct sb_call *c)
{
	int status = 0;
	struct sb_account *a = sb_api_account(c, c->params[0], &status);

	if (!a)
		return status;
	for (size_t i = 0; i < a->n_devices; i++)
		if (a->devices[i]->conn)
			sb_stream_error(a->devices[i]->conn, 401);
	sb_drop_account(a);
	sb_account_free(a);
	return 204;
}

int sb_api_scan(struct sb_call *c)
{
	int status = 0;
	struct sb_account *a = sb_api_account(c, c->params[0], &status);
	SB_ERR(err);

	if (!a)
		return status;
	if (sb_scan(a, wa_span_str(sb_api_text(c, "qr")), &err))
		return sb_api_err(c->ret, &err);
	*c->ret = account_json(a);
	return 202;
}

int sb_api_code(struct sb_call *c)
{
	int status = 0;
	struct sb_account *a = sb_api_account(c, c->params[0], &status);
	SB_ERR(err);

	if (!a)
		return status;
	if (sb_type_code(a, sb_api_text(c, "code"), &err))
		return sb_api_err(c->ret, &err);
	*c->ret = account_json(a);
	return 202;
}

static json_t *time_json(int64_t ms)
{
	char text[WA_TIME_TEXT];

	return ms ? json_string(wa_time_format(ms, text)) : json_null();
}

static json_t *device_json(const struct sb_device *d)
{
	char jid[WA_JID_TEXT_MAX];
	struct wa_jid j = sb_jid(d, WA_SRV_PN);

	return json_pack("{si ss sI ss ss sb sb sb sb so so sI sI sI sI}", "device", (int)d->id,
			 "jid", wa_jid_text(&j, jid), "key_index", (json_int_t)d->key_index, "os",
			 d->os, "name", d->name, "simulated", d->sim != NULL, "connected",
			 d->conn != NULL, "active", d->active, "available", d->available,
			 "linked_at", time_json(d->linked_ms), "seen_at", time_json(d->seen_ms),
			 "prekeys", (json_int_t)d->prekeys.len, "queued", (json_int_t)d->queued,
			 "messages_in", (json_int_t)d->msgs_in, "messages_out",
			 (json_int_t)d->msgs_out);
}

int sb_api_devices(struct sb_call *c)
{
	int status = 0;
	struct sb_account *a = sb_api_account(c, c->params[0], &status);
	json_t *list;

	if (!a)
		return status;
	list = json_array();
	for (size_t i = 0; i < a->n_devices; i++)
		json_array_append_new(list, device_json(a->devices[i]));
	return sb_api_ok(c, json_pack("{so}", "devices", list));
}

int sb_api_device_del(struct sb_call *c)
{
	int status = 0;
	struct sb_account *a = sb_api_account(c, c->params[0], &status);
	struct sb_device *d = NULL;
	int64_t id;

	if (!a)
		return status;
	if (wa_parse_i64(wa_span_str(c->params[1]), 1, 255, &id) == 0)
		d = sb_device_find(a, (unsigned)id);
	if (!d)
		return sb_api_fail(c->ret, 404, "not_found", "no such companion");
	sb_unlink(d, true);
	return 204;
}

int sb_api_rules(struct sb_call *c)
{
	int status = 0;
	struct sb_account *a = sb_api_account(c, c->params[0], &status);
	json_t *list;

	if (!a)
		return status;
	list = json_array();
	for (size_t i = 0; i < a->n_rules; i++)
		json_array_append_new(list, sb_rule_json(&a->rules[i]));
	return sb_api_ok(c, json_pack("{so}", "rules", list));
}

int sb_api_rule_new(struct sb_call *c)
{
	int status = 0;
	struct sb_account *a = sb_api_account(c, c->params[0], &status);
	SB_ERR(err);

	if (!a)
		return status;
	if (sb_rule_add(a, c->body, &err))
		return sb_api_err(c->ret, &err);
	sb_keep_account(a);
	*c->ret = sb_rule_json(&a->rules[a->n_rules - 1]);
	return 201;
}

int sb_api_rules_del(struct sb_call *c)
{
	int status = 0;
	struct sb_account *a = sb_api_account(c, c->params[0], &status);

	if (!a)
		return status;
	while (a->n_rules)
		sb_rule_clear(&a->rules[--a->n_rules]);
	sb_keep_account(a);
	return 204;
}

int sb_api_rule_del(struct sb_call *c)
{
	int status = 0;
	struct sb_account *a = sb_api_account(c, c->params[0], &status);
	int64_t id = 0;

	if (!a)
		return status;
	if (wa_parse_i64(wa_span_str(c->params[1]), 1, UINT32_MAX, &id))
		return sb_api_fail(c->ret, 404, "not_found", "no such rule");
	for (size_t i = 0; i < a->n_rules; i++) {
		if (a->rules[i].id != (uint32_t)id)
			continue;
		sb_rule_clear(&a->rules[i]);
		memmove(a->rules + i, a->rules + i + 1, (a->n_rules - i - 1) * sizeof(*a->rules));
		a->n_rules--;
		sb_keep_account(a);
		return 204;
	}
	return sb_api_fail(c->ret, 404, "not_found", "no such rule");
}
