// SPDX-License-Identifier: GPL-3.0-or-later
// Known answers for media, made by stock Baileys and checked by openssl's command line:
//	node tests/vectors/media/generate.mjs > tests/vectors/media/baileys_media.h
// Run it from a folder in which `baileys` resolves (tests/interop).
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, mkdtempSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(join(process.cwd(), 'x.js'));
const lib = (p) => import(pathToFileURL(join(process.cwd(), 'node_modules/baileys/lib', p)));
const m = await lib('Utils/messages-media.js');
const { aesEncryptGCM, hkdf } = await lib('Utils/crypto.js');
const { proto } = await lib('../WAProto/index.js');
void require;

const hex = (b) => Buffer.from(b).toString('hex');
// Byte i of the plain file: the test makes the same.
const plain = (n) => Buffer.from(Uint8Array.from({ length: n }, (_, i) => (i * 31 + (i >> 8) * 7 + 3) & 255));
const types = {
	image: 'IMAGE', video: 'VIDEO', audio: 'AUDIO', document: 'DOCUMENT', sticker: 'STICKER',
	'md-msg-hist': 'HISTORY', 'md-app-state': 'APP_STATE', 'thumbnail-link': 'LINK_THUMB',
	'thumbnail-image': 'IMAGE_THUMB', 'thumbnail-video': 'VIDEO_THUMB', 'thumbnail-document': 'DOCUMENT_THUMB',
};

// The same file once more, by openssl: its ciphertext must be the same.
function openssl(bytes, keys) {
	const dir = mkdtempSync(join(tmpdir(), 'media-'));
	writeFileSync(join(dir, 'p'), bytes);
	const ct = execFileSync('openssl', ['enc', '-aes-256-cbc', '-K', hex(keys.cipherKey), '-iv', hex(keys.iv), '-in', join(dir, 'p')]);
	writeFileSync(join(dir, 'c'), Buffer.concat([keys.iv, ct]));
	const mac = execFileSync('openssl', ['dgst', '-sha256', '-mac', 'HMAC', '-macopt', `hexkey:${hex(keys.macKey)}`, '-binary', join(dir, 'c')]);
	rmSync(dir, { recursive: true });
	return Buffer.concat([ct, mac.subarray(0, 10)]);
}

console.log(`/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef VECTORS_BAILEYS_MEDIA_H
#define VECTORS_BAILEYS_MEDIA_H

/* Made by generate.mjs with Baileys 7.0.0-rc14 on Node.js 20; openssl agrees on every one.
 * Plain byte i is (i * 31 + (i >> 8) * 7 + 3) & 255. */
static const struct {
	int type;
	size_t length;
	const char *key, *sha256, *enc_sha256;
	const char *head;	/* the first 48 stored bytes, or all */
} media_vectors[] = {`);
for (const [name, type] of Object.entries(types))
	for (const n of name === 'image' ? [0, 1, 15, 16, 17, 31, 32, 1000, 65535, 65536, 65552, 200001] : [33, 4096]) {
		const r = await m.encryptedStream(plain(n), name);
		const stored = readFileSync(r.encFilePath);
		const keys = await m.getMediaKeys(r.mediaKey, name);
		if (!openssl(plain(n), keys).equals(stored))
			throw new Error('openssl disagrees');
		if (!createHash('sha256').update(stored).digest().equals(r.fileEncSha256))
			throw new Error('hash of the stored file');
		rmSync(r.encFilePath);
		console.log(`	{ WA_MEDIA_${type}, ${n}, "${hex(r.mediaKey)}",\n	  "${hex(r.fileSha256)}",\n	  "${hex(r.fileEncSha256)}",\n	  "${hex(stored.subarray(0, 48))}" },`);
	}
console.log('};\n\n/* An answer of a phone to message id MSGID under the key 0x42 x 32, and one that says it is not there. */');
const key = Buffer.alloc(32, 0x42);
const retryKey = hkdf(key, 32, { info: 'WhatsApp Media Retry Notification' });
for (const [name, body] of Object.entries({
	ok: { stanzaId: 'MSGID', directPath: '/v/t62.7118-24/new?ccb=11-4&oh=01', result: 1 },
	missing: { stanzaId: 'MSGID', result: 2 },
})) {
	const iv = Buffer.alloc(12, 7);
	const enc = aesEncryptGCM(proto.MediaRetryNotification.encode(body).finish(), retryKey, iv, Buffer.from('MSGID'));
	console.log(`static const char media_retry_${name}[] = "${hex(enc)}";`);
}
console.log('\n#endif');
