/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is encrypted under the secret of another message. */
#include "pb.h"

#include <wa/addon.h>

#include <base.h>
#include <crypto.h>

#define PLAIN_MAX (1u << 20)
#define INFO_MAX  (256 + 2 * WA_JID_TEXT_MAX + 32)

static const char *use_text(int use)
{
	static const char *const texts[] = {
		[WA_ADDON_POLL_VOTE] = "Poll Vote",
		[WA_ADDON_REACTION] = "Enc Reaction",
		[WA_ADDON_COMMENT] = "Enc Comment",
		[WA_ADDON_EVENT_ANSWER] = "Event Response",
		[WA_ADDON_EVENT_EDIT] = "Event Edit",
		[WA_ADDON_MESSAGE_EDIT] = "Message Edit",
		[WA_ADDON_POLL_EDIT] = "Poll Edit",
		[WA_ADDON_POLL_ADD_OPTION] = "Poll Add Option",
		[WA_ADDON_REPORT] = "Report Token",
		[WA_ADDON_BOT] = "",
	};

	return use > 0 && (size_t)use < WA_ARRAY_LEN(texts) ? texts[use] : NULL;
}

static int check(const struct wa_addon *a, struct wa_err *err)
{
	if (!use_text(a->use))
		return wa_err_set(err, WA_EINVALID, "add-on of unknown use %d", a->use);
	if (a->secret.len != 32 || a->target_id.len == 0 || a->target_id.len > 256)
		return wa_err_set(err, WA_EINVALID, "add-on without secret or target");
	return 0;
}

static void put_jid(struct wa_buf *b, const struct wa_jid *j)
{
	struct wa_jid bare = wa_jid_bare(j);
	char text[WA_JID_TEXT_MAX];

	wa_buf_str(b, wa_jid_text(&bare, text));
}

int wa_addon_key(const struct wa_addon *a, const struct wa_jid *author, const struct wa_jid *sender,
		 struct wa_key *ret_key, struct wa_err *err)
{
	struct wa_buf info;
	int rc = check(a, err);

	if (rc)
		return rc;
	wa_buf_init(&info, INFO_MAX);
	wa_buf_span(&info, a->target_id);
	put_jid(&info, author);
	put_jid(&info, sender);
	wa_buf_str(&info, use_text(a->use));
	rc = wa_buf_end(&info, err);
	if (rc == 0)
		wa_hkdf(a->secret, wa_span(NULL, 0), wa_buf_view(&info), ret_key->b,
			sizeof(ret_key->b));
	wa_buf_clear(&info);
	return rc;
}

/* Votes, answers and bots' messages are bound to who gives them. */
static void put_aad(const struct wa_addon *a, const struct wa_jid *sender, struct wa_buf *aad)
{
	if (a->use != WA_ADDON_POLL_VOTE && a->use != WA_ADDON_EVENT_ANSWER &&
	    a->use != WA_ADDON_BOT)
		return;
	wa_buf_span(aad, a->target_id);
	wa_buf_u8(aad, 0);
	put_jid(aad, sender);
}

static int open_as(const struct wa_addon *a, const struct wa_jid *author,
		   const struct wa_jid *sender, const struct wa_enc *enc, uint8_t *plain,
		   struct wa_err *err)
{
	struct wa_key key;
	struct wa_buf aad;
	int rc;

	rc = wa_addon_key(a, author, sender, &key, err);
	if (rc)
		return rc;
	wa_buf_init(&aad, INFO_MAX);
	put_aad(a, sender, &aad);
	rc = wa_buf_end(&aad, err);
	if (rc == 0)
		rc = wa_gcm_open(&key, enc->iv.ptr, wa_buf_view(&aad), enc->payload, plain);
	wa_buf_clear(&aad);
	wa_wipe(&key, sizeof(key));
	return rc;
}

int wa_addon_open(const struct wa_addon *a, const struct wa_enc *enc, struct wa_buf *out,
		  struct wa_err *err)
{
	size_t i, before = out->len;
	uint8_t *plain;
	int rc = check(a, err);

	if (rc)
		return rc;
	if (enc->iv.len != WA_GCM_NONCE || enc->payload.len < WA_GCM_TAG ||
	    enc->payload.len > PLAIN_MAX)
		return wa_err_set(err, WA_EPROTO, "add-on of %zu bytes with an IV of %zu",
				  enc->payload.len, enc->iv.len);
	/* One byte more: an empty text is not nothing. */
	plain = wa_buf_grow(out, enc->payload.len - WA_GCM_TAG + 1);
	if (!plain)
		return wa_buf_end(out, err);
	for (i = 0; i < 4; i++) {
		const struct wa_jid *author = &a->author[i / 2], *sender = &a->sender[i % 2];

		if (wa_jid_is_null(author) || wa_jid_is_null(sender))
			continue;
		rc = open_as(a, author, sender, enc, plain, err);
		if (rc != WA_ECRYPTO)
			break;
	}
	if (i == 4)
		rc = wa_err_set(err, WA_ECRYPTO, "add-on does not open");
	out->len = rc ? before : before + enc->payload.len - WA_GCM_TAG;
	return rc;
}

int wa_addon_seal(const struct wa_addon *a, struct wa_span plain, const uint8_t iv[12],
		  struct wa_buf *out, struct wa_err *err)
{
	struct wa_key key;
	struct wa_buf aad;
	uint8_t *sealed;
	int rc;

	if (plain.len > PLAIN_MAX - WA_GCM_TAG)
		return wa_err_set(err, WA_ELIMIT, "add-on of %zu bytes", plain.len);
	rc = wa_addon_key(a, &a->author[0], &a->sender[0], &key, err);
	if (rc)
		return rc;
	wa_buf_init(&aad, INFO_MAX);
	put_aad(a, &a->sender[0], &aad);
	rc = wa_buf_end(&aad, err);
	sealed = rc ? NULL : wa_buf_grow(out, plain.len + WA_GCM_TAG);
	if (sealed)
		wa_gcm_seal(&key, iv, wa_buf_view(&aad), plain, sealed);
	else if (rc == 0)
		rc = wa_buf_end(out, err);
	wa_buf_clear(&aad);
	wa_wipe(&key, sizeof(key));
	return rc;
}

void wa_poll_option_hash(struct wa_span option, uint8_t out[WA_HASH_LEN])
{
	wa_sha256(option, out);
}

/* ---- PollVoteMessage, EventResponseMessage ---- */

int wa_vote_encode(const struct wa_vote *v, struct wa_buf *out, struct wa_err *err)
{
	if (v->n > WA_POLL_OPTIONS_MAX)
		return wa_err_set(err, WA_ELIMIT, "vote for %zu options", v->n);
	for (size_t i = 0; i < v->n; i++)
		wa_pb_put(out, 1, wa_span(v->options[i], WA_HASH_LEN));
	return wa_buf_end(out, err);
}

int wa_vote_decode(struct wa_span plain, struct wa_vote *ret_v, struct wa_err *err)
{
	struct wa_pb_field f;
	int rc;

	memset(ret_v, 0, sizeof(*ret_v));
	while ((rc = wa_pb_next(&plain, &f)) == 1) {
		if (f.number != 1 || f.wire != 2)
			continue;
		if (f.bytes.len != WA_HASH_LEN || ret_v->n == WA_POLL_OPTIONS_MAX)
			return wa_err_set(err, WA_EPROTO, "vote is malformed");
		memcpy(ret_v->options[ret_v->n++], f.bytes.ptr, WA_HASH_LEN);
	}
	return rc < 0 ? wa_err_set(err, WA_EPROTO, "vote is malformed") : 0;
}

int wa_going_encode(const struct wa_going_answer *g, struct wa_buf *out, struct wa_err *err)
{
	wa_pb_put_varint(out, 1, (uint64_t)g->going);
	wa_pb_put_varint(out, 2, (uint64_t)g->timestamp_ms);
	if (g->guests)
		wa_pb_put_varint(out, 3, g->guests);
	return wa_buf_end(out, err);
}

int wa_going_decode(struct wa_span plain, struct wa_going_answer *ret_g, struct wa_err *err)
{
	struct wa_pb_field f;
	int rc;

	memset(ret_g, 0, sizeof(*ret_g));
	while ((rc = wa_pb_next(&plain, &f)) == 1) {
		if (f.wire != 0)
			continue;
		if (f.number == 1)
			ret_g->going = f.varint <= WA_GOING_MAYBE ? (int)f.varint : WA_GOING_UNKNOWN;
		else if (f.number == 2)
			ret_g->timestamp_ms = f.varint <= INT64_MAX ? (int64_t)f.varint : 0;
		else if (f.number == 3)
			ret_g->guests = f.varint <= UINT32_MAX ? (uint32_t)f.varint : 0;
	}
	return rc < 0 ? wa_err_set(err, WA_EPROTO, "event answer is malformed") : 0;
}
