// SPDX-License-Identifier: GPL-3.0-or-later
// Writes nodes.h beside this file: stanzas as stock Baileys encodes them, with what they say.
//	node tests/vectors/wire/nodes.mjs > tests/vectors/wire/nodes.h
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { encodeBinaryNode, jidDecode } from '../../interop/node_modules/baileys/lib/WABinary/index.js';
import { DOUBLE_BYTE_TOKENS, SINGLE_BYTE_TOKENS } from '../../interop/node_modules/baileys/lib/WABinary/constants.js';

const blob = (n, seed) => {
	let out = Buffer.alloc(0);
	for (let i = 0; out.length < n; i++)
		out = Buffer.concat([out, createHash('sha256').update(`${seed} ${i}`).digest()]);
	return out.subarray(0, n);
};

const node = (tag, attrs = {}, content) => ({ tag, attrs, content });
const attrs = (values) => node('x', Object.fromEntries(values.map((v, i) => [`k${i}`, v])));

const stanzas = [
	node('iq'),
	node('ping', { xmlns: 'w:p' }),
	node('unheardof', { 'another key': 'another value' }),
	node('iq', { to: '@s.whatsapp.net', type: 'get', id: '12345.678-9', xmlns: 'encrypt' }, [node('count')]),
	// packed: digits, dash and dot; odd and even; hex in upper case; what fits neither
	attrs(['1', '12', '123', '1-2.3', '3EB0C0FFEE', '3EB0C0FFE', 'ABCDEF0123456789', 'abcdef', '12ab', '-', '.', '0'.repeat(127), '0'.repeat(128), 'F'.repeat(128)]),
	// addresses
	attrs(['491700000001@s.whatsapp.net', '491700000001:7@s.whatsapp.net', '1234567890:99@lid', '1234567890@lid', '120363000000000001@g.us',
		'status@broadcast', '120363@newsletter', '491700000001@c.us', '@s.whatsapp.net', '@g.us', '@call', '0@s.whatsapp.net', '867051314767696@bot',
		'491700000001:3@hosted', '1234567890:3@hosted.lid', '491700000001:0@s.whatsapp.net']),
	// text that is no packed value: empty, UTF-8, long
	attrs(['', 'ä', 'Grüße an 😀', 'x'.repeat(255), 'y'.repeat(256)]),
	// content: text, bytes of every length form, children
	node('body', {}, 'hello'),
	node('body', {}, Buffer.alloc(0)),
	...[1, 19, 255, 256, 1000].map((n) => node('enc', { v: '2', type: 'msg' }, blob(n, n))),
	node('list', {}, Array.from({ length: 254 }, () => node('item', {}))),
	node('list', {}, Array.from({ length: 256 }, () => node('item'))),
	node('list', {}, Array.from({ length: 300 }, () => node('item'))),
	node('message', { id: '3EB0AABBCCDDEEFF001122', to: '1234567890@lid', type: 'text', peer_recipient_pn: '491700000001@s.whatsapp.net' }, [
		node('participants', {}, [
			node('to', { jid: '1234567890@lid' }, [node('enc', { v: '2', type: 'pkmsg' }, blob(200, 'a'))]),
			node('to', { jid: '1234567890:12@lid' }, [node('enc', { v: '2', type: 'msg', mediatype: 'image' }, blob(90, 'b'))]),
		]),
		node('device-identity', {}, blob(150, 'c')),
	]),
	// every token there is
	...Array.from({ length: 12 }, (_, i) => attrs(SINGLE_BYTE_TOKENS.slice(1 + i * 20, 1 + (i + 1) * 20).filter((t) => t && !t.includes('@')))),
	...DOUBLE_BYTE_TOKENS.flatMap((d) => Array.from({ length: 8 }, (_, i) => attrs(d.slice(i * 32, (i + 1) * 32)))),
];

const text = (s) => `"${s}"`;
const say = (n) => {
	const parts = [n.tag];
	for (const [k, v] of Object.entries(n.attrs))
		parts.push(`${k}=${v.includes('@') && jidDecode(v) ? `<${v.replace(/:0@/, "@")}>` : text(v)}`);
	if (Array.isArray(n.content))
		parts.push(`[${n.content.map(say).join(' ')}]`);
	else if (n.content !== undefined)
		parts.push(`#${createHash('sha256').update(n.content).digest('hex')}`);
	return `(${parts.join(' ')})`;
};
const escape = (s) => s.replace(/["\\]/g, '\\$&');

console.log(`/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stanzas encoded by Baileys 7.0.0-rc14, and what they say; made by nodes.mjs. */
#ifndef VEC_NODES_H
#define VEC_NODES_H

static const struct {
	const char *wire;	/* hex */
	const char *says;	/* (tag key="text" key=<jid> [children] | #SHA-256 of the content) */
} vec_nodes[] = {`);
for (const n of stanzas)
	console.log(`\t{ "${Buffer.from(encodeBinaryNode(n)).toString('hex')}",\n\t  "${escape(say(n))}" },`);
console.log('};\n\n#endif');
