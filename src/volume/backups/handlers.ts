// Lists, shows, changes and removes backups. `create.ts` makes them, `restore.ts` restores them.
import { rpcClient } from '#platform/bus/bus.ts';
import { enqueue } from '#platform/bus/outbox.ts';
import { isoTime } from '#platform/context/clock.ts';
import { Reply, type Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { nextPageLink, pageOf, type Listing, type RowPage } from '#volume/listing.ts';
import { beginOperation, cancelRunning } from '#volume/operations/store.ts';
import {
  readLike,
  refuseSortByName,
  refuseUnknownFilters,
  wantsAllProjects,
  wantsCount,
} from '#volume/paging.ts';
import { volumeQueue, type VolumeServiceRpc } from '#volume/rpc.ts';
import type { BackupRow } from '#volume/tables.ts';
import { BackupNotFound, InvalidBackup } from './errors.ts';
import { getBackup } from './find.ts';
import { DELETABLE } from './states.ts';
import {
  findAnyBackend,
  findBackup,
  hasBackend,
  isBeingRestored,
  listBackups,
  listParents,
  removeBackup,
  updateBackup,
} from './store.ts';
import { briefView, changedView, detailView } from './view.ts';

const SORTABLE: Listing<BackupRow>['sortable'] = {
  id: (row) => row.id,
  name: (row) => row.name,
  status: (row) => row.status,
  size: (row) => row.size,
  container: (row) => row.container,
  created_at: (row) => row.created_at,
  updated_at: (row) => row.updated_at,
  volume_id: (row) => row.volume_id,
};

const FILTERS = ['name', 'status', 'volume_id', 'snapshot_id', 'parent_id'] as const;

async function select(
  call: Call,
  { db, config }: VolumeDeps,
): Promise<RowPage<BackupRow> & { count: number }> {
  const { query } = call;
  const all = wantsAllProjects(call, 'backup:get_all_projects');
  const rows = await listBackups(
    db.kysely,
    all ? (query.get('project_id') ?? undefined) : (call.principal.projectId ?? ''),
  );
  refuseUnknownFilters(call, [...FILTERS, 'name~'], call.allows('backup:get_all_projects', {}));
  refuseSortByName(call, '3.37');
  const like = readLike(call, 'name');
  const fits = rows.filter(
    (row) =>
      FILTERS.every((name) => (query.get(name) ?? row[name]) === row[name]) &&
      (like === undefined || row.name?.includes(like) === true),
  );
  const page = pageOf(query, fits, { what: 'Backup', sortable: SORTABLE, maxLimit: config.maxLimit });
  return { ...page, count: fits.length };
}

const countOf = (call: Call, count: number): Record<string, number> => (wantsCount(call) ? { count } : {});

export async function listBrief(call: Call, deps: VolumeDeps): Promise<unknown> {
  const page = await select(call, deps);
  return {
    backups: page.rows.map((row) => briefView(call, row)),
    ...nextPageLink(call, 'backups', page),
    ...countOf(call, page.count),
  };
}

export async function listDetail(call: Call, deps: VolumeDeps): Promise<unknown> {
  const page = await select(call, deps);
  const parents = await listParents(
    deps.db.kysely,
    page.rows.map((row) => row.id),
  );
  return {
    backups: page.rows.map((row) => detailView(call, row, parents.has(row.id))),
    ...nextPageLink(call, 'backups', page),
    ...countOf(call, page.count),
  };
}

export async function show(call: Call, deps: VolumeDeps): Promise<unknown> {
  const row = await getBackup(call, deps, 'backup:get');
  const parents = await listParents(deps.db.kysely, [row.id]);
  return { backup: detailView(call, row, parents.has(row.id)) };
}

interface UpdateBody {
  readonly backup: {
    readonly name?: string | null;
    readonly description?: string | null;
    readonly metadata?: Readonly<Record<string, string>> | null;
  };
}

export async function update(call: Call, deps: VolumeDeps): Promise<unknown> {
  const row = await getBackup(call, deps, 'backup:update');
  const { name, description, metadata } = (call.body as UpdateBody).backup;
  const changes = {
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    ...(metadata === undefined ? {} : { metadata_json: JSON.stringify(metadata ?? {}) }),
    updated_at: isoTime(deps.clock),
  };
  if (!(await updateBackup(deps.db.kysely, row.id, changes))) throw new BackupNotFound(row.id);
  return { backup: changedView(call, { ...row, ...changes }) };
}

export async function remove(call: Call, deps: VolumeDeps): Promise<Reply> {
  const row = await getBackup(call, deps, 'backup:delete');
  await beginDelete(call, deps, row.id, false);
  return new Reply(202);
}

/** @param force whatever its status is; what is under way with it is unwound */
export async function beginDelete(call: Call, deps: VolumeDeps, id: string, force: boolean): Promise<void> {
  await deps.db.transaction(async (trx) => {
    const backup = await findBackup(trx, id);
    if (!backup) throw new BackupNotFound(id);
    if (!force && !DELETABLE.includes(backup.status))
      throw new InvalidBackup(`the status of ${id} must be available or error, and is ${backup.status}.`);
    if ((await listParents(trx, [id])).size > 0)
      throw new InvalidBackup('Incremental backups exist for this backup. Delete them first.');
    if (await isBeingRestored(trx, id)) throw new InvalidBackup(`a volume is being made from ${id}.`);
    if (force) await cancelRunning(trx, id);
    const own = backup.service_host;
    const host = own !== null && (await hasBackend(trx, own)) ? own : await findAnyBackend(trx);
    if (host === undefined) return removeBackup(trx, id); // nobody ever had a backend: there is no data
    await updateBackup(trx, id, { status: 'deleting', updated_at: isoTime(deps.clock) });
    const operation_id = await beginOperation(trx, call, deps, {
      resource_type: 'backup',
      resource_id: id,
      operation: 'delete',
      project_id: backup.project_id,
      host,
      deadlineMs: deps.config.operationMs,
    });
    await enqueue(
      trx,
      rpcClient<VolumeServiceRpc>(deps.bus, volumeQueue(host)).message('deleteBackup', {
        operation_id,
        volume_id: backup.volume_id,
        backup_id: id,
      }),
    );
  });
}
