/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sender keys: one chain per group and sending device. */
#include "signal_int.h"

#include <signal/group_cipher.h>
#include <signal/group_session_builder.h>
#include <signal/protocol.h>

#define GROUP_TEXT_MAX (16u << 20)
#define GROUP_KEY_MAX  (WA_JID_TEXT_MAX + sizeof(((struct wa_addr *)0)->text))

/* The name of a sender key; points into the two buffers. */
struct key_name {
	char group[WA_JID_TEXT_MAX];
	struct wa_addr sender;
	signal_protocol_sender_key_name sg;
	char key[GROUP_KEY_MAX]; /* the record's */
	size_t key_len;
};

static int name_make(const struct wa_jid *group, const struct wa_jid *sender, struct key_name *n,
		     struct wa_err *err)
{
	size_t group_len;
	int rc = wa_addr_make(sender, &n->sender, err);

	if (rc)
		return rc;
	(void)wa_jid_text(group, n->group);
	group_len = strlen(n->group);
	n->sg = (signal_protocol_sender_key_name){ n->group, group_len, n->sender.sg };
	n->key_len = group_len + 1 + strlen(n->sender.text);
	if (n->key_len > sizeof(n->key))
		return wa_err_set(err, WA_EINVALID, "group address is too long");
	memcpy(n->key, n->group, group_len + 1);
	memcpy(n->key + group_len + 1, n->sender.text, strlen(n->sender.text));
	return 0;
}

static struct wa_span name_key(const struct key_name *n)
{
	return wa_span(n->key, n->key_len);
}

/* A sender key that came while only the phone number was known moves to the LID. */
static int adopt_key(struct wa_signal *s, const struct wa_jid *group, const struct wa_jid *lid,
		     const struct key_name *to, struct wa_err *err)
{
	struct key_name from;
	struct wa_jid pn;
	struct wa_buf old;
	int rc = wa_signal_pn_of(s, lid, &pn);

	if (rc <= 0)
		return rc;
	rc = name_make(group, &pn, &from, err);
	if (rc)
		return rc;
	wa_buf_init(&old, 4u << 20);
	rc = wa_records_get(s->rec, WA_REC_SENDER_KEY, name_key(&from), &old, err);
	if (rc > 0) {
		rc = wa_records_put(s->rec, WA_REC_SENDER_KEY, name_key(to), wa_buf_view(&old));
		if (rc == 0)
			rc = wa_records_del(s->rec, WA_REC_SENDER_KEY, name_key(&from));
	}
	wa_buf_wipe(&old);
	return rc;
}

/* The name under the canonical sender; 1 when there is a key. */
static int locate(struct wa_signal *s, const struct wa_jid *group, const struct wa_jid *sender,
		  struct wa_jid *ret_canonical, struct key_name *ret, struct wa_err *err)
{
	struct wa_span value;
	int rc;

	*ret_canonical = wa_signal_canonical(s, sender);
	rc = name_make(group, ret_canonical, ret, err);
	if (rc)
		return rc;
	rc = wa_records_view(s->rec, WA_REC_SENDER_KEY, name_key(ret), &value, err);
	if (rc)
		return rc;
	rc = adopt_key(s, group, ret_canonical, ret, err);
	if (rc < 0)
		return rc;
	return wa_records_view(s->rec, WA_REC_SENDER_KEY, name_key(ret), &value, err);
}

/* The distribution of our key as it stands; makes the key when there is none. */
static int distribute(struct wa_signal *s, const struct key_name *n, struct wa_buf *out,
		      struct wa_err *err)
{
	sender_key_distribution_message *skdm = NULL;
	group_session_builder *builder = NULL;
	signal_buffer *text;
	int rc = group_session_builder_create(&builder, s->store, s->ctx);

	if (rc == 0)
		rc = group_session_builder_create_session(builder, &skdm, &n->sg);
	if (rc == 0) {
		text = ciphertext_message_get_serialized((ciphertext_message *)skdm);
		wa_buf_put(out, signal_buffer_data(text), signal_buffer_len(text));
		rc = wa_buf_end(out, err);
	}
	SIGNAL_UNREF(skdm);
	group_session_builder_free(builder);
	return rc;
}

static int encrypt_as(struct wa_signal *s, const struct key_name *n, struct wa_span plain,
		      struct wa_buf *out, struct wa_err *err)
{
	ciphertext_message *message = NULL;
	group_cipher *cipher = NULL;
	struct wa_buf padded;
	signal_buffer *text;
	int rc = wa_signal_pad(s, plain, &padded) ? SG_ERR_NOMEM : 0;

	if (rc == 0)
		rc = group_cipher_create(&cipher, s->store, &n->sg, s->ctx);
	if (rc == 0)
		rc = group_cipher_encrypt(cipher, padded.ptr, padded.len, &message);
	if (rc == 0) {
		text = ciphertext_message_get_serialized(message);
		wa_buf_put(out, signal_buffer_data(text), signal_buffer_len(text));
		rc = wa_buf_end(out, err);
	}
	SIGNAL_UNREF(message);
	group_cipher_free(cipher);
	wa_buf_wipe(&padded);
	return rc;
}

int wa_signal_group_encrypt(struct wa_signal *s, const struct wa_jid *group,
			    const struct wa_jid *self, struct wa_span plain,
			    struct wa_buf *ret_skdm, struct wa_buf *out, struct wa_err *err)
{
	struct wa_jid canonical;
	struct key_name name;
	int rc;

	if (plain.len > GROUP_TEXT_MAX - 16)
		return wa_err_set(err, WA_ELIMIT, "message of %zu bytes", plain.len);
	wa_signal_op_begin(s, NULL);
	rc = locate(s, group, self, &canonical, &name, err);
	if (rc == 0 && !ret_skdm)
		rc = SG_ERR_NO_SESSION;
	if (rc >= 0 && ret_skdm)
		rc = distribute(s, &name, ret_skdm, err);
	if (rc >= 0)
		rc = encrypt_as(s, &name, plain, out, err);
	return wa_signal_op_end(s, rc, "group encryption", err);
}

int wa_signal_group_key(struct wa_signal *s, const struct wa_jid *group, const struct wa_jid *self,
			struct wa_buf *ret_skdm, struct wa_err *err)
{
	struct wa_jid canonical;
	struct key_name name;
	int rc;

	wa_signal_op_begin(s, NULL);
	rc = locate(s, group, self, &canonical, &name, err);
	if (rc >= 0)
		rc = distribute(s, &name, ret_skdm, err);
	return wa_signal_op_end(s, rc, "group key", err);
}

int wa_signal_group_drop(struct wa_signal *s, const struct wa_jid *group, const struct wa_jid *self)
{
	struct wa_jid canonical;
	struct key_name name;
	int rc = locate(s, group, self, &canonical, &name, NULL);

	if (rc > 0)
		rc = wa_records_del(s->rec, WA_REC_SENDER_KEY, name_key(&name));
	return rc;
}

static int decrypt_as(struct wa_signal *s, const struct key_name *n, struct wa_span cipher_text,
		      struct wa_buf *out, struct wa_err *err)
{
	sender_key_message *message = NULL;
	signal_buffer *padded = NULL;
	group_cipher *cipher = NULL;
	size_t len;
	int rc = sender_key_message_deserialize(&message, cipher_text.ptr, cipher_text.len, s->ctx);

	if (rc == 0)
		rc = group_cipher_create(&cipher, s->store, &n->sg, s->ctx);
	if (rc == 0)
		rc = group_cipher_decrypt(cipher, message, NULL, &padded);
	SIGNAL_UNREF(message);
	group_cipher_free(cipher);
	if (rc)
		return rc;
	if (wa_signal_unpad(wa_span(signal_buffer_data(padded), signal_buffer_len(padded)), &len)) {
		rc = wa_err_detail(err, WA_EPROTO, 4, "bad message padding");
	} else {
		wa_buf_put(out, signal_buffer_data(padded), len);
		rc = wa_buf_end(out, err);
	}
	signal_buffer_bzero_free(padded);
	return rc;
}

int wa_signal_group_decrypt(struct wa_signal *s, const struct wa_jid *group,
			    const struct wa_jid *sender, struct wa_span cipher, struct wa_buf *out,
			    struct wa_err *err)
{
	struct wa_jid canonical;
	struct key_name name;
	int rc;

	if (cipher.len == 0 || cipher.len > GROUP_TEXT_MAX)
		return wa_err_detail(err, WA_EPROTO, 4, "ciphertext of %zu bytes", cipher.len);
	wa_signal_op_begin(s, NULL);
	rc = locate(s, group, sender, &canonical, &name, err);
	if (rc == 0)
		rc = SG_ERR_NO_SESSION;
	if (rc > 0)
		rc = decrypt_as(s, &name, cipher, out, err);
	return wa_signal_op_end(s, rc, "group decryption", err);
}

int wa_signal_group_process(struct wa_signal *s, const struct wa_jid *group,
			    const struct wa_jid *sender, struct wa_span skdm, struct wa_err *err)
{
	sender_key_distribution_message *message = NULL;
	group_session_builder *builder = NULL;
	struct wa_jid canonical;
	struct key_name name;
	int rc;

	if (skdm.len == 0 || skdm.len > 1024)
		return wa_err_detail(err, WA_EPROTO, 4, "sender key of %zu bytes", skdm.len);
	wa_signal_op_begin(s, NULL);
	rc = locate(s, group, sender, &canonical, &name, err);
	if (rc >= 0)
		rc = sender_key_distribution_message_deserialize(&message, skdm.ptr, skdm.len,
								 s->ctx);
	if (rc == 0)
		rc = group_session_builder_create(&builder, s->store, s->ctx);
	if (rc == 0)
		rc = group_session_builder_process_session(builder, &name.sg, message);
	SIGNAL_UNREF(message);
	group_session_builder_free(builder);
	return wa_signal_op_end(s, rc, "sender key", err);
}
