// Shorter names for parts of the generated protocol types.
import type { ClientReport, SubscribeParams } from './protocol';

export type SubscribeItem = SubscribeParams['items'][number];
export type Quality = NonNullable<SubscribeItem['quality']>;
export type StatsReport = Required<ClientReport>;
