// Scripts that run inside pages. A camera whose picture carries a machine-readable clock and a microphone that plays a
// tone of its own; and readers that find clock and tone in what another page shows and plays.
//
// The picture: 8 x 6 cells of black and white. Row 0 is a fixed pattern to find the grid, rows 1-4 hold 32 bits of
// milliseconds since 1970 (mod 2^32), row 5 an 8-bit publisher id. Cells are large, so coding does not hurt them.

export const COLUMNS = 8;
export const ROWS = 6;

export interface CamOptions { id: number; toneHz: number; width: number; height: number; fps: number }

// The TypeScript runner wraps named functions in a helper that pages do not have: this goes into every page first.
export const PAGE_PRELUDE = "globalThis.__name = (f) => f";

// Replaces getUserMedia and getDisplayMedia before any page script runs.
export function installClockCamera(options: CamOptions): void {
  const COLS = 8, LINES = 6;
  const pictures: HTMLCanvasElement[] = [];
  const draw = (canvas: HTMLCanvasElement, id: number): void => {
    const context = canvas.getContext("2d");
    if (!context) return;
    const w = canvas.width / COLS, h = canvas.height / LINES;
    const now = Date.now() >>> 0;
    for (let row = 0; row < LINES; row++) {
      for (let column = 0; column < COLS; column++) {
        let bit = column & 1;
        if (row > 0 && row < 5) bit = (now >>> ((row - 1) * 8 + column)) & 1;
        if (row === 5) bit = (id >>> column) & 1;
        context.fillStyle = bit ? "#fff" : "#000";
        context.fillRect(Math.floor(column * w), Math.floor(row * h), Math.ceil(w), Math.ceil(h));
      }
    }
  };
  const picture = (id: number): MediaStreamTrack => {
    const canvas = document.createElement("canvas");
    canvas.width = options.width;
    canvas.height = options.height;
    draw(canvas, id);
    pictures.push(canvas);
    setInterval(() => draw(canvas, id), 1000 / options.fps);
    return canvas.captureStream(options.fps).getVideoTracks()[0] as MediaStreamTrack;
  };
  const sound = (): MediaStreamTrack => {
    const audio = new AudioContext();
    void audio.resume();
    const oscillator = audio.createOscillator();
    const gain = audio.createGain();
    gain.gain.value = 0.3;
    oscillator.frequency.value = options.toneHz;
    const out = audio.createMediaStreamDestination();
    oscillator.connect(gain).connect(out);
    oscillator.start();
    (window as unknown as Record<string, unknown>)["hzTestAudio"] = audio;
    return out.stream.getAudioTracks()[0] as MediaStreamTrack;
  };
  const devices = navigator.mediaDevices;
  devices.getUserMedia = async (wanted?: MediaStreamConstraints): Promise<MediaStream> => {
    const stream = new MediaStream();
    if (wanted?.video) stream.addTrack(picture(options.id));
    if (wanted?.audio) stream.addTrack(sound());
    return stream;
  };
  devices.getDisplayMedia = async (): Promise<MediaStream> => new MediaStream([picture(options.id | 0x40)]);
}

export interface Reading { id: number; age_ms: number; width: number; height: number }

// Reads the clock in one <video> element of this page; undefined when there is no readable picture.
export function readClock(video: HTMLVideoElement): Reading | undefined {
  if (video.readyState < 2 || video.videoWidth === 0) return undefined;
  const scratch = window as unknown as { hzCanvas?: HTMLCanvasElement };
  const canvas = (scratch.hzCanvas ??= document.createElement("canvas"));
  canvas.width = 160;
  canvas.height = 120;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return undefined;
  context.drawImage(video, 0, 0, 160, 120);
  const now = Date.now();
  const pixels = context.getImageData(0, 0, 160, 120).data;
  const bit = (row: number, column: number): number => {
    const x = column * 20 + 10, y = row * 20 + 10;
    return (pixels[(y * 160 + x) * 4 + 1] ?? 0) > 127 ? 1 : 0;
  };
  for (let column = 0; column < 8; column++) if (bit(0, column) !== (column & 1)) return undefined;
  let stamp = 0, id = 0;
  for (let i = 0; i < 32; i++) stamp += bit(1 + (i >> 3), i & 7) * 2 ** i;
  for (let i = 0; i < 8; i++) id |= bit(5, i) << i;
  return { id, age_ms: ((now >>> 0) - stamp) | 0, width: video.videoWidth, height: video.videoHeight };
}

// Strength in dB of each wanted frequency in a MediaStreamTrack's sound.
export async function readTones(track: MediaStreamTrack, frequencies: number[]): Promise<number[]> {
  const audio = new AudioContext();
  await audio.resume();
  const analyser = audio.createAnalyser();
  analyser.fftSize = 8192;
  audio.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  await new Promise((done) => setTimeout(done, 700));
  const bins = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(bins);
  const step = audio.sampleRate / analyser.fftSize;
  const levels = frequencies.map((f) => {
    const at = Math.round(f / step);
    return Math.max(...Array.from(bins.slice(Math.max(0, at - 2), at + 3)));
  });
  await audio.close();
  return levels;
}
