// SPDX-License-Identifier: GPL-3.0-or-later
// The child of media.test.mjs: a shop on Warbler, a customer on stock Baileys.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { downloadMediaMessage } from 'baileys';
import { Bot, until } from './bot.mjs';
import { Rest, Warbler } from './process.mjs';

const SHOP = '12025550100', CUSTOMER = '12025550101';
const about = JSON.parse(process.env.TRUSTING_SANDBOX);
const rest = new Rest(about.rest);
const sandbox = { url: about.url, rootKey: about.rootKey,
	account: (number) => rest.post('/accounts', { number, name: number }),
	scan: (number, qr) => rest.post(`/accounts/${number}/scan`, { qr }) };
const JPEG = Buffer.from('/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcpLDAxNDQ0' +
	'Hyc5PTgyPC4zNDL/wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAACf/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AKp//2Q==', 'base64');

const same = (a, b, what) => assert.equal(createHash('sha256').update(a).digest('hex'),
	createHash('sha256').update(b).digest('hex'), what);

async function bytes(warbler, id) {
	const res = await fetch(`${warbler.rest.base}/v1/media/${id}`, { headers: { authorization: `Bearer ${warbler.key}` } });
	assert.equal(res.status, 200, await res.clone().text().catch(() => ''));
	return Buffer.from(await res.arrayBuffer());
}

async function put(warbler, data, mimetype, name) {
	const res = await fetch(`${warbler.rest.base}/v1/media`, { method: 'POST', body: data, headers: {
		authorization: `Bearer ${warbler.key}`, 'content-type': mimetype, 'x-file-name': name } });
	assert.equal(res.status, 201);
	return (await res.json()).id;
}

await sandbox.account(SHOP);
await sandbox.account(CUSTOMER);
const warbler = await new Warbler({ sandbox, lua: `whatsapp.media_private = true\nwhatsapp.ca_file = ${JSON.stringify(about.ca)}\n` }).start();
const bot = new Bot({ url: sandbox.url, rootKey: sandbox.rootKey, name: 'customer' });
try {
	await warbler.link(sandbox, SHOP);
	await bot.linkByQr(sandbox, CUSTOMER);
	const to = `${SHOP}@s.whatsapp.net`;

	// Baileys sends
	const thumb = JPEG.toString('base64');
	const document = randomBytes(3000001), audio = randomBytes(40000);
	for (const [content, data, kind] of [
		[{ image: JPEG, jpegThumbnail: thumb, caption: 'a picture' }, JPEG, 'image'],
		[{ document, mimetype: 'application/pdf', fileName: 'bill.pdf' }, document, 'document'],
		[{ audio, mimetype: 'audio/mp4', seconds: 3 }, audio, 'audio'],
		[{ document: Buffer.alloc(0), mimetype: 'text/plain', fileName: 'empty' }, Buffer.alloc(0), 'document'],
	]) {
		const sent = await bot.send(to, content);
		const e = await warbler.event('message.received', (x) => x.data.wa_id === sent.key.id);
		const media = e.data.content.media;
		assert.equal(e.data.content.kind, kind);
		assert.equal(media.mimetype, content.mimetype ?? 'image/jpeg');
		assert.equal(media.size ?? 0, data.length);
		if (content.fileName)
			assert.equal(media.file_name, content.fileName);
		same(await bytes(warbler, media.id), data, `${kind} from Baileys`);
	}

	// Baileys receives
	const from = {};
	for (const [kind, data, mimetype, name] of [['document', randomBytes(2000003), 'application/pdf', 'offer.pdf'],
		['image', JPEG, 'image/jpeg', 'x.jpg']]) {
		const id = await put(warbler, data, mimetype, name);
		const sent = await warbler.rest.post('/v1/messages', { session: 'shop', to: `+${CUSTOMER}`,
			content: { kind, media: { id } } });
		const m = await bot.waitMessage((x) => x.message?.[`${kind}Message`] && !x.key.fromMe, 30000, `the ${kind}`);
		same(await downloadMediaMessage(m, 'buffer', {}), data, `${kind} to Baileys`);
		from[kind] = { m, data, id: sent.id };
	}

	// a document's file as picture: other keys, the same bytes
	const again = await put(warbler, JPEG, 'image/jpeg', 'y.jpg');
	await warbler.rest.post('/v1/messages', { session: 'shop', to: `+${CUSTOMER}`, content: { kind: 'document', media: { id: again } } });
	const d = await bot.waitMessage((x) => x.message?.documentMessage?.mimetype === 'image/jpeg', 30000, 'the picture as document');
	same(await downloadMediaMessage(d, 'buffer', {}), JPEG, 'a picture as document');

	// lost on the hosts: the customer's phone uploads it again for Baileys
	await rest.post('/media/lose');
	await assert.rejects(downloadMediaMessage(from.document.m, 'buffer', {}));
	const fresh = await bot.sock.updateMediaMessage(from.document.m);
	same(await downloadMediaMessage(fresh, 'buffer', {}), from.document.data, 'after a media retry');
} finally {
	await bot.stop();
	await warbler.end();
}
process.exit(0);
