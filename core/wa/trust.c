/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Trusted-contact tokens: who was written to by somebody gets a token for him
 * from the server, and shows it when writing first. Without one the server may
 * refuse a message to a person who does not know us (463).
 *
 * Record WA_REC_TOKEN, key: the LID's user (or the JID while there is no LID):
 * version, when his token was issued, when ours was, his token. Seconds.
 */
#include "client_int.h"

#include <crypto.h>

#include <stdlib.h>

#define VERSION      1
#define HEAD         17
#define TOKEN_MAX    256
#define SALT_MAX     256
#define BUCKET_S     604800 /* tokens live by the week: the present one and three before */
#define BUCKETS_KEPT 3

struct trust {
	int64_t t, sender_t; /* 0: none */
	uint8_t token[TOKEN_MAX];
	size_t len;
};

static int64_t server_now_s(const struct wa_client *c)
{
	return (client_now(c) + c->server_offset_ms) / 1000;
}

static struct wa_jid person_of(struct wa_client *c, const struct wa_jid *user)
{
	struct wa_jid bare = wa_jid_bare(user);

	bare = wa_signal_canonical(c->sig, &bare);
	return jid_person(&bare);
}

static struct wa_span key_of(const struct wa_jid *person, char out[WA_JID_TEXT_MAX])
{
	if (person->server == WA_SRV_LID)
		return wa_span_str(person->user);
	return wa_span_str(wa_jid_text(person, out));
}

static bool read_record(struct wa_span s, struct trust *ret)
{
	uint64_t t = 0, own = 0;
	size_t i;

	memset(ret, 0, sizeof(*ret));
	if (s.len < HEAD || s.len > HEAD + TOKEN_MAX || s.ptr[0] != VERSION)
		return false;
	for (i = 0; i < 8; i++) {
		t = t << 8 | s.ptr[1 + i];
		own = own << 8 | s.ptr[9 + i];
	}
	ret->t = (int64_t)t;
	ret->sender_t = (int64_t)own;
	ret->len = s.len - HEAD;
	if (ret->len)
		memcpy(ret->token, s.ptr + HEAD, ret->len);
	return true;
}

static bool load_key(struct wa_client *c, struct wa_span key, struct trust *ret)
{
	struct wa_buf b;
	bool found;

	wa_buf_init(&b, 4096);
	found = wa_records_get(c->rec, WA_REC_TOKEN, key, &b, NULL) == 1 &&
		read_record(wa_buf_view(&b), ret);
	wa_buf_wipe(&b);
	return found;
}

/* What is known of this person; nothing is a zeroed answer. */
static void load(struct wa_client *c, const struct wa_jid *person, struct trust *ret)
{
	char text[WA_JID_TEXT_MAX];
	struct wa_jid pn;

	if (load_key(c, key_of(person, text), ret))
		return;
	/* Stored before the LID was known. */
	if (person->server == WA_SRV_LID && wa_signal_pn_of(c->sig, person, &pn) == 1 &&
	    load_key(c, key_of(&pn, text), ret))
		return;
	memset(ret, 0, sizeof(*ret));
}

static void save(struct wa_client *c, const struct wa_jid *person, const struct trust *t)
{
	char text[WA_JID_TEXT_MAX];
	struct wa_buf b;

	wa_buf_init(&b, 4096);
	wa_buf_u8(&b, VERSION);
	wa_buf_be64(&b, (uint64_t)t->t);
	wa_buf_be64(&b, (uint64_t)t->sender_t);
	wa_buf_span(&b, wa_span(t->token, t->len));
	if (wa_buf_end(&b, NULL) ||
	    wa_records_put(c->rec, WA_REC_TOKEN, key_of(person, text), wa_buf_view(&b)))
		client_nomem(c);
	wa_buf_wipe(&b);
}

static bool regular(const struct wa_client *c, const struct wa_jid *user)
{
	return wa_jid_is_user(user) && user->user[0] && strcmp(user->user, "0") != 0 &&
	       !client_own(c, user);
}

void trust_learn(struct wa_client *c, const struct wa_jid *user, struct wa_span token, int64_t t_s,
		 int64_t sender_t_s)
{
	struct wa_jid person;
	struct trust had;
	bool changed = false;

	if (!regular(c, user) || token.len > TOKEN_MAX)
		return;
	person = person_of(c, user);
	load(c, &person, &had);
	if (token.len && t_s > 0 && t_s <= TIME_MAX_S && t_s >= had.t &&
	    (t_s != had.t || !wa_span_eq(token, wa_span(had.token, had.len)))) {
		had.t = t_s;
		had.len = token.len;
		memcpy(had.token, token.ptr, token.len);
		changed = true;
	}
	if (sender_t_s > had.sender_t && sender_t_s <= TIME_MAX_S) {
		had.sender_t = sender_t_s;
		changed = true;
	}
	if (changed)
		save(c, &person, &had);
	wa_wipe(&had, sizeof(had));
}

/* <tokens> of a notification, or of the answer to our own. */
static void take_tokens(struct wa_client *c, const struct wa_node *tokens,
			const struct wa_jid *from)
{
	const struct wa_node *it;

	for (it = wa_node_first(tokens); it; it = it->next)
		if (wa_node_is(it, "token") && wa_node_attr_is(it, "type", "trusted_contact"))
			trust_learn(c, from, wa_node_bytes(it), attr_ms(it, "t", 0) / 1000, 0);
}

void trust_notification(struct wa_client *c, const struct wa_node *n, const struct wa_jid *from)
{
	take_tokens(c, wa_node_get(n, "tokens"), from);
}

static bool put_token(struct wa_client *c, struct wa_arena *a, struct wa_node *parent,
		      const struct wa_jid *person)
{
	int64_t now = server_now_s(c);
	struct trust had;
	bool good;

	load(c, person, &had);
	good = had.len && now / BUCKET_S - had.t / BUCKET_S <= BUCKETS_KEPT;
	if (good)
		wa_node_data(a, wa_node_child(a, parent, "tctoken"),
			     wa_span(had.token, had.len));
	wa_wipe(&had, sizeof(had));
	return good;
}

void trust_put(struct wa_client *c, struct wa_arena *a, struct wa_node *parent,
	       const struct wa_jid *user)
{
	struct wa_jid person = person_of(c, user);

	if (regular(c, &person))
		(void)put_token(c, a, parent, &person);
}

/* HMAC-SHA256(salt, LID text): shows that we are a device of an account he may know. */
static void put_derived(struct wa_client *c, struct wa_arena *a, struct wa_node *parent,
			const struct wa_jid *person)
{
	uint8_t mac[WA_SHA256_LEN];
	char text[WA_JID_TEXT_MAX];
	struct wa_buf salt;

	if (person->server != WA_SRV_LID)
		return;
	wa_buf_init(&salt, SALT_MAX);
	if (wa_records_get(c->rec, WA_REC_CACHE, wa_span_str("nct_salt"), &salt, NULL) == 1 &&
	    salt.len) {
		wa_hmac_sha256(wa_buf_view(&salt), wa_span_str(wa_jid_text(person, text)), mac);
		wa_node_data(a, wa_node_child(a, parent, "cstoken"), wa_span(mac, sizeof(mac)));
		wa_wipe(mac, sizeof(mac));
	}
	wa_buf_wipe(&salt);
}

void trust_put_message(struct wa_client *c, struct wa_arena *a, struct wa_node *parent,
		       const struct wa_jid *user)
{
	struct wa_jid person = person_of(c, user);

	if (regular(c, &person) && !put_token(c, a, parent, &person))
		put_derived(c, a, parent, &person);
}

/* ---- our own ---- */

struct issue {
	struct wa_jid person;
	int64_t t;
};

static void on_issued(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	struct issue *i = arg;

	asked_del(c, 't', &i->person);
	if (code == 0) {
		take_tokens(c, wa_node_get(node, "tokens"), &i->person);
		trust_learn(c, &i->person, wa_span(NULL, 0), 0, i->t);
	}
	free(i);
}

static void issue(struct wa_client *c, const struct wa_jid *person)
{
	struct issue *i;
	struct wa_jid to = *person;
	struct wa_node *iq, *tok;
	struct wa_arena a;

	if (asked_has(c, 't', person))
		return;
	i = calloc(1, sizeof(*i));
	if (!i) {
		client_nomem(c);
		return;
	}
	i->person = *person;
	i->t = server_now_s(c);
	asked_set(c, 't', person);
	/* The server knows contacts of this kind by number. */
	if (wa_signal_pn_of(c->sig, person, &to) != 1)
		to = *person;
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "set", "privacy");
	tok = wa_node_child(&a, wa_node_child(&a, iq, "tokens"), "token");
	wa_node_attr_jid(&a, tok, "jid", &to);
	wa_node_attr_int(&a, tok, "t", i->t);
	wa_node_attr(&a, tok, "type", "trusted_contact");
	iq_send(c, &a, iq, IQ_TIMEOUT_MS, on_issued, i);
	wa_arena_clear(&a);
}

void trust_issue(struct wa_client *c, const struct wa_jid *user)
{
	struct wa_jid person = person_of(c, user);
	struct trust had;

	if (!regular(c, &person))
		return;
	load(c, &person, &had);
	if (had.sender_t == 0 || server_now_s(c) / BUCKET_S > had.sender_t / BUCKET_S)
		issue(c, &person);
	wa_wipe(&had, sizeof(had));
}

void trust_renew(struct wa_client *c, const struct wa_jid *user)
{
	struct wa_jid person = person_of(c, user);
	struct trust had;

	if (!regular(c, &person))
		return;
	load(c, &person, &had);
	if (had.sender_t && server_now_s(c) / BUCKET_S - had.sender_t / BUCKET_S <= BUCKETS_KEPT)
		issue(c, &person);
	wa_wipe(&had, sizeof(had));
}

void trust_reissue(struct wa_client *c, const struct wa_jid *user)
{
	struct wa_jid person = person_of(c, user);

	if (regular(c, &person))
		issue(c, &person);
}
