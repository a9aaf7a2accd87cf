/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wb.crypto */
#include <crypto.h>
#include <sodium.h>
#include <text.h>
#include "bind.h"

#define RANDOM_MAX 1024

/* opts.as of the argument: how a digest is shown */
static int push_digest(lua_State *L, int arg, const uint8_t *d, size_t len)
{
	char text[2 * WA_SHA256_LEN + 1];
	const char *as = wb_bind_opt_str(L, arg, "as", "hex");

	if (strcmp(as, "hex") == 0)
		lua_pushstring(L, wa_hex_encode(wa_span(d, len), text));
	else if (strcmp(as, "base64") == 0)
		lua_pushstring(L, wa_b64_encode(wa_span(d, len), WA_B64_STD, text));
	else if (strcmp(as, "bytes") == 0)
		lua_pushlstring(L, (const char *)d, len);
	else
		return luaL_argerror(L, arg, "as: \"hex\", \"base64\" or \"bytes\"");
	return 1;
}

static int l_sha256(lua_State *L)
{
	struct wa_span in = wb_bind_span(L, 1);
	uint8_t d[WA_SHA256_LEN];

	wa_sha256(in, d);
	return push_digest(L, 2, d, sizeof(d));
}

static int l_hmac(lua_State *L)
{
	struct wa_span key = wb_bind_span(L, 1), in = wb_bind_span(L, 2);
	uint8_t d[WA_SHA256_LEN];

	wa_hmac_sha256(key, in, d);
	return push_digest(L, 3, d, sizeof(d));
}

static int l_random(lua_State *L)
{
	lua_Integer n = luaL_checkinteger(L, 1);
	uint8_t bytes[RANDOM_MAX];

	luaL_argcheck(L, n >= 1 && n <= RANDOM_MAX, 1, "from 1 to 1024 bytes");
	wa_random(bytes, (size_t)n);
	lua_pushlstring(L, (const char *)bytes, (size_t)n);
	wa_wipe(bytes, sizeof(bytes));
	return 1;
}

static int l_equal(lua_State *L)
{
	struct wa_span a = wb_bind_span(L, 1), b = wb_bind_span(L, 2);

	lua_pushboolean(L, a.len == b.len && sodium_memcmp(a.ptr, b.ptr, a.len) == 0);
	return 1;
}

static const struct wb_bind_fn crypto_fns[] = {
	{ "sha256", l_sha256, "bytes: string, opts?: table", "digest: string",
	  "SHA-256. `opts.as`: `\"hex\"` (default), `\"base64\"` or `\"bytes\"`.",
	  "return wb.crypto.sha256('abc')",
	  "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"", WB_BIND_C },
	{ "hmac", l_hmac, "key: string, bytes: string, opts?: table", "digest: string",
	  "HMAC-SHA256, to sign what you send and to check what you get.",
	  "return wb.crypto.hmac('secret', 'hello', { as = 'base64' })",
	  "\"iKqz7ejTrflNJquQ07r9SiCDBww7zOnAFO4EpEOEfAs=\"", WB_BIND_C },
	{ "random", l_random, "n: integer", "bytes: string",
	  "n random bytes, 1 to 1024, fit for secrets.", "return #wb.crypto.random(16)", "16", WB_BIND_C },
	{ "equal", l_equal, "a: string, b: string", "same: boolean",
	  "Compares without telling by its time where two texts differ: for signatures and secrets.",
	  "return wb.crypto.equal('secret', 'secret')", "true", WB_BIND_C },
	{ .name = NULL },
};
WB_BIND_MODULE(wb_bind_crypto, "crypto", crypto_fns, NULL, "Hashes, signatures, random bytes.")
