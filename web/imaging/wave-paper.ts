// An ECG on paper: 25 mm a second, 10 mm a millivolt, a lead a row, a calibration pulse in front of each. Places on the paper are in
// mm, the same for everybody who looks: what is drawn there means the same to all. The paper is an image to the rest of the viewer.
import type { Point, View } from './geometry';
import { toImage, toPane, type Size } from './geometry';
import type { ImageInfo } from './image-info';
import type { Drawing, DrawKind } from './state';
import { PAGE_S, pageOf, valueOf, type Lead, type Wave, type WaveGroup } from './wave';

export const MM_S = 25, MM_MV = 10;
const LEFT = 18, TOP = 14, ROW = 18, RIGHT = 6, BOTTOM = 8;
const INK = '#16181c', THIN = '#f4cfc9', THICK = '#e3a39a', PAPER = '#fff6f4';

export const paperSize = (leads: number): Size => ({ width: LEFT + PAGE_S * MM_S + RIGHT, height: TOP + Math.max(1, leads) * ROW + BOTTOM });
const zeroOf = (row: number): number => TOP + row * ROW + ROW / 2;

/** What the paper is to the viewer: an image of so many mm, that is neither turned nor windowed. */
export function paperInfo(instance: string, number: number, leads: number, pages: number): ImageInfo {
	const { width, height } = paperSize(leads);
	return {
		rows: height, columns: width, samples: 1, allocated: 16, stored: 16, signed: true, photometric: '', planar: false, bigEndian: false, instance, frames: pages, number, modality: 'ECG',
		slope: 1, intercept: 0, windows: [], voi: 'LINEAR', spacing: [1, 1], projected: false, orientation: null, position: null, patientOrientation: null, units: '', cineRate: 1, lossy: false, palette: false,
	};
}

/** Callipers: along it is time, upright it is voltage. */
export function measureOnPaper(kind: DrawKind, points: Point[]): Pick<Drawing, 'value' | 'unit'> | null {
	const [a, b] = points;
	if (kind !== 'line' || !a || !b) return null;
	const dx = Math.abs(a[0] - b[0]), dy = Math.abs(a[1] - b[1]);
	return dx >= dy ? { value: Math.round((dx / MM_S) * 1000), unit: 'ms' } : { value: Math.round((dy / MM_MV) * 100) / 100, unit: 'mV' };
}

/** Which sample of which lead is under a place; null: none. */
export function under(wave: Wave, index: number, [x, y]: Point): { lead: Lead; time_s: number; mv: number } | null {
	const page = pageOf(wave, index), group = page && wave[page.group], row = Math.floor((y - TOP) / ROW), lead = group?.leads[row];
	if (!page || !group || !lead) return null;
	const time_s = page.from_s + (x - LEFT) / MM_S, mv = x < LEFT || x > LEFT + PAGE_S * MM_S ? null : valueOf(lead, group, Math.round((time_s - lead.skew_s) * group.hz));
	return mv === null ? null : { lead, time_s, mv };
}

function grid(g: CanvasRenderingContext2D, { width, height }: Size, mmPx: number): void {
	const lines = (step: number, color: string, px: number) => {
		g.beginPath();
		for (let x = LEFT % step; x <= width; x += step) g.moveTo(x, 0), g.lineTo(x, height);
		for (let y = zeroOf(0) % step; y <= height; y += step) g.moveTo(0, y), g.lineTo(width, y);
		g.strokeStyle = color;
		g.lineWidth = px / mmPx;
		g.stroke();
	};
	g.fillStyle = PAPER;
	g.fillRect(0, 0, width, height);
	if (mmPx >= 2.5) lines(1, THIN, 0.6);
	lines(5, THICK, 0.9);
}

function trace(g: CanvasRenderingContext2D, group: WaveGroup, lead: Lead, from_s: number, row: number): void {
	const zero = zeroOf(row), first = Math.max(0, Math.floor((from_s - lead.skew_s) * group.hz)), last = Math.min(group.samples - 1, Math.ceil((from_s + PAGE_S - lead.skew_s) * group.hz));
	let down = false; // the pen
	g.beginPath();
	for (let i = first; i <= last; i++) {
		const mv = valueOf(lead, group, i), x = LEFT + (i / group.hz + lead.skew_s - from_s) * MM_S;
		if (mv !== null && down) g.lineTo(x, zero - mv * MM_MV);
		else if (mv !== null) g.moveTo(x, zero - mv * MM_MV);
		down = mv !== null;
	}
	g.stroke();
}

/** One millivolt high, 200 ms wide. */
function pulse(g: CanvasRenderingContext2D, row: number): void {
	const zero = zeroOf(row), x = LEFT - 8;
	g.beginPath();
	for (const [i, [dx, dy]] of ([[0, 0], [1.5, 0], [1.5, -MM_MV], [6.5, -MM_MV], [6.5, 0], [8, 0]] as const).entries()) g[i === 0 ? 'moveTo' : 'lineTo'](x + dx, zero + dy);
	g.stroke();
}

export interface PaperView {
	info: ImageInfo;
	view: View;
	pane: Size;
	ratio: number;
	/** Of a lead whose unit nobody knows. */
	noScale: string;
}

/** The page as the pane shows it. */
export function paintPaper(canvas: HTMLCanvasElement, wave: Wave, index: number, { info, view, pane, ratio, noScale }: PaperView): void {
	const g = canvas.getContext('2d'), page = pageOf(wave, index), group = page && wave[page.group];
	canvas.width = Math.round(pane.width * ratio);
	canvas.height = Math.round(pane.height * ratio);
	if (!g || !page || !group) return;
	const o = toPane(view, info, pane, [0, 0]), a = toPane(view, info, pane, [1, 0]), b = toPane(view, info, pane, [0, 1]), mmPx = a[0] - o[0];
	g.setTransform(ratio * (a[0] - o[0]), ratio * (a[1] - o[1]), ratio * (b[0] - o[0]), ratio * (b[1] - o[1]), ratio * o[0], ratio * o[1]);
	const size = paperSize(group.leads.length);
	grid(g, size, mmPx);
	g.fillStyle = INK;
	g.lineJoin = 'round';
	g.font = '600 3.6px system-ui, sans-serif';
	g.fillText(`25 mm/s  10 mm/mV${group.filter ? `  ${group.filter}` : ''}  ${group.hz} Hz${group.label ? `  ${group.label}` : ''}${page.from_s > 0 ? `  ${page.from_s} s` : ''}`, 4, 6);
	for (const [row, lead] of group.leads.entries()) {
		g.strokeStyle = INK;
		g.lineWidth = Math.max(0.18, 1.1 / mmPx);
		g.fillText(lead.gain === null ? `${lead.name} ${noScale}` : lead.name, 2, zeroOf(row) - 5);
		if (lead.gain === null) continue;
		pulse(g, row);
		trace(g, group, lead, page.from_s, row);
	}
}

export const cursorText = (wave: Wave, index: number, info: ImageInfo, view: View, pane: Size, at: Point): string => {
	const found = under(wave, index, toImage(view, info, pane, at));
	return found ? `${found.lead.name} ${found.time_s.toFixed(3)} s: ${found.mv.toFixed(3)} mV` : '';
};
