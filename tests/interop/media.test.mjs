// SPDX-License-Identifier: GPL-3.0-or-later
// Files between Warbler and stock Baileys over the sandbox's media host, byte by byte. Node reads the
// certificates it trusts when it starts, and the sandbox makes its own when it does: so a child does the work.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Sandbox, trusting } from './lib/process.mjs';

const sandbox = new Sandbox();

before(() => sandbox.start());
after(() => sandbox.end());

test('files in both directions, and lost ones again', async () => {
	assert.equal(await trusting(sandbox, 'media.mjs'), '');
	assert.deepEqual(await sandbox.violations(), []);
});
