// SPDX-License-Identifier: GPL-3.0-or-later
// Files between Warbler and stock Baileys over the sandbox's media host, byte by byte. Node reads the
// certificates it trusts when it starts, and the sandbox makes its own when it does: so a child does the work.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, test } from 'node:test';
import { Sandbox } from './lib/process.mjs';

const sandbox = new Sandbox();

before(() => sandbox.start());
after(() => sandbox.end());

test('files in both directions, and lost ones again', async () => {
	const about = await sandbox.rest.get('/media');
	const child = spawn(process.execPath, [...process.execArgv.filter((a) => !a.startsWith('--test')),
		new URL('./lib/media.mjs', import.meta.url).pathname], {
		stdio: ['ignore', 'pipe', 'pipe'],
		env: { ...process.env, NODE_TEST_CONTEXT: '', NODE_EXTRA_CA_CERTS: about.ca_file, MEDIA_SANDBOX: JSON.stringify({
			url: sandbox.url, rootKey: sandbox.rootKey, rest: sandbox.rest.base, ca: about.ca_file }) },
	});
	let output = '';
	child.stdout.on('data', (d) => { output += d; });
	child.stderr.on('data', (d) => { output += d; });
	const code = await new Promise((done) => { child.on('close', done); });
	assert.equal(code, 0, output);
	assert.deepEqual(await sandbox.violations(), []);
});
