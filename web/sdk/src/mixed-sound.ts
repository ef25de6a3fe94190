// One mixed sound of the others' voices, and interpreters in it.
import type { State, Track } from './protocol';

/** One mixed sound of the others' voices instead of a stream from each: less for a weak link or an old phone to do. */
export class MixedSound {
	private wanted = false;
	private chosen: string | null = null;
	/** What this participant interprets into; undefined: nobody has said. */
	private asked: string | null | undefined;
	private saying = false;

	/** `say`: of the own microphone, to the gateway. */
	constructor(
		private readonly state: () => State | null,
		private readonly onChange: () => void,
		private readonly say: (language: string | null) => Promise<unknown>,
	) {}

	/** The gateway offers it. */
	get available(): boolean {
		return this.state()?.consult.mix === true;
	}
	get on(): boolean {
		return this.wanted && this.available;
	}
	/** What somebody interprets into now: tags of BCP 47. */
	get languages(): string[] {
		const all = (this.state()?.participants ?? []).flatMap((p) => p.tracks.map((t) => t.language));
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
		this.onChange();
	}

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
		void this.say(asked).then(done, done); // refused: the next state asks again
	}

	private own(): Track | undefined {
		const state = this.state();
		return state?.participants?.find((p) => p.id === state.you.id)?.tracks.find((t) => t.source === 'microphone');
	}
}
