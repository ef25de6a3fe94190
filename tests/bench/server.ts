// What the benchmarks ask of a server under test. Endpoints are hz-load's, by number.
import type { Joined, Load, Stage } from "./load.ts";

export interface Server {
  readonly name: string;
  pids(): number[];
  // A new room with a publisher of audio and video.
  publish(load: Load, room: string, id: string, endpoint: number): Promise<Joined>;
  // Audio and video of a publisher; resolves at that stage.
  subscribe(load: Load, room: string, source: string, id: string, endpoint: number, wait: Stage): Promise<Joined>;
  // Everybody publishes and sees everybody else. Endpoints from `first` on; returns how many were taken.
  consult(load: Load, room: string, ids: string[], first: number): Promise<number>;
  leave(load: Load, endpoint: number): Promise<void>; // tells the server, closes the endpoint
  stop(): Promise<void>;
}
