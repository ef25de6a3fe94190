// A clinic and an expert in a call: their gateway, a real Orthanc behind it where a test wants one, and a page for each in one Chromium.
import type { Browser } from "playwright-core";
import { launchViewer } from "./browser.ts";
import { Gateway } from "./gateway.ts";
import { Orthanc } from "./orthanc.ts";
import { at, chromiumPerson, openLink, playwright, seen, tap, type Person } from "./pages.ts";

export interface CallOptions {
  archive?: Buffer[]; // what lies in Orthanc; undefined: there is none
  yaml?: string; // the gateway's, where there is no archive
  phone?: boolean; // the expert's
}

export class Call {
  orthanc?: Orthanc;
  gateway!: Gateway;
  chromium!: Browser;
  clinic!: Person;
  expert!: Person;

  static async start(options: CallOptions = {}): Promise<Call> {
    const call = new Call();
    await call.begin(options).catch(async (error: unknown) => { await call.stop(); throw error; });
    return call;
  }

  private async begin({ archive, yaml, phone }: CallOptions): Promise<void> {
    if (archive) this.orthanc = await Orthanc.started();
    for (const file of archive ?? []) await this.orthanc!.store(file);
    this.gateway = await Gateway.start({ yaml: this.orthanc?.yaml ?? yaml });
    this.chromium = await launchViewer();
    this.clinic = await chromiumPerson(this.chromium, 1, 500);
    this.expert = await chromiumPerson(this.chromium, 2, 800, phone);
    await openLink(this.clinic, this.gateway.link("mdt", "clinic", "County Clinic"));
    await openLink(this.expert, this.gateway.link("mdt", "expert", "Dr Wang"));
    for (const person of [this.clinic, this.expert]) await seen(person.page, "call");
  }

  async stop(): Promise<void> {
    await this.chromium?.close();
    await this.gateway?.stop();
    await this.orthanc?.done();
  }
}

/** A study onto the table, as a person does it: the one that is found first. */
export async function openStudy(person: Person, patient: string): Promise<void> {
  await tap(person.page, "btn-images");
  await playwright(person).fill(at("search-what"), patient);
  await tap(person.page, "search-go");
  await seen(person.page, "study-found");
  await tap(person.page, "study-open");
}
