// SPDX-License-Identifier: GPL-3.0-or-later
// The phones of the sandbox: lists on the left, one chat on the right. All
// text of people goes through textContent, never through markup.

const $ = (id) => document.getElementById(id);
const base = '/v1/sandbox';
const STATUS = 'status@broadcast';
const state = { phones: [], groups: new Map(), phone: null, peer: null, cursor: 0, messages: new Map(), quote: null, typing: null, run: 0 };
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
const isPerson = (chat) => chat !== STATUS && !state.groups.has(chat) && chat.length <= 15;
const label = (chat) => (chat === STATUS ? 'Statuses' : state.groups.get(chat)?.subject ||
	nameOf(chat) || (isPerson(chat) ? `+${chat}` : `Group ${chat}`));
function about(chat) {
	if (chat === STATUS)
		return 'of all contacts';
	const g = state.groups.get(chat);
	return g ? g.members.map((m) => (m.number === state.phone ? 'you' : label(m.number))).join(', ') : `+${chat}`;
}
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
		c.unread += !m.from_me && m.status === 'received' && isPerson(m.chat);
		c.last = m.number > c.last.number ? m : c.last;
		chats.set(m.chat, c);
	}
	if (state.peer && !chats.has(state.peer))
		chats.set(state.peer, { number: state.peer, unread: 0, last: null });
	const sorted = [...chats.values()].sort((a, b) => (b.last?.number ?? Infinity) - (a.last?.number ?? Infinity));
	renew($('chats'), JSON.stringify([state.phone, state.peer, sorted.map((c) => [c.number, c.unread, c.last?.seq, label(c.number)])]),
		() => sorted.map((c) => row(label(c.number), c.last ? c.last.text || kindName(c.last) : '', c.unread,
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

/* ---- what a message is, and what people did with it ---- */

const KINDS = { image: '📷 picture', video: '🎞 video', audio: '🎵 audio', document: '📄 document', sticker: 'sticker',
	location: '📍 location', live_location: '📍 live location', poll: '📊 poll', event: '📅 event', contact: '👤 contact',
	album: 'album', menu: 'menu', group_invite: 'invitation to a group' };
function kindName(m) {
	const media = m.content?.media ?? {};
	const name = media.ptt ? '🎤 voice note' : media.ptv ? 'video note' : media.gif ? 'GIF' : KINDS[m.kind] ?? m.kind.replaceAll('_', ' ');
	return m.content?.view_once ? `${name}, view once` : name;
}

/* The file of a message as a URL of this page; fetched once. */
const files = new Map();
function fileOf(m) {
	const key = `${state.phone} ${m.id}`;
	if (!files.has(key))
		files.set(key, call('GET', `/accounts/${state.phone}/messages/${m.id}/file`).then((f) =>
			URL.createObjectURL(new Blob([Uint8Array.from(atob(f.base64), (c) => c.charCodeAt(0))], { type: f.mimetype }))));
	return files.get(key);
}

/* Who looks at the newest message goes on doing so when a picture above it appears. */
function keepEnd() {
	const list = $('messages');
	if (state.atEnd)
		list.scrollTop = list.scrollHeight;
}

function mediaOf(m) {
	const media = m.content?.media;
	if (!media)
		return [];
	const name = media.file_name || kindName(m);
	const tag = { image: 'img', sticker: 'img', audio: 'audio', video: 'video' }[m.kind] ?? 'a';
	const e = el(tag, { className: `media ${m.kind}`, ...(tag === 'img' ? { alt: media.alt || m.text || name } : tag === 'a' ?
		{ textContent: `📄 ${name}, ${media.size ?? 0} bytes`, download: name } : { controls: true, ariaLabel: name }) });
	if (tag === 'img' && media.width)
		Object.assign(e, { width: media.width, height: media.height });
	e.onload = e.onloadedmetadata = keepEnd;
	const hint = el('span', { className: 'hint', hidden: true });
	fileOf(m).then((url) => { e[tag === 'a' ? 'href' : 'src'] = url; }, (err) => {
		if (tag === 'img' && media.thumbnail)
			e.src = `data:image/jpeg;base64,${media.thumbnail}`;
		hint.textContent = `[${name}: ${err.message}]`;
		hint.hidden = false;
	});
	return [e, hint];
}

const act = (m, content) => post(m.chat, { content: { ...content, target: { id: m.id } } });
const choice = (text, onclick) => el('button', { type: 'button', className: 'choice', textContent: text, onclick });

/* Poll: an option is a button that votes for it. Event: three answers. */
function choices(m) {
	const c = m.content ?? {};
	const marks = m.marks ?? [];
	if (m.kind === 'poll')
		return c.options.map((o) => {
			const votes = marks.filter((x) => x.kind === 'vote' && x.options.includes(o));
			const mine = votes.some((x) => x.by === state.phone);
			const b = choice(`${mine ? '☑' : '☐'} ${o}${votes.length ? `  ·  ${votes.length}` : ''}`, () => {
				const old = marks.find((x) => x.kind === 'vote' && x.by === state.phone)?.options ?? [];
				const rest = c.selectable === 1 ? [] : old.filter((x) => x !== o);
				act(m, { kind: 'poll_vote', options: mine ? rest : [...rest, o] });
			});
			b.title = votes.map((x) => label(x.by)).join(', ');
			return b;
		});
	if (m.kind === 'event')
		return ['yes', 'maybe', 'no'].map((answer) => choice(answer, () => act(m, { kind: 'event_answer', answer })));
	return [];
}

function details(m) {
	const c = m.content ?? {};
	const lines = (c.buttons ?? []).map((b) => `• ${b.text}`);
	lines.push(...(c.sections ?? []).flatMap((s) => s.rows ?? []).map((r) => `• ${r.title}`));
	if (c.latitude !== undefined)
		lines.push(`${c.latitude}, ${c.longitude}${c.address ? `, ${c.address}` : ''}`);
	lines.push(...(c.contacts ?? []).map((x) => `${x.name ?? ''} ${x.phone ?? ''}`.trim()));
	if (c.start)
		lines.push(new Date(c.start).toLocaleString());
	if (c.description)
		lines.push(c.description);
	if (c.link?.title)
		lines.push(`🔗 ${c.link.title}`);
	const words = (x) => ({ pin: '📌 pinned', keep: 'kept' }[x.kind] ?? x.text ?? x.answer ?? x.kind);
	lines.push(...(m.marks ?? []).filter((x) => x.kind !== 'vote').map((x) => `${label(x.by)}: ${words(x)}`));
	return lines;
}

function reactions(m) {
	const open = el('button', { type: 'button', className: 'reply', textContent: '☺', title: 'React', ariaLabel: 'React to this message' });
	open.onclick = () => open.replaceWith(...['👍', '❤️', '😂', '🙏'].map((text) =>
		el('button', { type: 'button', className: 'reply', textContent: text, onclick: () => act(m, { kind: 'reaction', text }) })));
	return open;
}

function bubble(m) {
	const li = el('li', { className: `bubble${m.from_me ? ' mine' : ''}${m.kind === 'sticker' ? ' bare' : ''}` });
	const quoted = m.quoted_id && [...state.messages.values()].find((q) => q.id === m.quoted_id);
	const meta = el('span', { className: 'meta' });
	if (m.quoted_id)
		li.append(el('span', { className: 'quote', textContent: quoted ? quoted.text || kindName(quoted) : 'an earlier message' }));
	if (!m.from_me && !isPerson(m.chat))
		li.append(el('b', { className: 'sender', textContent: label(m.sender ?? '') }));
	li.append(...mediaOf(m));
	if (m.kind !== 'text' && !m.content?.media)
		li.append(el('span', { className: 'hint', textContent: `${kindName(m)} ` }));
	else if (m.content?.view_once)
		li.append(el('span', { className: 'hint', textContent: 'view once ' }));
	li.append(...(m.text ? formatted(m.text) : []));
	for (const line of details(m))
		li.append(el('br'), line);
	li.append(...choices(m));
	if (m.content?.background)
		Object.assign(li.style, { background: `#${m.content.background.slice(-6)}`, color: `#${(m.content.text_colour ?? 'ffffff').slice(-6)}` });
	const reply = el('button', { type: 'button', className: 'reply', textContent: '↩', title: 'Quote', ariaLabel: 'Quote this message' });
	reply.onclick = () => { quote(m); $('text').focus(); };
	if (m.chat !== STATUS)
		meta.append(reactions(m), reply);
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
	$('peer-state').textContent = open && state.typing === state.peer ? 'typing' : open ? about(state.peer) : '';
	$('peer-state').classList.toggle('dots', open && state.typing === state.peer);
	for (const e of [...$('send').elements, ...$('quick').children])
		e.disabled = !open || state.peer === STATUS;
	$('more').hidden = !open || state.peer === STATUS;
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
	$('quoting').firstElementChild.textContent = m ? m.text || kindName(m) : '';
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
	if (unread && !document.hidden && isPerson(state.peer))
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
	const [list, sum, groups] = await Promise.all([call('GET', '/accounts'), call('GET', ''), call('GET', '/groups')]);
	state.groups = new Map(groups.groups.map((g) => [g.id, g]));
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

/* Says something in a chat: to a person, or as a member in a group. */
async function post(chat, what) {
	const done = await attempt(() => (isPerson(chat)
		? call('POST', `/accounts/${state.phone}/messages`, { to: chat, ...what })
		: call('POST', `/groups/${chat}/messages`, { from: state.phone, ...what })));
	await attempt(pollMessages);
	state.atEnd = true;
	keepEnd();
	return done;
}

async function send(text) {
	if (await post(state.peer, { text, ...(state.quote && { quote: state.quote.id }) }))
		quote(null);
}

/* ---- files, places, polls ---- */

const FILE_MAX = 150 * 1024;	/* what the REST API takes in base64 */

async function smaller(file) {
	const picture = await createImageBitmap(file);
	for (let edge = 1280; edge >= 160; edge /= 2) {
		const scale = Math.min(1, edge / Math.max(picture.width, picture.height));
		const canvas = el('canvas', { width: Math.round(picture.width * scale), height: Math.round(picture.height * scale) });
		canvas.getContext('2d').drawImage(picture, 0, 0, canvas.width, canvas.height);
		const blob = await new Promise((r) => { canvas.toBlob(r, 'image/jpeg', 0.8); });
		if (blob.size <= FILE_MAX)
			return blob;
	}
	return file;
}

async function sendFile(file) {
	const kind = ['image', 'video', 'audio'].find((k) => file.type.startsWith(`${k}/`)) ?? 'document';
	const blob = kind === 'image' && (file.size > FILE_MAX || file.type !== 'image/jpeg') ? await smaller(file) : file;
	if (blob.size > FILE_MAX)
		throw new Error(`${file.name}: more than ${FILE_MAX / 1024} KiB`);
	const url = await new Promise((resolve) => {
		const r = new FileReader();
		r.onload = () => resolve(r.result);
		r.readAsDataURL(blob);
	});
	const { id } = await call('POST', '/media', { base64: url.slice(url.indexOf(',') + 1), type: kind, mimetype: blob.type || 'application/octet-stream' });
	await post(state.peer, { content: { kind, media: { id, ...(kind === 'audio' && { ptt: true }), ...(kind === 'document' && { file_name: file.name }) } } });
}

$('file').addEventListener('change', async (e) => {
	for (const file of e.target.files)
		await attempt(() => sendFile(file));
	e.target.value = '';
	$('more').open = false;
});
$('messages').addEventListener('scroll', (e) => {
	const list = e.target;
	state.atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
});
$('place').addEventListener('submit', (e) => {
	e.preventDefault();
	const [latitude, longitude] = e.target.elements.at.value.split(/[,\s]+/).map(Number);
	post(state.peer, { content: { kind: 'location', latitude, longitude } });
	$('more').open = false;
});
$('poll').addEventListener('submit', (e) => {
	e.preventDefault();
	const f = e.target.elements;
	post(state.peer, { content: { kind: 'poll', name: f.name.value.trim(), options: f.options.value.split('\n').map((o) => o.trim()).filter(Boolean) } });
	e.target.reset();
	$('more').open = false;
});

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
const tell = (on, to = state.peer) => isPerson(to) && call('POST', `/accounts/${state.phone}/typing`, { to, on }).catch(() => {});
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
