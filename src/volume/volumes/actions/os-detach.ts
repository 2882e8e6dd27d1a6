// os-detach: ends the attachment that is named, or the only one.
import type { Call } from '#platform/http/api.ts';
import { endOne } from '#volume/attachments/end-one.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { findVolume } from '../find.ts';

export async function detachVolume(call: Call, deps: VolumeDeps): Promise<void> {
  const { volume } = await findVolume(call, deps, 'volume_extension:volume_actions:detach');
  const body = (call.body as { 'os-detach': { attachment_id?: string | null } | null })['os-detach'];
  await endOne(call, deps, volume, body?.attachment_id ?? undefined);
}
