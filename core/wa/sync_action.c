/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an entry of the app state means, both ways: its index, a JSON array of
 * texts, and its value, one sub-message of SyncActionValue. One row per kind.
 */
#include <wa/syncd.h>

#include "pb.h"
#include "sync_index.h"

#include <base.h>
#include <text.h>

#define SUB_FIELDS     10
#define VALUE_TIME     1 /* SyncActionValue.timestamp */
#define MESSAGES_MAX   WA_SYNC_RANGE_MAX
#define SYNC_VALUE_MAX (1u << 20)

/*
 * parts: what follows the name in the index.
 *	c chat, m message id, f from me (0/1), s author or "0", l label or id,
 *	d delete starred, e delete media, 0 the text "0"
 * on: the field of the sub-message that holds `on`; negative: its opposite.
 * range: the field that holds the message range.
 */
static const struct kind {
	const char *word, *name, *parts;
	int collection, version;
	uint32_t field;
	int on;
	uint32_t range;
} kinds[WA_SYNC_KINDS] = {
	[WA_SYNC_OTHER] = { "other", NULL, "", -1, 0, 0, 0, 0 },
	[WA_SYNC_ARCHIVE] = { "archive", "archive", "c", WA_SYNC_REGULAR_LOW, 3, 17, 1, 2 },
	[WA_SYNC_PIN] = { "pin", "pin_v1", "c", WA_SYNC_REGULAR_LOW, 5, 5, 1, 0 },
	[WA_SYNC_MUTE] = { "mute", "mute", "c", WA_SYNC_REGULAR_HIGH, 2, 4, 1, 0 },
	[WA_SYNC_READ] = { "read", "markChatAsRead", "c", WA_SYNC_REGULAR_LOW, 3, 20, 1, 2 },
	[WA_SYNC_STAR] = { "star", "star", "cmfs", WA_SYNC_REGULAR_HIGH, 2, 2, 1, 0 },
	[WA_SYNC_DELETE_FOR_ME] = { "delete_for_me", "deleteMessageForMe", "cmfs",
				    WA_SYNC_REGULAR_HIGH, 3, 18, 0, 0 },
	[WA_SYNC_CLEAR_CHAT] = { "clear_chat", "clearChat", "cde", WA_SYNC_REGULAR_HIGH, 6, 21, 0,
				 1 },
	[WA_SYNC_DELETE_CHAT] = { "delete_chat", "deleteChat", "ce", WA_SYNC_REGULAR_HIGH, 6, 22,
				  0, 1 },
	[WA_SYNC_CONTACT] = { "contact", "contact", "c", WA_SYNC_CRITICAL_UNBLOCK_LOW, 2, 3, 4,
			      0 },
	[WA_SYNC_LID_CONTACT] = { "lid_contact", "lid_contact", "c", WA_SYNC_CRITICAL_UNBLOCK_LOW,
				  2, 61, 0, 0 },
	[WA_SYNC_LABEL_EDIT] = { "label_edit", "label_edit", "l", WA_SYNC_REGULAR, 3, 14, -4, 0 },
	[WA_SYNC_LABEL_CHAT] = { "label_chat", "label_jid", "lc", WA_SYNC_REGULAR, 3, 15, 1, 0 },
	[WA_SYNC_LABEL_MESSAGE] = { "label_message", "label_message", "lcm00", WA_SYNC_REGULAR, 3,
				    15, 1, 0 },
	[WA_SYNC_QUICK_REPLY] = { "quick_reply", "quick_reply", "l", WA_SYNC_REGULAR, 2, 8, -5,
				  0 },
	[WA_SYNC_PUSH_NAME] = { "push_name", "setting_pushName", "", WA_SYNC_CRITICAL_BLOCK, 1, 7,
				0, 0 },
	[WA_SYNC_UNARCHIVE] = { "unarchive", "setting_unarchiveChats", "", WA_SYNC_REGULAR_LOW, 4,
				23, 1, 0 },
	[WA_SYNC_NO_LINK_PREVIEWS] = { "no_link_previews", "setting_disableLinkPreviews", "",
				       WA_SYNC_REGULAR, 8, 53, 1, 0 },
	[WA_SYNC_LOCALE] = { "locale", "setting_locale", "", WA_SYNC_CRITICAL_BLOCK, 3, 16, 0, 0 },
	[WA_SYNC_TIME_FORMAT] = { "time_format", "time_format", "", WA_SYNC_REGULAR_LOW, 7, 30, 1,
				  0 },
	[WA_SYNC_RELAY_CALLS] = { "relay_calls", "setting_relayAllCalls", "", WA_SYNC_REGULAR, 7,
				  41, 1, 0 },
	[WA_SYNC_LOCK] = { "lock", "lock", "c", WA_SYNC_REGULAR_LOW, 7, 50, 1, 0 },
	[WA_SYNC_STATUS_MUTE] = { "status_mute", "userStatusMute", "c", WA_SYNC_REGULAR_HIGH, 7,
				  29, 1, 0 },
	[WA_SYNC_PN_FOR_LID] = { "pn_for_lid", "pnForLidChat", "c", WA_SYNC_REGULAR, 8, 37, 0, 0 },
	[WA_SYNC_NCT_SALT] = { "nct_salt", "nct_salt_sync", "", WA_SYNC_REGULAR_HIGH, 1, 80, 0,
			       0 },
};

static const char *const collections[WA_SYNC_COLLECTIONS] = {
	[WA_SYNC_CRITICAL_BLOCK] = "critical_block",
	[WA_SYNC_CRITICAL_UNBLOCK_LOW] = "critical_unblock_low",
	[WA_SYNC_REGULAR_HIGH] = "regular_high",
	[WA_SYNC_REGULAR] = "regular",
	[WA_SYNC_REGULAR_LOW] = "regular_low",
};

const char *wa_sync_collection_str(int collection)
{
	return collection >= 0 && collection < WA_SYNC_COLLECTIONS ? collections[collection] : "";
}

int wa_sync_collection_find(struct wa_span name)
{
	for (int i = 0; i < WA_SYNC_COLLECTIONS; i++)
		if (wa_span_eq(name, wa_span_str(collections[i])))
			return i;
	return -1;
}

const char *wa_sync_kind_str(int kind)
{
	return kind >= 0 && kind < WA_SYNC_KINDS ? kinds[kind].word : "other";
}

/* ---- the index, out ---- */

/* The text of one part; NULL: the action lacks it. */
static const char *part_text(const struct wa_sync_action *a, char part, char jid[WA_JID_TEXT_MAX])
{
	switch (part) {
	case 'c':
		return wa_jid_is_null(&a->chat) ? NULL : wa_jid_text(&a->chat, jid);
	case 'm':
		return a->id && a->id[0] ? a->id : NULL;
	case 'f':
		return a->from_me ? "1" : "0";
	case 's':
		return a->from_me || wa_jid_is_null(&a->sender) ? "0" : wa_jid_text(&a->sender, jid);
	case 'l':
		return a->label && a->label[0] ? a->label : NULL;
	case 'd':
		return a->delete_starred ? "1" : "0";
	case 'e':
		return a->delete_media ? "1" : "0";
	default:
		return "0";
	}
}

static int put_index(const struct wa_sync_action *a, const struct kind *k, struct wa_buf *b,
		     struct wa_err *err)
{
	char jid[WA_JID_TEXT_MAX];
	const char *p, *text;

	wa_buf_u8(b, '[');
	sync_index_put(b, k->name);
	for (p = k->parts; *p; p++) {
		text = part_text(a, *p, jid);
		if (!text)
			return wa_err_set(err, WA_EINVALID, "%s needs a %s", k->word,
					  *p == 'c' ? "chat" : *p == 'm' ? "message id" : "label");
		wa_buf_u8(b, ',');
		sync_index_put(b, text);
	}
	wa_buf_u8(b, ']');
	return wa_buf_end(b, err);
}

/* ---- the value, out ---- */

static void put_text(struct wa_buf *b, uint32_t field, const char *s)
{
	if (s)
		wa_pb_put(b, field, wa_span_str(s));
}

static void put_jid(struct wa_buf *b, uint32_t field, const struct wa_jid *j)
{
	char text[WA_JID_TEXT_MAX];

	if (!wa_jid_is_null(j))
		wa_pb_put(b, field, wa_span_str(wa_jid_text(j, text)));
}

/* SyncActionMessage{key, timestamp} */
static void put_range_message(struct wa_buf *out, const struct wa_sync_action *a,
			      const struct wa_sync_key *m)
{
	struct wa_buf key, msg;

	wa_buf_init(&key, SYNC_INDEX_MAX);
	wa_buf_init(&msg, SYNC_INDEX_MAX);
	put_jid(&key, 1, &a->chat);
	wa_pb_put_varint(&key, 2, m->from_me);
	put_text(&key, 3, m->id);
	if (!m->from_me)
		put_jid(&key, 4, &m->sender);
	wa_pb_put(&msg, 1, wa_buf_view(&key));
	wa_pb_put_varint(&msg, 2, (uint64_t)(m->timestamp_ms / 1000));
	wa_pb_put(out, 3, wa_buf_view(&msg));
	wa_buf_clear(&key);
	wa_buf_clear(&msg);
}

/* Times of a range are in seconds. */
static void put_range(struct wa_buf *out, uint32_t field, const struct wa_sync_action *a)
{
	const struct wa_sync_range *r = &a->range;
	struct wa_buf b;
	size_t i;

	if (field == 0 || (r->last_ms == 0 && r->n == 0))
		return;
	wa_buf_init(&b, SYNC_INDEX_MAX * (MESSAGES_MAX + 1));
	if (r->last_ms)
		wa_pb_put_varint(&b, 1, (uint64_t)(r->last_ms / 1000));
	if (r->last_system_ms)
		wa_pb_put_varint(&b, 2, (uint64_t)(r->last_system_ms / 1000));
	for (i = 0; i < r->n && i < MESSAGES_MAX; i++)
		put_range_message(&b, a, &r->messages[i]);
	wa_pb_put(out, field, wa_buf_view(&b));
	wa_buf_clear(&b);
}

static void put_fields(struct wa_buf *b, const struct wa_sync_action *a)
{
	switch (a->kind) {
	case WA_SYNC_MUTE:
		if (a->on)
			wa_pb_put_varint(b, 2, (uint64_t)a->until_ms);
		break;
	case WA_SYNC_DELETE_FOR_ME:
		wa_pb_put_varint(b, 1, a->delete_media);
		if (a->message_ms)
			wa_pb_put_varint(b, 2, (uint64_t)(a->message_ms / 1000));
		break;
	case WA_SYNC_CONTACT:
		put_text(b, 1, a->name);
		put_text(b, 2, a->first_name);
		put_jid(b, 3, &a->lid);
		put_jid(b, 5, &a->pn);
		break;
	case WA_SYNC_LID_CONTACT:
		put_text(b, 1, a->name);
		put_text(b, 2, a->first_name);
		break;
	case WA_SYNC_LABEL_EDIT:
		put_text(b, 1, a->name);
		wa_pb_put_varint(b, 2, (uint64_t)a->color);
		if (a->number)
			wa_pb_put_varint(b, 3, (uint64_t)a->number);
		break;
	case WA_SYNC_QUICK_REPLY:
		put_text(b, 1, a->name);
		put_text(b, 2, a->text);
		wa_pb_put_varint(b, 4, 0);
		break;
	case WA_SYNC_PUSH_NAME:
		put_text(b, 1, a->name);
		break;
	case WA_SYNC_LOCALE:
		put_text(b, 1, a->text);
		break;
	case WA_SYNC_PN_FOR_LID:
		put_jid(b, 1, &a->pn);
		break;
	default:
		break;
	}
}

static void put_value(struct wa_buf *out, const struct wa_sync_action *a, const struct kind *k,
		      int64_t at_ms)
{
	struct wa_buf b;

	wa_buf_init(&b, SYNC_VALUE_MAX);
	if (k->on > 0)
		wa_pb_put_varint(&b, (uint32_t)k->on, a->on);
	else if (k->on < 0)
		wa_pb_put_varint(&b, (uint32_t)-k->on, !a->on);
	put_fields(&b, a);
	put_range(&b, k->range, a);
	wa_pb_put_varint(out, VALUE_TIME, (uint64_t)at_ms);
	wa_pb_put(out, k->field, wa_buf_view(&b));
	if (b.failed)
		out->failed = b.failed;
	wa_buf_clear(&b);
}

static int check(const struct wa_sync_action *a, struct wa_err *err)
{
	if (a->kind < 0 || a->kind >= WA_SYNC_KINDS || a->kind == WA_SYNC_NCT_SALT)
		return wa_err_set(err, WA_EINVALID, "no such change");
	if ((a->kind == WA_SYNC_PUSH_NAME || a->kind == WA_SYNC_LABEL_EDIT) && !a->remove &&
	    (a->kind == WA_SYNC_PUSH_NAME || a->on) && (!a->name || !a->name[0]))
		return wa_err_set(err, WA_EINVALID, "%s needs a name", kinds[a->kind].word);
	if (a->kind == WA_SYNC_OTHER &&
	    (!a->index || a->index[0] != '[' || a->collection < 0 ||
	     a->collection >= WA_SYNC_COLLECTIONS || strlen(a->index) > SYNC_INDEX_MAX))
		return wa_err_set(err, WA_EINVALID, "a raw change needs an index and a collection");
	return 0;
}

int wa_sync_action_encode(const struct wa_sync_action *a, int64_t now_ms, struct wa_arena *arena,
			  struct wa_sync_encoded *ret_e, struct wa_err *err)
{
	const struct kind *k = &kinds[a->kind > 0 && a->kind < WA_SYNC_KINDS ? a->kind : 0];
	struct wa_buf index, value;
	int rc = check(a, err);

	if (rc)
		return rc;
	wa_buf_init(&index, SYNC_INDEX_MAX);
	wa_buf_init(&value, SYNC_VALUE_MAX);
	if (a->kind == WA_SYNC_OTHER) {
		wa_buf_str(&index, a->index);
		wa_buf_span(&value, a->value);
		ret_e->collection = a->collection;
		ret_e->version = a->version;
	} else {
		rc = put_index(a, k, &index, err);
		put_value(&value, a, k, a->timestamp_ms ? a->timestamp_ms : now_ms);
		ret_e->collection = k->collection;
		ret_e->version = k->version;
	}
	if (rc == 0)
		rc = wa_buf_end(&index, err);
	if (rc == 0)
		rc = wa_buf_end(&value, err);
	if (rc == 0) {
		ret_e->index = wa_span(wa_arena_dup(arena, index.ptr, index.len), index.len);
		ret_e->value = wa_span(wa_arena_dup(arena, value.ptr, value.len), value.len);
		if (wa_arena_failed(arena))
			rc = wa_err_set(err, WA_ELIMIT, "no room for a change");
	}
	wa_buf_clear(&index);
	wa_buf_clear(&value);
	return rc;
}

/* ---- the index, in ---- */

static bool read_part(struct wa_sync_action *a, char part, const char *text)
{
	switch (part) {
	case 'c':
		return wa_jid_parse(wa_span_str(text), &a->chat, NULL) == 0;
	case 'm':
		a->id = text;
		return text[0] != '\0';
	case 'f':
		a->from_me = text[0] == '1';
		return true;
	case 's':
		/* Who wrote it is not always a JID; then it is not known. */
		if (wa_jid_parse(wa_span_str(text), &a->sender, NULL))
			memset(&a->sender, 0, sizeof(a->sender));
		return true;
	case 'l':
		a->label = text;
		return text[0] != '\0';
	case 'd':
		a->delete_starred = text[0] == '1';
		return true;
	case 'e':
		a->delete_media = text[0] == '1';
		return true;
	default:
		return true;
	}
}

/* Later versions may append parts. */
static bool read_index(struct wa_sync_action *a, const struct kind *k, const char *const *parts,
		       size_t n)
{
	size_t want = strlen(k->parts), i;

	for (i = 0; i < want; i++) {
		/* Literals and flags at the end are left out by some. */
		if (i + 1 >= n)
			return k->parts[i] == '0' || k->parts[i] == 'd' || k->parts[i] == 'e' ||
			       k->parts[i] == 's';
		if (!read_part(a, k->parts[i], parts[i + 1]))
			return false;
	}
	return true;
}

/* ---- the value, in ---- */

struct sub { /* the fields of a sub-message by number */
	uint64_t n[SUB_FIELDS];
	struct wa_span s[SUB_FIELDS];
	bool has[SUB_FIELDS];
};

static int read_sub(struct wa_span in, struct sub *ret)
{
	struct wa_pb_field f;
	int rc;

	memset(ret, 0, sizeof(*ret));
	while ((rc = wa_pb_next(&in, &f)) == 1) {
		if (f.number >= SUB_FIELDS)
			continue;
		ret->has[f.number] = true;
		ret->n[f.number] = f.varint;
		ret->s[f.number] = f.bytes;
	}
	return rc;
}

static const char *text_of(struct wa_arena *arena, struct wa_span s)
{
	const char *t = s.len && wa_utf8_valid(s) ? wa_arena_str(arena, s) : "";

	return t ? t : "";
}

static struct wa_jid jid_of(struct wa_span s)
{
	struct wa_jid j;

	if (wa_jid_parse(s, &j, NULL))
		memset(&j, 0, sizeof(j));
	return j;
}

/* Seconds by the protocol; some clients write milliseconds. */
static int64_t range_ms(uint64_t t)
{
	if (t > INT64_MAX / 1000)
		return 0;
	return t > 100000000000ULL ? (int64_t)t : (int64_t)t * 1000;
}

static void read_range(struct wa_sync_action *a, struct wa_span in, struct wa_arena *arena)
{
	struct wa_sync_range *r = &a->range;
	struct sub msg, key;
	struct wa_pb_field f;

	while (wa_pb_next(&in, &f) == 1) {
		if (f.number == 1 && f.wire == 0)
			r->last_ms = range_ms(f.varint);
		else if (f.number == 2 && f.wire == 0)
			r->last_system_ms = range_ms(f.varint);
		if (f.number != 3 || f.wire != 2 || r->n == MESSAGES_MAX ||
		    read_sub(f.bytes, &msg) || read_sub(msg.s[1], &key))
			continue;
		r->messages[r->n++] = (struct wa_sync_key){
			.id = text_of(arena, key.s[3]),
			.from_me = key.n[2] != 0,
			.sender = jid_of(key.s[4]),
			.timestamp_ms = range_ms(msg.n[2]),
		};
	}
}

static void read_fields(struct wa_sync_action *a, const struct sub *s, struct wa_arena *arena)
{
	switch (a->kind) {
	case WA_SYNC_MUTE:
		a->until_ms = a->on ? (int64_t)s->n[2] : 0;
		if (a->until_ms < -1)
			a->until_ms = -1;
		break;
	case WA_SYNC_DELETE_FOR_ME:
		a->delete_media = s->n[1] != 0;
		a->message_ms = range_ms(s->n[2]);
		break;
	case WA_SYNC_CONTACT:
		a->name = text_of(arena, s->s[1]);
		a->first_name = text_of(arena, s->s[2]);
		a->lid = jid_of(s->s[3]);
		a->pn = jid_of(s->s[5]);
		break;
	case WA_SYNC_LID_CONTACT:
		a->name = text_of(arena, s->s[1]);
		a->first_name = text_of(arena, s->s[2]);
		break;
	case WA_SYNC_LABEL_EDIT:
		a->name = text_of(arena, s->s[1]);
		a->color = (int)(s->n[2] & 0xff);
		a->number = (int)(s->n[3] & 0xffff);
		break;
	case WA_SYNC_QUICK_REPLY:
		a->name = text_of(arena, s->s[1]);
		a->text = text_of(arena, s->s[2]);
		break;
	case WA_SYNC_PUSH_NAME:
		a->name = text_of(arena, s->s[1]);
		break;
	case WA_SYNC_LOCALE:
		a->text = text_of(arena, s->s[1]);
		break;
	case WA_SYNC_PN_FOR_LID:
		a->pn = jid_of(s->s[1]);
		break;
	default:
		break;
	}
}

static bool read_value(struct wa_sync_action *a, const struct kind *k, struct wa_arena *arena)
{
	struct wa_span part = { NULL, 0 };
	struct sub s;
	int rc = wa_pb_find(a->value, k->field, &part);

	/* What was taken out may come without a value. */
	if (rc < 0 || (rc == 0 && !a->remove) || read_sub(part, &s))
		return false;
	if (k->on > 0)
		a->on = s.n[k->on] != 0;
	else if (k->on < 0)
		a->on = s.n[-k->on] == 0;
	read_fields(a, &s, arena);
	if (k->range)
		read_range(a, s.s[k->range], arena);
	return true;
}

static int find_kind(const char *name)
{
	for (int i = WA_SYNC_OTHER + 1; i < WA_SYNC_KINDS; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return i;
	return WA_SYNC_OTHER;
}

int wa_sync_action_decode(int collection, const struct wa_syncd_entry *e, struct wa_arena *arena,
			  struct wa_sync_action *ret_a, struct wa_err *err)
{
	struct wa_sync_action base = { .collection = collection, .version = e->version };
	const char *parts[SYNC_PARTS_MAX];
	size_t n = sync_index_split(e->index, arena, parts);
	struct wa_pb_field f;
	struct wa_span at = e->value;
	int kind = n ? find_kind(parts[0]) : WA_SYNC_OTHER;

	base.remove = ret_a->remove;
	base.value = e->value;
	base.index = wa_utf8_valid(e->index) ? wa_arena_str(arena, e->index) : "";
	while (wa_pb_next(&at, &f) == 1)
		if (f.number == VALUE_TIME && f.wire == 0)
			base.timestamp_ms = range_ms(f.varint);
	*ret_a = base;
	ret_a->kind = kind;
	if (kind != WA_SYNC_OTHER &&
	    (!read_index(ret_a, &kinds[kind], parts, n) || !read_value(ret_a, &kinds[kind], arena)))
		*ret_a = base;
	if (wa_arena_failed(arena) || !base.index)
		return wa_err_set(err, WA_ELIMIT, "no room for an entry");
	return 0;
}
