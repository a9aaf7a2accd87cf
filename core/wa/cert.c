/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The server's certificate chain: root signs intermediate signs leaf. */
#include <wa/sig.h>
#include <wa/stream.h>

#include "base.h"
#include "crypto.h"
#include "handshake.pb-c.h"

#define CHAIN_MAX 4096	/* bytes; a real chain has about 300 */

#define INTERMEDIATE_SERIAL 1
#define LEAF_SERIAL 2

const struct wa_pub wa_root_key = { {
	0x14, 0x23, 0x75, 0x57, 0x4d, 0x0a, 0x58, 0x71, 0x66, 0xaa, 0xe7,
	0x1e, 0xbe, 0x51, 0x64, 0x37, 0xc4, 0xa2, 0x8b, 0x73, 0xe3, 0x69,
	0x5c, 0x6c, 0xe1, 0xf7, 0xf9, 0x54, 0x5d, 0xa8, 0xee, 0x6b,
} };

/* One certificate: its unpacked details, and the bytes that are signed. */
struct cert {
	const char *name;
	Wa__CertDetails *details;
	struct wa_span signed_bytes;
	struct wa_sig sig;
};

static void free_cert(struct cert *c)
{
	if (c->details)
		wa__cert_details__free_unpacked(c->details, NULL);
}

static void free_chain(Wa__CertChain **c)
{
	if (*c)
		wa__cert_chain__free_unpacked(*c, NULL);
}

static int read_cert(const Wa__CertChain__NoiseCertificate *in, struct cert *c, struct wa_err *err)
{
	if (!in || !in->has_details || !in->has_signature)
		return wa_err_set(err, WA_ECRYPTO, "server certificate: %s lacks details or signature",
				  c->name);
	if (in->signature.len != sizeof(c->sig.b))
		return wa_err_set(err, WA_ECRYPTO, "server certificate: %s signature of %zu bytes",
				  c->name, in->signature.len);
	memcpy(c->sig.b, in->signature.data, sizeof(c->sig.b));
	c->signed_bytes = wa_span(in->details.data, in->details.len);
	c->details = wa__cert_details__unpack(NULL, in->details.len, in->details.data);
	if (!c->details || c->details->key.len != sizeof(struct wa_pub))
		return wa_err_set(err, WA_ECRYPTO, "server certificate: %s details are malformed",
				  c->name);
	return WA_OK;
}

/* Signed by `issuer`, whose serial it names, and valid now. */
static int check_cert(const struct cert *c, const struct wa_pub *issuer, uint32_t issuer_serial,
		      int64_t now_ms, struct wa_err *err)
{
	uint64_t now_s = now_ms < 0 ? 0 : (uint64_t)now_ms / 1000;

	if (wa_sig_verify(issuer, c->signed_bytes, &c->sig) < 0)
		return wa_err_set(err, WA_ECRYPTO, "server certificate: %s is not signed by its issuer",
				  c->name);
	/* a missing serial reads as 0, the root's */
	if (c->details->issuerserial != issuer_serial)
		return wa_err_set(err, WA_ECRYPTO, "server certificate: %s names issuer %u, not %u",
				  c->name, c->details->issuerserial, issuer_serial);
	if (now_s < c->details->notbefore || now_s > c->details->notafter)
		return wa_err_set(err, WA_ECRYPTO, "server certificate: %s is not valid at this time",
				  c->name);
	return WA_OK;
}

int wa_cert_chain_check(struct wa_span chain, const struct wa_pub *root,
			const struct wa_pub *server_static, int64_t now_ms, struct wa_err *err)
{
	WA_AUTO(free_chain) Wa__CertChain *parsed = NULL;
	WA_AUTO(free_cert) struct cert mid = { .name = "intermediate" };
	WA_AUTO(free_cert) struct cert leaf = { .name = "leaf" };
	struct wa_pub mid_key;
	int r;

	if (chain.len > CHAIN_MAX)
		return wa_err_set(err, WA_ELIMIT, "server certificate: %zu bytes", chain.len);
	parsed = wa__cert_chain__unpack(NULL, chain.len, chain.ptr);
	if (!parsed)
		return wa_err_set(err, WA_EPROTO, "server certificate: not a chain");
	r = read_cert(parsed->intermediate, &mid, err);
	if (r == WA_OK)
		r = read_cert(parsed->leaf, &leaf, err);
	if (r == WA_OK)
		r = check_cert(&mid, root, 0, now_ms, err);
	if (r < 0)
		return r;
	memcpy(mid_key.b, mid.details->key.data, sizeof(mid_key.b));
	r = check_cert(&leaf, &mid_key, mid.details->serial, now_ms, err);
	if (r < 0)
		return r;
	if (!wa_ct_eq(leaf.details->key.data, server_static->b, sizeof(server_static->b)))
		return wa_err_set(err, WA_ECRYPTO,
				  "server certificate: leaf is for another server key");
	return WA_OK;
}

/* Room for one certificate's details and signature while the chain is packed. */
struct cert_room {
	uint8_t details[128];
	struct wa_sig sig;
};

static void make_cert(const struct wa_env *env, const struct wa_priv *issuer,
		      const Wa__CertDetails *d, struct cert_room *room,
		      Wa__CertChain__NoiseCertificate *out)
{
	size_t len = wa__cert_details__pack(d, room->details);

	wa_sig_sign(env, issuer, wa_span(room->details, len), &room->sig);
	out->has_details = 1;
	out->details = (ProtobufCBinaryData){ len, room->details };
	out->has_signature = 1;
	out->signature = (ProtobufCBinaryData){ sizeof(room->sig.b), room->sig.b };
}

/* All fields are written, also zero ones: there are clients that demand it. */
static Wa__CertDetails details(uint32_t serial, uint32_t issuer, struct wa_pub *key, int64_t from_s,
			       int64_t to_s)
{
	Wa__CertDetails d = WA__CERT_DETAILS__INIT;

	d.has_serial = d.has_issuerserial = d.has_key = d.has_notbefore = d.has_notafter = 1;
	d.serial = serial;
	d.issuerserial = issuer;
	d.key = (ProtobufCBinaryData){ sizeof(key->b), key->b };
	d.notbefore = (uint64_t)from_s;
	d.notafter = (uint64_t)to_s;
	return d;
}

int wa_cert_chain_make(const struct wa_env *env, const struct wa_keypair *root,
		       int64_t not_before_s, int64_t not_after_s, struct wa_cert_chain *ret_chain,
		       struct wa_err *err)
{
	Wa__CertChain chain = WA__CERT_CHAIN__INIT;
	Wa__CertChain__NoiseCertificate mid_cert = WA__CERT_CHAIN__NOISE_CERTIFICATE__INIT;
	Wa__CertChain__NoiseCertificate leaf_cert = WA__CERT_CHAIN__NOISE_CERTIFICATE__INIT;
	Wa__CertDetails d;
	struct cert_room mid_room, leaf_room;
	struct wa_keypair mid, leaf;

	if (not_before_s < 0 || not_after_s < not_before_s)
		return wa_err_set(err, WA_EINVALID, "server certificate: bad validity");
	wa_keypair_new(env, &mid);
	wa_keypair_new(env, &leaf);
	d = details(INTERMEDIATE_SERIAL, 0, &mid.pub, not_before_s, not_after_s);
	make_cert(env, &root->priv, &d, &mid_room, &mid_cert);
	d = details(LEAF_SERIAL, INTERMEDIATE_SERIAL, &leaf.pub, not_before_s, not_after_s);
	make_cert(env, &mid.priv, &d, &leaf_room, &leaf_cert);
	wa_wipe(&mid.priv, sizeof(mid.priv));
	chain.leaf = &leaf_cert;
	chain.intermediate = &mid_cert;
	if (wa__cert_chain__get_packed_size(&chain) > sizeof(ret_chain->bytes))
		return wa_err_set(err, WA_EINTERNAL, "server certificate: chain too large");
	ret_chain->len = wa__cert_chain__pack(&chain, ret_chain->bytes);
	ret_chain->leaf = leaf;
	return WA_OK;
}
