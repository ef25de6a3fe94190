// Real media and the lobby: not a packet to or from somebody in it, whoever dies meanwhile.
import { test } from "node:test";
import assert from "node:assert/strict";
import { Gateway, sleep, until } from "../lib/gateway.ts";
import { RpcClient, errorCode } from "../lib/rpc.ts";
import { Room, type Report } from "../lib/peer.ts";

const packets = (report: Report, patient: boolean): number =>
  report.peers.filter((p) => p.name.includes("<") && p.name.includes("pat") === patient).flatMap((p) => p.sinks).reduce((n, s) => n + s.packets, 0);

test("a patient sent back to the lobby neither hears nor is heard, over kills of worker and control", { timeout: 120000 }, async (t) => {
  const gateway = await Gateway.start();
  t.after(() => gateway.stop());
  const join = async (token: string): Promise<RpcClient> => (await RpcClient.join(gateway.url, { token })).client;
  const patient = gateway.token("c1", "patient", { id: "pat" });
  let host = await join(gateway.token("c1", "clinic", { id: "host" }));
  await join(patient);
  await host.call("lobby.admit", { participant: "pat" });
  const room = await Room.start(gateway.url, "c1", [
    { id: "e1", token: gateway.token("c1", "expert", { id: "e1" }) },
    { id: "e2", token: gateway.token("c1", "expert", { id: "e2" }) },
    { id: "pat", token: patient },
  ]);
  t.after(() => room.stop());
  for (const kill of [[], ["worker"], ["control"], ["worker", "control"]] as ("worker" | "control")[][]) {
    await host.call("lobby.return", { participant: "pat" });
    await sleep(300); // what is under way arrives
    const before = await room.fresh();
    for (const kind of kill) gateway.kill9(kind);
    await sleep(2000);
    const after = await room.fresh();
    assert.equal(packets(after, true) - packets(before, true), 0, `leaked over kill of ${kill.join(" and ")}`);
    assert.ok(packets(after, false) - packets(before, false) > 50, "the others go on");
    await gateway.ready(5000);
    if (kill.includes("control")) host = await join(gateway.token("c1", "clinic", { id: "host" }));
    await host.call("lobby.admit", { participant: "pat" });
    await until("media again", 8000, () => room.flowing(3, 300));
  }
});

test("control killed right after removing and sending back: nobody is back in", { timeout: 60000 }, async (t) => {
  const gateway = await Gateway.start();
  t.after(() => gateway.stop());
  for (let i = 0; i < 4; i++) {
    const join = (role: string, id: string) => RpcClient.join(gateway.url, { token: gateway.token("c1", role, { id }) });
    const host = (await join("clinic", "host")).client;
    const expert = await join("expert", `e${i}`);
    const patient = await join("patient", `p${i}`);
    await host.call("lobby.admit", { participant: `p${i}` });
    await Promise.all([host.call("participant.remove", { participant: `e${i}`, reason: "" }), host.call("lobby.return", { participant: `p${i}` })]);
    gateway.kill9("control");
    await sleep(100);
    await gateway.ready(5000);
    assert.equal(await errorCode(RpcClient.join(gateway.url, { resume_key: expert.result["resume_key"] })), -32001);
    const back = await RpcClient.join(gateway.url, { resume_key: patient.result["resume_key"] });
    assert.equal(back.client.state?.you.status, "lobby");
    back.client.close();
  }
});
