// One consult of the mock gateway: who is there, who waits, who may see what.
const HOST = ['publish', 'subscribe', 'admit', 'record', 'image', 'create', 'manage'];
export const GRANTS = {
	patient: ['publish', 'subscribe'],
	companion: ['publish', 'subscribe'],
	interpreter: ['publish', 'subscribe'],
	clinic: HOST,
	expert: ['publish', 'subscribe', 'admit', 'record', 'image', 'opinion'],
	observer: ['subscribe'],
	theatre: ['publish'],
	director: ['subscribe', 'direct'],
	admin: HOST.filter((g) => g !== 'publish'),
};
const WAITS = ['patient', 'companion', 'interpreter'];

// One media page serves all consults: what it is asked for late, by a page that has gone, must not be another's.
let tracks = 0;
const newTrack = () => `t${(++tracks).toString(16)}`;

export class Consult {
	constructor(id, title, media) {
		Object.assign(this, { id, title, media, status: 'open', removed: new Set(), version: 0, created: Date.now() });
		this.list = [];
		this.chat = [];
	}
	people() {
		return this.list;
	}
	rest() {
		const inside = this.list.filter((p) => p.status !== 'lobby').length;
		const { id, title, status } = this;
		return { id, title, status, created_ms: this.created, participants: inside, lobby: this.list.length - inside };
	}
	add(claims) {
		let p = this.list.find((x) => x.id === claims.sub);
		if (p) return p;
		const status = WAITS.includes(claims.role) ? 'lobby' : 'admitted';
		p = { id: claims.sub, name: claims.name, role: claims.role, status, hand: false, quality: 'good', tracks: [], joined: Date.now() };
		p.resume_key = `r-${this.id}-${claims.sub}-${this.list.length}`;
		this.list.push(p);
		if (status === 'lobby') this.ring(p);
		return p;
	}
	/** Somebody without a browser: pictures and sound are made by the media page. */
	bot(claims, sources) {
		const p = this.add(claims);
		p.status = claims.status ?? 'admitted';
		Object.assign(p, { hand: claims.hand ?? false, quality: claims.quality ?? 'good', joined: Date.now() - (claims.ago ?? 0) });
		for (const s of sources) {
			const { source, muted = false } = typeof s === 'string' ? { source: s } : s;
			const id = newTrack();
			const kind = source === 'microphone' ? 'audio' : 'video';
			p.tracks.push({ id, kind, source, label: '', muted, active: !muted, codec: 'vp8', layers: 1 });
			void this.media({ type: 'bot', track: id, kind, name: p.name, source });
		}
		this.push();
		return p;
	}
	attach(p, ws, resumed) {
		const session = { consult: this, p, resumed };
		if (p.ws && p.ws !== ws) p.ws.close(4001);
		p.ws = ws;
		if (p.status === 'away') p.status = 'admitted';
		return session;
	}
	away(session, ws) {
		if (session.p.ws !== ws) return;
		session.p.ws = null;
		if (session.p.status === 'admitted') session.p.status = 'away';
		this.push();
	}
	byResumeKey(key) {
		return this.list.find((p) => p.resume_key === key);
	}
	joined(session) {
		const { p, resumed } = session;
		return {
			session: `s-${p.id}`, resume_key: p.resume_key, resumed, participant: p.id, consult: { id: this.id, title: this.title },
			role: p.role, grants: GRANTS[p.role], ice_servers: [], state: this.stateFor(p),
		};
	}
	welcome(session) {
		if (session.p.status !== 'lobby') for (const m of this.chat) this.tell(session.p, 'chat', m);
		this.push();
	}
	view(p) {
		const { id, name, role, status, hand, quality, tracks, joined } = p;
		const base = { id, name, role, status, hand, quality, joined_ms: joined, tracks };
		return status === 'lobby' ? { ...base, waiting_s: Math.round((Date.now() - joined) / 1000) } : base;
	}
	stateFor(p) {
		const lobby = this.list.filter((x) => x.status === 'lobby');
		const waiting = p.status === 'lobby';
		const you = {
			id: p.id, role: p.role, status: p.status, hand: p.hand, position: waiting ? lobby.indexOf(p) + 1 : 0,
			waiting_s: waiting ? Math.round((Date.now() - p.joined) / 1000) : 0, consent: p.consent ?? 'none',
		};
		const record = { state: this.record ?? 'off', wish: this.wish ?? 'off' };
		if (this.problem && !waiting) record.problem = this.problem;
		const consult = { id: this.id, title: this.title, status: this.status, record };
		const state = { version: this.version, you, consult };
		if (waiting) return state;
		consult.mix = true;
		if (this.picture) consult.picture = true;
		const host = GRANTS[p.role].includes('admit');
		const consent = (x) => (host || x === p ? { consent: x.consent ?? 'none' } : {});
		if (this.broadcast && GRANTS[p.role].includes('direct')) consult.broadcast = this.broadcast;
		state.participants = this.list.filter((x) => x.status !== 'lobby').map((x) => ({ ...this.view(x), ...consent(x) }));
		if (GRANTS[p.role].includes('admit')) state.lobby = lobby.map((x) => this.view(x));
		return state;
	}
	tell(p, method, params) {
		p.ws?.send(JSON.stringify({ jsonrpc: '2.0', method, params }));
	}
	push() {
		this.version++;
		for (const p of this.list) this.tell(p, 'state', this.stateFor(p));
	}
	ring(p) {
		const bell = { participant: p.id, name: p.name, role: p.role };
		for (const x of this.list) if (GRANTS[x.role].includes('admit')) this.tell(x, 'bell', bell);
	}
	/** What the link of one participant leaves of others' pictures: [participant, source, step] each. */
	ladder(id, steps) {
		const trackOf = (who, source) => this.list.find((p) => p.id === who)?.tracks.find((t) => t.source === source)?.id;
		const items = steps.map(([who, source, step], i) => ({ mid: String(i), track: trackOf(who, source), step, layer: 0 }));
		for (const p of this.list) if (p.id === id) this.tell(p, 'ladder', { estimate_bps: 180_000, items });
	}
	/** Somebody interprets. */
	interpret(id, language) {
		for (const t of this.list.find((p) => p.id === id)?.tracks ?? []) if (t.source === 'microphone') t.language = language;
		this.push();
	}
	speak(ids) {
		for (const p of this.list) if (p.status === 'admitted') this.tell(p, 'speakers', { ids });
	}
	setStatus(id, status) {
		const p = this.list.find((x) => x.id === id);
		if (!p) return -32004;
		p.status = status;
		p.joined = Date.now();
		if (status === 'lobby') p.tracks = [];
		this.push();
		return {};
	}
	remove(id) {
		const p = this.list.find((x) => x.id === id);
		if (!p) return -32004;
		this.removed.add(id);
		this.list = this.list.filter((x) => x !== p);
		this.tell(p, 'end', { reason: 'removed' });
		this.push();
		return {};
	}
	close() {
		this.status = 'closed';
		for (const p of this.list) this.tell(p, 'end', { reason: 'closed' });
		this.list = [];
	}
	say(from, text) {
		const message = { id: `m${this.chat.length}`, from: from.id, name: from.name, text, time: Date.now() };
		this.chat.push(message);
		for (const x of this.list) if (x.status !== 'lobby') this.tell(x, 'chat', message);
		return { id: message.id };
	}
	async offer(p, params) {
		const before = p.tracks;
		const was = new Map(before.map((t) => [t.id, t.muted]));
		const tracks = params.publish.map((x) => {
			const old = before.find((t) => t.source === x.source);
			const id = old?.id ?? newTrack();
			const kind = x.source === 'microphone' ? 'audio' : 'video';
			return { id, kind, source: x.source, label: x.label, muted: x.muted, active: true, codec: '', layers: 1 };
		});
		const mids = params.publish.map((x, i) => [x.mid, tracks[i].id]);
		const answer = await this.media({ type: 'offer', session: `${this.id}/${p.id}`, sdp: params.sdp, publish: mids, recv: params.recv });
		// Told once it is there to be had: any other's news would tell of it too early, and who asked then would get nothing for good.
		const meanwhile = ({ id, muted }) => p.tracks.find((t) => t.id === id && t.muted !== was.get(id))?.muted ?? muted;
		if (p.status !== 'lobby') p.tracks = tracks.map((t) => ({ ...t, muted: meanwhile(t) }));
		this.push();
		return answer.sdp ? { sdp: answer.sdp } : -32006;
	}
	async request({ p }, method, params) {
		const host = GRANTS[p.role].includes('admit');
		if (method === 'ping') return { time: Date.now() };
		if (method === 'stats.report' || method === 'layout.report') return {};
		if (method === 'consent.set') {
			if (this.deaf) return -32603;
			p.consent = params.given ? 'given' : p.consent === 'given' ? 'withdrawn' : 'refused';
			this.push();
			return { consent: p.consent };
		}
		if (method === 'leave') {
			this.list = this.list.filter((x) => x !== p);
			this.push();
			return {};
		}
		if (p.status === 'lobby') return -32003;
		if (method === 'offer') return this.offer(p, params);
		if (method === 'subscribe') {
			await this.media({ type: 'subscribe', session: `${this.id}/${p.id}`, items: params.items });
			return {};
		}
		if (method === 'broadcast.program') {
			const { source, layout, beside } = params;
			this.broadcast = { ...this.broadcast, on_air: source, layout: beside ? layout : undefined, beside };
			this.push();
			return { broadcast: this.broadcast };
		}
		if (method === 'audience.list') return { items: this.audience ?? [], next: null };
		if (method === 'chat.send') return this.say(p, params.text);
		if (method === 'hand') {
			p.hand = params.raised;
			this.push();
			return {};
		}
		if (method === 'track.update') {
			const track = this.list.flatMap((x) => x.tracks).find((t) => t.id === params.track);
			if (!track) return -32004;
			track.muted = params.muted;
			this.push();
			return {};
		}
		if (method === 'stats.get') {
			const client = { rtt_ms: 40, lost_percent: 0, available_bps: 1.9e6, transport: 'tcp' };
			const stats = { rtt_ms: 38, up_bps: 1.24e6, down_bps: 2.1e6, up_lost_percent: 0.4, estimate_bps: 2.6e6, quality: 'good', client };
			return { stats };
		}
		if (!host) return -32002;
		if (method === 'lobby.admit') return this.setStatus(params.participant, 'admitted');
		if (method === 'lobby.return') return this.setStatus(params.participant, 'lobby');
		if (method === 'participant.remove') return this.remove(params.participant);
		return -32601;
	}
}
