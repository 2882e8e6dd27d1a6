// What compute notes of a server beside its columns: how it is rescued, where it was shelved. Pure; JSON in one column.
import type { AnyBus } from './block-devices/names.ts';
import type { InstanceRow } from './tables.ts';

/** How a server is rescued: from which image, and as which device of the guest. */
export interface Rescue {
  readonly image_id: string;
  readonly kernel_id: string | null;
  readonly ramdisk_id: string | null;
  readonly bus: AnyBus;
  readonly device: 'disk' | 'cdrom';
  /** The guest keeps all its disks under their names; else it has the rescue disk and, as its second, its root disk. */
  readonly stable: boolean;
}

/** Values are text, as in every column of the kind. */
export interface SystemMetadata {
  /** `Rescue` as JSON. */
  readonly rescue?: string | undefined;
  /** The image that holds the root disk of a shelved server. */
  readonly shelved_image_id?: string | undefined;
  readonly shelved_at?: string | undefined;
  readonly shelved_host?: string | undefined;
  readonly soft_deleted_at?: string | undefined;
  readonly [key: string]: string | undefined;
}

type Row = Pick<InstanceRow, 'system_metadata_json'>;

export const systemMetadataOf = (row: Row): SystemMetadata =>
  JSON.parse(row.system_metadata_json) as SystemMetadata;

export function rescueOf(row: Row): Rescue | undefined {
  const text = systemMetadataOf(row).rescue;
  return text === undefined ? undefined : (JSON.parse(text) as Rescue);
}

/** The column with `changes` made; a key that is undefined goes. */
export function changedSystemMetadata(
  row: Row,
  changes: SystemMetadata,
): Pick<InstanceRow, 'system_metadata_json'> {
  return { system_metadata_json: JSON.stringify({ ...systemMetadataOf(row), ...changes }) };
}
