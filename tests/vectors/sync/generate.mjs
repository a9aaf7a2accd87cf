// SPDX-License-Identifier: GPL-3.0-or-later
// Known answers for app state, by stock Baileys: patches it seals, one on top of the other, and its hash after each.
// Run in tests/interop (for its node_modules): node ../vectors/sync/generate.mjs > ../vectors/sync/baileys_patches.h
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(`${process.cwd()}/`);
const { chatModificationToAppPatch, encodeSyncdPatch, newLTHashState, proto } =
	await import(pathToFileURL(require.resolve('baileys')));

const hex = (b) => Buffer.from(b).toString('hex');
const keyId = Buffer.from('000000000102', 'hex');
const keyData = createHash('sha256').update('warbler app state').digest();
const chat = '12025550101@s.whatsapp.net';
const key = { id: '3EB0ABCDEF', fromMe: true, remoteJid: chat };
const last = [{ key, messageTimestamp: 1700000000 }];

const mods = [
	[{ archive: true, lastMessages: last }, chat],
	[{ pin: true }, chat],
	[{ archive: false, lastMessages: last }, chat],
	[{ mute: 1800000000000 }, chat],
	[{ markRead: false, lastMessages: last }, chat],
	[{ star: { messages: [key], star: true } }, chat],
	[{ deleteForMe: { timestamp: 1700000000, key, deleteMedia: true } }, chat],
	[{ clear: true, lastMessages: last }, chat],
	[{ delete: true, lastMessages: last }, chat],
	[{ contact: { fullName: 'Ünal "Quote" \\ Back', firstName: 'Ünal', saveOnPrimaryAddressbook: true } }, chat],
	[{ contact: null }, chat],
	[{ addLabel: { id: '7', name: 'Label', color: 5, deleted: false } }, ''],
	[{ addChatLabel: { labelId: '7' } }, chat],
	[{ addMessageLabel: { labelId: '7', messageId: key.id } }, chat],
	[{ quickReply: { shortcut: 's', message: 'text', timestamp: '1700000001' } }, ''],
	[{ pushNameSetting: 'Näme' }, ''],
	[{ disableLinkPreviews: { isPreviewsDisabled: true } }, ''],
];

Date.now = () => 1700000123456;
const getKey = async () => proto.Message.AppStateSyncKeyData.fromObject({ keyData });
const states = {};
console.log(`/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef VECTORS_BAILEYS_PATCHES_H
#define VECTORS_BAILEYS_PATCHES_H

/* Made by generate.mjs with Baileys 7.0.0-rc14 on Node.js 20. */
static const char sync_key_data[] = "${hex(keyData)}";
static const char sync_key_id[] = "${hex(keyId)}";

static const struct {
	const char *collection;
	const char *index;	/* JSON text */
	const char *value;	/* SyncActionValue, hex */
	int version, op;
	const char *patch;	/* SyncdPatch, hex */
	const char *hash;	/* LTHash of the collection after it, hex */
} sync_vectors[] = {`);
for (const [mod, jid] of mods) {
	const patch = chatModificationToAppPatch(mod, jid);
	const state = states[patch.type] ??= newLTHashState();
	const made = await encodeSyncdPatch(patch, keyId.toString('base64'), state, getKey);
	states[patch.type] = made.state;
	const value = proto.SyncActionValue.encode(patch.syncAction).finish();
	const index = JSON.stringify(patch.index);
	console.log(`	{ "${patch.type}",
	  ${JSON.stringify(index)},
	  "${hex(value)}",
	  ${patch.apiVersion}, ${patch.operation},
	  "${hex(proto.SyncdPatch.encode(made.patch).finish())}",
	  "${hex(made.state.hash)}" },`);
}
console.log('};\n\n#endif');
