// The page's elements that show remote tracks. A new PeerConnection brings new MediaStreamTracks: refresh() puts them in.
export class Attachments {
	private readonly elements = new Map<HTMLMediaElement, string>();

	constructor(private readonly mediaTrack: (id: string) => MediaStreamTrack | null) {}

	add(element: HTMLMediaElement, trackId: string): void {
		this.elements.set(element, trackId);
		this.fill(element, trackId);
	}

	remove(element: HTMLMediaElement): void {
		this.elements.delete(element);
		element.srcObject = null;
	}

	refresh(): void {
		for (const [element, track] of this.elements) this.fill(element, track);
	}

	/** After the page was away: some browsers pause what was in the background. */
	play(): void {
		for (const element of this.elements.keys()) void element.play().catch(() => undefined);
	}

	clear(): void {
		for (const element of [...this.elements.keys()]) this.remove(element);
	}

	private fill(element: HTMLMediaElement, trackId: string): void {
		const track = this.mediaTrack(trackId);
		const stream = element.srcObject instanceof MediaStream ? element.srcObject : null;
		if (!track) element.srcObject = null;
		else if (stream?.getTracks()[0] !== track) element.srcObject = new MediaStream([track]);
	}
}
