// The worker: one frame after the other.
import { decode, decodeCoarse, warmUp } from './decoders';
import { imageError } from './errors';
import type { Pixels } from './exact';
import type { PixelInfo } from './image-info';

export interface Order {
	/** 0: none is there yet, be ready. Not answered. */
	id: number;
	bytes: Uint8Array;
	type: string;
	info: PixelInfo;
	/** 0: all of it is there; else how many bytes there will be. */
	coarseOf: number;
	level: number;
}
export type Answer = { id: number; pixels: Pixels | null } | { id: number; code: string; detail: string };

interface Scope {
	onmessage: ((event: MessageEvent<Order>) => void) | null;
	postMessage(answer: Answer, transfer?: Transferable[]): void;
}
const scope = self as unknown as Scope;

async function answer({ id, bytes, type, info, coarseOf, level }: Order): Promise<void> {
	try {
		const pixels = coarseOf > 0 ? await decodeCoarse(bytes, coarseOf, info, level) : await decode(bytes, type, info);
		scope.postMessage({ id, pixels }, pixels ? [pixels.data.buffer as ArrayBuffer] : []);
	} catch (error) {
		const { code, message } = imageError(error);
		scope.postMessage({ id, code, detail: message });
	}
}

scope.onmessage = (event) => (event.data.id === 0 ? warmUp() : void answer(event.data));
