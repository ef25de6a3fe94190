// What a PACS says of studies and series, as the page shows it: hostile values left out, what is no image not offered.
import { expect, it } from 'vitest';
import { basePath, dateOf, seriesOf, somethingShown, studiesOf } from './call/images-found';
import { emptyTable } from '../sdk/src/reading-state';

const v = (...Value: unknown[]) => ({ Value });

it('reads studies, the newest first', () => {
	const found = studiesOf([
		{ '0020000D': v('1.2'), '00100010': v({ Alphabetic: 'Wang^Xiaoming', Ideographic: '王^小明' }), '00100020': v('T1'), '00080020': v('20240501'), '00080061': v('CT', 'SR', 'PR'), '00201208': v('60') },
		{ '0020000D': v('1.3'), '00100010': v({ Alphabetic: 'Li^^Na' }), '00080020': v('20250101'), '00081030': v('Chest') },
		{ '0020000D': v('../../etc') }, { '0020000D': v({}) }, {}, { '00100010': {} },
	]);
	expect(found.map((s) => [s.study, s.name, s.date, s.modalities, s.images])).toEqual([['1.3', 'Li Na', '2025-01-01', '', 0], ['1.2', '王 小明', '2024-05-01', 'CT', 60]]);
	expect([studiesOf({}), studiesOf(null), studiesOf('x'), dateOf('2024'), dateOf('')]).toEqual([[], [], [], '2024', '']);
});

it('a study whose attributes are odd takes no other with it', () => {
	const odd = [null, 7, 'x', [], { '0020000D': v('1.4'), '00100010': v({ Alphabetic: 5, Ideographic: ['a'] }), '00080061': v(null, {}, 'US'), '00080020': v(true), '00201208': v(1e400) }, { '0020000D': v('1.5'), '00100010': v(null), '00080061': { Value: 'CT' }, '00081030': v({ a: 1 }) }];
	expect(studiesOf([...odd, { '0020000D': v('1.6'), '00100010': v({ Ideographic: '', Alphabetic: 'Li^Na' }) }]).map((s) => [s.study, s.name, s.date, s.modalities, s.text])).toEqual([['1.4', '', '', 'US', ''], ['1.5', '', '', '', ''], ['1.6', 'Li Na', '', '', '']]);
	expect(seriesOf([null, { '0020000E': v('1.2'), '00080060': v(null), '00200011': v({}) }])).toEqual([{ series: '1.2', modality: '', number: 0, text: '', images: 0 }]);
});

it('offers series that have images, by number', () => {
	const found = seriesOf([
		{ '0020000E': v('1.2.9'), '00080060': v('CT'), '00200011': v(9), '00201209': v(3) }, { '0020000E': v('1.2.2'), '00080060': v('CT'), '00200011': v('2') },
		{ '0020000E': v('1.2.3'), '00080060': v('SR') }, { '0020000E': v('1.2.4'), '00080060': v('PR') }, { '0020000E': v('1.2.5'), '00080060': v('KO') }, { '0020000E': v('1/2'), '00080060': v('CT') },
	]);
	expect(found.map((s) => s.series)).toEqual(['1.2.2', '1.2.9']);
	expect(basePath('a/b', { pacs: 'm n', study: '1.2' })).toBe('/api/v1/consults/a%2Fb/studies/m%20n/1.2');
	expect(somethingShown(emptyTable())).toBe(false);
});
