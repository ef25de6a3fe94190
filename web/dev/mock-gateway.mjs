// A gateway for the page tests: REST and huizhen.v1 of docs/PROTOCOL.md in memory, media through a browser page
// (media-page.js) that answers offers. It checks nothing that pages do not rely on and is no part of the product.
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';
import { Consult, GRANTS } from './mock-consult.mjs';
import { PROFILES, restProfiles, restSources } from './mock-theatre.mjs';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const CSP =
	"default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'; img-src 'self' data: blob:; media-src 'self' blob:";

export function makeToken(claims) {
	const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
	return `${part({ alg: 'none' })}.${part({ exp: 4e9, ...claims })}.mock`;
}
function claimsOf(token) {
	try {
		return JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString());
	} catch {
		return null;
	}
}

export async function startMock(port = 0) {
	const mock = { consults: new Map(), links: new Map(), media: null, mediaWaiting: new Map(), nextId: 1, sockets: new Set() };
	const server = createServer((req, res) => void handle(mock, req, res));
	const wss = new WebSocketServer({ noServer: true });
	server.on('upgrade', (req, socket, head) => {
		wss.handleUpgrade(req, socket, head, (ws) => (req.url === '/__media' ? onMedia(mock, ws) : onSocket(mock, ws)));
	});
	await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
	mock.url = `http://127.0.0.1:${server.address().port}`;
	mock.open = (id, title) => {
		const consult = new Consult(id, title, (request) => askMedia(mock, request));
		mock.consults.set(id, consult);
		return consult;
	};
	mock.link = (consult, role, name, options = {}) => addLink(mock, consult, { role, name, ...options });
	mock.held = [];
	mock.hold = (path) => holdOnce(mock, path);
	mock.dropSockets = () => mock.sockets.forEach((ws) => ws.terminate());
	mock.close = () => {
		mock.sockets.forEach((ws) => ws.terminate());
		mock.media?.terminate();
		server.close();
	};
	return mock;
}

// --- media page

function onMedia(mock, ws) {
	mock.media = ws;
	ws.on('close', () => (mock.media = null));
	ws.on('message', (data) => {
		const answer = JSON.parse(data);
		mock.mediaWaiting.get(answer.id)?.(answer);
		mock.mediaWaiting.delete(answer.id);
	});
}
function askMedia(mock, request) {
	if (!mock.media) return Promise.resolve({});
	const id = mock.nextId++;
	mock.media.send(JSON.stringify({ id, ...request }));
	return new Promise((resolve) => mock.mediaWaiting.set(id, resolve));
}

// --- HTTP

/** The next GET of this path is answered as things are then, but once released. */
function holdOnce(mock, path) {
	const one = { path };
	one.asked = new Promise((resolve) => (one.ask = resolve));
	one.released = new Promise((resolve) => (one.release = resolve));
	mock.held.push(one);
	return one;
}
function heldBack(mock, req, path, res) {
	const at = req.method === 'GET' ? mock.held.findIndex((one) => one.path.test(path)) : -1;
	if (at < 0) return;
	const [one] = mock.held.splice(at, 1);
	const end = res.end.bind(res);
	res.end = (body) => void one.released.then(() => end(body));
	one.ask();
}

async function handle(mock, req, res) {
	const path = new URL(req.url, 'http://x').pathname;
	heldBack(mock, req, path, res);
	try {
		if (path.startsWith('/api/v1/')) await rest(mock, req, res, path.slice(8).split('/').map(decodeURIComponent));
		else if (path.startsWith('/whep/')) res.writeHead(404).end();
		else await page(res, path);
	} catch {
		res.writeHead(500).end();
	}
}

async function page(res, path) {
	let file = at(`../dist${path}`);
	if (/^\/j\/|^\/join$/.test(path)) file = at('../dist/join.html');
	else if (path === '/console') file = at('../dist/console.html');
	else if (path === '/records') file = at('../dist/records.html');
	else if (path.startsWith('/watch/')) file = at('../dist/watch.html');
	else if (path.startsWith('/__media')) file = at(path === '/__media.js' ? './media-page.js' : './media-page.html');
	const body = await readFile(file).catch(() => null);
	const headers = { 'Content-Type': TYPES[extname(file)] ?? 'text/plain', 'Content-Security-Policy': CSP };
	res.writeHead(body ? 200 : 404, headers).end(body ?? 'not found');
}

function send(res, status, body, headers = {}) {
	const type = status >= 400 ? 'application/problem+json' : 'application/json';
	res.writeHead(status, { 'Content-Type': type, ...headers }).end(JSON.stringify(body));
}
async function bodyOf(req) {
	let text = '';
	for await (const chunk of req) text += chunk;
	return text ? JSON.parse(text) : {};
}

function addLink(mock, consult, link) {
	const id = `l${mock.nextId++}`;
	const code = `${'code'.padEnd(20, 'x')}${id}`;
	const made = { id, code, consult, state: 'open', single_use: true, expires_ms: Date.now() + 864e5, sub: `p-${id}`, ...link };
	mock.links.set(code, made);
	return made;
}

// As far as a desk sees it: what was said of a source is what it is told.
function restMasks(mock, res, id, body) {
	const consult = mock.consults.get(id);
	const { participant, source, masks, identified = false, fill = 'black', profile } = body;
	const others = (consult.broadcast.masks ?? []).filter((m) => m.participant !== participant || m.source !== source);
	const device = PROFILES.find((p) => p.id === profile)?.masks ?? [];
	consult.broadcast.masks = [...others, { participant, source, masks, identified, fill, profile: profile ?? '', device, version: (mock.nextId += 1) }];
	consult.push();
	return send(res, 200, consult.broadcast);
}

// Keys are typed and never come back.
function restTargets(mock, req, res, id, target, body) {
	const { broadcast } = mock.consults.get(id);
	const list = (broadcast.targets ??= []);
	const known = list.find((one) => one.id === target);
	if (req.method === 'GET') return send(res, 200, { items: list, next: null });
	if (req.method === 'DELETE') broadcast.targets = list.filter((one) => one !== known);
	if (req.method === 'DELETE') return send(res, 204, {});
	if (req.method === 'PATCH') return send(res, 200, Object.assign(known, body, { state: body.enabled ? 'connecting' : 'stopped' }));
	if (!/^(rtmps?|srt):/.test(body.url)) return send(res, 422, { title: 'no', field: '/url' });
	const made = {
		id: `000000${(mock.nextId += 1)}`.slice(-8), url: body.url, key: !!body.key, enabled: true, by: 'dir', state: 'refused', reason: 'unauthorised', since_ms: 1,
		sent_bytes: 12_345_678, reconnects: 2, restarts: 0, dropped: 0,
	};
	list.push(made);
	return send(res, 201, made);
}

// mock.feeds: what viewers are told, by consult.
function restBroadcast(mock, req, res, id, what, body, rest) {
	if (what === 'targets') return restTargets(mock, req, res, id, rest, body);
	if (what === 'masks' && req.method === 'PUT') return restMasks(mock, res, id, body);
	if (what === 'messages' && req.method === 'DELETE') return send(res, 200, { deleted: 7 });
	const feed = mock.feeds?.get(id);
	if (!feed) return send(res, 404, { title: 'no broadcast' });
	if (what === 'messages' && req.method === 'POST') return send(res, 201, { id: '99', state: 'waiting' });
	if (what === 'feed') return send(res, 200, { ...feed, now_ms: Date.now() });
	return send(res, 404, { title: 'no poster' });
}

async function rest(mock, req, res, [kind, id, sub, subId, what]) {
	const body = await bodyOf(req);
	if (kind === 'links') return restLink(mock, req, res, id, sub);
	if (kind === 'consults' && sub === 'broadcast') return restBroadcast(mock, req, res, id, subId, body, what);
	const claims = claimsOf((req.headers.authorization ?? '').replace('Bearer ', ''));
	if (!claims) return send(res, 401, { title: 'no token' });
	if (kind === 'recordings') return send(res, 200, { items: req.url.includes('consult=') ? [] : mockRecords(), next: null });
	if (kind === 'profiles') return restProfiles(req, res, id, body, send);
	if (kind === 'archive') return send(res, 200, mockArchive());
	if (!id && req.method === 'GET') {
		return send(res, 200, { items: [...mock.consults.values()].map((c) => c.rest()), next: null });
	}
	if (!id) return send(res, 201, mock.open(`c${mock.nextId++}`, body.title).rest());
	const consult = mock.consults.get(id);
	if (!consult) return send(res, 404, { title: 'no such consult' });
	if (!sub) {
		if (body.status === 'closed') consult.close();
		return send(res, 200, consult.rest());
	}
	if (sub === 'sources') return restSources(mock, req, res, consult, [subId, what], body, send);
	if (sub === 'participants') return restParticipant(req, res, consult, subId, body);
	const mine = [...mock.links.values()].filter((l) => l.consult === id);
	if (req.method === 'POST') {
		const link = addLink(mock, id, body);
		return send(res, 201, { id: link.id, code: link.code, url: `${mock.url}/j/${link.code}`, expires_ms: link.expires_ms });
	}
	if (req.method === 'DELETE') {
		for (const link of mine) if (link.id === subId) link.state = 'revoked';
		return res.writeHead(204).end();
	}
	return send(res, 200, { items: mine.map(({ code: _code, sub: _sub, consult: _c, ...l }) => l), next: null });
}

/** One of each state, for looking at. */
function mockRecords() {
	const states = ['recording', 'finalising', 'finalised', 'delivered', 'failed', 'deleted'];
	return states.map((state, i) => ({
		id: `00000000-0000-4000-8000-00000000000${i}`, consult: 'visit', title: '肺结节多学科远程会诊', started_ms: Date.now() - (i + 1) * 36e5,
		ended_ms: i ? Date.now() - i * 36e5 - 6e5 : null, started_by: '', state, error: state === 'failed' ? 'no space left on the disk' : '',
		lost: state === 'delivered', torn: state === 'finalised', ...(/finalised|delivered/.test(state) && { delivery: mockDelivery(state) }),
	}));
}

function mockDelivery(state) {
	const sent = { state: 'sent', time_ms: Date.now() - 6e5, reason: '' };
	return { pacs: sent, emr: state === 'delivered' ? sent : { ...sent, state: 'parked', reason: 'the EMR refuses it (422 required at Consent.scope)' } };
}

function mockArchive() {
	const to = { configured: true, waiting: 0, parked: 0, delivered: 212, oldest_ms: 0, away_since_ms: 0, error: '' };
	const pacs = { ...to, waiting: 3, parked: 1, oldest_ms: Date.now() - 72e5, away_since_ms: Date.now() - 36e5, error: 'connection refused' };
	const disk = { state: 'low', free_bytes: 21e9, bytes: 2e12 };
	return { recorder: true, disk, outbox: { time_ms: Date.now(), pacs, emr: to } };
}

function restParticipant(req, res, consult, id, body) {
	if (!id) return send(res, 200, { items: consult.people().map((p) => consult.view(p)), next: null });
	if (req.method === 'DELETE') consult.remove(id);
	if (req.method === 'PATCH') consult.setStatus(id, body.status);
	return req.method === 'DELETE' ? res.writeHead(204).end() : send(res, 200, {});
}

function restLink(mock, req, res, code, verb) {
	const link = mock.links.get(code);
	if (!link) return send(res, 404, { title: 'no such link' });
	if (!verb) {
		const consult = mock.consults.get(link.consult);
		const record = consult?.record === 'on' ? 'on' : consult?.wish ? 'asked' : 'off';
		return send(res, 200, { consult_title: consult?.title ?? '', role: link.role, name: link.name, state: link.state, record });
	}
	const cookie = `hz_l_${link.id}=1`;
	if (link.state === 'used' && !(req.headers.cookie ?? '').includes(cookie)) return send(res, 409, { title: 'used' });
	if (link.single_use) link.state = 'used';
	const token = makeToken({ sub: link.sub, name: link.name, role: link.role, consult: link.consult });
	send(
		res, 200, { token, consult: link.consult ?? null, role: link.role, name: link.name, participant: link.sub },
		{ 'Set-Cookie': `${cookie}; Path=/; HttpOnly; SameSite=Strict` },
	);
}

// --- WebSocket

function onSocket(mock, ws) {
	mock.sockets.add(ws);
	let session = null;
	ws.on('close', () => {
		mock.sockets.delete(ws);
		session?.consult.away(session, ws);
	});
	ws.on('message', async (data) => {
		const { id, method, params } = JSON.parse(data);
		const reply = (result) => ws.send(JSON.stringify({ jsonrpc: '2.0', id, result }));
		const refuse = (code) => ws.send(JSON.stringify({ jsonrpc: '2.0', id, error: { code, message: 'refused' } }));
		if (method === 'join') {
			if (mock.full) return refuse(-32005);
			session = join(mock, ws, params);
			if (!session) return refuse(-32001);
			reply(session.consult.joined(session));
			session.consult.welcome(session);
		} else if (!session) {
			refuse(-32000);
		} else {
			const result = await session.consult.request(session, method, params);
			if (typeof result === 'number') refuse(result);
			else reply(result);
		}
	});
}

function join(mock, ws, params) {
	if (params.resume_key) {
		for (const consult of mock.consults.values()) {
			const p = consult.byResumeKey(params.resume_key);
			if (p) return consult.attach(p, ws, true);
		}
		return null;
	}
	const claims = claimsOf(params.token);
	const consult = claims && mock.consults.get(claims.consult);
	if (!consult || consult.status !== 'open' || consult.removed.has(claims.sub) || !GRANTS[claims.role]) return null;
	const p = consult.add(claims);
	if (params.consent) p.consent = params.consent.given ? 'given' : 'refused';
	return consult.attach(p, ws, false);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const mock = await startMock(Number(process.argv[2] ?? 8090));
	mock.open('demo', '心内科远程会诊');
	console.log(`${mock.url}/j/${mock.link('demo', 'patient', '王小明').code}`);
	console.log(`${mock.url}/console#token=${makeToken({ sub: 'admin', name: '李护士长', role: 'admin' })}`);
}
