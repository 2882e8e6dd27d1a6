// Reads all things of a cloud: records and files always, programs while it runs. Called by audit.ts.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataDirectory } from '../data-directory.ts';
import { hostName, readMachineParts, type MachineParts } from '../machine-parts.ts';
import { readHostFiles, readHostPrograms, type HostAccess } from './read-host.ts';
import { findCeph, usesCeph } from '../storage.ts';
import { readCeph } from './read-ceph.ts';
import { readOvn } from './read-ovn.ts';
import { readStoredVolumes } from './read-volumes.ts';
import { readRecords } from './store.ts';
import type { HostThings, ImageFile, OvnThings, Things } from './things.ts';

/** What the models of a simulated cloud hold: the answer of `GET /simulation/world`. */
export interface ModelThings {
  readonly ovn: OvnThings;
  readonly hosts: ReadonlyArray<Pick<HostThings, 'name' | 'guests' | 'interfaces'>>;
}
export type SimulatedThings = () => Promise<ModelThings>;

type Programs = Pick<Things, 'ovn'> & {
  readonly hosts: ReadonlyArray<
    Omit<HostThings, 'directories' | 'sockets' | 'savedMemory' | 'cacheFiles'> & {
      /** Below `hosts` in the data directory; `name` is what the services call the host. */
      readonly directory: string;
    }
  >;
};

/** @throws what keeps a program of a running cloud from answering */
export async function readThings(data: DataDirectory, simulated?: SimulatedThings): Promise<Things> {
  // Records come first: what is made after they were read is made for a server that they show as busy, or not at all.
  const records = readRecords(join(data.path, 'services'));
  const { ovn, hosts } = await programs(data, simulated);
  const volumes = await readStoredVolumes(data.path);
  const inCeph = !simulated && usesCeph(data);
  const cluster = inCeph && data.findOwner() ? findCeph(data) : undefined;
  const ceph = cluster && (await readCeph(cluster));
  return {
    at: Date.now(),
    records,
    ...(ovn ? { ovn } : {}),
    hosts: await Promise.all(
      hosts.map(async ({ directory, ...host }) => ({
        ...host,
        ...(await readHostFiles(data.host(directory))),
      })),
    ),
    ...(volumes ? { volumes } : {}),
    backupSets: inCeph
      ? ceph?.backupSets
      : await readdir(join(data.path, 'services', 'volume', 'backups')).catch(() => []),
    inCeph,
    ...(ceph ? { ceph } : {}),
    imageFiles: await readImageFiles(join(data.path, 'services', 'image', 'store')),
  };
}

const NOT_LOOKED = {
  guests: undefined,
  interfaces: undefined,
  taps: undefined,
  emulators: undefined,
  metadataNetworks: undefined,
};

async function programs(data: DataDirectory, simulated: SimulatedThings | undefined): Promise<Programs> {
  if (simulated) {
    const model = await simulated();
    return {
      ovn: model.ovn,
      hosts: model.hosts.map((host) => ({ ...NOT_LOOKED, ...host, directory: host.name })),
    };
  }
  const directories = await readdir(join(data.path, 'hosts')).catch(() => []);
  const known = directories.map((directory) => ({ directory, name: hostName(data, directory) }));
  if (!data.findOwner()) return { hosts: known.map((host) => ({ ...NOT_LOOKED, ...host })) };
  const machine = readMachineParts(data);
  const [ovn, hosts] = await Promise.all([
    readOvn(
      machine?.nb ?? `unix:${join(data.ovn, 'nb.sock')}`,
      machine?.sb ?? `unix:${join(data.ovn, 'sb.sock')}`,
    ),
    Promise.all(
      known.map(async (host) => ({ ...host, ...(await readHostPrograms(accessTo(data, host, machine))) })),
    ),
  ]);
  return { ovn, hosts };
}

interface KnownHost {
  readonly name: string;
  readonly directory: string;
}

function accessTo(data: DataDirectory, host: KnownHost, machine: MachineParts | undefined): HostAccess {
  const top = data.host(host.directory);
  return {
    name: host.name,
    netns: machine ? undefined : `${data.prefix}-${host.name}`,
    ovs: machine?.ovs ?? `unix:${join(top, 'ovs', 'db.sock')}`,
    libvirt: machine?.libvirt ?? join(top, 'libvirt', 'sock', 'libvirt-sock'),
    metadataPrefix: `${data.prefix}-${host.name}`,
    switchMark: machine && data.prefix,
    domainMark: machine?.libvirt === undefined ? undefined : data.prefix,
  };
}

async function readImageFiles(directory: string): Promise<ImageFile[]> {
  const names = await readdir(directory).catch(() => []);
  const files = await Promise.all(
    names.map(async (name) => {
      const found = await stat(join(directory, name)).catch(() => undefined);
      return found
        ? [{ name: name.replace(/\.part$/, ''), bytes: found.size, partial: name.endsWith('.part') }]
        : [];
    }),
  );
  return files.flat();
}
