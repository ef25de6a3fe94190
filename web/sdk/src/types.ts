// Shorter names for parts of the generated protocol types.
import type { ClientReport, LadderPush, SubscribeParams } from './protocol';

export type SubscribeItem = SubscribeParams['items'][number];
export type Quality = NonNullable<SubscribeItem['quality']>;
export type Priority = NonNullable<SubscribeItem['priority']>;
export type StatsReport = ClientReport;
export type LadderItem = LadderPush['items'][number];
