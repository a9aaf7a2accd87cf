// SPDX-License-Identifier: GPL-3.0-or-later
// A stock Baileys client with its state in memory, for tests.
import { EventEmitter, once } from 'node:events';
import makeWASocket, { BufferJSON, DisconnectReason, WA_CERT_DETAILS, initAuthCreds, proto } from 'baileys';

// libsignal-node prints session objects, which are secrets and noise.
for (const level of ['log', 'info', 'warn', 'error'])
	if (!process.env.INTEROP_VERBOSE)
		console[level] = () => {};

const quiet = () => {};
const logger = { level: 'silent', child: () => logger, trace: quiet, debug: quiet, info: quiet, warn: quiet,
	error: process.env.INTEROP_VERBOSE ? (...a) => process.stderr.write(`${JSON.stringify(a)}\n`) : quiet };

/** Auth state as Baileys wants it, kept in a Map of JSON texts so that nothing is shared by reference. */
export function memoryAuth() {
	const store = new Map();
	return {
		creds: initAuthCreds(),
		store,
		keys: {
			get: async (type, ids) => Object.fromEntries(ids.map((id) => {
				const text = store.get(`${type}/${id}`);
				let value = text === undefined ? undefined : JSON.parse(text, BufferJSON.reviver);
				if (type === 'app-state-sync-key' && value)
					value = proto.Message.AppStateSyncKeyData.fromObject(value);
				return [id, value];
			})),
			set: async (data) => {
				for (const [type, entries] of Object.entries(data))
					for (const [id, value] of Object.entries(entries))
						if (value)
							store.set(`${type}/${id}`, JSON.stringify(value, BufferJSON.replacer));
						else
							store.delete(`${type}/${id}`);
			},
		},
		/** Forget every Signal session, as a phone restored from an old backup would. */
		loseSessions() {
			for (const key of [...store.keys()])
				if (key.startsWith('session/'))
					store.delete(key);
		},
	};
}

export const textOf = (m) => m?.message?.conversation ?? m?.message?.extendedTextMessage?.text ??
	m?.message?.deviceSentMessage?.message?.conversation ?? null;

export class Bot extends EventEmitter {
	constructor({ url, rootKey, name = 'bot', auth = memoryAuth(), options = {} }) {
		super();
		this.setMaxListeners(100);
		Object.assign(this, { url, name, auth, options });
		this.messages = [];	// every message upserted, in order
		this.updates = [];	// status changes of sent messages
		this.sent = new Map();
		if (process.env.INTEROP_STRICT && rootKey)
			WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(rootKey, 'hex');
	}

	start() {
		this.stopped = false;
		const sock = makeWASocket({
			auth: { creds: this.auth.creds, keys: this.auth.keys },
			waWebSocketUrl: this.url,
			version: [2, 3000, 1043857760],
			logger,
			syncFullHistory: false,
			retryRequestDelayMs: 50,
			getMessage: async (key) => this.sent.get(key.id),
			...this.options,
		});
		this.sock = sock;
		this.emit('socket', sock);
		sock.ev.on('creds.update', (update) => Object.assign(this.auth.creds, update));
		sock.ev.on('connection.update', (update) => {
			if (update.qr)
				this.qr = update.qr;
			this.emit('connection', update);
			if (update.qr)
				this.emit('qr', update.qr);
			if (update.connection === 'open') {
				this.open = true;
				this.emit('open');
			}
			if (update.connection === 'close') {
				this.open = false;
				this.reason = update.lastDisconnect?.error?.output?.statusCode;
				this.emit('close', this.reason);
				if (this.reason === DisconnectReason.restartRequired && !this.stopped)
					this.start();
			}
		});
		sock.ev.on('messages.upsert', ({ messages, type }) => {
			for (const m of messages) {
				const seen = { ...m, upsertType: type };
				this.messages.push(seen);
				this.emit('message', seen);
				// Baileys folds receipts that come at once into the message itself.
				if (m.key.fromMe && m.status)
					this.#status({ key: m.key, update: { status: m.status } });
			}
		});
		sock.ev.on('messages.update', (updates) => {
			updates.forEach((u) => this.#status(u));
		});
		sock.ev.on('message-receipt.update', (updates) => {
			for (const u of updates)
				this.emit('receipt', u);
		});
		return this;
	}

	#status(u) {
		this.updates.push(u);
		this.emit('update', u);
	}

	async linkByQr(sandbox, number) {
		this.start();
		if (!this.qr)
			await within(once(this, 'qr'), 15000, `${this.name}: a QR`);
		await sandbox.scan(number, this.qr);
		await this.#firstSync();
	}

	async linkByCode(sandbox, number) {
		this.start();
		await within(once(this, 'qr'), 15000, `${this.name}: the linking stage`);
		const code = await this.sock.requestPairingCode(number.replace(/\D/g, ''));
		await sandbox.enterCode(number, code);
		await this.#firstSync();
	}

	/** Baileys holds back events until it has taken in the history that follows the first login. */
	async #firstSync() {
		await this.waitOpen();
		await until(() => this.auth.creds.accountSyncCounter > 0, 15000, `${this.name}: the first sync`);
	}

	async waitOpen(ms = 30000) {
		if (!this.open)
			await within(once(this, 'open'), ms, `${this.name}: connection open`);
	}

	async send(jid, content, options) {
		const m = await this.sock.sendMessage(jid, typeof content === 'string' ? { text: content } : content, options);
		this.sent.set(m.key.id, m.message);
		return m;
	}

	/** The first message, old or new, for which test(m) is true. */
	async waitMessage(test, ms = 20000, what = 'a message') {
		const want = typeof test === 'string' ? (m) => textOf(m) === test : test;
		return this.#wait('message', this.messages, want, ms, `${this.name}: ${what} ${typeof test === 'string' ? test : ''}`);
	}

	/** Status of a message we sent reached at least `status` (2 server, 3 delivered, 4 read). */
	async waitStatus(id, status, ms = 20000) {
		return this.#wait('update', this.updates, (u) => u.key.id === id && (u.update.status ?? 0) >= status, ms,
			`${this.name}: status ${status} of ${id}`);
	}

	async #wait(event, list, want, ms, what) {
		const have = list.find(want);
		if (have)
			return have;
		return within(new Promise((resolve) => {
			const on = (x) => {
				if (want(x)) {
					this.off(event, on);
					resolve(x);
				}
			};
			this.on(event, on);
		}), ms, what);
	}

	async stop() {
		this.stopped = true;
		this.open = false;
		this.sock?.end(undefined);
		await new Promise((r) => setTimeout(r, 100));
	}

	async restart() {
		await this.stop();
		this.qr = undefined;
		this.start();
		await this.waitOpen();
	}
}

/** The promise, or an error naming what did not happen in time. */
export async function within(promise, ms, what) {
	let timer;
	try {
		return await Promise.race([promise, new Promise((_, reject) => {
			timer = setTimeout(() => reject(new Error(`timed out after ${ms} ms waiting for ${what}`)), ms);
		})]);
	} finally {
		clearTimeout(timer);
	}
}

/** Call fn until it returns something true. */
export async function until(fn, ms = 20000, what = 'a condition') {
	const end = Date.now() + ms;
	for (;;) {
		const value = await fn();
		if (value)
			return value;
		if (Date.now() > end)
			throw new Error(`timed out after ${ms} ms waiting for ${what}`);
		await new Promise((r) => setTimeout(r, 50));
	}
}
