// Row types of the image service's database. Times are ISO 8601 text, booleans 0/1, `*_json` columns hold JSON text.
import type { SagaTables } from '#platform/saga/sql-log.ts';
import type { MetadefTables } from './metadefs/tables.ts';

export type ImageStatus =
  | 'queued'
  | 'saving'
  | 'uploading'
  | 'importing'
  | 'active'
  | 'deactivated'
  | 'killed'
  | 'deleted';
export type Visibility = 'public' | 'private' | 'shared' | 'community';
export type MemberStatus = 'pending' | 'accepted' | 'rejected';

export interface ImageRow {
  id: string;
  name: string | null;
  owner: string | null;
  status: ImageStatus;
  visibility: Visibility;
  disk_format: string | null;
  container_format: string | null;
  /** Bytes; null until uploaded. */
  size: number | null;
  virtual_size: number | null;
  /** md5 */
  checksum: string | null;
  os_hash_algo: string | null;
  os_hash_value: string | null;
  min_disk: number;
  min_ram: number;
  protected: number;
  os_hidden: number;
  /**
   * Name of the data that is being written while the status is `saving`, in the store, and of what is staged while it is
   * `uploading` or `importing`; an upload may only end what it began.
   */
  upload_id: string | null;
  /** Until when the uploader is believed alive; it renews. Past it, the sweep makes the image queued again. Null: staged. */
  upload_lease: string | null;
  /** StoredData of what is staged whole. */
  staged_json: string | null;
  /** The task that imports into the image now; null when none does. */
  import_task: string | null;
  /** Ids of the stores that the import still has to fill, and of those that it could not; null before the first import. */
  importing_to: string | null;
  failed_import: string | null;
  /** Additional properties, name → string. */
  properties_json: string;
  created_at: string;
  updated_at: string;
}

export interface ImageTagRow {
  image_id: string;
  tag: string;
}

export interface ImageMemberRow {
  image_id: string;
  member: string;
  status: MemberStatus;
  created_at: string;
  updated_at: string;
}

/** An image's data in one store. */
export interface ImageLocationRow {
  image_id: string;
  /** Id of the store in the configuration. */
  store: string;
  /** Of the data in the store. A new upload is a new name, so that a reader never sees two uploads mixed. */
  name: string;
  /** `writing`: recorded before the copy begins, so that a crash leaves nothing unknown. */
  state: 'writing' | 'ready';
  created_at: string;
}

export type TaskStatus = 'pending' | 'processing' | 'success' | 'failure';

export interface ImageTaskRow {
  id: string;
  /** `api_image_import` for imports into an image, `import` for tasks that make one. */
  type: string;
  status: TaskStatus;
  owner: string;
  user_id: string;
  request_id: string;
  image_id: string | null;
  /** What the client asked for. */
  input_json: string;
  /** What is to be done: ImportPlan. */
  plan_json: string;
  result_json: string | null;
  message: string;
  /** Until when who runs it is believed alive; null when nobody does. */
  lease: string | null;
  expires_at: string | null;
  created_at: string;
  updated_at: string;
}

/** Ids are never given twice: who launches by the id of a deleted image must not get somebody else's. */
export interface UsedImageIdRow {
  id: string;
}

export interface ImageTables extends SagaTables, MetadefTables {
  used_image_ids: UsedImageIdRow;
  images: ImageRow;
  image_tags: ImageTagRow;
  image_members: ImageMemberRow;
  image_locations: ImageLocationRow;
  image_tasks: ImageTaskRow;
}
