/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Questions and small commands to WhatsApp: is this number there, mark as read. */
#include <db_chat.h>
#include <db_contact.h>
#include <db_message.h>
#include "message.h"
#include "session_priv.h"

#define ARENA_MAX (4u << 20)
#define READ_MAX 256

struct check {
	struct wb_gateway *gw;
	char session[DB_SESSION_ID_MAX + 1];
	char digits[20];
	wb_number_fn *fn;
	void *ctx;
	int code;		/* known at once; told later */
	bool exists;
	char jid[WA_JID_TEXT_MAX], lid[WA_JID_TEXT_MAX];
};

static void tell(void *ctx)
{
	struct check *k = ctx;
	struct wb_number n = { .code = k->code, .exists = k->exists, .query = k->digits,
			       .jid = k->jid, .lid = k->lid };

	k->fn(k->ctx, &n);
	free(k);
}

static void on_answer(void *arg, int code, const struct wa_check_result *results, size_t n)
{
	struct check *k = arg;
	struct wb_tx *tx;

	k->code = code < 0 ? code : code > 0 ? WA_EPEER : n == 0 ? WA_EPEER : 0;
	if (k->code == 0) {
		k->exists = results[0].exists;
		if (k->exists)
			wb_jid_forms(&results[0].jid, &results[0].lid, k->jid, k->lid);
	}
	if (k->exists && wb_session_find(k->gw, k->session)) {
		const char *at = strchr(k->jid, '@');
		char phone[20] = "";

		if (at)
			snprintf(phone, sizeof(phone), "%.*s", (int)(at - k->jid), k->jid);
		tx = wb_tx_new(k->gw);
		wb_outbox_contact_put(tx, k->session, k->jid, k->lid);
		db_batch_contact_put(wb_tx_batch(tx), k->session,
				     &(struct db_contact){ .jid = k->jid, .lid = k->lid,
							   .phone = phone });
		wb_tx_commit(tx, NULL, NULL);
	}
	/* not from inside libwa: the asker may do anything */
	wb_loop_defer(k->gw->loop, tell, k);
}

/* 1 when a contact of that number is stored. */
static int from_contacts(struct check *k)
{
	char jid[WA_JID_TEXT_MAX];
	struct db_contact c;
	struct wa_arena a;
	int r;

	snprintf(jid, sizeof(jid), "%s@s.whatsapp.net", k->digits);
	wa_arena_init(&a, ARENA_MAX);
	r = db_contact_get(k->gw->db, k->session, jid, &a, &c, NULL);
	if (r == 1) {
		k->exists = true;
		snprintf(k->jid, sizeof(k->jid), "%s", c.jid);
		snprintf(k->lid, sizeof(k->lid), "%s", c.lid);
	}
	wa_arena_clear(&a);
	return r;
}

void wb_session_check(struct wb_gateway *gw, const char *session, const char *digits,
		      wb_number_fn *fn, void *ctx)
{
	struct wb_session *s = wb_session_find(gw, session);
	struct check *k = wb_zalloc(sizeof(*k));
	const char *q = k->digits;
	struct wa_client *c;
	size_t n;

	k->gw = gw;
	k->fn = fn;
	k->ctx = ctx;
	digits += *digits == '+';
	n = strlen(digits);
	snprintf(k->session, sizeof(k->session), "%s", session);
	snprintf(k->digits, sizeof(k->digits), "%s", digits);
	if (!s)
		k->code = WA_ENOTFOUND;
	else if (n < 5 || n > 15 || strspn(digits, "0123456789") != n)
		k->code = WA_EINVALID;
	else if (from_contacts(k) != 1) {
		c = wb_session_client(s);
		k->code = c ? wa_client_check_numbers(c, &q, 1, on_answer, k, NULL) : WA_ESTATE;
		if (k->code == 0)
			return;
	}
	wb_loop_defer(gw->loop, tell, k);
}

/* Messages of one chat and sender, told together. */
struct reads {
	const char *ids[READ_MAX];
	const char *sender[READ_MAX];
	size_t n;
};

static int load_reads(struct wb_session *s, const char *chat, const char *const *ids, size_t n,
		      struct wb_tx *tx, struct wa_arena *a, struct reads *ret, struct wa_err *err)
{
	struct db_message m;

	for (size_t i = 0; i < n; i++) {
		int r = db_message_get(s->reg->gw->db, ids[i], a, &m, err);

		if (r < 0)
			return r;
		if (r == 0 || strcmp(m.session, s->id) != 0 || strcmp(m.chat, chat) != 0)
			return wa_err_set(err, WA_ENOTFOUND, "message %s", ids[i]);
		if (m.from_me)
			continue;
		ret->ids[ret->n] = m.wa_id;
		ret->sender[ret->n++] = m.sender;
		db_batch_message_status(wb_tx_batch(tx), m.id, DB_READ, "");
	}
	return 0;
}

static int send_reads(struct wa_client *c, const char *chat, const struct reads *rd,
		      struct wa_err *err)
{
	bool group = strstr(chat, "@g.us") != NULL;
	const char *some[READ_MAX];
	struct wa_jid sender, to;
	int r = 0;

	for (size_t i = 0; i < rd->n && r == 0;) {
		size_t k = 0, j = i;

		while (j < rd->n && strcmp(rd->sender[j], rd->sender[i]) == 0)
			some[k++] = rd->ids[j++];
		r = wa_jid_parse(wa_span_str(rd->sender[i]), &sender, err);
		if (r == 0)
			r = wa_jid_parse(wa_span_str(group ? chat : rd->sender[i]), &to, err);
		if (r == 0)
			r = wa_client_mark_read(c, &to, &sender, some, k, false, err);
		i = j;
	}
	return r;
}

int wb_session_mark_read(struct wb_session *s, const char *chat, const char *const *ids, size_t n,
			 wb_tx_fn *done, void *ctx, struct wa_err *err)
{
	struct wa_client *c = wb_session_client(s);
	struct reads *rd;
	struct wb_tx *tx;
	struct wa_arena a;
	int r;

	if (!c)
		return wa_err_set(err, WA_ESTATE, "session is %s", wb_session_state_str(s->state));
	if (n > READ_MAX)
		return wa_err_set(err, WA_ELIMIT, "more than %d messages", READ_MAX);
	tx = wb_tx_new(s->reg->gw);
	rd = wb_zalloc(sizeof(*rd));
	wa_arena_init(&a, ARENA_MAX);
	r = load_reads(s, chat, ids, n, tx, &a, rd, err);
	if (r == 0)
		r = send_reads(c, chat, rd, err);
	wa_arena_clear(&a);
	free(rd);
	if (r < 0) {
		wb_tx_abort(tx);
		return r;
	}
	db_batch_chat_read(wb_tx_batch(tx), s->id, chat);
	wb_tx_commit(tx, done, ctx);
	return 0;
}
