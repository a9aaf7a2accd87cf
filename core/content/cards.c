/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Contact cards: a vCard, or a name and a number from which one is made. */
#include <stdio.h>
#include <text.h>
#include "fields.h"

const char *const wb_cards_more[] = { "name", "contacts", NULL };

/* Characters that mean something in a vCard value are marked; lines cannot be broken out of. */
static struct wa_span escape(struct wa_span s, struct wa_arena *a)
{
	char *out = wa_arena_alloc(a, 2 * s.len + 1), *p = out;

	if (!out)
		return wa_span("", 0);
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.ptr[i];

		if (c == '\\' || c == ';' || c == ',')
			*p++ = '\\';
		*p++ = c < 0x20 ? ' ' : (char)c;
	}
	return wa_span(out, (size_t)(p - out));
}

static int make_vcard(struct wa_card *card, struct wa_span phone, struct wa_arena *a, struct wa_err *err)
{
	struct wa_span name = escape(card->name, a);
	char digits[24] = "", *text;
	size_t n = 0;

	for (size_t i = 0; i < phone.len && n < 15; i++)
		if (phone.ptr[i] >= '0' && phone.ptr[i] <= '9')
			digits[n++] = (char)phone.ptr[i];
	if (n < 5 || phone.len > 32)
		return wa_err_set(err, WA_EINVALID, "contacts.phone: an international number");
	text = wa_arena_fmt(a, "BEGIN:VCARD\nVERSION:3.0\nN:;%.*s;;;\nFN:%.*s\nTEL;type=CELL;waid=%s:+%s\nEND:VCARD",
			    WA_SPAN_ARG(name), WA_SPAN_ARG(name), digits, digits);
	if (!text)
		return wa_err_set(err, WA_ENOMEM, "contact");
	card->vcard = wa_span_str(text);
	return 0;
}

static int card_get(const json_t *o, struct wa_card *card, struct wa_arena *a, struct wa_err *err)
{
	static const char *const members[] = { "name", "vcard", "phone", NULL };
	struct wa_span phone;
	int r;

	if (!json_is_object(o))
		return wa_err_set(err, WA_EINVALID, "contacts: objects");
	r = wb_fields_only(o, NULL, 0, members, "contacts", err);
	if (r == 0)
		r = wb_get_text(o, "name", &card->name, "contacts", err);
	if (r >= 0)
		r = wb_get_text(o, "vcard", &card->vcard, "contacts", err);
	if (r == 0 && (r = wb_get_text(o, "phone", &phone, "contacts", err)) == 1)
		r = card->name.len ? make_vcard(card, phone, a, err)
				   : wa_err_set(err, WA_EINVALID, "contacts.name: is needed");
	if (r >= 0 && !card->vcard.len)
		return wa_err_set(err, WA_EINVALID, "contacts: vcard, or name and phone");
	return r < 0 ? r : 0;
}

int wb_cards_get(const json_t *o, struct wa_message *m, void *part, struct wa_arena *a, struct wa_err *err)
{
	struct wa_cards *c = part;
	const json_t *list, *v;
	size_t i;
	int r = wb_get_text(o, "name", &c->name, "", err);

	(void)m;
	if (r >= 0)
		r = wb_get_list(o, "contacts", WA_CARDS_MAX, &list, "", err);
	if (r < 0)
		return r;
	if (!list || !json_array_size(list))
		return wa_err_set(err, WA_EINVALID, "contacts: at least one");
	json_array_foreach(list, i, v) {
		r = card_get(v, &c->cards[c->n++], a, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The first number of a card: what waid= says, else the digits after TEL…: */
static struct wa_span card_phone(struct wa_span v)
{
	size_t i = 0;

	while (i + 4 < v.len) {
		struct wa_span line = wa_span(v.ptr + i, v.len - i);
		const uint8_t *end = memchr(line.ptr, '\n', line.len), *at;

		line.len = end ? (size_t)(end - line.ptr) : line.len;
		i += line.len + 1;
		line = wa_span_trim(line);
		/* "item1.TEL…" groups a line with others */
		at = memchr(line.ptr, '.', line.len < 12 ? line.len : 12);
		if (at && !wa_span_starts(line, "TEL"))
			line = wa_span(at + 1, line.len - (size_t)(at + 1 - line.ptr));
		if (!wa_span_starts(line, "TEL") || !(at = memchr(line.ptr, ':', line.len)))
			continue;
		return wa_span_trim(wa_span(at + 1, line.len - (size_t)(at + 1 - line.ptr)));
	}
	return wa_span(NULL, 0);
}

void wb_cards_put(json_t *o, const struct wa_message *m, const void *part)
{
	const struct wa_cards *c = part;
	json_t *list = json_array();

	(void)m;
	wb_put_text(o, "name", c->name);
	for (size_t i = 0; i < c->n; i++) {
		json_t *v = json_object();

		wb_put_text(v, "name", c->cards[i].name);
		wb_put_text(v, "phone", card_phone(c->cards[i].vcard));
		wb_put_text(v, "vcard", c->cards[i].vcard);
		json_array_append_new(list, v);
	}
	json_object_set_new(o, "contacts", list);
}
