// A hypervisor as the API shows it, for each microversion. Pure.
import { isUp } from '#compute/services/states.ts';
import type { HostReport } from '#compute/rpc.ts';
import { atLeast, type Microversion } from '#platform/microversion/microversion.ts';
import type { Hypervisor } from './store.ts';

const RESERVED_MB = 512; // what placement keeps for the host itself counts as used, as upstream

export interface ViewContext {
  readonly version: Microversion;
  readonly now: number;
  readonly withServers: boolean;
}

type Json = Record<string, unknown>;

export function briefHypervisor(hypervisor: Hypervisor, context: ViewContext): Json {
  const { node, service, number } = hypervisor;
  const { version } = context;
  return {
    id: atLeast(version, '2.53') ? node.id : number,
    hypervisor_hostname: node.hypervisor_hostname,
    state: service && isUp(service, context.now) ? 'up' : 'down',
    status: service?.disabled === 1 ? 'disabled' : 'enabled',
    // Until 2.74 an empty list was left out.
    ...(context.withServers && (hypervisor.servers.length > 0 || atLeast(version, '2.75'))
      ? { servers: hypervisor.servers.map(({ id, name }) => ({ uuid: id, name })) }
      : {}),
  };
}

export function hypervisorView(hypervisor: Hypervisor, context: ViewContext): Json {
  const { node, service } = hypervisor;
  const { version } = context;
  const serviceId = atLeast(version, '2.53') ? service?.id : service?.number;
  return {
    ...briefHypervisor(hypervisor, context),
    hypervisor_type: node.hypervisor_type,
    hypervisor_version: node.hypervisor_version,
    host_ip: node.host_ip,
    service: { id: serviceId ?? null, host: node.host, disabled_reason: service?.disabled_reason ?? null },
    ...(atLeast(version, '2.88')
      ? { uptime: uptimeOf(hypervisor, context.now) }
      : resources(hypervisor, version)),
  };
}

function resources({ node, use }: Hypervisor, version: Microversion): Json {
  const { cpu_info } = JSON.parse(node.report_json) as HostReport;
  return {
    cpu_info: atLeast(version, '2.28') ? cpu_info : JSON.stringify(cpu_info),
    ...nodeSums(node, use),
  };
}

/** What a node has and what of it is used. */
export function nodeSums(node: Hypervisor['node'], use: Hypervisor['use']) {
  const memory = use.memoryMb + Math.min(RESERVED_MB, node.memory_mb);
  return {
    vcpus: node.vcpus,
    vcpus_used: use.vcpus,
    memory_mb: node.memory_mb,
    memory_mb_used: memory,
    free_ram_mb: node.memory_mb - memory,
    local_gb: node.local_gb,
    local_gb_used: use.diskGb,
    free_disk_gb: node.local_gb - use.diskGb,
    disk_available_least: node.local_gb - use.diskGb,
    running_vms: use.servers,
    current_workload: use.busy,
  };
}

export function statisticsView(hypervisors: readonly Hypervisor[]): Record<string, number> {
  const total: Record<string, number> = { count: hypervisors.length };
  const none = { vcpus: 0, memory_mb: 0, local_gb: 0 } as Hypervisor['node'];
  const zero = { servers: 0, vcpus: 0, memoryMb: 0, diskGb: 0, busy: 0 };
  for (const name of Object.keys(nodeSums(none, zero))) total[name] = 0;
  for (const { node, use } of hypervisors)
    for (const [name, value] of Object.entries(nodeSums(node, use))) total[name] = (total[name] ?? 0) + value;
  return total;
}

/** In the manner of the program `uptime`; null when the host does not tell when it booted. */
export function uptimeOf({ node }: Hypervisor, now: number): string | null {
  const { booted_at } = JSON.parse(node.report_json) as HostReport;
  if (booted_at === undefined) return null;
  const minutes = Math.max(0, Math.floor((now - Date.parse(booted_at)) / 60_000));
  const [days, hours, rest] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24, minutes % 60];
  const clock = new Date(now).toISOString().slice(11, 19);
  const inDays = days === 0 ? '' : `${days} ${days === 1 ? 'day' : 'days'}, `;
  return ` ${clock} up ${inDays}${String(hours).padStart(2)}:${String(rest).padStart(2, '0')}`;
}
