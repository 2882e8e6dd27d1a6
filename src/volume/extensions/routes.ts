// `/extensions`: the parts of the API that were extensions once, which clients look up before they use them.
import type { Call } from '#platform/http/api.ts';
import { ResourceNotFound } from '#volume/errors.ts';
import type { VolumeRoute } from '#volume/deps.ts';

const EXTENSIONS: ReadonlyArray<readonly [alias: string, name: string, description: string]> = [
  ['OS-SCH-HNT', 'SchedulerHints', 'Hints to the scheduler at the creation of a volume.'],
  ['backups', 'Backups', 'Backups of volumes.'],
  ['capabilities', 'Capabilities', 'What a backend can do.'],
  ['encryption', 'VolumeTypeEncryption', 'The encryption that a volume type asks for.'],
  ['os-admin-actions', 'AdminActions', 'Resets of status and forced deletions.'],
  ['os-availability-zone', 'AvailabilityZones', 'The zones that backends are in.'],
  ['os-extended-services', 'ExtendedServices', 'Why a service is disabled.'],
  ['os-hosts', 'Hosts', 'Services by host.'],
  ['os-quota-class-sets', 'QuotaClasses', 'Limits of a class of projects.'],
  ['os-quota-sets', 'Quotas', 'Limits of a project.'],
  ['os-services', 'Services', 'Services of the volume service.'],
  ['os-snapshot-actions', 'SnapshotActions', 'What services may do with snapshots.'],
  ['os-types-extra-specs', 'TypesExtraSpecs', 'What a volume type asks of backends.'],
  ['os-types-manage', 'TypesManage', 'Creation, change and deletion of volume types.'],
  ['os-used-limits', 'UsedLimits', 'What is used of the limits.'],
  ['os-vol-host-attr', 'VolumeHostAttribute', 'The backend of a volume.'],
  ['os-vol-image-meta', 'VolumeImageMetadata', 'Properties of the image that a volume was made from.'],
  ['os-vol-tenant-attr', 'VolumeTenantAttribute', 'The project of a volume.'],
  ['os-volume-actions', 'VolumeActions', 'Attachment, extension, upload and more.'],
  ['os-volume-transfer', 'VolumeTransfer', 'Volumes that change hands between projects.'],
  ['os-volume-type-access', 'VolumeTypeAccess', 'Volume types for some projects only.'],
  ['qos-specs', 'Qos_specs_manage', 'Limits on speed that volume types name.'],
  ['scheduler-stats', 'Scheduler_stats', 'What the scheduler knows of each pool.'],
];

const VIEWS = EXTENSIONS.map(([alias, name, description]) => ({
  alias,
  name,
  description,
  links: [],
  updated: '2014-12-03T00:00:00Z',
}));

async function show(call: Call): Promise<unknown> {
  const alias = call.params['id'] ?? '';
  const extension = VIEWS.find((each) => each.alias === alias);
  if (!extension) throw new ResourceNotFound('Extension', alias);
  return { extension };
}

const path = '/extensions';

export const extensionRoutes: readonly VolumeRoute[] = [
  { method: 'GET', path, handler: async () => ({ extensions: VIEWS }) },
  { method: 'GET', path: `${path}/:id`, handler: show },
];
