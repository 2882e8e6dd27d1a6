// SQL of volumes that are being moved between backends: the operation says where to, the volume where from.
import type { Executor } from '#platform/sql/database.ts';
import type { VolumeTables } from '#volume/tables.ts';

type Db = Executor<VolumeTables>;

/** Operations that move a volume; they run on the destination's queue. */
export const MOVES: readonly string[] = ['migrate', 'retype'];

/** The step during which the source exports the volume. */
export const COPY_STEP = 'volume.copy';

interface MovingVolume {
  readonly operation_id: string;
  readonly volume_id: string;
  /** `host@backend` that reads it. */
  readonly reader: string;
}

/** Volumes of this backend that others read right now: their moves are wanted, and at that step. */
export async function listReadByOthers(db: Db, hostAtBackend: string): Promise<MovingVolume[]> {
  const rows = await leaving(db, hostAtBackend)
    .innerJoin('saga_steps', 'saga_steps.saga_id', 'operations.id')
    .select(['operations.id', 'operations.resource_id', 'operations.host'])
    .where('saga_steps.step', '=', COPY_STEP)
    .where('saga_steps.state', '=', 'running')
    .execute();
  return rows.map(({ id, resource_id, host }) => ({
    operation_id: id,
    volume_id: resource_id,
    reader: host ?? '',
  }));
}

/** Whether this operation moves a volume away from this backend, and is wanted. */
export async function isLeaving(db: Db, operationId: string, hostAtBackend: string): Promise<boolean> {
  const found = await leaving(db, hostAtBackend)
    .select('operations.id')
    .where('operations.id', '=', operationId)
    .executeTakeFirst();
  return found !== undefined;
}

const leaving = (db: Db, hostAtBackend: string) =>
  moves(db)
    .innerJoin('volumes', 'volumes.id', 'operations.resource_id')
    .where('volumes.lifecycle', 'in', ['maintenance', 'retyping'])
    .where('volumes.host', 'like', `${hostAtBackend.replaceAll(/[%_]/g, '_')}#%`)
    .where('operations.host', '!=', hostAtBackend)
    .where('operations.cancelled', '=', 0);

/** Whether the volume is on its way to this backend. */
export async function isComing(db: Db, volumeId: string, hostAtBackend: string): Promise<boolean> {
  const found = await moves(db)
    .select('operations.id')
    .where('operations.resource_id', '=', volumeId)
    .where('operations.host', '=', hostAtBackend)
    .executeTakeFirst();
  return found !== undefined;
}

const moves = (db: Db) =>
  db
    .selectFrom('operations')
    .where('operations.state', '=', 'running')
    .where('operations.operation', 'in', MOVES);
