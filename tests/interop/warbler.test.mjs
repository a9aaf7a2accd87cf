// SPDX-License-Identifier: GPL-3.0-or-later
// Warbler in the middle: a shop's order, and a customer who uses stock Baileys on two devices.
import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { after, afterEach, before, test } from 'node:test';
import { Bot, textOf, until } from './lib/bot.mjs';
import { Sandbox, Warbler } from './lib/process.mjs';

const sandbox = new Sandbox();
const SHOP = '12025550100';
const bots = [];
let warbler, store, orders = 0;

const bot = (name) => {
	const b = new Bot({ url: sandbox.url, rootKey: sandbox.rootKey, name });
	bots.push(b);
	return b;
};

/** A signed order of the `generic` kind for this customer; its id here. */
async function order(phone) {
	const number = `A-${++orders}`;
	const body = JSON.stringify({
		external_id: number, number, created_at: new Date().toISOString(), total: { amount: '42.50', currency: 'EUR' },
		customer: { name: 'Nadia Customer', locale: 'en' }, phone: `+${phone}`, payment: { class: 'cod' },
		items: [{ name: 'Blue scarf', qty: 1 }],
	});
	const id = randomUUID();
	const ts = Math.floor(Date.now() / 1000);
	const sig = createHmac('sha256', store.secret).update(`${id}.${ts}.${body}`).digest('hex');
	const res = await fetch(store.hook_url, { method: 'POST', body, headers: { 'content-type': 'application/json',
		'x-warbler-topic': 'order.created', 'x-warbler-delivery': id, 'x-warbler-timestamp': String(ts),
		'x-warbler-signature': `v1=${sig}` } });
	assert.ok(res.ok, `order hook answered ${res.status} ${await res.text()}`);
	return (await warbler.event('order.received', (e) => e.data.number === number)).data.id;
}

const orderState = async (id, state, ms = 20000) =>
	until(async () => (await warbler.rest.get(`/v1/orders/${id}`)).state === state, ms, `order ${id} to be ${state}`);

const mentions = (number) => (m) => !m.key.fromMe && (textOf(m) ?? '').includes(number);

before(async () => {
	await sandbox.start();
	await sandbox.account(SHOP, 'The shop');
	warbler = await new Warbler({ sandbox, plugins: ['webhooks', 'orders'] }).start();
	await warbler.link(sandbox, SHOP);
	store = await warbler.rest.post('/v1/stores', { kind: 'generic', name: 'demo', session: 'shop', country: 'US', language: 'en' });
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

test('an order reaches both devices of the customer, the answer confirms it, ticks are right', async () => {
	const customer = await sandbox.account('12025550101');
	const [one, two] = [bot('device one'), bot('device two')];
	await one.linkByQr(sandbox, customer);
	await two.linkByQr(sandbox, customer);
	const id = await order(customer);
	const got = await one.waitMessage(mentions('A-1'));
	await two.waitMessage(mentions('A-1'));
	await orderState(id, 'delivered');
	await one.sock.readMessages([got.key]);
	await orderState(id, 'read');
	const answer = await one.send(got.key.remoteJid, '1', { quoted: got });
	await orderState(id, 'confirmed');
	await one.waitStatus(answer.key.id, 3);
	const full = await warbler.rest.get(`/v1/orders/${id}`);
	assert.deepEqual(full.history.map((h) => h.to).filter((s) => ['sent', 'confirmed'].includes(s)), ['sent', 'confirmed']);
});

test('a customer who lost its Signal session gets the message through the retry path', async () => {
	const customer = await sandbox.account('12025550102');
	const b = bot('forgetful');
	await b.linkByQr(sandbox, customer);
	const first = await order(customer);
	const m = await b.waitMessage(mentions('A-2'));
	await b.send(m.key.remoteJid, '1', { quoted: m });
	await orderState(first, 'confirmed');
	await b.stop();
	b.auth.loseSessions();
	b.start();
	await b.waitOpen();
	const second = await order(customer);
	await b.waitMessage(mentions('A-3'), 30000);
	await orderState(second, 'delivered');
});

test('what was sent while Warbler was down is there after its restart', async () => {
	const customer = await sandbox.account('12025550103');
	const b = bot('patient');
	await b.linkByQr(sandbox, customer);
	const id = await order(customer);
	const m = await b.waitMessage(mentions('A-4'));
	assert.equal(await warbler.stop(), 0);
	const answer = await b.send(m.key.remoteJid, '1', { quoted: m });
	await warbler.start();
	await warbler.connected('shop');
	await orderState(id, 'confirmed');
	await b.waitStatus(answer.key.id, 3);
	const received = await warbler.event('message.received', (e) => e.data.wa_id === answer.key.id);
	assert.equal(received.data.offline, true);
});

test('a text sent by REST arrives once, with its quote; the trace tells its life', async () => {
	const customer = await sandbox.account('12025550104');
	const b = bot('reader');
	await b.linkByQr(sandbox, customer);
	const sent = await warbler.rest.post('/v1/messages?wait=delivered', { session: 'shop', to: `+${customer}`, text: 'a plain text' });
	assert.equal(sent.status, 'delivered');
	const got = await b.waitMessage('a plain text');
	await b.send(got.key.remoteJid, 'and an answer', { quoted: got });
	const received = await warbler.event('message.received', (e) => e.data.text === 'and an answer');
	assert.equal(received.data.quoted.id, sent.id);
	const trace = await warbler.rest.get(`/v1/messages/${sent.id}/trace`);
	assert.deepEqual(trace.steps.map((x) => x.step), ['accepted', 'sent']);
	assert.ok(trace.receipts.length >= 2, 'a receipt of the phone and of the linked device');
	assert.equal(b.messages.filter((x) => textOf(x) === 'a plain text').length, 1);
});

test('links by pairing code like a stock client', async () => {
	const number = await sandbox.account('12025550105');
	await warbler.rest.post('/v1/sessions', { id: 'coded' });
	await until(async () => (await warbler.session('coded')).status === 'linking', 15000, 'linking');
	await warbler.rest.post('/v1/sessions/coded/pairing-code', { phone: number });
	const code = await until(async () => (await warbler.session('coded')).pair_code, 15000, 'a code');
	await sandbox.enterCode(number, code.replace('-', ''));
	await warbler.connected('coded');
	await warbler.rest.del('/v1/sessions/coded');
});
