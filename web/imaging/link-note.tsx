// In a pane's corner: how it goes along with the others; and across it: where the others' slices cut it.
import type { Point, Size } from './geometry';
import type { LinkNote as Note } from './linking';
import { word, type Language } from './texts';

const signed = (mm: number): string => `${mm > 0 ? '+' : '−'}${Math.abs(mm).toFixed(1)} mm`;

export function LinkNote({ language, note, at }: { language: Language; note: Note; at: number }) {
	if (note.by === 'step') return <div class="im-warn" role="status" data-testid={`link-${at}`} data-by={note.why}>{word(language, note.why === 'missing' ? 'linkMissing' : 'linkDiffers')}</div>;
	const offset = Math.abs(note.offset) >= 0.05 ? ` ${signed(note.offset)}` : '';
	return (
		<div class={note.beyond ? 'im-warn' : undefined} role="status" data-testid={`link-${at}`} data-by="position" data-offset={note.offset} data-beyond={note.beyond}>
			{`${word(language, 'linkPosition')}${offset}${note.beyond ? ` · ${word(language, 'linkEnd')}` : ''}`}
		</div>
	);
}

/** In points of the pane. */
export function CutLines({ lines, pane }: { lines: [Point, Point][]; pane: Size }) {
	if (lines.length === 0) return null;
	return (
		<svg class="im-overlay im-cuts" viewBox={`0 0 ${pane.width} ${pane.height}`} data-testid="im-cuts" aria-hidden="true">
			{lines.map(([a, b], i) => <path key={i} d={`M${a[0].toFixed(1)} ${a[1].toFixed(1)}L${b[0].toFixed(1)} ${b[1].toFixed(1)}`} />)}
		</svg>
	);
}
