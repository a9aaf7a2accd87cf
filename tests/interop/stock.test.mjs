// SPDX-License-Identifier: GPL-3.0-or-later
// Stock Baileys against the sandbox alone: if these pass, the sandbox is a WhatsApp a stranger's client accepts.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { proto } from 'baileys';
import { Bot } from './lib/bot.mjs';
import { Sandbox } from './lib/process.mjs';

const sandbox = new Sandbox();
const bots = [];
const bot = (name, options) => {
	const b = new Bot({ url: sandbox.url, rootKey: sandbox.rootKey, name, ...options });
	bots.push(b);
	return b;
};

before(() => sandbox.start());
afterEach(async () => {
	await Promise.all(bots.splice(0).map((b) => b.stop()));
	assert.deepEqual(await sandbox.violations(), []);
});
after(() => sandbox.end());

test('links by QR, logs in again after a restart', async () => {
	const number = await sandbox.account('15550000001');
	const b = bot('qr');
	await b.linkByQr(sandbox, number);
	assert.match(b.auth.creds.me.id, /^15550000001:\d+@s\.whatsapp\.net$/);
	assert.match(b.auth.creds.me.lid, /@lid$/);
	await b.restart();
});

test('links by pairing code', async () => {
	const number = await sandbox.account('15550000002');
	const b = bot('code');
	await b.linkByCode(sandbox, number);
	assert.match(b.auth.creds.me.id, /^15550000002:/);
	await b.restart();
});

test('two clients exchange texts with receipts', async () => {
	const [a, b] = [bot('alice'), bot('bob')];
	await a.linkByQr(sandbox, await sandbox.account('15550000003'));
	await b.linkByQr(sandbox, await sandbox.account('15550000004'));
	const m = await a.send('15550000004@s.whatsapp.net', 'hello from alice');
	const got = await b.waitMessage('hello from alice');
	await a.waitStatus(m.key.id, 3);
	await b.sock.readMessages([got.key]);
	await a.waitStatus(m.key.id, 4);
	await b.send(got.key.remoteJid, 'hello from bob', { quoted: got });
	const answer = await a.waitMessage('hello from bob');
	assert.equal(answer.message.extendedTextMessage.contextInfo.stanzaId, m.key.id);
});

test('the keys of a companion come with the proof that it is one', async () => {
	const [a, b] = [bot('asks'), bot('asked')];
	await a.linkByQr(sandbox, await sandbox.account('15550000021'));
	await b.linkByQr(sandbox, await sandbox.account('15550000022'));
	const jid = b.auth.creds.me.id;
	const answer = await a.sock.query({ tag: 'iq', attrs: { xmlns: 'encrypt', type: 'get', to: '@s.whatsapp.net' },
		content: [{ tag: 'key', attrs: {}, content: [{ tag: 'user', attrs: { jid } }] }] });
	const [user] = answer.content[0].content;
	const proof = proto.ADVSignedDeviceIdentity.decode(user.content.find((x) => x.tag === 'device-identity').content);
	const own = b.auth.creds.account;
	assert.deepEqual(Buffer.from(proof.details), Buffer.from(own.details));
	assert.deepEqual(Buffer.from(proof.deviceSignature), Buffer.from(own.deviceSignature));
	assert.ok(!proof.accountSignatureKey?.length);
});

test('a message sent while the other was away waits for it', async () => {
	const [a, b] = [bot('sender'), bot('sleeper')];
	await a.linkByQr(sandbox, await sandbox.account('15550000005'));
	await b.linkByQr(sandbox, await sandbox.account('15550000006'));
	await b.stop();
	await a.send('15550000006@s.whatsapp.net', 'while you were away');
	b.start();
	const m = await b.waitMessage('while you were away');
	assert.equal(m.upsertType, 'append');
});

test('a client that lost its session gets the message through a retry', async () => {
	const [a, b] = [bot('a'), bot('b')];
	await a.linkByQr(sandbox, await sandbox.account('15550000007'));
	await b.linkByQr(sandbox, await sandbox.account('15550000008'));
	await a.send('15550000008@s.whatsapp.net', 'first');
	const first = await b.waitMessage('first');
	await b.send(first.key.remoteJid, 'answer');
	await a.waitMessage('answer');
	await b.stop();
	b.auth.loseSessions();
	b.start();
	await b.waitOpen();
	await a.send('15550000008@s.whatsapp.net', 'second');
	await b.waitMessage('second', 30000);
});
