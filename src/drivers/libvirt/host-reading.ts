// What a host has and uses, asked of its libvirt. Used by real.ts.
import type { Procedure } from '#platform/libvirt/procedure.ts';
import * as libvirt from '#platform/libvirt/procedures.ts';
import { readCapabilities } from './domain-reading.ts';
import type { HostUsage, HypervisorCapabilities } from './port.ts';

/** A call that fails as the driver's errors do. */
export type HostCall = <A, R>(
  procedure: Procedure<A, R>,
  args: A,
  options?: { readonly timeoutMs?: number },
) => Promise<R>;

/** It starts QEMU to see what it can do, at the first time. */
const SLOW = { timeoutMs: 120_000 };

export async function hostCapabilities(call: HostCall): Promise<HypervisorCapabilities> {
  const [xml, version, hostname, node, memory] = await Promise.all([
    call(libvirt.connectGetCapabilities, undefined, SLOW),
    call(libvirt.connectGetVersion, undefined, SLOW),
    call(libvirt.connectGetHostname, undefined),
    call(libvirt.nodeGetInfo, undefined),
    memoryStats(call),
  ]);
  return readCapabilities(xml, {
    version,
    hostname,
    node,
    memoryKib: memory.get('total') ?? node.memoryKib,
  });
}

export async function hostUsage(call: HostCall): Promise<HostUsage> {
  const cpuStats = async () => {
    const { available } = await call(libvirt.nodeGetCpuStats, { cpu: -1, count: 0 });
    return (await call(libvirt.nodeGetCpuStats, { cpu: -1, count: available })).values;
  };
  const [memory, cpu] = await Promise.all([memoryStats(call), cpuStats()]);
  const megabytes = (...names: string[]) =>
    Number(names.reduce((sum, name) => sum + (memory.get(name) ?? 0n), 0n) / 1024n);
  const time = (name: string) => cpu.get(name) ?? 0n;
  return {
    memoryTotalMb: megabytes('total'),
    // Buffers and cache are given up when a guest needs the memory.
    memoryFreeMb: megabytes('free', 'buffers', 'cached'),
    cpu: { user: time('user'), kernel: time('kernel'), idle: time('idle'), iowait: time('iowait') },
  };
}

async function memoryStats(call: HostCall): Promise<ReadonlyMap<string, bigint>> {
  const { available } = await call(libvirt.nodeGetMemoryStats, { cell: -1, count: 0 });
  return (await call(libvirt.nodeGetMemoryStats, { cell: -1, count: available })).values;
}
