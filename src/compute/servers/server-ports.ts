// The ports of a server, as the network service has them, for the actions that change them on the caller's behalf.
import type { Call } from '#platform/http/api.ts';
import type { Port, SecurityGroup } from '#platform/clients/network.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { Conflict, InvalidInput, NotFound } from '#compute/errors.ts';
import type { InstanceRow } from '#compute/tables.ts';
import { tokenOf } from './create/check-image.ts';

export async function portsOf(call: Call, deps: ComputeDeps, row: InstanceRow): Promise<Port[]> {
  return deps.network.listPorts(tokenOf(call), { device_id: row.id });
}

/** By id or name, in the server's project. @throws NotFound, Conflict when two have the name */
export async function findSecurityGroup(
  call: Call,
  deps: ComputeDeps,
  row: InstanceRow,
  name: string,
): Promise<SecurityGroup> {
  const groups = await deps.network.listSecurityGroups(tokenOf(call), { project_id: [row.project_id] });
  const byId = groups.find((group) => group.id === name);
  if (byId) return byId;
  const [group, ...others] = groups.filter((each) => each.name === name);
  if (!group)
    throw new NotFound(
      `Security group ${name} not found for project ${row.project_id}.`,
      'security-group-not-found',
    );
  if (others.length > 0)
    throw new Conflict(`Multiple security groups found matching '${name}'. Use an ID to be more specific.`);
  return group;
}

/** Ports that take security groups. @throws InvalidInput when the server has none */
export function guardedPorts(ports: readonly Port[], row: InstanceRow): Port[] {
  const guarded = ports.filter((port) => port.port_security_enabled && port.fixed_ips.length > 0);
  if (guarded.length === 0)
    throw new InvalidInput(
      `Instance ${row.id} has no port with addresses and port security to put a security group on.`,
    );
  return guarded;
}
