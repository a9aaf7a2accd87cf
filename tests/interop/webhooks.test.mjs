// SPDX-License-Identifier: GPL-3.0-or-later
// A webhook that answers customers who use stock Baileys, while the gateway is killed again and again.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { Bot, textOf, until } from './lib/bot.mjs';
import { Sandbox, Warbler } from './lib/process.mjs';

const sandbox = new Sandbox();
const SHOP = '12025550100';
const bots = [];
let warbler, people, server, url, secret;
let taken = [];		// {id, event}, in order of arrival
let bad = 0;

const bot = async (name, number) => {
	const b = new Bot({ url: sandbox.url, rootKey: sandbox.rootKey, name });
	bots.push(b);
	await b.linkByQr(sandbox, await sandbox.account(number, name));
	return b;
};

/** The receiver: checks the signature, answers a text with a reply and a reaction. */
function receive(req, res) {
	const parts = [];
	req.on('error', () => {});
	req.on('data', (d) => parts.push(d));
	req.on('end', () => {
		const body = Buffer.concat(parts);
		const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signature } = req.headers;
		const want = `v1,${createHmac('sha256', Buffer.from(secret.slice(6), 'base64')).update(`${id}.${at}.${body}`).digest('base64')}`;
		if (signature !== want) {
			bad++;
			res.writeHead(401).end();
			return;
		}
		const event = JSON.parse(body);
		taken.push({ id, event });
		res.writeHead(200, { 'content-type': 'application/json' });
		res.end(JSON.stringify({ commands: [{ type: 'reply', text: `Echo: ${event.data.text}`, quote: true },
			{ type: 'react', emoji: '👀' }] }));
	});
}

before(async () => {
	await sandbox.start();
	await sandbox.account(SHOP, 'The shop');
	warbler = await new Warbler({ sandbox, plugins: ['webhooks'] }).start();
	await warbler.link(sandbox, SHOP);
	people = [await bot('Ann', '12025550151'), await bot('Ben', '12025550152')];
	server = createServer(receive);
	await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
	url = `http://127.0.0.1:${server.address().port}/hook`;
});
after(async () => {
	await Promise.all(bots.map((b) => b.stop()));
	assert.deepEqual((await sandbox.violations()).filter((v) => v.account === SHOP), []);
	assert.equal(await warbler.end(), 0);
	await sandbox.end();
	server.closeAllConnections();
	server.close();
});

const echoes = (b) => b.messages.filter((m) => !m.key.fromMe && textOf(m)?.startsWith('Echo: ')).map(textOf);

test('each text is answered once, in order, whatever dies', async () => {
	const made = await warbler.rest.post('/v1/webhooks', { url, events: ['message.received'],
		filter: { direction: 'in', chat_type: 'private', where: [{ path: '$.data.text', op: 'exists' }] },
		allow_commands: ['reply', 'react'] });
	secret = made.secret;
	const n = 9;
	for (let i = 0; i < n; i++) {
		await Promise.all(people.map((b, k) => b.send(`${SHOP}@s.whatsapp.net`, `${'ab'[k]}${i}`)));
		if (i % 3 === 2) {
			await warbler.stop('SIGKILL');
			await warbler.start();
			await warbler.connected('shop');
		}
	}
	const want = (k) => Array.from({ length: n }, (_, i) => `Echo: ${'ab'[k]}${i}`);
	await until(() => people.every((b) => new Set(echoes(b)).size === n), 40000, 'all echoes');
	people.forEach((b, k) => assert.deepEqual(echoes(b), want(k)));
	assert.equal(bad, 0);
	const last = {};		// the sequence at the receiver
	const seen = new Set();
	for (const { id, event } of taken) {
		assert.equal(id, event.id);
		if (seen.has(id))
			continue;
		seen.add(id);
		const chat = event.data.chat.jid ?? event.data.chat.lid;
		assert.ok(event.seq > (last[chat] ?? 0));
		last[chat] = event.seq;
	}
	assert.equal(seen.size, 2 * n);
});
