// Ramps through each kind of lookup table, window and padding, held against what PS3.3 makes of them (tests/lib/looks.json), as the live lane's
// renderer is (tests/unit/imaging/test_looks.c): both lanes show the same greys and colours. And tables that lie.
import { readFileSync } from 'node:fs';
import { expect, it, test, vi } from 'vitest';
import { ImageError } from './errors';
import type { Pixels } from './exact';
import type { Frame } from './frames';
import { imageInfo, type DicomJson, type ImageInfo } from './image-info';
import { LutStore, needsLuts, parseLuts } from './luts';
import { inverted, rangeOf, windowOf } from './paint';
import { Queue } from './queue';
import { Seen, isColour, lookOf, seen } from './shade';
import { freshViewport, type ViewportState } from './state';
import { volumeOf } from './volume';

interface Wish { center?: number; width?: number; invert?: boolean; expect: number[] }
interface Case {
	name: string; photometric: string; allocated: number; stored: number; signed: boolean; samples: number[]; padding?: [number, number]; slope?: string; intercept?: string; center?: number; width?: number;
	function?: string; inverse?: boolean; modality?: object; voi?: object[]; looks: Wish[]; luts: object;
}
const cases = JSON.parse(readFileSync(new URL('../../tests/lib/looks.json', import.meta.url), 'utf8')) as Case[];

function headerOf(c: Case): DicomJson {
	const set: DicomJson = {}, put = (tag: string, ...value: unknown[]) => void (value[0] !== undefined && (set[tag] = { Value: value }));
	put('00080018', '1.2.3.1'), put('00280002', 1), put('00280004', c.photometric), put('00280010', 4), put('00280011', 4), put('00280100', c.allocated), put('00280101', c.stored), put('00280103', c.signed ? 1 : 0);
	put('00281050', c.center), put('00281051', c.width), put('00281052', c.intercept), put('00281053', c.slope), put('00281056', c.function), put('00280120', c.padding?.[0]), put('00280121', c.padding?.[1]);
	put('20500020', c.inverse ? 'INVERSE' : undefined), put('00283000', c.modality), put('00283010', ...(c.voi ?? [undefined]));
	return set;
}
function pixelsOf(c: Case, info: ImageInfo): Pixels {
	const data = c.allocated === 32 ? (c.signed ? Int32Array.from(c.samples) : Uint32Array.from(c.samples)) : c.allocated === 8 ? Uint8Array.from(c.samples) : c.signed ? Int16Array.from(c.samples) : Uint16Array.from(c.samples);
	return { rows: 4, columns: 4, samples: 1, photometric: c.photometric, data, exact: true, ...(needsLuts(info) && { luts: parseLuts(c.luts, info) }) };
}
const stateOf = ({ center = null, width = null, invert = false }: { center?: number | null; width?: number | null; invert?: boolean }): ViewportState => ({ ...freshViewport(0), center, width, invert });

it.each(cases.map((c) => [c.name, c] as const))('%s: as PS3.3 says, on both ways to the screen', (_name, c) => {
	const info = imageInfo(headerOf(c)), pixels = pixelsOf(c, info), gpu = new Seen();
	for (const wish of c.looks) {
		const state = stateOf(wish), drawn = seen(pixels, info, state), made = gpu.of(pixels, info, state), turned = drawn.samples === 3 && state.invert ? 255 : 0;
		expect([...drawn.data].map((v) => v ^ turned)).toEqual(wish.expect);
		expect(gpu.of(pixels, info, state)).toBe(made);
		if (made) expect(made).toEqual(drawn);
		else { // what WebGL makes of the samples themselves
			const look = lookOf(pixels, info, state), { lower, upper } = rangeOf(look, { ...info, voi: look.voi }), flip = inverted(pixels, info, state);
			const by = (v: number) => (look.voi === 'SIGMOID' ? 1 / (1 + Math.exp((-4 * (v - (lower + upper + 1) / 2)) / (upper - lower + 1))) : Math.max(0, Math.min(1, (v - lower) / Math.max(upper - lower, 1e-9))));
			c.samples.forEach((v, i) => expect(Math.abs(255 * (flip ? 1 - by(v) : by(v)) - wish.expect[i]!), `${v}`).toBeLessThanOrEqual(1));
		}
	}
	if (needsLuts(info)) expect(volumeOf([{ info }, { info }, { info }])).toBe(info.palette ? 'colour' : 'values');
});

it('which are seen already when they come to WebGL: tables, and padding that would not be black', () => {
	const seenBefore = cases.map((c) => (new Seen().of(pixelsOf(c, imageInfo(headerOf(c))), imageInfo(headerOf(c)), stateOf({})) ? c.name.split(/[ ,]/)[0] : '')).filter((n) => n !== '');
	expect(seenBefore).toEqual(['palette', 'palette', 'palette', 'palette', 'modality', 'modality', 'VOI', 'modality', 'MONOCHROME1', 'padding', 'a', 'INVERSE', '32', '32', '32']);
	const far = cases.find((c) => c.name.startsWith('padding far below'))!, info = imageInfo(headerOf(far)), pixels = pixelsOf(far, info), gpu = new Seen();
	expect(gpu.of(pixels, info, stateOf({}))).toBeNull();
	expect(gpu.of(pixels, info, stateOf({ invert: true }))).not.toBeNull();
	expect(gpu.of(pixels, info, stateOf({ center: 0, width: 9000 }))).not.toBeNull();
	expect(gpu.of({ ...pixels, data: pixels.data.map(() => 5) }, info, stateOf({ invert: true }))).toBeNull(); // none in it
});

it('a palette has no window; of a VOI LUT the window begins with what goes into it', () => {
	const of = (name: string) => cases.find((c) => c.name.startsWith(name))!, info = imageInfo(headerOf(of('VOI LUT alone')));
	expect(cases.filter((c) => isColour(pixelsOf(c, imageInfo(headerOf(c))))).length).toBe(4);
	expect(lookOf(pixelsOf(of('VOI LUT alone'), info), info, stateOf({})).lut?.first).toBe(-24);
	expect(windowOf(pixelsOf(of('VOI LUT alone'), info), info, stateOf({}))).toEqual({ center: -9, width: 30 });
	expect(needsLuts(imageInfo(headerOf(of('VOI LUT beside'))))).toBe(false);
});

const MODALITY = cases.find((c) => c.name.startsWith('modality LUT, signed'))!, PALETTE = cases[0]!, VOI = cases.find((c) => c.name.startsWith('VOI LUT alone'))!;
const one = (c: Case, change: object) => ({ ...c.luts, modality: { ...(c.luts as { modality: object }).modality, ...change } });
test.each([
	['of another image', MODALITY, { ...MODALITY.luts, instance: '1.2.3.2' }, 'disagrees'],
	['none', MODALITY, { instance: '1.2.3.1' }, 'tables'],
	['no palette', PALETTE, { instance: '1.2.3.1' }, 'tables'],
	['two colours of three', PALETTE, { ...PALETTE.luts, palette: (PALETTE.luts as { palette: object[] }).palette.slice(0, 2) }, 'tables'],
	['a palette where none is', MODALITY, { ...MODALITY.luts, ...PALETTE.luts }, 'tables'],
	['a VOI LUT less', VOI, { ...VOI.luts, voi: [] }, 'tables'],
	['entries', MODALITY, one(MODALITY, { entries: 12 }), 'tables'],
	['no entries', MODALITY, one(MODALITY, { entries: 0, data: '' }), 'tables'],
	['bits', MODALITY, one(MODALITY, { bits: 9 }), 'tables'],
	['17 bits', MODALITY, one(MODALITY, { bits: 17 }), 'tables'],
	['first', MODALITY, one(MODALITY, { first: 1.5 }), 'tables'],
	['data', MODALITY, one(MODALITY, { data: '*' }), 'tables'],
	['a fault of its tables', MODALITY, { fault: 'attribute' }, 'tables'],
	['a fault', MODALITY, { fault: 'truncated' }, 'damaged'],
	['nothing', MODALITY, null, 'disagrees'],
])('tables that lie: %s', (_what, c, json, code) => {
	expect(() => parseLuts(json, imageInfo(headerOf(c)))).toThrow(expect.objectContaining({ code }) as Error);
});

it('an object is asked once, for all of its frames, also where who asked first has moved on; what failed is asked again', async () => {
	const info = imageInfo(headerOf(MODALITY)), frame = (n: number): Frame => ({ id: `/a/frames/${n}`, source: { url: `/a/frames/${n}`, token: () => 't' }, info, index: n - 1 });
	let answers: Response[] = [], asked = 0;
	vi.stubGlobal('fetch', async (_url: string, { signal }: RequestInit) => {
		asked++;
		await new Promise((done, fail) => (setTimeout(done, 5), signal?.addEventListener('abort', () => fail(new DOMException('', 'AbortError')))));
		return answers.shift() ?? new Response(JSON.stringify(MODALITY.luts), { headers: { 'content-type': 'application/json' } });
	});
	try {
		const store = new LutStore(new Queue(6)), first = new AbortController(), second = new AbortController();
		const a = store.of(frame(1), 0, first.signal).catch((e: unknown) => e), b = store.of(frame(2), 0, second.signal);
		first.abort();
		expect(((await a) as ImageError).code).toBe('cancelled');
		expect((await b).modality?.data.length).toBe(11);
		const before = asked;
		await store.of(frame(3), 0, second.signal);
		expect(asked).toBe(before);
		const other = new LutStore(new Queue(6));
		answers = [new Response('{"fault":"attribute"}', { headers: { 'content-type': 'application/json' } })];
		await expect(other.of(frame(1), 0, second.signal)).rejects.toMatchObject({ code: 'tables' });
		expect((await other.of(frame(1), 0, second.signal)).modality?.first).toBe(-7);
	} finally {
		vi.unstubAllGlobals();
	}
});
