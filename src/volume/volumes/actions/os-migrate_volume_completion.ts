// os-migrate_volume_completion: ends a move for which two volumes stand, the old and the new one. Here a move is of one volume from
// its beginning to its end, so there is nothing to complete: what is asked of two that do not move does nothing, as upstream.
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidVolume } from '#volume/errors.ts';
import { findVolume } from '../find.ts';

interface Body {
  readonly new_volume: string;
  readonly error?: string | boolean | null;
}

const RULE = 'volume_extension:volume_admin_actions:migrate_volume_completion';

export async function completeMigration(call: Call, deps: VolumeDeps): Promise<unknown> {
  const body = (call.body as { 'os-migrate_volume_completion': Body })['os-migrate_volume_completion'];
  const { volume, attachments } = await findVolume(call, deps, RULE);
  const { volume: target } = await findVolume(call, deps, RULE, body.new_volume);
  if (!volume.migration_status && !target.migration_status) {
    if (!body.error && attachments.length > 0)
      throw new InvalidVolume(`${volume.id} is attached: compute swaps the volumes of servers.`);
    return { save_volume_id: target.id };
  }
  if (!volume.migration_status) throw new InvalidVolume('Source volume not mid-migration.');
  if (!target.migration_status) throw new InvalidVolume('Destination volume not mid-migration.');
  throw new InvalidVolume(
    `Destination has migration_status ${target.migration_status}, expected target:${volume.id}.`,
  );
}
