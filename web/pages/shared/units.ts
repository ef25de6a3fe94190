// Figures for people.

/** "512 B", "3 KB", "1.5 GB" */
export function bytesText(bytes: number): string {
	const units = ['B', 'KB', 'MB', 'GB', 'TB'];
	const step = Math.min(units.length - 1, bytes > 0 ? Math.floor(Math.log10(bytes) / 3) : 0);
	return `${(bytes / 1000 ** step).toFixed(step > 1 ? 1 : 0)} ${units[step]}`;
}

/** "3:07", "1:02:09" */
export function clockText(ms: number): string {
	const s = Math.max(0, Math.floor(ms / 1000));
	const two = (n: number) => String(n).padStart(2, '0');
	const minutes = Math.floor(s / 60) % 60;
	const hours = Math.floor(s / 3600);
	return hours ? `${hours}:${two(minutes)}:${two(s % 60)}` : `${minutes}:${two(s % 60)}`;
}
