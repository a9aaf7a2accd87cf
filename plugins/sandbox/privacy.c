/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "person.h"

#include <crypto.h>
#include <wa/account.h>

/* The first value is what a new account has. */
static const struct {
	const char *name;
	const char *values[6];
} categories[SB_CATEGORIES] = {
	{ "groupadd", { "all", "contacts", "contact_blacklist", "contact_allowlist", "none" } },
	{ "last", { "all", "contacts", "contact_blacklist", "contact_allowlist", "none" } },
	{ "status", { "all", "contacts", "contact_blacklist", "contact_allowlist", "none" } },
	{ "profile", { "all", "contacts", "contact_blacklist", "contact_allowlist", "none" } },
	{ "readreceipts", { "all", "none" } },
	{ "online", { "all", "match_last_seen" } },
	{ "calladd", { "all", "known" } },
	{ "messages", { "all", "contacts" } },
	{ "defense", { "off", "on_standard" } },
	{ "stickers", { "contacts", "all", "contact_allowlist", "none" } },
};

static int category_of(const char *name)
{
	for (int i = 0; i < SB_CATEGORIES; i++)
		if (strcmp(categories[i].name, name) == 0)
			return i;
	return -1;
}

const char *sb_privacy(const struct sb_account *a, const char *category)
{
	int i = category_of(category);
	size_t v = a->person && i >= 0 ? a->person->privacy[i] : 0;

	if (i < 0 || v >= WA_ARRAY_LEN(categories[0].values) || !categories[i].values[v])
		return "";
	return categories[i].values[v];
}

bool sb_contact(const struct sb_account *a, const struct sb_account *who)
{
	return (a->person && wa_map_has(&a->person->contacts, wa_span_str(who->pn))) || sb_watches(who, a);
}

bool sb_allows(const struct sb_account *a, const struct sb_account *who, const char *category)
{
	const char *v = sb_privacy(a, category);

	if (a == who)
		return true;
	if (sb_blocks(a, who))
		return false;
	if (strcmp(v, "all") == 0 || strcmp(v, "off") == 0)
		return true;
	if (strcmp(v, "match_last_seen") == 0)
		return sb_allows(a, who, "last");
	return strcmp(v, "none") != 0 && sb_contact(a, who);
}

int sb_privacy_set(struct sb_account *a, const struct sb_device *by, const char *category, const char *value)
{
	SB_AUTO_ARENA struct wa_arena ar = { 0 };
	struct sb_person *p = sb_person(a);
	int i = category_of(category);
	struct wa_node *n, *k;

	if (!p)
		return 500;
	for (size_t v = 0; i >= 0 && v < WA_ARRAY_LEN(categories[0].values) && categories[i].values[v]; v++) {
		if (strcmp(categories[i].values[v], value) != 0)
			continue;
		p->privacy[i] = (uint8_t)v;
		sb_keep_account(a);
		wa_arena_init(&ar, SB_STANZA_MAX);
		n = sb_notification(a->s, &ar, "account_sync", &a->pn_jid);
		k = wa_node_child(&ar, wa_node_child(&ar, n, "privacy"), "category");
		wa_node_attr(&ar, k, "name", category);
		wa_node_attr(&ar, k, "value", value);
		sb_tell_devices(a, by, n);
		return 0;
	}
	return 400;
}

/* ---- trusted-contact tokens ---- */

static struct sb_token *token_of(const struct sb_account *a, const struct sb_account *holder)
{
	return a->person ? wa_map_get(&a->person->tokens, wa_span_str(holder->pn)) : NULL;
}

static void tell_token(struct sb_account *a, struct sb_account *to, const struct sb_token *t)
{
	SB_AUTO_ARENA struct wa_arena ar = { 0 };
	struct wa_node *n, *tok;

	wa_arena_init(&ar, SB_STANZA_MAX);
	n = sb_notification(a->s, &ar, "privacy_token", &a->pn_jid);
	wa_node_attr_jid(&ar, n, "sender_lid", &a->lid_jid);
	tok = wa_node_child(&ar, wa_node_child(&ar, n, "tokens"), "token");
	wa_node_attr(&ar, tok, "type", "trusted_contact");
	wa_node_attr_jid(&ar, tok, "jid", &to->pn_jid);
	wa_node_attr_int(&ar, tok, "t", t->t);
	wa_node_data(&ar, tok, wa_span(t->bytes, sizeof(t->bytes)));
	sb_tell_devices(to, NULL, n);
}

void sb_token_issue(struct sb_account *a, struct sb_account *to, int64_t t, bool again)
{
	struct sb_person *p = sb_person(a);
	struct sb_token *had = token_of(a, to);

	if (!p || a == to || (had && !again && had->t / SB_BUCKET_S >= t / SB_BUCKET_S))
		return;
	if (!had) {
		had = calloc(1, sizeof(*had));
		if (!had || wa_map_put(&p->tokens, wa_span_str(to->pn), had, NULL)) {
			free(had);
			return;
		}
	}
	sb_random(a->s, had->bytes, sizeof(had->bytes));
	had->t = t;
	sb_keep_account(a);
	tell_token(a, to, had);
}

void sb_nct_salt(const struct sb_account *a, uint8_t out[32])
{
	wa_hmac_sha256(wa_span(a->s->root.priv.b, sizeof(a->s->root.priv.b)), wa_span_str(a->lid), out);
}

/* HMAC-SHA256(salt of the sender, LID of the one written to). */
static bool derived_fits(const struct sb_account *from, const struct sb_account *to, struct wa_span token)
{
	uint8_t salt[32], mac[WA_SHA256_LEN];
	char text[WA_JID_TEXT_MAX];

	sb_nct_salt(from, salt);
	wa_hmac_sha256(wa_span(salt, sizeof(salt)), wa_span_str(wa_jid_text(&to->lid_jid, text)), mac);
	return wa_span_eq(token, wa_span(mac, sizeof(mac)));
}

int sb_token_judge(struct sb_device *from, struct sb_account *to, const struct wa_node *n)
{
	struct wa_span tc = wa_node_bytes(wa_node_get(n, "tctoken")), cs = wa_node_bytes(wa_node_get(n, "cstoken"));
	const struct sb_token *t = token_of(to, from->acc);
	struct sb_account *me = from->acc;
	bool good = t && wa_span_eq(tc, wa_span(t->bytes, sizeof(t->bytes))) &&
		    sb_now(me->s) / 1000 / SB_BUCKET_S - t->t / SB_BUCKET_S <= 3;
	struct sb_person *p;

	if (to == me)
		return 0;
	if (tc.len && !good && !t)
		sb_violation(me->s, from, n, "token.unknown", "a tctoken that %s never gave", to->pn);
	if (cs.len && tc.len)
		sb_violation(me->s, from, n, "token.two", "tctoken and cstoken in one message");
	if (cs.len && !derived_fits(me, to, cs))
		sb_violation(me->s, from, n, "token.derived", "a cstoken of another salt or person");
	if (good) /* a derived one helps where this server does not look so closely */
		return 0;
	if (sb_fault_hit(me->s, SB_FAULT_463_TOKEN, me, from->id))
		return 463;
	if (sb_fault_hit(me->s, SB_FAULT_463_RESTRICTED, me, from->id) && (p = sb_person(me)) && !p->locked) {
		p->locked = true;
		p->lock_until_ms = sb_now(me->s) + 3600000;
		sb_copy(p->lock_kind, sizeof(p->lock_kind), "BIZ_QUALITY");
	}
	p = me->person;
	return p && p->locked && p->lock_until_ms > sb_now(me->s) ? 463 : 0;
}

/* ---- questions ---- */

static void tokens(struct sb_conn *c, const struct wa_node *iq)
{
	const struct wa_node *t;

	sb_iq_result(c, iq, NULL, NULL);
	for (t = wa_node_first(wa_node_get(iq, "tokens")); t; t = t->next) {
		struct sb_account *to;
		struct wa_jid jid;
		int64_t at = wa_node_attr_num(t, "t", 0);

		if (!wa_node_is(t, "token") || !wa_node_attr_is(t, "type", "trusted_contact") || at <= 0 ||
		    !wa_node_attr_jid_get(t, "jid", &jid)) {
			sb_violation(c->s, c->dev, iq, "token.malformed", "a token without jid, t or type");
			continue;
		}
		to = sb_find(c->s, &jid);
		if (to && to != c->dev->acc)
			sb_token_issue(c->dev->acc, to, at, true);
	}
}

static void get_settings(struct sb_conn *c, const struct wa_node *iq)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct wa_node *n, *k;

	wa_arena_init(&a, SB_STANZA_MAX);
	n = wa_node_new(&a, "privacy");
	for (size_t i = 0; i < SB_CATEGORIES; i++) {
		k = wa_node_child(&a, n, "category");
		wa_node_attr(&a, k, "name", categories[i].name);
		wa_node_attr(&a, k, "value", sb_privacy(c->dev->acc, categories[i].name));
	}
	sb_iq_result(c, iq, &a, n);
}

void sb_iq_privacy(struct sb_conn *c, const struct wa_node *iq)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	const struct wa_node *k;
	struct wa_node *n, *out;
	int code;

	if (wa_node_get(iq, "tokens")) {
		tokens(c, iq);
		return;
	}
	if (!wa_node_attr_is(iq, "type", "set")) {
		get_settings(c, iq);
		return;
	}
	wa_arena_init(&a, SB_STANZA_MAX);
	n = wa_node_new(&a, "privacy");
	k = wa_node_first(wa_node_get(iq, "privacy"));
	code = k ? 0 : 400;
	for (; k && !code; k = k->next) {
		code = sb_privacy_set(c->dev->acc, c->dev, sb_attr(&a, k, "name"), sb_attr(&a, k, "value"));
		out = wa_node_child(&a, n, "category");
		wa_node_attr_span(&a, out, "name", wa_node_attr_get(k, "name"));
		wa_node_attr_span(&a, out, "value", wa_node_attr_get(k, "value"));
	}
	if (code) {
		sb_violation(c->s, c->dev, iq, "privacy.value", "no such setting or value");
		sb_iq_error(c, iq, code);
		return;
	}
	sb_iq_result(c, iq, &a, n);
}

void sb_iq_timer(struct sb_conn *c, const struct wa_node *iq)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	const struct wa_node *m = wa_node_get(iq, "disappearing_mode");
	int64_t s = wa_node_attr_num(m, "duration", -1);
	struct sb_account *acc = c->dev->acc;
	struct sb_person *p = sb_person(acc);
	struct wa_node *n, *k;

	if (!p || s < 0 || s > 7776000) {
		sb_violation(c->s, c->dev, iq, "disappearing_mode", "no duration");
		sb_iq_error(c, iq, 400);
		return;
	}
	p->timer_s = (uint32_t)s;
	p->timer_ms = sb_now(c->s);
	sb_keep_account(acc);
	sb_iq_result(c, iq, NULL, NULL);
	wa_arena_init(&a, SB_STANZA_MAX);
	n = sb_notification(c->s, &a, "account_sync", &acc->pn_jid);
	k = wa_node_child(&a, n, "disappearing_mode");
	wa_node_attr_int(&a, k, "duration", s);
	wa_node_attr_int(&a, k, "t", sb_now(c->s) / 1000);
	sb_tell_devices(acc, c->dev, n);
}
