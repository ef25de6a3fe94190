// Huizhen's browser SDK: join a consult, publish, watch. No framework, no dependency. See ../README.md.
import { Consult } from './consult';
import { HuizhenError } from './errors';
import type { ConsentAnswer } from './protocol';
import { savedResumeKey } from './resume-store';

export const VERSION = '0.1.0';

export interface JoinOptions {
	/** The gateway, `https://host` or `wss://host/ws`. The page's own origin unless told. */
	url?: string;
	/** A join token. With a resumeKey as well it is the second choice. */
	token?: string;
	resumeKey?: string;
	/** `zh-CN` or `en`; the browser's unless told. */
	language?: string;
	/** Keeps the resume key in sessionStorage under this name, so that a reload continues the session. */
	storageKey?: string;
	/** Play the others' sound (default). False: attach audio tracks to your own elements. */
	playAudio?: boolean;
	/** The answer to the question whether one may be recorded, where it was asked before joining. */
	consent?: ConsentAnswer;
	/** Shown to support staff. */
	client?: { name: string; version: string };
}

export function websocketUrl(url: string | undefined): string {
	const base = typeof location === 'undefined' ? undefined : location.href;
	const parsed = new URL(url ?? '/ws', base);
	if (parsed.protocol === 'http:') parsed.protocol = 'ws:';
	if (parsed.protocol === 'https:') parsed.protocol = 'wss:';
	if (parsed.pathname === '/') parsed.pathname = '/ws';
	parsed.hash = parsed.search = '';
	return parsed.href;
}

/**
 * Joins. Resolves when the gateway let us in, be it into the lobby (`consult.state`); rejects when the token is refused.
 * A gateway that cannot be reached is tried until it can.
 */
function join(options: JoinOptions): Promise<Consult> {
	const resumeKey = options.resumeKey ?? (options.storageKey ? savedResumeKey(options.storageKey) : null) ?? undefined;
	if (resumeKey === undefined && options.token === undefined) {
		return Promise.reject(new HuizhenError('a token or a resume key is needed'));
	}
	const consult = new Consult(
		{
			url: websocketUrl(options.url),
			token: options.token,
			resumeKey,
			language: options.language ?? (typeof navigator === 'undefined' ? 'zh-CN' : navigator.language),
			client: options.client ?? { name: 'huizhen-sdk', version: VERSION },
			storageKey: options.storageKey,
			consent: options.consent,
			playAudio: options.playAudio ?? true,
		},
		{
			socketFactory: (url, protocol) => new WebSocket(url, protocol),
			createConnection: (config) => new RTCPeerConnection(config),
			createStream: () => new MediaStream(),
		},
	);
	return new Promise((resolve, reject) => {
		const undo = consult.on('state', (state) => {
			if (state === 'connecting') return;
			undo();
			if (state === 'ended') reject(new HuizhenError(consult.endReason ?? 'refused', -32001));
			else resolve(consult);
		});
		consult.start();
	});
}

export const Huizhen = { join, savedResumeKey, version: VERSION };
export { savedResumeKey };
export { Consult } from './consult';
export { ConsultRecord } from './record';
export { Reading, type ReadingEvents } from './reading';
export { BroadcastAudience, type AudienceSettings, type Decision } from './audience';
export { MixedSound } from './mixed-sound';
export { IMAGE, PICTURE } from './wanted';
export type { ConsultEvents, ConsultState, EndReason, RemoteTrack } from './consult-types';
export { DisconnectedError, ErrorCode, HuizhenError } from './errors';
export { LocalTrack, type PublishOptions } from './local-track';
export * from './devices';
export { environment, browserOf, type BrowserName, type Environment } from './environment';
export type { Statistics, TrackStats, Transport } from './stats';
export type { Uplink } from './uplink';
export type {
	Audience as AudienceInfo, AudienceMessage, BellPush, Broadcast, BroadcastLayout, BroadcastMasks, BroadcastSource, BroadcastState, ChatPush, Consent, ConsentAnswer, Grant, Kind, Level, Mask, MaskFill, Participant, RecordInfo, Role, Source, Stats, Status, Step,
	Table, TableDrawing, TableObject, TableStudy, TableStudyRef, TableViewport, TableViewportChange, Track, You,
} from './protocol';
export { consentWording } from './protocol';
export type { Quality } from './types';
