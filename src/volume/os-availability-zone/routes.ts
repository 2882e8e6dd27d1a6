// `/os-availability-zone`: the zones that backends are in.
import type { Call } from '#platform/http/api.ts';
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import type { VolumeDeps, VolumeRoute } from '#volume/deps.ts';
import { ANYBODY, rule } from '#volume/policies.ts';
import { listServices } from '../os-services/store.ts';

const LIST = 'volume:availability_zone_list';

export const availabilityZonePolicies: readonly PolicyRule[] = [
  rule(LIST, ANYBODY, 'List the availability zones of volumes.'),
];

async function list(_call: Call, { db }: VolumeDeps): Promise<unknown> {
  const services = (await listServices(db.kysely)).filter((row) => row.binary === 'cinder-volume');
  const zones = Map.groupBy(services, (row) => row.availability_zone);
  return {
    availabilityZoneInfo: [...zones].map(([zoneName, rows]) => ({
      zoneName,
      zoneState: { available: rows.some((row) => row.disabled === 0) },
    })),
  };
}

export const availabilityZoneRoutes: readonly VolumeRoute[] = [
  { method: 'GET', path: '/os-availability-zone', handler: list, policy: LIST },
];
