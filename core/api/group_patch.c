/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PATCH of a group: each member of the body is one question, asked one after the other. */
#include <db_group.h>
#include "group_int.h"

#define STEPS_MAX 8

struct patch {
	struct api_reply *p;
	char session[DB_SESSION_ID_MAX + 1];
	struct wa_jid group;
	json_t *doc;		/* the body */
	char prev[64];		/* id of the description there is */
	const char *keys[STEPS_MAX];
	size_t n, at;
};

static const char *const known[] = { "subject", "description", "announce", "locked", "add_members",
				     "approval", "ephemeral_s" };

static void patch_free(struct patch *k)
{
	json_decref(k->doc);
	free(k);
}

static void next(struct patch *k);

static void on_step(void *arg, int code, const char *text)
{
	struct patch *k = arg;
	char why[160];

	if (code) {
		snprintf(why, sizeof(why), "%s: %s", k->keys[k->at], text);
		api_ask_failed(k->p, code, why);
		patch_free(k);
		return;
	}
	k->at++;
	next(k);
}

static int start(struct patch *k, struct wa_client *c, struct wa_err *err)
{
	const char *key = k->keys[k->at];
	json_t *v = json_object_get(k->doc, key);
	const char *text = json_string_value(v);

	if (strcmp(key, "subject") == 0)
		return wa_client_group_subject(c, &k->group, text, on_step, k, err);
	if (strcmp(key, "description") == 0)
		return wa_client_group_description(c, &k->group, text, k->prev, on_step, k, err);
	if (strcmp(key, "announce") == 0)
		return wa_client_group_set(c, &k->group, WA_SET_ANNOUNCE, json_is_true(v), on_step, k, err);
	if (strcmp(key, "locked") == 0)
		return wa_client_group_set(c, &k->group, WA_SET_LOCKED, json_is_true(v), on_step, k, err);
	if (strcmp(key, "add_members") == 0)
		return wa_client_group_set(c, &k->group, WA_SET_ADD_MODE, strcmp(text, "everybody") == 0, on_step,
					   k, err);
	if (strcmp(key, "approval") == 0)
		return wa_client_group_set(c, &k->group, WA_SET_APPROVAL, json_is_true(v), on_step, k, err);
	return wa_client_group_set(c, &k->group, WA_SET_EPHEMERAL, (uint32_t)json_integer_value(v), on_step, k, err);
}

static void next(struct patch *k)
{
	struct wb_session *s = wb_session_find(k->p->api->gw, k->session);
	struct wa_client *c = s ? wb_session_client(s) : NULL;
	struct wa_err err = WA_ERR_INIT;

	if (k->at == k->n) {
		api_ask_done(k->p, 0, "");
		patch_free(k);
		return;
	}
	if (!c || start(k, c, &err) < 0) {
		api_ask_failed(k->p, c ? err.code : WA_ESTATE, c ? err.msg : "");
		patch_free(k);
	}
}

/* NULL: fine. */
static const char *wrong(const char *key, const json_t *v)
{
	const char *text = json_string_value(v);

	if (strcmp(key, "subject") == 0)
		return text && *text ? NULL : "subject: a text";
	if (strcmp(key, "description") == 0)
		return text ? NULL : "description: a text, \"\" removes it";
	if (strcmp(key, "add_members") == 0)
		return text && (strcmp(text, "everybody") == 0 || strcmp(text, "admins") == 0)
			       ? NULL
			       : "add_members: everybody or admins";
	if (strcmp(key, "ephemeral_s") == 0)
		return json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) <= UINT32_MAX
			       ? NULL
			       : "ephemeral_s: seconds, 0 off";
	return json_is_boolean(v) ? NULL : "announce, locked and approval: true or false";
}

static const char *plan(struct patch *k)
{
	const char *key, *why;
	json_t *v;

	json_object_foreach(k->doc, key, v)
	{
		size_t i = 0;

		while (i < WA_ARRAY_LEN(known) && strcmp(known[i], key) != 0)
			i++;
		if (i == WA_ARRAY_LEN(known))
			return "subject, description, announce, locked, add_members, approval, ephemeral_s";
		why = wrong(key, v);
		if (why)
			return why;
		k->keys[k->n++] = known[i];
	}
	return k->n ? NULL : "nothing to change";
}

/* WhatsApp wants to know which description a new one replaces. */
static void on_known(void *arg, int code, const char *text, const struct wa_group *g, size_t n)
{
	struct patch *k = arg;

	if (code || n == 0) {
		api_ask_failed(k->p, code ? code : WA_EPROTO, text);
		patch_free(k);
		return;
	}
	snprintf(k->prev, sizeof(k->prev), "%s", g->description_id);
	next(k);
}

void api_group_patch(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	struct wa_err err = WA_ERR_INIT;
	const char *why;
	struct wa_client *c;
	struct patch *k;
	struct wa_jid j;
	json_t *doc;

	if (!api_group_param(req, "group", &j) || !api_body(req, false, &doc))
		return;
	c = api_client(api, req, NULL);
	k = c ? calloc(1, sizeof(*k)) : NULL;
	if (!k) {
		if (c)
			wb_reply_problem(req, 500, "no_memory", "out of memory");
		return;
	}
	k->doc = json_incref(doc);
	k->group = j;
	snprintf(k->session, sizeof(k->session), "%s", wb_req_param(req, "id"));
	why = plan(k);
	k->p = why ? NULL : api_reply_new(api, req, 204, NULL);
	if (!k->p) {
		if (why)
			wb_reply_problem(req, 422, "invalid", why);
		patch_free(k);
		return;
	}
	if (!json_object_get(doc, "description"))
		next(k);
	else if (!api_ask_begun(k->p, wa_client_group_get(c, &j, on_known, k, &err), &err))
		patch_free(k);
}
