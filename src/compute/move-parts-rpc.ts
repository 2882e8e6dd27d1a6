// What the agent that runs a move asks of the other host: a queue of its own, and its contract.
import type { GuestSpec } from '#drivers/libvirt/port.ts';
import type { ActionRef, ConnectedVolume, InstanceEntry } from './rpc.ts';

/** What the agent on `host` does for moves that another one runs: a queue of its own, or two full hosts would wait for each other. */
export const movePartsQueue = (host: string): string => `compute.${host}.moves`;

export type MovePartName =
  | 'guest.stop'
  | 'volume.release'
  | 'disk.keep'
  | 'disk.prepare'
  | 'disk.drop'
  | 'disk.restore'
  | 'network.plug'
  | 'volume.connect'
  | 'spawn'
  | 'activate'
  | 'disk.receive'
  | 'volume.join'
  | 'guest.settle';

export interface MovePartArgs extends ActionRef {
  readonly migration_uuid: string;
  /** As it is on the host that is asked, or will be. */
  readonly entry: InstanceEntry;
  /** The server runs there, or will. */
  readonly run: boolean;
  /** The guest is asked to power off first. */
  readonly graceful: boolean;
  /** It goes nowhere else. */
  readonly same_host: boolean;
  /** It runs on all along: what is made for it on a host where its guest is by now is not taken away again. */
  readonly live?: true;
  /** Bytes that the guest sees of its root disk, for a host that is to have an empty one like it. */
  readonly root_bytes?: number;
}

/** A server as the host that it is to run on will have it. */
export interface ExpectedGuest {
  /** Where the host's hypervisor is reached. */
  readonly address: string;
  readonly spec: GuestSpec;
  /** Targets of the disks that lie on the host and are written to. */
  readonly own_disks: readonly string[];
  readonly volumes: readonly ConnectedVolume[];
}

export type MovePartsRpc = {
  /** One part of a move, for the host that runs the move; with `back` it is undone. */
  runMovePart(args: MovePartArgs & { readonly part: MovePartName; readonly back: boolean }): {
    evidence: Record<string, unknown>;
  };
  /** The server as it is to run here once it has come, its volumes connected. */
  expectGuest(args: MovePartArgs): ExpectedGuest;
  /** Whether servers that run can come here at all, and whether this one has. */
  lookForGuest(args: { readonly instance_id: string }): {
    readonly reachable: boolean;
    readonly here: boolean;
  };
};
