// The composed picture as a page asks for it: the slots it takes, the sound that comes with it, what happens when it goes.
import { describe, expect, it, vi } from 'vitest';
import { MixedSound } from '../src/mixed-sound';
import type { Layout, State } from '../src/protocol';
import { Views } from '../src/views';
import { gatewaysOwn, IMAGE, MIX, PICTURE, wantedTracks, wireTrack } from '../src/wanted';

function rig() {
	const consult: State['consult'] = { id: 'c', title: 'T', status: 'open', mix: true, picture: true, layout: { mode: 'grid' } };
	const state: State = {
		version: 1, consult, participants: [],
		you: { id: 'me', role: 'clinic', status: 'admitted', position: 0, waiting_s: 0, hand: false, consent: 'none' },
	};
	const said: Layout[] = [];
	const onChange = vi.fn();
	const mixed = new MixedSound({
		state: () => state, onChange,
		interpret: () => Promise.resolve(),
		layout: (layout) => Promise.resolve(said.push(layout)),
	});
	const views = new Views(() => undefined);
	return { consult, mixed, onChange, said, views, wanted: () => wantedTracks([], views, mixed) };
}

describe('one composed picture', () => {
	it('takes a slot of pictures and, in the same group, one of sound', () => {
		const { mixed, onChange, wanted } = rig();
		mixed.picture(540);
		expect(onChange).toHaveBeenCalledTimes(1);
		const [sound, picture] = wanted();
		expect(sound).toMatchObject({ id: MIX, kind: 'audio' });
		expect(picture).toMatchObject({ id: PICTURE, kind: 'video', quality: 'medium', participant: sound?.participant });
		expect(wireTrack(PICTURE)).toBe('mix');
		expect(wireTrack('t1')).toBe('t1');
		expect(wireTrack(null)).toBeNull();
		mixed.picture(false);
		expect(wanted()).toEqual([]);
	});

	it('leaves the sound that was mixed before', () => {
		const { mixed } = rig();
		mixed.set(true, 'en');
		mixed.picture(true);
		expect(mixed.language).toBe('en');
		mixed.picture(false);
		expect(mixed.on).toBe(true);
		mixed.picture(720);
		mixed.set(false);
		mixed.picture(false);
		expect(mixed.on).toBe(false);
	});

	it('goes while the gateway composes none, and comes back', () => {
		const { consult, mixed, wanted } = rig();
		mixed.picture(true);
		consult.picture = false;
		expect(mixed.pictureOn).toBe(false);
		expect(wanted().map((w) => w.id)).toEqual([MIX]);
		consult.picture = true;
		expect(mixed.pictureOn).toBe(true);
	});

	it('asks for nothing while nobody looks', () => {
		const { mixed, wanted } = rig();
		mixed.picture(true); // and no element shows it
		expect(wanted().find((w) => w.id === PICTURE)?.quality).toBe('off');
	});

	it('tells its layout, and says one', async () => {
		const { mixed, said } = rig();
		expect(mixed.layout.mode).toBe('grid');
		await mixed.setLayout('pip', 'dr');
		await mixed.setLayout('auto');
		expect(said).toEqual([{ mode: 'pip', focus: 'dr' }, { mode: 'auto', focus: null }]);
	});
});

describe('the images on the table as a picture', () => {
	it('takes a slot while it is shown and can be had, and no sound', () => {
		const { consult, views, wanted } = rig();
		expect(wanted()).toEqual([]);
		vi.spyOn(views, 'quality').mockImplementation((id) => (id === IMAGE ? 'medium' : 'off'));
		expect(wanted()).toEqual([]); // there is nothing on the table
		consult.image = true;
		const [image, ...rest] = wanted();
		expect(image).toMatchObject({ id: IMAGE, kind: 'video', quality: 'medium', priority: 'high' });
		expect(rest).toEqual([]);
		expect(wireTrack(IMAGE)).toBe('image');
		expect(gatewaysOwn(IMAGE)?.source).toBe('image');
		expect(gatewaysOwn('t1')).toBeUndefined();
	});
});
