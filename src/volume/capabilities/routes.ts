// `/capabilities/{host}`: what a backend can do, as it reported last.
import type { Call } from '#platform/http/api.ts';
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import type { VolumeDeps, VolumeRoute } from '#volume/deps.ts';
import { ResourceNotFound } from '#volume/errors.ts';
import { ADMIN, rule } from '#volume/policies.ts';
import { listServices } from '../os-services/store.ts';
import { poolsOf, type Pool } from '../scheduler-stats/pools.ts';

const CAPABILITIES = 'volume_extension:capabilities';

export const capabilityPolicies: readonly PolicyRule[] = [
  rule(CAPABILITIES, ADMIN, 'Show what a backend can do.'),
];

async function show(call: Call, { db, clock, config }: VolumeDeps): Promise<unknown> {
  const host = call.params['id'] ?? '';
  const pools = poolsOf(await listServices(db.kysely), clock.now(), config);
  const pool = pools.find((each) => each.name === host || each.host === host);
  if (!pool) throw new ResourceNotFound('Backend', host);
  return view(pool);
}

function view({ name, backend, stats }: Pool): Record<string, unknown> {
  const property = (title: string, description: string): unknown => ({ title, description, type: 'boolean' });
  return {
    namespace: `OS::Storage::Capabilities::${name}`,
    vendor_name: stats.vendorName,
    volume_backend_name: backend,
    pool_name: stats.name,
    driver_version: stats.driverVersion,
    storage_protocol: stats.storageProtocol,
    display_name: null,
    description: stats.simulated ? 'A model of a backend: it keeps no data.' : null,
    visibility: 'public',
    replication_targets: [],
    properties: {
      ...(stats.thinProvisioning
        ? { thin_provisioning: property('Thin Provisioning', 'Volumes take space as they are written.') }
        : {}),
      ...(stats.multiattach
        ? { multiattach: property('Multiattach', 'A volume can be attached to several servers.') }
        : {}),
    },
  };
}

export const capabilityRoutes: readonly VolumeRoute[] = [
  { method: 'GET', path: '/capabilities/:id', handler: show, policy: CAPABILITIES },
];
