/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Trusted-contact tokens: who was written to by somebody gets a token for him
 * from the server, and shows it when writing first. Without one the server may
 * refuse a message to a person who does not know us (463).
 */
#include "client_int.h"

#define TOKEN_MAX    256
#define BUCKET_S     604800 /* tokens live by the week: the present one and three before */
#define BUCKETS_KEPT 3
#define KEY_MAX      (WA_JID_TEXT_MAX + 8)

static struct wa_span key_of(struct wa_client *c, const struct wa_jid *user, char out[KEY_MAX])
{
	struct wa_jid bare = wa_jid_bare(user);
	char text[WA_JID_TEXT_MAX];

	bare = wa_signal_canonical(c->sig, &bare);
	snprintf(out, KEY_MAX, "trust %s", wa_jid_text(&bare, text));
	return wa_span_str(out);
}

/* value: 8 bytes time of issue, seconds, then the token; 1/0/<0 */
static int load(struct wa_client *c, const struct wa_jid *user, struct wa_buf *b, int64_t *ret_t)
{
	char key[KEY_MAX];
	uint64_t t = 0;
	int found = wa_records_get(c->rec, WA_REC_CACHE, key_of(c, user, key), b, NULL);
	size_t i;

	if (found <= 0 || b->len <= 8)
		return found < 0 ? found : 0;
	for (i = 0; i < 8; i++)
		t = t << 8 | b->ptr[i];
	*ret_t = (int64_t)t;
	return 1;
}

static void take(struct wa_client *c, const struct wa_jid *from, const struct wa_node *token)
{
	struct wa_span bytes = wa_node_bytes(token);
	int64_t t = attr_ms(token, "t", 0) / 1000, old = 0;
	char key[KEY_MAX];
	struct wa_buf b;

	if (!wa_node_attr_is(token, "type", "trusted_contact") || bytes.len == 0 ||
	    bytes.len > TOKEN_MAX)
		return;
	wa_buf_init(&b, 4096);
	if (load(c, from, &b, &old) != 1 || t >= old) {
		wa_buf_clear(&b);
		wa_buf_be64(&b, (uint64_t)t);
		wa_buf_span(&b, bytes);
		if (wa_buf_end(&b, NULL) ||
		    wa_records_put(c->rec, WA_REC_CACHE, key_of(c, from, key), wa_buf_view(&b)))
			client_nomem(c);
	}
	wa_buf_wipe(&b);
}

void trust_notification(struct wa_client *c, const struct wa_node *n, const struct wa_jid *from)
{
	const struct wa_node *it;

	if (!wa_jid_is_user(from) || !from->user[0] || client_own(c, from))
		return;
	for (it = wa_node_first(wa_node_get(n, "tokens")); it; it = it->next)
		if (wa_node_is(it, "token"))
			take(c, from, it);
}

void trust_put(struct wa_client *c, struct wa_arena *a, struct wa_node *parent,
	       const struct wa_jid *user)
{
	int64_t now = (client_now(c) + c->server_offset_ms) / 1000, t = 0;
	struct wa_buf b;

	wa_buf_init(&b, 4096);
	if (load(c, user, &b, &t) == 1 && now / BUCKET_S - t / BUCKET_S <= BUCKETS_KEPT)
		wa_node_data(a, wa_node_child(a, parent, "tctoken"), wa_span(b.ptr + 8, b.len - 8));
	wa_buf_wipe(&b);
}
