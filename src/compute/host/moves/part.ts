// What a part of a move is: one piece of work on one host, with its way back. Those of moves of servers that are off are in
// parts.ts, those of servers that run on in live-parts.ts.
import type { MovePartArgs } from '../../move-parts-rpc.ts';
import type { InstanceEntry } from '../../rpc.ts';
import type { BlockDeviceRow, Vif } from '../../tables.ts';
import type { HostDeps } from '../deps.ts';

export type Evidence = Readonly<Record<string, unknown>>;

export interface MovePart {
  readonly do: (deps: HostDeps, args: MovePartArgs) => Promise<Evidence>;
  /** Works when `do` never began. Absent: what `do` made goes with an earlier part's. */
  readonly undo?: (deps: HostDeps, args: MovePartArgs) => Promise<void>;
}

export const vifsOf = (entry: InstanceEntry): Vif[] => JSON.parse(entry.vifs_json) as Vif[];

export const volumesOf = (entry: InstanceEntry): BlockDeviceRow[] =>
  entry.devices.filter((device) => device.destination_type === 'volume' && device.volume_id !== null);
