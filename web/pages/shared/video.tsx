// Video elements for own and for remote pictures. Always muted: sound has elements of its own.
import { useEffect, useRef } from 'preact/hooks';
import type { Consult } from '../../sdk/src';

interface Common {
	label: string;
	mirrored?: boolean;
	testid?: string;
}

function play(element: HTMLVideoElement): void {
	void element.play().catch(() => undefined); // the call view has a "tap" button for browsers that want one
}

/** An own MediaStreamTrack. */
export function LocalVideo({ track, label, mirrored, testid }: Common & { track: MediaStreamTrack | null }) {
	const ref = useRef<HTMLVideoElement>(null);
	useEffect(() => {
		const element = ref.current;
		if (!element) return;
		element.muted = true;
		element.srcObject = track ? new MediaStream([track]) : null;
		if (track) play(element);
		return () => {
			element.srcObject = null;
		};
	}, [track]);
	return (
		<video
			ref={ref} class={mirrored ? 'mirrored' : ''} data-testid={testid} aria-label={label}
			autoplay playsinline muted disablePictureInPicture
		/>
	);
}

/** A remote track: the SDK fills it and asks for the quality its size deserves. */
export function RemoteVideo({ consult, track, label }: Common & { consult: Consult; track: string }) {
	const ref = useRef<HTMLVideoElement>(null);
	useEffect(() => {
		const element = ref.current;
		if (!element) return;
		element.muted = true;
		consult.attach(element, track);
		play(element);
		return () => consult.detach(element);
	}, [consult, track]);
	return <video ref={ref} aria-label={label} autoplay playsinline muted disablePictureInPicture />;
}
