// SPDX-License-Identifier: GPL-3.0-or-later
// Profiles, privacy, blocks, calls and channels: stock Baileys against the sandbox, then Warbler between both.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Bot, textOf, until } from './lib/bot.mjs';
import { Sandbox, Warbler } from './lib/process.mjs';

const sandbox = new Sandbox();
const OWN = '12025550150';
const SQUARE = Buffer.from('/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcpLDAxNDQ0' +
	'Hyc5PTgyPC4zNDL/wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAACf/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AKp//2Q==', 'base64');
const bots = [];
let warbler, next = 51;

const linked = async (name) => {
	const number = await sandbox.account(`120255501${next++}`, name);
	const b = new Bot({ url: sandbox.url, rootKey: sandbox.rootKey, name });
	bots.push(b);
	await b.linkByQr(sandbox, number);
	await until(() => b.auth.creds.accountSyncCounter > 0, 15000, `${name} to be through its first sync`);
	return Object.assign(b, { number, jid: `${number}@s.whatsapp.net` });
};

const seen = (b, event, test = () => true, ms = 15000) => {
	const all = [];
	b.sock.ev.on(event, (v) => all.push(...(Array.isArray(v) ? v : [v])));
	return () => until(() => all.find(test), ms, `${event} at ${b.name}; seen ${JSON.stringify(all)}`);
};

const refused = (promise, code) => assert.rejects(promise, (e) =>
	(e.output?.statusCode ?? e.data ?? e.statusCode) === code || String(e.message).includes(String(code)) || !!e.isBoom);

before(async () => {
	await sandbox.start();
	await sandbox.account(OWN, 'Warbler');
	warbler = await new Warbler({ sandbox }).start();
	await warbler.link(sandbox, OWN);
});
afterEach(async () => {
	await Promise.all(bots.splice(0).map((b) => b.stop()));
	assert.deepEqual(await sandbox.violations(), []);
});
after(async () => {
	if (warbler)
		assert.equal(await warbler.end(), 0);
	await sandbox.end();
});

test('stock: about, picture, privacy, timer', async () => {
	const [a, b] = [await linked('about'), await linked('reader')];
	await a.sock.updateProfileStatus('in the garden');
	const [info] = await b.sock.fetchStatus(a.jid);
	assert.equal(info.status.status, 'in the garden');
	await refused(b.sock.profilePictureUrl(a.jid, 'image'), 404);
	await sandbox.rest.call('PATCH', `/accounts/${a.number}/profile`, { picture: SQUARE.toString('base64') });
	assert.match(await b.sock.profilePictureUrl(a.jid, 'image'), /^https?:/);
	const before = await a.sock.fetchPrivacySettings(true);
	assert.equal(before.last, 'all');
	await a.sock.updateProfilePicturePrivacy('none');
	await a.sock.updateStatusPrivacy('none');
	assert.equal((await a.sock.fetchPrivacySettings(true)).profile, 'none');
	await refused(b.sock.profilePictureUrl(a.jid, 'image'), 401);
	const [hidden] = await b.sock.fetchStatus(a.jid);
	assert.notEqual(hidden.status?.status, 'in the garden');
	await a.sock.updateDefaultDisappearingMode(86400);
	const [timer] = await b.sock.fetchDisappearingDuration(a.jid);
	assert.equal(timer.disappearing_mode.duration, 86400);
	await a.sock.removeProfilePicture(a.jid);
});

test('stock: a blocked person is heard by nobody', async () => {
	const [a, b] = [await linked('blocker'), await linked('blocked')];
	await b.send(a.jid, 'before');
	await a.waitMessage('before');
	await a.sock.updateBlockStatus(b.jid, 'block');
	assert.deepEqual(await a.sock.fetchBlocklist(), [(await a.sock.signalRepository.lidMapping.getLIDForPN(b.jid))]);
	const lost = await b.send(a.jid, 'into the void');
	await b.waitStatus(lost.key.id, 2);
	await a.sock.updateBlockStatus(b.jid, 'unblock');
	await b.send(a.jid, 'and again');
	await a.waitMessage('and again');
	assert.equal(a.messages.some((m) => textOf(m) === 'into the void'), false);
});

test('stock: a call rings and is rejected', async () => {
	const a = await linked('called');
	const caller = await sandbox.account(`120255501${next++}`, 'Caller');
	const ring = seen(a, 'call', (c) => c.status === 'offer');
	const { call } = await sandbox.rest.post(`/accounts/${caller}/call`, { to: a.number, video: true });
	const offer = await ring();
	assert.equal(offer.id, call);
	assert.equal(offer.isVideo, true);
	assert.equal(offer.callerPn, `${caller}@s.whatsapp.net`);
	await a.sock.rejectCall(offer.id, offer.from);
	assert.equal((await sandbox.rest.get(`/accounts/${caller}/profile`)).call_state, 'rejected');
	assert.ok((await a.sock.createCallLink('video')).length > 10);
});

test('stock: channels', async () => {
	const [a, b] = [await linked('editor'), await linked('follower')];
	const made = await a.sock.newsletterCreate('Garden news', 'what grows');
	assert.equal(made.name, 'Garden news');
	const meta = await b.sock.newsletterMetadata('invite', made.invite);
	assert.equal(meta.id, made.id);
	await b.sock.newsletterFollow(made.id);
	await b.sock.newsletterMute(made.id);
	await b.sock.newsletterUnmute(made.id);
	await a.sock.sendMessage(made.id, { text: 'first tomatoes' });
	const got = await b.waitMessage('first tomatoes');
	assert.equal(got.key.remoteJid, made.id);
	const { posts, followers } = await sandbox.rest.get(`/channels/${made.id.split('@')[0]}/posts`);
	assert.equal(followers, 2);
	await b.sock.newsletterReactMessage(made.id, String(posts[0].server_id), '👍');
	await b.sock.newsletterFetchMessages(made.id, 10, 0, 0);
	assert.deepEqual((await sandbox.rest.get(`/channels/${made.id.split('@')[0]}/posts`)).posts[0].reactions, ['👍']);
	assert.ok((await b.sock.subscribeNewsletterUpdates(made.id)).duration > 0);
	await a.sock.newsletterUpdateName(made.id, 'Garden and kitchen');
	assert.equal((await b.sock.newsletterMetadata('jid', made.id)).thread_metadata.name.text, 'Garden and kitchen');
	assert.equal(await a.sock.newsletterAdminCount(made.id), 1);
	await b.sock.newsletterUnfollow(made.id);
	await a.sock.newsletterDelete(made.id);
});

test('stock: restriction and new-chat cap are answered', async () => {
	const a = await linked('restricted');
	assert.equal((await a.sock.fetchAccountReachoutTimelock()).isActive, false);
	await sandbox.rest.post(`/accounts/${a.number}/restriction`, { locked: true, kind: 'BIZ_QUALITY', seconds: 3600, cap: 'CAPPED', total: 10, used: 10 });
	const now = await a.sock.fetchAccountReachoutTimelock();
	assert.equal(now.isActive, true);
	assert.equal(now.enforcementType, 'BIZ_QUALITY');
	assert.equal((await a.sock.fetchNewChatMessageCap()).capping_status, 'CAPPED');
});

test('Warbler sees about, picture and its change; its own are seen', async () => {
	const b = await linked('friend');
	await warbler.rest.post('/v1/messages?wait=delivered', { session: 'shop', to: `+${b.number}`, text: 'hello' });
	await b.waitMessage('hello');
	const about = warbler.event('contact.about', (e) => e.data.about === 'gone fishing');
	await b.sock.updateProfileStatus('gone fishing');
	assert.equal((await about).data.contact.phone, `+${b.number}`);
	const read = await warbler.rest.get(`/v1/sessions/shop/contacts/${b.number}/about`);
	assert.equal(read.about, 'gone fishing');
	await sandbox.rest.call('PATCH', `/accounts/${b.number}/profile`, { picture: SQUARE.toString('base64') });
	const changed = await warbler.event('contact.picture', (e) => e.data.contact.phone === `+${b.number}`);
	const picture = await warbler.rest.get(`/v1/sessions/shop/contacts/${b.number}/picture`);
	assert.equal(picture.id, changed.data.picture_id);
	assert.equal((await warbler.rest.get(`/v1/sessions/shop/contacts/${b.number}/picture`)).cached, true);
	await warbler.rest.call('PATCH', '/v1/sessions/shop/profile', { about: 'open until six' });
	const [info] = await b.sock.fetchStatus(`${OWN}@s.whatsapp.net`);
	assert.equal(info.status.status, 'open until six');
	const res = await fetch(`${warbler.rest.base}/v1/sessions/shop/profile/picture`, { method: 'PUT', body: SQUARE,
		headers: { authorization: `Bearer ${warbler.key}`, 'content-type': 'image/jpeg' } });
	assert.equal(res.status, 200, await res.text());
	assert.match(await b.sock.profilePictureUrl(`${OWN}@s.whatsapp.net`, 'image'), /^https?:/);
	assert.equal((await warbler.rest.get('/v1/sessions/shop/profile')).about, 'open until six');
});

test('whom Warbler blocks is not heard, and hears nothing of it', async () => {
	const b = await linked('nuisance');
	await b.send(`${OWN}@s.whatsapp.net`, 'one');
	await warbler.event('message.received', (e) => e.data.text === 'one');
	await warbler.rest.call('PUT', `/v1/sessions/shop/blocks/${b.number}`);
	const { blocks } = await warbler.rest.get('/v1/sessions/shop/blocks');
	assert.deepEqual(blocks.map((p) => p.phone), [`+${b.number}`]);
	const lost = await b.send(`${OWN}@s.whatsapp.net`, 'two');
	await b.waitStatus(lost.key.id, 2);
	await warbler.rest.del(`/v1/sessions/shop/blocks/${b.number}`);
	await b.send(`${OWN}@s.whatsapp.net`, 'three');
	await warbler.event('message.received', (e) => e.data.text === 'three');
	const events = await warbler.rest.get('/v1/events?kinds=message.received&limit=500');
	assert.equal(events.events.some((e) => e.data.text === 'two'), false);
});

test('Warbler hides its read receipts when the account does', async () => {
	const b = await linked('curious');
	await warbler.rest.call('PATCH', '/v1/sessions/shop/privacy', { readreceipts: 'none' });
	assert.equal((await warbler.rest.get('/v1/sessions/shop/privacy')).readreceipts, 'none');
	const m = await b.send(`${OWN}@s.whatsapp.net`, 'did you see?');
	const got = await warbler.event('message.received', (e) => e.data.text === 'did you see?');
	await warbler.rest.post(`/v1/sessions/shop/chats/${b.number}/read`, { messages: [got.data.id] });
	await b.waitStatus(m.key.id, 3);
	await warbler.rest.call('PATCH', '/v1/sessions/shop/privacy', { readreceipts: 'all' });
	assert.equal(b.updates.some((u) => u.key.id === m.key.id && u.update.status >= 4), false);
});

test('a call is offered, told and rejected, with a message once', async () => {
	const caller = await sandbox.account(`120255501${next++}`, 'Caller');
	const { call } = await sandbox.rest.post(`/accounts/${caller}/call`, { to: OWN });
	const offer = await warbler.event('call.offer', (e) => e.data.id === call);
	assert.equal(offer.data.caller.phone, `+${caller}`);
	assert.equal(offer.data.video, false);
	await warbler.rest.post(`/v1/sessions/shop/calls/${call}/reject`);
	assert.equal((await sandbox.rest.get(`/accounts/${caller}/profile`)).call_state, 'rejected');

	const missed = await sandbox.rest.post(`/accounts/${caller}/call`, { to: OWN, video: true });
	await warbler.event('call.offer', (e) => e.data.id === missed.call && e.data.video);
	await sandbox.rest.post(`/accounts/${caller}/hangup`, { call: missed.call, reason: 'timeout' });
	await warbler.event('call.missed', (e) => e.data.id === missed.call);

	await warbler.rest.call('PATCH', '/v1/sessions/shop', { settings: { calls: 'reject', call_message: 'please write' } });
	for (let i = 0; i < 2; i++) {
		const again = await sandbox.rest.post(`/accounts/${caller}/call`, { to: OWN });
		await warbler.event('call.rejected', (e) => e.data.id === again.call);
		await until(async () => (await sandbox.rest.get(`/accounts/${caller}/profile`)).call_state === 'rejected', 10000, 'the refusal');
	}
	await until(async () => (await sandbox.rest.get(`/accounts/${caller}/messages`)).messages.length > 0, 15000, 'the words');
	const said = (await sandbox.rest.get(`/accounts/${caller}/messages`)).messages.filter((m) => m.text === 'please write');
	assert.equal(said.length, 1);
	await warbler.rest.call('PATCH', '/v1/sessions/shop', { settings: { calls: null, call_message: null } });
});

test('a channel of Warbler is read by Baileys, and one of Baileys by Warbler', async () => {
	const b = await linked('reader of channels');
	const made = await warbler.rest.post('/v1/sessions/shop/channels', { name: 'Shop news', description: 'offers' });
	assert.equal(made.role, 'owner');
	await b.sock.newsletterFollow(made.id);
	const sent = await warbler.rest.post('/v1/messages?wait=server', { session: 'shop', to: made.id, text: 'new scarves' });
	assert.equal(sent.status, 'sent');
	assert.equal((await b.waitMessage('new scarves')).key.remoteJid, made.id);
	const { messages } = await warbler.rest.get(`/v1/sessions/shop/channels/${made.id}/messages`);
	assert.equal(messages[0].text, 'new scarves');
	await warbler.rest.post(`/v1/sessions/shop/channels/${made.id}/live`);
	const counts = warbler.event('channel.counts', (e) => e.data.message.reactions?.['❤️'] === 1);
	await b.sock.newsletterReactMessage(made.id, String(messages[0].server_id), '❤️');
	assert.equal((await counts).data.message.server_id, messages[0].server_id);

	const theirs = await b.sock.newsletterCreate('Their news', '');
	const found = await warbler.rest.get('/v1/sessions/shop/channels/search?q=Their');
	assert.deepEqual(found.channels.map((c) => c.id), [theirs.id]);
	await warbler.rest.call('PUT', `/v1/sessions/shop/channels/${theirs.id}/follow`);
	await b.sock.sendMessage(theirs.id, { text: 'from Baileys' });
	const got = await warbler.event('message.received', (e) => e.data.text === 'from Baileys');
	assert.equal(got.data.chat.jid, theirs.id);
	const page = await warbler.rest.get(`/v1/sessions/shop/channels/${theirs.id}/messages`);
	await warbler.rest.post(`/v1/sessions/shop/channels/${theirs.id}/react`, { server_id: page.messages[0].server_id, text: '👏' });
	await warbler.rest.post(`/v1/sessions/shop/channels/${theirs.id}/viewed`, { server_ids: [page.messages[0].server_id] });
	const after = await warbler.rest.get(`/v1/sessions/shop/channels/${theirs.id}/messages`);
	assert.deepEqual(after.messages[0].reactions, { '👏': 1 });
	assert.equal(after.messages[0].views, 1);
	const list = await warbler.rest.get('/v1/sessions/shop/channels');
	assert.deepEqual(list.channels.map((c) => c.id).sort(), [made.id, theirs.id].sort());
	await warbler.rest.call('DELETE', `/v1/sessions/shop/channels/${theirs.id}/follow`);
	await warbler.rest.call('DELETE', `/v1/sessions/shop/channels/${made.id}`);
});
