/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looking for contacts, groups and labels by their words: lists read page by page. */
#include <match.h>
#include "bind_call.h"

#define FOUND_MAX 50
#define PAGES_MAX 40		/* of 500 */
#define WORDS_MAX 256		/* bytes */

struct find {
	struct wb_wait *wait;
	struct wb_world *world;
	char session[65];
	const char *list;		/* "contacts" */
	const char *const *fields;	/* that are looked at */
	bool one;			/* the whole name, and only the first */
	unsigned pages;
	json_t *found;
	char words[WORDS_MAX * 4 + 17], digits[32];
	char script[WB_SCRIPT_NAME_MAX + 1];
	const char *base;		/* "/v1/sessions/{session}/contacts?limit=500" */
};

static bool field_fits(const struct find *f, const char *text)
{
	struct wa_buf b;
	bool yes;

	wa_buf_init(&b, 4 * strlen(text) + 16);
	wb_fold(wa_span(text, strlen(text)), &b);
	if (f->one)
		yes = strcmp(wa_buf_cstr(&b), f->words) == 0;
	else
		yes = *f->words && strstr(wa_buf_cstr(&b), f->words);
	if (!yes && strlen(f->digits) >= 4)
		yes = strstr(text, f->digits) != NULL;
	wa_buf_clear(&b);
	return yes;
}

static void look(struct find *f, json_t *item)
{
	for (size_t i = 0; f->fields[i]; i++) {
		const char *s = json_string_value(json_object_get(item, f->fields[i]));

		if (s && field_fits(f, s)) {
			json_array_append(f->found, item);
			return;
		}
	}
}

static int push_found(lua_State *L, void *ctx)
{
	const struct find *f = ctx;

	if (!f->one)
		wb_lua_push_json(L, f->found);
	else if (json_array_size(f->found))
		wb_lua_push_json(L, json_array_get(f->found, 0));
	else
		return wb_lua_fail(L, WA_ENOTFOUND, "there is none of this name");
	return 1;
}

struct failure {
	int code, status;
	const char *message;
	const json_t *body;
};

static int push_failure(lua_State *L, void *ctx)
{
	const struct failure *x = ctx;

	return wb_bind_push_problem(L, x->code, x->message, x->status, x->body);
}

static void find_free(struct find *f)
{
	json_decref(f->found);
	free(f);
}

static void ask(struct find *f, const char *cursor);

static void on_page(void *ctx, int code, const char *message, int status, const json_t *body)
{
	struct find *f = ctx;
	const json_t *list = json_object_get(body, f->list);
	const char *next = json_string_value(json_object_get(body, "next"));

	if (code < 0 || status >= 400) {
		wb_wait_done(f->wait, push_failure, &(struct failure){ code, status, message, body });
		find_free(f);
		return;
	}
	for (size_t i = 0; i < json_array_size(list) && json_array_size(f->found) < (f->one ? 1 : FOUND_MAX); i++)
		look(f, json_array_get(list, i));
	if (next && ++f->pages < PAGES_MAX && json_array_size(f->found) < (f->one ? 1 : FOUND_MAX) &&
	    !wb_wait_gone(f->wait)) {
		ask(f, next);
		return;
	}
	wb_wait_done(f->wait, push_found, f);
	find_free(f);
}

static void ask(struct find *f, const char *cursor)
{
	char path[1024];

	(void)snprintf(path, sizeof(path), "/v1/sessions/%s/%s%s%s", f->session, f->base, cursor ? "&cursor=" : "",
		       cursor ? cursor : "");
	f->world->ops->request(f->world,
				    &(struct wb_world_request){ .script = f->script, .method = "GET",
				    .path = path }, on_page, f);
}

static void on_sessions(void *ctx, const char *session, int code, const char *message)
{
	struct find *f = ctx;

	if (!session) {
		wb_wait_done(f->wait, push_failure, &(struct failure){ .code = code, .message = message });
		find_free(f);
		return;
	}
	(void)snprintf(f->session, sizeof(f->session), "%s", session);
	ask(f, NULL);
}

static int find(lua_State *L, const char *list, const char *base, const char *const *fields, bool one)
{
	struct wa_span text = wb_bind_span(L, 1);
	struct wb_script *s = wb_lua_script(L);
	struct wa_buf *b;
	struct wb_wait *wait;
	struct find *f;
	const char *session;
	size_t n = 0;

	lua_settop(L, 2);
	luaL_argexpected(L, lua_isnil(L, 2) || lua_istable(L, 2), 2, "table of options");
	luaL_argcheck(L, text.len && text.len <= WORDS_MAX, 1, "1 to 256 bytes to look for");
	session = wb_bind_session(L, 2, 0);
	b = wb_bind_buf(L, sizeof(f->words) - 1);
	wb_fold(text, b);
	wait = wb_task_wait(L);
	f = calloc(1, sizeof(*f));
	if (f)
		f->found = json_array();
	if (!f || !f->found) {
		free(f);
		return luaL_error(L, "out of memory");
	}
	f->wait = wait;
	f->world = wb_lua_world(L);
	f->list = list;
	f->base = base;
	f->fields = fields;
	f->one = one;
	(void)snprintf(f->words, sizeof(f->words), "%s", wa_buf_cstr(b));
	for (size_t i = 0; i < text.len && n + 1 < sizeof(f->digits); i++)
		if (text.ptr[i] >= '0' && text.ptr[i] <= '9')
			f->digits[n++] = (char)text.ptr[i];
	(void)snprintf(f->script, sizeof(f->script), "%s", wb_script_name(s));
	wb_bind_find_session(f->world, s, wait, session, on_sessions, f);
	return wb_task_yield(L, wait);
}

int wb_bind_l_find_contacts(lua_State *L)
{
	static const char *const fields[] = { "name", "push_name", "business_name", "phone", "jid", NULL };

	return find(L, "contacts", "contacts?limit=500", fields, false);
}

int wb_bind_l_find_groups(lua_State *L)
{
	static const char *const fields[] = { "subject", NULL };

	return find(L, "groups", "groups?limit=500", fields, false);
}

int wb_bind_l_find_label(lua_State *L)
{
	static const char *const fields[] = { "name", NULL };

	return find(L, "labels", "labels", fields, true);
}
