// The bell of the waiting room: two soft tones, made here. One AudioContext for the page: browsers allow few.
let shared: AudioContext | null = null;

export function audioContext(): AudioContext | null {
	const Context =
		window.AudioContext ?? (window as unknown as { webkitAudioContext?: typeof AudioContext }).webkitAudioContext;
	if (!Context) return null;
	shared ??= new Context();
	if (shared.state !== 'running') void shared.resume().catch(() => undefined);
	return shared;
}

export function ringBell(): void {
	const context = audioContext();
	if (!context) return;
	const start = context.currentTime + 0.02;
	[880, 659.3].forEach((hz, i) => {
		const tone = context.createOscillator();
		const gain = context.createGain();
		const at = start + i * 0.35;
		tone.frequency.value = hz;
		gain.gain.setValueAtTime(0, at);
		gain.gain.linearRampToValueAtTime(0.18, at + 0.02);
		gain.gain.exponentialRampToValueAtTime(0.001, at + 0.9);
		tone.connect(gain).connect(context.destination);
		tone.start(at);
		tone.stop(at + 1);
	});
}
