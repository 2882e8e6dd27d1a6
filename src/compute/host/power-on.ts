// Makes a guest run from what its host has: used by start, hard reboot, rebuild, and when a host comes back.
import { access, mkdir } from 'node:fs/promises';
import type { GuestSpec } from '#drivers/libvirt/port.ts';
import type { InstanceEntry } from '../rpc.ts';
import type { Rescue } from '../system-metadata.ts';
import type { BlockDeviceRow, Vif } from '../tables.ts';
import { locate } from '../tasks/launch/image.ts';
import type { HostDeps } from './deps.ts';
import { HostError } from './errors.ts';
import { bootsFromVolume, guestSpec, type BootFiles } from './guest-spec.ts';
import { ensureMetadata } from './metadata/ensure.ts';
import { makeLocalDisks } from './local-disks.ts';
import { instancePaths } from './paths.ts';
import { completeVolumes, connectVolumes } from './volumes/connect.ts';
import { withVolumeSecrets } from './volumes/secrets.ts';

/**
 * Plugs the interfaces and makes the guest, running; a guest that exists is destroyed first when `anew`. With `rescue` it boots
 * the disk that was made for that; `paused` it is made with its processors stopped.
 */
export async function powerOn(
  deps: HostDeps,
  entry: InstanceEntry,
  options: { anew: boolean; rescue?: Rescue | undefined; paused?: boolean },
): Promise<void> {
  const { hypervisor } = deps;
  const { rescue } = options;
  const { state } = await hypervisor.serverState(entry.id);
  if (state !== 'absent' && !options.anew) return hypervisor.resumeServer(entry.id);
  if (state !== 'absent') await hypervisor.destroyServer(entry.id);
  const paths = instancePaths(deps.config, entry.id);
  if (!bootsFromVolume(entry) && !(await deps.rootDisks.exists(entry.id))) {
    throw new HostError(
      'conflict',
      'disk-missing',
      `The disk of server ${entry.id} is not on host ${deps.config.host} any more.`,
      { retriable: false },
    );
  }
  const vifs = JSON.parse(entry.vifs_json) as Vif[];
  await mkdir(paths.dir, { recursive: true, mode: 0o700 });
  await makeLocalDisks(deps.config, entry.devices, { anew: false });
  // Of those of a guest that is rescued by two disks, the connections stay as they are.
  const devices = rescue && !rescue.stable ? [] : await connectVolumes(deps, entry);
  await plugAll(deps, entry.id, vifs);
  const spec = await guestHere(deps, entry, { devices, rescue });
  await withVolumeSecrets(deps, devices, async () =>
    hypervisor.createServer(spec, { paused: options.paused ?? false }),
  );
  await completeVolumes(deps, devices);
}

/** The guest as this host has it. @param so `devices`: with their connections */
export async function guestHere(
  deps: HostDeps,
  entry: InstanceEntry,
  { devices, rescue }: { readonly devices: readonly BlockDeviceRow[]; readonly rescue?: Rescue | undefined },
): Promise<GuestSpec> {
  const paths = instancePaths(deps.config, entry.id);
  const configDrive = await access(rescue ? paths.rescueDrive : paths.configDrive).then(
    () => true,
    () => false,
  );
  return guestSpec(deps.config, {
    entry,
    devices,
    vifs: JSON.parse(entry.vifs_json) as Vif[],
    boot: await bootFiles(deps, rescue ?? entry),
    rootDisk: deps.rootDisks.source(entry.id),
    ...(rescue ? { rescue: { ...rescue, source: deps.rootDisks.rescue.source(entry.id) } } : {}),
    configDrive,
    offloads: deps.hostSwitch.offloads,
  });
}

export async function plugAll(deps: HostDeps, instanceId: string, vifs: readonly Vif[]): Promise<void> {
  deps.metadata.register(instanceId, vifs);
  await Promise.all(
    vifs.map(async (vif) =>
      deps.hostSwitch.plug({
        portId: vif.port_id,
        serverId: instanceId,
        devname: vif.devname,
        mac: vif.mac,
        mtu: vif.mtu,
      }),
    ),
  );
  await Promise.all(
    [...new Set(vifs.map((vif) => vif.network_id))].map(async (networkId) => ensureMetadata(deps, networkId)),
  );
}

/** Kernel and ramdisk from the host's cache, loaded again if they were pruned. */
async function bootFiles(
  deps: HostDeps,
  boots: Pick<InstanceEntry, 'kernel_id' | 'ramdisk_id'>,
): Promise<BootFiles> {
  const file = async (id: string | null): Promise<string | undefined> => {
    if (id === null) return undefined;
    const token = await deps.serviceToken();
    const image = await locate(deps, id, token);
    const cached = await deps.imageCache.load(
      image,
      image.location,
      async () => deps.image.openData(token, id, token),
      deps.signal,
    );
    return cached.path;
  };
  const [kernelPath, initrdPath] = await Promise.all([file(boots.kernel_id), file(boots.ramdisk_id)]);
  return { ...(kernelPath ? { kernelPath } : {}), ...(initrdPath ? { initrdPath } : {}) };
}
