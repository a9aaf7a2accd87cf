/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_SIG_H
#define WA_SIG_H

/*
 * Curve25519 key pairs: agreement (X25519) and XEd25519 signatures by the
 * same key, as Signal and WhatsApp use them. Keys have no 0x05 type byte.
 * Random bytes come from the env, so that a fixed env gives fixed output.
 */
#include "env.h"
#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

WA_API void wa_keypair_new(const struct wa_env *env, struct wa_keypair *ret_pair);
/* The public key of a private one. */
WA_API void wa_pub_from(const struct wa_priv *priv, struct wa_pub *ret_pub);
/* WA_ECRYPTO when the peer's key is of low order (the secret would be known to all). */
WA_API int wa_dh(const struct wa_priv *priv, const struct wa_pub *pub, struct wa_key *ret_secret)
	WA_MUST_USE;
WA_API void wa_sig_sign(const struct wa_env *env, const struct wa_priv *priv, struct wa_span msg,
			struct wa_sig *ret_sig);
/* WA_OK or WA_ECRYPTO. */
WA_API int wa_sig_verify(const struct wa_pub *pub, struct wa_span msg, const struct wa_sig *sig)
	WA_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
