/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Settings that app state carries, and how far app state is. */
#include "api_int.h"

#include <db_sync.h>
#include <wa/sync.h>

#define NAME_MAX_BYTES 100

static int add_setting(void *ctx, const char *key, const char *json)
{
	json_t *o = json_loads(json, 0, NULL), *v = json_object_get(o, "value");

	if (v)
		json_object_set(ctx, key, v);
	json_decref(o);
	return 0;
}

void api_app_settings(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	const char *id = wb_req_param(req, "id");
	struct wa_err err = WA_ERR_INIT;
	json_t *all;

	if (!api_session(api, req, id))
		return;
	all = json_object();
	if (db_item_each(api->gw->db, id, DB_ITEM_SETTING, add_setting, all, &err) < 0) {
		json_decref(all);
		wb_reply_err(req, &err);
		return;
	}
	wb_reply_json(req, 200, all);
}

static const struct {
	const char *key;
	int kind;
	bool flag, inverted;
} settings[] = {
	{ "push_name", WA_SYNC_PUSH_NAME, false, false },
	{ "locale", WA_SYNC_LOCALE, false, false },
	{ "unarchive_chats", WA_SYNC_UNARCHIVE, true, false },
	{ "link_previews", WA_SYNC_NO_LINK_PREVIEWS, true, true },
	{ "time_24h", WA_SYNC_TIME_FORMAT, true, false },
	{ "relay_calls", WA_SYNC_RELAY_CALLS, true, false },
};

/* false: it cannot be. */
static bool read_setting(const char *key, const json_t *v, struct wa_sync_action *a)
{
	size_t i = 0;

	while (i < WA_ARRAY_LEN(settings) && strcmp(settings[i].key, key) != 0)
		i++;
	if (i == WA_ARRAY_LEN(settings) || (settings[i].flag ? !json_is_boolean(v) : !json_is_string(v)))
		return false;
	memset(a, 0, sizeof(*a));
	a->kind = settings[i].kind;
	if (settings[i].flag) {
		a->on = json_is_true(v) != settings[i].inverted;
		return true;
	}
	a->name = a->text = json_string_value(v);
	return a->name[0] && strlen(a->name) <= NAME_MAX_BYTES;
}

void api_app_settings_patch(struct wb_req *req, void *ctx)
{
	struct wa_sync_action acts[WA_ARRAY_LEN(settings)];
	struct wa_client *c = api_client(ctx, req, NULL);
	struct wa_err err = WA_ERR_INIT;
	struct api_reply *p;
	const char *key;
	json_t *doc, *v;
	size_t n = 0;

	if (!c || !api_body(req, false, &doc))
		return;
	json_object_foreach(doc, key, v) {
		if (n == WA_ARRAY_LEN(acts) || !read_setting(key, v, &acts[n])) {
			wb_reply_problem(req, 422, "invalid",
					 "push_name, locale: text; unarchive_chats, link_previews, time_24h, "
					 "relay_calls: true or false");
			return;
		}
		n++;
	}
	if (n == 0) {
		wb_reply_problem(req, 422, "invalid", "nothing to change");
		return;
	}
	p = api_reply_new(ctx, req, 204, NULL);
	if (p)
		api_ask_begun(p, wa_client_sync_change(c, acts, n, api_ask_done, p, &err), &err);
}

void api_sync_get(struct wb_req *req, void *ctx)
{
	struct wa_client *c = api_client(ctx, req, NULL);
	struct wa_err err = WA_ERR_INIT;
	struct wa_sync_status st;
	json_t *all, *o;

	if (!c)
		return;
	all = json_array();
	for (int i = 0; i < WA_SYNC_COLLECTIONS; i++) {
		if (wa_client_sync_status(c, i, &st, &err)) {
			json_decref(all);
			wb_reply_err(req, &err);
			return;
		}
		o = json_pack("{s:s, s:I, s:s}", "collection", wa_sync_collection_str(i), "version",
			      (json_int_t)st.version, "state",
			      st.broken ? "broken" : st.parked ? "missing_key" : st.busy ? "busy" :
			      st.known ? "current" : "unknown");
		api_put_time(o, "synced_at", st.synced_ms);
		json_array_append_new(all, o);
	}
	wb_reply_json(req, 200, json_pack("{s:o}", "collections", all));
}

/* {"collection": name or absent for all, "full": bool}: begun; events tell the rest. */
void api_sync_start(struct wb_req *req, void *ctx)
{
	struct wa_client *c = api_client(ctx, req, NULL);
	struct wa_err err = WA_ERR_INIT;
	const char *name = NULL;
	int full = 0, i = -1;
	json_error_t je;
	json_t *doc;

	if (!c || !api_body(req, true, &doc))
		return;
	if (doc && wb_json_unpack(doc, &je, JSON_STRICT, "{s?s, s?b}", "collection", &name, "full", &full)) {
		api_refuse_json(req, &je);
		return;
	}
	if (name && (i = wa_sync_collection_find(wa_span_str(name))) < 0) {
		wb_reply_problem(req, 422, "invalid", "there is no such collection");
		return;
	}
	if (wa_client_sync_fetch(c, i, full != 0, NULL, NULL, &err))
		wb_reply_err(req, &err);
	else
		wb_reply_empty(req, 202);
}
