/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api_int.h"

#include <crypto.h>
#include <local.h>
#include <db_apikey.h>
#include <strings.h>

/*
 * Keys seen lately, by the SHA-256 of the key, so that a busy client costs no
 * database read per request. An entry is believed for a few seconds only, and
 * all are forgotten at a revocation.
 */
#define CACHE_SLOTS 64
#define CACHE_MS 5000
#define USED_EVERY_MS 60000	/* how often last_used is written */
#define KEY_TEXT_MAX 128

struct cached_key {
	uint8_t hash[WA_SHA256_LEN];
	struct api_auth auth;
	int64_t until_ms;
	int64_t used_ms;
};

struct api_auth_cache {
	struct cached_key slots[CACHE_SLOTS];
};

void api_keys_forget(struct wb_api *api)
{
	if (api->keys)
		memset(api->keys, 0, sizeof(*api->keys));
}

void api_keys_free(struct wb_api *api)
{
	free(api->keys);
	api->keys = NULL;
}

static void note_use(struct wb_api *api, struct cached_key *k, int64_t now)
{
	struct db_batch *b;

	if (now - k->used_ms < USED_EVERY_MS)
		return;
	k->used_ms = now;
	b = db_batch_new(api->gw->db);
	db_batch_apikey_used(b, k->auth.id, now);
	db_batch_submit(b, NULL, NULL);
}

int api_key_check(struct wb_api *api, const char *key, struct api_auth *ret_auth)
{
	struct wa_span span = wa_span_str(key);
	uint8_t hash[WA_SHA256_LEN];
	struct cached_key *k;
	struct db_apikey row;
	struct wa_arena a;
	int64_t now = wb_now(api->gw);
	int r;

	if (span.len == 0 || span.len > KEY_TEXT_MAX)
		return 0;
	if (!api->keys && !(api->keys = calloc(1, sizeof(*api->keys))))
		return WA_ENOMEM;
	wa_sha256(span, hash);
	k = &api->keys->slots[hash[0] % CACHE_SLOTS];
	if (k->until_ms > now && wa_ct_eq(k->hash, hash, sizeof(hash))) {
		*ret_auth = k->auth;
		note_use(api, k, now);
		return 1;
	}
	wa_arena_init(&a, 4096);
	r = db_apikey_find(api->gw->db, span, &a, &row, NULL);
	if (r == 1 && row.revoked_ms == 0 && strlen(row.scopes) < sizeof(ret_auth->scopes)) {
		(void)snprintf(ret_auth->id, sizeof(ret_auth->id), "%s", row.id);
		(void)snprintf(ret_auth->scopes, sizeof(ret_auth->scopes), "%s", row.scopes);
		memcpy(k->hash, hash, sizeof(hash));
		k->auth = *ret_auth;
		k->until_ms = now + CACHE_MS;
		k->used_ms = row.last_used_ms;
		note_use(api, k, now);
	} else if (r == 1) {
		r = 0;
	}
	wa_arena_clear(&a);
	return r;
}

const struct api_auth *api_auth(struct wb_req *req)
{
	return wb_req_auth(req);
}

const char *api_bearer(const char *authorization)
{
	return authorization && strncasecmp(authorization, "Bearer ", 7) == 0 ? authorization + 7 : NULL;
}

static const char *presented(struct wb_req *req)
{
	const char *key = api_bearer(wb_req_header(req, "Authorization"));

	return key ? key : wb_req_header(req, "X-API-Key");
}

static bool is_loopback(const char *remote)
{
	return remote && (strncmp(remote, "127.", 4) == 0 || strcmp(remote, "::1") == 0);
}

/*
 * Scripts are often copied from somewhere: what gives away the gateway itself (keys, other scripts and their secrets,
 * code, an account's keys) is refused unless the owner says otherwise. Entries are scopes, or paths of routes.
 */
static bool script_may(struct wb_api *api, const struct wb_route *route)
{
	const char *deny;

	for (size_t i = 0; (deny = wb_config_item(api->gw->config, "scripts.denied", i)); i++)
		if (*deny == '/' ? strcmp(deny, route->pattern) == 0 : wb_apikey_allows(deny, route->scope))
			return false;
	return true;
}

/* A plugin or a script of this process: the owner installed it. A plugin may do everything. */
static bool from_inside(struct wb_api *api, struct wb_req *req, const char *who)
{
	struct api_auth *auth = wa_arena_alloc(wb_req_arena(req), sizeof(*auth));

	if (!auth || strlen(who) >= sizeof(auth->id)) {
		wb_reply_problem(req, 500, "internal", "who asks could not be noted");
		return false;
	}
	(void)snprintf(auth->id, sizeof(auth->id), "%s", who);
	(void)snprintf(auth->scopes, sizeof(auth->scopes), "*");
	auth->held = NULL;
	wb_req_set_auth(req, auth, NULL);
	return api_idem_guard(api, req, auth);
}

bool api_before(struct wb_req *req, const struct wb_route *route, void *ctx)
{
	struct wb_api *api = ctx;
	struct api_auth *auth;
	const char *key;
	int r;

	if (!route->scope)
		return true;
	if (wb_req_identity(req) && strncmp(wb_req_identity(req), "script:", 7) == 0 && !script_may(api, route)) {
		wb_reply_problem(req, 403, "denied", "scripts may not do this (scripts.denied in the configuration)");
		return false;
	}
	if (wb_req_identity(req))
		return from_inside(api, req, wb_req_identity(req));
	/* `warbler sandbox` alone has no keys: whoever is on this machine may use it. */
	if (api->gw->no_sessions && is_loopback(wb_req_remote(req)))
		return true;
	key = presented(req);
	if (!key) {
		wb_reply_header(req, "WWW-Authenticate", "Bearer");
		wb_reply_problem(req, 401, "auth", "an API key is needed: Authorization: Bearer KEY");
		return false;
	}
	auth = wa_arena_alloc(wb_req_arena(req), sizeof(*auth));
	r = auth ? api_key_check(api, key, auth) : WA_ENOMEM;
	if (r <= 0) {
		if (r == 0)
			wb_reply_header(req, "WWW-Authenticate", "Bearer error=\"invalid_token\"");
		wb_reply_problem(req, r ? 503 : 401, r ? "store" : "auth",
				 r ? "the key could not be looked up" : "this API key is unknown or revoked");
		return false;
	}
	if (!wb_apikey_allows(auth->scopes, route->scope)) {
		char why[128];

		(void)snprintf(why, sizeof(why), "this API key lacks the scope %s", route->scope);
		wb_reply_problem(req, 403, "denied", why);
		return false;
	}
	auth->held = NULL;
	wb_req_set_auth(req, auth, NULL);
	return api_idem_guard(api, req, auth);
}
