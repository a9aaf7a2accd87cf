// SPDX-License-Identifier: GPL-3.0-or-later
// The stage of matrix*.test.mjs: a shop on Warbler; a person with one linked device and one with two, both on stock
// Baileys, both with a simulated phone; a chat and a group with each of them. Rows are tried in all four places at once.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { jidNormalizedUser } from 'baileys';
import { Bot, until } from './bot.mjs';
import { Feed, Sandbox, Warbler } from './process.mjs';

// The sandbox's media host signs its own certificate; whether Node trusts it is not what is tested here.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';

export const SHOP = '12025550100', LONE = '12025550110', PAIR = '12025550111';
export const sandbox = new Sandbox();
export const places = [
	{ name: '1:1, one device', number: LONE },
	{ name: '1:1, two devices', number: PAIR },
	{ name: 'group, one device', number: LONE, group: true },
	{ name: 'group, two devices', number: PAIR, group: true },
];	// and: by (who sends), readers (all its devices), to (for the gateway), jid (for Baileys)
export const chats = places.slice(0, 2), groups = places.slice(2);
export let warbler, shop;
let feed, begun;
const bots = [];

before(async () => {
	begun = Date.now();
	await sandbox.start();
	await Promise.all([[SHOP, 'The shop'], [LONE, 'Lone'], [PAIR, 'Pair']].map((a) => sandbox.account(...a)));
	const { ca_file } = await sandbox.rest.get('/media');
	warbler = await new Warbler({ sandbox, lua: `pacing = { enabled = false }
whatsapp.media_private = true
whatsapp.ca_file = ${JSON.stringify(ca_file)}` }).start();
	await warbler.link(sandbox, SHOP);
	shop = await warbler.session('shop');
	feed = new Feed(warbler, 'message.received,message.own,message.edited,message.revoked,message.reaction,' +
		'message.poll_vote,message.event_answer,message.pinned,message.kept,message.comment,menu.answered,chat.timer');
	for (const [name, number] of [['lone', LONE], ['one', PAIR], ['two', PAIR]]) {
		const bot = new Bot({ url: sandbox.url, rootKey: sandbox.rootKey, name });
		await bot.linkByQr(sandbox, number);
		bots.push(bot);
	}
	for (const p of places) {
		p.readers = p.number === LONE ? [bots[0]] : bots.slice(1);
		p.by = p.readers[0];
		p.to = `+${p.number}`;
		p.jid = `${SHOP}@s.whatsapp.net`;
		if (p.group)
			p.to = p.jid = (await p.by.sock.groupCreate(`Group of ${p.number}`, [p.jid])).id;
	}
});
after(async () => {
	feed?.end();
	await Promise.all(bots.map((b) => b.stop()));
	if (warbler)
		assert.equal(await warbler.end(), 0);
	await sandbox.end();
	process.stdout.write(`# the whole matrix of this file: ${((Date.now() - begun) / 1000).toFixed(1)} s\n`);
});

/** One row in all places at once; the sandbox's judge has the last word. */
export function row(name, run, where = places) {
	test(name, { concurrency: true }, async (t) => {
		await Promise.all(where.map((p) => t.test(p.name, () => run(p))));
		// Baileys 7.0.0-rc14 writes a sender key to its own device too in groups: its mistake, not ours.
		assert.deepEqual((await sandbox.violations()).filter((v) => v.account === SHOP || v.kind !== 'fanout.self'), []);
	});
}

/** The content within what wraps it. */
export function inner(m) {
	let c = m.message;
	for (;;) {
		const w = c?.ephemeralMessage ?? c?.viewOnceMessage ?? c?.viewOnceMessageV2 ?? c?.viewOnceMessageV2Extension ??
			c?.documentWithCaptionMessage ?? c?.deviceSentMessage ?? c?.editedMessage;
		if (!w?.message)
			return c;
		c = w.message;
	}
}

export const rest = (method, path, body) => warbler.rest.call(method, path, body);
/** The gateway sends there: a content, or {menu, render}, {text, reply_to}, {album}. */
export const send = (p, body) => rest('POST', '/v1/messages?wait=server', { session: 'shop', to: p.to,
	...(body.kind ? { content: body } : body) });
/** The gateway does something with message `id` of its own. */
export const act = (method, path, body) => rest(method, `/v1/messages/${path}?wait=server`, body);
export const stored = (id) => rest('GET', `/v1/messages/${id}`);
/** The first event with this id of WhatsApp's, or for which this is true. */
export const told = (what) => feed.first(typeof what === 'function' ? what : (e) => e.data.wa_id === what,
	20000, typeof what === 'string' ? `message ${what}` : `${what}`);
export const arrives = (bot, id) => bot.waitMessage((m) => m.key.id === id && inner(m), 20000, `message ${id}`);
/** All devices of the far side have it; the message as the first has it. */
export async function everywhere(p, id) {
	const all = await Promise.all(p.readers.map((bot) => arrives(bot, id)));
	return all[0];
}

/** Both names of a person. */
export const forms = (bot) => [bot.sock.user.lid, bot.sock.user.id].filter(Boolean).map((j) => jidNormalizedUser(j));
export const ours = () => [shop.lid, shop.jid];

/** A file goes to the gateway; its id there. */
export async function upload(bytes, mimetype, name) {
	const res = await fetch(`${warbler.rest.base}/v1/media`, { method: 'POST', body: bytes,
		headers: { authorization: `Bearer ${warbler.rest.key}`, 'content-type': mimetype, ...(name && { 'x-file-name': name }) } });
	assert.ok(res.ok, `upload: ${res.status}`);
	return (await res.json()).id;
}

/** What the gateway gives for a media id, fetched from the media hosts if need be. */
export const download = (id) => until(async () => {
	const r = await fetch(`${warbler.rest.base}/v1/media/${id}`, { headers: { authorization: `Bearer ${warbler.rest.key}` } });
	return r.ok && Buffer.from(await r.arrayBuffer());
}, 20000, `the bytes of ${id}`);

export const card = (name, phone) =>
	`BEGIN:VCARD\nVERSION:3.0\nN:;${name};;;\nFN:${name}\nTEL;type=CELL;waid=${phone}:+${phone}\nEND:VCARD`;
export const num = (x) => (typeof x === 'number' ? x : Number(x));
export const near = (a, b) => assert.ok(Math.abs(a - b) < 1e-6, `${a} is not ${b}`);
