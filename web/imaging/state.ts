// How images are looked at, in the shapes of the consult's table (signaling/protocol: table_viewport): plain objects in and out.
export interface ImageRef {
	pacs: string;
	study: string;
	series: string;
	instance?: string;
}

/** An object of the PACS that says how images are looked at. */
export type MarksRef = ImageRef & { instance: string };

export interface ViewportState {
	at: number;
	image: ImageRef | null;
	/** Place in the stack, from 0. */
	frame: number;
	/** Of the window, in modality units; null: as the image says. */
	center: number | null;
	width: number | null;
	/** 1: the image fits. */
	zoom: number;
	/** Of the viewport's width and height. */
	pan_x: number;
	pan_y: number;
	/** Degrees, clockwise. */
	rotation: number;
	flip: boolean;
	invert: boolean;
	/** Frames a second; 0: stands. */
	cine: number;
	/** Of a stack that goes along with others by position (linking.ts); null: not aligned yet. */
	offset_mm: number | null;
	/** A presentation state or key object selection that it is looked at with. */
	marks: MarksRef | null;
}

export type DrawKind = 'point' | 'arrow' | 'line' | 'angle' | 'rectangle' | 'ellipse' | 'polygon' | 'freehand' | 'text';

/** A frame of an object: what a drawing is on (table_anchor). */
export interface Anchor {
	pacs: string;
	study: string;
	series: string;
	instance: string;
	/** Of the object, from 0. */
	frame: number;
}

/** Points in pixels of the image; on a participant's picture parts of it (table_drawing). */
export interface Drawing<On = Anchor> {
	id: string;
	kind: DrawKind;
	on: On;
	points: [number, number][];
	text?: string;
	value?: number;
	unit?: 'mm' | 'mm2' | 'deg' | 'px' | 'px2' | 'HU' | 'ms' | 'mV' | 'pct';
	color?: number;
	fades_s?: number;
}

/** Where somebody points, in pixels of the image of a viewport. */
export interface Pointer {
	from: string;
	name: string;
	at: number;
	x: number;
	y: number;
}

/** mpr: the stack of the first pane, and the two planes across it. */
export type Layout = 'one' | 'pair' | 'four' | 'mpr';

export interface ReadingState {
	layout: Layout;
	/** Stacks scroll together. */
	linked: boolean;
	viewports: ViewportState[];
}

export type ViewportChange = Partial<Omit<ViewportState, 'at'>> & { at: number };
export interface ReadingChange {
	layout?: Layout;
	linked?: boolean;
	viewports?: ViewportChange[];
}

export const freshViewport = (at: number, image: ImageRef | null = null): ViewportState => ({
	at, image, frame: 0, center: null, width: null, zoom: 1, pan_x: 0, pan_y: 0, rotation: 0, flip: false, invert: false, cine: 0, offset_mm: null, marks: null,
});

/** As the image says again; what it is looked at with, and beside what, stays. */
export const resetViewport = ({ at, image, frame, offset_mm, marks }: ViewportState): ViewportState => ({ ...freshViewport(at, image), frame, offset_mm, marks });

export const paneCount = (layout: Layout): number => ({ one: 1, pair: 2, four: 4, mpr: 3 })[layout];

export function applyChange(state: ReadingState, change: ReadingChange): ReadingState {
	const viewports = state.viewports.map((v) => ({ ...v, ...change.viewports?.find((c) => c.at === v.at) }));
	return { layout: change.layout ?? state.layout, linked: change.linked ?? state.linked, viewports };
}

export const PRESETS = [
	{ key: '1', zh: '软组织', en: 'Soft tissue', center: 40, width: 400 }, { key: '2', zh: '肺', en: 'Lung', center: -600, width: 1500 },
	{ key: '3', zh: '骨', en: 'Bone', center: 400, width: 1800 }, { key: '4', zh: '脑', en: 'Brain', center: 40, width: 80 },
	{ key: '5', zh: '肝', en: 'Liver', center: 60, width: 150 }, { key: '6', zh: '纵隔', en: 'Mediastinum', center: 50, width: 350 },
] as const;
