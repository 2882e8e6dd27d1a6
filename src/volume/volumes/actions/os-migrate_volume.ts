// os-migrate_volume: no backend here can read another's volumes, so that there is nothing to move them with.
import type { Call } from '#platform/http/api.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput } from '#volume/errors.ts';
import { findServiceRow } from '#volume/scheduler/store.ts';
import { findVolume } from '../find.ts';
import { backendIn } from '../host-name.ts';

export async function migrateVolume(call: Call, deps: VolumeDeps): Promise<void> {
  const { volume } = await findVolume(call, deps, 'volume_extension:volume_admin_actions:migrate_volume');
  const { host } = (call.body as { 'os-migrate_volume': { host?: string | null } })['os-migrate_volume'];
  if (!host) throw new InvalidInput('Must specify the host to which the volume is to go.');
  const service = await findServiceRow(deps.db.kysely, backendIn(host), 'cinder-volume');
  if (!service) throw new InvalidInput(`Invalid input received: there is no volume service on ${host}.`);
  if (host === volume.host || host === backendIn(volume.host ?? ''))
    throw new InvalidInput(`Invalid input received: the volume is on ${host} already.`);
  throw new DomainError(
    'not-supported',
    'migration-not-supported',
    'Volumes are not moved between backends here: make a backup of it and restore that into a volume of a type of the other backend.',
  );
}
