// SPDX-License-Identifier: GPL-3.0-or-later
// Rules and flows in Lua, seen by customers who use stock Baileys, and by a stock Baileys at the shop's own desk.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { downloadMediaMessage, jidNormalizedUser, proto } from 'baileys';
import { vote } from './lib/addon.mjs';
import { Bot, textOf, until, within } from './lib/bot.mjs';
import { file } from './lib/files.mjs';
import { Sandbox, Warbler } from './lib/process.mjs';

// The sandbox's media host signs its own certificate; whether Node trusts it is not what is tested here.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';

const sandbox = new Sandbox();
const SHOP = '12025550100', SHOP_JID = `${SHOP}@s.whatsapp.net`;
const MIA = '12025550161', BEN = '12025550162';
let warbler, shop, mia, ben, desk;

const fromShop = (test) => (m) => !m.key.fromMe && (typeof test === 'string' ? textOf(m) === test : test(m));
const said = (b) => b.messages.filter((m) => !m.key.fromMe && m.key.remoteJid !== 'status@broadcast' && textOf(m)).map(textOf);
const lid = (b) => jidNormalizedUser(b.sock.user.lid);
const poll = (m) => m.message?.pollCreationMessageV3 ?? m.message?.pollCreationMessageV2 ?? m.message?.pollCreationMessage;
const script = (name, source) => warbler.rest.call('PUT', `/v1/scripts/${name}/source`, { source: `local wb = require "warbler"\n${source}` });
const hold = (method, number, body) => warbler.rest.call(method, `/v1/sessions/shop/chats/+${number}/hold`, body);
/** What happens on `event` for which test is true, from now on. */
const next = (b, event, test, what) => within(new Promise((seen) => b.sock.ev.on(event, (x) => [x].flat().some(test) && seen([x].flat().find(test)))),
	20000, `${b.name}: ${what}`);
const tap = (b, menu, option) => b.sock.relayMessage(SHOP_JID, vote(menu, shop.lid, lid(b), [option]), {});
const pick = (b, list, id, title) => b.send(SHOP_JID, { listReply: { title, listType: 1, singleSelectReply: { selectedRowId: id } } },
	{ quoted: list });

before(async () => {
	await sandbox.start();
	await Promise.all([[SHOP, 'The shop'], [MIA, 'Mia'], [BEN, 'Ben']].map((a) => sandbox.account(...a)));
	const { ca_file } = await sandbox.rest.get('/media');
	warbler = await new Warbler({ sandbox, lua: `pacing = { enabled = false }
whatsapp.media_private = true
whatsapp.ca_file = ${JSON.stringify(ca_file)}` }).start();
	await warbler.link(sandbox, SHOP);
	shop = await warbler.session('shop');
	const bot = (name) => new Bot({ url: sandbox.url, rootKey: sandbox.rootKey, name });
	[mia, ben, desk] = ['Mia', 'Ben', 'desk'].map(bot);
	await Promise.all([mia.linkByQr(sandbox, MIA), ben.linkByQr(sandbox, BEN), desk.linkByQr(sandbox, SHOP)]);
});
after(async () => {
	await Promise.all([mia, ben, desk].map((b) => b?.stop()));
	// stock Baileys has a way of its own with its own devices in groups
	const wrong = (await sandbox.violations()).filter((v) => v.account === SHOP || v.kind !== 'fanout.self');
	assert.deepEqual(wrong, []);
	assert.equal(await warbler.end(), 0);
	await sandbox.end();
});

test('read, typing, a quote, a reaction, an edit, a deletion', async () => {
	await script('acts', `wb.on("message.received", { starts = "where is", group = false }, function(msg)
	assert(msg:mark_read())
	assert(msg:typing("400ms"))
	local answer = assert(msg:quote("Your oder is ready", { wait = "sent" }))
	assert(msg:react("👍"))
	assert(answer:edit("Your order is ready"))
	local wrong = assert(msg:reply("For somebody else", { wait = "sent" }))
	assert(wrong:delete())
end)`);
	await mia.sock.sendPresenceUpdate('available');
	await mia.sock.presenceSubscribe(SHOP_JID);
	const typing = next(mia, 'presence.update', (p) => Object.values(p.presences).some((x) => x.lastKnownPresence === 'composing'), 'typing');
	const asked = await mia.send(SHOP_JID, 'Where is my order?');
	await typing;
	await mia.waitStatus(asked.key.id, 4);		// read
	const answer = await mia.waitMessage(fromShop('Your oder is ready'));
	assert.equal(answer.message.extendedTextMessage.contextInfo.stanzaId, asked.key.id);
	assert.equal(textOf({ message: answer.message.extendedTextMessage.contextInfo.quotedMessage }), 'Where is my order?');
	const reaction = await mia.waitMessage((m) => m.message?.reactionMessage?.key.id === asked.key.id);
	assert.equal(reaction.message.reactionMessage.text, '👍');
	const change = (m, type) => [m.message?.editedMessage?.message?.protocolMessage, m.message?.protocolMessage].find(
		(p) => p?.type === proto.Message.ProtocolMessage.Type[type]);
	const edit = change(await mia.waitMessage((m) => change(m, 'MESSAGE_EDIT'), 20000, 'the edit'), 'MESSAGE_EDIT');
	assert.deepEqual([edit.key.id, textOf({ message: edit.editedMessage })], [answer.key.id, 'Your order is ready']);
	const wrong = await mia.waitMessage(fromShop('For somebody else'));
	await mia.waitMessage((m) => change(m, 'REVOKE')?.key?.id === wrong.key.id, 20000, 'the deletion');
	await desk.waitMessage((m) => m.key.fromMe && m.key.id === answer.key.id);	// the shop's other device saw it
});

test('menus as poll, buttons, list and text, and the rule understands the answers', async () => {
	await script('menus', `local buttons = { { id = "t", text = "Tea" }, { id = "c", text = "Coffee" } }
local list = { form = "list", body = "as list", button_text = "Open", sections = { { title = "Hot", rows = {
	{ id = "t", title = "Tea" }, { id = "c", title = "Coffee" } } } } }
wb.on("message.received", { text = "menus" }, function(msg)
	assert(msg:reply{ menu = { body = "as poll", buttons = buttons } })
	assert(msg:reply({ menu = { body = "as buttons", buttons = buttons } }, { render = "native" }))
	assert(msg:reply({ menu = list }, { render = "native" }))
	assert(msg:reply({ menu = { body = "as text", buttons = buttons } }, { render = "text" }))
end)
wb.on("menu.answered", function(msg) msg:reply("You want " .. msg.answer.id .. " by " .. msg.answer.via) end)
wb.on("message.received", { text = "vote" }, function(msg)
	assert(msg:reply{ kind = "poll", name = "When?", options = { "Monday", "Tuesday" }, selectable = 1 })
end)
wb.on("message.poll_vote", function(msg)
	if #msg.data.options > 0 then msg:reply("You can on " .. msg.data.options[1]) end
end)`);
	await mia.send(SHOP_JID, 'menus');
	const [p, b, l] = await Promise.all([(m) => poll(m)?.name === 'as poll', (m) => m.message?.buttonsMessage?.contentText === 'as buttons',
		(m) => m.message?.listMessage?.description === 'as list', (m) => textOf(m)?.startsWith('as text')].map((t) => mia.waitMessage(t, 20000, 'a menu')));
	assert.deepEqual(poll(p).options.map((o) => o.optionName), ['Tea', 'Coffee']);
	await mia.send(SHOP_JID, '2');				// the newest that was sent as text
	await mia.waitMessage(fromShop('You want c by text'));
	await tap(mia, p, 'Tea');
	await mia.waitMessage(fromShop('You want t by poll'));
	await mia.send(SHOP_JID, { buttonReply: { displayText: 'Coffee', id: 'c', index: 1 }, type: 'plain' }, { quoted: b });
	await mia.waitMessage(fromShop('You want c by native'));
	await pick(mia, l, 't', 'Tea');
	await mia.waitMessage(fromShop('You want t by native'));
	await mia.send(SHOP_JID, 'vote');
	await tap(mia, await mia.waitMessage((m) => poll(m)?.name === 'When?'), 'Tuesday');
	await mia.waitMessage(fromShop('You can on Tuesday'));
});

test('a rule reads a file, sends one, forwards one', async () => {
	await script('files', `wb.on("message.received", { kind = { "image", "audio", "document" }, group = false }, function(msg)
	local bytes = assert(msg.media:bytes())
	local copy = assert(wb.media.create(wb.base64.encode(bytes), { type = "document", mimetype = "application/octet-stream",
		file_name = "copy.bin" }))
	assert(msg:quote({ kind = "document", media = copy.id, text = msg.kind .. " " .. wb.crypto.sha256(bytes, { encoding = "hex" }) }))
	assert(msg:forward("+${BEN}"))
end)`);
	const sent = [['imageMessage', file('jpeg'), (image) => ({ image, caption: 'look', jpegThumbnail: image.toString('base64'), width: 64, height: 48 })],
		['audioMessage', file('ogg'), (audio) => ({ audio, mimetype: 'audio/ogg; codecs=opus', ptt: true, seconds: 2 })],
		['documentMessage', randomBytes(70000), (document) => ({ document, mimetype: 'application/pdf', fileName: 'bill.pdf' })]];
	for (const [kind, bytes, content] of sent) {
		const asked = await mia.send(SHOP_JID, content(bytes));
		const doc = (m) => m.message?.documentMessage ?? m.message?.documentWithCaptionMessage?.message?.documentMessage;
		const answer = await mia.waitMessage(fromShop((m) => doc(m)?.contextInfo?.stanzaId === asked.key.id), 20000, 'the copy');
		const hex = createHash('sha256').update(bytes).digest('hex');
		assert.deepEqual([doc(answer).caption, doc(answer).fileName], [`${kind.replace('Message', '')} ${hex}`, 'copy.bin']);
		assert.deepEqual(await downloadMediaMessage(answer, 'buffer', {}), bytes);
		const passed = await ben.waitMessage(fromShop((m) => m.message?.[kind]), 20000, 'the forward');
		assert.ok(passed.message[kind].contextInfo?.isForwarded, 'is marked as forwarded');
		assert.deepEqual(await downloadMediaMessage(passed, 'buffer', {}), bytes);
	}
});

test('in groups, and labels at the desk', async () => {
	const labels = [], uses = [];
	desk.sock.ev.on('labels.edit', (l) => labels.push(l));
	desk.sock.ev.on('labels.association', (a) => uses.push(a.association));
	await script('team', `wb.on("message.received", { group = true, contains = "price" }, function(msg)
	assert(msg:quote(msg.name .. ", it is 12"))
	assert(wb.send(msg.sender, "The price list comes here", { class = "reply" }))
	local vip = wb.labels.find("Hot lead") or assert(wb.labels.create("Hot lead", { color = 3 }))
	assert(wb.labels.assign(vip, msg.sender))
end)
wb.on("message.received", { group = false, contains = "price" }, function(msg) msg:reply("Only in groups") end)`);
	const group = await mia.sock.groupCreate('Friends', [SHOP_JID, `${BEN}@s.whatsapp.net`]);
	await warbler.event('group.created', (e) => e.data.group === group.id);
	await mia.send(group.id, 'just talking');
	const asked = await ben.send(group.id, 'what is the Price?');
	for (const b of [mia, ben]) {
		const m = await b.waitMessage(fromShop((x) => x.key.remoteJid === group.id && textOf(x) === 'Ben, it is 12'));
		assert.equal(m.message.extendedTextMessage.contextInfo.stanzaId, asked.key.id);
	}
	await ben.waitMessage(fromShop('The price list comes here'));
	assert.equal(said(mia).filter((t) => t.endsWith(', it is 12')).length, 1);
	assert.ok(!said(ben).includes('Only in groups'));
	const label = await until(() => labels.find((l) => l.name === 'Hot lead'), 20000, 'the label at the desk');
	const chats = [`${BEN}@s.whatsapp.net`, lid(ben)];
	await until(() => uses.find((a) => a.labelId === label.id && chats.includes(a.chatId)), 20000, 'the labelled chat at the desk');
});

const FLOW = `local cut = { form = "list", body = "Which cut?", button_text = "Open", sections = { { rows = {
	{ id = "slim", title = "Slim fit" }, { id = "wide", title = "Wide fit" } } } } }
local lead = wb.flow("lead", {
	human = { "agent" }, handover = "A person takes over.",
	steps = {
		{ name = "size", ask = "Which size?", choices = { "Small", "Large" } },
		{ name = "colour", ask = "Which colour?", choices = { { id = "r", text = "Red" }, { id = "b", text = "Blue" } }, show = "poll" },
		{ name = "cut", ask = { menu = cut, render = "native" }, choices = { { id = "slim", text = "Slim fit" }, { id = "wide", text = "Wide fit" } } },
		{ name = "gift", ask = "A gift?", choices = { "Yes", "No" }, retry = "Yes or no?" },
		{ name = "file", ask = "A picture of the place, please", type = "any", check = function(f, v) return type(v) == "table" and v.kind end },
	},
	done = "Noted: {size} {colour} {cut} {gift} {file}",
})
local quick = wb.flow("quick", { timeout = "1s", timed_out = "Too late.", steps = { { name = "a", ask = "Quick?" } } })
wb.on("message.received", { text = "buy" }, function(msg) lead:start(msg) end)
wb.on("message.received", { text = "quick" }, function(msg) quick:start(msg) end)
wb.on("message.received", { text = "ping" }, function(msg) msg:reply("pong") end)
wb.on("message.received", { text = "ping", held = true }, function(msg) msg:react(msg.held and "🙋" or "🤖") end)`;

test('a flow of two customers at once, by number, tap, list, quote and picture, over a kill', async () => {
	await script('shop', FLOW);
	const talk = async (b, size, colour, id, title, gift, killed) => {
		const question = (q) => b.waitMessage(fromShop((m) => (textOf(m) ?? '').startsWith(q)), 20000, q);
		await b.send(SHOP_JID, 'buy');
		await question('Which size?');
		await b.send(SHOP_JID, size);
		const colours = await b.waitMessage((m) => poll(m)?.name === 'Which colour?');
		await killed;
		await tap(b, colours, colour);
		await pick(b, await b.waitMessage((m) => m.message?.listMessage?.description === 'Which cut?'), id, title);
		const quoted = await question('A gift?');
		await b.send(SHOP_JID, 'maybe');
		await question('Yes or no?');
		await b.send(SHOP_JID, gift, { quoted });
		await question('A picture');
		await b.send(SHOP_JID, { image: file('jpeg'), jpegThumbnail: file('jpeg').toString('base64'), width: 64, height: 48 });
		return textOf(await question('Noted: '));
	};
	const kill = async () => {
		await Promise.all([mia, ben].map((b) => b.waitMessage((m) => poll(m)?.name === 'Which colour?')));
		await warbler.stop('SIGKILL');
		await warbler.start();
		await warbler.connected('shop');
	};
	const killed = kill();
	assert.deepEqual(await Promise.all([talk(mia, '2', 'Blue', 'wide', 'Wide fit', 'Yes', killed), talk(ben, 'small', 'Red', 'slim', 'Slim fit', '2', killed)]),
		['Noted: Large b wide Yes image', 'Noted: Small r slim No image']);
	for (const b of [mia, ben])
		for (const q of ['Which size?', 'A gift?', 'A picture', 'Noted: '])
			assert.equal(said(b).filter((t) => t.startsWith(q)).length, 1, `${b.name}: ${q}`);
	assert.deepEqual((await warbler.rest.get('/v1/flows')).flows, []);
});

test('a flow ends when nobody answers', async () => {
	await mia.send(SHOP_JID, 'quick');
	await mia.waitMessage(fromShop('Quick?'));
	await mia.waitMessage(fromShop('Too late.'));
	assert.equal((await warbler.event('flow.ended', (e) => e.data.flow === 'quick')).data.reason, 'timeout');
	await mia.send(SHOP_JID, 'ping');			// and the rules have the chat again
	await mia.waitMessage(fromShop('pong'));
});

test('a person takes over, answers from the desk, and gives the chat back', async () => {
	const pings = async (emoji) => {
		const { key } = await ben.send(SHOP_JID, 'ping');
		const r = await ben.waitMessage((m) => m.message?.reactionMessage?.key.id === key.id, 20000, `${emoji}`);
		assert.equal(r.message.reactionMessage.text, emoji);
	};
	const pongs = () => said(ben).filter((t) => t === 'pong').length;
	await pings('🤖');
	await ben.waitMessage(fromShop('pong'));
	const sizes = said(ben).filter((t) => t.startsWith('Which size?')).length;
	await ben.send(SHOP_JID, 'buy');
	await until(() => said(ben).filter((t) => t.startsWith('Which size?')).length > sizes, 20000, 'the question');
	await ben.send(SHOP_JID, 'Agent');
	await ben.waitMessage(fromShop('A person takes over.'));
	assert.equal((await hold('GET', BEN)).owner, 'human');
	await pings('🙋');
	await desk.send(`${BEN}@s.whatsapp.net`, 'Hello, this is Rosa. What can I do?');
	await ben.waitMessage(fromShop('Hello, this is Rosa. What can I do?'));
	await ben.send(SHOP_JID, '1');				// no answer to any menu or flow
	await pings('🙋');
	await warbler.stop('SIGKILL');				// a hold outlives the gateway
	await warbler.start();
	await warbler.connected('shop');
	await pings('🙋');
	assert.equal(pongs(), 1);
	await hold('DELETE', BEN);
	await pings('🤖');
	await until(() => pongs() === 2, 20000, 'the second pong');
	await hold('PUT', MIA, { minutes: 5, note: 'call her' });	// by hand, without a flow
	const before = said(mia).length;
	const { key } = await mia.send(SHOP_JID, 'ping');
	await mia.waitMessage((m) => m.message?.reactionMessage?.key.id === key.id);
	assert.equal(said(mia).length, before);
	await hold('DELETE', MIA);
});

test('no rule failed', async () => {
	for (const { name } of (await warbler.rest.get('/v1/scripts')).scripts.filter((s) => !s.shipped)) {
		const { lines } = await warbler.rest.get(`/v1/scripts/${name}/log`);
		assert.deepEqual(lines.filter((l) => l.level === 'error' || l.level === 'warn'), [], name);
	}
});
