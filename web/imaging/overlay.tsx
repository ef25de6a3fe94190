// What is drawn over an image: everybody's drawings, the one that is being made, and where others point.
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
}

const YELLOW = '#ffe14d';
const css = (color: number | undefined) => (color === undefined ? YELLOW : `#${color.toString(16).padStart(6, '0')}`);

export const shapeOf = (drawing: Pick<Drawing, 'id' | 'kind' | 'points' | 'text' | 'value' | 'unit' | 'color'>, toPane: (p: Point) => Point): Shape => ({
	id: drawing.id, kind: drawing.kind, points: drawing.points.map(toPane), caption: caption(drawing), color: css(drawing.color),
});

const line = (points: Point[]) => points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ');

function Lines({ kind, points }: Shape) {
	const [a, b] = points;
	if (!a) return null;
	if (!b) return kind === 'text' ? null : <circle cx={a[0]} cy={a[1]} r={4} />;
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

export function Overlay({ shapes, pointers, pane }: { shapes: Shape[]; pointers: (Pointer & { place: Point })[]; pane: { width: number; height: number } }) {
	if (shapes.length === 0 && pointers.length === 0) return null;
	return (
		<svg class="im-overlay" viewBox={`0 0 ${pane.width} ${pane.height}`} aria-hidden="true">
			{shapes.map((shape) => {
				const end = shape.points[shape.kind === 'text' ? 0 : shape.points.length - 1];
				return (
					<g key={shape.id} data-testid="im-drawing" data-kind={shape.kind} data-id={shape.id} data-caption={shape.caption}>
						<g class="im-halo"><Lines {...shape} /></g>
						<g style={{ stroke: shape.color }}><Lines {...shape} /></g>
						{shape.caption && end && <text x={end[0] + (shape.kind === 'text' ? 0 : 8)} y={end[1] - 8} fill={shape.color}>{shape.caption}</text>}
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
