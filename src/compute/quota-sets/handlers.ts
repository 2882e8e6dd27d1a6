// Shows, sets and resets the limits of projects and of users in them.
import type { ComputeDeps } from '#compute/deps.ts';
import { InvalidInput } from '#compute/errors.ts';
import { isTrue } from '#compute/schema-types.ts';
import { refuseUnknownQuery } from '#compute/strict-query.ts';
import { Reply, type Call } from '#platform/http/api.ts';
import { limitsOfMany, usedByProject } from './count.ts';
import { QUOTA_RESOURCES, UNLIMITED, type QuotaName } from './resources.ts';
import { removeLimits, saveLimits } from './store.ts';
import { detailView, limitsView } from './view.ts';

interface Wanted {
  readonly projectId: string;
  readonly userId: string | null;
  readonly scope: string;
}

function wantedOf(call: Call): Wanted {
  refuseUnknownQuery(call, '2.75', ['user_id']);
  const projectId = call.params['id'] ?? '';
  const userId = call.query.get('user_id');
  return { projectId, userId, scope: `project:${projectId}${userId === null ? '' : `:user:${userId}`}` };
}

async function limitsAt({ db }: ComputeDeps, scope: string): Promise<Record<QuotaName, number>> {
  return (await limitsOfMany(db.kysely, [scope])).get(scope)!; // asked for
}

export async function show(call: Call, deps: ComputeDeps): Promise<unknown> {
  const { projectId, scope } = wantedOf(call);
  call.enforce('os_compute_api:os-quota-sets:show', { project_id: projectId });
  return { quota_set: { id: projectId, ...limitsView(await limitsAt(deps, scope), call.microversion) } };
}

export async function showDetail(call: Call, deps: ComputeDeps): Promise<unknown> {
  const { projectId, userId, scope } = wantedOf(call);
  call.enforce('os_compute_api:os-quota-sets:detail', { project_id: projectId });
  const used = await usedByProject(deps.db.kysely, projectId, userId ?? undefined);
  return {
    quota_set: { id: projectId, ...detailView(await limitsAt(deps, scope), used, call.microversion) },
  };
}

export async function showDefaults(call: Call, deps: ComputeDeps): Promise<unknown> {
  const { projectId } = wantedOf(call);
  return {
    quota_set: { id: projectId, ...limitsView(await limitsAt(deps, 'class:default'), call.microversion) },
  };
}

export async function update(call: Call, deps: ComputeDeps): Promise<unknown> {
  const { projectId, userId, scope } = wantedOf(call);
  const {
    force,
    tenant_id: _tenant,
    ...given
  } = (call.body as { quota_set: Record<string, unknown> }).quota_set;
  const limits = readLimits(given);
  await deps.db.transaction(async (trx) => {
    if (!isTrue(force)) refuseBelowUse(limits, await usedByProject(trx, projectId, userId ?? undefined));
    if (userId !== null)
      refuseAboveProject(
        limits,
        (await limitsOfMany(trx, [`project:${projectId}`])).get(`project:${projectId}`)!,
      ); // asked for
    await saveLimits(trx, scope, limits);
  });
  return { quota_set: limitsView(await limitsAt(deps, scope), call.microversion) };
}

export function readLimits(given: Readonly<Record<string, unknown>>): Record<string, number> {
  const limits: Record<string, number> = {};
  for (const { name } of QUOTA_RESOURCES) {
    if (given[name] === undefined) continue;
    const value = Number(given[name]);
    if (!Number.isInteger(value) || value < UNLIMITED)
      throw new InvalidInput(`Quota limit ${String(given[name])} for ${name} must be -1 or greater.`);
    limits[name] = value;
  }
  return limits;
}

function refuseBelowUse(
  limits: Readonly<Record<string, number>>,
  used: Readonly<Partial<Record<string, number>>>,
): void {
  for (const [name, limit] of Object.entries(limits)) {
    const inUse = used[name] ?? 0;
    if (limit !== UNLIMITED && limit < inUse)
      throw new InvalidInput(
        `Quota limit ${limit} for ${name} must be greater than or equal to already used and reserved ${inUse}.`,
      );
  }
}

function refuseAboveProject(
  limits: Readonly<Record<string, number>>,
  project: Readonly<Record<QuotaName, number>>,
): void {
  for (const [name, limit] of Object.entries(limits)) {
    const most = project[name as QuotaName];
    if (most !== UNLIMITED && (limit === UNLIMITED || limit > most))
      throw new InvalidInput(`Quota limit ${limit} for ${name} must be less than or equal to ${most}.`);
  }
}

export async function remove(call: Call, { db }: ComputeDeps): Promise<Reply> {
  const { projectId, userId } = wantedOf(call);
  await db.transaction(async (trx) => removeLimits(trx, projectId, userId));
  return new Reply(202);
}
