// A patient who was sent back to the lobby: not a packet of it reaches the others, nor of theirs it, whoever is killed meanwhile.
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { sleep, until, type Gateway } from "./gateway.ts";
import { Room, type Report } from "./peer.ts";
import { RpcClient } from "./rpc.ts";

export type Victim = "control" | number; // a worker's number

const packets = (report: Report, patient: boolean): number =>
  report.peers.filter((p) => p.name.includes("<") && p.name.includes("pat") === patient).flatMap((p) => p.sinks).reduce((n, s) => n + s.packets, 0);

/** ms: how long nothing may come after each of the kills; ready: of the call, before the first one. */
export async function outsideOverKills(t: TestContext, gateway: Gateway, kills: Victim[][], ms: number, ready = async (): Promise<void> => undefined): Promise<void> {
  const join = async (token: string): Promise<RpcClient> => (await RpcClient.join(gateway.url, { token })).client;
  const patient = gateway.token("c1", "patient", { id: "pat" }), clinic = gateway.token("c1", "clinic", { id: "host", grant: "create" });
  let host = await join(clinic);
  await join(patient);
  await host.call("lobby.admit", { participant: "pat" });
  const room = await Room.start(gateway.url, "c1", [
    { id: "e1", token: gateway.token("c1", "expert", { id: "e1" }) },
    { id: "e2", token: gateway.token("c1", "expert", { id: "e2" }) },
    { id: "pat", token: patient },
  ]);
  t.after(() => room.stop());
  await ready();
  for (const kill of kills) {
    await host.call("lobby.return", { participant: "pat" });
    await sleep(300); // what is under way arrives
    const before = await room.fresh();
    for (const victim of kill) victim === "control" ? gateway.kill9("control") : gateway.kill9("worker", victim);
    await sleep(ms);
    const after = await room.fresh();
    assert.equal(packets(after, true) - packets(before, true), 0, `leaked over kill of ${kill.join(" and ")}`);
    assert.ok(packets(after, false) - packets(before, false) > 50, "the others go on");
    await gateway.ready(5000);
    if (kill.includes("control")) host = await join(clinic);
    await host.call("lobby.admit", { participant: "pat" });
    await until("media again", 8000, () => room.flowing(3, 300));
  }
}
