// Drawing of masks over a source's picture, with a finger, a mouse or keys. What is drawn looks as viewers will see it: painted.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Consult, Mask, MaskFill } from '../../sdk/src';
import { t } from '../i18n';
import { RemoteVideo } from '../shared/video';
import { between, byKey, moved, partOf, sized, type Box, type Point } from './masks-model';

interface EditorProps {
	consult: Consult | null; // whose track it is
	track: string | null; // of the picture; null: there is none now
	backdrop?: string | null; // a still picture's URL, where there is no track
	label: string;
	fill: MaskFill;
	masks: Mask[];
	device: Mask[]; // of the profile: shown, not changed here
	full: boolean; // no more can be drawn
	onChange: (masks: Mask[]) => void;
}

/**
 * Of one pointer, from press to release. Where the picture was when it began is where it is taken to be until it ends: a banner that goes
 * above it, or a camera that turns, would put the other end of the mask elsewhere than it was drawn.
 */
interface Drag {
	pointer: number;
	index: number; // -1: a new one
	how: 'draw' | 'move' | 'size';
	box: Box;
	from: Point;
	mask: Mask | null; // as it was
}

const percent = (part: number): string => `${part * 100}%`;
const placed = (m: Mask) => ({ left: percent(m.x), top: percent(m.y), width: percent(m.w), height: percent(m.h) });
const round = (part: number): number => Math.round(part * 100);

const WIDE = 16 / 9;

/** Width by height of the picture that is in there: regions are parts of that, not of bars beside it. */
function useShape(box: { current: HTMLElement | null }, track: string | null, backdrop: string | null): [number, (still: HTMLImageElement) => void] {
	const [shape, setShape] = useState(WIDE);
	useEffect(() => {
		const video = box.current?.querySelector('video');
		if (!video) {
			if (!backdrop) setShape(WIDE);
			return;
		}
		const look = () => video.videoWidth > 0 && setShape(video.videoWidth / video.videoHeight);
		look();
		for (const name of ['loadedmetadata', 'resize']) video.addEventListener(name, look);
		return () => {
			for (const name of ['loadedmetadata', 'resize']) video.removeEventListener(name, look);
		};
	}, [track, backdrop]);
	return [shape, (still) => still.naturalWidth > 0 && setShape(still.naturalWidth / still.naturalHeight)];
}

export function MasksEditor({ consult, track, backdrop = null, label, fill, masks, device, full, onChange }: EditorProps) {
	const box = useRef<HTMLDivElement>(null);
	const drag = useRef<Drag | null>(null);
	const [drawn, setDrawn] = useState<Mask | null>(null);
	const [held, setHeld] = useState<number | null>(null); // the shape, while something is dragged
	const [shape, onStill] = useShape(box, track, backdrop);
	const replace = (index: number, mask: Mask) => onChange(masks.map((m, i) => (i === index ? mask : m)));
	const begin = (ev: PointerEvent, index: number, how: Drag['how']) => {
		if (ev.button !== 0 || !box.current || (index < 0 && full)) return;
		ev.stopPropagation();
		if (drag.current) return; // another finger
		box.current.setPointerCapture(ev.pointerId);
		const { left, top, width, height } = box.current.getBoundingClientRect();
		const where = { left, top, width, height };
		drag.current = { pointer: ev.pointerId, index, how, box: where, from: partOf(where, ev), mask: masks[index] ?? null };
		setHeld(shape);
	};
	const go = (ev: PointerEvent) => {
		const d = drag.current;
		if (d?.pointer !== ev.pointerId) return;
		const now = partOf(d.box, ev);
		if (d.how === 'draw') setDrawn(between(d.from, now));
		else if (d.mask) replace(d.index, (d.how === 'move' ? moved : sized)(d.mask, now.x - d.from.x, now.y - d.from.y));
	};
	const end = (ev: PointerEvent) => {
		const d = drag.current;
		if (d?.pointer !== ev.pointerId) return;
		const mask = d.how === 'draw' && ev.type === 'pointerup' ? between(d.from, partOf(d.box, ev)) : null;
		drag.current = null;
		setDrawn(null);
		setHeld(null);
		if (mask) onChange([...masks, mask]);
	};
	const onKey = (ev: KeyboardEvent, index: number) => {
		const mask = masks[index];
		const next = mask && byKey(mask, ev.key, ev.shiftKey);
		if (next) replace(index, next);
		else if (ev.key === 'Delete' || ev.key === 'Backspace') onChange(masks.filter((_, i) => i !== index));
		else return;
		ev.preventDefault();
	};
	return (
		<div
			class={`masks-picture ${fill}`} style={{ aspectRatio: held ?? shape }} ref={box} role="group" aria-label={t('masksOver', { name: label })} data-testid="masks-picture"
			onPointerDown={(ev) => begin(ev, -1, 'draw')} onPointerMove={go} onPointerUp={end} onPointerCancel={end} onLostPointerCapture={end}
		>
			{consult && track ? (
				<RemoteVideo consult={consult} track={track} label={label} key={track} />
			) : backdrop ? (
				<img class="masks-backdrop" src={backdrop} alt="" draggable={false} onLoad={(ev) => onStill(ev.currentTarget)} />
			) : (
				<p class="masks-none">{t('masksNoPicture')}</p>
			)}
			{device.map((m, i) => <span class="mask device" key={i} style={placed(m)} data-testid="mask-device" />)}
			{masks.map((m, i) => (
				<button
					type="button" class="mask" key={i} style={placed(m)} data-testid="mask"
					aria-label={t('maskIs', { number: i + 1, x: round(m.x), y: round(m.y), w: round(m.w), h: round(m.h) })}
					onPointerDown={(ev) => begin(ev, i, 'move')} onKeyDown={(ev) => onKey(ev, i)}
				>
					<span class="mask-corner" onPointerDown={(ev) => begin(ev, i, 'size')} />
				</button>
			))}
			{drawn && <span class="mask" style={placed(drawn)} />}
		</div>
	);
}
