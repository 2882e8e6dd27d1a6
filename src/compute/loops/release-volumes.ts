// Frees volumes of servers that are gone, and of requests that died before they committed. Deletes free them at once; this is
// for what could not be freed then: the volume service was away, or the process ended. It goes on until it is done.
import { causeChain } from '#platform/errors/domain-error.ts';
import { startLoop, type Loop } from '#platform/loop/loop.ts';
import { endAttachments, releaseVolumes } from '../block-devices/release.ts';
import { listAbandonedDevices, removeDevices, wasLaunched } from '../block-devices/store.ts';
import type { ComputeDeps } from '../deps.ts';
import type { BlockDeviceRow } from '../tables.ts';

export function startReleaseVolumes(deps: ComputeDeps): Loop {
  return startLoop({
    name: 'release-volumes',
    intervalMs: deps.config.releaseIntervalMs,
    log: deps.log,
    run: async () => releaseAbandoned(deps),
  });
}

/** One that fails does not stop the others. */
export async function releaseAbandoned(deps: ComputeDeps): Promise<void> {
  const before = new Date(deps.clock.now() - deps.config.reservationMs).toISOString();
  for (const device of await listAbandonedDevices(deps.db.kysely, before)) {
    try {
      await release(deps, device);
      await removeDevices(deps.db.kysely, [device.id]);
    } catch (error) {
      deps.log.warn(
        { server_id: device.instance_id, volume_id: device.volume_id, causes: causeChain(error) },
        'a volume could not be freed yet',
      );
    }
  }
}

async function release(deps: ComputeDeps, device: BlockDeviceRow): Promise<void> {
  if (device.state !== 'kept') {
    if (device.volume_id !== null) await endAttachments(deps, device.instance_id, device.volume_id);
    return;
  }
  const launched = await wasLaunched(deps.db.kysely, device.instance_id);
  await releaseVolumes(deps, [device], launched);
}
