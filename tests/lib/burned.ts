// A name burned into a picture so that a machine reads it: a row of black and white cells in a region, and what finds it again in
// every picture of a file. Any size, as long as the picture kept its shape.
import { spawn } from "node:child_process";

export interface Region { x: number; y: number; w: number; h: number } // parts of the picture
export interface Name { region: Region; bits: string }

export const ABOVE: Name = { region: { x: 0.05, y: 0.06, w: 0.5, h: 0.1 }, bits: "1011001110001011" };
export const BELOW: Name = { region: { x: 0.3, y: 0.8, w: 0.5, h: 0.1 }, bits: "1101000111010010" };
const MARGIN = 0.01; // of the mask around it

/** Filters that draw it, for ffmpeg. */
export function burn(name: Name): string {
  const { region: r, bits } = name, cell = r.w / bits.length;
  return [...bits].map((bit, i) => `,drawbox=x=iw*${r.x + i * cell}:y=ih*${r.y}:w=iw*${cell}:h=ih*${r.h}:color=${bit === "1" ? "white" : "black"}:t=fill`).join("");
}

export function maskOf(name: Name): Region {
  const { x, y, w, h } = name.region;
  return { x: x - MARGIN, y: y - MARGIN, w: w + 2 * MARGIN, h: h + 2 * MARGIN };
}

export interface Found { pictures: number; seen: number; first: number; last: number; strongest: number } // strongest: how much of it is there, 0..255

// White cells brighter than black ones, and most of them on the right side of the middle.
function look(cells: Buffer, bits: string): number {
  const of = (bit: string): number[] => [...cells].filter((_, i) => bits[i] === bit);
  const mean = (list: number[]): number => list.reduce((a, b) => a + b, 0) / list.length;
  return mean(of("1")) - mean(of("0"));
}

/** Decodes all of the file (Annex B, or an MP4 with its fragments) and looks at each picture. */
export async function find(file: string, name: Name, format?: "h264"): Promise<Found> {
  const { region: r, bits } = name;
  const filters = `crop=w=iw*${r.w}:h=ih*${r.h}:x=iw*${r.x}:y=ih*${r.y}:exact=1,scale=${bits.length}:1:flags=area,format=gray`;
  const ffmpeg = spawn("ffmpeg", ["-nostdin", "-v", "error", "-threads", "1", ...(format ? ["-f", format] : []), "-i", file, "-vf", filters, "-fps_mode", "passthrough", "-f", "rawvideo", "-"],
    { stdio: ["ignore", "pipe", "ignore"] });
  const found: Found = { pictures: 0, seen: 0, first: -1, last: -1, strongest: -Infinity };
  let rest = Buffer.alloc(0);
  for await (const data of ffmpeg.stdout as AsyncIterable<Buffer>) {
    rest = Buffer.concat([rest, data]);
    for (; rest.length >= bits.length; rest = rest.subarray(bits.length)) {
      const strength = look(rest.subarray(0, bits.length), bits);
      found.strongest = Math.max(found.strongest, strength);
      if (strength > SEEN) {
        found.seen++;
        if (found.first < 0) found.first = found.pictures;
        found.last = found.pictures;
      }
      found.pictures++;
    }
  }
  return found;
}
export const SEEN = 20;
