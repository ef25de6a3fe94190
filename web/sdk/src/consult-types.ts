// What a page sees of a consult.
import type { HuizhenError } from './errors';
import type { Opener } from './local-track';
import type { PeerDeps } from './peer';
import type { BellPush, ChatPush, ConsentAnswer, Level, Source, Track, You } from './protocol';
import type { SocketFactory } from './rpc';

/**
 * `connecting` → `lobby` → `incall`; `reconnecting` while the socket is away (sound and picture may well go on);
 * `ended` for good.
 */
export type ConsultState = 'connecting' | 'lobby' | 'incall' | 'reconnecting' | 'ended';

/** `removed`, `closed`, `replaced`, `left`, `expired` as the gateway says, `refused` when it never let us in. */
export type EndReason = string;

export interface RemoteTrack extends Track {
	participant: string;
	name: string;
	/** Null while there are more tracks than this browser can take. */
	mediaStreamTrack: MediaStreamTrack | null;
}

export interface ConsultEvents {
	/** The state of the consult for this participant. */
	state: ConsultState;
	/** Anything shown may have changed: read the getters again. At most once a turn of the event loop. */
	change: void;
	/** A chat message, also the up to 200 older ones after joining. */
	chat: ChatPush;
	/** Somebody entered the lobby (hosts only). */
	bell: BellPush;
	/** Who speaks, loudest first. */
	speakers: string[];
	/** The quality of this participant's own connection, in words. */
	quality: Level;
	/** The browser wants a gesture before it plays sound. */
	audioblocked: boolean;
	/** Devices were plugged in or out. */
	devices: void;
	/** A host muted this source of ours; unmute with setMuted(). */
	mutedbyhost: Source;
	/** The link has been too narrow for the others' pictures for a while: ask whether `mixed.picture(true)` is wanted. */
	mixoffer: void;
	/** Something failed that was not asked for by a call; the consult goes on. */
	error: HuizhenError;
	/** The consult is over for this participant. */
	end: EndReason;
}

export interface ConsultDeps {
	socketFactory: SocketFactory;
	createConnection: PeerDeps['createConnection'];
	createStream: PeerDeps['createStream'];
	opener?: Opener;
	random?: () => number;
}

export interface ConsultOptions {
	url: string;
	token?: string;
	resumeKey?: string;
	consent?: ConsentAnswer;
	language: string;
	client: { name: string; version: string };
	storageKey?: string;
	playAudio: boolean;
}

/** Oneself before the first state has come. */
export const NOBODY: You = {
	id: '', role: 'observer', status: 'lobby', position: 0, waiting_s: 0, hand: false, consent: 'none',
};
