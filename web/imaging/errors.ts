// Why an image is not shown. One image's error never touches the others; its words are in texts.ts.

export type ImageErrorCode =
	| 'cancelled' // the reader moved on
	| 'denied' // 401, 403
	| 'gone' // 404, 410
	| 'busy' // 429, 503: later perhaps
	| 'network' // no answer, or one that broke off and could not be resumed
	| 'not_image' // HTML, JSON, nothing at all
	| 'too_big'
	| 'damaged' // the codestream does not decode
	| 'disagrees' // it decodes to something that the header does not say
	| 'tables' // its lookup tables (palette, modality, VOI) are not all there, or lie
	| 'unsupported' // a codec or a layout that this viewer does not decode exactly
	| 'slow'; // a decoder that did not come back

export class ImageError extends Error {
	constructor(
		readonly code: ImageErrorCode,
		detail: string,
	) {
		super(`${code}: ${detail}`);
		this.name = 'ImageError';
	}
}

/** May be over by itself, with the archive or the line: it is tried again while somebody looks. */
export const passes = ({ code }: ImageError): boolean => code === 'busy' || code === 'network';

export const imageError = (error: unknown): ImageError => {
	if (error instanceof ImageError) return error;
	if (error instanceof DOMException && error.name === 'AbortError') return new ImageError('cancelled', 'aborted');
	return new ImageError('damaged', error instanceof Error ? error.message : String(error));
};
