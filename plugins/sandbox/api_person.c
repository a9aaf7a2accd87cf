/* SPDX-License-Identifier: GPL-3.0-or-later */
/* REST: profiles, privacy, blocks, calls and restrictions of phones. */
#include "api.h"
#include "person.h"

static int answer(struct sb_call *c, int code)
{
	if (code == 0)
		return 204;
	return sb_api_fail(c->ret, code == 404 || code == 403 || code == 500 ? code : 400,
			   code == 404 ? "not_found" : code == 403 ? "denied" : "invalid",
			   "the server would answer %d", code);
}

static const char *text_or_null(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

int sb_api_profile(struct sb_call *c)
{
	int status = 0;
	struct sb_account *a = sb_api_account(c, c->params[0], &status);
	const struct sb_person *p;
	json_t *o;
	char id[32] = "";

	if (!a)
		return status;
	p = a->person;
	if (p && p->picture.id)
		snprintf(id, sizeof(id), "%llu", (unsigned long long)p->picture.id);
	o = json_pack("{ss ss ss sI ss sI}", "name", a->name, "about", sb_about(a), "picture_id", id, "picture_bytes",
		      (json_int_t)(p ? p->picture.len : 0), "call_state", a->call_state, "timer",
		      (json_int_t)(p ? p->timer_s : 0));
	if (o && p && p->business)
		json_object_set(o, "business", p->business);
	return sb_api_ok(c, o);
}

static int set_picture(struct sb_account *a, const char *text)
{
	SB_AUTO_BUF struct wa_buf b = { 0 };

	wa_buf_init(&b, SB_PICTURE_MAX);
	if (wa_b64_decode(wa_span_str(text), WA_B64_STD, &b))
		return 400;
	return sb_picture_set(a, NULL, wa_buf_view(&b));
}

/* name, about, picture (JPEG as base64, "" removes), business (object), contacts (numbers) */
int sb_api_profile_set(struct sb_call *c)
{
	int status = 0, code = 0;
	struct sb_account *a = sb_api_account(c, c->params[0], &status), *who;
	const char *name = text_or_null(c->body, "name"), *about = text_or_null(c->body, "about");
	const char *picture = text_or_null(c->body, "picture");
	json_t *biz = json_object_get(c->body, "business"), *v;
	size_t i;

	if (!a)
		return status;
	if (!sb_person(a))
		return answer(c, 500);
	if (name)
		sb_name_set(a, name);
	if (about)
		code = sb_about_set(a, NULL, wa_span_str(about));
	if (picture && !code)
		code = set_picture(a, picture);
	if (json_is_object(biz)) {
		json_decref(a->person->business);
		a->person->business = json_incref(biz);
		if (json_is_array(json_object_get(biz, "products"))) {
			json_decref(a->person->products);
			a->person->products = json_incref(json_object_get(biz, "products"));
		}
	}
	json_array_foreach(json_object_get(c->body, "contacts"), i, v)
	{
		who = sb_api_account(c, json_string_value(v) ? json_string_value(v) : "", &status);
		if (!who)
			return status;
		if (wa_map_put(&a->person->contacts, wa_span_str(who->pn), a->person, NULL))
			code = 500;
	}
	sb_keep_account(a);
	return answer(c, code);
}

int sb_api_privacy(struct sb_call *c)
{
	int status = 0, code = 0;
	struct sb_account *a = sb_api_account(c, c->params[0], &status);
	const char *key;
	json_t *v;

	if (!a)
		return status;
	json_object_foreach(c->body, key, v)
	{
		if (!code)
			code = sb_privacy_set(a, NULL, key, json_string_value(v) ? json_string_value(v) : "");
	}
	return answer(c, code);
}

int sb_api_block(struct sb_call *c)
{
	int status = 0;
	struct sb_account *a = sb_api_account(c, c->params[0], &status), *who;

	if (!a || !(who = sb_api_account(c, sb_api_text(c, "number"), &status)))
		return status;
	return answer(c, sb_block(a, NULL, who, !json_is_false(json_object_get(c->body, "on"))));
}

int sb_api_call(struct sb_call *c)
{
	int status = 0;
	struct sb_account *a = sb_api_account(c, c->params[0], &status), *to;
	char id[40];
	SB_ERR(err);

	if (!a || !(to = sb_api_account(c, sb_api_text(c, "to"), &status)))
		return status;
	if (sb_ring(a, to, json_is_true(json_object_get(c->body, "video")),
		    json_is_true(json_object_get(c->body, "group")), id, &err))
		return sb_api_err(c->ret, &err);
	sb_copy(a->call_state, sizeof(a->call_state), "ringing");
	*c->ret = json_pack("{ss}", "call", id);
	return 201;
}

int sb_api_hang_up(struct sb_call *c)
{
	return answer(c, sb_hang_up(c->s, sb_api_text(c, "call"), sb_api_text(c, "reason")));
}

int sb_api_pick_up(struct sb_call *c)
{
	return answer(c, sb_pick_up(c->s, sb_api_text(c, "call")));
}

/* locked, kind, seconds; cap (NONE FIRST_WARNING SECOND_WARNING CAPPED), total, used */
int sb_api_restriction(struct sb_call *c)
{
	int status = 0;
	struct sb_account *a = sb_api_account(c, c->params[0], &status);
	const char *kind = sb_api_text(c, "kind"), *cap = sb_api_text(c, "cap");
	json_int_t seconds = json_integer_value(json_object_get(c->body, "seconds"));
	struct sb_person *p;

	if (!a)
		return status;
	p = sb_person(a);
	if (!p || seconds < 0 || seconds > 31536000)
		return answer(c, p ? 400 : 500);
	p->locked = json_is_true(json_object_get(c->body, "locked"));
	p->lock_until_ms = sb_now(c->s) + (seconds ? seconds : 3600) * 1000;
	sb_copy(p->lock_kind, sizeof(p->lock_kind), *kind ? kind : "BIZ_QUALITY");
	sb_copy(p->cap, sizeof(p->cap), cap);
	p->cap_total = json_integer_value(json_object_get(c->body, "total"));
	p->cap_used = json_integer_value(json_object_get(c->body, "used"));
	sb_restriction_tell(a);
	return 204;
}
