/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One page of recipients after the other is looked at: what is known here, who has talked with them, what WhatsApp
 * says of the numbers; then the page is written.
 */
#include "check.h"

#include "clock.h"
#include "content.h"
#include "text.h"

#define LOOK_MAX 100	/* bc.check_batch is at most that */
#define OFFLINE_MS 2000

enum phase { LOOK_AT, LOOK_CHATS, LOOK_NUMBERS, LOOK_WRITE };

struct row {
	int64_t n;
	struct person p;
	uint8_t key[KEY_SIZE];
	json_t *doc;
	char reason[64];	/* excluded; "" not */
	char session[SESSION_SIZE];
	bool sticky;
	bool known;		/* WhatsApp has answered, now or lately */
	bool asked, found, fresh;
};

struct looking {
	enum phase phase;
	size_t next;		/* row, of the phases that take more than one slice */
	size_t n;
	struct row rows[LOOK_MAX];
};

void look_free(struct looking *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n; i++)
		json_decref(l->rows[i].doc);
	free(l);
}

/* ---- looking at recipients ---- */

struct known {
	struct bc *b;
	struct row *row;
};

static void take_answer(struct row *row, bool found, const json_t *person)
{
	struct person p;

	row->known = true;
	row->found = found;
	if (!found) {
		(void)snprintf(row->reason, sizeof(row->reason), "not_on_whatsapp");
		return;
	}
	if (!person_of(person, &p))
		return;
	if (*p.lid) {
		(void)snprintf(row->p.lid, sizeof(row->p.lid), "%s", p.lid);
		json_object_set_new(row->doc, "lid", json_string(p.lid));
	}
	/* the number as WhatsApp writes it is the one to write to */
	if (*p.phone && strcmp(p.phone, row->p.phone) != 0) {
		(void)snprintf(row->p.phone, sizeof(row->p.phone), "%s", p.phone);
		json_object_set_new(row->doc, "number", json_string(p.phone));
	}
}

static void known_id(const uint8_t key[KEY_SIZE], char out[65])
{
	wa_hex_encode(wa_span(key, KEY_SIZE), out);
}

static int on_known(void *ctx, const struct wb_value *c, int32_t n)
{
	struct known *k = ctx;
	char id[65];
	json_t *doc;

	(void)n;
	known_id(k->row->key, id);
	doc = kit_unseal_json(&k->b->kit, KIT_ROW("known", id), &c[1]);
	if (doc) {
		take_answer(k->row, c[0].num == 1, doc);
		json_decref(doc);
	}
	return 1;
}

static int on_sticky(void *ctx, const struct wb_value *c, int32_t n)
{
	(void)n;
	kit_copy(&c[0], ctx, SESSION_SIZE);
	return 1;
}

static bool has_session(const struct broadcast *x, const char *session)
{
	for (size_t i = 0; i < x->n_parts; i++)
		if (strcmp(x->parts[i].session, session) == 0)
			return true;
	return false;
}

/* What can be known without asking anybody. */
static void look_at(struct bc *b, const struct broadcast *x, struct row *row)
{
	const struct wb_value v[] = { kit_blob(row->key, KEY_SIZE),
				      kit_int(now_ms(b) - b->known_days * INT64_C(86400000)) };
	const char *missing = content_missing(x->content, row->doc);
	struct known k = { b, row };

	if (missing) {
		(void)snprintf(row->reason, sizeof(row->reason), "missing_variable:%.40s", missing);
		return;
	}
	for (size_t i = 0; i < x->n_parts && !*row->reason; i++)
		if (b->host->opted_out(b->self, x->parts[i].session, person_to(&row->p)) == 1)
			(void)snprintf(row->reason, sizeof(row->reason), "opted_out");
	if (*row->reason)
		return;
	if (!*row->p.phone)
		row->known = row->found = true;	/* a LID exists */
	else
		(void)b->host->query(b->self, "SELECT found, doc FROM broadcast_known WHERE key = $1 AND at_ms > $2", v,
				     2, on_known, &k);
	(void)b->host->query(b->self, "SELECT session FROM broadcast_sticky WHERE key = $1", v, 1, on_sticky,
			     row->session);
	row->sticky = *row->session && has_session(x, row->session);
	if (!row->sticky)
		row->session[0] = 0;
}

static void on_new(void *ctx, const struct recipient *r)
{
	struct looking *l = ctx;
	struct row *row = &l->rows[l->n];

	if (l->n == LOOK_MAX)
		return;
	l->n++;
	row->n = r->n;
	memcpy(row->key, r->key, KEY_SIZE);
	row->doc = json_deep_copy(r->doc);
	(void)snprintf(row->p.phone, sizeof(row->p.phone), "%s", kit_member(r->doc, "phone"));
	(void)snprintf(row->p.lid, sizeof(row->p.lid), "%s", kit_member(r->doc, "lid"));
}

/* ---- who has talked with them ---- */

struct ask {
	struct job *j;
	size_t row;
	char session[SESSION_SIZE];
};

static void on_chat(void *ctx, int32_t status, const char *content_type, struct wb_str body)
{
	struct ask *a = ctx;
	struct check *c = a->j->data;
	struct row *row = c->look ? &c->look->rows[a->row] : NULL;

	(void)content_type;
	(void)body;
	if (row && status == 200 && !row->sticky) {
		(void)snprintf(row->session, sizeof(row->session), "%s", a->session);
		row->sticky = true;
	}
	if (--c->waiting == 0)
		job_wake(a->j);
	free(a);
}

static void ask_chats(struct job *j, struct check *c)
{
	struct broadcast *x = c->x;

	for (size_t i = 0; i < c->look->n; i++) {
		const struct row *row = &c->look->rows[i];

		for (size_t k = 0; k < x->n_parts && !row->sticky && !*row->reason; k++) {
			const char *digits = *row->p.phone ? row->p.phone + 1 : row->p.lid;
			struct ask *a = calloc(1, sizeof(*a));
			char path[256];

			if (!a)
				continue;
			*a = (struct ask){ .j = j, .row = i };
			(void)snprintf(a->session, sizeof(a->session), "%s", x->parts[k].session);
			(void)snprintf(path, sizeof(path), "/v1/sessions/%s/chats/%s%s", a->session, digits,
				       *row->p.phone ? "@s.whatsapp.net" : "");
			c->waiting++;
			j->b->host->call(j->b->self,
					 &(struct wb_plugin_call){ .size = sizeof(struct wb_plugin_call),
								   .method = "GET",
								   .path = path },
					 on_chat, a);
		}
	}
}

/* Those nobody knows are spread evenly over the sessions. */
static void assign(struct broadcast *x, struct looking *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct row *row = &l->rows[i];
		struct part *best = NULL;

		if (*row->reason)
			continue;
		for (size_t k = 0; k < x->n_parts; k++) {
			struct part *p = &x->parts[k];

			if (*row->session ? strcmp(p->session, row->session) == 0
					  : !best || p->ready < best->ready)
				best = p;
		}
		if (!best)
			continue;
		best->ready++;
		(void)snprintf(row->session, sizeof(row->session), "%s", best->session);
	}
}

/* ---- numbers ---- */

static struct row *asked_row(struct looking *l, const char *session, const char *digits)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->rows[i].asked && strcmp(l->rows[i].session, session) == 0 &&
		    strcmp(l->rows[i].p.phone + 1, digits) == 0)
			return &l->rows[i];
	return NULL;
}

static void on_numbers(void *ctx, int32_t status, const char *content_type, struct wb_str body)
{
	struct ask *a = ctx;
	struct check *c = a->j->data;
	json_t *answer = status == 200 ? json_loadb(body.ptr, body.len, 0, NULL) : NULL, *one;
	struct looking *l = c->look;
	struct row *row;
	size_t i;

	(void)content_type;
	json_array_foreach(json_object_get(answer, "numbers"), i, one) {
		row = l ? asked_row(l, a->session, kit_member(one, "number")) : NULL;
		if (!row)
			continue;
		row->asked = false;
		row->fresh = true;
		take_answer(row, json_is_true(json_object_get(one, "exists")), one);
	}
	for (i = 0; l && i < l->n; i++)		/* no answer: asked again */
		if (l->rows[i].asked && strcmp(l->rows[i].session, a->session) == 0)
			l->rows[i].asked = false;
	if (!answer)
		c->not_before = now_ms(a->j->b) + OFFLINE_MS;
	json_decref(answer);
	if (--c->waiting == 0)
		job_wake(a->j);
	free(a);
}

static bool connected(struct bc *b, const char *session)
{
	char status[32];

	return b->host->session_status(b->self, session, status) == 1 && strcmp(status, "connected") == 0;
}

/* One question of one session. The order of the answer is that of the numbers. */
static bool ask_numbers(struct job *j, struct check *c, const struct part *p)
{
	json_t *numbers = json_array(), *body;
	struct ask *a = calloc(1, sizeof(*a));
	char path[128], *text;

	for (size_t i = 0; i < c->look->n; i++) {
		struct row *row = &c->look->rows[i];

		if (*row->reason || row->known || strcmp(row->session, p->session) != 0)
			continue;
		row->asked = true;
		json_array_append_new(numbers, json_string(row->p.phone));
	}
	if (json_array_size(numbers) == 0 || !a) {
		json_decref(numbers);
		free(a);
		return false;
	}
	body = json_pack("{s:o}", "numbers", numbers);
	text = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	a->j = j;
	(void)snprintf(a->session, sizeof(a->session), "%s", p->session);
	(void)snprintf(path, sizeof(path), "/v1/sessions/%s/check", p->session);
	c->waiting++;
	j->b->host->call(j->b->self,
			 &(struct wb_plugin_call){ .size = sizeof(struct wb_plugin_call),
						   .method = "POST",
						   .path = path,
						   .body = kit_str(text) },
			 on_numbers, a);
	free(text);
	return true;
}

/* Nobody may stay with a session that cannot ask; a sticky one's number is asked about by another. */
static bool all_known(const struct looking *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (!*l->rows[i].reason && !l->rows[i].known)
			return false;
	return true;
}

/* False: somebody was asked, or it is not time yet. */
static bool numbers_turn(struct job *j, struct check *c)
{
	struct looking *l = c->look;
	int64_t now = now_ms(j->b);
	const struct part *up = NULL;
	bool asked = false;

	if (all_known(l))
		return true;
	if (now < c->not_before) {
		check_later(j, c->not_before - now);
		return false;
	}
	for (size_t k = 0; k < c->x->n_parts; k++)
		if (connected(j->b, c->x->parts[k].session))
			up = &c->x->parts[k];
	for (size_t i = 0; i < l->n && up; i++)
		if (!*l->rows[i].reason && !l->rows[i].known && !l->rows[i].sticky &&
		    !connected(j->b, l->rows[i].session))
			(void)snprintf(l->rows[i].session, sizeof(l->rows[i].session), "%s", up->session);
	for (size_t k = 0; k < c->x->n_parts; k++)
		if (connected(j->b, c->x->parts[k].session))
			asked = ask_numbers(j, c, &c->x->parts[k]) || asked;
	if (!asked) {	/* only sticky ones of a session that is away, or nobody is there */
		for (size_t i = 0; i < l->n && up; i++)
			if (!l->rows[i].known)
				l->rows[i].known = l->rows[i].found = true;	/* the outbox asks when it sends */
		if (!up)
			check_later(j, OFFLINE_MS);
		return up && all_known(l);
	}
	c->not_before = now + j->b->check_pause_ms;
	job_wait(j);
	return false;
}

/* ---- writing ---- */

static void write_known(struct wb_tx *tx, struct bc *b, const struct row *row)
{
	json_t *doc = json_pack("{s:s, s:s}", "phone", row->p.phone, "lid", row->p.lid);
	struct wa_buf sealed;
	char id[65];

	known_id(row->key, id);
	if (kit_seal_json(&b->kit, KIT_ROW("known", id), doc, &sealed) == 0) {
		const struct wb_value v[] = { kit_blob(row->key, KEY_SIZE), kit_int(row->found),
					      kit_sealed(&sealed), kit_int(now_ms(b)) };

		b->host->tx_sql(tx,
				"INSERT INTO broadcast_known VALUES ($1, $2, $3, $4) ON CONFLICT (key) DO UPDATE SET "
				"found = excluded.found, doc = excluded.doc, at_ms = excluded.at_ms",
				v, 4, 0);
	}
	wa_buf_clear(&sealed);
	json_decref(doc);
}

static int write_row(struct wb_tx *tx, struct bc *b, const struct broadcast *x, const struct row *row)
{
	uint8_t phone[KEY_SIZE], lid[KEY_SIZE];
	bool has_phone = person_phone_key(b, &row->p, phone), has_lid = person_lid_key(b, &row->p, lid);
	char id[RECIPIENT_SEAL_ID];
	struct wa_buf sealed;
	int r;

	recipient_seal_id(x->id, row->key, id);
	r = kit_seal_json(&b->kit, KIT_ROW("recipient", id), row->doc, &sealed);
	if (r == 0) {
		const struct wb_value v[] = { kit_int(row->n),
					      kit_text(x->id),
					      kit_blob(has_phone ? phone : NULL, sizeof(phone)),
					      kit_blob(has_lid ? lid : NULL, sizeof(lid)),
					      kit_sealed(&sealed),
					      kit_text(*row->reason ? "" : row->session),
					      kit_int(row->sticky),
					      kit_text(row->reason) };

		b->host->tx_sql(
			tx,
			"UPDATE broadcast_recipient SET phone_key = $3, lid_key = $4, doc = $5, session = $6, "
			"sticky = $7, state = CASE WHEN w.why = '' THEN 'ready' ELSE 'excluded' END, reason = w.why "
			"FROM (SELECT CASE WHEN $8 <> '' THEN $8 "
			"WHEN EXISTS (SELECT 1 FROM broadcast_barred WHERE broadcast = $2 AND key IN ($3, $4)) "
			"THEN 'barred' "
			"WHEN EXISTS (SELECT 1 FROM broadcast_recipient o WHERE o.phone_key = $3 AND o.broadcast = $2 "
			"AND o.n <> $1 AND o.state NOT IN ('new', 'excluded')) "
			"OR EXISTS (SELECT 1 FROM broadcast_recipient o WHERE o.lid_key = $4 AND o.broadcast = $2 "
			"AND o.n <> $1 AND o.state NOT IN ('new', 'excluded')) THEN 'duplicate' "
			"ELSE '' END AS why) AS w WHERE n = $1 AND state = 'new'",
			v, 8, 0);
	}
	wa_buf_clear(&sealed);
	return r;
}

static void write_turn(struct job *j, struct check *c)
{
	struct wb_tx *tx = j->b->host->tx_begin(j->b->self);
	int64_t start = wa_mono_ms();
	int r = 0;

	while (c->look->next < c->look->n && r == 0 && !slice_over(start)) {
		const struct row *row = &c->look->rows[c->look->next++];

		r = write_row(tx, j->b, c->x, row);
		if (row->fresh && r == 0)
			write_known(tx, j->b, row);
	}
	if (r < 0 || c->look->next == c->look->n) {
		look_free(c->look);
		c->look = NULL;
	}
	if (r < 0) {
		j->b->host->tx_abort(tx);
		check_later(j, 1000);
		return;
	}
	check_commit(j, tx, c->step, c->at);
}

/* ---- turns ---- */

/* The next page. False: there is none, or not now. */
static bool look_begin(struct job *j, struct check *c)
{
	const struct recipient_filter f = { .broadcast = c->x->id, .state = "new", .limit = (int)j->b->check_batch };
	int n;

	c->look = calloc(1, sizeof(*c->look));
	n = c->look ? recipient_page(j->b, &f, on_new, c->look) : WA_ENOMEM;
	if (n > 0)
		return true;
	look_free(c->look);
	c->look = NULL;
	if (n < 0)
		check_later(j, 1000);
	else
		check_finish(j, c);
	return false;
}

void look_turn(struct job *j, struct check *c)
{
	int64_t start = wa_mono_ms();
	struct looking *l = c->look;

	if (c->waiting) {
		job_wait(j);
		return;
	}
	if (!l && !look_begin(j, c))
		return;
	l = c->look;
	switch (l->phase) {
	case LOOK_AT:
		while (l->next < l->n && !slice_over(start))
			look_at(j->b, c->x, &l->rows[l->next++]);
		if (l->next < l->n)
			return;
		l->next = 0;
		l->phase = LOOK_CHATS;
		if (c->x->n_parts > 1)
			ask_chats(j, c);
		if (c->waiting)
			job_wait(j);
		return;
	case LOOK_CHATS:
		assign(c->x, l);
		l->phase = LOOK_NUMBERS;
		return;
	case LOOK_NUMBERS:
		if (numbers_turn(j, c))
			l->phase = LOOK_WRITE;
		return;
	case LOOK_WRITE: write_turn(j, c); return;
	}
}
