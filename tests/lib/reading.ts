// A gateway with a real PACS behind it (Orthanc), somebody in a consult, and studies on its table.
import assert from "node:assert/strict";
import { dicomFile, type Ids, type Made } from "./dicom-make.ts";
import { Gateway, freeTcpPort } from "./gateway.ts";
import { Orthanc } from "./orthanc.ts";
import { RpcClient } from "./rpc.ts";

export class ReadingRig {
  private base = 0;
  private constructor(readonly orthanc: Orthanc, readonly gateway: Gateway, readonly client: RpcClient, readonly token: string) {}

  static async start(more = "", env: Record<string, string> = {}): Promise<ReadingRig> {
    const orthanc = new Orthanc(await freeTcpPort());
    await orthanc.start();
    const gateway = await Gateway.start({ yaml: `imaging:\n  enabled: true\n  pacs: "main=${orthanc.url}"\n  user: huizhen\n  password: secret\n${more}`, env });
    const { client } = await RpcClient.join(gateway.url, { token: gateway.token("c", "clinic", { id: "clinic", grant: "create" }) });
    const rig = new ReadingRig(orthanc, gateway, client, gateway.token("c", "clinic", { id: "clinic" }));
    rig.base = ((await client.call("table.floor", { action: "take" })) as { version: number }).version;
    return rig;
  }

  async store(file: Buffer): Promise<void> {
    const answer = await fetch(`http://127.0.0.1:${this.orthanc.port}/instances`, { method: "POST", body: new Uint8Array(file), headers: { Authorization: this.orthanc.auth } });
    assert.ok(answer.ok, `Orthanc takes it: ${answer.status}`);
  }

  /** A study of Orthanc's onto the table. */
  async put(study: string): Promise<void> {
    // of the floor's taking: a patch of its holder's own is never in conflict with it
    await this.client.call("table.patch", { base: this.base, studies: { put: [{ pacs: "main", study }] } });
  }

  seriesOf(ids: Pick<Ids, "study" | "series">): string { return `/api/v1/consults/c/studies/main/${ids.study}/series/${ids.series}`; }
  frameOf(ids: Ids): string { return `${this.seriesOf(ids)}/instances/${ids.instance}/frames/1`; }

  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.gateway.url}${path}`, { headers: { authorization: `Bearer ${this.token}`, ...headers } });
  }

  async stop(): Promise<void> {
    this.client.close();
    await this.gateway.stop();
    await this.orthanc.done();
  }
}

/** What a viewer says of a frame, so that it may become HTJ2K. */
export const pixelsOf = ({ shape }: Made): string =>
  `pixels=${shape.rows},${shape.columns},${shape.samples},${shape.stored > 8 ? 16 : 8},${shape.stored},${Number(shape.signed)},0,${shape.samples === 3 ? "RGB" : "MONOCHROME2"}`;
export const VIEWER = { accept: "image/jphc, */*;q=0.5" };

const clamp = (v: number, top: number): number => Math.max(0, Math.min(top, Math.round(v)));

/** A radiograph of 12 bits: soft tissue, edges of bone, and the noise of its detector. */
export function radiograph(columns = 2140, rows = 1760): Made {
  const pixels = Buffer.alloc(rows * columns * 2), words = new Uint16Array(pixels.buffer, pixels.byteOffset, rows * columns);
  let state = 7;
  for (let y = 0, i = 0; y < rows; y++) for (let x = 0; x < columns; x++, i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    const u = x / columns - 0.5, v = y / rows - 0.5, body = Math.exp(-(u * u * 6 + v * v * 3)), rib = Math.abs(((v * 9 + u * u * 5) % 1) - 0.5) < 0.12 ? 260 : 0;
    words[i] = clamp(3300 - 2300 * body + (body > 0.5 ? rib : 0) + ((state >>> 16) % 23) - 11, 4095);
  }
  return { shape: { rows, columns, samples: 1, stored: 12, signed: false, modality: "DX" }, pixels };
}

/** Slice n of a CT: body, bone and lungs that move with n, noise of some HU; air around it. */
export function ctSlice(n: number, side = 512): Made {
  const pixels = Buffer.alloc(side * side * 2), words = new Int16Array(pixels.buffer, pixels.byteOffset, side * side);
  let state = 11 + n;
  for (let y = 0, i = 0; y < side; y++) for (let x = 0; x < side; x++, i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    const u = (x / side - 0.5) * 2, v = (y / side - 0.5) * 2, r = Math.hypot(u, v * 1.3), lung = Math.hypot(Math.abs(u) - 0.35, v * 0.8) < 0.22 + 0.001 * n;
    const hu = r > 0.85 ? -1000 : r > 0.8 ? 700 : lung ? -820 + 60 * Math.sin(u * 60 + n) : 40 + 30 * Math.sin(u * 9 + n * 0.1) * Math.cos(v * 7);
    words[i] = Math.round(hu + (r > 0.85 ? 0 : ((state >>> 16) % 41) - 20));
  }
  return { shape: { rows: side, columns: side, samples: 1, stored: 16, signed: true, modality: "CT" }, pixels };
}

export const ctFile = (n: number, ids: Ids, made: Made): Buffer =>
  dicomFile(made, ids, undefined, { "00280030": "0.8\\0.8", "00200037": "1\\0\\0\\0\\1\\0", "00200032": `-200\\-200\\${n * 2}`, "00281050": "40", "00281051": "400", "00281052": "0", "00281053": "1" });
