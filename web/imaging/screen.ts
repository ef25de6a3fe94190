// Cornerstone3D: samples as they are in a texture, the window applied by the GPU. What is shown and how comes from the
// viewer's state alone; nothing is kept here. Where WebGL is not to be had, paint.ts paints.
import { Enums, RenderingEngine, StackViewport, init, metaData, setUseCPURendering, utilities, type Types } from '@cornerstonejs/core';
import type { Pixels } from './exact';
import type { Size, View } from './geometry';
import { pixelSize } from './geometry';
import type { ImageInfo } from './image-info';
import { inverted, paint, rangeOf, rgbOf } from './paint';
import { Seen, lookOf } from './shade';
import type { ViewportState } from './state';

const planes = new Map<string, { pixels: Pixels; info: ImageInfo }>();

// Every frame lies in the same plane: where it is in the patient is the viewer's business.
function metadataOf(type: string, id: string): unknown {
	const known = planes.get(id);
	if (!known) return undefined;
	const { pixels, info } = known, [sx, sy] = pixelSize(info);
	if (type === 'imagePlaneModule')
		return {
			rowCosines: [1, 0, 0], columnCosines: [0, 1, 0], imageOrientationPatient: [1, 0, 0, 0, 1, 0], imagePositionPatient: [0, 0, 0], frameOfReferenceUID: '1',
			rows: pixels.rows, columns: pixels.columns, columnPixelSpacing: sx, rowPixelSpacing: sy, pixelSpacing: [sy, sx], usingDefaultValues: false,
		};
	if (type === 'imagePixelModule')
		return {
			bitsAllocated: info.allocated, bitsStored: info.stored, highBit: info.stored - 1, samplesPerPixel: pixels.samples, pixelRepresentation: info.signed ? 1 : 0,
			photometricInterpretation: pixels.samples === 3 ? 'RGB' : 'MONOCHROME2', rows: pixels.rows, columns: pixels.columns,
		};
	if (type === 'generalSeriesModule') return { modality: 'OT' };
	return undefined;
}

let gpu: boolean | null = null;
function start(): boolean {
	if (gpu !== null) return gpu;
	try {
		const canvas = document.createElement('canvas');
		gpu = canvas.getContext('webgl2') !== null;
		if (!gpu) return gpu;
		init({ rendering: { webGlContextCount: 1 } } as Parameters<typeof init>[0]); // a pane; browsers take the oldest away, and its picture, where there are more than 16
		setUseCPURendering(false);
		metaData.addProvider(metadataOf, 1000);
	} catch {
		gpu = false;
	}
	return gpu;
}

let count = 0;

export class Screen {
	private readonly canvas: HTMLCanvasElement | null = null;
	private readonly engine: RenderingEngine | null = null;
	private readonly viewport: StackViewport | null = null;
	private readonly id = `huizhen:${++count}:`;
	private readonly seen = new Seen();
	private shown: Pixels | null = null;
	private imageId = '';

	constructor(
		private readonly element: HTMLDivElement,
		cpu = false,
	) {
		if (!cpu && start()) {
			this.engine = new RenderingEngine(this.id);
			this.engine.enableElement({ viewportId: this.id, type: Enums.ViewportType.STACK, element, defaultOptions: { background: [0, 0, 0] } });
			this.viewport = this.engine.getViewport(this.id) as StackViewport;
		} else {
			this.canvas = element.appendChild(document.createElement('canvas'));
			this.canvas.style.cssText = 'width:100%;height:100%;display:block';
		}
	}

	get by(): 'gpu' | 'cpu' {
		return this.viewport ? 'gpu' : 'cpu';
	}

	show(pixels: Pixels, info: ImageInfo, state: ViewportState, view: View, pane: Size): void {
		if (this.canvas) return paint(this.canvas, pixels, info, state, view, pane);
		if (!this.viewport) return;
		const made = this.seen.of(pixels, info, state), drawn = made ?? pixels, look = made || pixels.samples === 3 ? null : lookOf(pixels, info, state);
		// as it is seen already, or by the window, in stored values
		const voiRange = look ? rangeOf(look, { ...info, voi: look.voi }) : { lower: 0, upper: 255 };
		if (this.shown !== drawn) {
			planes.delete(this.imageId);
			this.imageId = `${this.id}${++count}`;
			planes.set(this.imageId, { pixels: drawn, info: made ? { ...info, allocated: 8, stored: 8, signed: false } : info });
			// it would take greys for colours of the same bits and size, and colours for greys
			if (this.shown && this.shown.samples !== drawn.samples) (this.viewport as unknown as { stackInvalidated: boolean }).stackInvalidated = true;
			this.viewport.renderImageObject(imageOf(this.imageId, drawn, info, voiRange));
			this.shown = drawn;
		}
		const normal = view.right[0] * view.up[1] - view.right[1] * view.up[0], focalPoint: Types.Point3 = [view.focus[0], view.focus[1], 0];
		this.viewport.setCamera({
			viewUp: [view.up[0], view.up[1], 0], viewPlaneNormal: [0, 0, normal], focalPoint, position: [focalPoint[0], focalPoint[1], normal * 1000],
			parallelScale: view.half, parallelProjection: true,
		});
		const interpolationType = view.unit * 2 > pixelSize(info)[0] ? Enums.InterpolationType.LINEAR : Enums.InterpolationType.NEAREST;
		const VOILUTFunction = look?.voi === 'SIGMOID' ? Enums.VOILUTFunctionType.SAMPLED_SIGMOID : Enums.VOILUTFunctionType.LINEAR;
		this.viewport.setProperties({ voiRange, VOILUTFunction, invert: made?.samples === 1 ? false : inverted(pixels, info, state), interpolationType });
		this.viewport.render();
	}

	resize(): void {
		this.engine?.resize(true, false);
	}

	done(): void {
		planes.delete(this.imageId);
		this.engine?.destroy();
		this.canvas?.remove();
		this.element.replaceChildren();
	}
}

function imageOf(imageId: string, pixels: Pixels, info: ImageInfo, { lower, upper }: { lower: number; upper: number }): Types.IImage {
	const color = pixels.samples === 3, scalarData = color ? rgbOf(pixels) : pixels.data instanceof Int8Array ? Int16Array.from(pixels.data) : pixels.data;
	const voxelManager = utilities.VoxelManager.createImageVoxelManager({ width: pixels.columns, height: pixels.rows, scalarData, numberOfComponents: pixels.samples });
	const [sx, sy] = pixelSize(info);
	return {
		imageId, minPixelValue: lower, maxPixelValue: upper, slope: 1, intercept: 0, windowCenter: (lower + upper) / 2, windowWidth: upper - lower,
		voiLUTFunction: Enums.VOILUTFunctionType.LINEAR, getPixelData: () => scalarData, rows: pixels.rows, columns: pixels.columns, height: pixels.rows, width: pixels.columns,
		color, rgba: false, numberOfComponents: pixels.samples, columnPixelSpacing: sx, rowPixelSpacing: sy, invert: false, sizeInBytes: scalarData.byteLength,
		dataType: scalarData.constructor.name as Types.PixelDataTypedArrayString, voxelManager: voxelManager as Types.IImage['voxelManager'], getCanvas: () => document.createElement('canvas'),
		photometricInterpretation: color ? 'RGB' : 'MONOCHROME2',
	};
}
