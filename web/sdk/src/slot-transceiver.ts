// A receiving m-line. Chromium offers the dependency descriptor only when asked for; without it a receiver cannot tell
// the spatial layers of AV1 apart, and the gateway sends it the lowest one only.
import type { Kind } from './protocol';
import type { Slot } from './slots';
import type { SubscribeItem } from './types';
import { wireTrack } from './wanted';

const DEPENDENCY = 'dependency-descriptor-rtp-header-extension';

interface HeaderExtension {
	uri: string;
	direction: string;
}
interface Extensible {
	getHeaderExtensionsToNegotiate?(): HeaderExtension[];
	setHeaderExtensionsToNegotiate?(extensions: HeaderExtension[]): void;
}

export function addSlotTransceiver(connection: RTCPeerConnection, kind: Kind): RTCRtpTransceiver {
	const transceiver = connection.addTransceiver(kind, { direction: 'recvonly' });
	const extensible = transceiver as unknown as Extensible;
	if (kind !== 'video' || !extensible.getHeaderExtensionsToNegotiate || !extensible.setHeaderExtensionsToNegotiate) return transceiver;
	try {
		const all = extensible.getHeaderExtensionsToNegotiate();
		for (const extension of all) if (extension.uri.endsWith(DEPENDENCY)) extension.direction = 'sendrecv';
		extensible.setHeaderExtensionsToNegotiate(all);
	} catch {
		// an older browser's draft of it: as before
	}
	return transceiver;
}

/** What the gateway is asked to send on it. */
export function subscriptionOf(slot: Slot<RTCRtpTransceiver>): SubscribeItem {
	return {
		mid: slot.handle.mid ?? '',
		track: wireTrack(slot.track),
		quality: slot.track === null ? 'off' : slot.quality,
		...(slot.track !== null && slot.kind === 'video' && { priority: slot.priority }),
		...(slot.track !== null && slot.language !== undefined && { language: slot.language }),
	};
}
