// From a journal to a real Orthanc and back: what comes back has the NAL units that were received, and nothing else.
import { test } from "node:test";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freeTcpPort, sleep, until } from "../lib/gateway.ts";
import { Archive } from "../lib/archive.ts";
import { dicomErrors, mp4Of, unitsOf } from "../lib/dicom.ts";
import { endRecord, makeHour } from "../lib/hour.ts";
import { Orthanc } from "../lib/orthanc.ts";


test("a room that ends is in the PACS by itself, with the NAL units that were received", async () => {
  const orthanc = new Orthanc(await freeTcpPort());
  const archive = new Archive({ HUIZHEN_RECORD_PACS_URL: orthanc.url, HUIZHEN_RECORD_PACS_USER: "huizhen", HUIZHEN_RECORD_PACS_PASSWORD: "secret" });
  try {
    const room = makeHour(archive.store, "--minutes", "1.5", "--publishers", "2", "--kbps", "400", "--recording");
    await orthanc.start();
    archive.start();
    await sleep(1000);
    endRecord(room.folder);
    await until("delivered", 60000, () => (JSON.parse(readFileSync(join(room.folder, "state.json"), "utf8")) as { phase: string }).phase === "delivered");
    const index = JSON.parse(readFileSync(join(room.folder, "dicom/index.json"), "utf8")) as
      { study: string; instances: { path: string; file: string; series: string; instance: string; sha256: string }[]; refused: unknown[] };
    assert.equal(index.instances.length, 2);
    assert.deepEqual(index.refused, []);
    assert.equal((await orthanc.instances()).length, 2);
    for (const one of index.instances) {
      const object = await orthanc.wado(index.study, one.series, one.instance), mp4 = join(archive.data, "retrieved.mp4");
      assert.equal(createHash("sha256").update(object).digest("hex"), one.sha256);
      writeFileSync(mp4, mp4Of(object));
      const { participant, pictures, ...sent } = room.cameras.find((c) => one.file.includes(`/${c.participant}.`))!;
      assert.deepEqual(await unitsOf(mp4), sent, participant);
      assert.ok(sent.units > pictures);
      assert.deepEqual(dicomErrors(join(room.folder, one.path)), []);
    }
  } finally {
    await archive.done();
    await orthanc.done();
  }
});
