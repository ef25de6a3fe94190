// Files of the desk, over REST: the poster's picture, and tables for later.
const WIDTH = 1280;
const HEIGHT = 720;
const MOST_BYTES = 220 * 1024; // the gateway takes 224 KiB
const QUALITIES = [0.85, 0.7, 0.5, 0.3];

const pathOf = (consult: string, what: string) => `/api/v1/consults/${encodeURIComponent(consult)}/broadcast/${what}`;

/**
 * Drawn anew before it leaves: it is as large as a screen needs, and nothing of the file goes along but pixels (a photo's file knows
 * where and with what it was taken).
 */
async function redraw(file: Blob): Promise<Blob> {
	const bitmap = await createImageBitmap(file);
	const scale = Math.min(1, WIDTH / bitmap.width, HEIGHT / bitmap.height);
	const canvas = document.createElement('canvas');
	canvas.width = Math.max(1, Math.round(bitmap.width * scale));
	canvas.height = Math.max(1, Math.round(bitmap.height * scale));
	const context = canvas.getContext('2d');
	if (!context) throw new Error('no canvas');
	context.fillStyle = '#101816';
	context.fillRect(0, 0, canvas.width, canvas.height);
	context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
	bitmap.close();
	for (const quality of QUALITIES) {
		const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/jpeg', quality));
		if (blob && blob.size <= MOST_BYTES) return blob;
	}
	throw new Error('too large');
}

/** null: without a picture again. */
export async function uploadPoster(token: string, consult: string, file: Blob | null): Promise<void> {
	const headers: Record<string, string> = { Authorization: `Bearer ${token}` };
	const body = file ? await redraw(file) : undefined;
	if (body) headers['Content-Type'] = body.type;
	const answer = await fetch(pathOf(consult, 'poster'), { method: body ? 'PUT' : 'DELETE', headers, body });
	if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
}

/** All pages, one behind the other, as one file. */
export async function exportCsv(token: string, consult: string, what: 'messages' | 'events'): Promise<void> {
	const parts: string[] = ['\ufeff']; // spreadsheets take it for UTF-8 then
	let next: string | null = `${pathOf(consult, what)}?format=csv&limit=200`;
	while (next) {
		const answer: Response = await fetch(next, { headers: { Authorization: `Bearer ${token}` }, cache: 'no-store' });
		if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
		parts.push(await answer.text());
		next = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get('Link') ?? '')?.[1] ?? null;
	}
	const url = URL.createObjectURL(new Blob(parts, { type: 'text/csv' }));
	const link = document.createElement('a');
	link.href = url;
	link.download = `broadcast-${consult}-${what}.csv`;
	link.click();
	setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
