// Volumes: show, update, and the launch record. Lists, creation and deletion have files of their own.
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import { listSteps } from '#platform/saga/sql-log.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput, VolumeNotFound } from '#volume/errors.ts';
import { findLatest } from '#volume/operations/store.ts';
import { findServiceRow } from '#volume/scheduler/store.ts';
import type { BackendReport } from '#volume/rpc.ts';
import { findVolume } from './find.ts';
import { backendIn } from './host-name.ts';
import { addMetadata, clearMetadata, findWholeVolume, updateVolume } from './store.ts';
import { changedView, detailView } from './view.ts';

export async function show(call: Call, deps: VolumeDeps): Promise<unknown> {
  return { volume: detailView(call, await findVolume(call, deps, 'volume:get')) };
}

interface UpdateBody {
  readonly volume: {
    readonly name?: string | null;
    readonly display_name?: string | null;
    readonly description?: string | null;
    readonly display_description?: string | null;
    readonly metadata?: Readonly<Record<string, string>> | null;
  };
}

export async function update(call: Call, deps: VolumeDeps): Promise<unknown> {
  const { volume } = await findVolume(call, deps, 'volume:update');
  const { volume: body } = call.body as UpdateBody;
  const name = body.name === undefined ? body.display_name : body.name;
  const description = body.description === undefined ? body.display_description : body.description;
  const { metadata } = body;
  if (name === undefined && description === undefined && !metadata && atLeast(call.microversion, '3.53'))
    throw new InvalidInput('Missing required element: a name, a description or metadata is to be given.');
  await deps.db.transaction(async (trx) => {
    await updateVolume(trx, volume.id, {
      ...(name === undefined ? {} : { name }),
      ...(description === undefined ? {} : { description }),
      updated_at: isoTime(deps.clock),
    });
    if (!metadata) return;
    await clearMetadata(trx, 'volume_metadata', volume.id);
    await addMetadata(trx, 'volume_metadata', volume.id, metadata);
  });
  const whole = await findWholeVolume(deps.db.kysely, volume.id);
  if (!whole) throw new VolumeNotFound(volume.id);
  return { volume: changedView(call, whole) };
}

/** How the volume came to be where it is: for compute's launch trace. */
export async function launchRecord(call: Call, deps: VolumeDeps): Promise<unknown> {
  const { volume } = await findVolume(call, deps, 'volume:launch_record');
  const operation = await findLatest(deps.db.kysely, volume.id, 'create');
  const steps = operation ? await listSteps(deps.db.kysely, [operation.id]) : [];
  const service =
    volume.host === null
      ? undefined
      : await findServiceRow(deps.db.kysely, backendIn(volume.host), 'cinder-volume');
  const report = service?.report_json ? (JSON.parse(service.report_json) as BackendReport) : undefined;
  return {
    launch_record: {
      backend: volume.host,
      selection: volume.placement_json === null ? null : (JSON.parse(volume.placement_json) as unknown),
      bytes_copied: volume.bytes_copied,
      steps,
      fault: volume.fault,
      simulated: report?.simulated ?? false,
    },
  };
}
