// Compares what is on a host with what the database says should be there, and removes what belongs to nobody.
// The last resort behind every undo: a guest, a tap or a directory can outlive its instance only until the next audit.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { HostDeps } from './deps.ts';
import { removeKept } from './moves/kept.ts';
import { instanceOfSocket, instancesDir, moveOfDirectory, removeInstanceFiles, socketsDir } from './paths.ts';

/** Younger leftovers may belong to a launch whose entry has not been seen yet. */
const YOUNG_MS = 10_000;
const UNUSED_IMAGE_MS = 24 * 3600_000; // upstream's remove_unused_original_minimum_age_seconds
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export interface HostAudit {
  readonly guests: readonly string[];
  readonly devices: readonly string[];
  /** Instances of which there were files. */
  readonly directories: readonly string[];
  /** Instances of which there was a root disk in shared storage, and that are nowhere. */
  readonly disks: readonly string[];
  /** Of which something was kept, and that are over. */
  readonly moves: ReadonlyArray<{ readonly instanceId: string; readonly migrationUuid: string }>;
  readonly images: readonly string[];
  readonly metadataNetworks: readonly string[];
}

/** @returns what was removed; all empty on a sound host. */
export async function auditHost(deps: HostDeps): Promise<HostAudit> {
  const { config, hypervisor, hostSwitch } = deps;
  const [guests, plugged, directories, sockets] = await Promise.all([
    hypervisor.listServers(),
    hostSwitch.listPlugged(),
    oldNames(instancesDir(config), deps.clock.now()),
    oldNames(socketsDir(config), deps.clock.now()),
  ]);
  const entries = await deps.conductor.call('listHostEntries', { host: config.host });
  const moves = await deps.conductor.call('listOpenMoves', { host: config.host });
  const known = new Set([...entries.map((entry) => entry.id), ...moves.map((move) => move.instance_id)]);
  const orphan = (id: string): boolean => UUID.test(id) && !known.has(id) && !deps.instanceLocks.isHeld(id);
  const found = {
    guests: guests.map((guest) => guest.id).filter(orphan),
    devices: plugged.filter((port) => orphan(port.serverId)).map((port) => port.devname),
    directories: [...new Set([...directories, ...sockets.map(instanceOfSocket)])].filter(orphan),
    disks: await orphanDisks(deps, orphan),
    moves: directories.flatMap((name) => {
      const move = moveOfDirectory(name);
      return move && !moves.some((each) => each.migration_uuid === move.migrationUuid) ? [move] : [];
    }),
  };
  for (const id of found.guests) await hypervisor.destroyServer(id);
  for (const device of found.devices) await hostSwitch.unplug(device);
  for (const move of found.moves) await removeKept(config, move.instanceId, move.migrationUuid);
  for (const id of found.directories) await removeInstanceFiles(config, id);
  for (const id of found.disks)
    for (const disks of [deps.rootDisks, deps.rootDisks.rescue]) await disks.remove(id);
  const metadataNetworks = await removeUnusedMetadata(deps);
  const images = known.size > 0 ? [] : await deps.imageCache.prune(new Set(), UNUSED_IMAGE_MS);
  const result = { ...found, images, metadataNetworks };
  if (Object.values(found).some((each) => each.length > 0))
    deps.log.warn({ host: config.host, ...result }, 'audit removed what belonged to nobody');
  return result;
}

/** Shared storage holds those of all hosts: an instance that is somewhere keeps its own. */
async function orphanDisks(
  { rootDisks, conductor }: HostDeps,
  orphan: (id: string) => boolean,
): Promise<string[]> {
  const orphans: string[] = [];
  const disks = new Set([...(await rootDisks.list()), ...(await rootDisks.rescue.list())]);
  for (const id of [...disks].filter(orphan))
    if ((await conductor.call('getEntry', { instance_id: id })) === null) orphans.push(id);
  return orphans;
}

async function oldNames(dir: string, now: number): Promise<string[]> {
  const names = await readdir(dir).catch(() => []);
  const old = await Promise.all(
    names.map(
      async (name) => ((await stat(join(dir, name)).catch(() => undefined))?.ctimeMs ?? now) < now - YOUNG_MS,
    ),
  );
  return names.filter((_, i) => old[i]);
}

async function removeUnusedMetadata(deps: HostDeps): Promise<string[]> {
  const unused = (await deps.metadataPorts.list()).filter((networkId) => deps.metadata.isUnused(networkId));
  for (const networkId of unused) await deps.metadataPorts.remove(networkId);
  return unused;
}
