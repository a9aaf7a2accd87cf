/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files the media hosts have lost: our phone is asked to upload them again. */
#include "client_int.h"
#include "pb.h"

#include <wa/media.h>

#include <crypto.h>
#include <media.pb-c.h>
#include <stdlib.h>

#define ASKED_MAX	256	/* questions whose key we remember; the oldest is forgotten */
#define SEALED_MAX	4096
#define PATH_MAX_LEN	2048

/* Results as the phone numbers them, and as WA_EV_MEDIA_RETRY tells them. */
enum { RESULT_GENERAL, RESULT_SUCCESS, RESULT_NOT_FOUND, RESULT_DECRYPTION };
enum { SAY_OK, SAY_GENERAL, SAY_NOT_FOUND, SAY_DECRYPTION };

struct asked {
	struct wa_list link;
	char id[MSG_ID_MAX + 1];
	struct wa_jid chat;
	uint8_t key[WA_MEDIA_KEY_LEN];
};

struct media_retries {
	struct wa_list asked;		/* oldest first */
	size_t n;
};

static void retry_key(const uint8_t media_key[WA_MEDIA_KEY_LEN], struct wa_key *ret)
{
	wa_hkdf(wa_span(media_key, WA_MEDIA_KEY_LEN), wa_span(NULL, 0),
		wa_span_str("WhatsApp Media Retry Notification"), ret->b, sizeof(ret->b));
}

static void forget(struct media_retries *t, struct asked *a)
{
	wa_list_del(&a->link);
	t->n--;
	wa_wipe(a, sizeof(*a));
	free(a);
}

static struct asked *find(struct wa_client *c, struct wa_span id)
{
	struct wa_list *it;

	if (!c->media_retries)
		return NULL;
	WA_LIST_EACH(it, &c->media_retries->asked)
	{
		struct asked *a = container_of(it, struct asked, link);

		if (wa_span_is(id, a->id))
			return a;
	}
	return NULL;
}

void media_retry_clear(struct wa_client *c)
{
	struct wa_list *l;

	if (!c->media_retries)
		return;
	while ((l = wa_list_first(&c->media_retries->asked)))
		forget(c->media_retries, container_of(l, struct asked, link));
	free(c->media_retries);
	c->media_retries = NULL;
}

static int remember(struct wa_client *c, const struct wa_msg_info *info, struct wa_span key)
{
	struct media_retries *t = c->media_retries;
	struct asked *a = find(c, wa_span_str(info->id));

	if (!t) {
		t = c->media_retries = calloc(1, sizeof(*t));
		if (!t)
			return WA_ENOMEM;
		wa_list_init(&t->asked);
	}
	if (!a) {
		if (t->n >= ASKED_MAX)
			forget(t, container_of(wa_list_first(&t->asked), struct asked, link));
		a = calloc(1, sizeof(*a));
		if (!a)
			return WA_ENOMEM;
		span_copy(a->id, sizeof(a->id), wa_span_str(info->id));
		wa_list_push_back(&t->asked, &a->link);
		t->n++;
	}
	a->chat = info->chat;
	memcpy(a->key, key.ptr, sizeof(a->key));
	return WA_OK;
}

/* ---- the question ---- */

static int put_sealed(struct wa_client *c, struct wa_arena *a, struct wa_node *receipt,
		      const char *id, struct wa_span media_key, struct wa_err *err)
{
	struct wa_node *enc = wa_node_child(a, receipt, "encrypt");
	Wa__ServerErrorReceipt m = WA__SERVER_ERROR_RECEIPT__INIT;
	uint8_t iv[WA_GCM_NONCE], *out;
	struct wa_key key;
	struct wa_buf b;
	int r;

	wa_buf_init(&b, 256);
	m.has_stanzaid = true;
	m.stanzaid = wa_pb_bytes(wa_span_str(id));
	r = wa_pb_pack(&m.base, &b, err);
	out = r == WA_OK ? wa_arena_alloc(a, b.len + WA_GCM_TAG) : NULL;
	if (!out) {
		wa_buf_clear(&b);
		return r == WA_OK ? wa_err_set(err, WA_ENOMEM, "no memory to ask for a file") : r;
	}
	c->env->random(c->env->ctx, iv, sizeof(iv));
	retry_key(media_key.ptr, &key);
	wa_gcm_seal(&key, iv, wa_span_str(id), wa_buf_view(&b), out);
	wa_wipe(&key, sizeof(key));
	wa_node_data(a, wa_node_child(a, enc, "enc_p"), wa_span(out, b.len + WA_GCM_TAG));
	wa_node_data(a, wa_node_child(a, enc, "enc_iv"), wa_span(iv, sizeof(iv)));
	wa_buf_clear(&b);
	return WA_OK;
}

int wa_client_media_retry(struct wa_client *c, const struct wa_msg_info *info, struct wa_span media_key,
			  struct wa_err *err)
{
	struct wa_jid me = wa_jid_bare(&c->dev.pn), author;
	struct wa_node *n, *rmr;
	struct wa_arena a;
	int r;

	if (c->state != WA_ST_READY)
		return wa_err_set(err, WA_ESTATE, "not connected");
	if (media_key.len != WA_MEDIA_KEY_LEN || !info->id || !*info->id ||
	    strlen(info->id) > MSG_ID_MAX || wa_jid_is_null(&info->chat))
		return wa_err_set(err, WA_EINVALID, "id, chat and media key of a message");
	if (remember(c, info, media_key) < 0)
		return wa_err_set(err, WA_ENOMEM, "no memory to ask for a file");
	client_enter(c);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	n = wa_node_new(&a, "receipt");
	wa_node_attr(&a, n, "id", info->id);
	wa_node_attr_jid(&a, n, "to", &me);
	wa_node_attr(&a, n, "type", "server-error");
	r = put_sealed(c, &a, n, info->id, media_key, err);
	if (r == WA_OK) {
		rmr = wa_node_child(&a, n, "rmr");
		wa_node_attr_jid(&a, rmr, "jid", &info->chat);
		wa_node_attr(&a, rmr, "from_me", info->from_me ? "true" : "false");
		if (info->chat.server == WA_SRV_GROUP && !wa_jid_is_null(&info->sender)) {
			author = wa_jid_bare(&info->sender);
			wa_node_attr_jid(&a, rmr, "participant", &author);
		}
		client_send(c, n);
	}
	wa_arena_clear(&a);
	client_leave(c);
	return r;
}

/* The phone sends what it can again of its own accord: no answer is waited for. */
void media_history_lost(struct wa_client *c, const char *id, const uint8_t key[WA_MEDIA_KEY_LEN])
{
	struct wa_jid me = wa_jid_bare(&c->dev.pn);
	struct wa_node *n;
	struct wa_arena a;

	wa_arena_init(&a, STANZA_ARENA_MAX);
	n = wa_node_new(&a, "receipt");
	wa_node_attr(&a, n, "id", id);
	wa_node_attr_jid(&a, n, "to", &me);
	wa_node_attr(&a, n, "type", "server-error");
	wa_node_attr(&a, n, "category", "peer");
	if (put_sealed(c, &a, n, id, wa_span(key, WA_MEDIA_KEY_LEN), NULL) == WA_OK)
		client_send(c, n);
	else
		client_nomem(c);
	wa_arena_clear(&a);
}

/* ---- the answer ---- */

static bool path_ok(struct wa_span p)
{
	if (p.len < 2 || p.len > PATH_MAX_LEN || p.ptr[0] != '/')
		return false;
	for (size_t i = 0; i < p.len; i++)
		if (p.ptr[i] <= ' ' || p.ptr[i] >= 0x7f)
			return false;
	return true;
}

/* What the event is to say; the path lives in the arena. */
static int open_answer(const struct asked *q, const struct wa_node *enc, struct wa_arena *a,
		       struct wa_span *ret_path)
{
	struct wa_span p = wa_node_bytes(wa_node_get(enc, "enc_p"));
	struct wa_span iv = wa_node_bytes(wa_node_get(enc, "enc_iv"));
	Wa__MediaRetryNotification *m;
	struct wa_key key;
	uint8_t *plain;
	int r;

	if (iv.len != WA_GCM_NONCE || p.len < WA_GCM_TAG || p.len > SEALED_MAX)
		return SAY_GENERAL;
	plain = wa_arena_alloc(a, p.len);
	if (!plain)
		return SAY_GENERAL;
	retry_key(q->key, &key);
	r = wa_gcm_open(&key, iv.ptr, wa_span_str(q->id), p, plain);
	wa_wipe(&key, sizeof(key));
	if (r < 0)
		return SAY_GENERAL;
	m = wa_pb_unpack(&wa__media_retry_notification__descriptor,
			 wa_span(plain, p.len - WA_GCM_TAG), a);
	if (!m)
		return SAY_GENERAL;
	if (m->has_stanzaid && !wa_span_is(wa_pb_span(m->stanzaid), q->id))
		return SAY_GENERAL;
	*ret_path = wa_pb_span(m->directpath);
	switch (m->result) {
	case RESULT_SUCCESS:
		return path_ok(*ret_path) ? SAY_OK : SAY_GENERAL;
	case RESULT_NOT_FOUND:
		return SAY_NOT_FOUND;
	case RESULT_DECRYPTION:
		return SAY_DECRYPTION;
	default:
		return SAY_GENERAL;
	}
}

void media_retry_notification(struct wa_client *c, const struct wa_node *n, const struct wa_jid *from)
{
	const struct wa_node *e = wa_node_get(n, "error");
	struct asked *q = find(c, wa_node_attr_get(n, "id"));
	struct wa_span path = { NULL, 0 };
	struct wa_event *ev;
	struct wa_arena a;
	int code;

	/* Only our own phone is believed, and only about what was asked. */
	if (!q || !client_own(c, from))
		return;
	wa_arena_init(&a, WA_PB_ARENA_MAX);
	if (e)
		code = wa_node_attr_num(e, "code", SAY_NOT_FOUND) == SAY_NOT_FOUND ?
			       SAY_NOT_FOUND : SAY_GENERAL;
	else
		code = open_answer(q, wa_node_get(n, "encrypt"), &a, &path);
	ev = client_event(c, WA_EV_MEDIA_RETRY);
	ev->id = client_text(c, q->id);
	ev->chat = q->chat;
	ev->code = code;
	ev->text = code == SAY_OK ? client_span(c, path) : client_text(c, "");
	forget(c->media_retries, q);
	wa_arena_clear(&a);
}
