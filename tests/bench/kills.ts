// ./dev bench kills [--kills=100] [--seed=N]: recorded consults whose processes are killed at random. JSON: build/bench/kills.json
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../lib/gateway.ts";
import { Massacre, told } from "../lib/kills.ts";

const option = (name: string, fallback: number): number => Number(process.argv.find((a) => a.startsWith(`--${name}=`))?.slice(name.length + 3) ?? fallback);
const kills = option("kills", process.argv.includes("--quick") ? 10 : 100), each = 10;

const massacre = await Massacre.start(option("seed", Date.now() % 100000));
try {
  for (let done = 0; done < kills; done += each) {
    await massacre.consult(done / each, Math.min(each, kills - done));
    process.stdout.write(`${Math.min(kills, done + each)} of ${kills}: ${Object.entries(massacre.kills).map(([kind, n]) => `${kind} ${n}`).join(", ")}\n`);
  }
  const outcome = await massacre.outcome(), good = outcome.worstMs <= 1000 && outcome.faults.length === 0;
  process.stdout.write(`${told(outcome)}\n${outcome.faults.join("\n")}\n`);
  process.stdout.write(`${good ? "holds" : "MISSES"}  1 ${kills} kills: at most 1 s lost (${outcome.worstMs.toFixed(0)} ms), every file plays (${outcome.files} files), finalised without a hand (${outcome.records} records)\n`);
  mkdirSync(join(ROOT, "build/bench"), { recursive: true });
  writeFileSync(join(ROOT, "build/bench/kills.json"), JSON.stringify({ made: new Date().toISOString(), ...outcome }, null, 2) + "\n");
} finally { await massacre.stop(); }
