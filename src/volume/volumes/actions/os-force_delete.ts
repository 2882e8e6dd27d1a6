// os-force_delete: deletes a volume in whatever state it is, unless it is attached.
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { findVolume } from '../find.ts';
import { beginDelete } from '../remove.ts';

export async function forceDelete(call: Call, deps: VolumeDeps): Promise<void> {
  const { volume } = await findVolume(call, deps, 'volume_extension:volume_admin_actions:force_delete');
  await beginDelete(call, deps, volume.id, { force: true, cascade: false });
}
