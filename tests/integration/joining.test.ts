// Joining on a bad network: joins that arrive behind a newer one, joins whose answer was lost.
import { test } from "node:test";
import assert from "node:assert/strict";
import { Gateway, until } from "../lib/gateway.ts";
import { RpcClient, errorCode } from "../lib/rpc.ts";

const KEY = "k".repeat(32);
const client = { name: "test", version: "1" };

test("a join on a socket that was given up, delivered behind the newer one's: the newer one has the call", { timeout: 60000 }, async (t) => {
  const gateway = await Gateway.start();
  t.after(() => gateway.stop());
  const token = gateway.token("c1", "clinic", { id: "county", grant: "create" });
  for (const late of [{ token, new_key: KEY }, { token }, { resume_key: KEY }]) {
    const givenUp = await RpcClient.connect(gateway.url);
    const { client: inside, result } = await RpcClient.join(gateway.url, { token, new_key: KEY });
    await assert.rejects(givenUp.call("join", { client, language: "en", ...late }), /closed 4001/);
    await inside.call("hand", { raised: true });
    assert.equal(inside.closeCode, undefined);
    assert.equal(inside.pushes.filter((p) => p.method === "end").length, 0);
    assert.equal(result["resume_key"], KEY);
    await inside.call("leave", {});
    await until("left", 5000, () => inside.closeCode !== undefined);
  }
});

test("a single-use token whose answer was lost lets its own client in again, over kill -9 of control, and nobody else", { timeout: 60000 }, async (t) => {
  const gateway = await Gateway.start();
  t.after(() => gateway.stop());
  const host = (await RpcClient.join(gateway.url, { token: gateway.token("c1", "clinic", { id: "host", grant: "create" }) })).client;
  const token = gateway.token("c1", "expert", { id: "once", once: true });
  const first = await RpcClient.join(gateway.url, { token, new_key: KEY });
  first.client.socket.terminate(); // the client never saw the answer
  gateway.kill9("control");
  await gateway.ready(5000);
  const again = await RpcClient.join(gateway.url, { token, new_key: KEY });
  assert.deepEqual([again.result["resumed"], again.result["session"]], [true, first.result["session"]]);
  assert.equal(await errorCode(RpcClient.join(gateway.url, { token })), -32001);
  assert.equal(await errorCode(RpcClient.join(gateway.url, { token, new_key: "o".repeat(32) })), -32001);
  assert.equal(again.client.closeCode, undefined);
  again.client.close();
  host.close();
});
