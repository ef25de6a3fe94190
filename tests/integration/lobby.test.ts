// Real media and the lobby: not a packet to or from somebody in it, whoever dies meanwhile.
import { test } from "node:test";
import assert from "node:assert/strict";
import { Gateway, sleep } from "../lib/gateway.ts";
import { outsideOverKills } from "../lib/lobby.ts";
import { RpcClient, errorCode } from "../lib/rpc.ts";

test("a patient sent back to the lobby neither hears nor is heard, over kills of worker and control", { timeout: 120000 }, async (t) => {
  const gateway = await Gateway.start();
  t.after(() => gateway.stop());
  await outsideOverKills(t, gateway, [[], [0], ["control"], [0, "control"]], 2000);
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
