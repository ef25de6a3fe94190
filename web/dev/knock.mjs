// Keeps a participant's place in the lobby: joins over huizhen.v1 and stays, without media. The simulated patient of
// `./dev run --demo` knocks with it, since WHIP alone is refused until a host has admitted its participant.
//   HUIZHEN_TOKEN=... node web/dev/knock.mjs http://127.0.0.1:8080
import WebSocket from 'ws';

const url = `${(process.argv[2] ?? 'http://127.0.0.1:8080').replace(/^http/, 'ws')}/ws`;
const token = process.env.HUIZHEN_TOKEN;
if (!token) {
	console.error('knock: HUIZHEN_TOKEN is missing');
	process.exit(2);
}
let resumeKey;
let ended = false;

function connect() {
	const socket = new WebSocket(url, 'huizhen.v1', { rejectUnauthorized: false });
	socket.on('open', () => {
		const params = { ...(resumeKey ? { resume_key: resumeKey } : { token }), client: { name: 'knock', version: '1' } };
		socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'join', params }));
	});
	socket.on('message', (data) => {
		const message = JSON.parse(String(data));
		if (message.id === 1 && message.error) resumeKey = undefined;
		if (message.id === 1 && message.result) resumeKey = message.result.resume_key;
		if (message.method === 'end') ended = true;
	});
	socket.on('error', () => undefined);
	socket.on('close', () => (ended ? process.exit(0) : setTimeout(connect, 1000)));
}
connect();
