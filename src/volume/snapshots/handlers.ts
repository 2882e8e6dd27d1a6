// Snapshots: list, show, create, update, remove.
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput, SnapshotNotFound } from '#volume/errors.ts';
import {
  nextLinks,
  readBoolean,
  readLike,
  readPage,
  refuseSortByName,
  refuseUnknownFilters,
  wantsAllProjects,
  wantsCount,
} from '#volume/paging.ts';
import { isTrue } from '#volume/schema-types.ts';
import type { SnapshotRow } from '#volume/tables.ts';
import { findVolume } from '#volume/volumes/find.ts';
import { readMap } from '#volume/volumes/list.ts';
import { beginDelete, createIn } from './begin.ts';
import { findSnapshot } from './find.ts';
import {
  countSnapshotRows,
  findWholeSnapshot,
  listSnapshotRows,
  SORTABLE,
  updateSnapshot,
  wholeSnapshots,
  type SnapshotFilters,
  type WholeSnapshot,
} from './store.ts';
import { briefView, detailView } from './view.ts';

export const listBrief = async (call: Call, deps: VolumeDeps): Promise<unknown> =>
  list(call, deps, briefView);
export const listDetail = async (call: Call, deps: VolumeDeps): Promise<unknown> =>
  list(call, deps, detailView);

async function list(
  call: Call,
  { db, config }: VolumeDeps,
  view: (call: Call, whole: WholeSnapshot) => unknown,
): Promise<unknown> {
  const filters = readFilters(call);
  refuseSortByName(call, '3.30');
  const page = readPage(call.query, SORTABLE, config.maxLimit);
  const rows = page.limit > 0 && filters ? await listSnapshotRows(db.kysely, filters, page) : [];
  if (!rows) throw new SnapshotNotFound(page.marker ?? '');
  const snapshots = await wholeSnapshots(db.kysely, rows);
  return {
    snapshots: snapshots.map((whole) => view(call, whole)),
    ...nextLinks(call, 'snapshots', page, rows),
    ...(wantsCount(call) ? { count: filters ? await countSnapshotRows(db.kysely, filters) : 0 } : {}),
  };
}

const FILTERS = new Set([
  'name',
  'display_name',
  'name~',
  'status',
  'volume_id',
  'metadata',
  'availability_zone',
  'consumes_quota',
]);

/** Undefined when nothing can fit. */
function readFilters(call: Call): SnapshotFilters | undefined {
  const { query, microversion } = call;
  const everywhere = 'volume:get_all_snapshots_of_projects';
  const isAdmin = call.allows(everywhere, {});
  refuseUnknownFilters(call, FILTERS, isAdmin);
  const quota = atLeast(microversion, '3.65') ? query.get('consumes_quota') : null;
  if (quota !== null && !readBoolean('consumes_quota', quota)) return undefined; // all do
  const equal: Record<string, string> = {};
  const name = query.get('name') ?? query.get('display_name');
  if (name !== null) equal['name'] = name;
  for (const plain of ['status', 'volume_id', ...(isAdmin ? ['id', 'user_id'] : [])])
    if (query.has(plain)) equal[plain] = query.get(plain) ?? '';
  return {
    projectId: wantsAllProjects(call, everywhere)
      ? (query.get('project_id') ?? undefined)
      : (call.principal.projectId ?? ''),
    equal,
    nameLike: readLike(call, 'name'),
    zone: query.get('availability_zone') ?? undefined,
    metadata: atLeast(microversion, '3.22') ? readMap(query, 'metadata') : {},
  };
}

export async function show(call: Call, deps: VolumeDeps): Promise<unknown> {
  return { snapshot: detailView(call, await findSnapshot(call, deps, 'volume:get_snapshot')) };
}

interface CreateBody {
  readonly snapshot: {
    readonly volume_id: string | null;
    readonly name?: string | null;
    readonly display_name?: string | null;
    readonly description?: string | null;
    readonly force?: boolean | string | null;
    readonly metadata?: Readonly<Record<string, string>> | null;
  };
}

export async function create(call: Call, deps: VolumeDeps): Promise<unknown> {
  const { snapshot: body } = call.body as CreateBody;
  const { volume, typeName } = await findVolume(
    call,
    deps,
    'volume:create_snapshot',
    body.volume_id ?? 'None',
  );
  const force = wantsForce(call, body.force);
  const snapshot: SnapshotRow = {
    id: crypto.randomUUID(),
    volume_id: volume.id,
    project_id: volume.project_id,
    user_id: call.principal.userId,
    name: body.name ?? body.display_name ?? null,
    description: body.description ?? null,
    volume_size: volume.size,
    status: 'creating',
    progress: '0%',
    volume_type_id: volume.volume_type_id,
    internal: 0,
    fault: null,
    created_at: isoTime(deps.clock),
    updated_at: null,
  };
  await deps.db.transaction(async (trx) =>
    createIn(trx, call, deps, { snapshot, metadata: body.metadata ?? {}, typeName, inUse: force }),
  );
  return { snapshot: briefView(call, { snapshot, metadata: body.metadata ?? {} }) }; // as it was begun
}

/** From 3.66 on a volume in use needs no force, and asking to be careful is refused. */
function wantsForce(call: Call, force: boolean | string | null | undefined): boolean {
  if (!atLeast(call.microversion, '3.66')) return force !== undefined && force !== null && isTrue(force);
  if (force !== undefined && force !== null && !isTrue(force))
    throw new InvalidInput(
      'Invalid input received: force may only be true from 3.66 on, where it is always so.',
    );
  return true;
}

export async function update(call: Call, deps: VolumeDeps): Promise<unknown> {
  const { snapshot } = await findSnapshot(call, deps, 'volume:update_snapshot');
  const { snapshot: body } = call.body as {
    snapshot: Partial<Record<'name' | 'display_name' | 'description' | 'display_description', string | null>>;
  };
  const name = body.name === undefined ? body.display_name : body.name;
  const description = body.description === undefined ? body.display_description : body.description;
  if (name === undefined && description === undefined)
    throw new InvalidInput('Missing required element: a name or a description is to be given.');
  await updateSnapshot(deps.db.kysely, snapshot.id, {
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    updated_at: isoTime(deps.clock),
  });
  const whole = await findWholeSnapshot(deps.db.kysely, snapshot.id);
  if (!whole) throw new SnapshotNotFound(snapshot.id);
  return { snapshot: briefView(call, whole) };
}

export async function remove(call: Call, deps: VolumeDeps): Promise<void> {
  const { snapshot } = await findSnapshot(call, deps, 'volume:delete_snapshot');
  await beginDelete(call, deps, snapshot, false);
}
