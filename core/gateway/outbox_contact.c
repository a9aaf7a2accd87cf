/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Contacts of recipients that were looked up lately, those that do not exist
 * included: a chat is written to again and again. Every write of a contact goes
 * through wb_outbox_contact_put(), which forgets both of its names.
 */
#include <db_contact.h>
#include "outbox_priv.h"

#define ARENA_MAX (1u << 20)
#define KEY_MAX (DB_SESSION_ID_MAX + 1 + WA_JID_TEXT_MAX)

struct wb_known {
	struct wa_list link;
	bool found;
	char key[KEY_MAX + 1];
	char jid[WA_JID_TEXT_MAX], lid[WA_JID_TEXT_MAX];
};

static bool make_key(char key[KEY_MAX + 1], const char *session, const char *text)
{
	int n = snprintf(key, KEY_MAX + 1, "%s|%s", session, text);

	return n > 0 && n <= KEY_MAX;
}

static void drop(struct wb_outbox *o, struct wb_known *k)
{
	wa_map_del(&o->contacts, wa_span_str(k->key));
	wa_list_del(&k->link);
	free(k);
}

static void forget(struct wb_outbox *o, const char *session, const char *text)
{
	char key[KEY_MAX + 1];
	struct wb_known *k;

	if (!*text || !make_key(key, session, text))
		return;
	k = wa_map_get(&o->contacts, wa_span_str(key));
	if (k)
		drop(o, k);
}

void wb_outbox_contacts_clear(struct wb_outbox *o)
{
	while (!wa_list_empty(&o->contacts_used))
		drop(o, container_of(wa_list_first(&o->contacts_used), struct wb_known, link));
	wa_map_clear(&o->contacts);
}

/* NULL and a negative *ret: storage failed. */
static struct wb_known *look_up(struct wb_outbox *o, const char *session, const char *text,
				const char *key, int *ret, struct wa_err *err)
{
	struct wb_known *k = wb_zalloc(sizeof(*k));
	struct db_contact c;
	struct wa_arena a;

	wa_arena_init(&a, ARENA_MAX);
	*ret = db_contact_get(o->gw->db, session, text, &a, &c, err);
	if (*ret == 1) {
		k->found = true;
		snprintf(k->jid, sizeof(k->jid), "%s", c.jid);
		snprintf(k->lid, sizeof(k->lid), "%s", c.lid);
	}
	wa_arena_clear(&a);
	if (*ret < 0) {
		free(k);
		return NULL;
	}
	snprintf(k->key, sizeof(k->key), "%s", key);
	if (wa_map_put(&o->contacts, wa_span_str(k->key), k, NULL) < 0)
		abort();
	wa_list_push_front(&o->contacts_used, &k->link);
	if (o->contacts.len > WB_KNOWN_MAX)
		drop(o, container_of(o->contacts_used.prev, struct wb_known, link));
	return k;
}

int wb_outbox_contact(struct wb_outbox *o, const char *session, const char *text,
		      const char **ret_jid, const char **ret_lid, struct wa_err *err)
{
	char key[KEY_MAX + 1];
	struct wb_known *k;
	int r = 0;

	if (!make_key(key, session, text))
		return wa_err_set(err, WA_EINVALID, "recipient of %zu bytes", strlen(text));
	k = wa_map_get(&o->contacts, wa_span_str(key));
	if (k) {
		wa_list_del(&k->link);
		wa_list_push_front(&o->contacts_used, &k->link);
	} else {
		k = look_up(o, session, text, key, &r, err);
	}
	if (!k)
		return r;
	*ret_jid = k->jid;
	*ret_lid = k->lid;
	return k->found;
}

/* ---- writes ---- */

struct writing {
	struct wb_gateway *gw;
	char session[DB_SESSION_ID_MAX + 1];
	char jid[WA_JID_TEXT_MAX], lid[WA_JID_TEXT_MAX];
};

/* Between the write and its commit the old contact may have been read again. */
static void on_written(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct writing *w = ctx;

	(void)code;
	(void)err;
	(void)res;
	if (w->gw->outbox) {
		forget(w->gw->outbox, w->session, w->jid);
		forget(w->gw->outbox, w->session, w->lid);
	}
	free(w);
}

void wb_outbox_contact_put(struct wb_tx *tx, const char *session, const char *jid,
			   const char *lid)
{
	struct writing *w = wb_zalloc(sizeof(*w));

	w->gw = wb_tx_gateway(tx);
	snprintf(w->session, sizeof(w->session), "%s", session);
	snprintf(w->jid, sizeof(w->jid), "%s", jid);
	snprintf(w->lid, sizeof(w->lid), "%s", lid);
	wb_tx_hook(tx, on_written, w);
}
