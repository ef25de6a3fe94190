// The validator of playlists itself: each way in which a playlist can be wrong is found.
import { test } from "node:test";
import assert from "node:assert/strict";
import { compare, parse, together } from "../lib/hls.ts";

// A validator that finds nothing proves nothing.
test("the validator finds what is wrong", () => {
  const good = ["#EXTM3U", "#EXT-X-VERSION:9", "#EXT-X-TARGETDURATION:4", "#EXT-X-SERVER-CONTROL:PART-HOLD-BACK=1.34",
    "#EXT-X-PART-INF:PART-TARGET=0.334", "#EXT-X-MEDIA-SEQUENCE:5", "#EXT-X-DISCONTINUITY-SEQUENCE:2", "#EXT-X-INDEPENDENT-SEGMENTS",
    "#EXT-X-MAP:URI=\"init1.mp4\"", "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z", "#EXTINF:4.000,", "5.m4s",
    "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:04.000Z", "#EXTINF:4.000,", "6.m4s",
    "#EXT-X-DISCONTINUITY", "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:08.000Z", "#EXTINF:4.000,", "7.m4s",
    "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:12.000Z", "#EXT-X-PART:DURATION=0.320,URI=\"8.0.m4s\",INDEPENDENT=YES",
    "#EXT-X-PART:DURATION=0.320,URI=\"8.1.m4s\"", "#EXT-X-PART:DURATION=0.320,URI=\"8.2.m4s\"", ""].join("\n");
  const before = parse(good);
  assert.deepEqual(before.errors, []);
  assert.deepEqual(compare(before, before), []);
  const alone: [string, string][] = [
    ["TARGETDURATION:4", "TARGETDURATION:3"], ["#EXTM3U\n", ""], ["VERSION:9", "VERSION:5"], ["#EXTINF:4.000,\n6", "6"],
    ["URI=\"8.1.m4s\"", "URI=8.1.m4s"], ["DURATION=0.320,URI=\"8.1", "DURATION=0.400,URI=\"8.1"], ["#EXT-X-MAP:URI=\"init1.mp4\"\n", ""],
    ["DURATION=0.320,URI=\"8.1", "DURATION=0.200,URI=\"8.1"], ["00:00:08.000Z", "00:00:09.000Z"], [",INDEPENDENT=YES", ""],
    ["#EXT-X-PART-INF:PART-TARGET=0.334\n", ""], ["HOLD-BACK=1.34", "HOLD-BACK=0.34"], ["CONTROL:", "CONTROL:CAN-BLOCK-RELOAD=NO,"],
    ["#EXTINF:4.000,\n7", "#EXT-X-PART:DURATION=0.320,URI=\"7.0.m4s\",INDEPENDENT=YES\n#EXTINF:4.000,\n7"],
  ];
  for (const [from, to] of alone) assert.notEqual(parse(good.replace(from, to)).errors.length, 0, `${from} -> ${to}`);
  const changed: [string, string][] = [
    ["SEQUENCE:5", "SEQUENCE:4"], ["SEQUENCE:5", "SEQUENCE:6"], ["SEQUENCE:2", "SEQUENCE:3"], ["6.m4s", "66.m4s"], ["#EXT-X-DISCONTINUITY\n", ""],
    ["#EXTINF:4.000,\n7", "#EXT-X-GAP\n#EXTINF:4.000,\n7"], ["#EXT-X-PART:DURATION=0.320,URI=\"8.2.m4s\"\n", ""],
    ["8.1.m4s\"", "8.1.m4s\",GAP=YES"], ["init1", "init2"], ["#EXT-X-INDEPENDENT-SEGMENTS\n", ""], ["0.334", "0.333"],
  ];
  for (const [from, to] of changed) assert.notEqual(compare(before, parse(good.replace(from, to))).length, 0, `${from} -> ${to}`);
  assert.notEqual(together([before, parse(good.replace("SEQUENCE:2", "SEQUENCE:3"))]).length, 0);
});
