// `/servers/{id}/os-security-groups`: the groups on the server's ports, with their rules in compute's old form.
import type { Call } from '#platform/http/api.ts';
import type { SecurityGroup } from '#platform/clients/network.ts';
import type { ComputeDeps, ComputeRoute } from '#compute/deps.ts';
import { securityGroupView } from '#compute/os-security-groups/view.ts';
import { tokenOf } from '../create/check-image.ts';
import { findServer } from '../find-server.ts';
import { portsOf } from '../server-ports.ts';

async function list(call: Call, deps: ComputeDeps): Promise<unknown> {
  const row = await findServer(call, deps, 'os_compute_api:os-security-groups:list');
  const [ports, groups] = await Promise.all([
    portsOf(call, deps, row),
    deps.network.listSecurityGroups(tokenOf(call), {}),
  ]);
  const on = new Set(ports.flatMap((port) => port.security_groups));
  const names = new Map(groups.map((group: SecurityGroup) => [group.id, group]));
  return {
    security_groups: groups
      .filter((group) => on.has(group.id))
      .map((group) => securityGroupView(group, names)),
  };
}

export const serverSecurityGroupRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path: '/v2.1/servers/:id/os-security-groups', handler: list },
];
