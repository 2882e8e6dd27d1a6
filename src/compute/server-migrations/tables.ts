// Row type of moves of servers between hosts. Part of `ComputeTables` (../tables.ts).
import type { VmState } from '../tables.ts';

/** A server on its way from one host to another, or the record of it. */
export interface MigrationRow {
  /** What clients of the old kind name it by. */
  id: number;
  /** Also the consumer that holds what the server held where it comes from, while the move is open. */
  uuid: string;
  instance_id: string;
  /** Whoever asked for it. */
  project_id: string;
  user_id: string;
  migration_type: 'resize' | 'migration' | 'live-migration' | 'evacuation';
  status: MigrationStatus;
  source_compute: string;
  source_node: string;
  source_zone: string | null;
  /** Null until the scheduler has chosen. */
  dest_compute: string | null;
  dest_node: string | null;
  /** Its address. */
  dest_host: string | null;
  dest_zone: string | null;
  old_flavor_json: string;
  new_flavor_json: string;
  /** What the server was before: it is that again afterwards. */
  old_vm_state: VmState;
  /** The server's wish for its disks that comes with the new flavor. */
  disk_config: 'AUTO' | 'MANUAL';
  /** 1 when the request named the host and the scheduler was not to judge it. */
  forced: number;
  /** Bytes, of a live migration. */
  memory_total: number | null;
  memory_processed: number | null;
  memory_remaining: number | null;
  disk_total: number | null;
  disk_processed: number | null;
  disk_remaining: number | null;
  created_at: string;
  updated_at: string | null;
}

/** Upstream's words. */
export type MigrationStatus =
  | 'accepted'
  | 'queued'
  | 'preparing'
  | 'running'
  | 'pre-migrating'
  | 'migrating'
  | 'post-migrating'
  | 'finished'
  | 'confirming'
  | 'confirmed'
  | 'reverting'
  | 'reverted'
  | 'completed'
  | 'cancelled'
  | 'failed'
  | 'error'
  | 'done';
