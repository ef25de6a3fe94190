// What the archive has of presentation states and key images, to choose from: the holder's choice is everybody's.
import type { Frame } from './frames';
import type { Marks } from './marks';
import { titleOf } from './marks-glass';
import { refersTo } from './marks';
import type { ReadingChange, ViewportState } from './state';
import { word, type Language } from './texts';

interface Props {
	language: Language;
	current: ViewportState;
	choices: readonly Marks[];
	frames: readonly Frame[] | null;
	onChange: (change: ReadingChange) => void;
	onLook: () => void;
}

/** As its creator had it: without what the reader did to the image; on an image that it names. */
export function chosen(v: ViewportState, marks: Marks | null, frames: readonly Frame[] | null): ReadingChange {
	const fresh = { at: v.at, marks: marks?.ref ?? null, center: null, width: null, zoom: 1, pan_x: 0, pan_y: 0, rotation: 0, flip: false, invert: false, cine: 0 };
	if (marks?.kind !== 'state') return { viewports: [{ ...fresh, ...(marks && { offset_mm: null }) }] };
	const names = (f: Frame | undefined): boolean => f !== undefined && refersTo(marks.refs, f.info.instance, f.index), at = names(frames?.[v.frame]) ? v.frame : (frames?.findIndex(names) ?? -1);
	if (at >= 0) return { viewports: [{ ...fresh, frame: at }] };
	const { first, ref } = marks;
	if (!first) return { viewports: [fresh] };
	return { viewports: [{ ...fresh, image: { pacs: ref.pacs, study: ref.study, series: first.series, instance: first.instance }, frame: Math.max(0, first.frame), offset_mm: null }] };
}

export function MarksChoice({ language, current, choices, frames, onChange, onLook }: Props) {
	const listed = choices.some((c) => c.ref.instance === current.marks?.instance);
	return (
		<select class="im-marks" data-testid="im-marks" aria-label={word(language, 'marks')} value={current.marks?.instance ?? ''} onFocus={onLook}
			onChange={(e) => onChange(chosen(current, choices.find((c) => c.ref.instance === e.currentTarget.value) ?? null, frames))}>
			<option value="">{word(language, 'marksNone')}</option>
			{current.marks && !listed && <option value={current.marks.instance}>{word(language, 'marks')}</option>}
			{choices.map((c) => <option key={c.ref.instance} value={c.ref.instance}>{titleOf(language, c)}</option>)}
		</select>
	);
}
