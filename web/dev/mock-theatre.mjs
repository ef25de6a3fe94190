// Theatre sources and device profiles of the mock gateway.
const base = {
	kind: 'camera', loop: false, enabled: true, sync_ms: 0, state: 'live', reason: '', video: 'h264', audio: 'opus', width: 1920, height: 1080, fps: 25, passed_video: true, passed_audio: false,
	synced: true, bitrate_bps: 4_200_000, attempts: 1, restarts: 0, keyframes_unmet: 0, thumbnail_ms: null, withheld: false,
};
const none = { video: '', audio: '', width: 0, height: 0, fps: 0, bitrate_bps: 0, passed_video: false };

/** One of each that looks different. */
export function someSources() {
	const at = Date.now();
	const source = (id, name, url, part) => ({ ...base, id, name, url, since_ms: at - 90_000, ...part });
	return [
		source('or1', '手术室一 全景', 'rtsp://***@10.20.0.11/stream1', { thumbnail_ms: at }),
		source('endo', '腹腔镜 Endoscope tower 2', 'srt://:9000?mode=listener', { kind: 'endoscope', width: 3840, height: 2160, fps: 50, bitrate_bps: 18e6, attempts: 3, thumbnail_ms: at }),
		source('us', '术中超声', 'rtsp://***@10.20.0.14/us', { kind: 'ultrasound', withheld: true, passed_video: false, video: 'h265' }),
		source('micro', 'Microscope', 'rtmp://10.20.0.15/***', { ...none, kind: 'microscope', state: 'retrying', reason: 'unauthorised', attempts: 12, restarts: 1 }),
		source('cam2', 'Camera 2', 'srt://10.20.0.16:9001', { ...none, state: 'connecting', attempts: 1 }),
		source('old', '旧摄像机', '', { ...none, state: 'locked', attempts: 0 }),
		source('intro', 'Intro', 'file:intro.mp4', { ...none, kind: 'screen', state: 'off', enabled: false, loop: true }),
	];
}

const SCENE = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 180" width="320" height="180"><rect width="320" height="180" fill="#5b7f86"/><circle cx="160" cy="80" r="46" fill="#dfe9e4"/><rect x="60" y="120" width="200" height="40" rx="8" fill="#2f6f66"/></svg>';

const shown = (url) => url.replace(/\/\/[^@/]*@/, '//***@');

export function restSources(mock, req, res, consult, [id, what], body, send) {
	consult.sources ??= [];
	const found = consult.sources.find((s) => s.id === id);
	if (!id && req.method === 'GET') return send(res, 200, { items: consult.sources, next: null });
	if (!id) {
		if (!/^(rtsps?|srt|rtmp):\/\/\S+$|^(file|test):/.test(body.url)) return send(res, 422, { title: 'Unprocessable', detail: 'rtsp, rtsps, srt, rtmp, file: or test:', field: '/url' });
		const made = { ...base, ...none, state: 'connecting', ...body, url: shown(body.url), id: `source-${mock.nextId++}`, since_ms: Date.now() };
		consult.sources.push(made);
		return send(res, 201, made);
	}
	if (!found) return send(res, 404, { title: 'no such source' });
	if (what === 'thumbnail') return found.thumbnail_ms ? res.writeHead(200, { 'Content-Type': 'image/svg+xml' }).end(SCENE) : send(res, 404, { title: 'none' });
	if (req.method === 'DELETE') {
		consult.sources = consult.sources.filter((s) => s !== found);
		return res.writeHead(204).end();
	}
	if (req.method === 'PATCH') Object.assign(found, body, body.url ? { url: shown(body.url) } : {}, 'enabled' in body ? { state: body.enabled ? 'connecting' : 'off' } : {});
	return send(res, 200, found);
}

export const PROFILES = [{ id: 'us-x', name: '超声 X', fill: 'grey', masks: [{ x: 0, y: 0, w: 1, h: 0.08 }] }];

export function restProfiles(req, res, id, body, send) {
	const at = PROFILES.findIndex((p) => p.id === id);
	if (req.method === 'GET') return send(res, 200, { items: PROFILES, next: null });
	if (req.method === 'DELETE') {
		if (at >= 0) PROFILES.splice(at, 1);
		return res.writeHead(at >= 0 ? 204 : 404).end();
	}
	PROFILES.splice(at >= 0 ? at : PROFILES.length, at >= 0 ? 1 : 0, { id, ...body });
	return send(res, 200, { id, ...body });
}
