// What moves of servers consist of on one host, each with its way back. The host that a server is on runs the saga; it does
// its own parts itself, and asks the other host for that one's by `runMovePart`. All of them may be repeated.
import { mkdir } from 'node:fs/promises';
import { serveRpc, type Subscription } from '#platform/bus/bus.ts';
import { movePartsQueue, type MovePartName, type MovePartsRpc } from '../../move-parts-rpc.ts';
import type { InstanceEntry } from '../../rpc.ts';
import type { FlavorSnapshot } from '../../tables.ts';
import { unplugAll } from '../../tasks/delete-server.ts';
import type { HostDeps } from '../deps.ts';
import { bootsFromVolume } from '../guest-spec.ts';
import { makeLocalDisks } from '../local-disks.ts';
import { writeInstanceConfigDrive } from '../metadata/config-drive.ts';
import { instancePaths, removeInstanceFiles } from '../paths.ts';
import { plugAll, powerOn } from '../power-on.ts';
import { completeVolumes, connectVolumes, ownTokens } from '../volumes/connect.ts';
import { maskedConnection } from '../volumes/connection.ts';
import { reserveAgain } from '../volumes/reimage.ts';
import { assertElsewhere, expectGuest, isHere, joinVolumes, receiveDisk, settleGuest } from './live-parts.ts';
import { vifsOf, volumesOf, type Evidence, type MovePart } from './part.ts';
import { exchangeBack, exchangeDirectories, keepDirectory, putBackDirectory } from './kept.ts';

const GIB = 2 ** 30;

const hasRootDisk = (entry: InstanceEntry): boolean => !bootsFromVolume(entry);

/** The guest ends and its interfaces go; undone, it runs again with all it had. */
const stopGuest: MovePart = {
  do: async (deps, { entry, graceful }) => {
    const { state } = await deps.hypervisor.serverState(entry.id);
    const graceMs = deps.config.shutdownGraceMs;
    const ended =
      graceful && state === 'running' ? await deps.hypervisor.stopServer(entry.id, { graceMs }) : state;
    await deps.hypervisor.destroyServer(entry.id);
    const devices = await unplugAll(deps.hostSwitch, entry.id);
    deps.metadata.forget(entry.id);
    return { ended_by: ended, devices };
  },
  undo: async (deps, { entry, run }) => {
    if (run) await powerOn(deps, entry, { anew: true });
    else deps.metadata.register(entry.id, vifsOf(entry));
  },
};

const releaseVolumes: MovePart = {
  do: async (deps, { entry }) => {
    await reserveVolumes(deps, entry);
    return { volumes: volumesOf(entry).map((device) => device.volume_id) };
  },
  undo: async (deps, { entry }) => completeVolumes(deps, await connectVolumes(deps, entry)),
};

async function reserveVolumes(deps: HostDeps, entry: InstanceEntry): Promise<void> {
  const { token } = await ownTokens(deps);
  for (const device of volumesOf(entry)) await reserveAgain(deps, device, token);
}

/** The disks as they are stay here, for a move that is taken back. */
const keepDisk: MovePart = {
  do: async ({ rootDisks, config }, { entry, migration_uuid: uuid }) => {
    if (rootDisks.shared && hasRootDisk(entry)) await rootDisks.keep(entry.id, uuid);
    return { kept: await keepDirectory(config, entry.id, uuid) };
  },
  undo: async ({ rootDisks, config }, { entry, migration_uuid: uuid }) => {
    await putBackDirectory(config, entry.id, uuid);
    if (!rootDisks.shared || !hasRootDisk(entry)) return;
    await rootDisks.putBack(entry.id, uuid);
    await rootDisks.forget(entry.id, uuid);
  },
};

/** The disks are what the new flavor says. */
const prepareDisk: MovePart = {
  do: async (deps, args) => {
    const { entry } = args;
    const flavor = JSON.parse(entry.flavor_json) as FlavorSnapshot;
    await mkdir(instancePaths(deps.config, entry.id).dir, { recursive: true, mode: 0o700 });
    if (hasRootDisk(entry) && flavor.disk > 0) await deps.rootDisks.grow(entry.id, flavor.disk * GIB);
    await makeLocalDisks(deps.config, entry.devices, { anew: false });
    if (entry.config_drive === 1) await writeInstanceConfigDrive(deps, args, vifsOf(entry));
    return { root_gb: hasRootDisk(entry) ? flavor.disk : null };
  },
};

/** What was carried here goes; a disk in shared storage stays. */
const dropDisk: MovePart = {
  do: async ({ config }, { entry }) => {
    await removeInstanceFiles(config, entry.id);
    return {};
  },
};

/** The disks that were kept take their place again. */
const restoreDisk: MovePart = {
  do: async ({ rootDisks, config }, { entry, migration_uuid: uuid }) => {
    await exchangeDirectories(config, entry.id, uuid);
    // What was written since is gone with that: there is no way back from it, and none is needed to boot the server.
    if (rootDisks.shared && hasRootDisk(entry)) await rootDisks.putBack(entry.id, uuid);
    return {};
  },
  undo: async ({ config }, { entry, migration_uuid: uuid, same_host: here }) =>
    exchangeBack(config, entry.id, uuid, here),
};

const plugNetwork: MovePart = {
  do: async (deps, { entry }) => {
    await plugAll(deps, entry.id, vifsOf(entry));
    return { devices: vifsOf(entry).map((vif) => vif.devname) };
  },
  undo: async (deps, { entry }) => {
    await unplugAll(deps.hostSwitch, entry.id);
    deps.metadata.forget(entry.id);
  },
};

const connectVolumesHere: MovePart = {
  do: async (deps, { entry, run }) => {
    const devices = await connectVolumes(deps, entry);
    // A volume is in use by a server that is off too; those of one that runs are once it has them.
    if (!run) await completeVolumes(deps, devices);
    return {
      connections: devices
        .filter((device) => device.destination_type === 'volume')
        .map((device) => ({
          volume_id: device.volume_id,
          attachment_id: device.attachment_id,
          connection: maskedConnection(device.connection_json),
        })),
    };
  },
  undo: async (deps, { entry }) => reserveVolumes(deps, entry),
};

/** The guest is made with its processors stopped: they run once the network lets it through. */
const spawnGuest: MovePart = {
  do: async (deps, { entry }) => {
    const started = deps.clock.now();
    await powerOn(deps, entry, { anew: true, paused: true });
    return { hypervisor_ms: deps.clock.now() - started, simulated: deps.config.simulated };
  },
  undo: async (deps, { entry }) => deps.hypervisor.destroyServer(entry.id),
};

const activateGuest: MovePart = {
  do: async (deps, { entry }) => {
    await deps.hypervisor.resumeServer(entry.id);
    return { state: (await deps.hypervisor.serverState(entry.id)).state };
  },
};

const PARTS: Readonly<Record<MovePartName, MovePart>> = {
  'guest.stop': stopGuest,
  'volume.release': releaseVolumes,
  'disk.keep': keepDisk,
  'disk.prepare': prepareDisk,
  'disk.drop': dropDisk,
  'disk.restore': restoreDisk,
  'network.plug': plugNetwork,
  'volume.connect': connectVolumesHere,
  spawn: spawnGuest,
  activate: activateGuest,
  'disk.receive': receiveDisk,
  'volume.join': joinVolumes,
  'guest.settle': settleGuest,
};

/** On this host, whoever asks. One at a time for each server: an answer may have come too late for who asked before. */
export async function runMovePart(
  deps: HostDeps,
  args: Parameters<MovePartsRpc['runMovePart']>[0],
): Promise<{ evidence: Evidence }> {
  const part = PARTS[args.part];
  return deps.instanceLocks.run(`${args.entry.id} moving`, async () => {
    if (args.back && args.live) await assertElsewhere(deps, args.entry.id);
    if (args.back) await part.undo?.(deps, args);
    return { evidence: args.back ? {} : await part.do(deps, args) };
  });
}

/** Parts at once; none of them waits for another host. */
const CONCURRENCY = 10;

/** For the agents that run moves. */
export async function serveMoveParts(deps: HostDeps): Promise<Subscription> {
  return serveRpc<MovePartsRpc>(
    deps.bus,
    movePartsQueue(deps.config.host),
    {
      runMovePart: async (args) => {
        const { evidence } = await runMovePart(deps, args);
        return { evidence: { ...evidence } };
      },
      expectGuest: async (args) => expectGuest(deps, args),
      lookForGuest: async ({ instance_id }) => ({
        reachable: deps.hypervisor.migrationAddress() !== undefined,
        here: await isHere(deps, instance_id),
      }),
    },
    { concurrency: CONCURRENCY },
  );
}
