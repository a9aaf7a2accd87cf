// SPDX-License-Identifier: GPL-3.0-or-later
// What people do with messages × direction × chat × devices, with stock Baileys on the far side.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { decryptEventResponse, decryptPollVote, proto } from 'baileys';
import { open, seal, vote } from './lib/addon.mjs';
import { until } from './lib/bot.mjs';
import { SHOP, act, chats, everywhere, forms, groups, inner, ours, rest, row, sandbox, send, stored, told } from './lib/matrix.mjs';

const sha = (s) => createHash('sha256').update(s).digest();
const secretOf = (m) => m.message.messageContextInfo.messageSecret;
const words = (c) => c.conversation ?? c.extendedTextMessage?.text;
/** A text of theirs, as Baileys has it and as the gateway names it. */
async function theirs(p, text) {
	const said = await p.by.send(p.jid, { text });
	return { said, id: (await told(said.key.id)).subject };
}
/** A text of ours that all of them have. */
async function mine(p, text) {
	const m = await send(p, { kind: 'text', text });
	return { m, got: await everywhere(p, m.wa_id) };
}
/** What fn makes of one of these names: a library's own function that throws where the name does not fit. */
function any(authors, senders, fn) {
	for (const author of authors)
		for (const sender of senders)
			try {
				return fn(author, sender);
			} catch {}
}

row('reactions, and taking them back, go out', async (p) => {
	const { said, id } = await theirs(p, 'dear');
	for (const emoji of ['👍', '']) {
		const r = inner(await everywhere(p, (await act('POST', `${id}/react`, { emoji })).wa_id)).reactionMessage;
		assert.deepEqual([r.text, r.key.id], [emoji, said.key.id]);
	}
});

row('reactions, and taking them back, come in', async (p) => {
	const { m, got } = await mine(p, 'hello');
	for (const text of ['❤️', '']) {
		const e = await told((await p.by.send(p.jid, { react: { text, key: got.key } })).key.id);
		assert.deepEqual([e.kind, e.subject, e.data.text], ['message.reaction', m.id, text]);
		assert.deepEqual(((await stored(m.id)).reactions ?? []).map((x) => [x.text, x.by.phone]), text ? [[text, `+${p.number}`]] : []);
	}
});

row('edits, twice, and deletion go out', async (p) => {
	const { m } = await mine(p, 'It costs 10');
	for (const text of ['It costs 11', 'It costs 12']) {
		const c = inner(await everywhere(p, (await act('PATCH', m.id, { text })).wa_id)).protocolMessage;
		assert.deepEqual([c.key.id, words(c.editedMessage)], [m.wa_id, text]);
		assert.equal((await stored(m.id)).text, text);
	}
	const c = inner(await everywhere(p, (await act('DELETE', m.id)).wa_id)).protocolMessage;
	assert.deepEqual([c.key.id, c.type], [m.wa_id, proto.Message.ProtocolMessage.Type.REVOKE]);
});

row('edits, twice, and deletion come in', async (p) => {
	const { said, id } = await theirs(p, '2 pieces');
	for (const text of ['3 pieces', '4 pieces']) {
		const e = await told((await p.by.send(p.jid, { text, edit: said.key })).key.id);
		assert.deepEqual([e.kind, e.subject, e.data.text], ['message.edited', id, text]);
		assert.equal((await stored(id)).text, text);
	}
	const e = await told((await p.by.send(p.jid, { delete: said.key })).key.id);
	assert.deepEqual([e.kind, e.subject], ['message.revoked', id]);
});

row('a group admin deletes what others wrote: ours, and theirs by us', async (p) => {
	const { m, got } = await mine(p, 'against the rules');
	const gone = await told((await p.by.send(p.jid, { delete: got.key })).key.id);
	assert.deepEqual([gone.kind, gone.subject], ['message.revoked', m.id]);
	await p.by.sock.groupParticipantsUpdate(p.jid, [`${SHOP}@s.whatsapp.net`], 'promote');
	const { said, id } = await theirs(p, 'an advertisement');
	const c = inner(await everywhere(p, (await act('DELETE', id)).wa_id)).protocolMessage;
	assert.deepEqual([c.key.id, c.type, !!c.key.fromMe], [said.key.id, proto.Message.ProtocolMessage.Type.REVOKE, false]);
	assert.ok(forms(p.by).includes(c.key.participant), c.key.participant);
	const phone = (await sandbox.rest.get(`/accounts/${p.number}/messages`)).messages.find((x) => x.id === said.key.id);
	assert.equal(phone.kind, 'revoked');
}, groups);

row('pins, and taking them off, go out and come in', async (p) => {
	const { m, got } = await mine(p, 'opening hours');
	for (const [body, type] of [[{ duration_s: 86400 }, 1], [{ on: false }, 2]]) {
		const x = await everywhere(p, (await act('POST', `${m.id}/pin`, body)).wa_id), c = inner(x);
		assert.deepEqual([c.pinInChatMessage.key.id, c.pinInChatMessage.type], [m.wa_id, type]);
		if (type === 1)
			assert.equal((c.messageContextInfo ?? x.message.messageContextInfo).messageAddOnDurationInSecs, 86400);
	}
	for (const [type, time] of [[1, 604800], [2]]) {
		const e = await told((await p.by.send(p.jid, { pin: got.key, type, time })).key.id);
		assert.deepEqual([e.kind, e.subject, e.data.on], ['message.pinned', m.id, type === 1]);
		assert.equal((await stored(m.id)).pinned?.duration_s, time);
	}
});

row('keeping goes out and comes in', async (p) => {
	const { said, id } = await theirs(p, 'worth keeping');
	for (const on of [true, false]) {
		const c = inner(await everywhere(p, (await act('POST', `${id}/keep`, { on })).wa_id)).keepInChatMessage;
		assert.deepEqual([c.key.id, c.keepType], [said.key.id, on ? 1 : 2]);
	}
	const { m, got } = await mine(p, 'worth keeping too');
	for (const keepType of [1, 2]) {
		const e = await told(await p.by.sock.relayMessage(p.jid, { keepInChatMessage: { key: got.key, keepType, timestampMs: Date.now() } }, {}));
		assert.deepEqual([e.kind, e.subject, e.data.on], ['message.kept', m.id, keepType === 1]);
	}
});

row('our votes, and their change, are such that stock Baileys opens them', async (p) => {
	const poll = await p.by.send(p.jid, { poll: { name: 'Size?', values: ['S', 'M'], selectableCount: 1 } });
	const { subject } = await told(poll.key.id);
	for (const options of [['M'], ['S'], []]) {
		const got = await everywhere(p, (await act('POST', `${subject}/vote`, { options })).wa_id);
		const opened = any(forms(p.by), ours(), (pollCreatorJid, voterJid) => decryptPollVote(inner(got).pollUpdateMessage.vote,
			{ pollCreatorJid, pollMsgId: poll.key.id, pollEncKey: secretOf(poll), voterJid }));
		assert.deepEqual(opened?.selectedOptions.map((o) => Buffer.from(o).toString('hex')), options.map((o) => sha(o).toString('hex')));
	}
});

row('votes are opened, changed and counted', async (p) => {
	const m = await send(p, { kind: 'poll', name: 'Colour?', options: ['Red', 'Blue'], selectable: 1 });
	const poll = await everywhere(p, m.wa_id);
	const tallies = { Red: [1, 0], Blue: [0, 1] };
	for (const [form, option] of [[0, 'Red'], [1, 'Blue'], [0, null]]) {
		const e = await told(await p.by.sock.relayMessage(p.jid, vote({ key: poll.key, message: inner(poll) },
			ours()[form], forms(p.by)[form], option ? [option] : []), {}));
		assert.deepEqual([e.data.options, e.data.tally.map((o) => o.votes)], [option ? [option] : [], tallies[option] ?? [0, 0]]);
	}
	assert.deepEqual((await stored(m.id)).tally.map((o) => o.votes), [0, 0]);
});

row('our answer to an event is one that stock Baileys opens', async (p) => {
	const event = await p.by.send(p.jid, { event: { name: 'Party', startDate: new Date('2027-01-05T18:00:00Z'), extraGuestsAllowed: true } });
	const { subject } = await told(event.key.id);
	for (const [answer, response] of [['yes', 1], ['no', 2], ['maybe', 3]]) {
		const got = await everywhere(p, (await act('POST', `${subject}/answer`, { answer, guests: 2 })).wa_id);
		const sealed = inner(got).encEventResponseMessage;
		assert.equal(sealed.eventCreationMessageKey.id, event.key.id);
		const opened = any(forms(p.by), ours(), (eventCreatorJid, responderJid) => decryptEventResponse(sealed,
			{ eventCreatorJid, eventMsgId: event.key.id, eventEncKey: secretOf(event), responderJid }));
		assert.deepEqual([opened?.response, opened?.extraGuestCount], [response, 2]);
	}
});

row('answers to an event are opened and changed', async (p) => {
	const m = await send(p, { kind: 'event', name: 'Opening', start: '2027-01-05T18:00:00.000Z', guests_allowed: true });
	const event = await everywhere(p, m.wa_id);
	for (const [response, answer] of [[1, 'yes'], [3, 'maybe']]) {
		const plain = proto.Message.EventResponseMessage.encode({ response, timestampMs: Date.now(), extraGuestCount: 1 }).finish();
		const e = await told(await p.by.sock.relayMessage(p.jid, { encEventResponseMessage: { eventCreationMessageKey: event.key,
			...seal('Event Response', inner(event).messageContextInfo.messageSecret, m.wa_id, ours()[0], forms(p.by)[0], plain) } }, {}));
		assert.deepEqual([e.kind, e.subject, e.data.answer, e.data.guests], ['message.event_answer', m.id, answer, 1]);
	}
});

row('comments go out and come in', async (p) => {
	const { said, id } = await theirs(p, 'an announcement');
	const sealed = inner(await everywhere(p, (await act('POST', `${id}/comment`, { text: 'well said' })).wa_id)).encCommentMessage;
	assert.equal(sealed.targetMessageKey.id, said.key.id);
	const plain = open('Enc Comment', secretOf(said), said.key.id, forms(p.by), ours(), sealed);
	assert.ok(plain, 'the comment opens');
	const c = proto.Message.decode(plain);
	assert.equal(words(c.commentMessage?.message ?? c), 'well said');
	const { m, got } = await mine(p, 'another announcement');
	const e = await told(await p.by.sock.relayMessage(p.jid, { encCommentMessage: { targetMessageKey: got.key,
		...seal('Enc Comment', inner(got).messageContextInfo.messageSecret, m.wa_id, ours()[0], forms(p.by)[0],
			proto.Message.encode({ extendedTextMessage: { text: 'thanks' } }).finish()) } }, {}));
	assert.deepEqual([e.kind, e.data.target.id, e.data.text], ['message.comment', m.id, 'thanks']);
});

const menu = { body: 'Order?', buttons: [{ id: 'y', text: 'Yes' }, { id: 'n', text: 'No' }] };
const list = { form: 'list', body: 'Pick', button_text: 'Open', sections: [{ title: 's', rows: [{ id: 'y', title: 'Row' }] }] };
const ANSWERS = [
	['buttons', { menu, render: 'native' }, 'native', (p, quoted) => p.by.send(p.jid, { buttonReply: { displayText: 'Yes', id: 'y', index: 0 },
		type: 'plain' }, { quoted })],
	['template', { menu: { ...menu, form: 'template' }, render: 'native' }, 'native', (p, quoted) => p.by.send(p.jid, { buttonReply: {
		displayText: 'Yes', id: 'y', index: 0 }, type: 'template' }, { quoted })],
	['list', { menu: list, render: 'native' }, 'native', (p, quoted) => p.by.send(p.jid, { listReply: { title: 'Row', listType: 1,
		singleSelectReply: { selectedRowId: 'y' } } }, { quoted })],
	['native flow', { menu: { ...menu, form: 'native' }, render: 'native' }, 'native', (p, quoted) => p.by.sock.relayMessage(p.jid, {
		interactiveResponseMessage: { body: { text: 'Yes' }, contextInfo: { stanzaId: quoted.key.id, participant: ours()[1], quotedMessage: inner(quoted) },
			nativeFlowResponseMessage: { name: 'quick_reply', paramsJson: '{"id":"y"}', version: 3 } } }, {})],
	['numbered text', { menu, render: 'text' }, 'text', (p, quoted) => p.by.send(p.jid, { text: ' (1) ' }, p.group && { quoted })],
	['poll', { menu }, 'poll', (p, poll) => p.by.sock.relayMessage(p.jid, vote({ key: poll.key, message: inner(poll) },
		ours()[0], forms(p.by)[0], ['Yes']), {})],
];
for (const [name, body, via, answer] of ANSWERS)
	row(`a menu as ${name} is answered`, async (p) => {
		const m = await send(p, body);
		assert.equal((await stored(m.id)).content.rendered_as, via);
		await answer(p, await everywhere(p, m.wa_id));
		const e = await told((x) => x.kind === 'menu.answered' && x.data.menu.wa_id === m.wa_id);
		assert.deepEqual([e.subject, e.data.answer.id, e.data.answer.via], [m.id, 'y', via]);
	});

row('the disappearing timer changes, both ways', async (p) => {
	await rest('PUT', `/v1/sessions/shop/chats/${p.to}/timer?wait=server`, { expires_s: 604800 });
	for (const bot of p.readers)
		await bot.waitMessage((m) => inner(m)?.protocolMessage?.ephemeralExpiration === 604800, 20000, 'the timer');
	const { got } = await mine(p, 'under the timer');
	assert.equal(inner(got).extendedTextMessage?.contextInfo?.expiration, 604800);
	const sent = await p.by.send(p.jid, { disappearingMessagesInChat: false });
	assert.equal((await told((e) => e.kind === 'chat.timer' && e.data.wa_id === sent.key.id)).data.expires_s, 0);
}, chats);

row('the disappearing timer of a group changes, both ways', async (p) => {
	await rest('PATCH', `/v1/sessions/shop/groups/${p.jid}`, { ephemeral_s: 86400 });
	await until(async () => (await p.by.sock.groupMetadata(p.jid)).ephemeralDuration === 86400, 10000, 'the timer');
	await p.by.sock.groupToggleEphemeral(p.jid, 0);
	await until(async () => !(await rest('GET', `/v1/sessions/shop/groups/${p.jid}`)).ephemeral_s, 10000, 'no timer');
}, groups);
