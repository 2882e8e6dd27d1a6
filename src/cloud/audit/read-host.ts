// What there is on one host, as its kernel, its Open vSwitch, its libvirt and its disk show it.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { serverStateOf } from '#drivers/libvirt/domain-reading.ts';
import { cloudIn, METADATA_URI } from '#drivers/libvirt/domain-xml.ts';
import { CLOUD_KEY } from '#drivers/ovs/port.ts';
import { openVswitch } from '#drivers/ovn/schema.ts';
import { LibvirtClient } from '#platform/libvirt/client.ts';
import { ErrorCode, isLibvirtError } from '#platform/libvirt/errors.ts';
import {
  connectListAllDomains,
  domainGetMetadataElement,
  domainGetState,
} from '#platform/libvirt/procedures.ts';
import { connectOvsdb } from '#platform/ovsdb/client.ts';
import { findInNetns } from '#platform/supervise/process-table.ts';
import { runCommand } from '#platform/supervise/run-command.ts';
import type { GuestThing, HostThings, InterfaceThing } from './things.ts';

const READY_MS = 5000;

export interface HostAccess {
  readonly name: string;
  /** Undefined is the machine's own. */
  readonly netns: string | undefined;
  readonly ovs: string;
  readonly libvirt: string;
  /** Begins the names of its metadata namespaces. */
  readonly metadataPrefix: string;
  /** What the cloud's interfaces and devices bear on a switch that others use too. */
  readonly switchMark: string | undefined;
  /** What the cloud's domains bear in a libvirt that others use too. */
  readonly domainMark: string | undefined;
}

export type HostFiles = Pick<HostThings, 'directories' | 'sockets' | 'savedMemory' | 'cacheFiles'>;

/** @param top the host's directory. Absent directories are empty. */
export async function readHostFiles(top: string): Promise<HostFiles> {
  const names = await list(join(top, 'instances'));
  return {
    directories: await Promise.all(
      names.map(async (name) => ({ name, files: await list(join(top, 'instances', name)) })),
    ),
    sockets: await list(join(top, 'run')),
    savedMemory: await list(join(top, 'saved')),
    cacheFiles: await list(join(top, 'image-cache')),
  };
}

/** @throws what keeps a program from answering */
export async function readHostPrograms(
  host: HostAccess,
): Promise<Omit<HostThings, 'name' | keyof HostFiles>> {
  const [guests, interfaces, taps, emulators, namespaces] = await Promise.all([
    readGuests(host),
    readInterfaces(host),
    readTaps(host),
    // In the machine's own namespace they may be anybody's.
    host.netns === undefined ? undefined : readEmulators(host.netns),
    list('/run/netns'),
  ]);
  const prefix = `${host.metadataPrefix}-md-`;
  return {
    guests,
    interfaces,
    taps,
    emulators,
    metadataNetworks: namespaces
      .filter((name) => name.startsWith(prefix))
      .map((name) => name.slice(prefix.length)),
  };
}

async function list(directory: string): Promise<string[]> {
  return readdir(directory).catch(() => []);
}

async function readGuests({ libvirt: path, domainMark }: HostAccess): Promise<GuestThing[]> {
  await using client = await LibvirtClient.connect({ address: { path } });
  const domains = await client.call(connectListAllDomains, 0);
  const guests = await Promise.all(
    domains.map(async (domain) => {
      try {
        if (domainMark !== undefined) {
          const metadata = await client.call(domainGetMetadataElement, { domain, uri: METADATA_URI });
          if (cloudIn(metadata) !== domainMark) return [];
        }
        const { state, reason } = await client.call(domainGetState, { domain, flags: 0 });
        return [{ id: domain.uuid, name: domain.name, state: serverStateOf(state, reason).state }];
      } catch (error) {
        // It went between the two questions, or is of somebody else.
        if (isLibvirtError(error, ErrorCode.noDomain, ErrorCode.noDomainMetadata)) return [];
        throw error;
      }
    }),
  );
  return guests.flat();
}

async function readInterfaces({ ovs: endpoint, switchMark }: HostAccess): Promise<InterfaceThing[]> {
  await using db = connectOvsdb({
    endpoint,
    database: 'Open_vSwitch',
    tables: { Interface: openVswitch.Interface },
    readyDeadlineMs: READY_MS,
  });
  await db.ready;
  return db
    .table('Interface')
    .list((row) => row.external_ids[CLOUD_KEY] === switchMark)
    .flatMap(({ name, external_ids: { 'iface-id': portId, 'vm-uuid': serverId } }) =>
      portId === undefined ? [] : [{ name, portId, serverId }],
    );
}

async function readTaps({ netns, switchMark }: HostAccess): Promise<string[]> {
  const { stdout } = await runCommand(['ip', ...(netns === undefined ? [] : ['-n', netns]), '-json', 'link']);
  return (JSON.parse(stdout) as Array<{ ifname: string; ifalias?: string }>)
    .filter((link) => link.ifalias === switchMark)
    .map((link) => link.ifname)
    .filter((name) => name.startsWith('tap'));
}

/** QEMU bears the guest's id on its command line. */
async function readEmulators(netns: string): Promise<Array<{ pid: number; id: string }>> {
  const found = await Promise.all(
    findInNetns(netns).map(async ({ pid }) => {
      const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
      const at = words.indexOf('-uuid');
      const id = at < 0 ? undefined : words[at + 1];
      return id === undefined ? [] : [{ pid, id }];
    }),
  );
  return found.flat();
}
