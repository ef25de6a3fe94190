// Telestration: drawing over a live picture. What is drawn is the table's, like drawings on images: everybody sees it over the same
// part of the picture. Who has the images in hand draws; who drew, and hosts, take it away.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Consult, Source } from '../../sdk/src';
import { distanceTo } from '../../imaging/measure';
import type { Point } from '../../imaging/geometry';
import type { DrawTool } from '../../imaging/hands';
import { Pencil, words, type Paper } from '../../imaging/pencil';
import { word } from '../../imaging/texts';
import { language, t } from '../i18n';
import { DrawnOver, usePictureBox, type PicturePointer } from '../shared/drawn-over';
import { isOver, measureOn, toPicture, toTile, type PictureAnchor, type PictureDrawing } from '../shared/over-video';
import { Icon } from '../shared/icons';
import { takeOrAsk, useTable } from './images';

type PenTool = Exclude<DrawTool, 'cross'>;
const TOOLS: PenTool[] = ['point', 'arrow', 'freehand', 'line', 'angle', 'ellipse', 'text', 'erase'];
const FINE = 10_000, STILL_PX = 3, TOUCH_PX = 18, FADES_S = 8, POINTER_MS = 5_000;

interface Props {
	consult: Consult;
	participant: string;
	source: Source;
	name: string;
}

/** Where others point on this picture; forgotten when it does not move any more. */
function usePointersOn({ consult, participant, source }: Omit<Props, 'name'>): PicturePointer[] {
	const [pointers, setPointers] = useState<PicturePointer[]>([]);
	useEffect(() => {
		const timers = new Map<string, ReturnType<typeof setTimeout>>();
		const away = (from: string) => setPointers((old) => (old.some((p) => p.from === from) ? old.filter((p) => p.from !== from) : old));
		const off = consult.reading.on('pointer', ({ from, on, x, y }) => {
			clearTimeout(timers.get(from));
			if (!on || !isOver(on, participant, source) || x === undefined || y === undefined) return away(from);
			timers.set(from, setTimeout(() => away(from), POINTER_MS));
			const name = consult.participants.find((p) => p.id === from)?.name ?? '';
			setPointers((old) => [...old.filter((p) => p.from !== from), { from, name, at: [x, y] }]);
		});
		return () => [off(), timers.forEach(clearTimeout)];
	}, [consult, participant, source]);
	return pointers;
}

const drawingsOn = (consult: Consult, participant: string, source: Source): PictureDrawing[] =>
	consult.reading.table.objects.filter((o) => isOver(o.on, participant, source)) as unknown as PictureDrawing[];

/** What is drawn over a tile's picture. */
export function Drawn({ consult, participant, source }: Omit<Props, 'name'>) {
	useTable(consult);
	const drawings = drawingsOn(consult, participant, source), pointers = usePointersOn({ consult, participant, source });
	if (drawings.length === 0 && pointers.length === 0) return null;
	return <DrawnOver drawings={drawings} pointers={pointers} />;
}

/** On one's own picture: what others drew there is wiped by who keeps order. */
export function WipeOwn({ consult }: { consult: Consult }) {
	useTable(consult);
	const drawings = drawingsOn(consult, consult.me.id, 'camera');
	if (drawings.length === 0 || !(consult.can('admit') || consult.reading.inHand)) return null;
	return (
		<button type="button" class="tile-draw own" data-testid="draw-wipe-own" aria-label={t('drawClear')} title={t('drawClear')} onClick={() => consult.reading.erase(...drawings.map((d) => d.id))}>
			<Icon name="close" size={20} />
		</button>
	);
}

/** The button of a tile that may be drawn on, and what it opens. onOpen: the tile makes room. */
export function DrawTools({ open, onOpen, ...props }: Props & { open: boolean; onOpen: (open: boolean) => void }) {
	if (open) return <Desk {...props} onClose={() => onOpen(false)} />;
	const label = t('drawOn', { name: props.name });
	return (
		<button type="button" class="tile-draw" data-testid="tile-draw" aria-label={label} title={label} onClick={() => onOpen(true)}>
			<Icon name="pen" size={20} />
		</button>
	);
}

function Desk({ consult, participant, source, name, onClose }: Props & { onClose: () => void }) {
	const reading = useTable(consult), [tool, setTool] = useState<PenTool>('arrow'), [fades, setFades] = useState(false), [failed, setFailed] = useState(false);
	const drawings = drawingsOn(consult, participant, source), mine = drawings.filter((d) => d.by === consult.me.id);
	const wipe = reading.inHand || consult.can('admit') ? drawings : mine;
	const holder = consult.participants.find((p) => p.id === reading.holder)?.name ?? '';
	const asked = reading.table.floor.asked.includes(consult.me.id);
	const take = () => void takeOrAsk(reading).then(() => setFailed(false), () => setFailed(true));
	useEffect(() => {
		if (!reading.inHand) take();
		const off = reading.on('refused', () => setFailed(true));
		return off;
	}, [consult]);
	const who = failed ? t('actionFailed') : reading.inHand ? '' : asked ? t('drawAsked', { name: holder }) : holder ? t('drawOf', { name: holder }) : '';
	return (
		<>
			<div class="draw-bar" role="toolbar" aria-label={t('drawOn', { name })} data-testid="draw-bar" data-mine={reading.inHand}>
				<button type="button" data-testid="draw-close" onClick={onClose}>{t('drawDone')}</button>
				{who && <span class="draw-who" role="status">{who}</span>}
				{!reading.inHand && !asked && <button type="button" data-testid="draw-take" onClick={take}>{t('drawTake')}</button>}
				{reading.inHand && TOOLS.map((key) => (
					<button type="button" key={key} data-testid={`draw-${key}`} aria-pressed={tool === key} onClick={() => setTool(key)}>
						{word(language() === 'en' ? 'en' : 'zh', key)}
					</button>
				))}
				{reading.inHand && (
					<label class="checkbox">
						<input type="checkbox" checked={fades} data-testid="draw-fades" onChange={(ev) => setFades(ev.currentTarget.checked)} />
						<span>{t('drawFades', { n: FADES_S })}</span>
					</label>
				)}
				{wipe.length > 0 && <button type="button" data-testid="draw-clear" onClick={() => reading.erase(...wipe.map((d) => d.id))}>{t('drawClear')}</button>}
			</div>
			{reading.inHand && <Pen consult={consult} on={{ participant, source }} tool={tool} fades={fades} drawings={drawings} />}
		</>
	);
}

interface PenProps {
	consult: Consult;
	on: { participant: string; source: Source };
	tool: PenTool;
	fades: boolean;
	drawings: PictureDrawing[];
}

/** The pen over the picture. */
function Pen({ consult, on, tool, fades, drawings }: PenProps) {
	const ref = useRef<HTMLDivElement>(null), box = usePictureBox(ref), pencil = useRef(new Pencil<PictureAnchor>());
	const [asking, setAsking] = useState<Point | null>(null), { reading } = consult;
	const put = (drawing: object | null) => void (drawing && reading.draw(drawing as Parameters<typeof reading.draw>[0]));
	useEffect(() => () => (tool === 'point' ? reading.point({}) : undefined), [tool]);
	if (!box) return <div ref={ref} hidden />;
	const paper: Paper<PictureAnchor> = { on, fine: FINE, measure: (kind, points) => measureOn(kind, points, box), ...(fades && { fades_s: FADES_S }) };
	const least = STILL_PX / box.width;
	const inTile = (ev: PointerEvent): Point => {
		const r = ref.current!.getBoundingClientRect();
		return [ev.clientX - r.left + box.x, ev.clientY - r.top + box.y];
	};
	const erase = (at: Point) => {
		const far = drawings.map((d) => ({ id: d.id, px: distanceTo(d.kind, d.points.map((p) => toTile(box, p)), at) })).sort((a, b) => a.px - b.px)[0];
		if (far && far.px <= TOUCH_PX) reading.erase(far.id);
	};
	const begin = (ev: PointerEvent) => {
		if (ev.button !== 0 || !ev.isPrimary || asking) return;
		ev.preventDefault();
		ref.current!.setPointerCapture(ev.pointerId);
		const at = inTile(ev), place = toPicture(box, at);
		if (tool === 'erase') erase(at);
		else if (tool === 'point') reading.point({ on, x: place[0], y: place[1] });
		else if (tool !== 'text') put(pencil.current.begin(tool, place, paper));
	};
	const move = (ev: PointerEvent) => {
		const at = inTile(ev), [x, y] = toPicture(box, at), down = ref.current!.hasPointerCapture(ev.pointerId);
		if (tool === 'point') return reading.point({ on, x, y });
		if (!down || !ev.isPrimary) return;
		if (tool === 'erase') erase(at);
		else if (tool !== 'text') put(pencil.current.move([x, y], least));
	};
	const end = (ev: PointerEvent) => {
		if (!ev.isPrimary) return;
		if (tool === 'point') return ev.pointerType === 'mouse' ? undefined : reading.point({});
		if (tool === 'text') return ev.type === 'pointerup' ? setAsking(toPicture(box, inTile(ev))) : undefined;
		const ended = ev.type === 'pointerup' ? pencil.current.end(least) : pencil.current.drop();
		if (ended && 'keep' in ended) put(ended.keep);
		else if (ended) reading.erase(ended.drop);
	};
	return (
		<>
			<div
				ref={ref} class="drawn-pen" data-testid="draw-pen" role="img" aria-label={t('drawHere')} style={{ left: `${box.x}px`, top: `${box.y}px`, width: `${box.width}px`, height: `${box.height}px` }}
				onPointerDown={begin} onPointerMove={move} onPointerUp={end} onPointerCancel={end} onPointerLeave={() => tool === 'point' && reading.point({})}
			/>
			{asking && <Words at={toTile(box, asking)} onDone={(text) => {
				setAsking(null);
				if (text) put(words(text, asking, paper));
			}} />}
		</>
	);
}

function Words({ at, onDone }: { at: Point; onDone: (text: string) => void }) {
	const input = useRef<HTMLInputElement>(null), done = useRef(false);
	useEffect(() => input.current?.focus(), []);
	const end = (text: string) => {
		if (!done.current) onDone(text.trim());
		done.current = true;
	};
	const keys = (ev: KeyboardEvent) => {
		ev.stopPropagation();
		if (ev.key === 'Enter') end(input.current?.value ?? '');
		if (ev.key === 'Escape') end('');
	};
	return (
		<input
			ref={input} class="draw-words" data-testid="draw-words" maxLength={200} aria-label={t('drawText')} placeholder={t('drawText')}
			style={{ left: `min(${at[0]}px, calc(100% - 190px))`, top: `${Math.max(54, at[1] - 48)}px` }} onKeyDown={keys} onBlur={(ev) => end(ev.currentTarget.value)}
		/>
	);
}
