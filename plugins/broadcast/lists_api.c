/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /v1/lists */
#include "export.h"
#include "import.h"
#include "person.h"

#include "text.h"

/* The list in the path, or answered. */
static bool find(struct bc *b, struct wb_plugin_req *req, struct list *ret)
{
	int r = list_find(b, b->host->http_param(req, "id"), "", ret);

	if (r != 1)
		kit_problem(&b->kit, req, r < 0 ? r : WA_ENOTFOUND, "no list has this id");
	return r == 1;
}

static bool read_name(struct bc *b, struct wb_plugin_req *req, const json_t *body, const char **ret)
{
	*ret = kit_member(body, "name");
	if (**ret && strlen(*ret) <= NAME_TEXT_MAX && json_object_size(body) == 1)
		return true;
	kit_problem(&b->kit, req, WA_EINVALID, "name: 1 to 200 bytes, and nothing else");
	return false;
}

struct count {
	int64_t n;
};

static int on_count(void *ctx, const struct wb_value *c, int32_t n)
{
	(void)n;
	((struct count *)ctx)->n = c[0].num;
	return 1;
}

static void create(void *ctx, struct wb_plugin_req *req)
{
	struct bc *b = ctx;
	json_t *body = kit_body(&b->kit, req, false);
	struct count c = { 0 };
	char id[ID_SIZE], taken[ID_SIZE];
	const char *name;
	struct wb_tx *tx;
	int r;

	if (!body)
		return;
	if (!read_name(b, req, body, &name)) {
		json_decref(body);
		return;
	}
	(void)b->host->query(b->self, "SELECT count(*) FROM broadcast_list WHERE owner = ''", NULL, 0, on_count, &c);
	if (c.n >= LISTS_MAX || list_own(b, "", name, taken)) {
		kit_problem(&b->kit, req, c.n >= LISTS_MAX ? WA_ELIMIT : WA_ECONFLICT,
			      c.n >= LISTS_MAX ? "too many lists" : "a list has this name");
		json_decref(body);
		return;
	}
	tx = b->host->tx_begin(b->self);
	r = list_add(tx, b, "", name, id);
	if (r < 0) {
		b->host->tx_abort(tx);
		kit_problem(&b->kit, req, r, "the list could not be stored");
	} else {
		const int64_t now = now_ms(b);

		kit_commit(&b->kit, req, tx, 201,
			     json_pack("{s:s, s:s, s:i, s:o, s:o}", "id", id, "name", name, "count", 0, "created_at",
				       kit_time(now), "updated_at", kit_time(now)));
	}
	json_decref(body);
}

struct page {
	struct bc *b;
	json_t *items;
	char last[ID_SIZE];
};

static int on_row(void *ctx, const struct wb_value *c, int32_t n)
{
	struct page *p = ctx;
	struct list l;

	(void)n;
	kit_copy(&c[0], p->last, sizeof(p->last));
	if (list_find(p->b, p->last, "", &l) == 1) {
		json_array_append_new(p->items, list_json(&l));
		list_clear(&l);
	}
	return 0;
}

static void list_all(void *ctx, struct wb_plugin_req *req)
{
	struct bc *b = ctx;
	const char *after = b->host->http_query(req, "cursor");
	struct page p = { b, NULL, "" };
	int limit;

	if (!kit_limit(&b->kit, req, PAGE_DEFAULT, PAGE_MAX, &limit))
		return;
	p.items = json_array();
	const struct wb_value v[] = { kit_text(after ? after : ""), kit_int(limit) };
	(void)b->host->query(b->self,
			     "SELECT id FROM broadcast_list WHERE owner = '' AND removed_ms = 0 AND id > $1 "
			     "ORDER BY id LIMIT $2",
			     v, 2, on_row, &p);
	const bool more = json_array_size(p.items) == (size_t)limit;
	kit_reply(&b->kit, req, 200, json_pack("{s:o, s:s?}", "lists", p.items, "next", more ? p.last : NULL));
}

static void get(void *ctx, struct wb_plugin_req *req)
{
	struct bc *b = ctx;
	struct list l;

	if (!find(b, req, &l))
		return;
	kit_reply(&b->kit, req, 200, list_json(&l));
	list_clear(&l);
}

static int rename_list(struct bc *b, struct wb_tx *tx, const struct list *l, const char *name)
{
	json_t *text = json_string(name);
	struct wa_buf sealed;
	uint8_t key[KEY_SIZE];
	char full[NAME_TEXT_MAX + 64];
	int r = kit_seal_json(&b->kit, KIT_ROW("list", l->id), text, &sealed);

	(void)snprintf(full, sizeof(full), "list::%s", name);
	b->host->hash(b->self, kit_str(full), key);
	const struct wb_value v[] = { kit_text(l->id), kit_sealed(&sealed), kit_blob(key, sizeof(key)),
				      kit_int(now_ms(b)) };
	if (r == 0)
		b->host->tx_sql(tx,
				"UPDATE broadcast_list SET name = $2, name_key = $3, updated_ms = $4 WHERE id = $1 "
				"AND removed_ms = 0",
				v, 4, WB_MUST_CHANGE);
	wa_buf_clear(&sealed);
	json_decref(text);
	return r;
}

static void patch(void *ctx, struct wb_plugin_req *req)
{
	struct bc *b = ctx;
	char taken[ID_SIZE];
	json_t *body;
	const char *name;
	struct list l;
	struct wb_tx *tx;
	int r;

	if (!find(b, req, &l))
		return;
	body = kit_body(&b->kit, req, false);
	if (!body || !read_name(b, req, body, &name)) {
		json_decref(body);
		list_clear(&l);
		return;
	}
	if (list_own(b, "", name, taken) && strcmp(taken, l.id) != 0) {
		kit_problem(&b->kit, req, WA_ECONFLICT, "a list has this name");
	} else {
		tx = b->host->tx_begin(b->self);
		r = rename_list(b, tx, &l, name);
		json_decref(l.name);
		l.name = json_string(name);
		l.updated_ms = now_ms(b);
		if (r < 0) {
			b->host->tx_abort(tx);
			kit_problem(&b->kit, req, r, "the list could not be stored");
		} else {
			kit_commit(&b->kit, req, tx, 200, list_json(&l));
		}
	}
	json_decref(body);
	list_clear(&l);
}

static void purge_after(void *ctx, int32_t code, const char *id)
{
	(void)id;
	if (code == 0)
		purge_start(ctx);
}

static void del(void *ctx, struct wb_plugin_req *req)
{
	struct bc *b = ctx;
	struct list l;
	struct wb_tx *tx;

	if (!find(b, req, &l))
		return;
	tx = b->host->tx_begin(b->self);
	list_remove(tx, b, l.id);
	list_clear(&l);
	kit_commit_then(&b->kit, req, tx, 204, NULL, purge_after, b, NULL);
}

/* ---- members ---- */

static void members_add(void *ctx, struct wb_plugin_req *req)
{
	struct bc *b = ctx;
	json_t *body, *members;
	struct list l;

	if (!find(b, req, &l))
		return;
	body = kit_body(&b->kit, req, false);
	if (body) {
		members = json_incref(json_object_get(body, "members"));
		json_decref(body);
		import_members(b, req, l.id, members);
	}
	list_clear(&l);
}

static void add_member(void *ctx, int64_t n, const json_t *doc)
{
	(void)n;
	json_array_append_new(ctx, json_deep_copy(doc));
}

static void members_list(void *ctx, struct wb_plugin_req *req)
{
	struct bc *b = ctx;
	json_t *items;
	struct list l;
	int limit, n;
	int64_t last = 0, after;

	if (!find(b, req, &l))
		return;
	if (kit_limit(&b->kit, req, PAGE_DEFAULT, PAGE_MAX, &limit) && kit_cursor(&b->kit, req, &after)) {
		items = json_array();
		n = member_each(b, l.id, after, limit, add_member, items, &last);
		if (n < 0) {
			json_decref(items);
			kit_problem(&b->kit, req, n, "the members could not be read");
		} else {
			kit_reply(&b->kit, req, 200,
				   json_pack("{s:o, s:o}", "members", items, "next",
					     n == limit ? json_sprintf("%lld", (long long)last) : json_null()));
		}
	}
	list_clear(&l);
}

static void member_delete(void *ctx, struct wb_plugin_req *req)
{
	struct bc *b = ctx;
	uint8_t key[KEY_SIZE];
	char reason[64] = "";
	struct person p;
	struct list l;
	struct wb_tx *tx;

	if (!find(b, req, &l))
		return;
	if (person_read(b, b->host->http_param(req, "to"), b->host->http_query(req, "country"), &p, reason) < 0) {
		kit_problem(&b->kit, req, WA_EINVALID, "to: a phone number, JID or LID");
		list_clear(&l);
		return;
	}
	person_key(b, &p, key);
	if (!member_has(b, l.id, key)) {
		kit_problem(&b->kit, req, WA_ENOTFOUND, "nobody in the list has this number");
	} else {
		const struct wb_value v[] = { kit_text(l.id), kit_blob(key, sizeof(key)) };

		tx = b->host->tx_begin(b->self);
		b->host->tx_sql(tx, "DELETE FROM broadcast_member WHERE list = $1 AND key = $2", v, 2, WB_MUST_CHANGE);
		kit_commit(&b->kit, req, tx, 204, NULL);
	}
	list_clear(&l);
}

static void import(void *ctx, struct wb_plugin_req *req)
{
	struct bc *b = ctx;
	struct list l;

	if (!find(b, req, &l))
		return;
	import_csv(b, req, l.id);
	list_clear(&l);
}

static void preview(void *ctx, struct wb_plugin_req *req)
{
	import_csv(ctx, req, "");
}

static void export(void *ctx, struct wb_plugin_req *req)
{
	struct bc *b = ctx;
	struct list l;

	if (!find(b, req, &l))
		return;
	export_list(b, req, l.id);
	list_clear(&l);
}

int list_routes(struct bc *b)
{
	static const struct wb_plugin_route routes[] = {
		{ .method = "POST", .pattern = "/v1/lists", .scope = "lists:write",
		  .summary = "Make a recipient list", .fn = create },
		{ .method = "GET", .pattern = "/v1/lists", .scope = "lists:read", .summary = "List recipient lists",
		  .fn = list_all },
		{ .method = "POST", .pattern = "/v1/lists/preview", .scope = "lists:read",
		  .summary = "Look at a CSV file as an import would", .fn = preview },
		{ .method = "GET", .pattern = "/v1/lists/{id}", .scope = "lists:read", .summary = "One recipient list",
		  .fn = get },
		{ .method = "PATCH", .pattern = "/v1/lists/{id}", .scope = "lists:write", .summary = "Rename a list",
		  .fn = patch },
		{ .method = "DELETE", .pattern = "/v1/lists/{id}", .scope = "lists:write", .summary = "Delete a list",
		  .fn = del },
		{ .method = "POST", .pattern = "/v1/lists/{id}/members", .scope = "lists:write",
		  .summary = "Put people into a list", .fn = members_add },
		{ .method = "GET", .pattern = "/v1/lists/{id}/members", .scope = "lists:read",
		  .summary = "Members of a list", .fn = members_list },
		{ .method = "DELETE", .pattern = "/v1/lists/{id}/members/{to}", .scope = "lists:write",
		  .summary = "Take somebody out of a list", .fn = member_delete },
		{ .method = "POST", .pattern = "/v1/lists/{id}/import", .scope = "lists:write",
		  .summary = "Put a CSV file into a list, or look at it", .fn = import },
		{ .method = "GET", .pattern = "/v1/lists/{id}/export", .scope = "lists:read",
		  .summary = "A list as CSV", .fn = export },
	};

	return kit_routes(&b->kit, routes, KIT_N(routes), 0, b);
}
