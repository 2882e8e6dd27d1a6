// os-force_detach: an administrator ends an attachment whatever its server does.
import type { Call } from '#platform/http/api.ts';
import { endOne } from '#volume/attachments/end-one.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { findVolume } from '../find.ts';

export async function forceDetach(call: Call, deps: VolumeDeps): Promise<void> {
  const { volume } = await findVolume(call, deps, 'volume_extension:volume_admin_actions:force_detach');
  const body = (call.body as { 'os-force_detach': { attachment_id?: string | null } })['os-force_detach'];
  await endOne(call, deps, volume, body.attachment_id ?? undefined);
}
