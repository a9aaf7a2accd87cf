// SPDX-License-Identifier: GPL-3.0-or-later
// Kinds of messages × direction × chat × devices, with stock Baileys on the far side; one table drives it.
import assert from 'node:assert/strict';
import { file } from './lib/files.mjs';
import { SHOP, act, arrives, card, everywhere, inner, near, num, row, send, stored, told, upload } from './lib/matrix.mjs';

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
	['product', async () => ({ kind: 'product', id: 'p1', owner: `${SHOP}@s.whatsapp.net`, title: 'Tea', description: 'Green', currency: 'USD',
		price_1000: 4500, retailer_id: 'sku1', url: 'https://example.com/tea', body: 'ours', images: 1,
		media: { id: await upload(file('jpeg'), 'image/jpeg') } }), (c) => {
		const { product: o, businessOwnerJid, body } = c.productMessage;
		assert.deepEqual([o.productId, o.title, o.description, o.currencyCode, num(o.priceAmount1000), o.retailerId, o.url, businessOwnerJid, body],
			['p1', 'Tea', 'Green', 'USD', 4500, 'sku1', 'https://example.com/tea', `${SHOP}@s.whatsapp.net`, 'ours']);
		assert.ok(o.productImage.directPath);
	}],
	['template', { menu: { form: 'template', body: 'See', footer: 'f', buttons: [{ id: 'a', text: 'Yes' },
		{ kind: 'url', text: 'Open', value: 'https://example.com/' }, { kind: 'call', text: 'Ring', value: '+12025550123' }] }, render: 'native' }, (c) => {
		const t = c.templateMessage.hydratedTemplate ?? c.templateMessage.hydratedFourRowTemplate;
		assert.deepEqual([t.hydratedContentText, t.hydratedFooterText, t.hydratedButtons.map((b) => b.quickReplyButton?.id ?? b.urlButton?.url ??
			b.callButton?.phoneNumber)], ['See', 'f', ['a', 'https://example.com/', '+12025550123']]);
	}],
	['native flow', { menu: { form: 'native', title: 't', body: 'Choose', buttons: [{ id: 'q', text: 'Quick' },
		{ kind: 'copy', text: 'Code', value: 'ABC' }] }, render: 'native' }, (c) => {
		const i = c.interactiveMessage;
		assert.equal(i.body.text, 'Choose');
		assert.deepEqual(i.nativeFlowMessage.buttons.map((b) => [b.name, JSON.parse(b.buttonParamsJson).display_text]),
			[['quick_reply', 'Quick'], ['cta_copy', 'Code']]);
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
	['live location', { raw: true, liveLocationMessage: { degreesLatitude: 1.5, degreesLongitude: 2.5, accuracyInMeters: 7, speedInMps: 2,
		sequenceNumber: 5, caption: 'walking' } }, (d) => assert.deepEqual(d.content, { kind: 'live_location', latitude: 1.5, longitude: 2.5,
		accuracy_m: 7, speed_mps: 2, sequence: 5, text: 'walking' })],
	['group invite', { raw: true, groupInviteMessage: { groupJid: '120363000000000009@g.us', inviteCode: 'AbCd',
		inviteExpiration: 1799172000, groupName: 'Friends', caption: 'Join' } }, (d) =>
		assert.deepEqual(d.content, { kind: 'group_invite', group: '120363000000000009@g.us', code: 'AbCd', name: 'Friends', caption: 'Join',
			expires: '2027-01-05T18:00:00.000Z' })],
	['poll of many choices', { poll: { name: 'With?', values: ['A', 'B', 'C'] } }, (d) =>
		assert.deepEqual([d.content.options, d.content.selectable ?? 0], [['A', 'B', 'C'], 0])],
	['mention of all', { text: 'hi @all', mentionAll: true }, (d) => assert.equal(d.content.mention_all, true)],
	['order', { raw: true, orderMessage: { orderId: 'o2', token: 'tk', orderTitle: 'Cart', message: 'for me', itemCount: 3, status: 1, surface: 1,
		sellerJid: `${SHOP}@s.whatsapp.net`, totalAmount1000: 9000, totalCurrencyCode: 'EUR' } }, (d) =>
		assert.deepEqual(d.content, { kind: 'order', id: 'o2', token: 'tk', title: 'Cart', message: 'for me', items: 3, status: 1,
			seller: `${SHOP}@s.whatsapp.net`, total_1000: 9000, currency: 'EUR' })],
	['product', async () => ({ product: { productImage: file('jpeg'), productId: 'p2', title: 'Tea', description: 'Green', currencyCode: 'USD',
		priceAmount1000: 4500, retailerId: 'sku', url: 'https://example.com/t', productImageCount: 1 }, businessOwnerJid: `${SHOP}@s.whatsapp.net`,
		body: 'b', footer: 'f' }), (d) => {
		const { media, ...said } = d.content;
		assert.deepEqual(said, { kind: 'product', id: 'p2', title: 'Tea', description: 'Green', currency: 'USD', price_1000: 4500, retailer_id: 'sku',
			url: 'https://example.com/t', images: 1, owner: `${SHOP}@s.whatsapp.net`, body: 'b', footer: 'f' });
		assert.ok(media.id);
	}],
	['catalogue', { raw: true, productMessage: { businessOwnerJid: `${SHOP}@s.whatsapp.net`, catalog: { title: 'All teas', description: 'Of ours' } } }, (d) =>
		assert.deepEqual([d.kind, d.content.owner, d.content.title, d.content.description], ['product', `${SHOP}@s.whatsapp.net`, 'All teas', 'Of ours'])],
	['native flow reply', { raw: true, interactiveResponseMessage: { body: { text: 'Quick' }, nativeFlowResponseMessage: { name: 'quick_reply',
		paramsJson: '{"id":"q"}', version: 3 } } }, (d) => assert.deepEqual([d.kind, d.content.form, d.content.flow, d.content.id, d.content.title],
		['choice', 'native', 'quick_reply', 'q', 'Quick'])],
	['payment', { raw: true, requestPaymentMessage: { currencyCodeIso4217: 'INR', amount1000: 5000, requestFrom: `${SHOP}@s.whatsapp.net`,
		noteMessage: { extendedTextMessage: { text: 'lunch' } } } }, (d) => {
		assert.deepEqual([d.kind, d.content.name], ['payment', 'requestPaymentMessage']);
		const raw = JSON.stringify(d.content.raw);
		for (const part of ['INR', '5000', `${SHOP}@s.whatsapp.net`, 'lunch'])
			assert.ok(raw.includes(part), `${part} in ${raw}`);
	}],
];

for (const [name, body, check] of OUT)
	row(`${name} goes out to all devices`, async (p) => {
		const m = await send(p, typeof body === 'function' ? await body() : body);
		for (const bot of p.readers)
			check(inner(await arrives(bot, m.wa_id)));
	});

for (const [name, content, check] of IN)
	row(`${name} comes in`, async (p) => {
		const { raw, ...said } = typeof content === 'function' ? await content() : content;
		const id = raw ? await p.by.sock.relayMessage(p.jid, said, {}) : (await p.by.send(p.jid, said)).key.id;
		const e = await told(id);
		check(e.data);
		assert.deepEqual([e.kind, e.data.group, e.data.sender.phone], ['message.received', !!p.group, `+${p.number}`]);
		check(await stored(e.subject));
		// what is relayed raw the sending device does not show itself
		await Promise.all(p.readers.filter((bot) => !raw || bot !== p.by).map((bot) => arrives(bot, id)));
	});

for (const [name, quoted] of [['text', { text: 'a question' }], ['place', { location: { degreesLatitude: 1.5, degreesLongitude: 2.5, name: 'Here' } }]])
	row(`a quote of a ${name} goes out and comes in`, async (p) => {
		const sent = await p.by.send(p.jid, quoted);
		const asked = await told(sent.key.id);
		const answer = await send(p, { text: 'an answer', reply_to: asked.subject });
		const got = await everywhere(p, answer.wa_id);
		const context = inner(got).extendedTextMessage.contextInfo;
		assert.equal(context.stanzaId, sent.key.id);
		assert.ok(JSON.stringify(context.quotedMessage).includes(name === 'text' ? 'a question' : 'Here'), JSON.stringify(context.quotedMessage));
		const back = await p.by.send(p.jid, { text: 'and again' }, { quoted: got });
		assert.deepEqual((await told(back.key.id)).data.quoted, { id: answer.id, wa_id: answer.wa_id });
	});

row('forwarding says so and counts, both ways', async (p) => {
	const sent = await p.by.send(p.jid, { text: 'pass on', contextInfo: { isForwarded: true, forwardingScore: 2 } });
	const e = await told(sent.key.id);
	assert.deepEqual([e.data.content.forwarded, e.data.content.forwarding_score], [true, 2]);
	const m = await act('POST', `${e.subject}/forward`, { to: p.to });
	const got = await everywhere(p, m.wa_id);
	const { contextInfo, text } = inner(got).extendedTextMessage;
	assert.deepEqual([text, contextInfo.isForwarded, contextInfo.forwardingScore], ['pass on', true, 3]);
	const back = await p.by.send(p.jid, { forward: got, force: true });
	const d = (await told(back.key.id)).data;
	assert.deepEqual([d.text, d.content.forwarded, d.content.forwarding_score], ['pass on', true, 4]);
});
