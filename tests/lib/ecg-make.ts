// Makes ECG objects for tests: General ECG Waveform Storage, explicit little endian, twelve leads by MDC codes.
import type { Ids } from "./dicom-make.ts";

export const LEADS = ["I", "II", "III", "AVR", "AVL", "AVF", "V1", "V2", "V3", "V4", "V5", "V6"];
const LONG = new Set(["SQ", "OW", "OB"]);

function element(tag: number, vr: string, body: Buffer): Buffer {
  const head = Buffer.alloc(LONG.has(vr) ? 12 : 8);
  head.writeUInt16LE(tag >>> 16, 0);
  head.writeUInt16LE(tag & 0xffff, 2);
  head.write(vr, 4, "latin1");
  if (LONG.has(vr)) head.writeUInt32LE(body.length, 8);
  else head.writeUInt16LE(body.length, 6);
  return Buffer.concat([head, body]);
}
const text = (tag: number, vr: string, value: string): Buffer => element(tag, vr, Buffer.from(value.length & 1 ? value + (vr === "UI" ? "\0" : " ") : value));
const us = (tag: number, value: number): Buffer => element(tag, "US", Buffer.from(Uint16Array.of(value).buffer));
const ul = (tag: number, value: number): Buffer => element(tag, "UL", Buffer.from(Uint32Array.of(value).buffer));
function item(...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts), head = Buffer.alloc(8);
  head.writeUInt16LE(0xfffe, 0);
  head.writeUInt16LE(0xe000, 2);
  head.writeUInt32LE(body.length, 4);
  return Buffer.concat([head, body]);
}
const code = (tag: number, value: string, scheme: string, meaning: string): Buffer =>
  element(tag, "SQ", item(text(0x00080100, "SH", value), text(0x00080102, "SH", scheme), text(0x00080104, "LO", meaning)));
const channel = (lead: string): Buffer => item(
  code(0x003a0208, `MDC_ECG_LEAD_${lead}`, "MDC", `Lead ${lead}`), text(0x003a0210, "DS", "2.5"), code(0x003a0211, "uV", "UCUM", "microvolt"),
  text(0x003a0212, "DS", "1"), text(0x003a0213, "DS", "0"), text(0x003a0215, "DS", "0"), us(0x003a021a, 16), text(0x003a0220, "DS", "0.05"), text(0x003a0221, "DS", "150"));

/** Steps of 2.5 uV, 500 a second, `seconds` long: of each lead another size of the same beat, 75 a minute. */
export function ecgSamples(seconds: number): Int16Array {
  const out = new Int16Array(seconds * 500 * 12);
  const bump = (t: number, at: number, width: number, uv: number): number => uv * Math.exp(-(((t - at) / width) ** 2));
  for (let s = 0; s < seconds * 500; s++) {
    const t = (s / 500) % 0.8;
    const beat = bump(t, 0.12, 0.03, 120) + bump(t, 0.23, 0.008, -110) + bump(t, 0.25, 0.011, 1100) + bump(t, 0.275, 0.01, -260) + bump(t, 0.48, 0.06, 280);
    for (let c = 0; c < 12; c++) out[s * 12 + c] = Math.round((beat * (c === 3 ? -0.7 : 0.5 + 0.08 * c)) / 2.5);
  }
  return out;
}

export function ecgFile(ids: Ids, samples: Int16Array): Buffer {
  const group = item(us(0x003a0005, 12), ul(0x003a0010, samples.length / 12), text(0x003a001a, "DS", "500"), text(0x003a0020, "SH", "RHYTHM"), element(0x003a0200, "SQ", Buffer.concat(LEADS.map(channel))),
    us(0x54001004, 16), text(0x54001006, "CS", "SS"), element(0x54001010, "OW", Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)));
  const sop = "1.2.840.10008.5.1.4.1.1.9.1.2";
  const set = [text(0x00080016, "UI", sop), text(0x00080018, "UI", ids.instance), text(0x00080060, "CS", "ECG"), text(0x00100010, "PN", "Test^Ecg"), text(0x00100020, "LO", "E1"),
    text(0x0020000d, "UI", ids.study), text(0x0020000e, "UI", ids.series), text(0x00200013, "IS", String(ids.number ?? 1)), element(0x54000100, "SQ", group)];
  const meta = Buffer.concat([text(0x00020002, "UI", sop), text(0x00020003, "UI", ids.instance), text(0x00020010, "UI", "1.2.840.10008.1.2.1"), text(0x00020012, "UI", "2.25.1")]);
  return Buffer.concat([Buffer.alloc(128), Buffer.from("DICM"), ul(0x00020000, meta.length), meta, ...set]);
}
