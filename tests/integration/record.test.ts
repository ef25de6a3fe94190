// Consent is a write barrier, with real media through real processes: of who said no, or nothing, not one media byte is in
// the journal; of who took consent back, nothing that arrived later than 200 ms after the tap; whoever dies meanwhile. And erased is erased.
import { test } from "node:test";
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Gateway, sleep, until } from "../lib/gateway.ts";
import { EVENT, RTP, TRACK, readJournal, type Item } from "../lib/journal.ts";
import { RpcClient } from "../lib/rpc.ts";
import { Room } from "../lib/peer.ts";

interface Event { number: number; type: string; participant: string; detail: Record<string, unknown>; time_ms: number }
interface Track { track: number; key: string; participant: string; source: string; kind: string }

function folderOf(gateway: Gateway, id: string): string {
  const root = join(gateway.dataDir, "record");
  for (const year of readdirSync(root).filter((name) => /^\d{4}$/.test(name)))
    for (const month of readdirSync(join(root, year))) if (readdirSync(join(root, year, month)).includes(id)) return join(root, year, month, id);
  throw new Error(`no record ${id}`);
}

// What a journal holds, by participant.
function open(gateway: Gateway, id: string): { of: (participant: string) => Item[]; events: Event[]; tracks: Track[] } {
  const journal = readJournal(folderOf(gateway, id), readFileSync(join(gateway.dataDir, "record/master.key")));
  const json = (item: Item): unknown => JSON.parse(item.data.toString("utf8"));
  const tracks = journal.items.filter((i) => i.kind === TRACK).map((i) => json(i) as Track);
  const events = journal.items.filter((i) => i.kind === EVENT).map((i) => json(i) as Event);
  const of = (participant: string): Item[] => {
    const numbers = new Set(tracks.filter((t) => t.participant === participant).map((t) => t.track));
    return journal.items.filter((i) => i.kind === RTP && numbers.has(i.track));
  };
  return { of, events, tracks };
}

const recordOf = (client: RpcClient) => client.state?.consult?.record;

// A key for the yes and no of hz-peer's participants, who have no page of their own.
const answer = (given: boolean) => ({ given, wording: "huizhen-1", language: "en" });

test("who did not consent is not in the journal; who withdrew is gone from it within 200 ms; over kill -9 of everybody", { timeout: 180000 }, async (t) => {
  const gateway = await Gateway.start();
  t.after(() => gateway.stop());
  const tokens = Object.fromEntries(["yes", "no", "mute", "later", "back"].map((id) =>
    [id, gateway.token("c1", "expert", { id, grant: "create", consent: id === "yes" || id === "back" })])) as Record<string, string>;
  const hostToken = gateway.token("c1", "clinic", { id: "host", grant: "create" });
  let { client: host, result } = await RpcClient.join(gateway.url, { token: hostToken });
  let key = result["resume_key"];
  const room = await Room.start(gateway.url, "c1", Object.entries(tokens).map(([id, token]) => ({ id, token })));
  t.after(() => room.stop());
  const say = async (id: string, given: boolean): Promise<number> => { // when it was sent, not when it was answered
    const { client } = await RpcClient.join(gateway.url, { token: tokens[id] });
    const at = Date.now();
    await client.call("consent.set", answer(given));
    client.close();
    return at;
  };
  const isOn = () => until("recording", 8000, () => recordOf(host)?.state === "on");
  await say("no", false);
  await host.call("record.start");
  await isOn();
  const id = recordOf(host)?.id as string;
  await sleep(1500);

  for (const kind of ["worker", "recorder", "control"] as const) {
    gateway.kill9(kind);
    await sleep(1500);
    await gateway.ready(8000);
    if (kind === "control") {
      ({ client: host, result } = await RpcClient.join(gateway.url, { resume_key: key }));
      key = result["resume_key"];
    }
    await isOn();
  }
  const laterAt = Date.now();
  await say("later", true);
  await sleep(1500);
  const backAt = await say("back", false);
  await sleep(1000);
  for (const kind of ["worker", "control", "recorder"] as const) gateway.kill9(kind); // all at once, after a withdrawal
  await sleep(2500);
  await gateway.ready(8000);
  ({ client: host } = await RpcClient.join(gateway.url, { token: hostToken }));
  await isOn();
  assert.equal(recordOf(host)?.id, id, "the same record goes on");
  await sleep(1500);
  await host.call("record.stop");
  await until("END on disk", 8000, () => (JSON.parse(readFileSync(join(folderOf(gateway, id), "state.json"), "utf8")) as { phase: unknown }) && /ended|finalis|delivered/.test(gateway.cli(["record", "list"])));

  let record = open(gateway, id);
  for (const person of ["no", "mute", "host"]) assert.equal(record.of(person).length, 0, `${person} said no, or nothing`);
  assert.ok(record.of("yes").length > 500, `yes: ${record.of("yes").length}`);
  const first = Math.min(...record.of("later").map((i) => Number(i.wall / 1000n)));
  assert.ok(first >= laterAt, "nothing of before the yes");
  assert.ok(record.of("later").length > 100);
  const lastBack = Math.max(...record.of("back").map((i) => Number(i.wall / 1000n)));
  console.log(`# withdrawn: the last packet in the journal arrived ${lastBack - backAt} ms after the tap`);
  assert.ok(record.of("back").length > 100 && lastBack <= backAt + 200);

  // Events: numbered without gaps, each once, and the consent before the tracks it opens.
  record.events.forEach((event, i) => assert.equal(event.number, i + 1));
  const said = record.events.filter((e) => e.type === "consent").map((e) => `${e.participant} ${String(e.detail["state"])}`);
  for (const wanted of ["yes given", "no refused", "later given", "back given", "back withdrawn"]) assert.equal(said.filter((s) => s === wanted).length, 1, `${wanted} in ${said.join()}`);
  assert.deepEqual([...new Set(record.tracks.map((x) => x.key))].sort(), record.tracks.map((x) => x.key).sort().filter((x, i, all) => x !== all[i - 1]));
  assert.match(gateway.cli(["record", "verify", id]), /whole/);

  // The last yes is recorded to the end, all others' consent is in the store with its words.
  const consents = (await (await gateway.api(gateway.token("c1", "admin", {}), "GET", "/api/v1/consults/c1/consents")).json()) as { items: { participant: string; state: string; wording_sha256: string; source: string }[] };
  const no = consents.items.find((c) => c.participant === "no");
  assert.deepEqual([no?.state, no?.source, no?.wording_sha256.length], ["refused", "person", 64]);
  assert.equal(consents.items.find((c) => c.participant === "yes")?.source, "token");

  // A person is erased; everybody else's packets are as they were, and so is the chain.
  const before = record.of("later").map((i) => i.data.toString("base64"));
  const erase = (): string => gateway.cli(["record", "erase", id, "--participant", "yes", "--by", "Dr Wang", "--why", "asked by the patient"]);
  gateway.cli(["record", "hold", id, "--by", "court", "--why", "case 7"]);
  assert.throws(erase, /legal hold/);
  gateway.cli(["record", "release", id, "--by", "court", "--why", "closed"]);
  await until("it is erased", 30000, () => { // the archive may work on it
    try { return /keys destroyed/.test(erase()); } catch (error) { if (/try again later/.test(String(error))) return false; throw error; }
  });
  record = open(gateway, id);
  assert.equal(record.of("yes").length, 0);
  assert.deepEqual(record.of("later").map((i) => i.data.toString("base64")), before);
  assert.match(gateway.cli(["record", "verify", id]), /whole .*\([1-9]\d* erased\)/);
});
