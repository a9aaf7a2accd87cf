// SPDX-License-Identifier: GPL-3.0-or-later
// A past that was made up for a phone: stock Baileys gets it at linking (so the sandbox hands it over as a phone
// does), Warbler gets the same.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Bot, until } from './lib/bot.mjs';
import { Sandbox, Warbler } from './lib/process.mjs';

const sandbox = new Sandbox();
const bots = [];

before(() => sandbox.start());
afterEach(async () => {
	await Promise.all(bots.splice(0).map((b) => b.stop()));
	assert.deepEqual(await sandbox.violations(), []);
});
after(() => sandbox.end());

const past = { chats: 3, messages: 40, parts: 4, older: 20 };

test('stock Baileys receives a seeded history and asks for more', async () => {
	const number = await sandbox.account('12025550171');
	await sandbox.rest.post(`/accounts/${number}/history`, past);
	const b = new Bot({ url: sandbox.url, rootKey: sandbox.rootKey, name: 'past' });
	bots.push(b);
	const got = new Map(), chats = new Map(), names = new Set();
	let demanded;
	b.on('socket', (sock) => sock.ev.on('messaging-history.set', (h) => {
		for (const m of h.messages) {
			got.set(m.key.id, m);
			if (h.peerDataRequestSessionId)
				demanded = h;
		}
		for (const c of h.chats)
			chats.set(c.id, c);
		for (const c of h.contacts)
			if (c.notify)
				names.add(c.notify);
	}));
	await b.linkByQr(sandbox, number);
	await until(() => got.size === past.chats * past.messages, 20000, 'all messages of the past');
	assert.equal(chats.size, past.chats);
	assert.equal(names.size, past.chats);
	const one = got.get('3EB000000100000007');
	assert.match(one.message.conversation, /^Message 7 of old friend 1,/);
	assert.equal(one.key.fromMe, true);
	assert.equal(one.key.remoteJid, '88000000001@lid');
	assert.equal(one.starred, true);
	const oldest = got.get('3EB000000100000027');
	await b.sock.fetchMessageHistory(15, oldest.key, Number(oldest.messageTimestamp) * 1000);
	await until(() => got.size === past.chats * past.messages + 15, 20000, 'fifteen older ones');
	assert.ok(demanded);
});

test('Warbler stores the same history, and asks for more', async () => {
	const number = await sandbox.account('12025550172');
	await sandbox.rest.post(`/accounts/${number}/history`, past);
	const w = await new Warbler({ sandbox }).start();
	try {
		await w.link(sandbox, number);
		const done = await w.event('history.done');
		assert.equal(done.data.state, 'done');
		const history = await w.rest.get('/v1/sessions/shop/history');
		assert.equal(history.state, 'done');
		assert.equal(history.progress, 100);
		const list = async (chat) => (await w.rest.get(`/v1/messages?session=shop&chat=${chat}&limit=200`)).messages;
		const of = (n) => list(`1202556000${n}@s.whatsapp.net`);
		for (const n of [0, 1, 2])
			assert.equal((await of(n)).length, past.messages);
		const one = (await of(1)).find((m) => m.wa_id === '3EB000000100000007');
		assert.match(one.text, /^Message 7 of old friend 1,/);
		assert.equal(one.direction, 'out');
		const before = await w.rest.get('/v1/events?kinds=message.received,message.own&since=0&wait_ms=0');
		assert.equal(before.events.length, 0);	// history tells nobody of each message
		const chats = (await w.rest.get('/v1/sessions/shop/chats')).chats;
		assert.equal(chats.length, past.chats);
		const asked = await w.rest.post('/v1/sessions/shop/chats/12025560001/history', { count: 15 });
		await w.event('history.progress', (e) => e.data.request === asked.request);
		await until(async () => (await of(1)).length === past.messages + 15, 10000, 'fifteen older ones');
	} finally {
		await w.end();
	}
});

test('twelve parts on the media host, one missing: asked for again and whole in the end', async () => {
	const number = await sandbox.account('12025550175');
	await sandbox.rest.post(`/accounts/${number}/history`, { chats: 2, messages: 120, parts: 12, file: true });
	await sandbox.rest.post('/faults', { kind: 'history_missing', account: number, skip: 6 });
	const about = await sandbox.rest.get('');
	const w = await new Warbler({ sandbox,
		lua: `whatsapp.media_private = true\nwhatsapp.ca_file = ${JSON.stringify(about.media_ca_file)}\n` }).start();
	try {
		await w.link(sandbox, number);
		const missing = await w.event('history.progress', (e) => e.data.state === 'missing', 60000);
		assert.deepEqual(missing.data.missing, [7]);
		await w.event('history.done', () => true, 20000);
		for (const n of [0, 1])
			assert.equal((await w.rest.get(`/v1/messages?session=shop&chat=1202556000${n}@s.whatsapp.net&limit=200`))
				.messages.length, 120);
	} finally {
		await w.end();
	}
});
