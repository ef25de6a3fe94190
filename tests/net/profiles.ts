// The networks of the benchmark, as lines for hz-link. "down" puts the network on the subscriber's access, "up" on the
// publisher's; the other access is clean.
//
// The delay named is the round trip: half of it each way. Loss is random and independent, each way (reports and
// retransmission requests are lost like media). A rate comes with a queue of 250 ms at that rate, at least 6,000 bytes,
// that drops its tail. Where no rate is named there is none.
import type { Link } from "./lab.ts";

export type Direction = "down" | "up";

export interface Happening { at: number; what: string; lines?: string[]; move?: boolean } // `at`: share of the measured time

export interface Profile {
  name: string;
  text: string;
  start: string[];
  happenings: Happening[];
  blocked?: boolean;
  needs?: number; // seconds that must be measured at least
}

const OUTAGE_MS = 5000;

const queue = (bps: number): string => `rate=${bps} queue=${Math.max(6000, Math.round((bps / 8) * 0.25))}`;
const both = (bps: number, rtt_ms: number, loss: number): string[] => [`set both ${bps ? queue(bps) : "rate=0"} delay=${rtt_ms / 2} loss=${loss}`];

export const PROFILES: Profile[] = [
  {
    name: "rural", text: "600 kb/s up, 2 Mb/s down, RTT 80 ms, 3 % loss", happenings: [],
    start: [`set up ${queue(600_000)} delay=40 loss=3`, `set down ${queue(2_000_000)} delay=40 loss=3`],
  },
  { name: "bad", text: "RTT 300 ms, 10 % loss", start: both(0, 300, 10), happenings: [] },
  {
    name: "step", text: "3 Mb/s, 300 kb/s, 3 Mb/s, RTT 40 ms", start: both(3_000_000, 40, 0), needs: 30,
    happenings: [
      { at: 0.25, what: "narrow", lines: [`set both ${queue(300_000)}`] },
      { at: 0.6, what: "wide", lines: [`set both ${queue(3_000_000)}`] },
    ],
  },
  {
    name: "outage", text: "3 Mb/s, RTT 40 ms, nothing passes for 5 s", start: both(3_000_000, 40, 0), needs: 20,
    happenings: [{ at: 0.3, what: "gone", lines: [`outage both ${OUTAGE_MS}`] }],
  },
  { name: "narrow", text: "64 kb/s, RTT 300 ms, 10 % loss", start: both(64_000, 300, 10), happenings: [] },
  { name: "blocked", text: "only TCP on one port, RTT 40 ms", start: both(0, 40, 0), happenings: [], blocked: true },
  {
    name: "move", text: "the client's address changes, 3 Mb/s, RTT 40 ms", start: both(3_000_000, 40, 0), needs: 20,
    happenings: [{ at: 0.3, what: "moved", move: true }],
  },
  { name: "clean", text: "no impairment", start: both(0, 0, 0), happenings: [] },
];

export const OUTAGE_S = OUTAGE_MS / 1000;

export function happen(link: Link, happening: Happening): void {
  if (happening.lines) link.send(...happening.lines);
  if (happening.move) link.move();
}
