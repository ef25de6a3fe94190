// Remembers which devices somebody chose, so that the next visit starts with them.
import type { Facing } from '../../sdk/src';

export interface Choices {
	cameraId?: string;
	microphoneId?: string;
	facing?: Facing;
	cameraOff?: boolean;
	layout?: 'grid' | 'speaker';
	bellOff?: boolean;
}
const KEY = 'huizhen.choices';

export function choices(): Choices {
	try {
		const value: unknown = JSON.parse(localStorage.getItem(KEY) ?? '{}');
		return typeof value === 'object' && value !== null ? (value as Choices) : {};
	} catch {
		return {};
	}
}

export function remember(change: Choices): void {
	try {
		localStorage.setItem(KEY, JSON.stringify({ ...choices(), ...change }));
	} catch {
		// no storage: until the page closes
	}
}
