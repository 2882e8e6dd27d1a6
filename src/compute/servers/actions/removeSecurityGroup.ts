// `removeSecurityGroup`: takes a security group off all ports of a server.
import { Type } from 'typebox';
import type { Call } from '#platform/http/api.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { NotFound } from '#compute/errors.ts';
import { nameSchema, strict } from '#compute/schema-types.ts';
import { tokenOf } from '../create/check-image.ts';
import { findServer } from '../find-server.ts';
import { findSecurityGroup, guardedPorts, portsOf } from '../server-ports.ts';

export const removeSecurityGroupBody = Type.Object(
  { removeSecurityGroup: Type.Object({ name: nameSchema }, strict) },
  strict,
);

export async function removeSecurityGroup(call: Call, deps: ComputeDeps): Promise<void> {
  const row = await findServer(call, deps, 'os_compute_api:os-security-groups:remove');
  const { name } = (call.body as { readonly removeSecurityGroup: { readonly name: string } })
    .removeSecurityGroup;
  const [group, ports] = await Promise.all([
    findSecurityGroup(call, deps, row, name),
    portsOf(call, deps, row),
  ]);
  const bearing = guardedPorts(ports, row).filter((port) => port.security_groups.includes(group.id));
  if (bearing.length === 0)
    throw new NotFound(
      `Security group ${name} not associated with the instance ${row.id}`,
      'security-group-not-on-server',
    );
  for (const port of bearing) {
    const security_groups = port.security_groups.filter((id) => id !== group.id);
    await deps.network.updatePort(tokenOf(call), port.id, { security_groups });
  }
}
