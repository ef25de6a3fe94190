// Coarse pictures of a frame that is on its way: HTJ2K by resolutions, whose first bytes are a smaller picture.
import type { Pixels } from './exact';
import type { FrameSource } from './fetching';
import type { ImageInfo, PixelInfo } from './image-info';
import type { DecoderPool } from './pool';
import type { Priority } from './queue';

/** Where nobody says what its resolutions take: bytes at which one is tried. */
const STAGES = [24 * 1024, 160 * 1024, 640 * 1024];
/** What is smaller is not worth a look. */
const SIDE_MIN = 64;

/** What the frame is by its header, for a gateway that makes HTJ2K of what is not encoded (docs/PROTOCOL.md). */
export function wanted(source: FrameSource, info: PixelInfo): FrameSource {
	if (info.allocated < 8 || info.allocated > 16 || info.bigEndian || source.accept || !/^[A-Z0-9_]{1,18}$/.test(info.photometric)) return source;
	const { rows, columns, samples, allocated, stored, signed, planar } = info, photometric = info.film ? 'YBR_PARTIAL_420' : info.photometric;
	const pixels = [rows, columns, samples, allocated, stored, Number(signed), Number(planar), photometric].join(',');
	return { ...source, url: `${source.url}${source.url.includes('?') ? '&' : '?'}pixels=${pixels}`, accept: 'image/jphc, */*;q=0.5' };
}

export interface Stage {
	bytes: number;
	/** Wavelet levels to leave out; 0: as the share of the whole tells. */
	level: number;
}

/** What there is to decode, the smallest first. */
export function stagesOf(ends: readonly number[], info: Pick<PixelInfo, 'rows' | 'columns'>): Stage[] {
	if (ends.length === 0) return STAGES.map((bytes) => ({ bytes, level: 0 }));
	const all = ends.map((bytes, r) => ({ bytes, level: ends.length - r }));
	return all.filter(({ level }) => Math.min(info.rows, info.columns) / 2 ** level >= SIDE_MIN);
}

export class Stages {
	/** The whole is there: nothing coarse is shown any more. */
	over = false;
	private busy = false;
	private done = 0;

	constructor(
		private readonly pool: DecoderPool,
		private readonly info: ImageInfo,
		private readonly priority: () => Priority,
		private readonly show: (coarse: Pixels) => void,
	) {}

	take(bytes: Uint8Array, total: number, ends: readonly number[]): void {
		if (this.over || this.busy || total <= 0 || bytes.length >= total || (this.priority() > 0 && this.done > 0)) return;
		const stage = stagesOf(ends, this.info).filter((s) => s.bytes <= bytes.length && s.bytes > this.done).at(-1);
		if (!stage || (stage.level === 0 && bytes.length > total * 0.8)) return;
		this.busy = true;
		this.done = stage.bytes;
		const part = stage.level > 0 ? bytes.subarray(0, stage.bytes) : bytes;
		void this.pool.decode(part, '', this.info, this.priority(), total, stage.level).then(
			(coarse) => {
				this.busy = false;
				if (coarse && !this.over) this.show(coarse);
			},
			() => undefined, // the whole of it will tell
		);
	}
}
