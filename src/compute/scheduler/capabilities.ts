// What a host can be asked for by `capabilities:` extra specs: facts of its report, by upstream's names. Pure.
import type { HostState } from './host-state.ts';

/** Undefined when hosts have no capability of that name. Colons and dots reach into `cpu_info`. */
export function capabilityOf(host: HostState, name: string): string | undefined {
  const { report } = host;
  const facts: Readonly<Record<string, unknown>> = {
    hypervisor_type: report.hypervisor_type,
    hypervisor_version: report.hypervisor_version,
    hypervisor_hostname: report.hypervisor_hostname,
    host: report.host,
    vcpus_total: report.vcpus,
    total_usable_ram_mb: report.memory_mb,
    total_usable_disk_gb: report.local_gb,
    free_ram_mb: host.free['MEMORY_MB'],
    free_disk_mb: (host.free['DISK_GB'] ?? 0) * 1024,
    cpu_info: report.cpu_info,
  };
  let at: unknown = facts;
  for (const key of name.split(/[:.]/)) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  if (Array.isArray(at)) return at.join(' ');
  return typeof at === 'object' ? JSON.stringify(at) : String(at);
}

/** Extra specs that ask for a capability: `capabilities:name`, or a bare name that is one. */
export function capabilityKey(host: HostState, key: string): string | undefined {
  if (key.startsWith('capabilities:')) return key.slice('capabilities:'.length);
  return !key.includes(':') && capabilityOf(host, key) !== undefined ? key : undefined;
}
