// What two model hosts have of a server, in words that tests of moves compare.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readQcow2Header } from '#drivers/disk-image/qcow2-header.ts';
import type { ModelHost, ModelPort } from './model-host.ts';

/** Everything that a move may change, as it is now. */
export async function worldOf(one: ModelHost, two: ModelHost): Promise<string[]> {
  return [
    ...[...one.ports.values()].map((port: ModelPort) =>
      [`port on ${String(port['binding:host_id'])}`, ...(port.prepared ?? [])].join(', '),
    ),
    ...[...one.volumes.attachments.values()].map(
      (each) => `volume ${each.status} ${JSON.stringify(each.connection_info)}`,
    ),
    ...(await onHost(one)),
    ...(await onHost(two)),
  ];
}

async function onHost({ deps, hypervisor }: ModelHost): Promise<string[]> {
  const { host, dataDir } = deps.config;
  const dirs = await readdir(join(dataDir, 'instances')).catch(() => []);
  const files = await Promise.all(
    dirs.toSorted().map(async (dir) => {
      const names = (await readdir(join(dataDir, 'instances', dir))).filter((name) =>
        name.startsWith('disk'),
      );
      const size = await readQcow2Header(join(dataDir, 'instances', dir, 'disk')).catch(() => undefined);
      return `${dir}: ${names.toSorted().join(' ')} ${(size?.virtualSize ?? 0) / 2 ** 30} GiB`;
    }),
  );
  return [
    ...(await hypervisor.listServers()).map(({ state }) => `guest ${state}`),
    ...(await deps.hostSwitch.listPlugged()).map(() => `tap`),
    ...hypervisor.secretIds.map(() => 'secret'),
    ...files,
  ].map((what) => `${host} ${what}`);
}

/** Connections name their host in the middle of more. */
export const brief = (world: readonly string[]): string[] =>
  world.map((line) =>
    line.startsWith('volume')
      ? `${line.split(' ').slice(0, 2).join(' ')} ${/host-\d/.exec(line)?.[0] ?? ''}`
      : line,
  );

export function different(before: readonly string[], after: readonly string[]): string[] {
  const [was, is] = [brief(before), brief(after)];
  return [
    ...was.filter((line) => !is.includes(line)).map((line) => `missing: ${line}`),
    ...is.filter((line) => !was.includes(line)).map((line) => `new: ${line}`),
  ];
}
