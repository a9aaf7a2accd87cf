/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "said.h"

#include "clock.h"
#include "kit.h"
#include "text.h"

static bool is_us(const char *who, const char *own_jid, const char *own_lid)
{
	char a[WHO_SIZE], b[WHO_SIZE];

	if (who_read(who, a) != WHO_PERSON)
		return false;
	return (who_read(own_jid, b) == WHO_PERSON && strcmp(a, b) == 0) ||
	       (who_read(own_lid, b) == WHO_PERSON && strcmp(a, b) == 0);
}

/* Are we named in it, or is it an answer to us? */
static bool names_us(const json_t *data, const char *own_jid, const char *own_lid)
{
	const json_t *content = json_object_get(data, "content");
	const json_t *list = json_object_get(content, "mentions");
	size_t i;
	json_t *v;

	json_array_foreach((json_t *)(uintptr_t)list, i, v)
		if (json_is_string(v) && is_us(json_string_value(v), own_jid, own_lid))
			return true;
	return json_is_true(json_object_get(content, "mention_all")) ||
	       is_us(kit_member(json_object_get(content, "quoted"), "sender"), own_jid, own_lid);
}

bool said_read(struct said *m, const char *session, const json_t *data, bool own, const char *own_jid,
	       const char *own_lid)
{
	const json_t *chat = json_object_get(data, "chat"), *sender = json_object_get(data, "sender");
	const char *text = kit_member(data, "text"), *jid = kit_member(chat, "jid"), *lid = kit_member(chat, "lid");
	int kind = who_read(jid, m->chat), by_lid;

	memset(m->chat_lid, 0, sizeof(m->chat_lid));
	by_lid = who_read(lid, m->chat_lid);
	if ((*jid && kind == WHO_NONE) || (kind == WHO_NONE && by_lid == WHO_NONE))
		return false;
	(void)who_read(kit_member(sender, "jid"), m->sender);
	(void)who_read(kit_member(sender, "lid"), m->sender_lid);
	m->session = session;
	m->id = kit_member(data, "id");
	m->kind = kit_member(data, "kind");
	m->name = kit_member(data, "push_name");
	m->to = *jid ? jid : lid;
	m->group = kind == WHO_GROUP;
	m->own = own;
	m->first = -1;
	snprintf(m->chat_name, sizeof(m->chat_name), "%.*s",
		 (int)wa_utf8_clip(wa_span_str(kit_member(chat, "name")), sizeof(m->chat_name) - 1), kit_member(chat, "name"));
	snprintf(m->phone, sizeof(m->phone), "%s%.24s", m->sender[0] ? "+" : "", m->sender);
	m->mentioned = names_us(data, own_jid, own_lid);
	m->text = wa_span(text, wa_utf8_clip(wa_span_str(text), SAID_TEXT_MAX));
	if (wa_time_parse(wa_span_str(kit_member(data, "timestamp")), &m->ts_ms) < 0)
		m->ts_ms = 0;
	return true;
}

void said_clear(struct said *m)
{
	for (size_t i = 0; i < SAID_FORMS; i++)
		if (m->have[i])
			wa_buf_clear(&m->forms[i]);
	memset(m->have, 0, sizeof(m->have));
}

void said_fold(struct wa_span text, int form, struct wa_buf *out)
{
	unsigned flags = WB_FOLD_SPACE;

	wa_buf_init(out, 4 * text.len + 16);
	if (form == SAID_WORDS) {
		wb_fold(text, out);
		return;
	}
	flags |= form & SAID_CASE ? WB_FOLD_CASE : 0;
	flags |= form & SAID_MARKS ? WB_FOLD_MARKS : 0;
	wb_fold_text(text, flags, out);
}

struct wa_span said_text(struct said *m, int form)
{
	if (!m->have[form]) {
		said_fold(m->text, form, &m->forms[form]);
		m->have[form] = true;
	}
	return wa_buf_view(&m->forms[form]);
}
