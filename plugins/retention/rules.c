/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "retention.h"

#include <stdio.h>
#include <string.h>

#define AGE_MAX_DAYS 36500
#define DAYS_MS(d) ((int64_t)(d) * DAY_MS)

static int rule_row(void *ctx, const struct wb_value *c, int32_t n)
{
	struct rule *r = ctx;

	(void)n;
	r->age_ms = c[0].type == WB_INT ? c[0].num : -1;
	r->count = c[1].type == WB_INT ? c[1].num : -1;
	r->bytes = c[2].type == WB_INT ? c[2].num : -1;
	return 1;
}

static int stored(struct retention *t, const char *kind, const char *session, struct rule *ret)
{
	const struct wb_value v[] = { kit_text(kind), kit_text(session) };

	return t->kit.host->query(t->kit.self,
				  "SELECT max_age_ms, max_count, max_bytes FROM retention_rule"
				  " WHERE kind = $1 AND session = $2", v, KIT_N(v), rule_row, ret);
}

int rule_of(struct retention *t, const struct wb_retain *kind, const char *session, struct rule *ret)
{
	int r = *session ? stored(t, kind->kind, session, ret) : 0;

	if (r != 0)
		return r < 0 ? r : 2;
	r = stored(t, kind->kind, ALL, ret);
	if (r == 0)
		*ret = (struct rule){ kind->keep_ms > 0 ? kind->keep_ms : -1, -1, -1 };
	return r;
}

static json_t *limit_json(int64_t v)
{
	return v < 0 ? json_null() : json_integer(v);
}

json_t *rule_json(const struct rule *r)
{
	json_t *age = r->age_ms < 0 ? json_null() :
		      r->age_ms % DAY_MS ? json_real((double)r->age_ms / (double)DAY_MS) :
					   json_integer(r->age_ms / DAY_MS);

	return json_pack("{s:o, s:o, s:o}", "max_age_days", age, "max_count", limit_json(r->count), "max_bytes",
			 limit_json(r->bytes));
}

struct find {
	const char *name;
	struct wb_retain kind;
	bool found;
};

static int find_kind(void *ctx, const struct wb_retain *kind)
{
	struct find *f = ctx;

	if (strcmp(kind->kind, f->name) != 0)
		return 0;
	f->kind = *kind;
	f->found = true;
	return 1;
}

bool kind_find(struct retention *t, const char *name, struct wb_retain *ret)
{
	struct find f = { .name = name };

	(void)t->kit.host->retain_each(t->kit.self, find_kind, &f);
	*ret = f.kind;
	return f.found;
}

/* The kind and session a request names; false: answered. */
static bool named(struct retention *t, struct wb_plugin_req *req, struct wb_retain *ret, const char **ret_session)
{
	const char *session = t->kit.host->http_param(req, "session");
	char status[32];

	*ret_session = session;
	if (!kind_find(t, t->kit.host->http_param(req, "kind"), ret)) {
		kit_problem(&t->kit, req, WB_ENOTFOUND, "no such kind: GET /v1/retention lists them");
		return false;
	}
	if (strcmp(session, ALL) == 0)
		return true;
	if (!(ret->flags & WB_RETAIN_SESSIONS)) {
		kit_invalid(&t->kit, req, "this kind does not belong to sessions: use *");
		return false;
	}
	if (t->kit.host->session_status(t->kit.self, session, status) != 1) {
		kit_problem(&t->kit, req, WB_ENOTFOUND, "no such session");
		return false;
	}
	return true;
}

/* A limit of the body: absent and null are none. */
static bool limit_from(json_t *o, int64_t max, int64_t scale, int64_t *ret)
{
	double v;

	*ret = -1;
	if (!o || json_is_null(o))
		return true;
	if (!json_is_number(o))
		return false;
	v = json_number_value(o);
	if (!(v >= 0 && v <= (double)max))
		return false;
	*ret = (int64_t)(v * (double)scale);
	return true;
}

static void put_rule(void *ctx, struct wb_plugin_req *req)
{
	struct retention *t = ctx;
	json_t *age = NULL, *count = NULL, *bytes = NULL, *body;
	const struct wb_plugin_host *host = t->kit.host;
	struct wb_value v[6];
	const char *session;
	struct wb_tx *tx;
	json_error_t je;
	struct rule r;
	struct wb_retain kind;
	bool ok;

	if (!named(t, req, &kind, &session))
		return;
	body = kit_body(&t->kit, req, false);
	if (!body)
		return;
	ok = wb_json_unpack(body, &je, JSON_STRICT, "{s?o, s?o, s?o}", "max_age_days", &age, "max_count", &count,
			    "max_bytes", &bytes) == 0;
	if (ok && !(limit_from(age, AGE_MAX_DAYS, DAY_MS, &r.age_ms) && limit_from(count, 1LL << 50, 1, &r.count) &&
		    limit_from(bytes, 1LL << 50, 1, &r.bytes))) {
		ok = false;
		snprintf(je.text, sizeof(je.text), "max_age_days, max_count, max_bytes: numbers of 0 or more, or null");
	}
	json_decref(body);
	if (!ok) {
		kit_invalid(&t->kit, req, je.text);
		return;
	}
	v[0] = kit_text(kind.kind);
	v[1] = kit_text(session);
	v[2] = r.age_ms < 0 ? kit_text(NULL) : kit_int(r.age_ms);
	v[3] = r.count < 0 ? kit_text(NULL) : kit_int(r.count);
	v[4] = r.bytes < 0 ? kit_text(NULL) : kit_int(r.bytes);
	v[5] = kit_int(host->now_ms());
	tx = host->tx_begin(t->kit.self);
	host->tx_sql(tx, "INSERT INTO retention_rule (kind, session, max_age_ms, max_count, max_bytes, updated_ms)"
			 " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (kind, session) DO UPDATE SET"
			 " max_age_ms = excluded.max_age_ms, max_count = excluded.max_count,"
			 " max_bytes = excluded.max_bytes, updated_ms = excluded.updated_ms",
		     v, KIT_N(v), 0);
	kit_commit(&t->kit, req, tx, 200,
		   json_pack("{s:s, s:s, s:o}", "kind", kind.kind, "session", session, "rule", rule_json(&r)));
}

static void delete_rule(void *ctx, struct wb_plugin_req *req)
{
	struct retention *t = ctx;
	const char *session;
	struct wb_tx *tx;
	struct rule r;
	struct wb_retain kind;

	if (!named(t, req, &kind, &session))
		return;
	if (stored(t, kind.kind, session, &r) != 1) {
		kit_problem(&t->kit, req, WB_ENOTFOUND, "there is no such rule");
		return;
	}
	tx = t->kit.host->tx_begin(t->kit.self);
	KIT_SQL(&t->kit, tx, 0, "DELETE FROM retention_rule WHERE kind = $1 AND session = $2", kit_text(kind.kind),
		kit_text(session));
	kit_commit(&t->kit, req, tx, 204, NULL);
}

int rules_routes(struct retention *t)
{
	const struct wb_plugin_route routes[] = {
		{ .method = "PUT", .pattern = "/v1/retention/rules/{kind}/{session}", .scope = "retention:write",
		  .summary = "How long a kind of data is kept; session *: of all", .fn = put_rule },
		{ .method = "DELETE", .pattern = "/v1/retention/rules/{kind}/{session}", .scope = "retention:write",
		  .summary = "Back to the rule of all sessions, or to the default", .fn = delete_rule },
	};

	return kit_routes(&t->kit, routes, KIT_N(routes), 0, t);
}
