// `/os-availability-zone`: the zones, and for administrators the services in them.
import type { ComputeDeps, ComputeRoute } from '#compute/deps.ts';
import { isUp } from '#compute/services/states.ts';
import { listServices, type NumberedService } from '#compute/services/store.ts';
import { microseconds } from '#compute/times.ts';
import type { Call } from '#platform/http/api.ts';
import { listZonesByHost } from './store.ts';

const path = '/v2.1/os-availability-zone';

export const availabilityZoneRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path, handler: list, policy: 'os_compute_api:os-availability-zone:list' },
  {
    method: 'GET',
    path: `${path}/detail`,
    handler: detail,
    policy: 'os_compute_api:os-availability-zone:detail',
  },
];

async function servicesByZone({ db, config }: ComputeDeps): Promise<Map<string, NumberedService[]>> {
  const services = await listServices(db.kysely);
  const zones = await listZonesByHost(db.kysely);
  return Map.groupBy(services, (service) =>
    service.binary === 'nova-compute'
      ? (zones.get(service.host) ?? config.defaultAvailabilityZone)
      : 'internal',
  );
}

/** A zone is available when a service of it is enabled. */
async function list(_call: Call, deps: ComputeDeps): Promise<unknown> {
  const zones = [...(await servicesByZone(deps))].filter(([name]) => name !== 'internal');
  return { availabilityZoneInfo: byAvailability(zones).map((zone) => ({ ...zone, hosts: null })) };
}

async function detail(_call: Call, deps: ComputeDeps): Promise<unknown> {
  const zones = await servicesByZone(deps);
  const now = deps.clock.now();
  const hostsOf = (name: string): unknown => {
    const byHost = Map.groupBy(zones.get(name) ?? [], (service) => service.host);
    return Object.fromEntries(
      [...byHost].map(([host, services]) => [
        host,
        Object.fromEntries(services.map((each) => [each.binary, statusOf(each, now)])),
      ]),
    );
  };
  return {
    availabilityZoneInfo: byAvailability([...zones]).map((zone) => ({
      ...zone,
      hosts: zone.zoneState.available ? hostsOf(zone.zoneName) : null,
    })),
  };
}

function statusOf(service: NumberedService, now: number): unknown {
  return {
    active: service.disabled === 0,
    available: isUp(service, now),
    updated_at: microseconds(service.last_seen_at),
  };
}

function byAvailability(
  zones: ReadonlyArray<readonly [string, readonly NumberedService[]]>,
): Array<{ zoneName: string; zoneState: { available: boolean } }> {
  return zones
    .map(([zoneName, services]) => ({
      zoneName,
      zoneState: { available: services.some((each) => each.disabled === 0) },
    }))
    .toSorted(
      (a, b) =>
        Number(b.zoneState.available) - Number(a.zoneState.available) || a.zoneName.localeCompare(b.zoneName),
    );
}
