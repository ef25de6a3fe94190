// The resume key in sessionStorage: a reload of the page continues the session. A browser that forbids storage (private
// mode, some WebViews) simply starts anew.
const PREFIX = 'huizhen.resume.';
const MAX_AGE_MS = 120_000;

export class ResumeStore {
	private timer: ReturnType<typeof setInterval> | undefined;

	constructor(private readonly key: string | undefined) {}

	save(resumeKey: string | null): void {
		clearInterval(this.timer);
		if (this.key === undefined) return;
		if (resumeKey === null) {
			remove(this.key);
			return;
		}
		// The gateway keeps a session for 60 s after its socket died: the age counts from the last sign of life, and is
		// generous because timers of a page in the background are late. A stale key is refused, nothing worse.
		const write = () => store(PREFIX + this.key, JSON.stringify({ resumeKey, at: Date.now() }));
		write();
		this.timer = setInterval(write, 10_000);
	}

	stop(): void {
		clearInterval(this.timer);
	}
}

/** The key of a session that may still be alive, or null. */
export function savedResumeKey(key: string): string | null {
	try {
		const text = sessionStorage.getItem(PREFIX + key);
		if (text === null) return null;
		const saved = JSON.parse(text) as { resumeKey?: unknown; at?: unknown };
		const fresh = typeof saved.at === 'number' && Date.now() - saved.at < MAX_AGE_MS;
		if (fresh && typeof saved.resumeKey === 'string') return saved.resumeKey;
		remove(key);
	} catch {
		// no storage, or not ours
	}
	return null;
}

function remove(key: string): void {
	try {
		sessionStorage.removeItem(PREFIX + key);
	} catch {
		// no storage
	}
}

function store(key: string, value: string): void {
	try {
		sessionStorage.setItem(key, value);
	} catch {
		// no storage
	}
}
