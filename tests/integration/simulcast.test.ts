// Simulcast and codecs as a receiver sees them: layers by RID, both codecs, a single continuous stream.
// Timed: what arrives in a time
import { test } from "node:test";
import assert from "node:assert/strict";
import { Gateway, sleep } from "../lib/gateway.ts";
import { Room } from "../lib/peer.ts";

for (const codec of ["h264", "vp8"]) {
  test(`three layers by RID, ${codec}: every receiver gets one gapless stream from a keyframe`, async () => {
    const gateway = await Gateway.start();
    const members = ["a", "b"].map((id) => ({ id, token: gateway.token("sim", "expert", { id, grant: "create" }) }));
    const room = await Room.start(gateway.url, "sim", members, ["--layers", "3", "--codec", codec]);
    try {
      await sleep(3000);
      await room.fresh();
      for (const sink of room.sinks()) {
        assert.equal(sink.lost, 0, JSON.stringify(sink));
        assert.equal(sink.bad, 0);
      }
      assert.ok(room.flowing(2, 200));
      const publisher = room.last?.peers.find((p) => p.name === "a");
      const video = room.receivers()[0]?.sinks.find((s) => s.keyframes > 0);
      assert.ok(publisher && video && video.packets * 2 < publisher.sent, "one layer of three is forwarded");
    } finally {
      await room.stop();
      await gateway.stop();
    }
  });
}
