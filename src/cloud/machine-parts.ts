/**
 * What a cloud makes in programs of the machine (`--network system`, `--hypervisor`), which run on when it ends: guests,
 * ports of the switch, logical networks. Recorded before the first is made, so that they are found by their marks and
 * removed also after a kill. Called by the steps that use such programs and by leftovers.ts.
 */
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { LibvirtHypervisor } from '#drivers/libvirt/real.ts';
import { CLOUD_KEY } from '#drivers/ovs/port.ts';
import { removeOwnRows } from '#network/ovn/remove-own-rows.ts';
import { runCommand } from '#platform/supervise/run-command.ts';
import type { DataDirectory } from './data-directory.ts';

/** The machine's programs that a cloud uses; `pileus audit` finds them here too. */
export type MachineParts = {
  nb: string;
  sb: string;
  ovs: string;
  hostname: string;
  /** Socket of libvirt; absent: the cloud has its own. */
  libvirt?: string | undefined;
};

const FILE = join('run', 'machine-parts.json');

const HOST_FILE = join('hosts', 'h1', 'host.json');

export function recordMachineParts(data: DataDirectory, parts: MachineParts): void {
  data.writeJson(FILE, parts);
  data.writeJson(HOST_FILE, { ...(data.readJson(HOST_FILE) as object), name: parts.hostname });
}

/** What the services call the host whose files are in `hosts/<directory>`. */
export function hostName(data: DataDirectory, directory: string): string {
  const kept = data.readJson(join('hosts', directory, 'host.json')) as { name?: string } | undefined;
  return kept?.name ?? directory;
}

export function readMachineParts(data: DataDirectory): MachineParts | undefined {
  return data.readJson(FILE) as MachineParts | undefined;
}

/**
 * Idempotent. @returns how many guests, interfaces and networks were removed; 0 where no program of the machine is used
 * @throws what keeps a program from answering; the record stays, and the next call tries again
 */
export async function removeMachineParts(data: DataDirectory): Promise<number> {
  const parts = readMachineParts(data);
  if (!parts) return 0;
  try {
    // Guests first: an interface that is in use cannot be removed.
    const guests = parts.libvirt === undefined ? 0 : await removeGuests(data, parts.libvirt);
    const interfaces = await removeInterfaces(data, parts.ovs);
    const rows = await removeOwnRows(parts.nb, data.prefix);
    rmSync(join(data.path, FILE), { force: true });
    return guests + interfaces + rows;
  } catch (cause) {
    const file = join(data.path, FILE);
    const mend = `Start the machine’s programs and try again; if they are gone for good, delete ${file}`;
    throw new Error(`what the cloud made in programs of the machine could not be removed. ${mend}`, {
      cause,
    });
  }
}

async function removeGuests(data: DataDirectory, path: string): Promise<number> {
  const savedMemoryDir = join(data.path, 'hosts', 'h1', 'saved');
  await using libvirt = new LibvirtHypervisor({ address: { path }, savedMemoryDir, sharedAs: data.prefix });
  const guests = await libvirt.listServers();
  for (const { id } of guests) await libvirt.destroyServer(id);
  return guests.length;
}

async function removeInterfaces(data: DataDirectory, ovs: string): Promise<number> {
  const vsctl = ['ovs-vsctl', `--db=${ovs}`, '--timeout=10'];
  const find = ['--bare', '--columns=name', 'find', 'Interface', `external-ids:${CLOUD_KEY}=${data.prefix}`];
  const { stdout } = await runCommand([...vsctl, ...find]);
  const ports = stdout.split(/\s+/).filter((name) => name !== '');
  for (const name of ports) await runCommand([...vsctl, '--if-exists', 'del-port', name]);
  const links = readdirSync('/sys/class/net').filter((name) => aliasOf(name) === data.prefix);
  for (const name of links) await runCommand(['ip', 'link', 'delete', name], { okCodes: [0, 1] });
  return new Set([...ports, ...links]).size;
}

/** Who made a device, written there by the drivers that make them. */
function aliasOf(device: string): string {
  try {
    return readFileSync(`/sys/class/net/${device}/ifalias`, 'utf8').trim();
  } catch {
    return '';
  }
}
