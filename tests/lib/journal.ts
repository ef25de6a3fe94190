// Reads a record's journal. Written from docs/journal-format.md alone, to prove the page; shares nothing with the C reader.
import { createDecipheriv, createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface Item { track: number; kind: number; flags: number; segment: number; at: bigint; wall: bigint; data: Buffer }
export interface Journal { items: Item[]; chunks: number; erasedChunks: number; cut: bigint; ended: boolean; hash: Buffer; record: Buffer }
export const RTP = 1, SR = 2, EVENT = 3, TRACK = 4, META = 5, CLOCK = 6, GAP = 7;

const sha256 = (...parts: Buffer[]): Buffer => parts.reduce((h, p) => h.update(p), createHash("sha256")).digest();
const fail = (where: string, what: string): never => { throw new Error(`${where}: ${what}`); };

function open(key: Buffer, nonce: Buffer, aad: Buffer, sealed: Buffer, tag: Buffer): Buffer {
  const cipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: 16 });
  cipher.setAAD(aad);
  cipher.setAuthTag(tag);
  return Buffer.concat([cipher.update(sealed), cipher.final()]);
}

class Keys {
  private known = new Map<number, Buffer | null>();
  constructor(private folder: string, private master: Buffer, private record: Buffer) {}

  // null: erased
  of(track: number): Buffer | null {
    let key = this.known.get(track);
    if (key === undefined) this.known.set(track, key = this.unwrap(track));
    return key;
  }

  private unwrap(track: number): Buffer | null {
    const name = join(this.folder, "keys", track === 0 ? "record" : String(track).padStart(4, "0"));
    if (existsSync(`${name}.erased`)) return null;
    const file = readFileSync(name);
    if (file.length !== 68 || file.toString("latin1", 0, 8) !== "HZJKEY1\n") fail(name, "not a key");
    const number = Buffer.alloc(4);
    number.writeUInt32LE(track);
    const wrapping = track === 0 ? this.master : this.of(0);
    if (!wrapping) return null;
    return open(wrapping, file.subarray(8, 20), Buffer.concat([file.subarray(0, 8), this.record, number]), file.subarray(20, 52), file.subarray(52));
  }
}

function records(plain: Buffer, count: number, into: (kind: number, flags: number, behind: number, data: Buffer) => void): void {
  let at = 0;
  for (let i = 0; i < count; i++) {
    const bytes = plain.readUInt16LE(at);
    into(plain.readUInt8(at + 2), plain.readUInt8(at + 3), plain.readInt32LE(at + 4), plain.subarray(at + 8, at + 8 + bytes));
    at += 8 + bytes;
  }
  if (at !== plain.length) fail("records", "lengths do not add up");
}

export function readJournal(folder: string, master: Buffer): Journal {
  const journal: Journal = { items: [], chunks: 0, erasedChunks: 0, cut: 0n, ended: false, hash: Buffer.alloc(32), record: Buffer.alloc(0) };
  const names = readdirSync(join(folder, "journal")).filter((name) => /^\d{4}\.hzj$/.test(name)).sort();
  let keys: Keys | undefined;
  names.forEach((name, index) => {
    const file = readFileSync(join(folder, "journal", name));
    if (name !== `${String(index + 1).padStart(4, "0")}.hzj`) fail(name, "a segment is missing before it");
    if (file.length === 0) return;
    const head = file.subarray(0, 120);
    if (head.toString("latin1", 0, 8) !== "HZJSEG1\n" || head.readUInt32LE(8) !== 1 || head.readUInt32LE(12) !== index + 1) fail(name, "header");
    if (!sha256(head.subarray(0, 88)).equals(head.subarray(88))) fail(name, "hash of the header");
    if (!head.subarray(48, 80).equals(journal.hash)) fail(name, "chain");
    if (journal.ended) fail(name, "behind the end");
    const record = head.subarray(16, 32), monotonic = head.readBigInt64LE(32), wall = head.readBigInt64LE(40);
    if (keys && !record.equals(journal.record)) fail(name, "of another record");
    keys ??= new Keys(folder, master, record);
    journal.record = record;
    journal.cut += head.readBigUInt64LE(80);
    readSegment(file, head.subarray(88), index + 1);

    function readSegment(bytes: Buffer, before: Buffer, segment: number): void {
      for (let at = 120; at < bytes.length;) {
        const chunk = bytes.subarray(at), where = `${name} at ${at}`, n = chunk.readUInt32LE(40);
        if (chunk.toString("latin1", 0, 4) !== "HZC1" || journal.ended) fail(where, "not a chunk");
        if (!sha256(chunk.subarray(0, 60)).subarray(0, 4).equals(chunk.subarray(60, 64))) fail(where, "check");
        if (!sha256(before, chunk.subarray(0, 80 + n)).equals(chunk.subarray(80 + n, 112 + n))) fail(where, "hash");
        if (chunk.readBigUInt64LE(16) !== BigInt(++journal.chunks) || chunk.readBigUInt64LE(48) !== BigInt(journal.chunks)) fail(where, "number");
        if (chunk.readUInt32LE(56) !== segment) fail(where, "segment");
        before = journal.hash = chunk.subarray(80 + n, 112 + n);
        journal.ended = chunk.readUInt32LE(4) === 3;
        readChunk(chunk.subarray(0, 112 + n), n, segment);
        at += 112 + n;
      }
    }

    function readChunk(chunk: Buffer, n: number, segment: number): void {
      const track = chunk.readUInt32LE(8), first = chunk.readBigInt64LE(24), key = keys!.of(track);
      if (!key) { journal.erasedChunks++; return; }
      const plain = open(key, chunk.subarray(48, 60), Buffer.concat([record, chunk.subarray(0, 64)]), chunk.subarray(64, 64 + n), chunk.subarray(64 + n, 80 + n));
      records(plain, chunk.readUInt32LE(44), (kind, flags, behind, data) => {
        const time = first + BigInt(behind);
        journal.items.push({ track, kind, flags, segment, at: time, wall: time - monotonic + wall, data });
      });
    }
  });
  return journal;
}
