// A viewing of one record: its documents, and the pass that lets media elements fetch files (docs/PROTOCOL.md, "Records").
import { api, type RestRecordingOne } from '../shared/api';
import { loadDocuments, type Documents } from './documents';

export interface Opened extends Documents {
	view: Viewing;
}

const RENEW_BEFORE_MS = 150_000;

export class Viewing {
	private timer: ReturnType<typeof setTimeout> | undefined;
	private running: Promise<void> | null = null;

	private constructor(
		private readonly token: string,
		private readonly record: string,
		private readonly id: string,
		expires_ms: number,
	) {
		this.plan(expires_ms);
	}

	static async open(token: string, record: string): Promise<Viewing> {
		const opened = await api.openViewing(token, record);
		return new Viewing(token, record, opened.id, opened.expires_ms);
	}

	url(path: string, download = false): string {
		const encoded = path.split('/').map(encodeURIComponent).join('/');
		return `/api/v1/recordings/${this.record}/files/${encoded}${download ? '?download=1' : ''}`;
	}

	/** One at a time, whoever asks. */
	renew(): Promise<void> {
		this.running ??= api
			.renewViewing(this.token, this.record, this.id)
			.then((again) => this.plan(again.expires_ms))
			.finally(() => (this.running = null));
		return this.running;
	}

	close(): void {
		clearTimeout(this.timer);
	}

	private plan(expires_ms: number): void {
		clearTimeout(this.timer);
		const wait = Math.max(15_000, expires_ms - Date.now() - RENEW_BEFORE_MS);
		this.timer = setTimeout(() => void this.renew().catch(() => this.plan(Date.now() + 30_000)), Math.min(wait, 450_000));
	}
}

export async function openRecord(token: string, record: RestRecordingOne): Promise<Opened> {
	const view = await Viewing.open(token, record.id);
	try {
		return { ...(await loadDocuments(token, record.id)), view };
	} catch (error) {
		view.close();
		throw error;
	}
}
