// A slide in its pane: the tiles of the level that fits the zoom above those of a coarser one, a mark where one cannot be shown, and the
// whole of it in the corner. Exact is said when all tiles that are seen are there.
import { useEffect, useLayoutEffect, useReducer, useRef } from 'preact/hooks';
import type { ImageError } from './errors';
import type { Frame } from './frames';
import { toImage, toPane, type Point, type Size, type View } from './geometry';
import type { Priority } from './queue';
import type { SlideLevel } from './slide';
import type { Tile } from './slide-grid';
import type { SlideTiles, Wanted } from './slide-tiles';
import { boxOf, magnification, planOf, tileFrame, tileId, type Plan } from './slide-view';
import type { ViewportState } from './state';
import { errorText, word, type Language } from './texts';

export interface SlideNow {
	plan: Plan;
	/** All tiles of the level that is shown are there. */
	exact: boolean;
	/** Tiles that are seen and on their way. */
	coming: number;
	/** Tiles that are seen and cannot be shown, and why the first of them cannot. */
	faults: number;
	why: ImageError['code'] | null;
	again: () => void;
}

const MAX_DOTS = 4 << 20;
const dotsOf = (pane: Size): number => {
	const ratio = Math.max(1, Math.min(2, globalThis.devicePixelRatio || 1));
	return pane.width * pane.height * ratio * ratio > MAX_DOTS ? 1 : ratio;
};

/** What a pane needs of its slide, fetched; null: it shows none. */
export function useSlide(frame: Frame | null, tiles: SlideTiles, at: number, view: View | null, pane: Size): SlideNow | null {
	const slide = frame?.slide, [, bump] = useReducer((n: number) => n + 1, 0), plan = slide && view ? planOf(slide, frame.info, view, pane, dotsOf(pane)) : null;
	const wanted = (): Wanted[] => {
		if (!slide || !plan) return [];
		const of = (level: SlideLevel | null, list: Tile[], priority: Priority): Wanted[] => (level ? list.filter((t) => !t.bad).map((t) => ({ frame: tileFrame(slide, level, t), priority })) : []);
		const { base, baseTiles, baseSeen } = plan;
		if (base === plan.level) return of(base, baseTiles, 0);
		return [...of(base, baseTiles.slice(0, baseSeen), 0), ...of(plan.level, plan.tiles, 1), ...of(base, baseTiles.slice(baseSeen), 2)]; // the rest is for the corner
	};
	useEffect(() => {
		if (!slide) return;
		let turn = 0;
		const off = tiles.onChange(() => (turn ||= requestAnimationFrame(() => ((turn = 0), bump(0)))));
		return () => (off(), cancelAnimationFrame(turn), tiles.want(at, []));
	}, [slide, tiles, at]);
	useEffect(() => (slide ? tiles.want(at, wanted()) : undefined), [slide, plan?.key]);
	if (!plan) return null;
	let missing = 0, faults = 0, why: SlideNow['why'] = null;
	for (const tile of plan.tiles) {
		const { pixels, error } = tile.bad ? { pixels: null, error: null } : tiles.get(tileId(plan.level!, tile));
		if (pixels?.exact) continue;
		missing++;
		if (!error && !tile.bad) continue;
		faults++;
		why ??= error?.code ?? 'disagrees';
	}
	return { plan, exact: plan.level !== null && missing === 0, coming: missing - faults, faults, why, again: () => tiles.want(at, wanted(), true) };
}

interface Scene {
	frame: Frame;
	now: SlideNow;
	tiles: SlideTiles;
	state: ViewportState;
	view: View;
	pane: Size;
}

/** Edges of a tile on the canvas, on whole dots where the picture stands upright: neighbours touch. */
function placed(g: CanvasRenderingContext2D, level: SlideLevel, tile: Tile, dots: number, { frame, view, pane }: Pick<Scene, 'frame' | 'view' | 'pane'>): Size {
	const w = Math.min(level.tiles.width, level.columns - tile.x), h = Math.min(level.tiles.height, level.rows - tile.y), [sx, sy] = level.scale;
	const upright = Math.min(Math.abs(view.right[0]), Math.abs(view.right[1])) < 1e-9;
	const dot = (x: number, y: number): Point => {
		const [px, py] = toPane(view, frame.info, pane, [x * sx - 0.5, y * sy - 0.5]);
		return upright ? [Math.round(px * dots), Math.round(py * dots)] : [px * dots, py * dots];
	};
	const o = dot(tile.x, tile.y), a = dot(tile.x + w, tile.y), b = dot(tile.x, tile.y + h);
	g.setTransform((a[0] - o[0]) / w, (a[1] - o[1]) / w, (b[0] - o[0]) / h, (b[1] - o[1]) / h, o[0], o[1]);
	return { width: w, height: h };
}

function hatch(g: CanvasRenderingContext2D, { width, height }: Size): void {
	g.fillStyle = 'rgba(120, 30, 20, 0.55)';
	g.fillRect(0, 0, width, height);
	g.strokeStyle = '#ff9d8a';
	g.lineWidth = Math.max(width, height) / 64;
	g.strokeRect(0, 0, width, height);
	g.beginPath();
	g.moveTo(0, 0), g.lineTo(width, height), g.moveTo(width, 0), g.lineTo(0, height);
	g.stroke();
}

/** Onto a canvas of the pane's size. */
export function paintSlide(canvas: HTMLCanvasElement, scene: Scene): void {
	const { frame, now, tiles, state, view, pane } = scene, dots = dotsOf(pane), { plan } = now, g = canvas.getContext('2d', { alpha: false });
	canvas.width = Math.round(pane.width * dots);
	canvas.height = Math.round(pane.height * dots);
	if (!g || !frame.slide) return;
	g.imageSmoothingQuality = 'medium';
	const from = plan.level ? frame.slide.levels.indexOf(plan.level) : frame.slide.levels.length;
	for (const level of (now.exact ? frame.slide.levels.slice(from, from + 1) : frame.slide.levels.slice(from)).reverse()) {
		const box = boxOf(level, frame.info, view, pane), top = level === plan.level;
		if (!box || (!top && level.tiles.cells(box).count > 400)) continue;
		for (const tile of top ? plan.tiles : level.tiles.within(box)) {
			const { pixels, error } = tile.bad ? { pixels: null, error: null } : tiles.get(tileId(level, tile));
			if (!pixels && !(top && (tile.bad || error))) continue;
			const size = placed(g, level, tile, dots, scene);
			g.imageSmoothingEnabled = g.getTransform().a ** 2 + g.getTransform().b ** 2 < 4;
			if (pixels) g.drawImage(tiles.canvasOf(pixels, level.info, state), 0, 0, size.width, size.height, 0, 0, size.width, size.height);
			else hatch(g, size);
		}
	}
	g.setTransform(1, 0, 0, 1, 0, 0);
}

const INSET_PX = 150;

/** All of the slide, as it is stored, and what of it is seen; a press goes there. */
function Inset({ scene, language, onGo }: { scene: Scene; language: Language; onGo: ((to: Point) => void) | null }) {
	const canvas = useRef<HTMLCanvasElement>(null), { frame, now, tiles, state, view, pane } = scene, { info } = frame, { base, baseTiles } = now.plan;
	const most = Math.min(INSET_PX, pane.width / 3, pane.height / 3), fit = most / Math.max(info.columns, info.rows), width = Math.max(8, info.columns * fit), height = Math.max(8, info.rows * fit);
	useLayoutEffect(() => {
		const g = canvas.current?.getContext('2d'), k = 2;
		if (!canvas.current || !g) return;
		canvas.current.width = Math.round(width * k);
		canvas.current.height = Math.round(height * k);
		g.imageSmoothingQuality = 'medium';
		for (const tile of base ? baseTiles : []) {
			const { pixels } = tile.bad ? { pixels: null } : tiles.get(tileId(base!, tile));
			if (!pixels) continue;
			const x = (k * width) / base!.columns, y = (k * height) / base!.rows, w = Math.min(base!.tiles.width, base!.columns - tile.x), h = Math.min(base!.tiles.height, base!.rows - tile.y);
			g.drawImage(tiles.canvasOf(pixels, base!.info, state), 0, 0, w, h, tile.x * x, tile.y * y, w * x, h * y);
		}
	});
	const corners = ([[0, 0], [pane.width, 0], [pane.width, pane.height], [0, pane.height]] as Point[]).map((p) => toImage(view, info, pane, p))
		.map(([x, y]) => [Math.max(0, Math.min(width, ((x + 0.5) * width) / info.columns)), Math.max(0, Math.min(height, ((y + 0.5) * height) / info.rows))].map((v) => v.toFixed(1)).join());
	return (
		<button type="button" class="im-inset" data-testid={`inset-${state.at}`} disabled={!onGo} aria-label={word(language, 'slideWhole')} style={{ width: `${width}px`, height: `${height}px` }}
			onClick={(e) => {
				const box = e.currentTarget.getBoundingClientRect(), keyed = e.detail === 0;
				onGo?.(keyed ? [0.5, 0.5] : [(e.clientX - box.left) / box.width, (e.clientY - box.top) / box.height]);
			}}>
			<canvas ref={canvas} />
			<svg viewBox={`0 0 ${width} ${height}`} aria-hidden="true"><polygon points={corners.join(' ')} /></svg>
		</button>
	);
}

interface GlassProps extends Scene {
	language: Language;
	/** To a place in parts of the slide; null: somebody else has it in hand. */
	onGo: ((to: Point) => void) | null;
}

export function SlideGlass({ language, onGo, ...scene }: GlassProps) {
	const canvas = useRef<HTMLCanvasElement>(null), { frame, now, state, view } = scene, { level } = now.plan, slide = frame.slide!, t = (key: Parameters<typeof word>[1]) => word(language, key);
	useLayoutEffect(() => {
		if (canvas.current) paintSlide(canvas.current, scene);
	});
	const lost = level?.tiles.lost ?? 0, times = magnification(frame.info, view);
	return (
		<>
			<canvas class="im-glass im-slide" ref={canvas} data-testid="im-slide" data-level={level ? String(slide.levels.indexOf(level)) : ''} data-tiles={now.plan.tiles.length} />
			<Inset scene={scene} language={language} onGo={onGo} />
			{times && <div class="im-corner im-times" data-testid={`times-${state.at}`}>{times}</div>}
			<div class="im-corner im-slide-notes" role="status" data-testid={`slide-notes-${state.at}`} data-coming={now.coming} data-faults={now.faults} data-lost={lost} data-refused={slide.refused} data-code={now.why ?? slide.why?.code ?? ''}>
				{!level && <div class="im-warn">{t('slideFar')}</div>}
				{now.coming > 0 && <div>{t('slideComing')}</div>}
				{now.why && <div class="im-warn">{`${t('slideTiles')} (${now.faults}): ${errorText(language, now.why)} `}<button type="button" data-testid={`slide-again-${state.at}`} onClick={now.again}>{t('retry')}</button></div>}
				{lost > 0 && <div class="im-warn">{`${t('slideLost')} (${lost})`}</div>}
				{slide.why && <div class="im-warn">{`${t('slideLevels')} (${slide.refused}): ${errorText(language, slide.why.code)}`}</div>}
			</div>
		</>
	);
}

/** Where the middle of the pane goes, for a place in parts of the slide as it is stored. */
export function panTo([x, y]: Point, view: View): Pick<ViewportState, 'pan_x' | 'pan_y'> {
	const dx = 0.5 - x, dy = 0.5 - y, turned = Math.abs(view.right[0]) < 0.5; // on a slide that lies on its side its own sides are the pane's other ones
	const [rx, ry] = view.right, [ux, uy] = view.up, sign = (v: number) => Math.sign(Math.round(v));
	return turned ? { pan_x: sign(ry) * dy, pan_y: -sign(ux) * dx } : { pan_x: sign(rx) * dx, pan_y: -sign(uy) * dy };
}
