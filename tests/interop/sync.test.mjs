// SPDX-License-Identifier: GPL-3.0-or-later
// App state on one account: Warbler and a stock Baileys that checks every MAC.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Bot, until } from './lib/bot.mjs';
import { Sandbox, Warbler } from './lib/process.mjs';

const sandbox = new Sandbox();
const ME = '12025550150', FRIEND = '12025550151';
const CHAT = `${FRIEND}@s.whatsapp.net`;
const seen = {};
let warbler, bot;

/** Baileys' events of this kind, flattened; the first for which test(x) is true. */
const baileys = (event, test, what = event) =>
	until(() => (seen[event] ?? []).flat().find(test), 15000, `${what}; there were ${JSON.stringify(seen[event])}`);
const change = (method, path, body) => warbler.rest.call(method, `/v1/sessions/me${path}`, body);
const lastMessages = (m) => [{ key: m.key, messageTimestamp: m.messageTimestamp }];

before(async () => {
	await sandbox.start();
	await sandbox.account(ME, 'Me');
	await sandbox.account(FRIEND, 'Friend');
	warbler = await new Warbler({ sandbox }).start();
	await warbler.link(sandbox, ME, 'me');
	bot = new Bot({ url: sandbox.url, rootKey: sandbox.rootKey, name: 'strict',
		options: { appStateMacVerification: { patch: true, snapshot: true } } });
	bot.on('socket', (sock) => {
		for (const e of ['chats.update', 'chats.delete', 'messages.update', 'messages.delete', 'labels.edit',
			'labels.association', 'contacts.upsert', 'settings.update', 'creds.update'])
			sock.ev.on(e, (x) => (seen[e] ??= []).push(x));
	});
	await bot.linkByQr(sandbox, ME);
});
afterEach(async () => {
	assert.deepEqual(await sandbox.violations(), []);
});
after(async () => {
	await bot?.stop();
	if (warbler)
		assert.equal(await warbler.end(), 0);
	await sandbox.end();
});

test('both read the first state: the push name is there', async () => {
	await until(() => bot.auth.creds.me?.name === 'Me', 10000, 'the name at Baileys');
	await until(async () => (await change('GET', '/app-settings')).push_name === 'Me', 10000, 'the name at Warbler');
	const { collections } = await change('GET', '/sync');
	assert.deepEqual(collections.map((c) => c.state), Array(5).fill('current'));
});

test('what Baileys changes, Warbler shows', async () => {
	await sandbox.rest.post(`/accounts/${FRIEND}/messages`, { to: ME, text: 'hello' });
	const m = await bot.waitMessage('hello');
	const got = await warbler.event('message.received', (e) => e.data.wa_id === m.key.id);
	const chat = () => change('GET', `/chats/${FRIEND}`);

	await bot.sock.chatModify({ archive: true, lastMessages: lastMessages(m) }, CHAT);
	await warbler.event('chat.archived', (e) => e.data.archived && !e.data.own);
	assert.equal((await chat()).archived, true);
	await bot.sock.chatModify({ archive: false, lastMessages: lastMessages(m) }, CHAT);
	await until(async () => !(await chat()).archived, 10000, 'the chat to be back');
	await bot.sock.chatModify({ pin: true }, CHAT);
	await until(async () => (await chat()).pinned, 10000, 'the chat to be pinned');
	await bot.sock.chatModify({ mute: Date.now() + 3600e3 }, CHAT);
	await until(async () => (await chat()).muted_until, 10000, 'the chat to be muted');
	await bot.sock.chatModify({ markRead: false, lastMessages: lastMessages(m) }, CHAT);
	await until(async () => (await chat()).marked_unread, 10000, 'the chat to be unread');
	await bot.sock.star(CHAT, [{ id: m.key.id, fromMe: false }], true);
	const star = await warbler.event('message.starred');
	assert.equal(star.data.id, got.data.id);
	await bot.sock.addLabel(CHAT, { id: '3', name: 'Important', color: 4, deleted: false, predefinedId: undefined });
	await bot.sock.addChatLabel(CHAT, '3');
	await bot.sock.addMessageLabel(CHAT, m.key.id, '3');
	await warbler.event('label.assigned', (e) => e.data.message === got.data.id);
	assert.deepEqual((await change('GET', '/labels')).labels,
		[{ id: '3', name: 'Important', color: 4, predefined: false }]);
	assert.equal((await change('GET', '/labels/3/uses')).uses.length, 2);
	await bot.sock.removeChatLabel(CHAT, '3');
	await warbler.event('label.unassigned', (e) => e.data.label === '3');
	await bot.sock.addOrEditContact(CHAT, { fullName: 'Fred Friend', firstName: 'Fred' });
	await until(async () => (await change('GET', `/contacts/${FRIEND}`)).name === 'Fred Friend', 10000, 'the name');
	await bot.sock.addOrEditQuickReply({ shortcut: 'hi', message: 'Hello there', timestamp: '1700000000' });
	await until(async () => (await change('GET', '/quick-replies')).quick_replies.length === 1, 10000, 'the quick reply');
	await bot.sock.updateDisableLinkPreviewsPrivacy(true);
	await until(async () => (await change('GET', '/app-settings')).link_previews === false, 10000, 'the setting');
	await bot.sock.removeContact(CHAT);
	await until(async () => !(await change('GET', `/contacts/${FRIEND}`)).name, 10000, 'the name to be gone');
	await bot.sock.chatModify({ deleteForMe: { key: m.key, timestamp: Number(m.messageTimestamp), deleteMedia: false } }, CHAT);
	await warbler.event('message.deleted', (e) => e.data.id === got.data.id);
	await warbler.rest.call('GET', `/v1/messages/${got.data.id}`, undefined, 404);
});

test('what Warbler changes, Baileys shows', async () => {
	await sandbox.rest.post(`/accounts/${FRIEND}/messages`, { to: ME, text: 'again' });
	const m = await bot.waitMessage('again');
	const got = await warbler.event('message.received', (e) => e.data.wa_id === m.key.id);
	for (const list of Object.values(seen))
		list.length = 0;

	await change('PATCH', `/chats/${FRIEND}`, { archived: true });
	assert.equal((await change('GET', `/chats/${FRIEND}`)).archived, true);
	await baileys('chats.update', (c) => c.id === CHAT && c.archived === true);
	await change('PATCH', `/chats/${FRIEND}`, { archived: false, pinned: true });
	await baileys('chats.update', (c) => c.id === CHAT && c.archived === false);
	await baileys('chats.update', (c) => c.id === CHAT && c.pinned > 0, 'pinned');
	await change('PATCH', `/chats/${FRIEND}`, { muted_until: true });
	await baileys('chats.update', (c) => c.id === CHAT && Number(c.muteEndTime) === -1, 'muted');
	await change('PATCH', `/chats/${FRIEND}`, { unread: true });
	await baileys('chats.update', (c) => c.id === CHAT && c.unreadCount === -1, 'unread');
	await warbler.rest.post(`/v1/messages/${got.data.id}/star`);
	await baileys('messages.update', (u) => u.key.id === m.key.id && u.update.starred === true);
	const label = await warbler.rest.post('/v1/sessions/me/labels', { name: 'Customers', color: 2 });
	await baileys('labels.edit', (l) => l.id === label.id && l.name === 'Customers');
	await change('PUT', `/labels/${label.id}/chats/${FRIEND}`);
	await baileys('labels.association', (l) => l.type === 'add' && l.association.labelId === label.id);
	await change('PUT', `/labels/${label.id}/messages/${got.data.id}`);
	await baileys('labels.association', (l) => l.association.messageId === m.key.id);
	await change('DELETE', `/labels/${label.id}`);
	await baileys('labels.edit', (l) => l.id === label.id && l.deleted);
	await change('PUT', `/contacts/${FRIEND}`, { name: 'Frieda', first_name: 'F' });
	await baileys('contacts.upsert', (c) => c.name === 'Frieda');
	await change('PATCH', '/app-settings', { push_name: 'Warbler', link_previews: true });
	await until(() => bot.auth.creds.me?.name === 'Warbler', 10000, 'the new name');
	await warbler.rest.call('DELETE', `/v1/messages/${got.data.id}?for=me`);
	await baileys('messages.delete', (d) => d.keys?.some((k) => k.id === m.key.id));
	await warbler.rest.call('GET', `/v1/messages/${got.data.id}`, undefined, 404);
	await change('DELETE', `/chats/${FRIEND}`);
	await baileys('chats.delete', (id) => id === CHAT);
});

test('the phone and both companions at once: nobody loses anything', async () => {
	await sandbox.rest.post('/faults', { kind: 'app_conflict', times: 2 });
	await Promise.all([
		change('PATCH', `/chats/${FRIEND}`, { pinned: true }),
		sandbox.rest.post(`/accounts/${ME}/app-state`, { action: 'lock', chat: FRIEND }),
		change('PATCH', `/chats/${FRIEND}`, { archived: true }),
	]);
	const state = await sandbox.rest.get(`/accounts/${ME}/app-state?collection=regular_low`);
	const on = (index) => state.regular_low.entries.find((e) => e.index === JSON.stringify(index))?.on;
	assert.equal(on(['archive', CHAT]), true);
	assert.equal(on(['lock', CHAT]), true);
	await bot.sock.chatModify({ pin: true }, CHAT);
	await until(async () => (await change('GET', `/chats/${FRIEND}`)).pinned, 10000, 'Baileys to have its way');
	const { collections } = await change('GET', '/sync');
	assert.deepEqual(collections.map((c) => c.state), Array(5).fill('current'));
});
