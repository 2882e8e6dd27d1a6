// Row type of images that are being made of servers. Part of `ComputeTables` (../tables.ts).

/** An image that a request makes of a server, until it is whole or gone. */
export interface PendingImageRow {
  /** The image's. */
  id: string;
  instance_id: string;
  /** Null until the request commits. */
  action_id: string | null;
  /** 1: its data are snapshots of volumes, which are made for it. */
  of_volumes: number;
  /** Of a request under way; answered for by the action; given up. */
  state: 'reserving' | 'kept' | 'discarding';
  created_at: string;
}
