// Rebuilding a server: a new root disk from the entry's (new) image, the same ports, addresses and host. A root disk that is
// a volume is written over by the volume service, or kept.
import { rm } from 'node:fs/promises';
import type { StepContext } from '#platform/saga/saga.ts';
import { POWER_STATE } from '../tables.ts';
import type { HostDeps } from '../host/deps.ts';
import { bootsFromVolume } from '../host/guest-spec.ts';
import { writeInstanceConfigDrive } from '../host/metadata/config-drive.ts';
import { makeLocalDisks } from '../host/local-disks.ts';
import { instancePaths } from '../host/paths.ts';
import { powerOn } from '../host/power-on.ts';
import { makeRootDisk } from '../host/root-disk/make.ts';
import { runOperation } from '../host/run-operation.ts';
import { completeVolumes, connectVolumes } from '../host/volumes/connect.ts';
import { reimageDevice } from '../host/volumes/reimage.ts';
import type { ActionRef, AgentRpc, InstanceEntry } from '../rpc.ts';
import type { Vif } from '../tables.ts';
import { locate } from './launch/image.ts';

export async function rebuildServer(
  deps: HostDeps,
  message: Parameters<AgentRpc['rebuildServer']>[0],
): Promise<void> {
  await runOperation(deps, message, {
    step: 'guest.rebuild',
    deadlineMs:
      Math.max(deps.config.imageDeadlineMs, deps.config.volumeDeadlineMs) + deps.config.spawnDeadlineMs,
    do: async (loaded, context) => {
      const { evidence } = context;
      const stopAfterwards = loaded.vm_state === 'stopped'; // it keeps its state until the action ends
      const entry = bootsFromVolume(loaded)
        ? await newRootVolume(deps, loaded, message, context)
        : await newRootDisk(deps, loaded, message, context);
      await makeLocalDisks(deps.config, entry.devices, { anew: true });
      await rm(instancePaths(deps.config, entry.id).consoleLog, { force: true });
      if (entry.config_drive === 1)
        await writeInstanceConfigDrive(deps, message, JSON.parse(entry.vifs_json) as Vif[]);
      if (stopAfterwards) {
        // A volume is in use by a server that is stopped too.
        const devices = await connectVolumes(deps, entry);
        await completeVolumes(deps, devices);
        evidence({ started: false });
        return { vm_state: 'stopped', power_state: POWER_STATE.shutdown };
      }
      await powerOn(deps, entry, { anew: true });
      return { vm_state: 'active', power_state: POWER_STATE.running };
    },
    failedState: { vm_state: 'error', power_state: POWER_STATE.nostate },
  });
}

type Message = Parameters<AgentRpc['rebuildServer']>[0];
type Context = Pick<StepContext<ActionRef, never>, 'signal' | 'evidence' | 'waitingFor'>;

async function newRootDisk(
  deps: HostDeps,
  entry: InstanceEntry,
  { user_token }: Message,
  { signal, evidence }: Context,
): Promise<InstanceEntry> {
  const service = await deps.serviceToken();
  const image = entry.image_id ? await locate(deps, entry.image_id, user_token) : undefined;
  const load = async () =>
    image &&
    deps.imageCache.load(
      image,
      image.location,
      async () => deps.image.openData(user_token, image.id, service),
      signal,
    );
  const release = async () => deps.hypervisor.destroyServer(entry.id);
  const made = await makeRootDisk(deps, entry, image ?? null, { load, release });
  evidence({
    image_id: entry.image_id,
    cache_hit: made.base?.hit ?? null,
    bytes_copied: made.bytesCopied,
    checksum: image?.os_hash_value.slice(0, 16) ?? null,
  });
  return entry;
}

/** @returns the entry with the root volume's new reservation */
async function newRootVolume(
  deps: HostDeps,
  entry: InstanceEntry,
  { user_token, root_image_id }: Message,
  { signal, evidence, waitingFor }: Context,
): Promise<InstanceEntry> {
  await deps.hypervisor.destroyServer(entry.id);
  const root = entry.devices.find((device) => device.boot_index === 0);
  if (!root || root_image_id === undefined) {
    evidence({ volume_id: root?.volume_id ?? null, kept: true });
    return entry;
  }
  waitingFor(`image ${root_image_id} to be written over volume ${root.volume_id}`);
  const { device, bytesCopied } = await reimageDevice(deps, root, {
    imageId: root_image_id,
    token: user_token,
    signal,
  });
  waitingFor(null);
  evidence({ volume_id: root.volume_id, image_id: root_image_id, bytes_copied: bytesCopied });
  return { ...entry, devices: entry.devices.map((each) => (each.id === root.id ? device : each)) };
}
