// The tools of the viewer: buttons with words, large enough for a finger.
import type { ComponentChildren } from 'preact';
import type { DrawTool, Tool } from './hands';
import type { ImageInfo } from './image-info';
import { PRESETS, resetViewport, type Layout, type ReadingChange, type ReadingState, type ViewportState } from './state';
import { word, type Language, type Word } from './texts';

interface Props {
	language: Language;
	state: ReadingState;
	current: ViewportState;
	info: ImageInfo | null;
	/** A waveform: neither windowed nor turned. */
	wave: boolean;
	/** A slide: moved, not scrolled, and of one plane. */
	slide: boolean;
	tool: Tool;
	onTool: (tool: Tool) => void;
	onMpr: () => void;
	onLink: () => void;
	onChange: (change: ReadingChange) => void;
	/** Drawings may be made. */
	drawing: boolean;
	marked: boolean;
	onClear: () => void;
	overlays: OverlaysProps;
	/** What the archive has of marks, to choose from. */
	marks?: ComponentChildren;
}

interface OverlaysProps {
	/** There are some on what is shown. */
	there: boolean;
	shown: boolean;
	onToggle: () => void;
}

/** One's own choice: also of who only looks on. */
export const OverlaysButton = ({ language, there, shown, onToggle }: OverlaysProps & { language: Language }) =>
	there ? <button type="button" data-testid="im-overlays" aria-pressed={shown} aria-keyshortcuts="o" title={`${word(language, 'overlays')} (O)`} onClick={onToggle}>{word(language, 'overlays')}</button> : null;

/** The toolbar of who has not the images in hand. */
export const StillTools = ({ language, overlays }: Pick<Props, 'language' | 'overlays'>) =>
	overlays.there ? <div class="im-tools" role="toolbar" aria-label={word(language, 'tools')}><OverlaysButton language={language} {...overlays} /></div> : null;

const ON_PAPER: Tool[] = ['scroll', 'zoom', 'pan', 'point', 'arrow', 'line', 'freehand', 'text', 'erase'];
const DRAW: DrawTool[] = ['point', 'arrow', 'line', 'angle', 'ellipse', 'freehand', 'text', 'erase'];

export function Toolbar({ language, state, current, info, wave, slide, tool, onTool, onMpr, onLink, onChange, drawing, marked, onClear, overlays, marks }: Props) {
	const t = (key: Word) => word(language, key), set = (c: Partial<ViewportState>) => onChange({ viewports: [{ ...c, at: current.at }] });
	const button = (key: Word, pressed: boolean | null, on: () => void) => (
		<button type="button" key={key} data-testid={`im-${key}`} aria-pressed={pressed ?? undefined} onClick={on}>{t(wave && key === 'line' ? 'calipers' : key)}</button>
	);
	const fits = (key: Tool) => (slide ? key !== 'scroll' && key !== 'window' : !wave || ON_PAPER.includes(key));
	return (
		<div class="im-tools" role="toolbar" aria-label={t('tools')}>
			<div>{state.layout === 'mpr' && button('cross', tool === 'cross', () => onTool('cross'))}
				{(['scroll', 'window', 'zoom', 'pan'] as Tool[]).filter(fits).map((key) => button(key, tool === key, () => onTool(key)))}</div>
			{drawing && (
				<div>
					{DRAW.filter(fits).map((key) => button(key, tool === key, () => onTool(key)))}
					{marked && button('clear', null, onClear)}
				</div>
			)}
			<div>
				{!wave && button('rotate', null, () => set({ rotation: (current.rotation + 90) % 360 }))}
				{!wave && button('flip', current.flip, () => set({ flip: !current.flip }))}
				{!wave && button('invert', current.invert, () => set({ invert: !current.invert }))}
				<OverlaysButton language={language} {...overlays} />
				{marks}
				{button('reset', null, () => set(resetViewport(current)))}
			</div>
			<div>{(['one', 'pair', 'four'] as Layout[]).map((key) => button(key, state.layout === key, () => onChange({ layout: key })))}
				{!wave && !slide && button('mpr', state.layout === 'mpr', onMpr)}
				{state.layout !== 'one' && state.layout !== 'mpr' && button('linked', state.linked, () => state.linked ? onChange({ linked: false }) : onLink())}</div>
			<div>
				{!slide && button(current.cine > 0 ? 'stop' : 'cine', null, () => set({ cine: current.cine > 0 ? 0 : info?.cineRate || 10 }))}
				{current.cine > 0 && (
					<label>
						<input type="range" min={1} max={60} value={current.cine} aria-label={t('rate')} onInput={(e) => set({ cine: Number(e.currentTarget.value) })} /> {`${Math.round(current.cine)} ${t('rate')}`}
					</label>
				)}
				{info?.modality === 'CT' && (
					<select aria-label={t('preset')} data-testid="im-preset" value={String(PRESETS.findIndex((p) => p.center === current.center && p.width === current.width))}
						onChange={(e) => {
							const preset = PRESETS[Number(e.currentTarget.value)];
							set(preset ? { center: preset.center, width: preset.width } : { center: null, width: null });
						}}>
						<option value="-1">{t('own')}</option>
						{PRESETS.map((p, i) => <option key={p.key} value={String(i)}>{language === 'zh' ? p.zh : p.en}</option>)}
					</select>
				)}
			</div>
		</div>
	);
}
