// Finds the backup of a request: another project's is not there.
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { UUID } from '#volume/schema-types.ts';
import type { BackupRow } from '#volume/tables.ts';
import { enforceOnProject } from '#volume/volumes/find.ts';
import { BackupNotFound } from './errors.ts';
import { findBackup } from './store.ts';

/** @throws BackupNotFound, PolicyDenied for who may see it and not do what `rule` is about */
export async function getBackup(
  call: Call,
  { db }: Pick<VolumeDeps, 'db'>,
  rule: string,
): Promise<BackupRow> {
  const id = call.params['id'] ?? '';
  const row = UUID.test(id) ? await findBackup(db.kysely, id.toLowerCase()) : undefined;
  if (!row) throw new BackupNotFound(id);
  enforceOnProject(call, rule, row.project_id, 'backup:get', new BackupNotFound(id));
  return row;
}
