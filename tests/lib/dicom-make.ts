// Makes DICOM images for tests: samples from a formula, Part 10 files with or without an encapsulated codestream, and the same by the
// encoders that Debian has (dcmtk, OpenJPEG, OpenJPH).
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Shape { rows: number; columns: number; samples: 1 | 3; stored: number; signed: boolean; modality?: string }
export interface Made { shape: Shape; pixels: Buffer }

export const allocated = (shape: Shape): 8 | 16 | 32 => (shape.stored > 16 ? 32 : shape.stored > 8 ? 16 : 8);

// The whole range of values: a ramp, noise that needs every category of a Huffman table, and both extremes side by side.
export function samplesOf(shape: Shape, seed = 1): Buffer {
  const { rows, columns, samples, stored, signed } = shape, wide = stored > 8, count = rows * columns * samples;
  const out = Buffer.alloc(count * (wide ? 2 : 1)), top = 2 ** stored, half = signed ? top / 2 : 0;
  let state = seed;
  for (let i = 0; i < count; i++) {
    const x = Math.floor(i / samples) % columns, y = Math.floor(i / samples / columns);
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    let v = y < rows / 2 ? Math.floor(((x + y + (i % samples) * 9) / (rows + columns + 30)) * top) : x % 3 === 0 ? (y % 2) * (top - 1) : (state >>> 8) % top;
    if (x % 3 === 1 && y % 5 === 0) v = top / 2;
    if (wide) out.writeUInt16LE((v - half) & 0xffff, 2 * i);
    else out[i] = (v - half) & 0xff;
  }
  return out;
}

type Value = string | number | Buffer | [number, number][];
const US = new Set(["00280002", "00280006", "00280010", "00280011", "00280100", "00280101", "00280102", "00280103"]);
const VR: Record<string, string> = {
  "00080008": "CS", "00080016": "UI", "00080018": "UI", "00080060": "CS", "0020000d": "UI", "0020000e": "UI", "00200013": "IS", "00100010": "PN", "00100020": "LO",
  "00200032": "DS", "00200037": "DS", "00280004": "CS", "00280030": "DS", "00281050": "DS", "00281051": "DS", "00281052": "DS", "00281053": "DS", "00281056": "CS", "00080005": "CS", "00080020": "DA", "00280008": "IS", "00181063": "DS",
  "00280120": "US", "00280121": "US", "00283000": "SQ", "00283010": "SQ", "00283002": "US", "00283006": "OW", "20500020": "CS",
};

const OVERLAY_US = /^60..(0010|0011|0051|0100|0102)$/, OVERLAY_VR: Record<string, string> = { "0015": "IS", "0040": "CS", "0050": "SS", "3000": "OW" };

function element(tag: string, value: Value): Buffer {
  const vr = US.has(tag) || OVERLAY_US.test(tag) ? "US" : OVERLAY_VR[/^60/.test(tag) ? tag.slice(4) : ""] ?? VR[tag] ?? (/^0028110[123]$/.test(tag) ? "US" : /^002812[02][123]$/.test(tag) ? "OW" : "UI");
  if (Buffer.isBuffer(value)) { // bytes as they are (overlay data in a long element, else a short one; text in its own character set)
    const bytes = value.length & 1 ? Buffer.concat([value, Buffer.from(" ")]) : value, long = vr === "OW" || vr === "SQ", head = Buffer.alloc(long ? 12 : 8);
    head.writeUInt16LE(parseInt(tag.slice(0, 4), 16), 0);
    head.writeUInt16LE(parseInt(tag.slice(4), 16), 2);
    head.write(vr, 4, "latin1");
    if (long) head.writeUInt32LE(bytes.length, 8);
    else head.writeUInt16LE(bytes.length, 6);
    return Buffer.concat([head, bytes]);
  }
  const body = vr === "US" ? Buffer.from(Uint16Array.of(Number(value)).buffer) : Buffer.from(`${String(value)}${String(value).length & 1 ? (vr === "UI" ? "\0" : " ") : ""}`);
  const head = Buffer.alloc(8);
  head.writeUInt16LE(parseInt(tag.slice(0, 4), 16), 0);
  head.writeUInt16LE(parseInt(tag.slice(4), 16), 2);
  head.write(vr, 4, "latin1");
  head.writeUInt16LE(body.length, 6);
  return Buffer.concat([head, body]);
}

const item = (tag: number, body: Buffer): Buffer => Buffer.concat([Buffer.from(Uint16Array.of(0xfffe, tag).buffer), Buffer.from(Uint32Array.of(body.length).buffer), body]);
const even = (body: Buffer): Buffer => (body.length & 1 ? Buffer.concat([body, Buffer.from([0])]) : body);

export interface Ids { study: string; series: string; instance: string; number?: number }

/** A Part 10 file. stream: of that transfer syntax, encapsulated in one fragment; else the samples, explicit little endian. */
export function dicomFile(made: Made, ids: Ids, stream?: { syntax: string; bytes: Buffer; photometric?: string }, more: Record<string, Value> = {}): Buffer {
  const { shape } = made, wide = allocated(shape) > 8;
  const set: Record<string, Value> = {
    "00080008": "ORIGINAL\\PRIMARY", "00080016": shape.samples === 3 ? "1.2.840.10008.5.1.4.1.1.7" : "1.2.840.10008.5.1.4.1.1.2", "00080018": ids.instance,
    "00080060": shape.modality ?? (shape.samples === 3 ? "OT" : "CT"), "00100010": "Test^Image", "00100020": "T1", "0020000d": ids.study, "0020000e": ids.series, "00200013": ids.number ?? 1,
    "00280002": shape.samples, "00280004": stream?.photometric ?? (shape.samples === 3 ? "RGB" : "MONOCHROME2"), ...(shape.samples === 3 ? { "00280006": 0 } : {}),
    "00280010": shape.rows, "00280011": shape.columns, "00280100": allocated(shape), "00280101": shape.stored, "00280102": shape.stored - 1, "00280103": shape.signed ? 1 : 0, ...more,
  };
  const body = Object.keys(set).sort().map((tag) => element(tag, set[tag]!));
  const pixels = Buffer.alloc(12);
  pixels.writeUInt32LE(0x00107fe0, 0);
  pixels.write(stream || !wide ? "OB" : "OW", 4, "latin1");
  const data = even(made.pixels);
  pixels.writeUInt32LE(stream ? 0xffffffff : data.length, 8);
  body.push(pixels, ...(stream ? [item(0xe000, Buffer.alloc(0)), item(0xe000, even(stream.bytes)), item(0xe0dd, Buffer.alloc(0))] : [data]));
  const meta = Buffer.concat([element("00020002", String(set["00080016"])), element("00020003", ids.instance), element("00020010", stream?.syntax ?? "1.2.840.10008.1.2.1"), element("00020012", "2.25.1")]);
  const length = Buffer.from([2, 0, 0, 0, 0x55, 0x4c, 4, 0, 0, 0, 0, 0]);
  length.writeUInt32LE(meta.length, 8);
  return Buffer.concat([Buffer.alloc(128), Buffer.from("DICM"), length, meta, ...body]);
}

export interface OverlayOf { group: string; rows: number; columns: number; /** Of its first pixel, from 1. */ row: number; column: number; kind?: "G" | "R"; /** In this bit of the pixels' words; else data. */ bit?: number; data?: Buffer; frames?: number }

/** The elements of overlay planes (PS3.3 C.9.2). */
export function overlays(all: OverlayOf[]): Record<string, Value> {
  const set: Record<string, Value> = {};
  for (const o of all) {
    const put = (element: string, value: Value): void => void (set[`${o.group}${element}`] = value);
    put("0010", o.rows), put("0011", o.columns), put("0040", o.kind ?? "G"), put("0050", Buffer.from(Int16Array.of(o.row, o.column).buffer));
    if (o.frames !== undefined) put("0015", o.frames);
    put("0100", o.bit === undefined ? 1 : 16), put("0102", o.bit ?? 0);
    if (o.data) put("3000", o.data);
  }
  return set;
}

export interface TableOf { first: number; bits: number; entries: number; data: number[] }
const words = (list: number[]): Buffer => Buffer.from(Uint16Array.from(list, (v) => v & 0xffff).buffer);

/** The elements of lookup tables (PS3.3 C.7.6.3.1.5, C.11.1, C.11.2). */
export function tables(all: { modality?: TableOf; voi?: TableOf[]; palette?: TableOf[]; segmented?: boolean }): Record<string, Value> {
  const set: Record<string, Value> = {}, says = (t: TableOf): Buffer => words([t.entries, t.first, t.bits]);
  const items = (list: TableOf[]): Buffer => Buffer.concat(list.map((t) => item(0xe000, Buffer.concat([element("00283002", says(t)), element("00283006", words(t.data))]))));
  if (all.modality) set["00283000"] = items([all.modality]);
  if (all.voi) set["00283010"] = items(all.voi);
  all.palette?.forEach((t, c) => {
    set[`0028110${c + 1}`] = says(t);
    set[`002812${all.segmented ? 2 : 0}${c + 1}`] = words(t.data);
  });
  return set;
}

/** dcmtk's encoders, file to file. */
export function dcmtk(folder: string, tool: string, options: string[], file: Buffer): Buffer {
  const from = join(folder, "from.dcm"), to = join(folder, "to.dcm");
  writeFileSync(from, file);
  execFileSync(tool, [...options, from, to], { stdio: ["ignore", "ignore", "pipe"] });
  return readFileSync(to);
}

/** Reversible JPEG 2000 by OpenJPEG. */
export function jpeg2000(folder: string, { shape, pixels }: Made): Buffer {
  const from = join(folder, "in.rawl"), to = join(folder, "out.j2k");
  writeFileSync(from, shape.samples === 3 ? planes(pixels, shape) : pixels);
  execFileSync("opj_compress", ["-i", from, "-o", to, "-F", `${shape.columns},${shape.rows},${shape.samples},${shape.stored},${shape.signed ? "s" : "u"}${shape.samples === 3 ? "@1x1:1x1:1x1" : ""}`,
    "-mct", shape.samples === 3 ? "1" : "0"], { stdio: ["ignore", "ignore", "pipe"] });
  return readFileSync(to);
}

/** Reversible HTJ2K by OpenJPH, RPCL: what a gateway serves as image/jphc. */
export function htj2k(folder: string, { shape, pixels }: Made): Buffer {
  const to = join(folder, "out.j2c");
  const common = ["-o", to, "-reversible", "true", "-prog_order", "RPCL"];
  if (shape.samples === 3) {
    const ppm = join(folder, "in.ppm");
    writeFileSync(ppm, Buffer.concat([Buffer.from(`P6\n${shape.columns} ${shape.rows}\n255\n`), pixels]));
    execFileSync("ojph_compress", ["-i", ppm, ...common, "-colour_trans", "true"], { stdio: ["ignore", "ignore", "pipe"] });
  } else {
    // The tool reads words as unsigned: signed samples are moved up, which is what the level shift of unsigned ones undoes (15444-1 G.1).
    const yuv = join(folder, "in.yuv");
    writeFileSync(yuv, shape.signed ? moved(pixels, shape.stored) : pixels);
    execFileSync("ojph_compress", ["-i", yuv, ...common, "-num_comps", "1", "-signed", "false", "-bit_depth", String(shape.stored), "-dims", `{${shape.columns},${shape.rows}}`, "-downsamp", "{1,1}"],
      { stdio: ["ignore", "ignore", "pipe"] });
    const stream = readFileSync(to);
    if (shape.signed) stream[42] = stream[42]! | 0x80; // Ssiz
    return stream;
  }
  return readFileSync(to);
}

function moved(pixels: Buffer, stored: number): Buffer {
  const out = Buffer.from(pixels), half = 2 ** (stored - 1);
  for (let i = 0; i < out.length; i += stored > 8 ? 2 : 1)
    if (stored > 8) out.writeUInt16LE(out.readInt16LE(i) + half, i);
    else out[i] = out.readInt8(i) + half;
  return out;
}

function planes(pixels: Buffer, { samples }: Shape): Buffer {
  const plane = pixels.length / samples, out = Buffer.alloc(pixels.length);
  for (let i = 0; i < pixels.length; i++) out[(i % samples) * plane + Math.floor(i / samples)] = pixels[i]!;
  return out;
}
