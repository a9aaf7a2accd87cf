// SPDX-License-Identifier: GPL-3.0-or-later
// What is sealed under a message's secret, as a phone does it, with Node's own cryptography.
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { proto } from 'baileys';

const named = ['Poll Vote', 'Event Response'];	// these name message and sender beside the text
const aad = (use, id, sender) => Buffer.from(named.includes(use) ? `${id}\0${sender}` : '');
const keyOf = (use, secret, id, author, sender) => Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(32),
	Buffer.concat([id, author, sender, use].map((x) => Buffer.from(x))), 32));

/** A vote, an answer or a comment by `sender` on message `id` of `author`. */
export function seal(use, secret, id, author, sender, plain) {
	const iv = randomBytes(12), cipher = createCipheriv('aes-256-gcm', keyOf(use, secret, id, author, sender), iv);
	cipher.setAAD(aad(use, id, sender));
	return { encPayload: Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]), encIv: iv };
}

/** A vote by `sender` for these options of `poll`, a message of `author` as Baileys has it: for relayMessage. */
export function vote(poll, author, sender, options) {
	const secret = poll.message.messageContextInfo.messageSecret;
	const plain = proto.Message.PollVoteMessage.encode({ selectedOptions: options.map((o) => createHash('sha256').update(o).digest()) });
	return { pollUpdateMessage: { pollCreationMessageKey: poll.key, senderTimestampMs: Date.now(),
		vote: seal('Poll Vote', secret, poll.key.id, author, sender, plain.finish()) } };
}

/** Under any of these names; undefined: under none. */
export function open(use, secret, id, authors, senders, { encPayload, encIv }) {
	for (const author of authors)
		for (const sender of senders)
			try {
				const d = createDecipheriv('aes-256-gcm', keyOf(use, secret, id, author, sender), encIv);
				d.setAAD(aad(use, id, sender));
				d.setAuthTag(encPayload.subarray(-16));
				return Buffer.concat([d.update(encPayload.subarray(0, -16)), d.final()]);
			} catch {}
}
