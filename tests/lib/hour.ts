// Records of any length made of real media as it would have been received (tests/record/hour.h).
import { execFileSync } from "node:child_process";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./gateway.ts";

export interface Camera { participant: string; pictures: number; units: number; bytes: number; sha256: string }
export interface Hour { folder: string; id: string; cameras: Camera[] }

export const makeHour = (store: string, ...options: string[]): Hour =>
  JSON.parse(execFileSync(join(ROOT, "build/release/tests/record/hz-record-hour"), [store, ...options], { encoding: "utf8" })) as Hour;

// The recorder's last word: what was "recording" has ended.
export function endRecord(folder: string): void {
  const path = join(folder, "state.json"), state = JSON.parse(readFileSync(path, "utf8"));
  writeFileSync(`${path}.new`, JSON.stringify({ ...state, phase: "ended", changed_ms: Date.now() }));
  renameSync(`${path}.new`, path);
}
