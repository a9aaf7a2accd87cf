// SPDX-License-Identifier: GPL-3.0-or-later
// Broadcasts, webhooks with commands, filters and Lua, retention, plugins that come and go: seen by customers who use
// stock Baileys.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { downloadMediaMessage } from 'baileys';
import { Bot, textOf, until } from './lib/bot.mjs';
import { file } from './lib/files.mjs';
import { Sandbox, Warbler } from './lib/process.mjs';

// The sandbox's media host signs its own certificate; whether Node trusts it is not what is tested here.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';

const sandbox = new Sandbox();
const SHOP = '12025550100', SHOP_JID = `${SHOP}@s.whatsapp.net`;
const NUMBERS = ['12025550171', '12025550172', '12025550173', '12025550174'];
const hooks = new Map();	// path: {got, answer}
let warbler, people, server, rest;

const fromShop = (test) => (m) => !m.key.fromMe && (typeof test === 'string' ? textOf(m) === test : test(m));

/** A webhook of its own; what it took, and what it answers. */
async function hook(doc, answer = () => null) {
	const path = `/${hooks.size}`, h = { got: [], answer };
	hooks.set(path, h);
	h.id = (await rest.post('/v1/webhooks', { url: `http://127.0.0.1:${server.address().port}${path}`, ...doc })).id;
	return h;
}

function receive(req, res) {
	const parts = [];
	req.on('error', () => {});
	req.on('data', (d) => parts.push(d));
	req.on('end', () => {
		const h = hooks.get(req.url), doc = JSON.parse(Buffer.concat(parts));
		h.got.push({ id: req.headers['webhook-id'], doc });
		res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(h.answer(doc) ?? {}));
	});
}

before(async () => {
	await sandbox.start();
	await Promise.all([[SHOP, 'The shop'], ...NUMBERS.map((n, i) => [n, ['Ann', 'Ben', 'Cid', 'Dua'][i]])].map((a) => sandbox.account(...a)));
	const { ca_file } = await sandbox.rest.get('/media');
	warbler = await new Warbler({ sandbox, plugins: ['broadcast', 'orders', 'webhooks', 'retention'], lua: `pacing = { enabled = false }
plugins.broadcast = { check_pause_ms = 50 }
whatsapp.media_private = true
whatsapp.ca_file = ${JSON.stringify(ca_file)}` }).start();
	rest = warbler.rest;
	await warbler.link(sandbox, SHOP);
	await rest.post('/v1/stores', { kind: 'generic', name: 'demo', session: 'shop', country: 'US', language: 'en' });
	people = NUMBERS.map((n) => new Bot({ url: sandbox.url, rootKey: sandbox.rootKey, name: n }));
	await Promise.all(people.map((b, i) => b.linkByQr(sandbox, NUMBERS[i])));
	server = createServer(receive);
	await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
});
after(async () => {
	await Promise.all((people ?? []).map((b) => b.stop()));
	// stock Baileys has a way of its own with its own devices in groups
	const wrong = (await sandbox.violations()).filter((v) => v.account === SHOP || v.kind !== 'fanout.self');
	assert.deepEqual(wrong, []);
	assert.equal(await warbler.end(), 0);
	await sandbox.end();
	server?.closeAllConnections();
	server?.close();
});

test('a broadcast with a picture: each of a list once; who says STOP meanwhile gets nothing', async () => {
	const list = await rest.post('/v1/lists', { name: 'Regulars' });
	await rest.post(`/v1/lists/${list.id}/members`, { members: NUMBERS.map((n, i) => ({ to: `+${n}`, name: `Guest ${i}` })) });
	const again = await rest.post('/v1/lists', { name: 'Friends' });	// some are in both
	await rest.post(`/v1/lists/${again.id}/members`, { members: NUMBERS.slice(1, 3).map((n, i) => ({ to: `+${n}`, name: `Guest ${i + 1}` })) });
	const up = await fetch(`${rest.base}/v1/media`, { method: 'POST', body: file('png'),
		headers: { authorization: `Bearer ${rest.key}`, 'content-type': 'image/png' } });
	const { id } = await rest.post('/v1/broadcasts', { name: 'Spring', sessions: ['shop'], per_minute: 40,
		content: { kind: 'image', media: { id: (await up.json()).id }, text: 'Hello {{name}}' }, audience: { lists: [list.id, again.id] } });
	const status = () => rest.get(`/v1/broadcasts/${id}`);
	const picture = (m) => !m.key.fromMe && m.message?.imageMessage?.caption?.startsWith('Hello Guest');
	const got = (b) => b.messages.filter(picture);
	await rest.post(`/v1/broadcasts/${id}/start`);
	await until(() => people.some((b) => got(b).length), 20000, 'the first picture');
	const late = people.findLast((b) => !got(b).length);	// they leave one by one: somebody still waits
	await late.send(SHOP_JID, 'STOP');
	await until(async () => (await status()).state === 'done', 20000, 'its end');
	const others = people.filter((b) => b !== late);
	for (const [i, b] of people.entries())
		if (b !== late) {
			const m = await b.waitMessage(picture, 20000, 'the picture');
			assert.equal(m.message.imageMessage.caption, `Hello Guest ${i}`);
			assert.deepEqual(await downloadMediaMessage(m, 'buffer', {}), file('png'));
		}
	await others[0].sock.readMessages([got(others[0])[0].key]);
	await others[1].send(SHOP_JID, 'Thank you!');
	const progress = await until(async () => {
		const { progress: p } = await status();
		return p.counts.replied === 1 && p.counts.read === 1 && p.counts.delivered === 3 && p;
	}, 20000, 'replied, read and delivered');
	assert.deepEqual([progress.counts.sent, progress.counts.failed, progress.excluded], [3, 0, { opted_out: 1 }]);
	await rest.post('/v1/messages?wait=delivered', { session: 'shop', to: `+${NUMBERS[people.indexOf(others[0])]}`, text: 'fence' });
	assert.deepEqual(people.map((b) => got(b).length), people.map((b) => (b === late ? 0 : 1)));
	await rest.post(`/v1/sessions/shop/contacts/+${NUMBERS[people.indexOf(late)]}/consent`, { opted_out: false });
});

test('webhooks: only what comes in from groups is answered; only what goes out is told', async () => {
	const [ann, ben] = people;
	const out = await hook({ events: ['message.sent'], filter: { direction: 'out', chat_type: 'group' } });
	const h = await hook({ events: ['message.*'], filter: { direction: 'in', chat_type: 'group' }, allow_commands: ['reply', 'react'] },
		(e) => e.kind === 'message.received' && { commands: [{ type: 'reply', text: `Heard: ${e.data.text}`, quote: true }, { type: 'react', emoji: '👂' }] });
	const group = await ann.sock.groupCreate('Friends', [SHOP_JID, `${NUMBERS[1]}@s.whatsapp.net`]);
	await warbler.event('group.created', (e) => e.data.group === group.id);
	await ben.send(SHOP_JID, 'in private');
	const asked = await ben.send(group.id, 'in the group');
	for (const b of [ann, ben]) {
		const answer = await b.waitMessage(fromShop('Heard: in the group'));
		assert.deepEqual([answer.key.remoteJid, answer.message.extendedTextMessage.contextInfo.stanzaId], [group.id, asked.key.id]);
		const r = await b.waitMessage((m) => m.message?.reactionMessage?.key.id === asked.key.id, 20000, 'the reaction');
		assert.deepEqual([r.message.reactionMessage.text, r.key.remoteJid], ['👂', group.id]);
	}
	await until(() => out.got.length >= 1, 20000, 'the webhook of what is sent');
	assert.deepEqual([...new Set(out.got.map((g) => [g.doc.kind, g.doc.data.chat.jid].join()))], [`message.sent,${group.id}`]);
	assert.deepEqual(h.got.map((g) => [g.doc.kind, g.doc.data.text]), [['message.received', 'in the group']]);
	await Promise.all([out, h].map((x) => rest.del(`/v1/webhooks/${x.id}`)));
});

test('a webhook whose body a rule makes', async () => {
	await rest.call('PUT', '/v1/scripts/shape/source', { source: `local wb = require "warbler"
wb.export("brief", function(e)
	if not e.data.text:find("^order ") then return nil end
	return { number = e.data.text:match("%d+"), who = e.data.sender.phone }
end)` });
	const h = await hook({ events: ['message.received'], transform: { script: 'shape', function: 'brief' }, allow_commands: ['reply'] },
		(doc) => ({ commands: [{ type: 'reply', text: `Number ${doc.number} it is` }] }));
	await people[2].send(SHOP_JID, 'just talking');
	await people[2].send(SHOP_JID, 'order 4711 please');
	await people[2].waitMessage(fromShop('Number 4711 it is'));
	assert.deepEqual(h.got.map((g) => g.doc), [{ number: '4711', who: `+${NUMBERS[2]}` }]);
	await rest.del(`/v1/webhooks/${h.id}`);
});

test('plugins are unloaded and loaded while customers write: nothing is lost, nothing twice', async () => {
	const h = await hook({ events: ['message.received'], allow_commands: ['reply'], filter: { where: [{ path: '$.data.text', op: 'regex', value: '^n[0-9]+$' }] } },
		(e) => ({ commands: [{ type: 'reply', text: `got ${e.data.text}` }] }));
	const count = 12, at = (await warbler.session('shop')).connected_at;
	const write = async (b) => {
		for (let i = 0; i < count; i++)
			await b.send(SHOP_JID, `n${i}`);
	};
	const change = async () => {
		for (const how of ['reload', 'unload', 'load', 'unload', 'load', 'reload'])
			await rest.post(`/v1/plugins/webhooks/${how}`);
	};
	await Promise.all([write(people[0]), write(people[1]), change(), rest.post('/v1/plugins/orders/reload')]);
	const want = Array.from({ length: count }, (_, i) => `got n${i}`);
	const answers = (b) => b.messages.filter(fromShop((m) => textOf(m)?.startsWith('got n'))).map(textOf);
	await until(() => people.slice(0, 2).every((b) => answers(b).length >= count), 20000, 'all answers');
	await rest.post('/v1/messages?wait=delivered', { session: 'shop', to: `+${NUMBERS[0]}`, text: 'fence' });
	for (const b of people.slice(0, 2))
		assert.deepEqual(answers(b), want);
	assert.equal(new Set(h.got.map((g) => g.id)).size, 2 * count);
	assert.equal((await warbler.session('shop')).connected_at, at);	// no session noticed
	await rest.del(`/v1/webhooks/${h.id}`);
});

test('retention: message and file are gone here, the customer keeps what they have and writes on', async () => {
	const dua = people[3];
	await dua.send(SHOP_JID, { image: file('jpeg'), caption: 'for a while', jpegThumbnail: file('jpeg').toString('base64'), width: 64, height: 48 });
	const e = await warbler.event('message.received', (x) => x.data.text === 'for a while');
	const media = `/v1/media/${e.data.content.media.id}`;
	const bytes = async () => fetch(rest.base + media, { headers: { authorization: `Bearer ${rest.key}` } });
	await until(async () => (await bytes()).ok, 20000, 'the file');
	const up = await fetch(`${rest.base}/v1/media`, { method: 'POST', body: file('png'),
		headers: { authorization: `Bearer ${rest.key}`, 'content-type': 'image/png' } });
	const ours = await rest.post('/v1/messages?wait=delivered', { session: 'shop', to: `+${NUMBERS[3]}`,
		content: { kind: 'image', media: { id: (await up.json()).id }, text: 'ours' } });
	const seen = await dua.waitMessage(fromShop((m) => m.message?.imageMessage?.caption === 'ours'));
	await rest.call('PUT', '/v1/retention/rules/messages/shop', { max_count: 0 });
	const run = await rest.post('/v1/retention/runs', {});
	const done = await until(async () => {
		const r = await rest.get(`/v1/retention/runs/${run.id}`);
		return r.state === 'done' && r;
	}, 20000, 'the run');
	assert.ok(done.rows > 2);
	for (const id of [e.subject, ours.id])
		await rest.call('GET', `/v1/messages/${id}`, undefined, 404);
	assert.equal((await bytes()).status, 404);
	await rest.call('PUT', '/v1/retention/rules/messages/shop', { max_count: null });
	// the customer knows nothing of it: the picture is there, and may be quoted, reacted to, deleted
	assert.deepEqual(await downloadMediaMessage(seen, 'buffer', {}), file('png'));
	await dua.send(SHOP_JID, { react: { text: '❤️', key: seen.key } });
	await dua.send(SHOP_JID, 'about this one', { quoted: seen });
	const quote = await warbler.event('message.received', (x) => x.data.text === 'about this one');
	assert.equal(quote.data.quoted.wa_id, seen.key.id);
	await rest.post(`/v1/messages/${quote.subject}/react`, { emoji: '🙏' });
	await dua.waitMessage((m) => m.message?.reactionMessage?.text === '🙏');
	await rest.post('/v1/messages?wait=delivered', { session: 'shop', to: `+${NUMBERS[3]}`, text: 'still here' });
	await dua.waitMessage(fromShop('still here'));
});
