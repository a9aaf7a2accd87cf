/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "person.h"

#define ABOUT_FIRST "Hey there! I am using the sandbox."

struct sb_person *sb_person(struct sb_account *a)
{
	if (!a->person)
		a->person = calloc(1, sizeof(*a->person));
	return a->person;
}

void sb_person_free(struct sb_account *a)
{
	struct sb_person *p = a->person;
	struct wa_span key;
	size_t it = 0;
	void *value;

	if (!p)
		return;
	while (wa_map_next(&p->tokens, &it, &key, &value))
		free(value);
	wa_map_clear(&p->tokens);
	wa_map_clear(&p->blocks);
	wa_map_clear(&p->contacts);
	json_decref(p->business);
	json_decref(p->products);
	sb_picture_clear(&p->picture);
	free(p);
	a->person = NULL;
}

/* ---- kept over a restart ---- */

static json_t *tokens_json(const struct sb_person *p)
{
	json_t *o = json_object();
	char text[WA_B64_LEN(SB_TOKEN_LEN)];
	struct wa_span key;
	size_t it = 0;
	void *value;

	while (wa_map_next(&p->tokens, &it, &key, &value)) {
		const struct sb_token *t = value;
		char pn[20] = "";

		memcpy(pn, key.ptr, key.len < sizeof(pn) ? key.len : 0);
		wa_b64_encode(wa_span(t->bytes, sizeof(t->bytes)), WA_B64_STD, text);
		json_object_set_new(o, pn, json_pack("[Is]", (json_int_t)t->t, text));
	}
	return o;
}

static void tokens_restore(struct sb_person *p, json_t *o)
{
	const char *pn;
	json_t *v;

	json_object_foreach(o, pn, v)
	{
		const char *text = json_string_value(json_array_get(v, 1));
		struct sb_token *t = calloc(1, sizeof(*t));

		if (!t || !text || wa_b64_decode_fixed(wa_span_str(text), WA_B64_STD, t->bytes, sizeof(t->bytes)) ||
		    wa_map_put(&p->tokens, wa_span_str(pn), t, NULL)) {
			free(t);
			continue;
		}
		t->t = json_integer_value(json_array_get(v, 0));
	}
}

static json_t *keys_json(const struct wa_map *m)
{
	json_t *list = json_array();
	struct wa_span key;
	size_t it = 0;
	void *value;

	while (wa_map_next(m, &it, &key, &value))
		json_array_append_new(list, json_stringn((const char *)key.ptr, key.len));
	return list;
}

json_t *sb_person_json(const struct sb_account *a)
{
	const struct sb_person *p = a->person;
	json_t *o, *levels;

	if (!p)
		return NULL;
	levels = json_array();
	for (size_t i = 0; i < SB_CATEGORIES; i++)
		json_array_append_new(levels, json_integer(p->privacy[i]));
	o = json_pack("{so ss sI so sI so so ss}", "tokens", tokens_json(p), "about", p->about, "about_ms", (json_int_t)p->about_ms, "privacy",
		      levels, "timer", (json_int_t)p->timer_s, "blocks", keys_json(&p->blocks), "contacts",
		      keys_json(&p->contacts), "qr", p->qr);
	if (o && (p->locked || p->cap[0]))
		json_object_set_new(o, "restriction",
				    json_pack("{sb ss sI ss sI sI}", "locked", p->locked, "kind", p->lock_kind, "until",
					      (json_int_t)p->lock_until_ms, "cap", p->cap, "total",
					      (json_int_t)p->cap_total, "used", (json_int_t)p->cap_used));
	if (o && p->business)
		json_object_set(o, "business", p->business);
	if (o && p->products)
		json_object_set(o, "products", p->products);
	return o;
}

static void keys_restore(struct wa_map *m, json_t *list, void *value)
{
	json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
	{
		if (json_is_string(v) && wa_map_put(m, wa_span_str(json_string_value(v)), value, NULL))
			return;
	}
}

static void restriction_restore(struct sb_person *p, const json_t *o)
{
	const char *kind = json_string_value(json_object_get(o, "kind"));
	const char *cap = json_string_value(json_object_get(o, "cap"));

	p->locked = json_is_true(json_object_get(o, "locked"));
	sb_copy(p->lock_kind, sizeof(p->lock_kind), kind ? kind : "");
	p->lock_until_ms = json_integer_value(json_object_get(o, "until"));
	sb_copy(p->cap, sizeof(p->cap), cap ? cap : "");
	p->cap_total = json_integer_value(json_object_get(o, "total"));
	p->cap_used = json_integer_value(json_object_get(o, "used"));
}

void sb_person_restore(struct sb_account *a, json_t *o)
{
	struct sb_person *p;
	const char *about = json_string_value(json_object_get(o, "about"));
	const char *qr = json_string_value(json_object_get(o, "qr"));

	if (!json_is_object(o) || !(p = sb_person(a)))
		return;
	sb_copy(p->about, sizeof(p->about), about ? about : "");
	sb_copy(p->qr, sizeof(p->qr), qr ? qr : "");
	p->about_ms = json_integer_value(json_object_get(o, "about_ms"));
	p->timer_s = (uint32_t)json_integer_value(json_object_get(o, "timer"));
	for (size_t i = 0; i < SB_CATEGORIES; i++)
		p->privacy[i] = (uint8_t)(json_integer_value(json_array_get(json_object_get(o, "privacy"), i)) & 7);
	keys_restore(&p->blocks, json_object_get(o, "blocks"), p);
	keys_restore(&p->contacts, json_object_get(o, "contacts"), p);
	tokens_restore(p, json_object_get(o, "tokens"));
	restriction_restore(p, json_object_get(o, "restriction"));
	p->business = json_incref(json_object_get(o, "business"));
	p->products = json_incref(json_object_get(o, "products"));
}

/* ---- telling ---- */

struct wa_node *sb_notification(struct sandbox *s, struct wa_arena *a, const char *type, const struct wa_jid *from)
{
	struct wa_node *n = wa_node_new(a, "notification");
	char id[32];

	sb_new_id(s, id);
	wa_node_attr_jid(a, n, "from", from);
	wa_node_attr(a, n, "type", type);
	wa_node_attr(a, n, "id", id);
	wa_node_attr_int(a, n, "t", sb_now(s) / 1000);
	return n;
}

void sb_tell_devices(struct sb_account *a, const struct sb_device *but, const struct wa_node *n)
{
	for (size_t i = 0; i < a->n_devices; i++)
		if (a->devices[i] != but && !a->devices[i]->sim)
			sb_deliver(a->devices[i], n);
}

void sb_tell_watchers(struct sb_account *a, const char *category, const struct wa_node *n)
{
	struct wa_list *l;

	if (a->watchers.len == 0)
		return;
	WA_LIST_EACH(l, &a->s->accounts)
	{
		struct sb_account *who = container_of(l, struct sb_account, link);

		if (who != a && sb_watches(a, who) && sb_allows(a, who, category))
			sb_tell_devices(who, NULL, n);
	}
}

/* ---- about ---- */

const char *sb_about(const struct sb_account *a)
{
	return a->person && a->person->about_ms ? a->person->about : ABOUT_FIRST;
}

int sb_about_set(struct sb_account *a, const struct sb_device *by, struct wa_span text)
{
	SB_AUTO_ARENA struct wa_arena ar = { 0 };
	struct sb_person *p = sb_person(a);
	struct wa_node *n;

	if (!p || text.len > SB_ABOUT_MAX || !wa_utf8_valid(text))
		return p ? 406 : 500;
	if (text.len)
		memcpy(p->about, text.ptr, text.len);
	p->about[text.len] = 0;
	p->about_ms = sb_now(a->s);
	sb_keep_account(a);
	wa_arena_init(&ar, SB_STANZA_MAX);
	n = sb_notification(a->s, &ar, "status", &a->lid_jid);
	wa_node_data(&ar, wa_node_child(&ar, n, "set"), text);
	sb_tell_devices(a, by, n);
	sb_tell_watchers(a, "status", n);
	return 0;
}

void sb_iq_status(struct sb_conn *c, const struct wa_node *iq)
{
	const struct wa_node *st = wa_node_get(iq, "status");
	int code;

	if (wa_node_attr_is(iq, "type", "get")) {
		sb_iq_error(c, iq, wa_node_get(iq, "privacy") ? 404 : 400); /* 404: the default, contacts */
		return;
	}
	if (!st) {
		sb_violation(c->s, c->dev, iq, "status.malformed", "no <status>");
		sb_iq_error(c, iq, 400);
		return;
	}
	code = sb_about_set(c->dev->acc, c->dev, wa_node_bytes(st));
	if (code)
		sb_iq_error(c, iq, code);
	else
		sb_iq_result(c, iq, NULL, NULL);
}

/* ---- name and links ---- */

void sb_name_set(struct sb_account *a, const char *name)
{
	sb_copy(a->name, sizeof(a->name), name);
	sb_keep_account(a);
}

static void new_code(struct sb_account *a)
{
	uint8_t r[8];

	sb_random(a->s, r, sizeof(r));
	for (size_t i = 0; i < sizeof(r); i++)
		snprintf(a->person->qr + 2 * i, 3, "%02X", r[i]);
	sb_keep_account(a);
}

static struct sb_account *by_code(struct sandbox *s, const char *code)
{
	struct wa_list *l;

	WA_LIST_EACH(l, &s->accounts)
	{
		struct sb_account *a = container_of(l, struct sb_account, link);

		if (a->person && a->person->qr[0] && strcmp(a->person->qr, code) == 0)
			return a;
	}
	return NULL;
}

void sb_iq_qr(struct sb_conn *c, const struct wa_node *iq)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	const struct wa_node *q = wa_node_get(iq, "qr");
	struct sb_account *of = c->dev->acc;
	struct wa_node *n;

	wa_arena_init(&a, SB_STANZA_MAX);
	n = wa_node_new(&a, "qr");
	if (wa_node_attr_is(iq, "type", "get")) {
		of = q ? by_code(c->s, sb_attr(&a, q, "code")) : NULL;
		if (!of) {
			sb_iq_error(c, iq, 404);
			return;
		}
		wa_node_attr_jid(&a, n, "jid", &of->lid_jid);
		wa_node_attr_jid(&a, n, "pn_jid", &of->pn_jid);
		wa_node_attr(&a, n, "notify", of->name);
		wa_node_attr(&a, n, "type", "contact");
	} else {
		if (!wa_node_attr_is(q, "type", "contact") || !sb_person(of)) {
			sb_iq_error(c, iq, 400);
			return;
		}
		if (!of->person->qr[0] || wa_node_attr_is(q, "action", "revoke"))
			new_code(of);
		wa_node_attr(&a, n, "code", of->person->qr);
		wa_node_attr(&a, n, "type", "contact");
	}
	sb_iq_result(c, iq, &a, n);
}
