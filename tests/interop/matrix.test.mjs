// SPDX-License-Identifier: GPL-3.0-or-later
// Kinds of messages × direction × chat × devices, with stock Baileys on the far side; one table drives it.
import assert from 'node:assert/strict';
import { createCipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { decryptPollVote, downloadMediaMessage, jidNormalizedUser, proto } from 'baileys';
import { Bot, until } from './lib/bot.mjs';
import { Sandbox, Warbler } from './lib/process.mjs';

// The sandbox's media host signs its own certificate; whether Node trusts it is not what is tested here.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';

const SHOP = '12025550100', CUSTOMER = '12025550111';
const sandbox = new Sandbox();
let warbler, one, two;
const chats = {};	// name -> { to: for the gateway, jid: for Baileys }

const num = (x) => (typeof x === 'number' ? x : Number(x));
const near = (a, b) => assert.ok(Math.abs(a - b) < 1e-6, `${a} is not ${b}`);
const inner = (m) => {
	let c = m.message;
	for (;;) {
		const w = c?.ephemeralMessage ?? c?.viewOnceMessage ?? c?.viewOnceMessageV2 ?? c?.documentWithCaptionMessage ??
			c?.deviceSentMessage ?? c?.editedMessage;
		if (!w?.message)
			return c;
		c = w.message;
	}
};
const card = (name, phone) =>
	`BEGIN:VCARD\nVERSION:3.0\nN:;${name};;;\nFN:${name}\nTEL;type=CELL;waid=${phone}:+${phone}\nEND:VCARD`;

/** Baileys 7.0.0-rc14 writes a sender key to its own device too in groups: its mistake, not ours. */
const blameless = async () => assert.deepEqual((await sandbox.violations()).filter((v) =>
	v.account === SHOP || v.kind !== 'fanout.self'), []);

/** What the gateway sends; what stock Baileys must have read. */
const OUT = [
	['text', { kind: 'text', text: 'مرحبا *bold* 👋' }, (c) => assert.equal(c.conversation ?? c.extendedTextMessage.text, 'مرحبا *bold* 👋')],
	['text with mentions', { kind: 'text', text: 'hi @12025550123', mentions: ['12025550123@s.whatsapp.net'] }, (c) =>
		assert.deepEqual(c.extendedTextMessage.contextInfo.mentionedJid, ['12025550123@s.whatsapp.net'])],
	['text with preview', { kind: 'text', text: 'see https://example.com/a', link: { url: 'https://example.com/a', title: 'A page', description: 'About it' } }, (c) => {
		const x = c.extendedTextMessage;
		assert.deepEqual([x.matchedText, x.title, x.description], ['https://example.com/a', 'A page', 'About it']);
	}],
	['forwarded text', { kind: 'text', text: 'pass it on', forwarded: true, forwarding_score: 2 }, (c) => {
		assert.equal(c.extendedTextMessage.contextInfo.isForwarded, true);
		assert.equal(c.extendedTextMessage.contextInfo.forwardingScore, 2);
	}],
	['disappearing text', { kind: 'text', text: 'soon gone', expires_s: 86400 }, (c) =>
		assert.equal(c.extendedTextMessage.contextInfo.expiration, 86400)],
	['location', { kind: 'location', latitude: 24.7136, longitude: 46.6753, name: 'Shop', address: 'King Fahd Rd' }, (c) => {
		near(c.locationMessage.degreesLatitude, 24.7136);
		near(c.locationMessage.degreesLongitude, 46.6753);
		assert.deepEqual([c.locationMessage.name, c.locationMessage.address], ['Shop', 'King Fahd Rd']);
	}],
	['live location', { kind: 'live_location', latitude: 1.5, longitude: 2.5, accuracy_m: 7, text: 'moving' }, (c) => {
		near(c.liveLocationMessage.degreesLatitude, 1.5);
		assert.deepEqual([c.liveLocationMessage.accuracyInMeters, c.liveLocationMessage.caption], [7, 'moving']);
	}],
	['contact', { kind: 'contact', contacts: [{ name: 'Layla', phone: '+12025550123' }] }, (c) =>
		assert.deepEqual([c.contactMessage.displayName, c.contactMessage.vcard], ['Layla', card('Layla', '12025550123')])],
	['contacts', { kind: 'contact', name: 'Two', contacts: [{ name: 'A', phone: '+12025550124' }, { name: 'B', phone: '+12025550125' }] }, (c) => {
		assert.equal(c.contactsArrayMessage.displayName, 'Two');
		assert.deepEqual(c.contactsArrayMessage.contacts.map((x) => x.displayName), ['A', 'B']);
	}],
	['poll of one choice', { kind: 'poll', name: 'Colour?', options: ['Red', 'Blue'], selectable: 1 }, (c) => {
		const p = c.pollCreationMessageV3;
		assert.deepEqual([p.name, p.options.map((o) => o.optionName), p.selectableOptionsCount], ['Colour?', ['Red', 'Blue'], 1]);
		assert.equal(c.messageContextInfo.messageSecret.length, 32);
	}],
	['poll of many choices', { kind: 'poll', name: 'Toppings', options: ['Cheese', 'Olives', 'Corn'] }, (c) => {
		const p = c.pollCreationMessage ?? c.pollCreationMessageV3;
		assert.deepEqual([p.name, p.options.map((o) => o.optionName), p.selectableOptionsCount ?? 0], ['Toppings', ['Cheese', 'Olives', 'Corn'], 0]);
	}],
	['event', { kind: 'event', name: 'Opening', description: 'Come', start: '2027-01-05T18:00:00.000Z', end: '2027-01-05T20:00:00.000Z',
		location: { latitude: 1.5, longitude: 2.5, name: 'Here' } }, (c) => {
		const e = c.eventMessage;
		assert.deepEqual([e.name, e.description, num(e.startTime), num(e.endTime), e.location.name],
			['Opening', 'Come', 1799172000, 1799179200, 'Here']);
	}],
	['group invite', { kind: 'group_invite', group: '120363000000000009@g.us', code: 'AbCd', name: 'Friends', caption: 'Join' }, (c) => {
		const g = c.groupInviteMessage;
		assert.deepEqual([g.groupJid, g.inviteCode, g.groupName, g.caption], ['120363000000000009@g.us', 'AbCd', 'Friends', 'Join']);
	}],
	['menu as poll', { menu: { body: 'Order?', buttons: [{ id: 'y', text: 'Yes' }, { id: 'n', text: 'No' }] } }, (c) =>
		assert.deepEqual(c.pollCreationMessageV3.options.map((o) => o.optionName), ['Yes', 'No'])],
	['menu as text', { menu: { body: 'Order?', buttons: [{ id: 'y', text: 'Yes' }, { id: 'n', text: 'No' }] }, render: 'text' }, (c) =>
		assert.match(c.conversation ?? c.extendedTextMessage.text, /^Order\?\n\n1\. Yes\n2\. No$/)],
	['native buttons', { menu: { body: 'Order?', footer: 'f', buttons: [{ id: 'y', text: 'Yes' }] }, render: 'native' }, (c) => {
		const b = c.buttonsMessage;
		assert.deepEqual([b.contentText, b.footerText, b.buttons[0].buttonId, b.buttons[0].buttonText.displayText], ['Order?', 'f', 'y', 'Yes']);
	}],
	['native list', { menu: { form: 'list', title: 't', body: 'Pick', button_text: 'Open', sections: [{ title: 's', rows: [{ id: 'r1', title: 'Row', description: 'd' }] }] }, render: 'native' }, (c) => {
		const l = c.listMessage;
		assert.deepEqual([l.title, l.description, l.buttonText, l.sections[0].title, l.sections[0].rows[0].rowId], ['t', 'Pick', 'Open', 's', 'r1']);
	}],
	['order', { kind: 'order', id: 'o1', token: 'tok', title: 'Cart', message: 'for me', currency: 'USD', total_1000: 61500, items: 2, status: 1 }, (c) => {
		const o = c.orderMessage;
		assert.deepEqual([o.orderId, o.token, o.orderTitle, o.message, o.totalCurrencyCode, num(o.totalAmount1000), o.itemCount],
			['o1', 'tok', 'Cart', 'for me', 'USD', 61500, 2]);
	}],
];

/** What stock Baileys sends; what the gateway's event must say. */
const IN = [
	['text', { text: 'hello there' }, (d) => assert.deepEqual([d.kind, d.text, d.content], ['text', 'hello there', undefined])],
	['text with mentions', { text: 'hi @12025550123', mentions: ['12025550123@s.whatsapp.net'] }, (d) =>
		assert.deepEqual(d.content.mentions, ['12025550123@s.whatsapp.net'])],
	['text with preview', { text: 'see https://example.com/b', linkPreview: { 'canonical-url': 'https://example.com/b',
		'matched-text': 'https://example.com/b', title: 'B page', description: 'Of B' } }, (d) =>
		assert.deepEqual([d.content.link.url, d.content.link.title, d.content.link.description], ['https://example.com/b', 'B page', 'Of B'])],
	['location', { location: { degreesLatitude: 24.5, degreesLongitude: 46.25, name: 'Home', address: 'Street 1' } }, (d) =>
		assert.deepEqual(d.content, { kind: 'location', latitude: 24.5, longitude: 46.25, name: 'Home', address: 'Street 1' })],
	['contact', { contacts: { displayName: 'Omar', contacts: [{ displayName: 'Omar', vcard: card('Omar', '12025550126') }] } }, (d) =>
		assert.deepEqual(d.content.contacts, [{ name: 'Omar', phone: '+12025550126', vcard: card('Omar', '12025550126') }])],
	['contacts', { contacts: { displayName: '2 contacts', contacts: [{ displayName: 'A', vcard: card('A', '12025550127') },
		{ displayName: 'B', vcard: card('B', '12025550128') }] } }, (d) => {
		assert.equal(d.content.name, '2 contacts');
		assert.deepEqual(d.content.contacts.map((c) => [c.name, c.phone]), [['A', '+12025550127'], ['B', '+12025550128']]);
	}],
	['poll', { poll: { name: 'Size?', values: ['S', 'M'], selectableCount: 1 } }, (d) =>
		assert.deepEqual(d.content, { kind: 'poll', name: 'Size?', options: ['S', 'M'], selectable: 1 })],
	['event', { event: { name: 'Party', description: 'Bring', startDate: new Date('2027-01-05T18:00:00Z'), endDate: new Date('2027-01-05T20:00:00Z') } }, (d) =>
		assert.deepEqual([d.content.kind, d.content.name, d.content.description, d.content.start, d.content.end],
			['event', 'Party', 'Bring', '2027-01-05T18:00:00.000Z', '2027-01-05T20:00:00.000Z'])],
	['button reply', { buttonReply: { displayText: 'Yes', id: 'y', index: 0 }, type: 'plain' }, (d) =>
		assert.deepEqual([d.kind, d.content.id, d.content.title, d.content.form], ['choice', 'y', 'Yes', 'buttons'])],
	['template reply', { buttonReply: { displayText: 'Yes', id: 'y', index: 2 }, type: 'template' }, (d) =>
		assert.deepEqual([d.kind, d.content.id, d.content.title, d.content.form, d.content.index], ['choice', 'y', 'Yes', 'template', 2])],
	['list reply', { listReply: { title: 'Row', listType: 1, singleSelectReply: { selectedRowId: 'r1' } } }, (d) =>
		assert.deepEqual([d.kind, d.content.id, d.content.title, d.content.form], ['choice', 'r1', 'Row', 'list'])],
	['a kind not modelled', { raw: true, requestPhoneNumberMessage: {} }, (d) => {
		assert.equal(d.kind, 'unknown');
		assert.equal(d.content.name, 'requestPhoneNumberMessage');
		assert.ok('requestPhoneNumberMessage' in d.content.raw, JSON.stringify(d.content.raw));
	}],
];

/** Files: what is uploaded to the gateway, and how Baileys gives one. Bytes are compared on both sides. */
const pixel = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
const mp3 = Buffer.concat(Array(100).fill(Buffer.concat([Buffer.from([0xff, 0xfb, 0x90, 0x64]), Buffer.alloc(413)])));
const MEDIA = [
	['image', 'image', 'image/png', pixel, { text: 'a caption' }, (c) => assert.equal(c.imageMessage.caption, 'a caption')],
	['video', 'video', 'video/mp4', randomBytes(70000)],	// no film: only in, where nobody looks inside
	['audio', 'audio', 'audio/mpeg', mp3, {}, (c) => assert.ok(!c.audioMessage.ptt)],
	['document', 'document', 'application/pdf', randomBytes(200000), {}, (c) =>
		assert.equal((c.documentMessage ?? c.documentWithCaptionMessage?.message.documentMessage).mimetype, 'application/pdf')],
	['sticker', 'sticker', 'image/webp', randomBytes(3000)],
];

async function send(chat, body) {
	const { menu, render, ...content } = body;
	return warbler.rest.post('/v1/messages?wait=server', { session: 'shop', to: chats[chat].to,
		...(menu ? { menu, ...(render && { render }) } : { content }) });
}

async function arrives(bot, id) {
	return bot.waitMessage((m) => m.key.id === id && inner(m), 20000, `message ${id}`);
}

const kinds = 'message.received,message.own,message.edited,message.revoked,message.reaction,message.poll_vote,' +
	'message.event_answer,message.pinned,chat.timer';
const told = (id) => warbler.event(kinds, (e) => e.data.wa_id === id);

/** A vote or an answer as a phone seals it: made here with Node's own cryptography. */
function seal(use, secret, id, author, sender, plain) {
	const key = Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(32),
		Buffer.concat([id, author, sender, use].map((x) => Buffer.from(x))), 32));
	const iv = randomBytes(12), cipher = createCipheriv('aes-256-gcm', key, iv);
	cipher.setAAD(Buffer.from(`${id}\0${sender}`));
	return { encPayload: Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]), encIv: iv };
}
const sha = (s) => createHash('sha256').update(s).digest();

before(async () => {
	await sandbox.start();
	await sandbox.account(SHOP, 'The shop');
	await sandbox.account(CUSTOMER, 'Customer');
	const { ca_file } = await sandbox.rest.get('/media');
	warbler = await new Warbler({ sandbox, lua: `pacing = { enabled = false }
whatsapp.media_private = true
whatsapp.ca_file = ${JSON.stringify(ca_file)}` }).start();
	await warbler.link(sandbox, SHOP);
	one = new Bot({ url: sandbox.url, rootKey: sandbox.rootKey, name: 'one' });
	two = new Bot({ url: sandbox.url, rootKey: sandbox.rootKey, name: 'two' });
	await one.linkByQr(sandbox, CUSTOMER);
	await two.linkByQr(sandbox, CUSTOMER);
	chats['1:1'] = { to: `+${CUSTOMER}`, jid: `${SHOP}@s.whatsapp.net` };
	const group = await one.sock.groupCreate('The matrix', [`${SHOP}@s.whatsapp.net`]);
	chats.group = { to: group.id, jid: group.id };
});
after(async () => {
	await Promise.all([one, two].map((b) => b?.stop()));
	if (warbler)
		assert.equal(await warbler.end(), 0);
	await sandbox.end();
});

for (const chat of ['1:1', 'group']) {
	for (const [name, body, check] of OUT)
		test(`${chat}: ${name} goes out to both devices`, async () => {
			const m = await send(chat, body);
			for (const bot of [one, two])
				check(inner(await arrives(bot, m.wa_id)));
			await blameless();
		});
	for (const [name, content, check] of IN)
		test(`${chat}: ${name} comes in`, async () => {
			const { raw, ...message } = content;
			const id = raw ? await one.sock.relayMessage(chats[chat].jid, message, {}) :
				(await one.send(chats[chat].jid, content)).key.id;
			const e = await told(id);
			check(e.data);
			assert.equal(e.data.sender.phone, `+${CUSTOMER}`);
			const stored = await warbler.rest.get(`/v1/messages/${e.subject}`);
			check(stored);
			await two.waitMessage((m) => m.key.id === id, 20000, `own copy of ${id}`);
			await blameless();
		});
	test(`${chat}: a quote goes out and comes in`, async () => {
		const sent = await one.send(chats[chat].jid, { text: 'a question' });
		const asked = await told(sent.key.id);
		const answer = await warbler.rest.post('/v1/messages?wait=server', { session: 'shop', to: chats[chat].to, text: 'an answer',
			reply_to: asked.subject });
		const got = await arrives(two, answer.wa_id);
		const context = inner(got).extendedTextMessage.contextInfo;
		assert.equal(context.stanzaId, sent.key.id);
		assert.equal(context.quotedMessage.conversation ?? context.quotedMessage.extendedTextMessage.text, 'a question');
		const back = await one.send(chats[chat].jid, { text: 'and again' }, { quoted: got });
		assert.deepEqual((await told(back.key.id)).data.quoted, { id: answer.id, wa_id: answer.wa_id });
	});
	test(`${chat}: reactions, edits, deletions and pins go out`, async () => {
		const m = await send(chat, { kind: 'text', text: 'It costs 10' });
		await arrives(one, m.wa_id);
		const theirs = await one.send(chats[chat].jid, { text: 'dear' });
		const id = (await told(theirs.key.id)).subject;
		const act = async (method, path, body) => warbler.rest.call(method, `/v1/messages/${path}?wait=server`, body);
		const reaction = await act('POST', `${id}/react`, { emoji: '👍' });
		const r = inner(await arrives(two, reaction.wa_id)).reactionMessage;
		assert.deepEqual([r.text, r.key.id], ['👍', theirs.key.id]);
		const edit = await act('PATCH', m.id, { text: 'It costs 11' });
		const p = inner(await arrives(one, edit.wa_id)).protocolMessage;
		assert.deepEqual([p.key.id, p.editedMessage.conversation ?? p.editedMessage.extendedTextMessage.text], [m.wa_id, 'It costs 11']);
		const pin = await act('POST', `${m.id}/pin`, { duration_s: 86400 });
		assert.equal(inner(await arrives(one, pin.wa_id)).pinInChatMessage.key.id, m.wa_id);
		const gone = await act('DELETE', m.id);
		assert.equal(inner(await arrives(one, gone.wa_id)).protocolMessage.key.id, m.wa_id);
		await blameless();
	});
	test(`${chat}: reactions, edits, deletions and pins come in`, async () => {
		const m = await send(chat, { kind: 'text', text: 'hello' });
		const got = await arrives(one, m.wa_id);
		const react = await one.send(chats[chat].jid, { react: { text: '❤️', key: got.key } });
		const r = await told(react.key.id);
		assert.deepEqual([r.kind, r.subject, r.data.text], ['message.reaction', m.id, '❤️']);
		const said = await one.send(chats[chat].jid, { text: '2 pieces' });
		const id = (await told(said.key.id)).subject;
		const edit = await one.send(chats[chat].jid, { text: '3 pieces', edit: said.key });
		assert.equal((await told(edit.key.id)).subject, id);
		assert.equal((await warbler.rest.get(`/v1/messages/${id}`)).text, '3 pieces');
		const pin = await one.send(chats[chat].jid, { pin: said.key, type: 1, time: 86400 });
		assert.deepEqual([(await told(pin.key.id)).kind, (await warbler.rest.get(`/v1/messages/${id}`)).pinned.duration_s], ['message.pinned', 86400]);
		const gone = await one.send(chats[chat].jid, { delete: said.key });
		assert.deepEqual([(await told(gone.key.id)).kind, (await told(gone.key.id)).subject], ['message.revoked', id]);
		const whole = await warbler.rest.get(`/v1/messages/${m.id}`);
		assert.deepEqual(whole.reactions.map((x) => [x.text, x.by.phone]), [['❤️', `+${CUSTOMER}`]]);
		await blameless();
	});
	test(`${chat}: our vote is one that stock Baileys opens`, async () => {
		const poll = await one.send(chats[chat].jid, { poll: { name: 'Size?', values: ['S', 'M'], selectableCount: 1 } });
		const id = (await told(poll.key.id)).subject;
		const vote = await warbler.rest.post(`/v1/messages/${id}/vote?wait=server`, { options: ['M'] });
		const got = await arrives(one, vote.wa_id);
		const secret = poll.message.messageContextInfo.messageSecret;
		const forms = (u) => [u.lid, u.id].filter(Boolean).map((j) => jidNormalizedUser(j));
		const creators = forms(one.sock.user), voters = [(await warbler.session('shop')).lid, (await warbler.session('shop')).jid];
		let opened;
		for (const pollCreatorJid of creators)
			for (const voterJid of voters)
				try {
					opened ??= decryptPollVote(inner(got).pollUpdateMessage.vote, { pollCreatorJid, pollMsgId: poll.key.id,
						pollEncKey: secret, voterJid });
				} catch {}
		assert.deepEqual(opened?.selectedOptions.map((o) => Buffer.from(o).toString('hex')), [sha('M').toString('hex')]);
		await blameless();
	});
	test(`${chat}: votes are opened, changed and counted`, async () => {
		const m = await send(chat, { kind: 'poll', name: 'Colour?', options: ['Red', 'Blue'], selectable: 1 });
		const poll = await arrives(one, m.wa_id);
		const shop = await warbler.session('shop'), me = one.sock.user;
		for (const [form, option] of [['lid', 'Red'], ['id', 'Blue']]) {
			const author = form === 'lid' ? shop.lid : shop.jid, sender = jidNormalizedUser(me[form]);
			const plain = proto.Message.PollVoteMessage.encode({ selectedOptions: [sha(option)] }).finish();
			const id = await one.sock.relayMessage(chats[chat].jid, { pollUpdateMessage: {
				pollCreationMessageKey: poll.key, senderTimestampMs: Date.now(),
				vote: seal('Poll Vote', inner(poll).messageContextInfo.messageSecret, m.wa_id, author, sender, plain) } }, {});
			const e = await told(id);
			assert.deepEqual([e.data.options, e.data.tally.map((o) => o.votes)], [[option], option === 'Red' ? [1, 0] : [0, 1]]);
		}
		assert.deepEqual((await warbler.rest.get(`/v1/messages/${m.id}`)).tally.map((o) => o.votes), [0, 1]);
		await blameless();
	});
	for (const [name, kind, mimetype, bytes, more, check] of MEDIA)
		test(`${chat}: ${name} goes out to both devices, byte by byte`, { skip: !check && 'needs a real one' }, async () => {
			const res = await fetch(`${warbler.rest.base}/v1/media`, { method: 'POST', body: bytes,
				headers: { authorization: `Bearer ${warbler.rest.key}`, 'content-type': mimetype } });
			assert.ok(res.ok, `upload of ${name}: ${res.status}`);
			const { id } = await res.json();
			const m = await send(chat, { kind, media: { id }, ...more });
			for (const bot of [one, two]) {
				const got = await arrives(bot, m.wa_id);
				check(inner(got));
				assert.deepEqual(await downloadMediaMessage(got, 'buffer', {}), bytes);
			}
			assert.deepEqual(await sandbox.violations().then((v) => v.filter((x) => x.account === SHOP)), []);
		});
	for (const [name, kind, mimetype, bytes] of MEDIA)
		test(`${chat}: ${name} comes in, byte by byte`, async () => {
			const sent = await one.send(chats[chat].jid, { [kind]: bytes, mimetype, ...(kind === 'document' && { fileName: 'a.pdf' }) });
			const e = await told(sent.key.id);
			assert.equal(e.data.kind, kind);
			assert.ok(!JSON.stringify(e.data).match(/_key|direct_path/i), 'neither key nor place is told');
			const back = await until(async () => {
				const r = await fetch(`${warbler.rest.base}${e.data.content.media.url}`, { headers: { authorization: `Bearer ${warbler.rest.key}` } });
				return r.ok && Buffer.from(await r.arrayBuffer());
			}, 20000, `the bytes of ${name}`);
			assert.deepEqual(back, bytes);
			await blameless();
		});
}

test('1:1: an album goes out', async () => {
	const ids = [];
	for (let i = 0; i < 2; i++) {
		const res = await fetch(`${warbler.rest.base}/v1/media`, { method: 'POST', body: pixel,
			headers: { authorization: `Bearer ${warbler.rest.key}`, 'content-type': 'image/png' } });
		ids.push((await res.json()).id);
	}
	const m = await warbler.rest.post('/v1/messages?wait=server', { session: 'shop', to: `+${CUSTOMER}`,
		album: ids.map((id, i) => ({ kind: 'image', media: { id }, text: `picture ${i}` })) });
	const head = inner(await arrives(two, m.wa_id));
	assert.deepEqual([head.albumMessage.expectedImageCount, head.albumMessage.expectedVideoCount ?? 0], [2, 0]);
	for (let i = 0; i < 2; i++) {
		const got = await two.waitMessage((x) => inner(x)?.imageMessage?.caption === `picture ${i}`, 20000, `picture ${i}`);
		const info = got.message.messageContextInfo ?? inner(got).messageContextInfo;
		assert.equal(info.messageAssociation.parentMessageKey.id, m.wa_id);
	}
	await blameless();
});

test('1:1: the disappearing timer, both ways', async () => {
	await warbler.rest.call('PUT', `/v1/sessions/shop/chats/+${CUSTOMER}/timer?wait=server`, { expires_s: 604800 });
	await one.waitMessage((m) => inner(m)?.protocolMessage?.ephemeralExpiration === 604800, 20000, 'the timer');
	const sent = await one.send(chats['1:1'].jid, { disappearingMessagesInChat: false });
	await warbler.event('chat.timer', (e) => e.data.wa_id === sent.key.id && e.data.expires_s === 0);
	await blameless();
});
