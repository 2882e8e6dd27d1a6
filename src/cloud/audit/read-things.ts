// Reads all things of a cloud: records and files always, programs while it runs. Called by audit.ts.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataDirectory } from '../data-directory.ts';
import { readHostFiles, readHostPrograms } from './read-host.ts';
import { findCeph } from '../storage.ts';
import { readCeph } from './read-ceph.ts';
import { readOvn } from './read-ovn.ts';
import { readRecords } from './store.ts';
import type { HostThings, ImageFile, OvnThings, Things } from './things.ts';

/** What the models of a simulated cloud hold: the answer of `GET /simulation/world`. */
export interface ModelThings {
  readonly ovn: OvnThings;
  readonly hosts: ReadonlyArray<Pick<HostThings, 'name' | 'guests' | 'interfaces'>>;
}
export type SimulatedThings = () => Promise<ModelThings>;

type Programs = Pick<Things, 'ovn'> & {
  readonly hosts: ReadonlyArray<Omit<HostThings, 'directories' | 'sockets' | 'savedMemory' | 'cacheFiles'>>;
};

/** @throws what keeps a program of a running cloud from answering */
export async function readThings(data: DataDirectory, simulated?: SimulatedThings): Promise<Things> {
  // Records come first: what is made after they were read is made for a server that they show as busy, or not at all.
  const records = readRecords(join(data.path, 'services'));
  const { ovn, hosts } = await programs(data, simulated);
  const cluster = simulated || !data.findOwner() ? undefined : findCeph(data);
  return {
    at: Date.now(),
    records,
    ...(ovn ? { ovn } : {}),
    hosts: await Promise.all(
      hosts.map(async (host) => ({ ...host, ...(await readHostFiles(data.host(host.name))) })),
    ),
    ...(cluster ? { ceph: await readCeph(cluster) } : {}),
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
    return { ovn: model.ovn, hosts: model.hosts.map((host) => ({ ...NOT_LOOKED, ...host })) };
  }
  const names = await readdir(join(data.path, 'hosts')).catch(() => []);
  if (!data.findOwner()) return { hosts: names.map((name) => ({ ...NOT_LOOKED, name })) };
  const [ovn, hosts] = await Promise.all([
    readOvn(`unix:${join(data.ovn, 'nb.sock')}`, `unix:${join(data.ovn, 'sb.sock')}`),
    Promise.all(
      names.map(async (name) => {
        const top = data.host(name);
        return {
          name,
          ...(await readHostPrograms({
            name,
            netns: `${data.prefix}-${name}`,
            ovs: `unix:${join(top, 'ovs', 'db.sock')}`,
            libvirt: join(top, 'libvirt', 'sock', 'libvirt-sock'),
            metadataPrefix: `${data.prefix}-${name}`,
          })),
        };
      }),
    ),
  ]);
  return { ovn, hosts };
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
