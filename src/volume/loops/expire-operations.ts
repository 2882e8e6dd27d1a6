// No operation outlives its deadline: one that no backend can end any more is ended here, with the reason. And what is over for
// long is forgotten: records of operations, messages.
import { rpcClient } from '#platform/bus/bus.ts';
import { enqueue } from '#platform/bus/outbox.ts';
import { isoTime } from '#platform/context/clock.ts';
import { startLoop, type Loop } from '#platform/loop/loop.ts';
import { listSteps } from '#platform/saga/sql-log.ts';
import type { Executor } from '#platform/sql/database.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { tellOwner, type OwnerMessage } from '#volume/operations/owner-message.ts';
import {
  endOperation,
  findOperation,
  forgetEnded,
  forgetMessages,
  listLate,
} from '#volume/operations/store.ts';
import { findSnapshotRow, updateSnapshot } from '#volume/snapshots/store.ts';
import { settleBackup } from '#volume/backups/end.ts';
import { setNextKey } from '#volume/keys/store.ts';
import { volumeQueue, type VolumeServiceRpc } from '#volume/rpc.ts';
import type { VolumeLifecycle, VolumeOperationRow, VolumeTables } from '#volume/tables.ts';
import { MOVES } from '#volume/host/migration-store.ts';
import { settleVolume } from '#volume/volumes/lifecycle-store.ts';
import { updateVolume } from '#volume/volumes/store.ts';

type Deps = Pick<VolumeDeps, 'db' | 'clock' | 'config' | 'log' | 'bus'>;
type Trx = Executor<VolumeTables>;

/** How long a launch can be traced after it is over. */
const KEPT_MS = 30 * 24 * 3_600_000;

export function startExpireOperations(deps: Deps): Loop {
  return startLoop({
    name: 'volume-expire-operations',
    intervalMs: deps.config.expiryIntervalMs,
    log: deps.log,
    run: async () => expireOperations(deps),
  });
}

export async function expireOperations(deps: Deps): Promise<void> {
  const { db, clock, config } = deps;
  const ago = (ms: number): string => new Date(clock.now() - ms).toISOString();
  for (const { id } of await listLate(db.kysely, ago(config.expiryGraceMs)))
    await db.transaction(async (trx) => endHung(trx, deps, id, 'did not end within its time'));
  await forgetEnded(db.kysely, ago(KEPT_MS));
  await forgetMessages(db.kysely, isoTime(clock));
}

/** What a volume is after an operation that ended too late. */
const LATE: Readonly<Record<string, readonly [from: readonly VolumeLifecycle[], to: VolumeLifecycle]>> = {
  create: [['creating', 'downloading', 'restoring-backup'], 'error'],
  delete: [['deleting'], 'error_deleting'],
  extend: [['extending'], 'error_extending'],
  upload: [['uploading'], 'available'],
  revert: [['reverting'], 'error'],
  reimage: [['downloading'], 'error'],
  migrate: [['maintenance'], 'available'],
  retype: [['retyping'], 'available'],
};

const ACTIONS: Readonly<Record<string, OwnerMessage['action']>> = {
  create: 'schedule-allocate-volume',
  delete: 'unmanage-volume',
  extend: 'extend-volume',
  upload: 'copy-volume-to-image',
  revert: 'update-snapshot',
  reimage: 'reimage-volume',
};

/** Ends an operation that nobody works on. @param what why: `did not end within its time` */
export async function endHung(
  trx: Trx,
  deps: Pick<Deps, 'clock' | 'config' | 'bus'>,
  id: string,
  what: string,
): Promise<void> {
  const operation = await findOperation(trx, id);
  if (!operation || operation.state !== 'running') return;
  const text = await reasonOf(trx, operation, what);
  const now = isoTime(deps.clock);
  await endOperation(trx, id, { now, failure: text });
  if (operation.resource_type === 'backup') return settleBackup(trx, deps, operation, { failure: text });
  const isSnapshot = operation.resource_type === 'snapshot';
  if (isSnapshot) await settleSnapshot(trx, operation, text, now);
  else {
    const [from, to] = LATE[operation.operation] ?? [[], 'error'];
    if (from.length > 0)
      await settleVolume(trx, operation.resource_id, from, {
        lifecycle: to,
        ...(to === 'available' ? {} : { fault: text }),
        updated_at: now,
      });
    if (MOVES.includes(operation.operation)) await giveUpMove(trx, deps, operation);
  }
  await tellOwner(trx, deps, {
    projectId: operation.project_id,
    requestId: operation.request_id,
    resourceType: isSnapshot ? 'VOLUME_SNAPSHOT' : 'VOLUME',
    resourceId: operation.resource_id,
    action: isSnapshot
      ? operation.operation === 'create'
        ? 'create-snapshot'
        : 'delete-snapshot'
      : (ACTIONS[operation.operation] ?? 'schedule-allocate-volume'),
    detail: 'unknown',
    text,
  });
}

/** The volume stays where it is; what the destination has of it goes when its service is there. */
async function giveUpMove(
  trx: Trx,
  { bus }: Pick<Deps, 'bus'>,
  { id, resource_id, host }: VolumeOperationRow,
): Promise<void> {
  await updateVolume(trx, resource_id, { migration_status: 'error' });
  await setNextKey(trx, resource_id, undefined);
  if (host === null) return;
  const service = rpcClient<VolumeServiceRpc>(bus, volumeQueue(host));
  // On the backend that has the volume itself, a copy goes by the operation's id.
  for (const volume_id of [resource_id, id])
    await enqueue(trx, service.message('removeStrayCopy', { volume_id }));
}

async function settleSnapshot(
  trx: Trx,
  operation: VolumeOperationRow,
  fault: string,
  now: string,
): Promise<void> {
  const snapshot = await findSnapshotRow(trx, operation.resource_id);
  if (snapshot?.status !== 'creating' && snapshot?.status !== 'deleting') return;
  await updateSnapshot(trx, snapshot.id, {
    status: snapshot.status === 'creating' ? 'error' : 'error_deleting',
    fault,
    updated_at: now,
  });
}

async function reasonOf(
  trx: Trx,
  { id, operation, host }: VolumeOperationRow,
  what: string,
): Promise<string> {
  const steps = await listSteps(trx, [id]);
  const open = steps.findLast(({ state }) => state === 'running' || state === 'undoing');
  const where = open
    ? `${open.step}${open.waiting_for ? `, waiting for ${open.waiting_for}` : ''}`
    : host === null
      ? 'the choice of a backend'
      : 'its message to be taken up by the storage backend';
  return `The ${operation} ${what}: it hung in ${where}.`;
}
