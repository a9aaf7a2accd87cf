/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Questions in JSON: what stock clients ask by the ids of the web client's queries. */
#include "person.h"

static json_t *lock_json(const struct sb_account *a)
{
	const struct sb_person *p = a->person;
	char until[32] = "0";
	bool on = p && p->locked && p->lock_until_ms > sb_now(a->s);

	if (on)
		snprintf(until, sizeof(until), "%lld", (long long)(p->lock_until_ms / 1000));
	return json_pack("{sb ss ss}", "is_active", on, "time_enforcement_ends", until, "enforcement_type",
			 on ? p->lock_kind : "DEFAULT");
}

static json_t *cap_json(const struct sb_account *a)
{
	const struct sb_person *p = a->person;
	char from[32], to[32];
	int64_t now = sb_now(a->s) / 1000;

	snprintf(from, sizeof(from), "%lld", (long long)(now - now % 2592000));
	snprintf(to, sizeof(to), "%lld", (long long)(now - now % 2592000 + 2592000));
	return json_pack("{sI sI ss ss ss ss ss}", "total_quota", (json_int_t)(p && p->cap[0] ? p->cap_total : 100),
			 "used_quota", (json_int_t)(p && p->cap[0] ? p->cap_used : 0), "cycle_start_timestamp", from,
			 "cycle_end_timestamp", to, "ote_status", "NOT_ELIGIBLE", "mv_status", "NOT_ELIGIBLE",
			 "capping_status", p && p->cap[0] ? p->cap : "NONE");
}

void sb_mex_tell(struct sb_account *a, const struct sb_device *but, const char *op, const char *member,
		 json_t *take_data)
{
	SB_AUTO_ARENA struct wa_arena ar = { 0 };
	json_t *doc = json_pack("{s{so}}", "data", member, take_data);
	char *text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
	struct wa_jid server = WA_JID_SERVER;
	struct wa_node *n, *u;

	wa_arena_init(&ar, SB_STANZA_MAX);
	n = sb_notification(a->s, &ar, "mex", &server);
	u = wa_node_child(&ar, n, "update");
	wa_node_attr(&ar, u, "op_name", op);
	wa_node_data(&ar, u, wa_span_str(text));
	if (text)
		sb_tell_devices(a, but, n);
	free(text);
	json_decref(doc);
}

void sb_restriction_tell(struct sb_account *a)
{
	sb_keep_account(a);
	sb_mex_tell(a, NULL, "NotificationUserReachoutTimelockUpdate", "xwa2_notify_account_reachout_timelock",
		    lock_json(a));
	if (a->person && a->person->cap[0])
		sb_mex_tell(a, NULL, "MessageCappingInfoNotification",
			    "xwa2_notify_new_chat_messages_capping_info_update", cap_json(a));
}

static json_t *answer(struct sb_conn *c, const char *query, json_t *vars, const char **ret_member, int *ret_code)
{
	if (strcmp(query, "23983697327930364") == 0) {
		*ret_member = "xwa2_fetch_account_reachout_timelock";
		return lock_json(c->dev->acc);
	}
	if (strcmp(query, "24503548349331633") == 0) {
		*ret_member = "xwa2_message_capping_info";
		return cap_json(c->dev->acc);
	}
	return sb_channel_mex(c, query, vars, ret_member, ret_code);
}

void sb_iq_mex(struct sb_conn *c, const struct wa_node *iq)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	const struct wa_node *q = wa_node_get(iq, "query");
	struct wa_span text = wa_node_bytes(q);
	json_t *doc = text.len ? json_loadb((const char *)text.ptr, text.len, 0, NULL) : NULL, *data, *out;
	const char *member = "data";
	struct wa_node *r;
	char *dump;
	int code = 0;

	wa_arena_init(&a, 4 * SB_STANZA_MAX);
	if (!wa_node_attr_get(q, "query_id").len || !json_is_object(json_object_get(doc, "variables"))) {
		sb_violation(c->s, c->dev, iq, "mex.malformed", "no query_id, or no variables in JSON");
		sb_iq_error(c, iq, 400);
		json_decref(doc);
		return;
	}
	data = answer(c, sb_attr(&a, q, "query_id"), json_object_get(doc, "variables"), &member, &code);
	if (code)
		out = json_pack("{s{sn} s[{ss s{si}}]}", "data", member, "errors", "message",
				code == 404 ? "Not found" : code == 403 ? "Forbidden" : "Bad request", "extensions",
				"error_code", code);
	else
		out = json_pack("{s{so?}}", "data", member, data ? data : json_null());
	dump = out ? json_dumps(out, JSON_COMPACT) : NULL;
	if (dump) {
		r = wa_node_new(&a, "result");
		wa_node_data(&a, r, wa_span_str(dump));
		sb_iq_result(c, iq, &a, r);
	} else {
		sb_iq_error(c, iq, 500);
	}
	free(dump);
	json_decref(out);
	json_decref(doc);
}
