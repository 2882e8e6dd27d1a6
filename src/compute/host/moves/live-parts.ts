// What a live migration consists of on the host that the server comes to: room for its disks, its volumes and taps, and in the
// end the guest itself, which runs elsewhere until it is there.
import { mkdir } from 'node:fs/promises';
import type { ExpectedGuest, MovePartArgs } from '../../move-parts-rpc.ts';
import type { InstanceEntry } from '../../rpc.ts';
import type { HostDeps } from '../deps.ts';
import { HostError } from '../errors.ts';
import { bootsFromVolume } from '../guest-spec.ts';
import { makeLocalDisks } from '../local-disks.ts';
import { instancePaths, removeInstanceFiles, socketsDir } from '../paths.ts';
import { guestHere, powerOn } from '../power-on.ts';
import { completeVolumes, connectBeside, endOtherAttachments, ownTokens } from '../volumes/connect.ts';
import { maskedConnection } from '../volumes/connection.ts';
import { lendVolumeSecrets, secretIdsOf, takeBackSecrets } from '../volumes/secrets.ts';
import { volumesOf, type MovePart } from './part.ts';

/** Empty disks of the same sizes: the hypervisor fills them while the guest runs where it is. */
export const receiveDisk: MovePart = {
  do: async (deps, { entry, root_bytes: rootBytes }) => {
    const { config, rootDisks } = deps;
    await mkdir(instancePaths(config, entry.id).dir, { recursive: true, mode: 0o700 });
    await mkdir(socketsDir(config), { recursive: true, mode: 0o700 });
    if (rootBytes !== undefined) await rootDisks.make(entry.id, undefined, rootBytes);
    await makeLocalDisks(config, entry.devices, { anew: false });
    return { root_bytes: rootBytes ?? null };
  },
  undo: async ({ config }, { entry }) => removeInstanceFiles(config, entry.id),
};

/** The volumes are reached from here too, beside the host that has them. */
export const joinVolumes: MovePart = {
  do: async (deps, { entry }) => {
    const tokens = await ownTokens(deps);
    const joined = await Promise.all(
      volumesOf(entry).map(async (device) => connectBeside(deps, device, tokens)),
    );
    return {
      connections: joined.map((device) => ({
        volume_id: device.volume_id,
        attachment_id: device.attachment_id,
        connection: maskedConnection(device.connection_json),
      })),
    };
  },
  undo: async (deps, { entry }) => {
    for (const device of volumesOf(entry))
      await takeBackSecrets(deps, await endOtherAttachments(deps, device));
  },
};

/**
 * The guest is here to stay, in the state that it is to have. One that ended with its process since it came is started again,
 * from the disks that it has here.
 */
export const settleGuest: MovePart = {
  do: async (deps, { instance_id: id }) =>
    deps.instanceLocks.run(id, async () => {
      const entry = await deps.conductor.call('getEntry', { instance_id: id });
      if (entry?.host !== deps.config.host || entry.task_state === 'deleting') return {};
      const { state, reason } = await deps.hypervisor.serverState(id);
      if (state === 'absent') await runAgain(deps, entry);
      else if (reason === 'migrating' && entry.vm_state === 'active') await deps.hypervisor.resumeServer(id);
      await takeBackSecrets(deps, secretIdsOf(entry.devices));
      await completeVolumes(deps, entry.devices);
      return { state: (await deps.hypervisor.serverState(id)).state, started_again: state === 'absent' };
    }),
  // Only forward: the server is here.
};

/** Makes a guest that ended run as its entry says, also when that is with its processors stopped. */
export async function runAgain(deps: HostDeps, entry: InstanceEntry): Promise<void> {
  await powerOn(deps, entry, { anew: false, paused: entry.vm_state === 'paused' });
}

/** One that is on its way to this host is not there yet. */
export async function isHere({ hypervisor }: Pick<HostDeps, 'hypervisor'>, id: string): Promise<boolean> {
  const { state, reason } = await hypervisor.serverState(id);
  return state !== 'absent' && reason !== 'migrating' && reason !== 'starting-up';
}

/** @throws HostError when the guest is on this host by now */
export async function assertElsewhere(deps: HostDeps, id: string): Promise<void> {
  if (await isHere(deps, id))
    throw new HostError('conflict', 'guest-is-here', `Server ${id} runs on ${deps.config.host} by now.`, {
      retriable: false,
    });
}

/** The server as it is to run here. Its volumes are connected, again if they are. */
export async function expectGuest(deps: HostDeps, { entry }: MovePartArgs): Promise<ExpectedGuest> {
  const address = deps.hypervisor.migrationAddress();
  if (address === undefined) throw unreachable(deps.config.host);
  const tokens = await ownTokens(deps);
  const devices = await Promise.all(
    entry.devices.map(async (device) =>
      device.destination_type === 'volume' ? connectBeside(deps, device, tokens) : device,
    ),
  );
  // Until the guest is here, or is not to come any more.
  await lendVolumeSecrets(deps, devices);
  const spec = await guestHere(deps, entry, { devices });
  const directory = `${instancePaths(deps.config, entry.id).dir}/`;
  const onHost = spec.disks.filter(
    ({ source, readonly }) =>
      source.kind === 'file' && source.path.startsWith(directory) && readonly !== true,
  );
  return {
    address,
    spec,
    own_disks: onHost.map((disk) => disk.target),
    volumes: devices
      .filter((device) => device.destination_type === 'volume')
      .map(({ id, attachment_id, connection_json }) => ({ id, attachment_id, connection_json })),
  };
}

/** Why no server that runs can come to the host. */
export const unreachable = (host: string): HostError =>
  new HostError(
    'not-supported',
    'no-live-migration',
    `The hypervisor of ${host} can not be reached by others: no server moves there while it runs.`,
    { retriable: true },
  );

/** The root disk lies on the host that the server is on, and nowhere else. */
export const hasOwnRoot = ({ rootDisks }: Pick<HostDeps, 'rootDisks'>, entry: InstanceEntry): boolean =>
  !bootsFromVolume(entry) && !rootDisks.shared;
