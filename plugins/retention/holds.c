/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Legal holds: what belongs to a person or an order stays, whatever the rules say. */
#include "retention.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

#define HOLDS_MAX 10000
#define NOTE_MAX 500

void hold_person(const char *who, char out[128])
{
	static const char pn[] = "@s.whatsapp.net";
	size_t n = strlen(who);

	if (*who == '+') {
		who++;
		n--;
	}
	/* a device of somebody is that person: "4915…:3@s.whatsapp.net" */
	if (n > sizeof(pn) - 1 && strcmp(who + n - (sizeof(pn) - 1), pn) == 0)
		n = strcspn(who, ":@");
	snprintf(out, 128, "%.*s", (int)(n < 127 ? n : 127), who);
}

bool hold_covers(const struct hold *h, const struct wb_retain_row *row)
{
	char who[128];

	if (h->order)
		return row->order && strcmp(row->order, h->value) == 0;
	for (size_t i = 0; i < sizeof(row->who) / sizeof(row->who[0]); i++) {
		if (!row->who[i] || !*row->who[i])
			continue;
		hold_person(row->who[i], who);
		if (strcmp(who, h->value) == 0)
			return true;
	}
	return false;
}

/* ---- rows: id, kind, body, created_ms ---- */

#define COLUMNS "SELECT id, kind, body, created_ms FROM retention_hold"

static json_t *hold_json(struct retention *t, const struct wb_value *c)
{
	char id[27], kind[16];
	json_t *o;

	kit_copy(&c[0], id, sizeof(id));
	kit_copy(&c[1], kind, sizeof(kind));
	o = kit_unseal_json(&t->kit, id, &c[2]);
	if (!o)
		o = json_object();
	json_object_set_new(o, "id", json_string(id));
	json_object_set_new(o, "kind", json_string(kind));
	json_object_set_new(o, "created", kit_time(c[3].num));
	return o;
}

struct loading {
	struct retention *t;
	struct hold *list;
	int n;
	json_t *docs;
};

static int load_row(void *ctx, const struct wb_value *c, int32_t n)
{
	struct loading *l = ctx;
	json_t *o = hold_json(l->t, c);
	struct hold *h, *more;

	(void)n;
	if (l->docs) {
		json_array_append_new(l->docs, o);
		return 0;
	}
	more = realloc(l->list, (size_t)(l->n + 1) * sizeof(*more));
	if (!more) {
		json_decref(o);
		return WB_ENOMEM;
	}
	l->list = more;
	h = &more[l->n++];
	*h = (struct hold){ .order = json_object_get(o, "order") != NULL };
	snprintf(h->id, sizeof(h->id), "%s", json_string_value(json_object_get(o, "id")));
	if (h->order)
		snprintf(h->value, sizeof(h->value), "%s", json_string_value(json_object_get(o, "order")));
	else if (json_is_string(json_object_get(o, "contact")))
		hold_person(json_string_value(json_object_get(o, "contact")), h->value);
	json_decref(o);
	/* a hold that cannot be read must not count as none */
	return *h->value ? 0 : WB_ESTORE;
}

int holds_load(struct retention *t, struct hold **ret)
{
	struct loading l = { .t = t };
	int r = t->kit.host->query(t->kit.self, COLUMNS, NULL, 0, load_row, &l);

	if (r < 0) {
		free(l.list);
		return r;
	}
	*ret = l.list;
	return l.n;
}

/* ---- requests ---- */

static void list_holds(void *ctx, struct wb_plugin_req *req)
{
	struct retention *t = ctx;
	struct loading l = { .t = t, .docs = json_array() };
	int r = t->kit.host->query(t->kit.self, COLUMNS " ORDER BY id", NULL, 0, load_row, &l);

	if (r < 0) {
		json_decref(l.docs);
		kit_problem(&t->kit, req, r, "the holds could not be read");
		return;
	}
	kit_reply(&t->kit, req, 200, json_pack("{s:o}", "holds", l.docs));
}

static int count_row(void *ctx, const struct wb_value *c, int32_t n)
{
	(void)n;
	*(int64_t *)ctx = c[0].num;
	return 1;
}

/* A phone number in any spelling, or a JID. */
static bool contact_ok(struct retention *t, const char *text, char out[128])
{
	char phone[32], reason[64];

	if (strchr(text, '@')) {
		hold_person(text, out);
		return strlen(text) < 100;
	}
	if (t->kit.host->phone_parse(t->kit.self, text, NULL, phone, reason) < 0)
		return false;
	hold_person(phone, out);
	return true;
}

static void add_hold(void *ctx, struct wb_plugin_req *req)
{
	struct retention *t = ctx;
	const struct wb_plugin_host *host = t->kit.host;
	const char *contact = NULL, *order = NULL, *note = NULL, *why = NULL;
	json_t *body = kit_body(&t->kit, req, false), *doc = NULL;
	struct wa_buf sealed;
	char person[128], id[27];
	json_error_t je;
	int64_t n = 0;
	struct wb_tx *tx;

	if (!body)
		return;
	if (wb_json_unpack(body, &je, JSON_STRICT, "{s?s, s?s, s?s}", "contact", &contact, "order", &order, "note",
			   &note))
		why = je.text;
	else if (!contact == !order)
		why = "either contact (a phone number or JID) or order (our id) is needed";
	else if (contact && !contact_ok(t, contact, person))
		why = "contact: neither a phone number with its country code nor a JID";
	else if (order && (!*order || strlen(order) >= sizeof(((struct hold *)0)->value)))
		why = "order: our id of it";
	else if (note && strlen(note) > NOTE_MAX)
		why = "note: at most 500 bytes";
	else if (host->query(t->kit.self, "SELECT COUNT(*) FROM retention_hold", NULL, 0, count_row, &n) < 0 ||
		 n >= HOLDS_MAX)
		why = "there are too many holds";
	if (why) {
		kit_invalid(&t->kit, req, why);
		json_decref(body);
		return;
	}
	doc = contact ? json_pack("{s:s, s:s*}", "contact", person, "note", note) :
			json_pack("{s:s, s:s*}", "order", order, "note", note);
	json_decref(body);
	host->ulid(id);
	if (kit_seal_json(&t->kit, id, doc, &sealed) < 0) {
		kit_problem(&t->kit, req, WB_ENOMEM, "the hold could not be sealed");
	} else {
		tx = host->tx_begin(t->kit.self);
		KIT_SQL(&t->kit, tx, 0, "INSERT INTO retention_hold (id, kind, body, created_ms) VALUES ($1, $2, $3, $4)",
			kit_text(id), kit_text(json_object_get(doc, "order") ? "order" : "contact"),
			kit_sealed(&sealed), kit_int(host->now_ms()));
		json_object_set_new(doc, "id", json_string(id));
		kit_commit(&t->kit, req, tx, 201, json_incref(doc));
	}
	wa_buf_clear(&sealed);
	json_decref(doc);
}

static void delete_hold(void *ctx, struct wb_plugin_req *req)
{
	struct retention *t = ctx;
	const char *id = t->kit.host->http_param(req, "id");
	const struct wb_value v[] = { kit_text(id) };
	int64_t n = 0;
	struct wb_tx *tx;

	(void)t->kit.host->query(t->kit.self, "SELECT COUNT(*) FROM retention_hold WHERE id = $1", v, 1, count_row, &n);
	if (n == 0) {
		kit_problem(&t->kit, req, WB_ENOTFOUND, "no such hold");
		return;
	}
	tx = t->kit.host->tx_begin(t->kit.self);
	t->kit.host->tx_sql(tx, "DELETE FROM retention_hold WHERE id = $1", v, 1, 0);
	kit_commit(&t->kit, req, tx, 204, NULL);
}

int holds_routes(struct retention *t)
{
	const struct wb_plugin_route routes[] = {
		{ .method = "GET", .pattern = "/v1/retention/holds", .scope = "retention:read",
		  .summary = "Legal holds", .fn = list_holds },
		{ .method = "POST", .pattern = "/v1/retention/holds", .scope = "retention:write",
		  .summary = "Keep everything of a contact or an order", .fn = add_hold },
		{ .method = "DELETE", .pattern = "/v1/retention/holds/{id}", .scope = "retention:write",
		  .summary = "End a legal hold", .fn = delete_hold },
	};

	return kit_routes(&t->kit, routes, KIT_N(routes), 0, t);
}
