// Lists of moves, and of a server's live migrations that go on.
import type { ComputeDeps } from '#compute/deps.ts';
import { InvalidInput, NotFound } from '#compute/errors.ts';
import { listFlavorNumbers } from '#compute/flavors/store.ts';
import { nextLink, readLimit } from '#compute/paging.ts';
import { findServer } from '#compute/servers/find-server.ts';
import { readTime } from '#compute/servers/filters.ts';
import { refuseUnknownQuery } from '#compute/strict-query.ts';
import type { FlavorSnapshot } from '#compute/tables.ts';
import type { MigrationRow } from './tables.ts';
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import { findMigration, listLiveMigrations, listMigrations, type MigrationFilter } from './store.ts';
import { liveMigrationView, migrationView } from './view.ts';

const FILTERS = ['hidden', 'host', 'instance_uuid', 'source_compute', 'status', 'migration_type'];

export async function list(call: Call, deps: ComputeDeps): Promise<unknown> {
  const paged = atLeast(call.microversion, '2.59');
  const between = atLeast(call.microversion, '2.66');
  const owners = atLeast(call.microversion, '2.80');
  refuseUnknownQuery(call, '2.59', [
    ...FILTERS,
    'limit',
    'marker',
    'changes-since',
    ...(between ? ['changes-before'] : []),
    ...(owners ? ['user_id', 'project_id'] : []),
  ]);
  const since = paged ? readTime(call.query, 'changes-since') : undefined;
  const before = between ? readTime(call.query, 'changes-before') : undefined;
  if (since !== undefined && before !== undefined && since > before)
    throw new InvalidInput('The value of changes-since must be less than or equal to changes-before.');
  const wanted = (name: string, known = true): string | undefined =>
    known ? (call.query.get(name) ?? undefined) : undefined;
  const filter: MigrationFilter = {
    host: wanted('host'),
    equal: {
      instance_id: wanted('instance_uuid'),
      source_compute: wanted('source_compute'),
      status: wanted('status'),
      migration_type: wanted('migration_type'),
      user_id: wanted('user_id', owners),
      project_id: wanted('project_id', owners),
    },
    since,
    before,
    limit: paged ? readLimit(call.query, deps.config.maxLimit) : deps.config.maxLimit,
    marker: paged ? await markerOf(call, deps) : undefined,
  };
  const rows = filter.limit === 0 ? [] : await listMigrations(deps.db.kysely, filter);
  const numbers = await listFlavorNumbers(deps.db.kysely);
  const numberOf = (json: string): number | null =>
    numbers.get((JSON.parse(json) as FlavorSnapshot).id) ?? null;
  const ids = rows.map((row) => row.uuid);
  return {
    migrations: rows.map((row) => migrationView(call, row, numberOf)),
    ...(paged ? nextLink(call, '/v2.1/os-migrations', 'migrations', ids, deps.config.maxLimit) : {}),
  };
}

async function markerOf(call: Call, deps: ComputeDeps): Promise<MigrationRow | undefined> {
  const marker = call.query.get('marker');
  if (!marker) return undefined;
  const row = await findMigration(deps.db.kysely, marker);
  if (!row) throw new InvalidInput(`marker [${marker.slice(0, 255)}] not found`, 'no-such-marker');
  return row;
}

export async function listOfServer(call: Call, deps: ComputeDeps): Promise<unknown> {
  const server = await findServer(call, deps, 'os_compute_api:servers:migrations:index');
  const rows = await listLiveMigrations(deps.db.kysely, server.id);
  return { migrations: rows.map((row) => liveMigrationView(call, row)) };
}

export async function show(call: Call, deps: ComputeDeps): Promise<unknown> {
  const { id } = await findServer(call, deps, 'os_compute_api:servers:migrations:show');
  const rows = await listLiveMigrations(deps.db.kysely, id);
  const row = rows.find((each) => String(each.id) === call.params['migration']);
  if (!row) throw notFound(call, id);
  return { migration: liveMigrationView(call, row) };
}

const notFound = (call: Call, id: string): NotFound =>
  new NotFound(
    `Migration ${(call.params['migration'] ?? '').slice(0, 255)} not found for instance ${id}.`,
    'no-such-migration',
  );
