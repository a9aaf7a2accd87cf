/* SPDX-License-Identifier: GPL-3.0-or-later */
/* REST: the app state of a phone, shown and changed by its person. */
#include "api.h"
#include "appstate.h"

#define BULK_MAX 100000
#define LIST_MAX 1000

static int find_kind(const char *word)
{
	for (int i = 0; i < WA_SYNC_KINDS; i++)
		if (strcmp(wa_sync_kind_str(i), word) == 0)
			return i;
	return -1;
}

/* A number, or a JID as text. */
static bool read_jid(struct sb_call *c, json_t *o, const char *name, struct wa_jid *ret)
{
	const char *t = json_string_value(json_object_get(o, name));
	struct sb_account *a;

	if (!t || !*t)
		return true;
	if (strchr(t, '@'))
		return wa_jid_parse(wa_span_str(t), ret, NULL) == 0;
	a = sb_find_pn(c->s, *t == '+' ? t + 1 : t);
	*ret = a ? a->pn_jid : wa_jid_make(WA_SRV_PN, *t == '+' ? t + 1 : t, 0);
	return true;
}

static const char *text(json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

static bool read_action(struct sb_call *c, json_t *o, struct wa_sync_action *a)
{
	const char *kind = text(o, "action");

	memset(a, 0, sizeof(*a));
	a->kind = kind ? find_kind(kind) : -1;
	a->on = !json_is_false(json_object_get(o, "on"));
	a->remove = json_is_true(json_object_get(o, "remove"));
	a->id = text(o, "id");
	a->from_me = json_is_true(json_object_get(o, "from_me"));
	a->label = text(o, "label");
	a->name = text(o, "name");
	a->first_name = text(o, "first_name");
	a->text = text(o, "text");
	a->color = (int)json_integer_value(json_object_get(o, "color"));
	a->until_ms = json_integer_value(json_object_get(o, "until_ms"));
	a->delete_media = json_is_true(json_object_get(o, "delete_media"));
	return a->kind > 0 && read_jid(c, o, "chat", &a->chat) &&
	       read_jid(c, o, "sender", &a->sender) && read_jid(c, o, "lid", &a->lid) &&
	       read_jid(c, o, "pn", &a->pn);
}

int sb_api_appstate_change(struct sb_call *c)
{
	int status = 0;
	struct sb_account *a = sb_api_account(c, c->params[0], &status);
	struct wa_sync_action act;
	SB_ERR(err);

	if (!a)
		return status;
	if (!read_action(c, c->body, &act))
		return sb_api_fail(c->ret, 400, "invalid", "no such action, or no such chat");
	if (sb_appstate_change(a, &act, 1, &err))
		return sb_api_err(c->ret, &err);
	return 204;
}

/* Many entries in one patch, for benchmarks: contacts that nobody knows. */
int sb_api_appstate_bulk(struct sb_call *c)
{
	int status = 0;
	struct sb_account *a = sb_api_account(c, c->params[0], &status);
	json_int_t n = json_integer_value(json_object_get(c->body, "count"));
	struct wa_sync_action *acts;
	char (*names)[32], digits[32];
	SB_ERR(err);

	if (!a)
		return status;
	if (n < 1 || n > BULK_MAX)
		return sb_api_fail(c->ret, 400, "invalid", "count is 1 to %d", BULK_MAX);
	acts = calloc((size_t)n, sizeof(*acts));
	names = calloc((size_t)n, sizeof(*names));
	for (json_int_t i = 0; acts && names && i < n; i++) {
		snprintf(digits, sizeof(digits), "1999%08lld", (long long)i);
		snprintf(names[i], sizeof(names[i]), "Contact %lld", (long long)i);
		acts[i].kind = WA_SYNC_CONTACT;
		acts[i].chat = wa_jid_make(WA_SRV_PN, digits, 0);
		acts[i].name = names[i];
	}
	if (!acts || !names)
		(void)wa_err_set(&err, WA_ENOMEM, "no memory for %lld entries", (long long)n);
	else
		(void)sb_appstate_change(a, acts, (size_t)n, &err);
	free(acts);
	free(names);
	return err.code ? sb_api_err(c->ret, &err) : 204;
}

static void put_jid(json_t *o, const char *name, const struct wa_jid *j)
{
	char t[WA_JID_TEXT_MAX];

	if (!wa_jid_is_null(j))
		json_object_set_new(o, name, json_string(wa_jid_text(j, t)));
}

static json_t *entry_json(int collection, const struct sb_sync_entry *e)
{
	SB_AUTO_ARENA struct wa_arena ar = { 0 };
	struct wa_syncd_entry v = { .index = wa_span_str(e->index),
				    .value = wa_span(e->value, e->value_len),
				    .version = e->version };
	struct wa_sync_action a = { 0 };
	json_t *o;

	wa_arena_init(&ar, 1u << 20);
	if (wa_sync_action_decode(collection, &v, &ar, &a, NULL))
		return NULL;
	o = json_pack("{ss ss sb ss? ss? ss? ss? ss? sI sI}", "action", wa_sync_kind_str(a.kind),
		      "index", e->index, "on", a.on, "id", a.id, "label", a.label, "name", a.name,
		      "first_name", a.first_name, "text", a.text, "until_ms",
		      (json_int_t)a.until_ms, "color", (json_int_t)a.color);
	if (o)
		put_jid(o, "chat", &a.chat);
	return o;
}

int sb_api_appstate(struct sb_call *c)
{
	int status = 0;
	struct sb_account *a = sb_api_account(c, c->params[0], &status);
	const char *only = sb_api_query(c, "collection");
	struct sb_appstate *st = a ? sb_appstate(a) : NULL;
	json_t *all, *list, *o;
	struct wa_span key;
	size_t it, n;
	void *e;

	if (!a || !st)
		return a ? sb_api_fail(c->ret, 500, "no_memory", "no memory") : status;
	all = json_object();
	for (int i = 0; i < WA_SYNC_COLLECTIONS; i++) {
		const char *name = wa_sync_collection_str(i);

		if (*only && strcmp(only, name) != 0)
			continue;
		list = json_array();
		for (it = 0, n = 0; n < LIST_MAX && wa_map_next(&st->cols[i].entries, &it, &key, &e);
		     n++)
			if ((o = entry_json(i, e)))
				json_array_append_new(list, o);
		json_object_set_new(all, name,
				    json_pack("{sI sI so}", "version",
					      (json_int_t)st->cols[i].version, "count",
					      (json_int_t)st->cols[i].entries.len, "entries", list));
	}
	return sb_api_ok(c, all);
}
