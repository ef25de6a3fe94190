// A clinic without a PACS: files of a patient's CD and a photo are chosen in the call; each says what came of it, the study lies on the
// table, and the pixels that both see are exact.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Call } from "../lib/call.ts";
import { dicomFile, samplesOf, type Shape } from "../lib/dicom-make.ts";
import { until } from "../lib/gateway.ts";
import { hasOrthanc } from "../lib/orthanc.ts";
import { at, playwright, run, seen, shot, tap, type Person } from "../lib/pages.ts";

const SHAPE: Shape = { rows: 96, columns: 96, samples: 1, stored: 12, signed: false }, STUDY = "2.25.815";
let call: Call, clinic: Person, expert: Person, folder: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "hz-uploads-"));
  call = await Call.start(hasOrthanc() ? { archive: [] } : { yaml: "imaging:\n  enabled: true\n" });
  ({ clinic, expert } = call);
});
after(async () => {
  await call?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("a CD's files are chosen: what can be shown lies on the table, the rest says why not", { timeout: 60000 }, async () => {
  const page = playwright(clinic), files: string[] = [];
  for (let n = 1; n <= 3; n++) {
    const file = dicomFile({ shape: SHAPE, pixels: samplesOf(SHAPE, n) }, { study: STUDY, series: `${STUDY}.1`, instance: `${STUDY}.1.${n}`, number: n });
    files.push(join(folder, `ZHANG_SAN_${n}.dcm`));
    writeFileSync(files[n - 1]!, n === 3 ? file.subarray(0, file.length - 100) : file);
  }
  files.push(join(folder, "AUTORUN.INF"), join(folder, "IMG_0001.HEIC"));
  writeFileSync(files[3]!, "[autorun]\r\nopen=viewer.exe\r\n");
  writeFileSync(files[4]!, Buffer.from("000000186674797068656963000000006d69663168656963", "hex"));
  await tap(page, "btn-images");
  await seen(page, "images-drop");
  await page.setInputFiles(at("drop-files"), files);
  await until("all were sent", 20000, () => run<boolean>(page, `document.querySelector('${at("drop-state")}').dataset.over === "true"`));
  for (const result of ["damaged", "not_dicom", "heic"]) assert.match(await run<string>(page, `document.querySelector('${at(`drop-${result}`)}').textContent`), /^1/);
  for (const p of [clinic, expert]) {
    await seen(p.page, "images-stage", 20000);
    await until("the exact image", 20000, () => run<boolean>(p.page, `document.querySelector('${at("pane-0")}')?.dataset.exact === "true"`));
  }
  await shot(clinic, "call-images-drop");
  assert.ok(!/ZHANG|AUTORUN|IMG_0001/.test(call.gateway.log()), "the name of a file in the log");
});

test("the study is sent to the PACS by a button, which says what became of it", { timeout: 60000, skip: hasOrthanc() ? false : "no Orthanc" }, async () => {
  const page = playwright(clinic), state = `document.querySelector('${at("forward-state")}')`;
  await seen(page, "forward-send");
  await tap(page, "forward-send");
  await until("it is there", 30000, () => run<boolean>(page, `${state}?.dataset.state === "forwarded"`));
  assert.match(await run<string>(page, `${state}.textContent`), /2/);
  assert.equal(await run<boolean>(page, `document.querySelector('${at("forward-send")}') === null`), true, "nothing is left to send");
  assert.ok(await call.orthanc?.file(`${STUDY}.1.1`));
  await shot(clinic, "call-images-forward");
});
