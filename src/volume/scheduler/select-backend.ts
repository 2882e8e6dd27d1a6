// Hop `volume.schedule`: from the message of the API to the message for the backend's volume service, in one transaction.
// Idempotent: what a crash or a redelivery repeats finds that it is done.
import { rpcClient, type Delivery } from '#platform/bus/bus.ts';
import { enqueue } from '#platform/bus/outbox.ts';
import { isoTime } from '#platform/context/clock.ts';
import { listSteps, saveStep } from '#platform/saga/sql-log.ts';
import type { StepRecord } from '#platform/saga/saga.ts';
import type { Executor } from '#platform/sql/database.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { tellOwner } from '#volume/operations/owner-message.ts';
import { endOperation, findOperation, updateOperation } from '#volume/operations/store.ts';
import {
  VOLUME_CHANGED,
  VOLUME_SCHEDULER_QUEUE,
  volumeQueue,
  type VolumeSchedulerRpc,
  type VolumeServiceRpc,
} from '#volume/rpc.ts';
import { findSnapshotRow } from '#volume/snapshots/store.ts';
import type { VolumeOperationRow, VolumeRow, VolumeTables } from '#volume/tables.ts';
import { findVolumeRow, updateVolume } from '#volume/volumes/store.ts';
import { listExtraSpecs } from '#volume/volumes/type-store.ts';
import { CONSISTENT_SNAPSHOTS } from '../group_types/store.ts';
import { consistencyOf } from '../groups/consistency.ts';
import type { SelectionRequest } from './backend-state.ts';
import { refusalOf, runFilters, type FilterRound } from './filters.ts';
import { loadBackends } from './load-backends.ts';
import { hostsOfVolumes } from './store.ts';
import { weighBackends, type WeighedBackend } from './weighers.ts';

export type SchedulerDeps = Pick<VolumeDeps, 'db' | 'bus' | 'clock' | 'log' | 'config'>;
type Args = Parameters<VolumeSchedulerRpc['selectBackend']>[0];
type Trx = Executor<VolumeTables>;

const ACTOR = 'volume-scheduler';
const DEADLINE_MS = 30_000;

export async function selectBackend(deps: SchedulerDeps, args: Args, delivery: Delivery): Promise<void> {
  const started = isoTime(deps.clock);
  const decided = await deps.db.transaction(async (trx) => {
    const operation = await findOperation(trx, args.operation_id);
    const volume = await findVolumeRow(trx, args.volume_id);
    if (!operation || operation.state !== 'running' || !volume) return false;
    if (operation.cancelled === 1) return false;
    const steps = await listSteps(trx, [operation.id]);
    if (steps.some((step) => step.attempt === args.attempt && step.step === 'volume.schedule')) return false;
    await decide(trx, deps, { args, delivery, operation, volume, started });
    return true;
  });
  if (decided) await deps.bus.publish(VOLUME_CHANGED, { resource: 'volume', id: args.volume_id });
}

interface Choice {
  readonly args: Args;
  readonly delivery: Delivery;
  readonly operation: VolumeOperationRow;
  readonly volume: VolumeRow;
  readonly started: string;
}

async function decide(trx: Trx, deps: SchedulerDeps, choice: Choice): Promise<void> {
  const backends = await loadBackends(trx, deps);
  const request = await requestOf(trx, choice);
  const { survivors, rounds } = runFilters(backends, request);
  const weighed = weighBackends(survivors, request);
  const [best] = weighed;
  deps.log.debug({ volume_id: choice.volume.id, backend: best?.backend.name, rounds }, 'a backend is chosen');
  const selection = {
    request: {
      size_gib: request.sizeGb,
      availability_zone: request.zone,
      extra_specs: request.extraSpecs,
      exclude: request.exclude,
      source_backend: request.sourceHost ?? null,
    },
    backends: backends.length,
    filters: rounds,
    weights: weighed.map(({ backend, weight, parts }) => ({ backend: backend.name, weight, parts })),
    backend: best?.backend.name ?? null,
  };
  await updateVolume(trx, choice.volume.id, { placement_json: JSON.stringify(selection) });
  if (best) await place(trx, deps, choice, { best, selection });
  else await refuse(trx, deps, choice, { selection, rounds, backends: backends.length });
}

async function requestOf(trx: Trx, { args, volume }: Choice): Promise<SelectionRequest> {
  const hints = JSON.parse(volume.scheduler_hints_json) as Record<string, unknown>;
  const sourceId =
    volume.source_volid ??
    (volume.snapshot_id === null
      ? null
      : ((await findSnapshotRow(trx, volume.snapshot_id))?.volume_id ?? null));
  const source = sourceId === null ? undefined : await findVolumeRow(trx, sourceId);
  const group = await consistencyOf(trx, volume.id);
  return {
    volumeId: volume.id,
    sizeGb: volume.size,
    zone: volume.availability_zone,
    extraSpecs: {
      ...(await listExtraSpecs(trx, volume.volume_type_id)),
      ...(volume.multiattach === 1 ? { multiattach: '<is> True' } : {}), // a request may want it too
      ...(group ? { [CONSISTENT_SNAPSHOTS]: '<is> True' } : {}),
    },
    exclude: args.exclude,
    sourceHost: source?.host ?? undefined,
    groupService: group?.service,
    sameAs: await hinted(trx, hints['same_host']),
    differentFrom: await hinted(trx, hints['different_host']),
  };
}

/** Where the volumes of a hint are; undefined without it. */
async function hinted(trx: Trx, hint: unknown): Promise<readonly string[] | undefined> {
  if (hint === undefined || hint === null) return undefined;
  const ids = [hint]
    .flat()
    .filter((id): id is string => typeof id === 'string')
    .slice(0, 100);
  return [...(await hostsOfVolumes(trx, ids)).values()];
}

function stepOf(deps: SchedulerDeps, { args, delivery, started }: Choice): StepRecord {
  return {
    saga_id: args.operation_id,
    attempt: args.attempt,
    step: 'volume.schedule',
    state: 'running',
    started_at: started,
    ended_at: isoTime(deps.clock),
    deadline_at: new Date(deps.clock.now() + DEADLINE_MS).toISOString(),
    actor: ACTOR,
    waiting_for: null,
    evidence: { queue: VOLUME_SCHEDULER_QUEUE, message_id: delivery.id, redelivered: delivery.redelivered },
    output: null,
    error: null,
  };
}

async function place(
  trx: Trx,
  deps: SchedulerDeps,
  choice: Choice,
  { best, selection }: { readonly best: WeighedBackend; readonly selection: Record<string, unknown> },
): Promise<void> {
  const { args, volume } = choice;
  const { service, name } = best.backend;
  const queue = volumeQueue(service);
  const { exclude: _, ...create } = args;
  const message = rpcClient<VolumeServiceRpc>(deps.bus, queue).message('createVolume', create);
  await updateVolume(trx, volume.id, { host: name, updated_at: isoTime(deps.clock) });
  await updateOperation(trx, args.operation_id, { host: service, attempt: args.attempt });
  await enqueue(trx, message);
  const step = stepOf(deps, choice);
  await saveStep(trx, {
    ...step,
    state: 'done',
    evidence: { ...step.evidence, ...selection, dispatch: { queue, message_id: message.id } },
    output: { backend: name },
  });
}

async function refuse(
  trx: Trx,
  deps: SchedulerDeps,
  choice: Choice,
  facts: { selection: Record<string, unknown>; rounds: readonly FilterRound[]; backends: number },
): Promise<void> {
  const { args, operation, volume } = choice;
  const text = refusalOf(facts.backends, facts.rounds);
  const now = isoTime(deps.clock);
  const step = stepOf(deps, choice);
  await saveStep(trx, {
    ...step,
    state: 'failed',
    evidence: { ...step.evidence, ...facts.selection },
    error: text,
  });
  await endOperation(trx, args.operation_id, { now, failure: text });
  await updateVolume(trx, volume.id, {
    lifecycle: 'error',
    host: null,
    // After a failed attempt its own reason says more than that nothing is left to try.
    fault: args.attempt > 1 && volume.fault !== null ? volume.fault : text,
    updated_at: now,
  });
  await tellOwner(trx, deps, {
    projectId: volume.project_id,
    requestId: operation.request_id,
    resourceType: 'VOLUME',
    resourceId: volume.id,
    action: 'schedule-allocate-volume',
    detail: 'no-backend-available',
    text: args.attempt > 1 && volume.fault !== null ? `${volume.fault} ${text}` : text,
  });
  deps.log.info({ volume_id: volume.id, attempt: args.attempt }, 'no backend fits');
}
