import { describe, expect, it } from 'vitest';
import { idOf, validId } from './devices-model';

describe('ids of device profiles', () => {
	it('follow from the name where it has letters for one', () => {
		expect(idOf(' Mindray  Resona-7 (OB) ')).toBe('mindray-resona-7-ob');
		expect(idOf('Écho')).toBe('e-cho');
		expect(idOf('超声')).toBe('');
		expect(idOf('x'.repeat(90))).toHaveLength(64);
	});
	it('are what the gateway takes', () => {
		for (const id of ['a', 'US_7.b-2', 'x'.repeat(64)]) expect(validId(id)).toBe(true);
		for (const id of ['', 'a b', 'ä', '超声', 'a/b', 'x'.repeat(65)]) expect(validId(id)).toBe(false);
	});
});
