// `/resource_filters` (3.33): which names of a query the lists of each resource take.
import type { Call } from '#platform/http/api.ts';
import type { VolumeRoute } from '#volume/deps.ts';

/** What members may filter by; those with `~` from 3.34 on. The lists themselves refuse what is not here. */
const FILTERS: Readonly<Record<string, readonly string[]>> = {
  volume: [
    'name',
    'name~',
    'status',
    'metadata',
    'glance_metadata',
    'bootable',
    'migration_status',
    'availability_zone',
    'group_id',
    'size',
    'created_at',
    'updated_at',
    'consumes_quota',
  ],
  backup: ['name', 'name~', 'status', 'volume_id', 'snapshot_id', 'parent_id'],
  snapshot: ['name', 'name~', 'status', 'volume_id', 'metadata', 'availability_zone', 'consumes_quota'],
  message: ['resource_uuid', 'resource_type', 'event_id', 'request_id', 'message_level'].flatMap(partly),
  group: ['name', 'status'].flatMap(partly),
  group_snapshot: ['name', 'status', 'group_id'].flatMap(partly),
  attachment: ['volume_id', 'status', 'instance_id', 'attach_status'].flatMap(partly),
  pool: ['name', 'volume_type', 'volume_backend_name', 'storage_protocol', 'vendor_name'],
  volume_type: ['is_public', 'extra_specs'],
};

function partly(name: string): string[] {
  return [name, `${name}~`];
}

async function list(call: Call): Promise<unknown> {
  const resource = call.query.get('resource');
  const chosen = Object.entries(FILTERS).filter(([name]) => resource === null || name === resource);
  return { resource_filters: chosen.map(([name, filters]) => ({ resource: name, filters })) };
}

export const resourceFilterRoutes: readonly VolumeRoute[] = [
  { method: 'GET', path: '/resource_filters', handler: list, since: '3.33' },
];
