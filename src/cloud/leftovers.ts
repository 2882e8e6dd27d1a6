/**
 * Ends and removes what a cloud left on the machine when it was killed: processes by record and by marker,
 * namespaces and interfaces by the cloud's prefix, mounts below its directory. Called with the directory locked,
 * before a bring-up, after a bring-down and by `down`. Running it again does nothing.
 */
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { findInNetns, findMarked, killAll, readRecord } from '#platform/supervise/process-table.ts';
import { runCommand } from '#platform/supervise/run-command.ts';
import type { DataDirectory } from './data-directory.ts';
import { removeMachineParts } from './machine-parts.ts';

export type Leftovers = {
  processes: number;
  links: number;
  namespaces: number;
  mounts: number;
  /** Guests, ports and networks in programs of the machine; absent where it uses none. */
  'parts of the machine’s programs'?: number;
};

export async function removeLeftovers(data: DataDirectory): Promise<Leftovers> {
  const namespaces = namesIn('/run/netns', data);
  let processes = await killAll([...readRecord(data.processRecord), ...findMarked(data.prefix)]);
  for (const name of namespaces) processes += await killAll(findInNetns(name));
  // Links first: the kernel removes those in a deleted namespace some time later.
  const links = namesIn('/sys/class/net', data);
  for (const name of links) await runCommand(['ip', 'link', 'delete', name], { okCodes: [0, 1] });
  for (const name of namespaces) await runCommand(['ip', 'netns', 'delete', name]);
  const mounts = mountsBelow(data.path);
  for (const path of mounts) await runCommand(['umount', '--lazy', path]);
  rmSync(data.processRecord, { force: true });
  // Last: it asks programs that may not answer.
  const parts = await removeMachineParts(data);
  return {
    processes,
    links: links.length,
    namespaces: namespaces.length,
    mounts: mounts.length,
    ...(parts > 0 ? { 'parts of the machine’s programs': parts } : {}),
  };
}

export function describeLeftovers(found: Leftovers): string | undefined {
  const parts = Object.entries(found)
    .filter(([, count]) => count > 0)
    .map(([what, count]) => `${count} ${what}`);
  return parts.length > 0 ? `removed ${parts.join(', ')} of an earlier run` : undefined;
}

function namesIn(directory: string, data: DataDirectory): string[] {
  try {
    return readdirSync(directory).filter((name) => name.startsWith(`${data.prefix}-`));
  } catch {
    return [];
  }
}

/** Innermost first. */
function mountsBelow(path: string): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => (line.split(' ')[4] ?? '').replace(/\\(\d{3})/g, (_, code: string) => octal(code)))
    .filter((point) => point.startsWith(`${path}/`))
    .toReversed();
}

function octal(code: string): string {
  return String.fromCharCode(Number.parseInt(code, 8));
}
