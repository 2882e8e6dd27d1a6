// `/resource_filters` (3.33): which names of a query the lists of each resource take.
import type { Call } from '#platform/http/api.ts';
import type { VolumeRoute } from '#volume/deps.ts';

const FILTERS: Readonly<Record<string, readonly string[]>> = {
  volume: [
    'name',
    'status',
    'metadata',
    'bootable',
    'migration_status',
    'availability_zone',
    'group_id',
    'size',
    'created_at',
    'updated_at',
  ],
  backup: ['name', 'status', 'volume_id'],
  snapshot: ['name', 'status', 'volume_id', 'metadata', 'availability_zone', 'user_id', 'project_id'],
  message: ['resource_uuid', 'resource_type', 'event_id', 'request_id', 'message_level'],
  group: ['name', 'status'],
  group_snapshot: ['name', 'status', 'group_id'],
  attachment: ['volume_id', 'status', 'instance_id', 'attach_status'],
  pool: ['name', 'volume_backend_name', 'storage_protocol', 'vendor_name'],
  volume_type: ['is_public', 'extra_specs'],
};

async function list(call: Call): Promise<unknown> {
  const resource = call.query.get('resource');
  const chosen = Object.entries(FILTERS).filter(([name]) => resource === null || name === resource);
  return { resource_filters: chosen.map(([name, filters]) => ({ resource: name, filters })) };
}

export const resourceFilterRoutes: readonly VolumeRoute[] = [
  { method: 'GET', path: '/resource_filters', handler: list, since: '3.33' },
];
