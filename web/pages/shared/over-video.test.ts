// Parts of a picture and places on the screen: letterboxes, crops, mirrors, other resolutions.
import { expect, it } from 'vitest';
import { isOver, measureOn, pictureBox, toPicture, toTile } from './over-video';

const element = { x: 0, y: 54, width: 400, height: 400 };

it('a picture keeps its shape: bars beside it are no part of it', () => {
	const box = pictureBox(element, { width: 1280, height: 720 }, 'contain')!;
	expect(box).toMatchObject({ x: 0, y: 54 + 87.5, width: 400, height: 225 });
	expect(toTile(box, [0.5, 0.5])).toEqual([200, 254]);
	expect(toPicture(box, [200, 254])).toEqual([0.5, 0.5]);
	expect(toPicture(box, [100, 60])).toEqual([0.25, 0]); // in the bar: at the edge
	const tall = pictureBox(element, { width: 720, height: 1280 }, 'contain')!;
	expect(tall).toMatchObject({ x: 87.5, y: 54, width: 225, height: 400 });
});

it('a cropped picture reaches beyond its element, a mirrored one is turned', () => {
	const box = pictureBox({ x: 0, y: 0, width: 96, height: 128 }, { width: 640, height: 480 }, 'cover', true)!;
	expect(box.height).toBe(128);
	expect(box.x).toBeLessThan(0);
	const [x, y] = toTile(box, [0.25, 0.75]);
	expect(x).toBeCloseTo(box.x + 0.75 * box.width);
	expect(toPicture(box, [x, y])[0]).toBeCloseTo(0.25);
	expect(toPicture(box, [x, y])[1]).toBeCloseTo(0.75);
});

it('another resolution of the same picture changes nothing; no picture is none', () => {
	expect(pictureBox(element, { width: 320, height: 180 }, 'contain')).toEqual(pictureBox(element, { width: 1920, height: 1080 }, 'contain'));
	expect(pictureBox(element, { width: 0, height: 0 }, 'contain')).toBeNull();
	expect(pictureBox({ ...element, width: 0 }, { width: 16, height: 9 }, 'contain')).toBeNull();
});

it('lines are per cent of the width, angles are those that are seen', () => {
	const wide = { width: 1600, height: 800 };
	expect(measureOn('line', [[0, 0], [0.5, 0]], wide)).toEqual({ value: 50, unit: 'pct' });
	expect(measureOn('line', [[0, 0], [0, 1]], wide)).toEqual({ value: 50, unit: 'pct' });
	expect(measureOn('angle', [[0.5, 0], [0, 0], [0.5, 1]], wide)).toEqual({ value: 45, unit: 'deg' });
	expect(measureOn('ellipse', [[0, 0], [1, 1]], wide)).toBeNull();
	expect(measureOn('freehand', [[0, 0], [1, 1]], wide)).toBeNull();
	expect(isOver({ participant: 'p', source: 'camera' }, 'p', 'camera')).toBe(true);
	expect(isOver({ participant: 'p', source: 'camera2' }, 'p', 'camera')).toBe(false);
	expect(isOver({ pacs: 'main', study: '1' }, 'p', 'camera')).toBe(false);
});
