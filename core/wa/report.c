/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reporting tokens: a keyed hash over chosen fields of a message, which the
 * server keeps. Who reports the message to WhatsApp shows its secret, and the
 * token proves that these were its words (reportingfields.json of whatsmeow,
 * reporting-utils.js of Baileys).
 */
#include "pb.h"
#include "client_int.h"

#include <wa/addon.h>

#include <crypto.h>

#define WORDS_MAX   (1u << 20)
#define INFO_FIELD  35	/* messageContextInfo */
#define INFO_SECRET 3

/* A field that counts: whole, or of the message in it only those of the table. */
struct counted {
	uint8_t number;
	bool message;
	const struct counted *fields;
};

#define F(n) { n, false, NULL }
#define END F(0)
#define CONTEXT(n) { n, true, context }
/* A Message inside: nothing of it counts, and so it does not either. */
#define WRAPPER(n) { n, true, wrapper }

static const struct counted context[] = { F(21), F(22), END };
static const struct counted nothing[] = { END };
static const struct counted wrapper[] = { { 1, true, nothing }, END };
static const struct counted image[] = { F(2), F(3), F(8), F(11), CONTEXT(17), F(25), END };
static const struct counted contact[] = { F(1), F(16), CONTEXT(17), END };
static const struct counted location[] = { F(3), F(4), F(5), F(16), CONTEXT(17), END };
static const struct counted text[] = { F(1), CONTEXT(17), F(30), END };
static const struct counted document[] = { F(2), F(7), F(10), CONTEXT(17), F(20), END };
static const struct counted audio[] = { F(2), F(7), F(9), CONTEXT(17), F(21), END };
static const struct counted video[] = { F(2), F(6), F(7), F(13), CONTEXT(17), F(20), END };
static const struct counted protocol[] = { F(1), F(2), { 14, true, nothing }, F(15), END };
static const struct counted live[] = { F(6), F(16), CONTEXT(17), END };
static const struct counted sticker[] = { F(4), F(5), F(8), F(13), CONTEXT(17), END };
static const struct counted invite[] = { F(1), F(2), F(4), F(5), F(6), CONTEXT(7), END };
static const struct counted option[] = { F(1), F(2), END };
static const struct counted poll[] = { F(2), { 3, true, option }, CONTEXT(5),
				       { 8, true, option }, END };
static const struct counted votes[] = { F(1), END };
static const struct counted result[] = { F(1), { 2, true, votes }, CONTEXT(3), END };

/* Of Message; every table is in rising order, as the words are. */
static const struct counted message[] = {
	F(1),
	{ 3, true, image },
	{ 4, true, contact },
	{ 5, true, location },
	{ 6, true, text },
	{ 7, true, document },
	{ 8, true, audio },
	{ 9, true, video },
	{ 12, true, protocol },
	{ 18, true, live },
	{ 26, true, sticker },
	{ 28, true, invite },
	WRAPPER(37),
	{ 49, true, poll },
	WRAPPER(53),
	WRAPPER(55),
	WRAPPER(58),
	WRAPPER(59),
	{ 60, true, poll },
	{ 64, true, poll },
	{ 66, true, video },
	WRAPPER(74),
	WRAPPER(87),
	{ 88, true, result },
	WRAPPER(92),
	WRAPPER(93),
	WRAPPER(94),
	END,
};

/* Without reporting token: reactions, votes, event answers. */
static const uint8_t exempt[] = { 46, 50, 56, 76 };

static int extract(struct wa_span bytes, const struct counted *t, struct wa_buf *out);

static int extract_field(const struct wa_pb_field *f, struct wa_span whole, const struct counted *t,
			 struct wa_buf *out)
{
	struct wa_buf inner;
	int rc;

	if (f->wire != 2 || !t->message) {
		wa_buf_span(out, whole);
		return 0;
	}
	wa_buf_init(&inner, WORDS_MAX);
	rc = extract(f->bytes, t->fields, &inner);
	if (rc == 0 && inner.len)
		wa_pb_put(out, f->number, wa_buf_view(&inner));
	wa_buf_clear(&inner);
	return rc;
}

static int extract(struct wa_span bytes, const struct counted *t, struct wa_buf *out)
{
	struct wa_pb_field f;
	int rc = 0;

	for (; t->number && rc == 0; t++) {
		struct wa_span at = bytes;
		const uint8_t *before = at.ptr;
		int more;

		while (rc == 0 && (more = wa_pb_next(&at, &f)) != 0) {
			if (more < 0)
				return more;
			if (f.number == t->number)
				rc = extract_field(&f, wa_span(before, (size_t)(at.ptr - before)),
						   t, out);
			before = at.ptr;
		}
	}
	return rc;
}

static bool has_field(struct wa_span bytes, const uint8_t *numbers, size_t n)
{
	struct wa_pb_field f;

	while (wa_pb_next(&bytes, &f) == 1)
		for (size_t i = 0; i < n; i++)
			if (f.number == numbers[i])
				return true;
	return false;
}

int report_token(struct wa_span raw, const char *id, const struct wa_jid *from,
		 const struct wa_jid *to, uint8_t out[REPORT_TOKEN_LEN])
{
	struct wa_addon addon = { .use = WA_ADDON_REPORT, .target_id = wa_span_str(id) };
	uint8_t mac[WA_SHA256_LEN];
	struct wa_span info;
	struct wa_buf words;
	struct wa_key key;
	int rc = 0;

	if (wa_pb_find(raw, INFO_FIELD, &info) != 1 ||
	    wa_pb_find(info, INFO_SECRET, &addon.secret) != 1 ||
	    has_field(raw, exempt, sizeof(exempt)) || wa_addon_key(&addon, from, to, &key, NULL))
		return 0;
	wa_buf_init(&words, WORDS_MAX);
	if (extract(raw, message, &words) == 0 && !words.failed && words.len) {
		wa_hmac_sha256(wa_span(key.b, sizeof(key.b)), wa_buf_view(&words), mac);
		memcpy(out, mac, REPORT_TOKEN_LEN);
		rc = 1;
	}
	wa_buf_wipe(&words);
	wa_wipe(&key, sizeof(key));
	return rc;
}

void report_put(struct wa_client *c, struct wa_arena *a, struct wa_node *msg, const char *id,
		const struct wa_jid *chat, struct wa_span raw)
{
	bool pn = chat->server == WA_SRV_PN || wa_jid_is_null(&c->dev.lid);
	uint8_t token[REPORT_TOKEN_LEN];
	struct wa_node *child;

	if (report_token(raw, id, pn ? &c->dev.pn : &c->dev.lid, chat, token) != 1)
		return;
	child = wa_node_child(a, wa_node_child(a, msg, "reporting"), "reporting_token");
	wa_node_attr(a, child, "v", "2");
	wa_node_data(a, child, wa_span(token, sizeof(token)));
}
