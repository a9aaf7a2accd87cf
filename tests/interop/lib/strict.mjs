// SPDX-License-Identifier: GPL-3.0-or-later
// node --import ./lib/strict.mjs: makes the signature checks of stock Baileys real.
//
// libsignal 6.0.0 returns false where its callers expect an exception, and skips
// the check of signed prekeys; so certificates, device identities and prekey
// signatures pass unverified. Here the one function behind all of them is told
// to refuse. Not a line of the libraries is changed on disk.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const curve = require('libsignal/src/curve.js');
const verify = curve.verifySignature;

curve.verifySignature = (key, message, signature) => {
	if (!verify(key, message, signature))
		throw new Error('signature does not verify');
	return true;
};
process.env.INTEROP_STRICT = '1';
