// A DICOM file of nested data sets, explicit little endian: what other makers write and DICOM JSON reads.
type Item = { [tag: string]: readonly [vr: string, value: string | readonly number[] | readonly Item[]] };
export type Nested = Item;

const LONG = new Set(["SQ", "OB", "OW", "OF", "UT", "UN"]);
const WRITE: Record<string, (out: Buffer, v: number, at: number) => void> = {
  US: (out, v, at) => void out.writeUInt16LE(v, at), SL: (out, v, at) => void out.writeInt32LE(v, at), FL: (out, v, at) => void out.writeFloatLE(v, at), UL: (out, v, at) => void out.writeUInt32LE(v, at),
};

function bytesOf(vr: string, value: Item[string][1]): Buffer {
  if (typeof value === "string") return Buffer.from(value.length % 2 || Buffer.byteLength(value) % 2 ? `${value}${vr === "UI" ? "\0" : " "}` : value);
  if (vr === "SQ") return Buffer.concat((value as readonly Item[]).map((item) => {
    const body = nested(item), head = Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
    head.writeUInt32LE(body.length, 4);
    return Buffer.concat([head, body]);
  }));
  const size = vr === "US" ? 2 : 4, out = Buffer.alloc(size * value.length);
  (value as readonly number[]).forEach((v, i) => WRITE[vr]!(out, v, i * size));
  return out;
}

/** Tags in upper case, as eight digits. */
export function nested(set: Item): Buffer {
  return Buffer.concat(Object.keys(set).sort().map((tag) => {
    const [vr, value] = set[tag]!, body = bytesOf(vr, value), head = Buffer.alloc(LONG.has(vr) ? 12 : 8);
    head.writeUInt16LE(parseInt(tag.slice(0, 4), 16), 0);
    head.writeUInt16LE(parseInt(tag.slice(4), 16), 2);
    head.write(vr, 4, "latin1");
    if (LONG.has(vr)) head.writeUInt32LE(body.length, 8);
    else head.writeUInt16LE(body.length, 6);
    return Buffer.concat([head, body]);
  }));
}

export function nestedFile(set: Item): Buffer {
  const meta = nested({ "00020002": set["00080016"]!, "00020003": set["00080018"]!, "00020010": ["UI", "1.2.840.10008.1.2.1"], "00020012": ["UI", "2.25.1"] });
  return Buffer.concat([Buffer.alloc(128), Buffer.from("DICM"), nested({ "00020000": ["UL", [meta.length]] }), meta, nested(set)]);
}
