// ECG: samples as they are stored, leads by their codes, places on the paper; and what makes no sense.
import { expect, it } from 'vitest';
import { ImageError } from './errors';
import { caption } from './measure';
import { stackOf } from './series';
import { leadName, pageOf, pagesOf, parseWave, valueOf } from './wave';
import { measureOnPaper, paperInfo, under } from './wave-paper';

const base64 = (values: number[], wide = false) => {
	const bytes = wide ? new Uint8Array(Int32Array.from(values).buffer) : new Uint8Array(Int16Array.from(values).buffer);
	return btoa(String.fromCharCode(...bytes));
};
const channel = (code: string, more: object = {}) => ({ code, scheme: 'MDC', units: 'uV', sensitivity: 5, correction: 1, baseline: 0, ...more });
const group = (more: object = {}) => ({ hz: 500, samples: 2, format: 'int16', channels: [channel('MDC_ECG_LEAD_V1'), channel('MDC_ECG_LEAD_I')], data: base64([100, -32768, 7, 8]), ...more });
const code = (json: unknown) => {
	try {
		parseWave(json);
	} catch (error) {
		return (error as ImageError).code;
	}
	return '';
};

it('keeps every sample, in millivolts by what the object says of them', () => {
	const [g] = parseWave({ groups: [group({ padding: -32768, channels: [channel('MDC_ECG_LEAD_V1', { baseline: 250 }), channel('MDC_ECG_LEAD_I', { units: 'mV', sensitivity: 0.5, correction: 2 })] })] });
	expect(g!.leads.map((l) => l.name)).toEqual(['I', 'V1']); // in the order that everybody knows
	const [i, v1] = g!.leads;
	expect([...v1!.samples]).toEqual([100, -32768]);
	expect(valueOf(v1!, g!, 0)).toBeCloseTo(0.75);
	expect(valueOf(v1!, g!, 1)).toBeNull(); // padding
	expect([0, 1, 2].map((n) => valueOf(i!, g!, n))).toEqual([7, 8, null]);
	const [wide] = parseWave({ groups: [group({ format: 'int32', data: base64([100000, -100000, 3, 4], true) })] });
	expect([...wide!.leads[1]!.samples]).toEqual([100000, -100000]);
});

it('what nobody says the unit of is not drawn to scale', () => {
	for (const odd of [{ units: undefined }, { units: 'mmHg' }, { sensitivity: 0 }, { sensitivity: undefined }]) {
		const [g] = parseWave({ groups: [group({ channels: [channel('MDC_ECG_LEAD_I', odd), channel('MDC_ECG_LEAD_II')] })] });
		expect(g!.leads[0]!.gain).toBeNull();
		expect(valueOf(g!.leads[0]!, g!, 0)).toBeNull();
	}
});

it('names leads by MDC, SCPECG or their words', () => {
	expect(['MDC_ECG_LEAD_AVR', '2:61', '5.6.3-9-3', '2:1', 'MDC_ECG_LEAD_V3R'].map((c) => leadName(c, ''))).toEqual(['aVR', 'III', 'V1', 'I', 'V3R']);
	expect(leadName('', 'Lead aVF')).toBe('aVF');
	expect(leadName('99X', 'Oesophagus')).toBe('Oesophagus');
	expect(leadName('99X', '')).toBe('99X');
});

it('says why not', () => {
	expect(['pixels-short', 'unsupported', 'no-image', 'too-many'].map((fault) => code({ fault }))).toEqual(['damaged', 'unsupported', 'not_image', 'too_big']);
	for (const bad of [null, 7, [], {}, { groups: {} }]) expect(code(bad)).toBe('not_image');
	const odd = [{ hz: 0 }, { hz: '500' }, { samples: 1e9 }, { samples: 1.5 }, { format: 'int8' }, { channels: [] }, { data: base64([1, 2, 3]) }, { data: base64([1, 2, 3, 4, 5]) }];
	for (const more of odd) expect(code({ groups: [group(more)] })).toBe('disagrees');
	expect(code({ groups: [group({ data: '*' })] })).toBe('damaged');
});

it('pages of ten seconds, one group behind the other', () => {
	const groups = [{ samples: 12500, hz: 500 }, { samples: 600, hz: 500 }];
	expect(groups.map(pagesOf)).toEqual([3, 1]);
	expect(pagesOf({ samples: 5000, hz: 500 })).toBe(1);
	expect([0, 2, 3, 4].map((n) => pageOf(groups, n))).toEqual([{ group: 0, from_s: 0 }, { group: 0, from_s: 20 }, { group: 1, from_s: 0 }, null]);
});

it('callipers measure time along and voltage upright; a place on the paper is a sample', () => {
	expect(measureOnPaper('line', [[30, 50], [40, 52]])).toEqual({ value: 400, unit: 'ms' });
	expect(measureOnPaper('line', [[30, 50], [31, 35]])).toEqual({ value: 1.5, unit: 'mV' });
	expect(measureOnPaper('freehand', [[30, 50], [31, 35]])).toBeNull();
	expect(caption({ value: 400, unit: 'ms' })).toBe('400 ms · 150 bpm');
	expect(caption({ value: 80, unit: 'ms' })).toBe('80 ms');
	expect(caption({ value: 0.25, unit: 'mV' })).toBe('0.25 mV');
	const wave = parseWave({ groups: [group()] });
	expect(under(wave, 0, [18, 14 + 9])).toMatchObject({ lead: { name: 'I' }, time_s: 0, mv: 0.035 });
	expect(under(wave, 0, [18, 14 + 27])).toMatchObject({ lead: { name: 'V1' }, mv: 0.5 });
	expect(under(wave, 0, [10, 20])).toBeNull();
	expect(under(wave, 0, [18, 500])).toBeNull();
});

it('a series of ECGs is a stack of pages', () => {
	const set = (instance: string, samples: number, number: number) => ({
		'00080016': { vr: 'UI', Value: ['1.2.840.10008.5.1.4.1.1.9.1.1'] }, '00080018': { vr: 'UI', Value: [instance] }, '00200013': { vr: 'IS', Value: [number] },
		'54000100': { vr: 'SQ', Value: [{ '003A0005': { vr: 'US', Value: [12] }, '003A0010': { vr: 'UL', Value: [samples] }, '003A001A': { vr: 'DS', Value: [500] } }] },
	});
	const source = { image: { pacs: 'main', study: '1', series: '2' }, url: '/x/series/2' };
	const { frames, refused } = stackOf([set('1.2', 10_000, 2), set('1.1', 5_000, 1), set('../..', 5_000, 3)], source, () => '');
	expect(refused).toBe(1);
	expect(frames.map((f) => [f.source.url, f.index])).toEqual([['/x/series/2/instances/1.1/waveform', 0], ['/x/series/2/instances/1.2/waveform', 0], ['/x/series/2/instances/1.2/waveform', 1]]);
	expect(frames.every((f) => f.wave === true)).toBe(true);
	expect(frames[0]!.info).toMatchObject({ columns: paperInfo('1', 1, 12, 1).columns, modality: 'ECG' });
});
