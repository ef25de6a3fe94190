// Regions of a picture that are painted over, as parts of it (0 to 1). No rendering in here.
import type { Broadcast, BroadcastMasks, BroadcastSource, Mask, Source } from '../../sdk/src';

export const MOST = 16; // of a source, those of its profile among them
export const LEAST = 0.01; // smaller ones are a slip of the finger
export const STEP = 0.01; // of a key

export const TABLE = '~table'; // as a participant: the images on the table

export interface Point {
	x: number;
	y: number;
}

/** Of the picture on the screen, in CSS pixels. */
export interface Box {
	left: number;
	top: number;
	width: number;
	height: number;
}

/** Where in the picture a pointer is; outside of it below 0 or above 1. */
export function partOf(box: Box, at: { clientX: number; clientY: number }): Point {
	if (!(box.width > 0 && box.height > 0)) return { x: 0, y: 0 };
	return { x: (at.clientX - box.left) / box.width, y: (at.clientY - box.top) / box.height };
}

const within = (value: number, least: number, most: number): number => Math.min(Math.max(value, least), most);
const neat = (value: number): number => Math.round(value * 10_000) / 10_000;
const tidy = (m: Mask): Mask => ({ x: neat(m.x), y: neat(m.y), w: neat(m.w), h: neat(m.h) });

/** From one corner to the other, inside of the picture; null: too small to be meant. */
export function between(a: Point, b: Point): Mask | null {
	const left = within(Math.min(a.x, b.x), 0, 1);
	const top = within(Math.min(a.y, b.y), 0, 1);
	const m = tidy({ x: left, y: top, w: within(Math.max(a.x, b.x), 0, 1) - left, h: within(Math.max(a.y, b.y), 0, 1) - top });
	return m.w < LEAST || m.h < LEAST ? null : m;
}

/** Elsewhere, of the same size. */
export function moved(m: Mask, dx: number, dy: number): Mask {
	return tidy({ ...m, x: within(m.x + dx, 0, 1 - m.w), y: within(m.y + dy, 0, 1 - m.h) });
}

/** Its lower right corner elsewhere. */
export function sized(m: Mask, dw: number, dh: number): Mask {
	return tidy({ ...m, w: within(m.w + dw, LEAST, 1 - m.x), h: within(m.h + dh, LEAST, 1 - m.y) });
}

/** What an arrow key does; shift: to the size. null: another key. */
export function byKey(m: Mask, key: string, shift: boolean): Mask | null {
	const dx = key === 'ArrowLeft' ? -STEP : key === 'ArrowRight' ? STEP : 0;
	const dy = key === 'ArrowUp' ? -STEP : key === 'ArrowDown' ? STEP : 0;
	if (!dx && !dy) return null;
	return shift ? sized(m, dx, dy) : moved(m, dx, dy);
}

/** A first one, made without a pointer. */
export const anyMask = (): Mask => ({ x: 0.05, y: 0.05, w: 0.4, h: 0.1 });

export const sameSource = (a: BroadcastSource, b: BroadcastSource): boolean => a.participant === b.participant && a.source === b.source;

// As the gateway has it: machines and screens say who the patient is unless somebody knows better.
const TELLS: Source[] = ['ultrasound', 'screen', 'image'];

/** What is known of a source, or would be if nobody said anything. */
export function masksOf(desk: Broadcast, source: BroadcastSource): BroadcastMasks {
	const known = desk.masks?.find((m) => sameSource(m, source));
	const { participant } = source;
	return known ?? { participant, source: source.source, identified: TELLS.includes(source.source), fill: 'black', profile: '', version: 0, masks: [], device: [] };
}

/** open: shown as it is. masked: painted over. needed: it is not shown without masks. */
export function maskState(desk: Broadcast, source: BroadcastSource): 'open' | 'masked' | 'needed' {
	const { masks, device, identified } = masksOf(desk, source);
	return masks.length + device.length > 0 ? 'masked' : identified ? 'needed' : 'open';
}
