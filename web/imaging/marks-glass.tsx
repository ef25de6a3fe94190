// Someone else's marks over a pane: shutters, graphics and words of a presentation state, whose they are, and what of it is not shown.
import './marks.css';
import type { ImageError } from './errors';
import type { Point, Size } from './geometry';
import type { Graphic, Marks, NotDone, Shutter } from './marks';
import { fromDisplay, outline, type Look } from './marks-look';
import { errorText, word, type Language, type Word } from './texts';

/** Of a pane that is looked at with marks. */
export interface Marked {
	marks: Marks | null;
	error: ImageError | null;
	/** null: this frame is not one that they name. */
	look: Look | null;
	/** Of a key object selection: images that are not to be had. */
	missing: number;
	hidden: boolean;
}

const THEIRS = '#6ff2d0', LINE_PX = 17;
const path = (points: readonly Point[]): string => points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');

export const titleOf = (language: Language, marks: Marks): string => {
	const what = [marks.label, marks.kind === 'keys' ? marks.description : ''].filter((s) => s !== '').join(' · ').slice(0, 80);
	const said = [marks.kind === 'keys' ? `${what} (${marks.items.length})` : what, marks.creator || word(language, 'marksNobody'), marks.date].filter((s) => s !== '');
	return `${word(language, marks.kind === 'keys' ? 'marksKeys' : 'marksState')}${language === 'zh' ? '：' : ': '}${said.join(', ')}`;
};

function shutterPath(shutter: Shutter, pane: Size, onPane: (p: Point) => Point): string {
	const { kind } = shutter, all = `M0 0H${pane.width}V${pane.height}H0Z`;
	if (kind === 'polygon') return `${all}${path(shutter.points.map(onPane))}Z`;
	if (kind === 'circle') return `${all}${path(outline('CIRCLE', [shutter.at, [shutter.at[0] + shutter.radius, shutter.at[1]]]).map(onPane))}Z`;
	const [[a, b], [c, d]] = [shutter.from, shutter.to];
	return `${all}${path(([[a, b], [c, b], [c, d], [a, d]] as Point[]).map(onPane))}Z`;
}

export function MarksGlass({ look, pane, onPane }: { look: Look; pane: Size; onPane: (p: Point) => Point }) {
	const place = (p: Point, display: boolean): Point => onPane(display ? fromDisplay(look, p) : p);
	const line = (g: Graphic): string => path(outline(g.kind, g.display ? g.points.map((p) => fromDisplay(look, p)) : g.points).map(onPane));
	return (
		<svg class="im-overlay im-theirs" viewBox={`0 0 ${pane.width} ${pane.height}`} data-testid="im-theirs" aria-hidden="true">
			{look.state.shutters.map((s, i) => <path key={`s${i}`} class="im-shutter" data-kind={s.kind} fill={look.state.shutterColor} fill-rule="evenodd" d={shutterPath(s, pane, onPane)} />)}
			{look.annotations.map((a, n) => (
				<g key={n} style={{ stroke: a.color ?? THEIRS }} fill="none">
					{a.graphics.map((g, i) => {
						if (g.kind === 'POINT') {
							const [x, y] = place(g.points[0]!, g.display);
							return <path key={i} data-testid="im-their" data-kind="POINT" data-at={`${x.toFixed(1)},${y.toFixed(1)}`} d={`M${x - 5} ${y}H${x + 5}M${x} ${y - 5}V${y + 5}`} />;
						}
						return <path key={i} data-testid="im-their" data-kind={g.kind} fill={g.filled ? (a.color ?? THEIRS) : 'none'} d={line(g)} />;
					})}
					{a.words.map((w, i) => {
						const box = w.box && [place(w.box.from, w.box.display), place(w.box.to, w.box.display)], anchor = w.anchor && place(w.anchor.at, w.anchor.display);
						const left = box ? Math.min(box[0]![0], box[1]![0]) : anchor![0] + 8, right = box ? Math.max(box[0]![0], box[1]![0]) : left, top = box ? Math.min(box[0]![1], box[1]![1]) : anchor![1] - 20;
						const align = w.box?.align ?? 'LEFT', x = align === 'LEFT' ? left : align === 'RIGHT' ? right : (left + right) / 2;
						return (
							<g key={`w${i}`} data-testid="im-their" data-kind="TEXT" data-text={w.text}>
								{anchor && box && w.anchor?.line && <path d={path([[Math.max(left, Math.min(right, anchor[0])), Math.max(top, Math.min(Math.max(box[0]![1], box[1]![1]), anchor[1]))], anchor])} />}
								<text x={x} y={top + 14} fill={a.color ?? THEIRS} text-anchor={align === 'LEFT' ? 'start' : align === 'RIGHT' ? 'end' : 'middle'}>
									{w.text.split('\n').slice(0, 40).map((t, k) => <tspan key={k} x={x} dy={k === 0 ? 0 : LINE_PX}>{t}</tspan>)}
								</text>
							</g>
						);
					})}
				</g>
			))}
		</svg>
	);
}

const MISSES: Record<NotDone, Word> = {
	lut: 'missLut', size: 'missSize', shutter: 'missShutter', planes: 'overlays', subtraction: 'missSubtraction', compound: 'missCompound', style: 'missStyle', icc: 'missIcc', aspect: 'missAspect', damaged: 'missDamaged', many: 'missMany', states: 'marksState',
};

/** Whose they are, whether they are seen, and what of them is not. */
export function MarksNote({ language, marked, at }: { language: Language; marked: Marked; at: number }) {
	const { marks, error, look, missing, hidden } = marked, misses = marks ? [...(look ? look.notDone : marks.notDone)] : [];
	if (error) return <div class="im-warn" role="status" data-testid={`marks-${at}`} data-state="error" data-code={error.code}>{`${word(language, 'marksFail')} ${errorText(language, error.code)}`}</div>;
	if (!marks) return <div role="status" data-testid={`marks-${at}`} data-state="coming">{word(language, 'loading')}</div>;
	return (
		<div role="status" data-testid={`marks-${at}`} data-state={hidden ? 'hidden' : marks.kind === 'state' && !look ? 'other' : 'shown'} data-misses={misses.join(' ')} data-missing={missing}>
			<div class="im-whose im-theirs-title">{titleOf(language, marks)}</div>
			{marks.kind === 'state' && !look && <div class="im-warn">{word(language, 'marksOther')}</div>}
			{hidden && <div class="im-warn">{word(language, 'marksHidden')}</div>}
			{missing > 0 && <div class="im-warn">{`${missing} ${word(language, 'marksMissing')}`}</div>}
			{misses.length > 0 && <div class="im-warn">{`${word(language, 'marksMisses')} ${misses.map((m) => word(language, MISSES[m])).join(', ')}`}</div>}
		</div>
	);
}
