// The built pages with the headers that the gateway gives them, and frames of images beside them, with faults on demand.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { ROOT } from "./gateway.ts";
import type { Orthanc } from "./orthanc.ts";

const PAGES_CSP = "default-src 'self'; connect-src 'self' wss: ws:; img-src 'self' data: blob:; media-src 'self' blob:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const TYPES: Record<string, string> = { ".js": "text/javascript", ".css": "text/css", ".html": "text/html; charset=utf-8", ".wasm": "application/wasm", ".svg": "image/svg+xml" };

export interface Stored { bytes: Buffer; type: string; slow?: { piece: number; ms: number }; breakAt?: number }

export class ImageServer {
  readonly stored = new Map<string, Stored>();
  readonly asked: { path: string; range?: string; accept?: string }[] = [];
  /** What has this in its path fails as where the PACS does not answer. */
  away: RegExp | null = null;
  private server?: Server;
  url = "";

  async start(): Promise<void> {
    this.server = createServer((req, res) => void this.answer(req, res).catch(() => res.destroy()));
    await new Promise<void>((done) => this.server!.listen(0, "127.0.0.1", done));
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  done(): void {
    this.server?.closeAllConnections();
    this.server?.close();
  }

  private async answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const path = new URL(req.url ?? "/", "http://x").pathname;
    if (!path.startsWith("/api/")) return this.page(path, res);
    this.asked.push({ path, range: req.headers.range, accept: req.headers.accept });
    const stored = this.stored.get(path);
    if (req.headers.authorization !== "Bearer good") return void res.writeHead(401).end();
    if (!stored && /\/studies\/[^/]+\/[^/]+\/series$/.test(path)) return void res.writeHead(200, { "Content-Type": "application/dicom+json" }).end("[]"); // nobody marked anything
    if (this.away?.test(path)) return void res.writeHead(502, { "Content-Type": "application/problem+json" }).end("{}");
    if (!stored) return void res.writeHead(404).end();
    await this.send(stored, req, res);
  }

  private page(path: string, res: ServerResponse): void {
    const file = join(ROOT, "web/dist", path.startsWith("/reading") ? "reading.html" : path);
    if (!existsSync(file)) return void res.writeHead(404).end();
    const rules = path.startsWith("/assets/decode-worker-") ? "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'" : extname(file) === ".html" ? PAGES_CSP : "default-src 'none'";
    res.writeHead(200, { "Content-Type": TYPES[extname(file)] ?? "application/octet-stream", "Content-Security-Policy": rules });
    res.end(readFileSync(file));
  }

  private async send(stored: Stored, req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { bytes, type, slow } = stored, etag = `"${createHash("sha256").update(bytes).digest("hex").slice(0, 16)}"`;
    const from = req.headers["if-range"] === etag ? Number(/^bytes=(\d+)-$/.exec(req.headers.range ?? "")?.[1] ?? 0) : 0;
    const range = from > 0 ? { "Content-Range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {};
    res.writeHead(from > 0 ? 206 : 200, { "Content-Type": type, ETag: etag, "Accept-Ranges": "bytes", "Content-Length": String(bytes.length - from), "Cache-Control": "no-store", ...range });
    const end = stored.breakAt ?? bytes.length, piece = slow?.piece ?? bytes.length;
    delete stored.breakAt;
    for (let at = from; at < end && !res.destroyed; at += piece) {
      await new Promise<void>((done) => res.write(bytes.subarray(at, Math.min(end, at + piece)), () => done()));
      if (slow) await new Promise((done) => setTimeout(done, slow.ms));
    }
    if (end < bytes.length) return void res.destroy();
    res.end();
  }
}

/** A frame from Orthanc as it is stored, or uncompressed (PS3.18 10.4.1): its bytes and what they are called. */
export async function frameOf(orthanc: Orthanc, ids: { study: string; series: string; instance: string }, asStored: boolean, frame = 1): Promise<Stored> {
  const syntax = asStored ? "*" : "1.2.840.10008.1.2.1";
  const answer = await orthanc.ask(`/dicom-web/studies/${ids.study}/series/${ids.series}/instances/${ids.instance}/frames/${frame}`,
    { Accept: `multipart/related; type="application/octet-stream"; transfer-syntax=${syntax}` });
  const body = Buffer.from(await answer.arrayBuffer());
  if (!answer.ok) throw new Error(`Orthanc: ${answer.status} ${body.toString("utf8").slice(0, 300)}`);
  const boundary = /boundary=([^;]+)/.exec(answer.headers.get("content-type") ?? "")?.[1]?.replaceAll('"', "") ?? "";
  const begin = body.indexOf("\r\n\r\n") + 4, head = body.subarray(0, begin).toString("latin1");
  return { bytes: body.subarray(begin, body.lastIndexOf(`\r\n--${boundary}`)), type: /content-type: ([^;\r]+)/i.exec(head)?.[1] ?? "" };
}
