/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "handshake.h"

#include <wa/sig.h>

#include "handshake.pb-c.h"

#define CERT_SEALED_MAX 4096	/* bytes of a sealed certificate chain */
#define KEY_LEN sizeof(struct wa_pub)

static void free_message(Wa__HandshakeMessage **m)
{
	if (*m)
		wa__handshake_message__free_unpacked(*m, NULL);
}

void wa_handshake_init(struct wa_handshake *hs, const struct wa_env *env,
		       const struct wa_keypair *stat, struct wa_span prologue)
{
	wa_noise_init(&hs->noise, prologue);
	wa_keypair_new(env, &hs->eph);
	hs->stat = *stat;
}

static ProtobufCBinaryData bytes(uint8_t *p, size_t len)
{
	return (ProtobufCBinaryData){ len, p };
}

static struct wa_span view(const ProtobufCBinaryData *b)
{
	return wa_span(b->data, b->len);
}

static int pack(const Wa__HandshakeMessage *m, struct wa_buf *out, struct wa_err *err)
{
	uint8_t *p = wa_buf_grow(out, wa__handshake_message__get_packed_size(m));

	if (p)
		wa__handshake_message__pack(m, p);
	return wa_buf_end(out, err);
}

static int unpack(struct wa_span msg, Wa__HandshakeMessage **ret, struct wa_err *err)
{
	*ret = wa__handshake_message__unpack(NULL, msg.len, msg.ptr);
	if (!*ret)
		return wa_err_set(err, WA_EPROTO, "handshake: malformed message");
	return WA_OK;
}

static int crypto_error(struct wa_err *err, const char *what)
{
	return wa_err_set(err, WA_ECRYPTO, "handshake: %s", what);
}

int wa_handshake_hello_write(struct wa_handshake *hs, struct wa_buf *out, struct wa_err *err)
{
	Wa__HandshakeMessage m = WA__HANDSHAKE_MESSAGE__INIT;
	Wa__HandshakeMessage__ClientHello hello = WA__HANDSHAKE_MESSAGE__CLIENT_HELLO__INIT;

	wa_noise_mix_hash(&hs->noise, wa_span(hs->eph.pub.b, KEY_LEN));
	hello.has_ephemeral = 1;
	hello.ephemeral = bytes(hs->eph.pub.b, KEY_LEN);
	m.clienthello = &hello;
	return pack(&m, out, err);
}

int wa_handshake_hello_read(struct wa_handshake *hs, struct wa_span msg, struct wa_err *err)
{
	WA_AUTO(free_message) Wa__HandshakeMessage *m = NULL;
	int r = unpack(msg, &m, err);

	if (r < 0)
		return r;
	if (!m->clienthello || m->clienthello->ephemeral.len != KEY_LEN)
		return wa_err_set(err, WA_EPROTO, "handshake: no client hello");
	memcpy(hs->peer_eph.b, m->clienthello->ephemeral.data, KEY_LEN);
	wa_noise_mix_hash(&hs->noise, wa_span(hs->peer_eph.b, KEY_LEN));
	return WA_OK;
}

int wa_handshake_server_hello_write(struct wa_handshake *hs, struct wa_span chain,
				    struct wa_buf *out, struct wa_err *err)
{
	Wa__HandshakeMessage m = WA__HANDSHAKE_MESSAGE__INIT;
	Wa__HandshakeMessage__ServerHello hello = WA__HANDSHAKE_MESSAGE__SERVER_HELLO__INIT;
	uint8_t stat[KEY_LEN + WA_GCM_TAG], cert[sizeof(((struct wa_cert_chain *)0)->bytes) +
						  WA_GCM_TAG];

	if (chain.len > sizeof(cert) - WA_GCM_TAG)
		return wa_err_set(err, WA_EINVALID, "handshake: chain of %zu bytes", chain.len);
	wa_noise_mix_hash(&hs->noise, wa_span(hs->eph.pub.b, KEY_LEN));
	if (wa_noise_mix_dh(&hs->noise, &hs->eph.priv, &hs->peer_eph) < 0)
		return crypto_error(err, "weak client key");
	wa_noise_encrypt(&hs->noise, wa_span(hs->stat.pub.b, KEY_LEN), stat);
	if (wa_noise_mix_dh(&hs->noise, &hs->stat.priv, &hs->peer_eph) < 0)
		return crypto_error(err, "weak client key");
	wa_noise_encrypt(&hs->noise, chain, cert);
	hello.has_ephemeral = hello.has_static_ = hello.has_payload = 1;
	hello.ephemeral = bytes(hs->eph.pub.b, KEY_LEN);
	hello.static_ = bytes(stat, sizeof(stat));
	hello.payload = bytes(cert, chain.len + WA_GCM_TAG);
	m.serverhello = &hello;
	return pack(&m, out, err);
}

int wa_handshake_server_hello_read(struct wa_handshake *hs, struct wa_span msg,
				   const struct wa_pub *root, int64_t now_ms, struct wa_err *err)
{
	WA_AUTO(free_message) Wa__HandshakeMessage *m = NULL;
	const Wa__HandshakeMessage__ServerHello *hello;
	uint8_t cert[CERT_SEALED_MAX];
	int r = unpack(msg, &m, err);

	if (r < 0)
		return r;
	hello = m->serverhello;
	if (!hello || hello->ephemeral.len != KEY_LEN ||
	    hello->static_.len != KEY_LEN + WA_GCM_TAG || hello->payload.len < WA_GCM_TAG ||
	    hello->payload.len > CERT_SEALED_MAX)
		return wa_err_set(err, WA_EPROTO, "handshake: no server hello");
	memcpy(hs->peer_eph.b, hello->ephemeral.data, KEY_LEN);
	wa_noise_mix_hash(&hs->noise, wa_span(hs->peer_eph.b, KEY_LEN));
	if (wa_noise_mix_dh(&hs->noise, &hs->eph.priv, &hs->peer_eph) < 0)
		return crypto_error(err, "weak server key");
	if (wa_noise_decrypt(&hs->noise, view(&hello->static_), hs->peer_stat.b) < 0)
		return crypto_error(err, "the server's static key is not authentic");
	if (wa_noise_mix_dh(&hs->noise, &hs->eph.priv, &hs->peer_stat) < 0)
		return crypto_error(err, "weak server key");
	if (wa_noise_decrypt(&hs->noise, view(&hello->payload), cert) < 0)
		return crypto_error(err, "the server's certificate is not authentic");
	return wa_cert_chain_check(wa_span(cert, hello->payload.len - WA_GCM_TAG), root,
				   &hs->peer_stat, now_ms, err);
}

int wa_handshake_finish_write(struct wa_handshake *hs, struct wa_span payload, struct wa_buf *out,
			      struct wa_err *err)
{
	Wa__HandshakeMessage m = WA__HANDSHAKE_MESSAGE__INIT;
	Wa__HandshakeMessage__ClientFinish finish = WA__HANDSHAKE_MESSAGE__CLIENT_FINISH__INIT;
	uint8_t stat[KEY_LEN + WA_GCM_TAG];
	uint8_t *sealed;
	int r;

	wa_noise_encrypt(&hs->noise, wa_span(hs->stat.pub.b, KEY_LEN), stat);
	if (wa_noise_mix_dh(&hs->noise, &hs->stat.priv, &hs->peer_eph) < 0)
		return crypto_error(err, "weak server key");
	sealed = malloc(payload.len + WA_GCM_TAG);
	if (!sealed)
		return wa_err_set(err, WA_ENOMEM, "handshake: no memory");
	wa_noise_encrypt(&hs->noise, payload, sealed);
	finish.has_static_ = finish.has_payload = 1;
	finish.static_ = bytes(stat, sizeof(stat));
	finish.payload = bytes(sealed, payload.len + WA_GCM_TAG);
	m.clientfinish = &finish;
	r = pack(&m, out, err);
	free(sealed);
	return r;
}

int wa_handshake_finish_read(struct wa_handshake *hs, struct wa_span msg, struct wa_buf *payload,
			     struct wa_err *err)
{
	WA_AUTO(free_message) Wa__HandshakeMessage *m = NULL;
	const Wa__HandshakeMessage__ClientFinish *finish;
	uint8_t *plain;
	int r = unpack(msg, &m, err);

	if (r < 0)
		return r;
	finish = m->clientfinish;
	if (!finish || finish->static_.len != KEY_LEN + WA_GCM_TAG ||
	    finish->payload.len < WA_GCM_TAG)
		return wa_err_set(err, WA_EPROTO, "handshake: no client finish");
	if (wa_noise_decrypt(&hs->noise, view(&finish->static_), hs->peer_stat.b) < 0)
		return crypto_error(err, "the client's static key is not authentic");
	if (wa_noise_mix_dh(&hs->noise, &hs->eph.priv, &hs->peer_stat) < 0)
		return crypto_error(err, "weak client key");
	plain = wa_buf_grow(payload, finish->payload.len - WA_GCM_TAG);
	if (!plain)
		return wa_buf_end(payload, err);
	if (wa_noise_decrypt(&hs->noise, view(&finish->payload), plain) < 0)
		return crypto_error(err, "the client's payload is not authentic");
	return WA_OK;
}
