// SPDX-License-Identifier: GPL-3.0-or-later
// Pictures of people, groups and channels, and channels' files. As in media.test.mjs a child does the work,
// because it must trust the sandbox's certificate.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Sandbox, trusting } from './lib/process.mjs';

const sandbox = new Sandbox();

before(() => sandbox.start());
after(() => sandbox.end());

test('pictures of people and groups, both ways', async () => {
	assert.equal(await trusting(sandbox, 'faces.mjs', 'pictures'), '');
	assert.deepEqual(await sandbox.violations(), []);
});

test('files in channels', async () => {
	assert.equal(await trusting(sandbox, 'faces.mjs', 'channels'), '');
	assert.deepEqual(await sandbox.violations(), []);
});
