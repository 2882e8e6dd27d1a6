// `/limits`: what the project may have, and what it has.
import type { ComputeDeps, ComputeRoute } from '#compute/deps.ts';
import { Forbidden } from '#compute/errors.ts';
import { limitsOf, usedByProject } from '#compute/quota-sets/count.ts';
import { refuseUnknownQuery } from '#compute/strict-query.ts';
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';

export const limitRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path: '/v2.1/limits', handler: show, policy: 'os_compute_api:limits' },
];

async function show(call: Call, { db }: ComputeDeps): Promise<unknown> {
  refuseUnknownQuery(call, '2.75', ['tenant_id']);
  const wanted = call.query.get('tenant_id');
  if (wanted !== null && wanted !== call.principal.projectId)
    call.enforce('os_compute_api:limits:other_project', { project_id: wanted });
  const projectId = wanted ?? call.principal.projectId;
  if (projectId === undefined) throw new Forbidden('Limits are of a project, and the token names none.');
  const limits = await limitsOf(db.kysely, projectId);
  const used = await usedByProject(db.kysely, projectId);
  const before = (version: '2.36' | '2.39' | '2.57'): boolean => !atLeast(call.microversion, version);
  const absolute = {
    maxTotalInstances: limits.instances,
    maxTotalCores: limits.cores,
    maxTotalRAMSize: limits.ram,
    maxServerMeta: limits.metadata_items,
    maxTotalKeypairs: limits.key_pairs,
    maxServerGroups: limits.server_groups,
    maxServerGroupMembers: limits.server_group_members,
    ...(before('2.39') ? { maxImageMeta: limits.metadata_items } : {}),
    ...(before('2.57')
      ? { maxPersonality: limits.injected_files, maxPersonalitySize: limits.injected_file_content_bytes }
      : {}),
    ...(before('2.36')
      ? {
          maxTotalFloatingIps: limits.floating_ips,
          maxSecurityGroups: limits.security_groups,
          maxSecurityGroupRules: limits.security_group_rules,
        }
      : {}),
    totalInstancesUsed: used.instances,
    totalCoresUsed: used.cores,
    totalRAMUsed: used.ram,
    totalServerGroupsUsed: used.server_groups,
    ...(before('2.36') ? { totalFloatingIpsUsed: 0, totalSecurityGroupsUsed: 0 } : {}),
  };
  return { limits: { rate: [], absolute } };
}
