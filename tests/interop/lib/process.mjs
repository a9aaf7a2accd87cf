// SPDX-License-Identifier: GPL-3.0-or-later
// The programs under test as child processes, and their REST APIs.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync, appendFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until, within } from './bot.mjs';

export const build = process.env.WARBLER_BUILD ?? new URL('../../../build/release', import.meta.url).pathname;
const binary = join(build, 'warbler');

export class Rest {
	constructor(base, key) {
		this.base = base;
		this.key = key;
	}

	async call(method, path, body, expect) {
		const res = await fetch(this.base + path, {
			method,
			headers: { ...(this.key && { authorization: `Bearer ${this.key}` }),
				...(body !== undefined && { 'content-type': 'application/json' }) },
			body: body === undefined ? undefined : JSON.stringify(body),
		});
		const text = await res.text();
		let json = null;
		try {
			json = text ? JSON.parse(text) : null;
		} catch {
			json = text;
		}
		if (expect !== undefined ? res.status !== expect : !res.ok)
			throw new Error(`${method} ${path}: ${res.status} ${text}`);
		return json;
	}

	get(path) { return this.call('GET', path); }
	post(path, body = {}) { return this.call('POST', path, body); }
	del(path) { return this.call('DELETE', path); }
}

class Program {
	constructor(name, args, env = {}) {
		this.name = name;
		this.args = args;
		this.env = env;
		this.output = '';
		this.waiting = [];
	}

	spawn() {
		this.output = '';
		this.child = spawn(binary, this.args, { stdio: ['ignore', 'pipe', 'pipe'],
			env: { ...process.env, ...this.env } });
		this.exited = new Promise((resolve) => this.child.once('exit', (code, signal) => {
			this.code = code ?? signal;
			resolve(this.code);
		}));
		for (const stream of [this.child.stdout, this.child.stderr])
			stream.on('data', (chunk) => {
				this.output += chunk;
				if (process.env.INTEROP_LOG)
					appendFileSync(process.env.INTEROP_LOG, `[${this.name}] ${chunk}`);
			});
	}

	/** The first match of a regular expression in what it prints. */
	async line(regexp, ms = 20000) {
		return until(() => {
			const m = this.output.match(regexp);
			if (!m && this.child.exitCode !== null)
				throw new Error(`${this.name} ended with ${this.code}:\n${this.output}`);
			return m;
		}, ms, `${regexp} from ${this.name}; it printed:\n${this.output}`);
	}

	async stop(signal = 'SIGTERM') {
		if (this.child && this.child.exitCode === null && this.child.signalCode === null) {
			this.child.kill(signal);
			await within(this.exited, 15000, `${this.name} to stop`);
		}
		return this.code;
	}
}

/** `warbler sandbox`: a WhatsApp of our own in a process of its own. */
export class Sandbox extends Program {
	constructor({ tls = false } = {}) {
		const dir = mkdtempSync(join(tmpdir(), 'warbler-sandbox-'));
		super('sandbox', ['sandbox', '--port', '0', ...(tls ? ['--tls'] : [])],
			{ WARBLER_DATA_DIR: dir, WARBLER_SERVER_PORT: '0' });
		this.dir = dir;
	}

	async start() {
		this.spawn();
		this.url = (await this.line(/wss?:\/\/[^\s"]+\/ws\/chat/))[0];
		this.rootKey = (await this.line(/root[ _]?key[^0-9a-f]{1,8}([0-9a-f]{64})/i))[1];
		const api = (await this.line(/https?:\/\/[^\s"]+(?=\/v1\/sandbox)/))[0];
		this.rest = new Rest(`${api}/v1/sandbox`);
		return this;
	}

	async account(number, name = number) {
		await this.rest.post('/accounts', { number, name });
		return number;
	}

	scan(number, qr) { return this.rest.post(`/accounts/${number}/scan`, { qr }); }
	enterCode(number, code) { return this.rest.post(`/accounts/${number}/code`, { code }); }
	violations() { return this.rest.get('/violations').then((r) => r.violations); }

	async end() {
		await this.stop();
		rmSync(this.dir, { recursive: true, force: true });
	}
}

/**
 * Run a script of this folder in a child that trusts the sandbox's certificate: Node reads those when it
 * starts, and the sandbox makes its own when it does. "" when it ends well, else what it printed.
 */
export async function trusting(sandbox, script, part = '') {
	const about = await sandbox.rest.get('/media');
	const child = spawn(process.execPath, [...process.execArgv.filter((a) => !a.startsWith('--test')),
		new URL(script, import.meta.url).pathname], {
		stdio: ['ignore', 'pipe', 'pipe'],
		env: { ...process.env, NODE_TEST_CONTEXT: '', NODE_EXTRA_CA_CERTS: about.ca_file, TRUSTING_PART: part,
			TRUSTING_SANDBOX: JSON.stringify({ url: sandbox.url, rootKey: sandbox.rootKey, rest: sandbox.rest.base,
				ca: about.ca_file }) },
	});
	let output = '';
	for (const stream of [child.stdout, child.stderr])
		stream.on('data', (d) => { output += d; });
	const code = await new Promise((done) => { child.on('close', done); });
	return code === 0 ? '' : `${script} ended with ${code}: ${output}`;
}

/** `warbler serve` with a configuration of its own. */
export class Warbler extends Program {
	constructor({ sandbox, plugins = [], lua = '' }) {
		const dir = mkdtempSync(join(tmpdir(), 'warbler-'));
		const config = join(dir, 'warbler.lua');
		writeFileSync(config, `
data_dir = ${JSON.stringify(join(dir, 'data'))}
server = { port = 0 }
network = { allow_private = true }
whatsapp = { url = ${JSON.stringify(sandbox.url)}, root_key = "${sandbox.rootKey}" }
plugins = { enabled = { ${plugins.map((p) => JSON.stringify(p)).join(', ')} }, webhooks = { allow_private = true } }
${lua}
`);
		super('warbler', ['serve', '--config', config]);
		this.dir = dir;
	}

	async start() {
		this.spawn();
		const api = (await this.line(/https?:\/\/127\.0\.0\.1:[0-9]+/))[0];
		this.key ??= (await this.line(/wb_[A-Za-z0-9_-]{43}/))[0];
		this.rest = new Rest(api, this.key);
		await until(() => this.rest.get('/readyz').catch(() => null), 10000, 'readyz');
		return this;
	}

	session(id) { return this.rest.get(`/v1/sessions/${id}`); }

	async connected(id, ms = 20000) {
		return until(async () => (await this.session(id)).status === 'connected', ms, `session ${id} to be connected`);
	}

	async link(sandbox, number, id = 'shop') {
		await this.rest.post('/v1/sessions', { id });
		const qr = await until(() => this.rest.get(`/v1/sessions/${id}/qr`).catch(() => null), 15000, 'a QR');
		await sandbox.scan(number, qr.qr);
		await this.connected(id);
		return id;
	}

	/** Events after `since` of these kinds, waited for. */
	async event(kind, test = () => true, ms = 20000, since = 0) {
		const end = Date.now() + ms;
		for (let from = since; ;) {
			const page = await this.rest.get(`/v1/events?kinds=${kind}&since=${from}&wait_ms=1000`);
			const hit = page.events.find(test);
			if (hit)
				return hit;
			from = page.next;
			if (Date.now() > end)
				throw new Error(`timed out after ${ms} ms waiting for event ${kind}`);
		}
	}

	async end() {
		const code = await this.stop();
		rmSync(this.dir, { recursive: true, force: true });
		return code;
	}
}

/** Events of a gateway as they come. */
export class Feed {
	constructor(warbler, kinds) {
		this.events = [];
		this.waiting = new Set();
		this.loop = this.#read(warbler, kinds);
	}

	async #read(warbler, kinds) {
		for (let from = 0; !this.ended;) {
			const page = await warbler.rest.get(`/v1/events?kinds=${kinds}&since=${from}&wait_ms=1000`).catch(() => null);
			if (!page)
				break;
			from = page.next;
			for (const e of page.events) {
				this.events.push(e);
				this.waiting.forEach((w) => w(e));
			}
		}
	}

	/** The first event, old or new, for which test(event) is true. */
	async first(test, ms = 20000, what = 'an event') {
		const have = this.events.find(test);
		let wait;
		if (have)
			return have;
		return within(new Promise((resolve) => {
			wait = (e) => test(e) && resolve(e);
			this.waiting.add(wait);
		}), ms, what).finally(() => this.waiting.delete(wait));
	}

	end() { this.ended = true; }
}
