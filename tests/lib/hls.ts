// A validator of HLS playlists by draft-pantos-hls-rfc8216bis: one version by itself, a version against the one before it, and
// the renditions of a programme against each other. Returns what is wrong, each with the section that says so.

export interface Part { duration: number; uri: string; independent: boolean; gap: boolean }
export interface Segment {
  sequence: number; discontinuity: number; // their numbers
  duration: number; uri: string | null;    // null: only its parts are there yet
  map: string | null; dateMs: number | null; gap: boolean; parts: Part[];
}
export interface Media {
  targetDuration: number; partTarget: number; partHoldBack: number; canBlockReload: boolean; version: number;
  sequence: number; discontinuitySequence: number; independent: boolean; ended: boolean; hint: string | null;
  segments: Segment[]; errors: string[];
}

const ATTRIBUTE = /([A-Z0-9-]+)=("[^"\r\n]*"|[^",\s]+)(?:,|$)/y;

export function attributes(text: string, errors: string[]): Map<string, string> {
  const out = new Map<string, string>();
  ATTRIBUTE.lastIndex = 0;
  while (ATTRIBUTE.lastIndex < text.length) {
    const match = ATTRIBUTE.exec(text);
    if (!match) {
      errors.push(`4.2: not an attribute list: ${text}`);
      break;
    }
    if (out.has(match[1]!)) errors.push(`4.2: ${match[1]} twice: ${text}`);
    out.set(match[1]!, match[2]!);
  }
  return out;
}

function decimal(text: string | undefined, what: string, errors: string[]): number {
  if (text === undefined || !/^\d+(\.\d+)?$/.test(text)) errors.push(`4.2: ${what} is not a number: ${text}`);
  return Number(text);
}

function quoted(text: string | undefined, what: string, errors: string[]): string {
  if (!text?.startsWith("\"")) errors.push(`4.2: ${what} is not quoted: ${text}`);
  return text?.slice(1, -1) ?? "";
}

const ONCE = new Set(["#EXT-X-VERSION", "#EXT-X-TARGETDURATION", "#EXT-X-MEDIA-SEQUENCE", "#EXT-X-DISCONTINUITY-SEQUENCE",
  "#EXT-X-ENDLIST", "#EXT-X-SERVER-CONTROL", "#EXT-X-PART-INF", "#EXT-X-INDEPENDENT-SEGMENTS"]);

class Reader {
  readonly media: Media = {
    targetDuration: 0, partTarget: 0, partHoldBack: 0, canBlockReload: false, version: 1, sequence: 0, discontinuitySequence: 0,
    independent: false, ended: false, hint: null, segments: [], errors: [],
  };
  readonly #seen = new Set<string>();
  #segment: Segment | null = null;
  #map: string | null = null;
  #discontinuity = 0;
  #inf = false;

  #open(): Segment {
    this.#segment ??= {
      sequence: this.media.sequence + this.media.segments.length, discontinuity: this.#discontinuity,
      duration: 0, uri: null, map: this.#map, dateMs: null, gap: false, parts: [],
    };
    return this.#segment;
  }

  line(line: string): void {
    const { media } = this, { errors } = media;
    if (/[\u0000-\u001f\u007f]/.test(line)) errors.push(`4.1: control character: ${JSON.stringify(line)}`);
    if (line === "") return;
    if (!line.startsWith("#")) {
      this.#uri(line);
      return;
    }
    const colon = line.indexOf(":");
    const tag = colon < 0 ? line : line.slice(0, colon), value = colon < 0 ? "" : line.slice(colon + 1);
    if (ONCE.has(tag) && this.#seen.has(tag)) errors.push(`4.4: ${tag} twice`);
    this.#seen.add(tag);
    this.#tag(tag, value);
  }

  #uri(line: string): void {
    const segment = this.#open();
    if (!this.#inf) this.media.errors.push(`4.4.4.1: no EXTINF before ${line}`);
    segment.uri = line;
    this.media.segments.push(segment);
    this.#segment = null;
    this.#inf = false;
  }

  #tag(tag: string, value: string): void {
    const { media } = this, { errors } = media;
    switch (tag) {
      case "#EXTM3U": return;
      case "#EXT-X-VERSION": media.version = decimal(value, tag, errors); return;
      case "#EXT-X-TARGETDURATION": media.targetDuration = decimal(value, tag, errors); return;
      case "#EXT-X-MEDIA-SEQUENCE":
        if (media.segments.length || this.#segment) errors.push("4.4.3.2: EXT-X-MEDIA-SEQUENCE behind a segment");
        media.sequence = decimal(value, tag, errors);
        return;
      case "#EXT-X-DISCONTINUITY-SEQUENCE":
        if (media.segments.length || this.#segment) errors.push("4.4.3.3: EXT-X-DISCONTINUITY-SEQUENCE behind a segment");
        media.discontinuitySequence = this.#discontinuity = decimal(value, tag, errors);
        return;
      case "#EXT-X-INDEPENDENT-SEGMENTS": media.independent = true; return;
      case "#EXT-X-ENDLIST": media.ended = true; return;
      case "#EXT-X-PART-INF": media.partTarget = decimal(attributes(value, errors).get("PART-TARGET"), "PART-TARGET", errors); return;
      case "#EXT-X-SERVER-CONTROL": this.#control(attributes(value, errors)); return;
      case "#EXT-X-PRELOAD-HINT": this.#hint(attributes(value, errors)); return;
      case "#EXT-X-RENDITION-REPORT": quoted(attributes(value, errors).get("URI"), "URI", errors); return;
      default: this.#segmentTag(tag, value);
    }
  }

  #segmentTag(tag: string, value: string): void {
    const { errors } = this.media;
    switch (tag) {
      case "#EXTINF": {
        const match = /^(\d+(?:\.\d+)?),/.exec(value);
        this.#open().duration = decimal(match?.[1], "EXTINF", errors);
        this.#inf = true;
        return;
      }
      case "#EXT-X-DISCONTINUITY":
        if (this.#segment) errors.push("4.4.4.9: EXT-X-DISCONTINUITY behind a part of its segment");
        this.#discontinuity++;
        return;
      case "#EXT-X-MAP":
        if (this.#segment?.parts.length) errors.push("4.4.4.9: EXT-X-MAP behind a part of its segment");
        this.#map = quoted(attributes(value, errors).get("URI"), "URI", errors);
        if (this.#segment) this.#segment.map = this.#map;
        return;
      case "#EXT-X-PROGRAM-DATE-TIME": {
        const segment = this.#open();
        if (segment.parts.length) errors.push("4.4.4.9: EXT-X-PROGRAM-DATE-TIME behind a part of its segment");
        if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)$/.test(value)) errors.push(`4.4.4.6: date ${value}`);
        segment.dateMs = Date.parse(value);
        return;
      }
      case "#EXT-X-GAP": this.#open().gap = true; return;
      case "#EXT-X-PART": this.#part(attributes(value, errors)); return;
      default: if (tag.startsWith("#EXT")) errors.push(`unknown tag ${tag}`);
    }
  }

  #control(list: Map<string, string>): void {
    const { errors } = this.media;
    const reload = list.get("CAN-BLOCK-RELOAD");
    if (reload !== undefined && reload !== "YES") errors.push(`4.4.3.8: CAN-BLOCK-RELOAD=${reload}`);
    this.media.canBlockReload = reload === "YES";
    this.media.partHoldBack = decimal(list.get("PART-HOLD-BACK"), "PART-HOLD-BACK", errors);
  }

  #hint(list: Map<string, string>): void {
    const { errors } = this.media;
    if (this.media.hint !== null) errors.push("4.4.5.3: two hints");
    if (!["PART", "MAP"].includes(list.get("TYPE") ?? "")) errors.push(`4.4.5.3: TYPE=${list.get("TYPE")}`);
    this.media.hint = quoted(list.get("URI"), "URI", errors);
  }

  #part(list: Map<string, string>): void {
    const { errors } = this.media;
    for (const key of ["INDEPENDENT", "GAP"])
      if (list.has(key) && list.get(key) !== "YES") errors.push(`4.4.4.9: ${key}=${list.get(key)}`);
    if (this.#inf) errors.push("4.4.4.9: a part behind the EXTINF of its segment");
    this.#open().parts.push({
      duration: decimal(list.get("DURATION"), "DURATION", errors), uri: quoted(list.get("URI"), "URI", errors),
      independent: list.has("INDEPENDENT"), gap: list.has("GAP"),
    });
  }

  end(): Media {
    const { media } = this;
    if (this.#segment) media.segments.push(this.#segment);
    if (this.#inf) media.errors.push("4.4.4.1: EXTINF without a URI");
    for (const tag of ["#EXTM3U", "#EXT-X-TARGETDURATION"])
      if (!this.#seen.has(tag)) media.errors.push(`4.4: no ${tag}`);
    return media;
  }
}

function checkParts(media: Media, segment: Segment): void {
  const { errors } = media;
  let sum = 0;
  segment.parts.forEach((part, i) => {
    sum += part.duration;
    const where = `${part.uri} of ${part.duration} s`;
    if (part.duration > media.partTarget) errors.push(`4.4.4.9: ${where} is longer than ${media.partTarget}`);
    const next = segment.parts[i + 1];
    const exempt = part.independent || part.gap || next?.gap || !next;
    if (!exempt && part.duration < 0.85 * media.partTarget) errors.push(`4.4.4.9: ${where} is shorter than 85 %`);
    if (segment.gap && !part.gap) errors.push(`4.4.4.7: ${where} is said to be there, its segment not`);
  });
  if (segment.uri && segment.parts.length && Math.abs(sum - segment.duration) > 0.001)
    errors.push(`4.4.4.9: parts of ${segment.uri} are ${sum} s, it is ${segment.duration} s`);
  const first = segment.parts[0];
  if (media.independent && first && !first.gap && !first.independent && !segment.gap)
    errors.push(`4.4.2.1: ${first.uri} does not begin independently`);
}

// One version by itself.
export function parse(text: string): Media {
  const reader = new Reader();
  if (!text.startsWith("#EXTM3U\n")) reader.media.errors.push("4.4.1.1: EXTM3U is not the first line");
  if (!text.endsWith("\n")) reader.media.errors.push("4.1: the last line does not end");
  for (const line of text.split("\n")) reader.line(line);
  const media = reader.end(), { errors } = media;
  if (media.segments.some((s) => s.map !== null) && media.version < 6) errors.push("8: EXT-X-MAP needs version 6");
  const hasParts = media.segments.some((s) => s.parts.length);
  if (hasParts && !media.partTarget) errors.push("4.4.3.7: parts without EXT-X-PART-INF");
  if (media.partTarget && media.partHoldBack < 2 * media.partTarget) errors.push(`4.4.3.8: PART-HOLD-BACK ${media.partHoldBack}`);
  if (media.hint !== null && media.ended) errors.push("4.4.5.3: a hint and EXT-X-ENDLIST");
  media.segments.forEach((segment, i) => {
    const before = media.segments[i - 1];
    if (segment.uri && Math.round(segment.duration) > media.targetDuration)
      errors.push(`4.4.3.1: ${segment.uri} of ${segment.duration} s`);
    if (!segment.uri && i !== media.segments.length - 1) errors.push("4.4.4: a segment without a URI");
    if (!segment.gap && segment.uri && segment.map === null) errors.push(`4.4.4.5: no EXT-X-MAP for ${segment.uri}`);
    if (before && before.dateMs !== null && segment.dateMs !== null &&
      Math.abs(before.dateMs + before.duration * 1000 - segment.dateMs) > 2)
      errors.push(`6.2.1: dates of ${before.uri} and ${segment.uri} do not agree`);
    checkParts(media, segment);
  });
  return media;
}

// 6.2.1: what may change from one version to the next. `cut`: segments may have become gaps meanwhile.
export function compare(before: Media, after: Media, cut = false): string[] {
  const errors: string[] = [];
  if (before.ended) errors.push("6.2.1: changed behind EXT-X-ENDLIST");
  for (const key of ["targetDuration", "partTarget", "version", "independent", "canBlockReload", "partHoldBack"] as const)
    if (before[key] !== after[key]) errors.push(`6.2.1: ${key} was ${before[key]}, is ${after[key]}`);
  if (after.sequence < before.sequence) errors.push("6.2.2: EXT-X-MEDIA-SEQUENCE went back");
  const end = before.sequence + before.segments.length;
  if (after.sequence > end) errors.push("6.2.2: segments were left out");
  if (after.sequence > before.sequence && !after.ended) {
    const whole = after.segments.reduce((sum, s) => sum + s.duration, 0);
    if (whole < 3 * after.targetDuration) errors.push(`6.2.2: ${whole} s are left`);
  }
  const first = before.segments[after.sequence - before.sequence];
  if (first && after.segments[0] && first.discontinuity !== after.segments[0].discontinuity)
    errors.push("6.2.2: the discontinuity number of the first segment has changed");
  for (const old of before.segments) {
    const now = after.segments[old.sequence - after.sequence];
    if (old.sequence >= after.sequence) errors.push(...same(old, now, cut));
  }
  return errors;
}

function same(old: Segment, now: Segment | undefined, cut: boolean): string[] {
  if (!now) return [`6.2.1: segment ${old.sequence} is gone`];
  const errors: string[] = [], gone = cut && now.gap;
  if (old.uri && now.uri !== old.uri) errors.push(`6.2.1: ${old.uri} became ${now.uri}`);
  if (old.uri && now.duration !== old.duration) errors.push(`6.2.1: ${old.uri} changed its duration`);
  if (now.discontinuity !== old.discontinuity) errors.push(`6.2.1: ${old.sequence} changed its discontinuity number`);
  if (now.dateMs !== old.dateMs) errors.push(`6.2.1: ${old.sequence} changed its date`);
  if (now.map !== old.map && !now.gap && !old.gap) errors.push(`6.2.1: ${old.sequence} changed its map`);
  if (old.uri && now.gap !== old.gap && !cut) errors.push(`6.2.1: ${old.uri} became a gap`);
  if (!now.parts.length && old.parts.length && old.uri) return errors; // too old for parts
  old.parts.forEach((part, i) => {
    const p = now.parts[i];
    if (now.parts.length && (!p || p.uri !== part.uri || p.duration !== part.duration)) errors.push(`6.2.1: ${part.uri} has changed`);
    if (p && p.gap !== part.gap && !gone && !cut) errors.push(`6.2.1: ${part.uri} became a gap`);
  });
  return errors;
}

// 6.2.4: what the renditions of one programme must share.
export function together(renditions: Media[]): string[] {
  const errors: string[] = [];
  const [first, ...rest] = renditions;
  for (const other of rest) {
    if (other.targetDuration !== first!.targetDuration) errors.push("6.2.4: target durations differ");
    for (const segment of other.segments) {
      const match = first!.segments[segment.sequence - first!.sequence];
      if (!match?.uri || !segment.uri) continue;
      if (match.discontinuity !== segment.discontinuity) errors.push(`6.2.4: discontinuity numbers of ${segment.sequence} differ`);
      if (Math.abs((match.dateMs ?? 0) - (segment.dateMs ?? 0)) > 100) errors.push(`6.2.4: dates of ${segment.sequence} differ`);
    }
  }
  return errors;
}

export interface Variant { bandwidth: number; codecs: string; resolution: string; frameRate: number; uri: string; audio: string }

// The multivariant playlist (4.4.6).
export function parseMaster(text: string): { variants: Variant[]; sounds: string[]; errors: string[] } {
  const errors: string[] = [], variants: Variant[] = [], sounds: string[] = [], groups = new Set<string>(), names = new Set<string>();
  const lines = text.split("\n");
  if (lines[0] !== "#EXTM3U") errors.push("4.4.1.1: EXTM3U is not the first line");
  lines.forEach((line, i) => {
    if (line.startsWith("#EXT-X-MEDIA:")) {
      const list = attributes(line.slice(13), errors), name = quoted(list.get("NAME"), "NAME", errors);
      groups.add(quoted(list.get("GROUP-ID"), "GROUP-ID", errors));
      if (names.has(name)) errors.push(`4.4.6.1.1: two of the name ${name}`);
      names.add(name);
      sounds.push(quoted(list.get("URI"), "URI", errors));
    } else if (line.startsWith("#EXT-X-STREAM-INF:")) {
      const list = attributes(line.slice(18), errors), uri = lines[i + 1] ?? "";
      if (!uri || uri.startsWith("#")) errors.push("4.4.6.2: EXT-X-STREAM-INF without a URI");
      variants.push({
        bandwidth: decimal(list.get("BANDWIDTH"), "BANDWIDTH", errors), codecs: quoted(list.get("CODECS"), "CODECS", errors),
        resolution: list.get("RESOLUTION") ?? "", frameRate: decimal(list.get("FRAME-RATE"), "FRAME-RATE", errors), uri,
        audio: list.has("AUDIO") ? quoted(list.get("AUDIO"), "AUDIO", errors) : "",
      });
    }
  });
  for (const variant of variants)
    if (variant.audio && !groups.has(variant.audio)) errors.push(`4.4.6.2: no group ${variant.audio}`);
  if (!variants.length) errors.push("4.4.6.2: no variant");
  return { variants, sounds, errors };
}
