/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /v1/autoreply/rules, export, import */
#include "autoreply.h"

#define PAGE_MAX 200
#define IMPORT_TURN 40	/* rules read in one turn of the loop: some 2 ms */

/* A rule that takes its place when it is durable. */
struct change {
	struct autoreply *a;
	struct rule *rule;	/* NULL: delete */
	char id[RULE_ID_SIZE];
};

static void on_changed(void *ctx, int32_t code, const char *id)
{
	struct change *c = ctx;

	(void)id;
	if (code) {
		rule_free(c->rule);
	} else {
		rules_remove(c->a, c->id);
		if (c->rule && rules_add(c->a, c->rule) < 0)
			c->a->host->log(c->a->self, WB_ERROR, "autoreply.no_memory", (const char *[]){ NULL });
	}
	free(c);
}

/* Takes r; NULL: answered. */
static struct change *change_new(struct autoreply *a, struct wb_plugin_req *req, const char *id, struct rule *r)
{
	struct change *c = calloc(1, sizeof(*c));

	if (!c) {
		rule_free(r);
		kit_problem(&a->kit, req, WB_ENOMEM, "out of memory");
		return NULL;
	}
	c->a = a;
	c->rule = r;
	snprintf(c->id, sizeof(c->id), "%s", id);
	return c;
}

static void store(struct autoreply *a, struct wb_plugin_req *req, struct rule *take, int32_t status)
{
	struct change *c = change_new(a, req, take->id, take);
	struct wb_tx *tx;

	if (!c)
		return;
	take->updated_ms = a->host->now_ms();
	tx = a->host->tx_begin(a->self);
	rule_store(a, tx, take);
	kit_commit_then(&a->kit, req, tx, status, rule_json(a, take), on_changed, c, NULL);
}

static void create(void *ctx, struct wb_plugin_req *req)
{
	struct autoreply *a = ctx;
	json_t *doc = kit_body(&a->kit, req, false);
	char id[27], why[WHY_SIZE];
	struct rule *r;

	if (!doc)
		return;
	if (a->n_rules >= RULES_MAX) {
		json_decref(doc);
		kit_problem(&a->kit, req, WB_ELIMIT, "too many rules: delete some first");
		return;
	}
	a->host->ulid(id);
	if (rule_new(id, doc, a->zones, &r, why) < 0) {
		kit_invalid(&a->kit, req, why);
	} else {
		r->created_ms = a->host->now_ms();
		store(a, req, r, 201);
	}
	json_decref(doc);
}

static struct rule *find(struct autoreply *a, struct wb_plugin_req *req)
{
	struct rule *r = rules_find(a, a->host->http_param(req, "id"));

	if (!r)
		kit_problem(&a->kit, req, WB_ENOTFOUND, "no rule has this id");
	return r;
}

static void get(void *ctx, struct wb_plugin_req *req)
{
	struct autoreply *a = ctx;
	struct rule *r = find(a, req);

	if (r)
		kit_reply(&a->kit, req, 200, rule_json(a, r));
}

/* null takes a member away: its default holds again */
static void patch(void *ctx, struct wb_plugin_req *req)
{
	struct autoreply *a = ctx;
	struct rule *old = find(a, req), *r;
	json_t *changes, *doc, *v;
	char why[WHY_SIZE];
	const char *key;

	if (!old)
		return;
	changes = kit_body(&a->kit, req, false);
	if (!changes)
		return;
	doc = json_copy(old->doc);
	json_object_foreach(changes, key, v) {
		if (json_is_null(v))
			json_object_del(doc, key);
		else
			json_object_set(doc, key, v);
	}
	if (rule_new(old->id, doc, a->zones, &r, why) < 0) {
		kit_invalid(&a->kit, req, why);
	} else {
		r->created_ms = old->created_ms;
		store(a, req, r, 200);
	}
	json_decref(doc);
	json_decref(changes);
}

static void del(void *ctx, struct wb_plugin_req *req)
{
	struct autoreply *a = ctx;
	struct rule *r = find(a, req);
	struct change *c = r ? change_new(a, req, r->id, NULL) : NULL;
	struct wb_tx *tx;

	if (!c)
		return;
	tx = a->host->tx_begin(a->self);
	rule_forget(a, tx, c->id);
	kit_commit_then(&a->kit, req, tx, 204, NULL, on_changed, c, NULL);
}

static void list(void *ctx, struct wb_plugin_req *req)
{
	struct autoreply *a = ctx;
	const char *session = a->host->http_query(req, "session"), *cursor = a->host->http_query(req, "cursor");
	json_t *all, *next = json_null();
	int32_t limit, n = 0;
	size_t i = 0;

	if (!kit_limit(&a->kit, req, 100, PAGE_MAX, &limit))
		return;
	for (; cursor && i < a->n_rules && strcmp(a->rules[i]->id, cursor) != 0; i++)
		;
	i += cursor && i < a->n_rules;
	all = json_array();
	for (; i < a->n_rules; i++) {
		const struct rule *r = a->rules[i];

		if (session && *r->session && strcmp(r->session, session) != 0)
			continue;
		if (n++ == limit) {
			json_t *last = json_array_get(all, json_array_size(all) - 1);

			next = json_incref(json_object_get(last, "id"));
			break;
		}
		json_array_append_new(all, rule_json(a, r));
	}
	kit_reply(&a->kit, req, 200, json_pack("{s:o, s:o}", "rules", all, "next", next));
}

static void export_all(void *ctx, struct wb_plugin_req *req)
{
	struct autoreply *a = ctx;
	json_t *all = json_array();

	for (size_t i = 0; i < a->n_rules; i++)
		json_array_append(all, a->rules[i]->doc);
	kit_reply(&a->kit, req, 200, json_pack("{s:i, s:o}", "version", 1, "rules", all));
}

/* ---- import ---- */

/* One at a time, a few rules each turn of the loop. */
struct import {
	struct autoreply *a;
	struct wb_plugin_req *req;	/* NULL: handed to the commit */
	struct wb_tx *tx;		/* the same */
	struct wb_plugin_timer *timer;
	json_t *body, *list;		/* list is in body */
	const char *session;
	bool replace;
	size_t n, total;
	struct rule *rules[];
};

static void import_free(struct import *im)
{
	im->a->import = NULL;
	if (im->timer)
		im->a->host->timer_cancel(im->timer);
	for (size_t i = 0; i < im->n; i++)
		rule_free(im->rules[i]);
	json_decref(im->body);
	free(im);
}

void import_stop(struct autoreply *a)
{
	if (a->import)
		import_free(a->import);	/* the host ends what is left of it */
}

static void on_imported(void *ctx, int32_t code, const char *id)
{
	struct import *im = ctx;

	(void)id;
	if (code == 0) {
		if (im->replace)
			rules_clear(im->a);
		for (size_t i = 0; i < im->n; i++)
			(void)rules_add(im->a, im->rules[i]);
		im->n = 0;
	}
	import_free(im);
}

static int import_one(struct import *im, const json_t *in, char why[WHY_SIZE])
{
	bool foreign = json_object_get(in, "keyword") != NULL;
	json_t *doc = foreign ? foreign_rule(in, why) : json_is_object(in) ? json_copy((json_t *)(uintptr_t)in) : NULL;
	static const char *const ours[] = { "id", "created_at", "updated_at", "statistics" };
	struct rule *r = NULL;
	char id[27];

	if (!doc) {
		if (!foreign)
			snprintf(why, WHY_SIZE, "a rule is an object");
		return WA_EINVALID;
	}
	for (size_t i = 0; i < WA_ARRAY_LEN(ours); i++)
		json_object_del(doc, ours[i]);
	if (im->session)
		json_object_set_new(doc, "session", json_string(im->session));
	im->a->host->ulid(id);
	if (rule_new(id, doc, im->a->zones, &r, why) == 0) {
		r->created_ms = r->updated_ms = im->a->host->now_ms();
		rule_store(im->a, im->tx, r);
		im->rules[im->n++] = r;
	}
	json_decref(doc);
	return r ? WA_OK : WA_EINVALID;
}

static void on_import_turn(void *ctx)
{
	struct import *im = ctx;
	struct autoreply *a = im->a;
	char one[WHY_SIZE] = "", why[WHY_SIZE];

	im->timer = NULL;
	for (int i = 0; i < IMPORT_TURN && im->n < im->total; i++) {
		if (import_one(im, json_array_get(im->list, im->n), one) < 0) {
			snprintf(why, sizeof(why), "rules[%zu]: %.200s", im->n, one);
			a->host->tx_abort(im->tx);
			kit_invalid(&a->kit, im->req, why);
			import_free(im);
			return;
		}
	}
	if (im->n < im->total)
		im->timer = a->host->timer(a->self, 0, 0, on_import_turn, im);
	else
		kit_commit_then(&a->kit, im->req, im->tx, 200, json_pack("{s:I}", "imported", (json_int_t)im->n), on_imported,
			   im, NULL);
}

/* NULL: why says what is wrong. Takes body. */
static struct import *import_new(struct autoreply *a, json_t *body, char why[WHY_SIZE])
{
	json_t *list = json_object_get(body, "rules") ? json_object_get(body, "rules") : json_object_get(body, "data");
	bool replace = json_is_true(json_object_get(body, "replace"));
	size_t n = json_array_size(list);
	struct import *im = NULL;

	snprintf(why, WHY_SIZE, "rules: a list; there are at most %d rules", RULES_MAX);
	if (json_is_array(list) && n + (replace ? 0 : a->n_rules) <= RULES_MAX)
		im = calloc(1, sizeof(*im) + n * sizeof(struct rule *));
	if (!im) {
		json_decref(body);
		return NULL;
	}
	im->a = a;
	im->body = body;
	im->list = list;
	im->total = n;
	im->replace = replace;
	im->session = json_string_value(json_object_get(body, "session"));
	return im;
}

/* All of them, or none with the number of the first wrong one. */
static void import_all(void *ctx, struct wb_plugin_req *req)
{
	struct autoreply *a = ctx;
	json_t *body;
	char why[WHY_SIZE];
	struct import *im;

	if (a->import) {
		kit_problem(&a->kit, req, WB_ESTATE, "another import is under way");
		return;
	}
	body = kit_body(&a->kit, req, false);
	im = body ? import_new(a, body, why) : NULL;
	if (body && !im)
		kit_invalid(&a->kit, req, why);
	if (!im)
		return;
	a->import = im;
	im->req = req;
	im->tx = a->host->tx_begin(a->self);
	if (im->replace) {
		a->host->tx_sql(im->tx, "DELETE FROM autoreply_rule", NULL, 0, 0);
		a->host->tx_sql(im->tx, "DELETE FROM autoreply_count", NULL, 0, 0);
		a->host->tx_sql(im->tx, "DELETE FROM autoreply_past", NULL, 0, 0);
	}
	on_import_turn(im);
}

int api_rules(struct autoreply *a)
{
	const struct wb_plugin_route routes[] = {
		{ .method = "GET", .pattern = "/v1/autoreply/rules", .scope = "autoreply:read",
		  .summary = "Rules in their order", .fn = list },
		{ .method = "POST", .pattern = "/v1/autoreply/rules", .scope = "autoreply:write", .summary = "Make a rule",
		  .fn = create },
		{ .method = "GET", .pattern = "/v1/autoreply/rules/{id}", .scope = "autoreply:read",
		  .summary = "One rule and its statistics", .fn = get },
		{ .method = "PATCH", .pattern = "/v1/autoreply/rules/{id}", .scope = "autoreply:write",
		  .summary = "Change a rule", .fn = patch },
		{ .method = "DELETE", .pattern = "/v1/autoreply/rules/{id}", .scope = "autoreply:write",
		  .summary = "Delete a rule", .fn = del },
		{ .method = "GET", .pattern = "/v1/autoreply/export", .scope = "autoreply:read",
		  .summary = "All rules as one document", .fn = export_all },
		{ .method = "POST", .pattern = "/v1/autoreply/import", .scope = "autoreply:write",
		  .summary = "Take rules from a document", .fn = import_all, .max_body = 16u << 20 },
	};

	return kit_routes(&a->kit, routes, KIT_N(routes), 0, a);
}
