// `addSecurityGroup`: puts a security group on all ports of a server.
import { Type } from 'typebox';
import type { Call } from '#platform/http/api.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { nameSchema, strict } from '#compute/schema-types.ts';
import { tokenOf } from '../create/check-image.ts';
import { findServer } from '../find-server.ts';
import { findSecurityGroup, guardedPorts, portsOf } from '../server-ports.ts';

export const addSecurityGroupBody = Type.Object(
  { addSecurityGroup: Type.Object({ name: nameSchema }, strict) },
  strict,
);

export async function addSecurityGroup(call: Call, deps: ComputeDeps): Promise<void> {
  const row = await findServer(call, deps, 'os_compute_api:os-security-groups:add');
  const { name } = (call.body as { readonly addSecurityGroup: { readonly name: string } }).addSecurityGroup;
  const [group, ports] = await Promise.all([
    findSecurityGroup(call, deps, row, name),
    portsOf(call, deps, row),
  ]);
  for (const port of guardedPorts(ports, row)) {
    const security_groups = [...new Set([...port.security_groups, group.id])];
    await deps.network.updatePort(tokenOf(call), port.id, { security_groups });
  }
}
