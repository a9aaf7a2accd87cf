// SPDX-License-Identifier: GPL-3.0-or-later
// Linking with a passkey. No stock client knows this way, so Warbler stands against the documented bytes: the
// sandbox judges the assertion as a relying party does, an independent authenticator (node's crypto) makes it.
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { after, before, test } from 'node:test';
import { until } from './lib/bot.mjs';
import { Sandbox, Warbler } from './lib/process.mjs';

const sandbox = new Sandbox();
let warbler;
before(async () => {
	await sandbox.start();
	warbler = await new Warbler({ sandbox }).start();
});
after(async () => {
	await warbler.end();
	await sandbox.end();
});

const sha256 = (b) => createHash('sha256').update(b).digest();

class Authenticator {
	constructor() {
		this.id = randomBytes(16);
		this.pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
	}

	get publicKey() { return this.pair.publicKey.export({ type: 'spki', format: 'der' }).toString('base64url'); }

	assertion(options, { origin = 'https://web.whatsapp.com', flags = 0x05, key = this.pair.privateKey } = {}) {
		const client = Buffer.from(JSON.stringify({ type: 'webauthn.get', challenge: options.challenge, origin,
			crossOrigin: false }));
		const auth = Buffer.concat([sha256(options.rpId), Buffer.from([flags]), Buffer.alloc(4)]);
		const b64 = (b) => b.toString('base64url');
		return { id: b64(this.id), rawId: b64(this.id), type: 'public-key', response: {
			clientDataJSON: b64(client), authenticatorData: b64(auth),
			signature: b64(sign('sha256', Buffer.concat([auth, sha256(client)]), key)), userHandle: null } };
	}
}

async function demanded(number, id) {
	const a = new Authenticator();
	await sandbox.account(number);
	await sandbox.rest.post(`/accounts/${number}/passkey`,
		{ credential_id: a.id.toString('base64url'), public_key: a.publicKey });
	await sandbox.rest.post('/faults', { kind: 'passkey', account: number });
	await warbler.rest.post('/v1/sessions', { id });
	const qr = await until(() => warbler.rest.get(`/v1/sessions/${id}/qr`).catch(() => null), 15000, 'a QR');
	await warbler.rest.call('GET', `/v1/sessions/${id}/passkey`, undefined, 404);
	await sandbox.scan(number, qr.qr);
	const asked = await until(() => warbler.rest.get(`/v1/sessions/${id}/passkey`).catch(() => null), 15000,
		'a challenge');
	return { a, asked };
}

test('challenge out, assertion in, code compared, linked', async () => {
	const { a, asked } = await demanded('12025550173', 'key');
	assert.equal(asked.step, 'required');
	assert.equal(asked.public_key.rpId, 'whatsapp.com');
	assert.equal(asked.public_key.userVerification, 'required');
	assert.equal((await warbler.session('key')).reason, 'passkey_required');
	await warbler.rest.call('POST', '/v1/sessions/key/passkey/confirm', {}, 409);
	await warbler.rest.call('POST', '/v1/sessions/key/passkey', { id: 'x' }, 422);
	await warbler.rest.post('/v1/sessions/key/passkey', a.assertion(asked.public_key));
	const confirm = await until(async () => {
		const p = await warbler.rest.get('/v1/sessions/key/passkey');
		return p.step === 'confirmation' && p;
	}, 15000, 'the code');
	assert.match(confirm.code, /^[1-9A-HJ-NP-TV-Z]{4}-[1-9A-HJ-NP-TV-Z]{4}$/);
	assert.equal(confirm.code_optional, true);
	const phone = await sandbox.rest.get('/accounts/12025550173');
	assert.equal(phone.link_detail, confirm.code);	// what the phone shows
	assert.equal((await warbler.session('key')).reason, 'passkey_confirmation');
	await warbler.rest.post('/v1/sessions/key/passkey/confirm');
	await warbler.connected('key');
	assert.equal((await warbler.session('key')).phone, '+12025550173');
	assert.deepEqual(await sandbox.violations(), []);
});

const wrong = [
	['by another key', (a, o) => a.assertion(o, { key: new Authenticator().pair.privateKey }), /signature/],
	['for another origin', (a, o) => a.assertion(o, { origin: 'https://example.org' }), /origin/],
	['without the user being verified', (a, o) => a.assertion(o, { flags: 0x01 }), /verified/],
	['of an old challenge', (a, o) => a.assertion({ ...o, challenge: randomBytes(32).toString('base64url') }), /challenge/],
];

test('an assertion that does not fit is refused and told; the right one still links', async () => {
	const { a, asked } = await demanded('12025550174', 'wrong');
	// while one is with the server the next one is refused
	const answer = (assertion) => until(() => warbler.rest.post('/v1/sessions/wrong/passkey', assertion)
		.then(() => true, () => false), 10000, 'the answer to be taken');
	for (const [what, make, why] of wrong) {
		await sandbox.rest.del('/violations');
		await answer(make(a, asked.public_key));
		await until(async () => (await sandbox.violations()).some((v) => why.test(v.detail)), 10000, what);
	}
	await warbler.event('session.passkey', (e) => e.data.id === 'wrong' && e.data.step === 'failed');
	await answer(a.assertion(asked.public_key));
	await until(async () => (await warbler.rest.get('/v1/sessions/wrong/passkey')).step === 'confirmation', 10000, 'code');
	await warbler.rest.post('/v1/sessions/wrong/passkey/confirm');
	await warbler.connected('wrong');
});
