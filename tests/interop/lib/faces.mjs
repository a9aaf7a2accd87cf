// SPDX-License-Identifier: GPL-3.0-or-later
// The child of faces.test.mjs: a shop on Warbler, a friend on stock Baileys.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { crc32, deflateSync } from 'node:zlib';
import { Bot, until } from './bot.mjs';
import { Rest, Warbler } from './process.mjs';

const part = process.env.TRUSTING_PART;
const about = JSON.parse(process.env.TRUSTING_SANDBOX);
const rest = new Rest(about.rest);
const sandbox = { url: about.url, rootKey: about.rootKey,
	scan: (number, qr) => rest.post(`/accounts/${number}/scan`, { qr }) };
const [SHOP, FRIEND] = part === 'pictures' ? ['12025550170', '12025550171'] : ['12025550172', '12025550173'];
const shopJid = `${SHOP}@s.whatsapp.net`, friendJid = `${FRIEND}@s.whatsapp.net`;

const hash = (b) => createHash('sha256').update(b).digest('hex');
const same = (a, b, what) => assert.equal(hash(a), hash(b), what);

/** A PNG of one colour. */
function png(width, height, rgb) {
	const chunk = (type, data) => {
		const body = Buffer.concat([Buffer.from(type), data]), out = Buffer.alloc(8);
		out.writeUInt32BE(data.length, 0);
		out.writeUInt32BE(crc32(body), 4);
		return Buffer.concat([out.subarray(0, 4), body, out.subarray(4)]);
	};
	const head = Buffer.alloc(13);
	head.writeUInt32BE(width, 0);
	head.writeUInt32BE(height, 4);
	head.set([8, 2], 8);
	const row = Buffer.concat([Buffer.from([0]), ...Array(width).fill(Buffer.from(rgb))]);
	return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), chunk('IHDR', head),
		chunk('IDAT', deflateSync(Buffer.concat(Array(height).fill(row)))), chunk('IEND', Buffer.alloc(0))]);
}

/** [width, height] of a baseline JPEG; null: not one. */
function jpegSize(b) {
	if (b.readUInt16BE(0) !== 0xffd8)
		return null;
	for (let i = 2; i + 9 < b.length; i += 2 + b.readUInt16BE(i + 2))
		if (b[i + 1] >= 0xc0 && b[i + 1] <= 0xc2)
			return [b.readUInt16BE(i + 7), b.readUInt16BE(i + 5)];
	return null;
}

for (const number of [SHOP, FRIEND])
	await rest.post('/accounts', { number, name: number });
const warbler = await new Warbler({ sandbox, lua: `whatsapp.media_private = true\nwhatsapp.ca_file = ${JSON.stringify(about.ca)}\n` }).start();
const bot = new Bot({ url: sandbox.url, rootKey: sandbox.rootKey, name: 'friend' });

async function raw(method, path, body, type = 'image/jpeg') {
	const res = await fetch(warbler.rest.base + path, { method, body, headers: {
		authorization: `Bearer ${warbler.key}`, ...(body && { 'content-type': type }) } });
	assert.ok(res.ok, `${method} ${path}: ${res.status} ${res.ok ? '' : await res.text()}`);
	return res;
}
const bytes = async (path) => Buffer.from(await (await raw('GET', path)).arrayBuffer());
const fetched = async (url) => {
	const res = await fetch(url);
	assert.equal(res.status, 200);
	return Buffer.from(await res.arrayBuffer());
};
const contacts = '/v1/sessions/shop/contacts';

/** A square JPEG, made by the gateway. */
async function jpeg(rgb) {
	const { id } = await (await raw('POST', '/v1/media', png(640, 640, rgb), 'image/png')).json();
	const made = await warbler.rest.post(`/v1/media/${id}/convert`, { as: 'picture', force: true });
	return bytes(made.url);
}

/** What stock Baileys sends in updateProfilePicture, but for the library that it needs to make the JPEG. */
const setPicture = (image, group) => bot.sock.query({ tag: 'iq',
	attrs: { to: '@s.whatsapp.net', type: 'set', xmlns: 'w:profile:picture', ...(group && { target: group }) },
	content: [{ tag: 'picture', attrs: { type: 'image' }, content: image }] });

async function people() {
	const friend = `${contacts}/${FRIEND}/picture`;
	await warbler.rest.post('/v1/messages?wait=delivered', { session: 'shop', to: `+${FRIEND}`, text: 'hello' });
	await bot.send(shopJid, 'hello too');
	await warbler.event('message.received', (e) => e.data.text === 'hello too');

	// what fits goes as it is, everything else becomes a square JPEG
	const fits = await jpeg([255, 0, 0]);
	await raw('PUT', '/v1/sessions/shop/profile/picture', fits);
	same(await fetched(await bot.sock.profilePictureUrl(shopJid, 'image')), fits, 'our picture');
	await raw('PUT', '/v1/sessions/shop/profile/picture', png(1200, 500, [0, 0, 255]), 'image/png');
	const cut = await fetched(await bot.sock.profilePictureUrl(shopJid, 'image'));
	assert.deepEqual(jpegSize(cut), [640, 640]);
	same(await bytes(`${contacts}/${SHOP}/picture?download=true`), cut, 'our picture as we see it');

	// theirs, its change and its end
	const changes = (n) => until(async () => (await warbler.rest.get('/v1/events?kinds=contact.picture&limit=500')).events
		.filter((e) => e.data.contact.phone === `+${FRIEND}`).length >= n, 15000, `${n} changes of the picture`);
	for (const [i, color] of [[0, 255, 0], [255, 255, 0]].entries()) {
		await setPicture(await jpeg(color));
		await changes(i + 1);
		const theirs = await fetched(await bot.sock.profilePictureUrl(friendJid, 'image'));
		same(await bytes(`${friend}?download=true`), theirs, `their picture ${i}`);
		const told = await warbler.rest.get(friend);
		assert.equal(told.cached, true);
		same(await bytes(told.media), theirs, 'by its own address');
	}
	// the bytes are kept: asked for again they do not come from the host
	await rest.post('/media/lose');
	assert.ok((await bytes(`${friend}?download=true`)).length);
	await bot.sock.removeProfilePicture(friendJid);
	await changes(3);
	await assert.rejects(raw('GET', `${friend}?download=true`), /404/);
	await raw('DELETE', '/v1/sessions/shop/profile/picture');
	await assert.rejects(bot.sock.profilePictureUrl(shopJid, 'image'));
	await assert.rejects(raw('PUT', '/v1/sessions/shop/profile/picture', Buffer.from('no picture')), /422/);
}

async function groups() {
	const made = await warbler.rest.post('/v1/sessions/shop/groups', { subject: 'Faces', participants: [FRIEND] });
	const group = `/v1/sessions/shop/groups/${made.jid}/picture`;
	const changed = [];
	bot.sock.ev.on('contacts.update', (list) => changed.push(...list.filter((c) => c.id === made.jid)));
	await until(async () => Object.keys(await bot.sock.groupFetchAllParticipating()).includes(made.jid), 10000, 'the group');
	const first = await jpeg([0, 0, 0]);
	await raw('PUT', group, first);
	await until(() => changed.some((c) => c.imgUrl === 'changed'), 10000, 'the change at Baileys');
	same(await fetched(await bot.sock.profilePictureUrl(made.jid, 'image')), first, 'the picture Warbler set');
	await setPicture(await jpeg([255, 255, 255]), made.jid);
	const e = await warbler.event('group.picture', (x) => x.data.group === made.jid && x.data.by?.phone === `+${FRIEND}`);
	assert.equal((await warbler.rest.get(group)).id, e.data.picture_id);
	same(await bytes(`${group}?download=true`), await fetched(await bot.sock.profilePictureUrl(made.jid, 'image')),
		'the picture Baileys set');
	await warbler.rest.call('PATCH', `/v1/sessions/shop/groups/${made.jid}`, { locked: true });
	await assert.rejects(setPicture(first, made.jid));
	await raw('DELETE', group);
	await assert.rejects(bot.sock.profilePictureUrl(made.jid, 'image'));
	await assert.rejects(raw('GET', `${group}?download=true`), /404/);
}

async function channels() {
	const made = await warbler.rest.post('/v1/sessions/shop/channels', { name: 'Shop news', description: 'offers',
		picture: (await jpeg([255, 0, 0])).toString('base64') });
	await bot.sock.newsletterFollow(made.id);
	const files = { image: [await jpeg([0, 255, 0]), 'image/jpeg'],
		document: [randomBytes(300001), 'application/pdf'] };
	for (const [kind, [data, mimetype]] of Object.entries(files)) {
		const { id } = await (await raw('POST', '/v1/media', data, mimetype)).json();
		const sent = await warbler.rest.post('/v1/messages?wait=server', { session: 'shop', to: made.id,
			content: { kind, media: { id }, ...(kind === 'image' && { text: 'look' }) } });
		assert.equal(sent.status, 'sent', JSON.stringify(sent));
		const got = await bot.waitMessage((m) => m.key.remoteJid === made.id && m.message?.[`${kind}Message`], 20000, kind);
		const m = got.message[`${kind}Message`];
		assert.equal(m.mediaKey?.length ?? 0, 0, 'no key');
		assert.equal(Buffer.from(m.fileSha256).toString('hex'), hash(data));
		assert.equal(Number(m.fileLength), data.length);
		same(await fetched(m.url), data, kind);
	}
	// and one that comes to us: kept under a key of our own
	const theirs = await bot.sock.newsletterCreate('Their news', '');
	await warbler.rest.call('PUT', `/v1/sessions/shop/channels/${theirs.id}/follow`);
	const data = await jpeg([9, 9, 200]);
	const given = await rest.post('/media', { base64: data.toString('base64'), type: 'image', mimetype: 'image/jpeg' });
	await rest.post(`/channels/${theirs.id.split('@')[0]}/posts`, { number: FRIEND, text: 'seen?', media: given.id });
	const e = await warbler.event('message.received', (x) => x.data.chat.jid === theirs.id);
	const path = `/v1/media/${e.data.content.media.id}`;
	same(await bytes(path), data, 'theirs');
	// to a person it goes encrypted
	await warbler.rest.post('/v1/messages?wait=delivered', { session: 'shop', to: `+${FRIEND}`,
		content: { kind: 'image', media: { id: e.data.content.media.id } } });
	const direct = await bot.waitMessage((m) => m.message?.imageMessage?.mediaKey?.length === 32);
	assert.equal(Buffer.from(direct.message.imageMessage.fileSha256).toString('hex'), hash(data));
}

try {
	await warbler.link(sandbox, SHOP);
	await bot.linkByQr(sandbox, FRIEND);
	if (part === 'pictures') {
		await people();
		await groups();
	} else {
		await channels();
	}
} finally {
	await bot.stop();
	await warbler.end();
}
process.exit(0);
