// Runs in a browser tab: answers the pages' offers for the mock gateway and forwards what they publish to one another.
const peers = new Map();
const tracks = new Map();
const socket = new WebSocket(`ws://${location.host}/__media`);
const jobs = new Map();

socket.onmessage = ({ data }) => {
	const request = JSON.parse(data);
	const before = jobs.get(request.session) ?? Promise.resolve();
	const run = before
		.then(() => ({ offer, subscribe, bot })[request.type](request))
		.catch((error) => ({ error: String(error) }));
	jobs.set(request.session, run);
	void run.then((answer) => socket.send(JSON.stringify({ id: request.id, ...answer })));
};

async function offer({ session, sdp, publish, recv }) {
	let pc = peers.get(session);
	const fingerprint = /a=fingerprint:(.*)/.exec(sdp)[1];
	if (!pc || pc.fingerprint !== fingerprint) {
		pc?.close();
		pc = new RTCPeerConnection();
		pc.fingerprint = fingerprint;
		peers.set(session, pc);
		pc.onconnectionstatechange = () => pc.connectionState === 'failed' && pc.close(); // its page is gone
	}
	await pc.setRemoteDescription({ type: 'offer', sdp });
	for (const t of pc.getTransceivers()) {
		const slot = recv.find((r) => r.mid === t.mid);
		if (!slot) continue;
		t.direction = 'sendonly';
	}
	for (const [mid, track] of publish) {
		tracks.set(track, pc.getTransceivers().find((t) => t.mid === mid)?.receiver.track);
	}
	await pc.setLocalDescription();
	if (pc.iceGatheringState !== 'complete') {
		await new Promise((resolve) => {
			pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && resolve();
			setTimeout(resolve, 2000);
		});
	}
	return { sdp: pc.localDescription.sdp };
}

async function subscribe({ session, items }) {
	for (const { mid, track, quality } of items) {
		const t = peers.get(session)?.getTransceivers().find((x) => x.mid === mid);
		await t?.sender.replaceTrack(track && quality !== 'off' ? (tracks.get(track) ?? null) : null);
	}
	return {};
}

const HUES = { camera: 205, camera2: 160, screen: 40, ultrasound: 0 };
let audio;

function bot({ track, kind, name, source }) {
	tracks.set(track, kind === 'audio' ? hum() : picture(name, source));
	return {};
}

function hum() {
	audio ??= new AudioContext();
	const tone = audio.createOscillator();
	const gain = audio.createGain();
	const out = audio.createMediaStreamDestination();
	gain.gain.value = 0.02;
	tone.connect(gain).connect(out);
	tone.start();
	return out.stream.getAudioTracks()[0];
}

/** Somebody gets it. Bots stay for the whole run: what nobody looks at any more is not drawn, fifteen times a second each. */
function wanted(track) {
	return [...peers.values()].some((pc) => pc.connectionState !== 'closed' && pc.getSenders().some((s) => s.track === track));
}

function picture(name, source) {
	const canvas = document.createElement('canvas');
	canvas.width = 640; // of 1280 by 720: many of them are drawn, encoded and decoded at once
	canvas.height = 360;
	const c = canvas.getContext('2d');
	c.scale(0.5, 0.5);
	const track = canvas.captureStream(15).getVideoTracks()[0];
	let n = 0;
	setInterval(() => {
		if (!wanted(track)) return;
		const hue = HUES[source] ?? 280;
		c.fillStyle = source === 'ultrasound' ? '#05080a' : `hsl(${hue} 22% 34%)`;
		c.fillRect(0, 0, 1280, 720);
		if (source === 'ultrasound') {
			for (let i = 0; i < 400; i++) {
				c.fillStyle = `hsl(0 0% ${Math.random() * 70}%)`;
				const a = 0.9 + Math.random() * 1.35;
				const r = 80 + Math.random() * 560;
				c.fillRect(640 + Math.cos(a) * r, 30 + Math.sin(a) * r, 7, 4);
			}
		} else {
			c.fillStyle = `hsl(${hue} 26% 52%)`;
			c.beginPath();
			c.arc(640, 300 + 8 * Math.sin(n / 9), 130, 0, 7);
			c.ellipse(640, 720, 300, 260, 0, 0, 7);
			c.fill();
		}
		c.fillStyle = '#fff';
		c.font = '48px sans-serif';
		c.fillText(`${name} ${n++}`, 40, 80);
	}, 66);
	return track;
}
