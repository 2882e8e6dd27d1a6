// The SQL of a server's actions.
import { sql } from 'kysely';
import type { ComputeExecutor } from '#compute/deps.ts';
import type { InstanceActionRow } from '#compute/tables.ts';

export interface ActionQuery {
  readonly instanceId: string;
  readonly since: string | undefined;
  readonly before: string | undefined;
  readonly limit: number;
  /** The action that the page begins behind. */
  readonly marker: InstanceActionRow | undefined;
}

/** Newest first. */
export async function listActions(db: ComputeExecutor, query: ActionQuery): Promise<InstanceActionRow[]> {
  const changed = sql<string>`coalesce(finished_at, started_at)`;
  let select = db.selectFrom('instance_actions').selectAll().where('instance_id', '=', query.instanceId);
  if (query.since !== undefined) select = select.where(changed, '>=', query.since);
  if (query.before !== undefined) select = select.where(changed, '<=', query.before);
  const { marker } = query;
  if (marker) {
    select = select.where((eb) =>
      eb.or([
        eb('started_at', '<', marker.started_at),
        eb.and([eb('started_at', '=', marker.started_at), eb('id', '<', marker.id)]),
      ]),
    );
  }
  return select.orderBy('started_at', 'desc').orderBy('id', 'desc').limit(query.limit).execute();
}

export async function findActionByRequest(
  db: ComputeExecutor,
  instanceId: string,
  requestId: string,
): Promise<InstanceActionRow | undefined> {
  return db
    .selectFrom('instance_actions')
    .selectAll()
    .where('instance_id', '=', instanceId)
    .where('request_id', '=', requestId)
    .orderBy('started_at', 'desc')
    .executeTakeFirst();
}
