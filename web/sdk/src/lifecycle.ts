// What happens to a page on a phone: background, lock screen, phone call, Wi-Fi to 4G, back from the page cache.
export interface LifecycleHandlers {
	/** The page is (again) in front: check the socket, get devices back. */
	onWake(): void;
	/** The network is back or another one. */
	onNetwork(): void;
	onHidden(hidden: boolean): void;
	/** The page did not run for a while: the machine slept, or the browser put it to sleep. */
	onSlept(): void;
	/** Devices were plugged in or out. */
	onDevices(): void;
}

const TICK_MS = 1_000;
const SLEPT_MS = 4_000;

interface NetworkInformation extends EventTarget {
	readonly type?: string;
}

/** Returns the function that stops listening. */
export function watchLifecycle(handlers: LifecycleHandlers): () => void {
	if (typeof window === 'undefined' || typeof document === 'undefined') return () => undefined;
	const undo: (() => void)[] = [];
	const listen = (target: EventTarget | undefined, event: string, fn: () => void) => {
		if (!target || typeof target.addEventListener !== 'function') return;
		target.addEventListener(event, fn);
		undo.push(() => target.removeEventListener(event, fn));
	};
	listen(document, 'visibilitychange', () => {
		const hidden = document.visibilityState === 'hidden';
		handlers.onHidden(hidden);
		if (!hidden) handlers.onWake();
	});
	listen(window, 'pageshow', handlers.onWake);
	listen(window, 'focus', handlers.onWake);
	listen(window, 'online', handlers.onNetwork);
	const connection = (navigator as Navigator & { connection?: NetworkInformation }).connection;
	let type = connection?.type;
	listen(connection, 'change', () => {
		// `change` also fires when only the estimated speed moved.
		if (connection?.type !== type) handlers.onNetwork();
		type = connection?.type;
	});
	let before = Date.now();
	const timer = setInterval(() => {
		const now = Date.now();
		if (now - before > TICK_MS + SLEPT_MS) handlers.onSlept();
		before = now;
	}, TICK_MS);
	undo.push(() => clearInterval(timer));
	listen(navigator.mediaDevices, 'devicechange', handlers.onDevices);
	return () => undo.forEach((fn) => fn());
}
