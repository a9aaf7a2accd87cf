// SPDX-License-Identifier: GPL-3.0-or-later
// Files of every kind, albums and statuses × direction × chat × devices, with stock Baileys on the far side, byte by byte.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { downloadMediaMessage } from 'baileys';
import { file, webp } from './lib/files.mjs';
import { arrives, chats, download, everywhere, groups, inner, places, rest, row, sandbox, send, stored, told, upload } from './lib/matrix.mjs';

const pdf = Buffer.concat([Buffer.from('%PDF-1.4\n'), randomBytes(200000)]);
const wave = Uint8Array.from({ length: 64 }, (_, i) => i);
const size = (m, w, h, seconds) => assert.deepEqual([m.width, m.height, m.seconds ?? 0], [w, h, seconds]);
const isVoice = (a) => {
	assert.deepEqual([a.ptt, a.mimetype, a.seconds, a.waveform.length], [true, 'audio/ogg; codecs=opus', 2, 64]);
	assert.ok(a.waveform.some((x) => x > 0));
};

/** What is uploaded to the gateway, what the content says beside it, what Baileys must have; `made`: it becomes another file. */
const OUT = [
	['image', 'png', 'image/png', { kind: 'image', text: 'a caption' }, ({ imageMessage: i }) => {
		size(i, 64, 48, 0);
		assert.deepEqual([i.caption, i.mimetype], ['a caption', 'image/png']);
		assert.ok(i.jpegThumbnail.length);
	}],
	['video', 'mp4', 'video/mp4', { kind: 'video', text: 'a film' }, ({ videoMessage: v }) => {
		size(v, 64, 48, 1);
		assert.deepEqual([v.caption, v.mimetype, !!v.gifPlayback], ['a film', 'video/mp4', false]);
		assert.ok(v.jpegThumbnail.length);
	}],
	['a moving picture', 'gif', 'image/gif', { kind: 'video', media: { gif: true } }, ({ videoMessage: v }) => {
		size(v, 64, 48, 1);
		assert.deepEqual([v.gifPlayback, v.mimetype], [true, 'video/mp4']);
	}, 'made'],
	['video note', 'square', 'video/mp4', { kind: 'video', media: { ptv: true } }, ({ ptvMessage: v }) => {
		assert.equal(v.width, v.height);
		assert.deepEqual([v.seconds, v.mimetype], [1, 'video/mp4']);
	}, 'made'],
	['audio', 'mp3', 'audio/mpeg', { kind: 'audio' }, ({ audioMessage: a }) => {
		assert.deepEqual([!!a.ptt, a.mimetype], [false, 'audio/mpeg']);
		assert.ok(a.seconds === 2 || a.seconds === 3, `${a.seconds} s`);	// frames of silence at both ends
	}],
	['voice note', 'ogg', 'audio/ogg', { kind: 'audio', media: { ptt: true } }, ({ audioMessage: a }) => isVoice(a)],
	['voice note made of music', 'mp3', 'audio/mpeg', { kind: 'audio', media: { ptt: true } }, ({ audioMessage: a }) => isVoice(a), 'made'],
	['document', pdf, 'application/pdf', { kind: 'document', text: 'read it', media: { file_name: 'bill.pdf' } }, ({ documentMessage: d }) =>
		assert.deepEqual([d.mimetype, d.fileName, d.caption], ['application/pdf', 'bill.pdf', 'read it'])],
	['sticker', 'png', 'image/png', { kind: 'sticker' }, ({ stickerMessage: s }, bytes) => {
		size(s, 512, 512, 0);
		assert.deepEqual([s.mimetype, !!s.isAnimated, webp(bytes).frames], ['image/webp', false, 0]);
	}, 'made'],
	['moving sticker', 'gif', 'image/gif', { kind: 'sticker' }, ({ stickerMessage: s }, bytes) => {
		size(s, 512, 512, 0);
		assert.deepEqual([s.mimetype, s.isAnimated], ['image/webp', true]);
		assert.ok(webp(bytes).frames > 1);
	}, 'made'],
	['picture to be seen once', 'png', 'image/png', { kind: 'image', view_once: true }, ({ imageMessage: i }) => assert.equal(i.viewOnce, true)],
	['film to be seen once', 'mp4', 'video/mp4', { kind: 'video', view_once: true }, ({ videoMessage: v }) => assert.equal(v.viewOnce, true)],
	['voice to be heard once', 'ogg', 'audio/ogg', { kind: 'audio', view_once: true, media: { ptt: true } }, ({ audioMessage: a }) =>
		assert.deepEqual([a.viewOnce, a.ptt], [true, true])],
];

/** What stock Baileys sends, the file of it, what the gateway's event must say. */
const IN = [
	['image', () => ({ image: file('jpeg'), caption: 'a picture', width: 64, height: 48, jpegThumbnail: file('jpeg').toString('base64') }), (d, m) => {
		assert.deepEqual([d.kind, d.text, m.width, m.height, m.mimetype], ['image', 'a picture', 64, 48, 'image/jpeg']);
		assert.equal(m.thumbnail, file('jpeg').toString('base64'));
	}],
	['video', () => ({ video: file('mp4'), caption: 'a film', seconds: 1, width: 64, height: 48 }), (d, m) =>
		assert.deepEqual([d.kind, d.text, m.seconds, m.width, m.mimetype, m.gif, m.ptv], ['video', 'a film', 1, 64, 'video/mp4', undefined, undefined])],
	['a moving picture', () => ({ video: file('silent'), gifPlayback: true }), (d, m) => assert.deepEqual([d.kind, m.gif], ['video', true])],
	['video note', () => ({ video: file('square'), ptv: true }), (d, m) => assert.deepEqual([d.kind, m.ptv], ['video', true])],
	['audio', () => ({ audio: file('mp3'), mimetype: 'audio/mpeg' }), (d, m) => assert.deepEqual([d.kind, m.ptt, m.seconds, m.mimetype], ['audio', undefined, 2, 'audio/mpeg'])],
	['voice note', () => ({ audio: file('ogg'), mimetype: 'audio/ogg; codecs=opus', ptt: true, seconds: 2, waveform: wave }), (d, m) =>
		assert.deepEqual([d.kind, m.ptt, m.seconds, m.mimetype, m.waveform], ['audio', true, 2, 'audio/ogg; codecs=opus', Buffer.from(wave).toString('base64')])],
	['document', () => ({ document: pdf, mimetype: 'application/pdf', fileName: 'bill.pdf', caption: 'read it' }), (d, m) =>
		assert.deepEqual([d.kind, d.text, m.file_name, m.mimetype, m.size], ['document', 'read it', 'bill.pdf', 'application/pdf', pdf.length])],
	['sticker', () => ({ sticker: file('webp'), width: 512, height: 512 }), (d, m) => assert.deepEqual([d.kind, m.width, m.animated, m.mimetype], ['sticker', 512, undefined, 'image/webp'])],
	['moving sticker', () => ({ sticker: file('moving'), isAnimated: true }), (d, m) => assert.deepEqual([d.kind, m.animated], ['sticker', true])],
	['picture to be seen once', () => ({ image: file('png'), viewOnce: true, mimetype: 'image/png' }), (d, m) =>
		assert.deepEqual([d.kind, d.content.view_once, m.mimetype], ['image', true, 'image/png'])],
	['film to be seen once', () => ({ video: file('mp4'), viewOnce: true }), (d) => assert.deepEqual([d.kind, d.content.view_once], ['video', true])],
	['voice to be heard once', () => ({ audio: file('ogg'), mimetype: 'audio/ogg; codecs=opus', ptt: true, seconds: 2, viewOnce: true }), (d, m) =>
		assert.deepEqual([d.kind, d.content.view_once, m.ptt], ['audio', true, true])],
];

const bytesOf = (said) => said.image ?? said.video ?? said.audio ?? said.document ?? said.sticker;
/** All devices get the file which the gateway says it sent. */
async function sameEverywhere(p, id, wa_id, check, bytes) {
	const media = (await stored(id)).content.media.id, ours = await download(media);
	if (bytes)
		assert.deepEqual(ours, bytes);
	for (const bot of p.readers) {
		const got = await arrives(bot, wa_id), theirs = await downloadMediaMessage(got, 'buffer', {});
		assert.deepEqual(theirs, ours);
		check(inner(got), theirs);
	}
}

for (const [name, what, mimetype, { media, ...content }, check, made] of OUT) {
	const bytes = () => (Buffer.isBuffer(what) ? what : file(what));
	let up;
	row(`${name} goes out to all devices, byte by byte`, async (p) => {
		up ??= upload(bytes(), mimetype);
		const m = await send(p, { ...content, media: { id: await up, ...media } });
		await sameEverywhere(p, m.id, m.wa_id, check, !made && bytes());
	});
}

row('a sticker says which pack it is of', async (p) => {
	const id = await upload(file('png'), 'image/png');
	const made = await rest('POST', `/v1/media/${id}/convert`, { as: 'sticker', pack: { id: 'p1', name: 'Birds', publisher: 'we', emojis: ['🐦'] } });
	const m = await send(p, { kind: 'sticker', media: { id: made.id } });
	await sameEverywhere(p, m.id, m.wa_id, (c, bytes) => assert.deepEqual(webp(bytes).pack, { 'sticker-pack-id': 'p1',
		'sticker-pack-name': 'Birds', 'sticker-pack-publisher': 'we', emojis: ['🐦'] }));
}, [places[1], places[3]]);

for (const [name, make, check] of IN)
	row(`${name} comes in, byte by byte`, async (p) => {
		const said = make(), sent = await p.by.send(p.jid, said);
		const e = await told(sent.key.id);
		check(e.data, e.data.content.media);
		assert.ok(!JSON.stringify(e.data).match(/_key|direct_path/i), 'neither key nor place is told');
		assert.deepEqual(await download(e.data.content.media.id), bytesOf(said));
		await everywhere(p, sent.key.id);
	});

row('an album goes out and comes in', async (p) => {
	const ids = [await upload(file('png'), 'image/png'), await upload(file('mp4'), 'video/mp4')];
	const m = await send(p, { album: [{ kind: 'image', media: { id: ids[0] }, text: `picture ${p.name}` },
		{ kind: 'video', media: { id: ids[1] }, text: `film ${p.name}` }] });
	for (const bot of p.readers) {
		const head = inner(await arrives(bot, m.wa_id)).albumMessage;
		assert.deepEqual([head.expectedImageCount, head.expectedVideoCount], [1, 1]);
		for (const [text, bytes] of [[`picture ${p.name}`, file('png')], [`film ${p.name}`, file('mp4')]]) {
			const got = await bot.waitMessage((x) => (inner(x)?.imageMessage ?? inner(x)?.videoMessage)?.caption === text, 20000, text);
			const { messageAssociation } = got.message.messageContextInfo ?? inner(got).messageContextInfo;
			assert.equal(messageAssociation.parentMessageKey.id, m.wa_id);
			assert.deepEqual(await downloadMediaMessage(got, 'buffer', {}), bytes);
		}
	}
	const head = await p.by.send(p.jid, { album: { expectedImageCount: 1, expectedVideoCount: 1 } });
	const e = await told(head.key.id);
	assert.deepEqual([e.data.kind, e.data.content.images, e.data.content.videos], ['album', 1, 1]);
	for (const said of [{ image: file('jpeg'), caption: 'i' }, { video: file('mp4'), caption: 'v' }]) {
		const item = await p.by.send(p.jid, { ...said, albumParentKey: head.key });
		const { content } = (await told(item.key.id)).data;
		assert.equal(content.album_id, head.key.id);
		assert.deepEqual(await download(content.media.id), bytesOf(said));
	}
});

/** Statuses: who is in the audience has them, on all devices; others do not. */
const STATUSES = [
	['text with colours', async () => ({ kind: 'text', text: 'open today', background: '#ff112233', text_colour: '#ffffffff', font: 2 }), (c) => {
		const x = c.extendedTextMessage;
		assert.deepEqual([x.text, x.backgroundArgb, x.textArgb, x.font], ['open today', 0xff112233, 0xffffffff, 2]);
	}],
	['picture', async () => ({ kind: 'image', text: 'new', media: { id: await upload(file('png'), 'image/png') } }), (c) => assert.equal(c.imageMessage.caption, 'new')],
	['film', async () => ({ kind: 'video', media: { id: await upload(file('mp4'), 'video/mp4') } }), (c) => assert.equal(c.videoMessage.seconds, 1)],
	['voice', async () => ({ kind: 'audio', background: '#ff112233', media: { id: await upload(file('ogg'), 'audio/ogg'), ptt: true } }), (c) =>
		assert.deepEqual([c.audioMessage.ptt, c.audioMessage.backgroundArgb], [true, 0xff112233])],
];
for (const [name, make, check] of STATUSES)
	row(`a ${name} as status reaches its audience`, async (p) => {
		const m = await rest('POST', '/v1/sessions/shop/statuses?wait=server', { content: await make(), audience: [p.to] });
		const got = await everywhere(p, m.wa_id);
		assert.equal(got.key.remoteJid, 'status@broadcast');
		check(inner(got));
		if (name !== 'text with colours')
			await sameEverywhere(p, m.id, m.wa_id, check);
		const other = chats.find((x) => x !== p), after = await send(other, { kind: 'text', text: 'not for you' });
		await everywhere(other, after.wa_id);
		assert.ok(other.readers.every((bot) => !bot.messages.some((x) => x.key.id === m.wa_id)), 'nobody else has it');
		const gone = await rest('DELETE', `/v1/messages/${m.id}?wait=server`);
		assert.equal(inner(await everywhere(p, gone.wa_id)).protocolMessage.key.id, m.wa_id);
	}, chats);

const THEIRS = [
	['text with colours', () => ({ text: 'away today' }), { backgroundColor: '#112233', font: 2 }, (d) =>
		assert.deepEqual([d.text, d.content.background, d.content.font], ['away today', '#112233', 2])],
	['picture', () => ({ image: file('jpeg'), caption: 'here' }), {}, (d) => assert.deepEqual([d.kind, d.text], ['image', 'here'])],
	['film', () => ({ video: file('mp4') }), {}, (d) => assert.equal(d.kind, 'video')],
	['voice', () => ({ audio: file('ogg'), mimetype: 'audio/ogg; codecs=opus', ptt: true, seconds: 2 }), { backgroundColor: '#112233' }, (d) =>
		assert.deepEqual([d.content.media.ptt, d.content.background], [true, '#112233'])],
];
for (const [name, make, options, check] of THEIRS)
	row(`a ${name} as status comes in`, async (p) => {
		const said = make(), sent = await p.by.send('status@broadcast', said, { ...options, statusJidList: [p.jid] });
		const e = await told(sent.key.id);
		check(e.data);
		assert.deepEqual([e.data.chat.jid, e.data.sender.phone], ['status@broadcast', p.to]);
		if (bytesOf(said))
			assert.deepEqual(await download(e.data.content.media.id), bytesOf(said));
		const { statuses } = await rest('GET', '/v1/sessions/shop/statuses');
		assert.ok(statuses.some((s) => s.wa_id === sent.key.id));
	}, chats);

row('phones say files and places in groups, too', async (p) => {
	const { id } = await sandbox.rest.post('/media', { base64: file('jpeg').toString('base64'), type: 'image', mimetype: 'image/jpeg' });
	const say = (content) => sandbox.rest.post(`/groups/${p.jid.split('@')[0]}/messages`, { from: p.number, content });
	const picture = await told((await say({ kind: 'image', text: 'look', media: { id } })).id);
	assert.deepEqual([picture.data.kind, picture.data.text, picture.data.group], ['image', 'look', true]);
	assert.deepEqual(await download(picture.data.content.media.id), file('jpeg'));
	for (const bot of p.readers)
		assert.deepEqual(await downloadMediaMessage(await arrives(bot, picture.data.wa_id), 'buffer', {}), file('jpeg'));
	const place = await told((await say({ kind: 'location', latitude: 1.5, longitude: 2.5, name: 'Here' })).id);
	assert.equal(place.data.content.name, 'Here');
	const reaction = await told((await say({ kind: 'reaction', text: '👍', target: { id: picture.data.wa_id } })).id);
	assert.deepEqual([reaction.kind, reaction.subject, reaction.data.text], ['message.reaction', picture.subject, '👍']);
}, groups);
