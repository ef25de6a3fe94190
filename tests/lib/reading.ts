// A gateway with a real PACS behind it (Orthanc), somebody in a consult, and studies on its table.
import assert from "node:assert/strict";
import { dicomFile, type Ids, type Made } from "./dicom-make.ts";
import { Gateway, until, type GatewayOptions } from "./gateway.ts";
import { Orthanc } from "./orthanc.ts";
import { RpcClient } from "./rpc.ts";

export class ReadingRig {
  private base = 0;
  gateway!: Gateway;
  client!: RpcClient;
  token = "";
  private constructor(readonly orthanc: Orthanc) {}

  static async start(options: GatewayOptions = {}): Promise<ReadingRig> {
    const rig = new ReadingRig(await Orthanc.started());
    await rig.begin(options).catch(async (error: unknown) => { await rig.stop(); throw error; });
    return rig;
  }

  private async begin(options: GatewayOptions): Promise<void> {
    this.gateway = await Gateway.start({ yaml: this.orthanc.yaml, ...options });
    this.token = this.gateway.token("c", "clinic", { id: "clinic" });
    ({ client: this.client } = await RpcClient.join(this.gateway.url, { token: this.gateway.token("c", "clinic", { id: "clinic", grant: "create" }) }));
    this.base = ((await this.client.call("table.floor", { action: "take" })) as { version: number }).version;
  }

  store(file: Buffer): Promise<void> { return this.orthanc.store(file); }

  /** A file as one is dropped into the console: a study of the PACS "local". */
  async upload(name: string, file: Buffer): Promise<void> {
    const put = await until("the gateway takes files", 15000, async () => {
      const answer = await fetch(`${this.gateway.url}/api/v1/consults/c/uploads/${name}`, { method: "PUT", body: new Uint8Array(file), headers: { authorization: `Bearer ${this.token}` } });
      return answer.status === 200 ? answer : undefined;
    });
    assert.equal(((await put.json()) as { items: { result: string }[] }).items[0]?.result, "stored", name);
  }

  /** A study onto the table: Orthanc's, and that of what was uploaded. */
  async put(study: string, pacs = ["main"]): Promise<void> {
    // of the floor's taking: a patch of its holder's own is never in conflict with it
    await this.client.call("table.patch", { base: this.base, studies: { put: pacs.map((one) => ({ pacs: one, study })) } });
  }

  seriesOf(ids: Pick<Ids, "study" | "series">, pacs = "main"): string { return `/api/v1/consults/c/studies/${pacs}/${ids.study}/series/${ids.series}`; }
  frameOf(ids: Ids): string { return `${this.seriesOf(ids)}/instances/${ids.instance}/frames/1`; }

  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.gateway.url}${path}`, { headers: { authorization: `Bearer ${this.token}`, ...headers } });
  }

  async stop(): Promise<void> {
    this.client?.close();
    await this.gateway?.stop();
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
