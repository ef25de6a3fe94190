// A transceiver for something that is published: its encodings and the order of its codecs, as far as the browser takes them.
import { encodingsOf, type Shape } from './encodings';
import type { Kind, Source } from './protocol';
import { onlyVideo, redFirst } from './sdp-tweaks';

export interface Publication {
	source: Source;
	track: MediaStreamTrack | null;
	label: string;
	muted: boolean;
	/** Sound that is not speech: sent in silence, too. */
	raw?: boolean;
	scalable?: 'vp9' | 'av1';
}

export function addSendTransceiver(connection: RTCPeerConnection, stream: MediaStream, publication: Publication, shape: Shape): RTCRtpTransceiver {
	const kind: Kind = shape === 'audio' ? 'audio' : 'video';
	const what = publication.track ?? kind;
	const streams = [stream];
	const sendEncodings = encodingsOf(shape, publication.source);
	const plain = sendEncodings.map(({ scalabilityMode: _unknown, ...rest }) => rest);
	// An old browser that does not know temporal layers, or does not take our encodings at all.
	for (const encodings of [sendEncodings, plain]) {
		try {
			return prefer(connection.addTransceiver(what, { direction: 'sendonly', streams, sendEncodings: encodings }), kind, publication);
		} catch {
			continue;
		}
	}
	return connection.addTransceiver(what, { direction: 'sendonly', streams });
}

function prefer(transceiver: RTCRtpTransceiver, kind: Kind, publication: Publication): RTCRtpTransceiver {
	if (typeof RTCRtpSender === 'undefined' || typeof transceiver.setCodecPreferences !== 'function') return transceiver;
	const codecs = RTCRtpSender.getCapabilities?.(kind)?.codecs ?? [];
	const wanted = kind === 'audio' ? redFirst(codecs) : publication.scalable ? onlyVideo(codecs, publication.scalable) : null;
	try {
		if (wanted) transceiver.setCodecPreferences(wanted);
	} catch {
		// its own order, then
	}
	return transceiver;
}
