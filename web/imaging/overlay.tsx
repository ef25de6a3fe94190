// What is drawn over an image: everybody's drawings, the one that is being made, and where others point.
import './overlay.css';
import { arrowHead, caption } from './measure';
import type { Point } from './geometry';
import type { Drawing, DrawKind, Pointer } from './state';

export interface Shape {
	id: string;
	kind: DrawKind;
	/** In points of the pane. */
	points: Point[];
	caption: string;
	color: string;
	/** Callipers: their ends stand across what they measure. */
	calipers?: 'ms' | 'mV' | undefined;
	/** It is taken away so long after it was drawn. */
	fades_s?: number | undefined;
}

const YELLOW = '#ffe14d';
const css = (color: number | undefined) => (color === undefined ? YELLOW : `#${color.toString(16).padStart(6, '0')}`);

export const shapeOf = (drawing: Omit<Drawing<unknown>, 'on'>, toPane: (p: Point) => Point): Shape => ({
	id: drawing.id, kind: drawing.kind, points: drawing.points.map(toPane), caption: caption(drawing), color: css(drawing.color), fades_s: drawing.fades_s,
	calipers: drawing.kind === 'line' && (drawing.unit === 'ms' || drawing.unit === 'mV') ? drawing.unit : undefined,
});

const line = (points: Point[]) => points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ');

const ARM_PX = 24;

function Lines({ kind, points, calipers }: Shape) {
	const [a, b] = points;
	if (!a) return null;
	if (!b) return kind === 'text' ? null : <circle cx={a[0]} cy={a[1]} r={4} />;
	if (calipers === 'ms') return <path d={`M${a[0]} ${a[1] - ARM_PX}V${a[1] + ARM_PX}M${a[0]} ${a[1]}H${b[0]}M${b[0]} ${a[1] - ARM_PX}V${a[1] + ARM_PX}`} />;
	if (calipers === 'mV') return <path d={`M${a[0] - ARM_PX} ${a[1]}H${a[0] + ARM_PX}M${a[0]} ${a[1]}V${b[1]}M${a[0] - ARM_PX} ${b[1]}H${a[0] + ARM_PX}`} />;
	if (kind === 'arrow') {
		const [left, right] = arrowHead([a, b], Math.min(16, Math.hypot(b[0] - a[0], b[1] - a[1]) / 2));
		return <polyline points={line([a, b, left, b, right])} />;
	}
	// An ellipse lies in its box on the image; panes turn by quarters, so that it lies in the pane's too.
	if (kind === 'ellipse') return <ellipse cx={(a[0] + b[0]) / 2} cy={(a[1] + b[1]) / 2} rx={Math.abs(a[0] - b[0]) / 2} ry={Math.abs(a[1] - b[1]) / 2} />;
	if (kind === 'rectangle') return <polygon points={line([a, [b[0], a[1]], b, [a[0], b[1]]])} />;
	if (kind === 'polygon') return <polygon points={line(points)} />;
	return <polyline points={line(points)} />;
}

interface OverlayProps {
	shapes: Shape[];
	pointers: (Pick<Pointer, 'from' | 'name'> & { place: Point })[];
	pane: { width: number; height: number };
	/** Where the other planes cut this one. */
	cross?: Point | null;
}

/** In the last second it goes. */
const fading = ({ fades_s }: Shape) => (fades_s === undefined ? undefined : { animation: `im-fade 1s ${Math.max(0, fades_s - 1)}s forwards` });

const GAP_PX = 12;

export function Overlay({ shapes, pointers, pane, cross }: OverlayProps) {
	if (shapes.length === 0 && pointers.length === 0 && !cross) return null;
	return (
		<svg class="im-overlay" viewBox={`0 0 ${pane.width} ${pane.height}`} aria-hidden="true">
			{cross && (
				<path class="im-cross" data-testid="im-cross" data-at={cross.map((v) => v.toFixed(1)).join()}
					d={`M0 ${cross[1]}H${cross[0] - GAP_PX}M${cross[0] + GAP_PX} ${cross[1]}H${pane.width}M${cross[0]} 0V${cross[1] - GAP_PX}M${cross[0]} ${cross[1] + GAP_PX}V${pane.height}`} />
			)}
			{shapes.map((shape) => {
				const end = shape.points[shape.kind === 'text' ? 0 : shape.points.length - 1], left = end !== undefined && end[0] > pane.width - 8 * shape.caption.length - 16;
				return (
					<g key={shape.id} data-testid="im-drawing" data-kind={shape.kind} data-id={shape.id} data-caption={shape.caption} style={fading(shape)}>
						<g class="im-halo"><Lines {...shape} /></g>
						<g style={{ stroke: shape.color }}><Lines {...shape} /></g>
						{shape.caption && end && <text x={end[0] + (shape.kind === 'text' ? 0 : left ? -8 : 8)} y={Math.max(16, end[1] - 8)} fill={shape.color} text-anchor={left ? 'end' : 'start'}>{shape.caption}</text>}
					</g>
				);
			})}
			{pointers.map(({ from, name, place: [x, y] }) => (
				<g key={from} class="im-pointer" data-testid="im-pointer" transform={`translate(${x.toFixed(1)} ${y.toFixed(1)})`}>
					<circle r={9} />
					<circle r={2} />
					<text x={13} y={5}>{name}</text>
				</g>
			))}
		</svg>
	);
}
