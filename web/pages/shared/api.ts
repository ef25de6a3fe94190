// The gateway's REST interface, /api/v1, as far as the pages use it.
import type {
	Broadcast, Participant, RecordWish, RestArchive, RestArchiveDestination, RestBroadcastDeleted, RestBroadcastMasks, RestConsult, RestConsultList,
	RestLink, RestLinkCreate, RestLinkCreated, RestLinkInfo, RestLinkList, RestLinkRedeemed, RestParticipantList, RestProfile, RestProfileList,
	RestProfilePut, RestRecording, RestRecordingList, RestRecordingOne, RestSource, RestSourceCreate, RestSourceList, RestSourceUpdate,
	RestTargetCreate, RestTargetList, RestTargetUpdate, RestViewing, RestViewingList, RestViewingOpened, Target,
} from '../../sdk/src/protocol';

export class ApiError extends Error {
	/** status 0: the gateway was not reached. */
	constructor(
		readonly status: number,
		message: string,
		readonly field?: string,
	) {
		super(message);
	}
}

async function call<T>(method: string, path: string, token?: string, body?: object): Promise<T> {
	return parse(await ask(method, path, token, body)) as T;
}

async function ask(method: string, path: string, token?: string, body?: object): Promise<string> {
	const headers: Record<string, string> = { Accept: 'application/json' };
	if (token !== undefined) headers.Authorization = `Bearer ${token}`;
	if (body !== undefined) headers['Content-Type'] = 'application/json';
	if (method === 'POST') headers['Idempotency-Key'] = newKey();
	let response: Response;
	let text: string;
	try {
		response = await fetch(`/api/v1${path}`, {
			method,
			headers,
			body: body === undefined ? undefined : JSON.stringify(body),
			credentials: 'same-origin',
			cache: 'no-store',
		});
		text = await response.text();
	} catch {
		throw new ApiError(0, 'network');
	}
	if (!response.ok) {
		const problem = parse(text) as { title?: string; detail?: string; field?: string };
		throw new ApiError(response.status, problem.detail ?? problem.title ?? `HTTP ${response.status}`, problem.field);
	}
	return text;
}

async function picture(path: string, token: string): Promise<Blob> {
	const response = await fetch(`/api/v1${path}`, { headers: { Authorization: `Bearer ${token}` }, credentials: 'same-origin', cache: 'no-store' });
	if (!response.ok) throw new ApiError(response.status, `HTTP ${response.status}`);
	return response.blob();
}

function parse(text: string): object {
	try {
		const value: unknown = JSON.parse(text);
		return typeof value === 'object' && value !== null ? value : {};
	} catch {
		return {};
	}
}

function newKey(): string {
	const bytes = crypto.getRandomValues(new Uint8Array(16));
	return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
}

const id = encodeURIComponent;

export const api = {
	link: (code: string) => call<RestLinkInfo>('GET', `/links/${id(code)}`),
	redeem: (code: string) => call<RestLinkRedeemed>('POST', `/links/${id(code)}/redeem`, undefined, {}),
	consults: (token: string, cursor?: string) =>
		call<RestConsultList>('GET', `/consults?limit=100${cursor ? `&cursor=${id(cursor)}` : ''}`, token),
	consult: (token: string, c: string) => call<RestConsult>('GET', `/consults/${id(c)}`, token),
	createConsult: (token: string, title: string) => call<RestConsult>('POST', '/consults', token, { title }),
	startRecording: (token: string, c: string) => call<RestRecording>('POST', `/consults/${id(c)}/recording`, token, {}),
	stopRecording: (token: string, c: string) => call<void>('DELETE', `/consults/${id(c)}/recording`, token),
	setWish: (token: string, c: string, record: RecordWish) => call<RestConsult>('PATCH', `/consults/${id(c)}`, token, { record }),
	closeConsult: (token: string, c: string) => call<void>('PATCH', `/consults/${id(c)}`, token, { status: 'closed' }),
	participants: (token: string, c: string) =>
		call<RestParticipantList>('GET', `/consults/${id(c)}/participants?limit=100`, token),
	setStatus: (token: string, c: string, p: string, status: 'admitted' | 'lobby') =>
		call<Participant>('PATCH', `/consults/${id(c)}/participants/${id(p)}`, token, { status }),
	removeParticipant: (token: string, c: string, p: string) =>
		call<void>('DELETE', `/consults/${id(c)}/participants/${id(p)}`, token),
	links: (token: string, c: string) => call<RestLinkList>('GET', `/consults/${id(c)}/links?limit=100`, token),
	createLink: (token: string, c: string, link: RestLinkCreate) =>
		call<RestLinkCreated>('POST', `/consults/${id(c)}/links`, token, link),
	revokeLink: (token: string, c: string, l: string) => call<void>('DELETE', `/consults/${id(c)}/links/${id(l)}`, token),
	recordings: (token: string, consult: string | null, cursor?: string) =>
		call<RestRecordingList>(
			'GET', `/recordings?limit=50${consult ? `&consult=${id(consult)}` : ''}${cursor ? `&cursor=${id(cursor)}` : ''}`, token,
		),
	recording: (token: string, r: string) => call<RestRecordingOne>('GET', `/recordings/${id(r)}`, token),
	// Texts, as they are on the disk: their hashes are compared with those that were signed.
	manifest: (token: string, r: string) => ask('GET', `/recordings/${id(r)}/manifest`, token),
	timeline: (token: string, r: string) => ask('GET', `/recordings/${id(r)}/timeline`, token),
	certificate: (token: string, r: string) => ask('GET', `/recordings/${id(r)}/certificate`, token),
	openViewing: (token: string, r: string) => call<RestViewingOpened>('POST', `/recordings/${id(r)}/views`, token, {}),
	renewViewing: (token: string, r: string, v: string) =>
		call<RestViewingOpened>('PUT', `/recordings/${id(r)}/views/${id(v)}`, token),
	viewings: (token: string, r: string, cursor?: string) =>
		call<RestViewingList>('GET', `/recordings/${id(r)}/views?limit=100${cursor ? `&cursor=${id(cursor)}` : ''}`, token),
	setMasks: (token: string, c: string, masks: RestBroadcastMasks) => call<Broadcast>('PUT', `/consults/${id(c)}/broadcast/masks`, token, masks),
	targets: (token: string, c: string) => call<RestTargetList>('GET', `/consults/${id(c)}/broadcast/targets`, token),
	addTarget: (token: string, c: string, target: RestTargetCreate) => call<Target>('POST', `/consults/${id(c)}/broadcast/targets`, token, target),
	setTarget: (token: string, c: string, target: string, part: RestTargetUpdate) =>
		call<Target>('PATCH', `/consults/${id(c)}/broadcast/targets/${id(target)}`, token, part),
	removeTarget: (token: string, c: string, target: string) => call<void>('DELETE', `/consults/${id(c)}/broadcast/targets/${id(target)}`, token),
	profiles: (token: string) => call<RestProfileList>('GET', '/profiles', token),
	putProfile: (token: string, p: string, profile: RestProfilePut) => call<RestProfile>('PUT', `/profiles/${id(p)}`, token, profile),
	removeProfile: (token: string, p: string) => call<void>('DELETE', `/profiles/${id(p)}`, token),
	sources: (token: string, c: string) => call<RestSourceList>('GET', `/consults/${id(c)}/sources`, token),
	createSource: (token: string, c: string, source: RestSourceCreate) => call<RestSource>('POST', `/consults/${id(c)}/sources`, token, source),
	updateSource: (token: string, c: string, s: string, part: RestSourceUpdate) =>
		call<RestSource>('PATCH', `/consults/${id(c)}/sources/${id(s)}`, token, part),
	removeSource: (token: string, c: string, s: string) => call<void>('DELETE', `/consults/${id(c)}/sources/${id(s)}`, token),
	thumbnail: (token: string, c: string, s: string) => picture(`/consults/${id(c)}/sources/${id(s)}/thumbnail`, token),
	deleteAudience: (token: string, c: string) => call<RestBroadcastDeleted>('DELETE', `/consults/${id(c)}/broadcast/messages`, token),
	archive: (token: string) => call<RestArchive>('GET', '/archive', token),
};

export type {
	Participant, RestArchive, RestArchiveDestination, RestConsult, RestLink, RestLinkCreated, RestLinkInfo, RestProfile, RestProfilePut,
	RestRecordingOne, RestSource, RestViewing, Target,
};
