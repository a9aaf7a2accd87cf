/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wb.http: asking other services. */
#include "bind.h"

#define AT_ONCE 8		/* requests under way, of one script; more wait their turn */
#define QUEUED_MAX 1000
#define HEADERS_MAX 32
#define URL_MAX 4096		/* bytes */
#define SENT_MAX (4u << 20)	/* bytes of a body */
#define GOT_MAX (4u << 20)
#define GOT_DEFAULT (1u << 20)
#define TIMEOUT_DEFAULT_MS 30000
#define TIMEOUT_MAX_MS 120000

/* The answer's headers that are kept; opts.keep names more. */
static const char *const kept[] = { "content-type", "location", "retry-after", "etag", "last-modified", "date",
	"link",
				    "x-request-id" };

struct http {
	struct wa_list queue;
	size_t queued, running;
	bool gone;
};

struct ask {
	struct wa_list link;
	struct http *of;
	struct wb_wait *wait;
	struct wb_world *world;
	char script[WB_SCRIPT_NAME_MAX + 1];
	const char *method;	/* static */
	char *url;
	char *headers[2 * HEADERS_MAX + 1];
	size_t n_headers, n_keep;
	char *keep[HEADERS_MAX];
	char *body;
	size_t len, max;
	int64_t timeout_ms;
};

static void ask_free(struct ask *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < 2 * a->n_headers; i++)
		free(a->headers[i]);
	for (size_t i = 0; i < a->n_keep; i++)
		free(a->keep[i]);
	free(a->url);
	free(a->body);
	free(a);
}

#define ASK_META "warbler.ask"
static int ask_gc(lua_State *L)
{
	struct ask **box = luaL_checkudata(L, 1, ASK_META);

	ask_free(WA_TAKE(*box));
	return 0;
}

/* ---- the answer ---- */

struct got {
	const struct ask *ask;
	const struct wb_world_fetched *f;
};

static void push_header(lua_State *L, const struct wb_world_fetched *f, const char *name)
{
	const char *v = f->header ? f->header(f->res, name) : NULL;

	if (!v)
		return;
	lua_pushstring(L, v);
	lua_setfield(L, -2, name);
}

static int push_got(lua_State *L, void *ctx)
{
	const struct got *g = ctx;
	const struct wb_world_fetched *f = g->f;

	if (f->code < 0)
		return wb_lua_fail(L, f->code, f->message ? f->message : "no answer");
	lua_newtable(L);
	lua_pushinteger(L, f->status);
	lua_setfield(L, -2, "status");
	lua_pushboolean(L, f->status >= 200 && f->status < 300);
	lua_setfield(L, -2, "ok");
	lua_pushlstring(L, f->body.len ? (const char *)f->body.ptr : "", f->body.len);
	lua_setfield(L, -2, "body");
	lua_newtable(L);
	for (size_t i = 0; i < WA_ARRAY_LEN(kept); i++)
		push_header(L, f, kept[i]);
	for (size_t i = 0; i < g->ask->n_keep; i++)
		push_header(L, f, g->ask->keep[i]);
	lua_setfield(L, -2, "headers");
	luaL_setmetatable(L, "warbler.Response");
	return 1;
}

/* ---- running ---- */

static void start(struct ask *a);

static void run_queue(struct http *h)
{
	struct wa_list *l, *tmp;

	WA_LIST_EACH_SAFE(l, tmp, &h->queue) {
		struct ask *a = container_of(l, struct ask, link);

		if (h->running >= AT_ONCE)
			break;
		wa_list_del(&a->link);
		h->queued--;
		if (wb_wait_gone(a->wait)) {
			wb_wait_done(a->wait, push_got, NULL);
			ask_free(a);
			continue;
		}
		start(a);
	}
	if (h->gone && !h->running)
		free(h);
}

static void on_fetched(void *ctx, const struct wb_world_fetched *f)
{
	struct ask *a = ctx;
	struct http *h = a->of;

	wb_wait_done(a->wait, push_got, &(struct got){ a, f });
	ask_free(a);
	h->running--;
	run_queue(h);
}

static void start(struct ask *a)
{
	struct wb_world_fetch_req r = { .script = a->script, .method = a->method, .url = a->url,
					.headers = (const char *const *)a->headers, .body = wa_span(a->body, a->len),
					.timeout_ms = a->timeout_ms, .max_body = a->max };

	a->of->running++;
	a->world->ops->fetch(a->world, &r, on_fetched, a);
}

/* ---- the request ---- */

static char *copy(lua_State *L, const char *s, size_t len)
{
	char *p = malloc(len + 1);

	if (!p) {
		(void)luaL_error(L, "out of memory");
		return NULL;	/* not reached */
	}
	if (s && len)
		memcpy(p, s, len);
	p[len] = 0;
	return p;
}

static void add_header(lua_State *L, struct ask *a, const char *name, const char *value)
{
	if (a->n_headers == HEADERS_MAX)
		(void)luaL_error(L, "headers: at most 32");
	if (!*name || strpbrk(name, ": \r\n\t") || strpbrk(value,
	  "\r\n") || strlen(name) > 100 || strlen(value) > 4096)
		(void)luaL_error(L, "headers: %s is not a header's name and value", name);
	a->headers[2 * a->n_headers] = copy(L, name, strlen(name));
	a->headers[2 * a->n_headers + 1] = malloc(strlen(value) + 1);
	a->n_headers++;		/* freed with the request, also when the second is missing */
	if (!a->headers[2 * a->n_headers - 1]) {
		(void)luaL_error(L, "out of memory");
		return;		/* not reached */
	}
	memcpy(a->headers[2 * a->n_headers - 1], value, strlen(value) + 1);
}

static void read_headers(lua_State *L, struct ask *a, int opts)
{
	if (wb_bind_opt(L, opts, "headers") != LUA_TNIL) {
		if (!lua_istable(L, -1))
			(void)luaL_argerror(L, opts, "headers: { [\"X-Key\"] = \"value\" }");
		lua_pushnil(L);
		while (lua_next(L, -2)) {
			if (lua_type(L, -2) != LUA_TSTRING || (lua_type(L, -1) != LUA_TSTRING && lua_type(L,
			  -1) != LUA_TNUMBER))
				(void)luaL_argerror(L, opts, "headers: names and values are texts");
			add_header(L, a, lua_tostring(L, -2), lua_tostring(L, -1));
			lua_pop(L, 1);
		}
	}
	lua_pop(L, 1);
	if (wb_bind_opt(L, opts, "keep") != LUA_TNIL) {
		lua_Integer n = lua_istable(L, -1) ? (lua_Integer)lua_rawlen(L, -1) : -1;

		if (n < 0 || n > HEADERS_MAX)
			(void)luaL_argerror(L, opts, "keep: a list of at most 32 names of headers");
		for (lua_Integer i = 1; i <= n; i++) {
			size_t len = 0;
			const char *s;

			(void)lua_rawgeti(L, -1, i);
			s = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &len) : NULL;
			if (!s || len > 100)
				(void)luaL_argerror(L, opts, "keep: a list of names of headers");
			a->keep[a->n_keep] = copy(L, s, len);
			a->n_keep++;
			lua_pop(L, 1);
		}
	}
	lua_pop(L, 1);
}

static bool has_header(const struct ask *a, const char *name)
{
	for (size_t i = 0; i < a->n_headers; i++)
		if (strcasecmp(a->headers[2 * i], name) == 0)
			return true;
	return false;
}

static void set_body(lua_State *L, struct ask *a, const char *s, size_t len, const char *type)
{
	if (len > SENT_MAX)
		(void)luaL_error(L, "body: at most 4 MiB");
	a->body = copy(L, s, len);
	a->len = len;
	if (type && !has_header(a, "content-type"))
		add_header(L, a, "Content-Type", type);
}

static void json_body(lua_State *L, struct ask *a, int idx)
{
	json_t *doc = wb_lua_to_json(L, idx);
	size_t n = json_dumpb(doc, NULL, 0, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
	struct wa_buf *b = wb_bind_buf(L, SENT_MAX);

	if (n && wa_buf_grow(b, n))
		(void)json_dumpb(doc, (char *)b->ptr, n, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
	if (b->failed)
		(void)luaL_error(L, "body: at most 4 MiB");
	set_body(L, a, b->len ? (const char *)b->ptr : "", b->len, "application/json");
	lua_pop(L, 2);
}

static void form_body(lua_State *L, struct ask *a, int idx)
{
	struct wa_buf *b = wb_bind_buf(L, SENT_MAX);

	luaL_argcheck(L, lua_istable(L, idx), 1, "form: a table of texts");
	lua_pushnil(L);
	while (lua_next(L, idx)) {
		int at = lua_gettop(L);

		if (lua_type(L, at - 1) != LUA_TSTRING || lua_istable(L, at))
			(void)luaL_error(L, "form: names and values are texts");
		if (b->len)
			wa_buf_u8(b, '&');
		wa_buf_str(b, wb_lua_segment(L, lua_tostring(L, at - 1)));
		wa_buf_u8(b, '=');
		wa_buf_str(b, wb_lua_segment(L, luaL_tolstring(L, at, NULL)));
		lua_settop(L, at - 1);
	}
	if (b->failed)
		(void)luaL_error(L, "form: at most 4 MiB");
	set_body(L, a, b->len ? (const char *)b->ptr : "", b->len, "application/x-www-form-urlencoded");
	lua_pop(L, 1);
}

static void read_body(lua_State *L, struct ask *a, int opts)
{
	size_t len;
	const char *s;

	if (wb_bind_opt(L, opts, "json") != LUA_TNIL) {
		json_body(L, a, lua_gettop(L));
	} else if (wb_bind_opt(L, opts, "form") != LUA_TNIL) {
		form_body(L, a, lua_gettop(L));
		lua_pop(L, 1);
	} else if (wb_bind_opt(L, opts, "body") != LUA_TNIL) {
		if (lua_type(L, -1) != LUA_TSTRING)
			(void)luaL_argerror(L, opts, "body: bytes in text; json or form take tables");
		s = lua_tolstring(L, -1, &len);
		set_body(L, a, s, len, NULL);
	}
}

static const char *check_method(lua_State *L, const char *m)
{
	static const char *const methods[] = { "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD" };

	for (size_t i = 0; i < WA_ARRAY_LEN(methods); i++)
		if (strcmp(methods[i], m) == 0)
			return methods[i];
	(void)luaL_error(L, "method: GET, POST, PUT, PATCH, DELETE or HEAD");
	return NULL;
}

static struct http *http_of(struct wb_script *s)
{
	void **slot = wb_script_slot(s, WB_SLOT_HTTP);
	struct http *h = *slot;

	if (!h) {
		h = calloc(1, sizeof(*h));
		if (h)
			wa_list_init(&h->queue);
		*slot = h;
	}
	return h;
}

/* The request of the options at `opts`; url NULL: of them. */
static int request(lua_State *L, const char *method, const char *url, int opts, int body)
{
	struct wb_script *s = wb_lua_script(L);
	struct ask **box = lua_newuserdatauv(L, sizeof(struct ask *), 0), *a;
	struct http *h;

	*box = NULL;
	if (luaL_newmetatable(L, ASK_META)) {
		lua_pushcfunction(L, ask_gc);
		lua_setfield(L, -2, "__gc");
	}
	lua_setmetatable(L, -2);
	*box = a = calloc(1, sizeof(*a));
	if (!a)
		return luaL_error(L, "out of memory");
	if (!url)
		url = wb_bind_opt_str(L, opts, "url", "");
	if (strlen(url) > URL_MAX || (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0))
		return luaL_error(L, "url: it begins with http:// or https://, and has at most 4096 bytes");
	a->url = copy(L, url, strlen(url));
	a->method = method ? method : check_method(L, wb_bind_opt_str(L, opts, "method", "GET"));
	a->timeout_ms = wb_bind_opt_duration(L, opts, "timeout", TIMEOUT_DEFAULT_MS, TIMEOUT_MAX_MS);
	a->max = (size_t)wb_bind_opt_int(L, opts, "max", GOT_DEFAULT, 1, GOT_MAX);
	a->world = wb_lua_world(L);
	(void)snprintf(a->script, sizeof(a->script), "%s", wb_script_name(s));
	read_headers(L, a, opts);
	if (body && lua_istable(L, body))
		json_body(L, a, body);
	else if (body && !lua_isnil(L, body))
		set_body(L, a, luaL_checkstring(L, body), lua_rawlen(L, body), NULL);
	else
		read_body(L, a, opts);
	a->wait = wb_task_wait(L);
	h = http_of(s);
	if (!h)
		return luaL_error(L, "out of memory");
	if (h->queued >= QUEUED_MAX)
		return luaL_error(L, "too many requests are waiting (1000): the services asked are too slow");
	a->of = h;
	*box = NULL;
	if (h->running < AT_ONCE) {
		start(a);
	} else {
		wa_list_push_back(&h->queue, &a->link);
		h->queued++;
	}
	return wb_task_yield(L, a->wait);
}

static int l_get(lua_State *L)
{
	const char *url = luaL_checkstring(L, 1);

	lua_settop(L, 2);
	luaL_argexpected(L, lua_isnil(L, 2) || lua_istable(L, 2), 2, "table of options");
	return request(L, "GET", url, 2, 0);
}

static int l_post(lua_State *L)
{
	const char *url = luaL_checkstring(L, 1);

	lua_settop(L, 3);
	luaL_argexpected(L, lua_isnil(L, 2) || lua_istable(L, 2) || lua_type(L, 2) == LUA_TSTRING, 2,
			 "table (sent as JSON) or text");
	luaL_argexpected(L, lua_isnil(L, 3) || lua_istable(L, 3), 3, "table of options");
	return request(L, "POST", url, 3, 2);
}

static int l_request(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	return request(L, NULL, NULL, 1, 0);
}

static void http_closing(struct wb_script *s)
{
	void **slot = wb_script_slot(s, WB_SLOT_HTTP);
	struct http *h = *slot;

	if (!h)
		return;
	*slot = NULL;
	h->gone = true;
	run_queue(h);	/* the waits are gone: the queue empties; what runs ends by itself */
}

const struct wb_script_part wb_bind_part_http = { .name = "http", .closing = http_closing };

static int l_response_json(lua_State *L)
{
	json_error_t e;
	json_t **doc;
	size_t len;
	const char *s;

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_pushliteral(L, "body");
	luaL_argcheck(L, lua_rawget(L, 1) == LUA_TSTRING, 1, "call it with a colon: res:json()");
	s = lua_tolstring(L, -1, &len);
	doc = wb_lua_json_new(L);
	*doc = json_loadb(s, len, JSON_DECODE_ANY, &e);
	if (!*doc)
		return wb_bind_fail(L, WA_EINVALID, "the answer is no JSON: line %d: %s", e.line, e.text);
	wb_lua_push_json(L, *doc);
	return 1;
}

#define OR_FAIL "res: warbler.Response|nil, message?: string, code?: string"
#define ANSWER "{\"status\":200,\"headers\":{\"content-type\":\"application/json\"},\"body\":\"{\\\"price\\\":12}\"}"
static const struct wb_bind_fn http_fns[] = {
	{ "get", l_get, "url: string, opts?: table", OR_FAIL,
	  "Asks, and waits for the answer; others go on meanwhile. Any answer is an answer, also 404: look at "
	  "`res.status` or `res.ok`. `nil, message, "
	  "code` when there was none.\n\n`opts`: `headers`; `timeout` (default `\"30s\"`, at most `\"2m\"`); `max` "
	  "bytes of the answer (1 MiB, at most "
	  "4 MiB); `keep`: names of headers of the answer to have besides the usual.",
	  "local res = wb.http.get('https://shop.example/price', { headers = { ['X-Key'] = 'abc' } })\nreturn "
	  "res.status", "200", NULL, NULL, NULL,
	  "FETCH GET https://shop.example/price", ANSWER },
	{ "post", l_post, "url: string, body?: string|table, opts?: table", OR_FAIL,
	  "Sends a table as JSON, or text as it is.",
	  "local res = wb.http.post('https://bot.example/ask', { question = msg.text })\nreturn res:json().price",
	  "12", NULL, NULL, NULL,
	  "FETCH POST https://bot.example/ask {\"question\":\"Hello\"}", ANSWER },
	{ "request", l_request, "opts: table", OR_FAIL,
	  "Everything: `url`, `method`, `headers`, and one of `body` (bytes), `json` (a value), `form` (a table of "
	  "texts); `timeout`, `max`, `keep`.",
	  "local res = wb.http.request{ url = 'https://shop.example/cart', method = 'PUT', form = { sku = 'A 1' } "
	  "}\nreturn res.ok", "true", NULL,
	  NULL, NULL, "FETCH PUT https://shop.example/cart sku=A%201", ANSWER },
	{ .name = NULL },
};
WB_BIND_MODULE(wb_bind_http, "http", http_fns, NULL,
	       "Other services. Eight requests of a script are under way at once, more wait their turn (at most "
	       "1000). Addresses of this machine and "
	       "of private networks are refused unless the owner allows them (`network.allow_private`). Redirects "
	       "are answers.")

static const struct wb_bind_fn response_fns[] = {
	{ "json", l_response_json, "", "value: any", "The body as a value; `nil, message, code` when it is no JSON.",
	  "return wb.http.get('https://shop.example/price'):json().price", "12", NULL, NULL, NULL,
	  "FETCH GET https://shop.example/price", ANSWER },
	{ .name = NULL },
};
static const struct wb_lua_field response_fields[] = {
	{ "status", "integer", "200, 404 …" },
	{ "ok", "boolean", "status from 200 to 299" },
	{ "body", "string", "its bytes" },
	{ "headers", "table<string, string>", "by small name: content-type, location, retry-after, etag, "
	  "last-modified, date, link, x-request-id, and "
						"what `keep` named" },
	{ NULL, NULL, NULL },
};
WB_BIND_OBJECT(wb_bind_response, "Response", response_fns, response_fields, NULL, NULL, "The answer of `wb.http`.")
