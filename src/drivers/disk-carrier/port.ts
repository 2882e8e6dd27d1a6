// Carries disks of servers from host to host, in our words. The compute agent of the host that a server leaves uses it.
// `local.ts` is for hosts on one machine.

export interface Parcel {
  /** Path of the file on this host; nobody writes to it meanwhile. */
  readonly from: string;
  readonly toHost: string;
  /** Relative to the data directory of that host. What is there is replaced. */
  readonly to: string;
  /** A qcow2 file over an image of this host arrives whole on another host. */
  readonly format: 'qcow2' | 'raw';
}

export interface DiskCarrier {
  /** May be repeated. @returns bytes that the file takes there */
  carry(parcel: Parcel, signal: AbortSignal): Promise<number>;
}
