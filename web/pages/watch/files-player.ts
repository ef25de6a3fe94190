// A broadcast from its files (HLS): hls.js, loaded when it is needed, or the browser itself where that cannot (older iOS). What lies so far
// back as the window goes can be seen again.
import type Hls from 'hls.js';
import type { LegState, Player } from './legs';

const AGAIN_MS = 3_000;

export class FilesPlayer implements Player {
	private hls: Hls | null = null;
	private timer: ReturnType<typeof setTimeout> | undefined;
	private stopped = false;
	private readonly listeners: [string, () => void][];

	constructor(
		private readonly url: string,
		private readonly video: HTMLVideoElement,
		private readonly onState: (state: LegState) => void,
	) {
		this.listeners = [
			['playing', () => this.onState('playing')],
			['ended', () => this.onState('ended')],
		];
	}

	start(): void {
		for (const [name, run] of this.listeners) this.video.addEventListener(name, run);
		this.onState('connecting');
		void this.load();
	}

	stop(): void {
		this.stopped = true;
		clearTimeout(this.timer);
		for (const [name, run] of this.listeners) this.video.removeEventListener(name, run);
		this.hls?.destroy();
		this.hls = null;
		this.video.removeAttribute('src');
		this.video.load();
	}

	private again(): void {
		this.hls?.destroy();
		this.hls = null;
		if (this.stopped) return;
		this.onState('lost');
		clearTimeout(this.timer);
		this.timer = setTimeout(() => void this.load(), AGAIN_MS);
	}

	private async load(): Promise<void> {
		try {
			const { default: Library } = await import('hls.js');
			// no list yet: the event is young
			const there = await fetch(this.url, { cache: 'no-store' });
			if (this.stopped) return;
			if (!there.ok) return this.again();
			this.video.srcObject = null;
			if (Library.isSupported()) this.use(Library);
			else this.video.src = this.url;
			void this.video.play().catch(() => undefined);
		} catch {
			this.again();
		}
	}

	// A worker of its own would be a script from a blob:, which the page does not allow. Parts are for short delays: segments are a
	// tenth of the requests.
	private use(Library: typeof Hls): void {
		const hls = new Library({ enableWorker: false, lowLatencyMode: false, liveSyncDurationCount: 2, backBufferLength: 60 });
		this.hls = hls;
		hls.on(Library.Events.ERROR, (_event, data) => {
			if (!data.fatal || hls !== this.hls) return;
			if (data.type === Library.ErrorTypes.MEDIA_ERROR) hls.recoverMediaError();
			else this.again();
		});
		hls.loadSource(this.url);
		hls.attachMedia(this.video);
	}
}
