// Makes whole slides for tests (VL Whole Slide Microscopy Image, PS3.3 A.32.8): a picture told by a formula, as a series of tiled objects, a
// resolution each. Tiles are uncompressed, or JPEG, JPEG 2000 or HTJ2K as the caller encodes them.
import type { Ids } from "./dicom-make.ts";

export const SLIDE_SOP = "1.2.840.10008.5.1.4.1.1.77.1.6";
/** Of a place on the finest level: fields of 64 pixels, a colour each, so that any part of it is known by what is seen. */
export function colourAt(x: number, y: number): [number, number, number] {
  const i = Math.floor(x / 64), j = Math.floor(y / 64);
  return [60 + ((i * 37 + j * 11) % 160), 40 + ((i * 17 + j * 53) % 180), 80 + ((i * 71 + j * 29) % 150)];
}

export interface Level {
  columns: number;
  rows: number;
  /** Finest pixels to one. */
  scale: number;
  tile: number;
  /** mm */
  spacing: number;
  flavour?: "VOLUME" | "THUMBNAIL" | "LABEL" | "OVERVIEW";
  /** Each frame says where it is; those left out are holes. */
  sparse?: { x: number; y: number }[];
  /** What the header says, where it is not so. */
  lies?: { columns?: number; rows?: number; frames?: number };
  concatenation?: boolean;
}

const LONG = new Set(["SQ", "OB", "UT"]);
function element(tag: number, vr: string, body: Buffer, undefinedLength = false): Buffer {
  const head = Buffer.alloc(LONG.has(vr) ? 12 : 8);
  head.writeUInt16LE(tag >>> 16, 0);
  head.writeUInt16LE(tag & 0xffff, 2);
  head.write(vr, 4, "latin1");
  if (LONG.has(vr)) head.writeUInt32LE(undefinedLength ? 0xffffffff : body.length, 8);
  else head.writeUInt16LE(body.length, 6);
  return Buffer.concat([head, body]);
}
const text = (tag: number, vr: string, value: string): Buffer => element(tag, vr, Buffer.from(value.length & 1 ? value + (vr === "UI" ? "\0" : " ") : value));
const us = (tag: number, value: number): Buffer => element(tag, "US", Buffer.from(Uint16Array.of(value).buffer));
const ul = (tag: number, value: number): Buffer => element(tag, "UL", Buffer.from(Uint32Array.of(value).buffer));
const sl = (tag: number, value: number): Buffer => element(tag, "SL", Buffer.from(Int32Array.of(value).buffer));
function item(...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts), head = Buffer.alloc(8);
  head.writeUInt32LE(0xe000fffe, 0);
  head.writeUInt32LE(body.length, 4);
  return Buffer.concat([head, body]);
}
const fragment = (tag: number, body: Buffer): Buffer => {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(((tag << 16) | 0xfffe) >>> 0, 0);
  head.writeUInt32LE(body.length, 4);
  return Buffer.concat([head, body]);
};

/** RGB of one tile, whose first pixel is there on its level; beyond the matrix white. */
export function tilePixels(level: Level, x0: number, y0: number): Buffer {
  const out = Buffer.alloc(level.tile * level.tile * 3, 255);
  for (let y = 0; y < level.tile; y++)
    for (let x = 0; x < level.tile; x++)
      if (x0 + x < level.columns && y0 + y < level.rows) out.set(colourAt((x0 + x + 0.5) * level.scale, (y0 + y + 0.5) * level.scale), 3 * (y * level.tile + x));
  return out;
}

/** Where the tiles of a level lie, as TILED_FULL has them. */
export function places({ columns, rows, tile }: Level): { x: number; y: number }[] {
  const across = Math.ceil(columns / tile), down = Math.ceil(rows / tile);
  return Array.from({ length: across * down }, (_, i) => ({ x: (i % across) * tile, y: Math.floor(i / across) * tile }));
}

const position = (x: number, y: number): Buffer => element(0x0048021a, "SQ", item(text(0x0040072a, "DS", "0"), text(0x0040073a, "DS", "0"), text(0x0040074a, "DS", "0"), sl(0x0048021e, x + 1), sl(0x0048021f, y + 1)));

/** stream: encodes a tile, of that transfer syntax; else uncompressed. */
export function slideFile(level: Level, ids: Ids, stream?: { syntax: string; photometric: string; encode: (pixels: Buffer, tile: number) => Buffer }): Buffer {
  const at = level.sparse ?? places(level), tiles = at.map(({ x, y }) => tilePixels(level, x, y)), thumbnail = level.flavour !== undefined && level.flavour !== "VOLUME";
  const measures = element(0x00289110, "SQ", item(text(0x00180050, "DS", "0.001"), text(0x00280030, "DS", `${level.spacing}\\${level.spacing}`)));
  const set = [
    text(0x00080008, "CS", `ORIGINAL\\PRIMARY\\${level.flavour ?? "VOLUME"}\\${level.scale > 1 ? "RESAMPLED" : "NONE"}`), text(0x00080016, "UI", SLIDE_SOP), text(0x00080018, "UI", ids.instance),
    text(0x00080060, "CS", "SM"), text(0x00100010, "PN", "Test^Slide"), text(0x00100020, "LO", "S1"), text(0x0020000d, "UI", ids.study), text(0x0020000e, "UI", ids.series),
    text(0x00200013, "IS", String(ids.number ?? 1)), ...(level.concatenation ? [text(0x00209161, "UI", `${ids.series}.99`), us(0x00209162, 1)] : []),
    ...(thumbnail ? [] : [text(0x00209311, "CS", level.sparse ? "TILED_SPARSE" : "TILED_FULL")]),
    us(0x00280002, 3), text(0x00280004, "CS", stream?.photometric ?? "RGB"), us(0x00280006, 0), text(0x00280008, "IS", String(level.lies?.frames ?? at.length)), us(0x00280010, level.tile), us(0x00280011, level.tile),
    us(0x00280100, 8), us(0x00280101, 8), us(0x00280102, 7), us(0x00280103, 0), text(0x00282110, "CS", "00"),
    ul(0x00480006, level.lies?.columns ?? level.columns), ul(0x00480007, level.lies?.rows ?? level.rows), text(0x00480102, "DS", "0\\-1\\0\\-1\\0\\0"),
    element(0x00480105, "SQ", item(text(0x00480106, "SH", "1"))), ul(0x00480302, 1), ul(0x00480303, 1),
    element(0x52009229, "SQ", item(measures, element(0x00480207, "SQ", item(text(0x00480106, "SH", "1"))))),
    ...(level.sparse ? [element(0x52009230, "SQ", Buffer.concat(at.map(({ x, y }) => item(position(x, y)))))] : []),
  ];
  const even = (b: Buffer): Buffer => (b.length & 1 ? Buffer.concat([b, Buffer.from([0])]) : b);
  const data = stream ? element(0x7fe00010, "OB", Buffer.concat([fragment(0xe000, Buffer.alloc(0)), ...tiles.map((t) => fragment(0xe000, even(stream.encode(t, level.tile)))), fragment(0xe0dd, Buffer.alloc(0))]), true)
    : element(0x7fe00010, "OB", even(Buffer.concat(tiles)));
  const meta = Buffer.concat([text(0x00020002, "UI", SLIDE_SOP), text(0x00020003, "UI", ids.instance), text(0x00020010, "UI", stream?.syntax ?? "1.2.840.10008.1.2.1"), text(0x00020012, "UI", "2.25.1")]);
  return Buffer.concat([Buffer.alloc(128), Buffer.from("DICM"), ul(0x00020000, meta.length), meta, ...set, data]);
}
