// SPDX-License-Identifier: GPL-3.0-or-later
// A stock Baileys bot moves to Warbler, and from one Warbler to another, without scanning again: the same device,
// the same Signal sessions.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { useMultiFileAuthState } from 'baileys';
import { Bot, until } from './lib/bot.mjs';
import { Sandbox, Warbler, build } from './lib/process.mjs';

const sandbox = new Sandbox();
const SHOP = '12025550140', FRIEND = '12025550141';
const folder = mkdtempSync(join(tmpdir(), 'warbler-baileys-'));
let shop, friend, warbler;

/** The session of the friend with each of the shop's devices, by what only a new negotiation changes. */
const baseKeys = () => [...friend.auth.store.entries()].filter(([k]) => k.startsWith('session/'))
	.flatMap(([k, v]) => Object.entries(JSON.parse(v)._sessions).filter(([, s]) => s.indexInfo.closed === -1)
		.map(([base]) => `${k} ${base}`)).sort();

const files = () => Object.fromEntries(readdirSync(folder).map((f) => [f, JSON.parse(readFileSync(join(folder, f)))]));

async function bothWays(w, label) {
	await friend.send(`${SHOP}@s.whatsapp.net`, `${label} in`);
	await w.event('message.received', (e) => e.data.text === `${label} in`);
	const sent = await w.rest.post('/v1/messages?wait=delivered', { session: 'moved', to: `+${FRIEND}`, text: `${label} out` });
	assert.equal(sent.status, 'delivered');
	await friend.waitMessage(`${label} out`);
}

before(async () => {
	await sandbox.start();
	await sandbox.account(SHOP, 'The shop');
	await sandbox.account(FRIEND, 'A friend');
	const { state, saveCreds } = await useMultiFileAuthState(folder);
	shop = new Bot({ url: sandbox.url, rootKey: sandbox.rootKey, name: 'shop', auth: state });
	friend = new Bot({ url: sandbox.url, rootKey: sandbox.rootKey, name: 'friend' });
	await shop.linkByQr(sandbox, SHOP);
	await friend.linkByQr(sandbox, FRIEND);
	await shop.send(`${FRIEND}@s.whatsapp.net`, 'hello from Baileys');
	await friend.waitMessage('hello from Baileys');
	await friend.send(`${SHOP}@s.whatsapp.net`, 'hello Baileys');
	await shop.waitMessage('hello Baileys');
	const again = await shop.send(`${FRIEND}@s.whatsapp.net`, 'and again');
	await shop.waitStatus(again.key.id, 3);
	await shop.stop();
	await saveCreds();
	warbler = await new Warbler({ sandbox }).start();
});
afterEach(async () => assert.deepEqual(await sandbox.violations(), []));
after(async () => {
	await friend?.stop();
	if (warbler)
		assert.equal(await warbler.end(), 0);
	await sandbox.end();
	rmSync(folder, { recursive: true, force: true });
});

test('the bot continues in Warbler, in both directions, with the Signal sessions it had', async () => {
	const before = baseKeys();
	assert.ok(before.length >= 1);
	const { session, report } = await warbler.rest.post('/v1/sessions/import', { id: 'moved', baileys: files() });
	assert.equal(session, 'moved');
	assert.equal(report.sessions_dropped, 0);
	assert.ok(report.sessions >= 1 && report.prekeys > 100 && report.lids >= 1, JSON.stringify(report));
	await warbler.connected('moved');
	assert.equal((await warbler.session('moved')).phone, `+${SHOP}`);
	await bothWays(warbler, 'one');
	await bothWays(warbler, 'two');
	assert.deepEqual(baseKeys(), before);
});

test('the same device is not taken in twice', async () => {
	const refused = await warbler.rest.call('POST', '/v1/sessions/import', { id: 'twice', baileys: files() }, 409);
	assert.equal(refused.code, 'conflict');
	await warbler.rest.call('POST', '/v1/sessions/import', { id: 'none', baileys: { 'creds.json': {} } }, 422);
});

test('a sealed bundle carries it to another Warbler', async () => {
	const before = baseKeys();
	const passphrase = 'correct horse battery staple';
	const post = (w, path, body) => fetch(w.rest.base + path, { method: 'POST', body: JSON.stringify(body),
		headers: { authorization: `Bearer ${w.key}`, 'content-type': 'application/json' } });
	assert.equal((await post(warbler, '/v1/sessions/moved/export', { passphrase })).status, 409);	// it runs
	await warbler.rest.post('/v1/sessions/moved/stop');
	await until(async () => (await warbler.session('moved')).status === 'stopped', 10000, 'the session to stop');
	const res = await post(warbler, '/v1/sessions/moved/export', { passphrase });
	assert.equal(res.status, 200);
	const sealed = Buffer.from(await res.arrayBuffer());
	const other = await new Warbler({ sandbox }).start();
	try {
		const bundle = sealed.toString('base64');
		assert.equal((await post(other, '/v1/sessions/import', { bundle, passphrase: 'another one' })).status, 422);
		const bent = Buffer.from(sealed);
		bent[bent.length - 20] ^= 1;
		assert.equal((await post(other, '/v1/sessions/import', { bundle: bent.toString('base64'), passphrase })).status, 422);
		await other.rest.post('/v1/sessions/import', { id: 'moved', bundle, passphrase });
		await other.connected('moved');
		await bothWays(other, 'three');
		assert.deepEqual(baseKeys(), before);
	} finally {
		assert.equal(await other.end(), 0);
	}
});

test('the command line takes the folder in', async () => {
	const dir = mkdtempSync(join(tmpdir(), 'warbler-cli-'));
	try {
		const out = execFileSync(join(build, 'warbler'), ['import', 'baileys', folder, '--session', 'shop', '--set', `data_dir=${dir}`],
			{ encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
		assert.match(out, /session shop: stopped/);
		assert.throws(() => execFileSync(join(build, 'warbler'), ['import', 'baileys', folder, '--session', 'two',
			'--set', `data_dir=${dir}`], { stdio: 'ignore' }));
	} finally {
		rmSync(dir, { recursive: true, force: true });
	}
});
