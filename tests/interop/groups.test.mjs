// SPDX-License-Identifier: GPL-3.0-or-later
// Groups: Warbler, stock Baileys on one and two devices, and simulated phones.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Bot, textOf, until } from './lib/bot.mjs';
import { Sandbox, Warbler } from './lib/process.mjs';

const sandbox = new Sandbox();
const SHOP = '12025550110';
const bots = [];
let warbler;

const bot = (name) => {
	const b = new Bot({ url: sandbox.url, rootKey: sandbox.rootKey, name });
	b.groups = [];
	bots.push(b);
	return b;
};

async function linked(number, name = number) {
	const b = bot(name);
	await b.linkByQr(sandbox, number);
	return b;
}

const groupsApi = '/v1/sessions/shop/groups';
const say = (to, text, more = {}) => warbler.rest.post('/v1/messages', { session: 'shop', to, text, ...more });
const status = async (id, want, ms = 20000) =>
	until(async () => {
		const m = await warbler.rest.get(`/v1/messages/${id}`);
		assert.notEqual(m.status, 'failed', `message failed: ${m.reason}`);
		return want.includes(m.status) ? m : null;
	}, ms, `message ${id} to be ${want}`);
const inGroup = (group, text) => (m) => m.key.remoteJid === group && textOf(m) === text;
const has = async (number, group, text) => (await sandbox.rest.get(`/accounts/${number}/messages?chat=${group.split('@')[0]}`))
	.messages.some((m) => m.text === text);

before(async () => {
	await sandbox.start();
	await sandbox.account(SHOP, 'The shop');
	warbler = await new Warbler({ sandbox }).start();
	await warbler.link(sandbox, SHOP);
});
afterEach(async () => {
	await Promise.all(bots.splice(0).map((b) => b.stop()));
	// what Warbler did wrong; stock Baileys has a way of its own with its own devices
	const wrong = (await sandbox.violations()).filter((v) => v.account === SHOP || v.kind !== 'fanout.self');
	assert.deepEqual(wrong, []);
});
after(async () => {
	if (warbler)
		assert.equal(await warbler.end(), 0);
	await sandbox.end();
});

async function talk(addressing, base) {
	const numbers = [1, 2, 3].map((i) => `${base}${i}`);
	for (const n of numbers)
		await sandbox.account(n, `Person ${n.slice(-2)}`);
	await sandbox.rest.call('PATCH', `/accounts/${SHOP}`, { addressing });
	const [one, two] = [await linked(numbers[0], 'device one'), await linked(numbers[0], 'device two')];
	const other = await linked(numbers[1], 'other');
	const made = await warbler.rest.post(groupsApi, { subject: 'Friends', participants: numbers.map((n) => `+${n}`) });
	const group = made.jid;
	assert.equal(made.participants.length, 4);
	assert.equal(made.addressing, addressing);

	// out: text to three devices and a phone
	const hello = await say(group, 'hello group');
	for (const b of [one, two, other])
		await b.waitMessage(inGroup(group, 'hello group'));
	await until(() => has(numbers[2], group, 'hello group'), 10000, 'the phone to have it');
	await status(hello.id, ['delivered', 'read']);
	// a second one finds the keys in place
	const second = await say(group, 'second');
	for (const b of [one, two, other])
		await b.waitMessage(inGroup(group, 'second'));
	await status(second.id, ['delivered', 'read']);
	const trace = await warbler.rest.get(`/v1/messages/${second.id}/trace`);
	assert.ok(trace.receipts.length >= 3, `receipts of participants: ${JSON.stringify(trace.receipts)}`);

	// in: text, quote, reaction
	const got = await one.waitMessage(inGroup(group, 'hello group'));
	await one.send(group, 'from Baileys');
	const ev = await warbler.event('message.received', (e) => e.data.text === 'from Baileys' && e.data.chat.jid === group);
	assert.equal(ev.data.group, true);
	assert.equal(ev.data.sender.phone, `+${numbers[0]}`);
	await other.waitMessage(inGroup(group, 'from Baileys'));
	await two.waitMessage(inGroup(group, 'from Baileys'));
	await one.send(group, 'quoting', { quoted: got });
	const quoting = await warbler.event('message.received', (e) => e.data.text === 'quoting' && e.data.chat.jid === group);
	assert.equal(quoting.data.quoted.wa_id, got.key.id);
	await other.send(group, { react: { text: '👍', key: got.key } });
	await warbler.event('message.reaction', (e) => JSON.stringify(e.data).includes('👍'));
	await warbler.rest.post(`/v1/messages/${ev.data.id}/react`, { emoji: '🎉' });
	await one.waitMessage((m) => m.message?.reactionMessage?.text === '🎉');
	const answer = await say(group, 'quoted back', { reply_to: ev.data.id });
	const back = await one.waitMessage(inGroup(group, 'quoted back'));
	assert.equal(back.message.extendedTextMessage.contextInfo.stanzaId, ev.data.wa_id);
	await status(answer.id, ['delivered', 'read']);
	return { numbers, group, one, two, other };
}

test('a group addressed by LID: both directions, quotes, reactions, receipts', async () => {
	await talk('lid', '1202555012');
});

test('a group addressed by number: both directions, quotes, reactions, receipts', async () => {
	await talk('pn', '1202555013');
});

test('a member who is removed reads no more, on any device', async () => {
	await sandbox.rest.call('PATCH', `/accounts/${SHOP}`, { addressing: 'lid' });
	const [stay, go] = [await sandbox.account('12025550141'), await sandbox.account('12025550142')];
	const a = await linked(stay, 'stays');
	const b = await linked(go, 'goes');
	const { jid: group } = await warbler.rest.post(groupsApi, { subject: 'Shrinking', participants: [stay, go] });
	await say(group, 'all of us');
	await a.waitMessage(inGroup(group, 'all of us'));
	await b.waitMessage(inGroup(group, 'all of us'));
	// the ciphertext of what follows, as it reaches one who stays
	const cipher = [];
	a.sock.ws.on('CB:message', (node) => {
		if (node.attrs.from === group)
			cipher.push(...node.content.filter((c) => c.tag === 'enc'));
	});
	const out = await warbler.rest.post(`${groupsApi}/${group}/participants`, { action: 'remove', participants: [go] });
	assert.equal(out.participants[0].done, true);
	await warbler.event('group.members_removed', (e) => e.data.group === group);
	await say(group, 'without you');
	await a.waitMessage(inGroup(group, 'without you'));
	// it was not delivered to him …
	assert.ok(!b.messages.some((m) => textOf(m) === 'without you'));
	// … and had he got the bytes, his key would not open them: a new one was handed out to those who stay
	const sk = cipher.find((c) => c.attrs.type === 'skmsg');
	assert.ok(sk && cipher.some((c) => ['pkmsg', 'msg'].includes(c.attrs.type)), 'a new key came with the message');
	const author = (await warbler.rest.get('/v1/sessions/shop')).lid;
	const device = a.messages.find((m) => textOf(m) === 'without you').key.participant;
	await assert.rejects(b.sock.signalRepository.decryptGroupMessage({ group, authorJid: device ?? author, msg: sk.content }));
	const refused = await b.send(group, 'let me in').catch((e) => e);
	await new Promise((r) => setTimeout(r, 300));
	assert.ok(!a.messages.some((m) => textOf(m) === 'let me in'), String(refused));
});

test('a group made by Baileys: everything it changes is told', async () => {
	const [owner, friend] = [await sandbox.account('12025550151'), await sandbox.account('12025550152')];
	const b = await linked(owner, 'owner');
	b.sock.ev.on('group.member-tag.update', (u) => (b.labels ??= []).push(u.label));
	const meta = await b.sock.groupCreate('By Baileys', [`${SHOP}@s.whatsapp.net`, `${friend}@s.whatsapp.net`]);
	const group = meta.id;
	const about = (kind, test = () => true) => warbler.event(kind, (e) => e.data.group === group && test(e));
	await about('group.created');
	await b.send(group, 'welcome');
	await warbler.event('message.received', (e) => e.data.text === 'welcome');
	await b.sock.groupUpdateSubject(group, 'Renamed');
	await about('group.subject', (e) => e.data.subject === 'Renamed');
	await b.sock.groupUpdateDescription(group, 'What we are');
	await about('group.description', (e) => e.data.description === 'What we are');
	await b.sock.groupSettingUpdate(group, 'announcement');
	await about('group.announce', (e) => e.data.announce === true);
	const denied = await say(group, 'may I?');
	await until(async () => (await warbler.rest.get(`/v1/messages/${denied.id}`)).status === 'failed', 20000, 'the refusal');
	await b.sock.groupParticipantsUpdate(group, [`${SHOP}@s.whatsapp.net`], 'promote');
	await about('group.members_promoted', (e) => e.data.self);
	const said = await say(group, 'as an admin');
	await b.waitMessage(inGroup(group, 'as an admin'));
	await status(said.id, ['delivered', 'read']);
	await b.sock.groupSettingUpdate(group, 'locked');
	await about('group.locked');
	await b.sock.groupToggleEphemeral(group, 86400);
	await about('group.ephemeral', (e) => e.data.ephemeral_s === 86400);
	await b.sock.groupMemberAddMode(group, 'all_member_add');
	await about('group.add_mode');
	await b.sock.groupJoinApprovalMode(group, 'on');
	await about('group.approval', (e) => e.data.approval === true);
	const known = await warbler.rest.get(`${groupsApi}/${group}`);
	assert.equal(known.subject, 'Renamed');
	assert.equal(known.description, 'What we are');
	assert.equal(known.announce && known.locked && known.approval, true);
	assert.equal(known.ephemeral_s, 86400);
	assert.equal(known.participants.find((p) => p.phone === `+${SHOP}`).role, 'admin');

	// a text says how long it lives
	await say(group, 'for a day');
	const short = await b.waitMessage(inGroup(group, 'for a day'));
	assert.equal(short.message.extendedTextMessage?.contextInfo?.expiration, 86400);

	// labels of members, both ways
	await b.sock.updateMemberLabel(group, 'the owner');
	const label = await about('group.member_label');
	assert.equal(label.data.participant.label, 'the owner');
	assert.equal((await warbler.rest.get(`${groupsApi}/${group}`)).participants.find((p) => p.phone === `+${owner}`).label,
		'the owner');
	await warbler.rest.call('PUT', `${groupsApi}/${group}/label`, { label: 'the shop' });
	await until(() => b.labels?.includes('the shop'), 10000, 'Baileys to hear our label');

	// and the other way round
	const seen = (test) => until(async () => test(await b.sock.groupMetadata(group)), 10000, 'Baileys to see it');
	await warbler.rest.call('PATCH', `${groupsApi}/${group}`, { subject: 'By Warbler', description: 'Changed', announce: false,
		locked: false, add_members: 'admins', approval: false, ephemeral_s: 0 });
	await seen((m) => m.subject === 'By Warbler' && m.desc === 'Changed' && !m.announce && !m.restrict && !m.memberAddMode &&
		!m.joinApprovalMode && !m.ephemeralDuration);
	const made = await warbler.rest.post(`${groupsApi}/${group}/participants`, { action: 'promote', participants: [friend] });
	assert.equal(made.participants[0].done, true);
	await seen((m) => m.participants.filter((p) => p.admin).length === 3);
	await warbler.rest.post(`${groupsApi}/${group}/leave`);
	await seen((m) => m.participants.length === 2);
});

test('invite links, approval and invitations by message', async () => {
	const [guest, shy] = [await sandbox.account('12025550161'), await sandbox.account('12025550162')];
	const b = await linked(guest, 'guest');
	const { jid: group } = await warbler.rest.post(groupsApi, { subject: 'Club' });
	const { code, link } = await warbler.rest.get(`${groupsApi}/${group}/invite`);
	assert.ok(link.endsWith(code));
	const info = await b.sock.groupGetInviteInfo(code);
	assert.equal(info.subject, 'Club');
	assert.equal(await b.sock.groupAcceptInvite(code), group);
	await warbler.event('group.members_added', (e) => e.data.group === group && e.data.reason === 'invite');
	await say(group, 'good that you came');
	await b.waitMessage(inGroup(group, 'good that you came'));
	const fresh = await warbler.rest.post(`${groupsApi}/${group}/invite`);
	assert.notEqual(fresh.code, code);
	await assert.rejects(b.sock.groupGetInviteInfo(code));
	await b.sock.groupLeave(group);
	await warbler.event('group.members_left', (e) => e.data.group === group);
	await warbler.rest.call('PATCH', `${groupsApi}/${group}`, { approval: true });
	await b.sock.groupAcceptInvite(fresh.code);
	await warbler.event('group.join_requested', (e) => e.data.group === group);
	const { participants: asking } = await warbler.rest.get(`${groupsApi}/${group}/requests`);
	assert.equal(asking.length, 1);
	const ok = await warbler.rest.post(`${groupsApi}/${group}/requests`, { action: 'approve', participants: [guest] });
	assert.equal(ok.participants[0].done, true);
	await until(async () => (await b.sock.groupMetadata(group).catch(() => null))?.participants.length === 2, 10000, 'him inside');
	// who may not be added gets an invitation
	const s = await linked(shy, 'shy');
	await sandbox.rest.call('PATCH', `/accounts/${shy}`, { invite_only: true });
	const added = await warbler.rest.post(`${groupsApi}/${group}/participants`, { action: 'add', participants: [shy] });
	assert.equal(added.participants[0].code, 403);
	const ticket = added.participants[0].invite;
	await say(`+${shy}`, undefined, { content: { kind: 'group_invite', group, code: ticket.code, name: 'Club', expires: new Date(ticket.expires_s * 1000).toISOString().replace('.000', '') } });
	const invite = await s.waitMessage((m) => m.message?.groupInviteMessage);
	await s.sock.groupAcceptInviteV4(invite.key, invite.message.groupInviteMessage);
	await warbler.event('group.members_added', (e) => e.data.group === group && e.data.participants.some((p) => p.phone === `+${shy}`));
	await say(group, 'now all');
	await s.waitMessage(inGroup(group, 'now all'));
});

test('a lost sender key comes again, from us and from Baileys', async () => {
	const [one, phone] = [await sandbox.account('12025550171'), await sandbox.account('12025550172')];
	const b = await linked(one, 'forgetful');
	const { jid: group } = await warbler.rest.post(groupsApi, { subject: 'Keys', participants: [one, phone] });
	await say(group, 'first');
	await b.waitMessage(inGroup(group, 'first'));
	await b.send(group, 'mine');
	await warbler.event('message.received', (e) => e.data.text === 'mine');
	for (const key of [...b.auth.store.keys()])
		if (key.startsWith('sender-key/'))
			b.auth.store.delete(key);
	await b.restart();
	const m = await say(group, 'again');
	await b.waitMessage(inGroup(group, 'again'), 30000);
	await warbler.event('message.retried', (e) => e.data.id === m.id);
	await b.send(group, 'a new key of mine');
	await warbler.event('message.received', (e) => e.data.text === 'a new key of mine');
});

test('a group of a hundred: Warbler, Baileys and 98 phones', async () => {
	await sandbox.rest.call('PATCH', `/accounts/${SHOP}`, { addressing: 'lid' });
	await sandbox.rest.post('/accounts/bulk', { first: 12025560001, count: 98, sink: false });
	const phones = Array.from({ length: 98 }, (_, i) => String(12025560001 + i));
	const b = await linked(await sandbox.account('12025550181'), 'one of a hundred');
	const made = await warbler.rest.post(groupsApi, { subject: 'Hundred', participants: ['12025550181', ...phones] });
	const group = made.jid;
	assert.equal(made.size, 100);
	const first = await say(group, 'to everybody');
	await b.waitMessage(inGroup(group, 'to everybody'), 30000);
	await status(first.id, ['delivered', 'read'], 30000);
	await until(async () => (await warbler.rest.get(`/v1/messages/${first.id}/trace`)).receipts.length >= 99, 30000, 'a receipt from each');
	await b.send(group, 'Baileys to everybody');
	await warbler.event('message.received', (e) => e.data.text === 'Baileys to everybody', 30000);
	for (const n of [phones[0], phones[97]]) {
		await until(() => has(n, group, 'to everybody'), 10000, 'the phones to have it');
		await until(() => has(n, group, 'Baileys to everybody'), 10000, 'the phones to have it');
	}
	await sandbox.rest.post(`/groups/${group.split('@')[0]}/messages`, { from: phones[5], text: 'a phone to everybody' });
	await b.waitMessage(inGroup(group, 'a phone to everybody'), 30000);
	await warbler.event('message.received', (e) => e.data.text === 'a phone to everybody', 30000);
	await sandbox.rest.post(`/groups/${group.split('@')[0]}/leave`, { number: phones[5] });
	await warbler.event('group.members_left', (e) => e.data.group === group);
	await say(group, 'and without him');
	await b.waitMessage(inGroup(group, 'and without him'), 30000);
	assert.ok(!await has(phones[5], group, 'and without him'));
	assert.ok(await has(phones[6], group, 'and without him'));
});

test('communities: made here, seen by Baileys', async () => {
	const member = await sandbox.account('12025550191');
	const b = await linked(member, 'villager');
	const up = await warbler.rest.post(groupsApi, { subject: 'Village', description: 'All of us', community: true });
	assert.equal(up.community, true);
	const choir = await warbler.rest.post(groupsApi, { subject: 'Choir', participants: [member], parent: up.jid });
	assert.equal(choir.parent, up.jid);
	const list = await warbler.rest.get(`${groupsApi}/${up.jid}/groups`);
	assert.deepEqual(list.groups.map((g) => g.subject).sort(), ['Choir', 'Village']);
	const meta = await b.sock.groupMetadata(choir.jid);
	assert.equal(meta.linkedParent, up.jid);
	await say(choir.jid, 'sing');
	await b.waitMessage(inGroup(choir.jid, 'sing'));
	await warbler.rest.del(`${groupsApi}/${up.jid}/groups/${choir.jid}`);
	assert.equal((await b.sock.groupMetadata(choir.jid)).linkedParent, undefined);
	await warbler.rest.del(`${groupsApi}/${up.jid}`);
	await warbler.event('group.deleted', (e) => e.data.group === up.jid);
});
