/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow.h"

#include "wording.h"

#define SECOND_MS          INT64_C(1000)
#define RETRY_MS           (5 * SECOND_MS)
#define OFFLINE_RETRY_MS   (60 * SECOND_MS) /* a session's return wakes it earlier */
#define MISSING_RETRY_MS   (300 * SECOND_MS)
#define CHECK_RETRY_MS     (15 * SECOND_MS)
#define CHECK_RETRY_MAX_MS (3600 * SECOND_MS)

static const struct {
	const char *class;
	enum message_kind kind;
} sending[TEXT_KINDS] = {
	[TEXT_CONFIRMATION] = { "transactional", MESSAGE_CONFIRMATION },
	[TEXT_REMINDER] = { "reminder", MESSAGE_REMINDER },
	[TEXT_CONFIRMED] = { "reply", MESSAGE_REPLY },
	[TEXT_CANCELLED] = { "reply", MESSAGE_REPLY },
};

/* An order whose number is being checked. */
struct check {
	struct order ord;
	struct store s;
	size_t number; /* which of its numbers */
};

static void free_check(void *data)
{
	struct check *c = data;

	order_clear(&c->ord);
	store_clear(&c->s);
	free(c);
}

void flow_arm(struct orders *o, const struct store *s, struct order *ord)
{
	int64_t remind = store_minutes(s, "reminder_after_minutes", o->reminder_after_ms);
	int64_t give_up = store_minutes(s, "no_reply_after_minutes", o->no_reply_after_ms);

	if (remind > 0)
		order_set_due(ord, DUE_REMIND, now_ms(o) + remind);
	else if (give_up > 0)
		order_set_due(ord, DUE_NO_REPLY, now_ms(o) + give_up);
	else
		order_set_due(ord, DUE_NOTHING, 0);
	if (ord->due_ms)
		wake_at(o, ord->due_ms);
}

int flow_send(struct wb_tx *tx, struct orders *o, const struct store *s, const struct order *ord,
	      enum text_kind text, const char *quoted, char ret_id[ID_SIZE], char ret_language[16])
{
	char key[96], meta[160], *body;
	struct wording w;
	int r = wording_make(o, s, ord->doc, ord->id, text,
			     text == TEXT_CONFIRMATION ? "" : ord->language, &w);

	if (r < 0) {
		wording_clear(&w);
		return r;
	}
	/* one message per order, kind and round, whatever happens */
	snprintf(key, sizeof(key), "order:%s:%s:%d", ord->id, text_kind_str(text), (int)ord->sends);
	snprintf(meta, sizeof(meta), "{\"order_id\":\"%s\",\"store_id\":\"%s\",\"kind\":\"%s\"}",
		 ord->id, ord->store_id, text_kind_str(text));
	body = strdup(wa_buf_cstr(&w.text));
	r = !body ? WA_ENOMEM
		  : o->host->tx_send(tx,
				     &(struct wb_send){ .size = sizeof(struct wb_send),
							.session = ord->session,
							.to = source_str(ord->contact, "jid"),
							.text = body,
							.quoted = quoted,
							.message_class = sending[text].class,
							.idempotency_key = key,
							.meta_json = meta },
				     ret_id);
	free(body);
	if (r == 0) {
		order_message_add(tx, o, ret_id, ord->id, sending[text].kind);
		snprintf(ret_language, 16, "%s", w.language);
	}
	wording_clear(&w);
	return r;
}

static void on_done(void *ctx, int32_t code, const char *message)
{
	struct job *j = ctx;
	struct orders *o = j->o;

	if (code < 0 && code != WB_ECONFLICT && code != WB_EDUP)
		log_event(o, WB_ERROR, "orders.not_saved", "order", j->id, "error",
			  message ? message : "");
	job_end(j);
	wake_at(o, code == WB_OK || code == WB_ECONFLICT ? 0 : now_ms(o) + RETRY_MS);
}

static void commit(struct job *j, struct wb_tx *tx, int r)
{
	if (r < 0) {
		j->o->host->tx_abort(tx);
		on_done(j, r, wa_code_str(r));
		return;
	}
	j->o->host->tx_commit(tx, on_done, j);
}

static int64_t backoff(int64_t attempts)
{
	int64_t after = CHECK_RETRY_MS;

	while (attempts-- > 0 && after < CHECK_RETRY_MAX_MS)
		after *= 2;
	return after < CHECK_RETRY_MAX_MS ? after : CHECK_RETRY_MAX_MS;
}

/* Try again after so long, or (0) after longer and longer. A history row only when the reason is
 * new. */
static void hold(struct job *j, const char *reason, int64_t after)
{
	struct check *c = j->data;
	struct orders *o = j->o;
	struct wb_tx *tx = tx_new(o);
	bool again = c->ord.state == ORDER_HELD && strcmp(c->ord.reason, reason) == 0;
	int r;

	c->ord.attempts = again ? c->ord.attempts + 1 : 0;
	order_set_due(&c->ord, DUE_CHECK, now_ms(o) + (after ? after : backoff(c->ord.attempts)));
	r = again ? order_touch(tx, o, &c->ord)
		  : order_change(tx, o, &c->ord, ORDER_HELD, ORDER_BY_SYSTEM, reason);
	commit(j, tx, r);
}

static void fail(struct job *j, const char *reason)
{
	struct check *c = j->data;
	struct wb_tx *tx = tx_new(j->o);

	order_set_due(&c->ord, DUE_NOTHING, 0);
	commit(j, tx, order_change(tx, j->o, &c->ord, ORDER_FAILED, ORDER_BY_SYSTEM, reason));
}

/* The number is one of WhatsApp's. */
static void send_confirmation(struct job *j)
{
	struct check *c = j->data;
	struct orders *o = j->o;
	struct wb_tx *tx = tx_new(o);
	char id[ID_SIZE], language[16];
	int r;

	c->ord.sends++;
	r = flow_send(tx, o, &c->s, &c->ord, TEXT_CONFIRMATION, NULL, id, language);
	if (r < 0) {
		o->host->tx_abort(tx);
		c->ord.sends--;
		if (r == WA_EDENIED)
			fail(j, "opted_out");
		else if (r == WA_EINVALID || r == WA_ELIMIT)
			fail(j, "message_invalid");
		else if (r == WA_ENOTFOUND)
			hold(j, "session_missing", MISSING_RETRY_MS);
		else
			hold(j, "not_queued", 0);
		return;
	}
	memcpy(c->ord.message_id, id, sizeof(id));
	memcpy(c->ord.language, language, sizeof(language));
	c->ord.attempts = 0;
	order_set_due(&c->ord, DUE_NOTHING, 0);
	r = order_change(tx, o, &c->ord, ORDER_QUEUED, ORDER_BY_SYSTEM, "");
	commit(j, tx, r);
}

static void check_next(struct job *j);

static void set_contact(struct order *ord, const char *number, const char *jid, const char *lid)
{
	const char *at = strchr(jid, '@');
	size_t digits = strspn(jid, "0123456789");

	json_object_set_new(ord->contact, "jid", json_string(jid));
	if (lid && *lid)
		json_object_set_new(ord->contact, "lid", json_string(lid));
	if (at && strcmp(at, "@s.whatsapp.net") == 0 && digits > 0) {
		json_t *phone = json_sprintf("+%.*s", (int)digits, jid);

		json_object_set_new(ord->contact, "phone", phone);
	} else {
		json_object_set_new(ord->contact, "phone", json_string(number));
	}
	ord->contact_changed = true;
}

static void on_checked(void *ctx, const struct wb_check *result)
{
	struct job *j = ctx;
	struct check *c = j->data;
	const json_t *numbers = source_list(c->ord.contact, "numbers");

	if (result->code < 0 && result->code != WB_EINVALID && result->code != WB_ENOTFOUND) {
		hold(j, result->code == WB_ESTATE ? "session_offline" : "check_failed",
		     result->code == WB_ESTATE ? OFFLINE_RETRY_MS : 0);
		return;
	}
	if (result->code == 0 && result->exists && result->jid && *result->jid) {
		set_contact(&c->ord, json_string_value(json_array_get(numbers, c->number)),
			    result->jid, result->lid);
		send_confirmation(j);
		return;
	}
	c->number++;
	check_next(j);
}

static void check_next(struct job *j)
{
	struct check *c = j->data;
	const json_t *numbers = source_list(c->ord.contact, "numbers");
	const char *number = json_string_value(json_array_get(numbers, c->number));

	if (!number) {
		fail(j, json_array_size(numbers) ? "not_on_whatsapp" : "no_phone");
		return;
	}
	j->o->host->check_number(j->o->self, c->ord.session, number, on_checked, j);
}

static void start_check(struct job *j)
{
	struct check *c = j->data;
	char status[32] = "";
	int r;

	if (c->s.removed_ms) {
		fail(j, "store_removed");
		return;
	}
	r = j->o->host->session_status(j->o->self, c->ord.session, status);
	if (r != 1)
		hold(j, "session_missing", MISSING_RETRY_MS);
	else if (strcmp(status, "connected") != 0)
		hold(j, "session_offline", OFFLINE_RETRY_MS);
	else
		check_next(j);
}

static void remind(struct job *j)
{
	struct check *c = j->data;
	struct orders *o = j->o;
	int64_t give_up = store_minutes(&c->s, "no_reply_after_minutes", o->no_reply_after_ms);
	struct wb_tx *tx = tx_new(o);
	char id[ID_SIZE], language[16];
	int r = WA_EDENIED;

	if (!c->s.removed_ms)
		r = flow_send(tx, o, &c->s, &c->ord, TEXT_REMINDER, NULL, id, language);
	if (r < 0) {
		/* no reminder can be sent to this person: the waiting goes on */
		o->host->tx_abort(tx);
		tx = tx_new(o);
		log_event(o, WB_INFO, "orders.no_reminder", "order", j->id, "why", wa_code_str(r));
	}
	order_set_due(&c->ord, give_up > 0 ? DUE_NO_REPLY : DUE_NOTHING, now_ms(o) + give_up);
	if (r == 0) {
		json_t *extra = json_pack("{s:s}", "reminder_id", id);

		r = order_event(tx, o, &c->ord, "order.reminded", extra);
		json_decref(extra);
	} else {
		r = WA_OK;
	}
	if (r == 0)
		r = order_touch(tx, o, &c->ord);
	commit(j, tx, r);
}

static void give_up(struct job *j)
{
	struct check *c = j->data;
	struct wb_tx *tx = tx_new(j->o);

	order_set_due(&c->ord, DUE_NOTHING, 0);
	commit(j, tx, order_change(tx, j->o, &c->ord, ORDER_NO_REPLY, ORDER_BY_SYSTEM, ""));
}

static void start_one(struct orders *o, const char *id)
{
	struct job *j = job_start(o, JOB_ORDER, id);
	struct check *c = j ? calloc(1, sizeof(*c)) : NULL;
	int r;

	if (!j)
		return;
	if (!c) {
		on_done(j, WA_ENOMEM, "out of memory");
		return;
	}
	j->data = c;
	j->free_data = free_check;
	r = order_find(o, id, &c->ord);
	if (r == 1)
		r = store_find(o, c->ord.store_id, &c->s);
	if (r != 1) {
		on_done(j, r < 0 ? r : WA_ENOTFOUND, "the order or its store cannot be read");
		return;
	}
	switch (c->ord.due) {
	case DUE_CHECK:
		start_check(j);
		break;
	case DUE_REMIND:
		remind(j);
		break;
	case DUE_NO_REPLY:
		give_up(j);
		break;
	case DUE_NOTHING:
		on_done(j, WB_OK, NULL);
		break;
	}
}

void flow_pump(struct orders *o)
{
	char ids[2 * ORDERS_CHECKS_MAX][ID_SIZE];
	int n = order_due(o, ids, WA_ARRAY_LEN(ids));
	int64_t next;

	for (int i = 0; i < n && job_count(o, JOB_ORDER) < ORDERS_CHECKS_MAX; i++)
		start_one(o, ids[i]);
	if (n < 0) {
		wake_at(o, now_ms(o) + RETRY_MS);
		return;
	}
	/* what is due but under way wakes us when it is done */
	next = order_next_due(o);
	if (next > now_ms(o))
		wake_at(o, next);
}
