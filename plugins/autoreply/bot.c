/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands: "#ping", "#sticker" … */
#include "autoreply.h"

#include "text.h"

#define PREFIX_MAX 8
#define NAMES_MAX 8
#define NAME_MAX_LEN 32
#define REPLY_MAX 4096
#define MENU_MAX 4096

enum { PING, ID, UPTIME, MENU, STICKER };
const char *const bot_commands[] = { "ping", "id", "uptime", "menu", "sticker", NULL };
static const char *const default_names[] = { "[\"ping\"]", "[\"id\"]", "[\"uptime\"]", "[\"menu\",\"help\"]",
					     "[\"sticker\",\"s\",\"stiker\"]" };
static const char *const what[] = { "are you there?", "the id of this chat", "how long I have been connected",
				    "this list", "a picture or film, sent with this or quoted, as a sticker" };

/* ---- settings ---- */

static bool one_of(const char *s, const char *list)
{
	size_t n = strlen(s);

	for (const char *p = list; *p; p += strcspn(p, "|"), p += *p == '|')
		if (strcspn(p, "|") == n && memcmp(p, s, n) == 0)
			return true;
	return false;
}

static bool names_ok(const json_t *names)
{
	json_t *v;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)names, i, v) {
		const char *s = json_string_value(v);

		if (!s || !*s || strlen(s) > NAME_MAX_LEN || strpbrk(s, " \t\r\n"))
			return false;
	}
	return json_is_array(names) && i >= 1 && i <= NAMES_MAX;
}

static json_t *command_doc(size_t at, const json_t *in, char why[WHY_SIZE])
{
	int enabled = 1, video = 1, seconds = 10;
	json_t *names = NULL, *o;
	const char *reply = NULL, *publisher = NULL;
	json_error_t je;
	bool bad = in && wb_json_unpack((json_t *)(uintptr_t)in, &je, JSON_STRICT, "{s?b, s?o, s?s, s?b, s?i, s?s}",
					"enabled", &enabled, "names", &names, "reply", &reply, "video", &video,
					"max_seconds", &seconds, "publisher", &publisher);

	if (bad || (names && !names_ok(names)) || seconds < 1 || seconds > 60 || (reply && strlen(reply) > REPLY_MAX) ||
	    (publisher && strlen(publisher) > 128)) {
		snprintf(why, WHY_SIZE, "bot.%s: %.160s", bot_commands[at],
			 bad ? je.text : "names: 1 to 8 words; max_seconds: 1 to 60; texts within reason");
		return NULL;
	}
	o = json_pack("{s:b, s:o}", "enabled", enabled, "names",
		      names ? json_deep_copy(names) : json_loads(default_names[at], 0, NULL));
	if (reply)
		json_object_set_new(o, "reply", json_string(reply));
	if (at == STICKER)
		json_object_update_new(o, json_pack("{s:b, s:i, s:s*}", "video", video, "max_seconds", seconds,
						    "publisher", publisher));
	return o;
}

static bool people_ok(const json_t *list, const char *name, char why[WHY_SIZE])
{
	struct who_list l;
	bool ok = who_list_read(list, name, &l, why) == 0;

	who_list_clear(&l);
	return ok;
}

json_t *bot_doc(const json_t *doc, char why[WHY_SIZE])
{
	int enabled = 1, own = 1;
	const char *name = "Warbler", *prefix = "#", *access = "owner", *scope = "all";
	json_t *people = NULL, *owners = NULL, *in[5] = { NULL }, *o, *c;
	json_error_t je;

	if (wb_json_unpack((json_t *)(uintptr_t)doc, &je, JSON_STRICT,
			   "{s?b, s?s, s?s, s?s, s?s, s?o, s?o, s?b, s?o, s?o, s?o, s?o, s?o}", "enabled", &enabled, "name",
			   &name, "prefix", &prefix, "access", &access, "scope", &scope, "people", &people, "owners",
			   &owners, "own_messages", &own, "ping", &in[PING], "id", &in[ID], "uptime", &in[UPTIME], "menu",
			   &in[MENU], "sticker", &in[STICKER])) {
		snprintf(why, WHY_SIZE, "bot: %.200s", je.text);
		return NULL;
	}
	if (!*prefix || strlen(prefix) > PREFIX_MAX || strpbrk(prefix, " \t\r\n") || strlen(name) > 128 ||
	    !one_of(access, "owner|all|chosen|deny") || !one_of(scope, "private|groups|all")) {
		snprintf(why, WHY_SIZE, "bot: prefix: 1 to 8 bytes without spaces; access: owner, all, chosen or deny; "
					"scope: private, groups or all");
		return NULL;
	}
	if (!people_ok(people, "bot.people", why) || !people_ok(owners, "bot.owners", why))
		return NULL;
	o = json_pack("{s:b, s:s, s:s, s:s, s:s, s:o, s:o, s:b}", "enabled", enabled, "name", name, "prefix", prefix,
		      "access", access, "scope", scope, "people", people ? json_deep_copy(people) : json_array(),
		      "owners", owners ? json_deep_copy(owners) : json_array(), "own_messages", own);
	for (size_t i = 0; bot_commands[i]; i++) {
		c = command_doc(i, in[i], why);
		if (!c) {
			json_decref(o);
			return NULL;
		}
		json_object_set_new(o, bot_commands[i], c);
	}
	return o;
}

/* ---- is it one? ---- */

const char *bot_command(const json_t *bot, const struct said *m)
{
	const char *prefix = kit_member(bot, "prefix"), *scope = kit_member(bot, "scope");
	struct wa_span s = wa_span_trim(m->text), word;
	size_t n = strlen(prefix), i;
	json_t *v;

	if (!json_is_true(json_object_get(bot, "enabled")) || s.len <= n || memcmp(s.ptr, prefix, n) != 0 ||
	    (strcmp(scope, "private") == 0 && m->group) || (strcmp(scope, "groups") == 0 && !m->group))
		return NULL;
	word = wa_span_trim(wa_span(s.ptr + n, s.len - n));
	for (i = 0; i < word.len && word.ptr[i] > ' '; i++)
		;
	word.len = i;
	for (size_t c = 0; bot_commands[c]; c++) {
		json_t *command = json_object_get(bot, bot_commands[c]);

		if (!json_is_true(json_object_get(command, "enabled")))
			continue;
		json_array_foreach(json_object_get(command, "names"), i, v)
			if (wa_span_ieq(word, wa_span_str(json_string_value(v))))
				return bot_commands[c];
	}
	return NULL;
}

static bool listed(const json_t *list, const struct said *m)
{
	struct who_list l;
	char why[WHY_SIZE];
	bool found;

	if (who_list_read(list, "", &l, why) < 0)
		return false;
	found = who_list_has(&l, m->sender) || who_list_has(&l, m->sender_lid) || who_list_has(&l, m->chat) ||
		who_list_has(&l, m->chat_lid);
	who_list_clear(&l);
	return found;
}

bool bot_allows(const json_t *bot, const struct said *m)
{
	const char *access = kit_member(bot, "access");

	if (m->own)
		return json_is_true(json_object_get(bot, "own_messages"));
	if (listed(json_object_get(bot, "owners"), m))
		return true;
	if (strcmp(access, "all") == 0)
		return true;
	if (strcmp(access, "chosen") == 0)
		return listed(json_object_get(bot, "people"), m);
	return strcmp(access, "deny") == 0 && !listed(json_object_get(bot, "people"), m);
}

/* ---- answers ---- */

static void put_menu(const json_t *bot, struct wa_buf *out)
{
	const char *reply = kit_member(json_object_get(bot, "menu"), "reply");

	wa_buf_fmt(out, "%s\n", *reply ? reply : kit_member(bot, "name"));
	for (size_t c = 0; bot_commands[c]; c++) {
		json_t *command = json_object_get(bot, bot_commands[c]), *names = json_object_get(command, "names"), *v;
		size_t i;

		if (!json_is_true(json_object_get(command, "enabled")))
			continue;
		wa_buf_str(out, "\n");
		json_array_foreach(names, i, v)
			wa_buf_fmt(out, "%s%s%s", i ? ", " : "", kit_member(bot, "prefix"), json_string_value(v));
		wa_buf_fmt(out, ": %s", what[c]);
	}
}

static void put_uptime(const struct autoreply *a, const struct account *acc, struct wa_buf *out)
{
	int64_t since = acc->known && acc->since_ms ? acc->since_ms : a->started_ms;
	int64_t s = (a->host->now_ms() - since) / 1000;

	wa_buf_fmt(out, "%lldd %lldh %lldm %llds", (long long)(s / 86400), (long long)(s / 3600 % 24),
		   (long long)(s / 60 % 60), (long long)(s % 60));
}

static void put_id(const struct said *m, struct wa_buf *out)
{
	wa_buf_str(out, m->to);
	if (!m->group && *m->chat_lid && strcmp(m->to, m->chat_lid) != 0)
		wa_buf_fmt(out, "\n%s", m->chat_lid);
	if (m->group && (*m->sender || *m->sender_lid))
		wa_buf_fmt(out, "\n%s%s", *m->sender ? m->sender : m->sender_lid,
			   *m->sender ? "@s.whatsapp.net" : "");
}

/* Why this message makes no sticker, or NULL; *ret_media: its file, "" when another message is quoted. */
static const char *sticker_source(const json_t *command, const json_t *data, const char **ret_media)
{
	json_t *content = json_object_get(data, "content"), *media = json_object_get(content, "media");
	const char *kind = kit_member(content, "kind");

	*ret_media = "";
	if (strcmp(kind, "image") == 0 || strcmp(kind, "video") == 0) {
		if (strcmp(kind, "video") == 0 && !json_is_true(json_object_get(command, "video")))
			return "Films are switched off.";
		if (strcmp(kind, "video") == 0 && json_number_value(json_object_get(media, "seconds")) >
							       json_number_value(json_object_get(command, "max_seconds")))
			return "The film is too long.";
		*ret_media = kit_member(media, "id");
	} else if (!*kit_member(json_object_get(data, "quoted"), "id")) {
		return "Send this with a picture, or quote one.";
	}
	return NULL;
}

static int sticker(struct autoreply *a, struct wb_tx *tx, const json_t *bot, const struct outgoing *o,
		   const struct said *m, const json_t *data, const char *media)
{
	json_t *command = json_object_get(bot, "sticker");
	json_t *wait = json_pack("{s:s, s:{s:s}, s:s}", "kind", "reaction", "target", "id", m->id, "text",
				 "\xe2\x8f\xb3");
	json_t *doc = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:[], s:{s:s, s:s, s:O, s:{s:s, s:s}}}", "session",
				o->session, "to", o->to, "quoted", m->id, "message", m->id, "rule", o->rule, "key", o->key,
				"at", (json_int_t)0, "typing", (json_int_t)0, "parts", "sticker", "media", media, "quoted",
				kit_member(json_object_get(data, "quoted"), "id"), "max_seconds",
				json_object_get(command, "max_seconds"), "pack", "name", kit_member(bot, "name"), "publisher",
				kit_member(command, "publisher"));
	struct outgoing one = *o;
	char key[KEY_SIZE];
	int r;

	snprintf(key, sizeof(key), "%.80s:wait", o->key);
	one.key = key;
	one.quoted = NULL;
	r = doc ? answer_send(a, tx, &one, wait) : WB_ENOMEM;
	if (r == 0)
		job_add(a, tx, doc);
	json_decref(doc);
	json_decref(wait);
	return r;
}

int bot_answer(struct autoreply *a, struct wb_tx *tx, struct account *acc, const struct said *m, const json_t *data,
	       const char *command, int64_t seq)
{
	const json_t *bot = json_object_get(acc->doc, "bot");
	const char *reply = kit_member(json_object_get(bot, command), "reply"), *media = "", *why = NULL;
	char key[KEY_SIZE];
	struct outgoing o = { .session = m->session, .to = m->to, .quoted = m->id, .key = key, .rule = command };
	struct wa_buf out;
	json_t *content;
	int r;

	snprintf(key, sizeof(key), "m%lld:bot", (long long)seq);
	if (strcmp(command, "sticker") == 0) {
		why = sticker_source(json_object_get(bot, command), data, &media);
		if (!why)
			return sticker(a, tx, bot, &o, m, data, media);
	}
	wa_buf_init(&out, MENU_MAX);
	if (why)
		wa_buf_str(&out, why);
	else if (strcmp(command, "menu") == 0)
		put_menu(bot, &out);
	else if (strcmp(command, "id") == 0)
		put_id(m, &out);
	else if (strcmp(command, "uptime") == 0)
		put_uptime(a, acc, &out);
	else
		wa_buf_str(&out, *reply ? reply : "Pong! \xf0\x9f\x8f\x93");
	content = json_pack("{s:s, s:s}", "kind", "text", "text", wa_buf_cstr(&out));
	r = content ? answer_send(a, tx, &o, content) : WB_ENOMEM;
	json_decref(content);
	wa_buf_clear(&out);
	return r;
}
