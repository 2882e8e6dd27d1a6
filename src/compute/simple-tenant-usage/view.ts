// Sums up hours, memory, CPUs and disk of servers in a period. Pure.
import type { FlavorSnapshot } from '#compute/tables.ts';
import { microseconds } from '#compute/times.ts';
import type { UsedServer } from './store.ts';

export interface Period {
  /** ISO 8601, as rows have it. */
  readonly start: string;
  readonly end: string;
  readonly now: number;
}

export interface ServerUsage {
  readonly hours: number;
  readonly vcpus: number;
  readonly memory_mb: number;
  readonly local_gb: number;
  readonly [other: string]: unknown;
}

export function serverUsage(server: UsedServer, period: Period): ServerUsage {
  const flavor = JSON.parse(server.flavor_json) as FlavorSnapshot;
  const launched = Date.parse(server.launched_at ?? period.end);
  const ended = server.terminated_at;
  const from = Math.max(launched, Date.parse(period.start));
  const to = Math.min(ended === null ? Infinity : Date.parse(ended), Date.parse(period.end));
  return {
    instance_id: server.id,
    name: server.name,
    tenant_id: server.project_id,
    hours: Math.max(0, to - from) / 3_600_000,
    flavor: flavor.name,
    vcpus: flavor.vcpus,
    memory_mb: flavor.ram,
    local_gb: flavor.disk + flavor.ephemeral,
    started_at: microseconds(server.launched_at ?? period.end),
    ended_at: ended === null ? null : microseconds(ended),
    state: ended === null ? server.vm_state : 'terminated',
    uptime: Math.max(0, Math.floor(((ended === null ? period.now : Date.parse(ended)) - launched) / 1000)),
  };
}

export function projectUsage(
  projectId: string,
  servers: readonly ServerUsage[],
  period: Period,
  detailed: boolean,
): Record<string, unknown> {
  const total = (of: (each: ServerUsage) => number): number =>
    servers.reduce((sum, each) => sum + of(each), 0);
  return {
    tenant_id: projectId,
    total_hours: total((each) => each.hours),
    total_vcpus_usage: total((each) => each.hours * each.vcpus),
    total_memory_mb_usage: total((each) => each.hours * each.memory_mb),
    total_local_gb_usage: total((each) => each.hours * each.local_gb),
    start: microseconds(period.start),
    stop: microseconds(period.end),
    ...(detailed ? { server_usages: servers } : {}),
  };
}
