// SQL of the limits that administrators set.
import type { ComputeExecutor } from '#compute/deps.ts';

export async function saveLimits(
  trx: ComputeExecutor,
  scope: string,
  limits: Readonly<Record<string, number>>,
): Promise<void> {
  for (const [resource, hard_limit] of Object.entries(limits)) {
    await trx
      .insertInto('quota_limits')
      .values({ scope, resource, hard_limit })
      .onConflict((conflict) => conflict.columns(['scope', 'resource']).doUpdateSet({ hard_limit }))
      .execute();
  }
}

/** With `user`, the limits of that user in the project; else those of the project and all its users. */
export async function removeLimits(
  trx: ComputeExecutor,
  projectId: string,
  userId: string | null,
): Promise<void> {
  const scope = `project:${projectId}`;
  if (userId !== null) {
    await trx.deleteFrom('quota_limits').where('scope', '=', `${scope}:user:${userId}`).execute();
    return;
  }
  await trx
    .deleteFrom('quota_limits')
    .where((eb) =>
      eb.or([eb('scope', '=', scope), eb('scope', 'like', `${scope.replaceAll(/[%_]/g, '')}:user:%`)]),
    )
    .execute();
}
