// Takes snapshots of several volumes at one moment: an operation for each, one saga under the id of the first. They end
// together.
import { isoTime } from '#platform/context/clock.ts';
import { VolumeBackendError } from '#drivers/volume/errors.ts';
import type { Saga } from '#platform/saga/saga.ts';
import type { BackendDeps } from '#volume/host/deps.ts';
import { inHand, runHere, textOf } from '#volume/host/run-operation.ts';
import { tellOwner } from '#volume/operations/owner-message.ts';
import { endOperation, findOperation } from '#volume/operations/store.ts';
import { VOLUME_CHANGED, type GroupSnapshotMessage, type VolumeChanged } from '#volume/rpc.ts';
import { findSnapshotRow, updateSnapshot } from '#volume/snapshots/store.ts';

type Member = GroupSnapshotMessage['members'][number];
type Input = Member & GroupSnapshotMessage;

export async function createGroupSnapshot(
  deps: BackendDeps,
  { members }: GroupSnapshotMessage,
): Promise<void> {
  const [first] = members;
  if (!first) return;
  const volumes = members.map(({ volume_id }) => volume_id).toSorted(); // in one order: two never wait for each other
  const operations = members.map(({ operation_id }) => operation_id);
  await inHand(deps, volumes, operations, async () => {
    const running = await countRunning(deps, members);
    if (running === 0) return;
    if (running < members.length) {
      // Somebody ended one of them meanwhile: the others are not wanted without it.
      await removeAll(deps, members);
      return conclude(
        deps,
        members,
        new VolumeBackendError('failed', 'a snapshot of the group was given up'),
      );
    }
    const outcome = await runHere(deps, { ...first, members }, { saga: groupSnapshotSaga(deps) });
    await conclude(deps, members, outcome.kind === 'done' ? undefined : outcome.cause);
  });
  for (const { snapshot_id } of members)
    await deps.bus.publish(VOLUME_CHANGED, { resource: 'snapshot', id: snapshot_id } satisfies VolumeChanged);
}

async function countRunning({ db }: BackendDeps, members: readonly Member[]): Promise<number> {
  let running = 0;
  for (const { operation_id } of members)
    if ((await findOperation(db.kysely, operation_id))?.state === 'running') running++;
  return running;
}

export function groupSnapshotSaga(deps: BackendDeps): Saga<Input, Record<string, null>> {
  return {
    name: 'create-group-snapshot',
    steps: [
      {
        name: 'snapshot.create',
        needs: [],
        deadlineMs: deps.config.operationMs,
        do: async ({ input }) => {
          if (!deps.driver.createSnapshots)
            throw new VolumeBackendError('unsupported', 'it takes snapshots one after the other');
          await deps.driver.createSnapshots(
            input.members.map((each) => ({ volumeId: each.volume_id, snapshotId: each.snapshot_id })),
          );
          return null;
        },
        undo: async ({ input }) => removeAll(deps, input.members),
      },
    ],
  };
}

async function removeAll({ driver }: BackendDeps, members: readonly Member[]): Promise<void> {
  for (const { volume_id, snapshot_id } of members) await driver.deleteSnapshot(volume_id, snapshot_id);
}

async function conclude(deps: BackendDeps, members: readonly Member[], cause: unknown): Promise<void> {
  const now = isoTime(deps.clock);
  const failure = cause === undefined ? null : textOf(cause);
  await deps.db.transaction(async (trx) => {
    for (const { operation_id, snapshot_id } of members) {
      const operation = await findOperation(trx, operation_id);
      if (operation?.state !== 'running') continue;
      await endOperation(trx, operation_id, { now, failure });
      const snapshot = await findSnapshotRow(trx, snapshot_id);
      if (snapshot?.status === 'creating')
        await updateSnapshot(trx, snapshot_id, {
          ...(failure === null
            ? { status: 'available', progress: '100%' }
            : { status: 'error', fault: failure }),
          updated_at: now,
        });
      if (failure !== null)
        await tellOwner(trx, deps, {
          projectId: operation.project_id,
          requestId: operation.request_id,
          resourceType: 'VOLUME_SNAPSHOT',
          resourceId: snapshot_id,
          action: 'create-snapshot',
          detail: 'driver-failed-create-snapshot',
          text: `The snapshots of the group could not be taken. ${failure}`,
        });
    }
  });
}
