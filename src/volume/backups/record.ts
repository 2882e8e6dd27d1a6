// Exports the record of a backup, and imports one: so that data in the store can be restored when the database is gone.
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import { isUniqueViolation } from '#platform/sql/database.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput } from '#volume/errors.ts';
import { copyKeyFor } from '#volume/keys/keys.ts';
import { findKey, insertKey } from '#volume/keys/store.ts';
import { metadataSchema, nameSchema, orNull, uuidSchema } from '#volume/schema-types.ts';
import type { BackupRow, EncryptionKeyRow } from '#volume/tables.ts';
import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';
import { InvalidBackup } from './errors.ts';
import { getBackup } from './find.ts';
import { readManifest } from './manifest.ts';
import { backupObjectsOf } from './objects/of-service.ts';
import { BackupStoreError } from './objects/port.ts';
import { findBackup, insertBackup } from './store.ts';
import { briefView, metadataOf } from './view.ts';

/** Upstream's clients expect the name of a module here; it says which store can read the data. */
const SERVICE = 'cinder.backup.drivers.pileus';

const GIB = 2 ** 30;
const isoTimeSchema = Type.String({ pattern: String.raw`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$` });

const recordSchema = Type.Object({
  id: uuidSchema,
  data_id: uuidSchema,
  volume_id: uuidSchema,
  snapshot_id: orNull(uuidSchema),
  parent_id: orNull(uuidSchema),
  name: orNull(nameSchema),
  description: orNull(nameSchema),
  container: nameSchema,
  availability_zone: orNull(nameSchema),
  service_host: orNull(nameSchema),
  data_timestamp: isoTimeSchema,
  metadata: metadataSchema,
  encryption_key_id: Type.Optional(orNull(uuidSchema)),
});

type BackupRecord = Omit<Static<typeof recordSchema>, 'encryption_key_id'> &
  Pick<
    BackupRow,
    'snapshot_id' | 'parent_id' | 'name' | 'description' | 'availability_zone' | 'service_host'
  > & { readonly encryption_key_id?: string | null };

export async function exportRecord(call: Call, deps: VolumeDeps): Promise<unknown> {
  const row = await getBackup(call, deps, 'backup:export-import');
  if (row.status !== 'available')
    throw new InvalidBackup(`the status of ${row.id} must be available to export it, and is ${row.status}.`);
  const record: BackupRecord = {
    id: row.id,
    data_id: row.data_id,
    volume_id: row.volume_id,
    snapshot_id: row.snapshot_id,
    parent_id: row.parent_id,
    name: row.name,
    description: row.description,
    container: row.container,
    availability_zone: row.availability_zone,
    service_host: row.service_host,
    data_timestamp: row.data_timestamp,
    metadata: metadataOf(row),
    encryption_key_id: row.encryption_key_id,
  };
  const backup_url = Buffer.from(JSON.stringify(record)).toString('base64');
  return { 'backup-record': { backup_service: SERVICE, backup_url } };
}

/** The backup becomes one of the caller's project. Size and counts are those of the data, not of the record. */
export async function importRecord(call: Call, deps: VolumeDeps): Promise<unknown> {
  const { backup_service, backup_url } = (
    call.body as { 'backup-record': { backup_service: string; backup_url: string } }
  )['backup-record'];
  if (backup_service !== SERVICE)
    throw new InvalidBackup(`backups of the service ${backup_service} cannot be read here.`);
  const record = readRecord(backup_url);
  const manifest = await readManifest(backupObjectsOf(deps), record.data_id).catch((error: unknown) => {
    if (error instanceof BackupStoreError)
      throw new InvalidBackup(`${error.message} Its record cannot be used.`);
    throw error;
  });
  const key = await keyFor(deps, record);
  const now = isoTime(deps.clock);
  const row: BackupRow = {
    ...record,
    metadata_json: JSON.stringify(record.metadata),
    project_id: call.principal.projectId ?? '',
    user_id: call.principal.userId,
    status: 'available',
    fail_reason: null,
    size: Math.max(1, Math.ceil(manifest.size / GIB)),
    object_count: manifest.object_count,
    bytes_stored: manifest.bytes_stored,
    restore_volume_id: null,
    encryption_key_id: key?.id ?? null,
    created_at: now,
    updated_at: now,
  };
  delete (row as Partial<BackupRecord>).metadata;
  const exists = new InvalidBackup(`backup ${row.id} exists already.`);
  try {
    await deps.db.transaction(async (trx) => {
      if (await findBackup(trx, row.id)) throw exists;
      await insertBackup(trx, row);
      if (key) await insertKey(trx, key);
    });
  } catch (error) {
    throw isUniqueViolation(error) ? exists : error;
  }
  return { backup: briefView(call, row) };
}

/**
 * Records hold the ids of keys, never keys: what the data opens with must be here still.
 * @throws InvalidBackup when it is not
 */
async function keyFor(
  deps: VolumeDeps,
  { id, encryption_key_id }: BackupRecord,
): Promise<EncryptionKeyRow | undefined> {
  if (!encryption_key_id) return undefined;
  const held = await findKey(deps.db.kysely, encryption_key_id.toLowerCase());
  if (!held)
    throw new InvalidBackup('the key of its encryption is not in this cloud: its record cannot be used.');
  return copyKeyFor(deps, id, held);
}

function readRecord(url: string): BackupRecord {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(url, 'base64').toString('utf8'));
  } catch {
    throw new InvalidInput("Can't parse backup record.", 'bad-backup-record');
  }
  if (!Value.Check(recordSchema, parsed))
    throw new InvalidInput("Can't parse backup record.", 'bad-backup-record');
  return { ...parsed, id: parsed.id.toLowerCase(), data_id: parsed.data_id.toLowerCase() } as BackupRecord;
}
