// SPDX-License-Identifier: GPL-3.0-or-later
// Answers by rule, seen by customers who use stock Baileys.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Bot, textOf, within } from './lib/bot.mjs';
import { Sandbox, Warbler } from './lib/process.mjs';

const sandbox = new Sandbox();
const SHOP = '12025550100', SHOP_JID = `${SHOP}@s.whatsapp.net`;
const bots = [];
let warbler, customer, other;

const bot = async (name, number) => {
	const b = new Bot({ url: sandbox.url, rootKey: sandbox.rootKey, name });
	bots.push(b);
	await b.linkByQr(sandbox, await sandbox.account(number, name));
	return b;
};
const rule = (doc) => warbler.rest.post('/v1/autoreply/rules', doc);
const fromShop = (text) => (m) => !m.key.fromMe && textOf(m) === text;

before(async () => {
	await sandbox.start();
	await sandbox.account(SHOP, 'The shop');
	warbler = await new Warbler({ sandbox, plugins: ['autoreply'], lua: 'plugins.autoreply = { max_per_minute = 4 }' }).start();
	await warbler.link(sandbox, SHOP);
	customer = await bot('Nadia Customer', '12025550131');
	other = await bot('Omar', '12025550132');
});
after(async () => {
	await Promise.all(bots.map((b) => b.stop()));
	// what Warbler did wrong; stock Baileys has a way of its own with its own devices in groups
	const wrong = (await sandbox.violations()).filter((v) => v.account === SHOP || v.kind !== 'fanout.self');
	assert.deepEqual(wrong, []);
	assert.equal(await warbler.end(), 0);
	await sandbox.end();
});

test('the shop is online; an answer with typing before it, a quote and a reaction', async () => {
	await rule({ match: 'regex', patterns: ['^order #?(?P<no>\\d+)'], typing_ms: 600, quote: true, react: '👍',
		replies: ['Order {{group.no}} is on its way, {{first_name}}.'] });
	const online = new Promise((seen) => customer.sock.ev.on('presence.update', ({ presences }) => {
		if (Object.values(presences).some((p) => p.lastKnownPresence === 'available'))
			seen(true);
	}));
	await customer.sock.sendPresenceUpdate('available');
	await customer.sock.presenceSubscribe(SHOP_JID);
	await warbler.rest.call('PUT', '/v1/autoreply/sessions/shop', { always_online: true });
	await within(online, 10000, 'the shop to be online');
	const typing = new Promise((seen) => customer.sock.ev.on('presence.update', ({ presences }) => {
		if (Object.values(presences).some((p) => p.lastKnownPresence === 'composing'))
			seen(true);
	}));
	const reacted = new Promise((seen) => customer.sock.ev.on('messages.upsert', ({ messages }) => messages.forEach((m) => {
		if (m.message?.reactionMessage?.text === '👍')
			seen(m.message.reactionMessage.key.id);
	})));
	const asked = await customer.send(SHOP_JID, 'Order #42 please');
	await within(typing, 10000, 'typing');
	const answer = await customer.waitMessage(fromShop('Order 42 is on its way, Nadia.'));
	assert.equal(answer.message.extendedTextMessage.contextInfo.stanzaId, asked.key.id);
	assert.equal(await within(reacted, 10000, 'a reaction'), asked.key.id);
});

test('a menu, and a place, as any content', async () => {
	await rule({ match: 'exact', patterns: 'help', replies: [{ parts: [
		{ content: { kind: 'menu', body: 'What now?', buttons: [{ id: 'a', text: 'Track' }, { id: 'b', text: 'Cancel' }] } },
		{ content: { kind: 'location', latitude: 48.1, longitude: 11.5, name: 'The shop of {{name}}' } }] }] });
	await customer.send(SHOP_JID, ' HELP ');
	const poll = (m) => m.message?.pollCreationMessage ?? m.message?.pollCreationMessageV2 ?? m.message?.pollCreationMessageV3;
	const menu = await customer.waitMessage((m) => !m.key.fromMe && poll(m), 20000, 'the menu');
	assert.deepEqual(poll(menu).options.map((o) => o.optionName), ['Track', 'Cancel']);
	const place = await customer.waitMessage((m) => m.message?.locationMessage, 20000, 'the place');
	assert.equal(place.message.locationMessage.name, 'The shop of Nadia Customer');
});

test('in a group only who names us is answered', async () => {
	await rule({ match: 'any', scope: 'groups', mentioned: true, replies: ['Yes, {{first_name}}?'] });
	const group = await customer.sock.groupCreate('Friends', [SHOP_JID, '12025550132@s.whatsapp.net']);
	await warbler.event('group.created', (e) => e.data.group === group.id);
	await other.send(group.id, 'just talking');
	await other.send(group.id, { text: `hey @${SHOP}`, mentions: [SHOP_JID] });
	await customer.waitMessage((m) => m.key.remoteJid === group.id && textOf(m) === 'Yes, Omar?');
	const fired = (await warbler.rest.get('/v1/events?kinds=autoreply.fired&since=0')).events;
	assert.equal(fired.filter((e) => e.data.chat.jid === group.id).length, 1);
});

test('commands, and nobody is flooded by a program that answers', async () => {
	await warbler.rest.call('PUT', '/v1/autoreply/sessions/shop', { bot: { access: 'all', name: 'Robo' } });
	await other.send(SHOP_JID, '#ping');
	await other.waitMessage(fromShop('Pong! 🏓'));
	await rule({ match: 'any', replies: ['I am a robot.'], session: 'shop', priority: -1 });
	other.on('message', (m) => {
		if (fromShop('I am a robot.')(m))
			other.send(SHOP_JID, 'So am I.');
	});
	await other.send(SHOP_JID, 'hello');
	const paused = await warbler.event('autoreply.paused');
	assert.equal(paused.data.answers_in_a_minute, 4);
});
