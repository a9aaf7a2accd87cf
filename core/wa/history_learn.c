/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first reading of a part of history: who is who, and who trusts us. It
 * stands behind the messages it is needed for.
 */
#include "history_int.h"

#include "pb.h"

#define LEARNT_MAX 64 /* pairs and tokens in one batch */
#define SALT_MAX   256

static struct wa_jid raw_jid(struct wa_span text)
{
	struct wa_jid none = { .server = WA_SRV_NONE }, j;

	return text.len >= WA_JID_TEXT_MAX || wa_jid_parse(text, &j, NULL) ? none : wa_jid_bare(&j);
}

static void learn_mapping(struct wa_client *c, struct wa_span s)
{
	struct wa_jid a = { .server = WA_SRV_NONE }, b = a;
	struct wa_pb_field f;

	while (wa_pb_next(&s, &f) == 1) {
		if (f.number == 1 && f.wire == 2)
			a = raw_jid(f.bytes);
		if (f.number == 2 && f.wire == 2)
			b = raw_jid(f.bytes);
	}
	client_learn_many(c, &a, &b);
}

static void learn_salt(struct wa_client *c, struct wa_span salt)
{
	if (salt.len && salt.len <= SALT_MAX &&
	    wa_records_put(c->rec, WA_REC_CACHE, wa_span_str("nct_salt"), salt))
		client_nomem(c);
}

static void chat_fact(struct history_facts *x, const struct history_item *it)
{
	switch (it->number) {
	case CHAT_ID:
		x->id = raw_jid(it->bytes);
		break;
	case CHAT_PN:
	case CHAT_LID:
		x->other = raw_jid(it->bytes);
		break;
	case CHAT_TOKEN:
		x->token_len = it->bytes.len <= HISTORY_TOKEN_MAX ? it->bytes.len : 0;
		if (x->token_len)
			memcpy(x->token, it->bytes.ptr, x->token_len);
		break;
	case CHAT_TOKEN_TIME:
		x->token_s = it->value <= TIME_MAX_S ? (int64_t)it->value : 0;
		break;
	case CHAT_SENDER_TIME:
		x->sender_s = it->value <= TIME_MAX_S ? (int64_t)it->value : 0;
		break;
	default:
		break;
	}
}

static bool learn_chat(struct wa_client *c, const struct history_facts *x)
{
	bool known = wa_jid_is_user(&x->id) && x->id.user[0];

	if (known && !wa_jid_is_null(&x->other))
		client_learn_many(c, &x->id, &x->other);
	if (known && (x->token_len || x->sender_s))
		trust_learn(c, &x->id, wa_span(x->token, x->token_len), x->token_s, x->sender_s);
	return known && (!wa_jid_is_null(&x->other) || x->token_len || x->sender_s);
}

static void learn_item(struct wa_client *c, struct history_part *p, struct history_facts *x,
		       const struct history_item *it, size_t *n)
{
	switch (it->kind) {
	case HISTORY_CHAT:
		memset(x, 0, sizeof(*x));
		history_reader_skip_messages(p->reader, true);
		break;
	case HISTORY_CHAT_FIELD:
		chat_fact(x, it);
		break;
	case HISTORY_CHAT_END:
		*n += learn_chat(c, x);
		break;
	case HISTORY_FIELD:
		if (it->number == SYNC_MAPPING) {
			learn_mapping(c, it->bytes);
			++*n;
		} else if (it->number == SYNC_SALT) {
			learn_salt(c, it->bytes);
		}
		break;
	default:
		break;
	}
}

int history_learn(struct wa_client *c, struct history_part *p, struct wa_err *err)
{
	struct history_facts *x = &p->chat.facts;
	struct history_item it;
	size_t n = 0;
	int rc;

	while (n < LEARNT_MAX && !c->failed && client_slice(c, COST_HISTORY)) {
		rc = history_reader_next(p->reader, &it, err);
		if (rc == HISTORY_BUSY) {
			if (!client_slice(c, COST_INFLATE))
				break;
			continue;
		}
		if (rc != HISTORY_ITEM)
			return rc;
		learn_item(c, p, x, &it, &n);
	}
	return HISTORY_BUSY;
}
