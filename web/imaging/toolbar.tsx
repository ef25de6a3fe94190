// The tools of the viewer: buttons with words, large enough for a finger.
import type { DrawTool, Tool } from './hands';
import type { ImageInfo } from './image-info';
import { PRESETS, freshViewport, type Layout, type ReadingChange, type ReadingState, type ViewportState } from './state';
import { word, type Language, type Word } from './texts';

interface Props {
	language: Language;
	state: ReadingState;
	current: ViewportState;
	info: ImageInfo | null;
	tool: Tool;
	onTool: (tool: Tool) => void;
	onChange: (change: ReadingChange) => void;
	/** Drawings may be made. */
	drawing: boolean;
	marked: boolean;
	onClear: () => void;
}

const DRAW: DrawTool[] = ['point', 'arrow', 'line', 'angle', 'ellipse', 'freehand', 'text', 'erase'];

export function Toolbar({ language, state, current, info, tool, onTool, onChange, drawing, marked, onClear }: Props) {
	const t = (key: Word) => word(language, key), set = (c: Partial<ViewportState>) => onChange({ viewports: [{ ...c, at: current.at }] });
	const button = (key: Word, pressed: boolean | null, on: () => void) => (
		<button type="button" key={key} data-testid={`im-${key}`} aria-pressed={pressed ?? undefined} onClick={on}>{t(key)}</button>
	);
	return (
		<div class="im-tools" role="toolbar" aria-label={t('tools')}>
			<div>{(['scroll', 'window', 'zoom', 'pan'] as Tool[]).map((key) => button(key, tool === key, () => onTool(key)))}</div>
			{drawing && (
				<div>
					{DRAW.map((key) => button(key, tool === key, () => onTool(key)))}
					{marked && button('clear', null, onClear)}
				</div>
			)}
			<div>
				{button('rotate', null, () => set({ rotation: (current.rotation + 90) % 360 }))}
				{button('flip', current.flip, () => set({ flip: !current.flip }))}
				{button('invert', current.invert, () => set({ invert: !current.invert }))}
				{button('reset', null, () => set({ ...freshViewport(current.at, current.image), frame: current.frame }))}
			</div>
			<div>{(['one', 'pair', 'four'] as Layout[]).map((key) => button(key, state.layout === key, () => onChange({ layout: key })))}
				{state.layout !== 'one' && button('linked', state.linked, () => onChange({ linked: !state.linked }))}</div>
			<div>
				{button(current.cine > 0 ? 'stop' : 'cine', null, () => set({ cine: current.cine > 0 ? 0 : info?.cineRate || 10 }))}
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
