/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any stanza to a client. The first byte says to whom, the rest is the stanza's plaintext:
 *	0	linked and ready, in one group
 *	1	still linking
 *	2...	as 0, and it has just asked the server number byte - 2 of the enum below: the stanza gets the question's id
 *	255	as 1, with a passkey demanded and shown: the stanza gets the id of what it asks then
 * The client may close the session with a reason, it may not crash, hang or break the gate.
 * seeds.c makes the corpus files of what is asked and notified.
 */
#include "mini.h"

#include <wa/account.h>
#include <wa/call.h>
#include <wa/group.h>
#include <wa/media.h>
#include <wa/newsletter.h>
#include <wa/service.h>
#include <wa/sync.h>

#include <stdlib.h>

#define INPUTS  200	/* before everything is made anew */
#define PASSKEY 255
#define GROUP   "120363000000000002"
#define CHANNEL "120363000000000001"
#define LOST    "LOST"	/* the message whose file the phone is asked for */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct mini ready, linking;
static unsigned n_ready, n_linking;
static char asked[64];	/* id of the question that waits for the input */
static bool hold;

/* The first question after hold was set is the input's to answer. */
static bool withhold(struct mini *m, const struct wa_node *n)
{
	struct wa_span id = wa_node_attr_get(n, "id");

	(void)m;
	if (!hold || wa_node_attr_is(n, "type", "result") || id.len >= sizeof(asked))
		return false;
	hold = false;
	snprintf(asked, sizeof(asked), "%.*s", WA_SPAN_ARG(id));
	return true;
}

/* ---- what is asked ---- */

/* Reads all of an answer's rows, for the sanitizers to see. */
static void walk(const void *p, size_t len)
{
	static volatile uint8_t sink;
	const uint8_t *b = p;

	while (b && len--)
		sink = (uint8_t)(sink ^ *b++);
}

static void text(const char *s)
{
	if (s)
		walk(s, strlen(s));
}

#define ROWS(NAME, TYPE)                                                                      \
	static void NAME(void *arg, int code, const TYPE *rows, size_t n)                     \
	{                                                                                     \
		(void)arg;                                                                    \
		(void)code;                                                                   \
		walk(rows, n * sizeof(*rows));                                                \
	}
#define ONE(NAME, TYPE)                                                                       \
	static void NAME(void *arg, int code, const TYPE *row)                                \
	{                                                                                     \
		(void)arg;                                                                    \
		(void)code;                                                                   \
		walk(row, sizeof(*row));                                                      \
	}
#define TOLD(NAME, TYPE)                                                                      \
	static void NAME(void *arg, int code, const char *why, const TYPE *rows, size_t n)    \
	{                                                                                     \
		(void)arg;                                                                    \
		(void)code;                                                                   \
		text(why);                                                                    \
		walk(rows, n * sizeof(*rows));                                                \
	}
ROWS(on_people, struct wa_jid)
ROWS(on_privacy, struct wa_privacy)
ROWS(on_status_privacy, struct wa_status_privacy)
ROWS(on_users, struct wa_user_info)
ROWS(on_posts, struct wa_newsletter_message)
ROWS(on_collections, struct wa_collection)
ROWS(on_bots, struct wa_bot)
ONE(on_picture, struct wa_picture)
ONE(on_business, struct wa_business)
ONE(on_catalog, struct wa_catalog)
ONE(on_order, struct wa_order_details)
ONE(on_link_target, struct wa_link_target)
ONE(on_restriction, struct wa_restriction)
ONE(on_props, struct wa_props)
ONE(on_media, struct wa_media_conn)
TOLD(on_groups, struct wa_group)
TOLD(on_members, struct wa_group_member)
TOLD(on_channels, struct wa_newsletter)

static void on_invite(void *arg, int code, const char *why, const char *value)
{
	(void)arg;
	(void)code;
	text(why);
	text(value);
}

static void on_join(void *arg, int code, const char *why, const struct wa_jid *group, bool pending)
{
	(void)arg;
	(void)code;
	(void)pending;
	text(why);
	walk(group, group ? sizeof(*group) : 0);
}

static void on_done(void *arg, int code, const char *why)
{
	(void)arg;
	(void)code;
	text(why);
}

enum {
	GROUP_GET, GROUP_LIST, GROUP_INVITE, GROUP_PREVIEW, GROUP_JOIN, GROUP_REQUESTS, GROUP_ADD,
	COMMUNITY_GROUPS, COMMUNITY_MEMBERS, CHANNEL_GET, CHANNEL_LIST, CHANNEL_POSTS, CHANNEL_UPDATES,
	CHANNEL_LIVE, PICTURE, USER_INFO, BUSINESS, CATALOG, COLLECTIONS, ORDER, BLOCKLIST, PRIVACY,
	STATUS_PRIVACY, CONTACT_LINK, LINK_TARGET, RESTRICTION, CALL_LINK, MEDIA_CONN, SYNC, PROPS, BOTS,
	MEDIA_RETRY, ASKS
};

static int ask_group(struct wa_client *c, unsigned what)
{
	struct wa_jid g = wa_jid_make(WA_SRV_GROUP, GROUP, 0), bob = wa_jid_make(WA_SRV_LID, BOB_LID, 0);

	switch (what) {
	case GROUP_GET:
		return wa_client_group_get(c, &g, on_groups, NULL, NULL);
	case GROUP_LIST:
		return wa_client_group_list(c, on_groups, NULL, NULL);
	case GROUP_INVITE:
		return wa_client_group_invite(c, &g, false, on_invite, NULL, NULL);
	case GROUP_PREVIEW:
		return wa_client_group_preview(c, "CODE0123456789abcdefgh", on_groups, NULL, NULL);
	case GROUP_JOIN:
		return wa_client_group_join(c, "CODE0123456789abcdefgh", on_join, NULL, NULL);
	case GROUP_REQUESTS:
		return wa_client_group_requests(c, &g, on_members, NULL, NULL);
	case GROUP_ADD:
		return wa_client_group_members(c, &g, WA_MEMBERS_ADD, &bob, 1, false, on_members, NULL, NULL);
	case COMMUNITY_GROUPS:
		return wa_client_community_groups(c, &g, on_groups, NULL, NULL);
	default:
		return wa_client_community_members(c, &g, on_members, NULL, NULL);
	}
}

static int ask_channel(struct wa_client *c, unsigned what)
{
	struct wa_jid n = wa_jid_make(WA_SRV_NEWSLETTER, CHANNEL, 0);

	switch (what) {
	case CHANNEL_GET:
		return wa_client_newsletter_get(c, &n, on_channels, NULL, NULL);
	case CHANNEL_LIST:
		return wa_client_newsletter_list(c, on_channels, NULL, NULL);
	case CHANNEL_POSTS:
		return wa_client_newsletter_messages(c, &n, 10, 0, on_posts, NULL, NULL);
	case CHANNEL_UPDATES:
		return wa_client_newsletter_updates(c, &n, 10, 0, 0, on_posts, NULL, NULL);
	default:
		return wa_client_newsletter_live(c, &n, on_done, NULL, NULL);
	}
}

static int ask_person(struct wa_client *c, unsigned what)
{
	struct wa_jid bob = wa_jid_make(WA_SRV_PN, BOB_PN, 0);

	switch (what) {
	case PICTURE:
		return wa_client_picture_get(c, &bob, false, NULL, on_picture, NULL, NULL);
	case USER_INFO:
		return wa_client_user_info(c, &bob, 1, 127, on_users, NULL, NULL);
	case BUSINESS:
		return wa_client_business_get(c, &bob, on_business, NULL, NULL);
	case CATALOG:
		return wa_client_catalog(c, &bob, 10, NULL, on_catalog, NULL, NULL);
	case COLLECTIONS:
		return wa_client_collections(c, &bob, 10, on_collections, NULL, NULL);
	default:
		return wa_client_order(c, "1", "dG9rZW4=", on_order, NULL, NULL);
	}
}

static int ask_retry(struct wa_client *c)
{
	static const uint8_t key[WA_MEDIA_KEY_LEN] = { 0x42 };
	struct wa_jid bob = wa_jid_make(WA_SRV_LID, BOB_LID, 0);
	struct wa_msg_info info = { .id = LOST, .chat = bob, .sender = bob };

	return wa_client_media_retry(c, &info, wa_span(key, sizeof(key)), NULL);
}

static int ask_account(struct wa_client *c, unsigned what)
{
	switch (what) {
	case BLOCKLIST:
		return wa_client_blocklist(c, on_people, NULL, NULL);
	case PRIVACY:
		return wa_client_privacy(c, on_privacy, NULL, NULL);
	case STATUS_PRIVACY:
		return wa_client_status_privacy(c, on_status_privacy, NULL, NULL);
	case CONTACT_LINK:
		return wa_client_contact_link(c, false, on_done, NULL, NULL);
	case LINK_TARGET:
		return wa_client_resolve_link(c, "CODE", false, on_link_target, NULL, NULL);
	case RESTRICTION:
		return wa_client_restriction(c, on_restriction, NULL, NULL);
	case CALL_LINK:
		return wa_client_call_link(c, true, 0, on_done, NULL, NULL);
	case MEDIA_CONN:
		return wa_client_media_conn(c, true, on_media, NULL, NULL);
	case SYNC:
		return wa_client_sync_fetch(c, WA_SYNC_REGULAR, false, on_done, NULL, NULL);
	case PROPS:
		return wa_client_props(c, NULL, on_props, NULL, NULL);
	case BOTS:
		return wa_client_bots(c, on_bots, NULL, NULL);
	default:
		return ask_retry(c);
	}
}

/* A refusal, say because the same is being asked, leaves asked empty. */
static void ask(struct mini *m, unsigned what)
{
	int rc;

	hold = true;
	if (what <= COMMUNITY_MEMBERS)
		rc = ask_group(m->c, what);
	else if (what <= CHANNEL_LIVE)
		rc = ask_channel(m->c, what);
	else if (what <= ORDER)
		rc = ask_person(m->c, what);
	else
		rc = ask_account(m->c, what);
	(void)rc;
	mini_run(m);
	if (!asked[0] && what == CALL_LINK && mini_got(m, "call", NULL, NULL))
		snprintf(asked, sizeof(asked), "%.*s",
			 WA_SPAN_ARG(wa_node_attr_get(mini_got(m, "call", NULL, NULL), "id")));
	hold = false;
}

static void ask_passkey(struct mini *m)
{
	static const char shown[] = "{\"rawId\":\"AAEC\"}";
	struct wa_node *n = mini_node(m, "notification");
	struct wa_jid server = WA_JID_SERVER;

	wa_node_attr_jid(&m->arena, n, "from", &server);
	wa_node_attr(&m->arena, n, "type", "passkey_prologue_request");
	wa_node_attr(&m->arena, n, "id", "pk");
	wa_node_data(&m->arena, wa_node_child(&m->arena, n, "passkey_request_options"), wa_span_str("{}"));
	mini_send(m, n);
	mini_run(m);
	hold = true;
	if (wa_client_passkey_assertion(m->c, wa_span_str(shown), NULL) == 0)
		mini_run(m);
	hold = false;
}

/* One group it is in, so that notifications change something. */
static void join(struct mini *m)
{
	struct wa_jid own = wa_jid_make(WA_SRV_LID, OWN_LID, 0), bob = wa_jid_make(WA_SRV_LID, BOB_LID, 0);
	struct wa_jid server = WA_JID_SERVER;
	struct wa_node *n, *g, *p;

	ask(m, GROUP_GET);
	n = mini_node(m, "iq");
	wa_node_attr_jid(&m->arena, n, "from", &server);
	wa_node_attr(&m->arena, n, "type", "result");
	wa_node_attr(&m->arena, n, "id", asked);
	g = wa_node_child(&m->arena, n, "group");
	wa_node_attr(&m->arena, g, "id", GROUP);
	wa_node_attr(&m->arena, g, "subject", "We");
	wa_node_attr(&m->arena, g, "addressing_mode", "lid");
	p = wa_node_child(&m->arena, g, "participant");
	wa_node_attr_jid(&m->arena, p, "jid", &own);
	wa_node_attr(&m->arena, p, "type", "admin");
	p = wa_node_child(&m->arena, g, "participant");
	wa_node_attr_jid(&m->arena, p, "jid", &bob);
	mini_send(m, n);
	mini_run(m);
	asked[0] = '\0';
}

/* ---- who is fed ---- */

static struct mini *get_ready(void)
{
	if (n_ready == INPUTS) {
		mini_clear(&ready);
		n_ready = 0;
	}
	if (n_ready++ == 0) {
		mini_init(&ready, 1);
		ready.on_iq = withhold;
		mini_link(&ready);
		join(&ready);
	}
	if (wa_client_state(ready.c) == WA_ST_IDLE)
		mini_connect(&ready);
	return &ready;
}

static struct mini *get_linking(void)
{
	if (n_linking && (n_linking == INPUTS || wa_client_device(linking.c)->paired)) {
		mini_clear(&linking);
		n_linking = 0;
	}
	if (n_linking++ == 0) {
		mini_init(&linking, 2);
		linking.on_iq = withhold;
	}
	if (wa_client_state(linking.c) == WA_ST_IDLE)
		mini_connect(&linking);
	return &linking;
}

/* The stanza as the answer to what was asked. */
static void answer(struct wa_arena *a, struct wa_node *n)
{
	struct wa_attr *at;

	for (at = n->attrs; at; at = at->next) {
		if (!wa_span_is(at->key, "id"))
			continue;
		at->jid = NULL;
		at->text = wa_span_str(asked);
		return;
	}
	wa_node_attr(a, n, "id", asked);
}

/* What the input did not answer is not left open: the same can be asked again. */
static void refuse(struct mini *m)
{
	struct wa_node *n = mini_node(m, "iq");
	struct wa_jid server = WA_JID_SERVER;

	wa_node_attr_jid(&m->arena, n, "from", &server);
	wa_node_attr(&m->arena, n, "type", "error");
	wa_node_attr(&m->arena, n, "id", asked);
	wa_node_attr(&m->arena, wa_node_child(&m->arena, n, "error"), "code", "500");
	mini_send(m, n);
	mini_run(m);
}

static void feed(uint8_t who, struct wa_arena *a, struct wa_node *n)
{
	struct mini *m = who == 1 || who == PASSKEY ? get_linking() : get_ready();

	m->n_ev = 0;
	m->n_got = 0;
	asked[0] = '\0';
	if (who == PASSKEY)
		ask_passkey(m);
	else if (who >= 2 && who - 2u < ASKS)
		ask(m, who - 2u);
	if (asked[0])
		answer(a, n);
	mini_send(m, n);
	mini_run(m);
	if (asked[0])
		refuse(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct wa_node *n;
	struct wa_arena a;

	if (size < 2 || size > 65536)
		return 0;
	wa_arena_init(&a, (size_t)16 << 20);
	if (wa_node_decode(wa_span(data + 1, size - 1), &a, &n, NULL) == 0)
		feed(data[0], &a, (struct wa_node *)(uintptr_t)n);
	wa_arena_clear(&a);
	return 0;
}
