// Whether a codestream is all there. The libraries are forgiving: OpenJPH paints what is missing from what it has, and
// libjpeg-turbo grey. A picture that is only nearly the archive's is never shown as exact.
import { ImageError } from './errors';

const short = (what: string) => new ImageError('damaged', what);

/** JPEG: ends with EOI, with a little padding behind it at most. */
export function checkJpegEnd(stream: Uint8Array): void {
	for (let i = stream.length - 2; i >= 2 && i >= stream.length - 66; i--) if (stream[i] === 0xff && stream[i + 1] === 0xd9) return;
	throw short('JPEG without its end');
}

/** JPEG 2000 and HTJ2K: tile-part behind tile-part (15444-1 A.4.2) up to EOC, and that is the end. */
export function checkJ2kEnd(stream: Uint8Array): void {
	const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
	let at = 2;
	while (at + 4 <= view.byteLength && view.getUint16(at) !== 0xff90) {
		if (view.getUint16(at) < 0xff00 || view.getUint16(at + 2) < 2) throw short('JPEG 2000 main header');
		at += 2 + view.getUint16(at + 2);
	}
	for (let parts = 0; at + 12 <= view.byteLength && view.getUint16(at) === 0xff90; parts++) {
		const length = view.getUint32(at + 6);
		if (length === 0) {
			checkJpegEnd(stream); // the last one goes up to EOC, which has JPEG's number
			return;
		}
		if (length < 14 || parts > 65535 * 255) throw short('JPEG 2000 tile-part');
		at += length;
	}
	if (at + 2 > view.byteLength || view.getUint16(at) !== 0xffd9 || view.byteLength - at > 66) throw short('JPEG 2000 without its end');
}
