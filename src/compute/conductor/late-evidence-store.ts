// Launches whose evidence is to be added to after they ended. Used by late-evidence.ts.
import type { ComputeExecutor } from '../deps.ts';

export interface UncountedRow {
  readonly action_id: string;
  readonly attempt: number;
  readonly instance_id: string;
  readonly vifs_json: string;
}

const AT_ONCE = 50;

/** Launches on `host` that ended well since `since`, still run, and whose port evidence has no `key`; the oldest first. */
export async function selectUncounted(
  db: ComputeExecutor,
  { host, since, key }: { readonly host: string; readonly since: string; readonly key: string },
): Promise<UncountedRow[]> {
  return db
    .selectFrom('instances')
    .innerJoin('instance_actions', 'instance_actions.instance_id', 'instances.id')
    .innerJoin('saga_steps', (join) =>
      join
        .onRef('saga_steps.saga_id', '=', 'instance_actions.id')
        .onRef('saga_steps.attempt', '=', 'instance_actions.attempt'),
    )
    .select([
      'instance_actions.id as action_id',
      'instance_actions.attempt as attempt',
      'instances.id as instance_id',
      'instances.vifs_json as vifs_json',
    ])
    .where('instances.host', '=', host)
    .where('instances.deleted', '=', 0)
    .where('instances.vm_state', '=', 'active')
    .where('instance_actions.action', '=', 'create')
    .where('instance_actions.state', '=', 'done')
    .where('instance_actions.finished_at', '>', since)
    .where('saga_steps.step', '=', 'network.bind')
    .where('saga_steps.state', '=', 'done')
    .where('saga_steps.evidence', 'not like', `%"${key}"%`)
    .orderBy('instance_actions.finished_at')
    .limit(AT_ONCE)
    .execute();
}
