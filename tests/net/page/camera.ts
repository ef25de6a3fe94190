// What the publisher sends: a moving textured picture with a clock in it, and a tone.
//
// The clock: 16 x 3 cells over the upper quarter. Row 0: eight alternating cells to find the grid, then eight bits of
// checksum; rows 1 and 2: 32 bits of milliseconds since 1970. Below, a coloured texture pans and a disc circles, so that
// an encoder has use for all the bits it is given (a still picture of cells would fit into any link).
export const COLUMNS = 16;
export const ROWS = 3;
export const CLOCK_SHARE = 0.25;

export const checksum = (stamp: number): number => ((stamp ^ (stamp >>> 8) ^ (stamp >>> 16) ^ (stamp >>> 24) ^ 0x5a) & 0xff) >>> 0;

function texture(width: number, height: number): HTMLCanvasElement {
  const fine = document.createElement("canvas");
  const coarse = document.createElement("canvas");
  coarse.width = width / 8;
  coarse.height = height / 8;
  const small = coarse.getContext("2d") as CanvasRenderingContext2D;
  const noise = small.createImageData(coarse.width, coarse.height);
  let seed = 12345;
  for (let i = 0; i < noise.data.length; i++) {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    noise.data[i] = i % 4 === 3 ? 255 : 60 + ((seed >>> 16) % 136);
  }
  small.putImageData(noise, 0, 0);
  fine.width = width;
  fine.height = height;
  fine.getContext("2d")?.drawImage(coarse, 0, 0, width, height);
  return fine;
}

function drawClock(context: CanvasRenderingContext2D, width: number, height: number): void {
  const stamp = Date.now() >>> 0;
  const sum = checksum(stamp);
  const w = width / COLUMNS, h = (height * CLOCK_SHARE) / ROWS;
  for (let row = 0; row < ROWS; row++) {
    for (let column = 0; column < COLUMNS; column++) {
      let bit = column & 1;
      if (row === 0 && column >= 8) bit = (sum >>> (column - 8)) & 1;
      if (row > 0) bit = (stamp >>> ((row - 1) * 16 + column)) & 1;
      context.fillStyle = bit ? "#fff" : "#000";
      context.fillRect(Math.floor(column * w), Math.floor(row * h), Math.ceil(w), Math.ceil(h));
    }
  }
}

export function startCamera(width: number, height: number, fps: number): MediaStreamTrack {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d") as CanvasRenderingContext2D;
  const back = texture(width * 2, height * 2);
  let frame = 0;
  const draw = (): void => {
    const phase = frame++ / fps;
    const x = (width / 2) * (1 + Math.sin(phase / 3)), y = (height / 2) * (1 + Math.cos(phase / 4));
    context.drawImage(back, x, y, width, height, 0, 0, width, height);
    context.fillStyle = "#c86";
    context.beginPath();
    context.arc(width * (0.5 + 0.3 * Math.cos(phase)), height * (0.65 + 0.15 * Math.sin(phase * 1.3)), height / 8, 0, 7);
    context.fill();
    drawClock(context, width, height);
  };
  draw();
  setInterval(draw, 1000 / fps);
  return canvas.captureStream().getVideoTracks()[0] as MediaStreamTrack;
}

export function startTone(hz: number): MediaStreamTrack {
  const audio = new AudioContext();
  void audio.resume();
  const oscillator = audio.createOscillator();
  const gain = audio.createGain();
  gain.gain.value = 0.3;
  oscillator.frequency.value = hz;
  const out = audio.createMediaStreamDestination();
  oscillator.connect(gain).connect(out);
  oscillator.start();
  (globalThis as unknown as Record<string, unknown>)["toneContext"] = audio; // or it is collected
  return out.stream.getAudioTracks()[0] as MediaStreamTrack;
}
