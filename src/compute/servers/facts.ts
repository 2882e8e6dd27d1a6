// Gathers what server views show beside their rows: tags, security groups and host states, one query each for a list.
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import { listDevicesOf } from '#compute/block-devices/store.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import type { ListedRow } from './list-store.ts';
import { listComputeServices, listTags } from './store.ts';
import type { ServerFacts } from './view.ts';

const NO_GROUPS: readonly string[] = [];

/** Facts for each of `rows`. Asks nothing that the microversion does not show. */
export async function gatherFacts(
  call: Call,
  deps: ComputeDeps,
  rows: readonly ListedRow[],
): Promise<(row: ListedRow) => ServerFacts> {
  const ids = rows.map((row) => row.id);
  const [tags, groups, devices, hosts] = await Promise.all([
    atLeast(call.microversion, '2.26') ? listTags(deps.db.kysely, ids) : undefined,
    securityGroupsOf(call, deps, rows),
    listDevicesOf(deps.db.kysely, ids),
    atLeast(call.microversion, '2.16') && call.allows('os_compute_api:servers:show:host_status')
      ? hostStatuses(deps, rows)
      : undefined,
  ]);
  return (row) => ({
    tags: tags?.get(row.id) ?? NO_GROUPS,
    securityGroups: groups.get(row.id) ?? NO_GROUPS,
    volumes: (devices.get(row.id) ?? []).flatMap((device) =>
      device.volume_id === null
        ? []
        : [{ id: device.volume_id, deleteOnTermination: device.delete_on_termination === 1 }],
    ),
    hostStatus: row.host === null ? '' : (hosts?.get(row.host) ?? 'UNKNOWN'),
  });
}

/** Names of the groups on the servers' ports. A server without ports yet shows what its request asked for. */
async function securityGroupsOf(
  call: Call,
  deps: ComputeDeps,
  rows: readonly ListedRow[],
): Promise<Map<string, readonly string[]>> {
  const names = new Map<string, readonly string[]>();
  const wired = rows.filter((row) => row.vifs_json !== '[]');
  for (const row of rows) {
    if (row.vifs_json === '[]' && row.vm_state === 'building')
      names.set(row.id, JSON.parse(row.security_groups_json) as string[]);
  }
  if (wired.length === 0) return names;
  const bound = await groupNamesByDevice(
    deps,
    call.token ?? '',
    wired.map((row) => row.id),
  );
  for (const [id, groups] of bound) names.set(id, groups);
  return names;
}

async function groupNamesByDevice(
  deps: ComputeDeps,
  token: string,
  devices: readonly string[],
): Promise<Map<string, string[]>> {
  const ports = await deps.network.listPorts(token, {
    device_id: devices,
    fields: ['device_id', 'security_groups'],
  });
  const ids = [...new Set(ports.flatMap((port) => port.security_groups))];
  if (ids.length === 0) return new Map();
  const groups = new Map(
    (await deps.network.listSecurityGroups(token, { fields: ['id', 'name'] })).map((group) => [
      group.id,
      group.name,
    ]),
  );
  const names = new Map<string, Set<string>>();
  for (const port of ports) {
    const of = names.get(port.device_id) ?? new Set<string>();
    names.set(port.device_id, of);
    for (const id of port.security_groups) of.add(groups.get(id) ?? id);
  }
  return new Map([...names].map(([device, set]) => [device, [...set].toSorted()]));
}

async function hostStatuses(deps: ComputeDeps, rows: readonly ListedRow[]): Promise<Map<string, string>> {
  const hosts = [...new Set(rows.flatMap((row) => row.host ?? []))];
  const services = await listComputeServices(deps.db.kysely, hosts);
  const oldest = new Date(deps.clock.now() - deps.config.serviceDownMs).toISOString();
  return new Map(
    services.map((service) => {
      const up = service.forced_down === 0 && service.last_seen_at >= oldest;
      if (up) return [service.host, service.disabled === 1 ? 'MAINTENANCE' : 'UP'];
      return [service.host, service.forced_down === 1 ? 'DOWN' : 'UNKNOWN'];
    }),
  );
}
