import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { checkJ2kEnd } from './complete';
import { checkHead, fromDecoded, hashOf } from './exact';
import { imageInfo, type DicomJson, type PixelInfo } from './image-info';
import { decodeJpegLossless } from './jpeg-lossless';
import { decodeNative, decodeRle, isRle } from './native';
import { stackOf } from './series';
import { loses, scansByPlane, sniff } from './sniff';
import { wanted } from './stages';

const INFO: PixelInfo = { rows: 2, columns: 4, samples: 1, allocated: 16, stored: 12, signed: false, photometric: 'MONOCHROME2', planar: false, bigEndian: false };
const be = (...words: number[]) => words.flatMap((w) => [w >> 8, w & 255]);

const sof = (marker: number, bits: number, rows: number, columns: number, n: number) =>
	[0xff, marker, ...be(8 + 3 * n), bits, ...be(rows, columns), n, ...Array.from({ length: n }, (_, i) => [i + 1, 0x11, 0]).flat()];
const siz = (bits: number, rows: number, columns: number, n: number, htj2k = false, mct = 0) => Uint8Array.from([
	...be(0xff4f, 0xff51, 38 + 3 * n, 0), ...be(0, columns, 0, rows), ...Array<number>(8).fill(0), ...be(0, columns, 0, rows), ...Array<number>(8).fill(0), ...be(n),
	...Array.from({ length: n }, () => [bits, 1, 1]).flat(), ...(htj2k ? be(0xff50, 8, 2, 0, 0) : []), ...be(0xff52, 12), 0, 2, ...be(1), mct, 5, 4, 4, 0, 1, ...be(0xff90, 10)]);

test.each([
	[0xc0, 'jpeg', 8], [0xc1, 'jpeg', 12], [0xc3, 'jpeg-lossless', 16], [0xf7, 'jpeg-ls', 12],
])('a frame header %i is %s', (marker, codec, bits) => {
	expect(sniff(Uint8Array.from([0xff, 0xd8, 0xff, 0xe0, ...be(7), 0x4a, 0x46, 0x49, 0x46, 0, ...sof(marker, bits, 2, 4, 1)])))
		.toMatchObject({ codec, bits, width: 4, height: 2, components: 1, color: 'jfif', signed: null });
});

test('what loses something says so, whatever the header says', () => {
	const scan = (marker: number, near: number, low: number) => Uint8Array.from([0xff, 0xd8, ...sof(marker, 8, 2, 4, 1), 0xff, 0xff, 0xda, ...be(8), 1, 1, 0, near, 0, low]);
	const says = (bytes: Uint8Array) => loses(bytes, sniff(bytes)!);
	expect([says(scan(0xc0, 0, 0)), says(scan(0xf7, 0, 0)), says(scan(0xf7, 2, 0)), says(scan(0xc3, 1, 0)), says(scan(0xc3, 1, 1))]).toEqual([true, false, true, false, true]);
	const lossless = siz(11, 2, 4, 1), lossy = siz(11, 2, 4, 1, true);
	lossy[lossy.length - 5] = 0;
	expect([says(lossless), says(lossy)]).toEqual([false, true]);
	expect(loses(scan(0xf7, 2, 0).subarray(0, 20), sniff(scan(0xf7, 2, 0))!)).toBe(false);
});

test('HTJ2K under the label of JPEG 2000 is HTJ2K', () => {
	expect(sniff(siz(11, 2, 4, 1))).toMatchObject({ codec: 'jpeg2000', bits: 12, signed: false, width: 4, height: 2, levels: 5, progression: 2 });
	expect(sniff(siz(0x8b, 2, 4, 3, true, 1))).toMatchObject({ codec: 'htj2k', bits: 12, signed: true, components: 3, mct: true });
	const boxes = Uint8Array.from([...be(0, 12, 0x6a50, 0x2020, 0x0d0a, 0x870a), ...be(0, 0, 0x6a70, 0x3263), ...siz(11, 2, 4, 1)]);
	boxes[15] = 8 + siz(11, 2, 4, 1).length;
	expect(sniff(boxes)).toMatchObject({ codec: 'jpeg2000', offset: 20 });
});

test('cut anywhere it is an error or nothing, never an exception of another kind', () => {
	const whole = [siz(11, 2, 4, 3, true), Uint8Array.from([0xff, 0xd8, ...sof(0xc3, 16, 2, 4, 3)])];
	for (const bytes of whole)
		for (let n = 0; n < bytes.length; n++)
			try {
				sniff(bytes.subarray(0, n));
			} catch (error) {
				expect(error).toMatchObject({ name: 'ImageError' });
			}
});

test.each([
	['columns', { columns: 5 }], ['rows', { rows: 3 }], ['components', { samples: 3 }], ['fewer bits', { stored: 13 }], ['more bits', { stored: 8, allocated: 8 }], ['sign', { signed: true }],
])('a codestream of other %s is no picture', (_what, other) => {
	const head = sniff(siz(11, 2, 4, 1))!;
	expect(() => checkHead(head, INFO)).not.toThrow();
	expect(() => checkHead(head, { ...INFO, ...other })).toThrow(/disagrees/);
	expect(() => fromDecoded({ width: 4, height: 2, components: 1, bits: 12, bytes: new Uint8Array(14) }, head, INFO)).toThrow(/disagrees/);
	expect(() => fromDecoded({ width: 4, height: 1, components: 1, bits: 12, bytes: new Uint8Array(16) }, head, INFO)).toThrow(/disagrees/);
	expect(() => fromDecoded({ width: 4, height: 2, components: 1, bits: 8, bytes: new Uint8Array(16) }, head, INFO)).toThrow(/disagrees/);
});

test('samples that do not fit the stored bits are not cut silently', () => {
	const head = { ...sniff(siz(15, 2, 4, 1))!, signed: null }, words = Uint16Array.from([0, 4095, 1, 2, 3, 4, 5, 6]);
	const made = { width: 4, height: 2, components: 1, bits: 16, bytes: new Uint8Array(words.buffer) };
	expect([...fromDecoded(made, head, INFO).data]).toEqual([...words]);
	words[3] = 4096;
	expect(() => fromDecoded(made, head, INFO)).toThrow(/more than 12 bits/);
	words[3] = 0xf800; // -2048 in 16 bits
	expect(fromDecoded(made, head, { ...INFO, signed: true }).data[3]).toBe(-2048);
	words[1] = 0; // was 4095
	words[3] = 2048; // of a codestream that knows signs: not -2048
	expect(() => fromDecoded(made, { ...head, signed: true }, { ...INFO, signed: true })).toThrow(/more than 12 bits/);
	words[3] = 0xf800;
	expect(fromDecoded(made, { ...head, signed: true }, { ...INFO, signed: true }).data[3]).toBe(-2048);
});

test('JPEG-LS of colour with a scan for each component comes by plane', () => {
	const start = [0xff, 0xd8, 0xff, 0xe0, ...be(4), 0, 0, ...sof(0xf7, 8, 1, 2, 3)];
	const one = Uint8Array.from([...start, 0xff, 0xff, 0xda, ...be(8), 1, 1, 0, 0, 0, 0]), all = Uint8Array.from([...start, 0xff, 0xda, ...be(12), 3, 1, 0, 2, 0, 3, 0, 0, 1, 0]);
	expect([scansByPlane(one), scansByPlane(all), scansByPlane(one.subarray(0, 20))]).toEqual([true, false, false]);
	const info = { ...INFO, rows: 1, columns: 2, samples: 3, allocated: 8, stored: 8, photometric: 'RGB' }, head = sniff(one)!;
	const made = { width: 2, height: 1, components: 3, bits: 8, bytes: Uint8Array.from([1, 2, 3, 4, 5, 6]), byPlane: true };
	expect([...fromDecoded(made, head, info).data]).toEqual([1, 3, 5, 2, 4, 6]);
});

test('uncompressed: sign, byte order, planes, one bit; other lengths are refused', async () => {
	const bytes = Uint8Array.from([0xff, 0x0f, 0, 0, 1, 0, 0, 8, 2, 0, 3, 0, 4, 0, 0xff, 7]);
	expect([...decodeNative(bytes, { ...INFO, signed: true })]).toEqual([-1, 0, 1, -2048, 2, 3, 4, 2047]);
	expect(decodeNative(bytes, { ...INFO, bigEndian: true, stored: 16 })[0]).toBe(0xff0f);
	expect([...decodeNative(Uint8Array.from([1, 2, 3, 4, 5, 6]), { ...INFO, rows: 1, columns: 2, samples: 3, allocated: 8, stored: 8, planar: true })]).toEqual([1, 3, 5, 2, 4, 6]);
	expect([...decodeNative(Uint8Array.from([0b101, 0]), { ...INFO, allocated: 1, stored: 1 })]).toEqual([1, 0, 1, 0, 0, 0, 0, 0]);
	expect(() => decodeNative(bytes.subarray(0, 15), INFO)).toThrow(/disagrees/);
	expect(() => decodeNative(new Uint8Array(18), INFO)).toThrow(/disagrees/);
	const data = Int16Array.from([-1, 0, 300]), pixels = { rows: 1, columns: 3, samples: 1, photometric: 'MONOCHROME2', data, exact: true };
	expect(await hashOf(pixels)).toBe(createHash('sha256').update(Uint8Array.from([255, 255, 0, 0, 44, 1])).digest('hex'));
});

test('RLE: the two bytes of a word, runs and literals; cut off or too long is an error', () => {
	const header = new Uint8Array(64), view = new DataView(header.buffer);
	view.setUint32(0, 2, true), view.setUint32(4, 64, true), view.setUint32(8, 66, true);
	const frame = Uint8Array.from([...header, 249, 3, 3, 1, 2, 3, 4, 253, 9]);
	expect(isRle(frame, INFO)).toBe(true);
	expect([...decodeRle(frame, INFO)]).toEqual([0x301, 0x302, 0x303, 0x304, 0x309, 0x309, 0x309, 0x309]);
	expect(() => decodeRle(frame.subarray(0, frame.length - 2), INFO)).toThrow(/damaged/);
	expect(() => decodeRle(Uint8Array.from([...header, 248, 3, 3, 1, 2, 3, 4, 253, 9]), INFO)).toThrow(/damaged/);
	expect(isRle(frame, { ...INFO, allocated: 8, stored: 8 })).toBe(false);
});

// Two samples with a difference of 32768, which has a category and no bits behind it: what other decoders get wrong.
test('JPEG lossless: category 16 is exact', () => {
	const table = [0xff, 0xc4, ...be(2 + 17 + 2), 0, 1, 1, ...Array<number>(14).fill(0), 0, 16]; // 0: none, 10: category 16
	const start = (bits: string) => [0xff, 0xd8, ...sof(0xc3, 16, 1, 4, 1), ...table, 0xff, 0xda, ...be(8), 1, 1, 0, 1, 0, 0, parseInt(bits, 2), 0xff, 0xd9];
	const bytes = Uint8Array.from(start('01010011')); // none, 32768, 32768, none
	expect([...decodeJpegLossless(bytes, sniff(bytes)!)]).toEqual([32768, 0, 32768, 32768]);
	for (let n = 2; n < bytes.length - 2; n++) expect(() => decodeJpegLossless(bytes.subarray(0, n), sniff(bytes)!)).toThrow(/ImageError|damaged/);
});

test('the header: enhanced objects have their values in functional groups; nonsense is refused', () => {
	const number = (...v: number[]) => ({ Value: v }), sequence = (o: object) => ({ Value: [o] });
	const set: DicomJson = {
		'00280010': number(2), '00280011': number(4), '00280100': number(16), '00280101': number(12), '00280102': number(11), '00280103': number(0),
		'00280008': number(2), '00080060': { Value: ['CT'] },
		'52009229': sequence({ '00289110': sequence({ '00280030': number(0.5, 0.25) }), '00289145': sequence({ '00281053': number(2), '00281052': number(-1024) }) }),
		'52009230': { Value: [{}, { '00289132': sequence({ '00281050': number(40), '00281051': number(400) }), '00209113': sequence({ '00200032': number(1, 2, 3) }) }] },
	};
	expect(imageInfo(set, 1)).toMatchObject({ spacing: [0.5, 0.25], slope: 2, intercept: -1024, windows: [{ center: 40, width: 400 }], position: [1, 2, 3], frames: 2, units: 'HU' });
	expect(imageInfo(set, 0)).toMatchObject({ windows: [], position: null });
	expect(() => imageInfo({})).toThrow(/disagrees/);
	expect(() => imageInfo({ ...set, '00280010': number(-1) })).toThrow(/disagrees/);
	expect(() => imageInfo({ ...set, '00280100': number(24) })).toThrow(/unsupported/);
	expect(() => imageInfo({ ...set, '00280100': number(32), '7FE00008': {} })).toThrow(/unsupported/);
	expect(imageInfo({ ...set, '00280100': number(32), '00280101': number(32), '00280102': number(31) })).toMatchObject({ allocated: 32, stored: 32 });
	expect(() => imageInfo({ ...set, '00280101': number(17) })).toThrow(/unsupported/);
});

test('a value that is null or no number is none, and moves no other; what a rescale says is a number, or there is no image', () => {
	const of = (...v: unknown[]) => ({ Value: v }), set: DicomJson = { '00280010': of(2), '00280011': of(4), '00280100': of(16), '00280030': of(0.5, 0.5), '00080060': of('CT') };
	expect(imageInfo(set)).toMatchObject({ spacing: [0.5, 0.5], projected: false, slope: 1, units: 'HU' });
	expect(imageInfo({ ...set, '00280030': of('0.5', ' 0.25 ') }).spacing).toEqual([0.5, 0.25]);
	for (const spacing of [of(0.5, null), of(null, 0.5, 0.5), of(0.5, ''), of(0.5, true), of('0,5', '0,5'), of([1], [1])]) expect(imageInfo({ ...set, '00280030': spacing }).spacing).toBeNull();
	expect(imageInfo({ ...set, '00200032': of(null, 1, 2) }).position).toBeNull();
	expect(imageInfo({ ...set, '00281050': of(null, 40), '00281051': of(100, 80) }).windows).toEqual([]);
	expect(imageInfo({ ...set, '00281050': of(40, 50), '00281051': of(80, 'wide') }).windows).toEqual([{ center: 40, width: 80 }]);
	for (const tag of ['00281053', '00281052']) expect(() => imageInfo({ ...set, [tag]: of('1,5') })).toThrow(/disagrees/);
	expect(imageInfo({ ...set, '00281053': of(null), '00281052': {} })).toMatchObject({ slope: 1, intercept: 0 });
	for (const rescale of [{ '00281053': of('2') }, { '00281052': of('-1024') }, { '00281053': of('0'), '00281052': of('-1024') }]) expect(() => imageInfo({ ...set, '00281053': {}, '00281052': {}, ...rescale })).toThrow('rescale');
	for (const tag of ['00281053', '52009229', '52009230']) expect(() => imageInfo({ ...set, [tag]: { vr: 'UN', InlineBinary: 'MiA=' } })).toThrow(/disagrees/);
	for (const type of ['US', 'MGML', 'HU_MOD']) expect(imageInfo({ ...set, '00281054': of(type) }).units).toBe('');
	expect(imageInfo({ ...set, '00280120': of('x'), '00280121': of(3) }).padding).toBeUndefined();
});

test('colours that nobody shows here are not taken for others', () => {
	const of = (...v: unknown[]) => ({ Value: v }), set: DicomJson = { '00280010': of(2), '00280011': of(4), '00280100': of(8) };
	for (const colour of ['YBR_PARTIAL_422', 'HSV', 'CMYK', 'ARGB', 'MONOCHROME2', '']) expect(() => imageInfo({ ...set, '00280002': of(3), '00280004': of(colour) })).toThrow(/unsupported/);
	for (const colour of ['RGB', 'YBR_FULL', 'YBR_FULL_422', 'YBR_ICT', 'YBR_RCT']) expect(imageInfo({ ...set, '00280002': of(3), '00280004': of(colour) }).photometric).toBe(colour);
	for (const colour of ['RGB', 'YBR_FULL']) expect(() => imageInfo({ ...set, '00280004': of(colour) })).toThrow(/unsupported/);
});

test('spacing that is the detector\'s says so, also where it is called the pixel\'s', () => {
	const of = (...v: unknown[]) => ({ Value: v }), set: DicomJson = { '00280010': of(2), '00280011': of(4), '00280100': of(16), '00080060': of('DX') };
	expect(imageInfo({ ...set, '00181164': of(0.15, 0.15) })).toMatchObject({ spacing: [0.15, 0.15], projected: true });
	expect(imageInfo({ ...set, '00181164': of(0.15, 0.15), '00280030': of('0.15', '0.15') })).toMatchObject({ spacing: [0.15, 0.15], projected: true });
	expect(imageInfo({ ...set, '00181164': of(0.15, 0.15), '00280030': of(0.12, 0.12) })).toMatchObject({ spacing: [0.12, 0.12], projected: false });
});

test('groups for fewer frames than there are: the object is refused, as in the live lane', () => {
	const of = (...v: unknown[]) => ({ Value: v }), set: DicomJson = { '00080018': of('1.2'), '00280010': of(2), '00280011': of(4), '00280100': of(8), '00280008': of(3), '52009230': of({}, {}) };
	const source = { image: { pacs: 'main', study: '1', series: '1' }, url: '/s' };
	expect(stackOf([set], source, () => '')).toMatchObject({ frames: [], refused: 1 });
	expect(stackOf([{ ...set, '52009230': of({}, null, {}) }], source, () => '').frames.length).toBe(3);
});

test('what of a series is not shown is counted, with the reason of the first; a report is no image that is missing', () => {
	const of = (...v: unknown[]) => ({ Value: v }), set: DicomJson = { '00080018': of('1.2'), '00280010': of(2), '00280011': of(4), '00280100': of(8) }, report = { '00080018': of('1.9'), '00080016': of('1.2.840.10008.5.1.4.1.1.88.11') };
	const stack = (...sets: unknown[]) => stackOf(sets, { image: { pacs: 'main', study: '1', series: '1' }, url: '/s' }, () => '');
	expect(stack(set, report)).toMatchObject({ refused: 0, why: null, error: null });
	expect(stack(set, { ...set, '00280100': of(24) }, null, { ...set, '00080018': of('../x') })).toMatchObject({ refused: 3, why: { code: 'not_image' }, error: null });
	expect(stack({ ...set, '00280100': of(24) }, { ...set, '00280100': of(-1) })).toMatchObject({ frames: [], refused: 2, error: { code: 'unsupported' } });
	expect(stack(report)).toMatchObject({ frames: [], refused: 0, error: { code: 'unsupported' } });
	expect(stack()).toMatchObject({ frames: [], refused: 0, error: null });
	expect(stack({ ...set, '00280008': of(30000) })).toMatchObject({ error: { code: 'too_big' } });
	const own = { '00289132': of({ '00283010': of({}) }) }; // of one frame: the others are shown
	expect(stack({ ...set, '00280008': of(3), '52009230': of({}, own, {}) })).toMatchObject({ refused: 1, why: { code: 'unsupported' }, frames: [{ index: 0 }, { index: 2 }] });
});

test('a video is asked for as one, and comes as RGB', () => {
	const us = (value: number) => ({ vr: 'US', Value: [value] });
	const set: DicomJson = {
		'00280010': us(80), '00280011': us(96), '00280002': us(3), '00280100': us(8), '00280101': us(8), '00280004': { vr: 'CS', Value: ['YBR_PARTIAL_420'] },
		'00280008': { vr: 'IS', Value: [46] }, '00181063': { vr: 'DS', Value: [40] },
	};
	const info = imageInfo(set, 3), source = { url: '/f', token: () => '' };
	expect(info).toMatchObject({ film: true, photometric: 'RGB', lossy: true, cineRate: 25, frames: 46 });
	expect(wanted(source, info).url).toBe('/f?pixels=80,96,3,8,8,0,0,YBR_PARTIAL_420');
	const named: DicomJson = { ...set, '00280004': { vr: 'CS', Value: ['YBR_FULL_422'] }, '00083002': { vr: 'UI', Value: ['1.2.840.10008.1.2.4.102.1'] } };
	expect(imageInfo(named).film).toBe(true);
	const given: DicomJson = { ...set, '00280004': { vr: 'CS', Value: ['RGB'] }, '00083002': { vr: 'UI', Value: ['1.2.840.10008.1.2.1'] } };
	expect(imageInfo(given).film).toBeUndefined();
	expect(wanted(source, imageInfo(given)).url).toContain(',RGB');
});

test('a codestream that is not all there is refused before a forgiving library paints the rest', () => {
	const part = (length: number, more: number) => [...be(0xff90, 10, 0), ...be(length >> 16, length & 0xffff), 0, 1, ...Array<number>(more).fill(7)];
	const main = [...siz(11, 2, 4, 1)].slice(0, -4), whole = Uint8Array.from([...main, ...part(22, 10), ...part(20, 8), 0xff, 0xd9]);
	expect(() => checkJ2kEnd(whole)).not.toThrow();
	expect(() => checkJ2kEnd(Uint8Array.from([...whole, 0]))).not.toThrow();
	for (let n = 2; n < whole.length; n++) expect(() => checkJ2kEnd(whole.subarray(0, n))).toThrow(/damaged/);
	expect(() => checkJ2kEnd(Uint8Array.from([...main, ...part(0, 10), 0xff, 0xd9]))).not.toThrow();
	expect(() => checkJ2kEnd(Uint8Array.from([...main, ...part(0, 100)]))).toThrow(/damaged/);
});

test('32 bits: native samples as they are, bits above the stored ones are none; no codestream of more than 16', () => {
	const info = { ...INFO, rows: 1, columns: 3, allocated: 32, stored: 32, signed: true }, bytes = new Uint8Array(Int32Array.of(-70000, 5, 2 ** 31 - 1).buffer);
	expect(decodeNative(bytes, info)).toEqual(Int32Array.of(-70000, 5, 2 ** 31 - 1));
	expect(decodeNative(bytes, { ...info, stored: 20 })).toEqual(Int32Array.of(-70000, 5, -1));
	expect(decodeNative(bytes, { ...info, signed: false })[0]).toBe(2 ** 32 - 70000);
	const big = bytes.slice();
	for (let i = 0; i < 12; i += 4) big.subarray(i, i + 4).reverse();
	expect(decodeNative(big, { ...info, bigEndian: true })).toEqual(Int32Array.of(-70000, 5, 2 ** 31 - 1));
	expect(() => decodeNative(bytes.subarray(0, 11), info)).toThrow(/disagrees/);
	expect(() => checkHead({ ...sniff(Uint8Array.from([0xff, 0xd8, ...sof(0xc3, 16, 1, 3, 1)]))!, bits: 20 }, { ...info, stored: 20 })).toThrow(/unsupported/);
});
