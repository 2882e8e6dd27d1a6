// Hops `volume.request`, `volume.schedule`, `volume.connect` and `volume.attach`: volumes are made or found, waited for, made
// reachable from this host before the guest is made, and in use once the guest has them.
import type { Volume } from '#platform/clients/volume.ts';
import type { Step, StepContext } from '#platform/saga/saga.ts';
import { isStaying, MADE_FOR, releaseVolumes } from '../../block-devices/release.ts';
import type { HostDeps } from '../../host/deps.ts';
import { HostError } from '../../host/errors.ts';
import { completeVolumes, connectVolume } from '../../host/volumes/connect.ts';
import { maskedConnection } from '../../host/volumes/connection.ts';
import { waitForVolume } from '../../host/volumes/wait.ts';
import type { LaunchMessage } from '../../rpc.ts';
import type { BlockDeviceRow } from '../../tables.ts';
import { serialOf, targetOf } from '../../block-devices/names.ts';
import type { LaunchOutputs } from './hops.ts';

type Context = StepContext<LaunchMessage, LaunchOutputs>;

const volumesOf = (devices: readonly BlockDeviceRow[]): BlockDeviceRow[] =>
  devices.filter((device) => device.destination_type === 'volume');

export function requestVolumes(deps: HostDeps): Step<LaunchMessage, LaunchOutputs, 'volume.request'> {
  return {
    name: 'volume.request',
    needs: ['prepare'],
    deadlineMs: 60_000,
    do: async ({ input, outputs, evidence, signal }) => {
      const { entry } = outputs.prepare!; // in `needs`
      const service = await deps.serviceToken();
      const devices = await Promise.all(
        volumesOf(entry.devices).map(async (device) => {
          const volume =
            device.source_type === 'volume'
              ? await locateVolume(deps, device, input.user_token, service)
              : await makeVolume(deps, device, input.user_token, signal);
          return { ...device, volume_id: volume.id, volume_size: volume.size };
        }),
      );
      evidence({
        volumes: devices.map((device) => ({
          device: device.device_name,
          source: device.source_type,
          volume_id: device.volume_id,
          size_gib: device.volume_size,
          made_here: device.source_type !== 'volume',
        })),
        validated_for: { user_id: entry.user_id, project_id: entry.project_id },
      });
      return { devices };
    },
    undo: async ({ input }) => {
      const entry = await deps.conductor.call('getEntry', { instance_id: input.instance_id });
      if (!entry) return;
      const made = volumesOf(entry.devices).filter((device) => device.source_type !== 'volume');
      for (const device of made.filter((each) => each.volume_id !== null))
        await waitForVolume(deps, device.volume_id ?? '', {
          signal: AbortSignal.timeout(UNDO_WAIT_MS),
          holds: (volume) => !PASSING.has(volume?.status ?? ''),
        }).catch(() => undefined); // the delete then says why not
      await releaseVolumes(deps, made, false);
      for (const device of made)
        await deps.conductor.call('writeDevice', {
          device_id: device.id,
          changes: { volume_id: null, made: 0, attachment_id: null, connection_json: null },
        });
    },
  };
}

/** A volume that is being filled can not be deleted before that has ended. */
const UNDO_WAIT_MS = 120_000;
const PASSING: ReadonlySet<string> = new Set(['creating', 'downloading']);

async function locateVolume(
  deps: HostDeps,
  { volume_id }: BlockDeviceRow,
  token: string,
  service: string,
): Promise<Volume> {
  const volume = await deps.volume.findVolume(token, volume_id ?? '', service);
  if (volume) return volume;
  throw new HostError(
    'not-found',
    'volume-gone',
    `Volume ${volume_id} is not there, or this project may not see it.`,
    { retriable: false },
  );
}

/** Found again by its mark when an earlier run died before it could note the id. */
async function makeVolume(
  deps: HostDeps,
  device: BlockDeviceRow,
  token: string,
  signal: AbortSignal,
): Promise<Volume> {
  const service = await deps.serviceToken();
  if (device.snapshot_id !== null) await snapshotTaken(deps, device.snapshot_id, token, signal);
  const mark = { [MADE_FOR]: device.id };
  const known = (await deps.volume.listVolumes(token, { metadata: mark }, service)).find(isStaying);
  const volume =
    known ??
    (await deps.volume.createVolume(
      token,
      {
        size: device.volume_size,
        name: '',
        description: '',
        metadata: mark,
        ...(device.image_id === null ? {} : { imageRef: device.image_id }),
        ...(device.snapshot_id === null ? {} : { snapshot_id: device.snapshot_id }),
        ...(device.volume_type === null ? {} : { volume_type: device.volume_type }),
      },
      service,
    ));
  await deps.conductor.call('writeDevice', {
    device_id: device.id,
    changes: { volume_id: volume.id, made: 1, volume_size: volume.size },
  });
  return volume;
}

const SNAPSHOT_LOOK_MS = 200;

/** The image of a server on volumes can be used before its snapshots are taken. */
async function snapshotTaken(deps: HostDeps, id: string, token: string, signal: AbortSignal): Promise<void> {
  const service = await deps.serviceToken();
  while ((await deps.volume.findSnapshot(token, id, service))?.status === 'creating')
    await deps.clock.sleep(SNAPSHOT_LOOK_MS, signal);
}

export function scheduleVolumes(deps: HostDeps): Step<LaunchMessage, LaunchOutputs, 'volume.schedule'> {
  return {
    name: 'volume.schedule',
    needs: ['volume.request'],
    deadlineMs: deps.config.volumeDeadlineMs,
    do: async (context) => {
      const { devices } = context.outputs['volume.request']!; // in `needs`
      const facts = await Promise.all(devices.map(async (device) => readyVolume(deps, device, context)));
      context.waitingFor(null);
      context.evidence({
        volumes: facts.map((each) => each.evidence),
        placements: facts.map((each) => each.placement), // names hosts: for administrators
      });
      return { volumes: facts.map((each) => each.volumeId) };
    },
    // What it waits for is undone by `volume.request`.
  };
}

interface VolumeFacts {
  readonly volumeId: string;
  readonly evidence: Readonly<Record<string, unknown>>;
  readonly placement: Readonly<Record<string, unknown>>;
}

/** Waits until the volume is there; an existing one is: it is reserved for this server. */
async function readyVolume(
  deps: HostDeps,
  device: BlockDeviceRow,
  { signal, waitingFor }: Context,
): Promise<VolumeFacts> {
  const volumeId = device.volume_id ?? '';
  waitingFor(`volume ${volumeId} to be made`);
  const volume = await waitForVolume(deps, volumeId, {
    signal,
    holds: (seen) => seen === undefined || !PASSING.has(seen.status),
  });
  const token = await deps.serviceToken();
  const record = await deps.volume.getLaunchRecord(token, volumeId).catch(() => undefined); // shown only
  if (!volume || volume.status.startsWith('error'))
    throw new HostError(
      'unavailable',
      'volume-error',
      `Volume ${volumeId} could not be made: ${record?.fault ?? volume?.status ?? 'it is gone'}.`,
      { retriable: false },
    );
  return {
    volumeId,
    evidence: {
      volume_id: volumeId,
      status: volume.status,
      size_gib: volume.size,
      volume_type: volume.volume_type,
      availability_zone: volume.availability_zone,
      bytes_copied: record?.bytes_copied ?? null,
      simulated: record?.simulated ?? false,
    },
    placement: {
      volume_id: volumeId,
      backend: record?.backend ?? null,
      ...record?.selection,
      steps: (record?.steps ?? []).map(briefStep),
    },
  };
}

/** Of a step of the volume's own record what a launch's reader asks: who did it, and how long it took. */
function briefStep(step: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { step: name, actor, state, started_at, ended_at, evidence } = step;
  const facts = evidence as { image_cloned?: unknown; bytes_copied?: unknown } | undefined;
  const ms = Date.parse(String(ended_at)) - Date.parse(String(started_at));
  return {
    step: name,
    actor,
    state,
    ms: Number.isNaN(ms) ? null : ms,
    ...(facts?.image_cloned === undefined ? {} : { image_cloned: facts.image_cloned }),
    ...(facts?.bytes_copied === undefined ? {} : { bytes_copied: facts.bytes_copied }),
  };
}

export function connectVolumesHop(deps: HostDeps): Step<LaunchMessage, LaunchOutputs, 'volume.connect'> {
  return {
    name: 'volume.connect',
    needs: ['volume.schedule'],
    volatile: true,
    deadlineMs: 60_000,
    do: async ({ input, outputs, evidence }) => {
      const { devices } = outputs['volume.request']!; // needed by volume.schedule
      const serviceToken = await deps.serviceToken();
      const connected = await Promise.all(
        devices.map(async (device) => connectVolume(deps, device, { token: input.user_token, serviceToken })),
      );
      evidence({
        connections: connected.map((device) => ({
          volume_id: device.volume_id,
          attachment_id: device.attachment_id,
          connection: maskedConnection(device.connection_json),
        })),
      });
      return { devices: connected };
    },
    // The next host reserves the volumes anew; when there is none they are free again.
    undo: async ({ input, outputs }) => {
      const devices = outputs['volume.request']?.devices ?? [];
      const token = await deps.serviceToken();
      for (const device of devices) {
        const held = await deps.volume.listAttachments(token, {
          volume_id: device.volume_id ?? '',
          instance_id: input.instance_id,
          all_tenants: '1',
        });
        for (const { id } of held) await deps.volume.deleteAttachment(token, id);
        await deps.conductor.call('writeDevice', {
          device_id: device.id,
          changes: { attachment_id: null, connection_json: null },
        });
      }
    },
  };
}

export function attachVolumes(deps: HostDeps): Step<LaunchMessage, LaunchOutputs, 'volume.attach'> {
  return {
    name: 'volume.attach',
    needs: ['spawn', 'volume.connect'],
    volatile: true,
    deadlineMs: 60_000,
    do: async ({ input, outputs, evidence }) => {
      const { devices } = outputs['volume.connect']!; // in `needs`
      await completeVolumes(deps, devices);
      const disks = await deps.hypervisor.listDisks(input.instance_id);
      evidence({
        devices: devices.map((device) => {
          const serial = serialOf(device.volume_id ?? '');
          const disk = disks.find((each) => each.serial === serial);
          return {
            volume_id: device.volume_id,
            attachment_id: device.attachment_id,
            target: disk?.target ?? targetOf(device.device_name),
            serial,
            bus: device.disk_bus ?? 'virtio',
            bytes: disk?.bytes ?? null,
            boot_index: device.boot_index,
          };
        }),
      });
      return { volumes: devices.length };
    },
    // The guest goes with the undo of `spawn`, the attachments with that of `volume.connect`.
  };
}
