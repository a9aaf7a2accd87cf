/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <wa/sig.h>

#include "crypto.h"

void wa_keypair_new(const struct wa_env *env, struct wa_keypair *ret_pair)
{
	env->random(env->ctx, ret_pair->priv.b, sizeof(ret_pair->priv.b));
	wa_x25519_clamp(&ret_pair->priv);
	wa_x25519_pub(&ret_pair->priv, &ret_pair->pub);
}

void wa_pub_from(const struct wa_priv *priv, struct wa_pub *ret_pub)
{
	wa_x25519_pub(priv, ret_pub);
}

int wa_dh(const struct wa_priv *priv, const struct wa_pub *pub, struct wa_key *ret_secret)
{
	return wa_x25519_dh(priv, pub, ret_secret);
}

void wa_sig_sign(const struct wa_env *env, const struct wa_priv *priv, struct wa_span msg,
		 struct wa_sig *ret_sig)
{
	uint8_t random[64];

	env->random(env->ctx, random, sizeof(random));
	wa_xeddsa_sign(priv, msg, random, ret_sig);
	wa_wipe(random, sizeof(random));
}

int wa_sig_verify(const struct wa_pub *pub, struct wa_span msg, const struct wa_sig *sig)
{
	return wa_xeddsa_verify(pub, msg, sig);
}
