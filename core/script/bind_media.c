/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The file of a message: looked at without fetching, fetched when its bytes are asked for. */
#include "bind.h"

#define MEDIA_META "warbler.Media"
#define BYTES_MAX (8u << 20)

struct media {
	json_t *content;	/* whose "media" it is */
};

static json_t *check_media(lua_State *L)
{
	struct media *m = luaL_checkudata(L, 1, MEDIA_META);

	luaL_argcheck(L, m->content, 1, "this file is closed");
	return json_object_get(m->content, "media");
}

void wb_bind_push_media(lua_State *L, json_t *content)
{
	struct media *m = lua_newuserdatauv(L, sizeof(*m), 0);

	m->content = NULL;
	luaL_setmetatable(L, MEDIA_META);
	m->content = json_incref(content);
}

static int media_gc(lua_State *L)
{
	struct media *m = luaL_checkudata(L, 1, MEDIA_META);

	json_decref(WA_TAKE(m->content));
	return 0;
}

/* upvalue: the methods */
static int media_index(lua_State *L)
{
	json_t *media = check_media(L), *v;

	if (lua_type(L, 2) != LUA_TSTRING)
		return 0;
	lua_pushvalue(L, 2);
	if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
		return 1;
	v = json_object_get(media, lua_tostring(L, 2));
	if (!v || json_is_null(v))
		return 0;
	wb_lua_push_json(L, v);
	return 1;
}

static void open_media(lua_State *L)
{
	(void)lua_getfield(L, -1, "__index");
	lua_pushcclosure(L, media_index, 1);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, media_gc);
	lua_setfield(L, -2, "__gc");
}

static int l_info(lua_State *L)
{
	json_t *media = check_media(L);

	wb_lua_push_json(L, media);
	return 1;
}

struct fetched {
	size_t max;
	int code, status;
	const char *message;
	struct wa_span body;
};

struct fetch {
	struct wb_wait *wait;
	size_t max;
};

static int push_fetched(lua_State *L, void *ctx)
{
	const struct fetched *f = ctx;
	json_t **doc;

	if (f->code < 0)
		return wb_bind_push_problem(L, f->code, f->message, 0, NULL);
	if (f->status >= 400) {
		doc = wb_lua_json_new(L);
		*doc = json_loadb((const char *)f->body.ptr, f->body.len, 0, NULL);
		return wb_bind_push_problem(L, 0, NULL, f->status, *doc);
	}
	if (f->body.len > f->max)
		return wb_lua_fail(L, WA_ELIMIT, "the file is larger than opts.max");
	lua_pushlstring(L, f->body.len ? (const char *)f->body.ptr : "", f->body.len);
	return 1;
}

static void on_bytes(void *ctx, int code, const char *message, int status, const char *type, struct wa_span body)
{
	struct fetch *f = ctx;

	(void)type;
	wb_wait_done(f->wait, push_fetched, &(struct fetched){ f->max, code, status, message, body });
	free(f);
}

static int get_bytes(lua_State *L, const char *id, int opts)
{
	struct wb_world *w = wb_lua_world(L);
	lua_Integer max = wb_bind_opt_int(L, opts, "max", BYTES_MAX, 1, BYTES_MAX);
	struct wb_wait *wait;
	struct fetch *f;
	char path[512];

	if (!*id || strlen(id) > 128)
		return luaL_error(L, "the id of a file has 1 to 128 letters and digits");
	(void)snprintf(path, sizeof(path), "/v1/media/%s", wb_lua_segment(L, id));
	wait = wb_task_wait(L);
	f = malloc(sizeof(*f));
	if (!f)
		return luaL_error(L, "out of memory");
	*f = (struct fetch){ wait, (size_t)max };
	w->ops->request_raw(w, &(struct wb_world_request){ .script = wb_script_name(wb_lua_script(L)),
	  .method = "GET",
							   .path = path }, on_bytes, f);
	return wb_task_yield(L, wait);
}

int wb_bind_l_media_get(lua_State *L)
{
	const char *id = luaL_checkstring(L, 1);

	lua_settop(L, 2);
	return get_bytes(L, id, 2);
}

static int l_bytes(lua_State *L)
{
	json_t *media = check_media(L);
	const char *id = json_string_value(json_object_get(media, "id"));
	lua_Integer max;

	lua_settop(L, 2);
	max = wb_bind_opt_int(L, 2, "max", BYTES_MAX, 1, BYTES_MAX);
	if (!id)
		return wb_lua_fail(L, WA_ENOTFOUND, "this file cannot be fetched any more");
	if (json_integer_value(json_object_get(media, "size")) > max)
		return wb_lua_fail(L, WA_ELIMIT, "the file is larger than opts.max");
	return get_bytes(L, id, 2);
}

#define PICTURE "local photo = wb.messages.get('01KMESSAGE0000000000000002').media\n"
#define PICTURE_ANSWER                                                                                                        \
	"{\"id\":\"01KMESSAGE0000000000000002\",\"kind\":\"image\",\"content\":{\"kind\":\"image\",\"media\":{\"id\":"         \
	"\"01KMEDIA000000000000000001\",\"mimetype\":\"image/jpeg\",\"size\":10}}}"
static const struct wb_bind_fn media_fns[] = {
	{ "info", l_info, "", "info: table", "All that is known of it as a plain table, without fetching it.",
	  PICTURE "return photo:info().mimetype", "\"image/jpeg\"", NULL, NULL, NULL,
	  "GET /v1/messages/01KMESSAGE0000000000000002",
	  PICTURE_ANSWER },
	{ "bytes", l_bytes, "opts?: table", "bytes: string|nil, message?: string, code?: string",
	  "Its bytes, fetched from WhatsApp when they are not here. `opts.max`: not when it is larger (default and "
	  "limit 8 MiB).",
	  PICTURE "local bytes = photo:bytes{ max = 1000000 }\nreturn #bytes > 0", "true", NULL, NULL, NULL,
	  "GET /v1/media/01KMEDIA000000000000000001", PICTURE_ANSWER },
	{ .name = NULL },
};
static const struct wb_lua_field media_fields[] = {
	{ "id", "string", "to send it on: `{ kind = \"image\", media = msg.media.id }`" },
	{ "mimetype", "string|nil", "what it is" },
	{ "size", "integer|nil", "bytes" },
	{ "file_name", "string|nil", "of documents" },
	{ "seconds", "integer|nil", "of audio and video" },
	{ "width", "integer|nil", "of pictures and video" },
	{ "height", "integer|nil", "of pictures and video" },
	{ "ptt", "boolean|nil", "a voice note" },
	{ NULL, NULL, NULL },
};
WB_BIND_OBJECT(wb_bind_media_object, "Media", media_fns, media_fields, open_media, NULL,
	       "The file of a message, `msg.media`. Nothing is fetched before `bytes()`. More fields: "
	       "core/content/README.md.")
