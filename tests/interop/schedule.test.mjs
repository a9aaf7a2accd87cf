// SPDX-License-Identifier: GPL-3.0-or-later
// Schedules, seen by customers who use stock Baileys.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Bot, textOf, until, within } from './lib/bot.mjs';
import { Sandbox, Warbler } from './lib/process.mjs';

const sandbox = new Sandbox();
const SHOP = '12025550100';
const bots = [];
let warbler, ann, ben;

const bot = async (name, number) => {
	const b = new Bot({ url: sandbox.url, rootKey: sandbox.rootKey, name });
	bots.push(b);
	await b.linkByQr(sandbox, await sandbox.account(number, name));
	return b;
};

before(async () => {
	await sandbox.start();
	await sandbox.account(SHOP, 'The shop');
	warbler = await new Warbler({ sandbox, plugins: ['schedule'] }).start();
	await warbler.link(sandbox, SHOP);
	ann = await bot('Ann', '12025550141');
	ben = await bot('Ben', '12025550142');
});
after(async () => {
	await Promise.all(bots.map((b) => b.stop()));
	assert.deepEqual((await sandbox.violations()).filter((v) => v.account === SHOP), []);
	assert.equal(await warbler.end(), 0);
	await sandbox.end();
});

const run = async (id) => {
	const { runs } = await warbler.rest.get(`/v1/schedules/${id}/runs`);
	return runs.length ? warbler.rest.get(`/v1/schedules/${id}/runs/${runs[0].id}`) : { messages: [] };
};

test('once, to two people, told apart in the history', async () => {
	const { id } = await warbler.rest.post('/v1/schedules', { session: 'shop', to: ['+12025550141', '+12025550142'],
		at: new Date(Date.now() + 1000).toISOString(), text: 'We open at {{hour}}', vars: { hour: '9' } });
	const ours = (m) => !m.key.fromMe && textOf(m) === 'We open at 9';
	await Promise.all([ann.waitMessage(ours), ben.waitMessage(ours)]);
	await until(async () => (await run(id)).messages.map((m) => m.state).join() === 'delivered,delivered');
	assert.equal((await warbler.rest.get(`/v1/schedules/${id}`)).state, 'finished');
});

test('every second, three times, a place each', async () => {
	const got = () => ann.messages.filter((m) => m.message?.locationMessage).length;
	const { id } = await warbler.rest.post('/v1/schedules', { session: 'shop', to: '+12025550141', every: '1s',
		max_runs: 3, content: { kind: 'location', latitude: 24.7, longitude: 46.7 } });
	await until(() => got() === 3);
	assert.equal((await warbler.rest.get(`/v1/schedules/${id}/runs`)).runs.length, 3);
});

test('typing before it, when the session is set so', async () => {
	await warbler.rest.call('PATCH', '/v1/sessions/shop', { settings: { pacing_typing_ms: 100 } });
	await ben.sock.sendPresenceUpdate('available');
	await ben.sock.presenceSubscribe(`${SHOP}@s.whatsapp.net`);
	const typing = new Promise((seen) => ben.sock.ev.on('presence.update', ({ presences }) => {
		if (Object.values(presences).some((p) => p.lastKnownPresence === 'composing'))
			seen(true);
	}));
	const { id } = await warbler.rest.post('/v1/schedules', { session: 'shop', to: '+12025550142',
		at: new Date(Date.now() + 3600000).toISOString(), text: 'ten letter' });
	await warbler.rest.post(`/v1/schedules/${id}/run`);
	await within(typing, 10000, 'typing');
	await ben.waitMessage((m) => !m.key.fromMe && textOf(m) === 'ten letter');
});
