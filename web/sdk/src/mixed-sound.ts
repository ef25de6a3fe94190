// One mixed sound of the others' voices, and interpreters in it; one composed picture of everybody.
import type { Layout, State, Track } from './protocol';
import type { Quality } from './types';
import type { Views } from './views';
import { PICTURE } from './wanted';

type PictureHeight = 360 | 540 | 720;
const QUALITY: Record<PictureHeight, Quality> = { 360: 'low', 540: 'medium', 720: 'high' };

interface MixedDeps {
	state(): State | null;
	onChange(): void;
	/** Of the own microphone, to the gateway. */
	interpret(language: string | null): Promise<unknown>;
	layout(layout: Layout): Promise<unknown>;
}

/** One mixed sound and one composed picture instead of streams from each: less for a weak link or an old phone to do. */
export class MixedSound {
	private wanted = false;
	private chosen: string | null = null;
	private pictureWanted: PictureHeight | boolean = false;
	/** The sound was switched on for the picture, and goes with it. */
	private soundOfPicture = false;
	/** What this participant interprets into; undefined: nobody has said. */
	private asked: string | null | undefined;
	private saying = false;

	constructor(private readonly deps: MixedDeps) {}

	/** The gateway offers it. */
	get available(): boolean {
		return this.deps.state()?.consult.mix === true;
	}
	get on(): boolean {
		return this.wanted && this.available;
	}
	/** What somebody interprets into now: tags of BCP 47. */
	get languages(): string[] {
		const all = (this.deps.state()?.participants ?? []).flatMap((p) => p.tracks.map((t) => t.language));
		return [...new Set(all.filter((l): l is string => l !== undefined))].sort();
	}
	/** Whose interpreter is heard, at full and the others quietly; null: the others, and no interpreter. */
	get language(): string | null {
		return this.on ? this.chosen : null;
	}
	/** At any time: the sound goes on without a gap. */
	set(on: boolean, language: string | null = null): void {
		this.wanted = on;
		this.chosen = language;
		this.soundOfPicture = false;
		this.deps.onChange();
	}

	/** The images on the table can be had as a picture: show it with `attach(element, IMAGE)`. */
	get imageAvailable(): boolean {
		return this.deps.state()?.consult.image === true;
	}

	// --- the picture

	/** The gateway composes one. False for a while when it cannot: show the others' pictures then. */
	get pictureAvailable(): boolean {
		return this.deps.state()?.consult.picture === true;
	}
	get pictureOn(): boolean {
		return this.pictureWanted !== false && this.pictureAvailable;
	}
	/**
	 * At any time, without a gap in sound; the mixed sound comes with it, in step. `true`: as large as it is shown; a number: so many
	 * lines. Show it with `attach(element, PICTURE)`, and the others' pictures no more: only what is shown is sent.
	 */
	picture(want: boolean | PictureHeight): void {
		if (want !== false && !this.wanted) {
			this.wanted = true;
			this.soundOfPicture = true;
		} else if (want === false && this.soundOfPicture) {
			this.wanted = false;
			this.soundOfPicture = false;
		}
		this.pictureWanted = want;
		this.deps.onChange();
	}
	/** What is asked of the gateway. */
	pictureQuality(views: Views): Quality {
		return typeof this.pictureWanted === 'number' ? QUALITY[this.pictureWanted] : views.quality(PICTURE);
	}
	/** How the picture is laid out. */
	get layout(): Layout {
		return this.deps.state()?.consult.layout ?? { mode: 'auto' };
	}
	/** Hosts: for everybody who watches it. `focus`: who is large, whoever speaks. */
	async setLayout(mode: Layout['mode'], focus: string | null = null): Promise<void> {
		await this.deps.layout({ mode, focus });
	}

	// --- interpreters

	/** What this participant interprets into, as the gateway knows it. */
	get interprets(): string | null {
		return this.own()?.language ?? null;
	}
	/** Who listens to the mix hears this participant in this language only; null: as everybody. */
	interpret(language: string | null): void {
		this.asked = language;
		this.follow();
	}
	/** A new microphone track does not know of it yet. */
	follow(): void {
		const { asked } = this;
		if (asked === undefined || this.saying || !this.own() || this.interprets === asked) return;
		this.saying = true;
		const done = () => (this.saying = false);
		void this.deps.interpret(asked).then(done, done); // refused: the next state asks again
	}

	private own(): Track | undefined {
		const state = this.deps.state();
		return state?.participants?.find((p) => p.id === state.you.id)?.tracks.find((t) => t.source === 'microphone');
	}
}
