// SPDX-License-Identifier: GPL-3.0-or-later
// The phones of the sandbox: lists on the left, one chat on the right. All
// text of people goes through textContent, never through markup.

const $ = (id) => document.getElementById(id);
const base = '/v1/sandbox';
const state = { phones: [], phone: null, peer: null, cursor: 0, messages: new Map(), quote: null, typing: null, run: 0 };
const TICKS = { pending: ['◷', 'waiting'], sent: ['✓', 'sent'], delivered: ['✓✓', 'delivered'],
	read: ['✓✓', 'read'], failed: ['!', 'not delivered'] };

function el(tag, props = {}, ...children) {
	const e = Object.assign(document.createElement(tag), props);
	e.append(...children);
	return e;
}

function complain(text) {
	$('error').textContent = text;
	$('error').hidden = false;
	clearTimeout(complain.timer);
	complain.timer = setTimeout(() => { $('error').hidden = true; }, 5000);
}

function askKey() {
	askKey.asking ??= new Promise((resolve) => {
		const d = $('key');
		d.addEventListener('close', () => {
			sessionStorage.setItem('sandbox.key', d.querySelector('input').value);
			askKey.asking = null;
			resolve();
		}, { once: true });
		d.showModal();
	});
	return askKey.asking;
}

async function call(method, path, body) {
	const key = sessionStorage.getItem('sandbox.key');
	const res = await fetch(base + path, {
		method,
		headers: { ...(key && { authorization: `Bearer ${key}` }), ...(body && { 'content-type': 'application/json' }) },
		body: body && JSON.stringify(body),
	});
	if (res.status === 401) {
		await askKey();
		return call(method, path, body);
	}
	const text = await res.text();
	const json = text ? JSON.parse(text) : null;
	if (!res.ok)
		throw new Error(json?.detail || `${res.status}`);
	return json;
}

async function attempt(work) {
	try {
		return await work();
	} catch (e) {
		complain(e.message);
		return null;
	}
}

const nameOf = (number) => state.phones.find((p) => p.number === number)?.name || '';
const label = (number) => nameOf(number) || `+${number}`;
const time = (at) => new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });

function row(title, sub, count, current, onclick) {
	const b = el('button', { type: 'button', className: 'row', onclick }, el('b', { textContent: title }),
		count ? el('span', { className: 'count', textContent: count, ariaLabel: `${count} unread` }) : el('span'),
		el('span', { textContent: sub }));
	b.setAttribute('aria-current', String(current));
	return el('li', {}, b);
}

/* Replace children without moving the focus when nothing has changed. */
function renew(list, key, make) {
	if (list.dataset.key === key)
		return;
	const at = [...list.children].findIndex((c) => c.contains(document.activeElement));
	list.dataset.key = key;
	list.replaceChildren(...make());
	if (at >= 0)
		list.children[at]?.querySelector('button')?.focus();
}

function drawPhones() {
	renew($('phones'), JSON.stringify([state.phone, state.phones.map((p) => [p.number, p.name, p.unread, p.connected, p.devices, p.online])]),
		() => state.phones.map((p) => row(p.name || `+${p.number}`,
			`+${p.number} · ${p.devices ? `${p.connected}/${p.devices} linked` : 'nothing linked'}${p.online ? '' : ' · off'}`,
			p.unread, p.number === state.phone, () => openPhone(p.number))));
	$('no-phones').hidden = state.phones.length > 0;
	const me = state.phones.find((p) => p.number === state.phone);
	if (!me)
		return;
	$('phone-name').textContent = me.name || `+${me.number}`;
	$('phone-state').textContent = `+${me.number}`;
	$('online').checked = me.online;
	$('link-state').textContent = me.link_state === 'none' ? '' : `${me.link_state} ${me.link_detail}`.trim();
	renew($('write-to').elements.to, JSON.stringify(state.phones.map((p) => [p.number, p.name, me.number])),
		() => state.phones.filter((p) => p.number !== me.number)
			.map((p) => el('option', { value: p.number, textContent: label(p.number) })));
}

function drawChats() {
	const chats = new Map();
	for (const m of state.messages.values()) {
		const c = chats.get(m.chat) ?? { number: m.chat, unread: 0, last: m };
		c.unread += !m.from_me && m.status === 'received';
		c.last = m.number > c.last.number ? m : c.last;
		chats.set(m.chat, c);
	}
	if (state.peer && !chats.has(state.peer))
		chats.set(state.peer, { number: state.peer, unread: 0, last: null });
	const sorted = [...chats.values()].sort((a, b) => (b.last?.number ?? Infinity) - (a.last?.number ?? Infinity));
	renew($('chats'), JSON.stringify([state.phone, state.peer, sorted.map((c) => [c.number, c.unread, c.last?.seq, label(c.number)])]),
		() => sorted.map((c) => row(label(c.number), c.last ? c.last.text || c.last.kind : '', c.unread,
			c.number === state.peer, () => openChat(c.number))));
}

/* *bold*, _italic_, ~struck~ as WhatsApp shows them; everything else stays text. */
const MARKS = { '*': 'b', _: 'i', '~': 's' };
function formatted(text) {
	return text.split(/((?<![\w*_~])([*_~])(?=\S)[^\n]*?\S\2(?![\w*_~]))/).flatMap((part, i) => {
		if (i % 3 === 2)
			return [];
		return i % 3 === 1 ? [el(MARKS[part[0]], { textContent: part.slice(1, -1) })] : [part];
	});
}

/** What a message is and what people did with it, in words. */
const kindName = (m) => m.kind.replace('_', ' ');
function details(m) {
	const c = m.content ?? {};
	const lines = (c.options ?? (c.buttons ?? []).map((b) => b.text)).map((o) => `• ${o}`);
	if (c.latitude !== undefined)
		lines.push(`${c.latitude}, ${c.longitude}`);
	lines.push(...(c.contacts ?? []).map((x) => `${x.name ?? ''} ${x.phone ?? ''}`.trim()));
	if (c.start)
		lines.push(time(c.start));
	lines.push(...(m.marks ?? []).map((x) => `${x.by}: ${x.text ?? x.answer ?? (x.options ? x.options.join(', ') : x.kind)}`));
	return lines;
}

function bubble(m) {
	const li = el('li', { className: `bubble${m.from_me ? ' mine' : ''}${m.kind === 'text' ? '' : ' note'}` });
	const quoted = m.quoted_id && [...state.messages.values()].find((q) => q.id === m.quoted_id);
	const meta = el('span', { className: 'meta' });
	if (m.quoted_id)
		li.append(el('span', { className: 'quote', textContent: quoted ? quoted.text : 'an earlier message' }));
	li.append(...(m.kind === 'text' || !m.content ? [] : [`[${kindName(m)}] `]));
	li.append(...(m.text ? formatted(m.text) : m.content ? [] : [`[${kindName(m)}]`]));
	for (const line of details(m))
		li.append(el('br'), line);
	const reply = el('button', { type: 'button', className: 'reply', textContent: '↩', title: 'Quote', ariaLabel: 'Quote this message' });
	reply.onclick = () => { quote(m); $('text').focus(); };
	meta.append(reply);
	if (m.duplicates)
		meta.append(el('span', { textContent: `×${m.duplicates + 1}`, title: 'received more than once' }));
	meta.append(el('time', { dateTime: m.at, textContent: time(m.at) }));
	if (m.from_me && TICKS[m.status]) {
		const [sign, name] = TICKS[m.status];
		const tick = el('span', { className: `tick ${m.status}`, textContent: sign, title: name });
		tick.setAttribute('role', 'img');
		tick.setAttribute('aria-label', m.error ? `${name}, error ${m.error}` : name);
		meta.append(tick);
	}
	li.append(meta);
	return li;
}

function drawTalk() {
	const list = $('messages');
	const shown = [...state.messages.values()].filter((m) => m.chat === state.peer).sort((a, b) => a.number - b.number);
	const key = JSON.stringify([state.phone, state.peer, shown.map((m) => m.seq)]);
	const open = Boolean(state.peer);
	$('peer-name').textContent = open ? label(state.peer) : 'No chat open';
	$('peer-state').textContent = open && state.typing === state.peer ? 'typing' : open ? `+${state.peer}` : '';
	$('peer-state').classList.toggle('dots', open && state.typing === state.peer);
	for (const e of [...$('send').elements, ...$('quick').children])
		e.disabled = !open;
	if (list.dataset.key === key)
		return;
	const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
	list.dataset.key = key;
	/* only what changed is touched, so that a screen reader reads only that */
	const old = new Map([...list.children].map((li) => [li.dataset.at, li]));
	let before = null;
	for (const m of shown.reverse()) {
		const at = `${state.phone} ${m.number} ${m.seq}`;
		const li = old.get(at) ?? bubble(m);
		li.dataset.at = at;
		old.delete(at);
		if (li.nextSibling !== before || li.parentNode !== list)
			list.insertBefore(li, before);
		before = li;
	}
	for (const li of old.values())
		li.remove();
	if (atEnd)
		list.scrollTop = list.scrollHeight;
}

function draw() {
	drawPhones();
	drawChats();
	drawTalk();
}

function quote(m) {
	state.quote = m;
	$('quoting').hidden = !m;
	$('quoting').firstElementChild.textContent = m ? m.text : '';
}

const view = (name) => { document.body.dataset.view = name; };

function openPhone(number) {
	if (state.phone !== number)
		Object.assign(state, { phone: number, peer: null, cursor: 0, messages: new Map(), typing: null, run: state.run + 1 });
	history.replaceState(null, '', `#${number}`);
	quote(null);
	view('chats');
	draw();
	pollMessages();
	drawDevices();
}

async function openChat(number) {
	state.peer = number;
	quote(null);
	view('talk');
	draw();
	$('messages').scrollTop = $('messages').scrollHeight;
	$('text').focus();
	await markRead();
}

async function markRead() {
	const unread = [...state.messages.values()].some((m) => m.chat === state.peer && !m.from_me && m.status === 'received');
	if (unread && !document.hidden)
		await attempt(() => call('POST', `/accounts/${state.phone}/read`, { chat: state.peer }));
}

async function drawDevices() {
	const { devices } = await attempt(() => call('GET', `/accounts/${state.phone}/devices`)) ?? { devices: [] };
	$('devices').replaceChildren(...devices.filter((d) => d.device > 0).map((d) => {
		const b = el('button', { type: 'button', textContent: 'Unlink' });
		b.setAttribute('aria-label', `Unlink device ${d.device}`);
		b.onclick = async () => {
			await attempt(() => call('DELETE', `/accounts/${state.phone}/devices/${d.device}`));
			drawDevices();
		};
		return el('li', {}, `${d.os || 'device'} (${d.device}), ${d.connected ? 'connected' : 'away'}`, b);
	}));
}

async function pollPhones() {
	const [list, sum] = await Promise.all([call('GET', '/accounts'), call('GET', '')]);
	state.phones = list.accounts.filter((p) => !p.sink);
	$('summary').textContent = `${sum.url} · ${sum.connected} connected · ${sum.violations} violations`;
	/* /sandbox/#NUMBER opens that phone, and its newest chat */
	const wanted = state.phones.find((p) => p.number === location.hash.slice(1)) ??
		(state.phones.length === 1 ? state.phones[0] : null);
	if (!state.phone && wanted) {
		openPhone(wanted.number);
		state.newest = true;
	}
	draw();
}

async function pollMessages() {
	const { phone, run, cursor } = state;
	if (!phone)
		return;
	const r = await call('GET', `/accounts/${phone}/messages?since=${cursor}&limit=1000`);
	if (state.run !== run || state.cursor !== cursor)
		return;
	for (const m of r.messages)
		state.messages.set(m.number, m);
	state.cursor = r.cursor;
	state.typing = r.typing;
	if (state.newest && state.messages.size) {
		state.newest = false;
		await openChat([...state.messages.values()].reduce((a, b) => (b.number > a.number ? b : a)).chat);
	}
	if (r.messages.length || drawTalk.typing !== r.typing) {
		drawTalk.typing = r.typing;
		draw();
		if (state.peer)
			await markRead();
	}
}

/* The next round starts only after the last one ended; errors slow it down. */
async function forever(work, ms) {
	for (;;) {
		let wait = ms;
		try {
			if (!document.hidden)
				await work();
		} catch (e) {
			$('summary').textContent = `not reachable: ${e.message}`;
			wait = 3000;
		}
		await new Promise((r) => { setTimeout(r, wait); });
	}
}

async function send(text) {
	const body = { to: state.peer, text, ...(state.quote && { quote: state.quote.id }) };
	if (await attempt(() => call('POST', `/accounts/${state.phone}/messages`, body)))
		quote(null);
	await attempt(pollMessages);
	$('messages').scrollTop = $('messages').scrollHeight;
}

$('send').addEventListener('submit', async (e) => {
	e.preventDefault();
	const text = $('text').value.trim();
	if (!text || !state.peer)
		return;
	$('text').value = '';
	typingStopped();
	await send(text);
});

$('quick').addEventListener('click', (e) => {
	if (e.target.tagName === 'BUTTON' && state.peer)
		send(e.target.textContent);
});

let typing = null;
const tell = (on, to = state.peer) => call('POST', `/accounts/${state.phone}/typing`, { to, on }).catch(() => {});
function typingStopped() {
	clearTimeout(typing);
	typing = null;
}
$('text').addEventListener('input', () => {
	if (!state.peer)
		return;
	if (!typing)
		tell(true);
	clearTimeout(typing);
	const to = state.peer;
	typing = setTimeout(() => { typing = null; tell(false, to); }, 3000);
});

$('quoting').lastElementChild.addEventListener('click', () => quote(null));
$('online').addEventListener('change', (e) =>
	attempt(() => call('PATCH', `/accounts/${state.phone}`, { online: e.target.checked })));
for (const b of document.querySelectorAll('.back'))
	b.addEventListener('click', () => view(b.dataset.to));

$('add').addEventListener('submit', async (e) => {
	e.preventDefault();
	const f = e.target;
	const number = f.elements.number.value.replace(/\D/g, '');
	if (await attempt(() => call('POST', '/accounts', { number, name: f.elements.name.value.trim() }))) {
		f.reset();
		await attempt(pollPhones);
		openPhone(number);
	}
});

$('write-to').addEventListener('submit', (e) => {
	e.preventDefault();
	if (e.target.elements.to.value)
		openChat(e.target.elements.to.value);
});

$('link').addEventListener('submit', async (e) => {
	e.preventDefault();
	const text = e.target.elements.text.value.trim();
	const code = text.replace(/[\s-]/g, '');
	const done = await attempt(() => (code.length === 8
		? call('POST', `/accounts/${state.phone}/code`, { code })
		: call('POST', `/accounts/${state.phone}/scan`, { qr: text })));
	if (done)
		e.target.reset();
	setTimeout(() => { attempt(pollPhones); drawDevices(); }, 1500);
});

forever(pollPhones, 2000);
forever(pollMessages, 500);
