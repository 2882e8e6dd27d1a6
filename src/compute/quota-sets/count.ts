// Counts what a project uses, from the rows themselves, and refuses what would go past its limits.
// `assertQuota` is called by every handler that makes something, inside the transaction that makes it.
import type { ComputeTables } from '#compute/tables.ts';
import type { MigrationStatus } from '#compute/server-migrations/tables.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import type { Executor } from '#platform/sql/database.ts';
import { sql } from 'kysely';
import { DEFAULT_LIMITS, UNLIMITED, type QuotaName } from './resources.ts';

/** A limit would be passed. Compute answers 403. */
export class QuotaExceeded extends DomainError {
  constructor(asked: Asked, used: Asked, limits: Asked, over: readonly QuotaName[]) {
    const each = (values: Asked): string => over.map((name) => String(values[name] ?? 0)).join(', ');
    super(
      'over-limit',
      'quota-exceeded',
      `Quota exceeded for ${over.join(', ')}: Requested ${each(asked)}, but already used ${each(used)} of ${each(limits)} ${over.join(', ')}`,
      { fields: { over, requested: asked, used, limits } },
    );
  }
}

export type Asked = Readonly<Partial<Record<QuotaName, number>>>;

/** The limits that hold for a project: its own, else the default class's, else upstream's. */
export async function limitsOf(
  db: Executor<ComputeTables>,
  projectId: string,
): Promise<Record<QuotaName, number>> {
  return (await limitsOfMany(db, [`project:${projectId}`])).get(`project:${projectId}`)!; // asked for
}

/** As `limitsOf`, also for the pair of a project and a user (`project:<id>:user:<id>`), which falls back to the project. */
export async function limitsOfMany(
  db: Executor<ComputeTables>,
  scopes: readonly string[],
): Promise<Map<string, Record<QuotaName, number>>> {
  const projects = scopes.map((scope) => scope.split(':user:')[0]!); // split gives one at least
  const rows = await db
    .selectFrom('quota_limits')
    .selectAll()
    .where('scope', 'in', ['class:default', ...projects, ...scopes])
    .execute();
  const at = (scope: string): Record<string, number> =>
    Object.fromEntries(
      rows.filter((row) => row.scope === scope).map((row) => [row.resource, row.hard_limit]),
    );
  const base = { ...DEFAULT_LIMITS, ...at('class:default') };
  return new Map(
    scopes.map((scope) => [scope, { ...base, ...at(scope.split(':user:')[0] ?? scope), ...at(scope) }]),
  );
}

/** Instances, cores and RAM (MiB) of a project, or of one user in it. Deleted instances don't count. */
export async function usedByServers(
  db: Executor<ComputeTables>,
  projectId: string,
  userId?: string,
): Promise<{ instances: number; cores: number; ram: number }> {
  let query = db
    .selectFrom('instances')
    .select(['flavor_json', sql<number>`count(*)`.as('number')])
    .where('project_id', '=', projectId)
    .where('deleted', '=', 0)
    .where('vm_state', '!=', 'soft-delete')
    .groupBy('flavor_json');
  if (userId !== undefined) query = query.where('user_id', '=', userId);
  const used = { instances: 0, cores: 0, ram: 0 };
  for (const row of await query.execute()) {
    const flavor = JSON.parse(row.flavor_json) as { vcpus: number; ram: number };
    const number = Number(row.number);
    used.instances += number;
    used.cores += number * flavor.vcpus;
    used.ram += number * flavor.ram;
  }
  await addMoves(db, used, projectId, userId);
  return used;
}

/** A server that is on its way to a larger flavor needs that already: two resizes at once can't both take what one may. */
async function addMoves(
  db: Executor<ComputeTables>,
  used: { cores: number; ram: number },
  projectId: string,
  userId: string | undefined,
): Promise<void> {
  let query = db
    .selectFrom('migrations')
    .innerJoin('instances', 'instances.id', 'migrations.instance_id')
    .select(['old_flavor_json', 'new_flavor_json'])
    .where('instances.project_id', '=', projectId)
    .where('instances.deleted', '=', 0)
    .where('migrations.status', 'in', UNDER_WAY)
    .where('migrations.migration_type', '=', 'resize');
  if (userId !== undefined) query = query.where('instances.user_id', '=', userId);
  for (const row of await query.execute()) {
    const [old, wanted] = [row.old_flavor_json, row.new_flavor_json].map(
      (json) => JSON.parse(json) as { vcpus: number; ram: number },
    );
    used.cores += Math.max(0, (wanted?.vcpus ?? 0) - (old?.vcpus ?? 0));
    used.ram += Math.max(0, (wanted?.ram ?? 0) - (old?.ram ?? 0));
  }
}

/** Until then the server has its old flavor in the books. */
const UNDER_WAY: readonly MigrationStatus[] = ['pre-migrating', 'migrating', 'post-migrating'];

async function countRows(
  db: Executor<ComputeTables>,
  table: 'keypairs' | 'server_groups',
  column: 'user_id' | 'project_id',
  value: string,
): Promise<number> {
  const row = await db
    .selectFrom(table)
    .select(sql<number>`count(*)`.as('number'))
    .where(sql.ref(column), '=', value)
    .executeTakeFirstOrThrow();
  return Number(row.number);
}

/** Everything a project uses, as quota details and limits show it. Key pairs are counted for the user. */
export async function usedByProject(
  db: Executor<ComputeTables>,
  projectId: string,
  userId?: string,
): Promise<Record<'instances' | 'cores' | 'ram' | 'server_groups' | 'key_pairs', number>> {
  return {
    ...(await usedByServers(db, projectId, userId)),
    server_groups: await countRows(db, 'server_groups', 'project_id', projectId),
    key_pairs: userId === undefined ? 0 : await countRows(db, 'keypairs', 'user_id', userId),
  };
}

/**
 * Refuses when `asked` more would pass a limit of the project, or of the user in it. Call it in the transaction that
 * inserts: two creates at once then can't both take what only one may. RAM in MiB. `metadata_items` and
 * `server_group_members` are compared alone: the caller says the whole number.
 * @throws QuotaExceeded
 */
export async function assertQuota(
  trx: Executor<ComputeTables>,
  projectId: string,
  userId: string,
  asked: Asked,
): Promise<void> {
  const project = `project:${projectId}`;
  const user = `${project}:user:${userId}`;
  const limits = await limitsOfMany(trx, [project, user]);
  const servers = asked.instances !== undefined || asked.cores !== undefined || asked.ram !== undefined;
  const used: Partial<Record<QuotaName, number>> = servers ? await usedByServers(trx, projectId) : {};
  if (asked.key_pairs !== undefined) used.key_pairs = await countRows(trx, 'keypairs', 'user_id', userId);
  if (asked.server_groups !== undefined)
    used.server_groups = await countRows(trx, 'server_groups', 'project_id', projectId);
  refuseOver(asked, used, limits.get(project)!); // asked for above
  const ofUser = limits.get(user)!; // likewise
  const narrower = (['instances', 'cores', 'ram'] as const).some(
    (name) => ofUser[name] !== limits.get(project)?.[name],
  );
  if (servers && narrower) refuseOver(asked, await usedByServers(trx, projectId, userId), ofUser);
}

function refuseOver(asked: Asked, used: Asked, limits: Readonly<Record<QuotaName, number>>): void {
  const over = (Object.keys(asked) as QuotaName[]).filter((name) => {
    const limit = limits[name];
    return limit !== UNLIMITED && (asked[name] ?? 0) > 0 && (used[name] ?? 0) + (asked[name] ?? 0) > limit;
  });
  if (over.length > 0) throw new QuotaExceeded(asked, used, limits, over);
}
